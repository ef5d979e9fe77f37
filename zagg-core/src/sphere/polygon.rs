//! Polygons with holes.
//!
//! Whether a place lies inside follows from the winding number of the ring around it, which changes only where one crosses an
//! edge. The search carries it from piece to piece and looks only at the edges near the larger piece, so the orientation of
//! rings, poles and the antimeridian need no special cases.

use std::f64::consts::{PI, TAU};

use super::line::LineRegion;
use super::vector::{Arc, Reach, Vector, cross, dot, normalized};
use super::{Cone, Region, Verdict, check_position};
use crate::error::{Error, Result};
use crate::footprint::{LonLat, Polygon};

/// Places that stand for "somewhere else"; the one farthest from all edges is the start of the walk.
const STARTS: usize = 24;

/// Cosine of the distance from their middle within which all vertices of a small ring lie.
const SMALL: f64 = 0.5;

/// A ring whose two sides differ less than this, in steradians, has no smaller side.
const TIE: f64 = 1e-9;

/// Rings whose great circles enclose less than this are not areas; about 40 square metres, in steradians.
const NO_AREA: f64 = 1e-12;

/// A closed ring.
#[derive(Debug)]
struct Ring {
    arcs: Vec<Arc>,
    /// Winding number, relative to the start of the walk, of places that the ring does not enclose.
    outside: i32,
    /// The same of places that it does enclose, for a ring that does not cross itself.
    inside: i32,
    /// Whether both sides are equally large.
    tie: bool,
    /// Area in steradians of the smaller side.
    area: f64,
}

/// The places inside a polygon and outside its holes, perhaps with all around them.
#[derive(Debug)]
pub struct PolygonRegion {
    /// The exterior first.
    rings: Vec<Ring>,
    start: Vector,
    widened: f64,
}

/// What a polygon turns out to be.
#[derive(Debug)]
pub enum Shape {
    /// A region.
    Region(PolygonRegion),
    /// The whole sphere: the exterior halves it exactly, so neither side is the smaller one.
    Everywhere,
    /// A single place: all vertices are the same.
    Place(LineRegion),
}

/// What is known about a piece of the sphere.
#[derive(Debug)]
pub struct PolygonState {
    /// Edges near the piece: ring and number.
    near: Vec<(u32, u32)>,
    /// A place in the piece.
    sample: Vector,
    /// Winding number of each ring at that place.
    windings: Vec<i32>,
}

impl PolygonRegion {
    /// Examines a polygon.
    ///
    /// # Errors
    /// Names what is wrong: too few vertices, a position that is none, opposite places side by side, or a ring that
    /// encloses nothing.
    pub fn shape(polygon: &Polygon) -> Result<Shape> {
        let mut outlines = vec![outline(&polygon.exterior, "a polygon")?];
        if outlines[0].is_empty() {
            return Ok(Shape::Place(LineRegion::new(&polygon.exterior)?));
        }
        for hole in &polygon.holes {
            outlines.push(outline(hole, "a hole")?);
        }
        let start = farthest_start(&outlines);
        let mut rings: Vec<Ring> = outlines.into_iter().map(|arcs| Ring::new(arcs, start)).collect();
        let exterior = &rings[0];
        if exterior.tie {
            return Ok(Shape::Everywhere);
        }
        if exterior.area < NO_AREA && planar_area(&polygon.exterior) > 1.0 {
            return Err(Error::input(format!(
                "a polygon of the footprint, from ({}, {}), encloses nothing: its edges are great circles, and they run \
                 back on themselves; put more vertices along parallels, or use a box",
                polygon.exterior[0][0], polygon.exterior[0][1]
            )));
        }
        // A hole without a smaller side is no hole that could be relied on.
        let mut number = 0;
        rings.retain(|ring| {
            number += 1;
            number == 1 || !ring.tie
        });
        Ok(Shape::Region(Self { rings, start, widened: 0.0 }))
    }

    /// The same with every place that is no farther away than these radians.
    #[must_use]
    pub fn widened(self, radians: f64) -> Self {
        Self { widened: radians, ..self }
    }

