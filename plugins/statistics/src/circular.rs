//! The mean of angles and of anything else that comes round again.

use std::f64::consts::TAU;

use serde_json::Value;
use zagg_core::reduce::{Nan, sum_of};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, States, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{floats, not_a_number, only, refuse, scalar, source};

/// Form of the states: sums of cosines and sines, number.
const FORM: &str = "circular/1";

/// `circular_mean` and `nancircular_mean`.
///
/// - Definition: the direction of `Σ (cos, sin)` of the values taken as angles of the given period (scipy's `circmean`),
///   as a number from `low` to below `low + period`. One row: the value, moved into that range. NaN where the directions
///   cancel: their resultant is not above `4·n·2^-52`. NaN: NaN, or left out; NaN where nothing is left. Infinity: NaN.
/// - Partial form: `Σ cos`, `Σ sin`, `n`. Merge rule: addition; the sums differ by at most `n²·2^-53`. Arrival order: not
///   needed.
struct CircularMean {
    spec: OutputSpec,
    inputs: Vec<Input>,
    period: f64,
    low: f64,
    nan: Nan,
}

pub(crate) fn circular_mean(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &["unit", "period", "low"])?;
    let number = |name: &str, wanted: &str, fits: fn(f64) -> bool| match request.params.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|x| fits(*x))
            .map(Some)
            .ok_or_else(|| not_a_number(request, name, wanted, value)),
    };
    let period = number("period", "a number above 0", |x| x > 0.0 && x.is_normal() && x < 1e300)?;
    let low = number("low", "a number", |x| x.abs() < 1e300)?;
    let period = match (request.params.get("unit"), period) {
        (None, period) => period.unwrap_or(360.0),
        (Some(_), Some(_)) => {
            return Err(refuse(request, "give params.unit or params.period of circular_mean, not both"));
        }
        (Some(Value::String(unit)), None) if unit == "degrees" => 360.0,
        (Some(Value::String(unit)), None) if unit == "radians" => TAU,
        (Some(unit), None) => {
            let what = format!("params.unit of circular_mean must be degrees or radians, not {unit}");
            return Err(refuse(request, what));
        }
    };
    let inputs = vec![source(request)?];
    let spec = scalar(request, DType::Float64)?;
    Ok(Box::new(CircularMean { spec, inputs, period, low: low.unwrap_or(0.0), nan }))
}

impl CircularMean {
    /// `Σ cos`, `Σ sin` and number of every group.
    fn sums(&self, groups: &Groups<'_>) -> Result<Vec<[f64; 3]>> {
        let x = floats(groups, 0)?;
        // These functions are the same on every machine; those of the standard library are the system's.
        let vectors: Vec<(f64, f64)> = x
            .iter()
            .map(|x| {
                let turns = x / self.period;
                let (sin, cos) = libm::sincos((turns - turns.floor()) * TAU);
                (cos, sin)
            })
            .collect();
        let of_group = |range: std::ops::Range<usize>| {
            let group = &vectors[range];
            let skip = |i: usize| self.nan == Nan::Skip && group[i].0.is_nan();
            let n = (0..group.len()).filter(|i| !skip(*i)).count();
            let cos = sum_of(group.len(), |i| if skip(i) { 0.0 } else { group[i].0 });
            let sin = sum_of(group.len(), |i| if skip(i) { 0.0 } else { group[i].1 });
            [cos, sin, n as f64]
        };
        Ok(groups.ranges().map(of_group).collect())
    }

    fn value(&self, [cos, sin, n]: [f64; 3]) -> f64 {
        // False where the sums are NaN.
        let directed = libm::hypot(cos, sin) > 4.0 * n * f64::EPSILON;
        if !directed {
            return f64::NAN;
        }
        let turns = libm::atan2(sin, cos) / TAU;
        let value = turns * self.period - self.low;
        let above = value - (value / self.period).floor() * self.period;
        // Rounding may lead to the upper end, which is the lower one.
        let above = if above >= self.period { 0.0 } else { above };
        self.low + above
    }
}

impl Statistic for CircularMean {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let values = self.sums(groups)?.into_iter().map(|sums| self.value(sums)).collect();
        Ok(Output::dense(Values::Float64(values)))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for CircularMean {
    fn form(&self) -> &str {
        FORM
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<States> {
        Ok(States::fixed(3, self.sums(groups)?.into_iter().flatten().collect()))
    }

    fn merge(&self, states: &States, offsets: &[u32]) -> Result<States> {
        partial::add::<3>(FORM, states, offsets)
    }

    fn finish(&self, states: &States) -> Result<Output> {
        let values = partial::finish(FORM, states, |&state| {
            partial::count(FORM, state[2])?;
            Ok(self.value(state))
        })?;
        Ok(Output::dense(Values::Float64(values)))
    }
}
