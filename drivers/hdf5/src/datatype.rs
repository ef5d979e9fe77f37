//! Element types as HDF5 writes them, and which of them are plain numbers.

use std::fmt;

use zagg_core::{DType, Result};

use crate::cursor::Cursor;

/// Nesting of array, enumeration and variable-length types that is followed.
const MAX_DEPTH: u32 = 16;

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum ByteOrder {
    Little,
    Big,
}

/// The type of the elements of a dataset or attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datatype {
    /// Bytes of one element.
    pub size: u32,
    /// What the bytes mean.
    pub class: Class,
}

/// What the bytes of an element mean.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// A whole number that fills its bytes.
    Integer {
        /// Whether it is two's complement.
        signed: bool,
        /// Order of its bytes.
        order: ByteOrder,
    },
    /// An IEEE 754 number of 4 or 8 bytes.
    Float {
        /// Order of its bytes.
        order: ByteOrder,
    },
    /// A number in a form that zagg does not read: padded, VAX, half or extended precision.
    OddNumber,
    /// A string of fixed length.
    String {
        /// Whether trailing spaces are padding; otherwise NUL bytes are.
        space_padded: bool,
    },
    /// Bits, read as an unsigned number.
    Bitfield {
        /// Order of its bytes.
        order: ByteOrder,
    },
    /// Bytes without meaning.
    Opaque,
    /// A record.
    Compound {
        /// Number of its fields.
        fields: u16,
    },
    /// A reference to an object or region.
    Reference,
    /// A number with names for some values, read as that number.
    Enum {
        /// Its number type.
        base: Box<Datatype>,
    },
    /// A sequence of variable length.
    Sequence {
        /// Type of its elements.
        base: Box<Datatype>,
    },
    /// A string of variable length.
    VarString,
    /// An array of fixed shape in every element.
    Array {
        /// Its type.
        base: Box<Datatype>,
        /// Its shape.
        shape: Vec<u32>,
    },
    /// A time, as early versions of HDF5 had it.
    Time,
}

impl Datatype {
    /// The core's element type, if this is a plain number, bit field or enumeration.
    pub fn dtype(&self) -> Option<DType> {
        match (&self.class, self.size) {
            (Class::Integer { signed: true, .. }, 1) => Some(DType::Int8),
            (Class::Integer { signed: true, .. }, 2) => Some(DType::Int16),
            (Class::Integer { signed: true, .. }, 4) => Some(DType::Int32),
            (Class::Integer { signed: true, .. }, 8) => Some(DType::Int64),
            (Class::Integer { .. } | Class::Bitfield { .. }, 1) => Some(DType::UInt8),
            (Class::Integer { .. } | Class::Bitfield { .. }, 2) => Some(DType::UInt16),
            (Class::Integer { .. } | Class::Bitfield { .. }, 4) => Some(DType::UInt32),
            (Class::Integer { .. } | Class::Bitfield { .. }, 8) => Some(DType::UInt64),
            (Class::Float { .. }, 4) => Some(DType::Float32),
            (Class::Float { .. }, 8) => Some(DType::Float64),
            (Class::Enum { base }, size) if base.size == size => base.dtype(),
            _ => None,
        }
    }

    /// Order of the bytes of a plain number.
    pub fn order(&self) -> Option<ByteOrder> {
        match &self.class {
            Class::Integer { order, .. } | Class::Float { order } | Class::Bitfield { order } => Some(*order),
            Class::Enum { base } => base.order(),
            _ => None,
        }
    }

