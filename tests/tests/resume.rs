//! Going on: what is done from unchanged inputs is not run again, whatever else is there, and the end is that of one run.

mod crash;
mod faults;
mod temporary;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use zagg_atl06::synthetic::GranuleSpec;
use zagg_core::executor::Observer;
use zagg_core::finalize::finalize;
use zagg_core::report::{RunSummary, TaskReport};
use zagg_core::run::Resumed;
use zagg_core::store::{Store, StoreState};
use zagg_core::{ErrorKind, Result};
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::archive::Archive;
use crate::support::{Job, LAYOUTS, Silent, crossing, layout, pipeline, preset};

/// Levels that tasks write, that finalize puts together, and that it merges.
const LEVELS: &str =
    "output: {grid: {type: healpix, parent_order: 6, child_order: 12, levels: [12, 9, 6, 4]}}";

/// Everything inside a store.
type Objects = BTreeMap<String, Vec<u8>>;

/// Three granules that cross each other, over a handful of shards.
fn specs() -> Vec<GranuleSpec> {
    crossing(1500).into_iter().map(|spec| GranuleSpec { segment_spacing: 220.0, ..spec }).collect()
}

fn archive() -> Archive {
    Archive::of(&specs())
}

fn job_of(archive: &Archive, chosen: &str) -> Job {
    archive.job(pipeline(&[preset(), LEVELS, &layout(chosen)]))
}

/// An executor that does not wait before it runs a task again.
fn impatient() -> LocalExecutor {
    LocalExecutor { first_wait: std::time::Duration::from_millis(1), ..LocalExecutor::default() }
}

/// Goes on with what is there.
fn resume(job: &Job, store: &ZarrStore, trust_ids: bool) -> Result<(Resumed, RunSummary)> {
    let mut run = Arc::into_inner(job.assemble(Arc::new(store.reopen()))?).unwrap();
    let resumed = run.resume(trust_ids)?;
    run.prepare(false)?;
    Ok((resumed, Arc::new(run).execute(&impatient(), &Silent)?))
}

/// Goes on, and checks that the end is this.
#[track_caller]
fn resumes_to(job: &Job, store: &ZarrStore, want: &Objects, what: &str) -> Resumed {
    let (resumed, summary) = resume(job, store, false).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0), "{what}: {summary:?}");
    assert_eq!(summary.shards, summary.shards_done, "{what}");
    assert_eq!(summary.shards_skipped, resumed.skipped.len() as u64, "{what}");
    same(&store.objects().unwrap(), want, what);
    resumed
}

#[track_caller]
fn same(got: &Objects, want: &Objects, what: &str) {
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(got), names(want), "{what}");
    let differing: Vec<&String> =
        want.iter().filter(|(name, bytes)| got[*name] != **bytes).map(|(n, _)| n).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}");
}

/// Stops a run after some tasks.
struct StopAfter(usize, AtomicUsize);

impl Observer for StopAfter {
    fn task_ended(&self, _report: &TaskReport, done: usize, _total: usize) {
        self.1.fetch_max(done, Ordering::SeqCst);
    }

    fn stop_requested(&self) -> bool {
        self.1.load(Ordering::SeqCst) >= self.0
    }
}

/// Runs until some tasks have ended.
fn stopped(job: &Job, after: usize) -> (RunSummary, ZarrStore) {
    let store = ZarrStore::memory();
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    run.prepare(false).unwrap();
    (run.execute(&LocalExecutor::default(), &StopAfter(after, AtomicUsize::new(0))).unwrap(), store)
}

fn record(store: &ZarrStore, label: &str) -> Value {
    let bytes = store.read_record(&format!("shards/{label}.json")).unwrap().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn edit_record(store: &ZarrStore, label: &str, edit: impl FnOnce(&mut Value)) {
    let mut record = record(store, label);
    edit(&mut record);
    store.write_record(&format!("shards/{label}.json"), record.to_string().into_bytes()).unwrap();
}

fn labels(job: &Job) -> Vec<String> {
    let run = job.assemble(Arc::new(ZarrStore::memory())).unwrap();
    run.tasks.iter().map(|task| run.product.grid.shard_label(task.shard)).collect()
}

#[test]
fn a_run_that_was_stopped_anywhere_goes_on_to_the_same_bytes() {
    for chosen in LAYOUTS {
        let archive = archive();
        let mut job = job_of(&archive, chosen);
        // With more than one, the last may be in work already.
        job.options.workers = 1;
        let (whole, store) = job.run_in_memory();
        let want = store.objects().unwrap();
        assert!(whole.shards >= 4, "{} shards", whole.shards);
        for after in 0..whole.shards as usize {
            let what = format!("{chosen} after {after} of {}", whole.shards);
            let (summary, store) = stopped(&job, after);
            assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 75), "{what}");
            assert_eq!(summary.shards_done + summary.shards_not_run, summary.shards, "{what}");
            let resumed = resumes_to(&job, &store, &want, &what);
            assert_eq!(resumed.skipped.len() as u64, summary.shards_done, "{what}");
            assert!(resumed.redone.iter().all(|(_, reason)| reason == "not run"), "{what}: {resumed:?}");
        }
    }
}

