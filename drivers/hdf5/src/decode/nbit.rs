//! The nbit filter: of every number only the bits that its type uses are stored.
//!
//! Its parameters describe the type (HDF5 reference manual, H5Pset_nbit, and file format specification, filter 5): number
//! of parameters, whether nothing was packed, elements per chunk, and then a tree. A number is 1, size, byte order,
//! precision, offset; an array 2, size and what it holds; a record 3, size, number of fields and for each its offset and
//! type; anything else 4 and size. Bits lie one behind the other, the highest of each number first.

use zagg_core::{Error, Result};

use super::bits::BitReader;

/// Nesting of records and arrays that is followed.
const MAX_DEPTH: u32 = 16;

#[derive(Debug)]
enum Shape {
    Number { size: usize, big: bool, bits: u32, shift: u32 },
    Array { size: usize, base: Box<Shape> },
    Record { size: usize, fields: Vec<(usize, Shape)> },
    Bytes { size: usize },
}

/// What the parameters say.
#[derive(Debug)]
pub(super) struct Plan {
    /// `None` when chunks were stored as they are.
    packed: Option<Packed>,
}

#[derive(Debug)]
struct Packed {
    elements: usize,
    shape: Shape,
}

struct Parameters<'a>(std::slice::Iter<'a, u32>);

impl Parameters<'_> {
    fn next(&mut self) -> Result<usize> {
        let next = self.0.next().ok_or_else(|| Error::corrupt("the nbit filter has too few parameters"))?;
        Ok(*next as usize)
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the parameters of the nbit filter are wrong: {what}"))
}

impl Shape {
    fn parse(parameters: &mut Parameters<'_>, depth: u32) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(wrong("types are nested too deep"));
        }
        let (class, size) = (parameters.next()?, parameters.next()?);
        if size == 0 {
            return Err(wrong("a type has no bytes"));
        }
        match class {
            1 => {
                let big = match parameters.next()? {
                    0 => false,
                    1 => true,
                    other => return Err(wrong(format_args!("byte order {other}"))),
                };
                let (bits, shift) = (parameters.next()?, parameters.next()?);
                if bits == 0 || bits.saturating_add(shift) > size.saturating_mul(8) {
                    return Err(wrong(format_args!("{bits} bits behind {shift} in {size} bytes")));
                }
                if size > 16 {
                    return Err(Error::unsupported(format!("nbit with numbers of {size} bytes")));
                }
                Ok(Self::Number { size, big, bits: bits as u32, shift: shift as u32 })
            }
            2 => {
                let base = Box::new(Self::parse(parameters, depth + 1)?);
                if size % base.size() != 0 {
                    return Err(wrong("an array is no multiple of its elements"));
                }
                Ok(Self::Array { size, base })
            }
            3 => {
                let count = parameters.next()?;
                // Each element must take stored bits: nothing else bounds how many of them are unpacked.
                if count == 0 {
                    return Err(wrong("a record has no fields"));
                }
                let mut fields = Vec::new();
                for _ in 0..count {
                    let offset = parameters.next()?;
                    let field = Self::parse(parameters, depth + 1)?;
                    if offset.saturating_add(field.size()) > size {
                        return Err(wrong("a field lies outside its record"));
                    }
                    fields.push((offset, field));
                }
                Ok(Self::Record { size, fields })
            }
            4 => Ok(Self::Bytes { size }),
            other => Err(wrong(format_args!("type {other}"))),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Number { size, .. }
            | Self::Array { size, .. }
            | Self::Record { size, .. }
            | Self::Bytes { size } => *size,
        }
    }

    /// Stored bits of one element.
    fn bits(&self) -> u64 {
        match self {
            Self::Number { bits, .. } => u64::from(*bits),
            Self::Array { size, base } => base.bits().saturating_mul((size / base.size()) as u64),
            Self::Record { fields, .. } => {
                fields.iter().fold(0, |sum, (_, field)| sum.saturating_add(field.bits()))
            }
            Self::Bytes { size } => *size as u64 * 8,
        }
    }

    /// Unpacks one element into as many zeros as it has bytes.
    fn unpack(&self, bits: &mut BitReader<'_>, out: &mut [u8]) {
        match self {
            Self::Number { size, big, bits: width, shift } => {
                let high = width.saturating_sub(64);
                let top = if high > 0 { u128::from(bits.read(high)) << 64 } else { 0 };
                let value = (top | u128::from(bits.read(width - high))) << shift;
                out.copy_from_slice(&value.to_le_bytes()[..*size]);
                if *big {
                    out.reverse();
                }
            }
            Self::Array { base, .. } => {
                out.chunks_exact_mut(base.size()).for_each(|element| base.unpack(bits, element));
            }
            Self::Record { fields, .. } => {
                for (offset, field) in fields {
                    field.unpack(bits, &mut out[*offset..*offset + field.size()]);
                }
            }
            Self::Bytes { .. } => out.fill_with(|| bits.read(8) as u8),
        }
    }
}

impl Plan {
    /// Reads the parameters of the filter.
    pub(super) fn parse(parameters: &[u32]) -> Result<Self> {
        let mut rest = Parameters(parameters.iter());
        if rest.next()? != parameters.len() {
            return Err(wrong(format_args!("there are {}", parameters.len())));
        }
        if rest.next()? != 0 {
            return Ok(Self { packed: None });
        }
        let elements = rest.next()?;
        let shape = Shape::parse(&mut rest, 0)?;
        Ok(Self { packed: Some(Packed { elements, shape }) })
    }

