//! What the kernels ask of an element type: one of the four that columns are widened to.

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
    /// An integer that is ordered as the number is: without NaN in the usual order.
    type Key: Copy + Ord;
    /// Its key.
    fn key(self) -> Self::Key;
    /// The number of a key.
    fn of_key(key: Self::Key) -> Self;
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

            type Key = Self;

            fn key(self) -> Self {
                self
            }

            fn of_key(key: Self) -> Self {
                key
            }
        }
    };
}

integer!(i64);
integer!(u64);

macro_rules! float {
    ($t:ty, $bits:ty, $key:ty) => {
        impl Number for $t {
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            type Key = $key;

            /// As `total_cmp` of the standard library: the bits of a negative number but its sign are turned over.
            fn key(self) -> $key {
                let bits = self.to_bits() as $key;
                bits ^ ((bits >> (<$key>::BITS - 1)) as $bits >> 1) as $key
            }

            fn of_key(key: $key) -> Self {
                Self::from_bits((key ^ ((key >> (<$key>::BITS - 1)) as $bits >> 1) as $key) as $bits)
            }
        }
    };
}

float!(f32, u32, i32);
float!(f64, u64, i64);
