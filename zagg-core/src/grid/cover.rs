//! Covers of many footprints: widened ones, and with some shards alone.

use super::{GeoBox, Grid, ShardSet};
use crate::error::{Error, Result};
use crate::footprint::{Footprint, LonLat};
use crate::sphere::{Arc, check_position, chord_to_angle, position, unit};

/// The least radius of curvature of the WGS84 ellipsoid, in kilometres: along the meridian at the equator.
///
/// On the sphere whose latitude is the geodetic one, an angle is at least as long as that of a sphere of this radius. So
/// everything within a distance on the ellipsoid is within the distance divided by it; and nothing is that is more than 1.01
/// times the distance away.
const LEAST_RADIUS_KM: f64 = 6335.439;

/// The most pieces that an edge is divided into.
const PIECES: f64 = 64.0;

/// The radians that hold a distance on the ground in kilometres, wherever it is.
///
/// # Errors
/// When it is negative or no number.
pub fn radians_of_km(km: f64) -> Result<f64> {
    if km >= 0.0 && km.is_finite() {
        return Ok(km / LEAST_RADIUS_KM);
    }
    Err(Error::input(format!("a buffer of {km} km makes no sense; it is 0 or more kilometres")))
}

/// How footprints are covered.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoverOptions<'a> {
    /// The shards that are looked for; `None` for all.
    pub among: Option<&'a ShardSet>,
    /// Radians by which every footprint is widened, except for one of shards.
    pub widened: f64,
}

impl CoverOptions<'_> {
    /// Those of some shards that are looked for.
    pub fn wanted(&self, mut shards: Vec<u64>) -> Vec<u64> {
        if let Some(among) = self.among {
            shards.retain(|shard| among.contains(*shard));
        }
        shards
    }
}

/// A grid made ready to cover many footprints.
pub trait Cover: Send + Sync {
    /// Every wanted shard with a cell that the footprint, widened, may touch, ascending, each once.
    ///
    /// # Errors
    /// Names what is wrong with the footprint: too few vertices, a position that is none.
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>>;
}

/// A grid made ready, by itself if it knows a better way than one footprint after another.
///
/// # Errors
/// What the grid says.
pub fn prepared_cover<'a>(grid: &'a dyn Grid, options: &CoverOptions<'a>) -> Result<Box<dyn Cover + 'a>> {
    Ok(match grid.prepared_cover(options)? {
        Some(cover) => cover,
        None => Box::new(OneByOne { grid, options: *options }),
    })
}

/// Sorts shards, and drops those that stand twice.
pub fn ascending(mut shards: Vec<u64>) -> Vec<u64> {
    // Mostly a few ascending runs, which the stable sort merges in linear time.
    shards.sort();
    shards.dedup();
    shards
}

/// Any grid, through [`Grid::cover`] alone.
struct OneByOne<'a> {
    grid: &'a dyn Grid,
    options: CoverOptions<'a>,
}

impl Cover for OneByOne<'_> {
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let mut shards = Vec::new();
        for part in footprint.parts() {
            shards.extend(self.grid.cover(part)?);
            if self.options.widened > 0.0 {
                for around in surroundings(part, self.options.widened)? {
                    shards.extend(self.grid.cover(&around)?);
                }
            }
        }
        Ok(ascending(self.options.wanted(shards)))
    }
}

/// Boxes that hold every place near the border of a footprint: what is nearer than the distance to a footprint, and not in it, is
/// nearer to its border.
fn surroundings(footprint: &Footprint, distance: f64) -> Result<Vec<Footprint>> {
    let mut boxes = Vec::new();
    match footprint {
        Footprint::Polygons(polygons) => {
            for polygon in polygons {
                for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
                    let next = ring.iter().cycle().skip(1);
                    for (from, to) in ring.iter().zip(next) {
                        along(*from, *to, distance, &mut boxes)?;
                    }
                }
            }
        }
        Footprint::Lines(lines) => {
            for pair in lines.iter().flat_map(|line| line.windows(2)) {
                along(pair[0], pair[1], distance, &mut boxes)?;
            }
        }
        Footprint::Points(points) => {
            for point in points {
                along(*point, *point, distance, &mut boxes)?;
            }
        }
        Footprint::Box { west, south, east, north } => {
            let degrees = distance.to_degrees();
            boxes.push(Footprint::Box {
                west: *west,
                south: (south - degrees).max(-90.0),
                east: *east,
                north: (north + degrees).min(90.0),
            });
            // In halves: opposite places have no edge between them.
            let middle = 0.5 * (south + north);
            for lon in [*west, *east] {
                along([lon, *south], [lon, middle], distance, &mut boxes)?;
                along([lon, middle], [lon, *north], distance, &mut boxes)?;
            }
        }
        _ => {}
    }
    Ok(boxes)
}

/// Adds boxes around the pieces of an edge.
fn along(from: LonLat, to: LonLat, distance: f64, boxes: &mut Vec<Footprint>) -> Result<()> {
    check_position(from)?;
    check_position(to)?;
    let (a, b) = (unit(from[0], from[1]), unit(to[0], to[1]));
    let Some(arc) = Arc::between(from, to)? else {
        boxes.push(around_place(from, distance));
        return Ok(());
    };
    let length = chord_to_angle(crate::sphere::chord(a, b));
    // As long as the boxes are wide.
    let pieces = (length / distance).ceil().clamp(1.0, PIECES);
    let half = 0.5 * length / pieces;
    for piece in 0..pieces as u32 {
        let place = arc.along((2.0 * f64::from(piece) + 1.0) * half);
        boxes.push(around_place(position(place), half + distance + 1e-9));
    }
    Ok(())
}

/// The box that holds all places within some radians.
fn around_place([lon, lat]: LonLat, radians: f64) -> Footprint {
    GeoBox::at(lon, lat).widened(radians).footprint()
}

/// Degrees of longitude that places within some radians of one at this latitude, in degrees, are away from its meridian at most.
pub(super) fn half_width(lat: f64, radians: f64) -> f64 {
    if lat.abs() + radians.to_degrees() >= 90.0 - 1e-9 {
        return 180.0;
    }
    (radians.sin() / lat.to_radians().cos()).min(1.0).asin().to_degrees() + 1e-9
}
