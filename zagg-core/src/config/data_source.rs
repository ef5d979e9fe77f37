//! The section `data_source`.

use serde_json::{Map, Value};

use super::access::SourceAccess;
use super::index::IndexOptions;
use super::section::{Fault, Section};
use super::size;
use crate::column::{Column, Values};
use crate::granule::Driver;

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSource {
    /// Name of the source plugin.
    pub reader: String,
    /// Which href of a granule is read.
    pub driver: Driver,
    /// How the bytes of granules are reached.
    pub access: SourceAccess,
    /// Where granule indexes are kept beyond this run.
    pub index: Option<IndexOptions>,
    /// Most bytes of memory for reading granules; the source's own limits when nothing is said.
    pub memory: Option<u64>,
    /// Rows that fail any of these are dropped.
    pub filters: Vec<Filter>,
    /// The whole section, for the source plugin.
    pub options: Map<String, Value>,
}

/// Keeps rows by the value of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The dataset, which the source gives as a column of this name.
    pub dataset: String,
    /// The test.
    pub test: FilterTest,
    /// Keep rows that pass (`true`) or rows that fail.
    pub keep: bool,
}

/// A test of one value against constants.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The names are the operators.
pub enum FilterTest {
    Eq(f64),
    Ne(f64),
    Ge(f64),
    Le(f64),
    Lt(f64),
    Gt(f64),
    In(Vec<f64>),
    NotIn(Vec<f64>),
}

impl FilterTest {
    fn passes(&self, x: f64) -> bool {
        match self {
            Self::Eq(v) => x == *v,
            Self::Ne(v) => x != *v,
            Self::Ge(v) => x >= *v,
            Self::Le(v) => x <= *v,
            Self::Lt(v) => x < *v,
            Self::Gt(v) => x > *v,
            Self::In(vs) => vs.contains(&x),
            Self::NotIn(vs) => !vs.contains(&x),
        }
    }
}

impl Filter {
    /// Clears the flag of every row to drop. A row whose value is missing is dropped.
    pub fn apply(&self, column: &Column, keep: &mut [bool]) {
        // Flags are small integers in nearly every product; they need no detour through a vector of f64.
        match &column.values {
            Values::Int8(v) => self.apply_to(v.iter().map(|&x| f64::from(x)), keep),
            Values::UInt8(v) => self.apply_to(v.iter().map(|&x| f64::from(x)), keep),
            other => self.apply_to(other.to_f64().into_iter(), keep),
        }
        if let Some(missing) = &column.missing {
            for (keep, missing) in keep.iter_mut().zip(missing) {
                *keep &= !missing;
            }
        }
    }

    fn apply_to(&self, values: impl Iterator<Item = f64>, keep: &mut [bool]) {
        for (keep, x) in keep.iter_mut().zip(values) {
            *keep &= self.test.passes(x) == self.keep;
        }
    }
}

impl DataSource {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, Fault> {
        let mut options = section.entries().clone();
        let reader = section.string("reader")?.unwrap_or_else(|| "hdf5-points".into());
        let driver = match section.string("driver")?.as_deref() {
            None | Some("s3") => Driver::S3,
            Some("https") => Driver::Https,
            Some("file") => Driver::File,
            Some(other) => {
                return Err(
                    section.fault("driver", format!("unknown driver {other:?}; there are s3, https, file"))
                );
            }
        };
        let mut filters = Vec::new();
        if let Some(value) = section.take("filters").filter(|v| !v.is_null()) {
            let Value::Array(items) = value else { return Err(section.fault("filters", "must be a list")) };
            for item in items {
                filters.push(read_filter(&item).map_err(|message| section.fault("filters", message))?);
            }
            // As in the original, a list of filters stands instead of the single one.
            section.ignore("quality_filter", "gives way to data_source.filters");
        } else if let Some(value) = section.take("quality_filter").filter(|v| !v.is_null()) {
            filters.push(
                read_quality_filter(&value).map_err(|message| section.fault("quality_filter", message))?,
            );
        }
        let memory = bytes(section, &mut options, "memory")?;
        bytes(section, &mut options, "read_ahead")?;
        let access = SourceAccess::read(section)?;
        let index = IndexOptions::read(section)?;
        for opaque in ["groups", "coordinates", "variables", "options"] {
            section.take(opaque);
        }
        for ignored in ["read_workers", "shard_workers", "granule_workers"] {
            section.ignore(ignored, "has no meaning here");
        }
        for absent in
            ["levels", "base_level", "read_plan", "derived", "collections", "static_data", "bands", "assets"]
        {
            section.refuse(absent)?;
        }
        section.finish()?;
        Ok(Self { reader, driver, access, index, memory, filters, options })
    }
}

/// A number of bytes, which sources see as a number, however it was written.
fn bytes(
    section: &mut Section<'_>,
    options: &mut Map<String, Value>,
    key: &'static str,
) -> Result<Option<u64>, Fault> {
    let Some(value) = section.take(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let bytes = size::read(&value).map_err(|message| section.fault(key, message))?;
    options.insert(key.into(), bytes.into());
    Ok(Some(bytes))
}

fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("must compare with numbers, not {value}"))
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

fn read_quality_filter(value: &Value) -> Result<Filter, String> {
    let Value::Object(map) = value else { return Err("must be a mapping with dataset and value".into()) };
    only(map, &["dataset", "value"])?;
    let value = map.get("value").ok_or("needs value, the value to keep")?;
    Ok(Filter { dataset: dataset(map)?, test: FilterTest::Eq(number(value)?), keep: true })
}

fn read_filter(value: &Value) -> Result<Filter, String> {
    let Value::Object(map) = value else {
        return Err("each must be a mapping with dataset, op and value".into());
    };
    for absent in ["expression", "column", "level", "asset"] {
        if map.contains_key(absent) {
            return Err(format!("{absent} is not supported by this version of zagg"));
        }
    }
    only(map, &["dataset", "op", "value", "values", "keep"])?;
    let one = || number(map.get("value").ok_or("needs value")?);
    let many = || match map.get("values") {
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().map(number).collect::<Result<Vec<_>, _>>()
        }
        _ => Err("needs values, a list of numbers".to_string()),
    };
    let test = match map.get("op").and_then(Value::as_str) {
        Some("eq") => FilterTest::Eq(one()?),
        Some("ne") => FilterTest::Ne(one()?),
        Some("ge") => FilterTest::Ge(one()?),
        Some("le") => FilterTest::Le(one()?),
        Some("lt") => FilterTest::Lt(one()?),
        Some("gt") => FilterTest::Gt(one()?),
        Some("in") => FilterTest::In(many()?),
        Some("not_in") => FilterTest::NotIn(many()?),
        _ => return Err("needs op, one of eq, ne, ge, le, lt, gt, in, not_in".into()),
    };
    let keep = match map.get("keep") {
        None => true,
        Some(Value::Bool(keep)) => *keep,
        Some(other) => return Err(format!("keep must be true or false, not {other}")),
    };
    Ok(Filter { dataset: dataset(map)?, test, keep })
}
