//! Lines that the user gives, such as a coast: GeoJSON, RFC 7946.

use serde_json::Value;
use zagg_core::{Error, Result};

use crate::graticule::Line;
use crate::view::View;

/// Most points of all lines.
const MAX_POINTS: usize = 20_000_000;

/// Deepest collection in a collection.
const MAX_DEPTH: u32 = 16;

/// Degrees between two points that are drawn; longer edges get points in between.
const EDGE: f64 = 1.0;

/// Lines in longitude and latitude, degrees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coastline(Vec<Vec<(f64, f64)>>);

impl Coastline {
    /// Reads lines and borders of polygons; points are left out.
    ///
    /// # Errors
    /// When the bytes are no GeoJSON, or have no line.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Error::input(format!("it is no GeoJSON: {error}")))?;
        let mut lines = Self::default();
        let mut points = 0;
        lines.add(&value, MAX_DEPTH, &mut points)?;
        if lines.0.is_empty() {
            return Err(Error::input("it has no lines and no polygons"));
        }
        Ok(lines)
    }

    fn add(&mut self, value: &Value, depth: u32, points: &mut usize) -> Result<()> {
        let bad = |what: &str| Error::input(format!("it is no GeoJSON: {what}"));
        if depth == 0 {
            return Err(bad("collections are nested too deeply"));
        }
        let list = |key: &str| value[key].as_array().ok_or_else(|| bad(&format!("{key} is no list")));
        match value["type"].as_str() {
            Some("FeatureCollection") => {
                list("features")?.iter().try_for_each(|one| self.add(one, depth - 1, points))
            }
            Some("GeometryCollection") => {
                list("geometries")?.iter().try_for_each(|one| self.add(one, depth - 1, points))
            }
            Some("Feature") if value["geometry"].is_null() => Ok(()),
            Some("Feature") => self.add(&value["geometry"], depth - 1, points),
            Some("LineString") => self.line(&value["coordinates"], points),
            Some("MultiLineString" | "Polygon") => {
                list("coordinates")?.iter().try_for_each(|one| self.line(one, points))
            }
            Some("MultiPolygon") => list("coordinates")?.iter().try_for_each(|polygon| {
                let rings = polygon.as_array().ok_or_else(|| bad("a polygon is no list"))?;
                rings.iter().try_for_each(|one| self.line(one, points))
            }),
            Some("Point" | "MultiPoint") => Ok(()),
            Some(other) => {
                Err(bad(&format!("the type {:?} is not known", other.chars().take(40).collect::<String>())))
            }
            None => Err(bad("the type is missing")),
        }
    }

    fn line(&mut self, value: &Value, points: &mut usize) -> Result<()> {
        let bad =
            || Error::input("it is no GeoJSON: a position is no pair of longitude and latitude in degrees");
        let positions = value.as_array().ok_or_else(bad)?;
        *points += positions.len();
        if *points > MAX_POINTS {
            return Err(Error::unsupported(format!(
                "it has more than {MAX_POINTS} positions; give simpler lines"
            )));
        }
        let position = |one: &Value| -> Option<(f64, f64)> {
            let (lon, lat) = (one[0].as_f64()?, one[1].as_f64()?);
            (lon.abs() <= 540.0 && lat.abs() <= 90.0).then_some((lon, lat))
        };
        let line = positions.iter().map(|one| position(one).ok_or_else(bad)).collect::<Result<Vec<_>>>()?;
        if line.len() > 1 {
            self.0.push(line);
        }
        Ok(())
    }

    /// The lines of a view in pixels from its upper left corner.
    pub(crate) fn lines(&self, view: &View) -> Vec<Line> {
        let mut lines = Vec::new();
        let world = 360.0 / view.pixel;
        let far = if view.crs.is_geographic() { world / 2.0 } else { f64::from(view.width.max(view.height)) };
        // A map in degrees may show places beyond the antimeridian.
        let shifts: &[f64] = if view.crs.is_geographic() { &[-1.0, 0.0, 1.0] } else { &[0.0] };
        for line in &self.0 {
            let dense = densified(line);
            let (lon, lat): (Vec<f64>, Vec<f64>) = dense.into_iter().unzip();
            let (mut x, mut y) = (vec![0.0; lon.len()], vec![0.0; lon.len()]);
            view.crs.forward(&lon, &lat, &mut x, &mut y);
            let points: Line = x.into_iter().zip(y).map(|(x, y)| view.pixels(x, y)).collect();
            for piece in points.chunk_by(|a, b| (a.0 - b.0).hypot(a.1 - b.1) < far) {
                for shift in shifts {
                    let moved: Line = piece.iter().map(|(x, y)| (x + shift * world, *y)).collect();
                    let (w, h) = (f64::from(view.width), f64::from(view.height));
                    let near = |(x, y): &(f64, f64)| (-w..2.0 * w).contains(x) && (-h..2.0 * h).contains(y);
                    if moved.len() > 1 && moved.iter().any(near) {
                        lines.push(moved);
                    }
                }
            }
        }
        lines
    }
}

/// The same line with no edge longer than [`EDGE`], straight in longitude and latitude as the format has it.
fn densified(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut dense: Vec<(f64, f64)> = line.first().copied().into_iter().collect();
    for pair in line.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = (dx.abs().max(dy.abs()) / EDGE).ceil().clamp(1.0, 1080.0) as u32;
        dense.extend((1..=steps).map(|at| {
            let share = f64::from(at) / f64::from(steps);
            (from.0 + dx * share, from.1 + dy * share)
        }));
    }
    dense
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::view::Extent;
    use zagg_crs::Crs;

    #[test]
    fn lines_of_all_kinds_are_drawn() {
        let square = json!([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]);
        let all = json!({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [square]}},
            {"type": "Feature", "geometry": null},
            {"type": "GeometryCollection", "geometries": [
                {"type": "MultiPolygon", "coordinates": [[square], [square, square]]},
                {"type": "LineString", "coordinates": [[1, 2, 300], [3, 4]]},
                {"type": "Point", "coordinates": [1, 2]},
            ]},
        ]});
        let coast = Coastline::parse(all.to_string().as_bytes()).unwrap();
        assert_eq!(coast.0.len(), 5);
        let view = View::new(
            Crs::lon_lat().unwrap(),
            Extent { left: 0.0, bottom: 0.0, right: 20.0, top: 20.0 },
            200,
        )
        .unwrap();
        let lines = coast.lines(&view);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0][0], (0.0, 200.0));
        assert_eq!(lines[0].len(), 41);
    }

    #[test]
    fn what_is_no_line_is_refused() {
        let deep = (0..50).fold(
            json!({"type": "Point"}),
            |inner, _| json!({"type": "GeometryCollection", "geometries": [inner]}),
        );
        for bad in [
            json!({}),
            json!([]),
            json!({"type": "Polygon"}),
            json!({"type": "Circle"}),
            json!({"type": "LineString", "coordinates": [[1], [2, 3]]}),
            json!({"type": "LineString", "coordinates": [[1, 91], [2, 3]]}),
            json!({"type": "Point", "coordinates": [1, 2]}),
            deep,
        ] {
            assert!(Coastline::parse(bad.to_string().as_bytes()).is_err(), "{bad}");
        }
        assert!(Coastline::parse(b"{").is_err());
    }
}
