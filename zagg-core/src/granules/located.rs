//! The row index of a granule: which rows lie in which shard, and in which cell.
//!
//! Along a track neighbouring rows share a cell, so the index holds runs: a cell and the rows that lie in it. For ATL06 at
//! order 12 that is some eighty rows a run.

mod banded;
mod boxed;
mod coarse;
mod indexed;
mod reach;
mod runs;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::grid::{Grid, NO_CELL};
use crate::profile::{self, Counter, Phase};
use crate::report::Strays;
use crate::rows::Rows;
use crate::source::{ObjectIdentity, OpenGranule, PartState, Positions};

use super::watched::Watched;
use banded::Banded;
pub(super) use banded::Bands;
use boxed::Boxed;
use coarse::{Elsewhere, Parents};
use runs::{Runs, rows_and_cells};

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
    Exact(Runs),
    /// Rows that are located when they are asked for.
    Boxed(Boxed),
    /// Rows near the latitudes of the shards of a run.
    Banded(Banded),
    /// Rows that are located again by their own coordinates. `exact` when each stands in the one shard it lies in.
    Candidates {
        shards: BTreeMap<u64, Rows>,
        exact: bool,
        bad: u64,
    },
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
    /// Reads the positions of every part, side by side, and locates them.
    ///
    /// # Errors
    /// When the source breaks its contract. A part that cannot be read is a hole, no error.
    pub fn new(granule: Box<dyn OpenGranule>, grid: &dyn Grid) -> Result<Self> {
        Self::read(granule, grid, Ways { group: usize::MAX, bands: None, by_blocks: false })
    }

    /// The same for a run, in which a part of whose longitudes some cannot be read is a hole only in the shards that these rows
    /// may lie in.
    ///
    /// Of a local file one part is located after the other, so that positions take the memory of one part only, and with `bands`
    /// the longitudes of rows elsewhere are not read. Over a network both would cost round trips.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn for_run(
        granule: Box<dyn OpenGranule>,
        grid: &dyn Grid,
        is_local: bool,
        bands: Option<&Bands>,
    ) -> Result<Self> {
        let (group, bands) = if is_local { (1, bands) } else { (usize::MAX, None) };
        Self::read(granule, grid, Ways { group, bands, by_blocks: true })
    }

    fn read(granule: Box<dyn OpenGranule>, grid: &dyn Grid, ways: Ways<'_>) -> Result<Self> {
        let infos = granule.parts().iter();
        let mut parts: Vec<Part> = infos
            .map(|part| match &part.state {
                PartState::Absent | PartState::Present { .. } => Part::Absent,
                PartState::Broken(error) => Part::Hole(error.clone()),
            })
            .collect();
        let mut present: Vec<(usize, u64)> = granule
            .parts()
            .iter()
            .enumerate()
            .filter_map(|(number, part)| match part.state {
                PartState::Present { rows } => Some((number, rows)),
                PartState::Absent | PartState::Broken(_) => None,
            })
            .collect();
        if let Some(bands) = ways.bands {
            present.retain(|&part| {
                let located = banded::locate(part, &*granule, grid, bands);
                let is_apart = located.is_some();
                if let Some(located) = located {
                    parts[part.0] = located.unwrap_or_else(Part::Hole);
                }
                !is_apart
            });
        }
        // A granule without parts is asked too: that it gives nothing is part of its contract.
        let groups = present.chunks(ways.group).chain(present.is_empty().then_some(&present[..]));
        for group in groups {
            let numbers: Vec<usize> = group.iter().map(|(number, _)| *number).collect();
            let positions = profile::time(Phase::Read, || crate::caught(|| Ok(granule.positions(&numbers))))?;
            if positions.len() != group.len() {
                return Err(Error::plugin(format!(
                    "the source gave positions of {} parts instead of {}",
                    positions.len(),
                    group.len()
                )));
            }
            for (&(number, rows), positions) in group.iter().zip(positions) {
                parts[number] = match positions {
                    Ok(positions) => {
                        profile::add(Counter::RowsLocated, rows);
                        profile::time(Phase::Locate, || crate::caught(|| locate(rows, &positions, grid)))
                            .unwrap_or_else(Part::Hole)
                    }
                    // Perhaps it is longitudes of some rows only.
                    Err(error) if ways.by_blocks && banded::is_of_some_rows(&error) => {
                        match banded::locate((number, rows), &*granule, grid, &Bands::everywhere()) {
                            Some(Ok(part)) => part,
                            _ => Part::Hole(error),
                        }
                    }
                    Err(error) => Part::Hole(error),
                };
            }
        }
        Ok(Self { granule, parts, object: None, known: false })
    }

    /// Notes the object that was read: only then can an index be made.
    #[must_use]
    pub(crate) fn of(self, object: Arc<Watched>) -> Self {
        Self { object: Some(object), ..self }
    }

    /// What tells the object that is read from other versions of it, when the object is told.
    pub(crate) fn identity(&self) -> Option<ObjectIdentity> {
        self.object.as_ref().map(|object| ObjectIdentity::of(&**object))
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

    /// Every shard with a row of this granule, ascending. A part with coarse positions may add shards it only touches. What
    /// is not located yet is read for this, and is a hole when it cannot be.
    pub fn shards(&self, grid: &dyn Grid) -> Vec<u64> {
        let mut all = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            match part {
                Part::Exact(runs) => all.extend(runs.shards()),
                Part::Candidates { shards, .. } => all.extend(shards.keys()),
                Part::Banded(banded) => all.extend(banded.runs.shards()),
                Part::Boxed(boxed) => match crate::caught(|| boxed.shards(number, &*self.granule, grid)) {
                    Ok(shards) => all.extend(shards),
                    Err(error) => _ = boxed.fault.set(error),
                },
                Part::Absent | Part::Hole(_) => {}
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Names and reasons of the parts that cannot be read.
    pub fn holes(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.granule.parts().iter().zip(&self.parts).filter_map(|(info, part)| match part {
            Part::Hole(error) => Some((info.name.as_str(), error)),
            Part::Boxed(boxed) => boxed.fault.get().map(|error| (info.name.as_str(), error)),
            Part::Banded(banded) => banded.fault().map(|error| (info.name.as_str(), error)),
            _ => None,
        })
    }

    /// The rows of every part that lie in a shard. What may lie there and is not located yet is read.
    pub fn rows_in(&self, shard: u64, grid: &dyn Grid) -> Vec<PartRows> {
        let exact = |runs: Vec<_>| {
            let (rows, cells) = rows_and_cells(&runs);
            PartRows::Exact { rows, cells }
        };
        self.parts
            .iter()
            .enumerate()
            .map(|(number, part)| match part {
                Part::Absent => PartRows::Absent,
                Part::Hole(error) => PartRows::Hole(error.clone()),
                Part::Exact(runs) => exact(runs.in_shard(shard).collect()),
                Part::Boxed(boxed) => crate::caught(|| boxed.in_shard(number, shard, &*self.granule, grid))
                    .map_or_else(PartRows::Hole, exact),
                Part::Banded(banded) => {
                    crate::caught(|| banded.in_shard(shard, grid)).map_or_else(PartRows::Hole, exact)
                }
                Part::Candidates { shards, exact, .. } => PartRows::Candidates {
                    rows: shards.get(&shard).cloned().unwrap_or_default(),
                    all: *exact,
                },
            })
            .collect()
    }

    /// Rows that were read for a shard as candidates of a part and that no shard keeps. `homes` has the shard of every
    /// row, `NO_CELL` for one outside the grid; `lon` and `lat` its position. Over all shards that read a row it is
    /// counted once.
    pub(super) fn lost(
        &self,
        (part, shard): (usize, u64),
        (rows, homes): (&Rows, &[u64]),
        (lon, lat): (&[f64], &[f64]),
        (listed, map): (&[u64], &HashSet<u64>),
    ) -> Strays {
        let mut strays = Strays::default();
        let Some(Part::Candidates { shards, exact: false, bad: 0 }) = self.parts.get(part) else {
            return strays;
        };
        let elsewhere = |(at, row): (usize, u64)| match homes[at] {
            home if home == shard => None,
            NO_CELL if is_position(lon[at], lat[at]) => None,
            NO_CELL => Some((row, Elsewhere::Bad)),
            home if map.contains(&home) => Some((row, Elsewhere::In(home))),
            _ => None,
        };
        let elsewhere: Vec<(u64, Elsewhere)> = rows.iter().enumerate().filter_map(elsewhere).collect();
        for place in coarse::lost(shards, shard, &elsewhere) {
            match place {
                Elsewhere::Bad => strays.rows_bad_position += 1,
                Elsewhere::In(home) if listed.binary_search(&home).is_err() => strays.rows_unassigned += 1,
                Elsewhere::In(_) => strays.rows_out_of_reach += 1,
            }
        }
        strays
    }

    /// Rows that no shard counts: without a position, or in a shard of the map that does not list this granule. Of a part
    /// of which only boxes are known, the rows that no box holds; others as [`Self::strays_of_blocks`] tells them.
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
                Part::Boxed(boxed) => strays += boxed.strays(listed, map),
                Part::Exact(runs) | Part::Banded(Banded { runs, .. }) => strays += runs.strays(listed, map),
            }
        }
        strays
    }

    /// Rows that no shard counts, by the number of the block, in the blocks of a part that a shard answers for: those that it
    /// may have rows in, which have been read for its rows, and for the first shard that lists the granule those that may
    /// have rows in other shards of the map only. None in parts that are no boxes.
    ///
    /// # Errors
    /// When the positions of such a block cannot be read.
    pub(super) fn strays_of_blocks(
        &self,
        (part, shard): (usize, u64),
        known: (&[u64], &HashSet<u64>),
        grid: &dyn Grid,
    ) -> Result<Vec<(usize, Strays)>> {
        match self.parts.get(part) {
            Some(Part::Boxed(boxed)) => {
                crate::caught(|| boxed.strays_of_blocks((part, shard), known, &*self.granule, grid))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether positions of some part are read when a shard asks for them.
    pub(super) fn is_boxed(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Boxed(_)))
    }
}

