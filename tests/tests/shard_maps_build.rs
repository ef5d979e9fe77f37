//! Building shard maps for areas and with buffers, and the areas that catalogs are asked for, beside brute force: on all grids, and
//! on one that knows nothing but its own covers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use zagg_core::footprint::{Footprint, LonLat, Polygon, tracks};
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::grid::{Cover, CoverOptions, Grid, NO_CELL};
use zagg_core::shard_map::{BuildOptions, ShardMap, query_area};
use zagg_core::sphere::{Arc, Vector, chord, chord_to_angle, normalized, position, unit};
use zagg_s2 as _;

use crate::support::foreign::Foreign;
use crate::support::registry;

/// The greatest radius of curvature of the ellipsoid: no distance is longer than an angle times this.
const GREATEST_RADIUS_KM: f64 = 6399.6;

/// The least one.
const LEAST_RADIUS_KM: f64 = 6335.4;

fn grid(name: &str, options: &Value) -> Box<dyn Grid> {
    registry().grid(name, options.as_object().unwrap()).unwrap()
}

fn grids() -> Vec<Box<dyn Grid>> {
    let plane = |crs: &str, half: f64, resolution: f64| json!({"crs": crs, "resolution": resolution, "bounds": [-half, -half, half, half], "chunk_shape": [16, 16]});
    vec![
        grid("healpix", &json!({"parent_order": 5, "child_order": 9})),
        grid("healpix", &json!({"parent_order": 7, "child_order": 9, "ellipsoid": "sphere"})),
        grid("s2", &json!({"parent_level": 5, "child_level": 9})),
        grid("rectilinear", &plane("EPSG:3031", 4e6, 1e4)),
        grid("rectilinear", &plane("EPSG:3857", 2e7, 5e4)),
        grid(
            "rectilinear",
            &json!({"crs": "EPSG:4326", "resolution": 0.1, "bounds": [-180, -90, 180, 90], "chunk_shape": [20, 20]}),
        ),
        Box::new(Foreign(grid("healpix", &json!({"parent_order": 4, "child_order": 8})))),
        Box::new(Foreign(grid("rectilinear", &plane("EPSG:3413", 4e6, 2e4)))),
    ]
}

/// A footprint, and places in it.
type Case = (Footprint, Vec<LonLat>);

fn mix(a: Vector, b: Vector, t: f64) -> Vector {
    normalized(std::array::from_fn(|i| (1.0 - t) * a[i] + t * b[i]))
}

/// The place at a distance in radians and a bearing from another.
fn away(from: Vector, radians: f64, bearing: f64) -> Vector {
    let axis = if from[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let cross = |a: Vector, b: Vector| -> Vector {
        std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
    };
    let east = normalized(cross(axis, from));
    let north = cross(from, east);
    let ((s, c), (sin, cos)) = (bearing.sin_cos(), radians.sin_cos());
    std::array::from_fn(|i| cos * from[i] + sin * (s * east[i] + c * north[i]))
}

fn vector([lon, lat]: LonLat) -> Vector {
    unit(lon, lat)
}

fn any_place() -> impl Strategy<Value = LonLat> {
    let lon =
        prop_oneof![-180.0..180.0_f64, (-4..=4_i32).prop_map(|i| 45.0 * f64::from(i)), 179.0..181.0_f64];
    let lat = prop_oneof![
        (-1.0..1.0_f64).prop_map(|z| z.asin().to_degrees()),
        -90.0..-80.0,
        80.0..90.0_f64,
        prop::sample::select(vec![-90.0, 0.0, 90.0])
    ];
    (lon, lat).prop_map(|(lon, lat)| [lon, lat])
}

/// From a hundred metres to almost a hemisphere.
fn any_size() -> impl Strategy<Value = f64> {
    (-3.0..1.92_f64).prop_map(|e| 10_f64.powf(e))
}

fn shares() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 60)
}

