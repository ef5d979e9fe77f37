//! The filter blosc (32001): frames of Blosc 1, with every compressor but Snappy.
//!
//! A frame is a header of 16 bytes (version, version of the compressor, flags, element size, then as little-endian 32-bit
//! integers the sizes of content, block and frame), the offset of every block, and the blocks. A block holds one stream,
//! or one for each byte of an element, each behind its stored size; a stream that did not shrink is stored as it is.

use libdeflater::Decompressor;
use zagg_core::{Error, Result};

use super::blocks::{damaged, lz4_block, zstd};
use super::{bit_planes, lz};
use crate::unshuffle::unshuffle;

const HEADER: usize = 16;
const SHUFFLED: u8 = 0x01;
const STORED: u8 = 0x02;
const BIT_SHUFFLED: u8 = 0x04;
const DELTA: u8 = 0x08;
const WHOLE: u8 = 0x10;

/// Blocks are split into streams up to this element size, and from this many elements on.
const MAX_STREAMS: usize = 16;
const MIN_SPLIT: usize = 128;

const WHAT: &str = "blosc";

/// Decompressors that keep their state from chunk to chunk, and a buffer.
#[derive(Default)]
pub(super) struct State {
    pub(super) inflater: Option<Decompressor>,
    pub(super) zstd: Option<zstd::bulk::Decompressor<'static>>,
    pub(super) buffer: Vec<u8>,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    flags: u8,
    width: usize,
    /// Bytes of the content.
    pub(super) len: usize,
    block: usize,
}

fn word(bytes: &[u8], at: usize) -> Result<usize> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(|| damaged(WHAT))?;
    Ok(u32::from_le_bytes(*word) as usize)
}

impl Frame {
    /// Reads the header.
    pub(super) fn parse(stored: &[u8]) -> Result<Self> {
        let Some(&[version, _, flags, width]) = stored.first_chunk::<4>() else { return Err(damaged(WHAT)) };
        if !(1..=2).contains(&version) || flags & DELTA != 0 {
            return Err(Error::unsupported(format!("blosc frames of version {version}")));
        }
        let (len, block) = (word(stored, 4)?, word(stored, 8)?);
        if word(stored, 12)? > stored.len() || (block == 0 && len > 0) || block > len.max(1) || width == 0 {
            return Err(damaged(WHAT));
        }
        Ok(Self { flags, width: width.into(), len, block })
    }

    /// Decompresses a frame into `out`, which has the size of its content.
    pub(super) fn decode(self, stored: &[u8], out: &mut [u8], state: &mut State) -> Result<()> {
        if self.flags & STORED != 0 {
            let content = stored.get(HEADER..HEADER + out.len()).ok_or_else(|| damaged(WHAT))?;
            out.copy_from_slice(content);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut state.buffer);
        for (number, out) in out.chunks_mut(self.block.max(1)).enumerate() {
            let start = word(stored, HEADER + 4 * number)?;
            let block = stored.get(start..).ok_or_else(|| damaged(WHAT))?;
            super::grow(&mut buffer, out.len())?;
            let streams = &mut buffer[..out.len()];
            self.block(block, streams, state)?;
            self.unfilter(streams, out);
        }
        state.buffer = buffer;
        Ok(())
    }

    /// Decompresses the streams of a block.
    fn block(self, mut stored: &[u8], out: &mut [u8], state: &mut State) -> Result<()> {
        let whole = out.len() == self.block;
        let split = self.flags & WHOLE == 0
            && self.width <= MAX_STREAMS
            && self.block / self.width >= MIN_SPLIT
            && whole;
        let streams = if split { self.width } else { 1 };
        if !out.len().is_multiple_of(streams) {
            return Err(damaged(WHAT));
        }
        for out in out.chunks_exact_mut(out.len() / streams) {
            let len = word(stored, 0)?;
            let (packed, rest) = stored[4..].split_at_checked(len).ok_or_else(|| damaged(WHAT))?;
            stored = rest;
            if len == out.len() {
                out.copy_from_slice(packed);
            } else {
                self.stream(packed, out, state)?;
            }
        }
        Ok(())
    }

