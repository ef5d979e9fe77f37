//! The row index of a granule: which rows lie in which shard, and in which cell.
//!
//! Along a track neighbouring rows share a cell, so the index holds runs: a cell and the rows that lie in it. For ATL06 at
//! order 12 that is some eighty rows a run.

mod indexed;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::grid::{Grid, NO_CELL};
use crate::report::Strays;
use crate::rows::Rows;
use crate::source::{OpenGranule, PartState, Positions};

use super::watched::Watched;

/// An opened granule with its row index.
#[derive(Debug)]
pub struct Located {
    granule: Box<dyn OpenGranule>,
    parts: Vec<Part>,
    /// The object that is read, when it is told.
    object: Option<Arc<Watched>>,
    /// Whether it comes from an index.
    known: bool,
}

#[derive(Debug)]
enum Part {
    Absent,
    Hole(Error),
    Exact {
        runs: Vec<Run>,
        shards: BTreeMap<u64, Vec<u32>>,
        bad: u64,
    },
    /// Rows that are located again by their own coordinates. `exact` when each stands in the one shard it lies in.
    Candidates {
        shards: BTreeMap<u64, Rows>,
        exact: bool,
        bad: u64,
    },
}

/// Consecutive rows in one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    cell: u64,
    rows: Range<u64>,
}

/// What a part holds for one shard.
#[derive(Debug, Clone, PartialEq)]
pub enum PartRows {
    /// The granule does not have the part.
    Absent,
    /// Its positions cannot be read.
    Hole(Error),
    /// These rows, each in the leaf cell that stands beside it in order.
    Exact {
        /// The rows.
        rows: Rows,
        /// One leaf cell per row.
        cells: Vec<u64>,
    },
    /// At most these rows: they must be located by their own coordinates.
    Candidates {
        /// The rows.
        rows: Rows,
        /// Whether an index says that every one of them lies in the shard: if one does not, the index is wrong.
        all: bool,
    },
}

impl Located {
    /// Reads the positions of every part and locates them.
    ///
    /// # Errors
    /// When the source breaks its contract. A part that cannot be read is a hole, no error.
    pub fn new(granule: Box<dyn OpenGranule>, grid: &dyn Grid) -> Result<Self> {
        let present: Vec<usize> = granule
            .parts()
            .iter()
            .enumerate()
            .filter(|(_, part)| matches!(part.state, PartState::Present { .. }))
            .map(|(number, _)| number)
            .collect();
        let positions = crate::caught(|| Ok(granule.positions(&present)))?;
        if positions.len() != present.len() {
            return Err(Error::plugin(format!(
                "the source gave positions of {} parts instead of {}",
                positions.len(),
                present.len()
            )));
        }
        let mut positions = positions.into_iter();
        let parts = granule
            .parts()
            .iter()
            .map(|part| match &part.state {
                PartState::Absent => Part::Absent,
                PartState::Broken(error) => Part::Hole(error.clone()),
                PartState::Present { rows } => match positions.next() {
                    Some(Ok(positions)) => {
                        crate::caught(|| locate(*rows, &positions, grid)).unwrap_or_else(Part::Hole)
                    }
                    Some(Err(error)) => Part::Hole(error),
                    None => Part::Hole(Error::plugin("the source gave no positions")),
                },
            })
            .collect();
        Ok(Self { granule, parts, object: None, known: false })
    }

    /// Notes the object that was read: only then can an index be made.
    #[must_use]
    pub(crate) fn of(self, object: Arc<Watched>) -> Self {
        Self { object: Some(object), ..self }
    }

    /// Makes sure that the object is the one that its index describes, with one read of one byte unless something was read.
    ///
    /// # Errors
    /// When it is another one, is gone, or cannot be reached.
    pub(crate) fn prove(&self) -> Result<()> {
        match &self.object {
            Some(object) if self.known => object.prove(),
            _ => Ok(()),
        }
    }

