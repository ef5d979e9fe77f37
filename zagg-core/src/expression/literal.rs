//! Numbers written in the text. As in numpy 2 they are weak: they take the type of the column they meet. Operations
//! between them are Python's and done when the text is compiled.

use super::ast::{BinaryOp, Comparison, UnaryOp};

/// A number or truth value without a type of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Literal {
    Bool(bool),
    /// Within the range of int64 and uint64 together.
    Int(i128),
    Float(f64),
}

impl Literal {
    /// The nearest float.
    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Bool(x) => f64::from(u8::from(x)),
            Self::Int(x) => x as f64,
            Self::Float(x) => x,
        }
    }

    /// The integer it is, truth values as 0 and 1.
    pub(super) fn integer(self) -> Option<i128> {
        match self {
            Self::Bool(x) => Some(i128::from(x)),
            Self::Int(x) => Some(x),
            Self::Float(_) => None,
        }
    }
}

/// The operator applied to a literal.
pub(super) fn unary(op: UnaryOp, x: Literal) -> Result<Literal, String> {
    match (op, x) {
        (UnaryOp::Negate, Literal::Float(x)) => Ok(Literal::Float(-x)),
        (UnaryOp::Negate, x) => bounded(x.integer().and_then(i128::checked_neg)),
        (UnaryOp::Invert, Literal::Bool(x)) => Ok(Literal::Bool(!x)),
        (UnaryOp::Invert, Literal::Int(x)) => bounded(Some(!x)),
        (UnaryOp::Invert, Literal::Float(_)) => Err("~ needs a condition or an integer".to_string()),
    }
}

/// The operator between two literals.
pub(super) fn binary(op: BinaryOp, a: Literal, b: Literal) -> Result<Literal, String> {
    match op {
        BinaryOp::Compare(comparison) => Ok(Literal::Bool(match (a.integer(), b.integer()) {
            (Some(a), Some(b)) => holds(comparison, &a, &b),
            _ => holds(comparison, &a.to_f64(), &b.to_f64()),
        })),
        BinaryOp::And | BinaryOp::Or => match (a, b) {
            (Literal::Bool(a), Literal::Bool(b)) => {
                Ok(Literal::Bool(if op == BinaryOp::And { a & b } else { a | b }))
            }
            _ => match (a.integer(), b.integer()) {
                (Some(a), Some(b)) => bounded(Some(if op == BinaryOp::And { a & b } else { a | b })),
                _ => Err("& and | need conditions or integers; put comparisons in parentheses".to_string()),
            },
        },
        BinaryOp::Divide => {
            let divisor = b.to_f64();
            if divisor == 0.0 {
                return Err("division by zero".to_string());
            }
            Ok(Literal::Float(a.to_f64() / divisor))
        }
        _ => match (a.integer(), b.integer()) {
            (Some(a), Some(b)) => integers(op, a, b),
            _ => floats(op, a.to_f64(), b.to_f64()),
        },
    }
}

/// Whether a comparison holds; none but "not equal" does with NaN.
pub(super) fn holds<T: PartialOrd + ?Sized>(comparison: Comparison, a: &T, b: &T) -> bool {
    match comparison {
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
    }
}

fn integers(op: BinaryOp, a: i128, b: i128) -> Result<Literal, String> {
    if matches!(op, BinaryOp::FloorDivide | BinaryOp::Modulo) && b == 0 {
        return Err("division by zero".to_string());
    }
    // Both operands have at most 65 bits, so only a power can exceed 128.
    let remainder = |a: i128, b: i128| {
        let r = a % b;
        if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
    };
    bounded(match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        BinaryOp::Multiply => a.checked_mul(b),
        BinaryOp::FloorDivide => Some((a - remainder(a, b)) / b),
        BinaryOp::Modulo => Some(remainder(a, b)),
        _ if b < 0 => return floats(op, a as f64, b as f64),
        _ => match u32::try_from(b) {
            Ok(exponent) => a.checked_pow(exponent),
            Err(_) => [-1, 0, 1].contains(&a).then(|| if b % 2 == 0 { a * a } else { a }),
        },
    })
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Result<Literal, String> {
    if matches!(op, BinaryOp::FloorDivide | BinaryOp::Modulo) && b == 0.0 {
        return Err("division by zero".to_string());
    }
    Ok(Literal::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::FloorDivide => super::arithmetic::Arithmetic::floor_divide(a, b),
        BinaryOp::Modulo => super::arithmetic::Arithmetic::modulo(a, b),
        _ if a == 0.0 && b < 0.0 => return Err("division by zero".to_string()),
        _ if a < 0.0 && b.is_finite() && b.fract() != 0.0 => {
            return Err("a negative number has no real power with a fraction".to_string());
        }
        _ => a.powf(b),
    }))
}

fn bounded(x: Option<i128>) -> Result<Literal, String> {
    match x {
        Some(x) if x >= i128::from(i64::MIN) && x <= i128::from(u64::MAX) => Ok(Literal::Int(x)),
        _ => Err("the integer exceeds 64 bits; write it as a float".to_string()),
    }
}
