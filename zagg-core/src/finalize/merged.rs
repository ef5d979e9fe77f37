//! Levels coarser than the shards: states of whole shards, merged in ascending order of the shards.

use std::collections::{BTreeMap, BTreeSet};

use crate::block::{Piece, block};
use crate::error::{Error, Result};
use crate::levels::{Level, Writer};
use crate::product::Product;
use crate::program::CompiledVariable;
use crate::records::VariableStates;
use crate::statistic::States;
use crate::store::{BlockWrite, Store, Written};

/// Blocks of one array that are written in one call, which saves round trips to a bucket.
const SIDE_BY_SIDE: usize = 16;

/// Bytes of blocks that are in memory at once, as far as one block is smaller: vectors make blocks of a hundred MiB.
const MAX_BYTES: usize = 256 << 20;

/// The states of all shards, ascending by shard.
#[derive(Default)]
pub(super) struct Gathered {
    states: Vec<(u64, Vec<VariableStates>)>,
}

impl Gathered {
    /// Takes the states of the next shard.
    pub(super) fn add(&mut self, shard: u64, states: Vec<VariableStates>) {
        if !states.is_empty() {
            self.states.push((shard, states));
        }
    }

    /// The states of one variable, with the shards that have one.
    fn of(&self, product: &Product, variable: &CompiledVariable, form: &str) -> Result<(Vec<u64>, States)> {
        let (mut shards, mut states) = (Vec::new(), States { values: Vec::new(), offsets: vec![0] });
        for (shard, of_shard) in &self.states {
            let Some(found) = of_shard.iter().find(|s| s.name == variable.name) else { continue };
            if found.form != form {
                return Err(Error::unsupported(format!(
                    "shard {}: the state of {} has the form {}, not {form}; run the shard again",
                    product.grid.shard_label(*shard),
                    variable.name,
                    found.form
                )));
            }
            if let Some(state) = &found.state {
                shards.push(*shard);
                states.push(state);
            }
        }
        Ok((shards, states))
    }
}

/// Writes all levels that are coarser than the shards.
///
/// `shards` are all that the store may hold, with a state or without: whatever an earlier finalize wrote for them is written
/// anew.
pub(super) fn write(
    product: &Product,
    store: &dyn Store,
    shards: &[u64],
    gathered: &Gathered,
) -> Result<Written> {
    let mut written = Written::default();
    for level in product.levels.iter().filter(|level| level.writer == Writer::Merge) {
        let blocks = blocks_of(product, level, shards)?;
        for variable in product.program.variables() {
            let Some(form) = variable.form() else { continue };
            let states = gathered.of(product, variable, &form)?;
            written += crate::caught(|| write_variable(product, store, level, variable, &states, &blocks))
                .map_err(|error| error.context(format!("{}/{}", level.group, variable.name)))?;
        }
        written += write_coordinates(product, store, level, &blocks)?;
    }
    Ok(written)
}

/// Cells of one block of a level.
fn block_size(level: &Level) -> u64 {
    level.block_shape.first().copied().unwrap_or(1).max(1)
}

/// Block and place in it of a cell.
fn place(product: &Product, level: &Level, cell: u64) -> Result<(u64, u32)> {
    let place = product
        .merged_place(level, cell)
        .ok_or_else(|| Error::plugin(format!("the grid has no cell {cell} at level {}", level.number)))?;
    Ok((place / block_size(level), (place % block_size(level)) as u32))
}

/// Blocks of a variable that are written in one call.
fn at_once(block_cells: u64, cell_bytes: usize) -> usize {
    let bytes = usize::try_from(block_cells).unwrap_or(usize::MAX).saturating_mul(cell_bytes).max(1);
    (MAX_BYTES / bytes).clamp(1, SIDE_BY_SIDE)
}

/// Numbers of the blocks that hold some shards, ascending.
fn blocks_of(product: &Product, level: &Level, shards: &[u64]) -> Result<BTreeSet<u64>> {
    let parents = product.parents_of_shards(shards, level.level);
    parents.into_iter().map(|cell| Ok(place(product, level, cell)?.0)).collect()
}

