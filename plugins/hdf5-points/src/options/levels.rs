//! `levels`, `base_level` and `read_plan`: products whose datasets have several rates.

use serde_json::{Map, Value};
use zagg_core::source::{LATITUDE, LONGITUDE, SourceOptions};
use zagg_core::{Error, Result};

use super::{DatasetPath, GROUP, check_braces, given, mapping, only, path, variable};

/// Most levels of a pipeline.
pub(super) const MAX_LEVELS: usize = 16;

/// Most neighbours of a parent whose shards are looked into.
pub(super) const MAX_PAD: u64 = 1000;

/// How far rows lie from their parent's position unless the pipeline says otherwise, in metres.
const REACH: f64 = 200.0;

/// Farthest that a pipeline may say.
pub(super) const MAX_REACH: f64 = 100_000.0;

/// A level whose rows stand for several rows of the part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub(crate) name: String,
    /// Number of the first row of each.
    pub(crate) index_beg: DatasetPath,
    /// How many rows.
    pub(crate) count: DatasetPath,
    /// The number of the part's first row.
    pub(crate) index_base: u64,
}

/// By which level rows are looked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) level: usize,
    pub(crate) longitude: DatasetPath,
    pub(crate) latitude: DatasetPath,
    pub(crate) pad: usize,
    /// Metres.
    pub(crate) reach: f64,
}

/// What the section says of levels.
#[derive(Debug, Default)]
pub(super) struct Found {
    base: Option<String>,
    pub(super) levels: Vec<Level>,
    pub(super) plan: Option<Plan>,
    /// Longitude and latitude that the base level names.
    pub(super) base_coordinates: Option<(DatasetPath, DatasetPath)>,
    /// Columns of levels, with the number of the level; none for the base level.
    pub(super) variables: Vec<(String, DatasetPath, Option<usize>)>,
}

impl Found {
    /// The number of a level; `None` for the base level.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, String> {
        if self.base.as_deref() == Some(name) {
            return Ok(None);
        }
        match self.levels.iter().position(|level| level.name == name) {
            Some(at) => Ok(Some(at)),
            None => Err(format!("there is no level {name:?} in data_source.levels")),
        }
    }
}

pub(super) fn read(section: &SourceOptions) -> Result<Found> {
    if !given(section, "levels") {
        for key in ["base_level", "read_plan"] {
            if given(section, key) {
                return Err(Error::input(format!("{key} needs data_source.levels")));
            }
        }
        return Ok(Found::default());
    }
    let levels = mapping(section, "levels")?;
    if levels.len() > MAX_LEVELS {
        return Err(Error::input(format!("levels: more than {MAX_LEVELS}")));
    }
    let base = match section.get("base_level") {
        Some(Value::String(base)) if levels.contains_key(base) => base.clone(),
        Some(Value::String(base)) => {
            return Err(Error::input(format!(
                "base_level: there is no level {base:?} in data_source.levels"
            )));
        }
        _ => return Err(Error::input("base_level: must be the name of the level that rows belong to")),
    };
    let mut found = Found { base: Some(base.clone()), ..Found::default() };
    let mut places = Vec::new();
    for (name, value) in levels {
        let place = format!("levels.{name}");
        let Value::Object(level) = value else {
            return Err(Error::input(format!("{place}: must be a mapping")));
        };
        only(&place, level, &["path", "coordinates", "variables", "link"])?;
        let folder = folder(&place, level)?;
        let number = if *name == base {
            if given(level, "link") {
                return Err(Error::input(format!("{place}.link: the base level has none")));
            }
            None
        } else {
            found.levels.push(link(name, level, &folder, &base)?);
            Some(found.levels.len() - 1)
        };
        let coordinates = own_coordinates(&place, level, &folder)?;
        match number {
            None => found.base_coordinates = coordinates,
            Some(number) => places.push((number, name.clone(), coordinates)),
        }
        match level.get("variables") {
            // A list only tells people what there is.
            None | Some(Value::Null | Value::Array(_)) => {}
            Some(Value::Object(variables)) => {
                let place = format!("{place}.variables");
                for (name, value) in variables {
                    let dataset = within(&folder, variable(&place, name, value)?);
                    found.variables.push((name.clone(), dataset, number));
                }
            }
            Some(_) => return Err(Error::input(format!("{place}.variables: must be a mapping"))),
        }
    }
    found.plan = plan(section, &base, &places)?;
    Ok(found)
}

/// The group of a level, in front of names that do not begin at the root.
fn folder(place: &str, level: &Map<String, Value>) -> Result<String> {
    match level.get("path") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(path)) => Ok(path.trim_end_matches('/').to_string()),
        Some(other) => Err(Error::input(format!("{place}.path: must be the path of a group, not {other}"))),
    }
}

