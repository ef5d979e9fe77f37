//! The one place that owns a tokio runtime: everything outside is synchronous.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use zagg_core::{Error, Result};

/// Threads that drive sockets; the work of a request is to wait.
const THREADS: usize = 2;

/// Waits for a future on the runtime of this crate.
///
/// Must not be called from a task of a runtime: callers are plain threads, or threads for blocking work.
///
/// # Errors
/// As the future; and when threads cannot be started.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(future)
}

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("zagg-network")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    });
    runtime.as_ref().map_err(|error| Error::io(format!("starting network threads: {error}")))
}