/// Cells of a block that lie inside the array.
fn cells_of_block(product: &Product, level: &Level, block: u64) -> u64 {
    let total = product.shape(level).first().copied().unwrap_or(0);
    block_size(level).min(total.saturating_sub(block * block_size(level)))
}

/// The cells of a block that have a value.
#[derive(Default)]
struct Cells {
    /// Where they are in the block.
    places: Vec<u32>,
    /// Which values are theirs.
    numbers: Vec<u32>,
}

fn write_variable(
    product: &Product,
    store: &dyn Store,
    level: &Level,
    variable: &CompiledVariable,
    (shards, states): &(Vec<u64>, States),
    all: &BTreeSet<u64>,
) -> Result<Written> {
    // Runs of shards with one parent: stable by parent, so that the shards of each stay in ascending order.
    let parents = product.parents_of_shards(shards, level.level);
    let mut order: Vec<usize> = (0..shards.len()).collect();
    order.sort_by_key(|&at| parents[at]);
    let mut sorted = States { values: Vec::with_capacity(states.values.len()), offsets: vec![0] };
    let (mut offsets, mut cells) = (vec![0u32], Vec::new());
    for (number, &at) in order.iter().enumerate() {
        if cells.last() != Some(&parents[at]) {
            if number > 0 {
                offsets.push(number as u32);
            }
            cells.push(parents[at]);
        }
        sorted.push(states.state(at));
    }
    if !order.is_empty() {
        offsets.push(order.len() as u32);
    }
    let output = variable.finish(&sorted, &offsets)?;
    let items = variable.items();
    // The cells of every block, each with its place there.
    let mut blocks: BTreeMap<u64, Cells> = all.iter().map(|&at| (at, Cells::default())).collect();
    for (number, &cell) in cells.iter().enumerate() {
        let (at, place) = place(product, level, cell)?;
        let block = blocks.entry(at).or_default();
        block.places.push(place);
        block.numbers.push(number as u32);
    }
    let blocks: Vec<(u64, Cells)> = blocks.into_iter().collect();
    let mut written = Written::default();
    for some in blocks.chunks(at_once(block_size(level), items * variable.dtype.size())) {
        let some = some
            .iter()
            .map(|(at, cells)| {
                let piece =
                    Piece { places: cells.places.clone(), output: output.gather(&cells.numbers, items) };
                let size = cells_of_block(product, level, *at) as usize;
                Ok((variable.position(&[*at]), block(variable, size, &[piece])?))
            })
            .collect::<Result<Vec<_>>>()?;
        let writes: Vec<BlockWrite<'_>> = some
            .iter()
            .map(|(position, block)| BlockWrite {
                group: &level.group,
                array: &variable.name,
                block: position,
                offsets: block.offsets.as_deref(),
                values: &block.values,
            })
            .collect();
        written += store.write_blocks(&writes)?;
    }
    Ok(written)
}

/// Writes the coordinates that did not come with the template.
fn write_coordinates(
    product: &Product,
    store: &dyn Store,
    level: &Level,
    blocks: &BTreeSet<u64>,
) -> Result<Written> {
    let mut written = Written::default();
    for name in product.coordinates_with_level(level) {
        for &at in blocks {
            let start = at * block_size(level);
            let end = start + cells_of_block(product, level, at);
            let cells: Vec<u64> = match product.is_compact() {
                true => product.merged_cells(level)[start as usize..end as usize].to_vec(),
                false => (start..end).collect(),
            };
            let values = product.grid.cell_coordinate(&name, level.level, &cells)?;
            written += store.write_block(&level.group, &name, &[at], &values)?;
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::at_once;

    #[test]
    fn blocks_of_wide_cells_are_not_all_in_memory_at_once() {
        assert_eq!(at_once(65_536, 4), 16);
        assert_eq!(at_once(65_536, 256 * 8), 2);
        assert_eq!(at_once(65_536, 2000 * 8), 1);
        assert_eq!((at_once(u64::MAX, usize::MAX), at_once(1, 0)), (1, 16));
    }
}
