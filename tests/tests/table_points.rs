//! Points in tables: the same rows as HDF5, Parquet and CSV give the same store; row groups that no shard needs are passed
//! over; no row is lost on the way.

mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use zagg_core::config::Pipeline;
use zagg_core::granule::Granule;
use zagg_core::granules::{Located, PartRows};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::range_reader::{MemoryReader, RangeReader, Recording};
use zagg_core::report::Strays;
use zagg_core::source::{LATITUDE, LONGITUDE, PartState, ReadRequest};
use zagg_core::store::StoreState;
use zagg_core::{Column, Rows, Values};
use zagg_local::LocalExecutor;

use crate::support::{
    Job, Memory, Search, Tree, assert_same_tree, crossing, grid_of, pipeline, preset, registry, table,
};
use write::Table;

/// Everything of the preset but where rows come from.
fn table_layer(typed: bool) -> String {
    let column = |name: &str| match typed {
        true => format!("{name}: {{column: {name}, dtype: float32}}"),
        false => format!("{name}: {name}"),
    };
    format!(
        "data_source:\n  reader: table-points\n  groups: null\n  coordinates: {{latitude: lat, longitude: lon}}\n  \
         variables: {{{}, {}}}\n  quality_filter: {{dataset: quality, value: 0}}\n",
        column("h_li"),
        column("s_li")
    )
}

/// The rows of all parts of a granule, one part behind the other.
fn rows_of(job: &Job, id: &str) -> Table {
    let search = Search::new(&job.pipeline, Arc::clone(&job.opener));
    let granule = Granule { id: id.into(), file: Some(id.into()), ..Granule::default() };
    let located = search.located(&granule).unwrap();
    // The dataset of the filter comes behind the variables.
    let quality = search.source.columns().last().unwrap().name.clone();
    let names = [LATITUDE, LONGITUDE, "h_li", "s_li", &quality];
    let mut columns: Vec<Column> = Vec::new();
    for (part, info) in located.granule().parts().iter().enumerate() {
        let PartState::Present { rows } = info.state else { continue };
        let request =
            ReadRequest { part, rows: Rows::all(rows), columns: names.map(str::to_string).to_vec() };
        let batch = located.granule().read(&[request]).remove(0).unwrap();
        if columns.is_empty() {
            columns = batch.columns;
        } else {
            columns.iter_mut().zip(&batch.columns).for_each(|(all, more)| all.append(more).unwrap());
        }
    }
    Table(["lat", "lon", "h_li", "s_li", "quality"].into_iter().zip(columns).collect())
}

/// The arrays of a store without what describes it, which names the source.
fn chunks(job: &Job) -> Tree {
    let (summary, mut tree) = job.run_on_disk(&LocalExecutor::default());
    assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{summary:?}");
    assert!(summary.rows_kept > 1000, "{summary:?}");
    tree.retain(|name, _| !name.ends_with("zarr.json"));
    tree
}

#[test]
fn the_same_rows_give_the_same_store_from_every_format() {
    let specs = crossing(1500);
    let hdf5 = Job::atl06(pipeline(&[preset()]), &specs);
    let want = chunks(&hdf5);
    assert!(want.len() > 10);
    let tables: Vec<(String, Table)> =
        specs.iter().map(|spec| (spec.name.replace(".h5", ""), rows_of(&hdf5, &spec.name))).collect();
    for (ending, typed) in [("parquet", false), ("csv", true)] {
        let bytes = |table: &Table| match ending {
            "csv" => table.csv(),
            _ => table.parquet(700, true),
        };
        let objects = tables.iter().map(|(name, table)| (format!("{name}.{ending}"), bytes(table)));
        let opener = Memory(objects.collect());
        let mut ids: Vec<String> = opener.0.keys().cloned().collect();
        ids.sort_unstable();
        let job = Job::new(pipeline(&[preset(), &table_layer(typed)]), &ids, Arc::new(opener));
        assert_eq!(job.map.shards.len(), hdf5.map.shards.len(), "{ending}");
        assert_same_tree(&chunks(&job), &want, ending);
    }
}

/// The number and the sum of the heights in cells.
fn counting() -> Pipeline {
    pipeline(&["data_source: {reader: table-points, driver: file, \
         coordinates: {latitude: lat, longitude: lon}, variables: {h: h}}\n\
         aggregation: {variables: {count: {function: len, dtype: int32, fill_value: 0}, \
         h_sum: {function: sum, source: h, dtype: float64}}}\n\
         output: {grid: {type: healpix, parent_order: 3, child_order: 6}}\n"])
}

