//! Variance and standard deviation.

use zagg_core::reduce::{self, Moments, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{column, only, scalar, source, whole};

/// Form of the states: number, mean, sum of squared differences from the mean.
const FORM: &str = "moments/1";

/// `var`, `std` and their variants without NaN.
///
/// - Definition: `Σ (x - mean)² / (n - ddof)` in two passes, or its root. NaN where `n <= ddof`; one row with ddof 0: 0.
///   NaN: NaN, or left out. An infinity: NaN.
/// - Partial form: number, mean and `Σ (x - mean)²`. Merge rule: Chan's, with relative error of a few 2^-53 per merge
///   for sets of positive squares; no digits are lost to a large mean. Arrival order: not needed.
struct Variance {
    spec: OutputSpec,
    inputs: Vec<Input>,
    ddof: u32,
    nan: Nan,
    root: bool,
}

pub(crate) fn variance(request: &StatisticRequest, nan: Nan, root: bool) -> Result<Box<dyn Statistic>> {
    only(request, &["ddof"])?;
    let ddof = whole(request, "ddof", 0, u32::MAX)?.unwrap_or(0);
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
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        let moments = reduce::moments(column(groups, 0)?, groups.offsets, self.nan)?;
        Ok(States::fixed(3, moments.iter().flat_map(|m| [m.count, m.mean, m.squares]).collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(FORM, states, offsets, |a, b| {
            let merged = moments(a).merge(&moments(b));
            [merged.count, merged.mean, merged.squares]
        })
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let values = partial::finish(FORM, states, |&state| {
            partial::count(FORM, state[0])?;
            partial::not_negative(FORM, state[2])?;
            Ok(self.value(&moments(state)))
        })?;
        Ok(Output::dense(Values::Float64(values)))
    }
}
