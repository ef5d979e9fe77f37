//! Least, greatest, first and last values: they keep the type of the column.

use super::wide::Wide;
use super::{Nan, Number, check, groups};
use crate::column::{DType, Values};
use crate::error::{Error, Result};

/// Independent running extremes: comparisons of one group do not wait for each other.
const LANES: usize = 8;

/// The extreme of a group that is not empty; `better(x, best)` says whether `x` replaces `best`.
#[inline]
fn extreme<T: Number>(group: &[T], start: T, nan: Nan, better: impl Fn(T, T) -> bool) -> T {
    let mut best = start;
    let mut any_nan = false;
    let mut chunks = group.chunks_exact(LANES);
    if group.len() >= LANES {
        let (mut lanes, mut nans) = ([start; LANES], [false; LANES]);
        for chunk in chunks.by_ref() {
            for lane in 0..LANES {
                let x = chunk[lane];
                lanes[lane] = if better(x, lanes[lane]) { x } else { lanes[lane] };
                nans[lane] |= x.is_nan();
            }
        }
        for lane in 0..LANES {
            best = if better(lanes[lane], best) { lanes[lane] } else { best };
            any_nan |= nans[lane];
        }
    }
    for &x in chunks.remainder() {
        best = if better(x, best) { x } else { best };
        any_nan |= x.is_nan();
    }
    if any_nan && (nan == Nan::Propagate || group.iter().all(|x| x.is_nan())) {
        return group.iter().copied().find(|x| x.is_nan()).unwrap_or(best);
    }
    best
}

#[inline]
fn least<T: Number>(group: &[T], nan: Nan) -> T {
    extreme(group, T::HIGHEST, nan, |x, best| x < best)
}

#[inline]
fn greatest<T: Number>(group: &[T], nan: Nan) -> T {
    extreme(group, T::LOWEST, nan, |x, best| x > best)
}

/// One number per group, in the type of the column.
macro_rules! each {
    ($values:expr, $offsets:expr, $of_group:expr) => {
        match Wide::of($values) {
            Wide::F32(v) => Ok(Values::Float32(groups(v, $offsets).map($of_group).collect())),
            Wide::F64(v) => Ok(Values::Float64(groups(v, $offsets).map($of_group).collect())),
            Wide::I64(v) => {
                Values::Int64(groups(&v, $offsets).map($of_group).collect()).cast($values.dtype())
            }
            Wide::U64(v) => Ok(Values::UInt64(groups(v, $offsets).map($of_group).collect())),
        }
    };
}

/// Least value of every group, in the type of the column.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn min(values: &Values, offsets: &[u32], nan: Nan) -> Result<Values> {
    check(values.len(), offsets)?;
    each!(values, offsets, |g| least(g, nan))
}

/// Greatest value of every group, in the type of the column.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn max(values: &Values, offsets: &[u32], nan: Nan) -> Result<Values> {
    check(values.len(), offsets)?;
    each!(values, offsets, |g| greatest(g, nan))
}

/// Greatest minus least value of every group, in the type of the column.
///
/// # Errors
/// When the offsets do not fit the column, or the difference does not fit its type. Truth values have none.
pub fn range(values: &Values, offsets: &[u32]) -> Result<Values> {
    difference(&max(values, offsets, Nan::Propagate)?, &min(values, offsets, Nan::Propagate)?)
}

/// As [`range`], over the values that are not NaN.
///
/// # Errors
/// As [`range`].
pub fn nan_range(values: &Values, offsets: &[u32]) -> Result<Values> {
    difference(&max(values, offsets, Nan::Skip)?, &min(values, offsets, Nan::Skip)?)
}

