//! The metadata of arrays whose cells hold lists: Zarr's `variable_length_bytes`, and an attribute that says what the bytes
//! are, as the Python zagg writes it (`zagg-ragged/1`).

use serde_json::{Value, json};
use zagg_core::store::RaggedSpec;
use zagg_core::{DType, Result, Values};

use super::MAX_DIMENSIONS;

/// Zarr's name of the type.
pub(super) const DATA_TYPE: &str = "variable_length_bytes";

/// The attribute that says what the bytes of a cell are.
pub(super) const ATTRIBUTE: &str = "ragged";

/// What [`ATTRIBUTE`] follows.
const SPEC: &str = "zagg-ragged/1";

/// Bytes that a cell takes at least, when it is decoded.
pub(super) const CELL_BYTES: u64 = 16;

/// Largest item, in bytes.
const MAX_ITEM: u64 = 1 << 24;

pub(super) fn check(dtype: DType, ragged: &RaggedSpec) -> std::result::Result<(), String> {
    let bytes = ragged.item_elements().and_then(|n| n.checked_mul(dtype.size() as u64));
    if ragged.inner_shape.len() >= MAX_DIMENSIONS || bytes.is_none_or(|bytes| bytes > MAX_ITEM) {
        return Err(format!("items of shape {:?} have no element or too many", ragged.inner_shape));
    }
    Ok(())
}

/// The value of the attribute. The first extent, -1, stands for the number of items, which every cell has its own of.
pub(super) fn to_json(dtype: DType, ragged: &RaggedSpec) -> Value {
    let mut shape = vec![json!(-1)];
    shape.extend(ragged.inner_shape.iter().map(|extent| json!(extent)));
    json!({"spec": SPEC, "element": {"dtype": dtype.name(), "shape": shape}})
}

/// Type and shape of the items that an attribute describes.
pub(super) fn from_json(attribute: Option<&Value>) -> Option<(DType, RaggedSpec)> {
    let attribute = attribute?;
    if attribute["spec"] != SPEC {
        return None;
    }
    let element = &attribute["element"];
    let dtype = DType::parse(element["dtype"].as_str()?)?;
    let (items, inner) = element["shape"].as_array()?.split_first()?;
    if items.as_i64() != Some(-1) {
        return None;
    }
    let inner_shape = inner.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()?;
    Some((dtype, RaggedSpec { inner_shape }))
}

/// A value in the place of a fill value, which lists have none of.
pub(super) fn no_fill(dtype: DType) -> Result<Values> {
    Values::UInt8(vec![0]).cast(dtype)
}
