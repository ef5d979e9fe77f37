//! Operators and functions on every value.

use std::borrow::Cow;

use super::arithmetic::Arithmetic;
use super::ast::{BinaryOp, Comparison, Level, Map, Map2, UnaryOp};
use super::literal::{Literal, holds};
use super::operand::{Operand, Shape, Side, each, pairs};
use super::promote::{self, common};
use crate::column::{DType, Values};
use crate::reduce::{Number, cast};

/// Runs `$body` with `$t` naming the numeric type; `$bool` for booleans.
macro_rules! numeric {
    ($dtype:expr, $t:ident => $body:expr, bool => $bool:expr) => {
        match $dtype {
            DType::Bool => $bool,
            DType::Int8 => {
                type $t = i8;
                $body
            }
            DType::Int16 => {
                type $t = i16;
                $body
            }
            DType::Int32 => {
                type $t = i32;
                $body
            }
            DType::Int64 => {
                type $t = i64;
                $body
            }
            DType::UInt8 => {
                type $t = u8;
                $body
            }
            DType::UInt16 => {
                type $t = u16;
                $body
            }
            DType::UInt32 => {
                type $t = u32;
                $body
            }
            DType::UInt64 => {
                type $t = u64;
                $body
            }
            DType::Float32 => {
                type $t = f32;
                $body
            }
            DType::Float64 => {
                type $t = f64;
                $body
            }
        }
    };
}

/// Runs `$body` with `$t` naming the float type in which a function of that type is reckoned.
macro_rules! float {
    ($dtype:expr, $t:ident => $body:expr) => {
        match promote::float($dtype) {
            DType::Float32 => {
                type $t = f32;
                $body
            }
            _ => {
                type $t = f64;
                $body
            }
        }
    };
}

type Outcome<'a> = Result<Operand<'a>, String>;

/// An operator with one operand.
pub(super) fn unary<'a>(op: UnaryOp, x: Operand<'a>, shape: &Shape<'_>) -> Outcome<'a> {
    let level = x.level();
    let values = match (op, x.dtype()) {
        (UnaryOp::Negate, dtype) => numeric!(
            dtype,
            T => T::values(each(x.side::<T>(level, shape), T::negate)),
            bool => return Err("a condition has no sign; negate it with ~".to_string())
        ),
        (UnaryOp::Invert, DType::Bool) => Values::Bool(each(x.side::<bool>(level, shape), |x| !x)),
        (UnaryOp::Invert, dtype) => {
            macro_rules! arms {
                ($($variant:ident: $t:ty),*) => {
                    match dtype {
                        $(DType::$variant => Values::$variant(each(x.side::<$t>(level, shape), |x| !x)),)*
                        _ => return Err(format!("~ needs a condition or integers, not {dtype}")),
                    }
                };
            }
            arms!(Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64)
        }
    };
    Ok(Operand::Values(level, Cow::Owned(values)))
}

/// An operator with two operands.
pub(super) fn binary<'a>(op: BinaryOp, a: Operand<'a>, b: Operand<'a>, shape: &Shape<'_>) -> Outcome<'a> {
    let level = a.level().max(b.level());
    let values = match op {
        BinaryOp::Compare(comparison) => compare(comparison, a, b, shape),
        BinaryOp::And | BinaryOp::Or => bitwise(op == BinaryOp::And, a, b, shape)?,
        BinaryOp::Divide => {
            let dtype = match common(a.promoted(), b.promoted())? {
                DType::Float32 => DType::Float32,
                _ => DType::Float64,
            };
            float!(dtype, T => T::values(pairs(a.side::<T>(level, shape), b.side(level, shape), |x, y| x / y)))
        }
        _ => arithmetic(op, a, b, shape)?,
    };
    Ok(Operand::Values(level, Cow::Owned(values)))
}

fn arithmetic(op: BinaryOp, a: Operand<'_>, b: Operand<'_>, shape: &Shape<'_>) -> Result<Values, String> {
    let level = a.level().max(b.level());
    let mut dtype = common(a.promoted(), b.promoted())?;
    if dtype == DType::Bool {
        match op {
            BinaryOp::Add => return bitwise(false, a, b, shape),
            BinaryOp::Multiply => return bitwise(true, a, b, shape),
            BinaryOp::Subtract => {
                return Err("conditions have no difference; compare them with !=".to_string());
            }
            _ => dtype = DType::Int8,
        }
    }
    numeric!(
        dtype,
        T => reckon::<T>(op, a.side(level, shape), b.side(level, shape)).map(T::values),
        bool => Err("conditions cannot be reckoned with".to_string())
    )
}

