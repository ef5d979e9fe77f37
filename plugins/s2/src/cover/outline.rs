//! Lines and polygons: regions whose borders are great circles.
//!
//! Whether a place lies in a polygon follows from the winding numbers of its rings around the place, which change only
//! where one walks across an edge. The search carries them from cell to cell and looks only at the edges that meet the
//! larger cell. Orientation of rings, poles and the antimeridian are no special cases.

use std::f64::consts::TAU;

use s2::cell::Cell;
use s2::r3::vector::Vector;
use zagg_core::footprint::{LonLat, Polygon};
use zagg_core::{Error, Result};

use super::{Region, Verdict, check_position};
use crate::grid::place;

/// Rounding of places allowed for, in radians.
const MARGIN: f64 = 1e-13;

/// A ring whose two sides differ less than this, in steradians, has no smaller side.
const TIE: f64 = 1e-9;

/// Rings that enclose less than this are not areas; about 40 square metres, in steradians.
const NO_AREA: f64 = 1e-12;

/// Where the walk begins: a place that no border drawn by people passes through, and not opposite to where it leads next.
const START: Vector = Vector { x: 0.3719120730693015, y: -0.282737119300882, z: 0.8841612586370956 };

/// The shorter great circle between two different places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    a: Vector,
    b: Vector,
    /// Unit normal; places to the left, seen from outside, are on its side.
    pole: Vector,
}

impl Edge {
    fn new(a: Vector, b: Vector) -> Self {
        // Twice a × b, but exact for short edges.
        Self { a, b, pole: (a - b).cross(&(a + b)).normalize() }
    }

    fn left(&self, p: &Vector) -> bool {
        self.pole.dot(p) >= 0.0
    }

    /// Whether some place of the edge lies in the cell or nearly.
    ///
    /// The cell and the edge are convex, so where they are apart, a great circle separates them; and if any does, then that
    /// of the edge or one along a side of the cell does.
    fn meets(&self, cell: &Cell) -> bool {
        let beyond = |side: usize| {
            let inwards = cell.edge(side).0;
            inwards.dot(&self.a) < -MARGIN && inwards.dot(&self.b) < -MARGIN
        };
        let corners = cell.vertices().map(|corner| self.pole.dot(&corner.0));
        let one_side = corners.iter().all(|d| *d > MARGIN) || corners.iter().all(|d| *d < -MARGIN);
        !one_side && !(0..4).any(beyond)
    }

    /// How a winding number changes when one walks along `path` across this edge: +1 from its right to its left, -1 back, 0
    /// without a crossing.
    fn crossed_by(&self, path: &Self) -> i32 {
        // Each sign depends on one edge and one place, so edges that share a vertex agree on it.
        let (a, b) = (path.left(&self.a), path.left(&self.b));
        let (from, to) = (self.left(&path.a), self.left(&path.b));
        if a == b || from == to || b != from {
            return 0;
        }
        if to { 1 } else { -1 }
    }
}

/// The edges between consecutive vertices; places that repeat have none between them.
pub(super) fn edges(vertices: &[LonLat]) -> Result<Vec<Edge>> {
    vertices.iter().try_for_each(|vertex| check_position(*vertex))?;
    let mut edges = Vec::with_capacity(vertices.len());
    for pair in vertices.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let (a, b) = (place(from[0], from[1]).0, place(to[0], to[1]).0);
        if (a + b).norm() < 1e-9 {
            return Err(Error::input(format!(
                "the edge of the footprint from ({}, {}) to ({}, {}) joins opposite places of the globe and could run \
                 anywhere; add a vertex between them",
                from[0], from[1], to[0], to[1]
            )));
        }
        if a != b {
            edges.push(Edge::new(a, b));
        }
    }
    Ok(edges)
}

/// The places on a line.
pub(super) struct Edges(pub(super) Vec<Edge>);

impl Region for Edges {
    /// The edges that meet the cell.
    type State = Vec<u32>;

