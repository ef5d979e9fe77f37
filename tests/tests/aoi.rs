//! The area of interest: masks, their array in stores, and rows dropped outside it.

mod masks;
mod stores;

use zagg_core::cells::CellRanges;
use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::grid::Grid;
use zagg_core::shard_map::{ShardEntry, ShardMap};

fn vector([lon, lat]: LonLat) -> [f64; 3] {
    let ((sin_lon, cos_lon), (sin, cos)) = (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
    [cos * cos_lon, cos * sin_lon, sin]
}

/// Whether a ring goes round a place: the sum of the angles under which its edges are seen, on the sphere.
fn surrounds(ring: &[LonLat], place: LonLat) -> bool {
    let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cross = |a: [f64; 3], b: [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|i| a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
    };
    let p = vector(place);
    let aside: Vec<[f64; 3]> = ring.iter().map(|vertex| cross(p, vector(*vertex))).collect();
    let angle = |at: usize| {
        let (a, b) = (aside[at], aside[(at + 1) % aside.len()]);
        dot(p, cross(a, b)).atan2(dot(a, b))
    };
    // Seen from the opposite side of the globe, a ring goes round as well.
    let middle: [f64; 3] = ring.iter().fold([0.0; 3], |sum, v| {
        let v = vector(*v);
        std::array::from_fn(|i| sum[i] + v[i])
    });
    dot(middle, p) > 0.0 && (0..ring.len()).map(angle).sum::<f64>().abs() > 1.0
}

fn inside(polygon: &Polygon, place: LonLat) -> bool {
    surrounds(&polygon.exterior, place) && !polygon.holes.iter().any(|hole| surrounds(hole, place))
}

/// A ring of some vertices around a place.
fn ring(lon: f64, lat: f64, radius: f64, corners: usize) -> Vec<LonLat> {
    let ((sin_lat, cos_lat), radius) = (lat.to_radians().sin_cos(), radius.to_radians());
    (0..corners)
        .map(|corner| {
            let azimuth = std::f64::consts::TAU * corner as f64 / corners as f64;
            let z = sin_lat * radius.cos() + cos_lat * radius.sin() * azimuth.cos();
            let east = (azimuth.sin() * radius.sin() * cos_lat).atan2(radius.cos() - sin_lat * z);
            [lon + east.to_degrees(), z.asin().to_degrees()]
        })
        .collect()
}

/// Antarctica in the rough, with a hole around the pole where satellites see nothing.
fn antarctica() -> Polygon {
    Polygon { exterior: ring(70.0, -86.0, 18.0, 40), holes: vec![ring(0.0, -90.0, 2.0, 24)] }
}

fn area(polygon: &Polygon) -> Footprint {
    Footprint::Polygons(vec![polygon.clone()])
}

/// Sets the mask of a map and gives the cells of each shard.
fn masked(grid: &dyn Grid, map: &mut ShardMap, area: &Footprint) -> Vec<(u64, CellRanges)> {
    map.set_area(grid, area, false).unwrap();
    let again = ShardMap::parse("map", &map.to_json().unwrap()).unwrap();
    assert_eq!((&again.aoi_mask, &again.shards.len()), (&map.aoi_mask, &map.shards.len()));
    assert_eq!(again.metadata["aoi_mask"], true);
    let codes = map.aoi_mask.as_ref().unwrap();
    let of = |(entry, codes): (&ShardEntry, _)| {
        let shard = grid.shard_from_key(entry.key).unwrap();
        (shard, grid.cells_of_codes(shard, codes).unwrap())
    };
    map.shards.iter().zip(codes).map(of).collect()
}
