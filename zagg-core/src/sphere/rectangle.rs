//! Boxes bounded by meridians and parallels.

use std::f64::consts::{FRAC_PI_2, PI};

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

/// The places between two meridians and two parallels; radians.
#[derive(Debug)]
pub struct Rectangle {
    south: f64,
    north: f64,
    /// Meridian in the middle.
    middle: f64,
    /// Half the extent in longitude; at least π for a box all round.
    half: f64,
}

impl Rectangle {
    /// The places from `west` going east to `east`, and from `south` to `north`; degrees.
    ///
    /// # Errors
    /// When a corner is no position, or the south lies north of the north.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        let width = box_width(west, south, east, north)?;
        Ok(Self {
            south: south.to_radians(),
            north: north.to_radians(),
            middle: (west.rem_euclid(360.0) + 0.5 * width).to_radians(),
            half: if width >= 360.0 { PI + 1.0 } else { (0.5 * width).to_radians() },
        })
    }
}

impl Region for Rectangle {
    type State = ();

    fn start(&self) {}

    fn judge(&self, (): &(), cone: &Cone) -> Verdict<()> {
        let (lon, lat) = (cone.lon_lat.0.to_radians(), cone.lon_lat.1.to_radians());
        let (lowest, highest) = (lat - cone.radius, lat + cone.radius);
        // A cone around a pole meets every meridian.
        let width = if highest.max(-lowest) >= FRAC_PI_2 - SLACK {
            PI
        } else {
            (cone.radius.sin() / lat.cos()).min(1.0).asin()
        };
        let turn = (lon - self.middle).rem_euclid(2.0 * PI);
        let away = turn.min(2.0 * PI - turn);
        if highest < self.south - SLACK || lowest > self.north + SLACK || away > self.half + width + SLACK {
            Verdict::Outside
        } else if lowest >= self.south && highest <= self.north && away + width <= self.half {
            Verdict::Inside
        } else {
            Verdict::Maybe(())
        }
    }
}
