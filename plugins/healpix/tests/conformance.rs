//! The grid passes zagg's conformance check, and the check finds faults.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Map, Value, json};
use zagg_core::Result;
use zagg_core::cells::CellRanges;
use zagg_core::column::Values;
use zagg_core::conformance;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, Grid, GridLayout};
use zagg_core::registry::Registry;
use zagg_core::shard_map::AreaCodes;
use zagg_healpix as _;

fn grid(options: &Value) -> Box<dyn Grid> {
    // Through the registry, as a program finds it.
    Registry::linked().unwrap().grid("healpix", options.as_object().unwrap()).unwrap()
}

#[test]
fn every_shape_of_the_grid_conforms() {
    for options in [
        json!({"type": "healpix", "parent_order": 6, "child_order": 12}),
        json!({"parent_order": 2, "child_order": 8, "chunk_inner": 4, "ellipsoid": "sphere", "morton": true}),
        json!({"parent_order": 0, "child_order": 5}),
        json!({"parent_order": 0, "child_order": 0}),
        json!({"parent_order": 8, "child_order": 8}),
        json!({"parent_order": 18, "child_order": 22}),
        json!({"parent_order": 25, "child_order": 29, "morton": true}),
    ] {
        if let Err(findings) = conformance::grid(&*grid(&options)) {
            panic!("{options}: {findings:#?}");
        }
    }
}

/// What is wrong with a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    CellsOffByOne,
    NaNIsACell,
    WrongShard,
    LosesNoCell,
    CoverLacksOne,
    CoverUnsorted,
    CoverTakesAnything,
    OffsetsSwapped,
    CellsShort,
    CentresElsewhere,
    KeysCollide,
    AnyLabel,
    ChunkTooLarge,
    IndexOutside,
    SameGroup,
    WrongType,
    CoordinateShort,
    DanglingCoordinate,
    ParentsElsewhere,
    CoarserParentElsewhere,
    NumberShared,
    NumberTaken,
    PlaceOutside,
    PlacesFall,
    BlockOfShards,
    CoarseCentreElsewhere,
    CoordinateOfOthers,
    RootWithoutLevel,
    RootWithoutConvention,
    AreaLosesCells,
    AreaOfFewShards,
    AreaOfLines,
    CodesOfOthers,
    CodesOfAnyShard,
    Panics,
}

struct Broken(Box<dyn Grid>, Fault);

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.1 == fault
    }
}

