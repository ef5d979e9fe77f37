//! Coordinate reference systems: from text, to the plane and back.
//!
//! Projections are those of `proj4rs`; EPSG codes are looked up in `crs-definitions`, a copy of the register as PROJ strings and
//! WKT. Codes are offered whose datum is WGS84 or as good as the same, NAD83 and ETRS89 among them. Between others there are
//! several ways, often with grids of shifts: a PROJ string with `+towgs84` names one. Axes other than east and north, and
//! geocentric coordinates, are refused.

mod cf;
mod definition;

use proj4rs::Proj;
use proj4rs::transform::{Transform, TransformClosure, transform};
use serde_json::{Map, Value};
use zagg_core::sphere::is_position;
use zagg_core::{Error, Result};

use definition::Definition;

/// Positions converted at a time: few enough to stay in the first-level cache.
const BLOCK: usize = 256;

/// How far a place may come back from the globe, in units of a coordinate's size, and still be the same.
const RETURN: f64 = 1e-7;

/// Codes whose definition in the copy of the register means another place than PROJ has for them, by tens of metres or more; all
/// others that are offered agree within 2 m.
const MISTAKEN: [u16; 9] = [2984, 3973, 3974, 4645, 6989, 6990, 6991, 6996, 6997];

/// A coordinate reference system.
#[derive(Debug, Clone)]
pub struct Crs {
    /// `EPSG:3031`, or the PROJ string as it was given.
    name: String,
    epsg: Option<u16>,
    wkt: Option<String>,
    definition: Definition,
    proj: Proj,
    wgs84: Proj,
    /// Whether its coordinates are longitude and latitude on WGS84, as they are.
    identity: bool,
}

