//! Calls into a library, and faults in what comes back.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::OnceLock;

use super::super::types::{Answer, result};
use crate::error::{Error, Result};

/// Messages of plugins are cut to this many characters.
const MAX_MESSAGE: usize = 2000;

static OBSERVER: OnceLock<fn(&str)> = OnceLock::new();

/// Has `observer` told the name of every method of a library just before it is called: who watches a process from outside
/// knows then where it ended. The first observer stays.
pub fn observe(observer: fn(&str)) {
    // A second one would only hear what the first one hears.
    let _ = OBSERVER.set(observer);
}

/// Who is called: name and version of the plugin, and the path of its library.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) &'static str);

impl Caller {
    /// Calls a method.
    ///
    /// # Errors
    /// The error that the plugin gives, in one line.
    pub(super) fn call<T>(self, method: &str, call: impl FnOnce() -> Answer<T>) -> Result<T> {
        if let Some(observer) = OBSERVER.get() {
            observer(method);
        }
        result(call()).map_err(one_line)
    }

    /// An answer that breaks the contract.
    pub(super) fn fault(self, method: &str, what: impl fmt::Display) -> Error {
        one_line(Error::plugin(format!("plugin {}: {method} {what}", self.0)))
    }

    /// Demands something of an answer.
    ///
    /// # Errors
    /// Unless it holds.
    pub(super) fn check<D: fmt::Display>(
        self,
        holds: bool,
        method: &str,
        what: impl FnOnce() -> D,
    ) -> Result<()> {
        if holds { Ok(()) } else { Err(self.fault(method, what())) }
    }
}

/// The same error without line breaks and at bearable length: plugins write their own messages.
pub(super) fn one_line(error: Error) -> Error {
    let message = error.message();
    if message.len() <= MAX_MESSAGE && !message.contains(char::is_control) {
        return error;
    }
    let line: String =
        message.split(char::is_control).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(MAX_MESSAGE).collect();
    let ellipsis = if cut.len() < line.len() { " …" } else { "" };
    Error::new(error.kind(), format!("{cut}{ellipsis}"))
}

/// The answer of a method that cannot fail. An error unwinds, without a report of its own, to where panics become errors.
pub(super) fn must<T>(answer: Result<T>) -> T {
    answer.unwrap_or_else(|error| resume_unwind(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_unwind_come_back_as_they_were() {
        let error = Error::corrupt("the file is broken");
        assert_eq!(crate::caught(|| Ok(must::<u8>(Err(error.clone())))), Err(error));
    }

    #[test]
    fn messages_are_one_line() {
        let error = one_line(Error::input(format!("a\n\tb {}", "x".repeat(5000))));
        assert!(error.message().starts_with("a b x") && error.message().len() < 2100);
    }
}