/// How positions are read.
#[derive(Debug, Clone, Copy)]
struct Ways<'a> {
    /// Parts that are read side by side.
    group: usize,
    /// Latitudes beyond which no row is wanted: latitudes are read first then, from sources that offer it.
    bands: Option<&'a Bands>,
    /// Whether a part whose positions cannot be read is looked at block by block.
    by_blocks: bool,
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// Whether a position is one at all; where a grid ends is the grid's affair.
fn is_position(lon: f64, lat: f64) -> bool {
    lon.is_finite() && lat.abs() <= 90.0
}

fn locate(rows: u64, positions: &Positions, grid: &dyn Grid) -> Result<Part> {
    let check_lengths = |lon: &[f64], lat: &[f64], positions: u64| {
        if lon.len() as u64 == positions && lat.len() as u64 == positions {
            return Ok(());
        }
        let (lon, lat) = (lon.len(), lat.len());
        Err(Error::corrupt(format!("{lon} longitudes and {lat} latitudes for {positions} rows")))
    };
    match positions {
        Positions::Exact { lon, lat } => {
            check_lengths(lon, lat, rows)?;
            Runs::of(0, lon, lat, grid).map(Part::Exact)
        }
        Positions::Boxes { boxes, rows: ranges } => {
            check_parents(rows, ranges)?;
            Boxed::new(boxes, ranges, grid).map(Part::Boxed)
        }
        Positions::Coarse { lon, lat, rows: ranges, reach, pad } => {
            check_lengths(lon, lat, ranges.len() as u64)?;
            check_parents(rows, ranges)?;
            Ok(coarse::candidates(&Parents { lon, lat, rows: ranges, reach: *reach, pad: *pad }, grid))
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

#[cfg(test)]
mod tests {
    use super::*;

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
