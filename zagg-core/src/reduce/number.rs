//! What the kernels ask of an element type: one of the four that columns are widened to.

use std::cmp::Ordering;

/// An element type that kernels are compiled for.
pub(super) trait Number: Copy + PartialOrd {
    /// The least value; minus infinity for floats.
    const LOWEST: Self;
    /// The greatest value; infinity for floats.
    const HIGHEST: Self;

    /// Whether it is NaN.
    fn is_nan(self) -> bool;
    /// The nearest f64.
    fn to_f64(self) -> f64;
    /// A total order; without NaN the usual one.
    fn order(&self, other: &Self) -> Ordering;
}

macro_rules! integer {
    ($t:ty) => {
        impl Number for $t {
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;

            fn is_nan(self) -> bool {
                false
            }

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    };
}

integer!(i64);
integer!(u64);

macro_rules! float {
    ($t:ty) => {
        impl Number for $t {
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn order(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }
        }
    };
}

float!(f32);
float!(f64);
