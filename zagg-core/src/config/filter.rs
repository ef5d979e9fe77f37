//! Filters of rows: `data_source.quality_filter` and `data_source.filters`.

use std::fmt;

use serde_json::{Map, Value};

use crate::column::{Column, Values};

/// Drops rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Compares one column with constants.
    Column(ColumnFilter),
    /// Keeps the rows where this condition over variables and derived columns holds. A row with a missing value is dropped.
    Expression(String),
}

/// Keeps rows by the value of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnFilter {
    /// The dataset as the pipeline writes it.
    pub dataset: String,
    /// Column of a dataset with two dimensions, from 0.
    pub column: Option<u64>,
    /// Level that the dataset belongs to; the base level when none is given.
    pub level: Option<String>,
    /// The test.
    pub test: FilterTest,
    /// Keep rows that pass (`true`) or rows that fail.
    pub keep: bool,
}

/// A test of one value against constants. A constant takes the type of the column: beside float32 values 0.1 is the
/// float32 next to it, and 64-bit integers compare exactly. NaN passes `ne` and `not_in` alone.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The names are the operators.
pub enum FilterTest {
    Eq(FilterValue),
    Ne(FilterValue),
    Ge(FilterValue),
    Le(FilterValue),
    Lt(FilterValue),
    Gt(FilterValue),
    In(Vec<FilterValue>),
    NotIn(Vec<FilterValue>),
}

/// A constant of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FilterValue {
    /// Written without a fraction; within the range of int64 and uint64 together.
    Integer(i128),
    /// Any other number.
    Float(f64),
}

impl FilterValue {
    fn read(value: &Value) -> Result<Self, String> {
        let integer = value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from));
        integer
            .map(Self::Integer)
            .or_else(|| value.as_f64().map(Self::Float))
            .ok_or_else(|| format!("must compare with numbers, not {value}"))
    }

    fn to_f64(self) -> f64 {
        match self {
            Self::Integer(x) => x as f64,
            Self::Float(x) => x,
        }
    }

    fn to_integer(self) -> Option<i128> {
        match self {
            Self::Integer(x) => Some(x),
            Self::Float(_) => None,
        }
    }
}

impl FilterTest {
    fn values(&self) -> &[FilterValue] {
        match self {
            Self::Eq(v) | Self::Ne(v) | Self::Ge(v) | Self::Le(v) | Self::Lt(v) | Self::Gt(v) => {
                std::slice::from_ref(v)
            }
            Self::In(vs) | Self::NotIn(vs) => vs,
        }
    }

    /// Whether a value passes; `constants` are [`Self::values`] in the type of the value.
    fn passes<T: PartialOrd>(&self, x: &T, constants: &[T]) -> bool {
        match self {
            Self::Eq(_) | Self::In(_) => constants.contains(x),
            Self::Ne(_) | Self::NotIn(_) => !constants.contains(x),
            Self::Ge(_) => constants.iter().all(|v| x >= v),
            Self::Le(_) => constants.iter().all(|v| x <= v),
            Self::Lt(_) => constants.iter().all(|v| x < v),
            Self::Gt(_) => constants.iter().all(|v| x > v),
        }
    }
}

impl ColumnFilter {
    /// Name of the column that the source gives for it: the dataset as written, then `[3]` when `column: 3` is given, then
    /// `@level` when a level is.
    pub fn column_name(&self) -> String {
        let mut name = self.dataset.clone();
        if let Some(column) = self.column {
            name.push_str(&format!("[{column}]"));
        }
        if let Some(level) = &self.level {
            name.push('@');
            name.push_str(level);
        }
        name
    }

    /// Clears the flag of every row to drop. A row whose value is missing is dropped.
    pub fn apply(&self, column: &Column, keep: &mut [bool]) {
        let floats = || self.test.values().iter().map(|v| v.to_f64()).collect::<Vec<_>>();
        let integers = || self.test.values().iter().map(|v| v.to_integer()).collect::<Option<Vec<_>>>();
        match &column.values {
            // Flags are small integers in nearly every product; they need no detour through a vector of f64.
            Values::Int8(v) => self.apply_to(v.iter().map(|&x| f64::from(x)), &floats(), keep),
            Values::UInt8(v) => self.apply_to(v.iter().map(|&x| f64::from(x)), &floats(), keep),
            Values::Float32(v) => {
                let constants: Vec<f32> = floats().into_iter().map(|x| x as f32).collect();
                self.apply_to(v.iter().copied(), &constants, keep);
            }
            values => match (values, integers()) {
                (Values::Int64(v), Some(constants)) => {
                    self.apply_to(v.iter().map(|&x| i128::from(x)), &constants, keep);
                }
                (Values::UInt64(v), Some(constants)) => {
                    self.apply_to(v.iter().map(|&x| i128::from(x)), &constants, keep);
                }
                _ => self.apply_to(values.to_f64().into_iter(), &floats(), keep),
            },
        }
        if let Some(missing) = &column.missing {
            for (keep, missing) in keep.iter_mut().zip(missing) {
                *keep &= !missing;
            }
        }
    }

    fn apply_to<T: PartialOrd>(&self, values: impl Iterator<Item = T>, constants: &[T], keep: &mut [bool]) {
        let rows = keep.iter_mut().zip(values);
        match (&self.test, constants) {
            // By far the most filters, in a loop without branches.
            (FilterTest::Eq(_) | FilterTest::In(_), [one]) => {
                rows.for_each(|(keep, x)| *keep &= (x == *one) == self.keep);
            }
            (FilterTest::Ne(_) | FilterTest::NotIn(_), [one]) => {
                rows.for_each(|(keep, x)| *keep &= (x != *one) == self.keep);
            }
            _ => rows.for_each(|(keep, x)| *keep &= self.test.passes(&x, constants) == self.keep),
        }
    }
}

