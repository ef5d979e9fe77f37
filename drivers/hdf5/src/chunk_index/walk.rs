//! Walking a chunk index before rows are asked for, so that its bytes come along with other fetches.

use zagg_core::Rows;

use super::{Wanted, hint};
use crate::access::{Access, Step};
use crate::layout::{Chunked, Extent, Storage};

/// Chunks of a dataset up to which that is done.
const MOST_CHUNKS: u64 = 4096;

/// A chunk index that is walked beforehand.
#[derive(Debug)]
pub(crate) struct Walk {
    chunked: Chunked,
    extent: Extent,
    chunk_bytes: u64,
    filtered: bool,
}

impl Walk {
    /// Through the index of a dataset with elements of so many bytes, if it has few enough chunks.
    pub(crate) fn new(storage: &Storage, extent: &Extent, element: u64, filtered: bool) -> Option<Self> {
        let Storage::Chunked(chunked) = storage else { return None };
        let per_dim = extent.shape.iter().zip(&chunked.shape).map(|(len, chunk)| len.div_ceil(*chunk));
        let count = per_dim.fold(1u64, u64::saturating_mul);
        let chunk_bytes = chunked.shape.iter().fold(element, |n, &len| n.saturating_mul(len));
        (1..=MOST_CHUNKS).contains(&count).then(|| Self {
            chunked: chunked.clone(),
            extent: extent.clone(),
            chunk_bytes,
            filtered,
        })
    }

    /// Looks at every entry.
    pub(crate) fn run(&self, access: &Access<'_>) -> Step<()> {
        let rows = Rows::all(self.extent.shape.first().copied().unwrap_or(0));
        let wanted = Wanted::new(&self.chunked, &self.extent, &rows, None, self.chunk_bytes, self.filtered);
        hint(access, &self.chunked);
        wanted.find(access).map(drop)
    }
}
