//! Panics become errors where foreign code is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Runs `work`; a panic in it becomes an error of kind [`Plugin`](crate::ErrorKind::Plugin).
///
/// # Errors
/// The error of `work`, or its panic message.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Err(Error::plugin(format!("a panic, which is a bug: {message}")))
    })
}
