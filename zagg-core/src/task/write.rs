//! Writing what the rows of a shard come to.

use crate::block::{Block, Piece, block};
use crate::column::Values;
use crate::error::Result;
use crate::levels::Level;
use crate::product::{AOI_MASK, Product};
use crate::store::{BlockWrite, Store, Written};

/// Writes a shard's blocks of one level. `values` has the values of every variable; about `together` bytes of blocks are in
/// memory at once.
///
/// # Errors
/// When values do not fit their array, or writing fails.
pub(super) fn write_level(
    (product, store): (&Product, &dyn Store),
    shard: u64,
    level: &Level,
    values: Vec<Vec<Piece>>,
    together: u64,
) -> Result<Written> {
    let position = product.position(shard);
    let variables = product.program.variables();
    let positions: Vec<Vec<u64>> = variables.iter().map(|v| v.position(&position)).collect();
    let cells = level.layout.cells_per_shard() as usize;
    let names = product.coordinates_with_level(level);
    let cells_of_shard =
        if names.is_empty() { Vec::new() } else { product.grid.cells_of_shard(shard, level.level) };
    let coordinates = names
        .iter()
        .map(|name| product.grid.cell_coordinate(name, level.level, &cells_of_shard))
        .collect::<Result<Vec<Values>>>()?;
    let mask = product.mask_of(level, shard);
    let cell =
        |array, values| BlockWrite { group: &level.group, array, block: &position, offsets: None, values };
    let mut written = Written::default();
    let mut values = values.into_iter();
    let mut next = 0;
    loop {
        let mut blocks: Vec<(usize, Block)> = Vec::new();
        let mut bytes = 0;
        while bytes < together
            && let Some(pieces) = values.next()
        {
            let made = block(&variables[next], cells, &pieces)?;
            bytes += made.bytes();
            blocks.push((next, made));
            next += 1;
        }
        let mut writes: Vec<BlockWrite<'_>> = Vec::with_capacity(blocks.len() + names.len() + 1);
        writes.extend(blocks.iter().map(|(at, block)| BlockWrite {
            group: &level.group,
            array: &variables[*at].name,
            block: &positions[*at],
            offsets: block.offsets.as_deref(),
            values: &block.values,
        }));
        let is_last = values.len() == 0;
        if is_last {
            writes.extend(names.iter().zip(&coordinates).map(|(name, values)| cell(name.as_str(), values)));
            writes.extend(mask.iter().map(|values| cell(AOI_MASK, values)));
        }
        written += store.write_blocks(&writes)?;
        if is_last {
            return Ok(written);
        }
    }
}
