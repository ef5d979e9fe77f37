//! Answers of a grid that are checked before they are believed.

use std::sync::PoisonError;

use super::super::super::wire::encode;
use super::LoadedGrid;
use crate::cells::CellRanges;
use crate::column::Values;
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::grid::{CoordinateExtent, GridLayout, NO_CELL};

/// More cells in a shard than this cannot be held.
const MAX_CELLS: u64 = 1 << 31;

impl LoadedGrid {
    pub(super) fn check_layout(&self, method: &str, level: u32, layout: &GridLayout) -> Result<()> {
        let GridLayout { dimensions, full_shape, shard_shape, chunk_shape, .. } = layout;
        let rank = dimensions.len();
        let same = rank > 0 && [full_shape.len(), shard_shape.len(), chunk_shape.len()] == [rank; 3];
        let tiles = |large: &[u64], small: &[u64]| {
            large
                .iter()
                .zip(small)
                .all(|(large, small)| *small > 0 && *large > 0 && large.is_multiple_of(*small))
        };
        let size = shard_shape.iter().try_fold(1_u64, |all, &size| all.checked_mul(size));
        let sound = same
            && tiles(full_shape, shard_shape)
            && tiles(shard_shape, chunk_shape)
            && size.is_some_and(|size| size <= MAX_CELLS);
        self.caller.check(sound, method, || {
            format!(
                "of level {level} is an array of {full_shape:?} in blocks of {shard_shape:?} and chunks of \
                 {chunk_shape:?} along {dimensions:?}, which do not fit"
            )
        })
    }

    /// Checks that every shard has a block of the array. Most have been asked for before.
    pub(super) fn check_shards(&self, method: &str, shards: &[u64]) -> Result<()> {
        let mut unknown = Vec::new();
        {
            let known = self.shards.read().unwrap_or_else(PoisonError::into_inner);
            let mut last = NO_CELL;
            for &shard in shards {
                // Neighbouring rows lie in one shard.
                if shard != last && shard != NO_CELL && !known.contains(&shard) {
                    unknown.push(shard);
                }
                last = shard;
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        for shard in unknown {
            self.index_of(shard).map_err(|error| {
                Error::new(error.kind(), format!("{}; {method} gave this shard", error.message()))
            })?;
            self.shards.write().unwrap_or_else(PoisonError::into_inner).insert(shard);
        }
        Ok(())
    }

    pub(super) fn checked_locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) -> Result<()> {
        const METHOD: &str = "Grid::locate";
        self.fill(METHOD, cells, NO_CELL, |cells| self.grid.locate(lon.into(), lat.into(), cells.into()))?;
        let wrong = lon
            .iter()
            .zip(lat)
            .zip(cells.iter())
            .find(|((lon, lat), cell)| **cell != NO_CELL && !(lon.is_finite() && lat.abs() <= 90.0));
        self.caller.check(wrong.is_none(), METHOD, || {
            let ((lon, lat), cell) = wrong.unwrap_or(((&f64::NAN, &f64::NAN), &NO_CELL));
            format!("gives the cell {cell} for ({lon}, {lat}), which is no position")
        })
    }

    /// Checks that what has no cell gets nothing, and everything else something.
    fn check_none(&self, method: &str, cells: &[u64], answers: &[u64]) -> Result<()> {
        let wrong =
            cells.iter().zip(answers).find(|(cell, answer)| (**cell == NO_CELL) != (**answer == NO_CELL));
        self.caller.check(wrong.is_none(), method, || {
            let (cell, answer) = wrong.unwrap_or((&NO_CELL, &NO_CELL));
            format!("gives {answer} for the cell {cell}, and {NO_CELL} stands for none")
        })
    }

    pub(super) fn checked_shards_of(&self, cells: &[u64], shards: &mut [u64]) -> Result<()> {
        const METHOD: &str = "Grid::shards_of";
        self.fill(METHOD, shards, NO_CELL, |shards| self.grid.shards_of(cells.into(), shards.into()))?;
        self.check_none(METHOD, cells, shards)?;
        self.check_shards(METHOD, shards)
    }

    pub(super) fn checked_parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) -> Result<()> {
        const METHOD: &str = "Grid::parents";
        self.fill(METHOD, parents, NO_CELL, |parents| {
            self.grid.parents(cells.into(), level, parents.into())
        })?;
        self.check_none(METHOD, cells, parents)
    }

