//! A grid of a library.

mod checked;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::super::facts::GridFacts;
use super::super::traits;
use super::super::types::{Answer, Packed};
use super::super::wire::{decode, encode};
use super::caller::{Caller, must};
use crate::cells::CellRanges;
use crate::column::Values;
use crate::error::Result;
use crate::footprint::Footprint;
use crate::grid::{Coordinate, CoordinateExtent, Cover, CoverOptions, Grid, GridLayout};
use crate::shard_map::AreaCodes;

struct LoadedGrid {
    caller: Caller,
    grid: traits::Grid,
    facts: GridFacts,
    layouts: Mutex<BTreeMap<u32, Arc<GridLayout>>>,
    coordinates: Mutex<BTreeMap<u32, Arc<Vec<Coordinate>>>>,
    /// Shards that have a block of the array.
    shards: RwLock<HashSet<u64>>,
}

pub(super) fn import(caller: Caller, grid: traits::Grid) -> Result<Box<dyn Grid>> {
    const METHOD: &str = "Grid::leaf_level";
    let facts: GridFacts = decode(&caller.call(METHOD, || grid.describe())?)?;
    let (coarsest, shard, leaf) = (facts.coarsest_level, facts.shard_level, facts.leaf_level);
    caller.check(coarsest <= shard && shard <= leaf, METHOD, || {
        format!("is {leaf}, but the shard level {shard} and the coarsest level {coarsest}")
    })?;
    Ok(Box::new(LoadedGrid {
        caller,
        grid,
        facts,
        layouts: Mutex::default(),
        coordinates: Mutex::default(),
        shards: RwLock::default(),
    }))
}

impl LoadedGrid {
    fn call<T>(&self, method: &str, call: impl FnOnce() -> Answer<T>) -> Result<T> {
        self.caller.call(method, call)
    }

    fn map(&self, method: &str, call: impl FnOnce() -> Answer<Packed>) -> Map<String, Value> {
        must(self.call(method, call).and_then(|packed| decode(&packed)))
    }

    /// The layout of a level, which is asked for and checked once.
    fn layout_of(&self, level: u32) -> Result<Arc<GridLayout>> {
        // The lock is not held over the call: the library may come back here.
        let locked = || self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = locked().get(&level) {
            return Ok(Arc::clone(layout));
        }
        const METHOD: &str = "Grid::layout";
        let layout: GridLayout = decode(&self.call(METHOD, || self.grid.layout(level))?)?;
        self.check_layout(METHOD, level, &layout)?;
        let layout = Arc::new(layout);
        locked().insert(level, Arc::clone(&layout));
        Ok(layout)
    }

    fn coordinates_of(&self, level: u32) -> Result<Arc<Vec<Coordinate>>> {
        let locked = || self.coordinates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(coordinates) = locked().get(&level) {
            return Ok(Arc::clone(coordinates));
        }
        const METHOD: &str = "Grid::coordinates";
        let coordinates: Vec<Coordinate> = decode(&self.call(METHOD, || self.grid.coordinates(level))?)?;
        let coordinates = Arc::new(coordinates);
        locked().insert(level, Arc::clone(&coordinates));
        Ok(coordinates)
    }

    /// The place of a shard's block, which must be one of the array's.
    fn index_of(&self, shard: u64) -> Result<Vec<u64>> {
        const METHOD: &str = "Grid::shard_index";
        let index = self.call(METHOD, || self.grid.shard_index(shard))?.into_vec();
        let layout = self.layout_of(self.facts.leaf_level)?;
        let blocks = layout.full_shape.iter().zip(&layout.shard_shape).map(|(full, shard)| full / shard);
        let inside =
            index.len() == layout.full_shape.len() && index.iter().zip(blocks).all(|(at, n)| *at < n);
        self.caller.check(inside, METHOD, || {
            format!(
                "puts shard {shard} at the block {index:?} of an array of {:?} in blocks of {:?}",
                layout.full_shape, layout.shard_shape
            )
        })?;
        Ok(index)
    }

    /// Fills `out`, whose values beforehand are those of "no answer".
    fn fill<T: Copy>(
        &self,
        method: &str,
        out: &mut [T],
        nothing: T,
        call: impl FnOnce(&mut [T]) -> Answer<()>,
    ) -> Result<()> {
        out.fill(nothing);
        self.call(method, || call(out))
    }
}

#[deny(clippy::missing_trait_methods)]
impl Grid for LoadedGrid {
    fn type_name(&self) -> &str {
        &self.facts.type_name
    }

    fn signature(&self) -> Map<String, Value> {
        self.facts.signature.clone()
    }

    fn leaf_level(&self) -> u32 {
        self.facts.leaf_level
    }

    fn shard_level(&self) -> u32 {
        self.facts.shard_level
    }

    fn coarsest_level(&self) -> u32 {
        self.facts.coarsest_level
    }

    fn level_number(&self, level: u32) -> u64 {
        must(self.call("Grid::level_number", || self.grid.level_number(level)))
    }

    fn level_from_number(&self, number: u64) -> Result<u32> {
        const METHOD: &str = "Grid::level_from_number";
        let level = self.call(METHOD, || self.grid.level_from_number(number))?;
        let known = (self.facts.coarsest_level..=self.facts.leaf_level).contains(&level);
        self.caller.check(known, METHOD, || format!("gives the level {level}, which it has not"))?;
        Ok(level)
    }

