//! Means and weighted averages.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{column, floats, only, rowwise, scalar, source};

/// `mean`, `average` and their variants without NaN.
///
/// - Definition: `Σ x / n`; with weights `Σ w·x / Σ w`. One row: the value, if its weight is finite and not zero. NaN in
///   value or weight: NaN, or the row is left out; NaN where nothing is left. Weights that add up to 0 and an infinite
///   weight (from an uncertainty of 0): NaN. Weights are used as their expression gives them, in float32 over float32
///   columns; products and sums are f64.
/// - Partial form: `Σ x` and `n`; with weights `Σ w·x` and `Σ w`. Merge rule: addition of both. The sums of the parts
///   differ from those of the whole by at most `n·2^-53·Σ|w·x|` and `n·2^-53·Σ|w|`. Arrival order: not needed.
struct Mean {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
}

pub(crate) fn mean(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Mean { spec: scalar(request, DType::Float64)?, inputs: vec![source(request)?], nan }))
}

pub(crate) fn average(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &["weights"])?;
    let mut inputs = vec![source(request)?];
    inputs.extend(rowwise(request, "weights")?);
    Ok(Box::new(Mean { spec: scalar(request, DType::Float64)?, inputs, nan }))
}

impl Mean {
    fn is_weighted(&self) -> bool {
        self.inputs.len() > 1
    }

    /// `Σ w·x` and `Σ w` of every group.
    fn products(&self, groups: &Groups<'_>) -> Result<Vec<(f64, f64)>> {
        let (x, w) = (column(groups, 0)?, column(groups, 1)?);
        if self.nan == Nan::Propagate {
            return reduce::sum_products(x, w, groups.offsets);
        }
        let (mut x, mut w) = (floats(groups, 0)?.into_owned(), floats(groups, 1)?.into_owned());
        for (x, w) in x.iter_mut().zip(&mut w) {
            if x.is_nan() || w.is_nan() {
                (*x, *w) = (0.0, 0.0);
            }
        }
        reduce::sum_products(&Values::Float64(x), &Values::Float64(w), groups.offsets)
    }
}

fn quotient(sum: f64, weight: f64) -> f64 {
    // Without any weight there is no average, whatever the products.
    if weight == 0.0 { f64::NAN } else { sum / weight }
}

impl Statistic for Mean {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let values = if self.is_weighted() {
            self.products(groups)?.into_iter().map(|(sum, weight)| quotient(sum, weight)).collect()
        } else {
            reduce::mean(column(groups, 0)?, groups.offsets, self.nan)?
        };
        Ok(Output::dense(Values::Float64(values)))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Mean {
    fn form(&self) -> &str {
        if self.is_weighted() { "average/1" } else { "mean/1" }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        if self.is_weighted() {
            return Ok(States::fixed(
                2,
                self.products(groups)?.into_iter().flat_map(<[f64; 2]>::from).collect(),
            ));
        }
        let x = column(groups, 0)?;
        let counts = match self.nan {
            Nan::Propagate => reduce::counts(groups.offsets)?,
            Nan::Skip => reduce::non_nan_counts(x, groups.offsets)?,
        };
        let sums = reduce::sum_f64(x, groups.offsets, self.nan)?;
        Ok(States::fixed(2, sums.into_iter().zip(counts).flat_map(|(sum, n)| [sum, n as f64]).collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::add::<2>(self.form(), states, offsets)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let form = self.form();
        let values = partial::finish(form, states, |&[sum, weight]| {
            if !self.is_weighted() {
                partial::count(form, weight)?;
            }
            Ok(quotient(sum, weight))
        })?;
        Ok(Output::dense(Values::Float64(values)))
    }
}
