//! Shard maps: which granules a shard needs, tied to one grid by its signature.
//!
//! The JSON form is the original's, field by field; both programs read each other's files. Shard keys are unsigned 64-bit
//! integers and never pass through a float or a signed integer.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::granule::{CatalogEntry, Granule};
use crate::grid::Grid;

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
}

/// The file's form: a granule's record stands in every shard that needs it.
#[derive(Serialize, Deserialize)]
struct File {
    #[serde(default)]
    metadata: Map<String, Value>,
    grid_signature: Map<String, Value>,
    shard_keys: Vec<u64>,
    granules: Vec<Vec<Granule>>,
}

impl ShardMap {
    /// Reads the JSON form; `name` is the file, for messages.
    ///
    /// # Errors
    /// When it is not a shard map, or contradicts itself.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text).map_err(|error| {
            let text = error.to_string();
            match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
                Some((key, _)) => Error::input(format!(
                    "{name}: missing required key '{key}'; this is not a shard map, make one with zagg catalog"
                )),
                None => Error::input(format!("{name}: not a shard map: {text}")),
            }
        })?;
        if file.shard_keys.len() != file.granules.len() {
            return Err(Error::input(format!(
                "{name}: {} shard_keys but {} lists of granules; make the map again",
                file.shard_keys.len(),
                file.granules.len()
            )));
        }
        let mut granules: Vec<Granule> = Vec::new();
        let mut index: HashMap<String, u32> = HashMap::new();
        let mut shards: BTreeMap<u64, ShardEntry> = BTreeMap::new();
        for (key, records) in file.shard_keys.into_iter().zip(file.granules) {
            let mut indices = Vec::with_capacity(records.len());
            let mut seen = HashSet::with_capacity(records.len());
            for record in records {
                if record.id.is_empty() {
                    return Err(Error::input(format!("{name}: shard {key} lists a granule without an id")));
                }
                let at = match index.get(&record.id) {
                    Some(&at) if granules[at as usize] == record => at,
                    Some(_) => {
                        return Err(Error::input(format!(
                            "{name}: granule {} stands for different files in different shards; ids are file names and must be unique",
                            record.id
                        )));
                    }
                    None => {
                        let at = u32::try_from(granules.len())
                            .map_err(|_| Error::unsupported(format!("{name}: more than 2^32 granules")))?;
                        index.insert(record.id.clone(), at);
                        granules.push(record);
                        at
                    }
                };
                if !seen.insert(at) {
                    return Err(Error::input(format!(
                        "{name}: shard {key} lists granule {} twice",
                        granules[at as usize].id
                    )));
                }
                indices.push(at);
            }
            if shards.insert(key, ShardEntry { key, granules: indices }).is_some() {
                return Err(Error::input(format!("{name}: shard key {key} stands twice")));
            }
        }
        Ok(Self {
            metadata: file.metadata,
            grid_signature: file.grid_signature,
            granules,
            shards: shards.into_values().collect(),
        })
    }

    /// The JSON form, indented by two.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which only memory can cause.
    pub fn to_json(&self) -> Result<String> {
        let file = File {
            metadata: self.metadata.clone(),
            grid_signature: self.grid_signature.clone(),
            shard_keys: self.shards.iter().map(|s| s.key).collect(),
            granules: self
                .shards
                .iter()
                .map(|s| s.granules.iter().map(|&g| self.granules[g as usize].clone()).collect())
                .collect(),
        };
        let mut text =
            serde_json::to_string_pretty(&file).map_err(|error| Error::io(format!("shard map: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// The map of catalogued granules on a grid: every shard that a footprint may touch lists the granule.
    ///
    /// # Errors
    /// When an id stands twice, or the grid cannot cover a footprint.
    pub fn build(grid: &dyn Grid, entries: &[CatalogEntry], metadata: Map<String, Value>) -> Result<Self> {
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
