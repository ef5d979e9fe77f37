//! Block formats around LZ4 and Zstandard: the filters lz4 (32004), zstd (32015) and bitshuffle (32008).

use zagg_core::{Error, Result};

use super::bit_planes;

/// Bytes of a block of bitshuffle, if the writer left the choice to the filter.
const USUAL_BLOCK: usize = 8192;
/// Fewest elements of such a block.
const LEAST_BLOCK: usize = 128;

pub(super) fn damaged(what: &str) -> Error {
    Error::corrupt(format!("its {what} data are damaged"))
}

/// A big-endian number taken off the front.
fn number<const N: usize>(bytes: &mut &[u8], what: &str) -> Result<usize> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or_else(|| damaged(what))?;
    *bytes = rest;
    let number = head.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    usize::try_from(number).map_err(|_| damaged(what))
}

/// Decompresses one block of LZ4 into `out`; it must fill it.
pub(super) fn lz4_block(stored: &[u8], out: &mut [u8], what: &str) -> Result<()> {
    match lz4_flex::block::decompress_into(stored, out) {
        Ok(len) if len == out.len() => Ok(()),
        _ => Err(damaged(what)),
    }
}

/// Decompresses frames of Zstandard into `out`; the number of bytes.
pub(super) fn zstd(
    decompressor: &mut Option<zstd::bulk::Decompressor<'static>>,
    stored: &[u8],
    out: &mut [u8],
) -> Result<usize> {
    let decompressor = match decompressor {
        Some(decompressor) => decompressor,
        none => none.insert(zstd::bulk::Decompressor::new().map_err(|error| Error::io(error.to_string()))?),
    };
    decompressor.decompress_to_buffer(stored, out).map_err(|_| damaged("zstd"))
}

/// What a chunk of the lz4 filter says it unfolds to.
pub(super) fn lz4_len(stored: &[u8]) -> Result<usize> {
    number::<8>(&mut &*stored, "lz4")
}

/// Undoes the lz4 filter: total and block size as big-endian integers of 8 and 4 bytes, then each block behind its stored
/// size in 4 bytes. A block that did not shrink is stored as it is. `out` has the total size.
pub(super) fn lz4(mut stored: &[u8], out: &mut [u8]) -> Result<()> {
    const WHAT: &str = "lz4";
    number::<8>(&mut stored, WHAT)?;
    let block = number::<4>(&mut stored, WHAT)?;
    if block == 0 && !out.is_empty() {
        return Err(damaged(WHAT));
    }
    for out in out.chunks_mut(block.max(1)) {
        let len = number::<4>(&mut stored, WHAT)?;
        let (packed, rest) = stored.split_at_checked(len).ok_or_else(|| damaged(WHAT))?;
        stored = rest;
        if len == out.len() {
            out.copy_from_slice(packed);
        } else {
            lz4_block(packed, out, WHAT)?;
        }
    }
    Ok(())
}

/// What the parameters of bitshuffle say: two of version, then element size, elements per block, compressor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bitshuffle {
    width: usize,
    block: usize,
    pub(super) packed: Packed,
}

/// How bitshuffle compresses blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    Not,
    Lz4,
    Zstd,
}

impl Bitshuffle {
    /// Reads the parameters of the filter; `element` is what the dataset's elements have.
    pub(super) fn parse(parameters: &[u32], element: usize) -> Result<Self> {
        let value = |at: usize| parameters.get(at).map_or(0, |&value| value as usize);
        let width = if value(2) == 0 { element } else { value(2) };
        if width == 0 {
            return Err(Error::corrupt("the parameters of bitshuffle are wrong: elements have no bytes"));
        }
        let packed = match value(4) {
            0 => Packed::Not,
            2 => Packed::Lz4,
            3 => Packed::Zstd,
            other => return Err(Error::unsupported(format!("bitshuffle with compressor {other}"))),
        };
        Ok(Self { width, block: value(3), packed })
    }

    /// What a compressed chunk says it unfolds to.
    pub(super) fn unpacked(self, stored: &[u8]) -> Result<usize> {
        match self.packed {
            Packed::Not => Ok(stored.len()),
            _ => number::<8>(&mut &*stored, "bitshuffle"),
        }
    }

