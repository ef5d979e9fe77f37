//! Values on their way through an expression, and how they are brought to one length.

use std::borrow::Cow;

use super::ast::Level;
use super::literal::Literal;
use super::promote;
use crate::column::{DType, Values};
use crate::reduce::Number;

/// What a node has given.
#[derive(Debug, Clone)]
pub(super) enum Operand<'a> {
    /// A number without a type of its own.
    Literal(Literal),
    /// One value, one per group or one per row.
    Values(Level, Cow<'a, Values>),
}

/// How rows and groups belong together. An expression over rows alone has no groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) rows: usize,
    /// Strictly ascending, the last within `rows`.
    pub(super) offsets: &'a [u32],
}

impl Shape<'_> {
    /// Number of values at a level.
    pub(super) fn len(&self, level: Level) -> usize {
        match level {
            Level::One => 1,
            Level::Group => self.offsets.len().saturating_sub(1),
            Level::Row => self.rows,
        }
    }

    /// The value of its group for every row; rows of no group get the value of the group before or the default.
    fn spread<T: Copy + Default>(&self, per_group: &[T]) -> Vec<T> {
        let mut rows = Vec::with_capacity(self.rows);
        rows.resize(self.offsets.first().map_or(0, |&o| o as usize).min(self.rows), T::default());
        for (&value, &end) in per_group.iter().zip(self.offsets.iter().skip(1)) {
            rows.resize(end as usize, value);
        }
        rows.resize(self.rows, per_group.last().copied().unwrap_or_default());
        rows
    }
}

/// One operand in the type of the operation.
#[derive(Debug)]
pub(super) enum Side<'a, T: Clone> {
    One(T),
    Many(Cow<'a, [T]>),
}

impl<'a> Operand<'a> {
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Literal(_) => Level::One,
            Self::Values(level, _) => *level,
        }
    }

    /// What it brings to the type of the result.
    pub(super) fn promoted(&self) -> promote::Operand {
        match self {
            Self::Literal(literal) => promote::Operand::Weak(*literal),
            Self::Values(_, values) => promote::Operand::Strong(values.dtype()),
        }
    }

    pub(super) fn dtype(&self) -> DType {
        self.promoted().dtype()
    }

    /// Its values in the type `T`, for an operation at `level`.
    pub(super) fn side<T: Number>(self, level: Level, shape: &Shape<'_>) -> Side<'a, T> {
        match self {
            Self::Literal(Literal::Float(x)) => Side::One(T::from_f64(x)),
            Self::Literal(literal) => Side::One(literal.integer().map_or_else(T::default, from_i128)),
            Self::Values(from, values) => {
                let values = T::of(values);
                match from {
                    Level::One => Side::One(values.first().copied().unwrap_or_default()),
                    Level::Group if level == Level::Row => Side::Many(Cow::Owned(shape.spread(&values))),
                    _ => Side::Many(values),
                }
            }
        }
    }

    /// One value of type `T` for each of the `level`.
    pub(super) fn all<T: Number>(self, level: Level, shape: &Shape<'_>) -> Cow<'a, [T]> {
        match self.side(level, shape) {
            Side::One(x) => Cow::Owned(vec![x; shape.len(level)]),
            Side::Many(values) => values,
        }
    }
}

fn from_i128<T: Number>(x: i128) -> T {
    match i64::try_from(x) {
        Ok(x) => T::from_i64(x),
        Err(_) => T::from_u64(u64::try_from(x).unwrap_or_default()),
    }
}

/// `f` of every value.
pub(super) fn each<T: Number, R: Number>(side: Side<'_, T>, f: impl Fn(T) -> R) -> Vec<R> {
    match side {
        Side::One(x) => vec![f(x)],
        Side::Many(Cow::Borrowed(v)) => v.iter().map(|&x| f(x)).collect(),
        // The memory is used again when the types allow it.
        Side::Many(Cow::Owned(v)) => v.into_iter().map(f).collect(),
    }
}

/// `f` of every pair of values. Operands of many values have the same number of them.
pub(super) fn pairs<T: Number, R: Number>(a: Side<'_, T>, b: Side<'_, T>, f: impl Fn(T, T) -> R) -> Vec<R> {
    match (a, b) {
        (a, Side::One(y)) => each(a, |x| f(x, y)),
        (Side::One(x), b) => each(b, |y| f(x, y)),
        (Side::Many(Cow::Owned(a)), Side::Many(b)) => {
            a.into_iter().zip(b.iter()).map(|(x, &y)| f(x, y)).collect()
        }
        (Side::Many(a), Side::Many(b)) => a.iter().zip(b.iter()).map(|(&x, &y)| f(x, y)).collect(),
    }
}
