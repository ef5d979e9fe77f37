use proptest::prelude::*;
use serde_json::{Map, Value, json};
use zagg_catalog_files::{merge, read_shard_map, stats, write_shard_map};
use zagg_core::granule::Granule;
use zagg_core::shard_map::{ShardEntry, ShardMap};

use crate::data;

pub(crate) fn granule(number: u32) -> Granule {
    let id = format!("ATL06_20240106{number:06}_01262201_006_01.h5");
    Granule {
        s3: Some(format!("s3://nsidc-cumulus-prod-protected/ATLAS/ATL06/006/2024/01/06/{id}")),
        https: (!number.is_multiple_of(3))
            .then(|| format!("https://data.nsidc.earthdatacloud.nasa.gov/ATLAS/{id}")),
        file: (number % 5 == 1).then(|| format!("/data/é \"{number}\"")),
        time_start: Some("2024-01-06T00:00:00.000Z".into()),
        time_end: (number % 2 == 1).then(|| "2024-01-06T00:10:00Z".into()),
        size: (number % 4 != 2).then_some(u64::MAX - u64::from(number)),
        id,
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

prop_compose! {
    fn map()(
        count in 0..40u32,
        shards in prop::collection::btree_map(any::<u64>(), prop::collection::btree_set(0..40u32, 0..30), 0..50),
        backwards in any::<bool>(),
        areas in prop::option::of(prop::collection::vec(prop::collection::vec((0..9u64, 0..3u64), 0..4), 50)),
        word in "[ -~é]{0,9}",
    ) -> ShardMap {
        let shards: Vec<ShardEntry> = shards
            .into_iter()
            .map(|(key, list)| {
                let mut granules: Vec<u32> = list.into_iter().filter(|&g| g < count).collect();
                if backwards {
                    granules.reverse();
                }
                ShardEntry { key, granules }
            })
            .collect();
        let area = |runs: Vec<(u64, u64)>| {
            let mut codes = zagg_core::shard_map::AreaCodes::default();
            runs.into_iter().for_each(|(first, length)| codes.push_run(first, first + length));
            codes
        };
        ShardMap {
            metadata: object(&json!({"source": word, "build_wall_s": 0.1, "bbox": [-76.623291, 38.9]})),
            grid_signature: object(&json!({"type": "rectilinear", "affine": [10.000000000000002, 0.1, 358300.0]})),
            granules: (0..count).map(granule).collect(),
            aoi_mask: areas.map(|all| all.into_iter().map(area).take(shards.len()).collect()),
            shards,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn every_form_gives_the_map_back(map in map()) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["m.json", "m.json.zst", "m.parquet"] {
            let path = folder.path().join(name);
            write_shard_map(&path, &map).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            let again = read_shard_map(&path).unwrap();
            // Granules that no shard lists are in Parquet alone, and JSON numbers them anew.
            prop_assert_eq!(again.to_json().unwrap(), map.to_json().unwrap());
            if name == "m.parquet" {
                prop_assert_eq!(&again, &map);
            }
            write_shard_map(&path, &again).unwrap();
            prop_assert!(bytes == std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let map = ShardMap {
        granules: vec![granule(1)],
        shards: vec![ShardEntry { key: u64::MAX, granules: vec![0] }],
        ..ShardMap::default()
    };
    for name in ["m.json.zst", "m.parquet"] {
        let (path, other) = (folder.path().join(name), folder.path().join("other.json"));
        write_shard_map(&path, &map).unwrap();
        std::fs::copy(&path, &other).unwrap();
        assert_eq!(read_shard_map(&other).unwrap(), map);
    }
    assert!(write_shard_map(&folder.path().join("m.json.gz"), &map).is_err());
    let wrong = ShardMap { granules: Vec::new(), ..map };
    for name in ["a.json", "a.json.zst", "a.parquet"] {
        let error = write_shard_map(&folder.path().join(name), &wrong).unwrap_err().to_string();
        assert!(error.ends_with("lists a granule that is not there"), "{error}");
        assert!(!folder.path().join(name).exists());
    }
}

#[test]
fn real_maps_of_the_original_keep_what_they_say_in_every_form() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, pairs) in [
        ("healpix_o9", 218),
        ("healpix_o10", 360),
        ("healpix_o11", 741),
        ("rect_6km", 151),
        ("rect_3km", 457),
    ] {
        let path = data.join(format!("shardmaps/sm_{name}.json"));
        let map = read_shard_map(&path).unwrap();
        assert_eq!(map.pairs(), pairs, "{name}");
        let theirs: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for ending in ["json", "json.zst", "parquet"] {
            let copy = folder.path().join(format!("{name}.{ending}"));
            write_shard_map(&copy, &map).unwrap();
            let again = read_shard_map(&copy).unwrap();
            assert_eq!(again, map);
            let ours: Value = serde_json::from_str(&again.to_json().unwrap()).unwrap();
            assert_eq!(ours, theirs, "{name}.{ending}");
        }
        let size =
            |ending: &str| std::fs::metadata(folder.path().join(format!("{name}.{ending}"))).unwrap().len();
        assert!(size("parquet") * 6 < size("json") && size("json.zst") * 6 < size("json"), "{name}");
        let found = stats(&map);
        assert_eq!((found.pairs, found.addresses.none, found.duplicates.len()), (pairs, 0, 0));
        assert_eq!(found.versions.values().sum::<usize>(), map.granules.len());
        assert_eq!(merge(vec![map.clone(), map.clone()]).unwrap().shards, map.shards);
    }
}
