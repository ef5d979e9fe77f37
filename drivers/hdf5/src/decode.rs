//! Undoing the filters of one chunk.

mod bit_planes;
mod bits;
mod blocks;
mod blosc;
mod lz;
mod nbit;
mod scale_offset;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use libdeflater::Decompressor;
use zagg_core::{Error, Result};

use crate::checksum::fletcher32;
use crate::unshuffle::unshuffle;

/// Most that deflate can shrink anything: 258 bytes by two bits.
const MAX_DEFLATE_RATIO: u64 = 1032;
/// Most that LZ4 can shrink anything: 255 bytes by one.
const MAX_LZ4_RATIO: u64 = 255;
/// Most that LZF can shrink anything: 264 bytes by three.
const MAX_LZF_RATIO: u64 = 88;
/// Most that Zstandard can shrink anything: a block of 128 KiB by four bytes; BloscLZ and the formats around both stay
/// below.
const MAX_ZSTD_RATIO: u64 = 32 << 10;

/// Numbers of the filters that are undone.
mod id {
    pub(super) const DEFLATE: u16 = 1;
    pub(super) const SHUFFLE: u16 = 2;
    pub(super) const FLETCHER32: u16 = 3;
    pub(super) const NBIT: u16 = 5;
    pub(super) const SCALE_OFFSET: u16 = 6;
    pub(super) const LZF: u16 = 32000;
    pub(super) const BLOSC: u16 = 32001;
    pub(super) const LZ4: u16 = 32004;
    pub(super) const BITSHUFFLE: u16 = 32008;
    pub(super) const ZSTD: u16 = 32015;
    pub(super) const READ: [u16; 10] =
        [DEFLATE, SHUFFLE, FLETCHER32, NBIT, SCALE_OFFSET, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD];
}

/// A step that was applied to every chunk when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its registered number.
    pub id: u16,
    /// Its name as the file gives it; often empty for the standard ones.
    pub name: String,
    /// Whether chunks that it could not be applied to were written without it. The mask of such a chunk says so; a chunk
    /// whose mask does not cannot be read without the filter, whatever this says.
    pub optional: bool,
    /// What it was told, by its own meaning.
    pub parameters: Vec<u32>,
}

impl Filter {
    /// A name for people.
    pub fn label(&self) -> Cow<'_, str> {
        let known = match self.id {
            id::DEFLATE => "deflate",
            id::SHUFFLE => "shuffle",
            id::FLETCHER32 => "fletcher32",
            4 => "szip",
            id::NBIT => "nbit",
            id::SCALE_OFFSET => "scaleoffset",
            307 => "bzip2",
            id::LZF => "lzf",
            id::BLOSC => "blosc",
            id::LZ4 => "lz4",
            id::BITSHUFFLE => "bitshuffle",
            32013 => "zfp",
            id::ZSTD => "zstd",
            _ if self.name.is_empty() => return Cow::Owned(format!("filter {}", self.id)),
            _ => return Cow::Owned(format!("{} (filter {})", self.name, self.id)),
        };
        Cow::Borrowed(known)
    }
}

/// The filters that were not left out.
fn applied(filters: &[Filter], mask: u32) -> impl DoubleEndedIterator<Item = &Filter> {
    filters.iter().enumerate().filter(move |(i, _)| mask & (1 << (i & 31)) == 0).map(|(_, filter)| filter)
}

fn unread(filter: &Filter) -> Error {
    Error::unsupported(format!("compressed with {}, which zagg does not read", filter.label()))
}

/// Checks that all filters are known and that `stored` bytes can unfold to `size`.
pub(crate) fn plausible(stored: u64, filters: &[Filter], mask: u32, size: u64) -> Result<()> {
    if let Some(filter) = applied(filters, mask).find(|filter| !id::READ.contains(&filter.id)) {
        return Err(unread(filter));
    }
    let mut most = stored;
    for filter in applied(filters, mask).rev() {
        let ratio = match filter.id {
            id::DEFLATE => MAX_DEFLATE_RATIO,
            id::LZF => MAX_LZF_RATIO,
            id::LZ4 => MAX_LZ4_RATIO,
            id::BITSHUFFLE | id::BLOSC | id::ZSTD => MAX_ZSTD_RATIO,
            // Gaps of records take no bits at all: only the parameters tell what must be there.
            id::NBIT => {
                let plan = nbit::Plan::parse(&filter.parameters)?;
                plan.check(most)?;
                most = plan.unpacked(most);
                continue;
            }
            // A constant chunk of any size has the same few bytes.
            id::SCALE_OFFSET => u64::MAX,
            _ => 1,
        };
        most = most.saturating_mul(ratio);
    }
    if size > most {
        return Err(Error::corrupt(format!("{stored} stored bytes cannot unfold to {size}")));
    }
    Ok(())
}