    /// Whether it comes from an index, and its positions were not read.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The opened granule.
    pub fn granule(&self) -> &dyn OpenGranule {
        &*self.granule
    }

    /// Every shard with a row of this granule, ascending. A part with coarse positions may add shards it only touches.
    pub fn shards(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self
            .parts
            .iter()
            .flat_map(|part| match part {
                Part::Exact { shards, .. } => shards.keys().copied().collect::<Vec<_>>(),
                Part::Candidates { shards, .. } => shards.keys().copied().collect(),
                Part::Absent | Part::Hole(_) => Vec::new(),
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Names and reasons of the parts that cannot be read.
    pub fn holes(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.granule.parts().iter().zip(&self.parts).filter_map(|(info, part)| match part {
            Part::Hole(error) => Some((info.name.as_str(), error)),
            _ => None,
        })
    }

    /// The rows of every part that lie in a shard.
    pub fn rows_in(&self, shard: u64) -> Vec<PartRows> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Absent => PartRows::Absent,
                Part::Hole(error) => PartRows::Hole(error.clone()),
                Part::Exact { runs, shards, .. } => {
                    let numbers = shards.get(&shard).map_or(&[][..], Vec::as_slice);
                    let runs = || numbers.iter().map(|&n| &runs[n as usize]);
                    let rows = Rows::from_ranges(runs().map(|run| run.rows.clone()));
                    let mut cells = Vec::with_capacity(rows.len() as usize);
                    for run in runs() {
                        cells.resize(cells.len() + (run.rows.end - run.rows.start) as usize, run.cell);
                    }
                    PartRows::Exact { rows, cells }
                }
                Part::Candidates { shards, exact, .. } => PartRows::Candidates {
                    rows: shards.get(&shard).cloned().unwrap_or_default(),
                    all: *exact,
                },
            })
            .collect()
    }

