//! Quantiles.

use serde_json::Value;
use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{Groups, Input, Output, OutputShape, OutputSpec, Statistic, StatisticRequest};
use zagg_core::{DType, Result, Values};

use crate::request::{column, not_a_number, only, refuse, scalar, source};

/// `quantile`, `median` and their variants without NaN.
///
/// - Definition: the value at the position `q·(n − 1)` among the sorted values, interpolated linearly. One row: the value.
///   NaN: NaN, or left out; NaN where nothing is left. A list of `q` gives an array of as many values.
/// - No partial form: exact quantiles need all values.
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
    let (qs, spec) = match request.params.get("q") {
        None => {
            let what = format!("{} needs params.q, a number from 0 to 1", request.function);
            return Err(refuse(request, what));
        }
        Some(Value::Array(list)) if !list.is_empty() => {
            let qs = list.iter().map(|q| number(request, q)).collect::<Result<Vec<_>>>()?;
            let shape = vec![qs.len() as u64];
            if let Some(asked) = request.shape.as_ref().filter(|asked| **asked != shape) {
                let what = format!("params.q gives arrays of shape {shape:?}, but {asked:?} is asked for");
                return Err(refuse(request, what));
            }
            (qs, OutputSpec { dtype: DType::Float64, shape: OutputShape::Fixed(shape) })
        }
        Some(q) => (vec![number(request, q)?], scalar(request, DType::Float64)?),
    };
    Ok(Box::new(Quantile { inputs: vec![source(request)?], spec, qs, nan }))
}

fn number(request: &StatisticRequest, q: &Value) -> Result<f64> {
    q.as_f64()
        .filter(|q| (0.0..=1.0).contains(q))
        .ok_or_else(|| not_a_number(request, "q", "a number from 0 to 1, or a list of such numbers", q))
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
