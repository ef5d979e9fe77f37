//! From the rows of a shard to its values at every level.
//!
//! Every level is computed from the rows themselves, sorted anew from arrival order by the cell of that level: no statistic
//! of a coarser level is made from those of a finer one, so that each level is what a run at that level gives.
//!
//! How much is in memory at once changes nothing: cells are taken one after the other, as many together as there is room for.
//! Only a cell with very many rows is taken in parts, and always in the same ones (see [`dense`]).

mod aside;
mod dense;
mod held;

use crate::block::Piece;
use crate::error::{Error, Result};
use crate::levels::{Level, Writer};
use crate::memory::RowLimits;
use crate::product::Product;
use crate::program::{CompiledVariable, SortedRows};
use crate::records::{LevelRecord, LevelValues, VariableValues};
use crate::run::Run;

use super::gather::Rows;
use super::places::places_of;
use super::states::of_variable;
use aside::Levels;

/// Everything that a shard's rows come to.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// Cells of the leaf level with at least one row.
    pub(super) cells: u64,
    /// For every level whose blocks the task writes, by its place among the product's levels, the values of each variable.
    pub(super) levels: Vec<(usize, Vec<Vec<Piece>>)>,
    /// What finalize makes the other levels from; none when there are no others.
    pub(super) record: Option<LevelRecord>,
}

/// What reducing goes by.
#[derive(Debug, Clone, Copy)]
struct Job<'a> {
    product: &'a Product,
    limits: RowLimits,
}

/// The values of all cells of one level.
#[derive(Debug)]
struct Values {
    /// Cells with a row.
    cells: u64,
    /// For each variable its values, in pieces of ascending places.
    pieces: Vec<Vec<Piece>>,
    /// Bytes of all pieces.
    bytes: u64,
}

impl Values {
    fn new(product: &Product) -> Self {
        let variables = product.program.variables();
        Self { cells: 0, pieces: variables.iter().map(|_| Vec::new()).collect(), bytes: 0 }
    }

    /// Adds a piece for each variable that has one.
    ///
    /// # Errors
    /// When the values of the level take more memory than there is.
    fn add(&mut self, job: Job<'_>, cells: u64, pieces: Vec<Option<Piece>>) -> Result<()> {
        self.cells += cells;
        for (all, piece) in self.pieces.iter_mut().zip(pieces) {
            self.bytes += piece.as_ref().map_or(0, Piece::bytes);
            all.extend(piece);
        }
        if self.bytes <= job.limits.values {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "the values of the shard take more than {} MiB, and memory suffices for no more; give more --memory, choose smaller \
             shards with a larger parent_order, or fewer numbers for each cell",
            job.limits.values >> 20
        )))
    }
}

/// Reckons every level. Runs on the threads that compute.
///
/// # Errors
/// When a variable cannot take the rows, a cell has more of them than memory allows, or what was put aside cannot be read.
pub(super) fn reduce(run: &Run, shard: u64, rows: Rows) -> Result<Reduced> {
    let product = &run.product;
    let of_shards: Vec<(usize, &Level)> =
        product.levels.iter().enumerate().filter(|(_, level)| level.writer != Writer::Merge).collect();
    let mut reduced = Reduced::default();
    let mut record = LevelRecord::default();
    let mut keep = |at: usize, level: &Level, values: Values| -> Result<()> {
        if at == 0 {
            reduced.cells = values.cells;
        }
        if level.writer == Writer::Tasks {
            reduced.levels.push((at, values.pieces));
        } else {
            record.levels.push(values_of(product, level, values)?);
        }
        Ok(())
    };
    let merges = product.levels.iter().any(|level| level.writer == Writer::Merge);
    let states = match rows {
        Rows::Held(chunk, states) => {
            let types: Vec<_> = chunk.columns.iter().map(|column| column.values.dtype()).collect();
            let job = Job { product, limits: run.memory.limits(&product.program, &types) };
            for (at, level) in of_shards {
                let places = places_of(product, shard, level, &chunk.cells)?;
                let mut values = Values::new(product);
                held::reduce(job, level, &places, &chunk.columns, &mut values)?;
                keep(at, level, values)?;
            }
            states
        }
        Rows::Aside(leaf, states) => {
            let job = Job { product, limits: run.memory.limits(&product.program, &leaf.types()) };
            let levels = Levels::new(job, shard, leaf, &run.memory.scratch);
            for (at, level) in of_shards {
                keep(at, level, levels.reduce(level)?)?;
            }
            states
        }
    };
    if merges {
        record.states = states.merged(product)?;
    }
    let is_recorded = product.levels.iter().any(|level| level.writer != Writer::Tasks);
    reduced.record = is_recorded.then_some(record);
    Ok(reduced)
}

/// The values of a level for the record of the shard.
fn values_of(product: &Product, level: &Level, values: Values) -> Result<LevelValues> {
    let variables = product.program.variables().iter().zip(values.pieces);
    let variables = variables.map(|(variable, pieces)| {
        let Piece { places, output } = Piece::joined(variable, pieces)?;
        Ok(VariableValues { name: variable.name.clone(), places, output })
    });
    Ok(LevelValues { group: level.group.clone(), variables: variables.collect::<Result<_>>()? })
}

/// The values of one variable, each with the place of its cell.
fn piece(variable: &CompiledVariable, rows: &SortedRows<'_>, places: &[u32]) -> Result<Piece> {
    let per_group = crate::caught(|| variable.reduce(rows)).map_err(|error| of_variable(error, variable))?;
    let places = match per_group.groups {
        None => places.to_vec(),
        Some(groups) => groups.iter().map(|&group| places[group as usize]).collect(),
    };
    Ok(Piece { places, output: per_group.answers })
}
