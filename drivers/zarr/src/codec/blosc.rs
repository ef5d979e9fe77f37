//! Blosc frames of shuffled, Zstandard-compressed bytes.
//!
//! Byte shuffle puts the first bytes of all elements together, then the second and so on, so that ascending integers
//! become long runs: 400,000 consecutive cell ids take 3.5 KB instead of 406 KB. The standard codec of Zarr that does
//! this is `blosc`. Its frames are simple enough that the C library, with four more compressors, is not needed.
//!
//! A frame is a header of 16 bytes (version, version of the compressor, flags, element size, then as little-endian
//! 32-bit integers the sizes of content, block and frame), the offset of every block, and the blocks, each led by its
//! compressed size. Frames whose content does not shrink hold it as it is behind the header.

const HEADER: usize = 16;
const VERSION: u8 = 2;
const ZSTD_VERSION: u8 = 1;
const FLAG_SHUFFLE: u8 = 0x01;
const FLAG_STORED: u8 = 0x02;
const FLAG_BIT_SHUFFLE: u8 = 0x04;
const FLAG_NOT_SPLIT: u8 = 0x10;
const FORMAT_ZSTD: u8 = 4 << 5;
const FORMAT_MASK: u8 = 7 << 5;

/// Largest content of a frame, as in the C library.
const MAX_CONTENT: usize = i32::MAX as usize - HEADER;

/// Bytes of one block, a multiple of every element size. Readers decode blocks whole.
const BLOCK: usize = 4 << 20;

/// One frame with elements of `size` bytes.
pub(crate) fn encode(content: &[u8], size: u8, level: i32) -> Result<Vec<u8>, String> {
    let element = usize::from(size);
    if content.len() > MAX_CONTENT || element == 0 || !content.len().is_multiple_of(element) {
        return Err(format!("{} bytes of {size}-byte elements do not fit a Blosc frame", content.len()));
    }
    let block = content.len().clamp(1, BLOCK);
    let blocks = content.len().div_ceil(block);
    let mut frame = vec![0; HEADER + 4 * blocks];
    for (i, block) in content.chunks(block).enumerate() {
        let shuffled = shuffle(block, element);
        let packed = super::zstd::compress(&shuffled, level).map_err(|error| error.to_string())?;
        // A block that does not shrink is stored; its equal sizes say so.
        let packed = if packed.len() < block.len() { packed } else { shuffled };
        let at = frame.len();
        put(&mut frame, HEADER + 4 * i, at)?;
        frame.extend_from_slice(&[0; 4]);
        put(&mut frame, at, packed.len())?;
        frame.extend_from_slice(&packed);
    }
    let mut flags = FORMAT_ZSTD | FLAG_NOT_SPLIT;
    if element > 1 {
        flags |= FLAG_SHUFFLE;
    }
    if frame.len() >= HEADER + content.len() {
        flags |= FLAG_STORED;
        frame.truncate(HEADER);
        frame.extend_from_slice(content);
    }
    let frame_size = frame.len();
    frame[..4].copy_from_slice(&[VERSION, ZSTD_VERSION, flags, size]);
    put(&mut frame, 4, content.len())?;
    put(&mut frame, 8, block)?;
    put(&mut frame, 12, frame_size)?;
    Ok(frame)
}

