//! The attributes of groups and of `cell_ids`.

use serde_json::{Map, Value, json};
use zagg_core::grid::multiscales::{Level, multiscales};

/// Name of the one dimension.
pub(crate) const DIMENSION: &str = "cells";
/// Name of the coordinate with the S2 cell ids.
pub(crate) const CELL_IDS: &str = "cell_ids";

/// Mean radius of the Earth in metres, which S2 itself uses where it needs one.
const RADIUS: f64 = 6_371_010.0;

/// The grid of one level in the words of the Zarr DGGS convention, version 1. It leaves the names of grids other than
/// HEALPix open; programs that look for S2 find its customary name.
fn dggs(level: u32, compact: bool) -> Map<String, Value> {
    let mut dggs = Map::new();
    dggs.insert("name".into(), "s2".into());
    dggs.insert("refinement_level".into(), level.into());
    dggs.insert("spatial_dimension".into(), DIMENSION.into());
    dggs.insert("ellipsoid".into(), json!({"name": "sphere", "radius": RADIUS}));
    if compact {
        dggs.insert("coordinate".into(), CELL_IDS.into());
        dggs.insert("compression".into(), "none".into());
    }
    dggs
}

/// Attributes of the group of one level.
pub(crate) fn group(level: u32, compact: bool) -> Map<String, Value> {
    // Readers recognise the convention by its UUID, its schema demands every word.
    let convention = json!({
        "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
        "schema_url": "https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json",
        "spec_url": "https://github.com/zarr-conventions/dggs/blob/v1/README.md",
        "name": "dggs",
        "description": "Discrete Global Grid Systems convention for zarr"
    });
    let mut attributes = Map::new();
    attributes.insert("zarr_conventions".into(), Value::Array(vec![convention]));
    attributes.insert("dggs".into(), dggs(level, compact).into());
    attributes
}

/// Attributes of the root of a store with several levels, finest first.
pub(crate) fn root(levels: &[u32], compact: bool) -> Map<String, Value> {
    multiscales(levels.iter().map(|&level| Level {
        asset: level.to_string(),
        // Edges are about half as long from level to level; ids have one dimension.
        size: vec![2_f64.powi(-i32::try_from(level).unwrap_or(0))],
        keys: Map::from_iter([("dggs".to_owned(), dggs(level, compact).into())]),
    }))
}

/// Attributes of `cell_ids`, in the words of `xdggs`. It has no S2 grid of its own; one that is registered under this name
/// gets the level from here.
pub(crate) fn cell_ids(level: u32) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("grid_name".into(), "s2".into());
    attributes.insert("level".into(), level.into());
    attributes
}
