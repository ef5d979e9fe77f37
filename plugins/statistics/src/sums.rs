//! Sums, means and weighted averages.

use serde_json::Value;
use zagg_core::expression::Expression;
use zagg_core::reduce::{self, Nan};
use zagg_core::statistic::{
    Groups, Input, MergeableStatistic, Output, OutputSpec, Statistic, StatisticRequest,
};
use zagg_core::{DType, Result, Values};

use crate::partial;
use crate::request::{column, only, refuse, scalar, source};

/// What is made of the sums.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// - Definition: `Σ x`. One row: the value. NaN: NaN, or left out.
    /// - Partial form: the sum. Merge rule: addition.
    Sum(Nan),
    /// - Definition: `Σ x / n`. One row: the value. NaN: NaN, or left out; NaN where nothing is left.
    /// - Partial form: sum and number of values. Merge rule: addition of both.
    Mean(Nan),
    /// - Definition: `Σ w·x / Σ w`. One row: the value, if its weight is finite and not zero. NaN in value or weight: NaN.
    ///   Weights that add up to 0 and an infinite weight (from an uncertainty of 0): NaN. Weights are used as their
    ///   expression gives them, in float32 over float32 columns; products and sums are f64.
    /// - Partial form: `Σ w·x` and `Σ w`. Merge rule: addition of both.
    Average,
}

/// `sum`, `mean`, `average` and their variants without NaN.
///
/// Splitting a group into partial states and merging them changes the order of additions only: the sums differ by at
/// most `n·2^-53·Σ|x|`.
struct Sums {
    spec: OutputSpec,
    inputs: Vec<Input>,
    form: Form,
}

fn boxed(request: &StatisticRequest, inputs: Vec<Input>, form: Form) -> Result<Box<dyn Statistic>> {
    Ok(Box::new(Sums { spec: scalar(request, DType::Float64)?, inputs, form }))
}

pub(crate) fn sum(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    boxed(request, vec![source(request)?], Form::Sum(nan))
}

pub(crate) fn mean(request: &StatisticRequest, nan: Nan) -> Result<Box<dyn Statistic>> {
    only(request, &[])?;
    boxed(request, vec![source(request)?], Form::Mean(nan))
}

pub(crate) fn average(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    only(request, &["weights"])?;
    let source = source(request)?;
    let weights = match request.params.get("weights") {
        None => return boxed(request, vec![source], Form::Mean(Nan::Propagate)),
        Some(Value::String(text)) => text,
        Some(value) => {
            let what = format!("params.weights of average must be a column or an expression, not {value}");
            return Err(refuse(request, what));
        }
    };
    let parsed = Expression::parse(weights).map_err(|e| refuse(request, format!("params.weights: {e}")))?;
    if !parsed.is_rowwise() || parsed.columns().is_empty() {
        let what = format!("params.weights must give one value per row, {weights:?} does not");
        return Err(refuse(request, what));
    }
    boxed(request, vec![source, Input { expression: weights.clone() }], Form::Average)
}

impl Statistic for Sums {
    fn output(&self) -> OutputSpec {
        self.spec.clone()
    }

    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        let (x, offsets) = (column(groups, 0)?, groups.offsets);
        let values = match self.form {
            Form::Sum(nan) => reduce::sum_f64(x, offsets, nan)?,
            Form::Mean(nan) => reduce::mean(x, offsets, nan)?,
            Form::Average => reduce::average(x, column(groups, 1)?, offsets)?,
        };
        Ok(Output::dense(Values::Float64(values)))
    }

    fn mergeable(&self) -> Option<&dyn MergeableStatistic> {
        Some(self)
    }
}

impl MergeableStatistic for Sums {
    fn state(&self) -> &[&'static str] {
        match self.form {
            Form::Sum(_) => &["sum"],
            Form::Mean(_) => &["sum", "count"],
            Form::Average => &["sum_products", "sum_weights"],
        }
    }

    fn partial(&self, groups: &Groups<'_>) -> Result<Vec<Vec<f64>>> {
        let (x, offsets) = (column(groups, 0)?, groups.offsets);
        Ok(match self.form {
            Form::Sum(nan) => vec![reduce::sum_f64(x, offsets, nan)?],
            Form::Mean(nan) => {
                let counts = match nan {
                    Nan::Propagate => reduce::counts(offsets)?,
                    Nan::Skip => reduce::non_nan_counts(x, offsets)?,
                };
                vec![reduce::sum_f64(x, offsets, nan)?, counts.into_iter().map(|n| n as f64).collect()]
            }
            Form::Average => {
                let (products, weights) =
                    reduce::sum_products(x, column(groups, 1)?, offsets)?.into_iter().unzip();
                vec![products, weights]
            }
        })
    }

    fn merge(&self, states: &[Vec<f64>], offsets: &[u32]) -> Result<Vec<Vec<f64>>> {
        match self.form {
            Form::Sum(_) => partial::add::<1>(states, offsets),
            _ => partial::add::<2>(states, offsets),
        }
    }

    fn finish(&self, states: &[Vec<f64>]) -> Result<Values> {
        let values = match self.form {
            Form::Sum(_) => partial::finish(states, |[sum]| sum)?,
            // Without any weight there is no average, whatever the products.
            _ => {
                partial::finish(states, |[sum, weight]| if weight == 0.0 { f64::NAN } else { sum / weight })?
            }
        };
        Ok(Values::Float64(values))
    }
}
