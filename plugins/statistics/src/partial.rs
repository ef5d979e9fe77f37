//! Merging runs of states.

use zagg_core::{Error, Result};

/// The states as rows of `N` numbers, checked.
fn rows<const N: usize>(states: &[Vec<f64>]) -> Result<Vec<[f64; N]>> {
    let n = states.first().map_or(0, Vec::len);
    if states.len() != N || states.iter().any(|column| column.len() != n) {
        return Err(Error::plugin(format!(
            "a state of {N} equally long columns is needed, {} are given",
            states.len()
        )));
    }
    Ok((0..n).map(|i| std::array::from_fn(|column| states[column][i])).collect())
}

fn columns<const N: usize>(rows: &[[f64; N]]) -> Vec<Vec<f64>> {
    (0..N).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

/// Folds every run of states into one, from left to right.
pub(crate) fn fold<const N: usize>(
    states: &[Vec<f64>],
    offsets: &[u32],
    merge: impl Fn([f64; N], [f64; N]) -> [f64; N],
) -> Result<Vec<Vec<f64>>> {
    let rows = rows::<N>(states)?;
    zagg_core::reduce::check(rows.len(), offsets)?;
    let merged: Vec<[f64; N]> = offsets
        .windows(2)
        .filter_map(|w| rows[w[0] as usize..w[1] as usize].iter().copied().reduce(&merge))
        .collect();
    Ok(columns(&merged))
}

/// Folds by adding up every column.
pub(crate) fn add<const N: usize>(states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>> {
    fold(states, offsets, |a: [f64; N], b| std::array::from_fn(|i| a[i] + b[i]))
}

/// The value that each state stands for.
pub(crate) fn finish<const N: usize>(
    states: &[Vec<f64>],
    value: impl Fn([f64; N]) -> f64,
) -> Result<Vec<f64>> {
    Ok(rows(states)?.into_iter().map(value).collect())
}
