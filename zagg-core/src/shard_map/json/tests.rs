use std::io::Read;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::ErrorKind;

/// Hands out few bytes at a time, so that every value is cut somewhere.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

fn granule() -> impl Strategy<Value = Granule> {
    let text = || prop::option::of("[ -~é\"\\\\\n{}\\[\\],:]{0,12}");
    ("[a-z\"\\\\{é]{1,6}", text(), text(), text(), text(), prop::option::of(any::<u64>())).prop_map(
        |(id, s3, https, file, time, size)| Granule {
            id,
            s3,
            https,
            file,
            time_start: time.clone(),
            time_end: time,
            size,
        },
    )
}

/// A map with each granule of some shard, numbered as the shards first name them.
fn map() -> impl Strategy<Value = ShardMap> {
    let shards = prop::collection::btree_map(any::<u64>(), prop::collection::vec(0..12u32, 0..8), 0..8);
    let areas = prop::option::of(prop::collection::vec(prop::collection::vec(0..9u64, 0..4), 8));
    (prop::collection::vec(granule(), 12), shards, areas, "[ -~é]{0,9}").prop_map(
        |(mut granules, shards, areas, word)| {
            granules.iter_mut().enumerate().for_each(|(at, granule)| granule.id.push_str(&at.to_string()));
            let (mut used, mut lists) = (Vec::new(), Vec::new());
            for (key, numbers) in shards {
                let mut list = Vec::new();
                for number in numbers {
                    let at = used.iter().position(|&u| u == number).unwrap_or_else(|| {
                        used.push(number);
                        used.len() - 1
                    });
                    if !list.contains(&(at as u32)) {
                        list.push(at as u32);
                    }
                }
                lists.push(ShardEntry { key, granules: list });
            }
            let aoi_mask = areas.map(|all| {
                all.into_iter().take(lists.len()).map(|list| list.into_iter().collect()).collect()
            });
            ShardMap {
                metadata: json!({ "source": word, "nested": {"a": [1, {"b": null}], "e": {}} })
                    .as_object()
                    .unwrap()
                    .clone(),
                grid_signature: json!({"type": word, "list": [], "affine": [1.5, -2.0]})
                    .as_object()
                    .unwrap()
                    .clone(),
                granules: used.into_iter().map(|at| granules[at as usize].clone()).collect(),
                shards: lists,
                aoi_mask,
            }
        },
    )
}

/// The text as serde writes it, from the whole structure.
fn plain(map: &ShardMap) -> String {
    let mut all = Map::new();
    all.insert("metadata".into(), map.metadata.clone().into());
    all.insert("grid_signature".into(), map.grid_signature.clone().into());
    all.insert("shard_keys".into(), map.shards.iter().map(|s| s.key).collect());
    let lists =
        |s: &ShardEntry| s.granules.iter().map(|&g| json!(map.granules[g as usize])).collect::<Vec<_>>();
    all.insert("granules".into(), map.shards.iter().map(lists).collect());
    if let Some(areas) = &map.aoi_mask {
        all.insert("aoi_mask".into(), json!(areas));
    }
    serde_json::to_string_pretty(&all).unwrap() + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]
    #[test]
    fn maps_come_back_and_are_written_as_serde_would(map in map(), step in 1..40usize) {
        let text = map.to_json().unwrap();
        prop_assert_eq!(&text, &plain(&map));
        prop_assert_eq!(&ShardMap::read_json("m", Trickle(text.as_bytes(), step)).unwrap(), &map);
        let compact = serde_json::to_string(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
        prop_assert_eq!(&ShardMap::parse("m", &compact).unwrap(), &map);
    }

    #[test]
    fn damaged_text_is_an_error_or_a_map(
        map in map(), at in any::<prop::sample::Index>(), to in prop::sample::select(&b"{}[]\",:\\0x \xff"[..]), cut in any::<bool>()
    ) {
        let mut text = map.to_json().unwrap().into_bytes();
        let at = at.index(text.len() - 1);
        if cut {
            text.truncate(at);
        } else {
            text[at] = to;
        }
        match ShardMap::read_json("m", &text[..]) {
            // The line break at the end may be missing.
            Ok(_) => prop_assert!(!cut || at + 2 >= text.len()),
            Err(error) => prop_assert!(error.to_string().starts_with("m: ") && !error.to_string().contains('\n')),
        }
    }
}