fn points(positions: &[(f64, f64)]) -> Table {
    let floats = |pick: fn(&(f64, f64)) -> f64| Values::Float64(positions.iter().map(pick).collect());
    let heights = (0..positions.len()).map(|at| (at * 7 % 1000) as f64 - 500.0);
    Table(vec![
        ("lon", Column::complete(floats(|position| position.0))),
        ("lat", Column::complete(floats(|position| position.1))),
        ("h", Column::complete(Values::Float64(heights.collect()))),
    ])
}

/// The job of one file.
fn job(pipeline: Pipeline, name: &str, bytes: Bytes) -> Job {
    Job::new(pipeline, &[name.to_string()], Arc::new(Memory([(name.to_string(), bytes)].into())))
}

/// Shard of every position.
fn shards_of(grid: &dyn Grid, positions: &[(f64, f64)]) -> (Vec<u64>, Vec<u64>) {
    let (lon, lat): (Vec<f64>, Vec<f64>) = positions.iter().copied().unzip();
    let mut cells = vec![0; lon.len()];
    let mut shards = cells.clone();
    grid.locate(&lon, &lat, &mut cells);
    grid.shards_of(&cells, &mut shards);
    (cells, shards)
}

fn located(pipeline: &Pipeline, reader: &Arc<dyn RangeReader>) -> (Located, Box<dyn Grid>) {
    let source = &pipeline.data_source;
    let source = registry().source(&source.reader, &source.options).unwrap();
    let grid = grid_of(pipeline);
    (Located::new(source.open(&Granule::default(), Arc::clone(reader)).unwrap(), &*grid).unwrap(), grid)
}

#[test]
fn row_groups_that_a_shard_does_not_touch_are_not_fetched() {
    // Twenty short tracks far from each other, one in each row group.
    let positions: Vec<(f64, f64)> = (0..2000)
        .map(|at| (-170.0 + f64::from(at / 100) * 17.0 + f64::from(at % 100) * 1e-3, -60.0))
        .collect();
    let bytes = points(&positions).parquet(100, true);
    let file = SerializedFileReader::new(bytes.clone()).unwrap();
    let group_bytes: Vec<Range<u64>> = file
        .metadata()
        .row_groups()
        .iter()
        .map(|group| {
            let ranges = || group.columns().iter().map(|column| column.byte_range());
            ranges().map(|(start, _)| start).min().unwrap()
                ..ranges().map(|(start, n)| start + n).max().unwrap()
        })
        .collect();
    let recording = Arc::new(Recording::new(Arc::new(MemoryReader::new("a.parquet", bytes))));
    let (located, grid) = located(&counting(), &(Arc::clone(&recording) as Arc<dyn RangeReader>));
    let opening = recording.recorded().calls.len();
    let (cells, shards) = shards_of(&*grid, &positions);
    let touched = |calls: usize| -> BTreeSet<usize> {
        let ranges = recording.recorded().calls.into_iter().skip(calls).flat_map(|call| call.ranges);
        let overlaps = |a: &Range<u64>, b: &Range<u64>| a.start < b.end && b.start < a.end;
        ranges
            .flat_map(|range| (0..20).filter(|&n| overlaps(&group_bytes[n], &range)).collect::<Vec<_>>())
            .collect()
    };
    let shard = shards[712];
    let want: Vec<u64> = (0..2000).filter(|&row| shards[row as usize] == shard).collect();
    let PartRows::Exact { rows, cells: got } = located.rows_in(shard, &*grid).remove(0) else {
        panic!("not exact")
    };
    assert_eq!(rows.iter().collect::<Vec<_>>(), want);
    assert_eq!(got, want.iter().map(|&row| cells[row as usize]).collect::<Vec<_>>());
    assert_eq!(touched(opening), BTreeSet::from([7]));
    // The same shard again, and one beside every row: nothing more is fetched.
    let calls = recording.recorded().calls.len();
    located.rows_in(shard, &*grid);
    let nowhere = (0..768).find(|shard| !shards.contains(shard)).unwrap();
    let PartRows::Exact { rows, .. } = located.rows_in(nowhere, &*grid).remove(0) else {
        panic!("not exact")
    };
    assert_eq!((rows.len(), recording.recorded().calls.len()), (0, calls));
    let all: BTreeSet<u64> = shards.into_iter().collect();
    assert_eq!(located.shards(&*grid), all.into_iter().collect::<Vec<_>>());
}

