//! Several workers at one shard: what is whole is never taken for something else, nor written over by what lacks something,
//! whichever of them comes between any two operations of another.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use zagg_core::finalize::finalize;
use zagg_core::plan::{NewPlan, PlannedTask, WorkPlan};
use zagg_core::records::{Others, ShardState, statuses};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::Run;
use zagg_core::store::{BlockPlace, Created, Found, Store, StoreState, StoreTemplate, Written};
use zagg_core::task::run_task;
use zagg_core::{Error, Result, Values};
use zagg_zarr::ZarrStore;

use super::options;
use crate::support::archive::{Archive, Trouble};
use crate::support::{Job, crossing, pipeline, preset, registry};

/// Asked before every operation on the store, with its number; whether it fails.
type Hook = dyn Fn(u64, Kind) -> bool + Send + Sync;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Record,
    Blocks,
}

/// A store that asks somebody before every operation of a task.
struct Hooked {
    inner: ZarrStore,
    count: AtomicU64,
    hook: Box<Hook>,
}

impl Hooked {
    fn new(store: &ZarrStore, hook: impl Fn(u64, Kind) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { inner: store.reopen(), count: AtomicU64::new(0), hook: Box::new(hook) })
    }

    fn ask(&self, kind: Kind) -> Result<()> {
        match (self.hook)(self.count.fetch_add(1, Ordering::SeqCst), kind) {
            true => Err(Error::io("injected failure")),
            false => Ok(()),
        }
    }
}

impl Store for Hooked {
    fn location(&self) -> &str {
        self.inner.location()
    }
    fn acquire(&self) -> Result<()> {
        self.inner.acquire()
    }
    fn release(&self) -> Result<()> {
        self.inner.release()
    }
    fn check(&self, template: &StoreTemplate, overwrite: bool) -> Result<()> {
        self.inner.check(template, overwrite)
    }
    fn create(&self, template: &StoreTemplate, overwrite: bool) -> Result<Created> {
        self.inner.create(template, overwrite)
    }
    fn found(&self) -> Result<Option<Found>> {
        self.inner.found()
    }
    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written> {
        self.ask(Kind::Blocks)?;
        self.inner.write_block(group, array, block, values)
    }
    fn write_ragged_block(
        &self,
        group: &str,
        array: &str,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Written> {
        self.ask(Kind::Blocks)?;
        self.inner.write_ragged_block(group, array, block, offsets, values)
    }
    // Block by block, as the default has it, so that others come between them.
    fn stored(&self, blocks: &[BlockPlace]) -> Result<Option<Written>> {
        self.inner.stored(blocks)
    }
    fn write_record(&self, name: &str, bytes: Vec<u8>) -> Result<Written> {
        self.ask(Kind::Record)?;
        self.inner.write_record(name, bytes)
    }
    fn read_record(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.ask(Kind::Record)?;
        self.inner.read_record(name)
    }
    fn list_records(&self, prefix: &str) -> Result<Vec<String>> {
        self.ask(Kind::Record)?;
        self.inner.list_records(prefix)
    }
    fn finalize(&self, state: StoreState) -> Result<()> {
        self.inner.finalize(state)
    }
}

fn impatient() -> Others {
    Others { patience: Duration::from_millis(10), ..Others::default() }
}

/// What a worker has of the granules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// All of them.
    All,
    /// One is not there.
    Hole,
    /// None answers, for now.
    Nothing,
    /// Another version of one.
    Newer,
}

struct World {
    job: Job,
    store: ZarrStore,
    new: NewPlan,
    task: PlannedTask,
}

impl World {
    /// A store with a template and a plan; the task is one of several granules.
    fn new() -> Self {
        let job =
            Archive::of(&crossing(300)).job(pipeline(&[preset(), "output: {grid: {levels: [12, 10, 6]}}"]));
        let store = ZarrStore::memory();
        let run = job.assemble(Arc::new(store.reopen())).unwrap();
        run.prepare(false).unwrap();
        run.store.release().unwrap();
        let new = WorkPlan::of(&run, &registry(), &options()).unwrap();
        let task = new.tasks.iter().find(|task| task.granules.len() > 1).unwrap().clone();
        Self { job, store, new, task }
    }

