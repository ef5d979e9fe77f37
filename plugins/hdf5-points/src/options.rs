//! What the source needs of the section `data_source`.

mod absent;
mod groups;
mod levels;
pub(crate) mod schema;
mod time;

use serde_json::{Map, Value};
use zagg_core::config::column_filters;
use zagg_core::source::{LATITUDE, LONGITUDE, SourceOptions, TIME};
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

pub(crate) use absent::IfAbsent;
pub(crate) use groups::{Group, Groups, MAX_GROUPS};
pub(crate) use levels::{Level, Plan};
pub(crate) use time::{EpochSource, Time};

/// Stands for the part's name in a path.
pub(crate) const GROUP: &str = "{group}";

/// Path of a dataset, and which of its columns is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatasetPath {
    /// With `{group}` for the part.
    pub(crate) template: String,
    /// Number of the value in each row, of a dataset with several.
    pub(crate) column: Option<u64>,
}

/// A column and the dataset it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnPath {
    /// Name of the column.
    pub(crate) name: String,
    pub(crate) dataset: DatasetPath,
    /// Whether only an attribute can mark its values as missing.
    pub(crate) masked_by_attribute_only: bool,
    /// The level whose rows it has; none for the level of the part's rows.
    pub(crate) level: Option<usize>,
    /// Whether its values are turned into UTC.
    pub(crate) is_time: bool,
    /// What it holds in parts that do not have the dataset; where nothing is said that is a fault.
    pub(crate) if_absent: Option<IfAbsent>,
}

/// The datasets that make a part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) groups: Groups,
    pub(crate) longitude: DatasetPath,
    pub(crate) latitude: DatasetPath,
    /// The level whose rows have the coordinates; none for the level of the part's rows.
    pub(crate) coordinates_level: Option<usize>,
    /// Columns that the pipeline names, then the datasets of filters under names of their own.
    pub(crate) columns: Vec<ColumnPath>,
    /// Levels whose rows stand for several rows of the part.
    pub(crate) levels: Vec<Level>,
    /// By which level rows are looked for.
    pub(crate) plan: Option<Plan>,
    pub(crate) time: Option<Time>,
}

impl Options {
    /// Reads the section.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub(crate) fn read(section: &SourceOptions) -> Result<Self> {
        let groups = Groups::read(section)?;
        let found = levels::read(section)?;
        let (longitude, latitude, coordinates_level) = coordinates(section, &found)?;
        let mut columns = Vec::new();
        for (name, value) in mapping(section, "variables")? {
            let (value, if_absent) = absent::take(&format!("variables.{name}"), value)?;
            add_variable(&mut columns, "variables", name, variable("variables", name, &value)?, None)?;
            if let Some(column) = columns.last_mut() {
                column.if_absent = if_absent;
            }
        }
        for (name, dataset, level) in &found.variables {
            add_variable(&mut columns, "levels", name, dataset.clone(), *level)?;
        }
        let time = Time::read(section, &found)?;
        if let Some(time) = &time {
            add_variable(&mut columns, "time", TIME, time.dataset.clone(), time.level)?;
            if let Some(column) = columns.last_mut() {
                column.is_time = true;
            }
        }
        for filter in column_filters(section).map_err(Error::input)? {
            let name = filter.column_name();
            if columns.iter().any(|column| column.name == name) {
                continue;
            }
            if name == TIME {
                return Err(Error::input(
                    "time_range needs data_source.time, which tells how time is counted",
                ));
            }
            let level = match &filter.level {
                None => None,
                Some(level) => found.number(level).map_err(|problem| {
                    Error::input(format!("the filter of {}: {problem}", filter.dataset))
                })?,
            };
            columns.push(ColumnPath {
                name,
                dataset: DatasetPath { template: filter.dataset, column: filter.column },
                masked_by_attribute_only: true,
                level,
                is_time: false,
                if_absent: None,
            });
        }
        let levels::Found { levels, plan, .. } = found;
        let options = Self { groups, longitude, latitude, coordinates_level, columns, levels, plan, time };
        options.check_placeholders()?;
        if options.coordinates_level.is_some() && options.columns.iter().all(|column| column.level.is_some())
        {
            return Err(Error::input(
                "coordinates.level: a variable of the base level is needed, which tells how many rows there are",
            ));
        }
        Ok(options)
    }

    /// Whether something of a coarser level is wanted for each row.
    pub(crate) fn has_broadcast(&self) -> bool {
        self.coordinates_level.is_some() || self.columns.iter().any(|column| column.level.is_some())
    }

    /// The path of a template for one part.
    pub(crate) fn path(template: &str, group: &str) -> String {
        template.replace(GROUP, group)
    }

    /// The datasets of a part: longitude, latitude, the columns, index and count of each level, longitude and latitude of
    /// the plan, the epoch.
    pub(crate) fn templates(&self) -> Vec<&DatasetPath> {
        let mut all = vec![&self.longitude, &self.latitude];
        all.extend(self.columns.iter().map(|column| &column.dataset));
        all.extend(self.levels.iter().flat_map(|level| [&level.index_beg, &level.count]));
        all.extend(self.plan.iter().flat_map(|plan| [&plan.longitude, &plan.latitude]));
        all.extend(self.epoch());
        all
    }

    /// Where the epoch of time is told, when it is told by the granule.
    pub(crate) fn epoch(&self) -> Option<&DatasetPath> {
        match &self.time.as_ref()?.epoch {
            EpochSource::Dataset(dataset) => Some(dataset),
            EpochSource::Date(_) => None,
        }
    }

    /// With several parts, a path that does not name the part would count the same rows several times.
    fn check_placeholders(&self) -> Result<()> {
        let epoch = self.epoch();
        for dataset in self.templates() {
            let path = &dataset.template;
            check_braces(path)?;
            let is_epoch = epoch == Some(dataset);
            if self.groups.may_be_several() && !is_epoch && !path.contains(GROUP) {
                return Err(Error::input(format!(
                    "the path {path:?} does not say {GROUP}, but there are several groups"
                )));
            }
            if self.groups.are_none() && path.contains(GROUP) {
                return Err(Error::input(format!(
                    "the path {path:?} says {GROUP}, but data_source.groups is missing"
                )));
            }
        }
        if self.groups.has_patterns() {
            self.listed_group("")?;
        }
        Ok(())
    }

    /// The group whose members a pattern is compared with: what stands before `{group}` in the path of the latitudes, and
    /// the groups that the pattern begins with.
    ///
    /// # Errors
    /// When `{group}` is only a part of a name there.
    pub(crate) fn listed_group(&self, folder: &str) -> Result<String> {
        let path = &self.latitude.template;
        match path.split_once(GROUP) {
            Some((before, after))
                if (before.is_empty() || before.ends_with('/')) && after.starts_with('/') =>
            {
                Ok(format!("{before}{folder}"))
            }
            _ => Err(Error::input(format!(
                "the path {path:?} must have {GROUP} as the whole name of a group, because data_source.groups has a pattern"
            ))),
        }
    }
}

