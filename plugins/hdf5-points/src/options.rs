//! What the source needs of the section `data_source`.

use serde_json::{Map, Value};
use zagg_core::source::{LATITUDE, LONGITUDE, SourceOptions};
use zagg_core::{Error, Result};

/// Stands for the part's name in a path.
const GROUP: &str = "{group}";

/// Most parts a granule may have.
const MAX_GROUPS: usize = 1024;

/// A column and the dataset it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPath {
    /// Name of the column.
    pub name: String,
    /// Path of the dataset, with `{group}` for the part.
    pub path: String,
    /// Whether only an attribute can mark its values as missing.
    pub masked_by_attribute_only: bool,
}

/// The datasets that make a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of the parts; one empty name for a product without groups.
    pub groups: Vec<String>,
    /// Path of the longitudes.
    pub longitude: String,
    /// Path of the latitudes.
    pub latitude: String,
    /// Columns that the pipeline names, then the datasets of filters under their own paths.
    pub columns: Vec<ColumnPath>,
}

impl Options {
    /// Reads the section.
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn read(section: &SourceOptions) -> Result<Self> {
        let groups = read_groups(section)?;
        let coordinates = mapping(section, "coordinates")?;
        for key in coordinates.keys() {
            if key != LATITUDE && key != LONGITUDE {
                return Err(Error::input(format!(
                    "coordinates.{key}: unknown key; known here: latitude, longitude"
                )));
            }
        }
        let (latitude, longitude) =
            (path(coordinates, "coordinates", LATITUDE)?, path(coordinates, "coordinates", LONGITUDE)?);
        let variables = mapping(section, "variables")?;
        let mut columns = Vec::new();
        for name in variables.keys() {
            if name == LATITUDE || name == LONGITUDE {
                return Err(Error::input(format!(
                    "variables.{name}: the name is taken by the coordinates; choose another"
                )));
            }
            columns.push(ColumnPath {
                name: name.clone(),
                path: path(variables, "variables", name)?,
                masked_by_attribute_only: false,
            });
        }
        for dataset in filter_datasets(section) {
            if columns.iter().all(|column| column.name != dataset) {
                columns.push(ColumnPath {
                    name: dataset.clone(),
                    path: dataset,
                    masked_by_attribute_only: true,
                });
            }
        }
        let options = Self { groups, longitude, latitude, columns };
        options.check_placeholders()?;
        Ok(options)
    }

    /// The path of a template for one part.
    pub fn path(template: &str, group: &str) -> String {
        template.replace(GROUP, group)
    }

    /// Paths of all datasets: for each part longitude, latitude, and the columns.
    pub(crate) fn paths(&self) -> Vec<String> {
        let templates = || {
            [&self.longitude, &self.latitude]
                .into_iter()
                .chain(self.columns.iter().map(|column| &column.path))
        };
        self.groups.iter().flat_map(|group| templates().map(|path| Self::path(path, group))).collect()
    }

    /// With several parts, a path that does not name the part would count the same rows several times.
    fn check_placeholders(&self) -> Result<()> {
        let paths = self.columns.iter().map(|c| &c.path).chain([&self.latitude, &self.longitude]);
        for path in paths {
            let rest = path.replace(GROUP, "");
            if rest.contains(['{', '}']) {
                return Err(Error::input(format!("the path {path:?} has a placeholder other than {GROUP}")));
            }
            if self.groups.len() > 1 && !path.contains(GROUP) {
                return Err(Error::input(format!(
                    "the path {path:?} does not say {GROUP}, but there are several groups"
                )));
            }
            if self.groups == [""] && path.contains(GROUP) {
                return Err(Error::input(format!(
                    "the path {path:?} says {GROUP}, but data_source.groups is missing"
                )));
            }
        }
        Ok(())
    }
}

fn read_groups(section: &SourceOptions) -> Result<Vec<String>> {
    let items = match section.get("groups") {
        None | Some(Value::Null) => return Ok(vec![String::new()]),
        Some(Value::Array(items)) if !items.is_empty() && items.len() <= MAX_GROUPS => items,
        Some(_) => return Err(Error::input(format!("groups: must be a list of 1 to {MAX_GROUPS} names"))),
    };
    let mut groups = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::String(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                if groups.contains(name) {
                    return Err(Error::input(format!("groups: {name} stands twice")));
                }
                groups.push(name.clone());
            }
            other => return Err(Error::input(format!("groups: must hold names, not {other}"))),
        }
    }
    Ok(groups)
}

fn mapping<'a>(section: &'a SourceOptions, key: &str) -> Result<&'a Map<String, Value>> {
    match section.get(key) {
        Some(Value::Object(map)) if !map.is_empty() => Ok(map),
        None | Some(Value::Null | Value::Object(_)) => Err(Error::input(format!("{key} is missing"))),
        Some(_) => Err(Error::input(format!("{key}: must be a mapping"))),
    }
}

fn path(map: &Map<String, Value>, section: &str, key: &str) -> Result<String> {
    match map.get(key) {
        Some(Value::String(path)) if !path.trim_matches('/').is_empty() => Ok(path.clone()),
        None | Some(Value::Null) => Err(Error::input(format!("{section}.{key} is missing"))),
        Some(Value::Object(_)) => Err(Error::input(format!(
            "{section}.{key}: columns of 2-D datasets are not supported by this version of zagg; give the path of a 1-D dataset"
        ))),
        Some(other) => {
            Err(Error::input(format!("{section}.{key}: must be the path of a dataset, not {other}")))
        }
    }
}

/// The core has checked the filters; only their datasets matter here.
fn filter_datasets(section: &SourceOptions) -> Vec<String> {
    let dataset = |filter: &Value| filter.get("dataset").and_then(Value::as_str).map(str::to_string);
    match section.get("filters") {
        Some(Value::Array(filters)) => filters.iter().filter_map(dataset).collect(),
        _ => section.get("quality_filter").and_then(dataset).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn section() -> Value {
        json!({
            "groups": ["gt1l", "gt1r"],
            "coordinates": {"latitude": "/{group}/lat", "longitude": "/{group}/lon"},
            "variables": {"h": "/{group}/h"},
            "quality_filter": {"dataset": "/{group}/q", "value": 0},
        })
    }

    fn read(section: &Value) -> Result<Options> {
        Options::read(section.as_object().unwrap())
    }

    #[test]
    fn columns_are_variables_then_filters() {
        let options = read(&section()).unwrap();
        let names: Vec<&str> = options.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["h", "/{group}/q"]);
        assert_eq!(Options::path(&options.columns[0].path, "gt1r"), "/gt1r/h");
    }

    #[test]
    fn faults_name_the_key() {
        let mut no_latitude = section();
        no_latitude["coordinates"].as_object_mut().unwrap().remove("latitude");
        assert_eq!(read(&no_latitude).unwrap_err().to_string(), "coordinates.latitude is missing");
        let mut same_path = section();
        same_path["variables"]["h"] = "/gt1l/h".into();
        assert!(read(&same_path).unwrap_err().to_string().contains("does not say {group}"));
        let mut twice = section();
        twice["groups"] = json!(["gt1l", "gt1l"]);
        assert_eq!(read(&twice).unwrap_err().to_string(), "groups: gt1l stands twice");
        let mut column = section();
        column["variables"]["h"] = json!({"path": "/{group}/x", "column": 3});
        assert!(read(&column).unwrap_err().to_string().contains("2-D"));
    }
}
