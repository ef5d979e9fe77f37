//! Numbers of rows.

use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values, reduce};

use crate::partial;
use crate::request::{column, only, scalar, source};

/// Form of the states: the number.
const FORM: &str = "count/1";

/// `len`, `count` and `nancount`.
///
/// - Definition: the number of rows; under `count` only those whose source is not missing, under `nancount` only those
///   whose source is neither missing nor NaN. No rows at all: the cell is empty. One row: 1.
/// - Partial form: the number. Merge rule: the sum, exact below 2^53. Arrival order: not needed.
struct Count {
    spec: OutputSpec,
    /// None for `len`, the source for the others.
    inputs: Vec<Input>,
    without_nan: bool,
}

pub(crate) fn len(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Count { spec: scalar(request, DType::Int64)?, inputs: Vec::new(), without_nan: false }))
}

pub(crate) fn count(request: &StatisticRequest, without_nan: bool) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    let inputs = vec![source(request)?];
    Ok(Box::new(Count { spec: scalar(request, DType::Int64)?, inputs, without_nan }))
}

impl Count {
    fn counts(&self, groups: &Groups<'_>) -> Result<Vec<i64>> {
        match self.without_nan {
            false => reduce::counts(groups.offsets),
            true => reduce::non_nan_counts(column(groups, 0)?, groups.offsets),
        }
    }
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
        self.counts(groups).map(Values::Int64).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Count {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        Ok(States::fixed(1, self.counts(groups)?.into_iter().map(|n| n as f64).collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::add::<1>(FORM, states, offsets)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let counts = partial::finish(FORM, states, |&[n]| partial::count(FORM, n))?;
        Values::Float64(counts).cast(DType::Int64).map(Output::dense)
    }
}
