use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{PluginSchema, SchemaParts, layer, pipeline};
use crate::config::{Layer, Layers, Pipeline};

/// A pipeline with every section that has keys of its own.
fn whole() -> Value {
    json!({
        "data_source": {"access": {"region": "r"}, "index": {"store": "a"}},
        "aggregation": {
            "coordinates": {"cell_ids": {"dtype": "uint64"}},
            "variables": {"n": {"function": "len"}},
        },
        "output": {"grid": {"type": "g"}},
        "catalog": {"source": "s"},
        "pipeline": {"type": "spatial"},
    })
}

/// The keys that the reader knows in the section at `path`: its own words about a key that it does not know.
fn known(path: &[&str]) -> BTreeSet<String> {
    let mut document = whole();
    let section = path.iter().fold(&mut document, |value, key| &mut value[*key]);
    section["an_unheard_of_key"] = json!(1);
    let Value::Object(entries) = document else { panic!() };
    let mut layers = Layers::default();
    layers.push(Layer::from_entries("p", entries));
    let error = Pipeline::parse(&layers).unwrap_err().to_string();
    let (_, list) = error.split_once("known here: ").unwrap_or_else(|| panic!("{path:?}: {error}"));
    list.split(", ").map(String::from).collect()
}

/// The keys that the schema knows there.
fn described(path: &[&str]) -> BTreeSet<String> {
    let schema = pipeline(&SchemaParts::default());
    let section = path.iter().fold(&schema, |schema, key| match &schema["properties"][*key] {
        Value::Null => &schema["additionalProperties"],
        named => named,
    });
    assert_eq!(section["additionalProperties"], json!(false), "{path:?}");
    section["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_has_the_keys_that_the_readers_know() {
    for path in [
        &[][..],
        &["data_source"],
        &["data_source", "access"],
        &["data_source", "index"],
        &["aggregation"],
        &["aggregation", "coordinates", "cell_ids"],
        &["aggregation", "variables", "n"],
        &["output"],
        &["catalog"],
        &["pipeline"],
    ] {
        assert_eq!(described(path), known(path), "{path:?}");
    }
}

#[test]
fn a_layer_requires_nothing_and_knows_the_same_keys() {
    let parts = SchemaParts {
        grids: vec![PluginSchema {
            names: vec!["g"],
            schema: json!({"required": ["a"], "properties": {"a": {}}}),
        }],
        ..SchemaParts::default()
    };
    let (whole, layer) = (pipeline(&parts), layer(&parts));
    assert!(whole.to_string().contains("\"required\"") && whole.to_string().contains("\"allOf\""));
    for keyword in ["required", "allOf", "minProperties"] {
        assert!(!layer.to_string().contains(&format!("\"{keyword}\"")), "{keyword}");
    }
    for section in ["data_source", "aggregation", "output"] {
        let keys = |schema: &Value| -> Vec<String> {
            schema["properties"][section]["properties"].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&whole), keys(&layer));
    }
}

#[test]
fn every_key_is_described() {
    fn check(path: &str, schema: &Value) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            let description = value["description"].as_str().unwrap_or_default();
            let without_words = path.contains(".coordinates.") || path == ".pipeline.type";
            assert!(without_words || description.ends_with('.'), "{path}: {description:?}");
            check(&path, value);
        }
        for inside in ["additionalProperties", "items"] {
            if schema[inside].is_object() {
                check(&format!("{path}.{inside}"), &schema[inside]);
            }
        }
        for alternative in schema["anyOf"].as_array().into_iter().flatten() {
            check(path, alternative);
        }
    }
    check("", &pipeline(&SchemaParts::default()));
}
