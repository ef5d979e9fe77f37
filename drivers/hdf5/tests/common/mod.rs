//! What the tests share.
#![allow(dead_code)] // Each test takes what it needs, and says so when it skips.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use zagg_core::range_reader::{MemoryReader, Recording};

/// The folder with real files, if it is there.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("ZAGG_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    // Around the capture of the test harness: a skipped test must be seen.
    let _ = writeln!(std::io::stderr(), "skipped: no real files in {}; set ZAGG_TEST_DATA", folder.display());
    None
}

/// A file in memory whose reads are written down.
pub(crate) fn recording(name: &str, bytes: Vec<u8>) -> Arc<Recording> {
    Arc::new(Recording::new(Arc::new(MemoryReader::new(name, bytes))))
}
