//! Regions of the sphere, for grids that must tell which shards a footprint touches.
//!
//! A grid searches a region by pieces of the sphere that become smaller: its own cells, or blocks of longitude and latitude.
//! Each piece is represented by a [`Cone`] that contains it, and the [`Region`] says of a cone that it lies outside, inside,
//! or perhaps on the border. What is known of a piece helps with its parts: a polygon looks only at the edges near the
//! larger piece.
//!
//! The sphere is the one whose latitude is the geodetic one, and edges are great circles between the vertices as they are given,
//! which is how spherical geometry libraries and catalogs take them. Pieces are brought to this sphere, so that no edge has to
//! be approximated.

mod area;
mod bound;
mod cones;
mod line;
mod polygon;
mod rectangle;
mod tree;
mod vector;

pub use self::area::{AreaTree, cells_by_centre};
pub(crate) use self::bound::may_meet;
pub use self::line::LineRegion;
pub use self::polygon::{PolygonRegion, PolygonState, Shape};
pub use self::rectangle::{Rectangle, box_width};
pub use self::tree::{CellTree, TreeSearch};
pub use self::vector::{Arc, Vector, chord, chord_to_angle, dot, normalized, position, unit};

use crate::error::{Error, Result};
use crate::footprint::LonLat;
use crate::grid::{Grid, NO_CELL};

/// A cone that contains a piece of the sphere.
#[derive(Debug, Clone, Copy)]
pub struct Cone {
    /// Middle of the piece, unit vector.
    pub centre: Vector,
    /// Middle of the piece, degrees.
    pub lon_lat: (f64, f64),
    /// Half the opening angle in radians.
    pub radius: f64,
    /// Some place in the piece that no border drawn by people passes through, unit vector.
    pub sample: Vector,
}

/// What a region says of a cone.
#[derive(Debug)]
pub enum Verdict<S> {
    /// No place of the cone is in the region.
    Outside,
    /// Every place is.
    Inside,
    /// Perhaps some are; what is known then helps with the parts of the piece.
    Maybe(S),
}

/// A region of the sphere.
pub trait Region {
    /// What is known about a piece and of use for its parts.
    type State;

    /// What is known about the whole sphere.
    fn start(&self) -> Self::State;

    /// Judges the cone of a piece that is part of a larger one with the given state.
    fn judge(&self, parent: &Self::State, cone: &Cone) -> Verdict<Self::State>;

    /// Whether the sample of the cone that was judged is known to be in the region, which saves a closer look.
    fn holds(&self, _state: &Self::State) -> bool {
        false
    }

    /// Whether some place within these radians of the centre of the cone that was judged is known to be in the region.
    fn reaches(&self, _state: &Self::State, _centre: Vector, _radius: f64) -> bool {
        false
    }
}

/// Whether a longitude and a latitude in degrees are a position.
#[inline]
pub fn is_position(lon: f64, lat: f64) -> bool {
    // The comparison is false for NaN.
    lat.abs() <= 90.0 && lon.is_finite()
}

/// Checks a position of a footprint, in degrees.
///
/// # Errors
/// When it is none.
pub fn check_position([lon, lat]: LonLat) -> Result<()> {
    if is_position(lon, lat) {
        return Ok(());
    }
    Err(Error::input(format!(
        "the footprint has the position ({lon}, {lat}), which is none: longitude and latitude must be finite degrees, \
         latitude from -90 to 90"
    )))
}

/// The shards of single places, ascending, each once; places that the grid has no cell for are left out.
///
/// # Errors
/// When a place is none.
pub fn shards_of_points(grid: &dyn Grid, points: &[LonLat]) -> Result<Vec<u64>> {
    points.iter().try_for_each(|point| check_position(*point))?;
    let (lon, lat): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p[0], p[1])).unzip();
    let mut cells = vec![0; points.len()];
    grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![0; points.len()];
    grid.shards_of(&cells, &mut shards);
    shards.retain(|shard| *shard != NO_CELL);
    shards.sort_unstable();
    shards.dedup();
    Ok(shards)
}
