//! Which chunks hold wanted rows, and where they are stored.

mod arrays;
mod table;
mod walk;

use zagg_core::{Error, Result, Rows};

use crate::access::{Access, Step};
use crate::btree_v2::Tree;
use crate::cursor::corrupt;
use crate::layout::{Chunked, Extent, Index};
use crate::{btree_v1, btree_v2};
pub(crate) use table::{Entry, Table, counts};
pub(crate) use walk::Walk;

/// Entries of a node of the usual chunk tree: the library's default of 32 to each side.
const USUAL_ENTRIES: u64 = 64;

/// Memory that the place of a chunk takes, about.
const PLACE_BYTES: u64 = 64;

/// One stored chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Its place in the grid of chunks.
    pub(crate) place: Vec<u64>,
    pub(crate) address: u64,
    /// Stored bytes.
    pub(crate) size: u64,
    /// Bit *i* says that filter *i* was left out.
    pub(crate) mask: u32,
}

/// The chunks that are asked for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    chunked: &'a Chunked,
    extent: &'a Extent,
    /// Chunk numbers in the first dimension.
    rows: Rows,
    /// Chunk numbers in the dimensions behind the first, where only one of each is wanted.
    column: Option<Vec<u64>>,
    /// Bytes of a decoded chunk.
    chunk_bytes: u64,
    filtered: bool,
}

/// Where element number `column` of a row lies in the dimensions behind the first.
pub(crate) fn index_in_row(shape: &[u64], mut column: u64) -> Vec<u64> {
    let mut index: Vec<u64> = shape.iter().skip(1).copied().collect();
    for at in index.iter_mut().rev() {
        let len = (*at).max(1);
        *at = column % len;
        column /= len;
    }
    index
}

/// Notes the first node of an index for the next fetch.
pub(crate) fn hint(access: &Access<'_>, chunked: &Chunked) {
    match chunked.index {
        Index::BTreeV1 => {
            let kind = btree_v1::chunk_kind(chunked.shape.len());
            btree_v1::hint(access, kind, chunked.address, USUAL_ENTRIES);
        }
        Index::BTreeV2 => access.hint(chunked.address, btree_v2::header_len(access)),
        Index::FixedArray | Index::ExtensibleArray => access.hint(chunked.address, 256),
        Index::Single(_) | Index::Implicit | Index::Table(_) => {}
    }
}

impl<'a> Wanted<'a> {
    /// The chunks that hold `rows`, and of each row only element number `column` if that is given.
    pub(crate) fn new(
        chunked: &'a Chunked,
        extent: &'a Extent,
        rows: &Rows,
        column: Option<u64>,
        chunk_bytes: u64,
        filtered: bool,
    ) -> Self {
        let height = chunked.shape.first().copied().unwrap_or(1).max(1);
        let rows = Rows::from_ranges(rows.ranges().iter().map(|r| r.start / height..r.end.div_ceil(height)));
        let column = column.map(|column| {
            let mut place = index_in_row(&extent.shape, column);
            for (at, width) in place.iter_mut().zip(chunked.shape.iter().skip(1)) {
                *at /= width;
            }
            place
        });
        Self { chunked, extent, rows, column, chunk_bytes, filtered }
    }

    /// Whether a row of chunks between two numbers (both included) is wanted.
    fn wants_rows(&self, first: u64, last: u64) -> bool {
        let ranges = self.rows.ranges();
        let next = ranges.partition_point(|r| r.end <= first);
        ranges.get(next).is_some_and(|r| r.start <= last)
    }

    fn wants(&self, place: &[u64]) -> bool {
        let inside = place
            .iter()
            .zip(self.extent.shape.iter().zip(&self.chunked.shape))
            .all(|(&place, (&len, &chunk))| place < len.div_ceil(chunk));
        inside
            && place.first().is_some_and(|&row| self.wants_rows(row, row))
            && self.column.as_ref().is_none_or(|column| place.get(1..) == Some(column))
    }