/// `greatest - least`, value by value, in their type.
///
/// # Errors
/// When a difference does not fit the type, or one column is of another type.
pub fn difference(greatest: &Values, least: &Values) -> Result<Values> {
    let dtype = greatest.dtype();
    let unfit =
        || Error::input(format!("a range of {dtype} values does not fit {dtype}; convert them first"));
    fn whole(a: &[i64], b: &[i64]) -> Option<Vec<i64>> {
        a.iter().zip(b).map(|(a, b)| a.checked_sub(*b)).collect()
    }
    if dtype == DType::Bool || least.dtype() != dtype {
        return Err(unfit());
    }
    match (Wide::of(greatest), Wide::of(least)) {
        (Wide::F32(a), Wide::F32(b)) => Ok(Values::Float32(a.iter().zip(b).map(|(a, b)| a - b).collect())),
        (Wide::F64(a), Wide::F64(b)) => Ok(Values::Float64(a.iter().zip(b).map(|(a, b)| a - b).collect())),
        (Wide::I64(a), Wide::I64(b)) => {
            whole(&a, &b).and_then(|v| Values::Int64(v).cast(dtype).ok()).ok_or_else(unfit)
        }
        (Wide::U64(a), Wide::U64(b)) => {
            let differences = a.iter().zip(b).map(|(a, b)| a.checked_sub(*b)).collect::<Option<_>>();
            differences.map(Values::UInt64).ok_or_else(unfit)
        }
        _ => Err(unfit()),
    }
}

/// First value of every group.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn first(values: &Values, offsets: &[u32]) -> Result<Values> {
    check(values.len(), offsets)?;
    Ok(values.gather(&offsets[..offsets.len().saturating_sub(1)]))
}

/// Last value of every group.
///
/// # Errors
/// When the offsets do not fit the column.
pub fn last(values: &Values, offsets: &[u32]) -> Result<Values> {
    check(values.len(), offsets)?;
    let rows: Vec<u32> = offsets.iter().skip(1).map(|&end| end - 1).collect();
    Ok(values.gather(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_finds_its_extremes_and_its_nan() {
        for n in 1..40usize {
            let offsets = [0, n as u32];
            for place in 0..n {
                let mut v = vec![5.0f32; n];
                v[place] = -1.0;
                let column = Values::Float32(v.clone());
                assert_eq!(min(&column, &offsets, Nan::Propagate).unwrap(), Values::Float32(vec![-1.0]));
                let column = Values::Float32(v.iter().map(|x| -x).collect());
                assert_eq!(max(&column, &offsets, Nan::Propagate).unwrap(), Values::Float32(vec![1.0]));
                v[place] = f32::NAN;
                let column = Values::Float32(v);
                let Values::Float32(propagated) = min(&column, &offsets, Nan::Propagate).unwrap() else {
                    panic!("the type changed");
                };
                assert!(propagated[0].is_nan());
                let Values::Float32(skipped) = max(&column, &offsets, Nan::Skip).unwrap() else {
                    panic!("the type changed");
                };
                assert!(if n == 1 { skipped[0].is_nan() } else { skipped[0] == 5.0 });
            }
        }
    }

    #[test]
    fn extremes_of_the_type_itself_survive() {
        let column = Values::Int64(vec![i64::MAX, i64::MAX, i64::MIN]);
        assert_eq!(min(&column, &[0, 2, 3], Nan::Skip).unwrap(), Values::Int64(vec![i64::MAX, i64::MIN]));
        let column = Values::Float64(vec![f64::NEG_INFINITY, f64::NAN]);
        assert_eq!(max(&column, &[0, 2], Nan::Skip).unwrap(), Values::Float64(vec![f64::NEG_INFINITY]));
    }

    #[test]
    fn a_range_that_does_not_fit_is_refused() {
        let column = Values::Int8(vec![-128, 127]);
        let error = range(&column, &[0, 2]).unwrap_err();
        assert_eq!(error.to_string(), "a range of int8 values does not fit int8; convert them first");
        assert_eq!(range(&column, &[0, 1, 2]).unwrap(), Values::Int8(vec![0, 0]));
    }

    #[test]
    fn first_and_last_are_rows() {
        let column = Values::UInt16(vec![7, 8, 9]);
        assert_eq!(first(&column, &[0, 2, 3]).unwrap(), Values::UInt16(vec![7, 9]));
        assert_eq!(last(&column, &[0, 2, 3]).unwrap(), Values::UInt16(vec![8, 9]));
    }
}
