//! Executors: tasks to reports. Every executor runs the identical [`task`](crate::task).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::report::TaskReport;
use crate::run::Run;

/// Follows a run and may stop it.
pub trait Observer: Send + Sync {
    /// A task has ended; `done` of `total` have.
    fn task_ended(&self, report: &TaskReport, done: usize, total: usize);

    /// A task has ended with something that is likely to pass, and is tried again after the wait; so many tries are left with
    /// this one.
    fn task_retried(&self, _report: &TaskReport, _wait: Duration, _left: u32) {}

    /// Whether no further task may be started. Running ones finish.
    fn stop_requested(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Observer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Runs the tasks of a run somewhere.
pub trait Executor: Send + Sync {
    /// One report per task that was started, in the order of the plan.
    ///
    /// # Errors
    /// When the executor itself cannot work; the failure of a task is a report.
    fn run(&self, run: &Arc<Run>, observer: &dyn Observer) -> Result<Vec<TaskReport>>;
}

impl fmt::Debug for dyn Executor + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}
