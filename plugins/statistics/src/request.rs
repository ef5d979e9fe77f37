//! What a pipeline asks for, checked.

use serde_json::Value;
use zagg_core::expression::Expression;
use zagg_core::statistic::{Groups, Input, OutputShape, OutputSpec, StatisticRequest, VariableKind};
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

/// A parameter that names a column or gives one value per row by an expression; `None` when it is not given.
pub(crate) fn rowwise(request: &StatisticRequest, name: &str) -> Result<Option<Input>> {
    let text = match request.params.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(value) => {
            let what = format!(
                "params.{name} of {} must be a column or an expression, not {value}",
                request.function
            );
            return Err(refuse(request, what));
        }
    };
    let parsed = Expression::parse(text).map_err(|e| refuse(request, format!("params.{name}: {e}")))?;
    if !parsed.is_rowwise() || parsed.columns().is_empty() {
        let what = format!("params.{name} must give one value per row, {text:?} does not");
        return Err(refuse(request, what));
    }
    Ok(Some(Input { expression: text.clone() }))
}

/// As [`rowwise`], for a parameter that must be given.
pub(crate) fn needed_rowwise(request: &StatisticRequest, name: &str) -> Result<Input> {
    rowwise(request, name)?.ok_or_else(|| {
        refuse(request, format!("{} needs params.{name}, a column or an expression", request.function))
    })
}

/// One number of the given type per cell; a pipeline that asks for more is refused.
pub(crate) fn scalar(request: &StatisticRequest, dtype: DType) -> Result<OutputSpec> {
    if request.kind == VariableKind::Scalar && request.shape.is_none() {
        return Ok(OutputSpec { dtype, shape: OutputShape::Scalar });
    }
    let what = format!(
        "{} gives one number for a cell; leave kind, trailing_shape and inner_shape out",
        request.function
    );
    Err(refuse(request, what))
}

/// An array of the given shape per cell; a pipeline that asks for anything else is told what to write.
pub(crate) fn vector(request: &StatisticRequest, dtype: DType, shape: Vec<u64>) -> Result<OutputSpec> {
    let fits = request.shape.as_ref().is_none_or(|asked| *asked == shape);
    if request.kind == VariableKind::Vector && fits {
        return Ok(OutputSpec { dtype, shape: OutputShape::Fixed(shape) });
    }
    let what = format!(
        "{} gives an array of shape {shape:?} for a cell here; write kind: vector and trailing_shape: {shape:?}",
        request.function
    );
    Err(refuse(request, what))
}

/// A whole number from `least` to `most`; `None` when the parameter is not given.
pub(crate) fn whole(request: &StatisticRequest, name: &str, least: u32, most: u32) -> Result<Option<u32>> {
    let Some(value) = request.params.get(name) else { return Ok(None) };
    let number = value
        .as_u64()
        .or_else(|| value.as_f64().filter(|x| x.fract() == 0.0 && *x >= 0.0).map(|x| x as u64))
        .and_then(|x| u32::try_from(x).ok())
        .filter(|x| (least..=most).contains(x));
    let wanted = match most {
        u32::MAX => format!("a whole number, {least} or greater"),
        _ => format!("a whole number from {least} to {most}"),
    };
    number.map(Some).ok_or_else(|| not_a_number(request, name, &wanted, value))
}

/// What is said about a parameter that should be a number.
pub(crate) fn not_a_number(request: &StatisticRequest, name: &str, wanted: &str, value: &Value) -> Error {
    let quoted = value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok());
    let hint = if quoted { "; write the number without quotes" } else { "" };
    refuse(request, format!("params.{name} of {} must be {wanted}, not {value}{hint}", request.function))
}

/// `params.q`: one quantile or many, with the shape of what they give.
pub(crate) fn quantiles(request: &StatisticRequest) -> Result<(Vec<f64>, OutputSpec)> {
    let number = |q: &Value| {
        q.as_f64()
            .filter(|q| (0.0..=1.0).contains(q))
            .ok_or_else(|| not_a_number(request, "q", "a number from 0 to 1, or a list of such numbers", q))
    };
    match request.params.get("q") {
        None => Err(refuse(request, format!("{} needs params.q, a number from 0 to 1", request.function))),
        Some(Value::Array(list)) if !list.is_empty() => {
            let qs = list.iter().map(number).collect::<Result<Vec<_>>>()?;
            let spec = vector(request, DType::Float64, vec![qs.len() as u64])?;
            Ok((qs, spec))
        }
        Some(q) => Ok((vec![number(q)?], scalar(request, DType::Float64)?)),
    }
}

/// An input column.
pub(crate) fn column<'a>(groups: &Groups<'a>, index: usize) -> Result<&'a Values> {
    let column = groups.columns.get(index).copied().ok_or_else(|| {
        Error::plugin(format!("a statistic was given {} columns and needs more", groups.columns.len()))
    })?;
    zagg_core::reduce::check(column.len(), groups.offsets)?;
    Ok(column)
}

/// An input column as f64: 64-bit integers are rounded to the nearest.
pub(crate) fn floats<'a>(groups: &Groups<'a>, index: usize) -> Result<std::borrow::Cow<'a, [f64]>> {
    Ok(match column(groups, index)? {
        Values::Float64(v) => v.into(),
        other => other.to_f64().into(),
    })
}
