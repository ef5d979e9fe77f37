//! What every statistic must do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::caught::panic_message;
use crate::column::{DType, Values};
use crate::error::Result;
use crate::statistic::{Groups, MergeableStatistic, Output, OutputShape, States, Statistic};

/// Sizes of the groups that are tried: single rows, odd and even numbers of them, and more than any block of a kernel.
const SIZES: [u32; 12] = [1, 2, 3, 1, 7, 8, 9, 16, 1, 33, 100, 1000];

/// How far results over differently ordered or split rows may lie apart, relative to the greater one or to 1.
const BOUND: f64 = 1e-9;

/// Checks a statistic against the contract of [`Statistic`], over sample columns of the given type.
///
/// Every input column is filled with numbers from 1 to 100, always the same ones. Checked are: one value per group, in
/// the announced shape; the same answer for the same rows; each group alone gives what it gives among others; the order
/// of the rows matters only if the statistic says so; states of any split of a group merge to those of the whole; states
/// that are damaged give an error or a value of the announced shape. A panic is caught and reported as a finding.
///
/// # Errors
/// Everything found, one sentence each.
pub fn statistic(statistic: &dyn Statistic, dtype: DType) -> Result<(), Vec<String>> {
    sketch(statistic, dtype, &|merged, whole| close(merged, whole, BOUND))
}

