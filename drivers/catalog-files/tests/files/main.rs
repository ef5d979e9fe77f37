//! Files of catalogs: round trips through every form, real files, and damaged ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod damage;
mod granules;
mod original;
mod shard_maps;

use std::io::Write;
use std::path::PathBuf;

/// The folder with real answers of CMR; none, which is said, where it is absent.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("ZAGG_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    if folder.join("cmr/shardmaps").is_dir() {
        return Some(folder.join("cmr"));
    }
    let _ =
        writeln!(std::io::stderr(), "skipped: no real files in {}/cmr; set ZAGG_TEST_DATA", folder.display());
    None
}

/// A xorshift generator: damage must be the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}
