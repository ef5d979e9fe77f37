//! Rows of a part: sorted, disjoint, half-open ranges of row numbers.

use std::ops::Range;

/// A set of rows as ascending, disjoint, non-empty, half-open ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    ranges: Vec<Range<u64>>,
}

impl Rows {
    /// Every row from `0` up to `n`.
    pub fn all(n: u64) -> Self {
        Self::from_ranges([0..n])
    }

    /// The rows of any ranges: they are sorted, joined where they touch, and empty ones dropped.
    pub fn from_ranges(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|r| r.start < r.end).collect();
        ranges.sort_unstable_by_key(|r| (r.start, r.end));
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self { ranges: joined }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|r| r.end - r.start).sum()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The first `n` rows, and the others.
    #[must_use]
    pub fn split_at(&self, n: u64) -> (Self, Self) {
        let (mut first, mut rest) = (Self::default(), Self::default());
        let mut room = n;
        for Range { start, end } in self.ranges.iter().cloned() {
            let middle = start + room.min(end - start);
            room -= middle - start;
            first.ranges.extend((start < middle).then_some(start..middle));
            rest.ranges.extend((middle < end).then_some(middle..end));
        }
        (first, rest)
    }

    /// One past the last row, or 0.
    pub fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |r| r.end)
    }

    /// Every row number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges.iter().cloned().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_joined_and_non_empty() {
        let rows = Rows::from_ranges([5..7, 0..2, 6..9, 2..3, 4..4]);
        assert_eq!(rows.ranges(), [0..3, 5..9]);
        assert_eq!((rows.len(), rows.end()), (7, 9));
        assert_eq!(rows.iter().collect::<Vec<_>>(), [0, 1, 2, 5, 6, 7, 8]);
        for n in 0..9 {
            let (first, rest) = rows.split_at(n);
            assert_eq!(first.len(), n.min(7));
            assert_eq!(first.iter().chain(rest.iter()).collect::<Vec<_>>(), rows.iter().collect::<Vec<_>>());
            assert!(first.ranges().iter().chain(rest.ranges()).all(|range| !range.is_empty()));
        }
    }
}
