//! Reducing rows that are in memory: sorted by cell, and gathered for as many cells at once as there is room for.

use super::dense::{self, Dense};
use super::{Job, Values, piece};
use crate::block::Piece;
use crate::column::Column;
use crate::cores;
use crate::error::Result;
use crate::levels::Level;
use crate::profile::{self, Phase};
use crate::program::{CompiledVariable, SortedRows};
use crate::task::group::{Sorted, sort_by_offset};

/// Adds the values of the cells of these rows: `places` has the place of the cell of each, the columns are in the same order.
///
/// # Errors
/// As of [`super::reduce`].
pub(super) fn reduce(
    job: Job<'_>,
    level: &Level,
    places: &[u32],
    columns: &[Column],
    values: &mut Values,
) -> Result<()> {
    let cells = level.layout.cells_per_shard() as usize;
    let sorted = profile::time(Phase::Sort, || sort_by_offset(places, cells));
    let Sorted { permutation, offsets, places } = &sorted;
    let rows = |from: usize, to: usize| (offsets[to] - offsets[from]) as usize;
    let mut start = 0;
    while start < places.len() {
        if rows(start, start + 1) > job.limits.block {
            let order = &permutation[offsets[start] as usize..offsets[start + 1] as usize];
            values.add(job, 1, dense::reduce(job, places[start], &Held { order, columns })?)?;
            start += 1;
            continue;
        }
        let mut end = start + 1;
        while end < places.len()
            && rows(end, end + 1) <= job.limits.block
            && rows(start, end + 1) <= job.limits.together
        {
            end += 1;
        }
        let first = offsets[start];
        let order = &permutation[first as usize..offsets[end] as usize];
        let gather = || cores::each(columns, |column| Ok(column.gather(order)));
        let columns = profile::time(Phase::Sort, gather)?;
        let offsets: Vec<u32> = offsets[start..=end].iter().map(|offset| offset - first).collect();
        values.add(job, (end - start) as u64, of_cells(job, &columns, &offsets, &places[start..end])?)?;
        start = end;
    }
    Ok(())
}

/// The values of every variable for sorted rows.
fn of_cells(job: Job<'_>, columns: &[Column], offsets: &[u32], places: &[u32]) -> Result<Vec<Option<Piece>>> {
    let program = &job.product.program;
    let rows = offsets.last().map_or(0, |&rows| rows as usize);
    let inputs = program.inputs(rows, columns)?;
    let names = program.columns_of_variables();
    let rows = SortedRows { offsets, names, columns, inputs: &inputs };
    let counting = profile::current();
    let in_phase = |variable: &CompiledVariable| {
        let piece = || piece(variable, &rows, places).map(Some);
        profile::within(counting.clone(), || profile::time(Phase::Reduce, piece))
    };
    cores::each(program.variables(), in_phase)
}

/// The rows of one cell in memory.
struct Held<'a> {
    /// Their numbers, in arrival order.
    order: &'a [u32],
    columns: &'a [Column],
}

impl Dense for Held<'_> {
    fn rows(&self) -> u64 {
        self.order.len() as u64
    }

    fn columns(&self, rows: std::ops::Range<u64>, wanted: &[usize]) -> Result<Vec<Column>> {
        let order = &self.order[rows.start as usize..rows.end as usize];
        let columns = self.columns.iter().enumerate();
        Ok(columns
            .map(|(at, column)| if wanted.contains(&at) { column.gather(order) } else { Column::none() })
            .collect())
    }
}
