//! From values to colours.

use colorous::Gradient;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

use crate::raster::Pixels;

/// Red, green, blue and opacity.
pub(crate) type Rgba = [u8; 4];

/// Steps of a colour map.
const STEPS: usize = 256;

/// Values that percentiles are found among.
const RANKED: usize = 1 << 22;

/// The colour maps, by name. Those of matplotlib's names have its colours.
const MAPS: [(&str, Gradient); 16] = [
    ("viridis", colorous::VIRIDIS),
    ("magma", colorous::MAGMA),
    ("inferno", colorous::INFERNO),
    ("plasma", colorous::PLASMA),
    ("cividis", colorous::CIVIDIS),
    ("turbo", colorous::TURBO),
    ("greys", colorous::GREYS),
    ("blues", colorous::BLUES),
    ("ylgnbu", colorous::YELLOW_GREEN_BLUE),
    ("ylorrd", colorous::YELLOW_ORANGE_RED),
    ("rdbu", colorous::RED_BLUE),
    ("rdylbu", colorous::RED_YELLOW_BLUE),
    ("brbg", colorous::BROWN_GREEN),
    ("puor", colorous::PURPLE_ORANGE),
    ("spectral", colorous::SPECTRAL),
    ("cool", colorous::COOL),
];

/// A list of colours from low to high.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourMap(Vec<[u8; 3]>);

impl Default for ColourMap {
    /// Viridis.
    fn default() -> Self {
        Self((0..STEPS).map(|step| colorous::VIRIDIS.eval_rational(step, STEPS).as_array()).collect())
    }
}

impl ColourMap {
    /// The colour map of that name; `_r` behind it turns it around.
    ///
    /// # Errors
    /// When there is none of that name; suggests one.
    pub fn parse(name: &str) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        let (base, turned) = lower.strip_suffix("_r").map_or((lower.as_str(), false), |base| (base, true));
        let found = MAPS.iter().find(|(known, _)| *known == base).ok_or_else(|| {
            let names = Self::names();
            Error::input(format!(
                "there is no colour map {name:?}{}; there are {}, each also turned around with _r behind it",
                did_you_mean(base, names.iter().copied()),
                names.join(", ")
            ))
        })?;
        let mut colours: Vec<[u8; 3]> =
            (0..STEPS).map(|step| found.1.eval_rational(step, STEPS).as_array()).collect();
        if turned {
            colours.reverse();
        }
        Ok(Self(colours))
    }

    /// Names of all colour maps.
    pub fn names() -> Vec<&'static str> {
        MAPS.iter().map(|(name, _)| *name).collect()
    }

    /// The colour of a place from 0 to 1; what lies outside has the outermost colours.
    pub(crate) fn at(&self, place: f64) -> Rgba {
        let step = (place.clamp(0.0, 1.0) * STEPS as f64) as usize;
        let [r, g, b] = self.0.get(step.min(STEPS - 1)).copied().unwrap_or_default();
        [r, g, b, 255]
    }
}

/// How values are spread over colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleKind {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithms; what is not greater than 0 has the lowest colour.
    Log,
}

/// Which values have which place on a colour map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Evenly or by logarithms.
    pub kind: ScaleKind,
    /// Value of the first colour.
    pub low: f64,
    /// Value of the last colour.
    pub high: f64,
    /// Whether some values shown are lower.
    pub has_lower: bool,
    /// Whether some values shown are higher.
    pub has_higher: bool,
}

/// Which values the outermost colours stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// These values.
    Values(f64, f64),
    /// The values of which so many percent are lower.
    Percentiles(f64, f64),
}

