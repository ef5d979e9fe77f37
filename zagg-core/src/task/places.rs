//! The places of rows in the blocks of a level.

use crate::error::{Error, Result};
use crate::levels::Level;
use crate::product::Product;

/// The place of every leaf cell in the shard's block of a level.
///
/// # Errors
/// When the grid gives a place outside.
pub(super) fn places_of(product: &Product, shard: u64, level: &Level, cells: &[u64]) -> Result<Vec<u32>> {
    let grid = &*product.grid;
    let mut places = vec![0; cells.len()];
    if level.level == grid.leaf_level() {
        grid.offsets_in_shard(shard, level.level, cells, &mut places);
    } else {
        let mut parents = vec![0; cells.len()];
        grid.parents(cells, level.level, &mut parents);
        grid.offsets_in_shard(shard, level.level, &parents, &mut places);
    }
    let cells_per_shard = level.layout.cells_per_shard();
    match places.iter().find(|&&place| u64::from(place) >= cells_per_shard) {
        Some(place) => Err(Error::plugin(format!(
            "the grid put a row at place {place} of a shard with {cells_per_shard} cells"
        ))),
        None => Ok(places),
    }
}
