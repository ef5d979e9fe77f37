//! From stored bytes to typed values.

use zagg_core::{DType, Values};

use crate::datatype::{ByteOrder, Datatype};

/// The numbers in `bytes`, whole elements one after the other; `None` when the type is not a plain number.
pub(crate) fn from_bytes(datatype: &Datatype, bytes: &[u8]) -> Option<Values> {
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

/// A string without its padding.
pub(crate) fn text(bytes: &[u8], space_padded: bool) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    if space_padded { text.trim_end_matches(' ').to_owned() } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datatype::Class;

    #[test]
    fn both_byte_orders() {
        let little = Datatype { size: 2, class: Class::Integer { signed: true, order: ByteOrder::Little } };
        let big = Datatype { size: 2, class: Class::Integer { signed: true, order: ByteOrder::Big } };
        assert_eq!(from_bytes(&little, &[1, 0, 0xfe, 0xff]), Some(Values::Int16(vec![1, -2])));
        assert_eq!(from_bytes(&big, &[0, 1, 0xff, 0xfe]), Some(Values::Int16(vec![1, -2])));
        let time = Datatype { size: 2, class: Class::Time };
        assert_eq!(from_bytes(&time, &[0, 1]), None);
    }

    #[test]
    fn padding_is_removed() {
        assert_eq!(text(b"ab\0\0", false), "ab");
        assert_eq!(text(b"ab  ", true), "ab");
        assert_eq!(text(b"ab ", false), "ab ");
    }
}
