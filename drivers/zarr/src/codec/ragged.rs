//! Blocks whose cells hold lists.
//!
//! The codec `vlen-bytes` (zarr-extensions, `codecs/vlen-bytes`; numcodecs `VLenBytes`): the number of cells, then for each
//! cell in row-major order the length of its bytes and the bytes, all numbers as little-endian 32-bit integers. The bytes of a
//! cell are its items one after the other, little-endian. What is sharded follows Zarr v3's `sharding_indexed`: chunks, then
//! an offset and a size for every chunk, all ones where it is left out, then a CRC32C of these.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use zagg_core::store::Compression;
use zagg_core::{Error, Result, Values};
use zarrs::array::codec::Crc32cCodec;
use zarrs::array::{BytesRepresentation, BytesToBytesCodecTraits};

use super::{BlockCodec, INDEX_CHECKSUM, INDEX_ENTRY, options};
use crate::layout::{Layout, MAX_BLOCK_BYTES, ZSTD_LEVEL};
use crate::values;

/// A chunk of a block: index of its first cell within the block, and its bytes where there are any.
type Chunk<'a> = (Vec<u64>, Option<&'a [u8]>);

/// Bytes of a count or a length.
const NUMBER: usize = 4;

impl BlockCodec {
    /// The bytes of a block of lists; `None` when all are empty. `offsets` are those of the cells of the whole block or of its
    /// part inside the array, counted in items.
    pub(crate) fn encode_ragged(
        &self,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Option<Vec<u8>>> {
        let layout = self.layout();
        let item = item_bytes(layout)?;
        layout.check_block(block)?;
        let inside = layout.inside(block);
        let (whole, part) = (layout.block_elements(), elements(&inside));
        let cells = offsets.len().wrapping_sub(1);
        if values.dtype() != layout.dtype || ![whole, part].contains(&cells) {
            return Err(Error::input(format!(
                "{} offsets of {} values do not fit block {block:?}, which takes those of {part} cells of {}",
                offsets.len(),
                values.dtype(),
                layout.dtype
            )));
        }
        let given = if cells == whole { &layout.block_shape } else { &inside };
        let mut canonical = values.clone();
        values::make_nan_canonical(&mut canonical);
        let bytes = canonical.to_le_bytes();
        check_offsets(offsets, (bytes.len() / item) as u64, bytes.len() % item)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let too_large = || {
            Error::input(format!(
                "block {block:?} has more than {MAX_BLOCK_BYTES} bytes of lists; use smaller shards"
            ))
        };
        if (bytes.len() + NUMBER * whole) as u64 > MAX_BLOCK_BYTES {
            return Err(too_large());
        }
        let payload = |cell: &[u64]| -> &[u8] {
            if cell.iter().zip(&inside).any(|(index, extent)| index >= extent) {
                return &[];
            }
            let at = flat(cell, given);
            let byte = |offset: u64| offset as usize * item;
            &bytes[byte(offsets[at])..byte(offsets[at + 1])]
        };
        let encoded = match layout.is_sharded() {
            false => self.encode_chunk(&vec![0; block.len()], payload)?.unwrap_or_default(),
            true => self.encode_shard(payload)?,
        };
        if encoded.len() as u64 > MAX_BLOCK_BYTES { Err(too_large()) } else { Ok(Some(encoded)) }
    }

    /// One chunk, whose first cell has this index in the block; `None` when all its lists are empty.
    fn encode_chunk<'a>(
        &self,
        start: &[u64],
        payload: impl Fn(&[u64]) -> &'a [u8],
    ) -> Result<Option<Vec<u8>>> {
        let layout = self.layout();
        let mut frame = number(elements(&layout.chunk_shape))?.to_vec();
        let mut filled = false;
        let mut cell = start.to_vec();
        let mut outcome = Ok(());
        for_each_index(&layout.chunk_shape, |index| {
            for (cell, (start, index)) in cell.iter_mut().zip(start.iter().zip(index)) {
                *cell = start + index;
            }
            let bytes = payload(&cell);
            filled |= !bytes.is_empty();
            match number(bytes.len()) {
                Ok(length) => frame.extend_from_slice(&length),
                Err(error) => outcome = Err(error),
            }
            frame.extend_from_slice(bytes);
        });
        outcome?;
        if !filled {
            return Ok(None);
        }
        Ok(Some(match layout.compression {
            Compression::None => frame,
            Compression::Zstd | Compression::ShuffleZstd => zstd::bulk::compress(&frame, ZSTD_LEVEL)
                .map_err(|error| Error::io(format!("lists cannot be compressed: {error}")))?,
        }))
    }

