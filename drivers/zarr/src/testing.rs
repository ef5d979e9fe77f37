//! Templates for tests.

use serde_json::{Map, Value, json};
use zagg_core::store::{ArraySpec, Compression, GroupSpec, StoreTemplate};
use zagg_core::{DType, Values};

pub(crate) fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn fill(dtype: DType) -> Values {
    if dtype.is_float() {
        return Values::Float64(vec![f64::NAN]).cast(dtype).unwrap();
    }
    Values::UInt8(vec![0]).cast(dtype).unwrap()
}

pub(crate) fn array(name: &str, dtype: DType, shape: &[u64], block: &[u64], chunk: &[u64]) -> ArraySpec {
    ArraySpec {
        name: name.to_owned(),
        dtype,
        fill: fill(dtype),
        ragged: None,
        dimensions: (0..shape.len()).map(|i| format!("d{i}")).collect(),
        shape: shape.to_vec(),
        block_shape: block.to_vec(),
        chunk_shape: chunk.to_vec(),
        compression: Compression::Zstd,
        attributes: map(&json!({"units": "1"})),
        content: None,
    }
}

/// A store of four shards of eight cells, with ids, a sharded and an unsharded variable.
pub(crate) fn template(hash: &str) -> StoreTemplate {
    let mut ids = array("cell_ids", DType::UInt64, &[32], &[16], &[16]);
    ids.content = Some(Values::UInt64((100..132).collect()));
    ids.compression = Compression::ShuffleZstd;
    StoreTemplate {
        attributes: map(&json!({"title": "test"})),
        groups: vec![GroupSpec {
            name: "12".to_owned(),
            attributes: map(&json!({"level": 12})),
            arrays: vec![
                ids,
                array("count", DType::UInt32, &[32], &[8], &[8]),
                array("h_mean", DType::Float32, &[32], &[8], &[4]),
            ],
        }],
        hash: hash.to_owned(),
    }
}
