//! Reading datatype messages (HDF5 file format specification, IV.A.2.d).

use zagg_core::Result;

use super::{ByteOrder, Class, Datatype, Field, Padding};
use crate::cursor::{Cursor, width_of};

/// Nesting of compound, array, enumeration and variable-length types that is followed.
const MAX_DEPTH: u32 = 16;

impl Datatype {
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
        if !(1..=5).contains(&version) {
            return Err(cursor.unsupported(format_args!("has a datatype of version {version}")));
        }
        let bits = cursor.uint(3)? as u32;
        let size = cursor.u32()?;
        if size == 0 && class != 3 {
            return Err(cursor.corrupt("a datatype has elements of 0 bytes"));
        }
        let order = if bits & 1 == 0 { ByteOrder::Little } else { ByteOrder::Big };
        let class = match class {
            0 => integer(cursor, size, bits & 8 != 0, order)?,
            1 => float(cursor, size, bits, order)?,
            2 => {
                cursor.skip(2)?;
                Class::Time
            }
            3 => Class::String { padding: padding(cursor, bits)? },
            4 => bitfield(cursor, size, order)?,
            5 => {
                cursor.skip((bits & 255) as usize)?;
                Class::Opaque
            }
            6 => Class::Compound { fields: fields(cursor, version, bits as u16, size, depth)? },
            7 => Class::Reference,
            8 => enumeration(cursor, version, bits as u16, depth)?,
            9 => {
                let base = Self::parse_at(cursor, depth + 1)?;
                if bits & 15 == 1 { Class::VarString } else { Class::Sequence { base: Box::new(base) } }
            }
            10 => array(cursor, version, size, depth)?,
            11 => return Err(cursor.unsupported("complex numbers are not read")),
            other => return Err(cursor.unsupported(format_args!("has a datatype of class {other}"))),
        };
        Ok(Self { size, class })
    }
}

fn integer(cursor: &mut Cursor<'_>, size: u32, signed: bool, order: ByteOrder) -> Result<Class> {
    let (shift, bits) = (cursor.u16()?, cursor.u16()?);
    if bits == 0 || u64::from(shift) + u64::from(bits) > u64::from(size) * 8 {
        return Err(cursor.corrupt(format_args!("an integer has {bits} bits behind {shift} in {size} bytes")));
    }
    Ok(match size {
        1 | 2 | 4 | 8 if u32::from(bits) == size * 8 => Class::Integer { signed, order },
        1 | 2 | 4 | 8 => Class::PackedInteger { signed, order, bits, shift },
        _ => Class::OddNumber { form: format!("integer of {size} bytes") },
    })
}

fn bitfield(cursor: &mut Cursor<'_>, size: u32, order: ByteOrder) -> Result<Class> {
    let (shift, bits) = (cursor.u16()?, cursor.u16()?);
    if bits == 0 || u64::from(shift) + u64::from(bits) > u64::from(size) * 8 {
        return Err(
            cursor.corrupt(format_args!("a bit field has {bits} bits behind {shift} in {size} bytes"))
        );
    }
    Ok(match size {
        1 | 2 | 4 | 8 if shift == 0 && u32::from(bits) == size * 8 => Class::Bitfield { order },
        1 | 2 | 4 | 8 => Class::PackedInteger { signed: false, order, bits, shift },
        _ => Class::OddNumber { form: format!("field of {bits} bits in {size} bytes") },
    })
}

fn float(cursor: &mut Cursor<'_>, size: u32, bits: u32, order: ByteOrder) -> Result<Class> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    let fields = [cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?];
    let bias = cursor.u32()?;
    let (sign, vax) = ((bits >> 8) & 255, bits & 0x40 != 0);
    // Position and length of exponent and mantissa, bias, position of the sign.
    let layout = (size, precision, fields, bias, sign);
    let normal = (bits >> 4) & 3 == 2;
    let ieee = matches!(
        layout,
        (2, 16, [10, 5, 0, 10], 15, 15)
            | (4, 32, [23, 8, 0, 23], 127, 31)
            | (8, 64, [52, 11, 0, 52], 1023, 63)
    );
    Ok(if vax {
        Class::OddNumber { form: format!("VAX floating point of {size} bytes") }
    } else if ieee && normal && offset == 0 {
        Class::Float { order }
    } else if layout == (2, 16, [7, 8, 0, 7], 127, 15) {
        Class::OddNumber { form: "bfloat16".to_owned() }
    } else {
        let [_, exponent, _, mantissa] = fields;
        let form = format!(
            "floating point of {size} bytes with {exponent} bits of exponent and {mantissa} of mantissa"
        );
        Class::OddNumber { form }
    })
}

