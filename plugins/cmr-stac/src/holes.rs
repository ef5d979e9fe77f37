//! Holes of the area, which CMR does not know: granules that lie in one entirely are dropped here.
//!
//! A granule is dropped only when that is certain: its whole outline lies inside the hole, and nothing of the area does. What
//! is kept for lack of certainty costs nothing but time: shards are decided later.

use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::sphere::{
    Cone, PolygonRegion, PolygonState, Region, Shape, Vector, Verdict, chord, chord_to_angle, dot,
    normalized, unit,
};

use crate::geometry::polygons_of_box;

/// Holes with more vertices are not looked at.
const MOST_VERTICES: usize = 5000;
/// Pieces of an outline that are looked at before a granule is kept.
const MOST_PIECES: usize = 4000;
/// Shorter pieces are not halved any more, radians; some 60 metres.
const SHORTEST: f64 = 1e-5;

/// The holes of an area.
#[derive(Debug, Default)]
pub(crate) struct Holes(Vec<PolygonRegion>);

impl Holes {
    /// The holes of an area that hold nothing of it.
    pub(crate) fn of(area: Option<&Footprint>) -> Self {
        let mut polygons: Vec<&Polygon> = Vec::new();
        for part in area.map(Footprint::parts).unwrap_or_default() {
            // Anything else may lie in a hole, too.
            let Footprint::Polygons(more) = part else { return Self::default() };
            polygons.extend(more);
        }
        let mut holes = Vec::new();
        for (number, polygon) in polygons.iter().enumerate() {
            let near = polygon.holes.iter().filter(|hole| hole.len() <= MOST_VERTICES);
            for hole in near {
                let shape = PolygonRegion::shape(&Polygon { exterior: hole.clone(), holes: Vec::new() });
                let Ok(Shape::Region(region)) = shape else { continue };
                let mut others = polygons.iter().enumerate().filter(|(other, _)| *other != number);
                if others.all(|(_, other)| is_apart(&region, hole, &other.exterior)) {
                    holes.push(region);
                }
            }
        }
        Self(holes)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a footprint certainly lies in a hole entirely.
    pub(crate) fn swallow(&self, footprint: &Footprint) -> bool {
        if self.is_empty() {
            return false;
        }
        footprint.parts().into_iter().all(|part| self.swallow_part(part))
    }

    fn swallow_part(&self, part: &Footprint) -> bool {
        let outlines: Vec<Vec<Vector>> = match part {
            Footprint::Polygons(polygons) => {
                polygons.iter().map(|polygon| outline(&polygon.exterior)).collect()
            }
            Footprint::Lines(lines) => lines.iter().map(|line| places(line)).collect(),
            Footprint::Points(points) => points.iter().map(|point| vec![unit(point[0], point[1])]).collect(),
            Footprint::Box { west, south, east, north } => {
                match polygons_of_box([*west, *south, *east, *north]) {
                    Ok(polygons) => polygons.iter().map(|polygon| outline(&polygon.exterior)).collect(),
                    Err(_) => return false,
                }
            }
            _ => return false,
        };
        let in_one = |hole: &PolygonRegion| {
            let mut left = MOST_PIECES;
            outlines.iter().all(|outline| Walk { hole, inside: true, left: &mut left }.all(outline))
        };
        !outlines.is_empty() && self.0.iter().any(in_one)
    }
}

/// Whether a hole and what another ring encloses certainly have no place in common.
fn is_apart(hole: &PolygonRegion, ring: &[LonLat], other: &[LonLat]) -> bool {
    let mut left = MOST_PIECES;
    let region = PolygonRegion::shape(&Polygon { exterior: other.to_vec(), holes: Vec::new() });
    let (Ok(Shape::Region(region)), Some(place)) = (region, ring.first()) else { return false };
    let around = region.judge(&region.start(), &cone(unit(place[0], place[1]), 1e-9));
    matches!(around, Verdict::Outside) && Walk { hole, inside: false, left: &mut left }.all(&outline(other))
}

fn places(line: &[LonLat]) -> Vec<Vector> {
    line.iter().map(|place| unit(place[0], place[1])).collect()
}

fn outline(ring: &[LonLat]) -> Vec<Vector> {
    let mut outline = places(ring);
    outline.extend(outline.first().copied());
    outline
}

/// A walk along an outline that asks of every piece whether it lies inside a hole, or outside.
struct Walk<'a> {
    hole: &'a PolygonRegion,
    inside: bool,
    /// Pieces that may still be looked at.
    left: &'a mut usize,
}

