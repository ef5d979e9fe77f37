//! Where the pages of a column chunk are (`OffsetIndex` of `parquet.thrift`, `PageIndex.md`).

use std::ops::Range;

use zagg_core::{Error, Result};

use super::thrift::Thrift;

/// A data page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) bytes: Range<u64>,
    /// Its first row, within the row group.
    pub(super) first: u64,
}

/// Pages of a chunk, ascending by rows and by place.
pub(super) fn read(bytes: &[u8], chunk: &Range<u64>, rows: u64) -> Result<Vec<Location>> {
    let mut pages: Vec<Location> = Vec::new();
    let mut thrift = Thrift::new(bytes);
    thrift.structure(|thrift, field, kind| {
        if field != 1 {
            return Ok(false);
        }
        thrift.structures(kind, |thrift, _| {
            let (mut offset, mut length, mut first) = (0, 0, 0);
            thrift.structure(|thrift, field, kind| {
                match field {
                    1 => offset = thrift.unsigned(kind)?,
                    2 => length = thrift.unsigned(kind)?,
                    3 => first = thrift.unsigned(kind)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            let end = offset.checked_add(length).filter(|&end| offset >= chunk.start && end <= chunk.end);
            let follows = match pages.last() {
                None => first == 0,
                Some(before) => first > before.first && first < rows && offset >= before.bytes.end,
            };
            match end {
                Some(end) if follows => pages.push(Location { bytes: offset..end, first }),
                _ => return Err(Error::corrupt("the locations of its pages contradict each other")),
            }
            Ok(())
        })?;
        Ok(true)
    })?;
    Ok(pages)
}

/// The byte ranges that hold some rows: what stands before the first page (a dictionary), then the pages, each range with
/// its first row.
pub(super) fn wanted(
    pages: &[Location],
    chunk: &Range<u64>,
    wanted: &[Range<u64>],
) -> Vec<(u64, Range<u64>)> {
    let Some(first) = pages.first() else { return vec![(0, chunk.clone())] };
    let mut ranges: Vec<(u64, Range<u64>)> = Vec::new();
    if chunk.start < first.bytes.start {
        ranges.push((0, chunk.start..first.bytes.start));
    }
    let mut previous = None;
    for range in wanted {
        let from = pages.partition_point(|page| page.first <= range.start).saturating_sub(1);
        let to = pages.partition_point(|page| page.first < range.end);
        for (number, page) in pages.iter().enumerate().take(to).skip(from) {
            if previous.is_some_and(|previous| number <= previous) {
                continue;
            }
            // Neighbours are one range: rows are counted on from page to page.
            let follows = number == 0 || previous == Some(number - 1);
            match ranges.last_mut() {
                Some((_, last)) if follows && last.end == page.bytes.start => last.end = page.bytes.end,
                _ => ranges.push((page.first, page.bytes.clone())),
            }
            previous = Some(number);
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<Location> {
        (0..5).map(|n| Location { bytes: 20 + 10 * n..30 + 10 * n, first: 100 * n }).collect()
    }

    #[test]
    fn only_pages_with_wanted_rows_are_taken() {
        let got = |rows: &[Range<u64>]| wanted(&pages(), &(10..70), rows);
        assert_eq!(got(&[150..160]), [(0, 10..20), (100, 30..40)]);
        assert_eq!(got(&[0..1, 99..101]), [(0, 10..40)]);
        assert_eq!(got(&[100..300, 499..500]), [(0, 10..20), (100, 30..50), (400, 60..70)]);
        assert_eq!(got(&[199..200, 201..202]), [(0, 10..20), (100, 30..50)]);
        assert_eq!(wanted(&pages(), &(20..70), &[0..500]), [(0, 20..70)]);
        assert_eq!(wanted(&pages(), &(20..70), &[450..460]), [(400, 60..70)]);
        assert_eq!(wanted(&[], &(10..70), &[3..4]), [(0, 10..70)]);
    }
}
