//! Values of datasets and attributes.

use hdf5_metno::types::{FixedAscii, FixedUnicode, TypeDescriptor};
use hdf5_metno::{Container, H5Type, Hyperslab, Selection, SliceOrIndex};
use ndarray::IxDyn;
use zagg_core::{Error, Result, Values};
use zagg_hdf5::RowRequest;

use crate::failure;
use crate::types::{self, Number};

/// Which values of a container are read.
pub(crate) enum Part {
    /// All of them.
    Whole,
    /// Stretches of rows, one after the other.
    Stretches(Vec<Selection>),
}

impl Part {
    /// The part that a request asks for.
    pub(crate) fn of(request: &RowRequest<'_>) -> Result<Self> {
        let dataset = request.dataset;
        if request.rows.end() > dataset.rows() {
            let problem =
                format!("row {} is asked for, there are {}", request.rows.end() - 1, dataset.rows());
            return Err(Error::input(problem));
        }
        if let Some(column) = request.column
            && column >= dataset.row_len()
        {
            let problem = format!("column {column} is asked for, the shape is {:?}", dataset.shape());
            return Err(Error::input(problem));
        }
        if dataset.shape().is_empty() {
            return Ok(if request.rows.is_empty() { Self::Stretches(Vec::new()) } else { Self::Whole });
        }
        let lengths = &dataset.shape()[1..];
        let mut column = request.column.unwrap_or_default();
        let mut rest: Vec<SliceOrIndex> = Vec::new();
        for &len in lengths.iter().rev() {
            rest.push(match request.column {
                Some(_) => SliceOrIndex::from(place(column % len.max(1))?),
                None => SliceOrIndex::from(0..place(len)?),
            });
            column /= len.max(1);
        }
        rest.reverse();
        let stretches = request.rows.ranges().iter().map(|range| {
            let mut dims = vec![SliceOrIndex::from(place(range.start)?..place(range.end)?)];
            dims.extend(rest.iter().copied());
            Ok(Selection::from(Hyperslab::from(dims)))
        });
        Ok(Self::Stretches(stretches.collect::<Result<_>>()?))
    }

    /// Reads values of a type into which the library converts.
    fn read<T: H5Type>(&self, container: &Container) -> hdf5_metno::Result<Vec<T>> {
        match self {
            Self::Whole => container.read_raw(),
            Self::Stretches(stretches) => {
                let mut values = Vec::new();
                for stretch in stretches {
                    values.extend(container.read_slice::<T, _, IxDyn>(stretch.clone())?);
                }
                Ok(values)
            }
        }
    }
}

fn place(at: u64) -> Result<usize> {
    usize::try_from(at).map_err(|_| Error::unsupported(format!("{at} is more than this machine can count")))
}

/// Numbers of a container.
pub(crate) fn numbers(container: &Container, part: &Part, number: Number) -> Result<Values> {
    let read = match number {
        Number::Signed(1) => part.read(container).map(Values::Int8),
        Number::Signed(2) => part.read(container).map(Values::Int16),
        Number::Signed(4) => part.read(container).map(Values::Int32),
        Number::Signed(_) => part.read(container).map(Values::Int64),
        Number::Unsigned(1) => part.read(container).map(Values::UInt8),
        Number::Unsigned(2) => part.read(container).map(Values::UInt16),
        Number::Unsigned(4) => part.read(container).map(Values::UInt32),
        Number::Unsigned(_) => part.read(container).map(Values::UInt64),
        Number::Single => part.read(container).map(Values::Float32),
        Number::Double => part.read(container).map(Values::Float64),
    };
    read.map_err(|error| failure::error(&error, "reading numbers"))
}

/// Strings of fixed length of a container, without their padding.
pub(crate) fn strings(
    container: &Container,
    part: &Part,
    descriptor: &TypeDescriptor,
) -> Result<Vec<String>> {
    // The length of a string is part of its type here: the library pads to the next of a few.
    macro_rules! padded {
        ($kind:ident, $size:expr) => {
            match $size {
                0..=32 => texts(part.read::<$kind<32>>(container), |text| text.as_bytes()),
                33..=512 => texts(part.read::<$kind<512>>(container), |text| text.as_bytes()),
                513..=8192 => texts(part.read::<$kind<8192>>(container), |text| text.as_bytes()),
                8193..=131_072 => texts(part.read::<$kind<131_072>>(container), |text| text.as_bytes()),
                size => Err(Error::unsupported(format!("strings of {size} bytes"))),
            }
        };
    }
    match descriptor {
        TypeDescriptor::FixedAscii(size) => padded!(FixedAscii, *size),
        TypeDescriptor::FixedUnicode(size) => padded!(FixedUnicode, *size),
        other => Err(Error::unsupported(format!("its elements ({other}) are no strings of fixed length"))),
    }
}

fn texts<T>(read: hdf5_metno::Result<Vec<T>>, bytes: impl Fn(&T) -> &[u8]) -> Result<Vec<String>> {
    let read = read.map_err(|error| failure::error(&error, "reading strings"))?;
    Ok(read.iter().map(|text| String::from_utf8_lossy(bytes(text)).into_owned()).collect())
}

/// What the numbers of a container are read as.
pub(crate) fn number(container: &Container) -> Result<Number> {
    let native = container.dtype().map_err(|error| failure::error(&error, "its type"))?;
    let datatype = types::datatype(&native);
    types::number(&datatype)
        .ok_or_else(|| Error::unsupported(format!("its elements ({datatype}) are no plain numbers")))
}
