//! The rectilinear grid through whole runs: reference values, conservation, layouts, padding.

use std::collections::BTreeMap;
use std::sync::Arc;

use zagg_access::Access;
use zagg_core::Values;
use zagg_core::catalog::Query;
use zagg_core::run::RunOptions;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::store::StoreState;
use zagg_zarr::ZarrStore;

use crate::support::{Job, Search, close, crossing, grid_of, layout, pipeline, registry, test_data};
use crate::synthetic::{rows_by_cell, statistics};

/// Cells of a two-dimensional store that hold anything: one value per variable, by row and column.
type Cells = BTreeMap<(u64, u64), BTreeMap<String, f64>>;

fn preset() -> &'static str {
    registry().preset("atl06_polar").unwrap()
}

/// The grid around the other pole.
const NORTH: &str =
    "output: {grid: {crs: EPSG:3413, resolution: 5000, bounds: [-4000000, -4000000, 4000000, 4000000]}}";

fn cells(store: &ZarrStore) -> Cells {
    let summary = store.inspect().unwrap();
    let [group] = &summary.groups[..] else { panic!("groups: {:?}", summary.groups) };
    let mut cells = Cells::new();
    for array in group.arrays.iter().filter(|array| array.shape.len() == 2) {
        let fill = array.fill.to_f64()[0];
        let [height, width] = array.block_shape[..] else { unreachable!() };
        for block in store.stored_blocks(&group.name, &array.name).unwrap() {
            let values = store.read_block(&group.name, &array.name, &block).unwrap().to_f64();
            assert_eq!(values.len() as u64, height * width);
            for (place, value) in (0..).zip(values) {
                if value != fill && !(value.is_nan() && fill.is_nan()) {
                    let at = (block[0] * height + place / width, block[1] * width + place % width);
                    cells.entry(at).or_default().insert(array.name.clone(), value);
                }
            }
        }
    }
    cells
}

/// A reference file: row, column, then one column per variable.
fn reference(text: &str) -> Cells {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(names[..2], ["row", "col"]);
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let at = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
            let values = names.iter().zip(&fields).skip(2);
            (at, values.map(|(name, field)| ((*name).to_owned(), field.parse().unwrap())).collect())
        })
        .collect()
}

#[test]
fn real_granules_give_the_reference_values() {
    let Some(data) = test_data() else { return };
    let own = std::fs::read_to_string(data.join("zagg_configs/atl06_polar.yaml")).unwrap();
    let files = vec![data.join("atl06/*.h5").to_str().unwrap().to_string()];
    for (name, csv, texts) in [
        ("preset", "atl06_rect_epsg3031_5km.csv", vec![preset()]),
        ("the original's file", "atl06_rect_epsg3031_5km.csv", vec![own.as_str()]),
        ("north", "atl06_rect_epsg3413_5km.csv", vec![preset(), NORTH]),
    ] {
        let Ok(text) = std::fs::read_to_string(data.join("../golden").join(csv)) else {
            say!("skipped: no reference {csv}");
            continue;
        };
        let want = reference(&text);
        let pipeline = pipeline(&texts);
        let search = Search::new(&pipeline, Arc::new(Access::default()));
        let query = Query { files: files.clone(), ..Query::default() };
        let found = registry().catalog("local-files").unwrap().search(&query, &search).unwrap();
        let map =
            ShardMap::build(&*search.grid, &found.entries, found.metadata, &BuildOptions::default()).unwrap();
        let map = ShardMap::parse("map", &map.to_json().unwrap()).unwrap();
        let options = RunOptions { workers: 2, ..RunOptions::default() };
        let job = Job { pipeline, map, opener: Arc::new(Access::default()), options };
        let (summary, store) = job.run_in_memory();
        assert_eq!((summary.state, summary.exit_code()), (StoreState::Complete, 0), "{name}");
        let got = cells(&store);
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{name}: cells");
        assert_eq!(summary.cells, want.len() as u64, "{name}");
        for (at, want) in &want {
            for (variable, &want) in want {
                let got = got[at][variable];
                let same = if variable == "count" { got == want } else { close(got, want, 1e-6, 1e-6) };
                assert!(same, "{name}: {at:?}: {variable} is {got}, not {want}");
            }
        }
        let rows: f64 = got.values().map(|values| values["count"]).sum();
        assert_eq!(rows, summary.rows_kept as f64, "{name}");
    }
}