#[test]
fn statistics_that_lie_make_a_hole_instead_of_a_gap() {
    let positions: Vec<(f64, f64)> = (0..50).map(|at| (20.0, -60.0 - f64::from(at) * 0.125)).collect();
    let mut bytes = points(&positions).parquet(50, true).to_vec();
    let (true_least, false_least) = ((-66.125_f64).to_le_bytes(), (-61.0_f64).to_le_bytes());
    let at = (0..bytes.len() - 8).rfind(|&at| bytes[at..at + 8] == true_least).unwrap();
    assert!(at > bytes.len() - 1000, "not in the metadata");
    let sound = bytes.clone();
    bytes[at..at + 8].copy_from_slice(&false_least);
    let mut lying = job(counting(), "a.parquet", sound.into());
    lying.opener = Arc::new(Memory([("a.parquet".to_string(), bytes.into())].into()));
    let (summary, _) = lying.run_in_memory();
    assert_eq!(summary.state, StoreState::Incomplete);
    assert!(summary.holes.iter().any(|(hole, _)| hole.reason.contains("outside of the box")), "{summary:?}");
    // The pipeline can do without them.
    let options = &mut lying.pipeline.data_source.options;
    options.insert("options".into(), serde_json::json!({"statistics": false}));
    let (summary, _) = lying.run_in_memory();
    assert_eq!((summary.state, summary.rows_kept), (StoreState::Complete, 50));
}

/// What no shard counts when positions are believed from statistics, and when all are read.
fn strays(job: &Job) -> [Strays; 2] {
    let mut exact = job.clone();
    exact.pipeline.data_source.options.insert("options".into(), serde_json::json!({"statistics": false}));
    [job, &exact].map(|job| {
        let (summary, _) = job.run_in_memory();
        assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{summary:?}");
        summary.strays
    })
}

#[test]
fn a_row_without_a_position_is_counted_whatever_its_row_group_has() {
    let (nan, wrong) = (f64::NAN, [f64::NAN, f64::INFINITY, -90.5]);
    let mut track: Vec<(f64, f64)> = (0..100).map(|at| (20.0, -60.0 - f64::from(at) * 0.125)).collect();
    track[40].1 = nan;
    for group in [100, 25, 7] {
        let one = job(counting(), "a.parquet", points(&track).parquet(group, true));
        let (summary, _) = one.run_in_memory();
        assert_eq!((summary.rows_kept, summary.strays.rows_bad_position), (99, 1), "{group}");
    }
    for (at, lat) in wrong.into_iter().enumerate() {
        track[10 + at].1 = lat;
    }
    track[90].0 = f64::NEG_INFINITY;
    let mut many = job(counting(), "a.parquet", points(&track).parquet(10, true));
    for (workers, open) in [(1, 0), (4, 0), (4, 1)] {
        (many.options.workers, many.options.io_threads, many.options.open_granules) =
            (workers, workers, open);
        assert_eq!(strays(&many).map(|strays| strays.rows_bad_position), [5, 5], "{workers} {open}");
    }
}

#[test]
fn rows_of_row_groups_in_shards_that_do_not_list_the_file_are_counted_once() {
    // One row group in each of twenty shards; in the thirteenth a row has no position.
    let mut track: Vec<(f64, f64)> = (0..2000)
        .map(|at| (-170.0 + f64::from(at / 100) * 17.0 + f64::from(at % 100) * 1e-3, -60.0))
        .collect();
    track[1234].1 = f64::NAN;
    let bytes = points(&track).parquet(100, true);
    let objects = [("a.parquet", bytes.clone()), ("b.parquet", bytes)];
    let opener = Memory(objects.map(|(name, bytes)| (name.to_string(), bytes)).into());
    let mut job = Job::new(counting(), &["a.parquet".into(), "b.parquet".into()], Arc::new(opener));
    assert_eq!(strays(&job), [Strays { rows_bad_position: 2, ..Strays::default() }; 2]);
    let grid = grid_of(&job.pipeline);
    let (_, shards) = shards_of(&*grid, &track);
    let unlisted = grid.shard_key(shards[1200]);
    let a = job.map.granules.iter().position(|granule| granule.id == "a.parquet").unwrap() as u32;
    for shard in job.map.shards.iter_mut().filter(|shard| shard.key == unlisted) {
        shard.granules.retain(|&number| number != a);
    }
    let want = Strays { rows_bad_position: 2, rows_unassigned: 99, ..Strays::default() };
    for workers in [1, 4] {
        (job.options.workers, job.options.io_threads) = (workers, workers);
        assert_eq!(strays(&job), [want; 2]);
    }
    // The first shard of the granule answers for what no shard of it reads; another run leaves that alone.
    let listed: Vec<u64> = job.map.shards.iter().filter(|s| s.granules.contains(&a)).map(|s| s.key).collect();
    let label = |key: u64| grid.shard_label(grid.shard_from_key(key).unwrap());
    let order: BTreeMap<u64, u64> =
        listed.iter().map(|&key| (grid.shard_from_key(key).unwrap(), key)).collect();
    for (at, (_, &key)) in order.iter().enumerate() {
        job.options.shards = vec![label(key)];
        let (summary, _) = job.run_in_memory();
        assert_eq!(summary.strays.rows_unassigned, if at == 0 { 99 } else { 0 }, "{at}");
    }
}

