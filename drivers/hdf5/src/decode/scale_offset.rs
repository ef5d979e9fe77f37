//! The scaleoffset filter: the distance of every number from the least one of the chunk, in as few bits as hold them all.
//!
//! Its parameters (HDF5 file format specification, filter 6): way of scaling (0 decimal digits of floats, 2 whole
//! numbers), number of digits, elements per chunk, class (0 integer, 1 float), size, sign, byte order, whether a fill value
//! is defined, and that value from parameter 8 on. A chunk starts with the number of bits as 32-bit integer, the length
//! of the least value, and that value in 16 bytes; the numbers lie from byte 21 on, the highest bit of each first. All
//! bits set stands for the fill value. Whole numbers for which all their bits are asked for stay as they are, without that
//! start.

use zagg_core::{Error, Result};

use super::bits::BitReader;

/// Bytes before the packed numbers.
const HEADER: usize = 21;

/// What the parameters say.
#[derive(Debug)]
pub(super) struct Plan {
    elements: usize,
    size: usize,
    big: bool,
    fill: Option<u64>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Integer,
    /// As they are.
    Plain,
    /// With this number of decimal digits.
    Float(i32),
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the parameters of the scaleoffset filter are wrong: {what}"))
}

impl Plan {
    /// Reads the parameters of the filter.
    pub(super) fn parse(parameters: &[u32]) -> Result<Self> {
        let Some(&[scale, factor, elements, class, size, _, order, fill]) = parameters.first_chunk::<8>()
        else {
            return Err(wrong("there are too few"));
        };
        let kind = match (class, scale) {
            (0, 2) if u64::from(factor) == u64::from(size) * 8 => Kind::Plain,
            (0, _) => Kind::Integer,
            (1, 0) => Kind::Float(factor as i32),
            (1, 1) => return Err(Error::unsupported("scaleoffset with binary exponents (E-scaling)")),
            _ => return Err(wrong(format_args!("class {class}, scaling {scale}"))),
        };
        if !matches!((kind, size), (Kind::Integer | Kind::Plain, 1 | 2 | 4 | 8) | (Kind::Float(_), 4 | 8)) {
            return Err(wrong(format_args!("numbers of {size} bytes")));
        }
        let fill = match fill {
            0 => None,
            1 => {
                let word = |at: usize| parameters.get(at).map(|&word| u64::from(word));
                let high = if size == 8 { word(9) } else { Some(0) };
                match (word(8), high) {
                    (Some(low), Some(high)) => Some((low | high << 32) & mask(size as usize)),
                    _ => return Err(wrong("the fill value is missing")),
                }
            }
            other => return Err(wrong(format_args!("fill value in state {other}"))),
        };
        Ok(Self { elements: elements as usize, size: size as usize, big: order == 1, fill, kind })
    }

    /// Bytes behind the filter, of `stored` ones.
    pub(super) fn unpacked(&self, stored: u64) -> u64 {
        if matches!(self.kind, Kind::Plain) {
            return stored;
        }
        self.elements as u64 * self.size as u64
    }

    /// Unpacks a chunk into `out`, which has the unpacked size.
    pub(super) fn decode(&self, stored: &[u8], out: &mut [u8]) -> Result<()> {
        if matches!(self.kind, Kind::Plain) {
            out.copy_from_slice(stored);
            return Ok(());
        }
        let Some((header, packed)) = stored.split_first_chunk::<HEADER>() else {
            return Err(Error::corrupt("its scaleoffset data have no header"));
        };
        let bits = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let mut least = [0u8; 8];
        let width = usize::from(header[4]).min(8);
        least[..width].copy_from_slice(&header[5..5 + width]);
        let least = u64::from_le_bytes(least);
        let full = self.size as u32 * 8;
        if bits > full {
            return Err(Error::corrupt(format!("its scaleoffset numbers have {bits} bits of {full}")));
        }
        let mut reader = BitReader::new(packed);
        if !reader.has(self.elements.saturating_mul(bits as usize)) {
            return Err(Error::corrupt("its scaleoffset data are cut short"));
        }
        if bits == full {
            // Nothing was gained: the numbers as they are, in the order of the usual machines.
            out.copy_from_slice(&packed[..out.len()]);
            if self.big {
                out.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
            }
            return Ok(());
        }
        let filled = self.fill.map(|fill| ((1u64 << bits) - 1, fill));
        macro_rules! unpack {
            ($bytes:literal, $number:expr) => {{
                let number = $number;
                let (elements, _) = out.as_chunks_mut::<$bytes>();
                for element in elements {
                    let packed = reader.read(bits);
                    let value = match filled {
                        Some((mark, fill)) if packed == mark => fill,
                        _ => number(packed),
                    };
                    for (byte, value) in element.iter_mut().zip(value.to_le_bytes()) {
                        *byte = value;
                    }
                    if self.big {
                        element.reverse();
                    }
                }
            }};
        }
        match (self.kind, self.size) {
            (Kind::Integer, 1) => unpack!(1, |packed: u64| packed.wrapping_add(least)),
            (Kind::Integer, 2) => unpack!(2, |packed: u64| packed.wrapping_add(least)),
            (Kind::Integer, 4) => unpack!(4, |packed: u64| packed.wrapping_add(least)),
            (Kind::Integer | Kind::Plain, _) => unpack!(8, |packed: u64| packed.wrapping_add(least)),
            // In the precision of the type, as the library does: the last bit depends on it.
            (Kind::Float(digits), 4) => {
                let (least, scale) = (f32::from_bits(least as u32), 10f32.powf(digits as f32));
                unpack!(4, |packed: u64| u64::from((packed as i32 as f32 / scale + least).to_bits()));
            }
            (Kind::Float(digits), _) => {
                let (least, scale) = (f64::from_bits(least), 10f64.powf(f64::from(digits)));
                unpack!(8, |packed: u64| (packed as i64 as f64 / scale + least).to_bits());
            }
        }
        Ok(())
    }
}

