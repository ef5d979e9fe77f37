//! What the kernels ask of an element type.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::column::{DType, Values};
use crate::with_values;

/// An element type of a column.
pub(crate) trait Number: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// Its name at run time.
    const DTYPE: DType;
    /// The least value; minus infinity for floats.
    const LOWEST: Self;
    /// The greatest value; infinity for floats.
    const HIGHEST: Self;

    /// Whether it is NaN.
    fn is_nan(self) -> bool;
    /// The nearest f64.
    fn to_f64(self) -> f64;
    /// The exact integer; the fraction of a float is dropped.
    fn to_i128(self) -> i128;
    /// Another type's value, as numpy's `astype`: integers wrap, floats are rounded or lose their fraction. A float
    /// beyond the range of an integer type becomes the nearest end of that range and NaN becomes 0.
    fn to<T: Number>(self) -> T;
    /// See [`Self::to`].
    fn from_i64(x: i64) -> Self;
    /// See [`Self::to`].
    fn from_u64(x: u64) -> Self;
    /// See [`Self::to`].
    fn from_f64(x: f64) -> Self;
    /// A total order; without NaN the usual one.
    fn order(&self, other: &Self) -> Ordering;
    /// The difference, if the type can hold it.
    fn checked_difference(self, other: Self) -> Option<Self>;

    /// The values in this type, by the rules of [`Self::to`]; not copied when they have it already.
    fn of(values: Cow<'_, Values>) -> Cow<'_, [Self]>;
    /// The values around a vector.
    fn values(vector: Vec<Self>) -> Values;
}

macro_rules! common {
    ($t:ty, $variant:ident) => {
        const DTYPE: DType = DType::$variant;

        fn of(values: Cow<'_, Values>) -> Cow<'_, [Self]> {
            match values {
                Cow::Borrowed(Values::$variant(v)) => Cow::Borrowed(v),
                Cow::Owned(Values::$variant(v)) => Cow::Owned(v),
                other => Cow::Owned(with_values!(other.as_ref(), v => v.iter().map(|x| x.to()).collect())),
            }
        }

        fn values(vector: Vec<Self>) -> Values {
            Values::$variant(vector)
        }
    };
}

macro_rules! integer {
    ($t:ty, $variant:ident, $through:ident, $wide:ty) => {
        impl Number for $t {
            common!($t, $variant);
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;

            fn is_nan(self) -> bool {
                false
            }

            #[allow(clippy::cast_lossless)] // The same text serves every integer type.
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn to_i128(self) -> i128 {
                i128::from(self)
            }

            #[allow(clippy::cast_lossless)] // The same text serves every integer type.
            fn to<T: Number>(self) -> T {
                T::$through(self as $wide)
            }

            fn from_i64(x: i64) -> Self {
                x as Self
            }

            fn from_u64(x: u64) -> Self {
                x as Self
            }

            fn from_f64(x: f64) -> Self {
                x as Self
            }

            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }

            fn checked_difference(self, other: Self) -> Option<Self> {
                self.checked_sub(other)
            }
        }
    };
}

integer!(i8, Int8, from_i64, i64);
integer!(i16, Int16, from_i64, i64);
integer!(i32, Int32, from_i64, i64);
integer!(i64, Int64, from_i64, i64);
integer!(u8, UInt8, from_u64, u64);
integer!(u16, UInt16, from_u64, u64);
integer!(u32, UInt32, from_u64, u64);
integer!(u64, UInt64, from_u64, u64);

macro_rules! float {
    ($t:ty, $variant:ident) => {
        impl Number for $t {
            common!($t, $variant);
            const LOWEST: Self = Self::NEG_INFINITY;
            const HIGHEST: Self = Self::INFINITY;

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[allow(clippy::cast_lossless)] // The same text serves both float types.
            fn to_f64(self) -> f64 {
                self as f64
            }

            fn to_i128(self) -> i128 {
                self as i128
            }

            #[allow(clippy::cast_lossless)] // The same text serves both float types.
            fn to<T: Number>(self) -> T {
                T::from_f64(self as f64)
            }

            fn from_i64(x: i64) -> Self {
                x as Self
            }

            fn from_u64(x: u64) -> Self {
                x as Self
            }

            fn from_f64(x: f64) -> Self {
                x as Self
            }

            fn order(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }

            fn checked_difference(self, other: Self) -> Option<Self> {
                Some(self - other)
            }
        }
    };
}

float!(f32, Float32);
float!(f64, Float64);

impl Number for bool {
    common!(bool, Bool);
    const LOWEST: Self = false;
    const HIGHEST: Self = true;

    fn is_nan(self) -> bool {
        false
    }

    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }

    fn to_i128(self) -> i128 {
        i128::from(self)
    }

    fn to<T: Number>(self) -> T {
        T::from_u64(u64::from(self))
    }

    fn from_i64(x: i64) -> Self {
        x != 0
    }

    fn from_u64(x: u64) -> Self {
        x != 0
    }

    fn from_f64(x: f64) -> Self {
        x != 0.0
    }

    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn checked_difference(self, _: Self) -> Option<Self> {
        None
    }
}

/// The values in another type, by the rules of [`Number::to`]; borrowed when the type is the same.
pub(crate) fn cast(values: Cow<'_, Values>, dtype: DType) -> Cow<'_, Values> {
    if values.dtype() == dtype {
        return values;
    }
    macro_rules! arms {
        ($($variant:ident: $t:ty),*) => {
            match dtype {
                $(DType::$variant => Values::$variant(<$t>::of(values).into_owned()),)*
            }
        };
    }
    Cow::Owned(arms!(
        Bool: bool, Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32,
        UInt64: u64, Float32: f32, Float64: f64
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_follow_astype_and_never_panic() {
        assert_eq!(300i32.to::<u8>(), 44);
        assert_eq!((-1i8).to::<u64>(), u64::MAX);
        assert_eq!(u64::MAX.to::<f64>(), 18_446_744_073_709_551_615.0);
        assert_eq!((-2.9f32).to::<i32>(), -2);
        assert_eq!(1e300f64.to::<i64>(), i64::MAX);
        assert_eq!(f64::NAN.to::<i32>(), 0);
        assert!(f64::NAN.to::<bool>());
        assert_eq!(16_777_217i32.to::<f32>(), 16_777_216.0);
        let same = Values::Int8(vec![1]);
        assert!(matches!(cast(Cow::Borrowed(&same), DType::Int8), Cow::Borrowed(_)));
    }
}
