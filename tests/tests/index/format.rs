//! The bytes of an index: there and back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::index::{GranuleIndex, IndexKey, MAX_STORED_BYTES, PartIndex, StoredError};
use zagg_core::rows::Rows;
use zagg_core::source::ObjectIdentity;
use zagg_core::{Error, ErrorKind};

use crate::support::{grid_of, pipeline, preset, registry};

/// Rows of a part in a few shards, each row in one shard at most.
fn located() -> impl Strategy<Value = PartIndex> {
    let runs = prop::collection::vec((0u64..49_152, 0u64..50, 1u64..4000), 0..40);
    (runs, 0u64..9, any::<bool>()).prop_map(|(runs, bad, exact)| {
        let mut ranges: BTreeMap<u64, Vec<std::ops::Range<u64>>> = BTreeMap::new();
        let mut end = 0;
        for (shard, gap, len) in runs {
            ranges.entry(shard).or_default().push(end + gap..end + gap + len);
            end += gap + len;
        }
        let shards = ranges.into_iter().map(|(shard, ranges)| (shard, Rows::from_ranges(ranges))).collect();
        PartIndex::Located { rows: end + bad, bad, exact, shards }
    })
}

fn part() -> impl Strategy<Value = PartIndex> {
    prop_oneof![
        Just(PartIndex::Unlocated),
        ".{0,40}".prop_map(|text| PartIndex::Hole(StoredError::new(&Error::corrupt(text), "x").unwrap())),
        located(),
    ]
}

fn index() -> impl Strategy<Value = GranuleIndex> {
    let parts = prop::collection::vec(("[a-z0-9]{0,8}", part()), 0..7);
    let source = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(|n| json!({"a": n, "b": [n, null, "x"]})),
        ".{0,60}".prop_map(|text| json!({"text": text, "lines": "a\nb\u{2028}c"})),
    ];
    let object =
        (any::<u64>(), prop::option::of(".{0,30}")).prop_map(|(size, etag)| ObjectIdentity { size, etag });
    (".{1,200}", object, parts, source).prop_map(|(granule, object, parts, source)| GranuleIndex {
        granule,
        object,
        parts,
        source,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_index_comes_back_as_it_was(index in index(), other in ".{1,20}") {
        let pipeline = pipeline(&[preset()]);
        let grid = grid_of(&pipeline);
        let source = &pipeline.data_source;
        let source = registry().source(&source.reader, &source.options).unwrap();
        let key = IndexKey::new(&*source, &*grid).unwrap();
        let bytes = index.encode(&key, &*grid).unwrap();
        prop_assert_eq!(&bytes, &index.encode(&key, &*grid).unwrap());
        prop_assert_eq!(&GranuleIndex::decode(&bytes, &index.granule, &key, &*grid).unwrap(), &index);
        if other != index.granule {
            prop_assert!(GranuleIndex::decode(&bytes, &other, &key, &*grid).is_err());
        }
        // For other datasets, and for another grid.
        let fewer = registry().source("hdf5-points", json!({
            "coordinates": {"latitude": "/a", "longitude": "/b"}, "variables": {"h": "/h"},
        }).as_object().unwrap()).unwrap();
        let coarser = grid_of(&crate::support::pipeline(&[preset(), "output: {grid: {child_order: 11}}"]));
        for key in [IndexKey::new(&*fewer, &*grid).unwrap(), IndexKey::new(&*source, &*coarser).unwrap()] {
            let error = GranuleIndex::decode(&bytes, &index.granule, &key, &*grid).unwrap_err();
            prop_assert_eq!(error.kind(), ErrorKind::Changed);
        }
    }
}

#[test]
fn what_is_which_coordinate_and_the_order_of_parts_are_in_the_name() {
    let grid = grid_of(&pipeline(&[preset()]));
    let name = |groups: Value, latitude: &str, longitude: &str, variables: Value| {
        let section = json!({
            "groups": groups,
            "coordinates": {"latitude": latitude, "longitude": longitude},
            "variables": variables,
        });
        let source = registry().source("hdf5-points", section.as_object().unwrap()).unwrap();
        IndexKey::new(&*source, &*grid).unwrap().name("a.h5")
    };
    let (x, y) = ("/{group}/x", "/{group}/y");
    let h = || json!({"h": "/{group}/h", "q": "/{group}/q"});
    let plain = name(json!(["a", "b"]), y, x, h());
    assert_ne!(name(json!(["a", "b"]), x, y, h()), plain);
    assert_ne!(name(json!(["b", "a"]), y, x, h()), plain);
    assert_ne!(name(json!(["a"]), y, x, h()), plain);
    assert_ne!(name(json!(["a", "b"]), y, x, json!({"h": "/{group}/h"})), plain);
    // Names and order of columns are of no matter.
    assert_eq!(name(json!(["a", "b"]), y, x, json!({"r": "/{group}/q", "g": "/{group}/h"})), plain);
}

#[test]
fn an_index_that_is_too_long_is_not_written() {
    let pipeline = pipeline(&[preset()]);
    let grid = grid_of(&pipeline);
    let source = registry().source(&pipeline.data_source.reader, &pipeline.data_source.options).unwrap();
    let key = IndexKey::new(&*source, &*grid).unwrap();
    // Digits without a pattern, which do not pack well.
    let mut state = 1u64;
    let numbers = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    });
    let index = GranuleIndex {
        granule: "a.h5".into(),
        object: ObjectIdentity { size: 1, etag: None },
        parts: Vec::new(),
        source: numbers.take(MAX_STORED_BYTES as usize / 8).collect::<Vec<u64>>().into(),
    };
    let error = index.encode(&key, &*grid).unwrap_err();
    assert!(error.message().starts_with("its index has "), "{error}");
}
