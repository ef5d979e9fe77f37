//! Coordinate reference systems of pictures: from text, to the plane and back.

use proj4rs::Proj;
use proj4rs::transform::{Transform, TransformClosure, transform};
use zagg_core::sphere::is_position;
use zagg_core::{Error, Result};

/// Longest text that names a system.
const MAX_LENGTH: usize = 2000;

/// How far a place may come back from the plane, in units of a coordinate's size, and still be the same.
const RETURN: f64 = 1e-7;

/// A plane that positions are drawn on.
#[derive(Debug, Clone)]
pub struct Crs {
    name: String,
    epsg: Option<u16>,
    proj: Proj,
    wgs84: Proj,
    /// Whether its coordinates are longitude and latitude on WGS84, as they are.
    identity: bool,
    /// Whether every place of the plane is one of the globe, so that none need be checked.
    is_whole: bool,
}

impl Crs {
    /// The system that a text names: an EPSG code such as `EPSG:3031`, or a PROJ string.
    ///
    /// # Errors
    /// When the text is neither, or names something that the projection library does not know.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let short: String = text.chars().take(60).collect();
        let bad = || {
            Error::input(format!(
                "{short:?} is no coordinate reference system; give an EPSG code such as EPSG:3031, or a PROJ string such as \
                 \"+proj=laea +lat_0=-90 +datum=WGS84\""
            ))
        };
        if text.len() > MAX_LENGTH || !text.is_ascii() {
            return Err(bad());
        }
        let (name, epsg, definition) = match text.split_once(':') {
            Some((authority, code)) if authority.eq_ignore_ascii_case("EPSG") => {
                let known = code.trim().parse::<u16>().ok().and_then(crs_definitions::from_code);
                let known = known.ok_or_else(|| {
                    Error::input(format!(
                        "{short} is not known; use a code of the EPSG register such as EPSG:3031, or a PROJ string"
                    ))
                })?;
                (format!("EPSG:{}", known.code), Some(known.code), known.proj4)
            }
            _ if text.starts_with('+') => (text.to_owned(), None, text),
            _ => return Err(bad()),
        };
        if definition.contains("nadgrids=") && !definition.contains("nadgrids=@null") {
            return Err(Error::unsupported(format!(
                "{short}: its datum is defined by grids of shifts, which are not offered; use a system on WGS84"
            )));
        }
        let refused = |error: &dyn std::fmt::Display| Error::input(format!("{short}: {error}"));
        // The library is given foreign text; should it panic, that is an error like others.
        let proj = zagg_core::caught(|| Proj::from_proj_string(definition).map_err(|error| refused(&error)))?;
        let wgs84 = Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs")
            .map_err(|error| Error::plugin(format!("WGS84 is not known: {error}")))?;
        if proj.is_geocent() || !proj.has_forward() || !proj.has_inverse() {
            return Err(Error::unsupported(format!("{short}: it is no plane that can be drawn on")));
        }
        let is_whole =
            ["+proj=stere ", "+proj=ups "].iter().any(|kind| format!("{definition} ").contains(kind));
        let mut crs = Self { name, epsg, proj, wgs84, identity: false, is_whole };
        crs.identity = crs.is_geographic() && crs.leaves_places_alone();
        Ok(crs)
    }

    /// Longitude and latitude on WGS84.
    ///
    /// # Errors
    /// Never, as long as the register knows EPSG:4326.
    pub fn lon_lat() -> Result<Self> {
        Self::parse("EPSG:4326")
    }

    fn leaves_places_alone(&self) -> bool {
        [(0.3, 0.7), (-2.9, -1.1), (1.2, 0.001)].into_iter().all(|place| {
            let mut moved = place;
            transform(&self.wgs84, &self.proj, &mut moved).is_ok() && moved == place
        })
    }

    /// `EPSG:3031`, or the PROJ string as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The EPSG code.
    pub fn epsg(&self) -> Option<u16> {
        self.epsg
    }

    /// Whether coordinates are longitude and latitude in degrees, not lengths in a plane.
    pub fn is_geographic(&self) -> bool {
        self.proj.is_latlong()
    }

    /// Metres of a unit of the plane; 1 for degrees.
    pub fn metres(&self) -> f64 {
        if self.is_geographic() { 1.0 } else { self.proj.to_meter() }
    }

    /// Positions in degrees, WGS84 geodetic, to coordinates; NaN where a position has no place in the plane.
    ///
    /// All slices have one length.
    pub fn forward(&self, lon: &[f64], lat: &[f64], x: &mut [f64], y: &mut [f64]) {
        for (((to_x, to_y), lon), lat) in x.iter_mut().zip(y.iter_mut()).zip(lon).zip(lat) {
            (*to_x, *to_y) = if is_position(*lon, *lat) { (*lon, *lat) } else { (f64::NAN, f64::NAN) };
        }
        if self.identity {
            return;
        }
        for (lon, lat) in x.iter_mut().zip(y.iter_mut()) {
            // Whole turns go first: the projections know few of them.
            let turned = if lon.abs() <= 180.0 { *lon } else { *lon - 360.0 * (*lon / 360.0).round() };
            (*lon, *lat) = (turned.to_radians(), lat.to_radians());
        }
        self.convert(&self.wgs84, &self.proj, x, y);
        if self.is_geographic() {
            x.iter_mut().chain(y.iter_mut()).for_each(|angle| *angle = angle.to_degrees());
        }
    }

    /// Coordinates to positions in degrees, WGS84 geodetic, longitude from -180 up to 180; NaN where the place is none of the
    /// globe: beyond a pole, or outside the outline that the projection gives the globe.
    ///
    /// All slices have one length.
    pub fn inverse(&self, x: &[f64], y: &[f64], lon: &mut [f64], lat: &mut [f64]) {
        lon.copy_from_slice(x);
        lat.copy_from_slice(y);
        if !self.identity {
            if self.is_geographic() {
                lon.iter_mut().chain(lat.iter_mut()).for_each(|angle| *angle = angle.to_radians());
            }
            self.convert(&self.proj, &self.wgs84, lon, lat);
            lon.iter_mut().chain(lat.iter_mut()).for_each(|angle| *angle = angle.to_degrees());
        }
        for (lon, lat) in lon.iter_mut().zip(lat.iter_mut()) {
            if !is_position(*lon, *lat) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
            } else if !(-180.0..180.0).contains(lon) {
                let turned = (*lon + 180.0).rem_euclid(360.0) - 180.0;
                *lon = if turned >= 180.0 { -180.0 } else { turned };
            }
        }
        if self.is_whole || self.is_geographic() {
            return;
        }
        // Some projections give every place of the plane a position, also those beside the globe.
        let mut back = (vec![0.0; x.len()], vec![0.0; x.len()]);
        self.forward(lon, lat, &mut back.0, &mut back.1);
        for (at, (lon, lat)) in lon.iter_mut().zip(lat).enumerate() {
            let room = RETURN * (1.0 + x[at].abs() + y[at].abs());
            // False for NaN.
            if !((back.0[at] - x[at]).abs() <= room && (back.1[at] - y[at]).abs() <= room) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
            }
        }
    }

    /// [`Self::forward`] of one position.
    pub fn place(&self, lon: f64, lat: f64) -> (f64, f64) {
        let (mut x, mut y) = ([0.0], [0.0]);
        self.forward(&[lon], &[lat], &mut x, &mut y);
        (x[0], y[0])
    }

    /// [`Self::inverse`] of one place.
    pub fn position(&self, x: f64, y: f64) -> (f64, f64) {
        let (mut lon, mut lat) = ([0.0], [0.0]);
        self.inverse(&[x], &[y], &mut lon, &mut lat);
        (lon[0], lat[0])
    }

    fn convert(&self, from: &Proj, to: &Proj, x: &mut [f64], y: &mut [f64]) {
        // Points report their faults as NaN, so no error is left to come.
        let _ = transform(from, to, &mut Points { x, y });
    }
}

