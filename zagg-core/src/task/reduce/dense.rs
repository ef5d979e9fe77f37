//! Cells with very many rows.
//!
//! A cell with more rows than a block has is taken block by block by the variables whose states merge: the states of the blocks
//! are merged in arrival order. The size of a block is fixed, so the value does not depend on memory. A variable whose states
//! do not merge, such as a median, needs the rows of the cell in its columns all at once.

use std::ops::Range;

use super::{Job, piece};
use crate::block::Piece;
use crate::column::Column;
use crate::cores;
use crate::error::{Error, Result};
use crate::program::{CompiledVariable, SortedRows};
use crate::statistic::States;
use crate::task::states::of_variable;

/// The rows of one cell, wherever they are.
pub(super) trait Dense: Sync {
    /// How many there are.
    fn rows(&self) -> u64;

    /// Some of them in arrival order. Columns whose number is not `wanted` may come without rows.
    ///
    /// # Errors
    /// When they cannot be read.
    fn columns(&self, rows: Range<u64>, wanted: &[usize]) -> Result<Vec<Column>>;
}

/// For each variable the value of the cell at this place, if it has one.
///
/// # Errors
/// When a variable needs more rows at once than memory allows, or as of [`super::reduce`].
pub(super) fn reduce(job: Job<'_>, place: u32, cell: &dyn Dense) -> Result<Vec<Option<Piece>>> {
    let variables = job.product.program.variables();
    let merging: Vec<bool> = variables.iter().map(|variable| variable.form().is_some()).collect();
    let states = states(job, &merging, cell)?;
    let mut pieces = Vec::with_capacity(variables.len());
    for ((variable, merges), states) in variables.iter().zip(merging).zip(states) {
        pieces.push(match (merges, states.is_empty()) {
            (true, true) => None,
            (true, false) => {
                let finish = || variable.finish(&states, &[0, states.len() as u32]);
                let output = crate::caught(finish).map_err(|error| of_variable(error, variable))?;
                Some(Piece { places: vec![place], output })
            }
            (false, _) => whole(job, variable, place, cell)?,
        });
    }
    Ok(pieces)
}

/// The states of all blocks for the variables that merge; none for the others.
fn states(job: Job<'_>, merging: &[bool], cell: &dyn Dense) -> Result<Vec<States>> {
    let program = &job.product.program;
    let mut all = vec![States::default(); merging.len()];
    if !merging.contains(&true) {
        return Ok(all);
    }
    let chosen = || program.variables().iter().zip(merging).filter(|(_, merges)| **merges).map(|(v, _)| v);
    let (wanted, derived) = needs(chosen());
    let variables: Vec<_> = program.variables().iter().zip(merging.iter().copied()).collect();
    let mut start = 0;
    while start < cell.rows() {
        let end = cell.rows().min(start + job.limits.block as u64);
        let columns = cell.columns(start..end, &wanted)?;
        let rows = (end - start) as usize;
        let inputs = program.some_inputs(rows, &columns, &derived)?;
        let names = program.columns_of_variables();
        let offsets = [0, rows as u32];
        let rows = SortedRows { offsets: &offsets, names, columns: &columns, inputs: &inputs };
        let partials = cores::each(&variables, |&(variable, merges)| {
            if !merges {
                return Ok(States::default());
            }
            let partial = crate::caught(|| variable.partial(&rows));
            Ok(partial.map_err(|error| of_variable(error, variable))?.answers)
        })?;
        // A block in which every row misses a value has no state.
        for (states, partial) in all.iter_mut().zip(partials).filter(|(_, partial)| !partial.is_empty()) {
            states.push(partial.state(0));
        }
        start = end;
    }
    Ok(all)
}

/// The value of a variable that needs all rows of a cell at once.
fn whole(job: Job<'_>, variable: &CompiledVariable, place: u32, cell: &dyn Dense) -> Result<Option<Piece>> {
    let program = &job.product.program;
    let (wanted, derived) = needs(std::iter::once(variable));
    let most = job.limits.in_one_cell(wanted.len() + derived.len());
    if cell.rows() > most {
        return Err(Error::unsupported(format!(
            "variable {}: a cell has {} rows, of which it needs all at once, and memory suffices for {most}; give more \
             --memory, choose smaller cells with a larger child_order, or a function that merges, such as tdigest",
            variable.name,
            cell.rows()
        )));
    }
    let columns = cell.columns(0..cell.rows(), &wanted)?;
    let rows = cell.rows() as usize;
    let inputs = program.some_inputs(rows, &columns, &derived)?;
    let names = program.columns_of_variables();
    let offsets = [0, rows as u32];
    let piece = piece(
        variable,
        &SortedRows { offsets: &offsets, names, columns: &columns, inputs: &inputs },
        &[place],
    )?;
    Ok((!piece.places.is_empty()).then_some(piece))
}

/// The columns and the derived inputs that some variables read, each once.
fn needs<'a>(variables: impl Iterator<Item = &'a CompiledVariable>) -> (Vec<usize>, Vec<usize>) {
    let (mut columns, mut derived) = (Vec::new(), Vec::new());
    for variable in variables {
        columns.extend_from_slice(variable.reads());
        derived.extend(variable.derived());
    }
    for numbers in [&mut columns, &mut derived] {
        numbers.sort_unstable();
        numbers.dedup();
    }
    (columns, derived)
}
