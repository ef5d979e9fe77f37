//! The grid passes zagg's conformance check and agrees with Google's own library.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::column::Values;
use zagg_core::conformance;
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::registry::Registry;
use zagg_s2 as _;

fn grid(options: &Value) -> Box<dyn Grid> {
    // Through the registry, as a program finds it.
    Registry::linked().unwrap().grid("s2", options.as_object().unwrap()).unwrap()
}

fn levels(parent: u8, child: u8) -> Box<dyn Grid> {
    grid(&json!({"type": "s2", "parent_level": parent, "child_level": child}))
}

fn locate(grid: &dyn Grid, lon: f64, lat: f64) -> u64 {
    let mut cell = [0];
    grid.locate(&[lon], &[lat], &mut cell);
    cell[0]
}

#[test]
fn every_shape_of_the_grid_conforms() {
    for options in [
        json!({"type": "s2", "parent_level": 7, "child_level": 13}),
        json!({"parent_level": 2, "child_level": 8, "chunk_inner": 4}),
        json!({"parent_level": 0, "child_level": 5}),
        json!({"parent_level": 0, "child_level": 0}),
        json!({"parent_level": 8, "child_level": 8}),
        json!({"parent_level": 18, "child_level": 22}),
        json!({"parent_level": 26, "child_level": 30}),
        json!({"parent_level": 30, "child_level": 30}),
    ] {
        if let Err(findings) = conformance::grid(&*grid(&options)) {
            panic!("{options}: {findings:#?}");
        }
    }
}