fn reckon<T: Arithmetic>(op: BinaryOp, a: Side<'_, T>, b: Side<'_, T>) -> Result<Vec<T>, String> {
    Ok(match op {
        BinaryOp::Add => pairs(a, b, T::add),
        BinaryOp::Subtract => pairs(a, b, T::subtract),
        BinaryOp::Multiply => pairs(a, b, T::multiply),
        BinaryOp::FloorDivide => pairs(a, b, T::floor_divide),
        BinaryOp::Modulo => pairs(a, b, T::modulo),
        _ => return power(a, b),
    })
}

/// The power. As in numpy, a square is a product.
fn power<T: Arithmetic>(a: Side<'_, T>, b: Side<'_, T>) -> Result<Vec<T>, String> {
    let negative = |x: &T| *x < T::default();
    let has_negative = match &b {
        Side::One(y) => negative(y),
        Side::Many(v) => !T::DTYPE.is_float() && v.iter().any(negative),
    };
    if has_negative && !T::DTYPE.is_float() {
        return Err("integers have no negative powers; write the base as a float, as in 2.0**-1".to_string());
    }
    if let Side::One(exponent) = b {
        if exponent.to_f64() == 2.0 {
            return Ok(each(a, |x| x.multiply(x)));
        }
        if exponent.to_f64() == 1.0 {
            return Ok(each(a, |x| x));
        }
    }
    Ok(pairs(a, b, T::power))
}

fn bitwise(and: bool, a: Operand<'_>, b: Operand<'_>, shape: &Shape<'_>) -> Result<Values, String> {
    let level = a.level().max(b.level());
    let dtype = common(a.promoted(), b.promoted())?;
    macro_rules! arms {
        ($($variant:ident: $t:ty),*) => {
            match dtype {
                $(DType::$variant => {
                    let (a, b) = (a.side::<$t>(level, shape), b.side::<$t>(level, shape));
                    Values::$variant(if and { pairs(a, b, |x, y| x & y) } else { pairs(a, b, |x, y| x | y) })
                })*
                _ => {
                    return Err(format!(
                        "& and | need conditions or integers, not {dtype}; put comparisons in parentheses"
                    ));
                }
            }
        };
    }
    Ok(arms!(
        Bool: bool, Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64
    ))
}

/// A comparison. Integers of any two types are compared by their exact values.
fn compare(comparison: Comparison, a: Operand<'_>, b: Operand<'_>, shape: &Shape<'_>) -> Values {
    let level = a.level().max(b.level());
    let whole = !a.dtype().is_float() && !b.dtype().is_float();
    Values::Bool(match common(a.promoted(), b.promoted()) {
        Ok(dtype) if dtype.is_float() != whole => numeric!(
            dtype,
            T => held(comparison, a.side::<T>(level, shape), b.side(level, shape)),
            bool => held(comparison, a.side::<bool>(level, shape), b.side(level, shape))
        ),
        _ => {
            let (a, b) = (exact(a, level, shape), exact(b, level, shape));
            a.iter().zip(&b).map(|(x, y)| holds(comparison, x, y)).collect()
        }
    })
}

/// Integers in a type that holds those of every type.
fn exact(x: Operand<'_>, level: Level, shape: &Shape<'_>) -> Vec<i128> {
    match x {
        Operand::Literal(literal) => vec![literal.integer().unwrap_or_default(); shape.len(level)],
        x if x.dtype() == DType::UInt64 => x.all::<u64>(level, shape).iter().map(|&x| x.into()).collect(),
        x => x.all::<i64>(level, shape).iter().map(|&x| x.into()).collect(),
    }
}

fn held<T: Number>(comparison: Comparison, a: Side<'_, T>, b: Side<'_, T>) -> Vec<bool> {
    match comparison {
        Comparison::Less => pairs(a, b, |x, y| x < y),
        Comparison::LessEqual => pairs(a, b, |x, y| x <= y),
        Comparison::Greater => pairs(a, b, |x, y| x > y),
        Comparison::GreaterEqual => pairs(a, b, |x, y| x >= y),
        Comparison::Equal => pairs(a, b, |x, y| x == y),
        Comparison::NotEqual => pairs(a, b, |x, y| x != y),
    }
}

/// A function of every value.
pub(super) fn map<'a>(map: Map, x: Operand<'a>, shape: &Shape<'_>) -> Outcome<'a> {
    let (level, dtype) = (x.level(), x.dtype());
    let values = match map {
        Map::IsFinite => float_test(x, shape, f64::is_finite),
        Map::IsNan => float_test(x, shape, f64::is_nan),
        Map::Abs | Map::Floor | Map::Ceil | Map::Sign => numeric!(
            dtype,
            T => {
                let side = x.side::<T>(level, shape);
                T::values(match map {
                    Map::Abs => each(side, T::absolute),
                    Map::Floor => each(side, Arithmetic::floor),
                    Map::Ceil => each(side, Arithmetic::ceil),
                    _ => each(side, T::sign),
                })
            },
            bool => Values::Bool(x.all::<bool>(level, shape).into_owned())
        ),
        _ => float!(dtype, T => {
            let side = x.side::<T>(level, shape);
            T::values(match map {
                Map::Log => each(side, T::ln),
                Map::Log2 => each(side, T::log2),
                Map::Log10 => each(side, T::log10),
                Map::Exp => each(side, T::exp),
                Map::Sin => each(side, T::sin),
                Map::Cos => each(side, T::cos),
                Map::Tan => each(side, T::tan),
                Map::Radians => each(side, T::to_radians),
                Map::Degrees => each(side, T::to_degrees),
                _ => each(side, T::sqrt),
            })
        }),
    };
    Ok(Operand::Values(level, Cow::Owned(values)))
}

