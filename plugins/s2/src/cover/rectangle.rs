//! Boxes bounded by meridians and parallels.

use std::f64::consts::TAU;

use s2::cell::Cell;
use s2::latlng::LatLng;
use s2::rect::Rect;
use s2::s1::Rad;
use s2::s1::interval::{FULL, Interval};
use zagg_core::{Error, Result};

use super::{Region, Verdict, check_position};
use crate::grid::wrapped;

/// Rounding of places allowed for, in radians: a few micrometres on the ground.
const MARGIN: f64 = 1e-12;

/// The places between two meridians and two parallels.
pub(super) struct Rectangle(Rect);

impl Rectangle {
    pub(super) fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        check_position([west, south])?;
        check_position([east, north])?;
        if south > north {
            return Err(Error::input(format!(
                "the box of the footprint has its south, {south}, north of its north, {north}"
            )));
        }
        let lng = if east - west >= 360.0 {
            FULL
        } else {
            Interval::new(wrapped(west).to_radians(), wrapped(east).to_radians())
        };
        Ok(Self(Rect { lat: s2::r1::interval::Interval::new(south.to_radians(), north.to_radians()), lng }))
    }
}

impl Region for Rectangle {
    type State = ();

    fn start(&self) {}

    fn judge(&self, (): &(), cell: &Cell) -> Verdict<()> {
        let bound = cell.rect_bound();
        let lat = bound.lat.intersection(&self.0.lat.expanded(MARGIN));
        if lat.is_empty() {
            return Verdict::Outside;
        }
        // Near a pole, the same rounding of a place is more of a longitude.
        let widest = (MARGIN / lat.lo.abs().max(lat.hi.abs()).cos()).min(TAU);
        let margin = LatLng::new(Rad(MARGIN).into(), Rad(widest).into());
        if !self.0.expanded(&margin).intersects(&bound) {
            Verdict::Outside
        } else if self.0.contains(&bound) {
            Verdict::Inside
        } else {
            Verdict::Border(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s2::cellid::CellID;
    use s2::point::Point;

    /// What the search relies on: the bounding box of a cell contains its outline.
    #[test]
    fn bounding_boxes_contain_their_cells() {
        for level in 0..=5 {
            for rank in 0..crate::grid::count(level) {
                let cell = Cell::from(CellID(crate::grid::id_of(rank, level)));
                let bound = cell.rect_bound();
                let corners = cell.vertices();
                for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                    for step in 0..16 {
                        let t = f64::from(step) / 16.0;
                        let place = Point((a.0 * (1.0 - t) + b.0 * t).normalize());
                        // Where the pole is a corner, its longitude is any.
                        assert!(bound.contains_point(&place), "level {level} rank {rank}: {place:?}");
                    }
                }
                assert!(bound.contains_point(&cell.center()));
            }
        }
    }
}