#[test]
fn what_is_unchanged_is_asked_for_one_byte_and_neither_read_nor_written() {
    let archive = archive();
    let job = job_of(&archive, "compact");
    let (whole, store) = job.run_in_memory();
    let want = store.objects().unwrap();
    let records: Vec<_> = labels(&job).iter().map(|label| record(&store, label)).collect();
    archive.traffic();
    let resumed = resumes_to(&job, &store, &want, "nothing changed");
    assert_eq!((resumed.skipped.len() as u64, resumed.redone.len()), (whole.shards, 0));
    // A granule tells its units when the template is made: that is not for a shard.
    let template = archive.job(job.pipeline.clone());
    archive.traffic();
    template.assemble(Arc::new(ZarrStore::memory())).unwrap().prepare(false).unwrap();
    let (calls, bytes) = archive.traffic();
    resumes_to(&job, &store, &want, "again");
    let granules = job.map.granules.len() as u64;
    assert_eq!(archive.traffic(), (calls + granules, bytes + granules));
    let again: Vec<_> = labels(&job).iter().map(|label| record(&store, label)).collect();
    assert_eq!(again, records);
    // Without going on all is run again, as ever.
    let summary = job.run(Arc::new(store.reopen())).unwrap();
    assert_eq!((summary.shards_skipped, summary.rows_kept), (0, whole.rows_kept));
    same(&store.objects().unwrap(), &want, "all again");
}

#[test]
fn shards_of_a_granule_that_changed_are_made_again_and_no_others() {
    for chosen in LAYOUTS {
        let archive = archive();
        let job = job_of(&archive, chosen);
        let (_, store) = job.run_in_memory();
        let mut changed = specs()[0].clone();
        changed.seed += 100;
        archive.put(&changed);
        // The map is the old one: rows lie where they lay.
        let (_, fresh) = job.run_in_memory();
        let want_again: Vec<String> = labels(&job)
            .into_iter()
            .filter(|label| record(&fresh, label)["objects"] != record(&store, label)["objects"])
            .collect();
        let resumed = resumes_to(&job, &store, &fresh.objects().unwrap(), chosen);
        let again: Vec<String> = resumed.redone.iter().map(|(label, _)| label.clone()).collect();
        assert_eq!(again, want_again);
        assert!(!again.is_empty() && !resumed.skipped.is_empty(), "{resumed:?}");
        let reason = format!("granule {} has changed", changed.name);
        assert!(resumed.redone.iter().all(|(_, why)| *why == reason), "{resumed:?}");
    }
}

#[test]
fn whoever_cannot_ask_is_told_so_and_may_trust_ids() {
    let archive = archive();
    let job = job_of(&archive, "compact");
    let (_, store) = stopped(&job, 2);
    let before = store.objects().unwrap();
    let gone = &job.map.granules[0].id;
    archive.remove(gone);
    let error = resume(&job, &store, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    for piece in ["cannot be found out from here", gone.as_str(), "no such object", "--trust-ids"] {
        assert!(text.contains(piece), "{text}");
    }
    same(&store.objects().unwrap(), &before, "nothing was changed");
    // Nor is the store held.
    store.acquire().unwrap();
    store.release().unwrap();
    let (resumed, summary) = resume(&job, &store, true).unwrap();
    assert!(resumed.skipped.len() >= 2, "{resumed:?}");
    assert_eq!(summary.shards_skipped, resumed.skipped.len() as u64);
}

/// Whoever makes up his mind about the state of a store that lacks something does not call it complete: finalize by itself, and
/// a run of another shard. What nobody asks there is whether granules have changed.
#[track_caller]
fn never_complete(job: &Job, store: &ZarrStore, labels: &[String], what: &str) {
    let is_about_blocks =
        ["block", "levels", "record is empty", "another product", "in work", "other granules were listed"];
    if !is_about_blocks.iter().any(|part| what.contains(part)) {
        return;
    }
    let product = &job.assemble(Arc::new(store.reopen())).unwrap().product;
    match finalize(product, &store.reopen()) {
        Ok(summary) => {
            assert_eq!(summary.state, StoreState::Incomplete, "{what}");
            assert_eq!(summary.shards_not_done.len(), 1, "{what}: {summary:?}");
        }
        Err(error) => assert!(what.contains("levels"), "{what}: {error}"),
    }
    let mut one = job.clone();
    one.options.shards = vec![labels[labels.len() - 1].clone()];
    match one.run(Arc::new(store.reopen())) {
        Ok(summary) => {
            let block = what.contains("block");
            // The block may be of that very shard.
            let is_mended = block && resume(job, store, true).unwrap().0.redone.is_empty();
            assert!(is_mended || summary.state == StoreState::Incomplete, "{what}: {summary:?}");
        }
        Err(error) => assert!(what.contains("levels"), "{what}: {error}"),
    }
}

/// Loses the record of a shard as soon as it is done.
struct Losing<'a>(&'a ZarrStore, &'a str);

impl Observer for Losing<'_> {
    fn task_ended(&self, report: &TaskReport, _done: usize, _total: usize) {
        if report.shard == self.1 {
            self.0.write_record(&format!("shards/{}.json", self.1), Vec::new()).unwrap();
        }
    }
}

