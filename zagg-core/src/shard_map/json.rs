//! The JSON form of shard maps.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ShardEntry, ShardMap};
use crate::error::{Error, Result};
use crate::granule::Granule;

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
}