impl Scale {
    /// The scale of the values of pixels.
    ///
    /// # Errors
    /// When the range is none, or has values that logarithms do not have.
    pub fn of(pixels: &Pixels, kind: ScaleKind, range: Range) -> Result<Self> {
        let numbers =
            || pixels.numbers().filter(|x| x.is_finite() && (kind == ScaleKind::Linear || *x > 0.0));
        let (least, most) =
            numbers().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        let (mut low, mut high) = match range {
            Range::Values(low, high) => {
                if !(low.is_finite() && high.is_finite() && low < high) {
                    return Err(Error::input(format!(
                        "range {low},{high}: give the lower value first, then the higher"
                    )));
                }
                (low, high)
            }
            Range::Percentiles(low, high) => {
                if !(0.0 <= low && low < high && high <= 100.0) {
                    return Err(Error::input(format!(
                        "percentiles {low},{high}: give two from 0 to 100, the lower first"
                    )));
                }
                // Of very many values every so manieth tells as well.
                let stride = numbers().count().div_ceil(RANKED).max(1);
                let mut values: Vec<f64> = numbers().step_by(stride).collect();
                let mut of = |percent: f64, all: f64| {
                    if percent == 0.0 || percent == 100.0 {
                        all
                    } else {
                        percentile(&mut values, percent).unwrap_or(f64::NAN)
                    }
                };
                (of(low, least), of(high, most))
            }
        };
        if !(low.is_finite() && high.is_finite()) {
            (low, high) = if kind == ScaleKind::Log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        if low >= high {
            // One value only: it gets the middle.
            let room = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
            (low, high) = (low - room, high + room);
        }
        if kind == ScaleKind::Log && low <= 0.0 {
            return Err(Error::input(format!(
                "range {low},{high}: a logarithmic scale has values above 0 only"
            )));
        }
        Ok(Self { kind, low, high, has_lower: least < low, has_higher: most > high })
    }

    /// Where a value is between the first colour, 0, and the last, 1.
    pub(crate) fn place(&self, x: f64) -> f64 {
        match self.kind {
            ScaleKind::Linear => (x - self.low) / (self.high - self.low),
            ScaleKind::Log if x <= 0.0 => f64::NEG_INFINITY,
            ScaleKind::Log => (x / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// The value of which so many percent of the values are lower, between two neighbours in proportion.
fn percentile(values: &mut [f64], percent: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let at = percent / 100.0 * last as f64;
    let below = (at.floor() as usize).min(last);
    let (_, &mut a, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let b = above.iter().copied().fold(f64::INFINITY, f64::min);
    let share = at - below as f64;
    Some(if share > 0.0 && b.is_finite() { a + (b - a) * share } else { a })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_matplotlib() {
        let map = ColourMap::parse("viridis").unwrap();
        assert_eq!(map.at(0.0), [68, 1, 84, 255]);
        assert_eq!(map.at(1.0), [253, 231, 37, 255]);
        assert_eq!(map.at(f64::NEG_INFINITY), map.at(0.0));
        let turned = ColourMap::parse("Viridis_r").unwrap();
        assert_eq!(turned.at(0.0), map.at(1.0));
        let error = ColourMap::parse("viridi").unwrap_err().to_string();
        assert!(error.contains("did you mean \"viridis\"?"), "{error}");
        for name in ColourMap::names() {
            ColourMap::parse(name).unwrap();
        }
    }

    #[test]
    fn ranges_come_from_values_or_are_given() {
        let values = Pixels::Float64((0..=100).map(f64::from).chain([f64::NAN]).collect());
        let of = |kind, range| Scale::of(&values, kind, range);
        let scale = of(ScaleKind::Linear, Range::Percentiles(1.0, 99.5)).unwrap();
        assert_eq!((scale.low, scale.high, scale.has_lower, scale.has_higher), (1.0, 99.5, true, true));
        assert_eq!(scale.place(1.0), 0.0);
        let scale = of(ScaleKind::Linear, Range::Percentiles(0.0, 100.0)).unwrap();
        assert_eq!((scale.low, scale.high, scale.has_lower, scale.has_higher), (0.0, 100.0, false, false));
        let scale = of(ScaleKind::Log, Range::Values(1.0, 100.0)).unwrap();
        assert!((scale.place(10.0) - 0.5).abs() < 1e-12);
        assert!(of(ScaleKind::Log, Range::Values(0.0, 100.0)).is_err());
        assert!(of(ScaleKind::Linear, Range::Values(2.0, 2.0)).is_err());
        assert!(of(ScaleKind::Linear, Range::Percentiles(-1.0, 50.0)).is_err());
        let all = Range::Percentiles(1.0, 99.0);
        let one = Scale::of(&Pixels::Float32(vec![4.0]), ScaleKind::Linear, all).unwrap();
        assert_eq!(one.place(4.0), 0.5);
        let none = Scale::of(&Pixels::Float32(vec![]), ScaleKind::Log, all).unwrap();
        assert!(none.low < none.high);
    }
}
