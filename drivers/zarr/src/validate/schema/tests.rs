use super::*;

use proptest::prelude::*;
use serde_json::json;

/// Every schema of this crate with a document that it accepts.
fn examples() -> Vec<(&'static str, &'static str, Value)> {
    let declared = |uuid: &str| json!([{"uuid": uuid}]);
    vec![
        (
            "zarr-group",
            include_str!("../../../schemas/zarr-group.json"),
            json!({
                "zarr_format": 3, "node_type": "group", "attributes": {},
                "consolidated_metadata": {
                    "kind": "inline", "must_understand": false,
                    "metadata": {"12": {"zarr_format": 3, "node_type": "group"}},
                },
            }),
        ),
        (
            "zarr-array",
            include_str!("../../../schemas/zarr-array.json"),
            json!({
                "zarr_format": 3, "node_type": "array", "shape": [8], "data_type": "float32",
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4]}},
                "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                "fill_value": "NaN", "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
                "dimension_names": ["cells"], "storage_transformers": [], "attributes": {"units": "m"},
            }),
        ),
        (
            "conventions",
            include_str!("../../../schemas/conventions.json"),
            json!({"zarr_conventions": [{"spec_url": "https://example.org/a", "name": "a"}]}),
        ),
        (
            "dggs",
            include_str!("../../../schemas/dggs.json"),
            json!({
                "zarr_conventions": declared("7b255807-140c-42ca-97f6-7a1cfecdbc38"),
                "dggs": {
                    "name": "healpix", "refinement_level": 12, "indexing_scheme": "nested",
                    "spatial_dimension": "cells", "coordinate": "cell_ids", "compression": "none",
                    "ellipsoid": {"name": "WGS84", "semi_major_axis": 6378137.0, "inverse_flattening": 298.25},
                },
            }),
        ),
        (
            "multiscales",
            include_str!("../../../schemas/multiscales.json"),
            json!({
                "zarr_conventions": declared("d35379db-88df-4056-af3a-620245f8e347"),
                "multiscales": {"resampling_method": "average", "layout": [
                    {"asset": "12"},
                    {"asset": "10", "derived_from": "12", "transform": {"scale": [4.0]}},
                ]},
            }),
        ),
        (
            "proj",
            include_str!("../../../schemas/proj.json"),
            json!({
                "zarr_conventions": declared("f17cb550-5864-4468-aeb7-f3180cfb622f"),
                "proj:code": "EPSG:3031",
            }),
        ),
        (
            "spatial",
            include_str!("../../../schemas/spatial.json"),
            json!({
                "zarr_conventions": declared("689b58e2-cf7b-45e0-9fff-9cfc0883d6b4"),
                "spatial:dimensions": ["y", "x"], "spatial:transform": [1.0, 0.0, -3.0, 0.0, -1.0, 3.0],
                "spatial:shape": [6, 6], "spatial:bbox": [-3.0, -3.0, 3.0, 3.0], "spatial:registration": "pixel",
            }),
        ),
        (
            "zagg",
            include_str!("../../../schemas/zagg.json"),
            json!({"zagg": {
                "state": "complete", "template": "0".repeat(64), "pipeline_hash": "a".repeat(64),
                "layout": "compact", "version": "0.1.0", "groups": {"12": ["count", "cell_ids"]},
            }}),
        ),
    ]
}

/// The answer of a complete library.
fn complete(text: &str, document: &Value) -> bool {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema.json", serde_json::from_str(text).unwrap()).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(document, index).is_ok()
}

/// Places of a document, deepest last.
fn places(document: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match document {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| places(value, &format!("{path}/{key}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{path}/{at}"), all));
        }
        _ => {}
    }
}

