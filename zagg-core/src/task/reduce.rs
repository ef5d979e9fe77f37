//! From the rows of a shard to its values at every level.
//!
//! Every level is computed from the rows themselves, sorted anew from arrival order by the cell of that level: no statistic
//! of a coarser level is made from those of a finer one, so that each level is what a run at that level gives.

use rayon::prelude::*;

use super::group::{Sorted, sort_by_offset};
use crate::block::{Block, Piece, block};
use crate::column::{Column, Values};
use crate::error::{Error, Result};
use crate::levels::{Level, Writer};
use crate::product::Product;
use crate::program::{CompiledVariable, SortedRows};
use crate::records::{LevelRecord, LevelValues, VariableStates, VariableValues};

/// Everything that a shard's rows come to.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// Cells of the leaf level with at least one row.
    pub(super) cells: u64,
    /// For every level whose blocks the task writes, by its place among the product's levels, one block per variable.
    pub(super) blocks: Vec<(usize, Vec<Block>)>,
    /// What finalize makes the other levels from; none when there are no others.
    pub(super) record: Option<LevelRecord>,
}

/// Rows of a shard in arrival order: the leaf cell and the columns of each.
pub(super) fn reduce(product: &Product, shard: u64, cells: &[u64], columns: Vec<Column>) -> Result<Reduced> {
    let mut columns = columns;
    let rows = cells.len();
    let mut inputs = if rows == 0 { Vec::new() } else { product.program.inputs(rows, &columns)? };
    let mut reduced = Reduced::default();
    let mut record = LevelRecord::default();
    let merges = product.levels.iter().any(|level| level.writer == Writer::Merge);
    if merges {
        record.states = states(product, rows, &columns, &inputs)?;
    }
    let of_shards: Vec<(usize, &Level)> =
        product.levels.iter().enumerate().filter(|(_, level)| level.writer != Writer::Merge).collect();
    for (number, &(at, level)) in of_shards.iter().enumerate() {
        let Sorted { permutation, offsets, places } = sort(product, shard, level, cells)?;
        if at == 0 {
            reduced.cells = places.len() as u64;
        }
        // The last level may take the columns apart; the others leave them as they came.
        let is_last = number + 1 == of_shards.len();
        let gathered = Gathered::new(&mut columns, &mut inputs, &permutation, is_last);
        let rows = gathered.sorted(product, &offsets);
        let pieces: Vec<Piece> = match places.is_empty() {
            true => Vec::new(),
            false => product
                .program
                .variables()
                .par_iter()
                .map(|variable| piece(variable, &rows, &places))
                .collect::<Result<_>>()?,
        };
        if level.writer == Writer::Tasks {
            let cells = level.layout.cells_per_shard() as usize;
            let mut pieces = pieces.into_iter();
            let blocks = product
                .program
                .variables()
                .iter()
                .map(|variable| block(variable, cells, pieces.next().as_slice()))
                .collect::<Result<_>>()?;
            reduced.blocks.push((at, blocks));
        } else {
            let variables = product
                .program
                .variables()
                .iter()
                .zip(pieces)
                .map(|(variable, piece)| VariableValues {
                    name: variable.name.clone(),
                    places: piece.places,
                    output: piece.output,
                })
                .collect();
            record.levels.push(LevelValues { group: level.group.clone(), variables });
        }
    }
    let is_recorded = product.levels.iter().any(|level| level.writer != Writer::Tasks);
    reduced.record = is_recorded.then_some(record);
    Ok(reduced)
}

/// Columns and inputs of variables in sorted order.
struct Gathered {
    columns: Vec<Column>,
    inputs: Vec<Values>,
}

impl Gathered {
    fn new(columns: &mut Vec<Column>, inputs: &mut Vec<Values>, order: &[u32], take: bool) -> Self {
        if take {
            let (columns, inputs) = (std::mem::take(columns), std::mem::take(inputs));
            Self {
                columns: columns.into_par_iter().map(|column| column.gather(order)).collect(),
                inputs: inputs.into_par_iter().map(|values| values.gather(order)).collect(),
            }
        } else {
            Self {
                columns: columns.par_iter().map(|column| column.gather(order)).collect(),
                inputs: inputs.par_iter().map(|values| values.gather(order)).collect(),
            }
        }
    }

    fn sorted<'a>(&'a self, product: &'a Product, offsets: &'a [u32]) -> SortedRows<'a> {
        SortedRows {
            offsets,
            names: product.program.columns_of_variables(),
            columns: &self.columns,
            inputs: &self.inputs,
        }
    }
}

/// Sorts the rows of a shard by their cell of a level.
fn sort(product: &Product, shard: u64, level: &Level, cells: &[u64]) -> Result<Sorted> {
    let grid = &*product.grid;
    let mut offsets = vec![0; cells.len()];
    if level.level == grid.leaf_level() {
        grid.offsets_in_shard(shard, level.level, cells, &mut offsets);
    } else {
        let mut parents = vec![0; cells.len()];
        grid.parents(cells, level.level, &mut parents);
        grid.offsets_in_shard(shard, level.level, &parents, &mut offsets);
    }
    let cells_per_shard = level.layout.cells_per_shard() as usize;
    if let Some(offset) = offsets.iter().find(|&&offset| offset as usize >= cells_per_shard) {
        return Err(Error::plugin(format!(
            "the grid put a row at place {offset} of a shard with {cells_per_shard} cells"
        )));
    }
    Ok(sort_by_offset(&offsets, cells_per_shard))
}

/// The values of one variable, each with the place of its cell.
fn piece(variable: &CompiledVariable, rows: &SortedRows<'_>, places: &[u32]) -> Result<Piece> {
    let per_group = crate::caught(|| variable.reduce(rows))
        .map_err(|error| error.context(format!("variable {}", variable.name)))?;
    let places = match per_group.groups {
        None => places.to_vec(),
        Some(groups) => groups.iter().map(|&group| places[group as usize]).collect(),
    };
    Ok(Piece { places, output: per_group.answers })
}

/// The states of the whole shard of every variable whose states merge.
fn states(
    product: &Product,
    rows: usize,
    columns: &[Column],
    inputs: &[Values],
) -> Result<Vec<VariableStates>> {
    let offsets = if rows == 0 { vec![0] } else { vec![0, rows as u32] };
    let sorted =
        SortedRows { offsets: &offsets, names: product.program.columns_of_variables(), columns, inputs };
    let state = |variable: &CompiledVariable| {
        let form = variable.form()?;
        let partial = || match rows {
            0 => Ok(None),
            _ => {
                let states = variable.partial(&sorted)?.answers;
                Ok((!states.is_empty()).then(|| states.state(0).to_vec()))
            }
        };
        let state =
            crate::caught(partial).map_err(|error| error.context(format!("variable {}", variable.name)));
        Some(state.map(|state| VariableStates { name: variable.name.clone(), form, state }))
    };
    product.program.variables().par_iter().filter_map(state).collect()
}
