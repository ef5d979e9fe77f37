//! Indexes that are damaged, or made up by somebody who means harm.

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::Value;
use zagg_core::hash::sha256_hex;
use zagg_core::report::RunSummary;
use zagg_core::store::StoreState;
use zagg_zarr::ZarrStore;

use super::{Shelf, filled, indexed, remote, told};
use crate::support::{Job, Table, crossing, table};

struct Known {
    job: Job,
    want: RunSummary,
    table: Table,
    shelf: Arc<Shelf>,
}

/// One small granule in a few shards.
static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (mut job, _) = remote(&crossing(600)[..1]);
    (job.options.workers, job.options.io_threads) = (1, 1);
    let (want, store) = job.run_in_memory();
    let shelf = filled(&job);
    Known { table: table(&store), job, want, shelf }
});

fn run_with(bytes: &Bytes, on_miss: &str) -> (RunSummary, ZarrStore) {
    let shelf = KNOWN.shelf.changed(|_, _| bytes.clone());
    indexed(&KNOWN.job, &shelf, on_miss).run_in_memory()
}

fn stored() -> Bytes {
    KNOWN.shelf.objects().into_values().next().unwrap()
}

fn unpacked() -> (Value, Value) {
    let mut text = String::new();
    GzDecoder::new(&stored()[..]).read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once('\n').unwrap();
    (serde_json::from_str(head).unwrap(), serde_json::from_str(body).unwrap())
}

/// An index with a checksum that is right.
fn packed(mut head: Value, body: &Value) -> Bytes {
    let body = body.to_string();
    head["sha256"] = sha256_hex(body.as_bytes()).into();
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(format!("{head}\n{body}\n").as_bytes()).unwrap();
    encoder.finish().unwrap().into()
}

#[track_caller]
fn is_the_same((summary, store): &(RunSummary, ZarrStore)) {
    assert_eq!(told(summary), told(&KNOWN.want));
    // Blocks hold NaN, which equals nothing: texts do.
    assert_eq!(format!("{:?}", table(store)), format!("{:?}", KNOWN.table));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn bytes_that_were_flipped_or_lost_are_a_miss(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = stored().to_vec();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        is_the_same(&run_with(&bytes.into(), "read"));
    }

    /// With a checksum that is right, for one value or another in any place: rows are read right, or a fault is told, or
    /// the values are what the forger made them; but nothing panics, hangs or takes memory without bounds.
    #[test]
    fn forged_values_never_panic(at in 0usize..900, new in prop_oneof![
        any::<u64>().prop_map(Value::from),
        (0u64..2000).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null), Just(Value::from(true)), Just(Value::from("")), Just(Value::from("absent")),
        Just(serde_json::json!([])), Just(serde_json::json!({})), Just(serde_json::json!([0, u64::MAX])),
    ]) {
        let (head, mut body) = unpacked();
        replace(&mut body, &mut (at + 1), &new);
        let (summary, _) = run_with(&packed(head, &body), "read");
        prop_assert_eq!(summary.shards_failed, 0);
        // A panic that was caught is told as a fault.
        let holes = summary.holes.iter().map(|(hole, _)| &hole.reason);
        let panicked = summary.warnings.iter().chain(holes).find(|text| text.contains("panic"));
        prop_assert_eq!(panicked, None);
    }
}

fn replace(value: &mut Value, at: &mut usize, new: &Value) -> bool {
    if *at == 0 {
        *value = new.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, at, new)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, at, new)),
        _ => false,
    }
}

#[test]
fn an_index_that_is_packed_again_is_still_used() {
    let (head, body) = unpacked();
    let ran = run_with(&packed(head, &body), "error");
    is_the_same(&ran);
    assert_eq!(ran.0.index.unwrap().used, 1);
}

