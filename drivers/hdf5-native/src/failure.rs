//! From the library's errors to ours.

use zagg_core::{Error, ErrorKind};

/// Words with which the library says that it does not know what it reads. Nothing else tells such a file from a damaged
/// one.
const UNKNOWN: [&str; 4] = ["version", "not registered", "filter", "unsupported"];

/// What it says of an object header that was overwritten; there have never been more than two versions of them.
const BROKEN_HEADER: &str = "bad object header version number";

/// What the library's error means for who has to mend it.
pub(crate) fn error(error: &hdf5_metno::Error, doing: &str) -> Error {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let lower = text.to_lowercase();
    let kind = if lower.contains(BROKEN_HEADER) {
        ErrorKind::Corrupt
    } else if UNKNOWN.iter().any(|word| lower.contains(word)) {
        ErrorKind::Unsupported
    } else {
        ErrorKind::Corrupt
    };
    Error::new(kind, format!("{doing}: libhdf5 says: {line}"))
}