/// Undoes filters; keeps its buffers from chunk to chunk.
#[derive(Default)]
pub struct Decoder {
    /// The bytes behind the last filter undone.
    data: Vec<u8>,
    /// Where the next filter writes.
    next: Vec<u8>,
    state: blosc::State,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let buffers = [&self.data, &self.next, &self.state.buffer];
        write!(f, "Decoder({} bytes)", buffers.map(Vec::capacity).iter().sum::<usize>())
    }
}

impl Decoder {
    /// A decoder without buffers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of a chunk from what is stored of it.
    ///
    /// `filters` are in the order of writing; bit *i* of `mask` says that filter *i* was left out. `size` is the exact
    /// size of the decoded chunk, `element` that of one of its elements. The caller has limited `size`; memory is not
    /// taken before it is known that the stored bytes can unfold to it.
    ///
    /// # Errors
    /// [`Unsupported`](zagg_core::ErrorKind::Unsupported) names a filter that is not read; everything else that does
    /// not fit together is [`Corrupt`](zagg_core::ErrorKind::Corrupt).
    pub fn decode<'a>(
        &'a mut self,
        stored: &'a [u8],
        filters: &[Filter],
        mask: u32,
        size: usize,
        element: usize,
    ) -> Result<&'a [u8]> {
        plausible(stored.len() as u64, filters, mask, size as u64)?;
        let applied: Vec<&Filter> = applied(filters, mask).collect();
        // Sizes behind each filter as written, while they are known.
        let mut sizes = vec![Some(size)];
        for filter in &applied {
            let before = sizes.last().copied().flatten();
            sizes.push(match filter.id {
                id::SHUFFLE => before,
                id::FLETCHER32 => before.and_then(|n| n.checked_add(4)),
                _ => None,
            });
        }
        // The first filter undone reads the stored bytes, the others what the one before has left in `data`.
        let mut len = stored.len();
        let mut owned = false;
        for (filter, before) in applied.iter().zip(&sizes).rev() {
            let input = if owned { &self.data[..len] } else { &stored[..len] };
            if filter.id == id::FLETCHER32 {
                len = verified(input)?;
                continue;
            }
            let width = filter.parameters.first().map_or(element, |&width| width as usize);
            if filter.id == id::SHUFFLE && width <= 1 {
                continue;
            }
            let space = Space { exact: *before, size };
            len = undo(filter, input, &mut self.next, space, element, &mut self.state)?;
            std::mem::swap(&mut self.data, &mut self.next);
            owned = true;
        }
        if len != size {
            return Err(Error::corrupt(format!("it decodes to {len} bytes instead of {size}")));
        }
        Ok(if owned { &self.data[..len] } else { &stored[..len] })
    }
}

impl Decoder {
    /// As [`decode`](Self::decode) to a place that is as long as the decoded chunk. The usual pipelines, deflate with or
    /// without shuffle, write there at once.
    ///
    /// # Errors
    /// As `decode`. The bytes of `out` mean nothing then.
    pub fn decode_into(
        &mut self,
        stored: &[u8],
        filters: &[Filter],
        mask: u32,
        element: usize,
        out: &mut [u8],
    ) -> Result<()> {
        let applied: Vec<&Filter> = applied(filters, mask).collect();
        let shuffle = match applied[..] {
            [deflate] if deflate.id == id::DEFLATE => None,
            [shuffle, deflate] if (shuffle.id, deflate.id) == (id::SHUFFLE, id::DEFLATE) => Some(shuffle),
            _ => {
                let decoded = self.decode(stored, filters, mask, out.len(), element)?;
                out.copy_from_slice(decoded);
                return Ok(());
            }
        };
        plausible(stored.len() as u64, filters, mask, out.len() as u64)?;
        let width = shuffle.map_or(1, |f| f.parameters.first().map_or(element, |&width| width as usize));
        let shuffles = width > 1;
        if shuffles {
            grow(&mut self.next, out.len())?;
        }
        let inflater = self.state.inflater.get_or_insert_with(Decompressor::new);
        let to = if shuffles { &mut self.next[..out.len()] } else { &mut *out };
        let len = inflater
            .zlib_decompress(stored, to)
            .map_err(|error| Error::corrupt(format!("its deflate stream is damaged ({error})")))?;
        if len != out.len() {
            return Err(Error::corrupt(format!("it decodes to {len} bytes instead of {}", out.len())));
        }
        if shuffles {
            unshuffle(&self.next[..len], width, out);
        }
        Ok(())
    }
}

/// The memory that undoing one filter may take.
#[derive(Debug, Clone, Copy)]
struct Space {
    /// What must come out, if that is known.
    exact: Option<usize>,
    /// Bytes of the decoded chunk.
    size: usize,
}