#[test]
fn every_mismatch_is_a_miss_that_says_why() {
    let change = |change: &dyn Fn(&mut Value, &mut Value)| {
        let (mut head, mut body) = unpacked();
        change(&mut head, &mut body);
        packed(head, &body)
    };
    let datasets = "/source/datasets";
    let rows = |body: &mut Value, pairs: Value| {
        let state = body["parts"][0]["state"]["located"].as_object_mut().unwrap();
        let shards = state["shards"].as_object_mut().unwrap();
        *shards.values_mut().next().unwrap() = pairs;
    };
    let cases: [(&str, Bytes); 14] = [
        ("it has version 2; this zagg reads version 1", change(&|head, _| head["version"] = 2.into())),
        ("it is not a granule index of zagg", change(&|head, _| head["format"] = "other".into())),
        ("it is the index of granule b.h5", change(&|_, body| body["granule"] = "b.h5".into())),
        ("made for other datasets or by another reader", change(&|_, body| body["source_key"] = "0".into())),
        ("made for another grid", change(&|_, body| body["grid"]["child_order"] = 11.into())),
        (
            "is another object by now",
            change(&|_, body| {
                body["object"]["size"] = (body["object"]["size"].as_u64().unwrap() + 1).into();
            }),
        ),
        ("is another object by now", change(&|_, body| body["object"]["etag"] = "\"v2\"".into())),
        ("is another object by now", change(&|_, body| body["object"]["etag"] = Value::Null)),
        (
            "it has 5 parts, the granule 6",
            change(&|_, body| drop(body["parts"].as_array_mut().unwrap().pop())),
        ),
        ("it has a part gt9x, the granule gt1l", change(&|_, body| body["parts"][0]["name"] = "gt9x".into())),
        ("are not rows of the part", change(&|_, body| rows(body, serde_json::json!([0, 1_000_000])))),
        ("are not rows of the part", change(&|_, body| rows(body, serde_json::json!([0])))),
        (
            "says nothing of /gt1l/land_ice_segments/h_li",
            change(&|_, body| {
                let datasets = body.pointer_mut(datasets).unwrap().as_object_mut().unwrap();
                datasets.shift_remove("/gt1l/land_ice_segments/h_li").unwrap();
            }),
        ),
        (
            "the saved superblock is not of this file",
            change(&|_, body| {
                body["source"]["file"]["widths"] = serde_json::json!([3, 8]);
            }),
        ),
    ];
    for (why, bytes) in cases {
        let ran = run_with(&bytes, "read");
        is_the_same(&ran);
        let (summary, _) = ran;
        assert_eq!(summary.index.unwrap().missed, 1, "{why}");
        let [warning] = &summary.warnings[..] else { panic!("{why}: {:?}", summary.warnings) };
        assert!(
            warning.contains("its index in shelf is not used: ") && warning.contains(why),
            "{why}: {warning}"
        );
    }
}

#[test]
fn rows_that_are_not_where_the_index_says_are_looked_for() {
    // Addresses of another column's chunks, and rows of another shard.
    let (head, mut body) = unpacked();
    let latitude = body["source"]["datasets"]["/gt1l/land_ice_segments/latitude"].clone();
    body["source"]["datasets"]["/gt1l/land_ice_segments/longitude"] = latitude;
    let (moved_head, mut moved) = unpacked();
    let shards = moved["parts"][0]["state"]["located"]["shards"].as_object_mut().unwrap();
    let ranges: Vec<Value> = shards.values().cloned().collect();
    assert!(ranges.len() >= 2, "{ranges:?}");
    for (shard, range) in shards.values_mut().zip(ranges.into_iter().rev()) {
        *shard = range;
    }
    for bytes in [packed(head, &body), packed(moved_head, &moved)] {
        let ran = run_with(&bytes, "read");
        is_the_same(&ran);
        assert!(ran.0.warnings[0].contains("its rows are not where its index says"), "{:?}", ran.0.warnings);
        // Where nothing but the index may be asked, a fault is told.
        let (summary, _) = run_with(&bytes, "error");
        assert_eq!(summary.state, StoreState::Incomplete);
    }
}
