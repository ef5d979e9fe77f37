//! Many small requests at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::{Error, Result};

/// Requests at once.
const THREADS: usize = 16;

/// Does something with every item on some threads that mostly wait, and gives the answers in the order of the items.
pub fn side_by_side<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> Result<T> + Sync) -> Vec<Result<T>> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Result<T>>>> = Mutex::new(items.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let answer = crate::caught(|| work(item));
            answers.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(answer);
        }
    };
    thread::scope(|scope| {
        for _ in 1..THREADS.min(items.len()) {
            // Where the system grants no more threads, those there are do the work.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(Error::plugin("a thread was lost"))))
        .collect()
}