    /// Only saves reading, and does not cross: every shard may have every latitude.
    fn latitudes(&self, _shard: u64) -> Option<(f64, f64)> {
        None
    }

    fn nests_exactly(&self) -> bool {
        self.facts.nests_exactly
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        must(self.checked_locate(lon, lat, cells));
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        must(self.checked_shards_of(cells, shards));
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        must(self.checked_parents(cells, level, parents));
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        self.checked_cover(footprint)
    }

    fn prepared_cover<'a>(&'a self, _options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        // It would borrow from both sides of the boundary; one footprint after another gives the same shards.
        Ok(None)
    }

    fn parents_of_shards(&self, shards: &[u64], level: u32, parents: &mut [u64]) {
        const METHOD: &str = "Grid::parents_of_shards";
        must(self.fill(METHOD, parents, crate::grid::NO_CELL, |parents| {
            self.grid.parents_of_shards(shards.into(), level, parents.into())
        }));
    }

    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        must(self.checked_offsets(shard, level, cells, offsets));
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        must(self.checked_cells(shard, level))
    }

    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        must(self.checked_centres(level, cells, lon, lat));
    }

    fn cells_in_area(&self, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
        const METHOD: &str = "Grid::cells_in_area";
        let area = encode(area);
        let packed = self.call(METHOD, || self.grid.cells_in_area(shards.into(), area.as_slice().into()))?;
        let cells: Vec<CellRanges> = decode(&packed)?;
        let (given, asked) = (cells.len(), shards.len());
        self.caller.check(given == asked, METHOD, || format!("gives {given} answers for {asked} shards"))?;
        cells.iter().try_for_each(|cells| self.check_ranges(METHOD, cells))?;
        Ok(cells)
    }

    fn area_codes(&self, shard: u64, cells: &CellRanges) -> AreaCodes {
        let cells = encode(cells);
        let call = || self.grid.area_codes(shard, cells.as_slice().into());
        must(self.call("Grid::area_codes", call).and_then(|packed| decode(&packed)))
    }

    fn cells_of_codes(&self, shard: u64, codes: &AreaCodes) -> Result<CellRanges> {
        const METHOD: &str = "Grid::cells_of_codes";
        let codes = encode(codes);
        let packed = self.call(METHOD, || self.grid.cells_of_codes(shard, codes.as_slice().into()))?;
        let cells = decode(&packed)?;
        self.check_ranges(METHOD, &cells)?;
        Ok(cells)
    }

    fn shard_key(&self, shard: u64) -> u64 {
        must(self.call("Grid::shard_key", || self.grid.shard_key(shard)))
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        const METHOD: &str = "Grid::shard_from_key";
        let shard = self.call(METHOD, || self.grid.shard_from_key(key))?;
        self.check_shards(METHOD, &[shard])?;
        Ok(shard)
    }

    fn shard_label(&self, shard: u64) -> String {
        const METHOD: &str = "Grid::shard_label";
        let label = self.call(METHOD, || self.grid.shard_label(shard)).map(String::from);
        must(label.and_then(|label| {
            let bad = |c: char| c.is_control() || c.is_whitespace() || c == '/' || c == '\\';
            let sound = !label.is_empty()
                && label.len() <= 200
                && label != "."
                && label != ".."
                && !label.contains(bad);
            self.caller
                .check(sound, METHOD, || format!("gives the label {label:?}, which is no file name"))?;
            Ok(label)
        }))
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        const METHOD: &str = "Grid::shard_from_label";
        let shard = self.call(METHOD, || self.grid.shard_from_label(label.into()))?;
        self.check_shards(METHOD, &[shard])?;
        Ok(shard)
    }

    fn shard_index(&self, shard: u64) -> Vec<u64> {
        must(self.index_of(shard))
    }

    fn group_name(&self, level: u32) -> String {
        must(self.call("Grid::group_name", || self.grid.group_name(level))).into()
    }

    fn layout(&self, level: u32) -> GridLayout {
        must(self.layout_of(level)).as_ref().clone()
    }

    fn places(&self, level: u32, cells: &[u64], places: &mut [u64]) {
        must(self.checked_places(level, cells, places));
    }

    fn root_attributes(&self, levels: &[u32], compact: bool) -> Map<String, Value> {
        self.map("Grid::root_attributes", || self.grid.root_attributes(levels.into(), compact))
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.map("Grid::group_attributes", || self.grid.group_attributes(level, compact))
    }

    fn array_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.map("Grid::array_attributes", || self.grid.array_attributes(level, compact))
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        must(self.coordinates_of(level)).as_ref().clone()
    }

    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        const METHOD: &str = "Grid::cell_coordinate";
        let values = self.call(METHOD, || self.grid.cell_coordinate(name.into(), level, cells.into()))?;
        let is_of_cells = |extent| matches!(extent, CoordinateExtent::Cells);
        self.check_coordinate(METHOD, (name, level), values.into(), is_of_cells, |_| Some(cells.len() as u64))
    }

    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        const METHOD: &str = "Grid::whole_coordinate";
        let values = self.call(METHOD, || self.grid.whole_coordinate(name.into(), level))?;
        let layout = self.layout_of(level)?;
        let is_whole = |extent| !matches!(extent, CoordinateExtent::Cells);
        self.check_coordinate(METHOD, (name, level), values.into(), is_whole, |extent| match extent {
            CoordinateExtent::Dimension(d) => layout.full_shape.get(d).copied(),
            CoordinateExtent::Cells | CoordinateExtent::Scalar => Some(1),
        })
    }
}
