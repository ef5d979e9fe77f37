//! Reducing rows that were put aside on disk: ranges of cells are read back, as many rows as there is room for.

use std::ops::Range;

use super::dense::{self, Dense};
use super::{Job, Values, held};
use crate::column::Column;
use crate::error::Result;
use crate::levels::Level;
use crate::memory::Scratch;
use crate::task::group::sort_by_offset;
use crate::task::places::places_of;
use crate::task::spill::{Ranges, Spill};

/// The rows of a shard on disk, for every level.
#[derive(Debug)]
pub(super) struct Levels<'a> {
    job: Job<'a>,
    shard: u64,
    /// Sorted by leaf cell.
    leaf: Spill,
    scratch: &'a Scratch,
}

impl<'a> Levels<'a> {
    pub(super) fn new(job: Job<'a>, shard: u64, leaf: Spill, scratch: &'a Scratch) -> Self {
        Self { job, shard, leaf, scratch }
    }

    /// The values of a level.
    ///
    /// # Errors
    /// As of [`super::reduce`].
    pub(super) fn reduce(&self, level: &Level) -> Result<Values> {
        if level.level == self.job.product.levels[0].level {
            reduce(self.job, level, &self.leaf)
        } else {
            reduce(self.job, level, &self.sorted_for(level)?)
        }
    }

    /// The same runs sorted by the cells of another level. Rows of one cell stay in arrival order.
    fn sorted_for(&self, level: &Level) -> Result<Spill> {
        let Job { product, .. } = self.job;
        let leaf = &product.levels[0];
        let cells = product.grid.cells_of_shard(self.shard, leaf.level);
        let places_of_leaves = places_of(product, self.shard, level, &cells)?;
        drop(cells);
        let mut sorted = Spill::new(self.scratch)?;
        for run in 0..self.leaf.runs() {
            let rows = 0..self.leaf.rows_of(run);
            // For each row in arrival order: where it stands in the run, and its place.
            let mut stands = vec![0u32; rows.len()];
            let mut places = vec![0u32; rows.len()];
            let leaves = self.leaf.places(run, rows.clone())?;
            for (at, (leaf, arrival)) in leaves.iter().zip(self.leaf.arrival(run)?).enumerate() {
                let place = places_of_leaves.get(*leaf as usize).copied();
                let slots = stands.get_mut(arrival as usize).zip(places.get_mut(arrival as usize)).zip(place);
                if let Some(((stand, slot), place)) = slots {
                    (*stand, *slot) = (at as u32, place);
                }
            }
            drop(leaves);
            let order = sort_by_offset(&places, level.layout.cells_per_shard() as usize).permutation;
            let order: Vec<u32> = order.into_iter().map(|row| stands[row as usize]).collect();
            // The places in the order of the run, as the columns are.
            let mut places_of_run = vec![0; rows.len()];
            for (stand, place) in stands.into_iter().zip(places) {
                places_of_run[stand as usize] = place;
            }
            let column = |number| self.leaf.column(run, number, rows.clone());
            sorted.put((&places_of_run, &order), false, (0..self.leaf.columns()).map(column))?;
        }
        Ok(sorted)
    }
}

/// The values of all cells of runs that are sorted by the places of a level.
fn reduce(job: Job<'_>, level: &Level, rows: &Spill) -> Result<Values> {
    let mut values = Values::new(job.product);
    let cells = level.layout.cells_per_shard() as u32;
    let mut place = 0;
    let mut from = vec![0; rows.runs()];
    while place < cells {
        let mut end = rows.reach(&from, (place, cells), job.limits.held)?;
        let is_dense = end == place;
        if is_dense {
            end += 1;
        }
        let to = rows.below(end)?;
        let ranges: Ranges = from
            .iter()
            .zip(&to)
            .map(|(&from, &to)| from..to)
            .enumerate()
            .filter(|(_, r)| !r.is_empty())
            .collect();
        if is_dense {
            values.add(job, 1, dense::reduce(job, place, &Aside { rows, ranges: &ranges })?)?;
        } else if !ranges.is_empty() {
            let mut places = Vec::new();
            for (run, range) in &ranges {
                places.extend(rows.places(*run, range.clone())?);
            }
            // Runs come in arrival order, and so do the rows of a cell within each.
            held::reduce(job, level, &places, &rows.gather(&ranges, None)?, &mut values)?;
        }
        (place, from) = (end, to);
    }
    Ok(values)
}

/// The rows of one cell on disk.
struct Aside<'a> {
    rows: &'a Spill,
    ranges: &'a [(usize, Range<usize>)],
}

impl Dense for Aside<'_> {
    fn rows(&self) -> u64 {
        self.ranges.iter().map(|(_, rows)| rows.len() as u64).sum()
    }

    fn columns(&self, rows: Range<u64>, wanted: &[usize]) -> Result<Vec<Column>> {
        let mut some = Ranges::new();
        let mut before = 0;
        for (run, range) in self.ranges {
            let after = before + range.len() as u64;
            let (from, to) = (rows.start.clamp(before, after), rows.end.clamp(before, after));
            if from < to {
                let of_run = |row: u64| range.start + (row - before) as usize;
                some.push((*run, of_run(from)..of_run(to)));
            }
            before = after;
        }
        self.rows.gather(&some, Some(wanted))
    }
}
