//! Values on their way through an expression: a block of rows or groups, in one of three classes.
//!
//! Integers and conditions are i64 within the range of their type; a uint64 is kept by its bits. So three classes of
//! kernels serve eleven types, and a narrow type wraps after each operation, as arithmetic in it would.

use std::borrow::Cow;
use std::ops::Range;

use super::bind::Constant;
use crate::column::{DType, Values};

/// Values of a block: one for all of it, or one each.
#[derive(Debug, Clone)]
pub(super) enum Part<'a, T: Clone> {
    One(T),
    Many(Cow<'a, [T]>),
}

/// Values of a block in the class of their type.
#[derive(Debug, Clone)]
pub(super) enum Block<'a> {
    Integer(Part<'a, i64>),
    Single(Part<'a, f32>),
    Double(Part<'a, f64>),
}

impl<T: Copy> Part<'_, T> {
    /// `f` of every value.
    pub(super) fn each<'r, R: Copy>(self, f: impl Fn(T) -> R) -> Part<'r, R> {
        match self {
            Part::One(x) => Part::One(f(x)),
            Part::Many(v) => Part::Many(v.iter().map(|&x| f(x)).collect()),
        }
    }

    /// `f` of every pair of values. Both have the same number of them, or one.
    pub(super) fn zip<'r, R: Copy>(self, other: Self, f: impl Fn(T, T) -> R) -> Part<'r, R> {
        match (self, other) {
            (Part::One(x), Part::One(y)) => Part::One(f(x, y)),
            (Part::Many(a), Part::One(y)) => Part::Many(a.iter().map(|&x| f(x, y)).collect()),
            (Part::One(x), Part::Many(b)) => Part::Many(b.iter().map(|&y| f(x, y)).collect()),
            (Part::Many(a), Part::Many(b)) => {
                Part::Many(a.iter().zip(b.iter()).map(|(&x, &y)| f(x, y)).collect())
            }
        }
    }

    /// One value for each of `n`.
    fn fill(&self, n: usize) -> Cow<'_, [T]> {
        match self {
            Part::One(x) => Cow::Owned(vec![*x; n]),
            Part::Many(v) => Cow::Borrowed(v),
        }
    }
}

/// `a` where the condition is not zero, `b` elsewhere.
pub(super) fn choose<'r, T: Copy>(condition: &Part<'_, i64>, a: Part<'r, T>, b: Part<'r, T>) -> Part<'r, T> {
    match condition {
        Part::One(0) => b,
        Part::One(_) => a,
        Part::Many(conditions) => {
            let n = conditions.len();
            let (a, b) = (a.fill(n), b.fill(n));
            let both = a.iter().zip(b.iter());
            Part::Many(conditions.iter().zip(both).map(|(&c, (&x, &y))| if c == 0 { y } else { x }).collect())
        }
    }
}

impl<'a> Block<'a> {
    pub(super) fn constant(constant: Constant) -> Self {
        match constant {
            Constant::Integer(x) => Self::Integer(Part::One(x)),
            Constant::Single(x) => Self::Single(Part::One(x)),
            Constant::Double(x) => Self::Double(Part::One(x)),
        }
    }

    /// Some values of a column.
    pub(super) fn load(values: &'a Values, range: Range<usize>) -> Self {
        match values {
            Values::Float32(v) => Self::Single(Part::Many(Cow::Borrowed(v.get(range).unwrap_or_default()))),
            Values::Float64(v) => Self::Double(Part::Many(Cow::Borrowed(v.get(range).unwrap_or_default()))),
            whole => Self::Integer(Part::Many(integers(whole, range))),
        }
    }

