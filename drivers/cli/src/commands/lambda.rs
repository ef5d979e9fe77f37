//! `zagg run --executor lambda`.

#[cfg(feature = "lambda")]
mod session;
#[cfg(not(feature = "lambda"))]
mod without;

use serde_json::Value;

#[cfg(feature = "lambda")]
pub(crate) use session::Session;
#[cfg(not(feature = "lambda"))]
pub(crate) use without::Session;

/// What an executor adds to a summary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    /// For programs, under `lambda`.
    pub(crate) json: Value,
    /// For people: lines of a table.
    pub(crate) rows: Vec<(&'static str, String)>,
}
