//! Element types as the library tells them, in the byte-range reader's terms.

use hdf5_metno::datatype::{ByteOrder as NativeOrder, Datatype as NativeType};
use hdf5_metno::types::{IntSize, TypeDescriptor};
use zagg_hdf5::{ByteOrder, Class, Datatype, Field, Padding};

/// A type as this reader hands out its values. The library does not tell how strings are padded; they come without.
pub(crate) fn datatype(native: &NativeType) -> Datatype {
    let order = match native.byte_order() {
        NativeOrder::BigEndian => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    match native.to_descriptor() {
        Ok(descriptor) => described(&descriptor, order),
        Err(_) => {
            let size = u32::try_from(native.size()).unwrap_or(u32::MAX);
            let form = format!("{size} bytes of a type that the native reader does not read");
            Datatype { size, class: Class::OddNumber { form } }
        }
    }
}

fn described(descriptor: &TypeDescriptor, order: ByteOrder) -> Datatype {
    let size = u32::try_from(descriptor.size()).unwrap_or(u32::MAX);
    let integer = |signed| Class::Integer { signed, order };
    let class = match descriptor {
        TypeDescriptor::Integer(_) => integer(true),
        TypeDescriptor::Unsigned(_) => integer(false),
        TypeDescriptor::Float(_) => Class::Float { order },
        TypeDescriptor::Boolean => Class::Enum { base: Box::new(Datatype { size, class: integer(true) }) },
        TypeDescriptor::Enum(choice) => {
            let base = Datatype { size: int_size(choice.size), class: integer(choice.signed) };
            Class::Enum { base: Box::new(base) }
        }
        TypeDescriptor::Compound(compound) => {
            let fields = compound.fields.iter().map(|field| Field {
                name: field.name.clone(),
                offset: u32::try_from(field.offset).unwrap_or(u32::MAX),
                datatype: described(&field.ty, order),
            });
            Class::Compound { fields: fields.collect() }
        }
        TypeDescriptor::FixedArray(base, len) => {
            let shape = vec![u32::try_from(*len).unwrap_or(u32::MAX)];
            Class::Array { base: Box::new(described(base, order)), shape }
        }
        TypeDescriptor::FixedAscii(_) | TypeDescriptor::FixedUnicode(_) => {
            Class::String { padding: Padding::Nul }
        }
        TypeDescriptor::VarLenArray(base) => Class::Sequence { base: Box::new(described(base, order)) },
        TypeDescriptor::VarLenAscii | TypeDescriptor::VarLenUnicode => Class::VarString,
        TypeDescriptor::Reference(_) => Class::Reference,
    };
    Datatype { size, class }
}

fn int_size(size: IntSize) -> u32 {
    match size {
        IntSize::U1 => 1,
        IntSize::U2 => 2,
        IntSize::U4 => 4,
        IntSize::U8 => 8,
    }
}

/// What numbers are read as: width and whether they are signed or floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// Two's complement of this many bytes.
    Signed(u32),
    /// Of this many bytes.
    Unsigned(u32),
    /// IEEE 754 half and single precision.
    Single,
    /// IEEE 754 double precision.
    Double,
}

/// What the numbers of a type are read as; `None` when they are none.
pub(crate) fn number(datatype: &Datatype) -> Option<Number> {
    match &datatype.class {
        Class::Enum { base } => number(base),
        Class::Integer { signed: true, .. } => Some(Number::Signed(datatype.size)),
        Class::Integer { .. } => Some(Number::Unsigned(datatype.size)),
        Class::Float { .. } if datatype.size == 8 => Some(Number::Double),
        Class::Float { .. } => Some(Number::Single),
        _ => None,
    }
}

/// The half precision number that was widened to `value`.
pub(crate) fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let (sign, exponent, mantissa) = ((bits >> 16) as u16 & 0x8000, (bits >> 23) & 255, bits & 0x7f_ffff);
    let rest = match exponent {
        255 => 0x7c00 | (mantissa >> 13),
        113.. => ((exponent - 112) << 10) | (mantissa >> 13),
        // Below the normal numbers: multiples of 2^-24.
        _ => (value.abs() * 24f32.exp2()) as u32,
    };
    sign | rest.min(0x7fff) as u16
}
