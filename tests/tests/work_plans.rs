//! Work plans: what is read back is what was written, and what was damaged or made up is refused.

mod stragglers;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use zagg_core::executor::Executor;
use zagg_core::plan::{Claim, DOCUMENT, ITEMS, NewPlan, PlanOptions, PlannedTask, WorkPlan, block_name};
use zagg_core::run::Run;
use zagg_core::store::{Store, StoreState};
use zagg_core::{ErrorKind, Result};
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::{Job, Silent, assert_same_tree, crossing, pipeline, preset, registry, tree};

fn job() -> Job {
    Job::atl06(pipeline(&[preset(), "output: {grid: {levels: [12, 10, 6]}}"]), &crossing(300))
}

fn options() -> PlanOptions {
    PlanOptions { store: "/somewhere/out.zarr".into(), ..PlanOptions::default() }
}

/// A store with the template of the job, and the plan for it.
fn planned(job: &Job) -> (ZarrStore, NewPlan) {
    let store = ZarrStore::memory();
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    run.prepare(false).unwrap();
    run.store.release().unwrap();
    (store, WorkPlan::of(&run, &registry(), &options()).unwrap())
}

fn run_of(job: &Job, plan: &WorkPlan, tasks: Vec<PlannedTask>, store: &ZarrStore) -> Result<Run> {
    let opener = Arc::clone(&job.opener);
    Run::of_plan(plan, tasks, &registry(), opener, Arc::new(store.reopen()), &job.options)
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let job = job();
    let (store, new) = planned(&job);
    let objects = new.objects("s3://bucket/plan").unwrap();
    let names: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["tasks/000000.json", ITEMS, DOCUMENT]);
    let again = WorkPlan::parse(&objects[2].1).unwrap();
    assert_eq!(again.to_bytes().unwrap(), objects[2].1);
    assert_eq!(again.digest().unwrap(), new.plan.digest().unwrap());
    assert_eq!(again.block(0, &objects[0].1).unwrap(), new.tasks);
    let run = run_of(&job, &again, new.tasks.clone(), &store).unwrap();
    assert_eq!(run.tasks, job.assemble(Arc::new(store.reopen())).unwrap().tasks);
    assert_eq!(run.product.identity(), again.identity);
    // Made again it is the same plan.
    assert_eq!(planned(&job).1.plan.digest().unwrap(), new.plan.digest().unwrap());
    again.check_program(&registry()).unwrap();
    assert!(again.block_of(again.tasks).unwrap_err().to_string().contains("counted from 0"));
    assert_eq!(block_name(12), "tasks/000012.json");
}

#[test]
fn tasks_in_any_order_and_number_leave_the_bytes_of_a_run() {
    let job = job();
    let (_, want) = job.run_on_disk(&LocalExecutor::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zarr");
    let store = || Arc::new(ZarrStore::open_path(&path).unwrap());
    let run = job.assemble(store()).unwrap();
    let new = WorkPlan::of(&run, &registry(), &options()).unwrap();
    let claim = Claim { plan: "/plan".into(), digest: new.plan.digest().unwrap() };
    let mut published = 0;
    for _ in 0..2 {
        let mut publish = || {
            published += 1;
            Ok(())
        };
        run.give_to_workers(false, &claim, &mut publish).unwrap();
    }
    assert_eq!(published, 2);
    for count in [1, 2] {
        for some in new.tasks.rchunks(count) {
            let opener = Arc::clone(&job.opener);
            let plan = WorkPlan::parse(&new.plan.to_bytes().unwrap()).unwrap();
            let run = Run::of_plan(&plan, some.to_vec(), &registry(), opener, store(), &job.options).unwrap();
            let reports = LocalExecutor::default().run(&Arc::new(run), &Silent).unwrap();
            assert_eq!(reports.len(), some.len());
        }
    }
    assert_eq!(store().found().unwrap().unwrap().state, StoreState::Open);
    let summary = zagg_core::finalize::finalize(&run.product, &*store()).unwrap();
    assert_eq!(summary.state, StoreState::Complete);
    assert_same_tree(&tree(&path), &want, "tasks of a plan");
}

#[test]
fn a_store_is_given_to_one_plan_at_a_time() {
    let job = job();
    let store = ZarrStore::memory();
    let run = job.assemble(Arc::new(store.reopen())).unwrap();
    let claim = |digit: &str| Claim { plan: format!("/plan-{digit}"), digest: digit.repeat(64) };
    // What fails on the way leaves the store to everybody, and its lock free.
    let fails = &mut || Err(zagg_core::Error::io("the disk is full"));
    assert_eq!(run.give_to_workers(false, &claim("a"), fails).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(Claim::of(&store).unwrap(), None);
    run.give_to_workers(false, &claim("a"), &mut || Ok(())).unwrap();
    assert_eq!(Claim::of(&store).unwrap(), Some(claim("a")));
    for (overwrite, digit) in [(false, "b"), (true, "b"), (true, "a")] {
        let error = run.give_to_workers(overwrite, &claim(digit), &mut || Ok(())).unwrap_err();
        assert!(error.to_string().contains("given to the workers of the plan /plan-a"), "{error}");
    }
    for refused in [run.prepare(false).err(), run.prepare(true).err(), run.check_store(false).err()] {
        assert!(refused.unwrap().to_string().contains("/plan-a --release"));
    }
    let held = store.reopen();
    held.acquire().unwrap();
    let error = run.give_to_workers(false, &claim("a"), &mut || Ok(())).unwrap_err();
    assert!(error.to_string().contains("is writing to it"), "{error}");
    held.release().unwrap();
    Claim::take_back(&store).unwrap();
    run.prepare(false).unwrap();
}

#[test]
fn tasks_that_do_not_belong_to_the_product_are_refused() {
    let job = job();
    let (store, new) = planned(&job);
    let refused = |tasks: Vec<PlannedTask>, want: &str| {
        let error = run_of(&job, &new.plan, tasks, &store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(want), "{want}: {error}");
    };
    let first = &new.tasks[0];
    refused(vec![first.clone(), first.clone()], "stands twice");
    refused(vec![PlannedTask { shard: "../x".into(), ..first.clone() }], "task 0");
    refused(vec![PlannedTask { shard: format!("+{}", first.shard), ..first.clone() }], "task 0");
    refused(
        vec![PlannedTask { granules: Vec::new(), ..first.clone() }],
        "are not those that the product lists",
    );
    let mut two_ways = new.tasks.clone();
    let id = two_ways[0].granules[0].id.clone();
    let other = two_ways[1..].iter_mut().flat_map(|task| &mut task.granules).find(|granule| granule.id == id);
    other.unwrap().size = Some(7);
    refused(two_ways, "in two ways");
    let empty = ZarrStore::memory();
    let error = run_of(&job, &new.plan, vec![first.clone()], &empty).unwrap_err();
    assert!(error.to_string().contains("there is no template yet; run zagg plan first"), "{error}");
}

/// Places in a document, and what stands in them now instead.
#[derive(Debug, Clone)]
struct Damage {
    steps: Vec<prop::sample::Index>,
    value: Value,
}

fn damage() -> impl Strategy<Value = Damage> {
    let value = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|x| json!(x)),
        "[ -~]{0,12}".prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
        prop::collection::vec(any::<i64>().prop_map(Value::from), 0..4).prop_map(Value::from),
    ];
    (prop::collection::vec(any::<prop::sample::Index>(), 1..7), value)
        .prop_map(|(steps, value)| Damage { steps, value })
}

