//! A cover never lacks a shard, and has few too many.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_rectilinear::make;

type Vector = [f64; 3];

fn grid(options: &Value) -> Box<dyn Grid> {
    make(options.as_object().unwrap()).unwrap()
}

/// Grids of all kinds; the shards of each are small beside its area.
fn grids() -> Vec<Value> {
    let square = |crs: &str, half: f64, resolution: f64, chunk: u32| json!({"crs": crs, "resolution": resolution, "bounds": [-half, -half, half, half], "chunk_shape": [chunk, chunk]});
    vec![
        square("EPSG:3031", 3.2e6, 25_000.0, 16),
        square("EPSG:3413", 4e6, 25_000.0, 20),
        // The other hemisphere too, far out.
        square("EPSG:3031", 3e7, 2e5, 8),
        square("EPSG:6931", 1.3e7, 1e5, 10),
        square("EPSG:3857", 2.003_750_834e7, 1e5, 16),
        square("+proj=laea +lat_0=35 +lon_0=-100 +datum=WGS84", 5e6, 50_000.0, 8),
        square("+proj=ortho +lat_0=20 +lon_0=170 +R=6371000", 6.4e6, 1e5, 8),
        square("+proj=stere +lat_0=45 +lon_0=30 +datum=WGS84", 8e6, 1e5, 8),
        json!({"crs": "EPSG:4326", "resolution": 1, "bounds": [-180, -90, 180, 90], "chunk_shape": [7, 16]}),
        json!({"crs": "EPSG:4326", "resolution": 0.5, "bounds": [150, -60, 250, 60], "chunk_shape": [16, 10]}),
        json!({"crs": "EPSG:32633", "resolution": 10_000, "bounds": [-1e6, -9.9e6, 2e6, 9.9e6], "chunk_shape": [16, 8]}),
        json!({"crs": "EPSG:6933", "resolution": 1e5, "bounds": [-1.7367e7, -7.3e6, 1.7367e7, 7.3e6], "chunk_shape": [4, 6]}),
        json!({"crs": "+proj=sinu +R=6371007.181", "resolution": 1e5, "bounds": [-2.1e7, -1.1e7, 2.1e7, 1.1e7], "chunk_shape": [8, 8]}),
        json!({"crs": "+proj=lcc +lat_1=30 +lat_2=60 +lat_0=45 +lon_0=-170 +datum=WGS84", "resolution": 5e4, "bounds": [-8e6, -6e6, 8e6, 6e6], "chunk_shape": [8, 8]}),
    ]
}

/// The shard of a place, if it has one.
fn shard(grid: &dyn Grid, [lon, lat]: LonLat) -> Option<u64> {
    let (mut cell, mut shard) = ([0], [0]);
    grid.locate(&[lon], &[lat], &mut cell);
    grid.shards_of(&cell, &mut shard);
    (cell[0] != NO_CELL).then_some(shard[0])
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

/// Places at these distances in degrees from a centre, in equal steps of bearing: a ring without crossings.
fn ring(centre: LonLat, radii: &[f64]) -> Vec<LonLat> {
    let up = vector(centre);
    // Two directions on the ground, from any axis that does not point up.
    let axis = if up[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let cross = |a: Vector, b: Vector| -> Vector {
        std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
    };
    let east = cross(axis, up);
    let length = east.iter().map(|v| v * v).sum::<f64>().sqrt();
    let east = east.map(|v| v / length);
    let north = cross(up, east);
    (0_u32..)
        .zip(radii)
        .map(|(i, radius)| {
            let (s, c) = (std::f64::consts::TAU * f64::from(i) / radii.len() as f64).sin_cos();
            let (sin, cos) = radius.to_radians().sin_cos();
            position(std::array::from_fn(|j| cos * up[j] + sin * (s * east[j] + c * north[j])))
        })
        .collect()
}

fn polygon(exterior: Vec<LonLat>) -> Footprint {
    Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }])
}

fn any_place() -> impl Strategy<Value = LonLat> {
    // Poles, the antimeridian, and the middle of maps as often as any others.
    let lon = prop_oneof![-180.0..180.0_f64, (-8..=8_i32).prop_map(|i| 22.5 * f64::from(i))];
    let lat = prop_oneof![
        (-1.0..1.0_f64).prop_map(|z| z.asin().to_degrees()),
        -90.0..-80.0,
        80.0..90.0_f64,
        prop::sample::select(vec![-90.0, -45.0, 0.0, 45.0, 90.0])
    ];
    (lon, lat).prop_map(|(lon, lat)| [lon, lat])
}

fn any_grid() -> impl Strategy<Value = Value> {
    prop::sample::select(grids())
}

fn any_radius() -> impl Strategy<Value = f64> {
    (-2.0..1.9_f64).prop_map(|e| 10_f64.powf(e))
}

