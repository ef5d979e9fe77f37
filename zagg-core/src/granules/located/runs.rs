//! Rows with exact positions: runs of equal cells, by shard.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{is_position, len};
use crate::error::{Error, Result};
use crate::grid::{Grid, NO_CELL};
use crate::report::Strays;
use crate::rows::Rows;

/// Rows that are located, each in its leaf cell.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// Numbers of the runs that lie in a shard, ascending.
    shards: BTreeMap<u64, Vec<u32>>,
    /// Rows whose position is none.
    pub(super) bad: u64,
}

/// Consecutive rows in one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    cell: u64,
    rows: Range<u64>,
}

impl Runs {
    /// Locates the rows from number `first` on. `lon` and `lat` are of one length.
    pub(super) fn of(first: u64, lon: &[f64], lat: &[f64], grid: &dyn Grid) -> Result<Self> {
        let mut cells = vec![NO_CELL; lon.len()];
        grid.locate(lon, lat, &mut cells);
        let bad = lon.iter().zip(lat).filter(|&(&lon, &lat)| !is_position(lon, lat)).count() as u64;
        let runs = runs(first, &cells);
        let heads: Vec<u64> = runs.iter().map(|run| run.cell).collect();
        let mut homes = vec![NO_CELL; heads.len()];
        grid.shards_of(&heads, &mut homes);
        let mut shards: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (number, shard) in homes.into_iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| too_many())?;
            shards.entry(shard).or_default().push(number);
        }
        shards.values_mut().for_each(Vec::shrink_to_fit);
        Ok(Self { runs, shards, bad })
    }

    /// Adds the runs of rows that lie behind these and do not touch them.
    ///
    /// # Errors
    /// When there are more than can be counted.
    pub(super) fn append(&mut self, mut behind: Self) -> Result<()> {
        if self.runs.is_empty() {
            behind.bad += self.bad;
            *self = behind;
            return Ok(());
        }
        let before = self.runs.len();
        u32::try_from(before + behind.runs.len()).map_err(|_| too_many())?;
        self.runs.append(&mut behind.runs);
        for (shard, numbers) in behind.shards {
            let numbers = numbers.into_iter().map(|number| number + before as u32);
            self.shards.entry(shard).or_default().extend(numbers);
        }
        self.bad += behind.bad;
        Ok(())
    }

    /// The shards with a row, ascending.
    pub(super) fn shards(&self) -> impl Iterator<Item = u64> + '_ {
        self.shards.keys().copied()
    }

    /// Ranges of the rows that lie in a shard, ascending, each with its cell. Touching ranges differ in their cell.
    pub(super) fn in_shard(&self, shard: u64) -> impl Iterator<Item = (u64, Range<u64>)> + '_ {
        let numbers = self.shards.get(&shard).map_or(&[][..], Vec::as_slice);
        numbers.iter().map(|&number| {
            let Run { cell, rows } = &self.runs[number as usize];
            (*cell, rows.clone())
        })
    }

    /// Rows that no shard counts: without a position, or in a shard of the map that does not list the granule.
    pub(super) fn strays(&self, listed: &[u64], map: &HashSet<u64>) -> Strays {
        let unlisted =
            self.shards().filter(|shard| map.contains(shard) && listed.binary_search(shard).is_err());
        let unassigned = unlisted.flat_map(|shard| self.in_shard(shard)).map(|(_, rows)| len(&rows)).sum();
        Strays { rows_bad_position: self.bad, rows_unassigned: unassigned, ..Strays::default() }
    }
}

fn too_many() -> Error {
    Error::unsupported("more than 2^32 runs in one part")
}

/// Rows and the leaf cell of each, of ascending ranges.
pub(super) fn rows_and_cells(runs: &[(u64, Range<u64>)]) -> (Rows, Vec<u64>) {
    let rows = Rows::from_ranges(runs.iter().map(|(_, rows)| rows.clone()));
    let mut cells = Vec::with_capacity(rows.len() as usize);
    for (cell, rows) in runs {
        cells.resize(cells.len() + (rows.end - rows.start) as usize, *cell);
    }
    (rows, cells)
}

/// Runs of equal cells, without the rows that have none.
fn runs(first: u64, cells: &[u64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (row, &cell) in (first..).zip(cells) {
        match runs.last_mut() {
            _ if cell == NO_CELL => {}
            Some(run) if run.cell == cell && run.rows.end == row => run.rows.end = row + 1,
            _ => runs.push(Run { cell, rows: row..row + 1 }),
        }
    }
    // They stay as long as the granule is open.
    runs.shrink_to_fit();
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_break_at_changes_and_at_rows_without_a_cell() {
        let got = runs(0, &[4, 4, NO_CELL, 4, 5, 5, NO_CELL]);
        let want = [(4, 0..2), (4, 3..4), (5, 4..6)];
        assert_eq!(got, want.map(|(cell, rows)| Run { cell, rows }));
        assert_eq!(runs(7, &[NO_CELL, 4]), [Run { cell: 4, rows: 8..9 }]);
    }
}