    /// The stored ones among the wanted chunks, in the order of the index.
    pub(crate) fn find(&self, access: &Access<'_>) -> Step<Vec<Chunk>> {
        let Some(address) = self.chunked.address else { return Ok(Vec::new()) };
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        if self.extent.shape.is_empty() {
            return Err(corrupt("chunk index", address, "a single value is stored in chunks").into());
        }
        match self.chunked.index {
            Index::BTreeV1 => self.btree_v1(access, address),
            Index::BTreeV2 => self.btree_v2(access, address),
            Index::Single(filtered) => {
                let (size, mask) = filtered.unwrap_or((self.chunk_bytes, 0));
                Ok(vec![Chunk { place: vec![0; self.extent.shape.len()], address, size, mask }])
            }
            Index::Implicit => {
                let mut chunks = Vec::new();
                for place in self.places(access)? {
                    let number = self.number(&place, None)?;
                    let offset = number.checked_mul(self.chunk_bytes).and_then(|n| n.checked_add(address));
                    let Some(address) = offset else {
                        return Err(corrupt("chunk index", address, "a chunk lies behind all numbers").into());
                    };
                    chunks.push(Chunk { place, address, size: self.chunk_bytes, mask: 0 });
                }
                Ok(chunks)
            }
            Index::FixedArray => arrays::fixed(self, access, address),
            Index::ExtensibleArray => arrays::extensible(self, access, address),
            Index::Table(ref table) => Ok(table.find(self)),
        }
    }

    fn btree_v1(&self, access: &Access<'_>, address: u64) -> Step<Vec<Chunk>> {
        let rank = self.extent.shape.len();
        let height = self.chunked.shape[0];
        let mut chunks = Vec::new();
        btree_v1::visit(
            access,
            btree_v1::chunk_kind(rank),
            address,
            &mut |before, after| {
                before.skip(8)?;
                after.skip(8)?;
                Ok(self.wants_rows(before.u64()? / height, after.u64()? / height))
            },
            &mut |key, address| {
                let (size, mask) = (u64::from(key.u32()?), key.u32()?);
                let mut place = Vec::with_capacity(rank);
                for &len in &self.chunked.shape {
                    let offset = key.u64()?;
                    if offset % len != 0 {
                        return Err(key.corrupt(format_args!("a chunk starts at {offset}, within another")));
                    }
                    place.push(offset / len);
                }
                if self.wants(&place) {
                    chunks.push(Chunk { place, address, size, mask });
                }
                Ok(())
            },
        )?;
        Ok(chunks)
    }

