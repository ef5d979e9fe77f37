//! Arithmetic on the classes in which expressions are reckoned, with numpy's results where Rust would panic or differ.

/// A class of values that can be reckoned with.
///
/// Integers are i64; what differs for uint64, which is kept by its bits, is in [`unsigned`]. Integers wrap on overflow; a
/// division or remainder by zero gives 0. Floats follow IEEE 754. Remainders take the sign of the divisor.
pub(super) trait Arithmetic: Copy + PartialOrd {
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
    /// Whether it is NaN.
    fn nan(self) -> bool;

    /// The lesser one; NaN if either is.
    fn lesser(self, other: Self) -> Self {
        if self.nan() || self < other { self } else { other }
    }

    /// The greater one; NaN if either is.
    fn greater(self, other: Self) -> Self {
        if self.nan() || self > other { self } else { other }
    }
}

impl Arithmetic for i64 {
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
        if rest != 0 && (rest < 0) != (other < 0) { quotient - 1 } else { quotient }
    }

    fn modulo(self, other: Self) -> Self {
        if other == 0 {
            return 0;
        }
        let rest = self.wrapping_rem(other);
        if rest != 0 && (rest < 0) != (other < 0) { rest + other } else { rest }
    }

    fn power(self, exponent: Self) -> Self {
        // The bits of a uint64 exponent, too, are taken one by one.
        let (mut result, mut base, mut exponent) = (1i64, self, exponent as u64);
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
        self.wrapping_abs()
    }

    fn sign(self) -> Self {
        self.signum()
    }

    fn nan(self) -> bool {
        false
    }
}

/// Operations on the bits of uint64 where they differ from those on int64.
pub(super) mod unsigned {
    pub(in super::super) fn floor_divide(a: i64, b: i64) -> i64 {
        (a as u64).checked_div(b as u64).unwrap_or(0) as i64
    }

    pub(in super::super) fn modulo(a: i64, b: i64) -> i64 {
        (a as u64).checked_rem(b as u64).unwrap_or(0) as i64
    }

    pub(in super::super) fn lesser(a: i64, b: i64) -> i64 {
        if (a as u64) < b as u64 { a } else { b }
    }

    pub(in super::super) fn greater(a: i64, b: i64) -> i64 {
        if a as u64 > b as u64 { a } else { b }
    }
}

/// A class of floats.
pub(super) trait Float: Arithmetic {
    fn divide(self, other: Self) -> Self;
    fn root(self) -> Self;
    fn arctan2(self, other: Self) -> Self;
    fn hypot(self, other: Self) -> Self;
    /// Rounds half to even at a decimal place.
    fn round(self, decimals: i32) -> Self;
}

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

            fn nan(self) -> bool {
                self.is_nan()
            }
        }

        impl Float for $t {
            fn divide(self, other: Self) -> Self {
                self / other
            }

            fn root(self) -> Self {
                self.sqrt()
            }

            fn arctan2(self, other: Self) -> Self {
                self.atan2(other)
            }

            fn hypot(self, other: Self) -> Self {
                <$t>::hypot(self, other)
            }

            fn round(self, decimals: i32) -> Self {
                let scale = (10.0 as $t).powi(decimals.abs());
                match decimals {
                    0 => self.round_ties_even(),
                    1.. => (self * scale).round_ties_even() / scale,
                    _ => (self / scale).round_ties_even() * scale,
                }
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
            let [wide, by] = [a, b].map(i64::from);
            assert_eq!((wide.floor_divide(by), wide.modulo(by)), (quotient, rest));
            let (a, b) = (f64::from(a), f64::from(b));
            assert_eq!((a.floor_divide(b), a.modulo(b)), (quotient as f64, rest as f64));
        }
        assert_eq!((i64::MIN.floor_divide(-1), i64::MIN.modulo(-1)), (i64::MIN, 0));
        assert_eq!((5i64.floor_divide(0), 5i64.modulo(0)), (0, 0));
        assert_eq!((unsigned::floor_divide(5, 0), unsigned::modulo(5, 0)), (0, 0));
        assert_eq!((unsigned::floor_divide(-1, 2), unsigned::modulo(-1, 2)), (i64::MAX, 1));
        assert_eq!((unsigned::lesser(-1, 2), unsigned::greater(-1, 2)), (2, -1));
        assert_eq!(i64::MIN.absolute(), i64::MIN);
        assert_eq!(3i64.power(100), 3i64.wrapping_pow(100));
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
