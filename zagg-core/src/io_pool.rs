//! Threads that wait for bytes, apart from the threads that compute.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads for jobs that mostly wait.
pub struct IoPool {
    jobs: Sender<Job>,
    threads: usize,
}

impl fmt::Debug for IoPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IoPool({} threads)", self.threads)
    }
}

impl IoPool {
    /// Starts the threads; they end when the pool is dropped.
    ///
    /// # Errors
    /// When the operating system grants no thread at all.
    pub fn new(threads: usize) -> Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let mut started = 0;
        for number in 0..threads.max(1) {
            let queue: Arc<Mutex<Receiver<Job>>> = Arc::clone(&queue);
            let thread = thread::Builder::new().name(format!("zagg-io-{number}")).spawn(move || {
                loop {
                    // The lock is held while waiting: exactly one idle thread waits on the queue, the others on the lock.
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(),
                        Err(_) => return,
                    }
                }
            });
            match thread {
                Ok(_) => started += 1,
                Err(error) if started == 0 => return Err(Error::from_io(&error, "starting an i/o thread")),
                Err(_) => break,
            }
        }
        Ok(Self { jobs, threads: started })
    }

    /// Runs `work` on every item with at most as many in flight as there are threads, and hands the results to `take` in
    /// the order of the items, on the calling thread.
    ///
    /// # Errors
    /// The first error of `take`; what is in flight then is dropped when it arrives. A panic of `work` is an error too.
    pub fn in_order<T: Send + 'static, R: Send + 'static>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> R + Send + Sync + 'static,
        mut take: impl FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let work = Arc::new(work);
        let (results, arrived) = channel::<(usize, Result<R>)>();
        let mut waiting: BTreeMap<usize, Result<R>> = BTreeMap::new();
        let mut items = items.into_iter().enumerate();
        let mut submit = |n: usize| -> Result<usize> {
            let mut submitted = 0;
            for (index, item) in items.by_ref().take(n) {
                let (work, results) = (Arc::clone(&work), results.clone());
                let job = move || {
                    let result = crate::caught(|| Ok(work(item)));
                    // The receiver is gone when `take` failed: nobody wants the result then.
                    let _ = results.send((index, result));
                };
                self.jobs.send(Box::new(job)).map_err(|_| Error::io("the i/o threads have ended"))?;
                submitted += 1;
            }
            Ok(submitted)
        };
        let mut outstanding = submit(self.threads)?;
        let mut next = 0;
        while outstanding > 0 {
            let (index, result) = arrived.recv().map_err(|_| Error::io("the i/o threads have ended"))?;
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&next) {
                next += 1;
                // A place is free only once its result was taken, so what waits is bounded too.
                outstanding -= 1;
                take(result?)?;
                outstanding += submit(1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_panic_is_an_error() {
        let pool = IoPool::new(4).unwrap();
        let mut got = Vec::new();
        pool.in_order(
            (0..50u64).collect(),
            |n| {
                thread::sleep(std::time::Duration::from_micros((50 - n) * 20));
                n * n
            },
            |n| {
                got.push(n);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(got, (0..50).map(|n| n * n).collect::<Vec<u64>>());
        let error = pool.in_order(vec![1, 0], |n: i32| 7 / n, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("divide by zero"), "{error}");
        pool.in_order(vec![1], |n: i32| n, |_| Ok(())).unwrap();
    }
}