fn mask(size: usize) -> u64 {
    if size >= 8 { u64::MAX } else { (1 << (8 * size)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::super::bits::tests::pack;
    use super::*;
    use proptest::prelude::*;
    use zagg_core::ErrorKind;

    fn chunk(bits: u32, least: u64, numbers: &[u64]) -> Vec<u8> {
        let mut stored = bits.to_le_bytes().to_vec();
        stored.push(8);
        stored.extend(least.to_le_bytes());
        stored.extend([0; 8]);
        stored.extend(pack(&numbers.iter().map(|&n| (n, bits)).collect::<Vec<_>>()));
        stored
    }

    fn decode(parameters: &[u32], stored: &[u8]) -> Result<Vec<u8>> {
        let plan = Plan::parse(parameters)?;
        let mut out = vec![9; plan.unpacked(stored.len() as u64) as usize];
        plan.decode(stored, &mut out)?;
        Ok(out)
    }

    #[test]
    fn floats_are_digits_above_the_least() {
        let parameters = [0, 2, 3, 1, 4, 1, 0, 1, (-9f32).to_bits()];
        let stored = chunk(9, u64::from(1.5f32.to_bits()), &[0, 25, 511]);
        let found = decode(&parameters, &stored).unwrap();
        let values: Vec<f32> = found.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(values, [1.5, 1.75, -9.0]);
    }

    #[test]
    fn numbers_of_which_all_bits_are_asked_for_stay_as_they_are() {
        let stored = [1, 2, 3, 4, 5, 6];
        for order in [0, 1] {
            assert_eq!(decode(&[2, 16, 3, 0, 2, 0, order, 0], &stored).unwrap(), stored);
        }
        // One bit less and there is the usual start.
        assert_eq!(decode(&[2, 15, 3, 0, 2, 0, 0, 0], &stored).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_constant_chunk_takes_no_bits() {
        let parameters = [2, 0, 4, 0, 2, 1, 1, 0];
        let stored = chunk(0, (-2i64) as u64, &[]);
        assert_eq!(decode(&parameters, &stored).unwrap(), [0xff, 0xfe].repeat(4));
    }

    #[test]
    fn what_cannot_be_is_corrupt_and_what_is_not_read_unsupported() {
        let kind = |parameters: &[u32], stored: &[u8]| decode(parameters, stored).unwrap_err().kind();
        let stored = chunk(4, 0, &[1, 2]);
        assert_eq!(kind(&[1, 3, 2, 1, 4, 1, 0, 0], &stored), ErrorKind::Unsupported);
        assert_eq!(kind(&[2, 0, 2, 0, 3, 0, 0, 0], &stored), ErrorKind::Corrupt);
        assert_eq!(kind(&[2, 0, 2, 0, 4, 0, 0, 1], &stored), ErrorKind::Corrupt);
        assert_eq!(kind(&[2, 0, 2], &stored), ErrorKind::Corrupt);
        assert_eq!(kind(&[2, 0, 3, 0, 4, 0, 0, 0], &stored), ErrorKind::Corrupt);
        assert_eq!(kind(&[2, 0, 2, 0, 4, 0, 0, 0], &stored[..20]), ErrorKind::Corrupt);
        assert_eq!(kind(&[2, 0, 2, 0, 4, 0, 0, 0], &chunk(33, 0, &[])), ErrorKind::Corrupt);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn integers_come_back(
            offsets in prop::collection::vec(any::<u64>(), 1..60), least: u64, bits in 0u32..64,
            size in prop::sample::select(vec![1usize, 2, 4, 8]), big: bool, fill in any::<Option<u64>>(),
        ) {
            let bits = bits % (size as u32 * 8) + 1;
            let top = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let offsets: Vec<u64> = offsets.iter().map(|x| x & top).collect();
            let full = bits == size as u32 * 8;
            let filling = fill.unwrap_or_default();
            let parameters = [
                2, 0, offsets.len() as u32, 0, size as u32, 0, u32::from(big), u32::from(fill.is_some()),
                filling as u32, (filling >> 32) as u32,
            ];
            let mut stored = chunk(bits, least, &offsets);
            if full {
                stored.truncate(HEADER);
                offsets.iter().for_each(|x| stored.extend(&x.to_le_bytes()[..size]));
            }
            let found = decode(&parameters, &stored).unwrap();
            for (element, &offset) in found.chunks_exact(size).zip(&offsets) {
                let value = match fill {
                    _ if full => offset,
                    Some(fill) if offset == top => fill,
                    _ => least.wrapping_add(offset),
                };
                let mut expected = value.to_le_bytes()[..size].to_vec();
                if big {
                    expected.reverse();
                }
                prop_assert_eq!(element, expected);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            parameters in prop::collection::vec(0u32..10, 0..12), stored in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = decode(&parameters, &stored);
        }
    }
}
