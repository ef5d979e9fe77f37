//! A grid behind its twin.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RSlice, RSliceMut, RStr, RString, RVec};

use super::super::facts::GridFacts;
use super::super::traits::{self, AbiGrid, AbiGrid_TO};
use super::super::types::{AbiValues, Answer, Packed};
use super::super::wire::{decode, encode};
use super::guard::{Held, guard};
use crate::error::Result;
use crate::grid::Grid;
use crate::registry::Plugin;

struct GridTwin {
    plugin: &'static Plugin,
    grid: Held<dyn Grid>,
}

pub(super) fn export(plugin: &'static Plugin, grid: Box<dyn Grid>) -> traits::Grid {
    AbiGrid_TO::from_value(GridTwin { plugin, grid: Held::new(grid) }, TD_Opaque)
}

impl GridTwin {
    fn call<T>(&self, method: &str, work: impl FnOnce(&dyn Grid) -> Result<T>) -> Answer<T> {
        guard(self.plugin, method, || work(self.grid.get()?))
    }
}

impl AbiGrid for GridTwin {
    fn describe(&self) -> Answer<Packed> {
        // Each under its own name, so that a panic in it can be found.
        macro_rules! ask {
            ($method:ident) => {
                match self
                    .call(concat!("Grid::", stringify!($method)), |grid| Ok(grid.$method().to_owned()))
                    .into_result()
                {
                    Ok(answer) => answer,
                    Err(fault) => return Err(fault).into(),
                }
            };
        }
        let facts = GridFacts {
            type_name: ask!(type_name),
            signature: ask!(signature),
            leaf_level: ask!(leaf_level),
            shard_level: ask!(shard_level),
            coarsest_level: ask!(coarsest_level),
            nests_exactly: ask!(nests_exactly),
        };
        Ok(encode(&facts).into()).into()
    }

    fn level_number(&self, level: u32) -> Answer<u64> {
        self.call("Grid::level_number", |grid| Ok(grid.level_number(level)))
    }

    fn level_from_number(&self, number: u64) -> Answer<u32> {
        self.call("Grid::level_from_number", |grid| grid.level_from_number(number))
    }

    fn locate(
        &self,
        lon: RSlice<'_, f64>,
        lat: RSlice<'_, f64>,
        mut cells: RSliceMut<'_, u64>,
    ) -> Answer<()> {
        self.call("Grid::locate", |grid| {
            grid.locate(&lon, &lat, &mut cells);
            Ok(())
        })
    }

    fn shards_of(&self, cells: RSlice<'_, u64>, mut shards: RSliceMut<'_, u64>) -> Answer<()> {
        self.call("Grid::shards_of", |grid| {
            grid.shards_of(&cells, &mut shards);
            Ok(())
        })
    }

    fn parents(&self, cells: RSlice<'_, u64>, level: u32, mut parents: RSliceMut<'_, u64>) -> Answer<()> {
        self.call("Grid::parents", |grid| {
            grid.parents(&cells, level, &mut parents);
            Ok(())
        })
    }

    fn cover(&self, footprint: RSlice<'_, u8>) -> Answer<RVec<u64>> {
        self.call("Grid::cover", |grid| grid.cover(&decode(&footprint)?).map(RVec::from))
    }

    fn parents_of_shards(
        &self,
        shards: RSlice<'_, u64>,
        level: u32,
        mut parents: RSliceMut<'_, u64>,
    ) -> Answer<()> {
        self.call("Grid::parents_of_shards", |grid| {
            grid.parents_of_shards(&shards, level, &mut parents);
            Ok(())
        })
    }

