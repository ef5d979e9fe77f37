//! Parts of which only boxes around blocks of rows are known: a block is located when a shard that its box touches is asked
//! for, once.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::runs::Runs;
use super::{is_position, len};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::grid::Grid;
use crate::report::Strays;
use crate::rows::Rows;
use crate::source::{Bounds, LATITUDE, LONGITUDE, OpenGranule, ReadRequest};

/// Degrees by which boxes are widened, so that rounding in a grid loses no row on the edge: a tenth of a millimetre.
const MARGIN: f64 = 1e-9;

/// Boxes that cover more of the globe than this are not resolved to shards: their rows may lie in any.
const WIDE: f64 = 1.0 / 16.0;

/// Pairs of block and shard that are kept for one part; the boxes behind them count as wide.
const MAX_PAIRS: usize = 1 << 22;

/// Rows whose coordinates are read at once.
const ROWS_AT_ONCE: u64 = 1 << 22;

/// A part that is located block by block.
#[derive(Debug)]
pub(super) struct Boxed {
    blocks: Vec<Block>,
    located: Mutex<Vec<Option<Arc<Runs>>>>,
    /// Why not every block can be located, when that was tried for all shards.
    pub(super) fault: OnceLock<Error>,
    /// Rows of blocks in which no row has a position.
    bad: u64,
    /// Whether all of it has been located for an index, which counts the rows of the whole part.
    indexed: AtomicBool,
}

#[derive(Debug)]
struct Block {
    rows: Range<u64>,
    bounds: Bounds,
    touched: Touched,
}

/// Shards that a box may have rows in.
#[derive(Debug)]
enum Touched {
    /// These, ascending.
    Shards(Vec<u64>),
    Any,
}

impl Block {
    fn may_touch(&self, shard: u64) -> bool {
        match &self.touched {
            Touched::Shards(shards) => shards.binary_search(&shard).is_ok(),
            Touched::Any => true,
        }
    }

    /// Whether it may have rows in shards of the map, and none in those that list the granule.
    fn is_unlisted(&self, listed: &[u64], map: &HashSet<u64>) -> bool {
        match &self.touched {
            Touched::Shards(shards) => {
                shards.iter().any(|shard| map.contains(shard))
                    && !shards.iter().any(|shard| listed.binary_search(shard).is_ok())
            }
            Touched::Any => false,
        }
    }
}

impl Boxed {
    /// Finds the shards that boxes touch. `rows` have been checked.
    pub(super) fn new(boxes: &[Option<Bounds>], rows: &[Range<u64>], grid: &dyn Grid) -> Result<Self> {
        if boxes.len() != rows.len() {
            return Err(Error::plugin(format!(
                "the source gave {} boxes for {} blocks",
                boxes.len(),
                rows.len()
            )));
        }
        let (mut blocks, mut bad, mut pairs) = (Vec::new(), 0, 0);
        for (bounds, rows) in boxes.iter().zip(rows).filter(|(_, rows)| len(rows) > 0) {
            let Some(bounds) = bounds else {
                bad += len(rows);
                continue;
            };
            let touched = touched(bounds, MAX_PAIRS - pairs, grid)?;
            if let Touched::Shards(shards) = &touched {
                pairs += shards.len();
            }
            blocks.push(Block { rows: rows.clone(), bounds: *bounds, touched });
        }
        let located = Mutex::new(vec![None; blocks.len()]);
        Ok(Self { blocks, located, fault: OnceLock::new(), bad, indexed: AtomicBool::new(false) })
    }

