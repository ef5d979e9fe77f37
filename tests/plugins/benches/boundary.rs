//! What the boundary of a library costs: the same statistic, source, grid and run, linked in and from a library.
//!
//! `cargo bench -p zagg-test-plugins` builds the library first with `--examples`; see `docs/src/plugins.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // It measures for people.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use zagg_atl06 as _;
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::executor::Observer;
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Granule};
use zagg_core::granules::Located;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::registry::Registry;
use zagg_core::report::TaskReport;
use zagg_core::rows::Rows;
use zagg_core::run::{Run, RunOptions};
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::{OpenObject, ReadRequest};
use zagg_core::statistic::{Groups, StatisticRequest};
use zagg_core::{DType, Error, Result, Values};
use zagg_healpix as _;
use zagg_local::LocalExecutor;
use zagg_statistics as _;
use zagg_zarr::ZarrStore;

const NAME: &str = "ATL06_20240103031520_02612211_006_01.h5";
const ROUNDS: usize = 31;

fn main() {
    let mut registry = Registry::linked().unwrap();
    registry.load(&[library()]).unwrap();
    println!("{:<34} {:>12} {:>12} {:>8} {:>8}", "least time", "linked in", "library", "more", "paired");
    for function in ["mean", "median"] {
        let work = |name: &str| reduce(&registry, name);
        compare(
            &format!("{function} of 1 M rows in 20 k cells"),
            work(function),
            work(&format!("shared-{function}")),
        );
    }
    let lon: Vec<f64> = (0..1_000_000).map(|i| f64::from(i) * 0.000_36 - 180.0).collect();
    let lat: Vec<f64> = (0..1_000_000).map(|i| f64::from(i) * 0.000_18 - 90.0).collect();
    let locate = |name: &str| {
        let options = json!({"type": "healpix", "parent_order": 6, "child_order": 12});
        let grid = registry.grid(name, options.as_object().unwrap()).unwrap();
        let (lon, lat) = (lon.clone(), lat.clone());
        move || {
            let (mut cells, mut shards) = (vec![0; lon.len()], vec![0; lon.len()]);
            grid.locate(&lon, &lat, &mut cells);
            grid.shards_of(&cells, &mut shards);
        }
    };
    compare("locating 1 M positions", locate("healpix"), locate("shared-healpix"));
    let spec = GranuleSpec { segments_per_beam: 60_000, segment_spacing: 20.0, ..GranuleSpec::new(NAME) }
        .through(-80.0, 60.0, Direction::Descending)
        .unwrap();
    let bytes = write_granule(&spec).unwrap();
    let read = |name: &str| read(&registry, name, &bytes);
    compare("reading an ATL06 granule", read("atl06"), read("shared-atl06"));
    let whole = |prefix: &str| run(&registry, prefix, &bytes);
    compare("a whole run of it", whole(""), whole("shared-"));
}

fn library() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join("examples/libsound.so");
    assert!(path.exists(), "build it first: cargo build --release -p zagg-test-plugins --examples");
    path
}

/// Runs both in turns, so that what else the machine does touches both, and prints the least times, and the median of how much
/// longer the library takes than what ran beside it.
fn compare(what: &str, mut linked: impl FnMut(), mut library: impl FnMut()) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // The second of a pair finds warm caches, or a busy machine.
        if round % 2 == 0 {
            a.push(time(&mut linked));
            b.push(time(&mut library));
        } else {
            b.push(time(&mut library));
            a.push(time(&mut linked));
        }
    }
    let mut paired: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b.as_secs_f64() / a.as_secs_f64()).collect();
    paired.sort_by(f64::total_cmp);
    let paired = (paired[ROUNDS / 2] - 1.0) * 100.0;
    let least = |times: &[Duration]| times.iter().min().map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (a, b) = (least(&a), least(&b));
    println!("{what:<34} {a:>9.2} ms {b:>9.2} ms {:>+6.1} % {paired:>+6.1} %", (b / a - 1.0) * 100.0);
}