    /// The same, with nothing done.
    fn again(&self) -> Self {
        let store = ZarrStore::memory();
        let run = self.job.assemble(Arc::new(store.reopen())).unwrap();
        run.prepare(false).unwrap();
        run.store.release().unwrap();
        Self { job: self.job.clone(), store, new: self.new.clone(), task: self.task.clone() }
    }

    fn run(&self, sees: Sees, store: Arc<dyn Store>, others: Others) -> Arc<Run> {
        let archive = Archive::of(&crossing(300));
        let first = &self.task.granules[0].id;
        match sees {
            Sees::All => {}
            Sees::Hole => archive.remove(first),
            Sees::Nothing => archive.disturb(1, Trouble::Unopened(Error::temporary("503 slow down"))),
            Sees::Newer => {
                let mut newer = crossing(300).into_iter().find(|spec| spec.name == *first).unwrap();
                newer.seed += 100;
                archive.put(&newer);
            }
        }
        let tasks = vec![self.task.clone()];
        let opener = Arc::new(archive);
        let mut run =
            Run::of_plan(&self.new.plan, tasks, &registry(), opener, store, &self.job.options).unwrap();
        run.others = Some(others);
        Arc::new(run)
    }

    /// One attempt at the task.
    fn attempt(&self, sees: Sees, store: Arc<dyn Store>, others: Others) -> TaskReport {
        let run = self.run(sees, store, others);
        run_task(&run, &run.tasks[0])
    }

    fn plainly(&self, sees: Sees) -> TaskReport {
        self.attempt(sees, Arc::new(self.store.reopen()), impatient())
    }

    fn state(&self) -> ShardState {
        let run = self.job.assemble(Arc::new(self.store.reopen())).unwrap();
        let shard = run.product.grid.shard_from_label(&self.task.shard).unwrap();
        statuses(&run.product, &self.store, &[shard]).unwrap().remove(0).state
    }

    /// Blocks of the store, and what coarser levels are made from.
    fn content(&self) -> (std::collections::BTreeMap<String, Vec<u8>>, Option<Vec<u8>>) {
        let levels = self.store.read_record(&format!("levels/{}.bin", self.task.shard)).unwrap();
        (self.store.objects().unwrap(), levels)
    }