    /// The shards with a row, ascending and each once. Blocks in a single shard are not read for this.
    pub(super) fn shards(&self, part: usize, granule: &dyn OpenGranule, grid: &dyn Grid) -> Result<Vec<u64>> {
        let mut all = Vec::new();
        let mut several = Vec::new();
        for (number, block) in self.blocks.iter().enumerate() {
            match &block.touched {
                Touched::Shards(shards) if shards.len() <= 1 => all.extend(shards),
                _ => several.push(number),
            }
        }
        let blocks = self.locate(part, &several, granule, grid)?;
        all.extend(blocks.iter().flat_map(|runs| runs.shards()));
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// Ranges of the rows that lie in a shard, each with its cell, ascending.
    pub(super) fn in_shard(
        &self,
        part: usize,
        shard: u64,
        granule: &dyn OpenGranule,
        grid: &dyn Grid,
    ) -> Result<Vec<(u64, Range<u64>)>> {
        let numbers: Vec<usize> =
            (0..self.blocks.len()).filter(|&number| self.blocks[number].may_touch(shard)).collect();
        let blocks = self.locate(part, &numbers, granule, grid)?;
        Ok(blocks.iter().flat_map(|runs| runs.in_shard(shard)).collect())
    }

    /// The rows of every shard, and how many have no position.
    pub(super) fn everywhere(
        &self,
        part: usize,
        granule: &dyn OpenGranule,
        grid: &dyn Grid,
    ) -> Result<(BTreeMap<u64, Rows>, u64)> {
        let blocks = self.locate(part, &Vec::from_iter(0..self.blocks.len()), granule, grid)?;
        let mut shards: BTreeMap<u64, Vec<Range<u64>>> = BTreeMap::new();
        for runs in &blocks {
            for shard in runs.shards() {
                shards.entry(shard).or_default().extend(runs.in_shard(shard).map(|(_, rows)| rows));
            }
        }
        let shards = shards.into_iter().map(|(shard, rows)| (shard, Rows::from_ranges(rows))).collect();
        self.indexed.store(true, Ordering::Relaxed);
        Ok((shards, self.bad + blocks.iter().map(|runs| runs.bad).sum::<u64>()))
    }

    /// Rows that no shard counts, as far as that is known when the granule is opened: without a box, or with an index made.
    pub(super) fn strays(&self, listed: &[u64], map: &HashSet<u64>) -> Strays {
        let mut strays = Strays { rows_bad_position: self.bad, ..Strays::default() };
        if self.indexed.load(Ordering::Relaxed) {
            let located = self.located.lock().unwrap_or_else(PoisonError::into_inner);
            located.iter().flatten().for_each(|runs| strays += runs.strays(listed, map));
        }
        strays
    }

    /// Rows that no shard counts in each block that a shard which lists the granule may have rows in; blocks without any are
    /// left out. The first of these shards answers for blocks that touch none of them but others of the map: their
    /// positions are read for this alone.
    pub(super) fn strays_of_blocks(
        &self,
        (part, shard): (usize, u64),
        (listed, map): (&[u64], &HashSet<u64>),
        granule: &dyn OpenGranule,
        grid: &dyn Grid,
    ) -> Result<Vec<(usize, Strays)>> {
        if self.indexed.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let is_first = listed.first() == Some(&shard);
        let numbers: Vec<usize> = (0..self.blocks.len())
            .filter(|&number| {
                let block = &self.blocks[number];
                block.may_touch(shard) || (is_first && block.is_unlisted(listed, map))
            })
            .collect();
        let blocks = self.locate(part, &numbers, granule, grid)?;
        let strays = blocks.iter().map(|runs| runs.strays(listed, map));
        Ok(numbers.into_iter().zip(strays).filter(|(_, strays)| *strays != Strays::default()).collect())
    }

    /// The blocks with these numbers, those read that were not read before. Others who ask meanwhile wait rather than read
    /// the same.
    fn locate(
        &self,
        part: usize,
        numbers: &[usize],
        granule: &dyn OpenGranule,
        grid: &dyn Grid,
    ) -> Result<Vec<Arc<Runs>>> {
        let mut located: MutexGuard<'_, _> = self.located.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: &[usize] =
            &numbers.iter().copied().filter(|&n| located[n].is_none()).collect::<Vec<_>>();
        while !missing.is_empty() {
            let mut rows = 0;
            let fits = missing.iter().take_while(|&&number| {
                rows += len(&self.blocks[number].rows);
                rows <= ROWS_AT_ONCE
            });
            let (some, rest) = missing.split_at(fits.count().max(1));
            for (&number, runs) in some.iter().zip(self.read(part, some, granule, grid)?) {
                located[number] = Some(Arc::new(runs));
            }
            missing = rest;
        }
        Ok(numbers.iter().filter_map(|&number| located[number].clone()).collect())
    }

    /// Reads the coordinates of some blocks and locates their rows.
    fn read(
        &self,
        part: usize,
        numbers: &[usize],
        granule: &dyn OpenGranule,
        grid: &dyn Grid,
    ) -> Result<Vec<Runs>> {
        let rows = Rows::from_ranges(numbers.iter().map(|&number| self.blocks[number].rows.clone()));
        let wanted = usize::try_from(rows.len()).unwrap_or(usize::MAX);
        let columns = vec![LONGITUDE.to_string(), LATITUDE.to_string()];
        let mut batches = granule.read(&[ReadRequest { part, rows, columns }]);
        let batch = batches.pop().unwrap_or_else(|| Err(Error::plugin("the source gave no coordinates")))?;
        let columns: Vec<Vec<f64>> = batch.columns.into_iter().map(Column::into_f64).collect();
        let [lon, lat] = &columns[..] else {
            return Err(Error::plugin(format!("the source gave {} columns instead of 2", columns.len())));
        };
        if lon.len() != wanted || lat.len() != wanted {
            return Err(Error::plugin(format!(
                "the source gave {} longitudes and {} latitudes for {wanted} rows",
                lon.len(),
                lat.len()
            )));
        }
        let mut at = 0;
        let mut blocks = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let Block { rows, bounds, .. } = &self.blocks[number];
            let here = at..at + len(rows) as usize;
            at = here.end;
            let (lon, lat) = (&lon[here.clone()], &lat[here]);
            bounds.check(rows.start, lon, lat)?;
            blocks.push(Runs::of(rows.start, lon, lat, grid)?);
        }
        Ok(blocks)
    }
}

