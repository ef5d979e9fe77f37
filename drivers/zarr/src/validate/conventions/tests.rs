//! The examples of the conventions, and what their schemas are known to refuse.

use super::*;
use serde_json::json;

fn faults(attributes: &Value) -> Vec<String> {
    let mut findings = Findings::default();
    let attributes = attributes.as_object().unwrap();
    Conventions::new().unwrap().attributes("12", attributes, &mut findings);
    findings.kept.iter().map(|finding| finding.message.clone()).collect()
}

fn declaration(name: &str, uuid: &str, tag: &str, description: &str) -> Value {
    let spec = if tag == "v1" { "v1" } else { "v0.1" };
    json!({
        "uuid": uuid,
        "schema_url": format!("https://raw.githubusercontent.com/zarr-conventions/{name}/refs/tags/{tag}/schema.json"),
        "spec_url": format!("https://github.com/zarr-conventions/{name}/blob/{spec}/README.md"),
        "name": name,
        "description": description,
    })
}

fn dggs() -> Value {
    json!({
        "zarr_conventions": [declaration(
            "dggs",
            "7b255807-140c-42ca-97f6-7a1cfecdbc38",
            "v1",
            "Discrete Global Grid Systems convention for zarr",
        )],
        "dggs": {
            "name": "healpix", "refinement_level": 12, "indexing_scheme": "nested", "spatial_dimension": "cells",
            "ellipsoid": {"name": "WGS84", "semi_major_axis": 6378137.0, "inverse_flattening": 298.257223563},
            "coordinate": "cell_ids", "compression": "none",
        },
    })
}

fn multiscales() -> Value {
    json!({
        "zarr_conventions": [declaration(
            "multiscales",
            "d35379db-88df-4056-af3a-620245f8e347",
            "v0.1",
            "Multiscale layout of zarr datasets",
        )],
        "multiscales": {"resampling_method": "average", "layout": [
            {"asset": "12", "dggs": dggs()["dggs"]},
            {"asset": "10", "derived_from": "12", "transform": {"scale": [4.0]}, "dggs": {"refinement_level": 10}},
        ]},
    })
}

fn plane() -> Value {
    json!({
        "zarr_conventions": [
            declaration(
                "proj",
                "f17cb550-5864-4468-aeb7-f3180cfb622f",
                "v0.1",
                "Coordinate reference system information for geospatial data",
            ),
            declaration(
                "spatial",
                "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
                "v0.1",
                "Spatial coordinate information",
            ),
        ],
        "proj:code": "EPSG:3031",
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": [1000.0, 0.0, -3000000.0, 0.0, -1000.0, 3000000.0],
        "spatial:shape": [6000, 6000],
        "spatial:bbox": [-3000000.0, -3000000.0, 3000000.0, 3000000.0],
        "spatial:registration": "pixel",
    })
}

/// A document with the value at a place replaced; `None` takes it away.
fn with(mut document: Value, place: &str, value: Option<Value>) -> Value {
    let (parent, key) = place.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(object), Some(value)) => drop(object.insert(key.to_owned(), value)),
        (Value::Object(object), None) => drop(object.shift_remove(key)),
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().unwrap()] = value,
        (_, _) => panic!("{place}"),
    }
    document
}

#[test]
fn documents_that_validate_upstream_are_accepted() {
    let none: [String; 0] = [];
    for document in [
        dggs(),
        multiscales(),
        plane(),
        json!({}),
        with(dggs(), "/dggs/ellipsoid", None),
        with(dggs(), "/dggs/ellipsoid", Some(json!({"name": "sphere", "radius": 6370997.0}))),
        with(dggs(), "/dggs/other", Some(json!("allowed by the schema"))),
        // One declaration may be known by its UUID alone, or by a URL.
        with(dggs(), "/zarr_conventions/0", Some(json!({"uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38"}))),
        with(plane(), "/proj:code", Some(json!("IAU:30100"))),
        // Another convention is nobody's business.
        json!({"zarr_conventions": [{"uuid": "3e22156d-ea9e-4e01-95fe-e3809a4b41e7"}], "else": 1}),
    ] {
        assert_eq!(faults(&document), none, "{document:#}");
    }
}

