//! Whatever is on the shelf and whatever a miss means, the store is the same, or says what it lacks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use zagg_atl06::synthetic::GranuleSpec;
use zagg_core::store::StoreState;

use super::{Shelf, filled, indexed, indexed_pipeline, maker, remote, run, told, used};
use crate::support::points::{Data, Part};
use crate::support::{assert_same_tree, crossing};
use zagg_core::index::Made;

/// Granules with all that reports speak of: absent parts, holes, rows without a position.
fn odd_granules() -> Vec<GranuleSpec> {
    let mut specs = crossing(3000);
    specs[0].without = vec!["gt1l/land_ice_segments".into(), "gt2l".into()];
    specs[1].without = vec!["gt3r/land_ice_segments/h_li".into(), "gt1r/land_ice_segments/latitude".into()];
    specs[2].bad_positions = 5;
    specs
}

#[test]
fn with_and_without_an_index_the_store_is_the_same() {
    let (mut job, _) = remote(&odd_granules());
    // One shard does not list a granule that has rows there.
    let listed = job.map.shards.iter_mut().find(|shard| shard.granules.len() > 1).unwrap();
    listed.granules.pop();
    let (want, tree) = run(&job);
    assert!(want.index.is_none());
    assert!(want.strays.rows_bad_position > 0 && want.strays.rows_unassigned > 0, "{:?}", want.strays);
    assert!(want.parts_absent > 0 && !want.holes.is_empty());
    let full = filled(&job);
    assert_eq!(full.objects().len(), 3);
    let spoiled = |bytes: &Bytes| bytes.slice(..bytes.len() / 2);
    let shelves = [
        ("empty", Arc::new(Shelf::default()), [0, 3]),
        // The granule with a hole is read again, in case the hole was one of the transfer.
        ("full", Arc::clone(&full), [2, 1]),
        ("cut short", full.changed(|_, bytes| spoiled(bytes)), [0, 3]),
        ("empty files", full.changed(|_, _| Bytes::new()), [0, 3]),
        (
            "one of three",
            full.changed(|name, bytes| {
                if name.contains(&job.map.granules[0].id) { bytes.clone() } else { Bytes::from_static(b"x") }
            }),
            [1, 2],
        ),
        ("one for another", full.changed(|_, _| full.objects().into_values().next().unwrap()), [1, 2]),
    ];
    for (what, shelf, [hits, misses]) in shelves {
        for on_miss in ["read", "build"] {
            let what = format!("{what}, on_miss: {on_miss}");
            let shelf = shelf.changed(|_, bytes| bytes.clone());
            let (got, files) = run(&indexed(&job, &shelf, on_miss));
            assert_eq!(told(&got), told(&want), "{what}");
            assert_same_tree(&files, &tree, &what);
            let found = used(&got);
            assert_eq!((found.used, found.missed), (hits, misses), "{what}");
            assert_eq!(found.written, if on_miss == "build" { misses } else { 0 }, "{what}");
            if on_miss == "build" {
                assert_eq!(shelf.objects(), full.objects(), "{what}");
                let (again, files) = run(&indexed(&job, &shelf, "error"));
                assert_eq!(told(&again), told(&want), "{what}");
                assert_same_tree(&files, &tree, &what);
                assert_eq!(used(&again).used, 3, "{what}");
            }
        }
    }
}

#[test]
fn a_miss_is_a_hole_when_it_shall_be_and_nothing_is_read() {
    let (job, archive) = remote(&crossing(2000));
    for (shelf, reason) in [
        (Arc::new(Shelf::default()), "there is no index of it in shelf; make one with zagg index"),
        (filled(&job).changed(|_, _| Bytes::from_static(b"x")), "its index in shelf: it cannot be unpacked"),
    ] {
        archive.calls();
        let (summary, _) = run(&indexed(&job, &shelf, "error"));
        assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 3));
        assert_eq!((used(&summary).used, used(&summary).missed), (0, 3));
        assert!(summary.holes.iter().all(|(hole, _)| hole.reason.starts_with(reason)), "{:?}", summary.holes);
        assert_eq!(summary.holes.len(), 3);
        assert_eq!(archive.calls(), []);
    }
}