/// The content of a frame, which must have `expected` bytes.
pub(crate) fn decode(frame: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    let damaged = || "a Blosc frame is damaged".to_owned();
    let header: &[u8; HEADER] = frame.first_chunk().ok_or_else(damaged)?;
    let [version, compressor_version, flags, size, ..] = *header;
    let (content, block, frame_size) = (get(frame, 4)?, get(frame, 8)?, get(frame, 12)?);
    if content != expected || frame_size != frame.len() {
        return Err(damaged());
    }
    if flags & FLAG_STORED != 0 {
        let stored = &frame[HEADER..];
        return if stored.len() == content { Ok(stored.to_vec()) } else { Err(damaged()) };
    }
    if version != VERSION
        || compressor_version != ZSTD_VERSION
        || flags & FORMAT_MASK != FORMAT_ZSTD
        || flags & FLAG_BIT_SHUFFLE != 0
        || flags & FLAG_NOT_SPLIT == 0
    {
        return Err("a Blosc frame of a kind that zagg does not write".to_owned());
    }
    if block == 0 || size == 0 || block > content.max(1) {
        return Err(damaged());
    }
    let mut out = Vec::with_capacity(content);
    for i in 0..content.div_ceil(block) {
        let length = block.min(content - out.len());
        let at = get(frame, HEADER + 4 * i)?;
        let packed_size = get(frame, at)?;
        let start = at + 4;
        let packed = frame.get(start..start.saturating_add(packed_size)).ok_or_else(damaged)?;
        let plain = if packed_size == length {
            packed.to_vec()
        } else {
            zstd::bulk::decompress(packed, length).map_err(|error| error.to_string())?
        };
        if plain.len() != length {
            return Err(damaged());
        }
        if flags & FLAG_SHUFFLE != 0 && size > 1 {
            out.extend_from_slice(&unshuffle(&plain, usize::from(size)));
        } else {
            out.extend_from_slice(&plain);
        }
    }
    Ok(out)
}

fn put(frame: &mut [u8], at: usize, value: usize) -> Result<(), String> {
    let value = i32::try_from(value).map_err(|_| "a Blosc frame is too large".to_owned())?;
    frame[at..at + 4].copy_from_slice(&value.to_le_bytes());
    Ok(())
}

fn get(frame: &[u8], at: usize) -> Result<usize, String> {
    let bytes = frame.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let value = bytes.map(|bytes| i32::from_le_bytes(*bytes));
    value.and_then(|value| usize::try_from(value).ok()).ok_or_else(|| "a Blosc frame is damaged".to_owned())
}

fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let whole = bytes.len() / size * size;
    let mut out = Vec::with_capacity(bytes.len());
    for k in 0..size {
        out.extend(bytes[..whole].iter().skip(k).step_by(size));
    }
    out.extend_from_slice(&bytes[whole..]);
    out
}

fn unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size;
    let mut out = Vec::with_capacity(bytes.len());
    for i in 0..count {
        out.extend((0..size).map(|k| bytes[k * count + i]));
    }
    out.extend_from_slice(&bytes[count * size..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ascending_ids_become_small() {
        let ids: Vec<u8> = (5_000_000_000u64..5_000_400_000).flat_map(u64::to_le_bytes).collect();
        let frame = encode(&ids, 8, 3).unwrap();
        assert!(frame.len() < 10_000, "{}", frame.len());
        assert_eq!(decode(&frame, ids.len()).unwrap(), ids);
    }

    #[test]
    fn several_blocks_and_content_that_does_not_shrink() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        let noise: Vec<u8> = (0..BLOCK + 80).map(|_| random()).collect();
        let frame = encode(&noise, 4, 3).unwrap();
        assert_eq!(frame.len(), HEADER + noise.len());
        assert_eq!(decode(&frame, noise.len()).unwrap(), noise);
        let mixed: Vec<u8> = [noise, vec![7; BLOCK]].concat();
        let frame = encode(&mixed, 4, 3).unwrap();
        assert!(frame.len() < mixed.len());
        assert_eq!(decode(&frame, mixed.len()).unwrap(), mixed);
        assert!(decode(&frame, mixed.len() - 4).is_err());
    }

    proptest! {
        #[test]
        fn content_survives(values in prop::collection::vec(0u64..5000, 0..500), size in prop::sample::select(vec![1u8, 2, 4, 8])) {
            let content: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let frame = encode(&content, size, 3).unwrap();
            prop_assert_eq!(decode(&frame, content.len()).unwrap(), content);
        }

        #[test]
        fn damaged_frames_do_not_panic(at in 0usize..400, byte: u8, cut in 0usize..400) {
            let content: Vec<u8> = (0u64..500).flat_map(|v| (v * 3).to_le_bytes()).collect();
            let mut frame = encode(&content, 8, 3).unwrap();
            let length = frame.len();
            frame[at % length] = byte;
            let _ = decode(&frame, content.len());
            frame.truncate(cut % length);
            prop_assert!(decode(&frame, content.len()).is_err());
        }
    }
}
