//! Blocks that several shards share: put together from the shards' records, and written once the last of them is there.

use std::collections::BTreeMap;

use crate::block::{Block, Piece, block};
use crate::column::Values;
use crate::error::{Error, Result};
use crate::levels::{Level, Writer};
use crate::product::Product;
use crate::records::{LevelRecord, VariableValues};
use crate::store::{BlockWrite, Store, Written};

/// The blocks of all levels that shards share, as far as their shards have come.
pub(super) struct SharedBlocks<'a> {
    product: &'a Product,
    levels: Vec<SharedLevel<'a>>,
}

struct SharedLevel<'a> {
    level: &'a Level,
    shape: Vec<u64>,
    /// Names of the coordinates that are written with the blocks.
    coordinates: Vec<String>,
    /// Blocks that wait for shards, by position.
    open: BTreeMap<Vec<u64>, OpenBlock>,
}

#[derive(Default)]
struct OpenBlock {
    /// Shards that are still to come.
    missing: u64,
    /// What has come, for every variable by name.
    pieces: BTreeMap<String, Vec<Piece>>,
    /// Coordinates that are written with the block: for each the places and the values of a shard.
    coordinates: BTreeMap<String, Vec<(Vec<u32>, Values)>>,
}

impl<'a> SharedBlocks<'a> {
    /// `shards` are all that will come.
    pub(super) fn new(product: &'a Product, shards: &[u64]) -> Self {
        let mut levels: Vec<SharedLevel<'a>> = product
            .levels
            .iter()
            .filter(|level| level.writer == Writer::Finalize)
            .map(|level| SharedLevel {
                level,
                shape: product.shape(level),
                coordinates: product.coordinates_with_level(level),
                open: BTreeMap::new(),
            })
            .collect();
        for level in &mut levels {
            for &shard in shards {
                let position = level.block_of(&product.position(shard));
                level.open.entry(position).or_default().missing += 1;
            }
        }
        Self { product, levels }
    }

    /// Takes what a shard has; writes the blocks that are complete with it.
    pub(super) fn add(&mut self, store: &dyn Store, shard: u64, record: LevelRecord) -> Result<Written> {
        let mut by_group: BTreeMap<String, Vec<VariableValues>> =
            record.levels.into_iter().map(|level| (level.group, level.variables)).collect();
        let mut written = Written::default();
        for level in &mut self.levels {
            let position = self.product.position(shard);
            let places = level.places(&position);
            let at = level.block_of(&position);
            let Some(open) = level.open.get_mut(&at) else { continue };
            for values in by_group.remove(&level.level.group).unwrap_or_default() {
                let placed = values.places.iter().map(|&place| places.get(place as usize).copied());
                let placed = placed.collect::<Option<Vec<u32>>>().ok_or_else(|| {
                    Error::corrupt(format!(
                        "the level record of shard {} does not fit",
                        label(self.product, shard)
                    ))
                })?;
                let piece = Piece { places: placed, output: values.output };
                open.pieces.entry(values.name).or_default().push(piece);
            }
            for name in &level.coordinates {
                let cells = self.product.grid.cells_of_shard(shard, level.level.level);
                let values = self.product.grid.cell_coordinate(name, level.level.level, &cells)?;
                open.coordinates.entry(name.clone()).or_default().push((places.clone(), values));
            }
            open.missing -= 1;
            if open.missing == 0
                && let Some(open) = level.open.remove(&at)
            {
                written += write(self.product, store, level, &at, &open)?;
            }
        }
        Ok(written)
    }
}

fn label(product: &Product, shard: u64) -> String {
    product.grid.shard_label(shard)
}

impl SharedLevel<'_> {
    /// Position of the block that holds a shard.
    fn block_of(&self, position: &[u64]) -> Vec<u64> {
        let (shard, block) = (&self.level.layout.shard_shape, &self.level.block_shape);
        (0..position.len()).map(|d| position[d].saturating_mul(shard[d]) / block[d].max(1)).collect()
    }

    /// Elements along each dimension of a block inside the array.
    fn inside(&self, block: &[u64]) -> Vec<u64> {
        let size = &self.level.block_shape;
        (0..block.len())
            .map(|d| size[d].min(self.shape[d].saturating_sub(block[d].saturating_mul(size[d]))))
            .collect()
    }

    /// For every cell of a shard, in the order of its block, its place in the block that shards share.
    fn places(&self, position: &[u64]) -> Vec<u32> {
        let shard = &self.level.layout.shard_shape;
        let block = self.block_of(position);
        let inside = self.inside(&block);
        let start: Vec<u64> = (0..position.len())
            .map(|d| {
                position[d].saturating_mul(shard[d]) - block[d].saturating_mul(self.level.block_shape[d])
            })
            .collect();
        let cells = self.level.layout.cells_per_shard();
        (0..cells)
            .map(|cell| {
                let (mut rest, mut place, mut stride) = (cell, 0, 1);
                for d in (0..shard.len()).rev() {
                    place += (start[d] + rest % shard[d]) * stride;
                    rest /= shard[d];
                    stride *= inside[d];
                }
                place as u32
            })
            .collect()
    }
}

/// Writes every array of a complete block.
fn write(
    product: &Product,
    store: &dyn Store,
    level: &SharedLevel<'_>,
    position: &[u64],
    open: &OpenBlock,
) -> Result<Written> {
    let cells = level.inside(position).iter().product::<u64>() as usize;
    let group = level.level.group.as_str();
    // All arrays in one call, which saves round trips to a bucket.
    let mut blocks: Vec<(&str, Vec<u64>, Block)> = Vec::new();
    for variable in product.program.variables() {
        let pieces = open.pieces.get(&variable.name).map_or(&[][..], Vec::as_slice);
        blocks.push((&variable.name, variable.position(position), block(variable, cells, pieces)?));
    }
    for (name, pieces) in &open.coordinates {
        let values = coordinate(cells, pieces)?;
        blocks.push((name, position.to_vec(), Block { offsets: None, values }));
    }
    let writes: Vec<BlockWrite<'_>> = blocks
        .iter()
        .map(|(array, position, block)| BlockWrite {
            group,
            array,
            block: position,
            offsets: block.offsets.as_deref(),
            values: &block.values,
        })
        .collect();
    store.write_blocks(&writes)
}

/// A block of a coordinate. Cells that no shard of the store has stay what was never written: the greatest number.
fn coordinate(cells: usize, pieces: &[(Vec<u32>, Values)]) -> Result<Values> {
    let mut block = vec![u64::MAX; cells];
    for (places, values) in pieces {
        let Values::UInt64(values) = values else {
            return Err(Error::plugin("a coordinate of cells is not of the type uint64"));
        };
        for (&place, &value) in places.iter().zip(values) {
            if let Some(cell) = block.get_mut(place as usize) {
                *cell = value;
            }
        }
    }
    Ok(Values::UInt64(block))
}
