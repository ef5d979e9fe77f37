//! What to ask a catalog for.

use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::grid::{Grid, ShardSet, radians_of_km};

/// An area that holds every shard that `area` touches, whole, and everything within `buffer_km` of them.
///
/// Shards overhang the area, so a catalog that was asked for the area alone would lack granules of the shards on its border.
/// The answer is a [`Footprint::Box`], or a [`Footprint::Union`] of at most eight boxes, which may overlap, for an area in pieces
/// far apart. Longitudes are from -180 to 180, and a box with `west > east` crosses the antimeridian. With a buffer it
/// reaches at least as far, and less than a hundredth of the buffer further north and south.
///
/// # Errors
/// When the grid cannot cover the area, it touches no shard, or the buffer is negative or no number.
pub fn query_area(grid: &dyn Grid, area: &Footprint, buffer_km: f64) -> Result<Footprint> {
    let widened = radians_of_km(buffer_km)?;
    let set = crate::caught(|| ShardSet::of_area(grid, area))?;
    let mut boxes: Vec<Footprint> =
        set.boxes().iter().map(|bounds| bounds.widened(widened).footprint()).collect();
    match (boxes.pop(), boxes.is_empty()) {
        (None, _) => Err(Error::input(
            "the area of interest touches no shard of the grid; check its longitudes and latitudes, and the bounds of the grid",
        )),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            boxes.push(last);
            Ok(Footprint::Union(boxes))
        }
    }
}
