//! Panics of the plugin end here: across the boundary they would abort the whole process.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::super::types::{Answer, answer};
use crate::caught::panic_message;
use crate::error::{Error, Result};
use crate::registry::Plugin;

thread_local! {
    /// Calls from the program that this thread is in.
    static CALLS: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic in such a call was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a method of the plugin for the program. A panic becomes an error that names plugin, method and place.
pub(super) fn guard<T>(plugin: &Plugin, method: &str, work: impl FnOnce() -> Result<T>) -> Answer<T> {
    let result = quietly(work).unwrap_or_else(|(message, place)| {
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        Err(Error::plugin(format!(
            "plugin {} {}: a panic in {method}, which is a bug of the plugin: {message}{place}",
            plugin.name, plugin.version
        )))
    });
    answer(result)
}

/// Runs something without the report of a panic on standard error: the program makes one line of it.
///
/// # Errors
/// Message and place of a panic.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, (String, Option<String>)> {
    listen();
    CALLS.set(CALLS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    CALLS.set(CALLS.get() - 1);
    result.map_err(|panic| (panic_message(&*panic), PLACE.take()))
}

/// Notes the places of panics in calls of the program. A library has a hook of its own, so the program's is not touched.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CALLS.get() == 0 {
                before(panic);
            } else {
                PLACE.set(panic.location().map(ToString::to_string));
            }
        }));
    });
}

/// Something of the plugin's, whose own `drop` may panic too.
pub(super) struct Held<T: ?Sized>(Option<Box<T>>);

impl<T: ?Sized> Held<T> {
    pub(super) fn new(held: Box<T>) -> Self {
        Self(Some(held))
    }

    pub(super) fn get(&self) -> Result<&T> {
        self.0.as_deref().ok_or_else(|| Error::plugin("it was dropped already"))
    }
}

impl<T: ?Sized> Drop for Held<T> {
    fn drop(&mut self) {
        let held = self.0.take();
        // There is nobody to tell: what is dropped has answered all that it was asked.
        let _ = quietly(|| drop(held));
    }
}
