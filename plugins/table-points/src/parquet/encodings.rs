//! Encodings of values (`Encodings.md` of apache/parquet-format).

use zagg_core::{Error, Result};

use super::raw::{Physical, Raw};
use super::thrift::{varint, zigzag};
use super::wkb;

/// Most values of one block of delta encoding; writers use 128.
const MAX_BLOCK: u64 = 1 << 16;

fn cut_off() -> Error {
    Error::corrupt("a page ends in the middle of its values")
}

fn bit(bytes: &[u8], at: usize) -> bool {
    bytes[at / 8] >> (at % 8) & 1 == 1
}

/// Runs and packed groups of small integers: levels, places in a dictionary, flags. `count` of them, of `width` bits.
pub(super) fn hybrid(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>> {
    if width > 32 {
        return Err(Error::corrupt(format!("a page has integers of {width} bits")));
    }
    let mut values: Vec<u32> = Vec::new();
    let mut at = 0;
    while values.len() < count {
        let head = varint(bytes, &mut at)?;
        let left = count - values.len();
        let rest = &bytes[at..];
        if head & 1 == 1 {
            let packed = usize::try_from(head >> 1)
                .ok()
                .and_then(|groups| groups.checked_mul(8))
                .ok_or_else(cut_off)?;
            let n = packed.min(left);
            values.extend(unpack(rest, width, n)?.into_iter().map(|x| x as u32));
            at = at.saturating_add(packed / 8 * width as usize).min(bytes.len());
        } else {
            let size = width.div_ceil(8) as usize;
            let bytes = rest.get(..size).ok_or_else(cut_off)?;
            let value = bytes.iter().rev().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
            let run = usize::try_from(head >> 1).unwrap_or(usize::MAX).min(left);
            values.resize(values.len() + run, value);
            at += size;
        }
    }
    Ok(values)
}

/// Integers of `width` bits each, the lowest bit first.
fn unpack(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u64>> {
    let bits = count.checked_mul(width as usize).ok_or_else(cut_off)?;
    if bits.div_ceil(8) > bytes.len() {
        return Err(cut_off());
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut values = Vec::with_capacity(count);
    for number in 0..count {
        let (first, shift) = (number * width as usize / 8, number * width as usize % 8);
        let mut buffer = [0u8; 16];
        let end = bytes.len().min(first + 9);
        buffer[..end - first].copy_from_slice(&bytes[first..end]);
        values.push((u128::from_le_bytes(buffer) >> shift) as u64 & mask);
    }
    Ok(values)
}

/// Differences in blocks (`DELTA_BINARY_PACKED`): `count` integers, and the bytes they take.
fn delta(bytes: &[u8], count: usize) -> Result<(Vec<i64>, usize)> {
    let mut at = 0;
    let block = varint(bytes, &mut at)?;
    let minis = varint(bytes, &mut at)?;
    let total = varint(bytes, &mut at)?;
    let mut value = zigzag(varint(bytes, &mut at)?);
    if total != count as u64 {
        return Err(Error::corrupt(format!("a page has {total} differences for {count} values")));
    }
    let sound =
        block > 0 && block <= MAX_BLOCK && minis > 0 && block % minis == 0 && (block / minis) % 32 == 0;
    if !sound {
        return Err(Error::corrupt(format!("a page has blocks of {block} differences in {minis} pieces")));
    }
    let mini = (block / minis) as usize;
    let mut values = Vec::new();
    if count > 0 {
        values.push(value);
    }
    while values.len() < count {
        let least = zigzag(varint(bytes, &mut at)?);
        let widths = bytes.get(at..at + minis as usize).ok_or_else(cut_off)?;
        at += widths.len();
        for &width in widths {
            let left = count - values.len();
            if left == 0 {
                break;
            }
            if width > 64 {
                return Err(Error::corrupt(format!("a page has differences of {width} bits")));
            }
            let size = mini * usize::from(width) / 8;
            // Writers may leave out what pads the last piece.
            let rest = &bytes[at..bytes.len().min(at + size)];
            for difference in unpack(rest, width.into(), mini.min(left))? {
                value = value.wrapping_add(least).wrapping_add(difference as i64);
                values.push(value);
            }
            at += rest.len();
        }
    }
    Ok((values, at))
}

/// Fixed-size values one after the other.
fn fixed<const N: usize, T>(bytes: &[u8], count: usize, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let chunks = chunks.get(..count).ok_or_else(cut_off)?;
    Ok(chunks.iter().map(|&chunk| value(chunk)).collect())
}

/// The first bytes of all values, then the second ones, and so on.
fn split<const N: usize, T>(bytes: &[u8], count: usize, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
    // Every stream has the count of the page, which is that of all bytes.
    if count.checked_mul(N) != Some(bytes.len()) {
        return Err(Error::corrupt(format!("a page has {} bytes for {count} values of {N}", bytes.len())));
    }
    Ok((0..count).map(|at| value(std::array::from_fn(|stream| bytes[stream * count + at]))).collect())
}

/// Byte arrays, each behind its length.
fn points(mut bytes: &[u8], count: usize) -> Result<Vec<[f64; 2]>> {
    let mut points = Vec::new();
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let (value, rest) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
        points.push(wkb::point(value)?);
        bytes = rest;
    }
    Ok(points)
}

/// Byte arrays behind the lengths of all of them.
fn points_after_lengths(bytes: &[u8], count: usize) -> Result<Vec<[f64; 2]>> {
    let (lengths, at) = delta(bytes, count)?;
    let mut rest = &bytes[at..];
    let mut points = Vec::new();
    for length in lengths {
        let length = usize::try_from(length).map_err(|_| cut_off())?;
        let (value, behind) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        points.push(wkb::point(value)?);
        rest = behind;
    }
    Ok(points)
}

/// `count` values in one of the encodings of `parquet.thrift`.
pub(super) fn values(
    encoding: u64,
    physical: Physical,
    bytes: &[u8],
    count: usize,
    dictionary: Option<&Raw>,
) -> Result<Raw> {
    if count == 0 {
        return Ok(Raw::empty(physical));
    }
    match (encoding, physical) {
        (0, Physical::Bool) => {
            if count.div_ceil(8) > bytes.len() {
                return Err(cut_off());
            }
            Ok(Raw::Bool((0..count).map(|at| bit(bytes, at)).collect()))
        }
        (0, Physical::Int32) => fixed(bytes, count, i32::from_le_bytes).map(Raw::Int32),
        (0, Physical::Int64) => fixed(bytes, count, i64::from_le_bytes).map(Raw::Int64),
        (0, Physical::Float) => fixed(bytes, count, f32::from_le_bytes).map(Raw::Float),
        (0, Physical::Double) => fixed(bytes, count, f64::from_le_bytes).map(Raw::Double),
        (0, Physical::Point) => points(bytes, count).map(Raw::Point),
        // PLAIN_DICTIONARY is the older name of RLE_DICTIONARY.
        (2 | 8, _) => {
            let dictionary = dictionary.ok_or_else(|| Error::corrupt("a page lacks its dictionary"))?;
            let (&width, bytes) = bytes.split_first().ok_or_else(cut_off)?;
            dictionary.gather(&hybrid(bytes, width.into(), count)?)
        }
        (3, Physical::Bool) => {
            let (length, bytes) = bytes.split_first_chunk::<4>().ok_or_else(cut_off)?;
            let bytes = bytes.get(..u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
            Ok(Raw::Bool(hybrid(bytes, 1, count)?.into_iter().map(|flag| flag == 1).collect()))
        }
        // Differences wrap around in the width of the type.
        (5, Physical::Int32) => {
            Ok(Raw::Int32(delta(bytes, count)?.0.into_iter().map(|x| x as i32).collect()))
        }
        (5, Physical::Int64) => Ok(Raw::Int64(delta(bytes, count)?.0)),
        (6, Physical::Point) => points_after_lengths(bytes, count).map(Raw::Point),
        (9, Physical::Int32) => split(bytes, count, i32::from_le_bytes).map(Raw::Int32),
        (9, Physical::Int64) => split(bytes, count, i64::from_le_bytes).map(Raw::Int64),
        (9, Physical::Float) => split(bytes, count, f32::from_le_bytes).map(Raw::Float),
        (9, Physical::Double) => split(bytes, count, f64::from_le_bytes).map(Raw::Double),
        _ => Err(Error::unsupported(format!("its values are in the encoding {encoding}, which is not read"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_and_groups_are_told_apart() {
        // The example of Encodings.md: 0 to 7 in three bits, then five times 6.
        let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010, 10, 6];
        assert_eq!(hybrid(&bytes, 3, 13).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7, 6, 6, 6, 6, 6]);
        assert_eq!(hybrid(&bytes, 3, 5).unwrap(), [0, 1, 2, 3, 4]);
        assert!(hybrid(&bytes, 3, 14).is_err());
        assert_eq!(hybrid(&[254, 255, 255, 255, 15], 0, 3).unwrap(), [0, 0, 0]);
    }

    #[test]
    fn differences_add_up() {
        // The examples of Encodings.md: 1 to 5, and 7 5 3 1 2 3 4 5.
        let one_to_five = [128, 1, 4, 5, 2, 2, 0, 0, 0, 0];
        assert_eq!(delta(&one_to_five, 5).unwrap().0, [1, 2, 3, 4, 5]);
        let packed = [0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        let there_and_back = [&[128, 1, 4, 8, 14, 3, 2, 0, 0, 0][..], &packed].concat();
        assert_eq!(delta(&there_and_back, 8).unwrap().0, [7, 5, 3, 1, 2, 3, 4, 5]);
        assert!(delta(&[128, 1, 0, 5, 2], 5).is_err() && delta(&[1, 1, 5, 2], 5).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..120), count in 0usize..5000, encoding in 0u64..11) {
            for physical in [Physical::Bool, Physical::Int32, Physical::Int64, Physical::Float, Physical::Double, Physical::Point] {
                let dictionary = Raw::Int32(vec![1, 2, 3]);
                if let Ok(values) = values(encoding, physical, &bytes, count, Some(&dictionary)) {
                    prop_assert_eq!(values.len(), count);
                }
            }
        }
    }
}
