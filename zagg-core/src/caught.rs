//! Panics become errors where foreign code is called.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Runs `work`; a panic in it becomes an error of kind [`Plugin`](crate::ErrorKind::Plugin).
///
/// # Errors
/// The error of `work`, or its panic message.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_error(&*panic)))
}

/// What a panic was about. One whose payload is an error is how a method that cannot fail passes an error on.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> Error {
    if let Some(error) = panic.downcast_ref::<Error>() {
        return error.clone();
    }
    Error::plugin(format!("a panic, which is a bug: {}", panic_message(panic)))
}

/// The message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .or_else(|| panic.downcast_ref::<Error>().map(ToString::to_string))
        .unwrap_or_else(|| "no message".into())
}