/// A star with its middle and places between the middle and its outline.
fn star() -> impl Strategy<Value = Case> {
    let shape = prop::collection::vec(0.3..1.0_f64, 4..20);
    (any_place(), any_size(), shape, any::<bool>(), shares()).prop_map(
        |(centre, size, shape, backwards, shares)| {
            let middle = vector(centre);
            let turn = std::f64::consts::TAU / shape.len() as f64;
            let mut outline: Vec<LonLat> = (0..shape.len())
                .map(|i| position(away(middle, (shape[i] * size).to_radians(), turn * i as f64)))
                .collect();
            let corner = |i: usize| vector(outline[i % outline.len()]);
            let places = shares.iter().map(|(along, out)| {
                let x = along * shape.len() as f64;
                position(mix(middle, mix(corner(x as usize), corner(x as usize + 1), x.fract()), *out))
            });
            let places = places.collect();
            if backwards {
                outline.reverse();
            }
            (Footprint::Polygons(vec![Polygon { exterior: outline, holes: Vec::new() }]), places)
        },
    )
}

/// A swath with places across it.
fn swath() -> impl Strategy<Value = Case> {
    (0..5000_u32, 1..=tracks::REGIONS, shares()).prop_map(|(revolution, region, shares)| {
        let footprint = tracks::swath(revolution, region);
        let Footprint::Polygons(polygons) = &footprint else { panic!("a polygon was expected") };
        let ring = &polygons[0].exterior;
        let places = shares.iter().map(|(along, across)| {
            let x = along * 15.0;
            let (i, t) = ((x as usize).min(14), x.fract());
            let side = |i: usize, j: usize| mix(vector(ring[i]), vector(ring[j]), t);
            position(mix(side(i, i + 1), side(31 - i, 30 - i), *across))
        });
        let places = places.collect();
        (footprint, places)
    })
}

fn line() -> impl Strategy<Value = Case> {
    let steps = prop::collection::vec((0.001..60.0_f64, 0.0..6.3_f64), 1..5);
    (any_place(), steps, shares()).prop_map(|(start, steps, shares)| {
        let mut line = vec![start];
        for (size, bearing) in steps {
            let last = vector(line[line.len() - 1]);
            line.push(position(away(last, size.to_radians(), bearing)));
        }
        let places = shares.iter().map(|(along, _)| {
            let x = along * (line.len() - 1) as f64;
            let i = (x as usize).min(line.len() - 2);
            position(mix(vector(line[i]), vector(line[i + 1]), x - i as f64))
        });
        let places = places.collect();
        (Footprint::Lines(vec![line]), places)
    })
}

fn points() -> impl Strategy<Value = Case> {
    prop::collection::vec(any_place(), 1..6).prop_map(|points| (Footprint::Points(points.clone()), points))
}

fn rectangle() -> impl Strategy<Value = Case> {
    let width = prop_oneof![0.0..360.0_f64, Just(360.0), Just(0.0), 0.0..2.0_f64];
    let height = prop_oneof![0.0..180.0_f64, Just(0.0), 0.0..2.0_f64];
    (any_place(), width, height, shares()).prop_map(|([west, south], width, height, shares)| {
        let north = (south + height).min(90.0);
        let places = shares.iter().map(|(x, y)| [west + x * width, south + y * (north - south)]).collect();
        (Footprint::Box { west, south, east: west + width, north }, places)
    })
}

fn one() -> impl Strategy<Value = Case> {
    prop_oneof![star(), swath(), line(), points(), rectangle()]
}

fn any_footprint() -> impl Strategy<Value = Case> {
    let several = prop::collection::vec(one(), 2..4).prop_map(|cases| {
        let (footprints, places): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        (Footprint::Union(footprints), places.concat())
    });
    prop_oneof![4 => one(), 1 => several]
}

/// Areas of which a fine grid can list the shards.
fn any_area() -> impl Strategy<Value = Option<Case>> {
    prop_oneof![1 => Just(None), 4 => any_footprint().prop_map(Some)]
}

/// The shards of places, each once.
fn shards_of(grid: &dyn Grid, places: &[LonLat]) -> BTreeSet<u64> {
    let (lon, lat): (Vec<f64>, Vec<f64>) = places.iter().map(|place| (place[0], place[1])).unzip();
    let (mut cells, mut shards) = (vec![0; lon.len()], vec![0; lon.len()]);
    grid.locate(&lon, &lat, &mut cells);
    grid.shards_of(&cells, &mut shards);
    shards.into_iter().filter(|shard| *shard != NO_CELL).collect()
}

