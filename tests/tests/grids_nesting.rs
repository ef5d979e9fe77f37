//! A grid whose cells do not hold their children exactly: the conformance check takes it, runs serve its cells, and coarser
//! levels of one store are refused with the reason.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zagg_core::conformance;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, CoordinateExtent, Grid, GridLayout, GridOptions, NO_CELL};
use zagg_core::registry::{Entry, Make};
use zagg_core::sphere::{
    Cone, LineRegion, PolygonRegion, Rectangle, Region, Shape, Verdict, chord, chord_to_angle, is_position,
    shards_of_points, unit,
};
use zagg_core::store::StoreState;
use zagg_core::{DType, Error, Result, Values};
use zagg_zarr::ZarrStore;

use crate::support::{Job, crossing, grid_of, pipeline, preset, registry};

/// Rows and columns of cells.
const ROWS: u64 = 720;
const COLUMNS: u64 = 1440;
/// Cells along each side of a shard.
const SIDE: u64 = 16;
/// Degrees of a cell.
const SIZE: f64 = 0.25;

/// Bricks of a quarter of a degree: odd rows are moved a third of a brick to the east, so that some reach out of the block
/// of 16 by 16 that they belong to. Level 2 are bricks, level 1 blocks of 4 by 4, level 0 the shards.
#[derive(Debug)]
struct Bricks;

fn shift(row: u64) -> f64 {
    if row.is_multiple_of(2) { 0.0 } else { SIZE / 3.0 }
}

/// Bricks along each side of a cell of the level.
fn side(level: u32) -> u64 {
    match level {
        0 => SIDE,
        1 => 4,
        _ => 1,
    }
}

/// Number of the block of a level that holds a brick.
fn block_of(brick: u64, level: u32) -> u64 {
    (brick / COLUMNS / side(level)) * (COLUMNS / side(level)) + brick % COLUMNS / side(level)
}

fn search<R: Region>(region: &R, shards: &mut Vec<u64>) {
    let start = region.start();
    let touched = |shard: &u64| !matches!(region.judge(&start, &cone(*shard)), Verdict::Outside);
    shards.extend((0..(ROWS / SIDE) * (COLUMNS / SIDE)).filter(touched));
}

/// A cone around a shard, the bricks that reach out of it included.
fn cone(shard: u64) -> Cone {
    let degrees = SIDE as f64 * SIZE;
    let (row, column) = (shard / (COLUMNS / SIDE), shard % (COLUMNS / SIDE));
    let (south, west) = (row as f64 * degrees - 90.0, column as f64 * degrees - 180.0);
    let (lon, lat) = (west + 0.5 * degrees, south + 0.5 * degrees);
    let centre = unit(lon, lat);
    let corners =
        [(west, south), (west, south + degrees)].map(|(lon, lat)| chord(centre, unit(lon - SIZE, lat)));
    let radius = corners.into_iter().map(chord_to_angle).fold(0.0, f64::max) + 1e-9;
    Cone { centre, lon_lat: (lon, lat), radius, sample: unit(lon + 0.0137, lat + 0.0071) }
}

