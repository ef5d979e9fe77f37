//! The grid passes zagg's conformance check, in many systems and shapes.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::conformance;
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::registry::Registry;
use zagg_rectilinear as _;

fn grid(options: &Value) -> Box<dyn Grid> {
    // Through the registry, as a program finds it.
    Registry::linked().unwrap().grid("rectilinear", options.as_object().unwrap()).unwrap()
}

#[test]
fn every_shape_of_the_grid_conforms() {
    for options in [
        json!({"crs": "EPSG:3031", "resolution": 5000, "bounds": [-3.2e6, -3.2e6, 3.2e6, 3.2e6]}),
        json!({"crs": "EPSG:3413", "resolution": 5000, "bounds": [-4e6, -4e6, 4e6, 4e6], "chunk_inner": [64, 32]}),
        // The globe in degrees, padded beyond the pole and beyond a whole turn.
        json!({"crs": "EPSG:4326", "resolution": 0.5, "bounds": [-180, -90, 180, 90], "chunk_shape": [64, 100]}),
        json!({"crs": "EPSG:4326", "resolution": [1, 2], "bounds": [0, -90, 360, 90], "chunk_shape": [90, 360]}),
        // Across the antimeridian.
        json!({"crs": "EPSG:4326", "resolution": 0.01, "bounds": [175.0, -20, 187.3, -10], "chunk_shape": [128, 128]}),
        json!({"crs": "EPSG:32618", "resolution": 10, "bounds": [358_300, 4_299_600, 370_300, 4_311_600], "chunk_shape": [300, 300]}),
        json!({"crs": "EPSG:32601", "resolution": 30, "bounds": [300_000, 1_000_000, 900_000, 1_900_000], "chunk_shape": [512, 256]}),
        json!({"crs": "EPSG:3857", "resolution": 1e5, "bounds": [-2.0037508342789244e7, -2e7, 2.0037508342789244e7, 2e7], "chunk_shape": [32, 32]}),
        json!({"crs": "EPSG:6933", "resolution": 25_000, "bounds": [-1.7367530445e7, -7.3e6, 1.7367530445e7, 7.3e6], "chunk_shape": [96, 64], "chunk_inner": [48, 32]}),
        // Corners beyond the rim of the map.
        json!({"crs": "EPSG:6931", "resolution": 50_000, "bounds": [-9e6, -9e6, 9e6, 9e6], "chunk_shape": [48, 48]}),
        json!({"crs": "EPSG:6932", "resolution": 1e5, "bounds": [-1.4e7, -1.4e7, 1.4e7, 1.4e7], "chunk_shape": [32, 32]}),
        json!({"crs": "+proj=ortho +lat_0=40 +lon_0=-100 +R=6371000", "resolution": 1e5, "bounds": [-7e6, -7e6, 7e6, 7e6], "chunk_shape": [16, 16]}),
        json!({"crs": "+proj=sinu +lon_0=0 +R=6371007.181", "resolution": 1e5, "bounds": [-2.1e7, -1.1e7, 2.1e7, 1.1e7], "chunk_shape": [20, 20]}),
        json!({"crs": "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80 +units=km", "resolution": 10, "bounds": [2500, 1400, 7400, 5500], "chunk_shape": [100, 70]}),
        // One cell in one shard, and an odd number of cells that cannot be halved.
        json!({"crs": "EPSG:3031", "resolution": 1e6, "bounds": [0, 0, 1e6, 1e6], "chunk_shape": [1, 1]}),
        json!({"crs": "EPSG:3031", "resolution": 1e5, "bounds": [-3e6, -3e6, 3e6, 3e6], "chunk_shape": [7, 12]}),
    ] {
        if let Err(findings) = conformance::grid(&*grid(&options)) {
            panic!("{options}: {findings:#?}");
        }
    }
}

fn cell(grid: &dyn Grid, lon: f64, lat: f64) -> u64 {
    let mut cell = [0];
    grid.locate(&[lon], &[lat], &mut cell);
    cell[0]
}

/// Borders belong to the next cell on the right and below; beyond the grid there is none.
#[test]
fn edges_belong_to_the_next_cell() {
    let grid = grid(&json!({
        "crs": "EPSG:4326", "resolution": 1, "bounds": [10, 40, 14, 44], "chunk_shape": [2, 3]
    }));
    // Padded to 4 rows of 6 columns, 40 to 44 north and 10 to 16 east.
    assert_eq!(grid.layout(grid.leaf_level()).full_shape, [4, 6]);
    for (lon, lat, expected) in [
        (10.0, 44.0, 0),
        (10.999, 43.001, 0),
        (11.0, 44.0, 1),
        (10.0, 43.0, 6),
        (11.0, 43.0, 7),
        (15.999, 40.001, 23),
        (370.0, 44.0, 0),
        (-350.0 + 1e-9, 43.5, 0),
    ] {
        assert_eq!(cell(&*grid, lon, lat), expected, "({lon}, {lat})");
    }
    for (lon, lat) in [(10.0, 40.0), (16.0, 41.0), (9.999_999, 42.0), (12.0, 44.000_001), (190.0, 42.0)] {
        assert_eq!(cell(&*grid, lon, lat), NO_CELL, "({lon}, {lat})");
    }
}

