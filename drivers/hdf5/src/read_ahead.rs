//! Which pages to fetch beyond those that are wanted.
//!
//! What a structure refers to mostly lies near it, and writers put what they finish last at the end of the file: link
//! heaps, the headers of groups. A round trip costs as much time as some hundred kilobytes, so a fixed number of bytes is
//! spent on guesses, wide windows first. The constants were found by trying on granules of five writers (design note 0001).

use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of a page: what is fetched and kept at once.
pub(crate) const PAGE: u64 = 2048;

/// Longest window around a place while there are bytes for guesses.
const WIDEST: u64 = 40 << 10;

/// Longest window once they are spent: it doubles every few rounds, so that no file costs a read per page.
const WIDEST_LATE: u64 = 1 << 20;

/// The share of the bytes left that one round may spend, in percent.
const SHARE: u64 = 70;

/// The share of a window that lies before its place, in percent.
const BEFORE: u64 = 20;

/// Writers that put metadata first fill up to here with them. When all that is wanted in the second round lies before it,
/// everything up to here comes along.
const DENSE_HEAD: u64 = 728 << 10;

/// Bytes at the end of the file that come with the second read.
const TAIL: u64 = 288 << 10;

/// Bytes fetched at a place that nobody waits for yet.
const LATER_WINDOW: u64 = 2 * PAGE;

/// How much is read beyond what is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAhead {
    /// Bytes of metadata, the first read included, up to which windows are wide.
    pub(crate) budget: u64,
    /// Bytes of the first read.
    pub(crate) head: u64,
    /// Shortest window.
    pub(crate) window: u64,
}

/// What is known when a fetch is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes fetched so far.
    pub(crate) spent: u64,
    /// Fetches of this operation so far.
    pub(crate) round: u32,
}

impl ReadAhead {
    /// The pages to fetch: those of `wanted` with a window around them, and those of `later`, which nobody waits for yet.
    /// `here` says which pages are not missing.
    pub(crate) fn pages(
        &self,
        now: Situation,
        wanted: &[Range<u64>],
        later: &[Range<u64>],
        here: impl Fn(u64) -> bool,
    ) -> BTreeSet<u64> {
        let last = now.size.div_ceil(PAGE);
        let missing = |pages: Range<u64>| (pages.start..pages.end.min(last)).filter(|page| !here(*page));
        let pages_of = |ranges: &[Range<u64>]| -> BTreeSet<u64> {
            let filled = ranges.iter().filter(|range| !range.is_empty());
            filled.flat_map(|range| missing(range.start / PAGE..range.end.div_ceil(PAGE))).collect()
        };
        let mut pages = pages_of(wanted);
        let later = places(&pages_of(later));
        let mut left = self.budget.saturating_sub(now.spent);
        if !wanted.is_empty() && now.spent > 0 {
            if now.size.saturating_sub(now.spent) <= left {
                // The file is so small that the rest of it comes along.
                return missing(0..last).collect();
            }
            let mut places = places(&pages);
            if now.spent <= self.head && left > 0 {
                let extra = if places.iter().all(|place| place.end * PAGE <= DENSE_HEAD) {
                    0..DENSE_HEAD / PAGE
                } else {
                    now.size.saturating_sub(TAIL.min(left)) / PAGE..last
                };
                places.retain(|place| !(extra.contains(&place.start) && extra.contains(&(place.end - 1))));
                left = left.saturating_sub(missing(extra.clone()).count() as u64 * PAGE);
                pages.extend(missing(extra));
            }
            left = left.saturating_sub(later.len() as u64 * LATER_WINDOW);
            for place in &places {
                let window = self.window_pages(now, left, places.len() as u64);
                let from = place.start.saturating_sub(window * BEFORE / 100);
                pages.extend(missing(from..(from + window).max(place.end)));
            }
        }
        for place in later {
            pages.extend(missing(place.start..(place.start + LATER_WINDOW / PAGE).max(place.end)));
        }
        pages
    }

    /// Pages of a window when there are so many places and bytes for guesses.
    fn window_pages(&self, now: Situation, left: u64, places: u64) -> u64 {
        let share = left / 100 * SHARE / places.max(1);
        let least = self.window.max(PAGE) << (now.round / 4).min(16);
        let widest = if left == 0 { WIDEST_LATE.max(self.window) } else { WIDEST.max(self.window) };
        share.max(least).min(widest) / PAGE
    }
}

/// Runs of pages.
fn places(pages: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut places: Vec<Range<u64>> = Vec::new();
    for &page in pages {
        match places.last_mut() {
            // A gap of one page is not worth a request.
            Some(place) if page <= place.end + 1 => place.end = page + 1,
            _ => places.push(page..page + 1),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const AHEAD: ReadAhead = ReadAhead { budget: 960 << 10, head: 112 << 10, window: 4 << 10 };

    fn runs(pages: &BTreeSet<u64>) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for &page in pages {
            match runs.last_mut() {
                Some(run) if run.end == page * PAGE => run.end += PAGE,
                _ => runs.push(page * PAGE..(page + 1) * PAGE),
            }
        }
        runs
    }

    fn pages(size: u64, spent: u64, round: u32, wanted: &[Range<u64>]) -> Vec<Range<u64>> {
        let here = |page| page * PAGE < spent;
        runs(&AHEAD.pages(Situation { size, spent, round }, wanted, &[], here))
    }

    #[test]
    fn the_first_read_is_exact_and_small_files_come_whole_with_the_second() {
        assert_eq!(pages(1 << 30, 0, 0, &[0..112 << 10]), [0..112 << 10]);
        assert_eq!(pages(960 << 10, 112 << 10, 0, &[200_000..200_001]), [112 << 10..960 << 10]);
    }

    #[test]
    fn the_second_read_brings_the_end_of_the_file_or_a_dense_head() {
        let far = pages(100 << 20, 112 << 10, 0, &[50 << 20..(50 << 20) + 10]);
        assert_eq!(far, [(50 << 20) - (8 << 10)..(50 << 20) + (32 << 10), (100 << 20) - TAIL..100 << 20]);
        assert_eq!(pages(100 << 20, 112 << 10, 0, &[500_000..500_010]), [112 << 10..DENSE_HEAD]);
    }

    #[test]
    fn windows_are_as_wide_as_the_bytes_left_allow_and_grow_again_later() {
        let wanted: Vec<Range<u64>> = (1..=6).map(|i| (i * 10) << 20..((i * 10) << 20) + 8).collect();
        let width = |spent, round| {
            let pages = pages(100 << 20, spent, round, &wanted);
            assert_eq!(pages.len(), 6);
            pages[0].end - pages[0].start
        };
        assert_eq!([width(700 << 10, 2), width(1 << 20, 3), width(1 << 20, 4)], [30 << 10, 4 << 10, 8 << 10]);
        assert_eq!(width(1 << 20, 200), WIDEST_LATE);
    }

    #[test]
    fn what_nobody_waits_for_gets_a_short_window_and_never_the_end_of_the_file() {
        let now = Situation { size: 100 << 20, spent: 112 << 10, round: 0 };
        let found = AHEAD.pages(now, &[], &[1 << 20..(1 << 20) + 5], |_| false);
        assert_eq!(runs(&found), [1 << 20..(1 << 20) + LATER_WINDOW]);
    }
}
