//! Sets of cells of one shard.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Some cells of a shard, by their places in the shard's block: ascending, disjoint, non-empty, half-open ranges.
///
/// As text, ranges are `first-last` or a single place, with commas between them: `0-95,100`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellRanges {
    ranges: Vec<Range<u32>>,
}

impl CellRanges {
    /// Every cell from `0` up to `n`.
    pub fn all(n: u32) -> Self {
        Self::from_ranges([0..n])
    }

    /// The cells of any ranges: they are sorted, joined where they touch, and empty ones dropped.
    pub fn from_ranges(ranges: impl IntoIterator<Item = Range<u32>>) -> Self {
        let mut ranges: Vec<Range<u32>> = ranges.into_iter().filter(|r| r.start < r.end).collect();
        if !ranges.is_sorted_by_key(|r| r.start) {
            ranges.sort_unstable_by_key(|r| (r.start, r.end));
        }
        let mut all = Self { ranges: Vec::with_capacity(ranges.len()) };
        ranges.into_iter().for_each(|range| all.push(range));
        all.ranges.shrink_to_fit();
        all
    }

    /// Adds a non-empty range that begins no earlier than the last one.
    fn push(&mut self, range: Range<u32>) {
        match self.ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => self.ranges.push(range),
        }
    }

    /// The cells of these places, in any order; the place `u32::MAX` is none.
    pub fn from_places(places: impl IntoIterator<Item = u32>) -> Self {
        Self::from_ranges(places.into_iter().map(|place| place..place.saturating_add(1)))
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.ranges
    }

    /// Number of cells.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|r| u64::from(r.end - r.start)).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// One past the last place, or 0.
    pub fn end(&self) -> u32 {
        self.ranges.last().map_or(0, |r| r.end)
    }

    /// Whether the cell at a place is one of them.
    pub fn contains(&self, place: u32) -> bool {
        let after = self.ranges.partition_point(|r| r.start <= place);
        after > 0 && place < self.ranges[after - 1].end
    }

    /// The cells of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).cloned())
    }

    /// One flag for each of the cells of a block of `n`.
    pub fn flags(&self, n: usize) -> Vec<bool> {
        let mut flags = vec![false; n];
        for range in &self.ranges {
            let end = (range.end as usize).min(n);
            if let Some(flags) = flags.get_mut(range.start as usize..end) {
                flags.fill(true);
            }
        }
        flags
    }
}

impl fmt::Display for CellRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.ranges.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            match range.end - 1 {
                last if last == range.start => write!(f, "{comma}{last}")?,
                last => write!(f, "{comma}{}-{last}", range.start)?,
            }
        }
        Ok(())
    }
}

impl FromStr for CellRanges {
    type Err = Error;

    /// # Errors
    /// When the text is anything but what [`Display`](fmt::Display) gives.
    fn from_str(text: &str) -> Result<Self> {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(())?;
            Some(first..last.checked_add(1)?)
        };
        let ranges: Option<Vec<Range<u32>>> = match text {
            "" => Some(Vec::new()),
            text => text.split(',').map(range).collect(),
        };
        ranges
            .map(Self::from_ranges)
            .filter(|cells| cells.to_string() == text)
            .ok_or_else(|| Error::corrupt("is no list of ranges of cells"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_set_of_its_places(
            ranges in prop::collection::vec((0..60_u32, 0..9_u32), 0..12),
            others in prop::collection::vec(0..60_u32, 0..12)
        ) {
            let cells = CellRanges::from_ranges(ranges.iter().map(|&(start, n)| start..start + n));
            let want: Vec<bool> =
                (0..70).map(|p| ranges.iter().any(|&(start, n)| (start..start + n).contains(&p))).collect();
            prop_assert_eq!(&cells.flags(70), &want);
            prop_assert_eq!(cells.len(), want.iter().filter(|f| **f).count() as u64);
            prop_assert!((0..70).all(|p| cells.contains(p) == want[p as usize]));
            prop_assert!(cells.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(&cells.to_string().parse::<CellRanges>().unwrap(), &cells);
            let both = cells.union(&CellRanges::from_places(others.iter().copied()));
            prop_assert!((0..70).all(|p| both.contains(p) == (want[p as usize] || others.contains(&p))));
        }

        #[test]
        fn texts_are_refused_or_come_back(text in "[0-9,-]{0,12}") {
            if let Ok(cells) = text.parse::<CellRanges>() {
                prop_assert_eq!(cells.to_string(), text);
            }
        }
    }

    #[test]
    fn flags_stay_within_the_block() {
        assert_eq!(CellRanges::from_ranges([1..9, 20..30]).flags(3), [false, true, true]);
        assert_eq!(CellRanges::from_places([u32::MAX]).len(), 0);
        assert!("4294967295".parse::<CellRanges>().is_err());
        assert_eq!(CellRanges::all(4).to_string(), "0-3");
    }
}