    fn offsets_in_shard(
        &self,
        shard: u64,
        level: u32,
        cells: RSlice<'_, u64>,
        mut offsets: RSliceMut<'_, u32>,
    ) -> Answer<()> {
        self.call("Grid::offsets_in_shard", |grid| {
            grid.offsets_in_shard(shard, level, &cells, &mut offsets);
            Ok(())
        })
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Answer<RVec<u64>> {
        self.call("Grid::cells_of_shard", |grid| Ok(grid.cells_of_shard(shard, level).into()))
    }

    fn centres(
        &self,
        level: u32,
        cells: RSlice<'_, u64>,
        mut lon: RSliceMut<'_, f64>,
        mut lat: RSliceMut<'_, f64>,
    ) -> Answer<()> {
        self.call("Grid::centres", |grid| {
            grid.centres(level, &cells, &mut lon, &mut lat);
            Ok(())
        })
    }

    fn cells_in_area(&self, shards: RSlice<'_, u64>, area: RSlice<'_, u8>) -> Answer<Packed> {
        self.call("Grid::cells_in_area", |grid| {
            Ok(encode(&grid.cells_in_area(&shards, &decode(&area)?)?).into())
        })
    }

    fn area_codes(&self, shard: u64, cells: RSlice<'_, u8>) -> Answer<Packed> {
        self.call("Grid::area_codes", |grid| Ok(encode(&grid.area_codes(shard, &decode(&cells)?)).into()))
    }

    fn cells_of_codes(&self, shard: u64, codes: RSlice<'_, u8>) -> Answer<Packed> {
        self.call("Grid::cells_of_codes", |grid| {
            Ok(encode(&grid.cells_of_codes(shard, &decode(&codes)?)?).into())
        })
    }

    fn shard_key(&self, shard: u64) -> Answer<u64> {
        self.call("Grid::shard_key", |grid| Ok(grid.shard_key(shard)))
    }

    fn shard_from_key(&self, key: u64) -> Answer<u64> {
        self.call("Grid::shard_from_key", |grid| grid.shard_from_key(key))
    }

    fn shard_label(&self, shard: u64) -> Answer<RString> {
        self.call("Grid::shard_label", |grid| Ok(grid.shard_label(shard).into()))
    }

    fn shard_from_label(&self, label: RStr<'_>) -> Answer<u64> {
        self.call("Grid::shard_from_label", |grid| grid.shard_from_label(label.as_str()))
    }

    fn shard_index(&self, shard: u64) -> Answer<RVec<u64>> {
        self.call("Grid::shard_index", |grid| Ok(grid.shard_index(shard).into()))
    }

    fn group_name(&self, level: u32) -> Answer<RString> {
        self.call("Grid::group_name", |grid| Ok(grid.group_name(level).into()))
    }

    fn layout(&self, level: u32) -> Answer<Packed> {
        self.call("Grid::layout", |grid| Ok(encode(&grid.layout(level)).into()))
    }

    fn places(&self, level: u32, cells: RSlice<'_, u64>, mut places: RSliceMut<'_, u64>) -> Answer<()> {
        self.call("Grid::places", |grid| {
            grid.places(level, &cells, &mut places);
            Ok(())
        })
    }

    fn root_attributes(&self, levels: RSlice<'_, u32>, compact: bool) -> Answer<Packed> {
        self.call("Grid::root_attributes", |grid| Ok(encode(&grid.root_attributes(&levels, compact)).into()))
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Answer<Packed> {
        self.call("Grid::group_attributes", |grid| Ok(encode(&grid.group_attributes(level, compact)).into()))
    }

    fn array_attributes(&self, level: u32, compact: bool) -> Answer<Packed> {
        self.call("Grid::array_attributes", |grid| Ok(encode(&grid.array_attributes(level, compact)).into()))
    }

    fn coordinates(&self, level: u32) -> Answer<Packed> {
        self.call("Grid::coordinates", |grid| Ok(encode(&grid.coordinates(level)).into()))
    }

    fn cell_coordinate(&self, name: RStr<'_>, level: u32, cells: RSlice<'_, u64>) -> Answer<AbiValues> {
        self.call("Grid::cell_coordinate", |grid| {
            grid.cell_coordinate(name.as_str(), level, &cells).map(AbiValues::from)
        })
    }

    fn whole_coordinate(&self, name: RStr<'_>, level: u32) -> Answer<AbiValues> {
        self.call("Grid::whole_coordinate", |grid| {
            grid.whole_coordinate(name.as_str(), level).map(AbiValues::from)
        })
    }
}
