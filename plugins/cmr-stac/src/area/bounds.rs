//! Boxes around rings and lines whose edges are great circles.

use std::f64::consts::TAU;

use zagg_core::footprint::LonLat;
use zagg_core::sphere::{Vector, dot, normalized, unit};

use crate::geometry::{Edges, wrapped};

/// Rounding allowed for, degrees.
const SLACK: f64 = 1e-9;
/// Nearer to a pole than this, degrees, longitudes mean nothing.
const AT_POLE: f64 = 1e-6;

/// The places between two meridians and two parallels; degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// From -180 to 180.
    west: f64,
    /// Going east; 360 all round.
    width: f64,
    south: f64,
    north: f64,
}

impl Span {
    pub(super) fn new(west: f64, width: f64, south: f64, north: f64) -> Self {
        if width >= 360.0 {
            return Self { west: -180.0, width: 360.0, south, north };
        }
        Self { west, width, south, north }
    }

    /// As west, south, east, north.
    pub(super) fn edges(&self) -> Edges {
        let east = self.west + self.width;
        // A box that ends at the antimeridian does not cross it.
        let east = if east > 180.0 { east - 360.0 } else { east };
        [self.west, self.south, east, self.north]
    }

    /// The same, at least so wide and high.
    pub(super) fn at_least(&self, size: f64) -> Self {
        let mut span = *self;
        if span.width < size {
            span.west = wrapped(span.west - 0.5 * size);
            span.width += size;
        }
        if span.north - span.south < size {
            span.south = (span.south - 0.5 * size).max(-90.0);
            span.north = (span.north + 0.5 * size).min(90.0);
        }
        span
    }

    /// The narrowest one that contains all.
    pub(super) fn around(spans: &[Self]) -> Self {
        let south = spans.iter().map(|span| span.south).fold(90.0, f64::min);
        let north = spans.iter().map(|span| span.north).fold(-90.0, f64::max);
        let mut order: Vec<&Self> = spans.iter().collect();
        order.sort_by(|a, b| a.west.total_cmp(&b.west));
        // The widest gap that no span reaches into. Those that cross the antimeridian reach round to the first ones.
        let mut reach =
            spans.iter().map(|span| span.west + span.width).fold(f64::NEG_INFINITY, f64::max) - 360.0;
        let mut gap = (0.0, 0.0);
        for span in order {
            if span.west - reach > gap.0 {
                gap = (span.west - reach, span.west);
            }
            reach = reach.max(span.west + span.width);
        }
        if gap.0 <= 0.0 {
            return Self::new(-180.0, 360.0, south, north);
        }
        Self::new(gap.1, 360.0 - gap.0, south, north)
    }
}

/// The box around a line.
pub(super) fn of_line(line: &[LonLat]) -> Span {
    walk(line).0
}

/// The box around a closed ring that runs counter-clockwise.
pub(super) fn of_ring(ring: &[LonLat]) -> Span {
    let (mut span, turn) = walk(ring);
    if turn.abs() > 180.0 {
        // What lies to the left of a ring that runs eastwards is to its north.
        if turn > 0.0 {
            span.north = 90.0;
        } else {
            span.south = -90.0;
        }
        return Span::new(-180.0, 360.0, span.south, span.north);
    }
    span
}

/// The box around the edges, and by how many degrees they turn east.
fn walk(places: &[LonLat]) -> (Span, f64) {
    let [first, ..] = places else { return (Span::new(-180.0, 360.0, -90.0, 90.0), 0.0) };
    let (mut lon, mut west, mut east) = (first[0], first[0], first[0]);
    let (mut south, mut north) = (first[1], first[1]);
    let mut round = first[1].abs() > 90.0 - AT_POLE;
    for pair in places.windows(2) {
        let step = wrapped(pair[1][0] - pair[0][0]);
        // Such an edge passes over a pole, or so near that nobody can tell on which side.
        round |= step.abs() > 180.0 - AT_POLE || pair[1][1].abs() > 90.0 - AT_POLE;
        lon += step;
        (west, east) = (west.min(lon), east.max(lon));
        let (low, high) = latitudes(pair[0], pair[1]);
        (south, north) = (south.min(low), north.max(high));
    }
    let (south, north) = ((south - SLACK).max(-90.0), (north + SLACK).min(90.0));
    let width = if round { 360.0 } else { east - west + 2.0 * SLACK };
    (Span::new(wrapped(west - SLACK), width, south, north), lon - first[0])
}

/// Least and greatest latitude of the great circle between two places.
fn latitudes(from: LonLat, to: LonLat) -> (f64, f64) {
    let (mut low, mut high) = (from[1].min(to[1]), from[1].max(to[1]));
    let (a, b) = (unit(from[0], from[1]), unit(to[0], to[1]));
    let pole = normalized(cross(a, b));
    for up in [1.0, -1.0] {
        // Where the great circle comes nearest to the pole of the Earth.
        let z = [0.0, 0.0, up];
        let height = dot(z, pole);
        let top = normalized([z[0] - height * pole[0], z[1] - height * pole[1], z[2] - height * pole[2]]);
        if dot(cross(a, top), pole) > 0.0 && dot(cross(top, b), pole) > 0.0 {
            let lat = top[2].clamp(-1.0, 1.0).asin().to_degrees();
            (low, high) = (low.min(lat), high.max(lat));
        }
    }
    (low, high)
}

/// Steradians to the left of a closed ring, from -2π to 2π: negative when the smaller region is to its right.
pub(super) fn left_area(ring: &[LonLat]) -> f64 {
    let vertices: Vec<Vector> = ring.iter().map(|place| unit(place[0], place[1])).collect();
    let sum = vertices.iter().fold([0.0; 3], |sum, v| [sum[0] + v[0], sum[1] + v[1], sum[2] + v[2]]);
    let apex = match normalized(sum) {
        [0.0, 0.0, 0.0] => [0.0, 0.0, 1.0],
        apex => apex,
    };
    let triangle = |a: Vector, b: Vector| {
        2.0 * dot(apex, cross(a, b)).atan2(1.0 + dot(apex, a) + dot(a, b) + dot(b, apex))
    };
    let area: f64 = vertices.windows(2).map(|pair| triangle(pair[0], pair[1])).sum();
    let area = area.rem_euclid(2.0 * TAU);
    if area > TAU { area - 2.0 * TAU } else { area }
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
