//! A cover never lacks a shard, and has few too many.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_healpix::make;

type Vector = [f64; 3];

fn grid(parent: u8, child: u8, ellipsoid: &str) -> Box<dyn Grid> {
    make(json!({"parent_order": parent, "child_order": child, "ellipsoid": ellipsoid}).as_object().unwrap())
        .unwrap()
}

fn shard(grid: &dyn Grid, [lon, lat]: LonLat) -> u64 {
    let (mut cell, mut shard) = ([0], [0]);
    grid.locate(&[lon], &[lat], &mut cell);
    assert_ne!(cell[0], NO_CELL);
    grid.shards_of(&cell, &mut shard);
    shard[0]
}

fn vector([lon, lat]: LonLat) -> Vector {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn position(v: Vector) -> LonLat {
    let [x, y, z] = v;
    [y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()]
}

fn mix(a: Vector, b: Vector, t: f64) -> Vector {
    std::array::from_fn(|i| (1.0 - t) * a[i] + t * b[i])
}

/// Points at a distance of at most `radius` degrees in equal steps of bearing: a ring without crossings.
fn ring(centre: LonLat, radii: &[f64]) -> Vec<LonLat> {
    let c = vector(centre);
    let axis = if c[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let cross = |a: Vector, b: Vector| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let scale = |a: Vector| {
        let n = (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]).sqrt();
        a.map(|x| x / n)
    };
    let east = scale(cross(axis, c));
    let north = cross(c, east);
    radii
        .iter()
        .enumerate()
        .map(|(i, radius)| {
            let (sin, cos) = (i as f64 / radii.len() as f64 * std::f64::consts::TAU).sin_cos();
            let (s, k) = radius.to_radians().sin_cos();
            position(std::array::from_fn(|j| k * c[j] + s * (sin * east[j] + cos * north[j])))
        })
        .collect()
}

fn polygon(exterior: Vec<LonLat>) -> Footprint {
    Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }])
}

fn box_of(west: f64, south: f64, east: f64, north: f64) -> Footprint {
    Footprint::Box { west, south, east, north }
}

fn assert_ascending(shards: &[u64]) {
    assert!(shards.windows(2).all(|pair| pair[0] < pair[1]));
}

fn any_place() -> impl Strategy<Value = LonLat> {
    // Round places (multiples of 45° and of the borders of cells) as often as any others.
    let lon = prop_oneof![-180.0..180.0, (-8..=8_i32).prop_map(|i| 22.5 * f64::from(i))];
    let lat = prop_oneof![
        (-1.0..1.0_f64).prop_map(|z| z.asin().to_degrees()),
        -90.0..-80.0,
        prop::sample::select(vec![-90.0, -45.0, 0.0, 45.0, 90.0])
    ];
    (lon, lat).prop_map(|(lon, lat)| [lon, lat])
}

fn any_grid() -> impl Strategy<Value = Box<dyn Grid>> {
    (0_u8..=7, 0_u8..=6, prop::sample::select(vec!["WGS84", "sphere"]))
        .prop_map(|(parent, more, ellipsoid)| grid(parent, parent + more, ellipsoid))
}