impl Walk<'_> {
    fn all(&mut self, outline: &[Vector]) -> bool {
        let start = self.hole.start();
        match outline {
            [] => true,
            [only] => self.piece(&start, *only, *only),
            _ => outline.windows(2).all(|pair| self.piece(&start, pair[0], pair[1])),
        }
    }

    fn piece(&mut self, parent: &PolygonState, a: Vector, b: Vector) -> bool {
        if *self.left == 0 {
            return false;
        }
        *self.left -= 1;
        let middle = normalized([a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        let length = angle(a, middle) + angle(middle, b);
        if !length.is_finite() || dot(middle, middle) < 0.5 {
            return false;
        }
        match self.hole.judge(parent, &cone(middle, 0.5 * length + 1e-12)) {
            Verdict::Inside => self.inside,
            Verdict::Outside => !self.inside,
            Verdict::Maybe(_) if length < SHORTEST => false,
            Verdict::Maybe(state) => self.piece(&state, a, middle) && self.piece(&state, middle, b),
        }
    }
}

fn angle(a: Vector, b: Vector) -> f64 {
    chord_to_angle(chord(a, b))
}

fn cone(centre: Vector, radius: f64) -> Cone {
    let lon_lat = (centre[1].atan2(centre[0]).to_degrees(), centre[2].clamp(-1.0, 1.0).asin().to_degrees());
    // A little beside the outline, which may run along a border.
    let aside = 0.3 * radius.min(0.1);
    let sample = normalized([centre[0] + 0.53 * aside, centre[1] - 0.61 * aside, centre[2] + 0.59 * aside]);
    Cone { centre, lon_lat, radius, sample }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(west: f64, south: f64, size: f64) -> Vec<LonLat> {
        vec![[west, south], [west + size, south], [west + size, south + size], [west, south + size]]
    }

    fn polygon(exterior: Vec<LonLat>, holes: Vec<Vec<LonLat>>) -> Polygon {
        Polygon { exterior, holes }
    }

    fn only(exterior: Vec<LonLat>) -> Footprint {
        Footprint::Polygons(vec![polygon(exterior, Vec::new())])
    }

    #[test]
    fn only_what_lies_in_a_hole_entirely_is_dropped() {
        let lake = polygon(ring(175.0, 0.0, 10.0), vec![ring(177.0, 2.0, 6.0)]);
        let holes = Holes::of(Some(&Footprint::Polygons(vec![lake.clone()])));
        let dropped = [
            only(ring(178.0, 3.0, 4.0)),
            only(ring(-179.0, 4.0, 1.0)),
            Footprint::Points(vec![[180.0, 5.0], [-179.5, 5.0]]),
            Footprint::Lines(vec![vec![[178.0, 3.0], [-178.0, 6.0]]]),
            Footprint::Box { west: 179.0, south: 3.0, east: -179.0, north: 7.0 },
        ];
        for footprint in &dropped {
            assert!(holes.swallow(footprint), "{footprint:?}");
        }
        for kept in [
            only(ring(176.5, 3.0, 4.0)),
            only(ring(175.0, 0.0, 10.0)),
            only(ring(170.0, -9.0, 30.0)),
            only(ring(177.0, 2.0, 6.0)),
            Footprint::Points(vec![[180.0, 5.0], [176.0, 5.0]]),
            Footprint::Points(vec![[0.0, 5.0]]),
            Footprint::Lines(vec![vec![[178.0, 3.0], [178.0, -40.0]]]),
            Footprint::Box { west: -179.0, south: 3.0, east: 179.0, north: 7.0 },
            Footprint::Shards(vec![1]),
        ] {
            assert!(!holes.swallow(&kept), "{kept:?}");
        }
        // An island in the lake belongs to the area.
        let island = polygon(ring(179.0, 4.0, 1.0), Vec::new());
        assert!(Holes::of(Some(&Footprint::Polygons(vec![lake.clone(), island]))).is_empty());
        let around = polygon(ring(170.0, -5.0, 20.0), Vec::new());
        assert!(Holes::of(Some(&Footprint::Polygons(vec![lake.clone(), around]))).is_empty());
        let apart = polygon(ring(10.0, 4.0, 1.0), Vec::new());
        assert!(!Holes::of(Some(&Footprint::Polygons(vec![lake, apart]))).is_empty());
        assert!(Holes::of(Some(&only(ring(0.0, 0.0, 1.0)))).is_empty());
    }

    proptest! {
        #[test]
        fn a_granule_with_a_place_outside_the_hole_is_kept(
            lon in -20.0..20.0f64, lat in -20.0..20.0f64, size in 0.01..20.0f64,
        ) {
            let area = polygon(ring(-20.0, -20.0, 40.0), vec![ring(-10.0, -10.0, 20.0)]);
            let holes = Holes::of(Some(&Footprint::Polygons(vec![area])));
            let granule = ring(lon, lat, size);
            // Great circles between corners at most 20 degrees apart leave parallels by less than this.
            let inner = |x: f64| x.abs() < 9.4;
            let outer = |x: f64| x.abs() > 10.6;
            let swallowed = holes.swallow(&only(granule.clone()));
            if granule.iter().all(|[lon, lat]| inner(*lon) && inner(*lat)) {
                prop_assert!(swallowed);
            }
            if granule.iter().any(|[lon, lat]| outer(*lon) || outer(*lat)) {
                prop_assert!(!swallowed);
            }
        }
    }
}
