//! Undoing the filters of one chunk.

use std::borrow::Cow;

use libdeflater::Decompressor;
use zagg_core::{Error, Result};

use crate::checksum::fletcher32;
use crate::unshuffle::unshuffle;

/// Most that deflate can shrink anything: 258 bytes by two bits.
const MAX_DEFLATE_RATIO: u64 = 1032;

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;

/// A step that was applied to every chunk when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its registered number.
    pub id: u16,
    /// Its name as the file gives it; often empty for the standard ones.
    pub name: String,
    /// Whether chunks that it could not be applied to were written without it.
    pub optional: bool,
    /// What it was told, by its own meaning.
    pub parameters: Vec<u32>,
}

impl Filter {
    /// A name for people.
    pub fn label(&self) -> Cow<'_, str> {
        let known = match self.id {
            DEFLATE => "deflate",
            SHUFFLE => "shuffle",
            FLETCHER32 => "fletcher32",
            4 => "szip",
            5 => "nbit",
            6 => "scaleoffset",
            307 => "bzip2",
            32000 => "lzf",
            32001 => "blosc",
            32004 => "lz4",
            32008 => "bitshuffle",
            32015 => "zstd",
            _ if self.name.is_empty() => return Cow::Owned(format!("filter {}", self.id)),
            _ => return Cow::Owned(format!("{} (filter {})", self.name, self.id)),
        };
        Cow::Borrowed(known)
    }
}

/// The filters that were not left out.
fn applied(filters: &[Filter], mask: u32) -> impl Iterator<Item = &Filter> {
    filters.iter().enumerate().filter(move |(i, _)| mask & (1 << (i & 31)) == 0).map(|(_, filter)| filter)
}

/// Checks that all filters are known and that `stored` bytes can unfold to `size`.
pub(crate) fn plausible(stored: u64, filters: &[Filter], mask: u32, size: u64) -> Result<()> {
    let mut most = stored;
    for filter in applied(filters, mask) {
        match filter.id {
            DEFLATE => most = most.saturating_mul(MAX_DEFLATE_RATIO),
            SHUFFLE | FLETCHER32 => {}
            _ => {
                let problem = format!("compressed with {}, which zagg does not read", filter.label());
                return Err(Error::unsupported(problem));
            }
        }
    }
    if size > most {
        return Err(Error::corrupt(format!("{stored} stored bytes cannot unfold to {size}")));
    }
    Ok(())
}

/// Undoes filters; keeps its buffers from chunk to chunk.
#[derive(Default)]
pub struct Decoder {
    inflater: Option<Decompressor>,
    /// The bytes behind the last filter undone.
    data: Vec<u8>,
    /// Where the next filter writes.
    next: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder({} bytes)", self.data.capacity() + self.next.capacity())
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
                DEFLATE => None,
                FLETCHER32 => before.and_then(|n| n.checked_add(4)),
                _ => before,
            });
        }
        // The first filter undone reads the stored bytes, the others what the one before has left in `data`.
        let mut len = stored.len();
        let mut owned = false;
        for (filter, size_before) in applied.iter().zip(&sizes).rev() {
            let input = if owned { &self.data[..len] } else { &stored[..len] };
            match filter.id {
                DEFLATE => {
                    let inflater = self.inflater.get_or_insert_with(Decompressor::new);
                    len = inflate(inflater, input, &mut self.next, *size_before, size)?;
                }
                SHUFFLE => {
                    let width = filter.parameters.first().map_or(element, |&width| width as usize);
                    if width <= 1 {
                        continue;
                    }
                    grow(&mut self.next, len)?;
                    unshuffle(input, width, &mut self.next[..len]);
                }
                _ => {
                    len = verified(input)?;
                    continue;
                }
            }
            std::mem::swap(&mut self.data, &mut self.next);
            owned = true;
        }
        if len != size {
            return Err(Error::corrupt(format!("it decodes to {len} bytes instead of {size}")));
        }
        Ok(if owned { &self.data[..len] } else { &stored[..len] })
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

/// Inflates a zlib stream to `exact` bytes, or to however many it holds when more filters follow.
fn inflate(
    inflater: &mut Decompressor,
    stored: &[u8],
    out: &mut Vec<u8>,
    exact: Option<usize>,
    size: usize,
) -> Result<usize> {
    // What one more filter made of the chunk is hardly larger than the chunk.
    let most = exact.unwrap_or_else(|| {
        let bound = size.saturating_add(size / 256).saturating_add(4096);
        bound.min(stored.len().saturating_mul(MAX_DEFLATE_RATIO as usize))
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Compressor};

    fn filter(id: u16) -> Filter {
        Filter { id, name: String::new(), optional: false, parameters: Vec::new() }
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let len = compressor.zlib_compress(bytes, &mut out).unwrap();
        out.truncate(len);
        out
    }

    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(fletcher32(&bytes).to_le_bytes());
        bytes
    }

    #[test]
    fn filters_are_undone_from_the_last_to_the_first() {
        let plain: Vec<u8> = (0..4000u32).map(|i| (i / 7) as u8).collect();
        let shuffled: Vec<u8> = (0..4).flat_map(|b| plain.iter().skip(b).step_by(4).copied()).collect();
        let all = [filter(SHUFFLE), filter(DEFLATE), filter(FLETCHER32)];
        let mut decoder = Decoder::new();
        let mut decode = |stored: &[u8], filters: &[Filter], mask| {
            decoder.decode(stored, filters, mask, 4000, 4).map(<[u8]>::to_vec)
        };
        assert_eq!(decode(&summed(deflated(&shuffled)), &all, 0).unwrap(), plain);
        // Filters that were left out.
        assert_eq!(decode(&deflated(&plain), &all, 0b101).unwrap(), plain);
        assert_eq!(decode(&plain, &all, 0b111).unwrap(), plain);
        assert_eq!(decode(&summed(plain.clone()), &all, 0b011).unwrap(), plain);
        // Deflate twice, and a checksum below deflate.
        let twice = [filter(SHUFFLE), filter(DEFLATE), filter(DEFLATE)];
        assert_eq!(decode(&deflated(&deflated(&shuffled)), &twice, 0).unwrap(), plain);
        let below = [filter(FLETCHER32), filter(DEFLATE)];
        assert_eq!(decode(&deflated(&summed(plain.clone())), &below, 0).unwrap(), plain);
    }

    #[test]
    fn damage_is_reported() {
        let plain = vec![5u8; 4000];
        let mut decoder = Decoder::new();
        let mut message = |stored: &[u8], filters: &[Filter], size| {
            decoder.decode(stored, filters, 0, size, 4).unwrap_err().to_string()
        };
        let stored = deflated(&plain);
        assert!(message(&stored, &[filter(DEFLATE)], 3999).contains("damaged"));
        assert!(message(&stored, &[filter(DEFLATE)], 4001).contains("instead of 4001"));
        assert!(message(&stored, &[filter(DEFLATE)], 1 << 40).contains("cannot unfold"));
        let mut wrong = summed(plain);
        wrong[17] ^= 1;
        assert!(message(&wrong, &[filter(FLETCHER32)], 4000).contains("fletcher32 checksum does not match"));
        assert!(message(&[1], &[filter(FLETCHER32)], 1).contains("too short"));
        assert!(
            message(&stored, &[filter(32015)], 4000)
                .contains("compressed with zstd, which zagg does not read")
        );
    }
}
