//! Writes that fail: the shard is reported, the store says that it is not complete, and a rerun mends it.

use std::sync::Arc;

use zagg_core::ErrorKind;
use zagg_core::report::RunSummary;
use zagg_core::store::{FailingStore, Store, StoreState};
use zagg_core::{Error, Result};
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::{Job, LAYOUTS, Silent, assert_same_tree, crossing, layout, pipeline, preset, tree};

fn state(store: &ZarrStore) -> Option<StoreState> {
    store.inspect().ok().map(|summary| summary.state)
}

fn check(outcome: &Result<RunSummary>, state: Option<StoreState>, what: &str) {
    match outcome {
        Ok(summary) => {
            assert_eq!(
                (summary.state, state),
                (StoreState::Incomplete, Some(StoreState::Incomplete)),
                "{what}"
            );
            assert_eq!((summary.shards_failed, summary.failures.len()), (1, 1), "{what}");
            assert_eq!(summary.shards_done + 1, summary.shards);
            assert_eq!(summary.exit_code(), 3);
            assert!(summary.failures[0].1.contains("injected failure"), "{what}: {:?}", summary.failures);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Io, "{what}");
            assert!(error.to_string().contains("injected failure"), "{what}: {error}");
            assert!(matches!(state, None | Some(StoreState::Open)), "{what}: {state:?}");
        }
    }
}

#[test]
fn whichever_write_fails_a_rerun_leaves_the_undisturbed_bytes() {
    for chosen in LAYOUTS {
        let job = Job::atl06(pipeline(&[preset(), &layout(chosen)]), &crossing(2000)[..2]);
        let (undisturbed, want) = job.run_on_disk(&LocalExecutor::default());
        assert_eq!(undisturbed.state, StoreState::Complete);
        let counting = Arc::new(FailingStore::new(ZarrStore::memory(), |_| false));
        job.run(Arc::clone(&counting) as Arc<dyn Store>).unwrap();
        let writes = counting.writes();
        assert!(writes > 9 * undisturbed.shards, "{writes} writes");
        let mut failed_shards = 0;
        for number in 0..writes {
            let what = format!("{chosen}, write {number} of {writes}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out.zarr");
            let open = || ZarrStore::open_path(&path).unwrap();
            let outcome = job.run(Arc::new(FailingStore::new(open(), move |n| n == number)));
            check(&outcome, state(&open()), &what);
            failed_shards += u64::from(outcome.is_ok());
            let again = job.run(Arc::new(open())).unwrap();
            assert_eq!((again.state, again.exit_code()), (StoreState::Complete, 0), "{what}");
            assert_same_tree(&tree(&path), &want, &what);
        }
        // Nine arrays, and the record before and after them.
        assert_eq!(failed_shards, 11 * undisturbed.shards);
    }
}

#[test]
fn every_kth_write_that_fails_is_told_and_going_on_leaves_the_undisturbed_bytes() {
    for chosen in LAYOUTS {
        let job = Job::atl06(pipeline(&[preset(), &layout(chosen)]), &crossing(2000)[..2]);
        let (_, want) = job.run_on_disk(&LocalExecutor::default());
        for every in [1, 2, 3, 5, 9, 13, 29, 60] {
            let what = format!("{chosen}, every {every}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out.zarr");
            let open = || ZarrStore::open_path(&path).unwrap();
            // A disk that is full now and then: what one run has not done the next one goes on with.
            for attempt in 0..3 {
                let failing = FailingStore::new(open(), move |number| (number + attempt + 1) % every == 0);
                let outcome = job.run(Arc::new(failing));
                match (&outcome, state(&open())) {
                    (Ok(summary), Some(found)) => {
                        assert_eq!(summary.state, found, "{what}");
                        let is_whole = found == StoreState::Complete;
                        assert_eq!(summary.exit_code() == 0, is_whole, "{what}: {summary:?}");
                        assert_eq!(summary.shards_failed == 0, is_whole, "{what}: {summary:?}");
                        if is_whole {
                            assert_same_tree(&tree(&path), &want, &what);
                        }
                    }
                    (Err(error), found) => {
                        assert!(error.to_string().contains("injected failure"), "{what}: {error}");
                        // What failed before it changed anything has left what was there.
                        if found == Some(StoreState::Complete) {
                            assert_same_tree(&tree(&path), &want, &what);
                        }
                    }
                    other => panic!("{what}: {other:?}"),
                }
            }
            let mut run = Arc::into_inner(job.assemble(Arc::new(open())).unwrap()).unwrap();
            run.resume(false).unwrap();
            run.prepare(false).unwrap();
            let again = Arc::new(run).execute(&LocalExecutor::default(), &Silent).unwrap();
            assert_eq!((again.state, again.exit_code()), (StoreState::Complete, 0), "{what}");
            assert_same_tree(&tree(&path), &want, &what);
        }
    }
}

#[test]
fn a_store_that_fails_altogether_fails_every_shard_or_the_run() {
    let job = Job::atl06(pipeline(&[preset()]), &crossing(2000)[..2]);
    let store = ZarrStore::memory();
    let fails = FailingStore::new(store.reopen(), |_| true);
    let error: Error = job.run(Arc::new(fails)).unwrap_err();
    assert!(error.to_string().contains("injected failure"), "{error}");
    assert_eq!(state(&store), None);
    assert_eq!(job.run(Arc::new(store)).unwrap().state, StoreState::Complete);
}
