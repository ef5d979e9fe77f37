//! Boxes bounded by meridians and parallels.

use std::f64::consts::{FRAC_PI_2, PI};

use super::vector::{Arc, Reach, Vector, position, unit};
use super::{Cone, Region, Verdict, check_position};
use crate::error::{Error, Result};

/// Rounding allowed for in comparisons, radians.
const SLACK: f64 = 1e-12;

/// Degrees from `west` going east to `east` of a box, 360 for one all round.
///
/// # Errors
/// When a corner is no position, or the south lies north of the north.
pub fn box_width(west: f64, south: f64, east: f64, north: f64) -> Result<f64> {
    check_position([west, south])?;
    check_position([east, north])?;
    if south > north {
        return Err(Error::input(format!(
            "the box of the footprint has its south, {south}, north of its north, {north}"
        )));
    }
    let width = east - west;
    Ok(if width >= 360.0 { 360.0 } else { width.rem_euclid(360.0) })
}

/// The places between two meridians and two parallels, perhaps with all around them.
///
/// The place of a box's border that is nearest to a place outside lies on a meridian, or on a parallel due north or south.
#[derive(Debug)]
pub struct Rectangle {
    /// Radians.
    south: f64,
    /// Radians.
    north: f64,
    /// Meridian in the middle, radians.
    middle: f64,
    /// Half the extent in longitude, radians; at least π for a box all round.
    half: f64,
    /// Both meridians, in pieces shorter than half a circle; none of a box all round.
    sides: Vec<Arc>,
    /// The corners, which are all there is of the sides of a box without height.
    corners: Vec<Vector>,
    widened: f64,
}

impl Rectangle {
    /// The places from `west` going east to `east`, and from `south` to `north`; degrees.
    ///
    /// # Errors
    /// When a corner is no position, or the south lies north of the north.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        let width = box_width(west, south, east, north)?;
        let round = width >= 360.0;
        let (mut sides, mut corners) = (Vec::new(), Vec::new());
        if round {
            // All round a pole and no higher is the pole.
            corners.extend((south == north && south.abs() == 90.0).then(|| unit(0.0, south)));
        } else {
            let middle = 0.5 * (south + north);
            for lon in [west, west.rem_euclid(360.0) + width] {
                let [low, half, high] = [south, middle, north].map(|lat| unit(lon, lat));
                corners.extend([low, high]);
                sides.extend(
                    [(low, half), (half, high)].iter().filter(|(a, b)| a != b).map(|(a, b)| Arc::new(*a, *b)),
                );
            }
        }
        Ok(Self {
            south: south.to_radians(),
            north: north.to_radians(),
            middle: (west.rem_euclid(360.0) + 0.5 * width).to_radians(),
            half: if round { PI + 1.0 } else { (0.5 * width).to_radians() },
            sides,
            corners,
            widened: 0.0,
        })
    }

    /// The same with every place that is no farther away than these radians.
    #[must_use]
    pub fn widened(self, radians: f64) -> Self {
        Self { widened: radians, ..self }
    }

    /// Whether a longitude in radians lies between the meridians.
    fn spans(&self, lon: f64) -> bool {
        let turn = (lon - self.middle).rem_euclid(2.0 * PI);
        turn.min(2.0 * PI - turn) <= self.half + SLACK
    }

    fn contains(&self, lon: f64, lat: f64) -> bool {
        self.spans(lon) && (self.south..=self.north).contains(&lat)
    }

    /// Whether a place is no farther from the border than an angle; `spanned` when its longitude lies between the meridians.
    fn borders(&self, place: Vector, lat: f64, spanned: bool, angle: f64) -> bool {
        let reach = Reach::new(angle);
        // The poles are no parallels: of a box all round they are the middle, of others the end of the meridians.
        let parallel = |at: f64| at.abs() < FRAC_PI_2 && (lat - at).abs() <= angle;
        (spanned && (parallel(self.south) || parallel(self.north)))
            || self.sides.iter().any(|side| side.is_within(place, &reach))
            || self.corners.iter().any(|corner| reach.joins(place, *corner))
    }
}

impl Region for Rectangle {
    /// Whether the sample of the cone lies in the box.
    type State = bool;

    fn start(&self) -> bool {
        false
    }

    fn judge(&self, _: &bool, cone: &Cone) -> Verdict<bool> {
        let (lon, lat) = (cone.lon_lat.0.to_radians(), cone.lon_lat.1.to_radians());
        let spanned = self.spans(lon);
        if !self.borders(cone.centre, lat, spanned, cone.radius + self.widened + SLACK) {
            return if self.contains(lon, lat) { Verdict::Inside } else { Verdict::Outside };
        }
        let spare = self.widened - cone.radius;
        if spare > 0.0 && self.borders(cone.centre, lat, spanned, spare) {
            return Verdict::Inside;
        }
        let [lon, lat] = position(cone.sample);
        Verdict::Maybe(self.contains(lon.to_radians(), lat.to_radians()))
    }

    fn holds(&self, state: &bool) -> bool {
        *state
    }

    fn reaches(&self, _: &bool, centre: Vector, radius: f64) -> bool {
        let [lon, lat] = position(centre).map(f64::to_radians);
        radius > 0.0 && self.borders(centre, lat, self.spans(lon), radius + self.widened)
    }
}
