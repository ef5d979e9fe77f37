//! Requests that fail, stall or fall short, and a disk that fills: the store is that of an undisturbed run, or what it lacks is
//! named, and going on ends with that store.

use std::sync::Arc;
use std::time::Duration;

use zagg_core::Error;
use zagg_core::store::{FailingStore, StoreState};
use zagg_zarr::ZarrStore;

use super::{archive, impatient, job_of, resumes_to, same};
use crate::support::archive::Trouble;
use crate::support::{LAYOUTS, Silent};

#[test]
fn every_kth_request_in_trouble_ends_with_the_undisturbed_store_or_is_told() {
    let archive = archive();
    let mut job = job_of(&archive, "compact");
    let (undisturbed, whole) = job.run_in_memory();
    let want = whole.objects().unwrap();
    let troubles = [
        Trouble::Fails(Error::temporary("503 slow down")),
        Trouble::Fails(Error::io("connection reset")),
        Trouble::Unopened(Error::temporary("timed out")),
        Trouble::Unopened(Error::io("connection reset")),
        Trouble::Slow(Duration::from_millis(3)),
        Trouble::Truncated,
        Trouble::Short,
    ];
    for trouble in troubles {
        let (mut complete, mut told) = (0, 0);
        for every in [1, 2, 5, 13, 40] {
            for retries in [0, 2] {
                let what = format!("every {every}, {retries} retries: {trouble:?}");
                job.options.max_retries = retries;
                archive.disturb(every, trouble.clone());
                let store = ZarrStore::memory();
                let run = job.assemble(Arc::new(store.reopen())).unwrap();
                run.prepare(false).unwrap();
                let summary = run.execute(&impatient(), &Silent).unwrap();
                archive.calm();
                let state = store.inspect().unwrap().state;
                assert_eq!(state, summary.state, "{what}");
                if state == StoreState::Complete {
                    // Attributes of arrays come from a granule, where one can be read.
                    let mut got = store.objects().unwrap();
                    got.retain(|name, _| !name.ends_with("zarr.json"));
                    let mut blocks = want.clone();
                    blocks.retain(|name, _| !name.ends_with("zarr.json"));
                    same(&got, &blocks, &what);
                    assert_eq!(
                        (summary.rows_kept, summary.exit_code()),
                        (undisturbed.rows_kept, 0),
                        "{what}"
                    );
                    complete += 1;
                } else {
                    let named = summary.holes.len() + summary.failures.len();
                    let not_done = summary.shards_incomplete + summary.shards_failed;
                    assert!(named > 0 && not_done > 0, "{what}: {summary:?}");
                    assert_eq!(summary.shards_done + not_done, summary.shards, "{what}");
                    assert_ne!(summary.exit_code(), 0, "{what}");
                    told += 1;
                }
                resumes_to(&job, &store, &want, &what);
            }
        }
        match trouble {
            Trouble::Slow(_) => assert_eq!(told, 0),
            _ => assert!(told > 0, "{trouble:?}: {complete} complete, {told} told"),
        }
    }
}

#[test]
fn a_disk_that_fills_at_any_write_leaves_what_can_be_gone_on_with() {
    for chosen in LAYOUTS {
        let archive = archive();
        let job = job_of(&archive, chosen);
        let (_, whole) = job.run_in_memory();
        let want = whole.objects().unwrap();
        let counting = Arc::new(FailingStore::new(ZarrStore::memory(), |_| false));
        job.run(Arc::clone(&counting) as Arc<_>).unwrap();
        let writes = counting.writes();
        for full in (0..writes).step_by(5) {
            let what = format!("{chosen}, full at write {full} of {writes}");
            let store = ZarrStore::memory();
            let outcome = job.run(Arc::new(FailingStore::new(store.reopen(), move |number| number >= full)));
            // Not even the state could be written.
            assert!(outcome.is_err(), "{what}");
            let state = store.inspect().ok().map(|summary| summary.state);
            assert!(matches!(state, None | Some(StoreState::Open)), "{what}: {state:?}");
            resumes_to(&job, &store, &want, &what);
        }
    }
}
