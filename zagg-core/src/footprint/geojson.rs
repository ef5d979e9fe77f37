//! Areas in GeoJSON (RFC 7946).
//!
//! Read with what reads the rest of our JSON: the crate `geojson` would add itself and four others, keeps every property, and does
//! not tell which feature is at fault.
//!
//! Unlike in the RFC, edges are great circles, as those of all footprints; and of the two sides of a ring the smaller one is
//! meant, whatever its direction.

mod document;

use serde_json::Value;

use self::document::{Coordinates, Crs, Object};
use super::{Footprint, LonLat, Polygon};
use crate::error::{Error, Result};

/// Reads the geometry of a GeoJSON document; `name` is the file, for messages.
///
/// A `FeatureCollection`, a `Feature` or a bare geometry, with any of the seven kinds. Positions may have altitudes, which are
/// left out; longitudes may be up to a turn beyond ±180. Geometries of one kind become one footprint of that kind, others a
/// [`Footprint::Union`] of polygons, lines and points. Features without a geometry are passed over.
///
/// # Errors
/// When it is no GeoJSON or in another coordinate system, has no geometry at all, or one that makes no sense; names the feature.
pub fn parse(name: &str, text: &str) -> Result<Footprint> {
    // Editors on Windows put a mark at the beginning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document: Object =
        serde_json::from_str(text).map_err(|error| Error::input(format!("{name}: not GeoJSON: {error}")))?;
    let mut found = Found::default();
    found.document(document).map_err(|error| error.context(name))?;
    found.finish().map_err(|error| error.context(name))
}

/// Geometries read so far.
#[derive(Default)]
struct Found {
    polygons: Vec<Polygon>,
    lines: Vec<Vec<LonLat>>,
    points: Vec<LonLat>,
}

impl Found {
    fn document(&mut self, document: Object) -> Result<()> {
        check_crs(document.crs.as_ref())?;
        match document.kind.as_str() {
            "FeatureCollection" => {
                let features = document
                    .features
                    .ok_or_else(|| Error::input("the FeatureCollection has no list \"features\""))?;
                for (number, feature) in (1_usize..).zip(features) {
                    self.feature(feature).map_err(|error| error.context(format!("feature {number}")))?;
                }
                Ok(())
            }
            "Feature" => self.feature(document),
            _ => self.geometry(document),
        }
    }

    fn feature(&mut self, feature: Object) -> Result<()> {
        if feature.kind != "Feature" {
            return Err(Error::input(format!("a Feature was expected, not {:?}", feature.kind)));
        }
        check_crs(feature.crs.as_ref())?;
        feature.geometry.map_or(Ok(()), |geometry| self.geometry(*geometry))
    }

    fn geometry(&mut self, geometry: Object) -> Result<()> {
        let Object { kind, coordinates, geometries, .. } = geometry;
        if kind == "GeometryCollection" {
            let parts = geometries
                .ok_or_else(|| Error::input("the GeometryCollection has no list \"geometries\""))?;
            // Nested collections are as deep as the JSON, which has a limit.
            return (1_usize..).zip(parts).try_for_each(|(number, part)| {
                self.geometry(part).map_err(|error| error.context(format!("geometry {number}")))
            });
        }
        let known = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"];
        if !known.contains(&kind.as_str()) {
            return Err(Error::input(format!(
                "{kind:?} is no type of GeoJSON; there are {}",
                known.join(", ")
            )));
        }
        let coordinates =
            coordinates.ok_or_else(|| Error::input(format!("the {kind} has no \"coordinates\"")))?;
        let add = |found: &mut Self| match kind.as_str() {
            "Point" => position(coordinates).map(|point| found.points.push(point)),
            "MultiPoint" => positions(coordinates).map(|points| found.points.extend(points)),
            "LineString" => line(coordinates).map(|line| found.lines.push(line)),
            "MultiLineString" => each(coordinates, line).map(|lines| found.lines.extend(lines)),
            "Polygon" => polygon(coordinates).map(|polygon| found.polygons.extend(polygon)),
            _ => each(coordinates, polygon).map(|all| found.polygons.extend(all.into_iter().flatten())),
        };
        add(self).map_err(|error| error.context(&kind))
    }

