//! A chunk index that is known whole.

use super::{Chunk, Wanted};

/// Every stored chunk of a dataset, in the order of the index that it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) chunks: Vec<Entry>,
}

/// One stored chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in the grid of chunks over the dataset, in row-major order.
    pub(crate) number: u64,
    pub(crate) address: u64,
    /// Stored bytes.
    pub(crate) size: u64,
    /// Bit *i* says that filter *i* was left out.
    pub(crate) mask: u32,
}

/// Chunks along each dimension of a dataset.
pub(crate) fn counts(shape: &[u64], chunk: &[u64]) -> Vec<u64> {
    shape.iter().zip(chunk).map(|(len, chunk)| len.div_ceil((*chunk).max(1))).collect()
}

/// The number of a chunk; `None` when its place is outside.
fn number(place: &[u64], counts: &[u64]) -> Option<u64> {
    place.iter().zip(counts).try_fold(0u64, |number, (place, count)| {
        if place >= count { None } else { number.checked_mul(*count)?.checked_add(*place) }
    })
}

/// The place of a chunk.
fn place(mut number: u64, counts: &[u64]) -> Vec<u64> {
    let mut place = vec![0; counts.len()];
    for (at, count) in place.iter_mut().zip(counts).rev() {
        *at = number % (*count).max(1);
        number /= (*count).max(1);
    }
    place
}

impl Table {
    /// The table of all chunks of a dataset; `None` when one lies outside it.
    pub(crate) fn new(chunks: &[Chunk], counts: &[u64]) -> Option<Self> {
        let entry = |chunk: &Chunk| {
            let number = number(&chunk.place, counts)?;
            Some(Entry { number, address: chunk.address, size: chunk.size, mask: chunk.mask })
        };
        Some(Self { chunks: chunks.iter().map(entry).collect::<Option<_>>()? })
    }

    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Vec<Chunk> {
        let counts = counts(&wanted.extent.shape, &wanted.chunked.shape);
        // A saved table may be of a made-up shape.
        let per_row = counts.iter().skip(1).fold(1u64, |chunks, &count| chunks.saturating_mul(count)).max(1);
        let mut chunks = Vec::new();
        for entry in &self.chunks {
            let row = entry.number / per_row;
            if !wanted.wants_rows(row, row) {
                continue;
            }
            let place = place(entry.number, &counts);
            if wanted.wants(&place) {
                chunks.push(Chunk { place, address: entry.address, size: entry.size, mask: entry.mask });
            }
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_have_numbers(counts in prop::collection::vec(1u64..9, 1..4), seed: u64) {
            let all: u64 = counts.iter().product();
            let at = seed % all;
            let found = place(at, &counts);
            prop_assert!(found.iter().zip(&counts).all(|(place, count)| place < count));
            prop_assert_eq!(number(&found, &counts), Some(at));
        }
    }

    #[test]
    fn places_outside_have_none() {
        assert_eq!(number(&[3, 0], &[3, 4]), None);
        assert_eq!(number(&[2, 3], &[3, 4]), Some(11));
        assert_eq!(number(&[1, 1], &[u64::MAX, u64::MAX]), None);
    }
}