/// The size of a footprint that stays affordable at the order: small ones need not be looked at with coarse shards only.
fn any_radius() -> impl Strategy<Value = f64> {
    (-3.0..1.9_f64).prop_map(|e| 10_f64.powf(e))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Star-shaped polygons: every place between the centre and the outline is inside.
    #[test]
    fn places_in_a_polygon_are_covered(
        grid in any_grid(), centre in any_place(), size in any_radius(),
        shape in prop::collection::vec(0.3..1.0_f64, 4..12), backwards: bool,
        places in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 50),
    ) {
        let radii: Vec<f64> = shape.iter().map(|s| s * size).collect();
        let outline = ring(centre, &radii);
        let mut exterior = outline.clone();
        if backwards {
            exterior.reverse();
        }
        let shards = grid.cover(&polygon(exterior)).unwrap();
        assert_ascending(&shards);
        for (along, out) in places {
            let x = along * outline.len() as f64;
            let (i, t) = (x as usize % outline.len(), x.fract());
            let edge = mix(vector(outline[i]), vector(outline[(i + 1) % outline.len()]), t);
            let place = position(mix(vector(centre), edge, out));
            prop_assert!(shards.binary_search(&shard(&*grid, place)).is_ok(), "{place:?} is not covered");
        }
    }

    /// A hole takes nothing away that lies between it and the exterior.
    #[test]
    fn places_between_hole_and_exterior_are_covered(
        grid in any_grid(), centre in any_place(), size in any_radius(), corners in 4..12_usize,
        places in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 50),
    ) {
        let (outer, inner) = (ring(centre, &vec![size; corners]), ring(centre, &vec![0.6 * size; corners]));
        let footprint =
            Footprint::Polygons(vec![Polygon { exterior: outer.clone(), holes: vec![inner.clone()] }]);
        let shards = grid.cover(&footprint).unwrap();
        let whole = grid.cover(&polygon(outer.clone())).unwrap();
        prop_assert!(shards.iter().all(|s| whole.binary_search(s).is_ok()));
        for (along, out) in places {
            let x = along * corners as f64;
            let (i, j, t) = (x as usize % corners, (x as usize + 1) % corners, x.fract());
            let from = mix(vector(inner[i]), vector(inner[j]), t);
            let to = mix(vector(outer[i]), vector(outer[j]), t);
            let place = position(mix(from, to, out));
            prop_assert!(shards.binary_search(&shard(&*grid, place)).is_ok(), "{place:?} is not covered");
        }
    }

    #[test]
    fn places_on_a_line_are_covered(
        grid in any_grid(), line in prop::collection::vec(any_place(), 2..6),
        places in prop::collection::vec(0.0..1.0_f64, 50),
    ) {
        let footprint = Footprint::Lines(vec![line.clone()]);
        let Ok(shards) = grid.cover(&footprint) else {
            // Only opposite vertices are refused.
            let opposite = |a: Vector, b: Vector| a.iter().zip(b).all(|(x, y)| (x + y).abs() < 1e-8);
            prop_assert!(line.windows(2).any(|p| opposite(vector(p[0]), vector(p[1]))));
            return Ok(());
        };
        assert_ascending(&shards);
        for along in places {
            let x = along * (line.len() - 1) as f64;
            let i = x as usize;
            let v = mix(vector(line[i]), vector(line[i + 1]), x.fract());
            let place = position(v);
            prop_assert!(shards.binary_search(&shard(&*grid, place)).is_ok(), "{place:?} is not covered");
        }
    }

    #[test]
    fn places_in_a_box_are_covered(
        grid in any_grid(), corner in any_place(), width in prop_oneof![0.0..360.0_f64, Just(360.0), Just(90.0), 0.0..1.0_f64],
        height in prop_oneof![0.0..180.0_f64, 0.0..1.0_f64],
        places in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 50),
    ) {
        let (west, south) = (corner[0], corner[1]);
        let north = (south + height).min(90.0);
        // The three ways in which people write the eastern edge.
        let turned = if west + width > 180.0 && width < 360.0 { west + width - 360.0 } else { west + width };
        for east in [west + width, turned] {
            let shards = grid.cover(&box_of(west, south, east, north)).unwrap();
            assert_ascending(&shards);
            for (x, y) in &places {
                let place = [west + x * width, south + y * (north - south)];
                prop_assert!(shards.binary_search(&shard(&*grid, place)).is_ok(), "{place:?} is not covered");
            }
        }
    }

    #[test]
    fn points_are_covered_exactly(grid in any_grid(), points in prop::collection::vec(any_place(), 0..20)) {
        let mut expected: Vec<u64> = points.iter().map(|p| shard(&*grid, *p)).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(grid.cover(&Footprint::Points(points)).unwrap(), expected);
    }

    /// Nothing that can be written down makes the cover panic.
    #[test]
    fn hostile_footprints_give_an_answer_or_an_error(
        ring in prop::collection::vec(prop::array::uniform2(prop_oneof![any::<f64>(), -400.0..400.0_f64, Just(90.0), Just(-180.0)]), 0..6),
        four in prop::array::uniform4(prop_oneof![any::<f64>(), -400.0..400.0_f64]),
    ) {
        let grid = grid(3, 5, "WGS84");
        let holes = vec![ring.clone()];
        let _ = grid.cover(&Footprint::Polygons(vec![Polygon { exterior: ring.clone(), holes }]));
        let _ = grid.cover(&Footprint::Lines(vec![ring.clone()]));
        let _ = grid.cover(&Footprint::Points(ring));
        let _ = grid.cover(&box_of(four[0], four[1], four[2], four[3]));
    }
}

/// The shards with a cell centre that passes the test: what a cover must have at least.
fn with_centre(grid: &dyn Grid, inside: impl Fn(LonLat) -> bool) -> Vec<u64> {
    let count = 12_u64 << (2 * grid.shard_level());
    (0..count)
        .filter(|shard| {
            let cells = grid.cells_of_shard(*shard, grid.leaf_level());
            let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
            grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
            lon.iter().zip(&lat).any(|(lon, lat)| inside([*lon, *lat]))
        })
        .collect()
}

/// The cover has every shard of `needed` and at most `extra` more, as a share of them.
fn assert_close(cover: &[u64], needed: &[u64], extra: f64) {
    assert!(needed.iter().all(|shard| cover.binary_search(shard).is_ok()));
    let limit = needed.len() as f64 * (1.0 + extra);
    assert!(cover.len() as f64 <= limit, "{} shards instead of {}", cover.len(), needed.len());
}