    /// Reads a datatype; bytes behind it are left alone.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        Self::parse_at(cursor, 0)
    }

    fn parse_at(cursor: &mut Cursor<'_>, depth: u32) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(cursor.corrupt(format_args!("datatypes are nested over {MAX_DEPTH} levels deep")));
        }
        let first = cursor.u8()?;
        let (class, version) = (first & 15, first >> 4);
        let bits = cursor.uint(3)? as u32;
        let size = cursor.u32()?;
        if size == 0 && class != 3 {
            return Err(cursor.corrupt("a datatype has elements of 0 bytes"));
        }
        let order = if bits & 1 == 0 { ByteOrder::Little } else { ByteOrder::Big };
        let class = match class {
            0 => match whole_width(cursor, size)? {
                true => Class::Integer { signed: bits & 8 != 0, order },
                false => Class::OddNumber,
            },
            1 => match ieee(cursor, size, bits)? {
                true => Class::Float { order },
                false => Class::OddNumber,
            },
            2 => Class::Time,
            3 => Class::String { space_padded: bits & 15 == 2 },
            4 => match whole_width(cursor, size)? {
                true => Class::Bitfield { order },
                false => Class::OddNumber,
            },
            5 => Class::Opaque,
            6 => Class::Compound { fields: bits as u16 },
            7 => Class::Reference,
            8 => Class::Enum { base: Box::new(Self::parse_at(cursor, depth + 1)?) },
            9 if bits & 15 == 1 => Class::VarString,
            9 => Class::Sequence { base: Box::new(Self::parse_at(cursor, depth + 1)?) },
            10 => {
                let rank = cursor.u8()?;
                if version < 3 {
                    cursor.skip(3)?;
                }
                let shape = (0..rank).map(|_| cursor.u32()).collect::<Result<Vec<_>>>()?;
                if version < 3 {
                    cursor.skip(4 * usize::from(rank))?;
                }
                Class::Array { base: Box::new(Self::parse_at(cursor, depth + 1)?), shape }
            }
            other => return Err(cursor.unsupported(format_args!("has a datatype of class {other}"))),
        };
        Ok(Self { size, class })
    }
}

/// Whether an integer fills its bytes.
fn whole_width(cursor: &mut Cursor<'_>, size: u32) -> Result<bool> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    Ok(offset == 0 && u32::from(precision) == size.saturating_mul(8) && matches!(size, 1 | 2 | 4 | 8))
}

/// Whether a float is IEEE single or double.
fn ieee(cursor: &mut Cursor<'_>, size: u32, bits: u32) -> Result<bool> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    let fields = [cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?];
    let bias = cursor.u32()?;
    let (sign, vax) = ((bits >> 8) & 255, bits & 0x40 != 0);
    let matches = match size {
        4 => precision == 32 && fields == [23, 8, 0, 23] && bias == 127 && sign == 31,
        8 => precision == 64 && fields == [52, 11, 0, 52] && bias == 1023 && sign == 63,
        _ => false,
    };
    Ok(matches && offset == 0 && !vax)
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size;
        if let (Some(dtype), order) = (self.dtype(), self.order()) {
            let order = if order == Some(ByteOrder::Big) && size > 1 { " (big-endian)" } else { "" };
            return write!(f, "{dtype}{order}");
        }
        match &self.class {
            Class::String { .. } => write!(f, "string of {size} bytes"),
            Class::VarString => f.write_str("string of variable length"),
            Class::Opaque => write!(f, "opaque, {size} bytes"),
            Class::Compound { fields } => write!(f, "compound of {fields} fields, {size} bytes"),
            Class::Reference => f.write_str("reference"),
            Class::Sequence { base } => write!(f, "variable-length sequence of {base}"),
            Class::Array { base, shape } => write!(f, "array {shape:?} of {base}"),
            Class::Time => f.write_str("time"),
            _ => write!(f, "number of {size} bytes in an unusual form"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Sizes;

    fn parse(bytes: &[u8]) -> Result<Datatype> {
        Datatype::parse(&mut Cursor::new(bytes, 0, "datatype", Sizes { offset: 8, length: 8 }))
    }

    const F32: [u8; 20] = [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];

    #[test]
    fn plain_numbers_map_to_core_types() {
        assert_eq!(parse(&F32).unwrap().dtype(), Some(DType::Float32));
        let big = parse(&[0x10, 9, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0]).unwrap();
        assert_eq!((big.dtype(), big.order()), (Some(DType::Int16), Some(ByteOrder::Big)));
        assert_eq!(big.to_string(), "int16 (big-endian)");
        let padded = parse(&[0x10, 8, 0, 0, 4, 0, 0, 0, 0, 0, 24, 0]).unwrap();
        assert_eq!((padded.dtype(), padded.class), (None, Class::OddNumber));
        let mut odd_bias = F32;
        odd_bias[16] = 126;
        assert_eq!(parse(&odd_bias).unwrap().dtype(), None);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let sequence = [0x19u8, 0, 0, 0, 16, 0, 0, 0].repeat(40);
        assert!(parse(&sequence).unwrap_err().to_string().contains("levels deep"));
        assert!(parse(&[0x19, 0, 0, 0, 16, 0, 0, 0]).is_err());
    }
}
