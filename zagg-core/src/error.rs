//! The one error type that crosses zagg's seams.
//!
//! Messages are lower-case fragments that name the thing at fault and say what to do; the [`ErrorKind`]
//! decides who can mend it, and with it the exit code of the program.

use std::fmt;

/// What went wrong, by who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The user's configuration, arguments or shard map are at fault; nothing ran.
    Input,
    /// A file, server answer or store contradicts its own format.
    Corrupt,
    /// The data are sound as far as we can tell, but use something zagg does not support.
    Unsupported,
    /// Something that should be there is not: a file, an object, a dataset.
    NotFound,
    /// Reading or writing failed in the operating system or on the network.
    Io,
    /// A failure that is likely to pass: the same command may succeed later.
    Temporary,
    /// The object is another one than was described or opened: it was replaced meanwhile.
    Changed,
    /// A plugin broke the contract of its trait, or panicked.
    Plugin,
}

/// An error with its kind, a message for people and the chain of causes folded into that message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    /// Two lines that show the fault in the text that has it.
    excerpt: Option<Box<str>>,
}

/// The result of every fallible function at zagg's seams.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), excerpt: None }
    }

    /// The user's input is at fault.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// A file or answer contradicts its format.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Sound data that zagg cannot read.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Something is absent.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Reading or writing failed.
    pub fn io(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, message)
    }

    /// The object was replaced.
    pub fn changed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Changed, message)
    }

    /// A failure that is likely to pass.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Temporary, message)
    }

    /// A plugin broke its contract.
    pub fn plugin(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Plugin, message)
    }

    /// An operating system error, with what was being done.
    pub fn from_io(error: &std::io::Error, doing: impl fmt::Display) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::Interrupted | std::io::ErrorKind::TimedOut => ErrorKind::Temporary,
            // EMFILE and ENFILE on every Unix: too many open files, which others may close.
            _ if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) => ErrorKind::Temporary,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{doing}: {error}"))
    }

    /// Who can mend it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether it says nothing about the object that was read: the transfer failed, or the system did.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.kind, ErrorKind::Io | ErrorKind::Temporary)
    }

    /// The message without any prefix.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with what was being done put in front of the message.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }

    /// The same error with the place of the fault in a text: the number of the character, counted from 1.
    #[must_use]
    pub fn at(self, text: &str, column: usize) -> Self {
        Self { excerpt: Some(excerpt(text, column).into()), ..self }
    }

    /// The lines that show the fault in the text that has it.
    #[cfg(feature = "abi")]
    pub(crate) fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }

    /// The same error with lines that show the fault.
    #[cfg(feature = "abi")]
    pub(crate) fn with_excerpt(self, excerpt: Option<String>) -> Self {
        Self { excerpt: excerpt.map(Into::into), ..self }
    }

    /// The message, and below it the text at fault with a caret under the fault where there is such a text: for people
    /// who watch. [`Display`](fmt::Display) keeps to one line.
    pub fn report(&self) -> String {
        match &self.excerpt {
            None => self.message.clone(),
            Some(excerpt) => format!("{}\n{excerpt}", self.message),
        }
    }

    /// The same message under another kind, for a caller who knows better who is at fault.
    #[must_use]
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }
}

/// The piece of a text around one of its characters, and a line with a caret under that character.
fn excerpt(text: &str, column: usize) -> String {
    const BEFORE: usize = 60;
    const LENGTH: usize = 90;
    let at = column.saturating_sub(1);
    let start = at.saturating_sub(BEFORE);
    let shown: String = text
        .chars()
        .skip(start)
        .take(LENGTH)
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .collect();
    format!("  {}\n  {}^", shown.trim_end(), " ".repeat(at - start))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Adds context to the error of a [`Result`].
pub trait Context<T> {
    /// Puts what was being done in front of the message.
    ///
    /// # Errors
    /// The error of `self`, with the context in front.
    fn context<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context<D: fmt::Display>(self, doing: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.context(doing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_the_fault_and_the_message_keeps_to_one_line() {
        let error = Error::input("there is no d").at("a +\tb * d", 9).context("p.yaml");
        assert_eq!(error.to_string(), "p.yaml: there is no d");
        assert_eq!(error.report(), "p.yaml: there is no d\n  a + b * d\n          ^");
        let long = "x+".repeat(200) + "?";
        let report = Error::input("?").at(&long, 401).report();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(lines[1].chars().nth(lines[2].chars().count() - 1), Some('?'));
        assert!(lines[1].len() < 100);
        assert_eq!(Error::input("e").at("", 1).report(), "e\n  \n  ^");
    }

    #[test]
    fn context_goes_in_front_and_keeps_the_kind() {
        let result: Result<()> = Err(Error::corrupt("chunk 3 is too short"));
        let error = result.context(|| "granule a.h5").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.to_string(), "granule a.h5: chunk 3 is too short");
    }
}