fn add_variable(
    columns: &mut Vec<ColumnPath>,
    section: &str,
    name: &str,
    dataset: DatasetPath,
    level: Option<usize>,
) -> Result<()> {
    if name == LATITUDE || name == LONGITUDE {
        return Err(Error::input(format!(
            "{section}.{name}: the name is taken by the coordinates; choose another"
        )));
    }
    if columns.iter().any(|column| column.name == name) {
        return Err(Error::input(format!(
            "{section}: there is a column {name} already; choose another name"
        )));
    }
    columns.push(ColumnPath {
        name: name.to_string(),
        dataset,
        masked_by_attribute_only: false,
        level,
        is_time: false,
        if_absent: None,
    });
    Ok(())
}

/// The paths of longitude and latitude, and the level they belong to.
fn coordinates(
    section: &SourceOptions,
    found: &levels::Found,
) -> Result<(DatasetPath, DatasetPath, Option<usize>)> {
    if !given(section, "coordinates")
        && let Some((longitude, latitude)) = found.base_coordinates.clone()
    {
        return Ok((longitude, latitude, None));
    }
    let coordinates = mapping(section, "coordinates")?;
    only("coordinates", coordinates, &[LATITUDE, LONGITUDE, "level"])?;
    let level = match coordinates.get("level") {
        None | Some(Value::Null) => None,
        Some(Value::String(level)) => {
            found.number(level).map_err(|problem| Error::input(format!("coordinates.level: {problem}")))?
        }
        Some(other) => {
            return Err(Error::input(format!("coordinates.level: must be the name of a level, not {other}")));
        }
    };
    let (latitude, longitude) =
        (path(coordinates, "coordinates", LATITUDE)?, path(coordinates, "coordinates", LONGITUDE)?);
    Ok((longitude, latitude, level))
}

/// Refuses keys that are not known.
fn only(section: &str, map: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::input(format!(
            "{section}.{key}: unknown key{}; known here: {}",
            did_you_mean(key, known.iter().copied()),
            known.join(", ")
        ))),
    }
}

fn given(section: &Map<String, Value>, key: &str) -> bool {
    section.get(key).is_some_and(|value| !value.is_null())
}

fn mapping<'a>(section: &'a Map<String, Value>, key: &str) -> Result<&'a Map<String, Value>> {
    match section.get(key) {
        Some(Value::Object(map)) if !map.is_empty() => Ok(map),
        None | Some(Value::Null | Value::Object(_)) => Err(Error::input(format!("{key} is missing"))),
        Some(_) => Err(Error::input(format!("{key}: must be a mapping"))),
    }
}

/// The dataset that a key of a mapping names.
fn path(map: &Map<String, Value>, section: &str, key: &str) -> Result<DatasetPath> {
    match map.get(key) {
        None | Some(Value::Null) => Err(Error::input(format!("{section}.{key} is missing"))),
        Some(value) => variable(section, key, value),
    }
}

/// A dataset: its path, or a mapping of path and column.
fn variable(section: &str, key: &str, value: &Value) -> Result<DatasetPath> {
    let legal = |path: &&String| !path.trim_matches('/').is_empty();
    let place = || format!("{section}.{key}");
    match value {
        Value::String(path) if legal(&path) => Ok(DatasetPath { template: path.clone(), column: None }),
        Value::Object(map) => {
            for absent in ["synthesize", "asset"] {
                if map.contains_key(absent) {
                    return Err(Error::input(format!(
                        "{}: {absent} is not supported; name a dataset of the granule",
                        place()
                    )));
                }
            }
            only(&place(), map, &["path", "column"])?;
            let template = match map.get("path") {
                Some(Value::String(path)) if legal(&path) => path.clone(),
                _ => return Err(Error::input(format!("{}.path: must be the path of a dataset", place()))),
            };
            let column = match map.get("column") {
                None | Some(Value::Null) => None,
                Some(value) => Some(value.as_u64().ok_or_else(|| {
                    Error::input(format!("{}.column: must be a whole number from 0, not {value}", place()))
                })?),
            };
            Ok(DatasetPath { template, column })
        }
        other => Err(Error::input(format!(
            "{}: must be the path of a dataset, or {{path, column}}, not {other}",
            place()
        ))),
    }
}

/// Refuses a path with a placeholder that stands for nothing.
fn check_braces(path: &str) -> Result<()> {
    if path.replace(GROUP, "").contains(['{', '}']) {
        return Err(Error::input(format!("the path {path:?} has a placeholder other than {GROUP}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
