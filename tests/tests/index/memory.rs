//! Granules that are closed and opened again within a run.

use std::collections::HashMap;
use std::sync::Arc;

use zagg_core::task::run_task;
use zagg_zarr::ZarrStore;

use super::{Shelf, indexed, remote, run, told};
use crate::support::{assert_same_tree, crossing, grid_of};

#[test]
fn a_granule_is_opened_again_without_looking_for_anything() {
    let specs = crossing(20_000);
    let (mut job, archive) = remote(&specs);
    // The shards in which all tracks have rows: their granules are needed again and again.
    job.map.shards.retain(|shard| shard.granules.len() == specs.len());
    assert!(job.map.shards.len() >= 2, "{} shards", job.map.shards.len());
    let (want, tree) = run(&job);
    archive.calls();
    job.options.open_granules = 1;
    (job.options.workers, job.options.io_threads) = (1, 1);
    let (got, files) = run(&job);
    assert_same_tree(&files, &tree, "one granule open");
    assert_eq!(told(&got), told(&want));
    let mut calls: HashMap<String, Vec<u64>> = HashMap::new();
    for (href, ranges) in archive.calls() {
        calls.entry(href).or_default().push(ranges.iter().map(|range| range.end - range.start).sum());
    }

    let assembled = job.assemble(Arc::new(ZarrStore::memory())).unwrap();
    let reports: Vec<_> = assembled.tasks.iter().map(|task| run_task(&assembled, task)).collect();
    archive.calls();
    for report in &reports[1..] {
        // Each granule was closed since: one vectored read brings the rows, coordinates among them.
        assert!(report.rows_kept > 0);
        assert!(report.traffic.round_trips <= specs.len() as u64, "{}: {:?}", report.shard, report.traffic);
    }
    // Of a file, latitudes and longitudes of each beam are a read of their own.
    assert!(calls.values().all(|calls| calls.len() < 18 + job.map.shards.len()), "{calls:?}");
}

#[test]
fn a_granule_replaced_while_it_was_closed_is_read_anew() {
    let specs = crossing(8000);
    let (mut job, archive) = remote(&specs);
    job.map.shards.retain(|shard| shard.granules.len() == specs.len());
    job.options.open_granules = 1;
    (job.options.workers, job.options.io_threads) = (1, 1);
    let grid = grid_of(&job.pipeline);
    let run = job.assemble(Arc::new(ZarrStore::memory())).unwrap();
    let first = run_task(&run, &run.tasks[0]);
    assert_eq!(first.holes, []);
    // The same rows under another version.
    let bytes = zagg_atl06::synthetic::write_granule(&specs[0]).unwrap();
    archive.put(&specs[0].name, bytes);
    for task in &run.tasks[1..] {
        let report = run_task(&run, task);
        assert_eq!(report.holes, [], "shard {}", grid.shard_label(task.shard));
        assert!(report.rows_kept > 0);
    }
}

#[test]
fn a_stored_index_is_asked_for_once() {
    let specs = crossing(8000);
    let (mut job, _) = remote(&specs);
    job.options.open_granules = 1;
    let shelf = super::filled(&job);
    let stored: u64 = shelf.objects().values().map(|bytes| bytes.len() as u64).sum();
    let (summary, _) = run(&indexed(&job, &shelf, "read"));
    assert_eq!(super::used(&summary).used, 3);
    assert_eq!(shelf.given(), stored);
    let empty = Arc::new(Shelf::default());
    let (summary, _) = run(&indexed(&job, &empty, "read"));
    assert_eq!((super::used(&summary).used, super::used(&summary).missed), (0, 3));
    assert_eq!((empty.objects().len(), empty.given()), (0, 0));
}
