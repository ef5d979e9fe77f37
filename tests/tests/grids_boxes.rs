//! Boxes, above all the wide ones: a cover lacks no shard that has a place in the box, and has few others.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Grid, NO_CELL};
use zagg_s2 as _;

use crate::support::registry;

fn grid(name: &str, options: &Value) -> Box<dyn Grid> {
    registry().grid(name, options.as_object().unwrap()).unwrap()
}

fn grids() -> Vec<Box<dyn Grid>> {
    vec![
        grid("healpix", &json!({"parent_order": 6, "child_order": 10})),
        grid("healpix", &json!({"parent_order": 6, "child_order": 10, "ellipsoid": "sphere"})),
        grid("s2", &json!({"parent_level": 6, "child_level": 10})),
        grid(
            "rectilinear",
            &json!({"crs": "EPSG:4326", "resolution": 0.1, "bounds": [-180, -90, 180, 90], "chunk_shape": [10, 10]}),
        ),
        grid(
            "rectilinear",
            &json!({"crs": "EPSG:3031", "resolution": 1e4, "bounds": [-4e6, -4e6, 4e6, 4e6], "chunk_shape": [16, 16]}),
        ),
        grid(
            "rectilinear",
            &json!({"crs": "EPSG:3413", "resolution": 1e4, "bounds": [-4e6, -4e6, 4e6, 4e6], "chunk_shape": [16, 16]}),
        ),
    ]
}

fn cover(grid: &dyn Grid, [west, south, east, north]: [f64; 4]) -> Vec<u64> {
    grid.cover(&Footprint::Box { west, south, east, north }).unwrap()
}

/// The shards of these places.
fn shards_of(grid: &dyn Grid, lon: &[f64], lat: &[f64]) -> BTreeSet<u64> {
    let (mut cells, mut shards) = (vec![0; lon.len()], vec![0; lon.len()]);
    grid.locate(lon, lat, &mut cells);
    grid.shards_of(&cells, &mut shards);
    shards.into_iter().filter(|shard| *shard != NO_CELL).collect()
}

/// The shards of a raster of places over a box, its edges and corners included.
fn brute_force(grid: &dyn Grid, [west, south, width, height]: [f64; 4]) -> BTreeSet<u64> {
    let steps =
        |extent: f64| if extent == 0.0 { 0 } else { (extent / 0.1).ceil().clamp(40.0, 3600.0) as u32 };
    let (columns, rows) = (steps(width), steps(height));
    let along = |start: f64, extent: f64, step: u32, steps: u32| {
        // Exactly the far edge at the end.
        if step == steps { start + extent } else { start + extent * f64::from(step) / f64::from(steps) }
    };
    let mut shards = BTreeSet::new();
    let lon: Vec<f64> = (0..=columns).map(|x| along(west, width, x, columns)).collect();
    for row in 0..=rows {
        shards.extend(shards_of(grid, &lon, &vec![along(south, height, row, rows); lon.len()]));
    }
    shards
}

/// Boxes as west, south, width and height, with the ways in which people write them.
const BOXES: [([f64; 4], &[[f64; 4]]); 13] = [
    // The original covers 82 of some 3,300 shards here.
    (
        [-180.0, -90.0, 360.0, 30.0],
        &[
            [-180.0, -90.0, 180.0, -60.0],
            [-10.0, -90.0, 350.0, -60.0],
            [0.0, -90.0, 360.0, -60.0],
            [-200.0, -90.0, 400.0, -60.0],
        ],
    ),
    ([-180.0, 60.0, 360.0, 30.0], &[[-180.0, 60.0, 180.0, 90.0], [170.0, 60.0, 530.0, 90.0]]),
    // Thin rings around the pole and along the equator.
    ([-180.0, -88.0, 360.0, 0.3], &[[-180.0, -88.0, 180.0, -87.7], [-10.0, -88.0, 350.0, -87.7]]),
    ([-180.0, -0.5, 360.0, 1.0], &[[-180.0, -0.5, 180.0, 0.5]]),
    // Across the antimeridian.
    (
        [170.0, -80.0, 20.0, 20.0],
        &[[170.0, -80.0, -170.0, -60.0], [170.0, -80.0, 190.0, -60.0], [-190.0, -80.0, -170.0, -60.0]],
    ),
    ([179.9, 65.0, 0.2, 10.0], &[[179.9, 65.0, -179.9, 75.0], [179.9, 65.0, 180.1, 75.0]]),
    // Wider than half the globe, and all of it but a strip.
    ([-100.0, -75.0, 200.0, 10.0], &[[-100.0, -75.0, 100.0, -65.0], [260.0, -75.0, 460.0, -65.0]]),
    ([5.0, -85.0, 350.0, 10.0], &[[5.0, -85.0, -5.0, -75.0], [5.0, -85.0, 355.0, -75.0]]),
    // A wedge that ends at the pole.
    ([-45.0, -90.0, 90.0, 15.0], &[[-45.0, -90.0, 45.0, -75.0]]),
    // Without width, without height, without both.
    ([30.0, -80.0, 0.0, 20.0], &[[30.0, -80.0, 30.0, -60.0], [390.0, -80.0, 390.0, -60.0]]),
    ([-60.0, -72.5, 120.0, 0.0], &[[-60.0, -72.5, 60.0, -72.5]]),
    ([-120.3, -78.5, 0.0, 0.0], &[[-120.3, -78.5, -120.3, -78.5]]),
    // The pole itself, of which all longitudes are the same place.
    ([-180.0, -90.0, 360.0, 0.0], &[[-180.0, -90.0, 180.0, -90.0], [-10.0, -90.0, 350.0, -90.0]]),
];

#[test]
fn no_shard_of_a_box_is_missing() {
    for grid in grids() {
        for (place, spellings) in BOXES {
            let needed = brute_force(&*grid, place);
            let mut first = None;
            for spelling in spellings {
                let covered = cover(&*grid, *spelling);
                assert!(covered.is_sorted_by(|a, b| a < b));
                let missing = needed.iter().find(|shard| covered.binary_search(shard).is_err());
                assert_eq!(missing, None, "{grid:?}: {spelling:?} of {} shards", needed.len());
                // Beside them, shards that the raster misses, that are a thousandth of their width away, or that share but the border.
                let limit = needed.len()
                    + needed.len() / 10
                    + if place[2].min(place[3]) < 1.0 { needed.len() + 3 } else { 8 };
                assert!(
                    covered.len() <= limit,
                    "{grid:?}: {spelling:?}: {} for {}",
                    covered.len(),
                    needed.len()
                );
                let first = first.get_or_insert_with(|| covered.clone());
                assert_eq!(
                    *first, covered,
                    "{grid:?}: {spelling:?} is {:?} written differently",
                    spellings[0]
                );
            }
        }
    }
}

/// The box that the original gets wrong, by the cells of every shard of the globe.
#[test]
fn the_cap_has_exactly_the_shards_with_a_cell_in_it() {
    for (grid, expected) in grids().iter().zip([3444, 3444, 1528]) {
        let leaf = grid.leaf_level();
        let south = |shard: &u64| {
            let cells = grid.cells_of_shard(*shard, leaf);
            let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
            grid.centres(leaf, &cells, &mut lon, &mut lat);
            lat.iter().any(|lat| *lat <= -60.0)
        };
        let mut needed = cover(&**grid, [-180.0, -90.0, 180.0, 90.0]);
        needed.retain(south);
        assert_eq!(cover(&**grid, [-180.0, -90.0, 180.0, -60.0]), needed, "{grid:?}");
        assert_eq!(needed.len(), expected, "{grid:?}");
    }
}