/// Each place has one cell, however often one goes round, and none is lost at the antimeridian.
#[test]
fn the_globe_in_degrees_has_no_seam() {
    let grid = grid(&json!({
        "crs": "EPSG:4326", "resolution": 0.1, "bounds": [-180, -90, 180, 90], "chunk_shape": [256, 256]
    }));
    for lat in [89.95, 0.0, -89.95] {
        for turn in [-360.0, 0.0, 360.0] {
            assert_eq!(cell(&*grid, 180.0 + turn, lat), cell(&*grid, -180.0, lat));
            assert_ne!(cell(&*grid, 180.0 + turn, lat), NO_CELL);
        }
    }
    assert_eq!(cell(&*grid, -180.000_000_000_000_03, 0.05) % 3840, 3599);
    assert_eq!(cell(&*grid, f64::from_bits((-180.0_f64).to_bits() + 1), 0.05) % 3840, 3599);
    // Columns beyond the turn exist in the padded array, and have no place.
    let cells = [3600, 3599];
    let (mut lon, mut lat) = ([0.0; 2], [0.0; 2]);
    grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
    assert!(lon[0].is_nan() && lat[0].is_nan());
    assert!((lon[1] - 179.95).abs() < 1e-9 && (lat[1] - 89.95).abs() < 1e-9);
}

#[test]
fn levels_halve_the_cells_of_a_shard() {
    let grid = grid(&json!({
        "crs": "EPSG:32618", "resolution": [10, 20], "bounds": [0, 0, 24_000, 48_000],
        "chunk_shape": [12, 600], "chunk_inner": [6, 300]
    }));
    assert_eq!((grid.shard_level(), grid.leaf_level()), (0, 2));
    let shapes = |level: u32| {
        let layout = grid.layout(level);
        (layout.full_shape, layout.shard_shape, layout.chunk_shape)
    };
    assert_eq!(shapes(2), (vec![2400, 2400], vec![12, 600], vec![6, 300]));
    assert_eq!(shapes(1), (vec![1200, 1200], vec![6, 300], vec![3, 150]));
    // Six rows of a chunk cannot be divided by four, so the chunk is as high as the shard.
    assert_eq!(shapes(0), (vec![600, 600], vec![3, 150], vec![3, 75]));
    let names: Vec<String> = (0..3).map(|level| grid.group_name(level)).collect();
    assert_eq!(names, ["rectilinear_4", "rectilinear_2", "rectilinear"]);
    let mut parents = [0; 4];
    grid.parents(&[0, 2400 * 5 + 7, 2400 * 2399 + 2399, NO_CELL], 0, &mut parents);
    assert_eq!(parents, [0, 600 + 1, 600 * 599 + 599, NO_CELL]);
}

/// A number for an option: any at all, small whole ones, or none.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(|v| json!(v)),
        (-500..500_i32).prop_map(|v| json!(v)),
        (1..2_000_000_u32).prop_map(|v| json!(v)),
        Just(json!("1")),
        Just(json!(u64::MAX)),
        Just(Value::Null),
    ]
}

fn list(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Value> {
    prop::collection::vec(number(), length).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// No option makes the grid panic; what it accepts, it can answer for.
    #[test]
    fn hostile_options_give_a_grid_or_an_error(
        crs in prop::sample::select(vec!["EPSG:4326", "EPSG:3031", "EPSG:32633", "EPSG:3857", "+proj=laea", "EPSG:1", ""]),
        resolution in prop_oneof![number(), list(1..=3)],
        bounds in prop_oneof![4 => list(4..=4), 1 => list(0..=5)],
        chunk in prop_oneof![list(2..=2), list(0..=3), Just(Value::Null)],
        inner in prop_oneof![list(2..=2), Just(Value::Null)],
        places in prop::collection::vec((any::<f64>(), any::<f64>()), 4),
    ) {
        let options = json!({
            "crs": crs, "resolution": resolution, "bounds": bounds, "chunk_shape": chunk, "chunk_inner": inner
        });
        let Ok(grid) = zagg_rectilinear::make(options.as_object().unwrap()) else { return Ok(()) };
        for (lon, lat) in places.into_iter().chain([(0.0, -89.0), (10.0, 50.0)]) {
            let found = cell(&*grid, lon, lat);
            let mut shard = [0];
            grid.shards_of(&[found], &mut shard);
            prop_assert_eq!(found == NO_CELL, shard[0] == NO_CELL);
            if found != NO_CELL {
                let mut offset = [u32::MAX];
                grid.offsets_in_shard(shard[0], grid.leaf_level(), &[found], &mut offset);
                let size = grid.layout(grid.leaf_level()).cells_per_shard();
                prop_assert!(u64::from(offset[0]) < size);
                prop_assert_eq!(grid.shard_from_label(&grid.shard_label(shard[0])), Ok(shard[0]));
            }
        }
        // Numbers that are no cells and no shards are answered, too.
        let (mut out, mut lon, mut lat) = ([0; 1], [0.0; 1], [0.0; 1]);
        grid.offsets_in_shard(u64::MAX, 0, &[u64::MAX - 1], &mut out);
        prop_assert_eq!(out, [u32::MAX]);
        grid.centres(0, &[u64::MAX - 1], &mut lon, &mut lat);
        prop_assert!(lon[0].is_nan());
        prop_assert!(grid.cells_of_shard(u64::MAX, 0).is_empty());
        let _ = (grid.signature(), grid.group_attributes(0, true), grid.array_attributes(0, false), grid.coordinates(0));
    }
}
