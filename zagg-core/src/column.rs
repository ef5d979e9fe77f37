//! Typed columns: what sources give and statistics take.

use std::fmt;
use std::ops::Range;

use crate::error::{Error, Result};

/// Element type of a column or an output array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // The names say it.
pub enum DType {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
}

impl DType {
    /// Every type, narrow to wide.
    pub const ALL: [Self; 11] = [
        Self::Bool,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Float32,
        Self::Float64,
    ];

    /// The name numpy and Zarr use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// The type of that name, if zagg knows it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
        }
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The values of a column, one vector per element type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The names say it.
pub enum Values {
    Bool(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
}

/// Runs `$body` with `$v` bound to the vector inside a [`Values`], whatever its type.
#[macro_export]
macro_rules! with_values {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            $crate::column::Values::Bool($v) => $body,
            $crate::column::Values::Int8($v) => $body,
            $crate::column::Values::Int16($v) => $body,
            $crate::column::Values::Int32($v) => $body,
            $crate::column::Values::Int64($v) => $body,
            $crate::column::Values::UInt8($v) => $body,
            $crate::column::Values::UInt16($v) => $body,
            $crate::column::Values::UInt32($v) => $body,
            $crate::column::Values::UInt64($v) => $body,
            $crate::column::Values::Float32($v) => $body,
            $crate::column::Values::Float64($v) => $body,
        }
    };
}

macro_rules! map_values {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            Values::Bool($v) => Values::Bool($body),
            Values::Int8($v) => Values::Int8($body),
            Values::Int16($v) => Values::Int16($body),
            Values::Int32($v) => Values::Int32($body),
            Values::Int64($v) => Values::Int64($body),
            Values::UInt8($v) => Values::UInt8($body),
            Values::UInt16($v) => Values::UInt16($body),
            Values::UInt32($v) => Values::UInt32($body),
            Values::UInt64($v) => Values::UInt64($body),
            Values::Float32($v) => Values::Float32($body),
            Values::Float64($v) => Values::Float64($body),
        }
    };
}

/// The items whose flag is set. Which ones are cannot be foretold, so nothing is decided item by item.
pub(crate) fn kept<T: Copy + Default>(items: &[T], keep: &[bool]) -> Vec<T> {
    let count = keep.iter().take(items.len()).map(|&keep| usize::from(keep)).sum::<usize>();
    if count == items.len() {
        return items.to_vec();
    }
    // One place more, for what comes behind the last that is kept.
    let mut out = vec![T::default(); count + 1];
    let mut next = 0;
    for (item, keep) in items.iter().zip(keep) {
        out[next] = *item;
        next += usize::from(*keep);
    }
    out.truncate(count);
    out
}

impl Values {
    /// No values of the given type.
    pub fn empty(dtype: DType) -> Self {
        Self::with_capacity(dtype, 0)
    }