    fn btree_v2(&self, access: &Access<'_>, address: u64) -> Step<Vec<Chunk>> {
        let tree = Tree::read(access, address)?;
        let rank = self.extent.shape.len();
        let width = usize::from(access.sizes().offset);
        // Filtered records have the stored size, of whatever width is left, and the mask.
        let size_width = match tree.kind {
            10 => 0,
            11 => usize::from(tree.record_size).saturating_sub(width + 4 + 8 * rank),
            other => {
                return Err(btree_v1::broken(address, &format!("is of kind {other}, not of chunks")).into());
            }
        };
        let start = if tree.kind == 11 { width + size_width + 4 } else { width };
        let row = |record: &[u8]| {
            record.get(start..).and_then(|r| r.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let mut chunks = Vec::new();
        tree.visit(
            access,
            &mut |before, after| self.wants_rows(before.map_or(0, row), after.map_or(u64::MAX, row)),
            &mut |record| {
                let mut c = access.cursor(record, address, "chunk record");
                let at = c.needed_address("a chunk")?;
                let (size, mask) =
                    if tree.kind == 11 { (c.uint(size_width)?, c.u32()?) } else { (self.chunk_bytes, 0) };
                let place = (0..rank).map(|_| c.u64()).collect::<Result<Vec<_>>>()?;
                if self.wants(&place) {
                    chunks.push(Chunk { place, address: at, size, mask });
                }
                Ok(())
            },
        )?;
        Ok(chunks)
    }

    /// Places of all wanted chunks, stored or not.
    fn places(&self, access: &Access<'_>) -> Result<Vec<Vec<u64>>> {
        let spans: Vec<_> = self
            .extent
            .shape
            .iter()
            .zip(&self.chunked.shape)
            .enumerate()
            .skip(1)
            .map(|(dim, (len, chunk))| match self.column.as_ref().and_then(|column| column.get(dim - 1)) {
                Some(&column) => column..column + 1,
                None => 0..len.div_ceil(*chunk),
            })
            .collect();
        let count = spans.iter().try_fold(self.rows.len(), |n, span| n.checked_mul(span.end - span.start));
        // Sparse datasets may have more places than chunks, but not beyond any measure.
        let limit = access.file_size().max(1 << 16).min(access.max_bytes() / PLACE_BYTES);
        if count.is_none_or(|count| count > limit) {
            return Err(Error::unsupported(format!("more than {limit} chunks are asked for at once")));
        }
        if count == Some(0) {
            return Ok(Vec::new());
        }
        let mut places: Vec<Vec<u64>> = self.rows.iter().map(|row| vec![row]).collect();
        for span in spans {
            places = places
                .into_iter()
                .flat_map(|place| {
                    span.clone().map(move |next| {
                        let mut place = place.clone();
                        place.push(next);
                        place
                    })
                })
                .collect();
        }
        Ok(places)
    }

    /// Number of a chunk in the order of the array indexes: row-major over the largest extent, with the dimension
    /// `slowest` moved to the front.
    fn number(&self, place: &[u64], slowest: Option<usize>) -> Result<u64> {
        let slowest = slowest.unwrap_or(0);
        let others = (0..place.len()).filter(|&dim| dim != slowest);
        let mut number = place.get(slowest).copied().unwrap_or(0);
        for dim in others {
            let count = self.extent.max_shape[dim].div_ceil(self.chunked.shape[dim]);
            let next = number.checked_mul(count).and_then(|n| n.checked_add(place[dim]));
            number = next.ok_or_else(|| Error::corrupt("the dataset has more chunks than can be counted"))?;
        }
        Ok(number)
    }

    /// The first unlimited dimension.
    fn unlimited(&self) -> Option<usize> {
        self.extent.max_shape.iter().position(|&len| len == u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Addressing, Source};
    use crate::cursor::Sizes;

    fn wanted<'a>(chunked: &'a Chunked, extent: &'a Extent, rows: &Rows) -> Wanted<'a> {
        Wanted::new(chunked, extent, rows, None, 8, false)
    }

    #[test]
    fn rows_become_chunk_rows_and_numbers_follow_the_largest_extent() {
        let chunked =
            Chunked { shape: vec![10, 3], index: Index::FixedArray, address: Some(0), plain_edges: false };
        let extent = Extent { shape: vec![95, 6], max_shape: vec![95, 12], null: false };
        let rows = Rows::from_ranges([0..1, 19..21, 94..95]);
        let wanted = wanted(&chunked, &extent, &rows);
        assert_eq!(wanted.rows.ranges(), [0..3, 9..10]);
        assert!(wanted.wants(&[2, 1]) && wanted.wants(&[9, 0]));
        assert!(!wanted.wants(&[3, 0]) && !wanted.wants(&[2, 2]) && !wanted.wants(&[10, 0]));
        assert!(wanted.wants_rows(3, 9) && !wanted.wants_rows(3, 8));
        assert_eq!(wanted.number(&[2, 1], None).unwrap(), 9);
        assert_eq!(wanted.number(&[2, 1], Some(1)).unwrap(), 12);
    }

    #[test]
    fn a_dimension_without_any_place_hides_how_many_the_others_claim() {
        let shape = vec![5, 0, 1 << 62];
        let chunked =
            Chunked { shape: vec![1, 1, 1], index: Index::FixedArray, address: Some(0), plain_edges: false };
        let extent = Extent { shape: shape.clone(), max_shape: shape, null: false };
        let wanted = wanted(&chunked, &extent, &Rows::all(5));
        let reader = std::sync::Arc::new(zagg_core::range_reader::MemoryReader::new("m", vec![0; 64]));
        let source = Source::new(reader, (&crate::ReadOptions::default()).into(), 1 << 20);
        let plain = Addressing { base: 0, sizes: Sizes { offset: 8, length: 8 } };
        let found = source.rounds(plain, 1, |_, access| Ok(wanted.places(access)?)).pop();
        assert_eq!(found, Some(Ok(Vec::new())));
    }
}
