//! From the bytes of a column chunk to the values of some of its rows.

use std::ops::Range;

use bytes::Bytes;
use zagg_core::{Context, Error, Result};

use super::encodings::{hybrid, values};
use super::footer::Codec;
use super::page::{Header, PageKind};
use super::raw::{Decoded, Physical, Raw};
use super::schema::Leaf;

/// Consecutive pages.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// Row of the group that the first data page begins with.
    pub(super) first: u64,
    pub(super) bytes: Bytes,
}

/// Decodes the `wanted` rows, which are ascending and numbered within the row group of `rows` rows. `pages` are ascending,
/// a dictionary page first; `most` bytes may be held unpacked.
pub(super) fn decode(
    leaf: &Leaf,
    codec: Codec,
    pages: &[Pages],
    rows: u64,
    wanted: &[Range<u64>],
    most: u64,
) -> Result<Decoded> {
    let mut decoder = Decoder { leaf, codec, most, dictionary: None };
    let mut out = Decoded::empty(leaf.physical);
    let mut wanted = Wanted::new(wanted);
    for run in pages {
        decoder.run(run, rows, &mut wanted, &mut out).context(|| format!("column {}", leaf.name))?;
    }
    if let Some(row) = wanted.next() {
        return Err(Error::corrupt(format!(
            "column {}: its pages end before row {row} of the row group",
            leaf.name
        )));
    }
    Ok(out)
}

/// Rows that are still to be found.
struct Wanted {
    /// Ascending ranges, the first one last.
    ranges: Vec<Range<u64>>,
}

impl Wanted {
    fn new(ranges: &[Range<u64>]) -> Self {
        Self { ranges: ranges.iter().filter(|range| range.start < range.end).rev().cloned().collect() }
    }

    fn next(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.start)
    }

    /// Takes the next rows before `end`.
    fn take(&mut self, end: u64) -> Option<Range<u64>> {
        let range = self.ranges.last_mut().filter(|range| range.start < end)?;
        let taken = range.start..range.end.min(end);
        range.start = taken.end;
        if range.start == range.end {
            self.ranges.pop();
        }
        Some(taken)
    }
}

struct Decoder<'a> {
    leaf: &'a Leaf,
    codec: Codec,
    most: u64,
    dictionary: Option<Raw>,
}

impl Decoder<'_> {
    fn run(&mut self, run: &Pages, rows: u64, wanted: &mut Wanted, out: &mut Decoded) -> Result<()> {
        let (mut row, mut at) = (run.first, 0);
        while at < run.bytes.len() && row < rows {
            let Some(next) = wanted.next() else { return Ok(()) };
            let (header, length) = Header::read(&run.bytes[at..])?;
            let start = at + length;
            let end = usize::try_from(header.length()).ok().and_then(|length| start.checked_add(length));
            let Some(end) = end.filter(|&end| end <= run.bytes.len()) else {
                return Err(Error::corrupt("a page is longer than its column chunk"));
            };
            at = end;
            let stored = run.bytes.slice(start..end);
            match header.kind() {
                PageKind::Other => {}
                PageKind::Dictionary => {
                    let content = header.content(&stored, self.codec, self.most)?;
                    let count = self.count(&header)?;
                    // Here PLAIN_DICTIONARY is the older name of PLAIN.
                    let encoding = if header.encoding == 2 { 0 } else { header.encoding };
                    self.dictionary = Some(values(encoding, self.leaf.physical, &content, count, None)?);
                }
                PageKind::Data | PageKind::DataV2 => {
                    let last = row.checked_add(header.values).filter(|&last| last <= rows);
                    let last =
                        last.ok_or_else(|| Error::corrupt("its pages have more rows than the row group"))?;
                    if next < last {
                        let page = self.page(&header, &stored)?;
                        while let Some(Range { start, end }) = wanted.take(last) {
                            // Rows before these pages were not fetched.
                            let start =
                                start.checked_sub(row).ok_or_else(|| Error::corrupt("pages are missing"))?;
                            out.extend(&page, start as usize..(end - row) as usize)?;
                        }
                    }
                    row = last;
                }
            }
        }
        Ok(())
    }

    /// Values of a page, which must not need more memory than is allowed.
    fn count(&self, header: &Header) -> Result<usize> {
        let bytes = header.values.saturating_mul(self.leaf.physical.size());
        match usize::try_from(header.values) {
            Ok(count) if bytes <= self.most => Ok(count),
            _ => Err(Error::unsupported(format!(
                "a page has {} values, which take more than {} bytes; raise data_source.memory",
                header.values, self.most
            ))),
        }
    }

    /// Every row of a data page.
    fn page(&self, header: &Header, stored: &Bytes) -> Result<Decoded> {
        let count = self.count(header)?;
        let content = header.content(stored, self.codec, self.most)?;
        let short = || Error::corrupt("the levels of a page are longer than the page");
        let level = self.leaf.max_level;
        let (levels, rest): (&[u8], &[u8]) = match (header.kind(), level) {
            (PageKind::DataV2, _) => {
                let length = usize::try_from(header.definition_length).unwrap_or(usize::MAX);
                content.split_at_checked(length).ok_or_else(short)?
            }
            (_, 0) => (&[], &content),
            // 3 is the encoding RLE.
            _ if header.level_encoding == 3 => {
                let (length, rest) = content.split_first_chunk::<4>().ok_or_else(short)?;
                rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?
            }
            _ => return Err(Error::unsupported("its levels are in an encoding that is not read")),
        };
        let physical: Physical = self.leaf.physical;
        let dictionary = self.dictionary.as_ref();
        if level == 0 {
            let raw = values(header.encoding, physical, rest, count, dictionary)?;
            return Ok(Decoded { raw, missing: None });
        }
        let width = u8::BITS - level.leading_zeros();
        let present: Vec<bool> =
            hybrid(levels, width, count)?.into_iter().map(|found| found == u32::from(level)).collect();
        let there = present.iter().filter(|present| **present).count();
        let raw = values(header.encoding, physical, rest, there, dictionary)?;
        if there == count {
            return Ok(Decoded { raw, missing: None });
        }
        let missing = Some(present.iter().map(|present| !present).collect());
        Ok(Decoded { raw: raw.spread(&present), missing })
    }
}
