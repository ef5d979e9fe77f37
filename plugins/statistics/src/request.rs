//! What a pipeline asks for, checked.

use serde_json::Value;
use zagg_core::statistic::{Groups, Input, OutputShape, OutputSpec, StatisticRequest};
use zagg_core::suggest::did_you_mean;
use zagg_core::{DType, Error, Result, Values};

/// An error about a variable.
pub(crate) fn refuse(request: &StatisticRequest, what: impl std::fmt::Display) -> Error {
    Error::input(format!("variable {:?}: {what}", request.variable))
}

/// Makes sure that no other parameters than these are given.
pub(crate) fn only(request: &StatisticRequest, known: &[&str]) -> Result<()> {
    let Some(name) = request.params.keys().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let takes =
        if known.is_empty() { "it takes none".to_string() } else { format!("it takes {}", known.join(", ")) };
    Err(refuse(
        request,
        format!(
            "{} has no parameter params.{name}{}; {takes}",
            request.function,
            did_you_mean(name, known.iter().copied())
        ),
    ))
}

/// The source as an input.
pub(crate) fn source(request: &StatisticRequest) -> Result<Input> {
    match request.source.as_deref().map(str::trim) {
        Some(source) if !source.is_empty() => Ok(Input { expression: source.to_string() }),
        _ => Err(refuse(
            request,
            format!("{} needs a source; name the column it is applied to", request.function),
        )),
    }
}

/// One number of the given type per cell; a pipeline that gives the variable a shape is refused.
pub(crate) fn scalar(request: &StatisticRequest, dtype: DType) -> Result<OutputSpec> {
    match &request.shape {
        None => Ok(OutputSpec { dtype, shape: OutputShape::Scalar }),
        Some(shape) => Err(refuse(
            request,
            format!("{} gives one number for a cell, not an array of shape {shape:?}", request.function),
        )),
    }
}

/// What is said about a parameter that should be a number.
pub(crate) fn not_a_number(request: &StatisticRequest, name: &str, wanted: &str, value: &Value) -> Error {
    let quoted = value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok());
    let hint = if quoted { "; write the number without quotes" } else { "" };
    refuse(request, format!("params.{name} of {} must be {wanted}, not {value}{hint}", request.function))
}

/// An input column.
pub(crate) fn column<'a>(groups: &Groups<'a>, index: usize) -> Result<&'a Values> {
    groups.columns.get(index).copied().ok_or_else(|| {
        Error::plugin(format!("a statistic was given {} columns and needs more", groups.columns.len()))
    })
}