fn build(grid: &dyn Grid, footprint: &Footprint, area: Option<&Footprint>, km: f64) -> BTreeSet<u64> {
    let granule = Granule { id: "a.h5".into(), ..Granule::default() };
    let options = BuildOptions { area: area.cloned(), footprint_buffer_km: km };
    let entries = [CatalogEntry { granule, footprint: footprint.clone() }];
    let map = ShardMap::build(grid, &entries, Map::new(), &options).unwrap();
    map.shards.iter().map(|shard| grid.shard_from_key(shard.key).unwrap()).collect()
}

/// Places no farther from others than a distance in kilometres; the borders of the distance among them.
fn around(places: &[LonLat], km: f64, bearings: &[(f64, f64)]) -> Vec<LonLat> {
    let moved = |(place, (bearing, share)): (&LonLat, &(f64, f64))| {
        let share = if *share < 0.5 { 1.0 } else { *share };
        position(away(vector(*place), share * km / GREATEST_RADIUS_KM, 6.3 * bearing))
    };
    places.iter().zip(bearings.iter().cycle()).map(moved).collect()
}

/// Whether a place lies in one of the boxes of a query.
fn holds(query: &Footprint, [lon, lat]: LonLat) -> bool {
    query.parts().into_iter().any(|part| {
        let Footprint::Box { west, south, east, north } = part else { panic!("boxes were expected") };
        assert!(west.abs() <= 180.0 && east.abs() <= 180.0 && -90.0 <= *south && *north <= 90.0);
        let width = if east - west >= 360.0 { 360.0 } else { (east - west).rem_euclid(360.0) };
        (*south..=*north).contains(&lat) && (lon - west).rem_euclid(360.0) <= width
    })
}

