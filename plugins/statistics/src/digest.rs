//! The t-digest as a statistic.

mod sketch;

use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputShape, OutputSpec, States, Statistic, StatisticRequest,
    VariableKind,
};
use zagg_core::{DType, Result, Values};

use crate::partial::{self, damaged};
use crate::request::{floats, only, refuse, source, whole};
use sketch::{Centroid, Scale};

/// Form of the states: mean and weight of one centroid after the other.
const FORM: &str = "t-digest/1";

/// Greatest `delta`.
const MOST: u32 = 1 << 15;

/// `delta` unless one is given, as in the original.
const DEFAULT_DELTA: u32 = 512;

/// `tdigest`.
///
/// - Definition: the values that are neither NaN nor infinite, sorted, then put together from the least one on while a
///   centroid spans at most 1 of `k(q) = delta·(arcsin(2q - 1)/π + 1/2)` (Dunning and Ertl 2019, scale k1). A cell is a list of
///   `[mean, weight]`, ascending by mean, at most `2·delta - 1` of them; the weights add up to the number of values. One
///   row: one centroid. NaN and infinity are left out; where nothing is left, the list is empty.
/// - `kind: ragged` with `inner_shape: [2]` keeps as many centroids as there are. `kind: vector` with
///   `trailing_shape: [size, 2]` has `size` of them, of which those that are not needed have mean NaN and weight 0.
/// - Partial form: the centroids. Merge rule: all centroids of the states, sorted by mean, put together by the same rule.
///   A centroid spans at most a share of `sin(π / (2·delta))` of the values, which bounds the error of a rank; every merge
///   adds as much again. Merged centroids are not those of the whole. Arrival order: not needed.
struct Digest {
    spec: OutputSpec,
    inputs: Vec<Input>,
    scale: Scale,
    /// Centroids of a cell, for a fixed size.
    size: Option<usize>,
}

pub(crate) fn tdigest(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &["delta"])?;
    let inputs = vec![source(request)?];
    let delta = whole(request, "delta", 1, MOST)?;
    let asked = request.shape.as_deref();
    let (delta, size) = match request.kind {
        VariableKind::Ragged if asked.is_none_or(|shape| shape == [2]) => {
            (delta.unwrap_or(DEFAULT_DELTA), None)
        }
        VariableKind::Vector => match asked {
            Some(&[size, 2]) => {
                let most = u32::try_from(size.div_ceil(2)).unwrap_or(MOST).clamp(1, MOST);
                let delta = delta.unwrap_or(most);
                if delta > most {
                    let what = format!(
                        "a digest with delta {delta} has up to {needed} centroids; write trailing_shape: [{needed}, 2], \
                         or params.delta: {most} or less",
                        needed = 2 * delta - 1
                    );
                    return Err(refuse(request, what));
                }
                (delta, usize::try_from(size).ok())
            }
            _ => return Err(wrong_shape(request, delta)),
        },
        _ => return Err(wrong_shape(request, delta)),
    };
    let shape = match size {
        None => OutputShape::Ragged(vec![2]),
        Some(size) => OutputShape::Fixed(vec![size as u64, 2]),
    };
    let spec = OutputSpec { dtype: DType::Float64, shape };
    Ok(Box::new(Digest { spec, inputs, scale: Scale::new(delta), size }))
}

fn wrong_shape(request: &StatisticRequest, delta: Option<u32>) -> zagg_core::Error {
    let needed = 2 * delta.unwrap_or(DEFAULT_DELTA) - 1;
    let what = format!(
        "{} gives lists of [mean, weight]; write kind: ragged and inner_shape: [2], or, for cells of one size, \
         kind: vector and trailing_shape: [{needed}, 2]",
        request.function
    );
    refuse(request, what)
}

