//! From the shapes of a catalog to one footprint.
//!
//! A granule may have several shapes of several kinds; all of them are its footprint. Boxes that continue each other are one
//! box: that is how catalogs tell one across the antimeridian.

use zagg_core::footprint::{Footprint, LonLat, Polygon};
use zagg_core::sphere::box_width;

/// Most vertices and shapes of one granule that are taken.
const MOST: usize = 200_000;
/// Degrees between the vertices of a parallel that becomes edges of a polygon.
const STEP: f64 = 1.0;
/// Widest polygon made of a box, degrees: it must stay the smaller of two regions.
const WIDEST: f64 = 60.0;

/// A box as catalogs have it: west, south, east, north in degrees.
pub(crate) type Edges = [f64; 4];

/// The shapes of one granule as they are found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shapes {
    pub(crate) polygons: Vec<Polygon>,
    pub(crate) boxes: Vec<Edges>,
    pub(crate) lines: Vec<Vec<LonLat>>,
    pub(crate) points: Vec<LonLat>,
}

impl Shapes {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.polygons.is_empty() && self.boxes.is_empty() && self.lines.is_empty() && self.points.is_empty()
    }

    /// All of them as one footprint.
    ///
    /// # Errors
    /// Says what is wrong with a shape.
    pub(crate) fn footprint(mut self) -> Result<Footprint, String> {
        self.check()?;
        self.boxes = joined(self.boxes)?;
        let mut parts: Vec<Footprint> = Vec::new();
        if !self.polygons.is_empty() {
            parts.push(Footprint::Polygons(self.polygons));
        }
        let of_box = |[west, south, east, north]: Edges| Footprint::Box { west, south, east, north };
        parts.extend(self.boxes.into_iter().map(of_box));
        if !self.lines.is_empty() {
            parts.push(Footprint::Lines(self.lines));
        }
        if !self.points.is_empty() {
            parts.push(Footprint::Points(self.points));
        }
        match parts.len() {
            0 => Err("it has no shape".into()),
            1 => Ok(parts.swap_remove(0)),
            _ => Ok(Footprint::Union(parts)),
        }
    }

    fn check(&mut self) -> Result<(), String> {
        let rings = self.polygons.iter_mut().flat_map(|polygon| {
            std::iter::once(&mut polygon.exterior).chain(polygon.holes.iter_mut()).map(|ring| (ring, 3))
        });
        let parts = rings.chain(self.lines.iter_mut().map(|line| (line, 2)));
        let mut vertices = self.points.len() + self.boxes.len();
        for (part, least) in parts {
            vertices += part.len();
            for vertex in part.iter_mut() {
                *vertex = position(*vertex)?;
            }
            let closed = least == 3 && part.len() > 1 && part.first() == part.last();
            let count = part.len() - usize::from(closed);
            if count < least {
                return Err(format!("a part has {count} vertices, it needs {least}"));
            }
        }
        for point in &mut self.points {
            *point = position(*point)?;
        }
        if vertices > MOST {
            return Err(format!("it has more than {MOST} vertices"));
        }
        Ok(())
    }
}

/// A position with its longitude from -180 to 180.
///
/// # Errors
/// When it is none.
pub(crate) fn position([lon, lat]: LonLat) -> Result<LonLat, String> {
    if !lon.is_finite() || !lat.is_finite() || lat.abs() > 90.0 || lon.abs() > 540.0 {
        return Err(format!("({lon}, {lat}) is no longitude and latitude"));
    }
    Ok([wrapped(lon), lat])
}

/// A longitude from -180 to 180, unchanged where it is that already.
pub(crate) fn wrapped(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// Checks boxes, and joins those that continue each other to the east: that is how a box across the antimeridian is told.
fn joined(boxes: Vec<Edges>) -> Result<Vec<Edges>, String> {
    let mut done: Vec<Edges> = Vec::new();
    for [west, south, east, north] in boxes {
        if [west, east].iter().any(|lon| lon.abs() > 540.0) {
            return Err(format!("{west} to {east} are no longitudes of a box"));
        }
        let width = box_width(west, south, east, north).map_err(|error| error.message().to_string())?;
        let next = if width >= 360.0 {
            [-180.0, south, 180.0, north]
        } else {
            [wrapped(west), south, wrapped(east), north]
        };
        let beside = |a: &Edges, b: &Edges| {
            let same = |x: f64, y: f64| x == y || (x - y).abs() == 360.0;
            (a[1], a[3]) == (b[1], b[3]) && same(a[2], b[0])
        };
        match done.iter_mut().find(|other| beside(other, &next) || beside(&next, other)) {
            Some(other) => {
                let [first, last] = if beside(other, &next) { [*other, next] } else { [next, *other] };
                let span = |edges: &Edges| box_width(edges[0], edges[1], edges[2], edges[3]).unwrap_or(360.0);
                let all = span(&first) + span(&last) >= 360.0;
                *other = if all { [-180.0, south, 180.0, north] } else { [first[0], south, last[2], north] };
            }
            None => done.push(next),
        }
    }
    Ok(done)
}

/// A box as polygons that contain it: parallels become great circles between close vertices, moved out by what those leave of
/// the parallel.
pub(crate) fn polygons_of_box([west, south, east, north]: Edges) -> Result<Vec<Polygon>, String> {
    let width = box_width(west, south, east, north).map_err(|error| error.message().to_string())?;
    let pieces = (width / WIDEST).ceil().max(1.0);
    let piece = width / pieces;
    let steps = (piece / STEP).ceil().max(1.0);
    // The chord of a parallel leaves it towards the pole: by hardly less than this in the middle, degrees.
    let sag = |lat: f64| {
        let half = 0.5 * piece / steps;
        let lat = lat.to_radians();
        (lat.tan().abs().atan2(half.to_radians().cos()) - lat.abs()).to_degrees().abs() * 1.01 + 1e-9
    };
    // Only an edge that the chord leaves into the box must be moved.
    let low = if south > 0.0 { (south - sag(south)).max(-90.0) } else { south };
    let high = if north < 0.0 { (north + sag(north)).min(90.0) } else { north };
    let polygons = (0..pieces as usize).map(|number| {
        let at = |step: f64| wrapped(west + piece * number as f64 + piece * step / steps);
        let along = |lat: f64| (0..=steps as usize).map(move |step| [at(step as f64), lat]);
        let exterior = along(low).chain(along(high).rev()).collect();
        Polygon { exterior, holes: Vec::new() }
    });
    Ok(polygons.collect())
}

#[cfg(test)]
mod tests;