    fn encode_shard<'a>(&self, payload: impl Fn(&[u64]) -> &'a [u8]) -> Result<Vec<u8>> {
        let (mut shard, mut index) = (Vec::new(), Vec::new());
        for start in self.chunk_starts() {
            let (offset, size) = match self.encode_chunk(&start, &payload)? {
                None => (u64::MAX, u64::MAX),
                Some(chunk) => {
                    let offset = shard.len() as u64;
                    shard.extend_from_slice(&chunk);
                    (offset, chunk.len() as u64)
                }
            };
            index.extend_from_slice(&offset.to_le_bytes());
            index.extend_from_slice(&size.to_le_bytes());
        }
        let index = Crc32cCodec::new()
            .encode(Cow::Owned(index), &options())
            .map_err(|error| Error::io(format!("the index of a shard cannot be made: {error}")))?;
        shard.extend_from_slice(&index);
        Ok(shard)
    }

    /// Offsets, in items, and values of the cells of a block inside the array, from its bytes; `None` stands for a block that
    /// was never written.
    pub(crate) fn decode_ragged(&self, block: &[u64], bytes: Option<&[u8]>) -> Result<(Vec<u64>, Values)> {
        let layout = self.layout();
        let item = item_bytes(layout)?;
        layout.check_block(block)?;
        let inside = layout.inside(block);
        let part = elements(&inside);
        let Some(bytes) = bytes else {
            return Ok((vec![0; part + 1], values::from_le_bytes(layout.dtype, &[])?));
        };
        let corrupt = |what: &str| Error::corrupt(format!("block {block:?} cannot be decoded: {what}"));
        let mut room = MAX_BLOCK_BYTES as usize;
        let mut chunks = Vec::new();
        for (start, bytes) in self.chunks_of(bytes)? {
            let Some(bytes) = bytes else { continue };
            let frame = self.decompress(bytes, room).map_err(|what| corrupt(&what))?;
            room -= frame.len();
            let cells = cells_of(&frame, elements(&layout.chunk_shape), item).map_err(corrupt)?;
            chunks.push((start, frame, cells));
        }
        let mut lists: Vec<&[u8]> = vec![&[]; part];
        for (start, frame, cells) in &chunks {
            let mut next = cells.iter();
            let mut cell = start.clone();
            for_each_index(&layout.chunk_shape, |index| {
                for (cell, (start, index)) in cell.iter_mut().zip(start.iter().zip(index)) {
                    *cell = start + index;
                }
                let Some(range) = next.next() else { return };
                if cell.iter().zip(&inside).all(|(index, extent)| index < extent) {
                    lists[flat(&cell, &inside)] = &frame[range.clone()];
                }
            });
        }
        let mut offsets = Vec::with_capacity(part + 1);
        let mut end = 0;
        offsets.push(0);
        for list in &lists {
            end += (list.len() / item) as u64;
            offsets.push(end);
        }
        Ok((offsets, values::from_le_bytes(layout.dtype, &lists.concat())?))
    }

    /// The chunks of a block.
    fn chunks_of<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Chunk<'a>>> {
        if !self.layout().is_sharded() {
            return Ok(vec![(vec![0; self.layout().shape.len()], Some(bytes))]);
        }
        self.check_index(bytes)?;
        let starts = self.chunk_starts();
        let damaged = || Error::corrupt("the index of a shard is damaged");
        let size = starts.len() * INDEX_ENTRY as usize + INDEX_CHECKSUM as usize;
        let index = bytes.get(bytes.len().saturating_sub(size)..).ok_or_else(damaged)?;
        let index = Crc32cCodec::new()
            .decode(Cow::Borrowed(index), &BytesRepresentation::FixedSize((size - 4) as u64), &options())
            .map_err(|_| damaged())?;
        let mut chunks = Vec::with_capacity(starts.len());
        for (start, entry) in starts.into_iter().zip(index.as_chunks::<16>().0) {
            let (offset, size) = entry.split_at(8);
            let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
            let (offset, size) = (number(offset), number(size));
            let chunk = match offset {
                u64::MAX => None,
                offset => {
                    let end = offset.checked_add(size).ok_or_else(damaged)?;
                    Some(bytes.get(offset as usize..end as usize).ok_or_else(damaged)?)
                }
            };
            chunks.push((start, chunk));
        }
        Ok(chunks)
    }

    /// The content of a chunk, at most `room` bytes: a frame may claim anything.
    fn decompress(&self, bytes: &[u8], room: usize) -> std::result::Result<Vec<u8>, String> {
        let mut frame = Vec::new();
        match self.layout().compression {
            Compression::None => frame.extend_from_slice(bytes),
            Compression::Zstd | Compression::ShuffleZstd => {
                zstd::stream::read::Decoder::new(bytes)
                    .and_then(|decoder| decoder.take(room as u64 + 1).read_to_end(&mut frame))
                    .map_err(|error| error.to_string())?;
            }
        }
        if frame.len() > room { Err("its lists are too long".to_owned()) } else { Ok(frame) }
    }

    /// Index within the block of the first cell of each chunk, in the order of the index of a shard.
    fn chunk_starts(&self) -> Vec<Vec<u64>> {
        let layout = self.layout();
        let counts: Vec<u64> =
            layout.block_shape.iter().zip(&layout.chunk_shape).map(|(block, chunk)| block / chunk).collect();
        let mut starts = Vec::with_capacity(elements(&counts));
        for_each_index(&counts, |index| {
            starts.push(index.iter().zip(&layout.chunk_shape).map(|(index, size)| index * size).collect());
        });
        starts
    }
}

