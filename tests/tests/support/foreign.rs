//! A grid of which only what every grid must have is known.

use serde_json::{Map, Value};
use zagg_core::column::Values;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, Grid, GridLayout};
use zagg_core::{Error, Result};

/// Hides what another grid has beyond the methods without a body, and its knowledge of unions.
pub(crate) struct Foreign(pub(crate) Box<dyn Grid>);

impl Grid for Foreign {
    fn type_name(&self) -> &str {
        self.0.type_name()
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

    fn nests_exactly(&self) -> bool {
        self.0.nests_exactly()
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        self.0.locate(lon, lat, cells);
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.0.shards_of(cells, shards);
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        self.0.parents(cells, level, parents);
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        match footprint {
            Footprint::Union(_) => Err(Error::unsupported("no unions here")),
            _ => self.0.cover(footprint),
        }
    }

    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        self.0.offsets_in_shard(shard, level, cells, offsets);
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        self.0.cells_of_shard(shard, level)
    }

    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        self.0.centres(level, cells, lon, lat);
    }

    fn shard_key(&self, shard: u64) -> u64 {
        self.0.shard_key(shard)
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        self.0.shard_from_key(key)
    }

    fn shard_label(&self, shard: u64) -> String {
        self.0.shard_label(shard)
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        self.0.shard_from_label(label)
    }

    fn shard_index(&self, shard: u64) -> Vec<u64> {
        self.0.shard_index(shard)
    }

    fn group_name(&self, level: u32) -> String {
        self.0.group_name(level)
    }

    fn layout(&self, level: u32) -> GridLayout {
        self.0.layout(level)
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.0.group_attributes(level, compact)
    }

    fn array_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        self.0.array_attributes(level, compact)
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        self.0.coordinates(level)
    }

    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        self.0.cell_coordinate(name, level, cells)
    }

    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        self.0.whole_coordinate(name, level)
    }
}
