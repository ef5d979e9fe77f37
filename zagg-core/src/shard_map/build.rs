//! From catalogued granules to a shard map.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::{ShardEntry, ShardMap};
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::granule::CatalogEntry;
use crate::grid::Grid;

/// What a map is made for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildOptions {
    /// Area of interest: only shards that it touches are in the map. `None`: every shard that a granule touches.
    pub area: Option<Footprint>,
    /// Kilometres by which every footprint is widened, for footprints that are coarser than their rows.
    pub footprint_buffer_km: f64,
}

impl ShardMap {
    /// The map of catalogued granules on a grid: every shard that a footprint may touch lists the granule.
    ///
    /// # Errors
    /// When an id stands twice, or the grid cannot cover a footprint.
    pub fn build(
        grid: &dyn Grid,
        entries: &[CatalogEntry],
        metadata: Map<String, Value>,
        _options: &BuildOptions,
    ) -> Result<Self> {
        let mut seen = HashSet::new();
        let mut shards: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if !seen.insert(entry.granule.id.as_str()) {
                return Err(Error::input(format!(
                    "two granules have the id {}; ids are file names and must be unique",
                    entry.granule.id
                )));
            }
            let at = u32::try_from(at).map_err(|_| Error::unsupported("more than 2^32 granules"))?;
            let cover = crate::caught(|| grid.cover(&entry.footprint))
                .map_err(|error| error.context(format!("granule {}", entry.granule.id)))?;
            for shard in cover {
                shards.entry(grid.shard_key(shard)).or_default().push(at);
            }
        }
        let pairs: usize = shards.values().map(Vec::len).sum();
        let mut metadata = metadata;
        metadata.insert("total_granules".into(), entries.len().into());
        metadata.insert("total_shards".into(), shards.len().into());
        metadata.insert("total_pairs".into(), pairs.into());
        Ok(Self {
            metadata,
            grid_signature: grid.signature(),
            granules: entries.iter().map(|e| e.granule.clone()).collect(),
            shards: shards.into_iter().map(|(key, granules)| ShardEntry { key, granules }).collect(),
        })
    }
}
