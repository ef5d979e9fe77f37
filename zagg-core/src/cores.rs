//! How many threads are at work, so that work is handed to other threads only while cores are idle.
//!
//! To hand work over, a thread must be woken and data move to another core: for the pieces of a small shard that takes as long
//! as the work itself. While every core has its own task, each task does all of its work by itself.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rayon::prelude::*;

use crate::error::Result;

/// Threads that are at work; a hint, which may be a moment old.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is one of them.
    static IS_AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// The cores that this process may use.
pub fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    // Containers are asked for their share, which takes a dozen system calls.
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Whether there is more than one core, and each has a thread at work.
pub fn are_busy() -> bool {
    let at_work = AT_WORK.load(Ordering::Relaxed);
    at_work >= count().max(2)
}

/// The calling thread is at work, or waits, while this lives.
#[derive(Debug)]
pub struct Counted {
    before: bool,
    /// It must be dropped on the thread that it was made on.
    _here: PhantomData<*const ()>,
}

/// The calling thread is at work until the guard is dropped.
#[must_use]
pub fn work() -> Counted {
    Counted { before: set(true), _here: PhantomData }
}

/// Runs something that mostly waits: the calling thread is not at work meanwhile.
pub fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    let _counted = Counted { before: set(false), _here: PhantomData };
    wait()
}

impl Drop for Counted {
    fn drop(&mut self) {
        set(self.before);
    }
}

/// Gives what was before.
fn set(now: bool) -> bool {
    let before = IS_AT_WORK.replace(now);
    match (before, now) {
        (false, true) => _ = AT_WORK.fetch_add(1, Ordering::Relaxed),
        (true, false) => _ = AT_WORK.fetch_sub(1, Ordering::Relaxed),
        _ => {}
    }
    before
}

/// The answers of `work` in the order of the items: side by side on a thread that computes for a run, otherwise one after the
/// other.
///
/// # Errors
/// Of those that `work` gives, any one.
pub(crate) fn each<T: Sync, A: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<A> + Send + Sync,
) -> Result<Vec<A>> {
    match rayon::current_thread_index() {
        Some(_) => items.par_iter().map(work).collect(),
        None => items.iter().map(work).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    // Other tests of this process are at work, too: what a thread says of itself is what can be told for sure.
    #[test]
    fn a_thread_is_at_work_until_it_waits() {
        let is_at_work = || IS_AT_WORK.get();
        assert!(!is_at_work());
        {
            let _outer = work();
            assert!(is_at_work() && AT_WORK.load(Ordering::Relaxed) > 0);
            {
                let _inner = work();
                assert!(is_at_work());
            }
            assert!(is_at_work());
            assert!(!waiting(is_at_work));
            assert!(!waiting(|| waiting(is_at_work)));
            assert!(is_at_work());
            let panicked = std::panic::catch_unwind(|| waiting(|| assert!(is_at_work(), "on purpose")));
            assert!(panicked.is_err() && is_at_work());
        }
        assert!(!is_at_work());
        assert!(!waiting(is_at_work) && !is_at_work());
    }

    #[test]
    fn answers_are_the_same_on_threads_of_both_kinds() {
        let items: Vec<u32> = (0..1000).collect();
        let half = |item: &u32| if *item < 1000 { Ok(item / 2) } else { Err(Error::io("too many")) };
        let here = each(&items, half).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| each(&items, half)).unwrap(), here);
        assert_eq!(each(&[1, 1000], half), Err(Error::io("too many")));
        assert_eq!(pool.install(|| each(&[1, 1000], half)), Err(Error::io("too many")));
    }
}