    /// Rows that no shard counts: without a position, or in a shard of the map that does not list this granule.
    pub(super) fn strays(&self, listed: &[u64], map: &HashSet<u64>) -> Strays {
        let mut strays = Strays::default();
        let unlisted = |shard: &u64| map.contains(shard) && listed.binary_search(shard).is_err();
        for part in &self.parts {
            match part {
                Part::Absent | Part::Hole(_) => {}
                Part::Candidates { shards, exact, bad } => {
                    strays.rows_bad_position += bad;
                    let unassigned = shards.iter().filter(|(shard, _)| *exact && unlisted(shard));
                    strays.rows_unassigned += unassigned.map(|(_, rows)| rows.len()).sum::<u64>();
                }
                Part::Exact { runs, shards, bad } => {
                    strays.rows_bad_position += bad;
                    strays.rows_unassigned += shards
                        .iter()
                        .filter(|(shard, _)| unlisted(shard))
                        .flat_map(|(_, numbers)| numbers)
                        .map(|&n| len(&runs[n as usize].rows))
                        .sum::<u64>();
                }
            }
        }
        strays
    }
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// Whether a position is one at all; where a grid ends is the grid's affair.
fn is_position(lon: f64, lat: f64) -> bool {
    lon.is_finite() && lat.abs() <= 90.0
}

fn locate(rows: u64, positions: &Positions, grid: &dyn Grid) -> Result<Part> {
    let (Positions::Exact { lon, lat } | Positions::Coarse { lon, lat, .. }) = positions;
    let parents = match positions {
        Positions::Exact { .. } => rows as usize,
        Positions::Coarse { rows, .. } => rows.len(),
    };
    if lon.len() != parents || lat.len() != parents {
        return Err(Error::corrupt(format!(
            "{} longitudes and {} latitudes for {parents} rows",
            lon.len(),
            lat.len()
        )));
    }
    let mut cells = vec![NO_CELL; parents];
    grid.locate(lon, lat, &mut cells);
    let is_bad = |at: usize| !is_position(lon[at], lat[at]);
    match positions {
        Positions::Exact { .. } => {
            let bad = (0..parents).filter(|&at| is_bad(at)).count() as u64;
            let runs = runs(&cells);
            let heads: Vec<u64> = runs.iter().map(|run| run.cell).collect();
            let mut homes = vec![NO_CELL; heads.len()];
            grid.shards_of(&heads, &mut homes);
            let mut shards: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            for (number, shard) in homes.into_iter().enumerate() {
                let number = u32::try_from(number)
                    .map_err(|_| Error::unsupported("more than 2^32 runs in one part"))?;
                shards.entry(shard).or_default().push(number);
            }
            Ok(Part::Exact { runs, shards, bad })
        }
        Positions::Coarse { rows: ranges, .. } => {
            check_parents(rows, ranges)?;
            let mut homes = vec![NO_CELL; parents];
            grid.shards_of(&cells, &mut homes);
            // A parent without rows is no neighbour, and the rows of one without a position are looked for on both sides.
            let filled: Vec<usize> = (0..parents).filter(|&at| len(&ranges[at]) > 0).collect();
            let is_passed = |at: usize| is_bad(filled[at]);
            let bad = if (0..filled.len()).all(is_passed) { ranges.iter().map(len).sum() } else { 0 };
            let mut shards: BTreeMap<u64, Vec<Range<u64>>> = BTreeMap::new();
            for at in (0..filled.len()).filter(|&at| homes[filled[at]] != NO_CELL) {
                // The rows of a parent near a border may lie in the neighbour's shard.
                let (mut first, mut last) = (at.saturating_sub(1), (at + 1).min(filled.len() - 1));
                while first > 0 && is_passed(first) {
                    first -= 1;
                }
                while last + 1 < filled.len() && is_passed(last) {
                    last += 1;
                }
                let rows = ranges[filled[first]].start..ranges[filled[last]].end;
                shards.entry(homes[filled[at]]).or_default().push(rows);
            }
            let shards =
                shards.into_iter().map(|(shard, ranges)| (shard, Rows::from_ranges(ranges))).collect();
            Ok(Part::Candidates { shards, exact: false, bad })
        }
    }
}

/// Parents must come in the order of their rows and leave none out, so that no row is lost between them.
fn check_parents(rows: u64, ranges: &[Range<u64>]) -> Result<()> {
    let mut next = 0;
    for range in ranges {
        if range.start != next || range.end < range.start {
            return Err(Error::corrupt(format!(
                "a parent has the rows {}..{} where rows from {next} on must follow",
                range.start, range.end
            )));
        }
        next = range.end;
    }
    if next != rows {
        return Err(Error::corrupt(format!("the parents have {next} rows where the part has {rows}")));
    }
    Ok(())
}

/// Runs of equal cells, without the rows that have none.
fn runs(cells: &[u64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (row, &cell) in cells.iter().enumerate() {
        let row = row as u64;
        match runs.last_mut() {
            _ if cell == NO_CELL => {}
            Some(run) if run.cell == cell && run.rows.end == row => run.rows.end = row + 1,
            _ => runs.push(Run { cell, rows: row..row + 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_break_at_changes_and_at_rows_without_a_cell() {
        let got = runs(&[4, 4, NO_CELL, 4, 5, 5, NO_CELL]);
        let want = [(4, 0..2), (4, 3..4), (5, 4..6)];
        assert_eq!(got, want.map(|(cell, rows)| Run { cell, rows }));
    }

    #[test]
    fn parents_leave_no_row_out() {
        assert!(check_parents(7, &[0..3, 3..3, 3..7]).is_ok());
        assert!(check_parents(0, &[]).is_ok());
        for (rows, parents) in
            [(7, vec![0..3, 4..7]), (7, vec![0..3]), (2, vec![0..3]), (3, vec![0..2, 1..3])]
        {
            assert!(check_parents(rows, &parents).is_err(), "{parents:?}");
        }
    }
}
