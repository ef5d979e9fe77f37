//! Masks of shard maps against brute force, and against those of the Python program.

use std::collections::BTreeSet;
use std::path::Path;

use zagg_core::cells::CellRanges;
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::hash;
use zagg_core::shard_map::{ShardEntry, ShardMap, mask};
use zagg_s2 as _;

use super::{antarctica, area, inside, masked, vector};
use crate::support::{registry, test_data};

fn neon(folder: &Path) -> Polygon {
    let text = std::fs::read_to_string(folder.join("AOP_NEON.geojson")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let geometry = &document["features"][0]["geometry"];
    let coordinates = match geometry["type"].as_str() {
        Some("MultiPolygon") => &geometry["coordinates"][0][0],
        _ => &geometry["coordinates"][0],
    };
    let mut exterior: Vec<LonLat> = coordinates
        .as_array()
        .unwrap()
        .iter()
        .map(|p| [p[0].as_f64().unwrap(), p[1].as_f64().unwrap()])
        .collect();
    exterior.pop();
    Polygon { exterior, holes: Vec::new() }
}

fn grid(kind: &str, options: &serde_json::Value) -> Box<dyn Grid> {
    registry().grid(kind, options.as_object().unwrap()).unwrap()
}

/// The grid that a map was made for, from its signature.
fn grid_of_map(map: &ShardMap) -> Box<dyn Grid> {
    let signature = &map.grid_signature;
    if signature["type"] == "healpix" {
        let options = serde_json::json!({
            "type": "healpix", "parent_order": signature["parent_order"], "child_order": signature["child_order"]
        });
        return grid("healpix", &options);
    }
    let number = |at: usize| signature["affine"][at].as_f64().unwrap();
    let length = |side: usize| number(0) * signature["shape"][side].as_f64().unwrap();
    let options = serde_json::json!({
        "type": "rectilinear", "crs": signature["crs"], "resolution": number(0), "chunk_shape": signature["chunk_shape"],
        "bounds": [number(2), number(5) - length(0), number(2) + length(1), number(5)]
    });
    grid("rectilinear", &options)
}

/// Centres of the cells of a shard.
fn centres(grid: &dyn Grid, cells: &[u64]) -> Vec<LonLat> {
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(grid.leaf_level(), cells, &mut lon, &mut lat);
    lon.into_iter().zip(lat).map(|(lon, lat)| [lon, lat]).collect()
}

/// The cells that places on the border of a polygon lie in; `parts` places on each edge.
fn cells_of_border(grid: &dyn Grid, polygon: &Polygon, parts: usize) -> BTreeSet<u64> {
    let mut cells = BTreeSet::new();
    for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
        for (number, from) in ring.iter().enumerate() {
            let (a, b) = (vector(*from), vector(ring[(number + 1) % ring.len()]));
            let place = |part: usize| {
                let t = (part as f64 + 0.5) / parts as f64;
                let [x, y, z]: [f64; 3] = std::array::from_fn(|i| a[i] * (1.0 - t) + b[i] * t);
                (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees())
            };
            let (lon, lat): (Vec<f64>, Vec<f64>) = (0..parts).map(place).unzip();
            let mut of_edge = vec![NO_CELL; parts];
            grid.locate(&lon, &lat, &mut of_edge);
            cells.extend(of_edge);
        }
    }
    cells
}

/// A map of all shards of an area, without granules.
fn map_of(grid: &dyn Grid, area: &Footprint) -> ShardMap {
    let mut shards: Vec<ShardEntry> = grid
        .cover(area)
        .unwrap()
        .into_iter()
        .map(|shard| ShardEntry { key: grid.shard_key(shard), granules: Vec::new() })
        .collect();
    shards.sort_by_key(|entry| entry.key);
    ShardMap { grid_signature: grid.signature(), shards, ..ShardMap::default() }
}

/// Cells of the NEON maps that the original's masks have, and the SHA-256 of their lists as compact JSON (zagg 0.61.0, mortie
/// 1.0.0).
const NEON: [(&str, u64, &str); 5] = [
    ("sm_healpix_o9", 649_212, "0105e2c2450b2ae57a0085680a2c43c776bf4d1037a1be119e213858ebfc876c"),
    ("sm_healpix_o10", 649_212, "72d401e92b0afed711bc02090619a9debf033eb33a6300622eacace642280455"),
    ("sm_healpix_o11", 649_212, "8b83b8ef234d0a3187c230e9a87f3ab60bdf646e96ecf50e7524cd1b488441c6"),
    ("sm_rect_3km", 1_000_000, "8ea7cc2b801a652c76deeaa128fa5e65bdb933bef477f692a8d10de6f76b56f3"),
    ("sm_rect_6km", 1_000_000, "65cf641c16c495c6252707e4a7094f5a0729906f1299715fc649bc6275b5b405"),
];