impl Digest {
    /// The centroids of every group.
    fn digests(&self, groups: &Groups<'_>) -> Result<States> {
        let x = floats(groups, 0)?;
        let mut states = States { values: Vec::new(), offsets: vec![0] };
        let mut sorted: Vec<f64> = Vec::new();
        for range in groups.ranges() {
            sorted.clear();
            sorted.extend(x[range].iter().copied().filter(|x| x.is_finite()));
            sorted.sort_unstable_by(f64::total_cmp);
            let digest = self
                .scale
                .compress(sorted.iter().map(|&mean| Centroid { mean, weight: 1.0 }), sorted.len() as f64);
            states.values.extend(digest.iter().flat_map(|c| [c.mean, c.weight]));
            states.offsets.push(end(&states)?);
        }
        Ok(states)
    }

    /// Digests as the values of cells.
    fn output_of(&self, states: &States) -> Output {
        let Some(size) = self.size else {
            let ends = states.offsets.iter().skip(1).map(|&end| u64::from(end) / 2);
            let offsets = std::iter::once(0).chain(ends).collect();
            return Output { values: Values::Float64(states.values.clone()), offsets: Some(offsets) };
        };
        let mut values = Vec::with_capacity(states.len().saturating_mul(size * 2));
        for state in 0..states.len() {
            let state = states.state(state);
            // No digest is longer: the size was chosen by delta.
            let used = state.len().min(size * 2);
            values.extend_from_slice(&state[..used]);
            values.extend((used / 2..size).flat_map(|_| [f64::NAN, 0.0]));
        }
        Output::dense(Values::Float64(values))
    }
}

/// The end of the last state: its offset is 32 bits wide.
fn end(states: &States) -> Result<u32> {
    u32::try_from(states.values.len()).map_err(|_| {
        zagg_core::Error::input(
            "the digests of a shard hold more than 2^31 centroids; choose a smaller params.delta",
        )
    })
}

/// The centroids of one state.
fn centroids(state: &[f64]) -> Result<Vec<Centroid>> {
    let pairs = state.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(damaged(FORM, "a centroid has no weight"));
    }
    let centroids: Vec<Centroid> = pairs.map(|c| Centroid { mean: c[0], weight: c[1] }).collect();
    for c in &centroids {
        partial::count(FORM, c.weight)?;
        if !c.mean.is_finite() || c.weight == 0.0 {
            return Err(damaged(FORM, &format!("a centroid has mean {} and weight {}", c.mean, c.weight)));
        }
    }
    if !centroids.is_sorted_by(|a, b| a.mean <= b.mean) {
        return Err(damaged(FORM, "its centroids are not ascending"));
    }
    partial::count(FORM, centroids.iter().map(|c| c.weight).sum())?;
    Ok(centroids)
}

impl Statistic for Digest {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn unit_power(&self) -> Option<i32> {
        None
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        Ok(self.output_of(&self.digests(groups)?))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Digest {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        self.digests(groups)
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::check(FORM, states)?;
        partial::check_runs(FORM, states.len(), offsets)?;
        let mut merged = States { values: Vec::new(), offsets: vec![0] };
        for run in offsets.windows(2) {
            let mut all = Vec::new();
            for state in run[0]..run[1] {
                all.extend(centroids(states.state(state as usize))?);
            }
            // Stable, so that equal means stay in the order of the states.
            all.sort_by(|a, b| a.mean.total_cmp(&b.mean));
            let total = partial::count(FORM, all.iter().map(|c| c.weight).sum())?;
            let digest = match run[1] - run[0] {
                // One state alone is what it was.
                1 => all,
                _ => self.scale.compress(all.into_iter(), total),
            };
            merged.values.extend(digest.iter().flat_map(|c| [c.mean, c.weight]));
            merged.offsets.push(end(&merged)?);
        }
        Ok(merged)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        partial::check(FORM, states)?;
        for state in 0..states.len() {
            let len = centroids(states.state(state))?.len();
            if len > self.scale.most() {
                return Err(damaged(
                    FORM,
                    &format!("it has {len} centroids, {} are the most", self.scale.most()),
                ));
            }
        }
        if states.offsets.first().is_some_and(|&start| start != 0)
            || states.offsets.last().map_or(0, |&end| end as usize) != states.values.len()
        {
            return Err(damaged(FORM, "its offsets do not fit its numbers"));
        }
        Ok(self.output_of(states))
    }
}
