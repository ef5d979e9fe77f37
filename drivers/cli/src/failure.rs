//! Exit codes, as documented in the command-line reference.

use zagg_core::{Error, ErrorKind};

/// The user's input is at fault; nothing ran.
pub(crate) const USER: u8 = 1;
/// The command line cannot be understood.
pub(crate) const USAGE: u8 = 2;
/// It ran, but something is missing.
pub(crate) const INCOMPLETE: u8 = 3;
/// Likely to pass: safe to run again.
pub(crate) const TEMPORARY: u8 = 75;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    /// A command line that contradicts itself or lacks something, in one line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into() }
    }

    /// An error that ended a run after its first task could have started: something is missing now.
    pub(crate) fn of_run(error: &Error) -> Self {
        Self {
            code: if error.kind() == ErrorKind::Temporary { TEMPORARY } else { INCOMPLETE },
            message: error.report(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Temporary => TEMPORARY,
            _ => USER,
        };
        Self { code, message: error.report() }
    }
}
