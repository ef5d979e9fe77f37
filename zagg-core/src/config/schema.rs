//! The JSON Schema of pipelines: what an editor knows of them while they are written, and the reference is made from.
//!
//! It follows draft 7, the one that editors know best. It says what the readers beside it accept in structure: keys, types,
//! names, ranges, and what belongs together. What needs more than the document is theirs alone: columns that an expression
//! names, cells that must not be larger than shards, dates. A number written as `6.0` is whole in JSON Schema, and refused
//! by zagg where a whole number is asked for.

mod aggregation;
mod data_source;
mod output;

use serde_json::{Map, Value, json};

/// What a plugin accepts in its part of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSchema {
    /// The names that it goes by.
    pub names: Vec<&'static str>,
    /// The schema of its mapping: `properties` of the keys that are its own, and `required`.
    pub schema: Value,
}

/// What a program can name in pipelines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SchemaParts {
    /// Readers whose keys are known.
    pub sources: Vec<PluginSchema>,
    /// Grids whose settings are known.
    pub grids: Vec<PluginSchema>,
    /// Names of all readers.
    pub readers: Vec<String>,
    /// Names of all statistics.
    pub functions: Vec<String>,
    /// Names of all catalogs.
    pub catalogs: Vec<String>,
}

/// The schema of a whole pipeline.
pub fn pipeline(parts: &SchemaParts) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A pipeline of zagg",
        "description": "What is read, what is computed, and where it goes.",
        "type": "object",
        "required": ["data_source", "aggregation", "output"],
        "additionalProperties": false,
        "properties": {
            "data_source": data_source::schema(parts),
            "aggregation": aggregation::schema(parts),
            "output": output::schema(parts),
            "catalog": catalog(parts),
            "pipeline": {
                "description": "Of the Python zagg; other types than spatial are refused.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {"type": {"enum": ["spatial", null]}},
            },
            "bounds": ignored(),
            "worker": ignored(),
        },
    })
}

/// The schema of a file that is laid over another: the same keys and values, but nothing is required.
pub fn layer(parts: &SchemaParts) -> Value {
    let mut schema = pipeline(parts);
    loosen(&mut schema);
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), "A pipeline of zagg that is laid over another".into());
    }
    schema
}

/// Takes away what must stand together: the other part may be in the layer below.
fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for key in ["required", "minProperties", "allOf"] {
                map.shift_remove(key);
            }
            for (key, value) in map.iter_mut() {
                match (key.as_str(), value) {
                    // Names of keys are no keywords.
                    ("properties", Value::Object(properties)) => properties.values_mut().for_each(loosen),
                    (_, value) => loosen(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(loosen),
        _ => {}
    }
}

fn catalog(parts: &SchemaParts) -> Value {
    json!({
        "description": "Where granules are looked for, and the shard map that runs take; a path alone is the shard map.",
        "type": ["object", "string", "null"],
        "additionalProperties": false,
        "properties": {
            "shard_map": text("Path of a shard map, for zagg run and zagg index."),
            "source": names("Catalog that zagg catalog asks; cmr-stac where nothing is said.", &parts.catalogs),
            "short_name": text("Product, such as ATL06."),
            "version": text("Release of the product, with all its digits in quotes, such as \"007\"."),
            "provider": text("Archive, such as NSIDC_CPRD."),
            "endpoint": text("Address of the catalog, for one that stands elsewhere than usual."),
        },
    })
}

/// Text; absent and null are alike.
fn text(description: &str) -> Value {
    json!({"description": description, "type": ["string", "null"]})
}

/// True or false.
fn flag(description: &str) -> Value {
    json!({"description": description, "type": ["boolean", "null"]})
}

/// One of some words.
fn choice(description: &str, words: &[&str]) -> Value {
    let words: Vec<Value> = words.iter().map(|&word| word.into()).chain([Value::Null]).collect();
    json!({"description": description, "enum": words})
}

/// A name that plugins may add to.
fn names(description: &str, known: &[String]) -> Value {
    json!({"description": description, "anyOf": [{"enum": known}, {"type": ["string", "null"]}]})
}

/// A key of the original that has no meaning here.
fn ignored() -> Value {
    json!({"description": "Of the Python zagg; has no meaning here and is accepted with a note."})
}

/// A key of the original that asks for what is not done here.
fn refused() -> Value {
    json!({"description": "Of the Python zagg; not supported, leave it out.", "type": "null"})
}

/// Adds keys without effect and keys that are refused.
fn originals(schema: &mut Value, without_effect: &[&str], not_supported: &[&str]) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let add = |properties: &mut Map<String, Value>, keys: &[&str], value: fn() -> Value| {
        for key in keys {
            properties.insert((*key).to_string(), value());
        }
    };
    add(properties, without_effect, ignored);
    add(properties, not_supported, refused);
}

#[cfg(test)]
mod tests;