    fn finish(self) -> Result<Footprint> {
        let mut parts = Vec::new();
        if !self.polygons.is_empty() {
            parts.push(Footprint::Polygons(self.polygons));
        }
        if !self.lines.is_empty() {
            parts.push(Footprint::Lines(self.lines));
        }
        if !self.points.is_empty() {
            parts.push(Footprint::Points(self.points));
        }
        match parts.len() {
            0 => Err(Error::input("there is no geometry in it")),
            1 => Ok(parts.remove(0)),
            _ => Ok(Footprint::Union(parts)),
        }
    }
}

/// RFC 7946 has one coordinate system. Files of the older specification name theirs.
fn check_crs(crs: Option<&Crs>) -> Result<()> {
    let name = match crs {
        None | Some(Crs(Value::Null)) => return Ok(()),
        Some(Crs(crs)) => match &crs["properties"]["name"] {
            Value::String(name) => name.clone(),
            _ => crs.to_string(),
        },
    };
    if name.ends_with("CRS84") || name.ends_with(":4326") || name.ends_with("CRS84h") {
        return Ok(());
    }
    Err(Error::input(format!(
        "the coordinates are in {name}; GeoJSON has longitude and latitude (for example: ogr2ogr -t_srs EPSG:4326 out.geojson in.geojson)"
    )))
}

fn each<T>(coordinates: Coordinates, read: impl Fn(Coordinates) -> Result<T>) -> Result<Vec<T>> {
    let Coordinates::List(items) = coordinates else {
        return Err(Error::input("a list was expected where a position stands"));
    };
    (1_usize..)
        .zip(items)
        .map(|(number, item)| read(item).map_err(|error| error.context(format!("part {number}"))))
        .collect()
}

fn position(coordinates: Coordinates) -> Result<LonLat> {
    match coordinates {
        Coordinates::Position([lon, lat]) if lat.abs() <= 90.0 && lon.abs() <= 540.0 => Ok([lon, lat]),
        Coordinates::Position([lon, lat]) => Err(Error::input(format!(
            "({lon}, {lat}) is no position: longitude comes first, from -180 to 180, then latitude, from -90 to 90"
        ))),
        Coordinates::List(items) => {
            Err(Error::input(format!("a position was expected where a list of {} stands", items.len())))
        }
    }
}

fn positions(coordinates: Coordinates) -> Result<Vec<LonLat>> {
    let Coordinates::List(items) = coordinates else {
        return Err(Error::input("a list of positions was expected where one stands"));
    };
    (1_usize..)
        .zip(items)
        .map(|(number, item)| position(item).map_err(|error| error.context(format!("position {number}"))))
        .collect()
}

fn line(coordinates: Coordinates) -> Result<Vec<LonLat>> {
    let line = positions(coordinates)?;
    if line.len() < 2 {
        return Err(Error::input(format!("a line has two positions or more, not {}", line.len())));
    }
    Ok(line)
}

/// A polygon; `None` for one that is empty.
fn polygon(coordinates: Coordinates) -> Result<Option<Polygon>> {
    let mut rings = each(coordinates, ring)?.into_iter();
    Ok(rings.next().map(|exterior| Polygon { exterior, holes: rings.collect() }))
}

fn ring(coordinates: Coordinates) -> Result<Vec<LonLat>> {
    let ring = positions(coordinates)?;
    let (Some(first), Some(last)) = (ring.first(), ring.last()) else {
        return Err(Error::input("the ring is empty"));
    };
    if first != last {
        return Err(Error::input(format!(
            "the ring is not closed: it begins at ({}, {}) and ends at ({}, {})",
            first[0], first[1], last[0], last[1]
        )));
    }
    let mut distinct: Vec<[u64; 2]> = ring.iter().map(|place| place.map(|x| (x + 0.0).to_bits())).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 3 {
        return Err(Error::input(format!(
            "the ring has {} different positions; it needs three to enclose anything",
            distinct.len()
        )));
    }
    Ok(ring)
}

#[cfg(test)]
mod tests;