    /// No values yet, with room for `n`.
    pub fn with_capacity(dtype: DType, n: usize) -> Self {
        match dtype {
            DType::Bool => Self::Bool(Vec::with_capacity(n)),
            DType::Int8 => Self::Int8(Vec::with_capacity(n)),
            DType::Int16 => Self::Int16(Vec::with_capacity(n)),
            DType::Int32 => Self::Int32(Vec::with_capacity(n)),
            DType::Int64 => Self::Int64(Vec::with_capacity(n)),
            DType::UInt8 => Self::UInt8(Vec::with_capacity(n)),
            DType::UInt16 => Self::UInt16(Vec::with_capacity(n)),
            DType::UInt32 => Self::UInt32(Vec::with_capacity(n)),
            DType::UInt64 => Self::UInt64(Vec::with_capacity(n)),
            DType::Float32 => Self::Float32(Vec::with_capacity(n)),
            DType::Float64 => Self::Float64(Vec::with_capacity(n)),
        }
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::Int8(_) => DType::Int8,
            Self::Int16(_) => DType::Int16,
            Self::Int32(_) => DType::Int32,
            Self::Int64(_) => DType::Int64,
            Self::UInt8(_) => DType::UInt8,
            Self::UInt16(_) => DType::UInt16,
            Self::UInt32(_) => DType::UInt32,
            Self::UInt64(_) => DType::UInt64,
            Self::Float32(_) => DType::Float32,
            Self::Float64(_) => DType::Float64,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        with_values!(self, v => v.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values at the given indices, in that order.
    ///
    /// # Panics
    /// When an index lies outside; callers make the indices themselves.
    #[must_use]
    pub fn gather(&self, indices: &[u32]) -> Self {
        map_values!(self, v => indices.iter().map(|&i| v[i as usize]).collect())
    }

    /// The values whose flag is set, in order. `keep` has one flag per value.
    #[must_use]
    pub fn filter(&self, keep: &[bool]) -> Self {
        map_values!(self, v => kept(v, keep))
    }

    /// Some of the values, in order.
    ///
    /// # Panics
    /// When the range does not lie inside; callers make it themselves.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        map_values!(self, v => v[rows].to_vec())
    }

    /// Puts the values of `other` behind these.
    ///
    /// # Errors
    /// Fails when the element types differ.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        macro_rules! arms {
            ($($variant:ident),*) => {
                match (&mut *self, other) {
                    $((Self::$variant(a), Self::$variant(b)) => a.extend_from_slice(b),)*
                    (a, b) => {
                        return Err(Error::corrupt(format!(
                            "a column is {} in one part and {} in another",
                            a.dtype(),
                            b.dtype()
                        )));
                    }
                }
            };
        }
        arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64);
        Ok(())
    }

    /// Every value as a 64-bit float; integers beyond 2^53 are rounded to the nearest.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            Self::Int8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::Int16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::Int32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::Int64(v) => v.iter().map(|&x| x as f64).collect(),
            Self::UInt8(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::UInt16(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::UInt32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::UInt64(v) => v.iter().map(|&x| x as f64).collect(),
            Self::Float32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::Float64(v) => v.clone(),
        }
    }

    /// The values in another type, rounded to the nearest representable one.
    ///
    /// # Errors
    /// Names the first value that the type cannot hold: a fraction, NaN or an excess for integers. Infinities and
    /// NaN pass between the float types, and a float64 beyond float32's range becomes infinite, as in numpy.
    pub fn cast(self, dtype: DType) -> Result<Self> {
        if self.dtype() == dtype {
            return Ok(self);
        }
        macro_rules! integer {
            ($variant:ident, $t:ty) => {
                self.integers(dtype)?
                    .into_iter()
                    .map(|x| <$t>::try_from(x).map_err(|_| does_not_fit(x, dtype)))
                    .collect::<Result<Vec<$t>>>()
                    .map(Self::$variant)
            };
        }
        match dtype {
            DType::Float64 => Ok(Self::Float64(self.to_f64())),
            DType::Float32 => Ok(Self::Float32(self.to_f64().into_iter().map(|x| x as f32).collect())),
            DType::Bool => self
                .integers(dtype)?
                .into_iter()
                .map(|x| if x == 0 || x == 1 { Ok(x == 1) } else { Err(does_not_fit(x, dtype)) })
                .collect::<Result<Vec<_>>>()
                .map(Self::Bool),
            DType::Int8 => integer!(Int8, i8),
            DType::Int16 => integer!(Int16, i16),
            DType::Int32 => integer!(Int32, i32),
            DType::Int64 => integer!(Int64, i64),
            DType::UInt8 => integer!(UInt8, u8),
            DType::UInt16 => integer!(UInt16, u16),
            DType::UInt32 => integer!(UInt32, u32),
            DType::UInt64 => integer!(UInt64, u64),
        }
    }

    /// Every value as an integer wide enough for all types, so that 64-bit ids lose nothing on the way.
    fn integers(&self, dtype: DType) -> Result<Vec<i128>> {
        Ok(match self {
            Self::Bool(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::Int8(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::Int16(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::Int32(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::Int64(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::UInt8(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::UInt16(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::UInt32(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::UInt64(v) => v.iter().map(|&x| i128::from(x)).collect(),
            Self::Float32(_) | Self::Float64(_) => self
                .to_f64()
                .into_iter()
                .map(|x| {
                    // Beyond 2^100 every float is whole, and none fits any type.
                    let whole = x.fract() == 0.0 && x.abs() < 1e30;
                    if whole { Ok(x as i128) } else { Err(does_not_fit(x, dtype)) }
                })
                .collect::<Result<_>>()?,
        })
    }

    /// The values of little-endian bytes; `None` when they are no whole number of values, or a truth value is neither 0 nor 1.
    pub fn from_le_bytes(dtype: DType, bytes: &[u8]) -> Option<Self> {
        macro_rules! arms {
            ($($variant:ident: $t:ty),*) => {
                match dtype {
                    DType::Bool => bytes
                        .iter()
                        .map(|&x| (x < 2).then_some(x == 1))
                        .collect::<Option<Vec<bool>>>()
                        .map(Self::Bool),
                    $(DType::$variant => {
                        let (chunks, rest) = bytes.as_chunks::<{ size_of::<$t>() }>();
                        rest.is_empty().then(|| {
                            Self::$variant(chunks.iter().map(|&x| <$t>::from_le_bytes(x)).collect())
                        })
                    })*
                }
            };
        }
        arms!(Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64,
              Float32: f32, Float64: f64)
    }

    /// The values as little-endian bytes, one after the other.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
            Self::Int8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Int16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Int32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Int64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::UInt8(v) => v.clone(),
            Self::UInt16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::UInt32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::UInt64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Float32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Float64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
}

fn does_not_fit(value: impl fmt::Display, dtype: DType) -> Error {
    Error::input(format!("the value {value} does not fit the type {dtype}"))
}

/// One column of a batch: its values and which of them are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// One value per row. The value of a missing row means nothing.
    pub values: Values,
    /// One flag per row, true where the value is missing; `None` when none is.
    pub missing: Option<Vec<bool>>,
}

impl Column {
    /// A column without missing values.
    pub fn complete(values: Values) -> Self {
        Self { values, missing: None }
    }

    /// No rows yet, with room for `n` without missing values.
    pub(crate) fn with_capacity(dtype: DType, n: usize) -> Self {
        Self::complete(Values::with_capacity(dtype, n))
    }

    /// Stands for a column that is not wanted.
    pub(crate) fn none() -> Self {
        Self::complete(Values::empty(DType::Bool))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes of the rows in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.values.len() * self.values.dtype().size() + self.missing.as_ref().map_or(0, Vec::len)
    }

    /// Some of the rows, in order.
    ///
    /// # Panics
    /// When the range does not lie inside; callers make it themselves.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self {
            missing: self.missing.as_ref().map(|missing| missing[rows.clone()].to_vec()),
            values: self.values.slice(rows),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Every value as a 64-bit float, NaN where it is missing: degrees of a coordinate, for which NaN is no position.
    pub fn into_f64(self) -> Vec<f64> {
        let mut values = match self.values {
            Values::Float64(values) => values,
            other => other.to_f64(),
        };
        for (value, missing) in values.iter_mut().zip(self.missing.unwrap_or_default()) {
            if missing {
                *value = f64::NAN;
            }
        }
        values
    }

    /// The rows at the given indices, in that order.
    ///
    /// # Panics
    /// When an index lies outside; callers make the indices themselves.
    #[must_use]
    pub fn gather(&self, indices: &[u32]) -> Self {
        Self {
            values: self.values.gather(indices),
            missing: self.missing.as_ref().map(|m| indices.iter().map(|&i| m[i as usize]).collect()),
        }
    }

    /// The rows whose flag is set, in order. `keep` has one flag per row.
    #[must_use]
    pub fn filter(&self, keep: &[bool]) -> Self {
        Self { values: self.values.filter(keep), missing: self.missing.as_ref().map(|m| kept(m, keep)) }
    }

    /// Puts the rows of `other` behind these.
    ///
    /// # Errors
    /// Fails when the element types differ.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        let before = self.len();
        self.values.append(&other.values)?;
        match (&mut self.missing, &other.missing) {
            (None, None) => {}
            (Some(mine), Some(theirs)) => mine.extend_from_slice(theirs),
            (Some(mine), None) => mine.resize(before + other.len(), false),
            (mine @ None, Some(theirs)) => {
                let mut flags = vec![false; before];
                flags.extend_from_slice(theirs);
                *mine = Some(flags);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_keep_64_bit_integers_exact() {
        let big = (1u64 << 63) + 1;
        let cast = Values::UInt64(vec![big, 3]).cast(DType::UInt64).unwrap();
        assert_eq!(cast, Values::UInt64(vec![big, 3]));
        let error = Values::UInt64(vec![3, big]).cast(DType::Int64).unwrap_err();
        assert_eq!(error.to_string(), format!("the value {big} does not fit the type int64"));
        assert_eq!(Values::Int64(vec![-1]).cast(DType::Float32).unwrap(), Values::Float32(vec![-1.0]));
    }

    #[test]
    fn casts_refuse_fractions_nan_and_excess() {
        for bad in [0.5, f64::NAN, f64::INFINITY, 128.0, -129.0] {
            assert!(Values::Float64(vec![bad]).cast(DType::Int8).is_err(), "{bad}");
        }
        assert!(Values::Float64(vec![9_223_372_036_854_775_808.0]).cast(DType::Int64).is_err());
        assert_eq!(Values::Float64(vec![127.0]).cast(DType::Int8).unwrap(), Values::Int8(vec![127]));
    }

    #[test]
    fn appending_joins_flags_of_missing_rows() {
        let mut a = Column::complete(Values::Int8(vec![1, 2]));
        a.append(&Column { values: Values::Int8(vec![3]), missing: Some(vec![true]) }).unwrap();
        a.append(&Column::complete(Values::Int8(vec![4]))).unwrap();
        assert_eq!(a.missing.as_deref(), Some(&[false, false, true, false][..]));
        assert!(a.append(&Column::complete(Values::Float32(vec![0.0]))).is_err());
        assert_eq!(a.filter(&[false, true, true, false]).values, Values::Int8(vec![2, 3]));
        assert_eq!(a.gather(&[2, 0]).missing, Some(vec![true, false]));
    }
}
