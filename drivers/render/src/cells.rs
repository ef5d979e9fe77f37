//! Which element of an array holds the cell of a position.

use std::sync::Arc;

use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::levels::{Level, Writer};
use zagg_core::product::Product;

use crate::array::{Geometry, Place};
use crate::runs::Runs;

/// The cells of a level of a store.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    /// As the plan beside the store has them.
    Planned {
        /// What the store was made for.
        product: Arc<Product>,
        /// The level.
        level: Level,
    },
    /// Every cell of a grid, at the place that the grid gives it; the level is the leaf level.
    Whole(Arc<dyn Grid>),
    /// Leaf cells of a grid, where the ids beside them say.
    Listed(Arc<dyn Grid>, Arc<Runs>),
}

impl Cells {
    pub(crate) fn grid(&self) -> &dyn Grid {
        match self {
            Self::Planned { product, .. } => &*product.grid,
            Self::Whole(grid) | Self::Listed(grid, _) => &**grid,
        }
    }

    /// The grid's level.
    pub(crate) fn level(&self) -> u32 {
        match self {
            Self::Planned { level, .. } => level.level,
            Self::Whole(grid) | Self::Listed(grid, _) => grid.leaf_level(),
        }
    }

    /// Dimensions of cells.
    pub(crate) fn dimensions(&self) -> usize {
        self.grid().layout(self.level()).dimensions.len()
    }

    /// Places of the cells of some positions in degrees; none where the store has no such cell.
    pub(crate) fn places(&self, lon: &[f64], lat: &[f64], geometry: &Geometry) -> Vec<Option<Place>> {
        let mut located = vec![NO_CELL; lon.len()];
        self.grid().locate(lon, lat, &mut located);
        let (at, leaves): (Vec<usize>, Vec<u64>) =
            located.into_iter().enumerate().filter(|(_, cell)| *cell != NO_CELL).unzip();
        let mut places = vec![None; lon.len()];
        for (at, place) in at.into_iter().zip(self.places_of(&leaves, geometry)) {
            if let Some(to) = places.get_mut(at) {
                *to = place;
            }
        }
        places
    }

    /// Places of leaf cells of the grid.
    fn places_of(&self, leaves: &[u64], geometry: &Geometry) -> Vec<Option<Place>> {
        let grid = self.grid();
        let (product, level) = match self {
            Self::Listed(_, runs) => {
                return leaves
                    .iter()
                    .map(|&cell| runs.place(cell).and_then(|place| geometry.place(&[place])))
                    .collect();
            }
            Self::Whole(grid) => (None, grid.leaf_level()),
            Self::Planned { product, level } => (Some((&**product, level)), level.level),
        };
        let mut cells = leaves.to_vec();
        if level != grid.leaf_level() {
            grid.parents(leaves, level, &mut cells);
        }
        if let Some((product, level)) = product.filter(|(_, level)| level.writer == Writer::Merge) {
            return cells.iter().map(|&cell| geometry.place(&[product.merged_place(level, cell)?])).collect();
        }
        let mut shards = vec![NO_CELL; cells.len()];
        grid.shards_of(leaves, &mut shards);
        let shape = grid.layout(level).shard_shape;
        let mut places = Vec::with_capacity(cells.len());
        let mut offsets = vec![u32::MAX; cells.len()];
        let mut start = 0;
        for run in shards.chunk_by(|a, b| a == b) {
            let range = start..start + run.len();
            start = range.end;
            let corner = run.first().and_then(|&shard| self.corner(shard, &shape));
            let (Some(corner), Some(&shard)) = (corner, run.first()) else {
                places.extend(std::iter::repeat_n(None, run.len()));
                continue;
            };
            grid.offsets_in_shard(shard, level, &cells[range.clone()], &mut offsets[range.clone()]);
            places.extend(offsets[range].iter().map(|&offset| {
                let index = index(&corner, &shape, offset)?;
                geometry.place(&index)
            }));
        }
        places
    }

    /// Index of the first cell of a shard; none of a shard that the store does not have.
    pub(crate) fn corner(&self, shard: u64, shape: &[u64]) -> Option<Vec<u64>> {
        if shard == NO_CELL {
            return None;
        }
        let position = match self {
            Self::Planned { product, .. } => {
                if product.is_compact() && product.shards.binary_search(&shard).is_err() {
                    return None;
                }
                product.position(shard)
            }
            Self::Whole(grid) | Self::Listed(grid, _) => grid.shard_index(shard),
        };
        position.iter().zip(shape).map(|(at, size)| at.checked_mul(*size)).collect()
    }
}

/// Index of the element `offset`, row by row, of a box of this shape at this corner; none outside.
fn index(corner: &[u64], shape: &[u64], offset: u32) -> Option<Vec<u64>> {
    let mut rest = u64::from(offset);
    let mut index = corner.to_vec();
    for (at, &size) in index.iter_mut().zip(shape).rev() {
        *at = at.checked_add(rest.checked_rem(size)?)?;
        rest /= size;
    }
    (rest == 0 && corner.len() == shape.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_box_are_counted_row_by_row() {
        assert_eq!(index(&[10, 20], &[2, 3], 4), Some(vec![11, 21]));
        assert_eq!(index(&[10, 20], &[2, 3], 6), None);
        assert_eq!(index(&[10], &[4096], u32::MAX), None);
        assert_eq!(index(&[u64::MAX], &[4], 1), None);
        assert_eq!(index(&[1], &[0], 1), None);
    }
}
