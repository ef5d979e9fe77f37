//! Files of catalogs: shard maps, and the granules that a search has found.
//!
//! A *shard map* is read and written as JSON in the form of the Python zagg (`.json`), as the same text compressed with
//! Zstandard (`.json.zst`), or as Parquet with every granule once (`.parquet`; see [`shard_map`]). *Granules* are read and
//! written as stac-geoparquet (see [`granules`]), and read as STAC item collections.
//!
//! On reading the content of a file decides what it is, on writing the ending of its name does. Files are written beside
//! their place and then renamed, so that a reader sees the old content or all of the new one.
//!
//! Parquet is read and written by the crate `parquet`, without arrow. What it would allocate or expand on the word of a file
//! is checked beforehand.

mod atomic;
mod columns;
mod filter;
mod form;
pub mod granules;
mod merge;
pub mod shard_map;
mod stats;
mod times;

pub use filter::{Filter, Filtered, filter};
pub use form::check_output;
pub use granules::{check_grid, read_granules, tie_to_grid, write_granules};
pub use merge::merge;
pub use shard_map::{read_shard_map, write_shard_map};
pub use stats::{Addresses, Spread, Stats, stats};

/// Names in a file may have line breaks; messages have one line.
fn in_one_line(error: zagg_core::Error) -> zagg_core::Error {
    if !error.message().contains(char::is_control) {
        return error;
    }
    let text: String = error.message().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    zagg_core::Error::new(error.kind(), text)
}