fn position() -> impl Strategy<Value = (f64, f64)> {
    let lon = prop::sample::select(vec![
        0.0,
        180.0,
        -180.0,
        360.0,
        540.0,
        179.999_999_999,
        1e15,
        f64::NAN,
        f64::INFINITY,
    ]);
    let lat =
        prop::sample::select(vec![90.0, -90.0, 90.000_000_1, -91.0, 41.810_314, f64::NAN, f64::NEG_INFINITY]);
    prop_oneof![
        8 => (-180.0..180.0, -90.0..90.0),
        1 => (lon, -90.0..90.0),
        1 => (-180.0..180.0, lat),
    ]
}

/// Rows anywhere, or along tracks.
fn positions() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let scattered = prop::collection::vec(position(), 1..60);
    let track =
        (position(), (-0.9..0.9, -0.9..0.9), 1..200_usize).prop_map(|((lon, lat), (east, north), n)| {
            (0..n).map(|at| (lon + east * at as f64, lat + north * at as f64)).collect::<Vec<_>>()
        });
    prop::collection::vec(prop_oneof![scattered, track], 1..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_kept_once(positions in positions(), group in 1..60_usize, statistics in any::<bool>()) {
        let bytes = points(&positions).parquet(group, statistics);
        let job = job(counting(), "a.parquet", bytes);
        let grid = grid_of(&job.pipeline);
        let (cells, shards) = shards_of(&*grid, &positions);
        let mut want: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for (at, &cell) in cells.iter().enumerate().filter(|(_, cell)| **cell != NO_CELL) {
            let sum = want.entry(cell).or_default();
            *sum = (sum.0 + 1.0, sum.1 + (at * 7 % 1000) as f64 - 500.0);
        }
        let touched: BTreeSet<u64> = shards.into_iter().filter(|shard| *shard != NO_CELL).map(|shard| grid.shard_key(shard)).collect();
        let mapped: BTreeSet<u64> = job.map.shards.iter().map(|shard| shard.key).collect();
        prop_assert!(touched.is_subset(&mapped), "{:?} {:?}", touched, mapped);
        if mapped.is_empty() {
            return Ok(());
        }
        let (summary, store) = job.run_in_memory();
        prop_assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0));
        let got = table(&store);
        let (count, sum) = (got.column("count"), got.column("h_sum"));
        let got: BTreeMap<u64, (f64, f64)> = got.cells.iter().map(|(&id, v)| (id, (v[count], v[sum]))).collect();
        prop_assert_eq!(got, want);
        let bad = positions.iter().filter(|(lon, lat)| !(lon.is_finite() && lat.abs() <= 90.0)).count() as u64;
        prop_assert!(summary.strays.rows_bad_position <= bad);
        prop_assert_eq!(summary.rows_kept + bad, positions.len() as u64);
    }

    #[test]
    fn every_row_that_is_not_kept_is_counted(
        positions in positions(),
        group in 1..60_usize,
        unlisted in prop::collection::vec(any::<bool>(), 1..9),
        (workers, open) in (1..5_usize, 1..3_usize),
    ) {
        // The same rows twice, so that all shards stay in the map.
        let bytes = points(&positions).parquet(group, true);
        let objects = ["a.parquet", "b.parquet"].map(|name| (name.to_string(), bytes.clone()));
        let mut job = Job::new(counting(), &["a.parquet".into(), "b.parquet".into()], Arc::new(Memory(objects.into())));
        let Some(a) = job.map.granules.iter().position(|granule| granule.id == "a.parquet") else { return Ok(()) };
        for (shard, _) in job.map.shards.iter_mut().zip(unlisted.iter().cycle()).filter(|(_, unlisted)| **unlisted) {
            shard.granules.retain(|&number| number != a as u32);
        }
        (job.options.workers, job.options.io_threads, job.options.open_granules) = (workers, workers, open);
        let [got, want] = strays(&job);
        prop_assert_eq!(got.rows_unassigned, want.rows_unassigned);
        // A row group without any position may have a box from what is left of them, where no shard needs it.
        let is_bad = |&&(lon, lat): &&(f64, f64)| !(lon.is_finite() && lat.abs() <= 90.0);
        let bad = positions.chunks(group).map(|rows| (rows.len(), rows.iter().filter(is_bad).count()));
        let least: usize = bad.filter(|(rows, bad)| bad < rows).map(|(_, bad)| bad).sum();
        let files = (0..2).filter(|number| job.map.shards.iter().any(|shard| shard.granules.contains(number))).count();
        prop_assert!(got.rows_bad_position <= want.rows_bad_position);
        prop_assert!(got.rows_bad_position >= (files * least) as u64, "{:?} {}", got, least);
    }
}
