//! Fetching what some rows need: whole column chunks, or of long ones only the pages that hold the rows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use zagg_core::range_reader::RangeReader;
use zagg_core::{Context, Error, Result, Rows};

use super::footer::{Chunk, RowGroup};
use super::locations::{self, Location};
use super::pages::{Pages, decode};
use super::raw::Decoded;
use super::schema::Leaf;

/// Column chunks of fewer bytes are fetched whole: another request would cost more than it saves.
const WHOLE: u64 = 256 << 10;

/// Bytes of chunks that are fetched at once, unless less memory is allowed.
const AT_ONCE: u64 = 64 << 20;

/// Longest page locations of a chunk.
const MAX_LOCATIONS: u64 = 16 << 20;

/// Pages of a row group and a column.
type Located = BTreeMap<(usize, usize), Arc<Vec<Location>>>;

/// Reads rows of one file.
#[derive(Debug)]
pub(super) struct Fetcher {
    reader: Arc<dyn RangeReader>,
    /// Most bytes of values at once.
    memory: u64,
    /// Page locations by row group and column that were read before. Chunks whose locations cannot be used have none.
    locations: Mutex<Located>,
}

/// Rows of one row group that are wanted.
#[derive(Debug)]
struct Wanted {
    group: usize,
    /// Within the row group, ascending.
    rows: Vec<Range<u64>>,
}

/// Bytes that are wanted of one column chunk.
#[derive(Debug)]
struct Plan<'a> {
    chunk: &'a Chunk,
    /// Each with its first row.
    ranges: Vec<(u64, Range<u64>)>,
}

impl Fetcher {
    pub(super) fn new(reader: Arc<dyn RangeReader>, memory: u64) -> Self {
        Self { reader, memory, locations: Mutex::default() }
    }

    /// The values of some rows of the `used` columns, which are ascending.
    pub(super) fn read(
        &self,
        groups: &[RowGroup],
        leaves: &[Leaf],
        used: &[usize],
        rows: &Rows,
    ) -> Result<Vec<Decoded>> {
        let row_bytes: u64 = used.iter().map(|&leaf| leaves[leaf].physical.size()).sum();
        if rows.len().saturating_mul(row_bytes) > self.memory {
            return Err(Error::unsupported(format!(
                "{} rows of {row_bytes} bytes take more than the {} bytes allowed; raise data_source.memory",
                rows.len(),
                self.memory
            )));
        }
        let mut out: Vec<Decoded> = used.iter().map(|&leaf| Decoded::empty(leaves[leaf].physical)).collect();
        let wanted = wanted(groups, rows);
        let mut rest: &[Wanted] = &wanted;
        while !rest.is_empty() {
            let mut bytes = 0u64;
            let fits = rest.iter().take_while(|wanted| {
                let chunks = used.iter().filter_map(|&leaf| groups[wanted.group].chunks[leaf].as_ref().ok());
                bytes += chunks.map(|chunk| chunk.bytes.end - chunk.bytes.start).sum::<u64>();
                bytes <= AT_ONCE.min(self.memory)
            });
            let (some, behind) = rest.split_at(fits.count().max(1));
            self.read_some(groups, leaves, used, some, &mut out)?;
            rest = behind;
        }
        Ok(out)
    }

    fn read_some(
        &self,
        groups: &[RowGroup],
        leaves: &[Leaf],
        used: &[usize],
        wanted: &[Wanted],
        out: &mut [Decoded],
    ) -> Result<()> {
        self.locate(groups, used, wanted)?;
        let mut plans = Vec::new();
        for part in wanted {
            for &leaf in used {
                let chunk = groups[part.group].chunks[leaf].as_ref().map_err(|error| {
                    error
                        .clone()
                        .context(format_args!("column {}, row group {}", leaves[leaf].name, part.group))
                })?;
                let located = self.known(part.group, leaf);
                let ranges = match located {
                    Some(pages) => locations::wanted(&pages, &chunk.bytes, &part.rows),
                    None => vec![(0, chunk.bytes.clone())],
                };
                plans.push(Plan { chunk, ranges });
            }
        }
        let ranges: Vec<Range<u64>> =
            plans.iter().flat_map(|plan| plan.ranges.iter().map(|(_, range)| range.clone())).collect();
        let mut fetched = self.fetch(&ranges)?.into_iter();
        let mut plans = plans.into_iter();
        for part in wanted {
            let group = &groups[part.group];
            for (&leaf, out) in used.iter().zip(out.iter_mut()) {
                let Some(plan) = plans.next() else { return Err(Error::plugin("a column was not planned")) };
                let pages: Vec<Pages> = plan
                    .ranges
                    .iter()
                    .zip(fetched.by_ref())
                    .map(|((first, _), bytes)| Pages { first: *first, bytes })
                    .collect();
                let rows = group.rows.end - group.rows.start;
                let decoded = decode(&leaves[leaf], plan.chunk.codec, &pages, rows, &part.rows, self.memory)
                    .context(|| format!("row group {}", part.group))?;
                let n = decoded.raw.len();
                out.extend(&decoded, 0..n)?;
            }
        }
        Ok(())
    }

