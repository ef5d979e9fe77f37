//! Reductions over sorted groups of rows: the one place where statistics and expressions add up numbers.
//!
//! Every function takes a column and `offsets`: `n + 1` strictly ascending row numbers, where group `i` is the rows
//! `offsets[i]..offsets[i + 1]`. Each gives one value per group.
//!
//! - Numbers are accumulated in f64, whatever the type of the column; only [`sum`] over integers stays exact.
//! - NaN propagates under [`Nan::Propagate`] and is left out under [`Nan::Skip`]; a group of nothing but NaN then gives
//!   NaN (its sum is 0), as in numpy.
//! - The result for a group depends on the rows of that group and their order alone, so it is the same in any shard,
//!   on any machine and with any number of threads.

mod extremes;
mod number;
mod quantiles;
mod sums;
mod wide;

pub use extremes::{difference, first, last, max, min, nan_range, range};
use number::Number;
pub use quantiles::{median, quantiles};
pub use sums::{
    Moments, average, integer_sums, mean, moments, non_nan_counts, sum, sum_f64, sum_of, sum_products,
    variance,
};

use crate::error::{Error, Result};

/// What a reduction does with NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nan {
    /// A NaN makes the result of its group NaN.
    Propagate,
    /// NaN rows are left out.
    Skip,
}

/// Number of rows of every group.
///
/// # Errors
/// When the offsets are not strictly ascending.
pub fn counts(offsets: &[u32]) -> Result<Vec<i64>> {
    check(usize::MAX, offsets)?;
    Ok(offsets.windows(2).map(|w| i64::from(w[1] - w[0])).collect())
}

/// Checks that the offsets are strictly ascending and lie within a column of `rows` values.
///
/// # Errors
/// When they are not.
pub fn check(rows: usize, offsets: &[u32]) -> Result<()> {
    if offsets.windows(2).any(|w| w[0] >= w[1]) {
        return Err(Error::plugin("the offsets of groups must be strictly ascending"));
    }
    match offsets.last() {
        Some(&last) if last as usize > rows => {
            Err(Error::plugin(format!("the groups end at row {last}, but the column has {rows} rows")))
        }
        _ => Ok(()),
    }
}

/// The groups as slices. The offsets have passed [`check`].
fn groups<'a, T>(values: &'a [T], offsets: &'a [u32]) -> impl Iterator<Item = &'a [T]> {
    offsets.windows(2).map(|w| &values[w[0] as usize..w[1] as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Values;

    #[test]
    fn offsets_that_do_not_fit_are_errors_everywhere() {
        let column = Values::Float32(vec![1.0, 2.0, 3.0]);
        for offsets in [&[0u32, 2, 2][..], &[2, 1], &[0, 4]] {
            assert!(sum_f64(&column, offsets, Nan::Skip).is_err());
            assert!(mean(&column, offsets, Nan::Skip).is_err());
            assert!(variance(&column, offsets, 0, Nan::Skip).is_err());
            assert!(min(&column, offsets, Nan::Skip).is_err());
            assert!(range(&column, offsets).is_err());
            assert!(first(&column, offsets).is_err());
            assert!(last(&column, offsets).is_err());
            assert!(median(&column, offsets, Nan::Skip).is_err());
            assert!(average(&column, &column, offsets).is_err());
        }
        assert!(counts(&[3, 3]).is_err());
    }

    #[test]
    fn no_groups_give_no_values() {
        let column = Values::Int16(Vec::new());
        for offsets in [&[][..], &[0u32]] {
            assert_eq!(min(&column, offsets, Nan::Propagate).unwrap(), Values::Int16(Vec::new()));
            assert_eq!(mean(&column, offsets, Nan::Propagate).unwrap(), Vec::<f64>::new());
            assert_eq!(counts(offsets).unwrap(), Vec::<i64>::new());
        }
    }
}
