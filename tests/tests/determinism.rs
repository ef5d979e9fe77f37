//! The bytes of a store depend on nothing but pipeline, shard map and granules.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use zagg_core::Result;
use zagg_core::executor::{Executor, Observer};
use zagg_core::report::TaskReport;
use zagg_core::run::Run;
use zagg_core::store::StoreState;
use zagg_core::task::run_task;
use zagg_local::LocalExecutor;

use crate::support::{Job, LAYOUTS, assert_same_tree, crossing, layout, pipeline, preset};

/// Runs tasks in a shuffled order on several threads, every third one twice, as a service that delivers at least once.
#[derive(Debug)]
struct Shuffled {
    seed: u64,
    threads: usize,
}

impl Executor for Shuffled {
    fn run(&self, run: &Arc<Run>, observer: &dyn Observer) -> Result<Vec<TaskReport>> {
        let total = run.tasks.len();
        let mut order: Vec<usize> = (0..total).chain((0..total).step_by(3)).collect();
        let mut random = self.seed;
        for at in (1..order.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order.swap(at, (random >> 33) as usize % (at + 1));
        }
        let next = AtomicUsize::new(0);
        let reports = Mutex::new(vec![None; total]);
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let report = run_task(run, &run.tasks[number]);
                        observer.task_ended(&report, number, total);
                        reports.lock().unwrap()[number] = Some(report);
                    }
                });
            }
        });
        Ok(reports.into_inner().unwrap().into_iter().flatten().collect())
    }
}

#[test]
fn stores_are_the_same_whatever_runs_them() {
    for chosen in LAYOUTS {
        let mut job = Job::atl06(pipeline(&[preset(), &layout(chosen)]), &crossing(12_000));
        (job.options.workers, job.options.io_threads) = (1, 1);
        let (summary, want) = job.run_on_disk(&LocalExecutor::default());
        assert_eq!(summary.state, StoreState::Complete);
        assert!(summary.shards >= 3 && want.len() > 30, "{} shards, {} files", summary.shards, want.len());
        for (workers, io_threads) in [(8, 1), (1, 16), (8, 16)] {
            (job.options.workers, job.options.io_threads) = (workers, io_threads);
            let (again, got) = job.run_on_disk(&LocalExecutor::default());
            assert_same_tree(&got, &want, &format!("{chosen}, {workers} workers, {io_threads} i/o threads"));
            assert_eq!((again.rows_kept, again.rows_read), (summary.rows_kept, summary.rows_read));
        }
        for seed in 0..6 {
            let executor = Shuffled { seed, threads: 1 + seed as usize % 4 };
            let (again, got) = job.run_on_disk(&executor);
            assert_same_tree(&got, &want, &format!("{chosen}, {executor:?}"));
            assert_eq!((again.rows_kept, again.state), (summary.rows_kept, StoreState::Complete));
        }
    }
}
