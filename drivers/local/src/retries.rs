//! Which task is run next: first all of them in their order, then those that are to be run again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zagg_core::executor::Observer;
use zagg_core::report::TaskReport;

/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often who waits looks whether the run is stopped.
const LOOK: Duration = Duration::from_millis(50);

/// One run of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Try {
    /// Place of the task among those of the run.
    pub(crate) task: usize,
    /// Counted from 1.
    pub(crate) attempt: u32,
}

/// The queue of what is to be run.
#[derive(Debug)]
pub(crate) struct Retries {
    fresh: AtomicUsize,
    tasks: usize,
    max: u32,
    first_wait: Duration,
    waiting: Mutex<Vec<(Instant, Try)>>,
}

impl Retries {
    pub(crate) fn new(tasks: usize, max: u32, first_wait: Duration) -> Self {
        Self { fresh: AtomicUsize::new(0), tasks, max, first_wait, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Instant, Try)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to run next, which may have to be waited for; `None` when nothing is left, or `stop` says so. A task that is still
    /// running may be run again: the thread that runs it sees to that.
    pub(crate) fn next(&self, stop: &impl Fn() -> bool) -> Option<Try> {
        if stop() {
            return None;
        }
        let task = self.fresh.fetch_add(1, Ordering::Relaxed);
        if task < self.tasks {
            return Some(Try { task, attempt: 1 });
        }
        let (due, next) = {
            let mut waiting = self.waiting();
            let first = waiting.iter().enumerate().min_by_key(|(_, (due, next))| (*due, next.task))?.0;
            waiting.swap_remove(first)
        };
        while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if stop() {
                return None;
            }
            std::thread::sleep(left.min(LOOK));
        }
        Some(next)
    }

    /// Has a task run again, unless it has been run as often as it may. Whether it is.
    pub(crate) fn again(
        &self,
        task: usize,
        attempt: u32,
        observer: &dyn Observer,
        report: &TaskReport,
    ) -> bool {
        let left = self.max.saturating_add(1).saturating_sub(attempt);
        if left == 0 {
            return false;
        }
        let wait = wait(self.first_wait, attempt);
        observer.task_retried(report, wait, left);
        self.waiting().push((Instant::now() + wait, Try { task, attempt: attempt + 1 }));
        true
    }
}

/// The wait after a number of attempts.
fn wait(first: Duration, attempts: u32) -> Duration {
    first.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let first = Duration::from_secs(1);
        let seconds: Vec<u64> = (1..8).map(|n| wait(first, n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(wait(first, u32::MAX), LONGEST_WAIT);
    }

    #[test]
    fn who_waits_ends_soon_after_a_stop() {
        let retries = Retries::new(0, 1, Duration::ZERO);
        let far = Instant::now() + Duration::from_secs(600);
        retries.waiting().push((far, Try { task: 0, attempt: 2 }));
        let started = Instant::now();
        let stop = || started.elapsed() > Duration::from_millis(100);
        assert_eq!(retries.next(&stop), None);
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}