/// The filters that compare a column, out of a section `data_source`: what a source must give columns for.
///
/// # Errors
/// Names the key of the section and what is wrong with it.
pub fn column_filters(section: &Map<String, Value>) -> Result<Vec<ColumnFilter>, String> {
    let filters = filters(section).map_err(|fault| fault.to_string())?;
    Ok(filters
        .into_iter()
        .filter_map(|filter| match filter {
            Filter::Column(filter) => Some(filter),
            Filter::Expression(_) => None,
        })
        .collect())
}

/// What is wrong with a filter, under which key of the section.
pub(super) struct FilterFault {
    pub(super) key: &'static str,
    pub(super) message: String,
}

impl fmt::Display for FilterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Every filter of a section `data_source`. As in the original, a list of filters stands instead of the single one.
pub(super) fn filters(section: &Map<String, Value>) -> Result<Vec<Filter>, FilterFault> {
    let given = |key: &str| section.get(key).filter(|value| !value.is_null());
    let fault = |key| move |message| FilterFault { key, message };
    let mut all: Vec<Filter> = match (given("filters"), given("quality_filter")) {
        (Some(Value::Array(items)), _) => items
            .iter()
            .enumerate()
            .map(|(i, item)| read(item).map_err(|message| format!("filter {}: {message}", i + 1)))
            .collect::<Result<_, _>>()
            .map_err(fault("filters")),
        (Some(_), _) => Err(fault("filters")("must be a list".into())),
        (None, Some(single)) => {
            Ok(vec![Filter::Column(read_single(single).map_err(fault("quality_filter"))?)])
        }
        (None, None) => Ok(Vec::new()),
    }?;
    if let Some(range) = given("time_range") {
        let range = super::time_range::read(range).map_err(fault("time_range"))?;
        all.extend(range.into_iter().map(Filter::Column));
    }
    Ok(all)
}

fn dataset(map: &Map<String, Value>) -> Result<String, String> {
    match map.get("dataset") {
        Some(Value::String(path)) if !path.is_empty() => Ok(path.clone()),
        _ => Err("needs dataset, the path of a dataset".into()),
    }
}

fn only(map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let suggestion = crate::suggest::did_you_mean(key, known.iter().copied());
            Err(format!("unknown key {key:?}{suggestion}; known here: {}", known.join(", ")))
        }
    }
}

fn read_single(value: &Value) -> Result<ColumnFilter, String> {
    let Value::Object(map) = value else { return Err("must be a mapping with dataset and value".into()) };
    only(map, &["dataset", "value"])?;
    let value = map.get("value").ok_or("needs value, the value to keep")?;
    Ok(ColumnFilter {
        dataset: dataset(map)?,
        column: None,
        level: None,
        test: FilterTest::Eq(FilterValue::read(value)?),
        keep: true,
    })
}

fn read(value: &Value) -> Result<Filter, String> {
    let Value::Object(map) = value else {
        return Err("must be a mapping with dataset, op and value, or with expression".into());
    };
    match map.get("expression") {
        None => read_column(map).map(Filter::Column),
        Some(Value::String(text)) if map.len() == 1 => Ok(Filter::Expression(text.clone())),
        Some(Value::String(_)) if map.contains_key("keep") => {
            Err("keep does not go with expression; negate the condition with ~(…)".into())
        }
        Some(Value::String(_)) => {
            Err("expression stands alone; it concerns rows, of variables and derived columns".into())
        }
        Some(other) => Err(format!("expression must be text, not {other}")),
    }
}

fn read_column(map: &Map<String, Value>) -> Result<ColumnFilter, String> {
    if map.contains_key("asset") {
        return Err("asset is not supported by this version of zagg".into());
    }
    only(map, &["dataset", "op", "value", "values", "column", "level", "keep"])?;
    let op = map.get("op").and_then(Value::as_str).unwrap_or_default();
    let many = matches!(op, "in" | "not_in");
    let surplus = if many { "value" } else { "values" };
    let one = || FilterValue::read(map.get("value").ok_or("needs value, a number")?);
    let list = || match map.get("values") {
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().map(FilterValue::read).collect::<Result<Vec<_>, _>>()
        }
        _ => Err("needs values, a list of numbers".to_string()),
    };
    let test = match op {
        "eq" => FilterTest::Eq(one()?),
        "ne" => FilterTest::Ne(one()?),
        "ge" => FilterTest::Ge(one()?),
        "le" => FilterTest::Le(one()?),
        "lt" => FilterTest::Lt(one()?),
        "gt" => FilterTest::Gt(one()?),
        "in" => FilterTest::In(list()?),
        "not_in" => FilterTest::NotIn(list()?),
        _ => return Err("needs op, one of eq, ne, ge, le, lt, gt, in, not_in".into()),
    };
    if map.contains_key(surplus) {
        return Err(format!("{surplus} does not go with {op}"));
    }
    let column = match map.get("column") {
        None | Some(Value::Null) => None,
        Some(value) => {
            Some(value.as_u64().ok_or_else(|| format!("column must be a whole number from 0, not {value}"))?)
        }
    };
    let level = match map.get("level") {
        None | Some(Value::Null) => None,
        Some(Value::String(level)) if !level.is_empty() => Some(level.clone()),
        Some(other) => return Err(format!("level must be the name of a level, not {other}")),
    };
    let keep = match map.get("keep") {
        None => true,
        Some(Value::Bool(keep)) => *keep,
        Some(other) => return Err(format!("keep must be true or false, not {other}")),
    };
    Ok(ColumnFilter { dataset: dataset(map)?, column, level, test, keep })
}

#[cfg(test)]
mod tests;
