//! Numbers of rows.

use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values, reduce};

use crate::partial;
use crate::request::{only, scalar, source};

/// `len` and `count`.
///
/// - Definition: the number of rows; under `count` only those whose source is not missing. NaN that is not missing counts.
/// - Partial form: the number. Merge rule: the sum, exact below 2^53. One row: 1.
struct Count {
    spec: OutputSpec,
    /// None for `len`, the source for `count`.
    inputs: Vec<Input>,
}

pub(crate) fn len(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Count { spec: scalar(request, DType::Int64)?, inputs: Vec::new() }))
}

pub(crate) fn count(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Count { spec: scalar(request, DType::Int64)?, inputs: vec![source(request)?] }))
}

impl Statistic for Count {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn skips_missing(&self) -> bool {
        !self.inputs.is_empty()
    }

    fn unit_power(&self) -> Option<i32> {
        Some(0)
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        reduce::counts(groups.offsets).map(Values::Int64).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Count {
    fn state(&self) -> &[&'static str] {
        &["count"]
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<Vec<Vec<f64>>> {
        Ok(vec![reduce::counts(groups.offsets)?.into_iter().map(|n| n as f64).collect()])
    }

    fn merge(&self, states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>> {
        partial::add::<1>(states, offsets)
    }

    fn finish(&self, states: &[Vec<f64>]) -> Result<Values> {
        Values::Float64(partial::finish(states, |[n]| n)?).cast(DType::Int64)
    }
}