impl Space {
    /// Most bytes that may come out: what further filters made of the chunk may be larger than the chunk where nothing
    /// could be gained, and formats with a header for every few elements lose most.
    fn most(self) -> usize {
        self.exact.unwrap_or_else(|| self.size.saturating_mul(2).saturating_add(4096))
    }

    /// A buffer for `claimed` bytes, if so many may come out.
    fn take(self, out: &mut Vec<u8>, claimed: u64) -> Result<&mut [u8]> {
        if claimed > self.most() as u64 || self.exact.is_some_and(|exact| claimed != exact as u64) {
            let expected = self.exact.unwrap_or(self.size);
            return Err(Error::corrupt(format!(
                "it says that it decodes to {claimed} bytes instead of {expected}"
            )));
        }
        grow(out, claimed as usize)?;
        Ok(&mut out[..claimed as usize])
    }
}

/// Undoes one filter; the number of bytes that it left in `out`.
fn undo(
    filter: &Filter,
    input: &[u8],
    out: &mut Vec<u8>,
    space: Space,
    element: usize,
    state: &mut blosc::State,
) -> Result<usize> {
    match filter.id {
        id::DEFLATE => {
            let inflater = state.inflater.get_or_insert_with(Decompressor::new);
            inflate(inflater, input, out, space)
        }
        id::SHUFFLE => {
            let width = filter.parameters.first().map_or(element, |&width| width as usize);
            let out = space.take(out, input.len() as u64)?;
            unshuffle(input, width, out);
            Ok(out.len())
        }
        id::NBIT => {
            let plan = nbit::Plan::parse(&filter.parameters)?;
            plan.check(input.len() as u64)?;
            let out = space.take(out, plan.unpacked(input.len() as u64))?;
            plan.decode(input, out)?;
            Ok(out.len())
        }
        id::SCALE_OFFSET => {
            let plan = scale_offset::Plan::parse(&filter.parameters)?;
            let out = space.take(out, plan.unpacked(input.len() as u64))?;
            plan.decode(input, out)?;
            Ok(out.len())
        }
        id::LZF => {
            let most = space.most().min(input.len().saturating_mul(MAX_LZF_RATIO as usize));
            grow(out, most)?;
            lz::lzf(input, &mut out[..most]).ok_or_else(|| blocks::damaged("lzf"))
        }
        id::LZ4 => {
            let out = space.take(out, blocks::lz4_len(input)? as u64)?;
            blocks::lz4(input, out)?;
            Ok(out.len())
        }
        id::ZSTD => {
            let most = space.most();
            grow(out, most)?;
            blocks::zstd(&mut state.zstd, input, &mut out[..most])
        }
        id::BITSHUFFLE => {
            let plan = blocks::Bitshuffle::parse(&filter.parameters, element)?;
            let out = space.take(out, plan.unpacked(input)? as u64)?;
            plan.decode(input, out, &mut state.zstd, &mut state.buffer)?;
            Ok(out.len())
        }
        id::BLOSC => {
            let frame = blosc::Frame::parse(input)?;
            let out = space.take(out, frame.len as u64)?;
            frame.decode(input, out, state)?;
            Ok(out.len())
        }
        _ => Err(unread(filter)),
    }
}

/// Makes a buffer at least `len` bytes long; what it held means nothing any more.
fn grow(buffer: &mut Vec<u8>, len: usize) -> Result<()> {
    if buffer.len() < len {
        let no_memory = |_| Error::unsupported(format!("there is no memory for {len} bytes"));
        buffer.try_reserve_exact(len - buffer.len()).map_err(no_memory)?;
        buffer.resize(len, 0);
    }
    Ok(())
}

/// Inflates a zlib stream.
fn inflate(inflater: &mut Decompressor, stored: &[u8], out: &mut Vec<u8>, space: Space) -> Result<usize> {
    let most = match space.exact {
        Some(exact) => exact,
        None => space.most().min(stored.len().saturating_mul(MAX_DEFLATE_RATIO as usize)),
    };
    grow(out, most)?;
    let inflated = inflater.zlib_decompress(stored, &mut out[..most]);
    inflated.map_err(|error| Error::corrupt(format!("its deflate stream is damaged ({error})")))
}

/// Checks a trailing fletcher32; the length of what it stands behind.
fn verified(data: &[u8]) -> Result<usize> {
    let Some((body, stored)) = data.split_last_chunk::<4>() else {
        return Err(Error::corrupt("it is too short for its checksum"));
    };
    let (sum, stored) = (fletcher32(body), u32::from_le_bytes(*stored));
    // Early versions of the library wrote the halves with their bytes swapped on some machines.
    let swapped = ((sum & 0x00ff_00ff) << 8) | ((sum >> 8) & 0x00ff_00ff);
    if stored != sum && stored != swapped {
        return Err(Error::corrupt("its fletcher32 checksum does not match; the file is damaged"));
    }
    Ok(body.len())
}