    /// Undoes the filter. Blocks have a multiple of eight elements; what is left at the end is stored as it is. A
    /// compressed chunk starts with its size and the block size as big-endian integers of 8 and 4 bytes, and each block
    /// with its stored size in 4 bytes. `out` has the unpacked size.
    pub(super) fn decode(
        self,
        mut stored: &[u8],
        out: &mut [u8],
        decompressor: &mut Option<zstd::bulk::Decompressor<'static>>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        const WHAT: &str = "bitshuffle";
        let mut block = self.block.saturating_mul(self.width);
        if self.packed != Packed::Not {
            number::<8>(&mut stored, WHAT)?;
            block = number::<4>(&mut stored, WHAT)?;
        }
        let group = self.width.saturating_mul(8);
        if block == 0 {
            let elements = (USUAL_BLOCK / self.width) / 8 * 8;
            block = elements.max(LEAST_BLOCK).saturating_mul(self.width);
        }
        if !block.is_multiple_of(group) {
            return Err(damaged(WHAT));
        }
        let plain = out.len() % group;
        let (blocks, tail) = out.split_at_mut(out.len() - plain);
        for out in blocks.chunks_mut(block) {
            if self.packed == Packed::Not {
                let (planes, rest) = stored.split_at_checked(out.len()).ok_or_else(|| damaged(WHAT))?;
                stored = rest;
                bit_planes::join(planes, self.width, out);
                continue;
            }
            let len = number::<4>(&mut stored, WHAT)?;
            let (packed, rest) = stored.split_at_checked(len).ok_or_else(|| damaged(WHAT))?;
            stored = rest;
            super::grow(buffer, out.len())?;
            let planes = &mut buffer[..out.len()];
            if self.packed == Packed::Lz4 {
                lz4_block(packed, planes, WHAT)?;
            } else if zstd(decompressor, packed, planes)? != planes.len() {
                return Err(damaged(WHAT));
            }
            bit_planes::join(planes, self.width, out);
        }
        let last = stored.get(..plain).ok_or_else(|| damaged(WHAT))?;
        tail.copy_from_slice(last);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bit_planes::tests::split;
    use super::*;
    use proptest::prelude::*;

    fn bitshuffled(plain: &[u8], width: usize, block: usize, packed: Packed) -> Vec<u8> {
        let mut stored = Vec::new();
        if packed != Packed::Not {
            stored.extend((plain.len() as u64).to_be_bytes());
            stored.extend(((block * width) as u32).to_be_bytes());
        }
        let whole = plain.len() / (width * 8) * (width * 8);
        for block in plain[..whole].chunks(block * width) {
            let planes = split(block, width);
            let packed = match packed {
                Packed::Not => {
                    stored.extend(planes);
                    continue;
                }
                Packed::Lz4 => lz4_flex::block::compress(&planes),
                Packed::Zstd => zstd::bulk::compress(&planes, 1).unwrap(),
            };
            stored.extend((packed.len() as u32).to_be_bytes());
            stored.extend(packed);
        }
        stored.extend(&plain[whole..]);
        stored
    }

    fn undo(filter: Bitshuffle, stored: &[u8], most: usize) -> Result<Vec<u8>> {
        let mut out = vec![0; filter.unpacked(stored)?.min(most)];
        filter.decode(stored, &mut out, &mut None, &mut Vec::new())?;
        Ok(out)
    }

    fn lz4_chunk(plain: &[u8], block: usize) -> Vec<u8> {
        let mut stored = (plain.len() as u64).to_be_bytes().to_vec();
        stored.extend((block as u32).to_be_bytes());
        for block in plain.chunks(block) {
            let packed = lz4_flex::block::compress(block);
            let packed = if packed.len() < block.len() { packed } else { block.to_vec() };
            stored.extend((packed.len() as u32).to_be_bytes());
            stored.extend(packed);
        }
        stored
    }

    #[test]
    fn parameters_are_checked() {
        assert!(Bitshuffle::parse(&[0, 3, 0, 0, 2], 0).is_err());
        let error = Bitshuffle::parse(&[0, 3, 4, 0, 7], 4).unwrap_err();
        assert_eq!(error.kind(), zagg_core::ErrorKind::Unsupported);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bitshuffle_is_undone(
            plain in prop::collection::vec(0u8..9, 0..900), width in 1usize..9, block in 1usize..9,
            packed in prop::sample::select(vec![Packed::Not, Packed::Lz4, Packed::Zstd]),
        ) {
            let stored = bitshuffled(&plain, width, block * 8, packed);
            let filter = Bitshuffle { width, block: block * 8, packed };
            prop_assert_eq!(undo(filter, &stored, 1 << 20).unwrap(), plain);
        }

        #[test]
        fn lz4_is_undone(plain in prop::collection::vec(0u8..4, 0..600), block in 1usize..200) {
            let stored = lz4_chunk(&plain, block);
            let mut out = vec![9; lz4_len(&stored).unwrap()];
            lz4(&stored, &mut out).unwrap();
            prop_assert_eq!(out, plain);
        }

        #[test]
        fn damaged_chunks_are_read_or_refused(
            plain in prop::collection::vec(0u8..4, 1..300), at: u16, byte: u8, cut: u16,
            packed in prop::sample::select(vec![Packed::Not, Packed::Lz4, Packed::Zstd]),
        ) {
            let damage = |mut stored: Vec<u8>| {
                let at = usize::from(at) % stored.len();
                stored[at] ^= byte;
                let len = stored.len();
                stored.truncate(len - usize::from(cut) % len / 2);
                stored
            };
            let stored = damage(lz4_chunk(&plain, 64));
            if let Ok(len) = lz4_len(&stored) && len < 4096 {
                let _ = lz4(&stored, &mut vec![0; len]);
            }
            let stored = damage(bitshuffled(&plain, 4, 16, packed));
            let _ = undo(Bitshuffle { width: 4, block: 16, packed }, &stored, 4096);
        }
    }
}