#[test]
fn covers_are_tight() {
    let grid = grid(5, 9, "WGS84");
    let cap = grid.cover(&box_of(-180.0, -90.0, 180.0, -60.0)).unwrap();
    assert_close(&cap, &with_centre(&*grid, |[_, lat]| lat <= -60.0), 0.05);
    let date_line = grid.cover(&box_of(170.0, 10.0, -170.0, 40.0)).unwrap();
    assert_eq!(date_line, grid.cover(&box_of(170.0, 10.0, 190.0, 40.0)).unwrap());
    assert_close(
        &date_line,
        &with_centre(&*grid, |[lon, lat]| lon.abs() >= 170.0 && (10.0..=40.0).contains(&lat)),
        0.1,
    );
    // A thin ring around the pole, which the Python program reduces to four shards.
    let thin = grid.cover(&box_of(-180.0, -88.0, 180.0, -87.7)).unwrap();
    assert_close(&thin, &with_centre(&*grid, |[_, lat]| (-88.05..=-87.65).contains(&lat)), 0.1);
    // An octant, whose sides are great circles; a polygon with a hole; both directions.
    let octant = vec![[0.0, 0.0], [90.0, 0.0], [0.0, 90.0]];
    let inside = |[lon, lat]: LonLat| (0.0..=90.0).contains(&lon) && lat >= 0.0;
    assert_close(&grid.cover(&polygon(octant)).unwrap(), &with_centre(&*grid, inside), 0.1);
    let cap = |lat: f64, step: usize| -> Vec<LonLat> {
        (0..360_u16).step_by(step).map(|lon| [f64::from(lon), lat]).collect()
    };
    let rings = Footprint::Polygons(vec![Polygon { exterior: cap(-60.0, 1), holes: vec![cap(-80.0, 1)] }]);
    assert_close(
        &grid.cover(&rings).unwrap(),
        &with_centre(&*grid, |[_, lat]| (-80.0..=-60.0).contains(&lat)),
        0.06,
    );
}

#[test]
fn the_whole_globe_and_too_much_of_it() {
    let globe = box_of(-180.0, -90.0, 180.0, 90.0);
    assert_eq!(grid(6, 12, "WGS84").cover(&globe).unwrap().len(), 49_152);
    assert_eq!(grid(0, 0, "sphere").cover(&globe).unwrap().len(), 12);
    let message = grid(20, 25, "WGS84").cover(&globe).unwrap_err().to_string();
    assert!(message.contains("more than 16777216 shards"), "{message}");
    // Fine shards of a small place are no trouble.
    let near = |[lon, lat]: LonLat| box_of(lon, lat, lon + 1e-6, lat + 1e-6);
    let fine = grid(24, 29, "WGS84").cover(&near([-120.3, -78.5])).unwrap();
    assert!((1..=40).contains(&fine.len()), "{}", fine.len());
}

#[test]
fn an_exact_hemisphere_means_both_sides_and_one_place_is_a_place() {
    let grid = grid(2, 6, "WGS84");
    let equator = vec![[0.0, 0.0], [90.0, 0.0], [180.0, 0.0], [-90.0, 0.0]];
    assert_eq!(grid.cover(&polygon(equator)).unwrap().len(), 192);
    let place = [12.3, 45.6];
    for footprint in [polygon(vec![place; 4]), Footprint::Lines(vec![vec![place; 2]])] {
        assert!(grid.cover(&footprint).unwrap().contains(&shard(&*grid, place)));
    }
}

#[test]
fn wrong_footprints_are_refused_with_the_reason() {
    let grid = grid(6, 12, "WGS84");
    for (footprint, expected) in [
        (polygon(vec![[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]), "a polygon of the footprint has 2 vertices"),
        (polygon(vec![[0.0, 0.0], [1.0, 1.0], [0.0, 91.0]]), "the position (0, 91), which is none"),
        (polygon(vec![[0.0, -90.0], [10.0, 90.0], [0.0, 0.0]]), "joins opposite places"),
        (Footprint::Lines(vec![vec![[0.0, 0.0]]]), "a line of the footprint has 1 vertices"),
        (Footprint::Points(vec![[f64::NAN, 0.0]]), "which is none"),
        (box_of(0.0, 10.0, 1.0, 5.0), "has its south, 10, north of its north, 5"),
        (box_of(f64::INFINITY, 10.0, 1.0, 15.0), "which is none"),
        (
            Footprint::Shards(vec![49_152]),
            "the footprint names shard 49152, but the grid has shards 0 to 49151",
        ),
    ] {
        let message = grid.cover(&footprint).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(grid.cover(&Footprint::Shards(vec![7, 3, 7])).unwrap(), [3, 7]);
    assert!(grid.cover(&Footprint::Polygons(Vec::new())).unwrap().is_empty());
}