/// Centres and, almost, corners of the cells of a shard.
fn places_of_shard(grid: &dyn Grid, shard: u64) -> Vec<LonLat> {
    let level = grid.leaf_level();
    let cells = grid.cells_of_shard(shard, level);
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(level, &cells, &mut lon, &mut lat);
    lon.into_iter().zip(lat).filter(|(lon, _)| !lon.is_nan()).map(|(lon, lat)| [lon, lat]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No shard of the area that holds a place of the footprint, or one within the buffer, is missing; and no other shard is
    /// in the map.
    #[test]
    fn no_shard_of_a_place_is_missing(
        number in 0..8_usize, (footprint, places) in any_footprint(), area in any_area(),
        km in prop_oneof![Just(0.0), 0.1..300.0_f64], bearings in shares(),
    ) {
        let grid = &*grids()[number];
        let area = area.map(|(area, _)| area);
        let found = build(grid, &footprint, area.as_ref(), km);
        let mut needed = shards_of(grid, &places);
        needed.extend(shards_of(grid, &around(&places, km, &bearings)));
        if let Some(area) = &area {
            let wanted: BTreeSet<u64> = area.cover_parts(|part| grid.cover(part)).unwrap().into_iter().collect();
            prop_assert!(found.is_subset(&wanted));
            needed.retain(|shard| wanted.contains(shard));
            if km == 0.0 && grid.type_name() != "rectilinear" {
                // The search for some shards finds just those that the search for all does.
                let mut all = build(grid, &footprint, None, 0.0);
                all.retain(|shard| wanted.contains(shard));
                prop_assert_eq!(&found, &all);
            }
        }
        let missing: Vec<&u64> = needed.difference(&found).collect();
        prop_assert!(missing.is_empty(), "{grid:?}: {missing:?} of {} are missing of {footprint:?}", needed.len());
    }

    /// An area close by: the quick look must not reject what only just reaches it.
    #[test]
    fn what_only_just_reaches_the_area_is_kept(
        number in 0..8_usize, (footprint, places) in one(), size in any_size(), at in 0..60_usize,
        km in prop_oneof![Just(0.0), 0.1..100.0_f64], bearings in shares(),
    ) {
        let grid = &*grids()[number];
        let [lon, lat] = places[at % places.len()];
        // The place is the south-western corner of the area.
        let north = (lat + 0.1 * size).min(90.0);
        let area = Footprint::Box { west: lon, south: lat, east: lon + 0.1 * size, north };
        let found = build(grid, &footprint, Some(&area), km);
        let wanted = grid.cover(&area).unwrap();
        let mut needed = shards_of(grid, &around(&places, km, &bearings));
        needed.extend(shards_of(grid, &places));
        needed.retain(|shard| wanted.binary_search(shard).is_ok());
        prop_assert!(needed.is_subset(&found), "{grid:?}: {footprint:?} and {area:?}");
    }

    /// A widened line or place reaches no farther than the hundredth of the buffer, and the size of a cell, beyond it.
    #[test]
    fn buffers_end_where_they_should(
        number in 0..3_usize, (footprint, _) in prop_oneof![line(), points()], km in 1.0..500.0_f64,
    ) {
        let grid = &*grids()[number];
        let mut arcs = Vec::new();
        let mut places = Vec::new();
        match &footprint {
            Footprint::Lines(lines) => {
                arcs.extend(lines[0].windows(2).filter_map(|pair| Arc::between(pair[0], pair[1]).unwrap()));
                places.extend(lines[0].iter().copied().map(vector));
            }
            Footprint::Points(points) => places.extend(points.iter().copied().map(vector)),
            _ => panic!("{footprint:?}"),
        }
        for shard in build(grid, &footprint, None, km) {
            let nearest = places_of_shard(grid, shard).into_iter().map(vector).map(|place| {
                let of_arcs = arcs.iter().map(|arc| arc.distance(place));
                of_arcs.chain(places.iter().map(|other| chord_to_angle(chord(place, *other)))).fold(4.0, f64::min)
            });
            let nearest = nearest.fold(4.0, f64::min);
            // Cells of order 9 are 0.0022 radians wide at most; the farthest corner is nearer to the centre.
            prop_assert!(nearest <= km / LEAST_RADIUS_KM + 0.004, "{grid:?}: {nearest} for {km} km of {footprint:?}");
        }
    }

    /// What a catalog is asked for holds every shard of the area, whole, and what is around it.
    #[test]
    fn queries_hold_the_shards_of_the_area(
        number in 0..8_usize, (area, _) in any_footprint(), km in prop_oneof![Just(0.0), 0.1..500.0_f64],
        bearings in shares(),
    ) {
        let grid = &*grids()[number];
        let shards = area.cover_parts(|part| grid.cover(part)).unwrap();
        let query = query_area(grid, &area, km);
        prop_assert_eq!(query.is_err(), shards.is_empty());
        let Ok(query) = query else { return Ok(()) };
        prop_assert!(query.parts().len() <= 8);
        // Many shards are looked at here and there.
        for shard in shards.iter().step_by(shards.len().div_ceil(40)) {
            let places = places_of_shard(grid, *shard);
            let beside = around(&places, km, &bearings);
            for place in places.into_iter().chain(beside) {
                prop_assert!(holds(&query, place), "{grid:?}: {place:?} of {shard} is not in {query:?}");
            }
        }
    }
}

/// Areas far apart are asked for one by one.
#[test]
fn pieces_far_apart_have_boxes_of_their_own() {
    let grid = grid("healpix", &json!({"parent_order": 6, "child_order": 8}));
    let boxes = [[-75.0, 60.0, -15.0, 83.0], [-180.0, -90.0, 180.0, -75.0], [170.0, -50.0, 190.0, -34.0]];
    let parts = boxes.map(|[west, south, east, north]| Footprint::Box { west, south, east, north });
    let query = query_area(&*grid, &Footprint::Union(parts.to_vec()), 0.0).unwrap();
    assert_eq!(query.parts().len(), 3, "{query:?}");
    for place in [[-40.0, 70.0], [0.0, -89.0], [179.9, -40.0], [-179.9, -40.0]] {
        assert!(holds(&query, place), "{place:?}");
    }
    for place in [[-40.0, 30.0], [0.0, -60.0], [150.0, -40.0], [-150.0, -40.0]] {
        assert!(!holds(&query, place), "{place:?}");
    }
    // A piece of the size of a shard remains one.
    let place = Footprint::Points(vec![[-76.55, 38.9]]);
    assert!(matches!(query_area(&*grid, &place, 10.0).unwrap(), Footprint::Box { .. }));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let plane = json!({"crs": "EPSG:3031", "resolution": 1e4, "bounds": [-4e6, -4e6, 4e6, 4e6], "chunk_shape": [16, 16]});
    let antarctica = grid("rectilinear", &plane);
    let north = Footprint::Points(vec![[0.0, 80.0]]);
    let error = query_area(&*antarctica, &north, 0.0).unwrap_err().to_string();
    assert!(error.contains("touches no shard"), "{error}");
    for km in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(query_area(&*antarctica, &north, km).unwrap_err().to_string().contains("makes no sense"));
        let options = BuildOptions { area: None, footprint_buffer_km: km };
        let error = ShardMap::build(&*antarctica, &[], Map::new(), &options).unwrap_err();
        assert!(error.to_string().contains("makes no sense"), "{error}");
    }
    let options = BuildOptions { area: Some(Footprint::Points(vec![[0.0, 91.0]])), footprint_buffer_km: 0.0 };
    let error = ShardMap::build(&*antarctica, &[], Map::new(), &options).unwrap_err().to_string();
    assert!(error.starts_with("the area of interest: ") && error.contains("(0, 91)"), "{error}");
    // Of many granules at fault the first is named, whatever thread comes first.
    let mut entries = tracks::granules(3000);
    for at in [777, 1500, 2999] {
        entries[at].footprint = Footprint::Points(vec![[0.0, 91.0]]);
    }
    let error = ShardMap::build(&*antarctica, &entries, Map::new(), &BuildOptions::default()).unwrap_err();
    assert!(error.to_string().contains(&entries[777].granule.id), "{error}");
}