    fn contains(&self, windings: &[i32]) -> bool {
        self.rings
            .iter()
            .zip(windings)
            .enumerate()
            // Where a ring crosses itself, the exterior takes every lobe and a hole only the plain ones.
            .all(|(i, (ring, &w))| if i == 0 { w != ring.outside } else { w != ring.inside })
    }
}

impl Ring {
    fn new(arcs: Vec<Arc>, start: Vector) -> Self {
        // Area to the left of the ring, each place counted by its winding number relative to that of the start.
        let apex = start.map(|x| -x);
        let left: f64 = arcs.iter().map(|arc| triangle(apex, arc.a, arc.b)).sum();
        let sign = if left < 0.0 { -1 } else { 1 };
        let larger = left.abs() > TAU;
        Self {
            arcs,
            outside: if larger { sign } else { 0 },
            inside: if larger { 0 } else { sign },
            tie: (left.abs() - TAU).abs() < TIE,
            area: if larger { (2.0 * TAU - left.abs()).abs() } else { left.abs() },
        }
    }
}

/// The edges of a ring.
fn outline(ring: &[LonLat], what: &str) -> Result<Vec<Arc>> {
    for vertex in ring {
        check_position(*vertex)?;
    }
    let closed = ring.len() > 1 && ring.first() == ring.last();
    let vertices = ring.len() - usize::from(closed);
    if vertices < 3 {
        return Err(Error::input(format!(
            "{what} of the footprint has {vertices} vertices; it needs at least three"
        )));
    }
    let mut arcs = Vec::with_capacity(vertices);
    for (i, from) in ring[..vertices].iter().enumerate() {
        arcs.extend(Arc::between(*from, ring[(i + 1) % vertices])?);
    }
    Ok(arcs)
}

