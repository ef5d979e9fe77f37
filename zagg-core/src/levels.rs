//! The levels of a store: which there are, who writes them and how their arrays are cut into blocks.

use crate::error::{Context, Error, Result};
use crate::grid::{Grid, GridLayout};

/// Cells of a shard from which on a task writes its own blocks of a coarser level. Below, many shards share a block.
const OWN_BLOCK_CELLS: u64 = 4096;

/// Cells of a block that shards share, where the store has so many.
const SHARED_BLOCK_CELLS: u64 = 65_536;

/// Who writes the arrays of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Every task writes blocks of its own.
    Tasks,
    /// Tasks leave the values in the records of their shards; finalize writes blocks that shards share.
    Finalize,
    /// A cell holds whole shards: tasks leave states of what merges, finalize merges them.
    Merge,
}

/// One level of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The grid's level.
    pub level: u32,
    /// The number that stands for it in `output.grid.levels`.
    pub number: u64,
    /// Name of its group.
    pub group: String,
    /// Who writes it.
    pub writer: Writer,
    /// Layout of its arrays.
    pub layout: GridLayout,
    /// Elements along each dimension of one block.
    pub block_shape: Vec<u64>,
    /// Elements along each dimension of one chunk.
    pub chunk_shape: Vec<u64>,
}

/// The levels of a store, finest first: those with the given numbers, or the leaf level alone.
///
/// # Errors
/// When the grid has no such level or cannot give coarser ones, or the leaf level is not among them.
pub fn levels(grid: &dyn Grid, numbers: &[u64]) -> Result<Vec<Level>> {
    const KEY: &str = "output.grid.levels";
    let leaf = grid.leaf_level();
    let mut levels = numbers
        .iter()
        .map(|&number| grid.level_from_number(number))
        .collect::<Result<Vec<u32>>>()
        .context(|| KEY)?;
    if numbers.is_empty() {
        levels.push(leaf);
    }
    levels.sort_unstable_by(|a, b| b.cmp(a));
    levels.dedup();
    if levels.first() != Some(&leaf) {
        let number = grid.level_number(leaf);
        return Err(Error::input(format!(
            "{KEY}: {number}, the level of the cells themselves, is missing; add it"
        )));
    }
    if levels.len() > 1 && !grid.nests_exactly() {
        return Err(Error::input(format!(
            "{KEY}: cells of the grid {} do not hold their children exactly, so that rows would move between cells from \
             level to level; make a store of its own for each resolution",
            grid.type_name()
        )));
    }
    Ok(levels.into_iter().map(|level| Level::new(grid, level)).collect())
}

impl Level {
    fn new(grid: &dyn Grid, level: u32) -> Self {
        let layout = grid.layout(level);
        let writer = match level {
            _ if level == grid.leaf_level() => Writer::Tasks,
            _ if level < grid.shard_level() => Writer::Merge,
            _ if layout.cells_per_shard() >= OWN_BLOCK_CELLS => Writer::Tasks,
            _ => Writer::Finalize,
        };
        let (block_shape, chunk_shape) = match writer {
            Writer::Tasks => (layout.shard_shape.clone(), layout.chunk_shape.clone()),
            Writer::Finalize | Writer::Merge => {
                let shape = shared_block(&layout.shard_shape);
                (shape.clone(), shape)
            }
        };
        let (number, group) = (grid.level_number(level), grid.group_name(level));
        Self { level, number, group, writer, layout, block_shape, chunk_shape }
    }

    /// The same level with blocks no larger than the arrays, where shards share them.
    #[must_use]
    pub(crate) fn within(mut self, shape: &[u64]) -> Self {
        if self.writer != Writer::Tasks {
            for (size, &extent) in self.block_shape.iter_mut().zip(shape) {
                *size = (*size).min(extent.max(1));
            }
            self.chunk_shape.clone_from(&self.block_shape);
        }
        self
    }
}

/// A whole number of shards along each dimension, and about as many cells as a block should have.
fn shared_block(shard_shape: &[u64]) -> Vec<u64> {
    let edge = match shard_shape.len() {
        0 => 1,
        1 => SHARED_BLOCK_CELLS,
        n => (SHARED_BLOCK_CELLS as f64).powf(1.0 / n as f64).round() as u64,
    };
    shard_shape.iter().map(|&size| (edge / size.max(1)).max(1) * size.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::shared_block;

    #[test]
    fn shared_blocks_hold_whole_shards() {
        assert_eq!(shared_block(&[1024]), [65_536]);
        assert_eq!(shared_block(&[1]), [65_536]);
        assert_eq!(shared_block(&[32, 32]), [256, 256]);
        assert_eq!(shared_block(&[48, 300]), [240, 300]);
        assert_eq!(shared_block(&[0]), [65_536]);
    }
}
