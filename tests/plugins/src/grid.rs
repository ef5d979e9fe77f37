//! A grid: another one with a fault.

use serde_json::{Map, Value};
use zagg_core::cells::CellRanges;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, Cover, CoverOptions, Grid, GridLayout};
use zagg_core::shard_map::AreaCodes;
use zagg_core::{DType, Result, Values};

use crate::Fault;

/// The grid.
#[derive(Debug)]
pub struct Altered {
    inner: Box<dyn Grid>,
    fault: Fault,
}

impl Altered {
    /// Puts a fault over a grid.
    pub fn new(inner: Box<dyn Grid>, fault: Fault) -> Self {
        fault.enter("make");
        Self { inner, fault }
    }
}

macro_rules! forward {
    ($($name:ident($($argument:ident: $t:ty),*) $(-> $answer:ty)?;)+) => {
        $(fn $name(&self, $($argument: $t),*) $(-> $answer)? {
            self.fault.enter(stringify!($name));
            self.inner.$name($($argument),*)
        })+
    };
}

#[deny(clippy::missing_trait_methods)]
impl Grid for Altered {
    forward! {
        type_name() -> &str;
        signature() -> Map<String, Value>;
        leaf_level() -> u32;
        shard_level() -> u32;
        coarsest_level() -> u32;
        level_number(level: u32) -> u64;
        level_from_number(number: u64) -> Result<u32>;
        nests_exactly() -> bool;
        locate(lon: &[f64], lat: &[f64], cells: &mut [u64]);
        parents(cells: &[u64], level: u32, parents: &mut [u64]);
        cover(footprint: &Footprint) -> Result<Vec<u64>>;
        parents_of_shards(shards: &[u64], level: u32, parents: &mut [u64]);
        offsets_in_shard(shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]);
        cells_of_shard(shard: u64, level: u32) -> Vec<u64>;
        centres(level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]);
        cells_in_area(shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>>;
        area_codes(shard: u64, cells: &CellRanges) -> AreaCodes;
        cells_of_codes(shard: u64, codes: &AreaCodes) -> Result<CellRanges>;
        shard_key(shard: u64) -> u64;
        shard_from_key(key: u64) -> Result<u64>;
        shard_label(shard: u64) -> String;
        shard_from_label(label: &str) -> Result<u64>;
        shard_index(shard: u64) -> Vec<u64>;
        group_name(level: u32) -> String;
        layout(level: u32) -> GridLayout;
        places(level: u32, cells: &[u64], places: &mut [u64]);
        root_attributes(levels: &[u32], compact: bool) -> Map<String, Value>;
        group_attributes(level: u32, compact: bool) -> Map<String, Value>;
        array_attributes(level: u32, compact: bool) -> Map<String, Value>;
        whole_coordinate(name: &str, level: u32) -> Result<Values>;
    }

    fn prepared_cover<'a>(&'a self, _options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        Ok(None)
    }

    fn latitudes(&self, _shard: u64) -> Option<(f64, f64)> {
        None
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.fault.enter("shards_of");
        self.inner.shards_of(cells, shards);
        if self.fault.is("shards") {
            // Beyond the last shard of any order in use.
            shards.iter_mut().for_each(|shard| *shard = shard.saturating_add(1 << 60));
        }
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        self.fault.enter("coordinates");
        let mut coordinates = self.inner.coordinates(level);
        if self.fault.is("ids") {
            coordinates.iter_mut().for_each(|coordinate| coordinate.dtype = DType::Float64);
        }
        coordinates
    }

    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        self.fault.enter("cell_coordinate");
        let values = self.inner.cell_coordinate(name, level, cells)?;
        if !self.fault.is("ids") {
            return Ok(values);
        }
        let mut values = values.to_f64();
        values.iter_mut().step_by(7).for_each(|id| *id = f64::NAN);
        Ok(Values::Float64(values))
    }
}

impl Drop for Altered {
    fn drop(&mut self) {
        self.fault.enter("drop");
    }
}
