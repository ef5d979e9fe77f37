//! Cut off at any moment: every prefix of what a run writes, also as a power cut leaves it, is no store that calls itself
//! complete and is not, and can be gone on with.

use std::sync::Arc;

use zagg_core::executor::Executor;
use zagg_core::finalize::finalize;
use zagg_core::plan::{CLAIM, Claim, PlanOptions, WorkPlan};
use zagg_core::records::Others;
use zagg_core::run::Run;
use zagg_core::store::{Store, StoreState};
use zagg_zarr::{Operation, StoreLog, ZarrStore};

use super::{Objects, archive, impatient, job_of, resumes_to, same, specs};
use crate::support::{Job, LAYOUTS, Silent, registry};

/// Runs into a store whose changes are logged, which may be there already.
fn run(job: &Job, store: &ZarrStore) -> Objects {
    let mut run = Arc::into_inner(job.assemble(Arc::new(store.reopen())).unwrap()).unwrap();
    run.resume(false).unwrap();
    run.prepare(false).unwrap();
    let summary = Arc::new(run).execute(&impatient(), &Silent).unwrap();
    assert_eq!(summary.state, StoreState::Complete);
    store.objects().unwrap()
}

/// The store after these changes. The lock is that of a process that is gone.
fn replayed(operations: &[Operation]) -> ZarrStore {
    let is_lock = |operation: &&Operation| matches!(operation, Operation::Put { beside: true, name, .. } if name.starts_with("lock"));
    let kept: Vec<Operation> = operations.iter().filter(|operation| !is_lock(operation)).cloned().collect();
    ZarrStore::replayed(&kept).unwrap()
}

/// As a power cut leaves it: what was not settled may be there in part or not at all, though its name is.
fn torn(operations: &[Operation], seed: u64) -> Vec<Operation> {
    let settled = operations.iter().rposition(|one| *one == Operation::Settle).map_or(0, |at| at + 1);
    let mut operations = operations.to_vec();
    let mut random = seed;
    for operation in &mut operations[settled..] {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if let Operation::Put { bytes, durable: false, .. } = operation {
            match random >> 62 {
                0 => bytes.clear(),
                1 => bytes.truncate(bytes.len() / 2),
                2 => bytes.fill(0),
                _ => {}
            }
        }
    }
    operations
}

/// A store that says it is complete is one of these.
#[track_caller]
fn is_honest(store: &ZarrStore, whole: &[&Objects], what: &str) -> Option<StoreState> {
    let state = store.found().ok().flatten()?.state;
    if state == StoreState::Complete {
        let objects = store.objects().unwrap();
        assert!(whole.iter().any(|whole| objects == **whole), "{what}: complete, and it is not");
    }
    Some(state)
}

/// Finalizes without going on, as who has only the store may do: it does not call complete what is not.
#[track_caller]
fn finalizes_honestly(job: &Job, store: &ZarrStore, whole: &[&Objects], what: &str) {
    if !matches!(store.found(), Ok(Some(_))) {
        return;
    }
    let product = &job.assemble(Arc::new(ZarrStore::memory())).unwrap().product;
    // An error leaves it open.
    let outcome = finalize(product, store);
    let state = is_honest(store, whole, &format!("{what}, finalized"));
    assert_eq!(
        outcome.is_ok_and(|found| found.state == StoreState::Complete),
        state == Some(StoreState::Complete)
    );
}

fn logged() -> (ZarrStore, StoreLog) {
    ZarrStore::logged()
}

#[test]
fn no_prefix_of_a_run_calls_itself_complete_and_each_can_be_gone_on_with() {
    for chosen in LAYOUTS {
        let archive = archive();
        let job = job_of(&archive, chosen);
        let (store, log) = logged();
        let want = run(&job, &store);
        let operations = log.operations();
        assert!(operations.len() > 60, "{} operations", operations.len());
        let mut completes = 0;
        for end in 0..=operations.len() {
            let what = format!("{chosen}, {end} of {} operations", operations.len());
            let prefix = &operations[..end];
            let state = is_honest(&replayed(prefix), &[&want], &what);
            completes += usize::from(state == Some(StoreState::Complete));
            for seed in 1..4 {
                let cut = replayed(&torn(prefix, seed * 977 + end as u64));
                is_honest(&cut, &[&want], &what);
                finalizes_honestly(&job, &cut, &[&want], &format!("{what}, power cut"));
            }
            finalizes_honestly(&job, &replayed(prefix), &[&want], &what);
            // A sample, above all of the end.
            if end % 9 == 0 || end + 6 > operations.len() {
                resumes_to(&job, &replayed(prefix), &want, &what);
                let cut = replayed(&torn(prefix, end as u64));
                resumes_to(&job, &cut, &want, &format!("{what}, power cut"));
            }
        }
        // The state is the very last but the lock.
        assert!((1..=3).contains(&completes), "{completes}");
    }
}

