//! Quick answers that spare most footprints a search.

use super::vector::{Vector, chord, chord_to_angle, dot, normalized, position, unit};
use super::{Cone, Rectangle, Region, Verdict, is_position};
use crate::footprint::{Footprint, LonLat};

/// Radians that the vertices of a footprint may be away from their middle at most: a cone of less than a right angle holds all
/// edges between places in it, and the smaller side of every ring of them.
const WIDE: f64 = 1.0;

/// Length in radians of a ring beyond which nothing is said about its sides, which may be wound round each other.
const LONG: f64 = 6.0;

/// Rounding allowed for, radians.
const SLACK: f64 = 1e-12;

/// Whether a footprint, widened by some radians, may have a place in one of the boxes. What is wrong with a footprint is not told:
/// such a one may.
pub(crate) fn may_meet(footprint: &Footprint, widened: f64, boxes: &[Rectangle]) -> bool {
    let meets = |cone: Option<Cone>| {
        cone.is_none_or(|cone| {
            let cone = Cone { radius: cone.radius + widened, ..cone };
            boxes.iter().any(|region| !matches!(region.judge(&region.start(), &cone), Verdict::Outside))
        })
    };
    // The quick look is enough for most.
    let outline =
        |places: &[LonLat], ring: bool| meets(loosely_around(places, ring)) && meets(around(places, ring));
    match footprint {
        Footprint::Polygons(polygons) => polygons.iter().any(|polygon| outline(&polygon.exterior, true)),
        Footprint::Lines(lines) => lines.iter().any(|line| outline(line, false)),
        Footprint::Union(parts) => parts.iter().any(|part| may_meet(part, widened, boxes)),
        _ => true,
    }
}

/// Like [`around`], but quick and wide: no place is farther from the first one than the way there, or half the way round.
///
/// An edge is no longer than the differences of longitude and latitude together.
fn loosely_around(places: &[LonLat], ring: bool) -> Option<Cone> {
    let [lon, lat] = *places.first()?;
    let mut way = 0.0;
    let mut before = [lon, lat];
    for &[lon, lat] in places.iter().skip(1).chain(ring.then_some(&places[0])) {
        let turn = (lon - before[0]).abs();
        // False for NaN.
        if !(is_position(lon, lat) && turn <= 360.0) {
            return None;
        }
        way += turn.min(360.0 - turn) + (lat - before[1]).abs();
        before = [lon, lat];
    }
    let radius = if ring { 0.5 * way } else { way }.to_radians() + SLACK;
    // A ring of such a way is not long either.
    if radius > WIDE || !is_position(lon, lat) || places.len() < if ring { 3 } else { 2 } {
        return None;
    }
    let centre = unit(lon, lat);
    Some(Cone { centre, lon_lat: (lon, lat), radius, sample: centre })
}

