//! Quantiles by linear interpolation (Hyndman and Fan's type 7, numpy's default).

use super::wide::with_floats;
use super::{Nan, Number, check, groups};
use crate::column::Values;
use crate::error::{Error, Result};

/// Groups up to this size are sorted, which is quicker than to select from them.
const SMALL: usize = 16;

/// Quantiles of every group: for each group one value per entry of `qs`, in the order of `qs`.
///
/// The quantile `q` of `n` sorted values stands at the position `q·(n − 1)`, between two values in proportion. Groups
/// with a NaN give NaN, or the quantile of the rest under [`Nan::Skip`]. An infinity has its place like any value; numpy
/// gives NaN for the place beside it.
///
/// # Errors
/// When a `q` is not within 0 to 1, or the offsets do not fit the column.
pub fn quantiles(values: &Values, offsets: &[u32], qs: &[f64], nan: Nan) -> Result<Vec<f64>> {
    check(values.len(), offsets)?;
    if let Some(q) = qs.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(Error::input(format!("the quantile {q} is not within 0 to 1")));
    }
    // Ascending, so that every selection only looks at what the one before left above it.
    let mut ascending: Vec<(usize, f64)> = qs.iter().copied().enumerate().collect();
    ascending.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut out = vec![f64::NAN; offsets.len().saturating_sub(1) * qs.len()];
    with_floats!(values, v => {
        let mut scratch = Vec::new();
        for (group, out) in groups(v, offsets).zip(out.chunks_exact_mut(qs.len().max(1))) {
            of_group(group, &ascending, nan, &mut scratch, out);
        }
    });
    Ok(out)
}

/// Median of every group: the quantile 0.5.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn median(values: &Values, offsets: &[u32], nan: Nan) -> Result<Vec<f64>> {
    quantiles(values, offsets, &[0.5], nan)
}

/// Writes the quantiles of one group to `out`, which holds NaN.
#[inline]
fn of_group<T: Number>(
    group: &[T],
    ascending: &[(usize, f64)],
    nan: Nan,
    scratch: &mut Vec<T::Key>,
    out: &mut [f64],
) {
    if let ([x], Nan::Propagate) = (group, nan) {
        out.fill(x.to_f64());
        return;
    }
    scratch.clear();
    // To compare integers is quicker than to compare numbers in a total order.
    if group.iter().any(|x| x.is_nan()) {
        if nan == Nan::Propagate {
            return;
        }
        scratch.extend(group.iter().filter(|x| !x.is_nan()).map(|x| x.key()));
    } else {
        scratch.extend(group.iter().map(|x| x.key()));
    }
    let number = |key: T::Key| T::of_key(key).to_f64();
    let Some(top) = scratch.len().checked_sub(1) else { return };
    if top < SMALL {
        scratch.sort_unstable();
        for &(place, q) in ascending {
            let position = q * top as f64;
            let below = (position as usize).min(top);
            let (low, fraction) = (number(scratch[below]), position - below as f64);
            let high = || number(scratch[(below + 1).min(top)]);
            out[place] = if fraction == 0.0 { low } else { between(low, high(), fraction) };
        }
        return;
    }
    // Everything before `sorted` is in its place and below everything after it.
    let mut sorted = 0;
    for &(place, q) in ascending {
        let position = q * top as f64;
        let below = (position as usize).min(top);
        let rest = &mut scratch[sorted..];
        let (_, low, above) = rest.select_nth_unstable(below - sorted);
        let low = number(*low);
        sorted = below;
        let fraction = position - below as f64;
        out[place] = if fraction == 0.0 {
            low
        } else {
            match above.iter().min() {
                Some(high) => between(low, number(*high), fraction),
                None => low,
            }
        };
    }
}

/// The point between two values, reckoned from the nearer one.
#[inline]
fn between(low: f64, high: f64, fraction: f64) -> f64 {
    if low == high {
        return low; // Also for two infinities of the same sign.
    }
    let step = high - low;
    if !step.is_finite() {
        return low * (1.0 - fraction) + high * fraction;
    }
    if fraction < 0.5 { low + step * fraction } else { high - step * (1.0 - fraction) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By sorting: the definition itself.
    fn by_definition(mut values: Vec<f64>, q: f64) -> f64 {
        values.sort_by(f64::total_cmp);
        let position = q * (values.len() - 1) as f64;
        let below = position.floor() as usize;
        let high = values[(below + 1).min(values.len() - 1)];
        values[below] + (high - values[below]) * (position - below as f64)
    }

    proptest! {
        #[test]
        fn selections_in_any_order_equal_the_definition(
            groups in proptest::collection::vec(proptest::collection::vec(-1000i32..1000, 1..60), 1..6),
            qs in proptest::collection::vec(0.0f64..=1.0, 1..6),
        ) {
            let mut offsets = vec![0u32];
            for g in &groups {
                offsets.push(offsets[offsets.len() - 1] + g.len() as u32);
            }
            let column = Values::Float32(groups.iter().flatten().map(|&x| x as f32).collect());
            let found = quantiles(&column, &offsets, &qs, Nan::Propagate).unwrap();
            for (i, g) in groups.iter().enumerate() {
                for (j, &q) in qs.iter().enumerate() {
                    let expected = by_definition(g.iter().map(|&x| f64::from(x)).collect(), q);
                    prop_assert!((found[i * qs.len() + j] - expected).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn nan_and_infinity() {
        let column = Values::Float64(vec![1.0, f64::NAN, 3.0, f64::INFINITY, f64::INFINITY, f64::NAN]);
        let found = quantiles(&column, &[0, 3, 5, 6], &[0.5, 0.0], Nan::Skip).unwrap();
        assert_eq!(&found[..4], &[2.0, 1.0, f64::INFINITY, f64::INFINITY]);
        assert!(found[4].is_nan() && found[5].is_nan());
        let found = quantiles(&column, &[0, 3, 5, 6], &[0.5], Nan::Propagate).unwrap();
        assert!(found[0].is_nan() && found[1] == f64::INFINITY && found[2].is_nan());
    }

    #[test]
    fn q_outside_the_unit_interval_is_refused() {
        let column = Values::Int8(vec![1]);
        for q in [-0.1, 1.1, f64::NAN] {
            assert!(quantiles(&column, &[0, 1], &[q], Nan::Propagate).is_err());
        }
    }
}
