//! Arithmetic on one element type, with numpy's results where Rust would panic or differ.

use crate::reduce::Number;

/// A type that can be reckoned with: integers and floats.
///
/// Integers wrap on overflow; a division or remainder by zero gives 0. Floats follow IEEE 754. Remainders take the sign
/// of the divisor.
pub(super) trait Arithmetic: Number {
    fn add(self, other: Self) -> Self;
    fn subtract(self, other: Self) -> Self;
    fn multiply(self, other: Self) -> Self;
    fn floor_divide(self, other: Self) -> Self;
    fn modulo(self, other: Self) -> Self;
    /// The power; for integers `exponent` is not negative.
    fn power(self, exponent: Self) -> Self;
    fn negate(self) -> Self;
    fn absolute(self) -> Self;
    /// -1, 0 or 1; NaN for NaN.
    fn sign(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;

    /// The lesser one; NaN if either is.
    fn lesser(self, other: Self) -> Self {
        if self.is_nan() || self < other { self } else { other }
    }

    /// The greater one; NaN if either is.
    fn greater(self, other: Self) -> Self {
        if self.is_nan() || self > other { self } else { other }
    }
}

macro_rules! integer {
    ($($t:ty: $absolute:expr, $sign:expr, $borrows:expr;)*) => {$(
        impl Arithmetic for $t {
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn subtract(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn multiply(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            fn floor_divide(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let (quotient, rest) = (self.wrapping_div(other), self.wrapping_rem(other));
                if $borrows(rest, other) { quotient - 1 } else { quotient }
            }

            fn modulo(self, other: Self) -> Self {
                if other == 0 {
                    return 0;
                }
                let rest = self.wrapping_rem(other);
                if $borrows(rest, other) { rest + other } else { rest }
            }

            fn power(self, exponent: Self) -> Self {
                let (mut result, mut base, mut exponent) = (1 as $t, self, exponent);
                while exponent > 0 {
                    if exponent & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    exponent >>= 1;
                }
                result
            }

            fn negate(self) -> Self {
                self.wrapping_neg()
            }

            fn absolute(self) -> Self {
                $absolute(self)
            }

            fn sign(self) -> Self {
                $sign(self)
            }

            fn floor(self) -> Self {
                self
            }

            fn ceil(self) -> Self {
                self
            }
        }
    )*};
}

macro_rules! signed {
    ($($t:ty)*) => {
        integer! { $($t: <$t>::wrapping_abs, <$t>::signum, |rest: $t, by: $t| rest != 0 && (rest < 0) != (by < 0);)* }
    };
}

macro_rules! unsigned {
    ($($t:ty)*) => {
        integer! { $($t: |x: $t| x, |x: $t| <$t>::from(x > 0), |_: $t, _: $t| false;)* }
    };
}

signed! { i8 i16 i32 i64 }
unsigned! { u8 u16 u32 u64 }

macro_rules! float {
    ($($t:ty)*) => {$(
        impl Arithmetic for $t {
            fn add(self, other: Self) -> Self {
                self + other
            }

            fn subtract(self, other: Self) -> Self {
                self - other
            }

            fn multiply(self, other: Self) -> Self {
                self * other
            }

            fn floor_divide(self, other: Self) -> Self {
                if other == 0.0 {
                    return self / other;
                }
                // The exact remainder first: the quotient of both alone may round up to the next integer.
                let rest = self % other;
                let borrowed = rest != 0.0 && (rest < 0.0) != (other < 0.0);
                let quotient = (self - rest) / other - if borrowed { 1.0 } else { 0.0 };
                if quotient == 0.0 { (0.0 as $t).copysign(self / other) } else { quotient.round_ties_even() }
            }

            fn modulo(self, other: Self) -> Self {
                let rest = self % other;
                if rest == 0.0 {
                    (0.0 as $t).copysign(other)
                } else if (rest < 0.0) != (other < 0.0) {
                    rest + other
                } else {
                    rest
                }
            }

            fn power(self, exponent: Self) -> Self {
                self.powf(exponent)
            }

            fn negate(self) -> Self {
                -self
            }

            fn absolute(self) -> Self {
                self.abs()
            }

            fn sign(self) -> Self {
                if self == 0.0 {
                    0.0
                } else if self.is_nan() {
                    self
                } else {
                    self.signum()
                }
            }

            fn floor(self) -> Self {
                <$t>::floor(self)
            }

            fn ceil(self) -> Self {
                <$t>::ceil(self)
            }
        }
    )*};
}

float! { f32 f64 }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_divide_to_the_floor_and_never_panic() {
        for (a, b, quotient, rest) in [(7i8, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1)] {
            assert_eq!((a.floor_divide(b), a.modulo(b)), (quotient, rest));
            let (a, b) = (f64::from(a), f64::from(b));
            assert_eq!((a.floor_divide(b), a.modulo(b)), (f64::from(quotient), f64::from(rest)));
        }
        assert_eq!((i8::MIN.floor_divide(-1), i8::MIN.modulo(-1)), (i8::MIN, 0));
        assert_eq!((5u64.floor_divide(0), 5u64.modulo(0)), (0, 0));
        assert_eq!(i8::MIN.absolute(), i8::MIN);
        assert_eq!(3i8.power(100), 3i64.wrapping_pow(100) as i8);
        assert_eq!(2u8.power(8), 0);
    }

    #[test]
    fn floats_divide_like_numpy_at_the_edges() {
        assert!(f64::NAN.modulo(2.0).is_nan());
        assert!(1.0f64.modulo(0.0).is_nan());
        assert_eq!(1.0f64.floor_divide(0.0), f64::INFINITY);
        assert_eq!((-1.0f64).modulo(f64::INFINITY), f64::INFINITY);
        assert_eq!((-1.0f64).floor_divide(f64::INFINITY), -1.0);
        assert!((-0.0f64).modulo(3.0).is_sign_positive());
        assert!(0.0f64.floor_divide(-3.0).is_sign_negative());
        assert_eq!(0.3f64.floor_divide(0.1), 2.0);
    }
}
