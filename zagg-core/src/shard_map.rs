//! Shard maps: which granules a shard needs, tied to one grid by its signature.
//!
//! The JSON form is the original's, field by field; both programs read each other's files. Shard keys are unsigned 64-bit
//! integers and never pass through a float or a signed integer.

mod area;
mod build;
mod json;
mod mask;
mod query;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::grid::Grid;

pub use area::AreaCodes;
pub use build::BuildOptions;
pub use json::GranuleLists;
pub use mask::mask;
pub use query::query_area;

/// The granules of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardEntry {
    /// The grid's key of the shard.
    pub key: u64,
    /// Indices into [`ShardMap::granules`], in arrival order.
    pub granules: Vec<u32>,
}

/// Shards and their granules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShardMap {
    /// Where it comes from.
    pub metadata: Map<String, Value>,
    /// Signature of the grid it was built for.
    pub grid_signature: Map<String, Value>,
    /// Every granule once.
    pub granules: Vec<Granule>,
    /// Ascending by key, each once.
    pub shards: Vec<ShardEntry>,
    /// For each of [`Self::shards`] its cells in the area of interest, in maps that were made with `output.aoi_mask` or
    /// `--clip`.
    pub aoi_mask: Option<Vec<AreaCodes>>,
}

impl ShardMap {
    /// Number of (shard, granule) pairs.
    pub fn pairs(&self) -> usize {
        self.shards.iter().map(|s| s.granules.len()).sum()
    }

    /// Checks that the map was built for this grid: every key that the map's signature has must agree.
    ///
    /// # Errors
    /// Shows both signatures.
    pub fn check_grid(&self, grid: &dyn Grid) -> Result<()> {
        let ours = grid.signature();
        // The original writes no ellipsoid, and means WGS84; a map that says nothing fits only a grid that says nothing.
        let keys: HashSet<&String> = self.grid_signature.keys().chain(ours.keys()).collect();
        if keys.iter().all(|key| self.grid_signature.get(*key) == ours.get(*key)) {
            return Ok(());
        }
        Err(Error::input(format!(
            "the shard map was built for another grid: the map has {}, the pipeline has {}; build the map again with this pipeline",
            Value::Object(self.grid_signature.clone()),
            Value::Object(ours)
        )))
    }

    /// One line for each granule that is there in two releases or versions, which are counted twice.
    pub fn version_warnings(&self) -> Vec<String> {
        let mut first: HashMap<&str, &str> = HashMap::new();
        let mut warnings = Vec::new();
        for granule in &self.granules {
            let stem = observation(&granule.id);
            match first.get(stem) {
                Some(other) => warnings.push(format!(
                    "{other} and {} look like two versions of one granule; both are used",
                    granule.id
                )),
                None => {
                    first.insert(stem, &granule.id);
                }
            }
        }
        warnings
    }
}

/// A granule's name without release and version (`_006_02.h5`), or the whole name when it ends otherwise.
fn observation(id: &str) -> &str {
    let stem = id.rsplit_once('.').map_or(id, |(stem, _)| stem);
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    match stem.rsplit_once('_').and_then(|(rest, version)| Some((rest.rsplit_once('_')?, version))) {
        Some(((rest, release), version)) if digits(release, 3) && digits(version, 2) => rest,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = r#"{
        "metadata": {"source": "test"},
        "grid_signature": {"type": "healpix", "parent_order": 6},
        "shard_keys": [12710846998299803654, 5],
        "granules": [[{"id": "a.h5", "s3": null, "https": "https://x/a.h5"}, {"id": "b.h5"}], [{"id": "b.h5"}]]
    }"#;

    #[test]
    fn keys_beyond_i64_survive_and_granules_are_interned() {
        let map = ShardMap::parse("m.json", MAP).unwrap();
        assert_eq!(map.shards.iter().map(|s| s.key).collect::<Vec<_>>(), [5, 12_710_846_998_299_803_654]);
        assert_eq!((map.granules.len(), map.pairs()), (2, 3));
        let again = ShardMap::parse("again", &map.to_json().unwrap()).unwrap();
        assert_eq!(again.shards.iter().map(|s| s.granules.len()).collect::<Vec<_>>(), [1, 2]);
        assert!(map.to_json().unwrap().contains("12710846998299803654"));
    }

    #[test]
    fn broken_maps_are_refused() {
        let fails = |text: &str| ShardMap::parse("m.json", text).unwrap_err().to_string();
        assert_eq!(
            fails("{\"shard_keys\": []}"),
            "m.json: missing required key 'grid_signature'; this is not a shard map, make one with zagg catalog"
        );
        assert!(fails(&MAP.replace(", 5]", "]")).contains("1 shard_keys but 2 lists"));
        assert!(fails(&MAP.replace(", 5]", ", -5]")).contains("not a shard map"));
        assert!(fails(&MAP.replace(", 5]", ", 5.0]")).contains("not a shard map"));
        assert!(
            fails(&MAP.replace("{\"id\": \"b.h5\"}]]", "{\"id\": \"b.h5\"}, {\"id\": \"b.h5\"}]]"))
                .contains("twice")
        );
        assert!(
            fails(&MAP.replace("[[{\"id\": \"a.h5\"", "[[{\"id\": \"b.h5\"")).contains("different files")
        );
    }

    #[test]
    fn two_releases_of_one_granule_are_warned_about() {
        let mut map = ShardMap::parse("m.json", MAP).unwrap();
        map.granules[0].id = "ATL06_20181014001049_02350102_001_01.h5".into();
        map.granules[1].id = "ATL06_20181014001049_02350102_006_02.h5".into();
        assert_eq!(map.version_warnings().len(), 1);
        map.granules[1].id = "processed_ATL06_20181014001049_02350102_006_02.h5".into();
        assert!(map.version_warnings().is_empty());
    }
}
