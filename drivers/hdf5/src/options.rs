//! Limits and sizes of reads.

use std::sync::Arc;

use zagg_core::range_reader::FIRST_READ;

use crate::chunk_cache::ChunkCache;
use crate::read_ahead::ReadAhead;

/// Limits and sizes of reads.
///
/// What a file claims of itself never decides how much memory is taken: a claim beyond a limit is refused with its name.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Largest decoded chunk in bytes, and most bytes of fill values that one request may yield beyond stored chunks.
    pub max_chunk_bytes: u64,
    /// Most bytes of metadata held for one file: headers, heaps, attributes, chunk tables.
    pub max_metadata_bytes: u64,
    /// Bytes of stored and decoded chunks that one call works on at once. A call that needs more fetches, decodes and places
    /// them in several steps, each a round trip.
    pub max_step_bytes: u64,
    /// Most bytes of values that one call may yield.
    pub max_answer_bytes: u64,
    /// Bytes fetched from the start of the file when it is opened.
    pub first_read: u64,
    /// Bytes of metadata, the first read included, that may be fetched beyond what is wanted: each round trip then brings
    /// much of what the next one would. A file up to this size comes whole with the second read.
    pub read_ahead: u64,
    /// Least bytes fetched around every place where metadata are wanted; in whole pages of 2048.
    pub window: u64,
    /// Decoded chunks kept for later reads, shared with other files.
    pub chunk_cache: Option<Arc<ChunkCache>>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_chunk_bytes: 256 << 20,
            max_metadata_bytes: 256 << 20,
            max_step_bytes: 256 << 20,
            max_answer_bytes: 8 << 30,
            first_read: FIRST_READ,
            read_ahead: 960 << 10,
            window: 4 << 10,
            chunk_cache: None,
        }
    }
}

impl ReadOptions {
    /// Options for `bytes` of memory when `calls` may run at once: a quarter for decoded chunks that are kept, the rest
    /// divided among the calls, half for the step that each is at and half for the metadata of its file. The values that a
    /// call yields come on top; they, too, are refused beyond `bytes`.
    pub fn with_shared_memory(bytes: u64, calls: u64) -> Self {
        let kept = bytes / 4;
        let each = (bytes - kept) / 2 / calls.max(1);
        Self {
            max_chunk_bytes: each.min(256 << 20),
            max_metadata_bytes: each.min(256 << 20),
            max_step_bytes: each,
            max_answer_bytes: bytes,
            read_ahead: (960 << 10).min(each / 2),
            chunk_cache: Some(Arc::new(ChunkCache::new(kept))),
            ..Self::default()
        }
    }

    /// Options under which files and calls hold about `bytes` of memory: a quarter each for decoded chunks that are kept,
    /// one step of a call, the metadata of one file, and the values of one call. Below 8 MiB granules may not be readable.
    pub fn with_memory(bytes: u64) -> Self {
        let quarter = bytes / 4;
        Self {
            max_chunk_bytes: quarter.min(256 << 20),
            max_metadata_bytes: quarter.min(256 << 20),
            max_step_bytes: quarter,
            max_answer_bytes: quarter,
            read_ahead: (960 << 10).min(quarter / 2),
            chunk_cache: Some(Arc::new(ChunkCache::new(quarter))),
            ..Self::default()
        }
    }
}

impl From<&ReadOptions> for ReadAhead {
    fn from(options: &ReadOptions) -> Self {
        Self { budget: options.read_ahead, head: options.first_read, window: options.window }
    }
}
