//! Which paths of datasets the settings of a source name.
//!
//! Settings are those of any source that reads HDF5 files. Of `hdf5-points` and its kin they are followed as it follows them:
//! names are those of the root or of the group of their level. What is no path is looked up in vain.

use serde_json::{Map, Value};

use super::reads::GROUP;

/// Deepest setting that may name a dataset.
const MAX_DEPTH: usize = 8;

/// Settings that name none.
const OTHERS: [&str; 14] = [
    "reader",
    "driver",
    "groups",
    "base_level",
    "read_plan",
    "expression",
    "epoch",
    "scale",
    "time_range",
    "to",
    "level",
    "op",
    "if_absent",
    "access",
];

/// The column of times, which is read where it is asked for.
const TIME: &str = "time";

/// Paths of datasets from the root, in the order of the settings, each once. Of variables only those of these names count,
/// where they are known.
pub(super) fn of(source: &Map<String, Value>, columns: Option<&[String]>) -> Vec<String> {
    let mut found = Found { columns, paths: Vec::new() };
    for (key, value) in source {
        let is_idle_time = key == TIME && !found.is_wanted(TIME);
        if !OTHERS.contains(&key.as_str()) && !is_idle_time {
            found.add(key, value, "", MAX_DEPTH);
        }
    }
    found.paths
}

struct Found<'a> {
    columns: Option<&'a [String]>,
    paths: Vec<String>,
}

impl Found<'_> {
    fn is_wanted(&self, column: &str) -> bool {
        self.columns.is_none_or(|columns| columns.iter().any(|wanted| wanted == column))
    }

    fn add(&mut self, key: &str, value: &Value, folder: &str, depth: usize) {
        match value {
            Value::String(text) => self.push(text, folder),
            Value::Array(list) if depth > 0 => {
                list.iter().for_each(|one| self.add("", one, folder, depth - 1));
            }
            Value::Object(map) if depth > 0 => {
                // The group of a level, in front of its names; of a variable it is the dataset.
                let own = map.get("path").and_then(Value::as_str).filter(|path| path.starts_with('/'));
                let folder = own.map_or(folder, |path| path.trim_end_matches('/'));
                for (name, one) in map {
                    let is_idle = key == "variables" && !self.is_wanted(name);
                    if !is_idle && !OTHERS.contains(&name.as_str()) {
                        self.add(name, one, folder, depth - 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str, folder: &str) {
        // Behind the sign is the field of a record.
        let path = text.split_once('#').map_or(text, |(path, _)| path);
        // Names of HDF-EOS have blanks; without a slash in front that is an expression or a sentence.
        let is_odd = |c: char| c.is_whitespace() || "()<>=,:".contains(c);
        let is_path = path.starts_with('/') || (!path.is_empty() && !path.contains(is_odd));
        if !is_path {
            return;
        }
        let path = if path.starts_with('/') {
            path.to_owned()
        } else if path.starts_with(GROUP) {
            format!("/{path}")
        } else {
            format!("{folder}/{path}")
        };
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let source = json!({
            "reader": "atl06", "groups": ["gt1l"], "variables": {"h": "/{group}/h", "s": {"path": "/{group}/s", "column": 1}},
            "filters": [{"dataset": "/{group}/q"}, {"expression": "h > 0"}], "again": "/{group}/h",
            "time": {"dataset": "/{group}/t", "epoch": "2018-01-01T00:00:00Z"},
        });
        let source = source.as_object().unwrap();
        assert_eq!(of(source, None), ["/{group}/h", "/{group}/s", "/{group}/q", "/{group}/t"]);
        assert_eq!(of(source, Some(&["s".into()])), ["/{group}/s", "/{group}/q", "/{group}/h"]);
        let deep = json!({"deep": (0..100).fold(json!("/x"), |inner, _| json!([inner]))});
        assert!(of(deep.as_object().unwrap(), None).is_empty());
    }

    #[test]
    fn names_are_those_of_their_level_or_of_the_root() {
        let source = json!({
            "coordinates": {"latitude": "lat", "longitude": "records#lon"}, "swath": "/HDFEOS/Data Fields/CO",
            "levels": {
                "photons": {"path": "/{group}/heights", "coordinates": {"latitude": "lat_ph"}, "link": null},
                "segments": {
                    "path": "/{group}/geolocation/", "variables": {"dem": "/{group}/dem_h", "idle": "idle"},
                    "link": {"to": "photons", "count": "segment_ph_cnt"},
                },
            },
        });
        let paths = of(source.as_object().unwrap(), Some(&["dem".into()]));
        for path in [
            "/lat",
            "/records",
            "/HDFEOS/Data Fields/CO",
            "/{group}/heights/lat_ph",
            "/{group}/dem_h",
            "/{group}/geolocation/segment_ph_cnt",
        ] {
            assert!(paths.iter().any(|have| have == path), "{path}: {paths:?}");
        }
        assert!(!paths.iter().any(|path| path.contains("idle")), "{paths:?}");
    }
}
