//! Made-up granules along ground tracks like those of ICESat-2, for tests and benchmarks.
//!
//! The satellite goes round a sphere on a circle inclined by 92°, 1387 times in 91 days, and the Earth turns below it. A granule is
//! one of 14 parts of a revolution; its footprint is the outline of the swath of the six beams, as archives give it: 33
//! vertices, never split at the antimeridian nor at a pole.

use super::{Footprint, LonLat, Polygon};
use crate::granule::{CatalogEntry, Granule};
use crate::sphere::{Arc, Vector, position};

/// Inclination of the orbit in degrees.
const INCLINATION: f64 = 92.0;

/// Revolutions after which the tracks come again, and the days that they take.
const REVOLUTIONS: u32 = 1387;
const DAYS: f64 = 91.0;

/// Where granules begin and end: latitudes on the way north from the equator, and the same on the other quarters of a revolution.
const BORDERS: [f64; 15] =
    [0.0, 27.0, 59.5, 80.0, 100.0, 120.5, 153.0, 180.0, 207.0, 230.0, 259.0, 281.0, 310.0, 333.0, 360.0];

/// Places along each side of a swath.
const SIDE: u32 = 16;

/// Degrees from the middle of a swath to its sides: 3.3 kilometres and what footprints add to it.
const HALF_WIDTH: f64 = 0.032;

/// Parts of a revolution.
pub const REGIONS: u32 = 14;

/// The place below the satellite on the way from the equator, degrees along the orbit, in a revolution counted from 0.
pub fn place(revolution: u32, along: f64) -> LonLat {
    let (sin, cos) = along.to_radians().sin_cos();
    let (sin_i, cos_i) = INCLINATION.to_radians().sin_cos();
    let [lon, lat] = position([cos, cos_i * sin, sin_i * sin]);
    // Degrees that the Earth turns below the orbit in one revolution.
    let turn = 360.0 * DAYS / f64::from(REVOLUTIONS);
    let lon = lon - turn * (f64::from(revolution % REVOLUTIONS) + along / 360.0);
    [(lon + 180.0).rem_euclid(360.0) - 180.0, lat]
}

/// The outline of a granule: `region` from 1 to 14.
pub fn swath(revolution: u32, region: u32) -> Footprint {
    let border = |at: u32| BORDERS[at.clamp(0, REGIONS) as usize];
    let (from, to) = (border(region.saturating_sub(1)), border(region));
    let at = |step: u32| from + (to - from) * f64::from(step) / f64::from(SIDE - 1);
    let side = |sign: f64| move |step: u32| beside(revolution, at(step), sign);
    let mut exterior = Vec::with_capacity(2 * SIDE as usize + 1);
    exterior.extend((0..SIDE).map(side(-1.0)));
    exterior.extend((0..SIDE).rev().map(side(1.0)));
    exterior.push(exterior[0]);
    Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }])
}

/// The place to the left (1) or right (-1) of the track.
fn beside(revolution: u32, along: f64, sign: f64) -> LonLat {
    let vector = |along: f64| -> Vector {
        let [lon, lat] = place(revolution, along);
        crate::sphere::unit(lon, lat)
    };
    let track = Arc::new(vector(along), vector(along + 0.01));
    let (sin, cos) = (sign * HALF_WIDTH.to_radians()).sin_cos();
    let (here, left) = (vector(along), track.pole());
    position(std::array::from_fn(|i| cos * here[i] + sin * left[i]))
}

/// A catalogued granule.
pub fn granule(revolution: u32, region: u32) -> CatalogEntry {
    let (track, cycle) = (revolution % REVOLUTIONS + 1, revolution / REVOLUTIONS + 1);
    // Seconds from the first launch date on, as names have dates; only their length matters.
    let seconds = u64::from(revolution) * 5669 + u64::from(region) * 404;
    let id = format!("ATL03_{:014}_{track:04}{cycle:02}{region:02}_007_01.h5", 20_181_013_000_000 + seconds);
    let path = format!("nsidc-cumulus-prod-protected/ATLAS/ATL03/007/2018/10/13/{id}");
    let granule = Granule {
        s3: Some(format!("s3://{path}")),
        https: Some(format!("https://data.nsidc.earthdatacloud.nasa.gov/{path}")),
        time_start: Some("2018-10-13T00:00:00.000Z".into()),
        time_end: Some("2018-10-13T00:06:44.000Z".into()),
        id,
        ..Granule::default()
    };
    CatalogEntry { granule, footprint: swath(revolution, region) }
}

/// The granules of all regions, one revolution after another.
pub fn granules(count: u32) -> Vec<CatalogEntry> {
    (0..count).map(|at| granule(at / REGIONS, at % REGIONS + 1)).collect()
}