#[test]
fn ids_tokens_and_centres_are_those_of_googles_library() {
    let mut rows = 0;
    for line in include_str!("reference.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [lon, lat, level, id, token, centre_lon, centre_lat] = fields[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<f64>().unwrap();
        let level: u8 = level.parse().unwrap();
        let grid = levels(level, level);
        let cell = locate(&*grid, number(lon), number(lat));
        assert_eq!(cell.to_string(), id, "{line}");
        assert_eq!(grid.shard_label(cell), token);
        assert_eq!(grid.shard_from_label(token), Ok(cell));
        let (mut lon, mut lat) = ([0.0], [0.0]);
        grid.centres(level.into(), &[cell], &mut lon, &mut lat);
        // At a pole, any longitude will do.
        let turn = (lon[0] - number(centre_lon)).rem_euclid(360.0);
        let east = turn.min(360.0 - turn) * lat[0].to_radians().cos();
        assert!(east < 1e-12 && (lat[0] - number(centre_lat)).abs() < 1e-12, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 400);
}

#[test]
fn ranks_places_and_attributes_of_a_shard() {
    let grid = grid(&json!({"parent_level": 7, "child_level": 13, "chunk_inner": 9}));
    let cell = locate(&*grid, -120.3, -78.5);
    let mut shard = [0];
    grid.shards_of(&[cell], &mut shard);
    let shard = shard[0];
    assert_eq!((grid.shard_label(shard).as_str(), grid.shard_key(shard)), ("a51e4", shard));
    assert_eq!(grid.shard_index(shard), [shard >> 47]);
    for (level, full, block, chunk) in [(13, 6_u64 << 26, 4096, 256), (9, 6 << 18, 16, 1), (7, 6 << 14, 1, 1)]
    {
        let layout = grid.layout(level);
        let shapes = (layout.full_shape[0], layout.shard_shape[0], layout.chunk_shape[0]);
        assert_eq!(shapes, (full, block, chunk));
        assert!(layout.compactable);
        let cells = grid.cells_of_shard(shard, level);
        assert!(cells.is_sorted());
        // In the full layout, an id follows from the index of its cell.
        let first = grid.shard_index(shard)[0] * block;
        assert!((first..).zip(&cells).all(|(at, id)| ((2 * at + 1) << (60 - 2 * level)) == *id));
        assert_eq!(grid.cell_coordinate("cell_ids", level, &cells), Ok(Values::UInt64(cells)));
    }
    assert_eq!(
        Value::Object(grid.group_attributes(13, true))["dggs"],
        json!({"name": "s2", "refinement_level": 13, "spatial_dimension": "cells",
            "ellipsoid": {"name": "sphere", "radius": 6_371_010.0}, "coordinate": "cell_ids", "compression": "none"})
    );
    assert_eq!(Value::Object(grid.group_attributes(13, false))["dggs"].get("coordinate"), None);
    assert_eq!(
        Value::Object(grid.coordinates(13)[0].attributes.clone()),
        json!({"grid_name": "s2", "level": 13})
    );
}

#[test]
fn cells_larger_than_shards_and_the_root() {
    let grid = grid(&json!({"parent_level": 7, "child_level": 13}));
    let cell = locate(&*grid, -120.3, -78.5);
    let mut shard = [0];
    grid.shards_of(&[cell], &mut shard);
    for level in 0..=7_u32 {
        let (mut of_cell, mut of_shard, mut place) = ([0], [0], [0]);
        grid.parents(&[cell], level, &mut of_cell);
        grid.parents_of_shards(&shard, level, &mut of_shard);
        assert_eq!(of_cell, of_shard);
        assert_eq!(of_cell, [locate(&*levels(level as u8, level as u8), -120.3, -78.5)]);
        // Ids have gaps, places have none.
        grid.places(level, &of_cell, &mut place);
        assert_eq!(place, [of_cell[0] >> (61 - 2 * level)]);
        let layout = grid.layout(level);
        assert_eq!(
            (layout.full_shape, layout.shard_shape, layout.chunk_shape),
            (vec![6 << (2 * level)], vec![1], vec![1])
        );
    }
    assert_eq!((grid.coarsest_level(), grid.level_from_number(4)), (0, Ok(4)));
    assert_eq!(
        grid.level_from_number(14).unwrap_err().to_string(),
        "there is no level 14; there are 0 to 13"
    );
    let root = Value::Object(grid.root_attributes(&[13, 11], true));
    assert_eq!(
        root["multiscales"],
        json!({"layout": [
            {"asset": "13", "dggs": grid.group_attributes(13, true)["dggs"]},
            {"asset": "11", "derived_from": "13", "transform": {"scale": [4.0]}, "dggs": grid.group_attributes(11, true)["dggs"]}
        ]})
    );
}

#[test]
fn one_place_is_one_cell() {
    let grid = levels(10, 20);
    for lat in [-60.0, 0.0, 12.5] {
        for lon in [-180.0, -90.0, -0.0, 33.3] {
            for turned in [lon + 360.0, lon - 360.0] {
                assert_eq!(locate(&*grid, lon, lat), locate(&*grid, turned, lat), "({lon}, {lat})");
            }
        }
    }
}

#[test]
fn keys_and_labels_of_other_levels_are_refused() {
    let grid = levels(7, 13);
    for label in
        ["", "X", "none", "+89c", " 89c", "89c", "80855c", "1", "ffffffffffffffff", "89c25900000000000"]
    {
        let error = grid.shard_from_label(label).unwrap_err().to_string();
        assert!(error.contains(&format!("{label:?}")), "{error}");
    }
    for key in [0, 1, NO_CELL, 1 << 63, 1 << 47, locate(&*grid, 0.0, 0.0)] {
        let error = grid.shard_from_key(key).unwrap_err().to_string();
        assert!(error.contains("is no S2 cell of level 7"), "{error}");
    }
}

proptest! {
    /// No number makes the grid panic, be it an id or not.
    #[test]
    fn ids_that_are_none_do_no_harm(
        id in any::<u64>(), shift in 0..64_u32, level in any::<u32>(), lon in any::<f64>(), lat in any::<f64>()
    ) {
        let grid = levels(5, 9);
        let id = id << shift;
        locate(&*grid, lon, lat);
        let (mut one, mut offset) = ([0], [0]);
        grid.parents(&[id], level, &mut one);
        grid.shards_of(&[id], &mut one);
        grid.offsets_in_shard(id, level, &[id, 0], &mut offset);
        grid.centres(level, &[id], &mut [0.0], &mut [0.0]);
        let is_shard = grid.shard_from_key(id) == Ok(id);
        prop_assert_eq!(grid.cells_of_shard(id, level).is_empty(), !is_shard);
        prop_assert_eq!(grid.shard_label(id) == "none", !is_shard);
        let _ = (grid.shard_index(id), grid.shard_key(id), grid.layout(level), grid.shard_from_label(&lon.to_string()));
        let _ = grid.cell_coordinate("cell_ids", level, &[id]);
    }
}
