//! Footprints as others know them: rings that are closed, boxes as polygons, bounds.

use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::{Error, Result};

/// Degrees between vertices along the parallels of a box, for readers whose edges are great circles.
const STEP: f64 = 1.0;
/// Longitudes may be some turns off: tracks are counted on.
const MAX_LONGITUDE: f64 = 1440.0;

/// The vertices of a footprint that has any.
fn vertices(footprint: &Footprint) -> Vec<&[LonLat]> {
    let mut all: Vec<&[LonLat]> = Vec::new();
    for part in footprint.parts() {
        match part {
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    all.push(&polygon.exterior);
                    all.extend(polygon.holes.iter().map(Vec::as_slice));
                }
            }
            Footprint::Lines(lines) => all.extend(lines.iter().map(Vec::as_slice)),
            Footprint::Points(points) => all.push(points),
            _ => {}
        }
    }
    all
}

/// Whether it has no vertex at all; boxes and shards have none.
pub(super) fn is_empty(footprint: &Footprint) -> bool {
    vertices(footprint).into_iter().all(<[_]>::is_empty)
}

/// Checks that every place is on Earth.
///
/// # Errors
/// Names the first that is not.
pub(super) fn check(footprint: &Footprint) -> Result<()> {
    let outside = |[lon, lat]: LonLat| !(lat.abs() <= 90.0 && lon.abs() <= MAX_LONGITUDE);
    let mut corners = Vec::new();
    for part in footprint.parts() {
        if let Footprint::Box { west, south, east, north } = part {
            corners.extend([[*west, *south], [*east, *north]]);
        }
    }
    match vertices(footprint).into_iter().flatten().copied().chain(corners).find(|&place| outside(place)) {
        Some([lon, lat]) => {
            Err(Error::corrupt(format!("its footprint has a place at longitude {lon}, latitude {lat}")))
        }
        None => Ok(()),
    }
}

