//! Operators and functions on every value of a block.

use super::arithmetic::{Arithmetic, Float, unsigned};
use super::ast::{BinaryOp, Comparison, Map, Map2, Op, UnaryOp};
use super::block::{Block, Part, choose, wrap};
use crate::column::DType;

/// An operation on operands of one class; `dtype` is the type they are reckoned in.
///
/// Fails on values that the operation cannot take, or operands of several classes.
pub(super) fn reckon<'a>(op: Op, dtype: DType, operands: Vec<Block<'a>>) -> Result<Block<'a>, String> {
    let mut operands = operands.into_iter();
    match (op, operands.next(), operands.next(), operands.next()) {
        (Op::Unary(op), Some(x), None, None) => Ok(unary(op, dtype, x)),
        (Op::Map(map), Some(x), None, None) => Ok(match x {
            Block::Integer(x) => mapped(map, dtype, x),
            Block::Single(x) => map_single(map, x),
            Block::Double(x) => map_double(map, x),
        }),
        (Op::Round(decimals), Some(x), None, None) => Ok(match x {
            Block::Single(x) => Block::Single(x.each(|x| Float::round(x, decimals))),
            Block::Double(x) => Block::Double(x.each(|x| Float::round(x, decimals))),
            whole @ Block::Integer(_) => whole,
        }),
        (Op::Binary(BinaryOp::Compare(comparison)), Some(a), Some(b), None) => match (a, b) {
            (Block::Integer(a), Block::Integer(b)) => Ok(compare(comparison, a, b)),
            (Block::Single(a), Block::Single(b)) => Ok(compare(comparison, a, b)),
            (Block::Double(a), Block::Double(b)) => Ok(compare(comparison, a, b)),
            _ => Err(unlike()),
        },
        (Op::Binary(_) | Op::Map2(_), Some(a), Some(b), None) => match (a, b) {
            (Block::Integer(a), Block::Integer(b)) => {
                integers(op, dtype, a, b).map(|x| Block::Integer(wrap(x, dtype)))
            }
            (Block::Single(a), Block::Single(b)) => floats(op, a, b).map(Block::Single),
            (Block::Double(a), Block::Double(b)) => floats(op, a, b).map(Block::Double),
            _ => Err(unlike()),
        },
        (Op::Where, Some(Block::Integer(condition)), Some(a), Some(b)) => match (a, b) {
            (Block::Integer(a), Block::Integer(b)) => Ok(Block::Integer(choose(&condition, a, b))),
            (Block::Single(a), Block::Single(b)) => Ok(Block::Single(choose(&condition, a, b))),
            (Block::Double(a), Block::Double(b)) => Ok(Block::Double(choose(&condition, a, b))),
            _ => Err(unlike()),
        },
        _ => Err(unlike()),
    }
}

fn unlike() -> String {
    "the operands are not of one type".to_string()
}