impl Grid for Broken {
    fn type_name(&self) -> &str {
        if self.has(Fault::WrongType) { "healpiks" } else { self.0.type_name() }
    }
    fn signature(&self) -> Map<String, Value> {
        self.0.signature()
    }
    fn leaf_level(&self) -> u32 {
        self.0.leaf_level()
    }
    fn shard_level(&self) -> u32 {
        self.0.shard_level()
    }
    fn coarsest_level(&self) -> u32 {
        self.0.coarsest_level()
    }
    fn level_number(&self, level: u32) -> u64 {
        if self.has(Fault::NumberShared) { 7 } else { self.0.level_number(level) }
    }
    fn level_from_number(&self, number: u64) -> Result<u32> {
        let level = self.0.level_from_number(number);
        if self.has(Fault::NumberTaken) { level.or(Ok(0)) } else { level }
    }
    fn parents_of_shards(&self, shards: &[u64], level: u32, parents: &mut [u64]) {
        self.0.parents_of_shards(shards, level, parents);
        if self.has(Fault::CoarserParentElsewhere) {
            parents.iter_mut().for_each(|parent| *parent ^= 1);
        }
    }
    fn places(&self, level: u32, cells: &[u64], places: &mut [u64]) {
        self.0.places(level, cells, places);
        for place in places {
            match self.1 {
                Fault::PlaceOutside => *place += 1,
                Fault::PlacesFall => *place = (12 << (2 * level)) - 1 - *place,
                _ => {}
            }
        }
    }
    fn root_attributes(&self, levels: &[u32], compact: bool) -> Map<String, Value> {
        let mut map = self.0.root_attributes(levels, compact);
        if self.has(Fault::RootWithoutLevel) {
            map["multiscales"]["layout"].as_array_mut().unwrap().pop();
        }
        if self.has(Fault::RootWithoutConvention) {
            map.remove("zarr_conventions");
        }
        map
    }
    fn nests_exactly(&self) -> bool {
        true
    }
    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        assert!(!self.has(Fault::Panics), "out of order");
        self.0.locate(lon, lat, cells);
        for (i, cell) in cells.iter_mut().enumerate() {
            if self.has(Fault::CellsOffByOne) && i == 7 {
                *cell ^= 1;
            }
            if self.has(Fault::NaNIsACell) && lon[i].is_nan() {
                *cell = 0;
            }
        }
    }
    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.0.shards_of(cells, shards);
        if self.has(Fault::WrongShard) {
            shards.iter_mut().filter(|s| **s < 1 << 60).for_each(|s| *s ^= 1);
        }
        if self.has(Fault::LosesNoCell) {
            shards.iter_mut().filter(|s| **s >= 1 << 60).for_each(|s| *s = 0);
        }
    }
    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        self.0.parents(cells, level, parents);
        if self.has(Fault::ParentsElsewhere) && level < self.leaf_level() {
            parents.iter_mut().for_each(|p| *p |= 1);
        }
    }
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let cover = self.0.cover(footprint);
        match self.1 {
            Fault::CoverTakesAnything => cover.or(Ok(Vec::new())),
            Fault::CoverLacksOne => cover.map(|mut c| {
                if matches!(footprint, Footprint::Polygons(_)) {
                    c.pop();
                }
                c
            }),
            Fault::CoverUnsorted => cover.map(|mut c| {
                c.reverse();
                c
            }),
            _ => cover,
        }
    }
    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        self.0.offsets_in_shard(shard, level, cells, offsets);
        if self.has(Fault::OffsetsSwapped) {
            offsets.iter_mut().for_each(|o| *o ^= 1);
        }
    }
    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        let mut cells = self.0.cells_of_shard(shard, level);
        if self.has(Fault::CellsShort) {
            cells.pop();
        }
        cells
    }
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        self.0.centres(level, cells, lon, lat);
        if self.has(Fault::CentresElsewhere) || (self.has(Fault::CoarseCentreElsewhere) && level == 1) {
            lat.iter_mut().for_each(|lat| *lat = -*lat);
        }
    }
    fn cells_in_area(&self, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
        let found = self.0.cells_in_area(shards, area);
        match self.1 {
            Fault::AreaLosesCells => found.map(|found| vec![CellRanges::all(1); found.len()]),
            Fault::AreaOfFewShards => found.map(|mut found| found.split_off(found.len().min(1))),
            Fault::AreaOfLines => found.or(Ok(Vec::new())),
            _ => found,
        }
    }
    fn area_codes(&self, shard: u64, cells: &CellRanges) -> AreaCodes {
        let codes = self.0.area_codes(shard, cells);
        if self.has(Fault::CodesOfOthers) { codes.iter().skip(1).collect() } else { codes }
    }
    fn cells_of_codes(&self, shard: u64, codes: &AreaCodes) -> Result<CellRanges> {
        let cells = self.0.cells_of_codes(shard, codes);
        if self.has(Fault::CodesOfAnyShard) { cells.or_else(|_| Ok(CellRanges::default())) } else { cells }
    }
    fn shard_key(&self, shard: u64) -> u64 {
        if self.has(Fault::KeysCollide) { self.0.shard_key(0) } else { self.0.shard_key(shard) }
    }
    fn shard_from_key(&self, key: u64) -> Result<u64> {
        self.0.shard_from_key(key)
    }
    fn shard_label(&self, shard: u64) -> String {
        self.0.shard_label(shard)
    }
    fn shard_from_label(&self, label: &str) -> Result<u64> {
        let shard = self.0.shard_from_label(label);
        if self.has(Fault::AnyLabel) { shard.or(Ok(0)) } else { shard }
    }
    fn shard_index(&self, shard: u64) -> Vec<u64> {
        let mut index = self.0.shard_index(shard);
        if self.has(Fault::IndexOutside) {
            index[0] += 1;
        }
        index
    }
    fn group_name(&self, level: u32) -> String {
        if self.has(Fault::SameGroup) { "cells".into() } else { self.0.group_name(level) }
    }
    fn layout(&self, level: u32) -> GridLayout {
        let mut layout = self.0.layout(level);
        if self.has(Fault::ChunkTooLarge) {
            layout.chunk_shape[0] = layout.shard_shape[0] + 1;
        }
        if self.has(Fault::BlockOfShards) && level < self.shard_level() {
            layout.shard_shape[0] = 2;
        }
        layout
    }
    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.0.group_attributes(level, compact)
    }
    fn array_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        let mut map = self.0.array_attributes(level, compact);
        if self.has(Fault::DanglingCoordinate) {
            map.insert("coordinates".into(), "cell_ids height".into());
        }
        map
    }
    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        self.0.coordinates(level)
    }
    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        let values = self.0.cell_coordinate(name, level, cells)?;
        Ok(match self.1 {
            Fault::CoordinateShort => values.gather(&[0]),
            // The place among those asked about instead of the cell.
            Fault::CoordinateOfOthers => Values::UInt64((0..cells.len() as u64).collect()),
            _ => values,
        })
    }
    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        self.0.whole_coordinate(name, level)
    }
}

