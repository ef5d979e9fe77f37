//! The multiscales convention of Zarr, version 0.1: what a root says of the groups with its levels.
//!
//! <https://github.com/zarr-conventions/multiscales/blob/v0.1/README.md>. `resampling_method` is left out: levels are not
//! resampled, each statistic of each level is that of the rows in its cells.

use serde_json::{Map, Value, json};

/// One level of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Path of its group.
    pub asset: String,
    /// Size of its cells along each dimension, in any unit that all levels share.
    pub size: Vec<f64>,
    /// What other conventions say of the level.
    pub keys: Map<String, Value>,
}

/// The attributes of a root with several levels, finest first: each level after the first has its scale relative to the one
/// before it.
pub fn multiscales(levels: impl IntoIterator<Item = Level>) -> Map<String, Value> {
    let mut layout = Vec::new();
    let mut before: Option<(String, Vec<f64>)> = None;
    for Level { asset, size, keys } in levels {
        let mut item = Map::new();
        item.insert("asset".into(), asset.clone().into());
        if let Some((finer, sizes)) = before {
            let scale: Vec<f64> = size.iter().zip(&sizes).map(|(size, finer)| size / finer).collect();
            item.insert("derived_from".into(), finer.into());
            item.insert("transform".into(), json!({"scale": scale}));
        }
        item.extend(keys);
        layout.push(Value::Object(item));
        before = Some((asset, size));
    }
    // Readers recognise the convention by its UUID, its schema demands every word.
    let convention = json!({
        "uuid": "d35379db-88df-4056-af3a-620245f8e347",
        "schema_url": "https://raw.githubusercontent.com/zarr-conventions/multiscales/refs/tags/v0.1/schema.json",
        "spec_url": "https://github.com/zarr-conventions/multiscales/blob/v0.1/README.md",
        "name": "multiscales",
        "description": "Multiscale layout of zarr datasets"
    });
    let mut attributes = Map::new();
    attributes.insert("zarr_conventions".into(), json!([convention]));
    attributes.insert("multiscales".into(), json!({"layout": layout}));
    attributes
}