    fn stream(self, packed: &[u8], out: &mut [u8], state: &mut State) -> Result<()> {
        let len = match self.flags >> 5 {
            0 => lz::blosclz(packed, out),
            1 => return lz4_block(packed, out, WHAT),
            2 => return Err(Error::unsupported("blosc with the compressor snappy")),
            3 => {
                let inflater = state.inflater.get_or_insert_with(Decompressor::new);
                inflater.zlib_decompress(packed, out).ok()
            }
            4 => Some(zstd(&mut state.zstd, packed, out)?),
            other => return Err(Error::unsupported(format!("blosc with compressor {other}"))),
        };
        if len == Some(out.len()) { Ok(()) } else { Err(damaged(WHAT)) }
    }

    /// Undoes the shuffling of a block.
    fn unfilter(self, streams: &[u8], out: &mut [u8]) {
        let group = self.width * 8;
        if self.flags & SHUFFLED != 0 && self.width > 1 {
            unshuffle(streams, self.width, out);
        } else if self.flags & BIT_SHUFFLED != 0 && (streams.len() / self.width).is_multiple_of(8) {
            // Only blocks of whole groups are shuffled, up to what is left behind them.
            let whole = streams.len() / group * group;
            bit_planes::join(&streams[..whole], self.width, &mut out[..whole]);
            out[whole..].copy_from_slice(&streams[whole..]);
        } else {
            out.copy_from_slice(streams);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zagg_core::ErrorKind;

    /// A frame of LZ4 streams of shuffled elements.
    fn frame(plain: &[u8], width: usize, block: usize) -> Vec<u8> {
        let blocks: Vec<&[u8]> = plain.chunks(block).collect();
        let mut out = vec![2, 1, SHUFFLED | 1 << 5, width as u8];
        for size in [plain.len(), block, 0] {
            out.extend((size as u32).to_le_bytes());
        }
        out.resize(HEADER + 4 * blocks.len(), 0);
        for (number, plain) in blocks.into_iter().enumerate() {
            let start = (out.len() as u32).to_le_bytes();
            out[HEADER + 4 * number..][..4].copy_from_slice(&start);
            let n = plain.len() / width;
            let mut shuffled: Vec<u8> =
                (0..width).flat_map(|byte| (0..n).map(move |e| plain[e * width + byte])).collect();
            shuffled.extend(&plain[n * width..]);
            let split = width <= MAX_STREAMS && block / width >= MIN_SPLIT && plain.len() == block;
            for stream in shuffled.chunks(if split { block / width } else { plain.len() }) {
                let packed = lz4_flex::block::compress(stream);
                let packed = if packed.len() < stream.len() { &packed } else { stream };
                out.extend((packed.len() as u32).to_le_bytes());
                out.extend(packed);
            }
        }
        let len = (out.len() as u32).to_le_bytes();
        out[12..16].copy_from_slice(&len);
        out
    }

    fn decode(stored: &[u8], most: usize) -> Result<Vec<u8>> {
        let frame = Frame::parse(stored)?;
        let mut out = vec![0; frame.len.min(most)];
        frame.decode(stored, &mut out, &mut State::default())?;
        Ok(out)
    }

    #[test]
    fn what_is_not_read_is_named() {
        let mut stored = frame(&[1; 400], 4, 400);
        stored[2] = 2 << 5;
        let error = decode(&stored, 400).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Unsupported, "blosc with the compressor snappy")
        );
        stored[0] = 5;
        assert_eq!(decode(&stored, 400).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(decode(&[2, 1], 400).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_are_undone(
            plain in prop::collection::vec(0u8..6, 1..6000), width in 1usize..20, groups in 1usize..200,
        ) {
            // Blocks are whole elements, unless there is less than one.
            let block = (groups * width).min((plain.len() / width * width).max(width)).min(plain.len());
            let stored = frame(&plain, width, block);
            prop_assert_eq!(decode(&stored, plain.len()).unwrap(), plain);
        }

        #[test]
        fn damaged_frames_are_read_or_refused(
            plain in prop::collection::vec(0u8..6, 1..600), at: u16, byte: u8, format in 0u8..8,
        ) {
            let mut stored = frame(&plain, 4, 256.min(plain.len()));
            let at = usize::from(at) % stored.len();
            stored[at] ^= byte;
            stored[2] ^= format << 5;
            let _ = decode(&stored, 4096);
        }
    }
}