const HEAD: &str = r#"{"grid_signature": {}, "shard_keys": [1, 2], "granules": "#;

#[test]
fn faults_are_named_with_their_line() {
    let fails = |text: &str| ShardMap::parse("m", text).unwrap_err().to_string();
    let ending = |rest: &str| fails(&format!("{HEAD}\n{rest}"));
    assert_eq!(
        ending("[[{\"id\": 5}], []]}"),
        "m: not a shard map: a granule: invalid type: integer `5`, expected a string, in line 2"
    );
    assert_eq!(ending("[[{\"id\": \"a\"}"), "m: not a shard map: the file ends too early, in line 2");
    assert_eq!(
        ending("[[], []]} x"),
        "m: not a shard map: there is more behind the end of the object, in line 2"
    );
    assert_eq!(ending("[[}, []]}"), "m: not a shard map: a bracket is closed that was not opened, in line 2");
    assert_eq!(ending("[[] []]}"), "m: not a shard map: expected ',' or ']', in line 2");
    assert_eq!(
        ending("[[], []], \"granules\": []}"),
        "m: not a shard map: the key 'granules' stands twice, in line 2"
    );
    assert_eq!(
        ending("[[{\"s3\": \"\"}], []]}"),
        "m: not a shard map: a granule: missing field `id`, in line 2"
    );
    assert_eq!(ending("[[], [{\"id\": \"\"}]]}"), "m: shard 2 lists a granule without an id");
    assert_eq!(
        ending("[[], []], \"aoi_mask\": [[]]}"),
        "m: 2 shard_keys but 1 lists in aoi_mask; make the map again"
    );
    assert!(ending(&format!("{}[", "[".repeat(200))).contains("nested too deeply"));
    assert!(ending("[[], []], \"aoi_mask\": [[-1], []]}").contains("-1 is no integer from 0 to 2^64 - 1"));
    assert!(fails("").contains("ends too early") && fails("5").contains("expected '{'"));
    assert!(fails("{\"shard_keys\": [18446744073709551616]}").contains("no integer"));
    assert!(fails("{\"metadata\": []}").contains("metadata: invalid type"));
    assert!(fails("{\"shard_keys\": [[\n1]]}").contains(": [ 1] is no integer"));
    assert!(ending("[[{\"id\": \"a\\nb\"}, {\"id\": \"a\\nb\"}], []]}").ends_with("lists granule a b twice"));
}

#[test]
fn other_keys_are_passed_over_and_keys_may_come_in_any_order() {
    let text = r#"{"other": {"a": [1, "]}\"", null]}, "granules": [[{"id": "a", "assets": {}}], []], "n": -1e5,
        "shard_keys": [7, 3], "aoi_mask": null, "grid_signature": {}, "w": true}"#;
    let map = ShardMap::parse("m", text).unwrap();
    assert_eq!(map.shards.iter().map(|s| (s.key, s.granules.len())).collect::<Vec<_>>(), [(3, 0), (7, 1)]);
    assert!(map.aoi_mask.is_none());
}

#[test]
fn areas_stay_with_their_shards_and_too_large_ones_are_not_written() {
    let text = HEAD.replace("1, 2", "2, 1") + r#"[[], []], "aoi_mask": [[5, 6, 7], [1]]}"#;
    let mut map = ShardMap::parse("m", &text).unwrap();
    let area = |map: &ShardMap, at: usize| map.aoi_mask.as_ref().unwrap()[at].iter().collect::<Vec<_>>();
    assert_eq!((area(&map, 0), area(&map, 1)), (vec![1], vec![5, 6, 7]));
    map.aoi_mask.as_mut().unwrap()[0].push_run(10, u64::MAX);
    assert!(map.to_json().unwrap_err().to_string().contains("write a .parquet file"));
}

#[test]
fn damage_that_a_decompressor_reports_is_of_the_file() {
    struct Broken(ErrorKindOf);
    type ErrorKindOf = std::io::ErrorKind;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(self.0, "broken"))
        }
    }
    let kind = |kind| ShardMap::read_json("m", Broken(kind)).unwrap_err().kind();
    assert_eq!(kind(ErrorKindOf::InvalidData), ErrorKind::Corrupt);
    assert_eq!(kind(ErrorKindOf::PermissionDenied), ErrorKind::Io);
}