    /// Every range whole, in one call.
    fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        let fetched = self.reader.read_ranges(ranges)?;
        let whole = fetched.len() == ranges.len()
            && fetched.iter().zip(ranges).all(|(bytes, range)| bytes.len() as u64 == range.end - range.start);
        if whole {
            Ok(fetched)
        } else {
            Err(Error::io(format!("{}: a short answer", self.reader.location())))
        }
    }

    fn known(&self, group: usize, leaf: usize) -> Option<Arc<Vec<Location>>> {
        let locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        locations.get(&(group, leaf)).filter(|pages| !pages.is_empty()).cloned()
    }

    /// Reads the page locations of long chunks of which a part is wanted.
    fn locate(&self, groups: &[RowGroup], used: &[usize], wanted: &[Wanted]) -> Result<()> {
        let mut missing = Vec::new();
        {
            let known = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
            for part in wanted {
                let group = &groups[part.group];
                let (rows, all) = (
                    part.rows.iter().map(|r| r.end - r.start).sum::<u64>(),
                    group.rows.end - group.rows.start,
                );
                for &leaf in used {
                    let Ok(Chunk { bytes, offset_index: Some(index), .. }) = &group.chunks[leaf] else {
                        continue;
                    };
                    let long = bytes.end - bytes.start >= WHOLE && index.end - index.start <= MAX_LOCATIONS;
                    if long && rows < all / 4 * 3 && !known.contains_key(&(part.group, leaf)) {
                        missing.push((part.group, leaf, index.clone(), bytes));
                    }
                }
            }
        }
        let ranges: Vec<Range<u64>> = missing.iter().map(|(_, _, index, _)| index.clone()).collect();
        for ((group, leaf, _, chunk), bytes) in missing.iter().zip(self.fetch(&ranges)?) {
            let rows = groups[*group].rows.end - groups[*group].rows.start;
            // What is wrong with them matters little: the chunk is fetched whole then.
            let pages = locations::read(&bytes, chunk, rows).unwrap_or_default();
            let mut known = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert((*group, *leaf), Arc::new(pages));
        }
        Ok(())
    }
}

/// The row groups that hold some rows, with those rows.
fn wanted(groups: &[RowGroup], rows: &Rows) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for range in rows.ranges() {
        let first = groups.partition_point(|group| group.rows.end <= range.start);
        for (number, group) in groups.iter().enumerate().skip(first) {
            if group.rows.start >= range.end {
                break;
            }
            let start = range.start.max(group.rows.start) - group.rows.start;
            let rows = start..range.end.min(group.rows.end) - group.rows.start;
            if rows.is_empty() {
                continue;
            }
            match wanted.last_mut() {
                Some(last) if last.group == number => last.rows.push(rows),
                _ => wanted.push(Wanted { group: number, rows: vec![rows] }),
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_their_groups() {
        let group = |rows: Range<u64>| RowGroup { rows, chunks: Vec::new() };
        let groups = [group(0..10), group(10..10), group(10..30), group(30..31)];
        let got = wanted(&groups, &Rows::from_ranges([8..12, 14..16, 30..31]));
        let got: Vec<_> = got.into_iter().map(|wanted| (wanted.group, wanted.rows)).collect();
        assert_eq!(got, [(0, vec![8..10]), (2, vec![0..2, 4..6]), (3, vec![0..1])]);
    }
}