/// Made-up granules near the South Pole: the statistics of every cell are those of the rows that lie in it.
#[test]
fn every_row_is_in_its_cell_whatever_the_shape_of_shards() {
    let specs = crossing(900);
    let mut tables = Vec::new();
    for (shape, inner, chosen) in [
        ("[256, 256]", "[256, 256]", "compact"),
        ("[64, 32]", "[16, 8]", "full_sphere"),
        ("[1280, 1280]", "[320, 640]", "compact"),
    ] {
        let grid = format!("output: {{grid: {{chunk_shape: {shape}, chunk_inner: {inner}}}}}");
        let pipeline = pipeline(&[preset(), &grid, &layout(chosen)]);
        let located = grid_of(&pipeline);
        let (mut expected, bad) = rows_by_cell(&specs, &*located);
        assert_eq!(bad, 0);
        expected.values_mut().for_each(|rows| rows.retain(|row| row.2 == 0));
        expected.retain(|_, rows| !rows.is_empty());
        let (summary, store) = Job::atl06(pipeline, &specs).run_in_memory();
        assert_eq!((summary.state, summary.strays.rows_unassigned), (StoreState::Complete, 0), "{shape}");
        let width = located.layout(located.leaf_level()).full_shape[1];
        let got = cells(&store);
        let wanted: Vec<(u64, u64)> = expected.keys().map(|cell| (cell / width, cell % width)).collect();
        assert_eq!(got.keys().copied().collect::<Vec<_>>(), wanted, "{shape}");
        for ((at, values), rows) in got.iter().zip(expected.values()) {
            assert_eq!(values["count"], rows.len() as f64, "{shape} {at:?}");
            for (name, want) in statistics(rows).into_iter().filter(|(name, _)| values.contains_key(*name)) {
                assert!(
                    close(values[name], want, 1e-5, 1e-4),
                    "{shape} {at:?} {name}: {} {want}",
                    values[name]
                );
            }
        }
        tables.push(got);
    }
    // The shape of shards and chunks decides where bytes lie, not what they say.
    assert!(tables.windows(2).all(|pair| pair[0] == pair[1]));
}

/// What readers need beside the data: centres, the grid mapping, and attributes on the group and on every array.
#[test]
fn the_store_says_where_its_cells_are() {
    let pipeline = pipeline(&[preset(), "output: {grid: {bounds: [-1000000, -600000, 1000000, 600001]}}"]);
    let (summary, store) = Job::atl06(pipeline, &crossing(300)).run_in_memory();
    assert_eq!(summary.state, StoreState::Complete);
    let inspected = store.inspect().unwrap();
    let [group] = &inspected.groups[..] else { panic!("{:?}", inspected.groups) };
    assert_eq!(group.name, "rectilinear");
    let of = |name: &str| group.arrays.iter().find(|array| array.name == name).unwrap();
    assert_eq!((of("count").shape.as_slice(), of("x").shape.as_slice()), (&[256, 512][..], &[512][..]));
    assert_eq!(of("spatial_ref").shape, [0_u64; 0]);
    let Values::Float64(y) = store.read_array("rectilinear", "y").unwrap() else { panic!("y") };
    let Values::Float64(x) = store.read_array("rectilinear", "x").unwrap() else { panic!("x") };
    // One row more than 240 for the metre beyond 600 km, padded below and on the right to whole shards.
    assert_eq!((y[0], y[255], x[0], x[511]), (597_501.0, -677_499.0, -997_500.0, 1_557_500.0));
    assert_eq!(store.read_array("rectilinear", "spatial_ref").unwrap(), Values::Int64(vec![0]));
}