/// A document changed at one place: by another value, another key or an item that is gone.
fn changed(document: &Value, place: usize, change: usize) -> Value {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let mut copy = document.clone();
    let target = copy.pointer_mut(&all[place % all.len()]).unwrap();
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(30),
        json!(1.5),
        json!(12.0),
        json!(""),
        json!("x"),
        json!("EPSG:"),
        json!("/12"),
        json!("a/../b"),
        json!("nested"),
        json!("none"),
        json!("Healpix"),
        json!([]),
        json!([1, 2]),
        json!(["y", "y"]),
        json!({}),
        json!({"name": "x"}),
        json!({"must_understand": false}),
        json!({"name": "sphere", "radius": 6370997.0}),
        json!({"name": "WGS84", "semimajor_axis": 6378137.0}),
    ];
    match (change % (values.len() + 3), target) {
        (0, Value::Object(object)) => {
            let first = object.keys().nth(place % object.len().max(1)).cloned();
            first.map(|key| object.shift_remove(&key));
        }
        (0, Value::Array(items)) => drop(items.pop()),
        (1, Value::Object(object)) => drop(object.insert("other".to_owned(), json!(1))),
        (1, Value::Array(items)) => items.push(json!(1)),
        (2, Value::Array(items)) if !items.is_empty() => items.push(items[0].clone()),
        (change, target) => *target = values[change % values.len()].clone(),
    }
    copy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_answers_are_those_of_a_complete_library(
        which in 0usize..8,
        first in (any::<usize>(), any::<usize>()),
        second in (any::<usize>(), any::<usize>(), any::<bool>()),
    ) {
        let (name, text, document) = examples().swap_remove(which);
        let mut document = changed(&document, first.0, first.1);
        if second.2 {
            document = changed(&document, second.0, second.1);
        }
        let ours = Schema::parse(text).unwrap().faults(&document);
        prop_assert_eq!(ours.is_empty(), complete(text, &document), "{}: {} {:?}", name, document, ours);
    }
}

#[test]
fn every_example_is_accepted_by_both() {
    for (name, text, document) in examples() {
        assert_eq!(Schema::parse(text).unwrap().faults(&document), [], "{name}");
        assert!(complete(text, &document), "{name}");
    }
}

#[test]
fn faults_name_the_place_and_what_is_wrong() {
    let (_, text, mut document) = examples().swap_remove(3);
    document["dggs"]["ellipsoid"] = json!({"name": "WGS84", "semimajor_axis": 6378137.0});
    document["dggs"]["refinement_level"] = json!(30);
    let faults = Schema::parse(text).unwrap().faults(&document);
    let texts: Vec<String> =
        faults.iter().map(|fault| format!("{} {}", fault.place, fault.message)).collect();
    assert_eq!(
        texts,
        [
            "/dggs/ellipsoid has not exactly one of the forms it may have: radius; or semi_major_axis and \
             inverse_flattening; or semi_major_axis and semi_minor_axis",
            "/dggs/refinement_level is 30, which is too large",
        ]
    );
}

#[test]
fn schemas_that_say_more_than_is_understood_are_refused() {
    for text in [
        "{",
        r#"{"format": "uri"}"#,
        r#"{"properties": {"a": {"minLength": 1}}}"#,
        r#"{"anyOf": [{"$anchor": "x"}]}"#,
        r#"{"pattern": "("}"#,
    ] {
        assert!(Schema::parse(text).is_err(), "{text}");
    }
    // A schema that refers to itself ends.
    let circle = Schema::parse(r##"{"$ref": "#"}"##).unwrap();
    assert_eq!(circle.faults(&json!(1))[0].message, "is nested too deeply");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let list = Schema::parse(r##"{"items": {"$ref": "#"}}"##).unwrap();
    assert!(!list.faults(&deep).is_empty());
}

#[test]
fn a_document_of_nothing_but_faults_names_only_some() {
    let schema = Schema::parse(r#"{"items": {"type": "string"}}"#).unwrap();
    assert_eq!(schema.faults(&json!(vec![1; 100_000])).len(), MAX_FAULTS);
}
