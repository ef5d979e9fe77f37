//! Several shard maps as one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;

use serde_json::{Map, Value};
use zagg_core::granule::Granule;
use zagg_core::shard_map::{AreaCodes, ShardEntry, ShardMap};
use zagg_core::{Error, Result};

/// Counts that zagg writes into the metadata of a map.
pub(crate) const COUNTS: [&str; 3] = ["total_granules", "total_shards", "total_pairs"];

/// The union of maps of one grid: every pair of a shard and a granule that is in any of them.
///
/// Granules are known by their ids. What one map says about a granule and another leaves out is added; what they
/// contradict each other in is an error. A shard lists the granules of the first map in their order, then the new ones of
/// the next, and so on: the order of the maps decides the order of arrival.
///
/// Entries of the metadata that all maps agree on are kept, and the metadata of every map are listed under `merged`. Areas
/// of interest are united, and must be there in all maps or in none. One map alone comes back as it is.
///
/// # Errors
/// When there is no map, or the grids, the records of a granule or the presence of an area differ.
pub fn merge(maps: Vec<ShardMap>) -> Result<ShardMap> {
    let first = maps.first().ok_or_else(|| Error::input("no shard map to merge"))?;
    let grid_signature = first.grid_signature.clone();
    let has_areas = first.aoi_mask.is_some();
    for (at, map) in maps.iter().enumerate() {
        if !same(&map.grid_signature, &grid_signature) {
            return Err(Error::input(format!(
                "map 1 and map {} are of different grids: {} and {}; make them with one pipeline",
                at + 1,
                Value::Object(grid_signature),
                Value::Object(map.grid_signature.clone())
            )));
        }
        if map.aoi_mask.is_some() != has_areas {
            return Err(Error::input(format!(
                "map {} has {} aoi_mask, map 1 has {}; make them with one pipeline",
                at + 1,
                if has_areas { "no" } else { "an" },
                if has_areas { "one" } else { "none" }
            )));
        }
    }
    if maps.len() == 1 {
        return maps.into_iter().next().ok_or_else(|| Error::input("no shard map to merge"));
    }
    let metadata = metadata(&maps);
    let mut all = Union::default();
    for (at, map) in maps.into_iter().enumerate() {
        all.add(map).map_err(|error| error.context(format!("map {}", at + 1)))?;
    }
    let mut areas = has_areas.then(Vec::new);
    let mut shards = Vec::with_capacity(all.shards.len());
    for (key, shard) in all.shards {
        shards.push(ShardEntry { key, granules: shard.granules });
        if let Some(areas) = &mut areas {
            areas.push(united(shard.areas));
        }
    }
    let mut map = ShardMap { metadata, grid_signature, granules: all.granules, shards, aoi_mask: areas };
    count(&mut map);
    Ok(map)
}

/// Whether two objects hold the same, in whatever order.
fn same(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(key, value)| b.get(key) == Some(value))
}

/// Writes the counts of a map into its metadata.
pub(crate) fn count(map: &mut ShardMap) {
    let counts = [map.granules.len(), map.shards.len(), map.pairs()];
    for (key, value) in COUNTS.into_iter().zip(counts) {
        map.metadata.insert(key.into(), value.into());
    }
    // The original's name for the granules that some shard lists.
    if map.metadata.contains_key("granules_assigned") {
        let used: HashSet<u32> = map.shards.iter().flat_map(|shard| &shard.granules).copied().collect();
        map.metadata.insert("granules_assigned".into(), used.len().into());
    }
}

/// What all maps say alike, and what each says.
fn metadata(maps: &[ShardMap]) -> Map<String, Value> {
    let mut common = maps[0].metadata.clone();
    common.retain(|key, value| {
        !COUNTS.contains(&key.as_str()) && maps.iter().all(|map| map.metadata.get(key) == Some(value))
    });
    let each = maps.iter().map(|map| Value::Object(map.metadata.clone())).collect();
    common.insert("merged".into(), Value::Array(each));
    common
}

#[derive(Default)]
struct Union {
    granules: Vec<Granule>,
    by_id: HashMap<String, u32>,
    shards: BTreeMap<u64, Shard>,
}

#[derive(Default)]
struct Shard {
    granules: Vec<u32>,
    listed: HashSet<u32>,
    areas: Vec<AreaCodes>,
}

impl Union {
    fn add(&mut self, map: ShardMap) -> Result<()> {
        let numbers: Vec<u32> =
            map.granules.into_iter().map(|granule| self.granule(granule)).collect::<Result<_>>()?;
        let mut areas = map.aoi_mask.unwrap_or_default().into_iter();
        for entry in map.shards {
            let shard = self.shards.entry(entry.key).or_default();
            for at in entry.granules {
                let number = *numbers.get(at as usize).ok_or_else(|| {
                    Error::input(format!("shard {} lists a granule that is not there", entry.key))
                })?;
                if shard.listed.insert(number) {
                    shard.granules.push(number);
                }
            }
            shard.areas.extend(areas.next());
        }
        Ok(())
    }

    /// The number of a granule here.
    fn granule(&mut self, granule: Granule) -> Result<u32> {
        if let Some(&at) = self.by_id.get(&granule.id) {
            complete(&mut self.granules[at as usize], granule)?;
            return Ok(at);
        }
        let at =
            u32::try_from(self.granules.len()).map_err(|_| Error::unsupported("more than 2^32 granules"))?;
        self.by_id.insert(granule.id.clone(), at);
        self.granules.push(granule);
        Ok(at)
    }
}

