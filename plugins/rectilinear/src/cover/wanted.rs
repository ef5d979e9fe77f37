//! The shards that a cover looks for.

use super::image::Span;
use crate::grid::RectilinearGrid;

/// Some shards of the grid.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Ascending.
    shards: &'a [u64],
    /// The first and the last row and column of them.
    rows: (u64, u64),
    columns: (u64, u64),
}

impl<'a> Wanted<'a> {
    /// These shards, ascending.
    pub(super) fn new(grid: &RectilinearGrid, shards: &'a [u64]) -> Self {
        let width = grid.shards()[1].max(1);
        let extent = |number: fn(u64, u64) -> u64| {
            shards
                .iter()
                .map(|shard| number(*shard, width))
                .fold((u64::MAX, 0), |(first, last), n| (first.min(n), last.max(n)))
        };
        Self {
            shards,
            rows: extent(|shard, width| shard / width),
            columns: extent(|shard, width| shard % width),
        }
    }

    /// Ascending.
    pub(super) fn shards(&self) -> &'a [u64] {
        self.shards
    }

    /// The place of a shard in the list.
    pub(super) fn place(&self, shard: u64) -> Option<u64> {
        self.shards.binary_search(&shard).ok().map(|place| place as u64)
    }

    /// Whether a block of shards may hold one of them: it meets the block around all.
    pub(super) fn may_meet(&self, span: &Span) -> bool {
        let meets = |a: (u64, u64), b: (u64, u64)| a.0 <= b.1 && b.0 <= a.1;
        meets(self.rows, span.rows) && meets(self.columns, span.columns)
    }
}