fn padding(cursor: &Cursor<'_>, bits: u32) -> Result<Padding> {
    match bits & 15 {
        0 => Ok(Padding::NulTerminated),
        1 => Ok(Padding::Nul),
        2 => Ok(Padding::Space),
        other => Err(cursor.unsupported(format_args!("strings are padded in way {other}"))),
    }
}

/// A name that ends with a NUL byte, in versions before 3 filled up to a multiple of eight bytes.
fn name(cursor: &mut Cursor<'_>, version: u8) -> Result<String> {
    let mut name = Vec::new();
    loop {
        match cursor.u8()? {
            0 => break,
            byte => name.push(byte),
        }
    }
    let len = name.len() + 1;
    if version < 3 {
        cursor.skip(len.next_multiple_of(8) - len)?;
    }
    Ok(String::from_utf8_lossy(&name).into_owned())
}

fn fields(cursor: &mut Cursor<'_>, version: u8, count: u16, size: u32, depth: u32) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for _ in 0..count {
        let name = name(cursor, version)?;
        let width = if version < 3 { 4 } else { width_of(u64::from(size)) };
        let offset = cursor.uint(width)?;
        // The first version had arrays in fields only.
        let mut shape = Vec::new();
        if version == 1 {
            let rank = usize::from(cursor.u8()?);
            cursor.skip(3 + 4 + 4)?;
            let dims = [cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?];
            shape = dims.get(..rank).unwrap_or(&dims).to_vec();
        }
        let mut datatype = Datatype::parse_at(cursor, depth + 1)?;
        if !shape.is_empty() {
            datatype = array_of(cursor, datatype, shape)?;
        }
        if offset + u64::from(datatype.size) > u64::from(size) {
            return Err(cursor.corrupt(format_args!("field {name} lies outside its record")));
        }
        fields.push(Field { name, offset: offset as u32, datatype });
    }
    Ok(fields)
}

fn enumeration(cursor: &mut Cursor<'_>, version: u8, count: u16, depth: u32) -> Result<Class> {
    let base = Datatype::parse_at(cursor, depth + 1)?;
    for _ in 0..count {
        name(cursor, version)?;
    }
    // Names and values matter only to what stands behind them.
    cursor.skip(usize::from(count).saturating_mul(base.size as usize))?;
    Ok(Class::Enum { base: Box::new(base) })
}

fn array(cursor: &mut Cursor<'_>, version: u8, size: u32, depth: u32) -> Result<Class> {
    let rank = cursor.u8()?;
    if version < 3 {
        cursor.skip(3)?;
    }
    let shape = (0..rank).map(|_| cursor.u32()).collect::<Result<Vec<_>>>()?;
    if version < 3 {
        cursor.skip(4 * usize::from(rank))?;
    }
    let base = Datatype::parse_at(cursor, depth + 1)?;
    let array = array_of(cursor, base, shape)?;
    if array.size != size {
        return Err(cursor.corrupt(format_args!("an array of {} bytes claims {size}", array.size)));
    }
    Ok(array.class)
}

