//! Sums and what is made of them: means, variances, weighted averages.

use super::wide::{Floats, Wide, is_unsigned, with_floats};
use super::{Nan, Number, check, groups};
use crate::column::Values;
use crate::error::{Error, Result};

/// Independent running sums: additions of one group do not wait for each other.
const LANES: usize = 8;

/// The sum of `term(i)` for `i` in `0..n`, in an order that depends on `n` alone.
#[inline]
pub fn sum_of(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    if n < LANES {
        return (0..n).fold(0.0, |sum, i| sum + term(i));
    }
    let mut lanes = [0.0; LANES];
    let whole = n - n % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    for (lane, i) in (whole..n).enumerate() {
        lanes[lane] += term(i);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Sum and number of the values of a group that count.
#[inline]
fn total<T: Number>(group: &[T], nan: Nan) -> (f64, usize) {
    match nan {
        Nan::Propagate => (sum_of(group.len(), |i| group[i].to_f64()), group.len()),
        Nan::Skip => (
            sum_of(group.len(), |i| if group[i].is_nan() { 0.0 } else { group[i].to_f64() }),
            group.iter().filter(|x| !x.is_nan()).count(),
        ),
    }
}

/// Sum of squared differences from `mean` over the values of a group that count.
#[inline]
fn squares<T: Number>(group: &[T], mean: f64, nan: Nan) -> f64 {
    sum_of(group.len(), |i| {
        if nan == Nan::Skip && group[i].is_nan() {
            return 0.0;
        }
        let difference = group[i].to_f64() - mean;
        difference * difference
    })
}

/// Number of values of every group that are not NaN.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn non_nan_counts(values: &Values, offsets: &[u32]) -> Result<Vec<i64>> {
    check(values.len(), offsets)?;
    Ok(with_floats!(values, v => {
        groups(v, offsets).map(|g| g.iter().filter(|x| !x.is_nan()).count() as i64).collect()
    }))
}

/// Sum of every group in f64.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn sum_f64(values: &Values, offsets: &[u32], nan: Nan) -> Result<Vec<f64>> {
    check(values.len(), offsets)?;
    Ok(with_floats!(values, v => groups(v, offsets).map(|g| total(g, nan).0).collect()))
}

/// Sum of every group of an integer or bool column, exact; none for floats.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn integer_sums(values: &Values, offsets: &[u32]) -> Result<Option<Vec<i128>>> {
    check(values.len(), offsets)?;
    fn sums<T: Copy + Into<i128>>(values: &[T], offsets: &[u32]) -> Vec<i128> {
        groups(values, offsets).map(|g| g.iter().map(|&x| x.into()).sum()).collect()
    }
    Ok(match Wide::of(values) {
        Wide::F32(_) | Wide::F64(_) => None,
        Wide::I64(v) => Some(sums(&v, offsets)),
        Wide::U64(v) => Some(sums(v, offsets)),
    })
}

/// Sum of every group: float64 for floats, int64 for signed integers and bool, uint64 for unsigned integers.
///
/// # Errors
/// When the offsets do not fit the column, or the sum of integers exceeds 64 bits.
pub fn sum(values: &Values, offsets: &[u32], nan: Nan) -> Result<Values> {
    let Some(sums) = integer_sums(values, offsets)? else {
        return sum_f64(values, offsets, nan).map(Values::Float64);
    };
    let dtype = values.dtype();
    let whole = if is_unsigned(dtype) {
        sums.into_iter().map(u64::try_from).collect::<std::result::Result<_, _>>().map(Values::UInt64)
    } else {
        sums.into_iter().map(i64::try_from).collect::<std::result::Result<_, _>>().map(Values::Int64)
    };
    whole.map_err(|_| {
        Error::input(format!("a sum of {dtype} values exceeds 64 bits; sum float64(...) instead"))
    })
}

/// Mean of every group; NaN where nothing counts.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn mean(values: &Values, offsets: &[u32], nan: Nan) -> Result<Vec<f64>> {
    check(values.len(), offsets)?;
    Ok(with_floats!(values, v => {
        groups(v, offsets)
            .map(|g| {
                let (sum, n) = total(g, nan);
                sum / n as f64
            })
            .collect()
    }))
}

/// Number, mean and sum of squared differences from the mean: what a variance is made of, and what merges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of values.
    pub count: f64,
    /// Their mean; NaN for none.
    pub mean: f64,
    /// Sum of squared differences from that mean.
    pub squares: f64,
}

impl Moments {
    /// The variance with `count - ddof` in the denominator; NaN unless that is positive.
    pub fn variance(&self, ddof: u32) -> f64 {
        let freedom = self.count - f64::from(ddof);
        if freedom > 0.0 { self.squares / freedom } else { f64::NAN }
    }

    /// The moments of both sets of values together (Chan, Golub and LeVeque).
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0.0 {
            return *other;
        }
        if other.count == 0.0 {
            return *self;
        }
        let count = self.count + other.count;
        let difference = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + difference * (other.count / count),
            squares: self.squares
                + other.squares
                + difference * difference * (self.count * (other.count / count)),
        }
    }
}