/// As [`statistic`], for a statistic whose merged states stand for the whole only roughly: `agree` says whether the
/// numbers of a cell that come of merging agree with those of the whole.
///
/// # Errors
/// Everything found, one sentence each.
pub fn sketch(
    statistic: &dyn Statistic,
    dtype: DType,
    agree: &dyn Fn(&[f64], &[f64]) -> bool,
) -> Result<(), Vec<String>> {
    let mut findings = Vec::new();
    let checked = catch_unwind(AssertUnwindSafe(|| {
        check(statistic, dtype, agree, &mut findings)?;
        damage(statistic, dtype, &mut findings)
    }));
    match checked {
        Ok(Ok(())) => {}
        Ok(Err(error)) => findings.push(format!("over {dtype}: an error for sound input: {error}")),
        Err(panic) => {
            findings.push(format!("over {dtype}: it panicked: {}", panic_message(&*panic)));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// Numbers without pattern, the same in every run.
struct Numbers(u64);

impl Numbers {
    /// The next one, below `end`.
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(end.max(1))) as u32
    }
}

/// Columns for the inputs of a statistic.
fn columns(statistic: &dyn Statistic, dtype: DType, rows: u32, numbers: &mut Numbers) -> Result<Vec<Values>> {
    let mut column = || {
        let whole =
            (0..rows).map(|_| i64::from(1 + numbers.below(if dtype == DType::Bool { 1 } else { 100 })));
        Values::Int64(whole.collect()).cast(dtype)
    };
    statistic.inputs().iter().map(|_| column()).collect()
}

fn check(
    statistic: &dyn Statistic,
    dtype: DType,
    agree: &dyn Fn(&[f64], &[f64]) -> bool,
    findings: &mut Vec<String>,
) -> Result<()> {
    let mut numbers = Numbers(u64::from(dtype.name().len() as u32));
    let mut offsets = vec![0];
    for size in SIZES {
        offsets.push(offsets[offsets.len() - 1] + size);
    }
    let rows = offsets[offsets.len() - 1];
    let columns = columns(statistic, dtype, rows, &mut numbers)?;
    let all = reduce(statistic, &columns, &offsets)?;
    let mut find = |what: String| findings.push(format!("over {dtype}: {what}"));

    let Some(cells) = cells(statistic, &all, SIZES.len()) else {
        find(format!(
            "{} groups gave {} values, which is not the announced shape",
            SIZES.len(),
            all.values.len()
        ));
        return Ok(());
    };
    if reduce(statistic, &columns, &offsets)? != all && !all.values.to_f64().iter().any(|x| x.is_nan()) {
        find("the same rows gave another answer the second time".to_string());
    }
    if !reduce(statistic, &columns, &[0])?.values.is_empty() {
        find("no groups gave values".to_string());
    }
    for (group, cell) in cells.iter().enumerate() {
        let range: Vec<u32> = (offsets[group]..offsets[group + 1]).collect();
        let size = range.len() as u32;
        let taken = |rows: &[u32]| columns.iter().map(|c| c.gather(rows)).collect::<Vec<_>>();
        let alone = reduce(statistic, &taken(&range), &[0, size])?.values;
        if alone.dtype() != all.values.dtype() || !close(&alone.to_f64(), cell, 0.0) {
            find(format!("a group of {size} rows gives another value alone than among others"));
        }
        if !statistic.needs_arrival_order() {
            let mut shuffled = range.clone();
            for i in 0..shuffled.len() {
                let other = numbers.below(size) as usize;
                shuffled.swap(i, other);
            }
            if !close(&reduce(statistic, &taken(&shuffled), &[0, size])?.values.to_f64(), cell, BOUND) {
                find(format!(
                    "the order of {size} rows changes the value, but needs_arrival_order() is false"
                ));
            }
        }
        if let Some(mergeable) = statistic.mergeable() {
            for _ in 0..4 {
                let cut = (1..size).filter(|_| numbers.below(3) == 0);
                let pieces: Vec<u32> = std::iter::once(0).chain(cut).chain([size]).collect();
                let merged = merged(mergeable, &taken(&range), &pieces)?;
                if !agree(&merged, cell) {
                    find(format!(
                        "{} states of a group of {size} rows merge to {merged:?}, the whole gives {cell:?}",
                        pieces.len() - 1
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Makes sure that states as they may stand in a record do no harm.
fn damage(statistic: &dyn Statistic, dtype: DType, findings: &mut Vec<String>) -> Result<()> {
    let Some(mergeable) = statistic.mergeable() else { return Ok(()) };
    let (name, version) = mergeable.form().rsplit_once('/').unwrap_or_default();
    if name.is_empty() || version.parse::<u32>().is_err() {
        let form = mergeable.form();
        findings.push(format!("the form of its states is {form:?}, not a name and a version such as sum/1"));
    }
    let mut numbers = Numbers(1);
    let columns = columns(statistic, dtype, 12, &mut numbers)?;
    let sound = mergeable.partial(&groups(&columns.iter().collect::<Vec<_>>(), &[0, 2, 5, 12]))?;
    let mut all = vec![
        States::default(),
        States { values: sound.values.clone(), offsets: Vec::new() },
        States { values: Vec::new(), offsets: sound.offsets.clone() },
        States { values: sound.values.clone(), offsets: sound.offsets.iter().rev().copied().collect() },
        States { values: sound.values.clone(), offsets: sound.offsets.iter().map(|o| o + 1).collect() },
        States { values: sound.values.clone(), offsets: vec![0, u32::MAX, 1] },
        States { values: sound.values.clone(), offsets: vec![0, 0, sound.values.len() as u32] },
    ];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 0.5, f64::MAX, 1e-320, 1e19] {
        for at in 0..sound.values.len() {
            let mut one = sound.clone();
            one.values[at] = bad;
            all.push(one);
        }
        all.push(States { values: vec![bad; sound.values.len()], offsets: sound.offsets.clone() });
    }
    for states in all {
        let whole = [0, states.len() as u32];
        for runs in [&whole[..], &[0, 1], &[0, 9], &[2, 1], &[0]] {
            if let Ok(merged) = mergeable.merge(&states, runs)
                && merged.len() != runs.len() - 1
            {
                findings.push(format!("{} runs of states merge to {}", runs.len() - 1, merged.len()));
            }
        }
        if let Ok(output) = mergeable.finish(&states)
            && cells(statistic, &output, states.len()).is_none()
        {
            findings.push(format!("{} damaged states give values of another shape", states.len()));
        }
    }
    Ok(())
}

fn groups<'a>(columns: &'a [&'a Values], offsets: &'a [u32]) -> Groups<'a> {
    Groups { offsets, columns }
}

fn reduce(statistic: &dyn Statistic, columns: &[Values], offsets: &[u32]) -> Result<Output> {
    statistic.reduce(&groups(&columns.iter().collect::<Vec<_>>(), offsets))
}

/// The value of one group, by way of the states of its pieces: first all in one run, then in two runs of runs.
fn merged(mergeable: &dyn MergeableStatistic, columns: &[Values], pieces: &[u32]) -> Result<Vec<f64>> {
    let states = mergeable.partial(&groups(&columns.iter().collect::<Vec<_>>(), pieces))?;
    let n = pieces.len() as u32 - 1;
    let halves: Vec<u32> = if n > 1 { vec![0, n / 2, n] } else { vec![0, n] };
    let states = mergeable.merge(&states, &halves)?;
    let state = mergeable.merge(&states, &[0, halves.len() as u32 - 1])?;
    Ok(mergeable.finish(&state)?.values.to_f64())
}

/// The values of every group, if there are as many as the shape asks for.
fn cells(statistic: &dyn Statistic, output: &Output, n: usize) -> Option<Vec<Vec<f64>>> {
    let values = output.values.to_f64();
    let items = |shape: &[u64]| usize::try_from(shape.iter().product::<u64>()).ok();
    match (statistic.output().shape, &output.offsets) {
        (OutputShape::Scalar, None) => (values.len() == n).then(|| values.iter().map(|&x| vec![x]).collect()),
        (OutputShape::Fixed(shape), None) => {
            let size = items(&shape).filter(|size| *size > 0)?;
            (values.len() == n * size).then(|| values.chunks(size).map(<[f64]>::to_vec).collect())
        }
        (OutputShape::Ragged(shape), Some(offsets)) => {
            let size = items(&shape)?;
            let ends: Vec<usize> =
                offsets.iter().map(|&o| usize::try_from(o).ok()?.checked_mul(size)).collect::<Option<_>>()?;
            let whole = ends.len() == n + 1 && ends.first() == Some(&0) && ends.last() == Some(&values.len());
            whole.then(|| ends.windows(2).map(|w| values.get(w[0]..w[1]).map(<[f64]>::to_vec)).collect())?
        }
        _ => None,
    }
}

fn close(a: &[f64], b: &[f64], bound: f64) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= bound * a.abs().max(b.abs()).max(1.0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistic::{Input, OutputSpec};

    /// The sum of the first column, with a fault.
    struct Faulty {
        inputs: Vec<Input>,
        fault: &'static str,
    }

    impl Faulty {
        fn new(fault: &'static str) -> Self {
            Self { inputs: vec![Input { expression: "x".into() }], fault }
        }
    }

    impl Statistic for Faulty {
        fn output(&self) -> OutputSpec {
            let shape = if self.fault == "shape" { OutputShape::Fixed(vec![2]) } else { OutputShape::Scalar };
            OutputSpec { dtype: DType::Float64, shape }
        }

        fn inputs(&self) -> &[Input] {
            &self.inputs
        }

        fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
            assert!(self.fault != "panic");
            let x = groups.columns[0].to_f64();
            let mut sums: Vec<f64> = groups.ranges().map(|r| x[r].iter().sum()).collect();
            match self.fault {
                "first" => sums = groups.ranges().map(|r| x[r.start]).collect(),
                "neighbour" => sums.iter_mut().enumerate().for_each(|(i, x)| *x += i as f64),
                _ => {}
            }
            Ok(Output::dense(Values::Float64(sums)))
        }

        fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
            Some(self)
        }
    }

    impl MergeableStatistic for Faulty {
        fn form(&self) -> &str {
            if self.fault == "form" { "sum" } else { "sum/1" }
        }

        fn partial(&self, groups: &Groups<'_>) -> Result<States> {
            Ok(States::fixed(1, self.reduce(groups)?.values.to_f64()))
        }

        fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
            if self.fault != "trust" {
                crate::reduce::check(states.len(), offsets)?;
                if states.values.len() != states.len() || states.offsets.windows(2).any(|w| w[0] >= w[1]) {
                    return Err(crate::error::Error::corrupt("the states are damaged"));
                }
            }
            let runs = offsets.windows(2).map(|w| &states.values[w[0] as usize..w[1] as usize]);
            Ok(States::fixed(
                1,
                match self.fault {
                    "merge" => runs.map(|r| r[0]).collect(),
                    _ => runs.map(|r| r.iter().sum()).collect(),
                },
            ))
        }

        fn finish(&self, states: &States) -> Result<Output> {
            if self.fault != "finish" && states.values.len() != states.len() {
                return Err(crate::error::Error::corrupt("the states are damaged"));
            }
            Ok(Output::dense(Values::Float64(states.values.clone())))
        }
    }

    #[test]
    fn a_sound_statistic_passes_and_every_fault_is_found() {
        assert_eq!(statistic(&Faulty::new("none"), DType::Int16), Ok(()));
        for (fault, finding) in [
            ("shape", "not the announced shape"),
            ("panic", "panicked"),
            ("first", "the order of"),
            ("neighbour", "alone"),
            ("merge", "merge to"),
            ("trust", "panicked"),
            ("finish", "damaged states give values of another shape"),
            ("form", "a name and a version"),
        ] {
            let findings = statistic(&Faulty::new(fault), DType::Float32).unwrap_err();
            assert!(findings.iter().any(|f| f.contains(finding)), "{fault}: {findings:?}");
        }
    }
}