#[test]
fn every_fault_is_found_and_named() {
    use Fault::*;
    for (fault, named) in [
        (CellsOffByOne, "locate"),
        (NaNIsACell, "is no position but got the cell"),
        (WrongShard, "shards_of"),
        (LosesNoCell, "NO_CELL must stay NO_CELL"),
        (CoverLacksOne, "a triangle"),
        (CoverUnsorted, "not ascending"),
        (CoverTakesAnything, "must be an error"),
        (OffsetsSwapped, "offsets_in_shard"),
        (CellsShort, "cells_of_shard"),
        (CentresElsewhere, "locate: the centre of cell"),
        (KeysCollide, "shard_key"),
        (AnyLabel, "nonsense must be an error"),
        (ChunkTooLarge, "do not tile a block"),
        (IndexOutside, "shard_index"),
        (SameGroup, "stands for two levels"),
        (WrongType, "signature"),
        (CoordinateShort, "coordinates: cell_ids"),
        (DanglingCoordinate, "\"height\", which it lacks"),
        (ParentsElsewhere, "parents: at level"),
        (CoarserParentElsewhere, "parents_of_shards"),
        (NumberShared, "share the number 7"),
        (NumberTaken, "is no level's number"),
        (PlaceOutside, "lies beyond the 12 of the full array"),
        (PlacesFall, "do not grow"),
        (BlockOfShards, "needs one dimension and blocks of one cell"),
        (CoarseCentreElsewhere, "centres: that of cell"),
        (CoordinateOfOthers, "and another among others"),
        (RootWithoutLevel, "items for"),
        (RootWithoutConvention, "is not declared"),
        (AreaLosesCells, "cells_in_area: of 64 cells"),
        (AreaOfFewShards, "answers for"),
        (AreaOfLines, "is taken for an area"),
        (CodesOfOthers, "area_codes: the numbers"),
        (CodesOfAnyShard, "are taken for those of shard"),
        (Panics, "the grid panicked"),
    ] {
        let broken = Broken(grid(&json!({"parent_order": 2, "child_order": 5})), fault);
        let findings = conformance::grid(&broken).expect_err(&format!("{fault:?} is not found"));
        assert!(findings.iter().any(|f| f.contains(named)), "{fault:?}: {findings:#?}");
        assert!(findings.len() <= 60, "{}", findings.len());
    }
}
