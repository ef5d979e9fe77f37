//! Describing a store.

use std::path::Path;

use serde_json::{Value, json};
use zagg_core::{Result, Values};
use zagg_zarr::{ArraySummary, ZarrStore};

use crate::args::Format;
use crate::failure::Failure;
use crate::output::{self, grouped};

/// What the blocks of an array hold.
#[derive(Debug, Default)]
struct Range {
    blocks: u64,
    blocks_in_all: u64,
    filled: u64,
    low: Option<Number>,
    high: Option<Number>,
}

/// A value that loses nothing, whatever its type. Those of one array are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Number {
    Integer(i128),
    Float(f64),
}

pub(super) fn describe(path: &Path, format: Format) -> Result<(), Failure> {
    let store = ZarrStore::open_path(path)?;
    let summary = store.inspect()?;
    let mut groups = Vec::new();
    let mut table = output::table(&[
        "array",
        "type",
        "shape",
        "chunk",
        "blocks",
        "cells with a value",
        "lowest",
        "highest",
        "units",
    ]);
    for group in &summary.groups {
        let mut arrays = Vec::new();
        for array in &group.arrays {
            let range = range(&store, &group.name, array)?;
            let units = array.attributes.get("units").and_then(Value::as_str).unwrap_or_default();
            arrays.push(json!({
                "name": array.name,
                "dtype": array.dtype,
                "dimensions": array.dimensions,
                "shape": array.shape,
                "block_shape": array.block_shape,
                "chunk_shape": array.chunk_shape,
                "attributes": array.attributes,
                "blocks_stored": range.blocks,
                "blocks": range.blocks_in_all,
                "cells_with_value": range.filled,
                "min": range.low.map(Number::json),
                "max": range.high.map(Number::json),
            }));
            table.add_row([
                format!("{}/{}", group.name, array.name),
                array.dtype.name().into(),
                shape(&array.shape),
                shape(&array.chunk_shape),
                format!("{} of {}", grouped(range.blocks), grouped(range.blocks_in_all)),
                grouped(range.filled),
                range.low.map(Number::text).unwrap_or_default(),
                range.high.map(Number::text).unwrap_or_default(),
                units.into(),
            ]);
        }
        groups.push(json!({"name": group.name, "attributes": group.attributes, "arrays": arrays}));
    }
    if format == Format::Json {
        return output::json(&json!({
            "store": path,
            "state": summary.state,
            "attributes": summary.attributes,
            "consolidated": summary.consolidated,
            "groups": groups,
        }));
    }
    output::data(&format!("{}: {}\n\n{table}", path.display(), summary.state.name()))
}

/// Looks at every stored block, one at a time.
fn range(store: &ZarrStore, group: &str, array: &ArraySummary) -> Result<Range> {
    let blocks = store.stored_blocks(group, &array.name)?;
    let mut range = Range {
        blocks: blocks.len() as u64,
        blocks_in_all: array
            .shape
            .iter()
            .zip(&array.block_shape)
            .map(|(n, block)| n.div_ceil((*block).max(1)))
            .product(),
        ..Range::default()
    };
    for block in blocks {
        range.add(&array.fill, &store.read_block(group, &array.name, &block)?);
    }
    Ok(range)
}

impl Range {
    fn add(&mut self, fill: &Values, values: &Values) {
        macro_rules! arms {
            ($($float:ident)*; $($integer:ident)*) => {
                match (values, fill) {
                    $((Values::$float(values), Values::$float(fill)) => {
                        self.extend(values.iter().filter(|x| !x.is_nan() && !fill.contains(x)).map(|&x| Number::Float(x.into())));
                    })*
                    $((Values::$integer(values), Values::$integer(fill)) => {
                        self.extend(values.iter().filter(|x| !fill.contains(x)).map(|&x| Number::Integer(x.into())));
                    })*
                    _ => {}
                }
            };
        }
        arms!(Float32 Float64; Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64);
    }

    fn extend(&mut self, numbers: impl Iterator<Item = Number>) {
        for x in numbers {
            self.filled += 1;
            self.low = Some(self.low.map_or(x, |low| if x < low { x } else { low }));
            self.high = Some(self.high.map_or(x, |high| if x > high { x } else { high }));
        }
    }
}

fn shape(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}

impl Number {
    fn text(self) -> String {
        match self {
            Self::Integer(n) => n.to_string(),
            Self::Float(x) => format!("{x:.4}"),
        }
    }

    /// As JSON; 64-bit ids keep every digit.
    fn json(self) -> Value {
        match self {
            Self::Integer(n) => u64::try_from(n)
                .map(Value::from)
                .or_else(|_| i64::try_from(n).map(Value::from))
                .unwrap_or_default(),
            Self::Float(x) => x.into(),
        }
    }
}