fn covers(grid: &dyn Grid, shards: &[u64], place: LonLat) -> bool {
    shard(grid, place).is_none_or(|shard| shards.binary_search(&shard).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Star-shaped polygons: every place between the centre and the outline is inside.
    #[test]
    fn places_in_a_polygon_are_covered(
        options in any_grid(), centre in any_place(), size in any_radius(),
        shape in prop::collection::vec(0.3..1.0_f64, 4..12), backwards: bool,
        places in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 300),
    ) {
        let grid = grid(&options);
        let radii: Vec<f64> = shape.iter().map(|s| s * size).collect();
        let outline = ring(centre, &radii);
        let mut exterior = outline.clone();
        if backwards {
            exterior.reverse();
        }
        let shards = grid.cover(&polygon(exterior)).unwrap();
        prop_assert!(shards.windows(2).all(|pair| pair[0] < pair[1]));
        for (along, out) in places {
            let x = along * outline.len() as f64;
            let (i, t) = (x as usize % outline.len(), x.fract());
            let edge = mix(vector(outline[i]), vector(outline[(i + 1) % outline.len()]), t);
            let place = position(mix(vector(centre), edge, out));
            prop_assert!(covers(&*grid, &shards, place), "{options}: {place:?} is not covered");
        }
    }

    #[test]
    fn places_on_a_line_are_covered(
        options in any_grid(), line in prop::collection::vec(any_place(), 2..5),
        places in prop::collection::vec(0.0..1.0_f64, 300),
    ) {
        let grid = grid(&options);
        // Opposite vertices are refused.
        let Ok(shards) = grid.cover(&Footprint::Lines(vec![line.clone()])) else { return Ok(()) };
        for along in places {
            let x = along * (line.len() - 1) as f64;
            let i = x as usize;
            let place = position(mix(vector(line[i]), vector(line[i + 1]), x.fract()));
            prop_assert!(covers(&*grid, &shards, place), "{options}: {place:?} is not covered");
        }
    }

    #[test]
    fn places_in_a_box_are_covered(
        options in any_grid(), corner in any_place(),
        width in prop_oneof![0.0..360.0_f64, Just(360.0), Just(0.0), 0.0..1.0_f64],
        height in prop_oneof![0.0..180.0_f64, Just(0.0), 0.0..1.0_f64],
        places in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 300),
    ) {
        let grid = grid(&options);
        let (west, south) = (corner[0], corner[1]);
        let north = (south + height).min(90.0);
        // The ways in which people write the eastern edge.
        let turned = if west + width > 180.0 && width < 360.0 { west + width - 360.0 } else { west + width };
        for east in [west + width, turned] {
            let shards = grid.cover(&Footprint::Box { west, south, east, north }).unwrap();
            for (x, y) in places.iter().copied().chain([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]) {
                let place = [west + x * width, south + y * (north - south)];
                prop_assert!(covers(&*grid, &shards, place), "{options}: {place:?} is not covered");
            }
        }
    }

    #[test]
    fn points_are_covered_exactly(options in any_grid(), points in prop::collection::vec(any_place(), 0..20)) {
        let grid = grid(&options);
        let mut expected: Vec<u64> = points.iter().filter_map(|p| shard(&*grid, *p)).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(grid.cover(&Footprint::Points(points)).unwrap(), expected);
    }

    /// Nothing that can be written down makes the cover panic.
    #[test]
    fn hostile_footprints_give_an_answer_or_an_error(
        options in any_grid(),
        ring in prop::collection::vec(prop::array::uniform2(prop_oneof![any::<f64>(), -400.0..400.0_f64, Just(90.0), Just(-180.0)]), 0..6),
        four in prop::array::uniform4(prop_oneof![any::<f64>(), -400.0..400.0_f64]),
    ) {
        let grid = grid(&options);
        let holes = vec![ring.clone()];
        let _ = grid.cover(&Footprint::Polygons(vec![Polygon { exterior: ring.clone(), holes }]));
        let _ = grid.cover(&Footprint::Lines(vec![ring.clone()]));
        let _ = grid.cover(&Footprint::Points(ring));
        let _ = grid.cover(&Footprint::Box { west: four[0], south: four[1], east: four[2], north: four[3] });
    }
}

/// The shards with a cell centre that passes the test: what a cover must have at least.
fn with_centre(grid: &dyn Grid, inside: impl Fn(LonLat) -> bool) -> Vec<u64> {
    let layout = grid.layout(grid.leaf_level());
    let count: u64 = layout.full_shape.iter().zip(&layout.shard_shape).map(|(all, one)| all / one).product();
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
    // A cover of nothing would be close to nothing.
    assert!(!needed.is_empty());
}

