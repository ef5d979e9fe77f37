//! The Parquet form of shard maps of the Python zagg (`ShardMap.to_parquet`, zagg 0.61): one row per shard, with the list of
//! its granules as JSON text.

use serde_json::{Map, Value};
use zagg_core::shard_map::{AreaCodes, GranuleLists, ShardEntry, ShardMap};
use zagg_core::{Error, Result};

use crate::columns::Table;

/// Entry of the file's metadata.
pub(super) const ENTRY: &str = "zagg:shardmap_meta";

/// Rows that are read at once: a shard near a pole has megabytes of text.
const ROWS: usize = 16;

/// The map in a table.
pub(super) fn read(table: &mut Table) -> Result<ShardMap> {
    let name = table.name().to_owned();
    let wrong = |what: &str| Error::corrupt(format!("{name}: {what}"));
    let mut about: Map<String, Value> = serde_json::from_str(table.entry(ENTRY).unwrap_or_default())
        .map_err(|_| wrong(&format!("{ENTRY} in its metadata is no JSON object")))?;
    let mut object = |key: &str| match about.remove(key) {
        Some(Value::Object(object)) => Ok(Some(object)),
        None => Ok(None),
        Some(_) => Err(wrong(&format!("{key} in its metadata is no object"))),
    };
    let metadata = object("metadata")?.unwrap_or_default();
    let grid_signature =
        object("grid_signature")?.ok_or_else(|| wrong("missing required key 'grid_signature'"))?;
    let mut leaves = vec![table.require(&["shard_keys"])?, table.require(&["granules"])?];
    leaves.extend(table.leaf(&["aoi_mask"]));
    let mut keys = Vec::new();
    let mut lists = GranuleLists::default();
    let mut areas = (leaves.len() == 3).then(Vec::new);
    table.scan(&leaves, ROWS, |_, columns| {
        for row in 0..columns[0].len() {
            // The word 0 is no shard of HEALPix, and is written as null; other grids have a shard 0.
            let key = columns[0].integer(row)?.unwrap_or(0) as u64;
            let list = columns[1].text(row)?.ok_or_else(|| wrong(&format!("shard {key} has no granules")))?;
            lists.push_json(&name, key, list.as_bytes())?;
            keys.push(key);
            if let (Some(areas), Some(column)) = (&mut areas, columns.get(2)) {
                let area: Option<AreaCodes> =
                    column.text(row)?.and_then(|text| serde_json::from_str(text).ok());
                areas.push(
                    area.ok_or_else(|| wrong(&format!("the area of shard {key} is no list of integers")))?,
                );
            }
        }
        Ok(())
    })?;
    let (granules, lists) = lists.into_parts();
    let shards = keys.into_iter().zip(lists);
    let shards = shards.map(|(key, list)| ShardEntry { key, granules: list.into_vec() }).collect();
    ShardMap::from_parts(&name, metadata, grid_signature, granules, shards, areas)
}