/// Points of which each may fail for itself: its coordinates become NaN.
struct Points<'a> {
    x: &'a mut [f64],
    y: &'a mut [f64],
}

impl Transform for Points<'_> {
    fn transform_coordinates<F: TransformClosure>(&mut self, f: &mut F) -> proj4rs::errors::Result<()> {
        for (x, y) in self.x.iter_mut().zip(self.y.iter_mut()) {
            // Some projections turn NaN into a place.
            let moved = if x.is_finite() && y.is_finite() { f(*x, *y, 0.0).ok() } else { None };
            (*x, *y) = match moved {
                Some((x, y, _)) if x.is_finite() && y.is_finite() => (x, y),
                _ => (f64::NAN, f64::NAN),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_to_the_plane_and_back() {
        for name in [
            "EPSG:3031",
            "EPSG:3413",
            "EPSG:4326",
            "EPSG:6933",
            "EPSG:32633",
            "+proj=laea +lat_0=-80 +lon_0=30",
        ] {
            let crs = Crs::parse(name).unwrap();
            let lat = if name == "EPSG:3031" || name.contains("laea") { -75.0 } else { 75.0 };
            let (x, y) = crs.place(14.0, lat);
            let (lon, back) = crs.position(x, y);
            assert!((lon - 14.0).abs() < 1e-9 && (back - lat).abs() < 1e-9, "{name}: {lon} {back}");
        }
        // The place of a corner that pyproj gives.
        let (x, y) = Crs::parse("epsg:3031").unwrap().place(45.0, -71.0);
        assert!((x - 1_472_733.796).abs() < 0.001 && (y - 1_472_733.796).abs() < 0.001, "{x} {y}");
    }

    #[test]
    fn places_beside_the_globe_are_none() {
        let globe = Crs::parse("+proj=moll +datum=WGS84").unwrap();
        assert!(globe.position(0.0, 0.0).0.abs() < 1e-9);
        for (x, y) in [(1.75e7, 8.0e6), (1.9e7, 0.0), (0.0, 9.9e6), (f64::NAN, 0.0)] {
            assert!(globe.position(x, y).0.is_nan(), "{x} {y}");
        }
        let plane = Crs::lon_lat().unwrap();
        assert_eq!(plane.position(190.0, 3.0), (-170.0, 3.0));
        assert!(plane.position(0.0, 90.5).1.is_nan());
    }

    #[test]
    fn what_is_no_system_is_refused() {
        for text in [
            "",
            "polar",
            "EPSG:1",
            "EPSG:x",
            "+proj=nonsense",
            "+proj=geocent +datum=WGS84",
            "é",
            "EPSG:99999999",
        ] {
            assert!(Crs::parse(text).is_err(), "{text}");
        }
        assert!(Crs::parse(&"+".repeat(5000)).is_err());
    }
}