#[test]
fn covers_are_tight() {
    let antarctica = grid(&json!({
        "crs": "EPSG:3031", "resolution": 10_000, "bounds": [-3.2e6, -3.2e6, 3.2e6, 3.2e6], "chunk_shape": [16, 16]
    }));
    let box_of = |west: f64, south: f64, east: f64, north: f64| Footprint::Box { west, south, east, north };
    // What the Python program reduces to a few shards.
    let cap = antarctica.cover(&box_of(-180.0, -90.0, 180.0, -60.0)).unwrap();
    assert_close(&cap, &with_centre(&*antarctica, |[_, lat]| lat <= -60.0), 0.03);
    let thin = antarctica.cover(&box_of(-180.0, -88.0, 180.0, -87.7)).unwrap();
    assert_close(&thin, &with_centre(&*antarctica, |[_, lat]| (-88.05..=-87.65).contains(&lat)), 0.2);
    let date_line = antarctica.cover(&box_of(170.0, -80.0, -170.0, -70.0)).unwrap();
    assert_close(
        &date_line,
        &with_centre(&*antarctica, |[lon, lat]| lon.abs() >= 170.0 && (-80.0..=-70.0).contains(&lat)),
        0.15,
    );
    // A ring of vertices around the pole, with a hole over it; both directions.
    let parallel = |lat: f64| -> Vec<LonLat> { (0..360_u16).map(|lon| [f64::from(lon), lat]).collect() };
    for reversed in [false, true] {
        let (mut exterior, hole) = (parallel(-70.0), parallel(-82.0));
        if reversed {
            exterior.reverse();
        }
        let rings = Footprint::Polygons(vec![Polygon { exterior, holes: vec![hole] }]);
        assert_close(
            &antarctica.cover(&rings).unwrap(),
            &with_centre(&*antarctica, |[_, lat]| (-82.0..=-70.0).contains(&lat)),
            0.05,
        );
    }
    // The whole globe touches all shards of a grid that it fills, and of one with corners beyond the rim not those.
    let globe = box_of(-180.0, -90.0, 180.0, 90.0);
    assert_eq!(antarctica.cover(&globe).unwrap().len(), 1600);
    let rim = grid(&json!({
        "crs": "EPSG:6931", "resolution": 50_000, "bounds": [-9e6, -9e6, 9e6, 9e6], "chunk_shape": [10, 10]
    }));
    let north = rim.cover(&box_of(-180.0, 0.0, 180.0, 90.0)).unwrap();
    assert_close(&north, &with_centre(&*rim, |[_, lat]| lat >= 0.0), 0.05);
    let degrees = grid(&json!({
        "crs": "EPSG:4326", "resolution": 0.5, "bounds": [-180, -90, 180, 90], "chunk_shape": [50, 50]
    }));
    // Eight by fifteen shards, of which the last row lies beyond the pole but for ten degrees, the last column but for five.
    assert_eq!(degrees.cover(&globe).unwrap().len(), 8 * 15);
    assert_eq!(degrees.cover(&box_of(1.0, 1.0, 2.0, 2.0)).unwrap(), [3 * 15 + 7]);
    assert_eq!(degrees.cover(&box_of(179.0, 1.0, -179.0, 2.0)).unwrap(), [3 * 15, 3 * 15 + 14]);
}

#[test]
fn many_small_shards_and_too_many() {
    let fine = |resolution: f64, chunk: u32| {
        grid(&json!({
            "crs": "EPSG:3031", "resolution": resolution, "bounds": [-3.2e6, -3.2e6, 3.2e6, 3.2e6], "chunk_shape": [chunk, chunk]
        }))
    };
    let cap = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: -60.0 };
    let shards = fine(200.0, 128).cover(&cap).unwrap();
    // 250 by 250 of 25.6 km; exactly those touch the cap whose nearest place is within the circle of 60° south.
    let (mut x, mut y) = ([0.0], [0.0]);
    zagg_rectilinear::Crs::parse("EPSG:3031").unwrap().forward(&[0.0], &[-60.0], &mut x, &mut y);
    let nearest = |at: u64| (25_600.0 * (at as f64 - 125.0)).max(-25_600.0 * (at as f64 - 124.0)).max(0.0);
    let touched = |shard: &u64| nearest(shard / 250).hypot(nearest(shard % 250)) <= y[0];
    let exact: Vec<u64> = (0..62_500).filter(touched).collect();
    assert_close(&shards, &exact, 2e-3);
    let message = fine(10.0, 8).cover(&cap).unwrap_err().to_string();
    assert!(message.contains("more than") && message.contains("shards"), "{message}");
    // A small place on the finest of grids is no trouble.
    let place = Footprint::Box { west: -120.3, south: -78.5, east: -120.299_9, north: -78.499_9 };
    let few = fine(1.0, 4).cover(&place).unwrap();
    assert!((2..=40).contains(&few.len()), "{}", few.len());
}

#[test]
fn an_exact_hemisphere_means_both_sides_and_one_place_is_a_place() {
    let grid = grid(&grids()[8]);
    let equator = vec![[0.0, 0.0], [90.0, 0.0], [180.0, 0.0], [-90.0, 0.0]];
    assert_eq!(grid.cover(&polygon(equator)).unwrap().len(), 26 * 23);
    let place = [12.3, 45.6];
    for footprint in [polygon(vec![place; 4]), Footprint::Lines(vec![vec![place; 2]])] {
        assert!(grid.cover(&footprint).unwrap().contains(&shard(&*grid, place).unwrap()));
    }
    let message = grid.cover(&Footprint::Shards(vec![0, 26 * 23])).unwrap_err().to_string();
    assert!(message.contains("shard key 598 is no shard"), "{message}");
    assert_eq!(grid.cover(&Footprint::Shards(vec![7, 3, 7])), Ok(vec![3, 7]));
    assert_eq!(grid.cover(&Footprint::Polygons(Vec::new())), Ok(Vec::new()));
}
