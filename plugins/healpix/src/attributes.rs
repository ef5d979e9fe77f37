//! The attributes that make a store legible to `xdggs` and other readers of the Zarr DGGS convention.

use serde_json::{Map, Value, json};
use zagg_core::grid::multiscales::{Level, multiscales};

use crate::options::Ellipsoid;

/// Name of the one dimension.
pub(crate) const DIMENSION: &str = "cells";
/// Name of the coordinate with the NESTED ids.
pub(crate) const CELL_IDS: &str = "cell_ids";
/// Name of the coordinate with the packed morton words.
pub(crate) const MORTON: &str = "morton";

/// The convention that the group declares; readers recognise it by the UUID, schemas demand every word.
fn convention() -> Value {
    json!({
        "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
        "schema_url": "https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json",
        "spec_url": "https://github.com/zarr-conventions/dggs/blob/v1/README.md",
        "name": "dggs",
        "description": "Discrete Global Grid Systems convention for zarr"
    })
}

/// The sphere has the radius that the convention assumes where nothing is said.
fn sphere() -> Value {
    json!({"name": "sphere", "radius": 6_370_997.0})
}

/// The grid of one order in the words of the convention. The coordinate is named only where it is written.
fn dggs(order: u32, ellipsoid: Ellipsoid, compact: bool) -> Map<String, Value> {
    let mut dggs = Map::new();
    dggs.insert("name".into(), "healpix".into());
    dggs.insert("refinement_level".into(), order.into());
    dggs.insert("indexing_scheme".into(), "nested".into());
    dggs.insert("spatial_dimension".into(), DIMENSION.into());
    dggs.insert(
        "ellipsoid".into(),
        match ellipsoid {
            Ellipsoid::Wgs84 => {
                json!({"name": "WGS84", "semi_major_axis": 6_378_137.0, "inverse_flattening": 298.257_223_563})
            }
            Ellipsoid::Sphere => sphere(),
        },
    );
    if compact {
        dggs.insert("coordinate".into(), CELL_IDS.into());
        dggs.insert("compression".into(), "none".into());
    }
    dggs
}

/// Attributes of the group of one order.
pub(crate) fn group(order: u32, ellipsoid: Ellipsoid, compact: bool) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("zarr_conventions".into(), Value::Array(vec![convention()]));
    attributes.insert("dggs".into(), dggs(order, ellipsoid, compact).into());
    attributes
}

/// Attributes of the root of a store with several orders, finest first.
pub(crate) fn root(orders: &[u32], ellipsoid: Ellipsoid, compact: bool) -> Map<String, Value> {
    multiscales(orders.iter().map(|&order| Level {
        asset: order.to_string(),
        // Halving the edges doubles the places along them; ids have one dimension.
        size: vec![2_f64.powi(-i32::try_from(order).unwrap_or(0))],
        keys: Map::from_iter([("dggs".to_owned(), dggs(order, ellipsoid, compact).into())]),
    }))
}

/// Attributes of `cell_ids`: the dialect of `xdggs` itself, which has the older spelling of the semi-major axis and
/// fails on any key beside these.
pub(crate) fn cell_ids(order: u32, ellipsoid: Ellipsoid) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("grid_name".into(), "healpix".into());
    attributes.insert("level".into(), order.into());
    attributes.insert("indexing_scheme".into(), "nested".into());
    attributes.insert(
        "ellipsoid".into(),
        match ellipsoid {
            Ellipsoid::Wgs84 => {
                json!({"name": "WGS84", "semimajor_axis": 6_378_137.0, "inverse_flattening": 298.257_223_563})
            }
            Ellipsoid::Sphere => sphere(),
        },
    );
    attributes
}

/// Attributes of the coordinate `morton`.
pub(crate) fn morton() -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("long_name".into(), "packed morton word of the cell".into());
    attributes
}