#[test]
fn a_shelf_that_fails_costs_a_warning() {
    let (mut job, _) = remote(&crossing(2000));
    // One after the other: those at the same time could all meet with it.
    (job.options.workers, job.options.io_threads) = (1, 1);
    let (want, tree) = run(&job);
    let shelf = Arc::new(Shelf::default());
    shelf.refuses_put.store(true, Ordering::SeqCst);
    let (got, files) = run(&indexed(&job, &shelf, "build"));
    assert_same_tree(&files, &tree, "a full shelf");
    assert_eq!((told(&got), got.exit_code()), (told(&want), 0));
    assert_eq!((used(&got).written, used(&got).not_written), (0, 3));
    let warning = "no index of it was written to shelf: the shelf is full; the store is not asked again";
    // The shelf is tried once, not for every granule.
    assert_eq!(got.warnings.iter().filter(|line| line.ends_with(warning)).count(), 1, "{:?}", got.warnings);
    assert_eq!(shelf.refused(), 1);

    shelf.refuses_get.store(true, Ordering::SeqCst);
    for on_miss in ["read", "build"] {
        let (got, files) = run(&indexed(&job, &shelf, on_miss));
        assert_same_tree(&files, &tree, "a shelf out of reach");
        assert_eq!(told(&got), told(&want));
        let warning =
            "its index in shelf is not used: the shelf is out of reach; the store is not asked again";
        let warnings: Vec<&String> = got.warnings.iter().filter(|line| line.contains("shelf")).collect();
        let [told] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(told.ends_with(warning), "{told}");
        // The granule whose index is looked for first finds it out.
        assert_eq!(shelf.refused(), 1);
        assert_eq!(used(&got).missed, 3);
    }
    let (got, _) = run(&indexed(&job, &shelf, "error"));
    assert_eq!((got.state, used(&got).missed), (StoreState::Incomplete, 3));
    assert!(got.holes.iter().all(|(hole, _)| hole.reason.contains("the shelf is out of reach")));
    assert!(maker(&job, &shelf).make(&job.map.granules[0], false).is_err());
}

#[test]
fn an_index_is_made_once_and_says_the_same_wherever_it_is_made() {
    let (job, archive) = remote(&crossing(2000));
    let shelf = filled(&job);
    archive.calls();
    for granule in &job.map.granules {
        assert_eq!(maker(&job, &shelf).make(granule, false).unwrap(), Made::Valid { holes: Vec::new() });
        // One byte tells that the granule is the same.
        let calls = archive.calls();
        assert_eq!(calls, [(granule.id.clone(), vec![0..1])]);
        assert!(matches!(maker(&job, &shelf).make(granule, true).unwrap(), Made::Built { .. }));
        archive.calls();
    }
    assert_eq!(shelf.objects(), filled(&job).objects());
    for (name, bytes) in shelf.objects() {
        assert!(bytes.len() < 4000, "{name}: {} bytes", bytes.len());
    }
}

#[test]
fn a_reader_without_indexes_needs_none() {
    let row = |n: usize| Part {
        lon: vec![10.0; n],
        lat: vec![-80.0; n],
        h: vec![1.0; n],
        q: vec![0; n],
        ..Part::default()
    };
    let data = Data::new(vec![vec![row(3)]]);
    for on_miss in ["read", "build"] {
        let mut job = data.job(&format!("data_source: {{index: {{store: shelf, on_miss: {on_miss}}}}}"));
        job.options.index = Some(Arc::new(Shelf::default()));
        let (summary, _) = job.run_in_memory();
        assert_eq!((summary.state, summary.index), (StoreState::Complete, None));
    }
    let mut job = data.job("data_source: {index: {store: shelf, on_miss: error}}");
    job.options.index = Some(Arc::new(Shelf::default()));
    let error = job.assemble(Arc::new(zagg_zarr::ZarrStore::memory())).unwrap_err();
    assert_eq!(error.message(), "data_source.index: the reader keeps no indexes; leave index out");
}

#[test]
fn a_program_that_keeps_no_indexes_says_so() {
    let (mut job, _) = remote(&crossing(1000)[..1]);
    job.pipeline = indexed_pipeline("read");
    let error = job.assemble(Arc::new(zagg_zarr::ZarrStore::memory())).unwrap_err();
    assert_eq!(error.message(), "data_source.index: this program keeps no indexes");
}
