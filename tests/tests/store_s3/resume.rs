//! Going on in a bucket, and what status is read from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use zagg_core::executor::Observer;
use zagg_core::records::{ShardState, statuses};
use zagg_core::report::TaskReport;
use zagg_core::store::{Store, StoreState};
use zagg_local::LocalExecutor;

use super::World;
use crate::support::archive::Archive;
use crate::support::{Silent, crossing, pipeline, preset};

/// Stops a run after its first shard.
#[derive(Default)]
struct First(AtomicBool);

impl Observer for First {
    fn task_ended(&self, _report: &TaskReport, _done: usize, _total: usize) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn stop_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_stopped_run_goes_on_in_a_bucket() {
    let world = World::new();
    let archive = Archive::of(&crossing(2000)[..2]);
    let mut job = archive.job(pipeline(&[preset()]));
    job.options.workers = 1;
    let (whole, memory) = job.run_in_memory();
    let run = job.assemble(Arc::new(world.store())).unwrap();
    run.prepare(false).unwrap();
    let stopped = run.execute(&LocalExecutor::default(), &First::default()).unwrap();
    assert_eq!((stopped.shards_done, stopped.exit_code()), (1, 75));

    let run = job.assemble(Arc::new(world.store())).unwrap();
    let before = (world.names("/"), world.names(".zagg/"));
    let states: Vec<ShardState> = statuses(&run.product, &*run.store, &run.product.shards)
        .unwrap()
        .into_iter()
        .map(|status| status.state)
        .collect();
    assert_eq!(states.iter().filter(|state| **state == ShardState::Done).count(), 1);
    assert_eq!(states.iter().filter(|state| **state == ShardState::Missing).count() as u64, whole.shards - 1);
    assert_eq!((world.names("/"), world.names(".zagg/")), before, "nothing was written");

    let mut run = Arc::into_inner(run).unwrap();
    let resumed = run.resume(false).unwrap();
    assert_eq!(resumed.skipped.len(), 1);
    run.prepare(false).unwrap();
    let summary = Arc::new(run).execute(&LocalExecutor::default(), &Silent).unwrap();
    assert_eq!((summary.state, summary.shards_skipped), (StoreState::Complete, 1));
    assert_eq!(world.store().objects().unwrap(), memory.objects().unwrap());
    // A put that has succeeded stays: blocks in a bucket are not read again.
    assert_eq!(world.store().stored(&[]).unwrap(), None);
}