impl Grid for Bricks {
    fn type_name(&self) -> &str {
        "test-bricks"
    }
    fn signature(&self) -> Map<String, Value> {
        Map::from_iter([("type".to_owned(), "test-bricks".into())])
    }
    fn leaf_level(&self) -> u32 {
        2
    }
    fn shard_level(&self) -> u32 {
        0
    }
    fn nests_exactly(&self) -> bool {
        false
    }
    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        for ((cell, &lon), &lat) in cells.iter_mut().zip(lon).zip(lat) {
            *cell = if is_position(lon, lat) {
                let row = (((lat + 90.0) / SIZE) as u64).min(ROWS - 1);
                let east = (lon + 180.0 - shift(row)).rem_euclid(360.0);
                row * COLUMNS + ((east / SIZE) as u64).min(COLUMNS - 1)
            } else {
                NO_CELL
            };
        }
    }
    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.parents(cells, 0, shards);
    }
    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        for (parent, &cell) in parents.iter_mut().zip(cells) {
            *parent = if cell == NO_CELL { NO_CELL } else { block_of(cell, level) };
        }
    }
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let mut shards = Vec::new();
        match footprint {
            Footprint::Points(points) => shards = shards_of_points(self, points)?,
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    match PolygonRegion::shape(polygon)? {
                        Shape::Region(region) => search(&region, &mut shards),
                        Shape::Place(place) => search(&place, &mut shards),
                        Shape::Everywhere => {
                            search(&Rectangle::new(-180.0, -90.0, 180.0, 90.0)?, &mut shards);
                        }
                    }
                }
            }
            Footprint::Lines(lines) => {
                for line in lines {
                    search(&LineRegion::new(line)?, &mut shards);
                }
            }
            Footprint::Box { west, south, east, north } => {
                search(&Rectangle::new(*west, *south, *east, *north)?, &mut shards);
            }
            Footprint::Shards(given) => {
                shards = given.iter().map(|shard| self.shard_from_key(*shard)).collect::<Result<_>>()?;
            }
            _ => return Err(Error::unsupported("no such footprint")),
        }
        shards.sort_unstable();
        shards.dedup();
        Ok(shards)
    }
    fn offsets_in_shard(&self, _shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        let (width, n) = (COLUMNS / side(level), SIDE / side(level));
        for (offset, &cell) in offsets.iter_mut().zip(cells) {
            *offset = u32::try_from(cell / width % n * n + cell % width % n).unwrap();
        }
    }
    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        let (width, n) = (COLUMNS / side(level), SIDE / side(level));
        let (row, column) = (shard / (COLUMNS / SIDE) * n, shard % (COLUMNS / SIDE) * n);
        (0..n * n).map(|i| (row + i / n) * width + column + i % n).collect()
    }
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        let (width, degrees) = (COLUMNS / side(level), SIZE * side(level) as f64);
        for ((&cell, lon), lat) in cells.iter().zip(lon).zip(lat) {
            let (row, column) = (cell / width, cell % width);
            let moved = if level == 2 { shift(row) } else { 0.0 };
            *lon = (column as f64 + 0.5) * degrees - 180.0 + moved;
            *lat = (row as f64 + 0.5) * degrees - 90.0;
            if *lon >= 180.0 {
                *lon -= 360.0;
            }
        }
    }
    fn shard_key(&self, shard: u64) -> u64 {
        shard
    }
    fn shard_from_key(&self, key: u64) -> Result<u64> {
        if key < (ROWS / SIDE) * (COLUMNS / SIDE) {
            Ok(key)
        } else {
            Err(Error::input(format!("{key} is no shard")))
        }
    }
    fn shard_label(&self, shard: u64) -> String {
        shard.to_string()
    }
    fn shard_from_label(&self, label: &str) -> Result<u64> {
        label.parse().map_err(|_| Error::input("no label")).and_then(|key| self.shard_from_key(key))
    }
    fn shard_index(&self, shard: u64) -> Vec<u64> {
        vec![shard / (COLUMNS / SIDE), shard % (COLUMNS / SIDE)]
    }
    fn group_name(&self, level: u32) -> String {
        format!("bricks{level}")
    }
    fn layout(&self, level: u32) -> GridLayout {
        let block = vec![SIDE / side(level); 2];
        GridLayout {
            dimensions: vec!["row".into(), "column".into()],
            full_shape: vec![ROWS / side(level), COLUMNS / side(level)],
            shard_shape: block.clone(),
            chunk_shape: block,
            compactable: false,
        }
    }
    fn group_attributes(&self, _level: u32, _compact: bool) -> Map<String, Value> {
        Map::new()
    }
    fn array_attributes(&self, _level: u32, _compact: bool) -> Map<String, Value> {
        Map::new()
    }
    fn coordinates(&self, _level: u32) -> Vec<Coordinate> {
        vec![Coordinate {
            name: "row".into(),
            dtype: DType::UInt64,
            extent: CoordinateExtent::Dimension(0),
            attributes: Map::new(),
            implied_by_position: false,
        }]
    }
    fn cell_coordinate(&self, name: &str, _level: u32, _cells: &[u64]) -> Result<Values> {
        Err(Error::plugin(format!("no coordinate {name}")))
    }
    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        if name == "row" {
            return Ok(Values::UInt64((0..ROWS / side(level)).collect()));
        }
        Err(Error::plugin(format!("no coordinate {name}")))
    }
}

fn make(_options: &GridOptions) -> Result<Box<dyn Grid>> {
    Ok(Box::new(Bricks))
}

zagg_core::export_plugin! {
    Entry {
        name: "test-bricks",
        aliases: &[],
        description: "a grid of the tests whose cells reach out of their parents",
        make: Make::Grid(make),
    },
}

/// The grid declares it, and is no less a grid for that.
#[test]
fn the_conformance_check_takes_a_grid_that_does_not_nest() {
    let grid = registry().grid("test-bricks", &GridOptions::new()).unwrap();
    if let Err(findings) = conformance::grid(&*grid) {
        panic!("{findings:#?}");
    }
}

const GRID: &str = "output: {grid: {type: test-bricks}}";

/// Its cells are served: every row that passes the filters is in the cell that it lies in.
#[test]
fn a_run_fills_the_cells_of_a_grid_that_does_not_nest() {
    let pipeline = pipeline(&[preset(), GRID]);
    let grid = grid_of(&pipeline);
    let job = Job::atl06(pipeline, &crossing(6000));
    let store = ZarrStore::memory();
    let summary = job.run(Arc::new(store.reopen())).unwrap();
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0));
    let mut rows = 0.0;
    for block in store.stored_blocks("bricks2", "count").unwrap() {
        rows += store.read_block("bricks2", "count", &block).unwrap().to_f64().iter().sum::<f64>();
        let shard = block[0] * (COLUMNS / SIDE) + block[1];
        assert_eq!(grid.shard_index(shard), block);
        assert!(job.map.shards.iter().any(|listed| listed.key == shard));
    }
    assert_eq!(rows, summary.rows_kept as f64);
    assert!(summary.rows_kept > 10_000, "{} rows", summary.rows_kept);
}

/// Coarser levels would move rows between cells: refused before anything runs.
#[test]
fn coarser_levels_of_a_grid_that_does_not_nest_are_refused_with_the_reason() {
    let levels = "output: {grid: {levels: [2, 1]}}";
    let job = Job::atl06(pipeline(&[preset(), GRID, levels]), &crossing(500)[..1]);
    let error = job.assemble(Arc::new(ZarrStore::memory())).unwrap_err().to_string();
    assert!(
        error.contains("output.grid.levels") && error.contains("do not hold their children exactly"),
        "{error}"
    );
    assert_eq!(json!(job.pipeline.output.levels), json!([2, 1]));
}