fn float_test(x: Operand<'_>, shape: &Shape<'_>, test: fn(f64) -> bool) -> Values {
    let level = x.level();
    Values::Bool(match x.dtype() {
        DType::Float32 => each(x.side::<f32>(level, shape), |x| test(f64::from(x))),
        _ => each(x.side::<f64>(level, shape), test),
    })
}

/// A function of two values.
pub(super) fn map2<'a>(map: Map2, a: Operand<'a>, b: Operand<'a>, shape: &Shape<'_>) -> Outcome<'a> {
    let level = a.level().max(b.level());
    let dtype = common(a.promoted(), b.promoted())?;
    let values = match map {
        Map2::Minimum | Map2::Maximum => {
            let lesser = map == Map2::Minimum;
            numeric!(
                dtype,
                T => {
                    let (a, b) = (a.side::<T>(level, shape), b.side(level, shape));
                    T::values(if lesser { pairs(a, b, T::lesser) } else { pairs(a, b, T::greater) })
                },
                bool => bitwise(lesser, a, b, shape)?
            )
        }
        Map2::Arctan2 | Map2::Hypot => float!(dtype, T => {
            let (a, b) = (a.side::<T>(level, shape), b.side(level, shape));
            T::values(if map == Map2::Arctan2 { pairs(a, b, T::atan2) } else { pairs(a, b, T::hypot) })
        }),
    };
    Ok(Operand::Values(level, Cow::Owned(values)))
}

/// `a` where the condition holds (is not zero), `b` elsewhere.
pub(super) fn choose<'a>(
    condition: Operand<'a>,
    a: Operand<'a>,
    b: Operand<'a>,
    shape: &Shape<'_>,
) -> Outcome<'a> {
    let level = condition.level().max(a.level()).max(b.level());
    let dtype = common(a.promoted(), b.promoted())?;
    let condition = condition.all::<bool>(level, shape);
    fn chosen<T: Number>(condition: &[bool], a: &[T], b: &[T]) -> Values {
        T::values(condition.iter().zip(a.iter().zip(b)).map(|(&c, (&x, &y))| if c { x } else { y }).collect())
    }
    let values = numeric!(
        dtype,
        T => chosen::<T>(&condition, &a.all(level, shape), &b.all(level, shape)),
        bool => chosen::<bool>(&condition, &a.all(level, shape), &b.all(level, shape))
    );
    Ok(Operand::Values(level, Cow::Owned(values)))
}

/// Rounds half to even at a decimal place.
pub(super) fn round<'a>(x: Operand<'a>, decimals: i32, shape: &Shape<'_>) -> Outcome<'a> {
    let (level, dtype) = (x.level(), x.dtype());
    if !dtype.is_float() {
        if decimals < 0 {
            return Err(format!("values of type {dtype} are rounded to no power of ten; use float64(...)"));
        }
        return convert(dtype, x, shape);
    }
    let values = float!(dtype, T => {
        let scale = (10.0 as T).powi(decimals.abs());
        let side = x.side::<T>(level, shape);
        T::values(match decimals {
            0 => each(side, T::round_ties_even),
            1.. => each(side, |x| (x * scale).round_ties_even() / scale),
            _ => each(side, |x| (x / scale).round_ties_even() * scale),
        })
    });
    Ok(Operand::Values(level, Cow::Owned(values)))
}

/// The values in another type.
pub(super) fn convert<'a>(dtype: DType, x: Operand<'a>, shape: &Shape<'_>) -> Outcome<'a> {
    match x {
        Operand::Values(level, values) => Ok(Operand::Values(level, cast(values, dtype))),
        Operand::Literal(Literal::Int(x)) if !promote::fits(x, dtype) && dtype != DType::Bool => {
            Err(format!("the number {x} does not fit the type {dtype}"))
        }
        literal => {
            let values = numeric!(
                dtype,
                T => T::values(literal.all(Level::One, shape).into_owned()),
                bool => Values::Bool(literal.all(Level::One, shape).into_owned())
            );
            Ok(Operand::Values(Level::One, Cow::Owned(values)))
        }
    }
}
