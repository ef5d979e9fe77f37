//! Merging runs of states. States come from shard records: nothing about them is believed.

use zagg_core::statistic::States;
use zagg_core::{Error, Result};

/// The greatest count of rows that a state may claim: counts above are not exact in f64.
const MOST_ROWS: f64 = 9_007_199_254_740_992.0;

/// States of numbers that no statistic of ours gives.
pub(crate) fn damaged(form: &str, what: &str) -> Error {
    Error::corrupt(format!("a state of the form {form} is damaged: {what}"))
}

/// Checks that the offsets are ascending positions within the numbers.
pub(crate) fn check(form: &str, states: &States) -> Result<()> {
    let ascending = states.offsets.windows(2).all(|w| w[0] <= w[1]);
    let last = states.offsets.last().map_or(0, |&end| end as usize);
    if ascending && last <= states.values.len() {
        return Ok(());
    }
    Err(damaged(form, "its offsets do not fit its numbers"))
}

/// The states as rows of `N` numbers, checked.
pub(crate) fn rows<'a, const N: usize>(form: &str, states: &'a States) -> Result<Vec<&'a [f64; N]>> {
    check(form, states)?;
    (0..states.len())
        .map(|i| {
            let state = states.state(i);
            state
                .try_into()
                .map_err(|_| damaged(form, &format!("it has {} numbers instead of {N}", state.len())))
        })
        .collect()
}

/// Checks that runs of states are ascending and lie within them.
pub(crate) fn check_runs(form: &str, states: usize, runs: &[u32]) -> Result<()> {
    zagg_core::reduce::check(states, runs)
        .map_err(|error| Error::plugin(format!("states of the form {form} cannot be merged: {error}")))
}

/// Folds every run of states into one, from left to right.
pub(crate) fn fold<const N: usize>(
    form: &str,
    states: &States,
    runs: &[u32],
    merge: impl Fn([f64; N], [f64; N]) -> [f64; N],
) -> Result<States> {
    let rows = rows::<N>(form, states)?;
    check_runs(form, rows.len(), runs)?;
    let merged = runs
        .windows(2)
        .filter_map(|w| rows[w[0] as usize..w[1] as usize].iter().map(|row| **row).reduce(&merge))
        .flatten()
        .collect();
    Ok(States::fixed(N as u32, merged))
}

/// Folds by adding up every number.
pub(crate) fn add<const N: usize>(form: &str, states: &States, runs: &[u32]) -> Result<States> {
    fold(form, states, runs, |a: [f64; N], b| std::array::from_fn(|i| a[i] + b[i]))
}

/// The value that each state stands for.
pub(crate) fn finish<const N: usize>(
    form: &str,
    states: &States,
    value: impl Fn(&[f64; N]) -> Result<f64>,
) -> Result<Vec<f64>> {
    rows(form, states)?.into_iter().map(value).collect()
}

/// A number of rows out of a state.
pub(crate) fn count(form: &str, n: f64) -> Result<f64> {
    if (0.0..=MOST_ROWS).contains(&n) && n.fract() == 0.0 {
        return Ok(n);
    }
    Err(damaged(form, &format!("{n} is no number of rows")))
}

/// A sum of squares out of a state: NaN and infinity may be, less than zero may not.
pub(crate) fn not_negative(form: &str, squares: f64) -> Result<f64> {
    if squares < 0.0 {
        return Err(damaged(form, &format!("{squares} is no sum of squares")));
    }
    Ok(squares)
}
