//! Quantiles.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{Groups, Input, Output, OutputSpec, Statistic, StatisticRequest};
use zagg_core::{DType, Result, Values};

use crate::request::{column, floats, needed_rowwise, only, quantiles, scalar, source};

/// `quantile`, `median` and their variants without NaN.
///
/// - Definition: the value at the position `q·(n − 1)` among the sorted values, interpolated linearly (type 7). One row:
///   the value. NaN: NaN, or left out; NaN where nothing is left. A list of `q` gives an array of as many values.
/// - No partial form: exact quantiles need all values; a t-digest merges. Arrival order: not needed.
struct Quantile {
    spec: OutputSpec,
    inputs: Vec<Input>,
    qs: Vec<f64>,
    nan: Nan,
}

pub(crate) fn median(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    let spec = scalar(request, DType::Float64)?;
    Ok(Box::new(Quantile { inputs: vec![source(request)?], spec, qs: vec![0.5], nan }))
}

pub(crate) fn quantile(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &["q"])?;
    let (qs, spec) = quantiles(request)?;
    Ok(Box::new(Quantile { inputs: vec![source(request)?], spec, qs, nan }))
}

impl Statistic for Quantile {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let values = reduce::quantiles(column(groups, 0)?, groups.offsets, &self.qs, self.nan)?;
        Ok(Output::dense(Values::Float64(values)))
    }
}

/// `weighted_quantile` and `nanweighted_quantile`.
///
/// - Definition: the smallest value at which the weights of it and all smaller ones make up the share `q` of all weights
///   (numpy's `quantile` with `weights` and `method="inverted_cdf"`): always one of the values. One row: the value. NaN in
///   value or weight: NaN, or the row is left out; NaN where nothing is left, where a weight is negative or infinite, and
///   where all are 0. A value of weight 0 is never taken. A list of `q` gives an array of as many values.
/// - No partial form: it needs all values. Arrival order: not needed.
struct WeightedQuantile {
    spec: OutputSpec,
    inputs: Vec<Input>,
    qs: Vec<f64>,
    nan: Nan,
}

pub(crate) fn weighted_quantile(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &["q", "weights"])?;
    let inputs = vec![source(request)?, needed_rowwise(request, "weights")?];
    let (qs, spec) = quantiles(request)?;
    Ok(Box::new(WeightedQuantile { spec, inputs, qs, nan }))
}

/// Sorts values with their weights; `None` when the weights give no distribution.
fn distribution(pairs: &mut Vec<(f64, f64)>) -> Option<f64> {
    if pairs.iter().any(|(x, w)| x.is_nan() || !w.is_finite() || *w < 0.0) {
        return None;
    }
    pairs.retain(|(_, w)| *w > 0.0);
    // Equal values in the order of their weights, so that the sums do not depend on arrival.
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut total = 0.0;
    for (_, weight) in pairs.iter_mut() {
        total += *weight;
        *weight = total;
    }
    (total > 0.0 && total.is_finite()).then_some(total)
}

impl Statistic for WeightedQuantile {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let (x, w) = (floats(groups, 0)?, floats(groups, 1)?);
        let mut values = Vec::with_capacity(groups.len().saturating_mul(self.qs.len()));
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        for range in groups.ranges() {
            pairs.clear();
            pairs.extend(x[range.clone()].iter().copied().zip(w[range].iter().copied()));
            if self.nan == Nan::Skip {
                pairs.retain(|(x, w)| !x.is_nan() && !w.is_nan());
            }
            let total = distribution(&mut pairs);
            for q in &self.qs {
                let found = total.and_then(|total| {
                    let at = pairs.partition_point(|(_, sum)| sum / total < *q);
                    pairs.get(at.min(pairs.len().saturating_sub(1)))
                });
                values.push(found.map_or(f64::NAN, |(x, _)| *x));
            }
        }
        Ok(Output::dense(Values::Float64(values)))
    }
}