fn touched(bounds: &Bounds, most: usize, grid: &dyn Grid) -> Result<Touched> {
    let Bounds { west, south, east, north } = *bounds;
    if !(west.is_finite() && east.is_finite() && -90.0 <= south && south <= north && north <= 90.0) {
        return Err(Error::plugin(format!("the source gave the box {west}, {south}, {east}, {north}")));
    }
    let width = bounds.width();
    let share = width / 360.0 * (north.to_radians().sin() - south.to_radians().sin()) / 2.0;
    if share > WIDE {
        return Ok(Touched::Any);
    }
    let (west, east) = if width >= 360.0 { (-180.0, 180.0) } else { (west - MARGIN, west + width + MARGIN) };
    let (south, north) = ((south - MARGIN).max(-90.0), (north + MARGIN).min(90.0));
    Ok(match grid.cover(&Footprint::Box { west, south, east, north }) {
        Ok(shards) if shards.len() <= most => Touched::Shards(shards),
        // What a grid cannot resolve is anywhere.
        Ok(_) | Err(_) => Touched::Any,
    })
}

impl Bounds {
    /// Degrees from west to east, 360 all round.
    fn width(&self) -> f64 {
        let width = self.east - self.west;
        if width >= 360.0 { 360.0 } else { width.rem_euclid(360.0) }
    }

    /// Whether a position lies in the box; a tenth of a millimetre beside its meridians is still inside.
    pub fn holds(&self, lon: f64, lat: f64) -> bool {
        let width = self.width();
        let east = (lon - self.west).rem_euclid(360.0);
        // A longitude on the western edge may round to just below a full turn.
        let beside = width < 360.0 && east > width + MARGIN && east < 360.0 - MARGIN;
        !beside && lat >= self.south && lat <= self.north
    }

    /// Rows that lie outside would be lost in shards that the box does not touch.
    fn check(&self, first: u64, lon: &[f64], lat: &[f64]) -> Result<()> {
        let outside = |(&lon, &lat): (&f64, &f64)| is_position(lon, lat) && !self.holds(lon, lat);
        match lon.iter().zip(lat).position(outside) {
            None => Ok(()),
            Some(at) => Err(Error::corrupt(format!(
                "row {} lies at {}, {}, outside of the box {}, {}, {}, {} that the granule gives for its rows",
                first + at as u64,
                lon[at],
                lat[at],
                self.west,
                self.south,
                self.east,
                self.north
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_outside_of_their_box_are_found_out() {
        let bounds = Bounds { west: 170.0, south: -10.0, east: -170.0, north: 10.0 };
        assert_eq!(bounds.width(), 20.0);
        let inside = ([170.0, 180.0, -180.0, 190.0, -170.0, f64::NAN], [0.0, -10.0, 10.0, 1.0, 2.0, 50.0]);
        assert_eq!(bounds.check(0, &inside.0, &inside.1), Ok(()));
        for (lon, lat) in [(169.9, 0.0), (-169.9, 0.0), (0.0, 0.0), (180.0, 10.1), (180.0, -10.1)] {
            let error = bounds.check(7, &[180.0, lon], &[0.0, lat]).unwrap_err();
            assert!(error.message().starts_with("row 8 lies at"), "{error}");
        }
        let all = Bounds { west: 0.0, south: -90.0, east: 360.0, north: 90.0 };
        assert_eq!(all.check(0, &[-180.0, 359.9], &[90.0, -90.0]), Ok(()));
    }
}