    fn start(&self) -> Vec<u32> {
        (0..).zip(&self.0).map(|(number, _)| number).collect()
    }

    fn judge(&self, parent: &Vec<u32>, cell: &Cell) -> Verdict<Vec<u32>> {
        let meets = |number: &u32| self.0[*number as usize].meets(cell);
        let near: Vec<u32> = parent.iter().copied().filter(meets).collect();
        if near.is_empty() { Verdict::Outside } else { Verdict::Border(near) }
    }
}

/// A closed ring of a polygon.
struct Ring {
    /// Winding number, relative to [`START`], of places that the ring does not enclose.
    outside: i32,
    /// The same of places that it does enclose, if it does not cross itself.
    inside: i32,
    /// Whether both sides are equally large.
    tie: bool,
    /// Area in steradians of the smaller side.
    area: f64,
}

/// The places inside a polygon and outside its holes.
pub(super) struct PolygonRegion {
    /// The exterior first.
    rings: Vec<Ring>,
    /// Edges with the number of their ring.
    edges: Vec<(usize, Edge)>,
}

/// What a polygon turns out to be.
pub(super) enum Shape {
    /// A region.
    Region(PolygonRegion),
    /// The whole sphere: the exterior halves it exactly, so neither side is the smaller one.
    Everywhere,
    /// A single place: all vertices are the same.
    Place(LonLat),
}

/// What is known about a cell.
pub(super) struct State {
    /// Edges that meet the cell.
    near: Vec<u32>,
    /// A place in the cell.
    sample: Vector,
    /// Winding number of each ring at that place.
    windings: Vec<i32>,
}

impl PolygonRegion {
    /// Examines a polygon.
    pub(super) fn shape(polygon: &Polygon) -> Result<Shape> {
        let mut region = Self { rings: Vec::new(), edges: Vec::new() };
        let outline = closed(&polygon.exterior, "a polygon")?;
        if outline.is_empty() {
            return Ok(Shape::Place(polygon.exterior[0]));
        }
        let exterior = Ring::new(&outline);
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
        region.add(exterior, outline);
        for hole in &polygon.holes {
            let outline = closed(hole, "a hole")?;
            let ring = Ring::new(&outline);
            // A hole without a smaller side is no hole that could be relied on.
            if !ring.tie {
                region.add(ring, outline);
            }
        }
        Ok(Shape::Region(region))
    }

    fn add(&mut self, ring: Ring, outline: Vec<Edge>) {
        let number = self.rings.len();
        self.rings.push(ring);
        self.edges.extend(outline.into_iter().map(|edge| (number, edge)));
    }

    fn contains(&self, windings: &[i32]) -> bool {
        // Where a ring crosses itself, the exterior takes every lobe and a hole only the plain ones.
        let keeps = |(number, (ring, &winding)): (usize, (&Ring, &i32))| {
            if number == 0 { winding != ring.outside } else { winding != ring.inside }
        };
        self.rings.iter().zip(windings).enumerate().all(keeps)
    }
}

impl Ring {
    fn new(outline: &[Edge]) -> Self {
        // Area to the left of the ring, each place counted by its winding number relative to that of the start.
        let apex = START * -1.0;
        let left: f64 = outline.iter().map(|edge| triangle(&apex, &edge.a, &edge.b)).sum();
        let sign = if left < 0.0 { -1 } else { 1 };
        let larger = left.abs() > TAU;
        Self {
            outside: if larger { sign } else { 0 },
            inside: if larger { 0 } else { sign },
            tie: (left.abs() - TAU).abs() < TIE,
            area: if larger { (2.0 * TAU - left.abs()).abs() } else { left.abs() },
        }
    }
}

/// The edges of a ring.
fn closed(ring: &[LonLat], what: &str) -> Result<Vec<Edge>> {
    let repeats = ring.len() > 1 && ring.first() == ring.last();
    let vertices = ring.len() - usize::from(repeats);
    if vertices < 3 {
        return Err(Error::input(format!(
            "{what} of the footprint has {vertices} vertices; it needs at least three"
        )));
    }
    let mut around = ring[..vertices].to_vec();
    around.push(ring[0]);
    edges(&around)
}