/// Signed area of a spherical triangle, positive when it runs anticlockwise.
fn triangle(a: Vector, b: Vector, c: Vector) -> f64 {
    2.0 * dot(a, cross(b, c)).atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// Area in square degrees that a ring would enclose on a map of longitude and latitude.
fn planar_area(ring: &[LonLat]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    0.5 * ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>().abs()
}

/// Places spread evenly over the sphere, at no round number of degrees.
fn starts() -> impl Iterator<Item = Vector> {
    (0..STARTS).map(|i| {
        let z = 1.0 - (2.0 * i as f64 + 1.013_7) / STARTS as f64;
        let lon = 2.399_963_229_728_653 * i as f64 + 0.317_53;
        let r = (1.0 - z * z).sqrt();
        [r * lon.cos(), r * lon.sin(), z]
    })
}

fn farthest_start(outlines: &[Vec<Arc>]) -> Vector {
    // Far from a small ring is far from its middle.
    let vertices = || outlines.iter().flatten().map(|arc| arc.a);
    let middle = normalized(vertices().fold([0.0; 3], |sum, a| std::array::from_fn(|i| sum[i] + a[i])));
    if vertices().all(|vertex| dot(middle, vertex) > SMALL) {
        let first =
            starts().map(|start| (dot(start, middle), start)).reduce(|a, b| if b.0 < a.0 { b } else { a });
        return first.map_or([0.0, 0.0, 1.0], |(_, start)| start);
    }
    let mut best = ([0.0, 0.0, 1.0], -1.0);
    for start in starts() {
        let distance = outlines.iter().flatten().map(|arc| arc.distance(start)).fold(PI, f64::min);
        if distance > best.1 {
            best = (start, distance);
        }
    }
    best.0
}

/// A way between two places along arcs that are well defined, round a corner between places almost opposite each other.
///
/// Only the start of the walk can be opposite a place, and there every edge is looked at, so the corner may lie anywhere.
fn paths(from: Vector, to: Vector) -> [Option<Arc>; 2] {
    if dot(from, to) > -0.99 {
        return [Some(Arc::new(from, to)), None];
    }
    // The axis that is farthest from the line through both places.
    let axis = if from[0].abs() < 0.6 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
    let corner = normalized(cross(from, axis));
    [Some(Arc::new(from, corner)), Some(Arc::new(corner, to))]
}

impl Region for PolygonRegion {
    type State = PolygonState;

    fn start(&self) -> PolygonState {
        let near = (0..)
            .zip(&self.rings)
            .flat_map(|(r, ring)| (0..).zip(&ring.arcs).map(move |(a, _)| (r, a)))
            .collect();
        PolygonState { near, sample: self.start, windings: vec![0; self.rings.len()] }
    }

    fn judge(&self, parent: &PolygonState, cone: &Cone) -> Verdict<PolygonState> {
        let arc = |&(ring, arc): &(u32, u32)| &self.rings[ring as usize].arcs[arc as usize];
        let paths = paths(parent.sample, cone.sample);
        let mut windings = parent.windings.clone();
        let mut near = Vec::new();
        let reach = Reach::new(cone.radius + self.widened);
        for key in &parent.near {
            for path in paths.iter().flatten() {
                windings[key.0 as usize] += arc(key).crossed_by(path);
            }
            if arc(key).is_within(cone.centre, &reach) {
                near.push(*key);
            }
        }
        if near.is_empty() {
            return if self.contains(&windings) { Verdict::Inside } else { Verdict::Outside };
        }
        let whole = Reach::new(self.widened - cone.radius);
        if self.widened > cone.radius && near.iter().any(|key| arc(key).is_within(cone.centre, &whole)) {
            return Verdict::Inside;
        }
        Verdict::Maybe(PolygonState { near, sample: cone.sample, windings })
    }

    fn holds(&self, state: &PolygonState) -> bool {
        self.contains(&state.windings)
    }

    /// The edges of the exterior are in the region.
    fn reaches(&self, state: &PolygonState, centre: Vector, radius: f64) -> bool {
        let reach = Reach::new(radius + self.widened);
        // Unlike those of holes, which may lie outside the exterior.
        let mut exterior = state.near.iter().filter(|key| key.0 == 0);
        radius > 0.0 && exterior.any(|key| self.rings[0].arcs[key.1 as usize].is_within(centre, &reach))
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit;
    use super::*;

    fn region(exterior: &[LonLat]) -> PolygonRegion {
        match PolygonRegion::shape(&Polygon { exterior: exterior.to_vec(), holes: Vec::new() }).unwrap() {
            Shape::Region(region) => region,
            _ => panic!("no region"),
        }
    }

    #[test]
    fn the_smaller_side_is_meant_whatever_the_direction() {
        let mut octant = vec![[0.0, 0.0], [90.0, 0.0], [0.0, 90.0]];
        for _ in 0..2 {
            assert!((region(&octant).rings[0].area - PI / 2.0).abs() < 1e-12);
            octant.reverse();
        }
    }

    #[test]
    fn a_ring_along_a_great_circle_has_no_smaller_side() {
        let equator = [[0.0, 0.0], [90.0, 0.0], [180.0, 0.0], [-90.0, 0.0]];
        let polygon = Polygon { exterior: equator.to_vec(), holes: Vec::new() };
        assert!(matches!(PolygonRegion::shape(&polygon).unwrap(), Shape::Everywhere));
    }

    #[test]
    fn rings_that_run_back_on_themselves_are_refused() {
        let ring = vec![[-180.0, -60.0], [180.0, -60.0], [180.0, -90.0], [-180.0, -90.0]];
        let error = PolygonRegion::shape(&Polygon { exterior: ring, holes: Vec::new() }).err().unwrap();
        assert!(error.message().contains("use a box"), "{error}");
    }

    /// The way to a place may pass the other side of the globe; the winding number is the same.
    #[test]
    fn places_opposite_the_start_are_judged_like_others() {
        let region = region(&[[10.0, 10.0], [30.0, 10.0], [20.0, 35.0]]);
        let judge = |sample: Vector| {
            let cone = Cone { centre: sample, lon_lat: (0.0, 0.0), radius: 1e-9, sample };
            let mut state = region.start();
            state.sample = sample.map(|x| -x);
            let before = matches!(region.judge(&region.start(), &cone), Verdict::Inside);
            // The start itself lies outside, and so does every place opposite the two asked about.
            (before, matches!(region.judge(&state, &cone), Verdict::Inside))
        };
        assert_eq!(judge(unit(20.0, 15.0)), (true, true));
        assert_eq!(judge(unit(20.0, 45.0)), (false, false));
    }
}
