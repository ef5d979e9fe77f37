//! Failures that are likely to pass.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use zagg_core::Error;
use zagg_core::executor::Observer;
use zagg_core::records::{ShardState, statuses};
use zagg_core::report::{RunSummary, TaskReport};
use zagg_core::store::{FailingStore, Store, StoreState};
use zagg_zarr::ZarrStore;

use super::{archive, impatient, job_of, record, resumes_to, same};
use crate::support::archive::{Archive, Trouble};
use crate::support::{Job, Silent};

/// What the last request of a granule's server may come to.
fn refused() -> Error {
    Error::temporary("503 slow down")
}

/// Counts retries.
#[derive(Default)]
struct Retried(Mutex<Vec<(String, u32)>>);

impl Observer for Retried {
    fn task_ended(&self, _report: &TaskReport, _done: usize, _total: usize) {}

    fn task_retried(&self, report: &TaskReport, _wait: Duration, left: u32) {
        self.0.lock().unwrap().push((report.shard.clone(), left));
    }
}

fn run(job: &Job, store: &ZarrStore, observer: &dyn Observer) -> RunSummary {
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    run.prepare(false).unwrap();
    run.execute(&impatient(), observer).unwrap()
}

fn states(job: &Job, store: &ZarrStore) -> Vec<ShardState> {
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    statuses(&run.product, store, &run.product.shards)
        .unwrap()
        .into_iter()
        .map(|status| status.state)
        .collect()
}

/// A job whose template needs no granule, so that only shards meet with trouble.
fn quiet(archive: &Archive) -> Job {
    let mut job = job_of(archive, "compact");
    (job.options.workers, job.options.io_threads) = (1, 1);
    job
}

#[test]
fn a_shard_that_fails_for_now_is_run_again_and_no_hole_is_left() {
    let archive = archive();
    let mut job = quiet(&archive);
    let (_, whole) = job.run_in_memory();
    let want = whole.objects().unwrap();
    job.options.max_retries = 5;
    for trouble in [Trouble::Fails(refused()), Trouble::Unopened(refused())] {
        for every in [2, 3, 5, 9] {
            let what = format!("every {every}: {trouble:?}");
            archive.disturb(every, trouble.clone());
            let (store, seen) = (ZarrStore::memory(), Retried::default());
            let summary = run(&job, &store, &seen);
            archive.calm();
            let retried = seen.0.lock().unwrap().clone();
            assert!(summary.holes.is_empty(), "{what}: {:?}", summary.holes);
            assert!(retried.iter().all(|(_, left)| (1..=5).contains(left)), "{what}: {retried:?}");
            if summary.shards_failed > 0 {
                assert_eq!(summary.exit_code(), 75, "{what}");
                assert!(summary.temporary && summary.failures[0].1.contains("503 slow down"), "{what}");
            }
            assert!(!retried.is_empty() || summary.shards_failed == 0, "{what}");
            resumes_to(&job, &store, &want, &what);
        }
    }
}

#[test]
fn what_stays_out_of_reach_fails_its_shards_for_now_and_takes_nothing_from_them() {
    let archive = archive();
    let mut job = quiet(&archive);
    let (first, store) = job.run_in_memory();
    let want = store.objects().unwrap();
    job.options.max_retries = 1;
    archive.disturb(1, Trouble::Fails(refused()));
    let summary = run(&job, &store, &Silent);
    archive.calm();
    assert_eq!((summary.shards_failed, summary.exit_code()), (first.shards, 75));
    assert_eq!(summary.state, StoreState::Incomplete);
    // What the first run wrote is all there, in every level: only the state says that it was to be made anew.
    let mut now = store.objects().unwrap();
    now.insert("zarr.json".into(), want["zarr.json"].clone());
    same(&now, &want, "the blocks");
    for state in states(&job, &store) {
        let ShardState::Kept(reason) = &state else { panic!("{state:?}") };
        assert!(reason.contains("503 slow down") && state.is_written(), "{reason}");
    }
    // Twice changes nothing of that.
    archive.disturb(1, Trouble::Fails(refused()));
    run(&job, &store, &Silent);
    archive.calm();
    assert!(states(&job, &store).iter().all(|state| matches!(state, ShardState::Kept(_))));
    let resumed = resumes_to(&job, &store, &want, "in better times");
    assert_eq!(resumed.redone.len() as u64, first.shards);
}

#[test]
fn a_write_that_fails_before_the_first_block_keeps_what_was_there() {
    let archive = archive();
    let job = quiet(&archive);
    let (_, store) = job.run_in_memory();
    let want = store.objects().unwrap();
    let counting = FailingStore::new(store.reopen(), |_| false);
    let run = job.assemble(Arc::new(counting)).unwrap();
    run.prepare(false).unwrap();
    drop(run);
    // The record that opens the first shard is the first write after the template.
    let fails = Arc::new(FailingStore::new(store.reopen(), |_| false));
    let run = job.assemble(Arc::clone(&fails) as Arc<dyn Store>).unwrap();
    run.prepare(false).unwrap();
    run.store.release().unwrap();
    let first = fails.writes();
    let failing = FailingStore::new(store.reopen(), move |number| number == first);
    let run = job.assemble(Arc::new(failing)).unwrap();
    run.prepare(false).unwrap();
    let summary = run.execute(&impatient(), &Silent).unwrap();
    assert_eq!((summary.shards_failed, summary.state), (1, StoreState::Incomplete));
    let kept = states(&job, &store).into_iter().filter(|state| matches!(state, ShardState::Kept(_))).count();
    assert_eq!(kept, 1);
    let mut now = store.objects().unwrap();
    now.insert("zarr.json".into(), want["zarr.json"].clone());
    same(&now, &want, "no level lost a cell");
    resumes_to(&job, &store, &want, "again");
}

#[test]
fn who_takes_incomplete_shards_gets_them_and_three_wins() {
    let archive = archive();
    let mut job = quiet(&archive);
    job.options.allow_incomplete = true;
    let (_, whole) = job.run_in_memory();
    let want = whole.objects().unwrap();
    // One granule is out of reach, the others are there.
    archive.disturb(1, Trouble::Fails(refused()));
    let store = ZarrStore::memory();
    let summary = run(&job, &store, &Silent);
    archive.calm();
    assert_eq!((summary.shards_failed, summary.shards_incomplete), (0, summary.shards));
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 0));
    assert!(summary.holes.iter().all(|(hole, _)| hole.temporary) && !summary.holes.is_empty());
    let strict = RunSummary { allow_incomplete: false, ..summary.clone() };
    assert_eq!(strict.exit_code(), 75);
    let lasting = RunSummary { allow_incomplete: false, temporary: false, ..summary };
    assert_eq!(lasting.exit_code(), 3);
    for label in super::labels(&job) {
        assert_eq!(record(&store, &label)["holes"][0]["temporary"], true);
    }
    resumes_to(&job, &store, &want, "in better times");
    // A granule that is gone is a hole that lasts, though another one may come back.
    let gone = job.map.granules[0].id.clone();
    archive.remove(&gone);
    job.options.allow_incomplete = false;
    archive.disturb(1, Trouble::Fails(refused()));
    let summary = run(&job, &ZarrStore::memory(), &Silent);
    archive.calm();
    assert_eq!((summary.exit_code(), summary.temporary), (3, false), "{summary:?}");
}