/// The same polygons with each ring changed; `None` when there is a ring that cannot be.
fn with_rings(
    footprint: &Footprint,
    change: &impl Fn(&[LonLat]) -> Option<Vec<LonLat>>,
) -> Option<Footprint> {
    Some(match footprint {
        Footprint::Polygons(polygons) => {
            let polygon = |polygon: &Polygon| {
                let holes = polygon.holes.iter().map(|hole| change(hole)).collect::<Option<_>>()?;
                Some(Polygon { exterior: change(&polygon.exterior)?, holes })
            };
            Footprint::Polygons(polygons.iter().map(polygon).collect::<Option<_>>()?)
        }
        Footprint::Union(_) => {
            let parts = footprint.parts();
            Footprint::Union(parts.into_iter().map(|part| with_rings(part, change)).collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

/// The same with every ring ending where it begins, as other formats want it.
pub(super) fn close(footprint: &Footprint) -> Footprint {
    let close = |ring: &[LonLat]| {
        let mut ring = ring.to_vec();
        if let (Some(&first), Some(&last)) = (ring.first(), ring.last())
            && first != last
        {
            ring.push(first);
        }
        Some(ring)
    };
    with_rings(footprint, &close).unwrap_or_else(|| footprint.clone())
}

/// The same without the vertex that closes each ring; `None` when a ring is not closed.
pub(super) fn open(footprint: &Footprint) -> Option<Footprint> {
    with_rings(footprint, &|ring| match ring {
        [first, rest @ .., last] if first == last && !rest.is_empty() => {
            Some(ring[..ring.len() - 1].to_vec())
        }
        _ => None,
    })
}

/// A box as a polygon, whose longitudes go on beyond 180 rather than break off there.
pub(super) fn polygon_of_box(west: f64, south: f64, east: f64, north: f64) -> Polygon {
    let width = if east < west { east - west + 360.0 } else { east - west };
    // Bounded, since longitudes are.
    let steps = (width / STEP).ceil().clamp(1.0, 4.0 * MAX_LONGITUDE) as u32;
    let at = |step: u32| {
        if step == steps { west + width } else { west + width * f64::from(step) / f64::from(steps) }
    };
    let mut exterior: Vec<LonLat> = (0..=steps).map(|step| [at(step), south]).collect();
    exterior.extend((0..=steps).rev().map(|step| [at(step), north]));
    exterior.push([west, south]);
    Polygon { exterior, holes: Vec::new() }
}

/// West, south, east and north of the vertices of a geometry; the whole turn where longitudes jump, and up to the pole
/// where a ring goes round it. `None` without vertices.
pub(super) fn bounds(footprint: &Footprint) -> Option<[f64; 4]> {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let mut turns = false;
    for vertices in vertices(footprint) {
        let mut wound = 0.0;
        for (at, &[lon, lat]) in vertices.iter().enumerate() {
            bounds = [bounds[0].min(lon), bounds[1].min(lat), bounds[2].max(lon), bounds[3].max(lat)];
            if at > 0 && !matches!(footprint, Footprint::Points(_)) {
                let step = lon - vertices[at - 1][0];
                turns |= step.abs() > 180.0;
                wound += step - 360.0 * (step / 360.0).round();
            }
        }
        if wound.abs() > 180.0 && vertices.first() == vertices.last() {
            turns = true;
            let pole = if bounds[1] + bounds[3] < 0.0 { 1 } else { 3 };
            bounds[pole] = if pole == 1 { -90.0 } else { 90.0 };
        }
    }
    if bounds[0] > bounds[2] {
        return None;
    }
    if turns || bounds[0] < -180.0 || bounds[2] > 180.0 {
        (bounds[0], bounds[2]) = (-180.0, 180.0);
    }
    Some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polygon(exterior: &[LonLat]) -> Footprint {
        Footprint::Polygons(vec![Polygon { exterior: exterior.to_vec(), holes: Vec::new() }])
    }

    #[test]
    fn rings_are_closed_and_opened() {
        let ring = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let closed = close(&polygon(&ring));
        assert_eq!(closed, polygon(&[ring[0], ring[1], ring[2], ring[0]]));
        assert_eq!(close(&closed), closed);
        assert_eq!(open(&closed), Some(polygon(&ring)));
        assert_eq!(open(&polygon(&ring)), None);
    }

    #[test]
    fn bounds_hold_turns_and_poles() {
        assert_eq!(bounds(&polygon(&[[1.0, 2.0], [3.0, 2.0], [2.0, 5.0]])), Some([1.0, 2.0, 3.0, 5.0]));
        let across = close(&polygon(&[[179.0, 10.0], [-179.0, 10.0], [-179.0, 12.0], [179.0, 12.0]]));
        assert_eq!(bounds(&across), Some([-180.0, 10.0, 180.0, 12.0]));
        let round = close(&polygon(&[[0.0, -80.0], [90.0, -81.0], [180.0, -80.0], [-90.0, -80.0]]));
        assert_eq!(bounds(&round), Some([-180.0, -90.0, 180.0, -80.0]));
        assert_eq!(bounds(&Footprint::Shards(vec![1])), None);
        assert_eq!(
            bounds(&Footprint::Points(vec![[-170.0, 1.0], [170.0, 2.0]])),
            Some([-170.0, 1.0, 170.0, 2.0])
        );
    }

    #[test]
    fn boxes_are_polygons_with_vertices_along_the_parallels() {
        let ring = polygon_of_box(170.0, -10.0, -170.0, 20.0).exterior;
        assert_eq!(ring.len(), 43);
        assert_eq!((ring[0], ring[20], ring[21]), ([170.0, -10.0], [190.0, -10.0], [190.0, 20.0]));
        assert_eq!(polygon_of_box(5.0, 0.0, 5.0, 1.0).exterior.len(), 5);
        assert_eq!(polygon_of_box(-180.0, -90.0, 180.0, -60.0).exterior.len(), 723);
    }

    #[test]
    fn places_that_are_not_on_earth_are_named() {
        let fails = |footprint: Footprint| check(&footprint).unwrap_err().to_string();
        assert!(fails(Footprint::Points(vec![[0.0, 91.0]])).ends_with("longitude 0, latitude 91"));
        assert!(fails(Footprint::Lines(vec![vec![[f64::NAN, 1.0]]])).contains("longitude NaN"));
        let endless = Footprint::Box { west: 0.0, south: 0.0, east: f64::INFINITY, north: 1.0 };
        assert!(fails(Footprint::Union(vec![endless])).contains("inf"));
    }
}