    /// Values per group, given to the rows of their group: `ends` are the ends of the groups' rows in `rows`, ascending.
    pub(super) fn spread(self, ends: &[usize]) -> Self {
        fn rows<'r, T: Copy>(part: Part<'r, T>, ends: &[usize]) -> Part<'r, T> {
            match part {
                Part::One(x) => Part::One(x),
                Part::Many(groups) => {
                    let mut out = Vec::with_capacity(ends.last().copied().unwrap_or(0));
                    for (&value, &end) in groups.iter().zip(ends) {
                        out.resize(end, value);
                    }
                    Part::Many(Cow::Owned(out))
                }
            }
        }
        match self {
            Self::Integer(part) => Self::Integer(rows(part, ends)),
            Self::Single(part) => Self::Single(rows(part, ends)),
            Self::Double(part) => Self::Double(rows(part, ends)),
        }
    }

    /// Puts `n` values of this block behind those of its type.
    pub(super) fn store(self, n: usize, out: &mut Values) {
        fn put<T: Copy, R>(part: &Part<'_, T>, n: usize, out: &mut Vec<R>, narrow: impl Fn(T) -> R) {
            match part {
                Part::One(x) => out.extend((0..n).map(|_| narrow(*x))),
                Part::Many(v) => out.extend(v.iter().map(|&x| narrow(x))),
            }
        }
        match (self, out) {
            (Self::Integer(part), Values::Bool(out)) => put(&part, n, out, |x| x != 0),
            (Self::Integer(part), Values::Int8(out)) => put(&part, n, out, |x| x as i8),
            (Self::Integer(part), Values::Int16(out)) => put(&part, n, out, |x| x as i16),
            (Self::Integer(part), Values::Int32(out)) => put(&part, n, out, |x| x as i32),
            (Self::Integer(part), Values::Int64(out)) => put(&part, n, out, |x| x),
            (Self::Integer(part), Values::UInt8(out)) => put(&part, n, out, |x| x as u8),
            (Self::Integer(part), Values::UInt16(out)) => put(&part, n, out, |x| x as u16),
            (Self::Integer(part), Values::UInt32(out)) => put(&part, n, out, |x| x as u32),
            (Self::Integer(part), Values::UInt64(out)) => put(&part, n, out, |x| x as u64),
            (Self::Single(part), Values::Float32(out)) => put(&part, n, out, |x| x),
            (Self::Double(part), Values::Float64(out)) => put(&part, n, out, |x| x),
            // A bound tree has no such pair; the number of values then shows the fault.
            _ => {}
        }
    }

    /// The values in another type, as numpy's `astype`: integers wrap, floats are rounded or lose their fraction. A float
    /// beyond the range of an integer type becomes the nearest end of that range and NaN becomes 0.
    pub(super) fn convert(self, from: DType, to: DType) -> Self {
        let unsigned = from == DType::UInt64;
        match (self, to) {
            (Self::Integer(x), DType::Bool) => Self::Integer(x.each(|x| i64::from(x != 0))),
            (Self::Single(x), DType::Bool) => Self::Integer(x.each(|x| i64::from(x != 0.0))),
            (Self::Double(x), DType::Bool) => Self::Integer(x.each(|x| i64::from(x != 0.0))),
            (Self::Integer(x), DType::Float32) if unsigned => Self::Single(x.each(|x| x as u64 as f32)),
            (Self::Integer(x), DType::Float32) => Self::Single(x.each(|x| x as f32)),
            (Self::Double(x), DType::Float32) => Self::Single(x.each(|x| x as f32)),
            (Self::Integer(x), DType::Float64) if unsigned => Self::Double(x.each(|x| x as u64 as f64)),
            (Self::Integer(x), DType::Float64) => Self::Double(x.each(|x| x as f64)),
            (Self::Single(x), DType::Float64) => Self::Double(x.each(f64::from)),
            (Self::Single(x), to) if !to.is_float() => Self::Double(x.each(f64::from)).convert(from, to),
            (Self::Double(x), DType::UInt64) => Self::Integer(x.each(|x| x as u64 as i64)),
            (Self::Double(x), to) if !to.is_float() => {
                let (low, high) = range(to);
                Self::Integer(x.each(|x| (x as i64).clamp(low, high)))
            }
            (Self::Integer(x), to) => Self::Integer(wrap(x, to)),
            (same, _) => same,
        }
    }
}

/// Some values of a column of integers or conditions as i64: those of uint64 by their bits. None of floats.
pub(super) fn integers(values: &Values, range: Range<usize>) -> Cow<'_, [i64]> {
    macro_rules! wide {
        ($v:expr) => {
            $v.get(range).unwrap_or_default().iter().map(|&x| x as i64).collect()
        };
    }
    #[allow(clippy::cast_lossless)] // The same text serves every integer type.
    match values {
        Values::Bool(v) => wide!(v),
        Values::Int8(v) => wide!(v),
        Values::Int16(v) => wide!(v),
        Values::Int32(v) => wide!(v),
        Values::Int64(v) => Cow::Borrowed(v.get(range).unwrap_or_default()),
        Values::UInt8(v) => wide!(v),
        Values::UInt16(v) => wide!(v),
        Values::UInt32(v) => wide!(v),
        Values::UInt64(v) => wide!(v),
        Values::Float32(_) | Values::Float64(_) => Cow::Borrowed(&[]),
    }
}

/// A copy of some values of a column.
pub(super) fn copied(values: &Values, range: Range<usize>) -> Values {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match values {
                $(Values::$variant(v) => Values::$variant(v.get(range).unwrap_or_default().to_vec()),)*
            }
        };
    }
    arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64)
}

/// The least and the greatest value of an integer type that i64 holds.
pub(super) fn range(dtype: DType) -> (i64, i64) {
    match dtype {
        DType::Bool => (0, 1),
        DType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DType::UInt8 => (0, u8::MAX.into()),
        DType::UInt16 => (0, u16::MAX.into()),
        DType::UInt32 => (0, u32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

/// Integers brought back into the range of their type, as arithmetic in that type would have wrapped.
pub(super) fn wrap(x: Part<'_, i64>, dtype: DType) -> Part<'_, i64> {
    let (low, high) = range(dtype);
    match dtype {
        DType::Int8 | DType::Int16 | DType::Int32 => {
            let shift = 64 - 8 * dtype.size() as u32;
            x.each(|x| (x << shift) >> shift)
        }
        _ if low == 0 => x.each(|x| x & high),
        _ => x,
    }
}