    fn record(&self) -> Value {
        let bytes = self.store.read_record(&format!("shards/{}.json", self.task.shard)).unwrap().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// One attempt into whose every gap another one comes, which runs from its beginning to its end there. Gives for each gap the
/// reports of both, and the world afterwards; `fails` lets the writing of blocks of the outer one fail.
fn interleaved(
    outer: Sees,
    fails: bool,
    inner: Sees,
    mut check: impl FnMut(u64, &World, &TaskReport, &TaskReport),
) -> u64 {
    let first = World::new();
    let blocks = move |kind| fails && kind == Kind::Blocks;
    let counting = Hooked::new(&first.store, move |_, kind| blocks(kind));
    first.attempt(outer, Arc::clone(&counting) as Arc<dyn Store>, impatient());
    let operations = counting.count.load(Ordering::SeqCst);
    for gap in 0..operations {
        let world = Arc::new(first.again());
        let other = Arc::clone(&world);
        let seen = Arc::new(Mutex::new(None));
        let told = Arc::clone(&seen);
        let hooked = Hooked::new(&world.store, move |number, kind| {
            if number == gap {
                *told.lock().unwrap() = Some(other.plainly(inner));
            }
            blocks(kind)
        });
        let outer = world.attempt(outer, hooked, impatient());
        let inner = seen.lock().unwrap().take().unwrap_or_else(|| panic!("gap {gap} was not reached"));
        check(gap, &world, &outer, &inner);
    }
    operations
}

/// Whether finalize, which reads the blocks of a folder, sees that they are not those of the record.
fn is_seen(world: &World) -> bool {
    let product = &world.job.assemble(Arc::new(world.store.reopen())).unwrap().product;
    let found = finalize(product, &world.store.reopen()).unwrap();
    let mut not_done = found.shards_not_done.into_iter();
    not_done.any(|(label, reason)| {
        label == world.task.shard && reason.contains("its blocks are not those that were written")
    })
}

/// The content of a world in which one attempt has done the task.
fn made(sees: Sees) -> (std::collections::BTreeMap<String, Vec<u8>>, Option<Vec<u8>>) {
    let world = World::new();
    assert_eq!(world.plainly(sees).status, TaskStatus::Done);
    world.content()
}

#[test]
fn who_fails_late_leaves_a_shard_done_that_another_has_made() {
    let want = made(Sees::All);
    for (sees, fails) in [(Sees::Nothing, false), (Sees::All, true)] {
        let mut lost = 0;
        let gaps = interleaved(sees, fails, Sees::All, |gap, world, outer, inner| {
            let what = format!("{sees:?}, gap {gap}: {outer:?}");
            assert_eq!(inner.status, TaskStatus::Done, "{what}");
            assert!(world.content() == want, "{what}");
            if world.state() != ShardState::Done {
                // Between a look of the outer one and its word, of which it has two: a failure, which costs another run.
                assert_eq!(outer.status, TaskStatus::Failed, "{what}");
                lost += 1;
                return;
            }
            // It is done, whoever did it, and the numbers are those of the record.
            assert_eq!((outer.status, outer.rows_kept), (TaskStatus::Done, inner.rows_kept), "{what}");
            assert_eq!((&outer.error, outer.temporary), (&None, false), "{what}");
        });
        assert!(lost <= 2, "{lost}");
        assert!(gaps >= 3, "{gaps}");
    }
}

#[test]
fn holes_never_come_over_what_is_whole_without_being_told() {
    let want = made(Sees::All);
    let (mut done, mut told, mut late) = (0, 0, 0);
    let mut honest = |gap: u64, world: &World, outer: &TaskReport, inner: &TaskReport| {
        let what = format!("gap {gap}: {outer:?} {inner:?}");
        match world.state() {
            ShardState::Done if world.content() == want => done += 1,
            // The one with holes waited in vain for one that was stopped between its last look and its last word.
            ShardState::Done => {
                assert!(is_seen(world), "{what}");
                late += 1;
                // It is finalized now, and no longer what the others are compared with.
                return;
            }
            ShardState::Failed(reason) => {
                assert!(reason.contains("another worker wrote this shard at the same time"), "{what}");
                let later = [outer, inner].into_iter().any(|r| r.status == TaskStatus::Failed && r.temporary);
                assert!(later, "{what}");
                told += 1;
            }
            ShardState::Incomplete(_) => {
                assert!([outer, inner].iter().any(|r| r.status == TaskStatus::Incomplete), "{what}");
                told += 1;
            }
            other => panic!("{what}: {other:?}"),
        }
        // Whatever there is, who lacks nothing makes it whole.
        assert_eq!(world.plainly(Sees::All).status, TaskStatus::Done, "{what}");
        assert_eq!(world.state(), ShardState::Done, "{what}");
        assert!(world.content() == want, "{what}");
        // And whoever comes then with holes or with nothing changes nothing.
        let before = (world.content(), world.record());
        for late in [Sees::Hole, Sees::Nothing] {
            // Whether its granules have changed cannot be asked.
            let report = world.plainly(late);
            assert_eq!(report.status, TaskStatus::Done, "{what}: {report:?}");
            assert!((world.content(), world.record()) == before, "{what}");
        }
    };
    let gaps = interleaved(Sees::Hole, false, Sees::All, &mut honest)
        + interleaved(Sees::All, false, Sees::Hole, &mut honest);
    assert!(done >= 6 && told >= 6 && late <= 1, "{done} done, {told} told, {late} late");
    assert_eq!(done + told + late, gaps);
}

#[test]
fn two_versions_of_a_granule_are_not_mixed() {
    let (old, new) = (made(Sees::All), made(Sees::Newer));
    assert!(old != new);
    let of = |world: &World| {
        let world_objects = world.record()["objects"].to_string();
        if world_objects.contains("v2") { &new } else { &old }
    };
    for (outer, inner) in [(Sees::All, Sees::Newer), (Sees::Newer, Sees::All)] {
        let mut mixed = 0;
        interleaved(outer, false, inner, |gap, world, outer, inner| {
            let what = format!("gap {gap}: {outer:?} {inner:?}");
            match world.state() {
                ShardState::Done if world.content() == *of(world) => {}
                // Between the last look of the outer one and its last word.
                ShardState::Done => {
                    assert!(is_seen(world), "{what}");
                    mixed += 1;
                }
                ShardState::Failed(_) => assert!(outer.temporary || inner.temporary, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
        });
        assert!(mixed <= 1, "{mixed}");
    }
}

#[test]
fn side_by_side_the_one_that_lacks_nothing_wins() {
    let want = made(Sees::All);
    let first = World::new();
    let mut gave_way = 0;
    for round in 0..24u64 {
        let world = Arc::new(first.again());
        let reports: Vec<TaskReport> = std::thread::scope(|scope| {
            let threads: Vec<_> = [Sees::All, Sees::Hole, Sees::All, Sees::Hole]
                .into_iter()
                .zip(1u64..)
                .map(|(sees, number)| {
                    let world = Arc::clone(&world);
                    scope.spawn(move || {
                        let seed = round * 7919 + number * 104_729;
                        let hooked = Hooked::new(&world.store, move |at, _| {
                            let random = (seed + at).wrapping_mul(6_364_136_223_846_793_005) >> 33;
                            std::thread::sleep(Duration::from_micros(random % 1500));
                            false
                        });
                        world.attempt(sees, hooked, Others::default())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let what = format!("round {round}: {reports:?}");
        assert_eq!(world.state(), ShardState::Done, "{what}");
        assert!(world.content() == want, "{what}");
        for whole in [&reports[0], &reports[2]] {
            assert_eq!(whole.status, TaskStatus::Done, "{what}");
        }
        for with_hole in [&reports[1], &reports[3]] {
            gave_way += usize::from(with_hole.status != TaskStatus::Incomplete);
            let is_told = with_hole.status != TaskStatus::Failed || with_hole.temporary;
            assert!(is_told, "{what}");
        }
    }
    assert!(gave_way > 0);
}

#[test]
fn who_may_not_write_any_more_changes_nothing() {
    let world = World::new();
    let everything = |world: &World| {
        let beside = world.store.list_records("").unwrap();
        let beside: Vec<_> =
            beside.iter().map(|name| (name.clone(), world.store.read_record(name).unwrap())).collect();
        (world.store.objects().unwrap(), beside)
    };
    let before = everything(&world);
    let refused = || Err(Error::input("the store was taken back"));
    for sees in [Sees::All, Sees::Hole] {
        let others = Others { may_write: Arc::new(refused), ..impatient() };
        let report = world.attempt(sees, Arc::new(world.store.reopen()), others);
        assert_eq!((report.status, report.temporary), (TaskStatus::Failed, false));
        assert!(report.error.unwrap().contains("taken back"));
        assert!(everything(&world) == before, "{sees:?}");
    }
    // Nor does one whose record was taken away under it: the store was made anew.
    let hooked = {
        let store = world.store.reopen();
        let name = format!("shards/{}.json", world.task.shard);
        Hooked::new(&world.store, move |_, kind| {
            if kind == Kind::Blocks {
                store.write_record(&name, Vec::new()).unwrap();
            }
            false
        })
    };
    let report = world.attempt(Sees::All, hooked, impatient());
    assert!(report.error.unwrap().contains("made anew"));
    assert_eq!(world.state(), ShardState::Missing);
    assert_eq!(world.plainly(Sees::All).status, TaskStatus::Done);
}