/// Signed area of a spherical triangle, positive when it runs anticlockwise.
fn triangle(a: &Vector, b: &Vector, c: &Vector) -> f64 {
    2.0 * a.dot(&b.cross(c)).atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}

/// Area in square degrees that a ring would enclose on a map of longitude and latitude.
fn planar_area(ring: &[LonLat]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    0.5 * ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>().abs()
}

/// A place in the cell that no border drawn by people passes through.
fn sample(cell: &Cell) -> Vector {
    let [a, b, c, _] = cell.vertices();
    (cell.center().0 * 0.537_17 + a.0 * 0.083_91 + b.0 * 0.231_83 + c.0 * 0.147_09).normalize()
}

impl Region for PolygonRegion {
    type State = State;

    fn start(&self) -> State {
        let near = (0..).zip(&self.edges).map(|(number, _)| number).collect();
        State { near, sample: START, windings: vec![0; self.rings.len()] }
    }

    fn judge(&self, parent: &State, cell: &Cell) -> Verdict<State> {
        let sample = sample(cell);
        let path = Edge::new(parent.sample, sample);
        let mut windings = parent.windings.clone();
        let mut near = Vec::new();
        for &number in &parent.near {
            let (ring, edge) = &self.edges[number as usize];
            windings[*ring] += edge.crossed_by(&path);
            if edge.meets(cell) {
                near.push(number);
            }
        }
        if !near.is_empty() {
            return Verdict::Border(State { near, sample, windings });
        }
        if self.contains(&windings) { Verdict::Inside } else { Verdict::Outside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{FACES, id_of};
    use s2::cellid::CellID;

    fn edge(from: LonLat, to: LonLat) -> Edge {
        edges(&[from, to]).unwrap()[0]
    }

    #[test]
    fn crossings_have_a_sign_and_need_both_edges() {
        let equator = edge([0.0, 0.0], [90.0, 0.0]);
        for (from, to, expected) in [
            ([40.0, -10.0], [50.0, 10.0], 1),
            ([50.0, 10.0], [40.0, -10.0], -1),
            ([100.0, -10.0], [110.0, 10.0], 0),
            ([-140.0, -10.0], [-130.0, 10.0], 0),
            ([40.0, 5.0], [50.0, 10.0], 0),
        ] {
            assert_eq!(equator.crossed_by(&edge(from, to)), expected, "{from:?}");
        }
    }

    #[test]
    fn an_edge_meets_the_cells_it_passes_and_no_others() {
        let face = |number: u64| Cell::from(CellID(id_of(number, 0)));
        // From the middle of face 0 to the middle of face 1, a little off the equator.
        let track = edge([0.0, 1.0], [90.0, 1.0]);
        let met: Vec<u64> = (0..FACES).filter(|number| track.meets(&face(*number))).collect();
        assert_eq!(met, [0, 1]);
        // Its great circle passes faces 3 and 4, but it does not; and it ends before face 1.
        let short = edge([0.0, 1.0], [44.9, 1.0]);
        let met: Vec<u64> = (0..FACES).filter(|number| short.meets(&face(*number))).collect();
        assert_eq!(met, [0]);
    }

    #[test]
    fn the_smaller_side_is_meant_whatever_the_direction() {
        let mut octant = vec![[0.0, 0.0], [90.0, 0.0], [0.0, 90.0]];
        for _ in 0..2 {
            let ring = Ring::new(&closed(&octant, "a polygon").unwrap());
            assert!((ring.area - TAU / 4.0).abs() < 1e-12);
            octant.reverse();
        }
    }

    #[test]
    fn the_walk_begins_at_no_place_opposite_to_a_face() {
        assert!((START.norm() - 1.0).abs() < 1e-15);
        for face in 0..FACES {
            assert!(START.dot(&sample(&Cell::from(CellID(id_of(face, 0))))) > -0.98);
        }
    }
}
