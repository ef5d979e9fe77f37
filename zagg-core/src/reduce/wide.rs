//! Columns in the few types that kernels are compiled for.
//!
//! A kernel over eleven element types is eleven kernels to compile. Two suffice for whatever is reckoned in f64 (of all
//! types but 64-bit integers the conversion is exact, and those are rounded to the nearest), and two more for integers
//! that must stay exact.

use std::borrow::Cow;

use crate::column::{DType, Values};

/// A column as floats.
pub(super) enum Floats<'a> {
    F32(&'a [f32]),
    F64(Cow<'a, [f64]>),
}

impl<'a> Floats<'a> {
    pub(super) fn of(values: &'a Values) -> Self {
        match values {
            Values::Float32(v) => Self::F32(v),
            Values::Float64(v) => Self::F64(Cow::Borrowed(v)),
            other => Self::F64(Cow::Owned(other.to_f64())),
        }
    }
}

/// A column without rounding.
pub(super) enum Wide<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    I64(Cow<'a, [i64]>),
    U64(&'a [u64]),
}

impl<'a> Wide<'a> {
    pub(super) fn of(values: &'a Values) -> Self {
        fn whole<T: Copy + Into<i64>>(v: &[T]) -> Wide<'static> {
            Wide::I64(v.iter().map(|&x| x.into()).collect())
        }
        match values {
            Values::Float32(v) => Self::F32(v),
            Values::Float64(v) => Self::F64(v),
            Values::Int64(v) => Self::I64(Cow::Borrowed(v)),
            Values::UInt64(v) => Self::U64(v),
            Values::Bool(v) => whole(v),
            Values::Int8(v) => whole(v),
            Values::Int16(v) => whole(v),
            Values::Int32(v) => whole(v),
            Values::UInt8(v) => whole(v),
            Values::UInt16(v) => whole(v),
            Values::UInt32(v) => whole(v),
        }
    }
}

/// Whether sums of this type have no sign.
pub(super) fn is_unsigned(dtype: DType) -> bool {
    matches!(dtype, DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64)
}

/// Runs `$body` with `$v` bound to the slice inside [`Floats`].
macro_rules! with_floats {
    ($values:expr, $v:ident => $body:expr) => {
        match $crate::reduce::wide::Floats::of($values) {
            $crate::reduce::wide::Floats::F32($v) => $body,
            $crate::reduce::wide::Floats::F64(v) => {
                let $v: &[f64] = &v;
                $body
            }
        }
    };
}
pub(super) use with_floats;
