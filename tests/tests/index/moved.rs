//! A granule that after it was indexed has its rows elsewhere, or is gone: shards in which the index has no rows tell so
//! as the others do.

use std::sync::Arc;

use zagg_atl06::synthetic::{BEAMS, Direction, GranuleSpec, write_granule};
use zagg_core::store::StoreState;

use super::{Archive, Shelf, filled, remote, run, told};
use crate::support::{Job, assert_same_tree, crossing, grid_of, pipeline, preset};

/// A job in which every shard lists every granule, as maps made of footprints do, with the indexes of all granules.
fn wide() -> (Job, Arc<Archive>, Arc<Shelf>, Vec<GranuleSpec>) {
    let specs = crossing(12_000);
    let (mut job, archive) = remote(&specs);
    // Tracks of 240 km through one point: most shards have rows of one granule or two.
    assert!(job.map.shards.iter().any(|shard| !shard.granules.contains(&0)));
    for shard in &mut job.map.shards {
        shard.granules = (0..specs.len() as u32).collect();
    }
    job.pipeline = pipeline(&[preset(), INHERITS]);
    let shelf = filled(&job);
    (job, archive, shelf, specs)
}

/// With a variable whose units are those of the granules.
const INHERITS: &str = "aggregation: {variables: {lowest: {function: min, source: h_li, dtype: float32}}}";

fn indexed(job: &Job, shelf: &Arc<Shelf>, on_miss: &str) -> Job {
    let job = super::indexed(job, shelf, on_miss);
    let index = format!("data_source: {{index: {{store: shelf, on_miss: {on_miss}}}}}");
    Job { pipeline: pipeline(&[preset(), INHERITS, &index]), ..job }
}

fn with_workers(job: &Job, workers: usize) -> Job {
    let mut job = job.clone();
    (job.options.workers, job.options.io_threads) = (workers, workers);
    job
}

/// Compares whole runs, and runs of single shards, with and without an index.
#[track_caller]
fn compare(job: &Job, shelf: &Arc<Shelf>, what: &str) {
    let (want, tree) = run(job);
    for on_miss in ["read", "build"] {
        for workers in [1, 8] {
            let what = format!("{what}, on_miss: {on_miss}, {workers} workers");
            let shelf = shelf.changed(|_, bytes| bytes.clone());
            let (got, files) = run(&indexed(&with_workers(job, workers), &shelf, on_miss));
            assert_eq!(told(&got), told(&want), "{what}");
            assert_eq!(got.exit_code(), want.exit_code(), "{what}");
            assert_same_tree(&files, &tree, &what);
        }
    }
    let grid = grid_of(&job.pipeline);
    for entry in &job.map.shards {
        let label = grid.shard_label(grid.shard_from_key(entry.key).unwrap());
        let what = format!("{what}, shard {label}");
        let mut one = job.clone();
        one.options.shards = vec![label];
        let (want, tree) = run(&one);
        let (got, files) = run(&indexed(&one, shelf, "read"));
        assert_eq!(told(&got), told(&want), "{what}");
        assert_same_tree(&files, &tree, &what);
        if want.state == StoreState::Incomplete {
            let (got, _) = run(&indexed(&one, shelf, "error"));
            assert_eq!(got.state, StoreState::Incomplete, "{what}");
        }
    }
}

#[test]
fn rows_that_are_elsewhere_by_now_are_found() {
    let (job, archive, shelf, specs) = wide();
    compare(&job, &shelf, "as indexed");
    let moved = specs[0].clone().through(-80.0, 61.0, Direction::Ascending).unwrap();
    archive.put(&specs[0].name, write_granule(&moved).unwrap());
    compare(&job, &shelf, "moved");
    // Columns say nothing of themselves where they are not.
    let without = BEAMS.iter().map(|beam| format!("{beam}/land_ice_segments/h_li")).collect();
    archive.put(&specs[0].name, write_granule(&GranuleSpec { without, ..moved }).unwrap());
    compare(&job, &shelf, "moved, without a column");
}

#[test]
fn a_granule_that_is_gone_is_a_hole_of_every_shard() {
    let (job, archive, shelf, specs) = wide();
    archive.remove(&specs[0].name);
    compare(&job, &shelf, "gone");
}

#[test]
fn a_shard_without_rows_asks_once_whether_the_granule_is_the_same() {
    let (job, archive, shelf, specs) = wide();
    archive.calls();
    let (got, _) = run(&indexed(&with_workers(&job, 1), &shelf, "error"));
    assert_eq!(super::used(&got).used, specs.len() as u64);
    let calls = archive.calls();
    for spec in &specs {
        let asked = calls.iter().filter(|(href, ranges)| *href == spec.name && ranges[..] == [0..1]).count();
        assert!(asked <= 1, "{}: {asked}", spec.name);
    }
}
