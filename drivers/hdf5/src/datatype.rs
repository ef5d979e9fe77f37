//! Element types as HDF5 writes them, and which of them are plain numbers.

mod parse;

use std::fmt;

use zagg_core::{DType, Error, Result};

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum ByteOrder {
    Little,
    Big,
}

/// What fills a string of fixed length behind its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// The text ends before the first NUL byte; what is behind means nothing.
    NulTerminated,
    /// NUL bytes.
    Nul,
    /// Spaces.
    Space,
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
    /// A whole number in some of the bits of 1, 2, 4 or 8 bytes.
    PackedInteger {
        /// Whether it is two's complement.
        signed: bool,
        /// Order of its bytes.
        order: ByteOrder,
        /// Number of its bits, at least one.
        bits: u16,
        /// Bits below it.
        shift: u16,
    },
    /// An IEEE 754 number of 2, 4 or 8 bytes.
    Float {
        /// Order of its bytes.
        order: ByteOrder,
    },
    /// A number in a form that zagg does not read.
    OddNumber {
        /// The form, for people.
        form: String,
    },
    /// A string of fixed length.
    String {
        /// What fills it behind its text.
        padding: Padding,
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
        /// Its fields, in the order of the file.
        fields: Vec<Field>,
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

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes of the record before it.
    pub offset: u32,
    /// Its type.
    pub datatype: Datatype,
}

/// What is read of every element of a dataset: all of it, or a field of a record, with arrays opened up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Bytes of the element before it.
    pub(crate) offset: u32,
    /// Type of its values, never an array.
    pub(crate) datatype: Datatype,
    /// Lengths of the dimensions that arrays add; none for one value.
    pub(crate) shape: Vec<u64>,
}

impl View {
    /// Values per element.
    pub(crate) fn count(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Bytes per element.
    pub(crate) fn bytes(&self) -> u64 {
        self.count() * u64::from(self.datatype.size)
    }
}

impl Datatype {
    /// The core's element type, if this is a plain number, bit field or enumeration. Half precision is read as `float32`.
    pub fn dtype(&self) -> Option<DType> {
        match (&self.class, self.size) {
            (Class::Integer { signed: true, .. } | Class::PackedInteger { signed: true, .. }, size) => {
                match size {
                    1 => Some(DType::Int8),
                    2 => Some(DType::Int16),
                    4 => Some(DType::Int32),
                    8 => Some(DType::Int64),
                    _ => None,
                }
            }
            (Class::Integer { .. } | Class::PackedInteger { .. } | Class::Bitfield { .. }, size) => {
                match size {
                    1 => Some(DType::UInt8),
                    2 => Some(DType::UInt16),
                    4 => Some(DType::UInt32),
                    8 => Some(DType::UInt64),
                    _ => None,
                }
            }
            (Class::Float { .. }, 2 | 4) => Some(DType::Float32),
            (Class::Float { .. }, 8) => Some(DType::Float64),
            (Class::Enum { base }, size) if base.size == size => base.dtype(),
            _ => None,
        }
    }

    /// Order of the bytes of a plain number.
    pub fn order(&self) -> Option<ByteOrder> {
        match &self.class {
            Class::Integer { order, .. }
            | Class::PackedInteger { order, .. }
            | Class::Float { order }
            | Class::Bitfield { order } => Some(*order),
            Class::Enum { base } => base.order(),
            _ => None,
        }
    }

    /// What is read of an element: the field that `members` lead to, one name per nested record, or all of it.
    ///
    /// # Errors
    /// [`NotFound`](zagg_core::ErrorKind::NotFound) names a field that does not exist;
    /// [`Unsupported`](zagg_core::ErrorKind::Unsupported) says where an array of records stands in the way.
    pub(crate) fn view(&self, members: &[String]) -> Result<View> {
        let (mut offset, mut datatype) = (0u32, self);
        for member in members {
            let Class::Compound { fields } = &datatype.class else {
                return Err(match &datatype.class {
                    Class::Array { base, .. } if matches!(base.class, Class::Compound { .. }) => {
                        Error::unsupported(format!("#{member} is a field of records in an array"))
                    }
                    _ => Error::not_found(format!("there is no #{member}: {datatype} has no fields")),
                });
            };
            let Some(field) = fields.iter().find(|field| field.name == *member) else {
                let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).take(20).collect();
                let known = known.join(", ");
                return Err(Error::not_found(format!("there is no field {member}; its fields: {known}")));
            };
            // Fields lie within their record, so the sum stays below the size of the outermost.
            offset += field.offset;
            datatype = &field.datatype;
        }
        let mut dims = Vec::new();
        while let Class::Array { base, shape } = &datatype.class {
            dims.extend(shape.iter().map(|&len| u64::from(len)));
            datatype = base;
        }
        Ok(View { offset, datatype: datatype.clone(), shape: dims })
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size;
        if let (Some(dtype), order) = (self.dtype(), self.order()) {
            let order = if order == Some(ByteOrder::Big) && size > 1 { "big-endian" } else { "" };
            return match &self.class {
                Class::PackedInteger { bits, .. } if order.is_empty() => write!(f, "{dtype} ({bits} bits)"),
                Class::PackedInteger { bits, .. } => write!(f, "{dtype} ({bits} bits, {order})"),
                Class::Float { .. } if size == 2 => write!(f, "float16"),
                _ if order.is_empty() => write!(f, "{dtype}"),
                _ => write!(f, "{dtype} ({order})"),
            };
        }
        match &self.class {
            Class::String { .. } => write!(f, "string of {size} bytes"),
            Class::VarString => f.write_str("string of variable length"),
            Class::Opaque => write!(f, "opaque, {size} bytes"),
            Class::Compound { fields } => write!(f, "compound of {} fields, {size} bytes", fields.len()),
            Class::Reference => f.write_str("reference"),
            Class::Sequence { base } => write!(f, "variable-length sequence of {base}"),
            Class::Array { base, shape } => write!(f, "array {shape:?} of {base}"),
            Class::Time => f.write_str("time"),
            Class::OddNumber { form } => f.write_str(form),
            _ => write!(f, "number of {size} bytes in an unusual form"),
        }
    }
}
