//! Local executor: tasks on this machine's cores.
//!
//! Tasks start in the order of the plan, so that neighbouring shards, which share granules, run close together. A task that
//! ends with something that is likely to pass is run again, as often as the run says, after those that were not run yet.

mod retries;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zagg_core::Result;
use zagg_core::executor::{Executor, Observer};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::Run;
use zagg_core::task::run_task;

use retries::{Retries, Try};

/// Runs tasks on threads of this process, as many at once as the run has workers and memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalExecutor {
    /// Whether no further task is started after one has failed.
    pub fail_fast: bool,
    /// Wait before the first time that a task is run again; each further one is twice as long, up to half a minute.
    pub first_wait: Duration,
}

impl Default for LocalExecutor {
    fn default() -> Self {
        Self { fail_fast: false, first_wait: Duration::from_secs(1) }
    }
}

impl Executor for LocalExecutor {
    fn run(&self, run: &Arc<Run>, observer: &dyn Observer) -> Result<Vec<TaskReport>> {
        let total = run.tasks.len();
        let (done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let retries = Retries::new(total, run.max_retries, self.first_wait);
        let reports: Mutex<Vec<Option<TaskReport>>> = Mutex::new(vec![None; total]);
        let stop = || (self.fail_fast && failed.load(Ordering::Relaxed) > 0) || observer.stop_requested();
        let span = tracing::Span::current();
        let work = || {
            let _in_span = span.enter();
            while let Some(Try { task: number, attempt }) = retries.next(&stop) {
                let Some(task) = run.tasks.get(number) else { return };
                let mut report = run_task(run, task);
                report.attempts = attempt;
                // One that failed for now is a report too: the run may be stopped before it is tried again.
                let again = report.temporary && !stop() && retries.again(number, attempt, observer, &report);
                if !again {
                    failed.fetch_add(usize::from(report.status == TaskStatus::Failed), Ordering::Relaxed);
                    observer.task_ended(&report, done.fetch_add(1, Ordering::Relaxed) + 1, total);
                }
                reports.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(report);
            }
        };
        // A task waits for its granules most of the time, so its thread is none of the computing ones.
        std::thread::scope(|scope| {
            for number in 1..run.tasks_at_once().min(total) {
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
