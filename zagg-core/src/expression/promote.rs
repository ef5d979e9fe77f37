//! The type of a result: numpy 2's promotion.

use super::literal::Literal;
use crate::column::DType;

/// What an operand brings to the type of the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operand {
    /// A number written in the text: it takes the other operand's type if that is of its kind or wider.
    Weak(Literal),
    /// Values with a type.
    Strong(DType),
}

impl Operand {
    /// Its type when nothing else decides.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::Strong(dtype) => dtype,
            Self::Weak(Literal::Bool(_)) => DType::Bool,
            Self::Weak(Literal::Int(x)) if x > i128::from(i64::MAX) => DType::UInt64,
            Self::Weak(Literal::Int(_)) => DType::Int64,
            Self::Weak(Literal::Float(_)) => DType::Float64,
        }
    }
}

/// The common type of two operands.
///
/// Fails when a literal integer does not fit the integer type it meets.
pub(super) fn common(a: Operand, b: Operand) -> Result<DType, String> {
    match (a, b) {
        (Operand::Strong(a), Operand::Strong(b)) => Ok(strong(a, b)),
        (Operand::Weak(literal), Operand::Strong(dtype))
        | (Operand::Strong(dtype), Operand::Weak(literal)) => weak(literal, dtype),
        (a, b) => Ok(strong(a.dtype(), b.dtype())),
    }
}

fn weak(literal: Literal, dtype: DType) -> Result<DType, String> {
    match literal {
        Literal::Bool(_) => Ok(dtype),
        Literal::Float(_) => Ok(if dtype.is_float() { dtype } else { DType::Float64 }),
        Literal::Int(_) if dtype == DType::Bool => Ok(Operand::Weak(literal).dtype()),
        Literal::Int(x) if fits(x, dtype) => Ok(dtype),
        Literal::Int(x) => {
            Err(format!("the number {x} does not fit the type {dtype} of the values it meets"))
        }
    }
}

/// Whether a literal integer is a value of the type.
pub(super) fn fits(x: i128, dtype: DType) -> bool {
    let bits = 8 * dtype.size() as u32;
    match dtype {
        DType::Float32 | DType::Float64 => true,
        DType::Bool => x == 0 || x == 1,
        _ if is_signed(dtype) => x >= -(1i128 << (bits - 1)) && x < 1i128 << (bits - 1),
        _ => x >= 0 && x < 1i128 << bits,
    }
}

fn is_signed(dtype: DType) -> bool {
    matches!(dtype, DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64)
}

fn strong(a: DType, b: DType) -> DType {
    let wider = if a.size() >= b.size() { a } else { b };
    match (a, b) {
        _ if a == b => a,
        (DType::Bool, other) | (other, DType::Bool) => other,
        _ if a.is_float() && b.is_float() => wider,
        _ if a.is_float() || b.is_float() => {
            let (float, integer) = if a.is_float() { (a, b) } else { (b, a) };
            if integer.size() <= 2 { float } else { DType::Float64 }
        }
        _ if is_signed(a) == is_signed(b) => wider,
        _ => {
            let (signed, unsigned) = if is_signed(a) { (a, b) } else { (b, a) };
            if signed.size() > unsigned.size() {
                return signed;
            }
            match unsigned.size() {
                1 => DType::Int16,
                2 => DType::Int32,
                4 => DType::Int64,
                _ => DType::Float64,
            }
        }
    }
}

/// The float type in which functions such as `sqrt` are reckoned. zagg has no float16, so the smallest integers, for
/// which numpy takes that, give float32.
pub(super) fn float(dtype: DType) -> DType {
    match dtype {
        DType::Float32 => DType::Float32,
        DType::Float64 => DType::Float64,
        other if other.size() <= 2 => DType::Float32,
        _ => DType::Float64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promotion_is_numpys() {
        use DType::{Bool, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
        for (a, b, expected) in [
            (Int8, Int16, Int16),
            (UInt64, Int64, Float64),
            (UInt64, Int8, Float64),
            (UInt8, Int8, Int16),
            (UInt16, Int8, Int32),
            (UInt32, Int32, Int64),
            (UInt8, Int32, Int32),
            (Float32, Float64, Float64),
            (Float32, Int16, Float32),
            (Float32, Int32, Float64),
            (Bool, UInt8, UInt8),
            (Bool, Bool, Bool),
            (UInt32, UInt64, UInt64),
        ] {
            assert_eq!(strong(a, b), expected, "{a} {b}");
            assert_eq!(strong(b, a), expected, "{b} {a}");
        }
        let meets = |literal, dtype| common(Operand::Weak(literal), Operand::Strong(dtype));
        assert_eq!(meets(Literal::Int(200), UInt8), Ok(UInt8));
        assert!(meets(Literal::Int(300), UInt8).is_err());
        assert!(meets(Literal::Int(-1), UInt64).is_err());
        assert_eq!(meets(Literal::Int(3), Bool), Ok(Int64));
        assert_eq!(meets(Literal::Float(0.5), Int8), Ok(Float64));
        assert_eq!(meets(Literal::Float(0.5), Float32), Ok(Float32));
        assert_eq!(meets(Literal::Int(i128::from(u64::MAX)), Float32), Ok(Float32));
    }
}
