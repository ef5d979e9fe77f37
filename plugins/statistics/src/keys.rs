//! Sort keys: unsigned integers in the order of the values of a column, whatever its type.

use zagg_core::{DType, Result, Values};

/// The bit that tells numbers below zero from the others.
const SIGN: u64 = 1 << 63;

/// The key of NaN where it stands above all.
pub(crate) const NAN: u64 = u64::MAX;

fn of_float(x: f64, nan: u64) -> u64 {
    if x.is_nan() {
        return nan;
    }
    // Both zeros are one value.
    let bits = (x + 0.0).to_bits();
    if bits & SIGN == 0 { bits ^ SIGN } else { !bits }
}

/// One key per value: keys compare as the values do, and equal values have equal keys. NaN has the given key; no other
/// float has the keys 0 and [`NAN`].
pub(crate) fn of(values: &Values, nan: u64) -> Vec<u64> {
    fn signed<T: Copy + Into<i64>>(v: &[T]) -> Vec<u64> {
        v.iter().map(|&x| x.into() as u64 ^ SIGN).collect()
    }
    fn unsigned<T: Copy + Into<u64>>(v: &[T]) -> Vec<u64> {
        v.iter().map(|&x| x.into()).collect()
    }
    match values {
        Values::Bool(v) => unsigned(v),
        Values::Int8(v) => signed(v),
        Values::Int16(v) => signed(v),
        Values::Int32(v) => signed(v),
        Values::Int64(v) => signed(v),
        Values::UInt8(v) => unsigned(v),
        Values::UInt16(v) => unsigned(v),
        Values::UInt32(v) => unsigned(v),
        Values::UInt64(v) => unsigned(v),
        Values::Float32(v) => v.iter().map(|&x| of_float(x.into(), nan)).collect(),
        Values::Float64(v) => v.iter().map(|&x| of_float(x, nan)).collect(),
    }
}

/// The values of keys, in the type that the column had.
///
/// # Errors
/// When the keys are not of that type.
pub(crate) fn values(keys: &[u64], dtype: DType) -> Result<Values> {
    let wide = match dtype {
        DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64 => {
            Values::Int64(keys.iter().map(|&key| (key ^ SIGN) as i64).collect())
        }
        DType::Float32 | DType::Float64 => {
            let float = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN });
            Values::Float64(keys.iter().map(|&key| if key == NAN { f64::NAN } else { float(key) }).collect())
        }
        _ => Values::UInt64(keys.to_vec()),
    };
    wide.cast(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_values_and_lead_back_to_them() {
        let inf = f64::INFINITY;
        let columns = [
            Values::Float64(vec![-inf, f64::MIN, -1.5, -5e-324, 0.0, 5e-324, 1.0, f64::MAX, inf]),
            Values::Float32(vec![f32::NEG_INFINITY, f32::MIN, -1e-45, 0.0, 1e-45, f32::MAX, f32::INFINITY]),
            Values::Int64(vec![i64::MIN, -1, 0, 1, i64::MAX]),
            Values::UInt64(vec![0, 1, u64::MAX]),
            Values::Int8(vec![-128, -1, 0, 127]),
            Values::UInt16(vec![0, 65535]),
            Values::Bool(vec![false, true]),
        ];
        for column in columns {
            let keys = of(&column, NAN);
            assert!(keys.windows(2).all(|w| w[0] < w[1]), "{column:?}");
            assert_eq!(values(&keys, column.dtype()).unwrap(), column);
        }
        assert_eq!(of(&Values::Float64(vec![-0.0, f64::NAN]), 0), [SIGN, 0]);
    }
}
