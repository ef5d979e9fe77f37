//! From stored bytes to typed values.

use zagg_core::{DType, Values};

use crate::datatype::{ByteOrder, Class, Datatype, Padding};

/// The numbers in `bytes`, whole elements one after the other; `None` when the type is not a plain number.
pub(crate) fn from_bytes(datatype: &Datatype, bytes: &[u8]) -> Option<Values> {
    match (&datatype.class, datatype.size) {
        (Class::Enum { base }, _) => return from_bytes(base, bytes),
        (Class::PackedInteger { .. }, _) => return packed(datatype, bytes),
        (Class::Float { order }, 2) => return Some(Values::Float32(halves(*order, bytes))),
        _ => {}
    }
    let little = datatype.order()? == ByteOrder::Little;
    macro_rules! numbers {
        ($variant:ident, $t:ty) => {{
            let (elements, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
            Values::$variant(if little {
                elements.iter().map(|e| <$t>::from_le_bytes(*e)).collect()
            } else {
                elements.iter().map(|e| <$t>::from_be_bytes(*e)).collect()
            })
        }};
    }
    Some(match datatype.dtype()? {
        DType::Bool => return None,
        DType::Int8 => numbers!(Int8, i8),
        DType::Int16 => numbers!(Int16, i16),
        DType::Int32 => numbers!(Int32, i32),
        DType::Int64 => numbers!(Int64, i64),
        DType::UInt8 => Values::UInt8(bytes.to_vec()),
        DType::UInt16 => numbers!(UInt16, u16),
        DType::UInt32 => numbers!(UInt32, u32),
        DType::UInt64 => numbers!(UInt64, u64),
        DType::Float32 => numbers!(Float32, f32),
        DType::Float64 => numbers!(Float64, f64),
    })
}

/// Whole numbers that use only some of their bits.
fn packed(datatype: &Datatype, bytes: &[u8]) -> Option<Values> {
    let Class::PackedInteger { signed, order, bits, shift } = datatype.class else { return None };
    let size = datatype.size as usize;
    if size == 0 || size > 8 {
        return None;
    }
    let unused = 64u32.checked_sub(u32::from(bits))?;
    let number = |element: &[u8]| {
        let mut wide = [0u8; 8];
        wide[..size].copy_from_slice(element);
        if order == ByteOrder::Big {
            wide[..size].reverse();
        }
        // To the top and back again: without the bits around it, and with its sign.
        let top = u64::from_le_bytes(wide).wrapping_shr(shift.into()).wrapping_shl(unused);
        if signed { (top as i64).wrapping_shr(unused) } else { top.wrapping_shr(unused) as i64 }
    };
    let numbers = bytes.chunks_exact(size).map(number);
    Some(match datatype.dtype()? {
        DType::Int8 => Values::Int8(numbers.map(|x| x as i8).collect()),
        DType::Int16 => Values::Int16(numbers.map(|x| x as i16).collect()),
        DType::Int32 => Values::Int32(numbers.map(|x| x as i32).collect()),
        DType::Int64 => Values::Int64(numbers.collect()),
        DType::UInt8 => Values::UInt8(numbers.map(|x| x as u8).collect()),
        DType::UInt16 => Values::UInt16(numbers.map(|x| x as u16).collect()),
        DType::UInt32 => Values::UInt32(numbers.map(|x| x as u32).collect()),
        DType::UInt64 => Values::UInt64(numbers.map(|x| x as u64).collect()),
        _ => return None,
    })
}

/// IEEE 754 half precision, all of which single precision can hold.
fn halves(order: ByteOrder, bytes: &[u8]) -> Vec<f32> {
    let (elements, _) = bytes.as_chunks::<2>();
    let bits = elements.iter().map(|e| match order {
        ByteOrder::Little => u16::from_le_bytes(*e),
        ByteOrder::Big => u16::from_be_bytes(*e),
    });
    bits.map(half).collect()
}

fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, mantissa) = (u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    match exponent {
        // Below the normal numbers: multiples of 2^-24.
        0 => f32::from_bits((mantissa as f32 * (-24f32).exp2()).to_bits() | sign),
        31 => f32::from_bits(sign | 0x7f80_0000 | (mantissa << 13)),
        _ => f32::from_bits(sign | ((exponent + 127 - 15) << 23) | (mantissa << 13)),
    }
}