    /// Bytes behind the filter, of `stored` ones.
    pub(super) fn unpacked(&self, stored: u64) -> u64 {
        match &self.packed {
            Some(Packed { elements, shape }) => (*elements as u64).saturating_mul(shape.size() as u64),
            None => stored,
        }
    }

    /// Stored bytes that it takes at least.
    fn least(&self) -> u64 {
        match &self.packed {
            Some(Packed { elements, shape }) => (*elements as u64).saturating_mul(shape.bits()).div_ceil(8),
            None => 0,
        }
    }

    /// Checks that `stored` bytes hold all elements.
    pub(super) fn check(&self, stored: u64) -> Result<()> {
        match self.least() {
            least if least > stored => Err(Error::corrupt(format!(
                "its nbit data are cut short: {stored} bytes where {least} are needed"
            ))),
            _ => Ok(()),
        }
    }

    /// Unpacks a chunk into `out`, which has the unpacked size.
    pub(super) fn decode(&self, stored: &[u8], out: &mut [u8]) -> Result<()> {
        self.check(stored.len() as u64)?;
        match &self.packed {
            None => out.copy_from_slice(&stored[..out.len()]),
            Some(Packed { shape, .. }) => {
                // Gaps of records are zeros.
                out.fill(0);
                let mut bits = BitReader::new(stored);
                out.chunks_exact_mut(shape.size()).for_each(|element| shape.unpack(&mut bits, element));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::tests::pack;
    use super::*;
    use proptest::prelude::*;
    use zagg_core::ErrorKind;

    fn decode(parameters: &[u32], stored: &[u8]) -> Result<Vec<u8>> {
        let plan = Plan::parse(parameters)?;
        plan.check(stored.len() as u64)?;
        let mut out = vec![9; plan.unpacked(stored.len() as u64) as usize];
        plan.decode(stored, &mut out)?;
        Ok(out)
    }

    #[test]
    fn records_with_arrays_numbers_and_bytes() {
        // {i16 of 5 bits behind 3 at 0; [2] big-endian u16 of 12 bits at 2; 2 bytes at 7}, 10 bytes, one element.
        let parameters = [23, 0, 1, 3, 10, 3, 0, 1, 2, 0, 5, 3, 2, 2, 4, 1, 2, 1, 12, 0, 7, 4, 2];
        let stored = pack(&[(0b10011, 5), (0xabc, 12), (0x123, 12), (0x41, 8), (0x42, 8)]);
        let found = decode(&parameters, &stored).unwrap();
        assert_eq!(found, [0b1001_1000, 0, 0x0a, 0xbc, 0x01, 0x23, 0, 0x41, 0x42, 0]);
    }

    #[test]
    fn chunks_that_were_not_packed_stay() {
        assert_eq!(decode(&[8, 1, 2, 1, 4, 0, 32, 0], &[1, 2, 3]).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn wrong_parameters_and_short_data_are_corrupt() {
        let cases: [(&[u32], &str); 8] = [
            (&[6, 0, 1 << 30, 3, 1, 0], "a record has no fields"),
            (&[], "too few parameters"),
            (&[9, 0, 1, 1, 4, 0, 32, 0], "there are 8"),
            (&[8, 0, 1, 1, 4, 2, 32, 0], "byte order 2"),
            (&[8, 0, 1, 1, 4, 0, 30, 3], "30 bits behind 3 in 4 bytes"),
            (&[8, 0, 1, 7, 4, 0, 32, 0], "type 7"),
            (&[10, 0, 1, 2, 7, 1, 2, 0, 16, 0], "no multiple"),
            (&[8, 0, 5, 1, 4, 0, 17, 0], "cut short"),
        ];
        for (parameters, message) in cases {
            let error = decode(parameters, &[0; 10]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(message), "{error}");
        }
        let deep: Vec<u32> = [40, 0, 1].into_iter().chain([2, 8].repeat(20)).collect();
        let mut deep = deep;
        deep[0] = deep.len() as u32;
        assert!(decode(&deep, &[0; 10]).unwrap_err().to_string().contains("nested too deep"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn numbers_come_back(
            values in prop::collection::vec(any::<u64>(), 1..50),
            size in prop::sample::select(vec![1usize, 2, 4, 8]),
            bits in 0u32..64, shift in 0u32..64, big: bool,
        ) {
            let bits = bits % (size as u32 * 8) + 1;
            let shift = shift % (size as u32 * 8 - bits + 1);
            let numbers: Vec<(u64, u32)> = values.iter().map(|&v| (v, bits)).collect();
            let parameters = [8, 0, values.len() as u32, 1, size as u32, u32::from(big), bits, shift];
            let found = decode(&parameters, &pack(&numbers)).unwrap();
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            for (element, value) in found.chunks_exact(size).zip(values) {
                let mut expected = ((value & mask) << shift).to_le_bytes()[..size].to_vec();
                if big {
                    expected.reverse();
                }
                prop_assert_eq!(element, expected);
            }
        }

        /// Whatever the parameters: bytes or an error, and none without end.
        #[test]
        fn any_parameters_are_read_or_refused(
            mut parameters in prop::collection::vec(0u32..12, 3..40), stored in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            parameters[0] = parameters.len() as u32;
            if let Ok(found) = decode(&parameters, &stored) {
                prop_assert!(found.len() <= 12 * 12 || parameters[1] != 0);
            }
        }
    }
}
