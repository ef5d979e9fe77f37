//! A grid and a statistic that panic in the method that a pipeline names.

use std::sync::Once;

use serde_json::{Map, Value};
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, Grid, GridLayout, GridOptions};
use zagg_core::registry::{Entry, Make, Registry};
use zagg_core::statistic::{Groups, Input, Output, OutputShape, OutputSpec, Statistic, StatisticRequest};
use zagg_core::{DType, Result, Values};

zagg_core::export_plugin! {
    Entry {
        name: "test-grid",
        aliases: &[],
        description: "healpix, until a method panics",
        make: Make::Grid(make_grid),
    },
    Entry {
        name: "test-statistic",
        aliases: &[],
        description: "the number of rows, until a method panics or lies",
        make: Make::Statistic(make_statistic),
    },
}

/// Keeps panics that tests ask for out of the output.
pub(crate) fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload_as_str().is_none_or(|message| !message.starts_with("injected")) {
                loud(info);
            }
        }));
    });
}

/// Methods of a grid that the tests make panic.
pub(crate) const GRID_METHODS: [&str; 19] = [
    "make",
    "signature",
    "leaf_level",
    "locate",
    "shards_of",
    "offsets_in_shard",
    "offsets_outside",
    "shard_from_key",
    "shard_from_label",
    "shard_label",
    "shard_index",
    "group_name",
    "layout",
    "group_attributes",
    "array_attributes",
    "coordinates",
    "cell_coordinate",
    "cell_coordinate_error",
    "cells_of_shard",
];

fn make_grid(options: &GridOptions) -> Result<Box<dyn Grid>> {
    let mut options = options.clone();
    let panics =
        options.shift_remove("panics").and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default();
    options.insert("type".into(), "healpix".into());
    let grid = Faulty { inner: Registry::linked()?.grid("healpix", &options)?, panics };
    grid.at("make");
    Ok(Box::new(grid))
}

struct Faulty {
    inner: Box<dyn Grid>,
    panics: String,
}

impl Faulty {
    fn at(&self, method: &str) -> &dyn Grid {
        assert!(self.panics != method, "injected in {method}");
        &*self.inner
    }
}

impl Grid for Faulty {
    fn type_name(&self) -> &str {
        "test-grid"
    }

    fn signature(&self) -> Map<String, Value> {
        self.at("signature").signature()
    }

    fn leaf_level(&self) -> u32 {
        self.at("leaf_level").leaf_level()
    }

    fn shard_level(&self) -> u32 {
        self.inner.shard_level()
    }

    fn nests_exactly(&self) -> bool {
        self.inner.nests_exactly()
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        self.at("locate").locate(lon, lat, cells);
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.at("shards_of").shards_of(cells, shards);
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        self.inner.parents(cells, level, parents);
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        self.inner.cover(footprint)
    }

    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        if self.panics == "offsets_outside" {
            return offsets.fill(u32::MAX);
        }
        self.at("offsets_in_shard").offsets_in_shard(shard, level, cells, offsets);
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        self.at("cells_of_shard").cells_of_shard(shard, level)
    }

    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        self.inner.centres(level, cells, lon, lat);
    }

    fn shard_key(&self, shard: u64) -> u64 {
        self.inner.shard_key(shard)
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        self.at("shard_from_key").shard_from_key(key)
    }

    fn shard_label(&self, shard: u64) -> String {
        self.at("shard_label").shard_label(shard)
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        self.at("shard_from_label").shard_from_label(label)
    }

    fn shard_index(&self, shard: u64) -> Vec<u64> {
        self.at("shard_index").shard_index(shard)
    }

    fn group_name(&self, level: u32) -> String {
        self.at("group_name").group_name(level)
    }

    fn layout(&self, level: u32) -> GridLayout {
        self.at("layout").layout(level)
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.at("group_attributes").group_attributes(level, compact)
    }

    fn array_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.at("array_attributes").array_attributes(level, compact)
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        self.at("coordinates").coordinates(level)
    }

    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        let name = if self.panics == "cell_coordinate_error" { "none" } else { name };
        self.at("cell_coordinate").cell_coordinate(name, level, cells)
    }

    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        self.inner.whole_coordinate(name, level)
    }
}

/// Methods of a statistic that the tests make panic, and lies.
pub(crate) const STATISTIC_FAULTS: [&str; 9] =
    ["make", "output", "inputs", "skips_missing", "unit_power", "reduce", "few", "many", "type"];

fn make_statistic(request: &StatisticRequest) -> Result<Box<dyn Statistic>> {
    let fault = request.params.get("panics").and_then(Value::as_str).unwrap_or_default().to_string();
    let statistic = FaultyCount { fault, inputs: vec![Input { expression: "h".into() }] };
    statistic.at("make");
    Ok(Box::new(statistic))
}

struct FaultyCount {
    fault: String,
    inputs: Vec<Input>,
}

impl FaultyCount {
    fn at(&self, method: &str) {
        assert!(self.fault != method, "injected in {method}");
    }
}

impl Statistic for FaultyCount {
    fn output(&self) -> OutputSpec {
        self.at("output");
        OutputSpec { dtype: DType::Int64, shape: OutputShape::Scalar }
    }

    fn inputs(&self) -> &[Input] {
        self.at("inputs");
        &self.inputs
    }

    fn skips_missing(&self) -> bool {
        self.at("skips_missing");
        true
    }

    fn unit_power(&self) -> Option<i32> {
        self.at("unit_power");
        Some(0)
    }

    fn reduce(&self, groups: &Groups<'_>) -> Result<Output> {
        self.at("reduce");
        let n = match self.fault.as_str() {
            "few" => groups.len() - 1,
            "many" => groups.len() + 1,
            _ => groups.len(),
        };
        let values = if self.fault == "type" {
            // It announced integers, and the array is one of integers.
            Values::Float64(vec![0.5; n])
        } else {
            Values::Int64(vec![1; n])
        };
        Ok(Output::dense(values))
    }
}