/// A cone that holds the line through these places, or the ring of them and its smaller side; `None` when that is not clear.
fn around(places: &[LonLat], ring: bool) -> Option<Cone> {
    let vectors: Vec<Vector> = places
        .iter()
        .map(|&[lon, lat]| is_position(lon, lat).then(|| unit(lon, lat)))
        .collect::<Option<_>>()?;
    let sum = vectors.iter().fold([0.0; 3], |sum: Vector, v| std::array::from_fn(|i| sum[i] + v[i]));
    let centre = normalized(sum);
    // The place nearest to the middle by its cosine is the farthest one.
    let cosine = vectors.iter().map(|v| dot(centre, *v)).fold(1.0, f64::min);
    if vectors.len() < if ring { 3 } else { 2 } || cosine < WIDE.cos() {
        return None;
    }
    if ring {
        let next = vectors.iter().cycle().skip(1);
        // An arc of less than two radians is at most 1.2 times its chord.
        let length = 1.2 * vectors.iter().zip(next).map(|(a, b)| chord(*a, *b)).sum::<f64>();
        if length > LONG {
            return None;
        }
    }
    let reach = vectors.iter().map(|v| chord(centre, *v)).fold(0.0, f64::max);
    let [lon, lat] = position(centre);
    Some(Cone { centre, lon_lat: (lon, lat), radius: chord_to_angle(reach) + SLACK, sample: centre })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::footprint::{Polygon, tracks};
    use proptest::prelude::*;

    fn boxes(west: f64, south: f64, east: f64, north: f64) -> [Rectangle; 1] {
        [Rectangle::new(west, south, east, north).unwrap()]
    }

    #[test]
    fn most_footprints_are_passed_over_and_those_that_meet_the_boxes_are_not() {
        let california = boxes(-125.0, 32.0, -114.0, 42.0);
        let footprints: Vec<Footprint> = (0..1400).map(|n| tracks::swath(n, n % 14 + 1)).collect();
        let left = footprints.iter().filter(|footprint| may_meet(footprint, 0.0, &california)).count();
        assert!((10..100).contains(&left), "{left}");
        assert!(footprints.iter().all(|footprint| may_meet(footprint, 4.0, &california)));
        // What is at fault, or all round the globe, is left to the search.
        let ring = |exterior: Vec<LonLat>| Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }]);
        let parallel = (0..36).map(|i| [10.0 * f64::from(i), -20.0]).collect();
        for footprint in
            [ring(vec![[0.0, f64::NAN]; 4]), ring(vec![[0.0, 91.0]; 4]), ring(Vec::new()), ring(parallel)]
        {
            assert!(may_meet(&footprint, 0.0, &california), "{footprint:?}");
        }
    }

    proptest! {
        /// Cones hold every place of a swath, on the way and across; both kinds of them.
        #[test]
        fn cones_hold_what_they_are_around(
            revolution in 0..1387_u32, region in 1..=14_u32, places in prop::collection::vec(0.0..1.0_f64, 20)
        ) {
            let Footprint::Polygons(polygons) = tracks::swath(revolution, region) else { panic!("a polygon") };
            let ring = &polygons[0].exterior;
            let sides = &ring[..16];
            let cones = [
                around(ring, true), loosely_around(ring, true), around(sides, false), loosely_around(sides, false)
            ];
            prop_assert!(cones[0].is_some() && cones[2].is_some());
            for cone in cones.into_iter().flatten() {
                for at in &places {
                    let at = 15.0 * at;
                    let (i, t) = (at as usize, at.fract());
                    let [a, b] = [i, i + 1].map(|i| unit(sides[i][0], sides[i][1]));
                    let place = normalized(std::array::from_fn(|j| (1.0 - t) * a[j] + t * b[j]));
                    let distance = chord_to_angle(chord(cone.centre, place));
                    prop_assert!(distance <= cone.radius, "{distance} {cone:?}");
                }
            }
        }

        /// A box that holds a place of a ring, at its border or between it and its middle, is met.
        #[test]
        fn boxes_with_a_place_of_the_ring_are_met(
            lon in -180.0..180.0_f64, lat in -90.0..90.0_f64, size in 0.001..80.0_f64, corners in 3..12_u32,
            share in 0.0..=1.0_f64, along in 0.0..1.0_f64,
        ) {
            let (middle, axis) = (unit(lon, lat), if lat.abs() < 60.0 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] });
            let east = normalized(super::super::vector::cross(axis, middle));
            let north = super::super::vector::cross(middle, east);
            let corner = |i: u32| -> Vector {
                let (s, c) = (std::f64::consts::TAU * f64::from(i) / f64::from(corners)).sin_cos();
                let (sin, cos) = size.to_radians().sin_cos();
                std::array::from_fn(|j| cos * middle[j] + sin * (s * east[j] + c * north[j]))
            };
            let exterior: Vec<LonLat> = (0..corners).map(|i| position(corner(i))).collect();
            let at = along * f64::from(corners);
            let (a, b) = (corner(at as u32), corner(at as u32 + 1));
            let border = normalized(std::array::from_fn(|j| (1.0 - at.fract()) * a[j] + at.fract() * b[j]));
            let place = normalized(std::array::from_fn(|j| (1.0 - share) * middle[j] + share * border[j]));
            let [lon, lat] = position(place);
            let footprint = Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }]);
            let (south, north) = ((lat - 0.001).max(-90.0), (lat + 0.001).min(90.0));
            prop_assert!(may_meet(&footprint, 0.0, &boxes(lon - 0.001, south, lon + 0.001, north)));
        }
    }
}