#[test]
fn what_the_records_do_not_say_is_not_done() {
    let archive = archive();
    let job = job_of(&archive, "compact");
    let labels = labels(&job);
    let store = ZarrStore::memory();
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    run.prepare(false).unwrap();
    let summary = run.execute(&LocalExecutor::default(), &Losing(&store, &labels[1])).unwrap();
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 3), "{summary:?}");
    assert_eq!((summary.shards_failed, summary.shards_done), (1, summary.shards - 1));
    let failure = (labels[1].clone(), "it was done, and its record says now: not run".to_string());
    assert_eq!(summary.failures, [failure]);
    // A shard that was left out as done is looked at, too.
    let mut run = Arc::into_inner(job.assemble(Arc::new(store.reopen())).unwrap()).unwrap();
    run.resume(false).unwrap();
    run.prepare(false).unwrap();
    store.write_record(&format!("shards/{}.json", labels[0]), Vec::new()).unwrap();
    let summary = Arc::new(run).execute(&LocalExecutor::default(), &Silent).unwrap();
    assert_eq!((summary.shards_failed, summary.exit_code()), (1, 3), "{summary:?}");
    assert_eq!(summary.failures[0].0, labels[0]);
}

#[test]
fn what_is_not_as_it_was_written_is_made_again() {
    let archive = archive();
    for chosen in LAYOUTS {
        let job = job_of(&archive, chosen);
        let (_, store) = job.run_in_memory();
        let want = store.objects().unwrap();
        let labels = labels(&job);
        let block = want.keys().find(|name| name.starts_with("12/count/c/")).unwrap();
        let record_of = |label: &str| format!("levels/{label}.bin");
        type Damage<'a> = Box<dyn Fn(&ZarrStore) + 'a>;
        let damages: Vec<(&str, Damage<'_>)> = vec![
            ("a block is gone", Box::new(|store| store.damage(block, None).unwrap())),
            ("a block is empty", Box::new(|store| store.damage(block, Some(&[])).unwrap())),
            ("a block is another", Box::new(|store| store.damage(block, Some(b"other")).unwrap())),
            (
                "its levels are empty",
                Box::new(|store| {
                    store.write_record(&record_of(&labels[0]), Vec::new()).unwrap();
                }),
            ),
            (
                "its levels are those of another shard",
                Box::new(|store| {
                    let other = store.read_record(&record_of(&labels[1])).unwrap().unwrap();
                    store.write_record(&record_of(&labels[0]), other).unwrap();
                }),
            ),
            (
                "its record is empty",
                Box::new(|store| {
                    store.write_record(&format!("shards/{}.json", labels[0]), Vec::new()).unwrap();
                }),
            ),
            (
                "its record lacks the objects",
                Box::new(|store| {
                    edit_record(store, &labels[0], |record| {
                        record["objects"] = Value::Null;
                    });
                }),
            ),
            (
                "one of its objects has no version",
                Box::new(|store| {
                    edit_record(store, &labels[0], |record| {
                        record["objects"][0]["etag"] = Value::Null;
                    });
                }),
            ),
            (
                "it is of another product",
                Box::new(|store| {
                    edit_record(store, &labels[0], |record| {
                        record["product"] = "other".into();
                    });
                }),
            ),
            (
                "it was in work",
                Box::new(|store| {
                    edit_record(store, &labels[0], |record| {
                        record["status"] = "open".into();
                    });
                }),
            ),
            (
                "other granules were listed",
                Box::new(|store| {
                    edit_record(store, &labels[0], |record| {
                        record["inputs"] = "other".into();
                    });
                }),
            ),
        ];
        for (what, damage) in damages {
            damage(&store);
            never_complete(&job, &store, &labels, &format!("{chosen}, {what}"));
            damage(&store);
            let resumed = resumes_to(&job, &store, &want, what);
            assert_eq!(resumed.redone.len(), 1, "{chosen}, {what}: {resumed:?}");
        }
    }
}

#[test]
fn a_store_of_another_pipeline_is_not_gone_on_with_and_nothing_is_as_good_as_a_start() {
    let archive = archive();
    let (_, store) = job_of(&archive, "compact").run_in_memory();
    let other = archive.job(pipeline(&[preset(), &layout("compact")]));
    let error = resume(&other, &store, false).unwrap_err();
    assert!(error.to_string().contains("was made by another pipeline"), "{error}");
    let (summary, whole) = other.run_in_memory();
    let resumed = resumes_to(&other, &ZarrStore::memory(), &whole.objects().unwrap(), "a new store");
    assert_eq!((resumed.skipped.len(), resumed.redone.len() as u64), (0, summary.shards));
}
