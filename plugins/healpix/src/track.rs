//! Cells of positions that follow one another, as along a track: most lie in the cell of the one before.
//!
//! How far a position may move before it can leave its cell follows from the projection. In the plane where cells are squares a
//! cell of `nside` has the side `2 / nside`, and a step of (Δlon, Δlat) in radians moves a point along either axis of the squares
//! by at most
//!
//! * 4/π·|Δlon| + 3/2·|Δlat| in the equatorial belt (x = 4/π·lon, y = 3/2·sin lat),
//! * 4/π·s·|Δlon| + √6·|Δlat| in the caps, where s = √6·cos(|lat|/2 + π/4) ≤ 1 shrinks the meridians (x moves by 4/π·s·|Δlon|
//!   and by at most √6/2·|Δlat|, y by at most √6/2·|Δlat|).
//!
//! The way from one position to the other leaves the cell over an edge of it, also where the plane is cut; a step that is shorter
//! than the way to the nearest edge stays inside.

use std::f64::consts::FRAC_PI_4;

use cdshealpix::nested::Layer;

/// √6 from above.
const SQRT_6: f64 = 2.449_489_743;
/// 4/π from above.
const FOUR_OVER_PI: f64 = 1.273_239_545;

/// Share of a cell's side that is left to rounding. At order 29 places in a cell are known to some millionths.
const MARGIN: f64 = 1e-3;

/// A located position and how far around it its cell certainly reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    lon: f64,
    lat: f64,
    /// Sum of weighted steps up to which nothing leaves the cell.
    reach: f64,
    /// Weight of a step in longitude.
    weight: f64,
    cell: u64,
}

impl Anchor {
    /// No position is near it.
    pub(crate) const NONE: Self = Self { lon: 0.0, lat: 0.0, reach: -1.0, weight: 1.0, cell: 0 };

    /// Locates a position: radians, the longitude from 0 to 2π, the latitude within ±π/2.
    #[inline]
    pub(crate) fn new(layer: &Layer, lon: f64, lat: f64) -> Self {
        let (cell, x, y) = layer.hash_with_dxdy(lon, lat);
        let edge = x.min(1.0 - x).min(y.min(1.0 - y)) - MARGIN;
        let reach = edge * 2.0 / f64::from(1u32 << layer.depth().min(31));
        // √6·cos(φ/2 + π/4) is at most √6·(π/4 − φ/2), at the lowest latitude that is reached.
        let lowest = (lat.abs() - reach.max(0.0) / SQRT_6).max(0.0);
        let shrink = (SQRT_6 * (FRAC_PI_4 - lowest / 2.0)).min(1.0);
        Self { lon, lat, reach, weight: FOUR_OVER_PI * shrink, cell }
    }

    /// The cell of a position that certainly lies in that of the anchor.
    #[inline]
    pub(crate) fn cell_of(&self, lon: f64, lat: f64) -> Option<u64> {
        let way = self.weight * (lon - self.lon).abs() + SQRT_6 * (lat - self.lat).abs();
        (way < self.reach).then_some(self.cell)
    }

    /// The cell of the position itself.
    pub(crate) fn cell(&self) -> u64 {
        self.cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cdshealpix::nested::get;
    use proptest::prelude::*;
    use std::f64::consts::{FRAC_PI_2, TAU};

    /// Where the projection changes its form, and where it is cut.
    const EDGES: [f64; 5] = [0.0, 0.729_727_656_226_966_3, -0.729_727_656_226_966_3, FRAC_PI_2, -FRAC_PI_2];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

        /// Steps of all lengths beside the size of a cell, anywhere on the sphere and above all at its edges.
        #[test]
        fn a_cell_that_is_given_is_that_of_the_position(
            depth in 0u8..=29,
            lon in prop_oneof![0.0..TAU, (0u8..=8).prop_map(|k| f64::from(k) * FRAC_PI_4)],
            lat in prop_oneof![-FRAC_PI_2..FRAC_PI_2, (0usize..5).prop_map(|k| EDGES[k])],
            angle in 0.0..TAU,
            share in -4.0f64..0.5,
        ) {
            let layer = get(depth);
            let step = share.exp2() / f64::from(1u32 << depth);
            // Away from a pole that it begins at, or towards one.
            let (to_north, to_east) = (step * angle.sin(), step * angle.cos());
            let mut anchor = Anchor::NONE;
            for k in 0..64 {
                let lat = (lat + f64::from(k) * to_north).clamp(-FRAC_PI_2, FRAC_PI_2);
                let east = to_east / lat.cos().max(0.01);
                let lon = (lon + f64::from(k) * east).rem_euclid(TAU);
                let cell = layer.hash(lon, lat);
                match anchor.cell_of(lon, lat) {
                    Some(near) => prop_assert_eq!(near, cell, "order {} at {} {}", depth, lon, lat),
                    None => {
                        anchor = Anchor::new(layer, lon, lat);
                        prop_assert_eq!(anchor.cell(), cell);
                    }
                }
            }
        }
    }

    #[test]
    fn most_rows_of_a_track_are_near() {
        let layer = get(12);
        for latitude in [10.0f64, 50.0, 75.0, 86.0] {
            let mut anchor = Anchor::NONE;
            let mut near = 0;
            for row in 0..5000 {
                // 20 m apart, a little off the meridian.
                let lat = (latitude + f64::from(row) * 1.8e-4).to_radians();
                let lon = (40.0 + f64::from(row) * 3e-5 / latitude.to_radians().cos()).to_radians();
                if anchor.cell_of(lon, lat).is_some() {
                    near += 1;
                } else {
                    anchor = Anchor::new(layer, lon, lat);
                }
            }
            assert!(near > 3000, "{near} at {latitude}");
        }
    }
}