/// Bytes of one item.
fn item_bytes(layout: &Layout) -> Result<usize> {
    let ragged = layout.ragged.as_ref().ok_or_else(|| Error::input("its cells hold no lists"))?;
    let elements = ragged.item_elements().ok_or_else(|| Error::corrupt("items without elements"))?;
    Ok(elements as usize * layout.dtype.size())
}

fn check_offsets(offsets: &[u64], items: u64, rest: usize) -> Result<()> {
    let sound = offsets.first() == Some(&0)
        && offsets.last() == Some(&items)
        && rest == 0
        && offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    if sound { Ok(()) } else { Err(Error::input("offsets do not ascend from 0 to the number of items")) }
}

/// Where the bytes of each cell lie in the content of a chunk.
fn cells_of(frame: &[u8], cells: usize, item: usize) -> std::result::Result<Vec<Range<usize>>, &'static str> {
    let number = |at: usize| {
        let bytes = frame.get(at..).and_then(|rest| rest.first_chunk::<NUMBER>());
        bytes.map(|bytes| u32::from_le_bytes(*bytes) as usize).ok_or("its lists end early")
    };
    if number(0)? != cells {
        return Err("it has lists for another number of cells");
    }
    let mut ranges = Vec::with_capacity(cells);
    let mut at = NUMBER;
    for _ in 0..cells {
        let start = at + NUMBER;
        let length = number(at)?;
        at = start.saturating_add(length);
        if at > frame.len() || !length.is_multiple_of(item) {
            return Err("a list is cut off");
        }
        ranges.push(start..at);
    }
    if at == frame.len() { Ok(ranges) } else { Err("there is something behind its lists") }
}

fn number(n: usize) -> Result<[u8; NUMBER]> {
    u32::try_from(n).map(u32::to_le_bytes).map_err(|_| Error::input(format!("{n} is too long for a list")))
}

/// The product of the extents; bounded by the layout.
fn elements(shape: &[u64]) -> usize {
    shape.iter().product::<u64>() as usize
}

/// Place of an index in row-major order.
fn flat(index: &[u64], shape: &[u64]) -> usize {
    index.iter().zip(shape).fold(0, |flat, (index, extent)| flat * extent + index) as usize
}

/// Every index of a shape, in row-major order.
fn for_each_index(shape: &[u64], mut visit: impl FnMut(&[u64])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..elements(shape) {
        visit(&index);
        for (i, extent) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *extent {
                break;
            }
            *i = 0;
        }
    }
}

#[cfg(test)]
mod tests;
