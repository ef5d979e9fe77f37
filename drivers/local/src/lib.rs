//! Local executor: tasks on this machine's cores.
//!
//! Tasks start in the order of the plan, so that neighbouring shards, which share granules, run close together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use zagg_core::Result;
use zagg_core::executor::{Executor, Observer};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::Run;
use zagg_core::task::run_task;

/// Runs tasks on threads of this process, as many at once as the run computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalExecutor {
    /// Whether no further task is started after one has failed.
    pub fail_fast: bool,
}

impl Executor for LocalExecutor {
    fn run(&self, run: &Arc<Run>, observer: &dyn Observer) -> Result<Vec<TaskReport>> {
        let total = run.tasks.len();
        let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let reports: Mutex<Vec<Option<TaskReport>>> = Mutex::new(vec![None; total]);
        let work = || {
            loop {
                let give_up = self.fail_fast && failed.load(Ordering::Relaxed) > 0;
                if give_up || observer.stop_requested() {
                    return;
                }
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = run.tasks.get(number) else { return };
                let report = run_task(run, task);
                failed.fetch_add(usize::from(report.status == TaskStatus::Failed), Ordering::Relaxed);
                observer.task_ended(&report, done.fetch_add(1, Ordering::Relaxed) + 1, total);
                reports.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(report);
            }
        };
        // A task waits for its granules most of the time, so its thread is none of the computing ones.
        std::thread::scope(|scope| {
            for number in 1..run.workers().min(total) {
                let thread = std::thread::Builder::new().name(format!("zagg-task-{number}"));
                // Where the system grants no more threads, those there are do the work.
                if thread.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(reports.into_iter().flatten().collect())
    }
}