fn within(folder: &str, dataset: DatasetPath) -> DatasetPath {
    if folder.is_empty() || dataset.template.starts_with('/') || dataset.template.starts_with(GROUP) {
        return dataset;
    }
    DatasetPath { template: format!("{folder}/{}", dataset.template), ..dataset }
}

fn own_coordinates(
    place: &str,
    level: &Map<String, Value>,
    folder: &str,
) -> Result<Option<(DatasetPath, DatasetPath)>> {
    if !given(level, "coordinates") {
        return Ok(None);
    }
    let place = format!("{place}.coordinates");
    let Some(Value::Object(coordinates)) = level.get("coordinates") else {
        return Err(Error::input(format!("{place}: must be a mapping")));
    };
    only(&place, coordinates, &[LATITUDE, LONGITUDE])?;
    let own = |key| {
        let dataset = within(folder, path(coordinates, &place, key)?);
        check_braces(&dataset.template)?;
        Ok::<_, Error>(dataset)
    };
    Ok(Some((own(LONGITUDE)?, own(LATITUDE)?)))
}

fn link(name: &str, level: &Map<String, Value>, folder: &str, base: &str) -> Result<Level> {
    let place = format!("levels.{name}.link");
    let Some(Value::Object(link)) = level.get("link") else {
        return Err(Error::input(format!(
            "{place} is missing: it tells which rows of {base} belong to each row of {name}"
        )));
    };
    only(&place, link, &["to", "index_beg", "count", "index_base", "reference_index"])?;
    if link.get("to").and_then(Value::as_str) != Some(base) {
        return Err(Error::input(format!("{place}.to: must be {base}, the base level")));
    }
    if given(link, "reference_index") {
        return Err(Error::input(format!("{place}.reference_index: must be null")));
    }
    let index_base = match link.get("index_base") {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_u64().ok_or_else(|| {
            Error::input(format!("{place}.index_base: must be a whole number from 0, not {value}"))
        })?,
    };
    let dataset = |key| Ok::<_, Error>(within(folder, path(link, &place, key)?));
    Ok(Level {
        name: name.to_string(),
        index_beg: dataset("index_beg")?,
        count: dataset("count")?,
        index_base,
    })
}

/// Number, name and coordinates of a level.
type Place = (usize, String, Option<(DatasetPath, DatasetPath)>);

fn plan(section: &SourceOptions, base: &str, places: &[Place]) -> Result<Option<Plan>> {
    if !given(section, "read_plan") {
        return Ok(None);
    }
    let plan = mapping(section, "read_plan")?;
    let known = ["spatial_index", "pad", "reach", "full_read_threshold", "chunk_boundaries"];
    only("read_plan", plan, &known)?;
    // The original's ways to read less; here exactly the rows that are wanted are read anyway.
    if given(plan, "chunk_boundaries") {
        return Err(Error::input(
            "read_plan.chunk_boundaries: is not supported; data_source.index does the same",
        ));
    }
    let number = |key: &str| plan.get(key).filter(|value| !value.is_null());
    if let Some(value) = number("full_read_threshold")
        && !value.as_f64().is_some_and(|share| (0.0..=1.0).contains(&share))
    {
        return Err(Error::input(format!("read_plan.full_read_threshold: must be from 0 to 1, not {value}")));
    }
    let pad = match number("pad") {
        None => 1,
        Some(value) => value.as_u64().filter(|&pad| pad <= MAX_PAD).ok_or_else(|| {
            Error::input(format!("read_plan.pad: must be a whole number from 0 to {MAX_PAD}, not {value}"))
        })?,
    };
    let reach = match number("reach") {
        None => REACH,
        Some(value) => value.as_f64().filter(|reach| (0.0..=MAX_REACH).contains(reach)).ok_or_else(|| {
            Error::input(format!("read_plan.reach: must be metres from 0 to {MAX_REACH}, not {value}"))
        })?,
    };
    let level = match plan.get("spatial_index") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(level)) if level == base => return Ok(None),
        Some(Value::String(level)) => level,
        Some(other) => {
            return Err(Error::input(format!("read_plan.spatial_index: must name a level, not {other}")));
        }
    };
    match places.iter().find(|(_, name, _)| name == level) {
        Some((level, _, Some((longitude, latitude)))) => Ok(Some(Plan {
            level: *level,
            longitude: longitude.clone(),
            latitude: latitude.clone(),
            pad: pad as usize,
            reach,
        })),
        Some(_) => Err(Error::input(format!(
            "read_plan.spatial_index: levels.{level}.coordinates is missing; rows cannot be looked for without"
        ))),
        None => Err(Error::input(format!(
            "read_plan.spatial_index: there is no level {level:?} in data_source.levels"
        ))),
    }
}