fn unary(op: UnaryOp, dtype: DType, x: Block<'_>) -> Block<'_> {
    match (op, x) {
        (UnaryOp::Negate, Block::Integer(x)) => Block::Integer(wrap(x.each(Arithmetic::negate), dtype)),
        (UnaryOp::Invert, Block::Integer(x)) => Block::Integer(wrap(x.each(|x| !x), dtype)),
        (_, Block::Single(x)) => Block::Single(x.each(Arithmetic::negate)),
        (_, Block::Double(x)) => Block::Double(x.each(Arithmetic::negate)),
    }
}

fn integers<'r>(op: Op, dtype: DType, a: Part<'_, i64>, b: Part<'_, i64>) -> Result<Part<'r, i64>, String> {
    let big = dtype == DType::UInt64;
    Ok(match op {
        Op::Binary(BinaryOp::Add) => a.zip(b, Arithmetic::add),
        Op::Binary(BinaryOp::Subtract) => a.zip(b, Arithmetic::subtract),
        Op::Binary(BinaryOp::Multiply) => a.zip(b, Arithmetic::multiply),
        Op::Binary(BinaryOp::And) => a.zip(b, |x, y| x & y),
        Op::Binary(BinaryOp::Or) => a.zip(b, |x, y| x | y),
        Op::Binary(BinaryOp::FloorDivide) if big => a.zip(b, unsigned::floor_divide),
        Op::Binary(BinaryOp::FloorDivide) => a.zip(b, Arithmetic::floor_divide),
        Op::Binary(BinaryOp::Modulo) if big => a.zip(b, unsigned::modulo),
        Op::Binary(BinaryOp::Modulo) => a.zip(b, Arithmetic::modulo),
        Op::Binary(BinaryOp::Power) => {
            let negative = match &b {
                Part::One(y) => *y < 0,
                Part::Many(v) => v.iter().any(|y| *y < 0),
            };
            if negative && !big {
                return Err(
                    "integers have no negative powers; write the base as a float, as in 2.0**-1".to_string()
                );
            }
            a.zip(b, Arithmetic::power)
        }
        Op::Map2(Map2::Minimum) if big => a.zip(b, unsigned::lesser),
        Op::Map2(Map2::Minimum) => a.zip(b, Arithmetic::lesser),
        Op::Map2(Map2::Maximum) if big => a.zip(b, unsigned::greater),
        Op::Map2(Map2::Maximum) => a.zip(b, Arithmetic::greater),
        _ => return Err(unlike()),
    })
}

fn floats<'r, T: Float + From<f32>>(op: Op, a: Part<'_, T>, b: Part<'_, T>) -> Result<Part<'r, T>, String> {
    Ok(match op {
        Op::Binary(BinaryOp::Add) => a.zip(b, T::add),
        Op::Binary(BinaryOp::Subtract) => a.zip(b, T::subtract),
        Op::Binary(BinaryOp::Multiply) => a.zip(b, T::multiply),
        Op::Binary(BinaryOp::Divide) => a.zip(b, T::divide),
        Op::Binary(BinaryOp::FloorDivide) => a.zip(b, T::floor_divide),
        Op::Binary(BinaryOp::Modulo) => a.zip(b, T::modulo),
        // As in numpy, a square is a product, and the power of one half a root.
        Op::Binary(BinaryOp::Power) => match b {
            Part::One(exponent) if exponent == T::from(2.0) => a.each(|x| x.multiply(x)),
            Part::One(exponent) if exponent == T::from(1.0) => a.each(|x| x),
            Part::One(exponent) if exponent == T::from(0.5) => a.each(T::root),
            b => a.zip(b, T::power),
        },
        Op::Map2(Map2::Minimum) => a.zip(b, T::lesser),
        Op::Map2(Map2::Maximum) => a.zip(b, T::greater),
        Op::Map2(Map2::Arctan2) => a.zip(b, T::arctan2),
        Op::Map2(Map2::Hypot) => a.zip(b, T::hypot),
        _ => return Err(unlike()),
    })
}

/// A comparison; none but "not equal" holds with NaN.
fn compare<'r, T: Copy + PartialOrd>(comparison: Comparison, a: Part<'_, T>, b: Part<'_, T>) -> Block<'r> {
    fn less<'r, T: Copy + PartialOrd>(a: Part<'_, T>, b: Part<'_, T>) -> Part<'r, i64> {
        a.zip(b, |x, y| i64::from(x < y))
    }
    fn less_equal<'r, T: Copy + PartialOrd>(a: Part<'_, T>, b: Part<'_, T>) -> Part<'r, i64> {
        a.zip(b, |x, y| i64::from(x <= y))
    }
    Block::Integer(match comparison {
        Comparison::Less => less(a, b),
        Comparison::LessEqual => less_equal(a, b),
        Comparison::Greater => less(b, a),
        Comparison::GreaterEqual => less_equal(b, a),
        Comparison::Equal => a.zip(b, |x, y| i64::from(x == y)),
        Comparison::NotEqual => a.zip(b, |x, y| i64::from(x != y)),
    })
}

/// A comparison of integers by their values; whether the first and the second are the bits of uint64.
pub(super) fn compare_exactly<'r>(
    comparison: Comparison,
    (a, a_big): (Block<'_>, bool),
    (b, b_big): (Block<'_>, bool),
) -> Result<Block<'r>, String> {
    let value = |x: i64, big: bool| if big { i128::from(x as u64) } else { i128::from(x) };
    match (a, b) {
        (Block::Integer(a), Block::Integer(b)) => {
            Ok(compare(comparison, a.each(|x| value(x, a_big)), b.each(|x| value(x, b_big))))
        }
        _ => Err(unlike()),
    }
}

/// A function of integers that gives integers.
fn mapped(map: Map, dtype: DType, x: Part<'_, i64>) -> Block<'_> {
    Block::Integer(match map {
        Map::Square => wrap(x.each(|x| x.wrapping_mul(x)), dtype),
        Map::Abs if dtype != DType::UInt64 => wrap(x.each(Arithmetic::absolute), dtype),
        Map::Sign if dtype == DType::UInt64 => x.each(|x| i64::from(x != 0)),
        Map::Sign => x.each(Arithmetic::sign),
        _ => x,
    })
}

macro_rules! map_floats {
    ($name:ident, $t:ty, $class:ident) => {
        fn $name(map: Map, x: Part<'_, $t>) -> Block<'_> {
            Block::$class(match map {
                Map::IsFinite => return Block::Integer(x.each(|x| i64::from(x.is_finite()))),
                Map::IsInf => return Block::Integer(x.each(|x| i64::from(x.is_infinite()))),
                Map::IsNan => return Block::Integer(x.each(|x| i64::from(x.is_nan()))),
                Map::Sqrt => x.each(<$t>::sqrt),
                Map::Cbrt => x.each(<$t>::cbrt),
                Map::Log => x.each(<$t>::ln),
                Map::Log2 => x.each(<$t>::log2),
                Map::Log10 => x.each(<$t>::log10),
                Map::Log1p => x.each(<$t>::ln_1p),
                Map::Exp => x.each(<$t>::exp),
                Map::Expm1 => x.each(<$t>::exp_m1),
                Map::Sin => x.each(<$t>::sin),
                Map::Cos => x.each(<$t>::cos),
                Map::Tan => x.each(<$t>::tan),
                Map::Arcsin => x.each(<$t>::asin),
                Map::Arccos => x.each(<$t>::acos),
                Map::Arctan => x.each(<$t>::atan),
                Map::Radians => x.each(<$t>::to_radians),
                Map::Degrees => x.each(<$t>::to_degrees),
                Map::Abs => x.each(<$t>::abs),
                Map::Floor => x.each(<$t>::floor),
                Map::Ceil => x.each(<$t>::ceil),
                Map::Trunc => x.each(<$t>::trunc),
                Map::Sign => x.each(Arithmetic::sign),
                Map::Square => x.each(|x| x * x),
            })
        }
    };
}

map_floats!(map_single, f32, Single);
map_floats!(map_double, f64, Double);
