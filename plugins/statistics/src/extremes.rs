//! Least and greatest values and their difference, in the type of the source.

use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::pair::{self, Pair};
use crate::partial;
use crate::request::{column, only, scalar, source};

/// One value of the source's type per cell; float64 is announced where that type is not known yet.
pub(crate) fn same_type(request: &StatisticRequest) -> Result<OutputSpec> {
    scalar(request, request.source_dtype.unwrap_or(DType::Float64))
}

/// The lesser or greater of two states.
fn extreme_of(a: Pair, b: Pair, greatest: bool, nan: Nan) -> Pair {
    match (a[0].is_nan(), b[0].is_nan()) {
        (true, false) => return if nan == Nan::Propagate { a } else { b },
        (false, true) => return if nan == Nan::Propagate { b } else { a },
        (true, true) => return a,
        (false, false) => {}
    }
    let order = pair::compare(b, a);
    if (greatest && order.is_gt()) || (!greatest && order.is_lt()) { b } else { a }
}

/// `min`, `max` and their variants without NaN.
///
/// - Definition: the least or greatest value. One row: the value. NaN: NaN, or left out; NaN where nothing is left.
/// - Partial form: the extreme as two floats, exact for every type. Merge rule: the extreme of the extremes, exact.
///   Arrival order: not needed.
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
        Some(self)
    }
}

impl MergeableStatistic for Extreme {
    fn form(&self) -> &str {
        match (self.greatest, self.nan) {
            (false, Nan::Propagate) => "min/1",
            (false, Nan::Skip) => "nanmin/1",
            (true, Nan::Propagate) => "max/1",
            (true, Nan::Skip) => "nanmax/1",
        }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        Ok(States::fixed(2, pair::split(&self.reduce(groups)?.values).into_iter().flatten().collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(self.form(), states, offsets, |a, b| extreme_of(a, b, self.greatest, self.nan))
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let values: Vec<Pair> = partial::rows(self.form(), states)?.into_iter().copied().collect();
        pair::join(self.form(), &values, self.spec.dtype).map(Output::dense)
    }
}

/// `range` and `nanrange`.
///
/// - Definition: greatest minus least value, in the type of the source. One row: 0. NaN: NaN, or left out; NaN where
///   nothing is left. A difference of integers that their type cannot hold is refused, and so are truth values.
/// - Partial form: least and greatest value, each as two floats. Merge rule: the extremes of the extremes, exact; the
///   difference of float32 values is rounded to float32 only where the type of the source is known. Arrival order: not
///   needed.
struct Range {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
}

pub(crate) fn range(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Range { inputs: vec![source(request)?], spec: same_type(request)?, nan }))
}

impl Statistic for Range {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let kernel = match self.nan {
            Nan::Propagate => reduce::range,
            Nan::Skip => reduce::nan_range,
        };
        kernel(column(groups, 0)?, groups.offsets).map(Output::dense)
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Range {
    fn form(&self) -> &str {
        match self.nan {
            Nan::Propagate => "range/1",
            Nan::Skip => "nanrange/1",
        }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        let x = column(groups, 0)?;
        let least = pair::split(&reduce::min(x, groups.offsets, self.nan)?);
        let greatest = pair::split(&reduce::max(x, groups.offsets, self.nan)?);
        Ok(States::fixed(
            4,
            least.into_iter().zip(greatest).flat_map(|(l, g)| [l[0], l[1], g[0], g[1]]).collect(),
        ))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::fold(self.form(), states, offsets, |a: [f64; 4], b| {
            let least = extreme_of([a[0], a[1]], [b[0], b[1]], false, self.nan);
            let greatest = extreme_of([a[2], a[3]], [b[2], b[3]], true, self.nan);
            [least[0], least[1], greatest[0], greatest[1]]
        })
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let rows = partial::rows::<4>(self.form(), states)?;
        let least: Vec<Pair> = rows.iter().map(|s| [s[0], s[1]]).collect();
        let greatest: Vec<Pair> = rows.iter().map(|s| [s[2], s[3]]).collect();
        let join = |values: &[Pair]| pair::join(self.form(), values, self.spec.dtype);
        let (least, greatest) = (join(&least)?, join(&greatest)?);
        if least.dtype() == greatest.dtype() {
            return reduce::difference(&greatest, &least).map(Output::dense);
        }
        // Of an unknown 64-bit type, where only one extreme needs more than f64 holds.
        let wide = |values: Values| values.cast(DType::Int64);
        reduce::difference(&wide(greatest)?, &wide(least)?).map(Output::dense)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_of_64_bit_integers_merge_exactly() {
        let x = Values::Int64(vec![(1 << 60) + 1, (1 << 60) + 3, (1 << 60) + 2, 5]);
        for (greatest, expected) in [(false, 5), (true, (1 << 60) + 3)] {
            let request = StatisticRequest { source: Some("x".into()), ..StatisticRequest::default() };
            let max = extreme(&request, greatest, Nan::Propagate).unwrap();
            let mergeable = max.mergeable().unwrap();
            let states = mergeable.partial(&Groups { offsets: &[0, 1, 2, 4], columns: &[&x] }).unwrap();
            let merged = mergeable.finish(&mergeable.merge(&states, &[0, 3]).unwrap()).unwrap();
            assert_eq!(merged.values.cast(DType::Int64).unwrap(), Values::Int64(vec![expected]));
        }
        let request = StatisticRequest { source: Some("x".into()), ..StatisticRequest::default() };
        let range = range(&request, Nan::Propagate).unwrap();
        let mergeable = range.mergeable().unwrap();
        let states = mergeable.partial(&Groups { offsets: &[0, 2, 4], columns: &[&x] }).unwrap();
        let merged = mergeable.finish(&mergeable.merge(&states, &[0, 2]).unwrap()).unwrap();
        assert_eq!(merged.values, Values::Int64(vec![(1 << 60) - 2]));
    }
}