#[test]
fn a_run_that_replaces_older_shards_is_never_taken_for_either_store_in_between() {
    let archive = archive();
    let job = job_of(&archive, "compact");
    let (store, log) = logged();
    let old = run(&job, &store);
    let start = log.operations().len();
    let mut changed = specs()[1].clone();
    changed.seed += 50;
    archive.put(&changed);
    let new = run(&job, &store);
    assert_ne!(old, new);
    let operations = log.operations();
    assert!(operations.len() > start + 20);
    for end in start..=operations.len() {
        let what = format!("{} of {} operations", end - start, operations.len() - start);
        let prefix = &operations[..end];
        is_honest(&replayed(prefix), &[&old, &new], &what);
        for seed in 1..4 {
            is_honest(&replayed(&torn(prefix, seed * 991 + end as u64)), &[&old, &new], &what);
        }
        if end % 7 == 0 || end + 6 > operations.len() {
            resumes_to(&job, &replayed(prefix), &new, &what);
            let cut = replayed(&torn(prefix, end as u64));
            resumes_to(&job, &cut, &new, &format!("{what}, power cut"));
        }
    }
    same(&replayed(&operations).objects().unwrap(), &new, "all of them");
}

/// Plans, runs what is not done as workers do it, two tasks each, and finalizes.
fn by_workers(job: &Job, store: &ZarrStore) -> Objects {
    let planner = job.assemble(Arc::new(store.reopen())).unwrap();
    let options = PlanOptions { store: "/somewhere/out.zarr".into(), ..PlanOptions::default() };
    let new = WorkPlan::of(&planner, &registry(), &options).unwrap();
    let claim = Claim { plan: "/plan".into(), digest: new.plan.digest().unwrap() };
    if Claim::of(store).is_err() {
        // A power cut has torn it, and whoever plans does as he is told: he removes it.
        store.write_record(CLAIM, br#"{"version": 1, "plan": null}"#.to_vec()).unwrap();
    }
    planner.give_to_workers(false, &claim, &mut || Ok(())).unwrap();
    for some in new.tasks.chunks(2) {
        let opener = Arc::clone(&job.opener);
        let ours = Arc::new(store.reopen());
        let mut run =
            Run::of_plan(&new.plan, some.to_vec(), &registry(), opener, ours, &job.options).unwrap();
        run.others = Some(Others::default());
        run.leave_out_done(false).unwrap();
        impatient().run(&Arc::new(run), &Silent).unwrap();
    }
    let found = finalize(&planner.product, store).unwrap();
    assert_eq!(found.state, StoreState::Complete, "{found:?}");
    store.objects().unwrap()
}

#[test]
fn no_prefix_of_what_workers_write_is_finalized_as_complete_and_each_can_be_gone_on_with() {
    let archive = archive();
    let job = job_of(&archive, "compact");
    let (store, log) = logged();
    let want = by_workers(&job, &store);
    assert_eq!(want, job.run_in_memory().1.objects().unwrap());
    let operations = log.operations();
    for end in 0..=operations.len() {
        let what = format!("{end} of {} operations", operations.len());
        let prefix = &operations[..end];
        is_honest(&replayed(prefix), &[&want], &what);
        finalizes_honestly(&job, &replayed(prefix), &[&want], &what);
        for seed in 1..4 {
            let cut = torn(prefix, seed * 983 + end as u64);
            is_honest(&replayed(&cut), &[&want], &what);
            finalizes_honestly(&job, &replayed(&cut), &[&want], &format!("{what}, power cut"));
        }
        if end % 11 == 0 || end + 6 > operations.len() {
            same(&by_workers(&job, &replayed(prefix)), &want, &what);
            let cut = torn(prefix, end as u64);
            same(&by_workers(&job, &replayed(&cut)), &want, &format!("{what}, power cut"));
        }
    }
}