fn array_of(cursor: &Cursor<'_>, base: Datatype, shape: Vec<u32>) -> Result<Datatype> {
    match shape.iter().try_fold(base.size, |n, &len| n.checked_mul(len)) {
        // With that the lengths multiply to a number of 32 bits, too.
        Some(size) if size > 0 => Ok(Datatype { size, class: Class::Array { base: Box::new(base), shape } }),
        _ => Err(cursor.corrupt(format_args!("an array has the shape {shape:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Sizes;
    use proptest::prelude::*;
    use zagg_core::{DType, ErrorKind};

    fn parse(bytes: &[u8]) -> Result<Datatype> {
        Datatype::parse(&mut Cursor::new(bytes, 0, "datatype", Sizes { offset: 8, length: 8 }))
    }

    const F32: [u8; 20] = [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
    const I16: [u8; 12] = [0x10, 9, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0];

    #[test]
    fn plain_numbers_map_to_core_types() {
        assert_eq!(parse(&F32).unwrap().dtype(), Some(DType::Float32));
        let big = parse(&I16).unwrap();
        assert_eq!((big.dtype(), big.order()), (Some(DType::Int16), Some(ByteOrder::Big)));
        assert_eq!(big.to_string(), "int16 (big-endian)");
        let packed = parse(&[0x10, 8, 0, 0, 4, 0, 0, 0, 3, 0, 24, 0]).unwrap();
        assert_eq!((packed.dtype(), packed.to_string()), (Some(DType::Int32), "int32 (24 bits)".into()));
        // Bit fields, whole and of 5 bits behind 3.
        let field = parse(&[0x14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]).unwrap();
        assert_eq!((field.dtype(), field.to_string()), (Some(DType::UInt8), "uint8".into()));
        let field = parse(&[0x14, 1, 0, 0, 2, 0, 0, 0, 3, 0, 5, 0]).unwrap();
        assert_eq!(
            (field.dtype(), field.to_string()),
            (Some(DType::UInt16), "uint16 (5 bits, big-endian)".into())
        );
        let half = [0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0];
        assert_eq!(parse(&half).unwrap().dtype(), Some(DType::Float32));
        assert_eq!(parse(&half).unwrap().to_string(), "float16");
    }

    #[test]
    fn forms_that_are_not_read_are_named_and_impossible_ones_corrupt() {
        let mut odd_bias = F32;
        odd_bias[16] = 126;
        let named = |bytes: &[u8]| {
            let datatype = parse(bytes).unwrap();
            assert_eq!(datatype.dtype(), None);
            datatype.to_string()
        };
        assert!(named(&odd_bias).starts_with("floating point of 4 bytes"));
        let mut vax = F32;
        vax[1] |= 0x41;
        assert_eq!(named(&vax), "VAX floating point of 4 bytes");
        let brain = [0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 7, 8, 0, 7, 127, 0, 0, 0];
        assert_eq!(named(&brain), "bfloat16");
        assert_eq!(named(&[0x10, 0, 0, 0, 3, 0, 0, 0, 0, 0, 24, 0]), "integer of 3 bytes");
        let wide = parse(&[0x10, 8, 0, 0, 4, 0, 0, 0, 10, 0, 24, 0]).unwrap_err();
        assert_eq!(wide.kind(), ErrorKind::Corrupt);
        let complex = parse(&[0x5b, 0, 0, 0, 8, 0, 0, 0]).unwrap_err();
        assert_eq!(complex.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let sequence = [0x19u8, 0, 0, 0, 16, 0, 0, 0].repeat(40);
        assert!(parse(&sequence).unwrap_err().to_string().contains("levels deep"));
        assert!(parse(&[0x19, 0, 0, 0, 16, 0, 0, 0]).is_err());
    }

    /// A record of version 3: an i16 and an array of two f32.
    fn record() -> Vec<u8> {
        let mut bytes = vec![0x36, 2, 0, 0, 12, 0, 0, 0];
        bytes.extend(b"n\0\x02");
        bytes.extend(I16);
        bytes.extend(b"xy\0\x04");
        bytes.extend([0x3a, 0, 0, 0, 8, 0, 0, 0, 1, 2, 0, 0, 0]);
        bytes.extend(F32);
        bytes
    }

    #[test]
    fn fields_are_found_by_name() {
        let datatype = parse(&record()).unwrap();
        assert_eq!(datatype.to_string(), "compound of 2 fields, 12 bytes");
        let view =
            |members: &[&str]| datatype.view(&members.iter().map(ToString::to_string).collect::<Vec<_>>());
        let array = view(&["xy"]).unwrap();
        assert_eq!((array.offset, array.datatype.dtype(), array.shape), (4, Some(DType::Float32), vec![2]));
        assert_eq!(view(&["n"]).unwrap().offset, 2);
        let error = view(&["z"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "there is no field z; its fields: n, xy");
        assert_eq!(view(&["n", "z"]).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(view(&[]).unwrap().datatype, datatype);
    }

    #[test]
    fn fields_outside_their_record_are_corrupt() {
        let mut bytes = record();
        bytes[4] = 11;
        assert!(parse(&bytes).unwrap_err().to_string().contains("outside its record"));
        let mut bytes = record();
        bytes[4] = 0;
        assert_eq!(parse(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the bytes: an answer or an error, and fields that lie in their records.
        #[test]
        fn damaged_records_are_read_or_refused(at in 0usize..60, byte: u8, cut in 0usize..80) {
            let mut bytes = record();
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(len.min(cut.max(8)));
            if let Ok(datatype) = parse(&bytes) && let Class::Compound { fields } = &datatype.class {
                for field in fields {
                    let view = datatype.view(std::slice::from_ref(&field.name));
                    if let Ok(view) = view {
                        prop_assert!(u64::from(view.offset) + view.bytes() <= u64::from(datatype.size));
                    }
                }
            }
        }
    }
}