    pub(super) fn checked_cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        const METHOD: &str = "Grid::cover";
        let footprint = encode(footprint);
        let shards = self.call(METHOD, || self.grid.cover(footprint.as_slice().into()))?.into_vec();
        let ascending = shards.is_sorted_by(|a, b| a < b) && shards.last() != Some(&NO_CELL);
        self.caller
            .check(ascending, METHOD, || "gives shards that do not ascend, or one that is none".to_owned())?;
        self.check_shards(METHOD, &shards)?;
        Ok(shards)
    }

    pub(super) fn checked_offsets(
        &self,
        shard: u64,
        level: u32,
        cells: &[u64],
        offsets: &mut [u32],
    ) -> Result<()> {
        const METHOD: &str = "Grid::offsets_in_shard";
        let size = self.layout_of(level)?.cells_per_shard();
        self.fill(METHOD, offsets, u32::MAX, |offsets| {
            self.grid.offsets_in_shard(shard, level, cells.into(), offsets.into())
        })?;
        let wrong = offsets.iter().find(|offset| u64::from(**offset) >= size);
        // Cells from outside, such as those of a shard map, may lie elsewhere: `u32::MAX` says so.
        let wrong = wrong.filter(|offset| **offset != u32::MAX);
        self.caller.check(wrong.is_none(), METHOD, || {
            let offset = wrong.copied().unwrap_or_default();
            format!("puts a cell at place {offset} of shard {shard}, which has {size} cells")
        })
    }

    pub(super) fn checked_cells(&self, shard: u64, level: u32) -> Result<Vec<u64>> {
        const METHOD: &str = "Grid::cells_of_shard";
        let size = self.layout_of(level)?.cells_per_shard();
        let cells = self.call(METHOD, || self.grid.cells_of_shard(shard, level))?.into_vec();
        let given = cells.len() as u64;
        self.caller.check(given == size, METHOD, || {
            format!("gives {given} cells of shard {shard} at level {level}, whose block has {size}")
        })?;
        let distinct = cells.is_sorted_by(|a, b| a < b) || {
            let mut sorted = cells.clone();
            sorted.sort_unstable();
            sorted.is_sorted_by(|a, b| a < b)
        };
        self.caller.check(distinct && !cells.contains(&NO_CELL), METHOD, || {
            format!("gives a cell of shard {shard} twice, or one that is none")
        })?;
        Ok(cells)
    }

    pub(super) fn checked_centres(
        &self,
        level: u32,
        cells: &[u64],
        lon: &mut [f64],
        lat: &mut [f64],
    ) -> Result<()> {
        const METHOD: &str = "Grid::centres";
        lat.fill(f64::NAN);
        self.fill(METHOD, lon, f64::NAN, |lon| {
            self.grid.centres(level, cells.into(), lon.into(), (&mut *lat).into())
        })?;
        // A cell off the globe has none.
        let is_centre =
            |lon: f64, lat: f64| (lon.is_nan() && lat.is_nan()) || (lon.is_finite() && lat.abs() <= 90.0);
        let wrong = lon.iter().zip(lat.iter()).find(|(lon, lat)| !is_centre(**lon, **lat));
        self.caller.check(wrong.is_none(), METHOD, || {
            let (lon, lat) = wrong.unwrap_or((&f64::NAN, &f64::NAN));
            format!("gives ({lon}, {lat}), which is no position")
        })
    }

    pub(super) fn checked_places(&self, level: u32, cells: &[u64], places: &mut [u64]) -> Result<()> {
        const METHOD: &str = "Grid::places";
        let size = self.layout_of(level)?.cells_per_full();
        self.fill(METHOD, places, u64::MAX, |places| self.grid.places(level, cells.into(), places.into()))?;
        let wrong = places.iter().find(|place| **place >= size);
        self.caller.check(wrong.is_none(), METHOD, || {
            let place = wrong.copied().unwrap_or_default();
            format!("puts a cell at place {place} of level {level}, which has {size}")
        })
    }

    /// Checks that cells lie in a block of leaf cells.
    pub(super) fn check_ranges(&self, method: &str, cells: &CellRanges) -> Result<()> {
        let size = self.layout_of(self.facts.leaf_level)?.cells_per_shard();
        let end = cells.end();
        self.caller.check(u64::from(end) <= size, method, || {
            format!("gives places up to {end} in a shard of {size} cells")
        })
    }

    /// Checks the values of a coordinate against what the grid says of it.
    pub(super) fn check_coordinate(
        &self,
        method: &str,
        (name, level): (&str, u32),
        values: Values,
        serves: impl Fn(CoordinateExtent) -> bool,
        expected: impl FnOnce(CoordinateExtent) -> Option<u64>,
    ) -> Result<Values> {
        let coordinates = self.coordinates_of(level)?;
        let found =
            coordinates.iter().find(|coordinate| coordinate.name == name && serves(coordinate.extent));
        let Some(coordinate) = found else {
            return Err(self
                .caller
                .fault(method, format_args!("gives values of {name:?}, which it does not list")));
        };
        let (dtype, announced) = (values.dtype(), coordinate.dtype);
        self.caller.check(dtype == announced, method, || {
            format!("gives {name} as {dtype}, but it was announced as {announced}")
        })?;
        let (given, expected) = (values.len() as u64, expected(coordinate.extent));
        self.caller.check(Some(given) == expected, method, || {
            format!("gives {given} values of {name} instead of {}", expected.unwrap_or_default())
        })?;
        if coordinate.implied_by_position {
            let none = match &values {
                Values::Float32(ids) => ids.iter().any(|id| id.is_nan()),
                Values::Float64(ids) => ids.iter().any(|id| id.is_nan()),
                Values::UInt64(ids) => ids.contains(&NO_CELL),
                _ => false,
            };
            self.caller.check(!none, method, || format!("gives an id in {name} that is none"))?;
        }
        Ok(values)
    }
}
