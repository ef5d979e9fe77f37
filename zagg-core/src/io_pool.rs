//! Threads that wait for bytes, apart from the threads that compute.

mod in_order;

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::{Error, Result};

pub(crate) use in_order::{Outlet, one_by_one};

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

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Has a job done by one of the threads; jobs begin in the order in which they come.
    fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<()> {
        self.jobs.send(Box::new(job)).map_err(|_| ended())
    }
}

fn ended() -> Error {
    Error::io("the i/o threads have ended")
}
