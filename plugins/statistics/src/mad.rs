//! The median absolute deviation.

use zagg_core::reduce::Nan;
use zagg_core::statistic::{Groups, Input, Output, OutputSpec, Statistic, StatisticRequest};
use zagg_core::{DType, Result, Values};

use crate::request::{floats, only, scalar, source};

/// `mad` and `nanmad`.
///
/// - Definition: the median of `|x - median(x)|`, not scaled (scipy's `median_abs_deviation` with `scale=1`). One row: 0.
///   NaN: NaN, or left out; NaN where nothing is left. An infinite median: NaN.
/// - No partial form: it needs all values. Arrival order: not needed.
struct Mad {
    spec: OutputSpec,
    inputs: Vec<Input>,
    nan: Nan,
}

pub(crate) fn mad(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    Ok(Box::new(Mad { spec: scalar(request, DType::Float64)?, inputs: vec![source(request)?], nan }))
}

/// The median of numbers that are not NaN; NaN for none.
fn median(x: &mut [f64]) -> f64 {
    if x.is_empty() {
        return f64::NAN;
    }
    let (even, middle) = (x.len().is_multiple_of(2), x.len() / 2);
    let (below, high, _) = x.select_nth_unstable_by(middle, f64::total_cmp);
    let high = *high;
    if !even {
        return high;
    }
    let low = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        return low; // Also for two infinities of the same sign.
    }
    let sum = low + high;
    if sum.is_finite() { sum / 2.0 } else { low / 2.0 + high / 2.0 }
}

impl Statistic for Mad {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let x = floats(groups, 0)?;
        let mut rest = Vec::new();
        let of_group = |range: std::ops::Range<usize>| {
            let group = &x[range];
            rest.clear();
            rest.extend(group.iter().filter(|x| !x.is_nan()));
            if rest.len() < group.len() && self.nan == Nan::Propagate {
                return f64::NAN;
            }
            let centre = median(&mut rest);
            if !centre.is_finite() {
                return f64::NAN;
            }
            for x in &mut rest {
                *x = (*x - centre).abs();
            }
            median(&mut rest)
        };
        Ok(Output::dense(Values::Float64(groups.ranges().map(of_group).collect())))
    }
}
