//! `time`: when rows were observed.

use serde_json::Value;
use zagg_core::source::SourceOptions;
use zagg_core::time::{Epoch, Scale};
use zagg_core::{Error, Result};

use super::{DatasetPath, given, levels, mapping, only, path, variable};

/// How a product counts time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Time {
    pub(super) dataset: DatasetPath,
    pub(super) level: Option<usize>,
    pub(crate) epoch: EpochSource,
    pub(crate) scale: Scale,
    /// Seconds of one unit.
    pub(crate) unit: f64,
}

/// From when it counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EpochSource {
    Date(Epoch),
    /// A dataset of one number: GPS seconds since 1980-01-06T00:00:00Z.
    Dataset(DatasetPath),
}

impl Time {
    pub(super) fn read(section: &SourceOptions, found: &levels::Found) -> Result<Option<Self>> {
        if !given(section, "time") {
            return Ok(None);
        }
        let time = mapping(section, "time")?;
        only("time", time, &["dataset", "column", "level", "epoch", "scale", "units"])?;
        let mut dataset = path(time, "time", "dataset")?;
        if let Some(column) = time.get("column").filter(|column| !column.is_null()) {
            let number = column.as_u64().ok_or_else(|| {
                Error::input(format!("time.column: must be a whole number from 0, not {column}"))
            })?;
            dataset.column = Some(number);
        }
        let level = match time.get("level") {
            None | Some(Value::Null) => None,
            Some(Value::String(level)) => {
                found.number(level).map_err(|problem| Error::input(format!("time.level: {problem}")))?
            }
            Some(other) => {
                return Err(Error::input(format!("time.level: must be the name of a level, not {other}")));
            }
        };
        let epoch = match time.get("epoch") {
            None | Some(Value::Null) => {
                return Err(Error::input(
                    "time.epoch is missing: a date such as 2018-01-01T00:00:00Z, or {dataset: path} of GPS seconds",
                ));
            }
            Some(Value::String(date)) => {
                EpochSource::Date(Epoch::parse(date).map_err(|error| error.context("time.epoch"))?)
            }
            Some(Value::Object(epoch)) => {
                only("time.epoch", epoch, &["dataset"])?;
                let value = epoch.get("dataset").unwrap_or(&Value::Null);
                EpochSource::Dataset(variable("time.epoch", "dataset", value)?)
            }
            Some(other) => {
                return Err(Error::input(format!(
                    "time.epoch: must be a date or {{dataset: path}}, not {other}"
                )));
            }
        };
        let scale = match time.get("scale") {
            // A granule that tells GPS seconds counts them.
            None | Some(Value::Null) if matches!(epoch, EpochSource::Dataset(_)) => Scale::Gps,
            None | Some(Value::Null) => Scale::Utc,
            Some(value) => value
                .as_str()
                .and_then(Scale::parse)
                .ok_or_else(|| Error::input(format!("time.scale: must be utc, gps or tai, not {value}")))?,
        };
        let unit = match time.get("units") {
            None | Some(Value::Null) => 1.0,
            Some(value) => match value.as_str() {
                Some("nanoseconds") => 1e-9,
                Some("microseconds") => 1e-6,
                Some("milliseconds") => 1e-3,
                Some("seconds") => 1.0,
                Some("minutes") => 60.0,
                Some("hours") => 3600.0,
                Some("days") => 86_400.0,
                _ => {
                    return Err(Error::input(format!(
                        "time.units: must be nanoseconds, microseconds, milliseconds, seconds, minutes, hours or days, not {value}"
                    )));
                }
            },
        };
        Ok(Some(Self { dataset, level, epoch, scale, unit }))
    }
}
