//! Vectors and great-circle arcs.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::error::{Error, Result};
use crate::footprint::LonLat;

/// A place on the sphere, or a direction.
pub type Vector = [f64; 3];

/// The scalar product.
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn subtract(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// The unit vector of a direction; the null vector stays.
pub fn normalized(a: Vector) -> Vector {
    let length = dot(a, a).sqrt();
    if length > 0.0 { a.map(|x| x / length) } else { a }
}

/// The unit vector of a position in degrees.
pub fn unit(lon: f64, lat: f64) -> Vector {
    // Whole turns go first: they would cost digits in radians.
    let lon = if lon.abs() < 360.0 { lon } else { lon % 360.0 };
    let (sin_lon, cos_lon) = lon.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Length of the straight line between two places.
pub fn chord(a: Vector, b: Vector) -> f64 {
    let d = subtract(a, b);
    dot(d, d).sqrt()
}

/// Angle between two places in radians, from their chord.
pub fn chord_to_angle(chord: f64) -> f64 {
    2.0 * (0.5 * chord).min(1.0).asin()
}

/// The position in degrees of a place or direction, longitude from -180 to 180.
pub fn position([x, y, z]: Vector) -> LonLat {
    [y.atan2(x).to_degrees(), z.atan2((x * x + y * y).sqrt()).to_degrees()]
}

/// A distance in forms that are compared without trigonometry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Sine, 1 beyond a right angle.
    sin: f64,
    /// Square of the chord.
    chord2: f64,
}

impl Reach {
    /// Radians; less than nothing reaches nowhere.
    pub(super) fn new(angle: f64) -> Self {
        if angle < 0.0 {
            return Self { sin: -1.0, chord2: -1.0 };
        }
        // A place between the ends of an arc is never farther from it than a right angle.
        let sin = if angle < FRAC_PI_2 { angle.sin() } else { 2.0 };
        // A little more than any chord.
        let chord = if angle < PI { 2.0 * (0.5 * angle).sin() } else { 3.0 };
        Self { sin, chord2: chord * chord }
    }

    /// Whether two places are no farther apart.
    pub(super) fn joins(&self, a: Vector, b: Vector) -> bool {
        let d = subtract(a, b);
        dot(d, d) <= self.chord2
    }
}

/// The shorter great-circle arc between two places.
#[derive(Debug, Clone, Copy)]
pub struct Arc {
    pub(super) a: Vector,
    pub(super) b: Vector,
    /// Pole of the great circle: places to the left of the arc, seen from outside, are on its side.
    pole: Vector,
    /// Points along the arc from `a`.
    from_a: Vector,
    /// Points along the arc from `b`, backwards.
    from_b: Vector,
}

impl Arc {
    /// The arc between two positions in degrees, or none when they are the same place.
    ///
    /// # Errors
    /// When the positions are opposite each other, so that the arc could run anywhere.
    pub fn between(from: LonLat, to: LonLat) -> Result<Option<Self>> {
        let (a, b) = (unit(from[0], from[1]), unit(to[0], to[1]));
        if chord(a, b) == 0.0 {
            return Ok(None);
        }
        if chord(a, b.map(|x| -x)) < 1e-9 {
            return Err(Error::input(format!(
                "the edge of the footprint from ({}, {}) to ({}, {}) joins opposite places of the globe and could run \
                 anywhere; add a vertex between them",
                from[0], from[1], to[0], to[1]
            )));
        }
        Ok(Some(Self::new(a, b)))
    }

    /// The arc between two distinct places that are not opposite each other.
    pub fn new(a: Vector, b: Vector) -> Self {
        // Twice a × b, but exact for short arcs.
        let pole = normalized(cross(subtract(a, b), add(a, b)));
        Self { a, b, pole, from_a: cross(pole, a), from_b: cross(b, pole) }
    }

    /// The direction to the left of the arc, at a right angle to all of it.
    pub fn pole(&self) -> Vector {
        self.pole
    }

    /// The place some radians from the start of the arc, towards its end.
    pub fn along(&self, radians: f64) -> Vector {
        let (sin, cos) = radians.sin_cos();
        std::array::from_fn(|i| cos * self.a[i] + sin * self.from_a[i])
    }

    /// Whether the place lies to the left of the great circle; places on it count as left.
    pub fn left(&self, p: Vector) -> bool {
        dot(self.pole, p) >= 0.0
    }

    /// Distance of a place from the arc in radians.
    pub fn distance(&self, p: Vector) -> f64 {
        if dot(self.from_a, p) >= 0.0 && dot(self.from_b, p) >= 0.0 {
            dot(self.pole, p).abs().min(1.0).asin()
        } else {
            chord_to_angle(chord(p, self.a).min(chord(p, self.b)))
        }
    }

    /// Whether a place is no farther from the arc.
    pub(super) fn is_within(&self, p: Vector, reach: &Reach) -> bool {
        if dot(self.from_a, p) >= 0.0 && dot(self.from_b, p) >= 0.0 {
            dot(self.pole, p).abs() <= reach.sin
        } else {
            reach.joins(p, self.a) || reach.joins(p, self.b)
        }
    }

    /// How the winding number changes when one walks along `path` across this arc: +1 from its right to its left, -1 back,
    /// 0 without a crossing.
    ///
    /// The signs depend on one arc and one place each, so two arcs that share a vertex agree on it.
    pub fn crossed_by(&self, path: &Self) -> i32 {
        let (a, b) = (path.left(self.a), path.left(self.b));
        if a == b {
            return 0;
        }
        let (from, to) = (self.left(path.a), self.left(path.b));
        if from == to || b != from {
            return 0;
        }
        if to { 1 } else { -1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arc(from: LonLat, to: LonLat) -> Arc {
        Arc::between(from, to).unwrap().unwrap()
    }

    #[test]
    fn distances() {
        let equator = arc([0.0, 0.0], [90.0, 0.0]);
        for (place, degrees) in [
            ([45.0, 10.0], 10.0),
            ([45.0, -80.0], 80.0),
            ([-20.0, 0.0], 20.0),
            ([135.0, 0.0], 45.0),
            ([180.0, 0.0], 90.0),
        ] {
            let distance = equator.distance(unit(place[0], place[1])).to_degrees();
            assert!((distance - degrees).abs() < 1e-9, "{place:?}: {distance}");
        }
    }

    #[test]
    fn what_is_within_a_reach_is_no_farther() {
        let edge = arc([10.0, -20.0], [75.0, 40.0]);
        for i in 0..2000_u32 {
            let place = unit(137.507_764 * f64::from(i), (1.0 - f64::from(i) / 1000.0).asin().to_degrees());
            let distance = edge.distance(place);
            assert!(edge.is_within(place, &Reach::new(distance + 1e-9)), "{place:?}");
            assert!(!edge.is_within(place, &Reach::new(distance - 1e-9)), "{place:?}");
            let back = position(place);
            assert!(chord(unit(back[0], back[1]), place) < 1e-15);
        }
    }

    #[test]
    fn crossings_have_a_sign_and_need_both_arcs() {
        let equator = arc([0.0, 0.0], [90.0, 0.0]);
        assert_eq!(equator.crossed_by(&arc([40.0, -10.0], [50.0, 10.0])), 1);
        assert_eq!(equator.crossed_by(&arc([50.0, 10.0], [40.0, -10.0])), -1);
        assert_eq!(equator.crossed_by(&arc([100.0, -10.0], [110.0, 10.0])), 0);
        assert_eq!(equator.crossed_by(&arc([-140.0, -10.0], [-130.0, 10.0])), 0);
        assert_eq!(equator.crossed_by(&arc([40.0, 5.0], [50.0, 10.0])), 0);
    }

    #[test]
    fn opposite_places_are_refused_and_equal_ones_are_no_arc() {
        assert!(Arc::between([10.0, 20.0], [-170.0, -20.0]).unwrap_err().message().contains("add a vertex"));
        assert!(Arc::between([10.0, 20.0], [370.0, 20.0]).unwrap().is_none());
    }
}