/// A string without its padding; what is not UTF-8 becomes U+FFFD.
pub(crate) fn text(bytes: &[u8], padding: Padding) -> String {
    let kept = match padding {
        Padding::NulTerminated => bytes.split(|&b| b == 0).next().unwrap_or_default(),
        Padding::Nul => trimmed(bytes, 0),
        // Writers in C leave a NUL byte behind the text, whatever the padding.
        Padding::Space => trimmed(trimmed(bytes, 0), b' '),
    };
    String::from_utf8_lossy(kept).into_owned()
}

fn trimmed(bytes: &[u8], padding: u8) -> &[u8] {
    let end = bytes.iter().rposition(|&b| b != padding).map_or(0, |last| last + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(size: u32, order: ByteOrder) -> Datatype {
        Datatype { size, class: Class::Integer { signed: true, order } }
    }

    #[test]
    fn both_byte_orders() {
        let little = integer(2, ByteOrder::Little);
        let big = integer(2, ByteOrder::Big);
        assert_eq!(from_bytes(&little, &[1, 0, 0xfe, 0xff]), Some(Values::Int16(vec![1, -2])));
        assert_eq!(from_bytes(&big, &[0, 1, 0xff, 0xfe]), Some(Values::Int16(vec![1, -2])));
        let time = Datatype { size: 2, class: Class::Time };
        assert_eq!(from_bytes(&time, &[0, 1]), None);
        let choice = Datatype { size: 2, class: Class::Enum { base: Box::new(big) } };
        assert_eq!(from_bytes(&choice, &[0xff, 0xfe]), Some(Values::Int16(vec![-2])));
    }

    #[test]
    fn bits_around_a_packed_integer_mean_nothing() {
        let packed = |signed, order| Datatype {
            size: 2,
            class: Class::PackedInteger { signed, order, bits: 6, shift: 3 },
        };
        let stored = [0b0000_0111, 0b1111_1110]; // Little-endian: 1111_111 000000 111.
        let little = ByteOrder::Little;
        assert_eq!(from_bytes(&packed(true, little), &stored), Some(Values::Int16(vec![0])));
        let stored = [0b1111_0111, 0b0000_0001];
        assert_eq!(from_bytes(&packed(true, little), &stored), Some(Values::Int16(vec![-2])));
        assert_eq!(from_bytes(&packed(false, little), &stored), Some(Values::UInt16(vec![62])));
        let reversed = [stored[1], stored[0]];
        assert_eq!(from_bytes(&packed(true, ByteOrder::Big), &reversed), Some(Values::Int16(vec![-2])));
    }

    #[test]
    fn halves_are_exact() {
        let cases = [
            (0x0000u16, 0.0f32),
            (0x8000, -0.0),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits).to_bits(), value.to_bits(), "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        let big = Datatype { size: 2, class: Class::Float { order: ByteOrder::Big } };
        assert_eq!(from_bytes(&big, &[0xc0, 0]), Some(Values::Float32(vec![-2.0])));
    }

    #[test]
    fn padding_is_removed() {
        assert_eq!(text(b"ab\0x", Padding::NulTerminated), "ab");
        assert_eq!(text(b"a\0b\0\0", Padding::Nul), "a\0b");
        assert_eq!(text(b"ab  ", Padding::Space), "ab");
        assert_eq!(text(b"ab \0", Padding::Space), "ab");
        assert_eq!(text(b"ab ", Padding::NulTerminated), "ab ");
        assert_eq!(text(b"   ", Padding::Space), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Packing a number and reading it gives it back, whatever is in the other bits.
        #[test]
        fn packed_numbers_come_back(value: i64, other: u64, bits in 1u16..=64, shift in 0u16..64) {
            let shift = shift % (65 - bits);
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let stored = (other & !(mask << shift)) | ((value as u64 & mask) << shift);
            for (order, bytes) in [
                (ByteOrder::Little, stored.to_le_bytes()),
                (ByteOrder::Big, stored.to_be_bytes()),
            ] {
                let unused = 64 - u32::from(bits);
                let class = Class::PackedInteger { signed: true, order, bits, shift };
                let found = from_bytes(&Datatype { size: 8, class }, &bytes);
                prop_assert_eq!(found, Some(Values::Int64(vec![value << unused >> unused])));
                let class = Class::PackedInteger { signed: false, order, bits, shift };
                let found = from_bytes(&Datatype { size: 8, class }, &bytes);
                prop_assert_eq!(found, Some(Values::UInt64(vec![value as u64 & mask])));
            }
        }
    }
}