/// The order of granules, and what of them is in the map.
#[test]
fn granules_stay_in_their_order_and_those_without_a_shard_are_left_out() {
    let grid = grid("healpix", &json!({"parent_order": 6, "child_order": 8}));
    let entries = tracks::granules(14 * 400);
    let area = Footprint::Box { west: -125.0, south: 32.0, east: -114.0, north: 42.0 };
    let options = BuildOptions { area: Some(area), ..BuildOptions::default() };
    let map = ShardMap::build(&*grid, &entries, Map::new(), &options).unwrap();
    assert!(map.shards.is_sorted_by(|a, b| a.key < b.key));
    assert!(map.shards.iter().all(|shard| shard.granules.is_sorted_by(|a, b| a < b)));
    let used: BTreeSet<u32> = map.shards.iter().flat_map(|shard| shard.granules.iter().copied()).collect();
    assert_eq!(used.len(), map.granules.len());
    let order: Vec<&str> = entries.iter().map(|entry| entry.granule.id.as_str()).collect();
    let places: Vec<usize> =
        map.granules.iter().map(|g| order.iter().position(|id| *id == g.id).unwrap()).collect();
    assert!(places.is_sorted() && (20..1000).contains(&places.len()), "{}", places.len());
    assert_eq!(map.metadata["total_granules"], json!(5600));
    assert_eq!(map.metadata["granules_assigned"], json!(places.len()));
    assert_eq!(map.metadata["total_pairs"], json!(map.pairs()));
    // One thread makes the same map.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| ShardMap::build(&*grid, &entries, Map::new(), &options)).unwrap();
    assert_eq!(again, map);
}

/// A grid that is made ready by itself is asked; one that is not still answers.
#[test]
fn foreign_grids_are_covered_one_by_one() {
    let inner = grid("healpix", &json!({"parent_order": 6, "child_order": 8}));
    let foreign = Foreign(grid("healpix", &json!({"parent_order": 6, "child_order": 8})));
    let options = CoverOptions { widened: 0.01, ..CoverOptions::default() };
    assert!(inner.prepared_cover(&options).unwrap().is_some());
    assert!(foreign.prepared_cover(&options).unwrap().is_none());
    let own = zagg_core::grid::prepared_cover(&*inner, &options).unwrap();
    let other = zagg_core::grid::prepared_cover(&foreign, &options).unwrap();
    for region in 1..=tracks::REGIONS {
        let footprint = tracks::swath(17 * region, region);
        let cover = |cover: &dyn Cover| cover.cover(&footprint).unwrap();
        let (exact, boxes) = (cover(&*own), cover(&*other));
        assert!(exact.iter().all(|shard| boxes.binary_search(shard).is_ok()));
        assert!(boxes.len() < 2 * exact.len() + 8, "{} for {}", boxes.len(), exact.len());
    }
}