fn time(work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn reduce(registry: &Registry, function: &str) -> impl FnMut() + use<> {
    let request = StatisticRequest {
        variable: "v".into(),
        function: function.into(),
        source: Some("x".into()),
        source_dtype: Some(DType::Float32),
        ..StatisticRequest::default()
    };
    let statistic = registry.statistic(&request).unwrap();
    let column = Values::Float32((0..1_000_000_u64).map(|i| ((i * 7919) % 10_007) as f32).collect());
    let offsets: Vec<u32> = (0..=20_000).map(|i| i * 50).collect();
    move || {
        statistic.reduce(&Groups { offsets: &offsets, columns: &[&column] }).unwrap();
    }
}

fn section() -> Value {
    json!({"variables": {"h_li": "/{group}/land_ice_segments/h_li", "s_li": "/{group}/land_ice_segments/h_li_sigma"}})
}

fn read(registry: &Registry, name: &str, bytes: &[u8]) -> impl FnMut() + use<> {
    let source = registry.source(name, section().as_object().unwrap()).unwrap();
    let reader: Arc<dyn RangeReader> = Arc::new(MemoryReader::new(NAME, bytes.to_vec()));
    move || {
        let opened = source.open(&Granule::default(), Arc::clone(&reader)).unwrap();
        let parts: Vec<usize> = (0..opened.parts().len()).collect();
        opened.positions(&parts);
        let request = |&part: &usize| ReadRequest {
            part,
            rows: Rows::all(50_000),
            columns: vec!["h_li".into(), "s_li".into()],
        };
        let requests: Vec<ReadRequest> = parts.iter().map(request).collect();
        assert!(opened.read(&requests).iter().all(Result::is_ok));
    }
}

/// One granule in memory.
#[derive(Debug)]
struct Memory(MemoryReader);

impl OpenObject for Memory {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        if href == NAME { Ok(Arc::new(self.0.clone())) } else { Err(Error::not_found(href)) }
    }
}

#[derive(Debug)]
struct Silent;

impl Observer for Silent {
    fn task_ended(&self, _report: &TaskReport, _done: usize, _total: usize) {}
}

fn run(registry: &Registry, prefix: &str, bytes: &[u8]) -> impl FnMut() + use<> {
    let pipeline = json!({
        "data_source": {"reader": format!("{prefix}atl06"), "variables": section()["variables"]},
        "aggregation": {"variables": {
            "mean": {"function": format!("{prefix}mean"), "source": "h_li"},
            "median": {"function": format!("{prefix}median"), "source": "h_li"},
            "error": {"function": format!("{prefix}mean"), "source": "s_li"},
        }},
        "output": {"grid": {"type": format!("{prefix}healpix"), "parent_order": 6, "child_order": 12}},
    });
    let mut layers = Layers::default();
    layers.push(Layer::parse("pipeline", &pipeline.to_string()).unwrap());
    let pipeline = Pipeline::parse(&layers).unwrap();
    let grid = registry.grid(&pipeline.output.grid_type, &pipeline.output.grid).unwrap();
    let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options).unwrap();
    let opener = Arc::new(Memory(MemoryReader::new(NAME, bytes.to_vec())));
    let granule = Granule { id: NAME.into(), file: Some(NAME.into()), ..Granule::default() };
    let opened = source.open(&granule, opener.open(NAME).unwrap()).unwrap();
    let shards = Located::new(opened, &*grid).unwrap().shards(&*grid);
    let entries = [CatalogEntry { granule, footprint: Footprint::Shards(shards) }];
    let map = ShardMap::build(&*grid, &entries, Map::new(), &BuildOptions::default()).unwrap();
    let registry = registry.clone();
    move || {
        let store = Arc::new(ZarrStore::memory());
        let options = RunOptions::default();
        let opener = opener.clone();
        let run = Run::new(pipeline.clone(), &map, &registry, opener, store, &options).unwrap();
        let run = Arc::new(run);
        run.prepare(false).unwrap();
        run.execute(&LocalExecutor::default(), &Silent).unwrap();
    }
}
