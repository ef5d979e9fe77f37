//! Values of single rows and differences of them, in the type of the source.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{column, only, scalar, source};

fn same_type(request: &StatisticRequest) -> Result<OutputSpec> {
    scalar(request, request.source_dtype.unwrap_or(DType::Float64))
}

/// `min`, `max` and their variants without NaN.
///
/// - Definition: the least or greatest value. One row: the value. NaN: NaN, or left out; NaN where nothing is left.
/// - Partial form: the extreme as f64, exact for every type but 64-bit integers, over which the statistic does not merge.
///   Merge rule: the extreme of the extremes, exact.
struct Extreme {
    spec: OutputSpec,
    inputs: Vec<Input>,
    greatest: bool,
    nan: Nan,
}

pub(crate) fn extreme(request: &StatisticRequest, greatest: bool, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Extreme { inputs: vec![source(request)?], spec: same_type(request)?, greatest, nan }))
}

impl Statistic for Extreme {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let kernel = if self.greatest { reduce::max } else { reduce::min };
        kernel(column(groups, 0)?, groups.offsets, self.nan).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        (!matches!(self.spec.dtype, DType::Int64 | DType::UInt64)).then_some(self)
    }
}

impl MergeableStatistic for Extreme {
    fn state(&self) -> &[&'static str] {
        if self.greatest { &["max"] } else { &["min"] }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<Vec<Vec<f64>>> {
        Ok(vec![self.reduce(groups)?.values.to_f64()])
    }

    fn merge(&self, states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>> {
        partial::fold(states, offsets, |[a]: [f64; 1], [b]| {
            let nan = a.is_nan() || b.is_nan();
            let extreme = match (nan, self.nan) {
                (true, Nan::Propagate) => f64::NAN,
                // Of a number and NaN these give the number.
                _ if self.greatest => a.max(b),
                _ => a.min(b),
            };
            [extreme]
        })
    }

    fn finish(&self, states: &[Vec<f64>]) -> Result<Values> {
        Values::Float64(partial::finish(states, |[extreme]| extreme)?).cast(self.spec.dtype)
    }
}

/// `range`: greatest minus least value. One row: 0. NaN: NaN. A difference of integers that their type cannot hold is
/// refused. No partial form: the extremes merge, their difference does not.
struct Range {
    spec: OutputSpec,
    inputs: Vec<Input>,
}

pub(crate) fn range(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Range { inputs: vec![source(request)?], spec: same_type(request)? }))
}

impl Statistic for Range {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        reduce::range(column(groups, 0)?, groups.offsets).map(Output::dense)
    }
}

/// `first` and `last`: the value of the first or last row in arrival order whose source is not missing, NaN or not. No
/// partial form: states know nothing of arrival.
struct Place {
    spec: OutputSpec,
    inputs: Vec<Input>,
    last: bool,
}

pub(crate) fn place(request: &StatisticRequest, last: bool) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Place { inputs: vec![source(request)?], spec: same_type(request)?, last }))
}

impl Statistic for Place {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn needs_arrival_order(&self) -> bool {
        true
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let kernel = if self.last { reduce::last } else { reduce::first };
        kernel(column(groups, 0)?, groups.offsets).map(Output::dense)
    }
}