/// Adds what the other record of a granule knows more.
fn complete(have: &mut Granule, other: Granule) -> Result<()> {
    fn add<T: PartialEq + Display>(
        id: &str,
        what: &str,
        have: &mut Option<T>,
        other: Option<T>,
    ) -> Result<()> {
        match (&*have, other) {
            (_, None) => {}
            (None, other) => *have = other,
            (Some(before), Some(now)) if *before == now => {}
            (Some(before), Some(now)) => {
                return Err(Error::input(format!(
                    "granule {id} has another {what} than in a map before: {now} and {before}"
                )));
            }
        }
        Ok(())
    }
    let id = &other.id;
    add(id, "s3", &mut have.s3, other.s3)?;
    add(id, "https", &mut have.https, other.https)?;
    add(id, "file", &mut have.file, other.file)?;
    add(id, "time_start", &mut have.time_start, other.time_start)?;
    add(id, "time_end", &mut have.time_end, other.time_end)?;
    add(id, "size", &mut have.size, other.size)
}

/// The numbers of all lists, each once, ascending unless there is one list.
fn united(mut areas: Vec<AreaCodes>) -> AreaCodes {
    if areas.len() == 1 || areas.windows(2).all(|pair| pair[0] == pair[1]) {
        return areas.pop().unwrap_or_default();
    }
    let mut runs: Vec<(u64, u64)> = areas.iter().flat_map(AreaCodes::runs).copied().collect();
    runs.sort_unstable();
    let mut all = AreaCodes::default();
    let mut next = Some(0);
    for (first, last) in runs {
        // The part behind what is there already; there is nothing behind the largest number.
        if let Some(free) = next.filter(|&free| last >= free) {
            all.push_run(first.max(free), last);
            next = last.checked_add(1);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn map(text: &Value) -> ShardMap {
        let mut whole =
            json!({"metadata": {"source": "s", "total_pairs": 9}, "grid_signature": {"a": 1, "b": 2}});
        whole.as_object_mut().unwrap().extend(text.as_object().unwrap().clone());
        ShardMap::parse("m", &whole.to_string()).unwrap()
    }

    fn ids(map: &ShardMap) -> Vec<(u64, Vec<&str>)> {
        let names =
            |s: &ShardEntry| s.granules.iter().map(|&g| map.granules[g as usize].id.as_str()).collect();
        map.shards.iter().map(|s| (s.key, names(s))).collect()
    }

    #[test]
    fn every_pair_is_there_once_and_records_complete_each_other() {
        let one = map(
            &json!({"shard_keys": [3, 5], "granules": [[{"id": "b", "s3": "s3://b"}, {"id": "a"}], [{"id": "a"}]]}),
        );
        let two = map(&json!({"metadata": {"source": "s", "cycle": 2}, "grid_signature": {"b": 2, "a": 1},
            "shard_keys": [5, 9], "granules": [[{"id": "c"}, {"id": "a", "size": 7}], [{"id": "b", "https": "https://b"}]]}));
        let all = merge(vec![one.clone(), two]).unwrap();
        assert_eq!(ids(&all), [(3, vec!["b", "a"]), (5, vec!["a", "c"]), (9, vec!["b"])]);
        let b = all.granules.iter().find(|g| g.id == "b").unwrap();
        assert_eq!((b.s3.as_deref(), b.https.as_deref()), (Some("s3://b"), Some("https://b")));
        assert_eq!(all.granules.iter().find(|g| g.id == "a").unwrap().size, Some(7));
        assert_eq!(all.metadata["source"], "s");
        assert_eq!(all.metadata["total_pairs"], 5);
        assert_eq!(all.metadata["merged"].as_array().unwrap().len(), 2);
        assert!(!all.metadata.contains_key("cycle"));
        let once = merge(vec![one.clone(), one.clone()]).unwrap();
        assert_eq!((once.shards, once.granules), (one.shards, one.granules));
    }

    #[test]
    fn contradictions_are_refused() {
        let fails = |a: &Value, b: &Value| merge(vec![map(a), map(b)]).unwrap_err().to_string();
        let plain = json!({"shard_keys": [3], "granules": [[{"id": "b", "s3": "s3://b"}]]});
        let moved = json!({"shard_keys": [4], "granules": [[{"id": "b", "s3": "s3://c"}]]});
        assert_eq!(
            fails(&plain, &moved),
            "map 2: granule b has another s3 than in a map before: s3://c and s3://b"
        );
        let grid = json!({"grid_signature": {"a": 1}, "shard_keys": [], "granules": []});
        assert!(
            fails(&plain, &grid).starts_with("map 1 and map 2 are of different grids: {\"a\":1,\"b\":2} and")
        );
        let area = json!({"shard_keys": [4], "granules": [[]], "aoi_mask": [[1]]});
        assert!(fails(&plain, &area).starts_with("map 2 has an aoi_mask, map 1 has none"));
        assert!(merge(Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn areas_are_united(lists in prop::collection::vec(prop::collection::vec(prop_oneof![0..30u64, u64::MAX - 3..=u64::MAX], 1..9), 1..4)) {
            let maps = lists.iter().map(|codes| map(&json!({"shard_keys": [4], "granules": [[]], "aoi_mask": [codes]}))).collect();
            let area = &merge(maps).unwrap().aoi_mask.unwrap()[0];
            let wanted: std::collections::BTreeSet<u64> = lists.concat().into_iter().collect();
            prop_assert_eq!(&area.iter().collect::<std::collections::BTreeSet<_>>(), &wanted);
            if lists.windows(2).any(|pair| pair[0] != pair[1]) {
                prop_assert_eq!(area.iter().collect::<Vec<_>>(), wanted.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