#[test]
fn documents_that_fail_upstream_are_refused() {
    let older = json!({"name": "WGS84", "semimajor_axis": 6378137.0, "inverse_flattening": 298.257223563});
    let pinned = "https://raw.githubusercontent.com/zarr-conventions/dggs/3f19fca/schema.json";
    let drafts = "https://raw.githubusercontent.com/zarr-conventions/multiscales/refs/tags/v1/schema.json";
    let both = json!({"name": "a", "radius": 1.0, "semi_major_axis": 1.0, "inverse_flattening": 1.0});
    for (document, place, value) in [
        // The spelling of 2026-01, and an ellipsoid without a name.
        (dggs(), "/dggs/ellipsoid", Some(older)),
        (dggs(), "/dggs/ellipsoid/name", None),
        (dggs(), "/dggs/ellipsoid", Some(json!("WGS84"))),
        (dggs(), "/dggs/ellipsoid", Some(both)),
        // A declaration is fixed to the letter.
        (dggs(), "/zarr_conventions/0/schema_url", Some(json!(pinned))),
        (dggs(), "/zarr_conventions/0/description", Some(json!("another"))),
        (dggs(), "/zarr_conventions/0/version", Some(json!("1"))),
        (multiscales(), "/zarr_conventions/0/schema_url", Some(json!(drafts))),
        (plane(), "/zarr_conventions/0/name", Some(json!("geo-proj"))),
        // Declared, but without its keys; and the keys without their declaration.
        (dggs(), "/dggs", None),
        (dggs(), "/zarr_conventions", None),
        (plane(), "/proj:code", None),
        (multiscales(), "/multiscales", None),
        (plane(), "/zarr_conventions", None),
        // Rules of the keys.
        (dggs(), "/dggs/indexing_scheme", None),
        (dggs(), "/dggs/spatial_dimension", None),
        (dggs(), "/dggs/refinement_level", None),
        (dggs(), "/dggs/refinement_level", Some(json!(30))),
        (dggs(), "/dggs/refinement_level", Some(json!(-1))),
        (dggs(), "/dggs/compression", Some(json!("zip"))),
        (dggs(), "/dggs/coordinate", None),
        (dggs(), "/dggs/name", Some(json!("HEALPix"))),
        (multiscales(), "/multiscales/layout", Some(json!([]))),
        (multiscales(), "/multiscales/layout/1/transform", None),
        (multiscales(), "/multiscales/layout/0/asset", None),
        (multiscales(), "/multiscales/layout/0/asset", Some(json!("/12"))),
        (multiscales(), "/multiscales/layout/0/asset", Some(json!("../12"))),
        (plane(), "/proj:code", Some(json!("3031"))),
        (plane(), "/spatial:transform", None),
        (plane(), "/spatial:transform", Some(json!([1.0, 0.0]))),
        (plane(), "/spatial:dimensions", Some(json!(["x"]))),
        (plane(), "/spatial:bbox", Some(json!([1.0]))),
        (plane(), "/spatial:registration", Some(json!("corner"))),
        (plane(), "/spatial:shape", Some(json!([6000.5, 1]))),
    ] {
        let changed = with(document.clone(), place, value.clone());
        assert!(!faults(&changed).is_empty(), "{place} {value:?}");
    }
    // Twice the same convention.
    let mut twice = dggs();
    let first = twice["zarr_conventions"][0].clone();
    twice["zarr_conventions"].as_array_mut().unwrap().push(first);
    assert_eq!(faults(&twice), ["declares the convention 'dggs' 2 times"]);
    // The convention is never known by its name.
    let named =
        with(dggs(), "/zarr_conventions/0", Some(json!({"name": "dggs", "spec_url": "https://example.org"})));
    assert_eq!(faults(&named), ["has the attribute 'dggs' but does not declare the convention 'dggs'"]);
}
