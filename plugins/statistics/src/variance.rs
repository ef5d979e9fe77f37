//! Variance and standard deviation.

use zagg_core::reduce::{self, Moments, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{column, not_a_number, only, scalar, source};

/// `var`, `std` and their variants without NaN.
///
/// - Definition: `Σ (x - mean)² / (n - ddof)` in two passes, or its root. NaN where `n <= ddof`; one row with ddof 0: 0.
///   NaN: NaN, or left out.
/// - Partial form: number, mean and `Σ (x - mean)²`. Merge rule: Chan's, with relative error of a few 2^-53 per merge
///   for sets of positive squares; no digits are lost to a large mean.
struct Variance {
    spec: OutputSpec,
    inputs: Vec<Input>,
    ddof: u32,
    nan: Nan,
    root: bool,
}

pub(crate) fn variance(request: &StatisticRequest, nan: Nan, root: bool) -> Result<Box<dyn Statistic>> {
    only(request, &["ddof"])?;
    let ddof = match request.params.get("ddof") {
        None => 0,
        Some(value) => {
            let whole = value
                .as_u64()
                .or_else(|| value.as_f64().filter(|x| x.fract() == 0.0 && *x >= 0.0).map(|x| x as u64));
            whole
                .and_then(|x| u32::try_from(x).ok())
                .ok_or_else(|| not_a_number(request, "ddof", "a whole number, 0 or greater", value))?
        }
    };
    let inputs = vec![source(request)?];
    Ok(Box::new(Variance { spec: scalar(request, DType::Float64)?, inputs, ddof, nan, root }))
}

impl Variance {
    fn value(&self, moments: &Moments) -> f64 {
        let variance = moments.variance(self.ddof);
        if self.root { variance.sqrt() } else { variance }
    }
}

fn moments([count, mean, squares]: [f64; 3]) -> Moments {
    Moments { count, mean, squares }
}

impl Statistic for Variance {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn unit_power(&self) -> Option<i32> {
        Some(if self.root { 1 } else { 2 })
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let moments = reduce::moments(column(groups, 0)?, groups.offsets, self.nan)?;
        Ok(Output::dense(Values::Float64(moments.iter().map(|m| self.value(m)).collect())))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Variance {
    fn state(&self) -> &[&'static str] {
        &["count", "mean", "squares"]
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<Vec<Vec<f64>>> {
        let moments = reduce::moments(column(groups, 0)?, groups.offsets, self.nan)?;
        Ok(vec![
            moments.iter().map(|m| m.count).collect(),
            moments.iter().map(|m| m.mean).collect(),
            moments.iter().map(|m| m.squares).collect(),
        ])
    }

    fn merge(&self, states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>> {
        partial::fold(states, offsets, |a, b| {
            let merged = moments(a).merge(&moments(b));
            [merged.count, merged.mean, merged.squares]
        })
    }

    fn finish(&self, states: &[Vec<f64>]) -> Result<Values> {
        Ok(Values::Float64(partial::finish(states, |state| self.value(&moments(state)))?))
    }
}
