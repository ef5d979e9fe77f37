//! Numbers of any type as two floats, without rounding: the float next to the number and what is left.

use zagg_core::{DType, Error, Result, Values};

use crate::partial::damaged;

/// The nearest float and the rest; their sum is the number.
pub(crate) type Pair = [f64; 2];

/// An integer below 2^106 or so.
pub(crate) fn of_integer(x: i128) -> Pair {
    let high = x as f64;
    [high, (x - high as i128) as f64]
}

/// The values of a column, each exact.
pub(crate) fn split(values: &Values) -> Vec<Pair> {
    match values {
        Values::Int64(v) => v.iter().map(|&x| of_integer(x.into())).collect(),
        Values::UInt64(v) => v.iter().map(|&x| of_integer(x.into())).collect(),
        other => other.to_f64().into_iter().map(|x| [x, 0.0]).collect(),
    }
}

/// The sum of two numbers: exact for integers below 2^106, else right to some 2^-104 (Dekker's addition). An infinity
/// or NaN is what f64 makes of it.
pub(crate) fn add(a: Pair, b: Pair) -> Pair {
    let sum = a[0] + b[0];
    let part = sum - a[0];
    let error = (a[0] - (sum - part)) + (b[0] - part);
    let low = a[1] + b[1] + error;
    let high = sum + low;
    let rest = low - (high - sum);
    if rest.is_finite() { [high, rest] } else { [sum, 0.0] }
}

fn integer([high, low]: Pair) -> Option<i128> {
    let whole = |x: f64| x.fract() == 0.0 && x.abs() < 1e30;
    (whole(high) && whole(low)).then(|| high as i128 + low as i128)
}

/// The numbers in the type that a statistic announces. Where it announces float64 because it does not know its source's
/// type, 64-bit integers that float64 cannot hold stay integers.
///
/// # Errors
/// When the type cannot hold a number.
pub(crate) fn join(form: &str, pairs: &[Pair], dtype: DType) -> Result<Values> {
    let signed = || pairs.iter().map(|&p| i64::try_from(integer(p)?).ok()).collect::<Option<_>>();
    let unsigned = || pairs.iter().map(|&p| u64::try_from(integer(p)?).ok()).collect::<Option<_>>();
    let unfit = || -> Error { damaged(form, &format!("it holds a number that does not fit {dtype}")) };
    match dtype {
        DType::Int64 => signed().map(Values::Int64).ok_or_else(unfit),
        DType::UInt64 => unsigned().map(Values::UInt64).ok_or_else(unfit),
        _ => {
            if dtype == DType::Float64 && pairs.iter().any(|p| p[1] != 0.0) {
                let whole = signed().map(Values::Int64).or_else(|| unsigned().map(Values::UInt64));
                if let Some(whole) = whole {
                    return Ok(whole);
                }
            }
            let floats = Values::Float64(pairs.iter().map(|[high, low]| high + low).collect());
            floats.cast(dtype).map_err(|_| unfit())
        }
    }
}

/// Which of two numbers is greater; NaN is equal to all.
pub(crate) fn compare(a: Pair, b: Pair) -> std::cmp::Ordering {
    let equal = std::cmp::Ordering::Equal;
    a[0].partial_cmp(&b[0]).unwrap_or(equal).then(a[1].partial_cmp(&b[1]).unwrap_or(equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_64_bits_come_back() {
        for x in [i64::MIN, i64::MAX, -1, 0, (1 << 53) + 1, -(1 << 60) - 1] {
            let values = Values::Int64(vec![x]);
            assert_eq!(join("f/1", &split(&values), DType::Int64).unwrap(), values);
        }
        let values = Values::UInt64(vec![u64::MAX, 0, (1 << 63) + 1]);
        assert_eq!(join("f/1", &split(&values), DType::UInt64).unwrap(), values);
        assert_eq!(join("f/1", &split(&values), DType::Float64).unwrap(), values);
        assert!(join("f/1", &[[f64::INFINITY, 0.0]], DType::Int64).is_err());
        assert!(join("f/1", &[[0.5, 0.0]], DType::Int8).is_err());
    }

    #[test]
    fn sums_of_integers_are_exact() {
        let mut sum = [0.0, 0.0];
        let mut whole = 0i128;
        let mut x = 1i64;
        for _ in 0..1000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum = add(sum, of_integer(x.into()));
            whole += i128::from(x);
        }
        assert_eq!(integer(sum), Some(whole));
        assert_eq!(add([f64::INFINITY, 0.0], [1.0, 0.0]), [f64::INFINITY, 0.0]);
        assert!(add([f64::INFINITY, 0.0], [f64::NEG_INFINITY, 0.0])[0].is_nan());
        assert_eq!(add([f64::MAX, 0.0], [f64::MAX, 0.0])[0], f64::INFINITY);
    }
}