#[test]
fn masks_of_the_neon_maps_are_those_of_the_original() {
    let Some(data) = test_data() else { return };
    let folder = data.join("cmr/shardmaps");
    let polygon = neon(&folder);
    for (name, cells, digest) in NEON {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let mut map = ShardMap::parse(name, &text).unwrap();
        let grid = grid_of_map(&map);
        let found = masked(&*grid, &mut map, &area(&polygon));
        assert_eq!(found.iter().map(|(_, cells)| cells.len()).sum::<u64>(), cells, "{name}");
        let lists = serde_json::to_string(&map.aoi_mask).unwrap();
        assert_eq!(hash::sha256_hex(lists.as_bytes()), digest, "{name}");
        // All cells of all shards, by brute force.
        let border = cells_of_border(&*grid, &polygon, 200_000);
        compare(&*grid, &polygon, &found, &border);
    }
}

/// Compares the cells of some shards with brute force, one by one. Gives the number of cells inside and outside.
fn compare(
    grid: &dyn Grid,
    polygon: &Polygon,
    found: &[(u64, CellRanges)],
    border: &BTreeSet<u64>,
) -> (usize, usize) {
    let touching = grid.type_name() == "healpix";
    let (mut inner, mut outer, mut cut) = (0, 0, 0);
    for (shard, found) in found {
        let cells = grid.cells_of_shard(*shard, grid.leaf_level());
        for (place, (cell, centre)) in cells.iter().zip(centres(grid, &cells)).enumerate() {
            let has = found.contains(place as u32);
            let central = centre[0].is_finite() && inside(polygon, centre);
            let want = central || (touching && border.contains(cell));
            if touching && has && !want {
                // A corner that reaches less far into the area than the places on its border are apart.
                cut += 1;
            } else {
                assert_eq!(has, want, "{grid:?}: cell {cell} at {centre:?}");
            }
            inner += usize::from(has);
            outer += usize::from(!has);
        }
    }
    assert!(cut * 100 < border.len(), "{grid:?}: {cut} of {} cells on the border", border.len());
    (inner, outer)
}

#[test]
fn masks_equal_brute_force_around_the_pole_and_over_the_antimeridian() {
    let polygon = antarctica();
    for (kind, options) in [
        ("healpix", serde_json::json!({"type": "healpix", "parent_order": 3, "child_order": 8})),
        ("healpix", serde_json::json!({"type": "healpix", "parent_order": 6, "child_order": 6})),
        ("s2", serde_json::json!({"type": "s2", "parent_level": 3, "child_level": 8})),
        (
            "rectilinear",
            serde_json::json!({
                "type": "rectilinear", "crs": "EPSG:3031", "resolution": 20000,
                "bounds": [-3200000, -3200000, 3200000, 3200000], "chunk_shape": [64, 32]
            }),
        ),
        (
            "rectilinear",
            serde_json::json!({
                "type": "rectilinear", "crs": "EPSG:4326", "resolution": 0.5, "bounds": [-180, -90, 180, 90],
                "chunk_shape": [36, 72]
            }),
        ),
    ] {
        let grid = grid(kind, &options);
        let found = masked(&*grid, &mut map_of(&*grid, &area(&polygon)), &area(&polygon));
        let border = cells_of_border(&*grid, &polygon, 40_000);
        let (inner, outer) = compare(&*grid, &polygon, &found, &border);
        assert!(inner > 1000, "{grid:?}: {inner} cells inside, {outer} outside");
    }
}

#[test]
fn boxes_are_bounded_by_parallels() {
    let grid = grid(
        "rectilinear",
        &serde_json::json!({
            "type": "rectilinear", "crs": "EPSG:4326", "resolution": 1, "bounds": [-180, -90, 180, 90], "chunk_shape": [30, 60]
        }),
    );
    for (west, south, east, north) in
        [(-180.0, -90.0, 180.0, -60.0), (170.0, -10.0, -170.0, 10.0), (0.5, 20.25, 40.5, 30.0)]
    {
        let area = Footprint::Box { west, south, east, north };
        let found = masked(&*grid, &mut map_of(&*grid, &area), &area);
        let mut n = 0;
        for (shard, found) in found {
            let cells = grid.cells_of_shard(shard, grid.leaf_level());
            for (place, [lon, lat]) in centres(&*grid, &cells).into_iter().enumerate() {
                let within = if west > east { lon > west || lon < east } else { lon > west && lon < east };
                let want = within && lat > south && lat < north;
                assert_eq!(found.contains(place as u32), want, "({lon}, {lat})");
                n += u64::from(want);
            }
        }
        assert!(n > 300, "{n}");
    }
}

#[test]
fn areas_of_lines_and_maps_of_other_grids_are_refused() {
    let here = grid("healpix", &serde_json::json!({"type": "healpix", "parent_order": 3, "child_order": 6}));
    let other = grid("healpix", &serde_json::json!({"type": "healpix", "parent_order": 2, "child_order": 6}));
    let polygon = area(&antarctica());
    let mut map = map_of(&*here, &polygon);
    let line = Footprint::Lines(vec![vec![[0.0, 0.0], [1.0, 1.0]]]);
    let message =
        |result: zagg_core::Result<_>| result.map(|_: Vec<_>| ()).unwrap_err().message().to_string();
    assert!(message(mask(&*here, &map, &line)).contains("lines or places"));
    assert!(message(mask(&*other, &map, &polygon)).contains("another grid"));
    let far = Footprint::Box { west: 0.0, south: 40.0, east: 1.0, north: 41.0 };
    let error = map.set_area(&*here, &far, true).unwrap_err();
    assert!(error.message().contains("nothing would be left"), "{error}");
}