/// Moments of every group, in two passes: the mean first, then the differences from it.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn moments(values: &Values, offsets: &[u32], nan: Nan) -> Result<Vec<Moments>> {
    check(values.len(), offsets)?;
    Ok(with_floats!(values, v => groups(v, offsets).map(|g| moments_of(g, nan)).collect()))
}

#[inline]
fn moments_of<T: Number>(group: &[T], nan: Nan) -> Moments {
    let (sum, n) = total(group, nan);
    let mean = sum / n as f64;
    Moments { count: n as f64, mean, squares: squares(group, mean, nan) }
}

/// Variance of every group with `n - ddof` in the denominator, in two passes; NaN where `n <= ddof`.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn variance(values: &Values, offsets: &[u32], ddof: u32, nan: Nan) -> Result<Vec<f64>> {
    check(values.len(), offsets)?;
    Ok(with_floats!(values, v => groups(v, offsets).map(|g| moments_of(g, nan).variance(ddof)).collect()))
}

/// `Σ w·x` and `Σ w` of every group. Products and sums are f64.
///
/// # Errors
/// When the offsets do not fit the columns, or these differ in length.
pub fn sum_products(values: &Values, weights: &Values, offsets: &[u32]) -> Result<Vec<(f64, f64)>> {
    check(values.len(), offsets)?;
    if values.len() != weights.len() {
        return Err(Error::plugin(format!(
            "there are {} weights for {} values",
            weights.len(),
            values.len()
        )));
    }
    fn pairs<X: Number, W: Number>(x: &[X], w: &[W], offsets: &[u32]) -> Vec<(f64, f64)> {
        groups(x, offsets)
            .zip(groups(w, offsets))
            .map(|(x, w)| {
                let n = x.len().min(w.len());
                (sum_of(n, |i| x[i].to_f64() * w[i].to_f64()), sum_of(n, |i| w[i].to_f64()))
            })
            .collect()
    }
    Ok(match (Floats::of(values), Floats::of(weights)) {
        (Floats::F32(x), Floats::F32(w)) => pairs(x, w, offsets),
        (Floats::F32(x), Floats::F64(w)) => pairs(x, &w, offsets),
        (Floats::F64(x), Floats::F32(w)) => pairs(&x, w, offsets),
        (Floats::F64(x), Floats::F64(w)) => pairs(&x, &w, offsets),
    })
}

/// Weighted average `Σ w·x / Σ w` of every group: NaN where the weights add up to zero.
///
/// # Errors
/// When the offsets do not fit the columns, or these differ in length.
pub fn average(values: &Values, weights: &Values, offsets: &[u32]) -> Result<Vec<f64>> {
    Ok(sum_products(values, weights, offsets)?.into_iter().map(quotient).collect())
}

fn quotient((products, weights): (f64, f64)) -> f64 {
    if weights == 0.0 { f64::NAN } else { products / weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_sums_all_its_terms() {
        for n in 0..40 {
            let v: Vec<i32> = (1..=n).collect();
            let column = Values::Int32(v);
            if n > 0 {
                let sums = sum_f64(&column, &[0, n as u32], Nan::Propagate).unwrap();
                assert_eq!(sums, [f64::from(n * (n + 1) / 2)]);
            }
        }
    }

    #[test]
    fn integer_sums_are_exact_and_refuse_to_wrap() {
        let column = Values::Int64(vec![i64::MAX, -1, 1]);
        assert_eq!(sum(&column, &[0, 3], Nan::Propagate).unwrap(), Values::Int64(vec![i64::MAX]));
        let column = Values::UInt64(vec![u64::MAX, 1]);
        let error = sum(&column, &[0, 2], Nan::Propagate).unwrap_err();
        assert_eq!(error.to_string(), "a sum of uint64 values exceeds 64 bits; sum float64(...) instead");
        let column = Values::Bool(vec![true, false, true]);
        assert_eq!(sum(&column, &[0, 3], Nan::Propagate).unwrap(), Values::Int64(vec![2]));
    }

    #[test]
    fn a_variance_far_from_zero_keeps_its_digits() {
        let column = Values::Float64(vec![1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!(variance(&column, &[0, 4], 0, Nan::Propagate).unwrap(), [22.5]);
        assert_eq!(variance(&column, &[0, 4], 1, Nan::Propagate).unwrap(), [30.0]);
        assert!(variance(&column, &[0, 1], 1, Nan::Propagate).unwrap()[0].is_nan());
    }

    #[test]
    fn weights_of_zero_and_infinity_give_nan() {
        let x = Values::Float32(vec![1.0, 2.0]);
        let zero = Values::Float32(vec![1.0, -1.0]);
        assert!(average(&x, &zero, &[0, 2]).unwrap()[0].is_nan());
        let infinite = Values::Float32(vec![f32::INFINITY, 100.0]);
        assert!(average(&x, &infinite, &[0, 2]).unwrap()[0].is_nan());
        assert!(average(&x, &Values::Int8(vec![1]), &[0, 1]).is_err());
        assert_eq!(average(&Values::Int8(vec![1, 4]), &Values::UInt8(vec![2, 1]), &[0, 2]).unwrap(), [2.0]);
    }
}