fn apply(document: &mut Value, damage: &Damage) {
    put(document, &damage.steps, &damage.value);
}

fn put(place: &mut Value, steps: &[prop::sample::Index], value: &Value) {
    match (steps.split_first(), &mut *place) {
        (Some((step, rest)), Value::Object(entries)) if !entries.is_empty() => {
            let at = step.index(entries.len());
            put(entries.values_mut().nth(at).unwrap(), rest, value);
        }
        (Some((step, rest)), Value::Array(items)) if !items.is_empty() => {
            let at = step.index(items.len());
            put(&mut items[at], rest, value);
        }
        _ => *place = value.clone(),
    }
}

#[test]
fn damaged_documents_never_panic_and_never_change_what_is_computed() {
    let job = job();
    let (store, new) = planned(&job);
    let objects = new.objects("/plan").unwrap();
    let document: Value = serde_json::from_slice(&objects[2].1).unwrap();
    let mut runner = TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    let some = prop::collection::vec(damage(), 1..3);
    let outcome = runner.run(&some, |damages| {
        let mut document = document.clone();
        damages.iter().for_each(|damage| apply(&mut document, damage));
        let Ok(plan) = WorkPlan::parse(document.to_string().as_bytes()) else { return Ok(()) };
        // What passes is written as it was understood.
        let bytes = plan.to_bytes().unwrap();
        prop_assert_eq!(WorkPlan::parse(&bytes).unwrap().to_bytes().unwrap(), bytes);
        for index in [0, plan.tasks - 1, plan.tasks, u64::MAX] {
            if let Ok(block) = plan.block_of(index) {
                let _ = plan.block(block, &objects[0].1);
            }
        }
        if let Ok(run) = run_of(&job, &plan, new.tasks.clone(), &store) {
            prop_assert_eq!(run.product.identity(), new.plan.identity.clone());
            prop_assert_eq!(run.tasks.len(), new.tasks.len());
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn blocks_are_read_whole_or_not_at_all() {
    let job = job();
    let (_, new) = planned(&job);
    let objects = new.objects("/plan").unwrap();
    let whole = &objects[0].1;
    let bytes = whole.len();
    proptest!(|(at in 0..bytes, flip in 1u8.., cut in 0..bytes)| {
        let mut damaged = whole.clone();
        damaged[at] ^= flip;
        prop_assert!(new.plan.block(0, &damaged).unwrap_err().to_string().starts_with("tasks/000000.json: "));
        prop_assert!(new.plan.block(0, &whole[..cut]).is_err());
        prop_assert!(new.plan.block(1, whole).is_err());
    });
    // With hashes to match, so that it comes to what the blocks say.
    proptest!(|(damages in prop::collection::vec(damage(), 1..3))| {
        let mut tasks: Value = serde_json::from_slice(whole).unwrap();
        damages.iter().for_each(|damage| apply(&mut tasks, damage));
        let bytes = tasks.to_string().into_bytes();
        let mut plan = new.plan.clone();
        plan.blocks = vec![zagg_core::hash::sha256_hex(&bytes)];
        if let Ok(tasks) = plan.block(0, &bytes) {
            prop_assert_eq!(tasks.len() as u64, plan.tasks);
        }
    });
}