impl Crs {
    /// The system that a text names: an EPSG code or a PROJ string.
    ///
    /// # Errors
    /// When the text is neither, or names something that is not offered.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (name, epsg, wkt, string) = match text.split_once(':') {
            Some((authority, code)) if authority.eq_ignore_ascii_case("EPSG") => {
                let code = code.trim();
                let known = code.parse::<u16>().ok().and_then(crs_definitions::from_code);
                let Some(known) = known else {
                    return Err(Error::input(format!(
                        "EPSG:{} is not known; use a code of the EPSG register such as EPSG:3031, or a PROJ string",
                        cut_short(code)
                    )));
                };
                (format!("EPSG:{}", known.code), Some(known.code), Some(known.wkt), known.proj4)
            }
            _ if text.starts_with('+') => (text.to_owned(), None, None, text),
            _ => {
                return Err(Error::input(format!(
                    "{:?} is no coordinate reference system; give an EPSG code such as EPSG:3031, or a PROJ string \
                     such as \"+proj=laea +lat_0=-90 +datum=WGS84\"",
                    cut_short(text)
                )));
            }
        };
        let told = cut_short(&name);
        let refused = |error: &dyn std::fmt::Display| {
            Error::input(format!("{told}: {}", cut_short(&error.to_string())))
        };
        let definition = Definition::parse(string).map_err(|error| error.context(&told))?;
        if epsg.is_some() && !definition.is_tied_to_wgs84() {
            return Err(Error::unsupported(format!(
                "{name}: there are several ways from WGS84 to its datum, some apart by hundreds of metres; to take the one of \
                 this definition give its PROJ string, {string:?}"
            )));
        }
        if epsg.is_some_and(|code| MISTAKEN.contains(&code)) {
            return Err(Error::unsupported(format!(
                "{name}: its definition in the register of this program is mistaken; give the PROJ string that you mean"
            )));
        }
        // The library is given foreign text; should it panic, that is an error like others.
        let proj = zagg_core::caught(|| Proj::from_proj_string(string).map_err(|error| refused(&error)))?;
        let wgs84 = Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs")
            .map_err(|error| Error::plugin(format!("WGS84 is not known: {error}")))?;
        if proj.is_geocent() {
            return Err(Error::unsupported(format!("{told}: geocentric coordinates make no plane")));
        }
        if !proj.has_forward() || !proj.has_inverse() {
            return Err(Error::unsupported(format!(
                "{told}: the projection has no forward or no inverse form"
            )));
        }
        if proj.is_latlong() && wkt.is_some_and(|wkt| !wkt.contains("UNIT[\"degree")) {
            return Err(Error::unsupported(format!("{name}: only degrees are offered as angular units")));
        }
        let wkt = wkt.map(without_axes);
        let mut crs = Self { name, epsg, wkt, definition, proj, wgs84, identity: false };
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

    /// Whether longitude and latitude on WGS84 pass through unchanged.
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

    /// Well-known text of an EPSG code, mostly of version 1.
    pub fn wkt(&self) -> Option<&str> {
        self.wkt.as_deref()
    }

    /// Whether coordinates are longitude and latitude in degrees, not lengths in a plane.
    pub fn is_geographic(&self) -> bool {
        self.proj.is_latlong()
    }

    /// Metres of a unit of the plane; 1 for degrees.
    pub fn metres(&self) -> f64 {
        if self.is_geographic() { 1.0 } else { self.proj.to_meter() }
    }

    /// Whether every place of the plane is one of the globe.
    fn is_whole(&self) -> bool {
        self.is_geographic() || matches!(self.definition.get("proj"), Some("stere" | "ups"))
    }

    /// The unit of coordinates as UDUNITS spells it.
    pub fn unit(&self) -> String {
        if self.is_geographic() {
            return "degrees".into();
        }
        let metres = self.proj.to_meter();
        match self.definition.get("units") {
            Some("us-ft") => "US_survey_foot".into(),
            Some("ft") => "foot".into(),
            Some("km") => "km".into(),
            _ if metres == 1.0 => "m".into(),
            _ => format!("{metres} m"),
        }
    }

    /// Attributes that describe it as a CF grid mapping; without a name where CF has none for the projection.
    pub fn grid_mapping(&self) -> Map<String, Value> {
        cf::grid_mapping(&self.proj, &self.definition)
    }

    /// The meridian opposite the middle of the map, where most projections are cut, degrees.
    pub fn cut(&self) -> f64 {
        let middle = (self.proj.longitude_of_origin() + self.proj.from_greenwich()).to_degrees();
        if middle.is_finite() { (middle % 360.0) + 180.0 } else { 180.0 }
    }

    /// Positions in degrees, WGS84 geodetic, to coordinates; NaN where a position is none or has no place in the plane.
    ///
    /// All slices have one length.
    pub fn forward(&self, lon: &[f64], lat: &[f64], x: &mut [f64], y: &mut [f64]) {
        for (((to_x, to_y), lon), lat) in x.iter_mut().zip(y.iter_mut()).zip(lon).zip(lat) {
            (*to_x, *to_y) = if is_position(*lon, *lat) { (*lon, *lat) } else { (f64::NAN, f64::NAN) };
        }
        if self.identity {
            return;
        }
        for (x, y) in x.chunks_mut(BLOCK).zip(y.chunks_mut(BLOCK)) {
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
    }

    /// Coordinates to positions in degrees, WGS84 geodetic, longitude from -180 up to 180; NaN where there is none.
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
        for (lon, lat) in lon.iter_mut().zip(lat) {
            if !is_position(*lon, *lat) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
            } else if !(-180.0..180.0).contains(lon) {
                let turned = (*lon + 180.0).rem_euclid(360.0) - 180.0;
                *lon = if turned >= 180.0 { -180.0 } else { turned };
            }
        }
    }

    /// [`Self::inverse`], with NaN also where a projection gives a position to places outside the outline of its globe.
    ///
    /// All slices have one length.
    pub fn inverse_on_globe(&self, x: &[f64], y: &[f64], lon: &mut [f64], lat: &mut [f64]) {
        self.inverse(x, y, lon, lat);
        if self.is_whole() {
            return;
        }
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

    /// [`Self::inverse_on_globe`] of one place.
    pub fn position(&self, x: f64, y: f64) -> (f64, f64) {
        let (mut lon, mut lat) = ([0.0], [0.0]);
        self.inverse_on_globe(&[x], &[y], &mut lon, &mut lat);
        (lon[0], lat[0])
    }

    fn convert(&self, from: &Proj, to: &Proj, x: &mut [f64], y: &mut [f64]) {
        // Points report their faults as NaN, so no error is left to come.
        let _ = transform(from, to, &mut Points { x, y });
    }
}

/// The beginning of a text that an error repeats: what is in a pipeline may have any length.
fn cut_short(text: &str) -> String {
    const MAX_LENGTH: usize = 80;
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// WKT without directions of axes, which version 1 takes as east and north.
///
/// The copy of the register says so of every projection, also of polar ones, whose axes all point away from the pole; readers then
/// do not recognise the system any more. The few texts of version 2 stay as they are.
fn without_axes(wkt: &str) -> String {
    if !wkt.starts_with("PROJCS[") && !wkt.starts_with("GEOGCS[") {
        return wkt.to_owned();
    }
    let mut parts = wkt.split(",AXIS[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(']').map_or("", |(_, rest)| rest))
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
mod tests;
