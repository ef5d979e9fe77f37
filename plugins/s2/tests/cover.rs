//! A cover never lacks a shard, and has few too many.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::Grid;
use zagg_s2::make;

type Vector = [f64; 3];

fn grid(parent: u8, child: u8) -> Box<dyn Grid> {
    make(json!({"parent_level": parent, "child_level": child}).as_object().unwrap()).unwrap()
}

fn shard(grid: &dyn Grid, [lon, lat]: LonLat) -> u64 {
    let (mut cell, mut shard) = ([0], [0]);
    grid.locate(&[lon], &[lat], &mut cell);
    grid.shards_of(&cell, &mut shard);
    shard[0]
}

fn vector([lon, lat]: LonLat) -> Vector {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn position([x, y, z]: Vector) -> LonLat {
    [y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()]
}

fn mix(a: Vector, b: Vector, t: f64) -> Vector {
    std::array::from_fn(|i| (1.0 - t) * a[i] + t * b[i])
}

/// A ring around a place: vertices at these distances in degrees, in equal steps of bearing.
fn ring([lon, lat]: LonLat, radii: &[f64]) -> Vec<LonLat> {
    let ((sin_lon, cos_lon), (sin_lat, cos_lat)) = (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
    let centre = [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat];
    let (east, north) = ([-sin_lon, cos_lon, 0.0], [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat]);
    let vertex = |(number, radius): (usize, &f64)| {
        let (sin, cos) = (number as f64 / radii.len() as f64 * std::f64::consts::TAU).sin_cos();
        let (far, near) = radius.to_radians().sin_cos();
        position(std::array::from_fn(|i| near * centre[i] + far * (sin * east[i] + cos * north[i])))
    };
    radii.iter().enumerate().map(vertex).collect()
}

fn polygon(exterior: Vec<LonLat>, holes: Vec<Vec<LonLat>>) -> Footprint {
    Footprint::Polygons(vec![Polygon { exterior, holes }])
}

fn box_of(west: f64, south: f64, east: f64, north: f64) -> Footprint {
    Footprint::Box { west, south, east, north }
}

/// Every place has its shard in the cover, which is ascending.
fn check(
    grid: &dyn Grid,
    cover: &[u64],
    places: impl IntoIterator<Item = LonLat>,
) -> Result<(), TestCaseError> {
    prop_assert!(cover.windows(2).all(|pair| pair[0] < pair[1]));
    for place in places {
        prop_assert!(cover.binary_search(&shard(grid, place)).is_ok(), "{place:?} is not covered");
    }
    Ok(())
}

fn any_place() -> impl Strategy<Value = LonLat> {
    // Borders of faces and cells, the poles and what lies near them as often as anything else.
    let lon = prop_oneof![-180.0..180.0, (-8..=8_i32).prop_map(|i| 22.5 * f64::from(i))];
    let lat = prop_oneof![
        -90.0..=90.0_f64,
        (-4..=4_i32).prop_map(|i| 22.5 * f64::from(i)),
        (prop::bool::ANY, -12.0..0.0_f64).prop_map(|(north, e)| {
            let lat = 90.0 - 10_f64.powf(e);
            if north { lat } else { -lat }
        }),
    ];
    (lon, lat).prop_map(|(lon, lat)| [lon, lat])
}

/// A size in degrees, with a grid whose shards are neither far smaller nor all of the globe.
fn size_and_grid() -> impl Strategy<Value = (f64, Box<dyn Grid>)> {
    (-6.0..1.9_f64, -3..3_i32, 0..4_u8).prop_map(|(exponent, finer, apart)| {
        let size = 10_f64.powf(exponent);
        let level = ((90.0 / size).log2() as i32 + finer).clamp(0, 26) as u8;
        (size, grid(level, level + apart))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Star-shaped polygons, with a hole or without: every place between hole and outline is covered.
    #[test]
    fn places_in_a_polygon_are_covered(
        (size, grid) in size_and_grid(), centre in any_place(), shape in prop::collection::vec(0.3..1.0_f64, 4..12),
        backwards: bool, holed: bool, places in prop::collection::vec((0.0..1.0_f64, 0.0..=1.0_f64), 50),
    ) {
        let outer = ring(centre, &shape.iter().map(|s| s * size).collect::<Vec<_>>());
        let inner = ring(centre, &shape.iter().map(|s| 0.5 * s * size).collect::<Vec<_>>());
        let mut exterior = outer.clone();
        if backwards {
            exterior.reverse();
        }
        let holes = if holed { vec![inner.clone()] } else { Vec::new() };
        let cover = grid.cover(&polygon(exterior, holes)).unwrap();
        check(&*grid, &cover, places.iter().map(|(along, out)| {
            let along = along * outer.len() as f64;
            let (i, j, t) = (along as usize % outer.len(), (along as usize + 1) % outer.len(), along.fract());
            let from = if holed { mix(vector(inner[i]), vector(inner[j]), t) } else { vector(centre) };
            position(mix(from, mix(vector(outer[i]), vector(outer[j]), t), *out))
        }))?;
    }

    #[test]
    fn places_on_a_line_are_covered(
        (size, grid) in size_and_grid(), from in any_place(), far: bool, to in any_place(),
        places in prop::collection::vec(0.0..=1.0_f64, 50),
    ) {
        // Lines between any two places have too many fine shards.
        let grid = if far { super_coarse(&*grid) } else { grid };
        let end = if far { to } else { ring(from, &[size, size, size])[1] };
        let (a, b) = (vector(from), vector(end));
        prop_assume!(a.iter().zip(b).any(|(x, y)| (x + y).abs() > 1e-6));
        let cover = grid.cover(&Footprint::Lines(vec![vec![from, end]])).unwrap();
        check(&*grid, &cover, places.iter().map(|t| position(mix(a, b, *t))))?;
    }

    #[test]
    fn places_in_a_box_are_covered(
        (size, grid) in size_and_grid(), corner in any_place(), wide: bool, width in 0.0..=360.0_f64, height in 0.0..=1.0_f64,
        places in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 50),
    ) {
        let grid = if wide { super_coarse(&*grid) } else { grid };
        let width = if wide { width } else { size };
        let (west, south) = (corner[0], corner[1]);
        let north = (south + if wide { 90.0 } else { size } * height).min(90.0);
        // The ways in which people write the eastern edge.
        let turned = if west + width > 180.0 && width < 360.0 { west + width - 360.0 } else { west + width };
        for east in [west + width, turned] {
            let cover = grid.cover(&box_of(west, south, east, north)).unwrap();
            check(&*grid, &cover, places.iter().map(|(x, y)| [west + x * width, south + y * (north - south)]))?;
        }
    }

    #[test]
    fn points_are_covered_exactly(points in prop::collection::vec(any_place(), 0..20)) {
        let grid = grid(9, 12);
        let mut expected: Vec<u64> = points.iter().map(|p| shard(&*grid, *p)).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(grid.cover(&Footprint::Points(points)).unwrap(), expected);
    }

    /// Nothing that can be written down makes the cover panic.
    #[test]
    fn hostile_footprints_give_an_answer_or_an_error(
        ring in prop::collection::vec(prop::array::uniform2(prop_oneof![any::<f64>(), -400.0..400.0_f64, Just(90.0), Just(-180.0)]), 0..6),
        four in prop::array::uniform4(prop_oneof![any::<f64>(), -400.0..400.0_f64]), shard in any::<u64>(),
    ) {
        let grid = grid(3, 5);
        let _ = grid.cover(&polygon(ring.clone(), vec![ring.clone()]));
        let _ = grid.cover(&Footprint::Lines(vec![ring.clone()]));
        let _ = grid.cover(&Footprint::Points(ring));
        let _ = grid.cover(&box_of(four[0], four[1], four[2], four[3]));
        let _ = grid.cover(&Footprint::Shards(vec![shard]));
    }
}

/// A grid with as many levels between shards and cells, but shards that few are enough of for the globe.
fn super_coarse(grid: &dyn Grid) -> Box<dyn Grid> {
    let level = (grid.shard_level() % 6) as u8;
    self::grid(level, level + (grid.leaf_level() - grid.shard_level()) as u8)
}

/// The shards with a cell centre that passes the test: what a cover must have at least.
fn with_centre(grid: &dyn Grid, inside: impl Fn(LonLat) -> bool) -> Vec<u64> {
    let mut globe = grid.cover(&box_of(-180.0, -90.0, 180.0, 90.0)).unwrap();
    globe.retain(|shard| {
        let cells = grid.cells_of_shard(*shard, grid.leaf_level());
        let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
        grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
        lon.iter().zip(&lat).any(|(lon, lat)| inside([*lon, *lat]))
    });
    globe
}

/// The cover has every shard of `needed` and at most `extra` more, as a share of them.
fn assert_close(cover: &[u64], needed: &[u64], extra: f64) {
    assert!(needed.iter().all(|shard| cover.binary_search(shard).is_ok()));
    let limit = needed.len() as f64 * (1.0 + extra);
    assert!(cover.len() as f64 <= limit, "{} shards instead of {}", cover.len(), needed.len());
}

#[test]
fn covers_are_tight() {
    let grid = grid(6, 10);
    for (footprint, inside, extra) in [
        (box_of(-180.0, -90.0, 180.0, -60.0), (|[_, lat]| lat <= -60.0) as fn(LonLat) -> bool, 0.05),
        (
            box_of(40.0, 60.0, 41.0, 80.0),
            |[lon, lat]| (39.9..=41.1).contains(&lon) && (60.0..=80.0).contains(&lat),
            0.2,
        ),
        (box_of(-180.0, -88.0, 180.0, -87.7), |[_, lat]| (-88.05..=-87.65).contains(&lat), 0.1),
        (
            box_of(170.0, 10.0, -170.0, 40.0),
            |[lon, lat]| lon.abs() >= 170.0 && (10.0..=40.0).contains(&lat),
            0.1,
        ),
        (
            polygon(vec![[0.0, 0.0], [90.0, 0.0], [0.0, 90.0]], Vec::new()),
            |[lon, lat]| (0.0..=90.0).contains(&lon) && lat >= 0.0,
            0.1,
        ),
        (
            polygon(ring([0.0, -90.0], &[30.0; 360]), vec![ring([0.0, -90.0], &[10.0; 360])]),
            |[_, lat]| (-80.0..=-60.0).contains(&lat),
            0.06,
        ),
    ] {
        assert_close(&grid.cover(&footprint).unwrap(), &with_centre(&*grid, inside), extra);
    }
}

#[test]
fn rings_that_cross_themselves_enclose_every_lobe() {
    let grid = grid(8, 10);
    // A pentagram goes around its middle twice, a bow tie around its halves in opposite directions.
    let corners = ring([30.0, -75.0], &[5.0; 5]);
    let pentagram = [0, 2, 4, 1, 3].map(|corner: usize| corners[corner]).to_vec();
    let bow_tie = vec![[20.0, 5.0], [30.0, -5.0], [30.0, 5.0], [20.0, -5.0]];
    for (exterior, inside) in [(pentagram, vec![[30.0, -75.0]]), (bow_tie, vec![[21.0, 0.0], [29.0, 0.0]])] {
        for exterior in [exterior.clone(), exterior.into_iter().rev().collect()] {
            let cover = grid.cover(&polygon(exterior, Vec::new())).unwrap();
            check(&*grid, &cover, inside.clone()).unwrap();
        }
    }
}

#[test]
fn the_whole_globe_and_too_much_of_it() {
    let globe = box_of(-180.0, -90.0, 180.0, 90.0);
    assert_eq!(grid(6, 12).cover(&globe).unwrap().len(), 24_576);
    assert_eq!(grid(0, 0).cover(&globe).unwrap().len(), 6);
    let equator = polygon(vec![[0.0, 0.0], [90.0, 0.0], [180.0, 0.0], [-90.0, 0.0]], Vec::new());
    assert_eq!(grid(2, 6).cover(&equator).unwrap().len(), 96);
    let message = grid(20, 25).cover(&globe).unwrap_err().to_string();
    assert!(message.contains("more than 16777216 shards"), "{message}");
    let fine = grid(24, 30);
    let (from, to) = ([-120.3, -78.5], [-120.299_999, -78.499_999]);
    for footprint in [
        box_of(from[0], from[1], to[0], to[1]),
        Footprint::Lines(vec![vec![from, to]]),
        polygon(vec![from, to, [-120.299_999, -78.5]], Vec::new()),
    ] {
        let shards = fine.cover(&footprint).unwrap().len();
        assert!((1..=6).contains(&shards), "{shards}");
    }
}

#[test]
fn wrong_footprints_are_refused_with_the_reason() {
    let grid = grid(6, 12);
    for (footprint, expected) in [
        (
            polygon(vec![[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], Vec::new()),
            "a polygon of the footprint has 2 vertices",
        ),
        (polygon(ring([0.0, 0.0], &[9.0; 5]), vec![Vec::new()]), "a hole of the footprint has 0 vertices"),
        (polygon(vec![[0.0, -90.0], [10.0, 90.0], [0.0, 0.0]], Vec::new()), "joins opposite places"),
        (
            polygon(vec![[-180.0, -60.0], [180.0, -60.0], [180.0, -90.0], [-180.0, -90.0]], Vec::new()),
            "encloses nothing",
        ),
        (Footprint::Lines(vec![vec![[0.0, 0.0]]]), "a line of the footprint has 1 vertices"),
        (Footprint::Points(vec![[f64::NAN, 0.0]]), "which is none"),
        (box_of(0.0, 10.0, 1.0, 5.0), "has its south, 10, north of its north, 5"),
        (Footprint::Shards(vec![7]), "the footprint names shard 7, which is no S2 cell of level 6"),
    ] {
        let message = grid.cover(&footprint).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let place = [12.3, 45.6];
    for footprint in [polygon(vec![place; 4], Vec::new()), Footprint::Lines(vec![vec![place; 2]])] {
        assert_eq!(grid.cover(&footprint).unwrap(), [shard(&*grid, place)]);
    }
    assert!(grid.cover(&Footprint::Polygons(Vec::new())).unwrap().is_empty());
}
