//! The JSON Schema of what the source takes of the section `data_source`.

use serde_json::{Map, Value, json};

use super::MAX_GROUPS;
use super::levels::{MAX_LEVELS, MAX_PAD, MAX_REACH};

/// A path with no other placeholder than `{group}`.
const PATH: &str = "^/*([^{}/]|\\{group\\})([^{}]|\\{group\\})*$";

/// The keys of the section that are the source's own. With `has_defaults` groups and coordinates may be left out.
pub(crate) fn schema(has_defaults: bool) -> Value {
    let group = json!({"type": "string", "minLength": 1, "pattern": "^([^{}*?]*/)?[^{}/]*$"});
    let groups = if has_defaults {
        "those of the product where nothing is said"
    } else {
        "one without a name where nothing is said"
    };
    // Levels may bring the coordinates, and products have defaults; anything else must say where they are.
    let otherwise = if has_defaults {
        json!({"base_level": {"type": "null"}, "read_plan": {"type": "null"}})
    } else {
        json!({"base_level": {"type": "null"}, "read_plan": {"type": "null"}, "coordinates": {"type": "object"}})
    };
    json!({
        "required": ["variables"],
        "properties": {
            "groups": {
                "description": format!("Names of the parts, or a pattern of them such as BEAM*; {groups}."),
                "anyOf": [
                    group,
                    {"type": "array", "items": group, "minItems": 1, "maxItems": MAX_GROUPS, "uniqueItems": true},
                    {"type": "null"},
                ],
            },
            "coordinates": {
                "description": "Datasets of the coordinates, in degrees on WGS84.",
                "type": ["object", "null"],
                "required": ["latitude", "longitude"],
                "additionalProperties": false,
                "properties": {
                    "latitude": dataset("Dataset of the latitudes."),
                    "longitude": dataset("Dataset of the longitudes."),
                    "level": name("The level whose rows have the coordinates."),
                },
            },
            "variables": {
                "description": "The dataset of each column, by the column's name.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"not": {"enum": ["latitude", "longitude"]}},
                "additionalProperties": column(),
            },
            "levels": levels(),
            "base_level": {"description": "The level whose rows are aggregated.", "type": ["string", "null"]},
            "read_plan": read_plan(),
            "time": time(),
        },
        "allOf": [{
            "if": {"required": ["levels"], "properties": {"levels": {"type": "object"}}},
            "then": {
                "required": ["base_level"],
                "properties": {"base_level": {"type": "string"}, "levels": {"minProperties": 1}},
            },
            "else": {
                "required": if has_defaults { json!([]) } else { json!(["coordinates"]) },
                "properties": otherwise,
            },
        }],
    })
}

/// A dataset: its path, or path and column.
fn dataset(description: &str) -> Value {
    dataset_with(description, &[])
}

/// A dataset with further keys beside its path.
fn dataset_with(description: &str, more: &[(&str, Value)]) -> Value {
    let path = json!({"description": "Path of the dataset; {group} stands for the part.", "type": "string", "pattern": PATH});
    let column = number("Column of a dataset with two dimensions, from 0.");
    let keys = [("path", path.clone()), ("column", column)];
    let keys: Map<String, Value> =
        keys.iter().chain(more).map(|(key, value)| ((*key).to_string(), value.clone())).collect();
    json!({"description": description, "anyOf": [
        path,
        {"type": "object", "required": ["path"], "additionalProperties": false, "properties": keys},
    ]})
}

/// A dataset that may be absent.
fn column() -> Value {
    let if_absent = json!({
        "description": "What rows of parts without the dataset hold: a number or missing.",
        "anyOf": [{"type": "number"}, {"enum": ["missing", null]}],
    });
    dataset_with("Path of the dataset of the column, or a mapping.", &[("if_absent", if_absent)])
}

fn name(description: &str) -> Value {
    json!({"description": description, "type": ["string", "null"]})
}

fn number(description: &str) -> Value {
    json!({"description": description, "type": ["integer", "null"], "minimum": 0})
}

fn levels() -> Value {
    json!({
        "description": "Levels of a product with several rates, by name.",
        "type": ["object", "null"],
        "maxProperties": MAX_LEVELS,
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "path": name("Group that names of datasets are looked up in."),
                "coordinates": {
                    "description": "Datasets of the level's coordinates.",
                    "type": ["object", "null"],
                    "required": ["latitude", "longitude"],
                    "additionalProperties": false,
                    "properties": {
                        "latitude": dataset("Dataset of the latitudes."),
                        "longitude": dataset("Dataset of the longitudes."),
                    },
                },
                "variables": {
                    "description": "The level's columns by name; a list only tells people what there is.",
                    "type": ["object", "array", "null"],
                    "propertyNames": {"not": {"enum": ["latitude", "longitude"]}},
                    "additionalProperties": dataset("The dataset of the column."),
                },
                "link": {
                    "description": "Which rows of the base level belong to each row; not for the base level itself.",
                    "type": ["object", "null"],
                    "required": ["to", "index_beg", "count"],
                    "additionalProperties": false,
                    "properties": {
                        "to": {"description": "The base level.", "type": "string"},
                        "index_beg": dataset("Dataset of the numbers of the first row of each."),
                        "count": dataset("Dataset of how many rows belong to each."),
                        "index_base": number("The number of the first row of all."),
                        "reference_index": {"description": "Of the Python zagg; must be null.", "type": "null"},
                    },
                },
            },
        },
    })
}

fn read_plan() -> Value {
    json!({
        "description": "By which level rows are looked for.",
        "type": ["object", "null"],
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "spatial_index": name("The level."),
            "pad": {
                "description": "How many neighbours of a row of that level are looked into.",
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": MAX_PAD,
            },
            "reach": {
                "description": "How far rows lie from the position of their row of that level, in metres.",
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": MAX_REACH,
            },
            "full_read_threshold": {
                "description": "Of the Python zagg; without effect.",
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1,
            },
            "chunk_boundaries": {"description": "Of the Python zagg; data_source.index does the same.", "type": "null"},
        },
    })
}

fn time() -> Value {
    let units = ["nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days"];
    let units: Vec<Value> = units.iter().map(|&unit| unit.into()).chain([Value::Null]).collect();
    json!({
        "description": "How the product counts time: gives the column time, in seconds of UTC since 1970.",
        "type": ["object", "null"],
        "required": ["dataset", "epoch"],
        "additionalProperties": false,
        "properties": {
            "dataset": dataset("The dataset."),
            "column": number("Its column, from 0."),
            "level": name("The level that it belongs to."),
            "epoch": {
                "description": "From when it counts: a date such as 2018-01-01T00:00:00Z, or a dataset of GPS seconds.",
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "required": ["dataset"],
                        "additionalProperties": false,
                        "properties": {"dataset": dataset("A dataset of one number: GPS seconds since 1980-01-06.")},
                    },
                ],
            },
            "scale": {"description": "Scale of its seconds.", "enum": ["utc", "gps", "tai", null]},
            "units": {"description": "What it counts; seconds where nothing is said.", "enum": units},
        },
    })
}
