//! PROJ strings, read before the projection library sees them.

use super::cut_short;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

/// Longest PROJ string; those of the EPSG register have fewer than 300 characters.
const MAX_LENGTH: usize = 2000;

/// Parameters that the library knows, and those that change nothing in the plane.
const KEYS: [&str; 45] = [
    "proj", "lat_0", "lon_0", "lat_1", "lat_2", "lat_ts", "lonc", "lon_1", "lon_2", "lat_b", "k", "k_0",
    "x_0", "y_0", "zone", "south", "ellps", "datum", "towgs84", "a", "b", "rf", "f", "R", "es", "e", "R_A",
    "R_V", "units", "to_meter", "vunits", "pm", "no_defs", "type", "wktext", "nadgrids", "axis", "alpha",
    "gamma", "no_uoff", "no_off", "no_rot", "h", "sweep", "approx",
];

/// The parameters of a PROJ string.
#[derive(Debug, Clone)]
pub(crate) struct Definition(Vec<(String, Option<String>)>);

impl Definition {
    /// Reads and checks the parameters.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_LENGTH || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(Error::input(format!(
                "a PROJ string has at most {MAX_LENGTH} characters, letters, digits and signs of ASCII"
            )));
        }
        let mut parameters: Vec<(String, Option<String>)> = Vec::new();
        for word in text.split_whitespace() {
            let Some(parameter) = word.strip_prefix('+') else {
                return Err(Error::input(format!(
                    "{:?} is no parameter; each begins with +, like +lat_0=-90",
                    cut_short(word)
                )));
            };
            let (key, value) = match parameter.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (parameter, None),
            };
            if !KEYS.contains(&key) {
                return Err(Error::unsupported(format!(
                    "the parameter +{} is not offered{}",
                    cut_short(key),
                    did_you_mean(key, KEYS)
                )));
            }
            if parameters.iter().any(|(other, _)| other == key) {
                return Err(Error::input(format!("the parameter +{key} stands twice")));
            }
            let number = value.and_then(|value| value.parse::<f64>().ok());
            if number.is_some_and(|number| !number.is_finite()) {
                return Err(Error::input(format!("+{} must be a finite number", cut_short(parameter))));
            }
            parameters.push((key.to_owned(), value.map(str::to_owned)));
        }
        let definition = Self(parameters);
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<()> {
        if self.get("nadgrids").is_some_and(|grids| grids != "@null") || self.get("datum") == Some("NAD27") {
            return Err(Error::unsupported(
                "its datum is defined by grids of shifts, which are not offered; use a system on WGS84 or another modern \
                 datum",
            ));
        }
        if self.get("pm").is_some_and(|pm| pm.parse::<f64>().is_err()) {
            return Err(Error::unsupported(
                "only Greenwich is offered as prime meridian, or one given in degrees east of it, like +pm=2.33722917",
            ));
        }
        // The library takes them as they are: a scale of 0 puts all places into one point, a negative one mirrors the map.
        for key in ["k", "k_0", "to_meter"] {
            if self.get(key).and_then(|value| value.parse::<f64>().ok()).is_some_and(|scale| scale <= 0.0) {
                return Err(Error::input(format!("+{key} must be greater than 0")));
            }
        }
        if self.get("axis").is_some_and(|axis| axis != "enu") {
            return Err(Error::unsupported("only axes that point east and north are offered"));
        }
        Ok(())
    }

    /// Whether its datum is WGS84, or one that is as good as the same: others can be told apart by more than a few metres, and
    /// there are several ways to get from one to the other.
    pub(crate) fn is_tied_to_wgs84(&self) -> bool {
        match (self.get("towgs84"), self.get("datum"), self.get("ellps")) {
            (Some(shifts), _, _) => shifts.split(',').all(|shift| shift.parse() == Ok(0.0)),
            (None, Some(datum), _) => matches!(datum, "WGS84" | "NAD83"),
            (None, None, Some(ellipsoid)) => matches!(ellipsoid, "WGS84" | "GRS80"),
            // A sphere is nobody's datum, and PROJ does not move anything to it either.
            (None, None, None) => self.get("R").is_some() || self.get("a") == self.get("b"),
        }
    }

    /// Value of a parameter.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).and_then(|(_, value)| value.as_deref())
    }

    /// Value of a numeric parameter, 0 when it is absent or no plain number.
    pub(crate) fn number(&self, key: &str) -> f64 {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }
}
