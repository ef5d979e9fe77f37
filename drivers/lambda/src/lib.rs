//! Executor on AWS Lambda: the dispatching side.
//!
//! [`event`] is what dispatcher and function say to each other; the function is built on it too. [`dispatch`] is the engine: it
//! sends tasks through [`Invoke`](invoke::Invoke), repeats what may be repeated by a [`Policy`](policy::Policy), and finds
//! responses that were lost on their way. It knows nothing of the AWS SDK: the one implementation that does is `aws`, behind the
//! feature of that name.

#[cfg(feature = "aws")]
pub mod aws;
pub mod cost;
pub mod credentials;
pub mod dispatch;
pub mod ending;
pub mod event;
pub mod events;
pub mod executor;
pub mod files;
pub mod invoke;
pub mod objects;
pub mod policy;
pub mod preflight;
pub mod tally;
pub mod usage;
mod window;

use zagg_core::{Error, Result};

/// Threads of a dispatcher: one keeps the state, sockets need little.
const THREADS: usize = 2;

/// The threads that calls and the dispatcher run on: one runtime for all of a process, as connections belong to theirs.
///
/// # Errors
/// When threads cannot be started.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("zagg-lambda")
        .enable_all()
        .build()
        .map_err(|error| Error::from_io(&error, "starting the dispatcher's threads"))
}
