//! What the tests share: pipelines, granules in memory, shard maps, runs, and reading stores back.

pub(crate) mod archive;
pub(crate) mod faulty;
pub(crate) mod foreign;
pub(crate) mod formula;
pub(crate) mod points;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Map;
use zagg_atl06 as _;
use zagg_atl06::synthetic::{Direction, GranuleSpec, write_granule};
use zagg_configs as _;
use zagg_core::catalog::{ExactFootprint, SearchContext};
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::executor::{Executor, Observer};
use zagg_core::footprint::Footprint;
use zagg_core::granule::{CatalogEntry, Driver, Granule};
use zagg_core::granules::Located;
use zagg_core::grid::Grid;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::registry::Registry;
use zagg_core::report::{RunSummary, TaskReport};
use zagg_core::run::{Run, RunOptions};
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_core::source::{OpenObject, PointSource};
use zagg_core::store::Store;
use zagg_core::{Error, Result, Values};
use zagg_hdf5_points as _;
use zagg_healpix as _;
use zagg_local::LocalExecutor;
use zagg_local_files as _;
use zagg_rectilinear as _;
use zagg_statistics as _;
use zagg_table_points as _;
use zagg_zarr::ZarrStore;

/// Everything linked into the tests, the made-up plugins of the tests among it.
pub(crate) fn registry() -> Registry {
    Registry::linked().unwrap()
}

/// The pipeline of some texts, lowest first.
pub(crate) fn pipeline(texts: &[&str]) -> Pipeline {
    let mut layers = Layers::default();
    for (number, text) in texts.iter().enumerate() {
        layers.push(Layer::parse(&format!("layer {number}"), text).unwrap());
    }
    Pipeline::parse(&layers).unwrap()
}

/// The preset for ATL06.
pub(crate) fn preset() -> &'static str {
    registry().preset("atl06").unwrap()
}

/// The layer that chooses a layout.
pub(crate) fn layout(name: &str) -> String {
    format!("output: {{layout: {name}}}")
}

pub(crate) const LAYOUTS: [&str; 2] = ["compact", "full_sphere"];

pub(crate) fn grid_of(pipeline: &Pipeline) -> Box<dyn Grid> {
    registry().grid(&pipeline.output.grid_type, &pipeline.output.grid).unwrap()
}

/// Objects in memory, by href.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(pub(crate) HashMap<String, Bytes>);

impl OpenObject for Memory {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        let bytes = self.0.get(href).ok_or_else(|| Error::not_found(format!("{href}: no such object")))?;
        Ok(Arc::new(MemoryReader::new(href, bytes.clone())))
    }
}

/// What lies at a file's path, as if it were at an archive.
#[derive(Debug)]
struct Archive(Arc<dyn OpenObject>);

/// Where the archive is.
const ARCHIVE: &str = "https://archive.test/";

impl OpenObject for Archive {
    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        let reader = self.0.open(href.strip_prefix(ARCHIVE).unwrap_or(href))?;
        Ok(Arc::new(Archived { reader, href: href.to_string() }))
    }
}

/// An object of the archive, which says that it lies there.
struct Archived {
    reader: Arc<dyn RangeReader>,
    href: String,
}

impl RangeReader for Archived {
    fn size(&self) -> u64 {
        self.reader.size()
    }

    fn etag(&self) -> Option<&str> {
        self.reader.etag()
    }

    fn location(&self) -> &str {
        &self.href
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.reader.read_ranges(ranges)
    }
}

/// Looks where the rows of granules are, for catalogs and shard maps.
pub(crate) struct Search {
    pub(crate) grid: Box<dyn Grid>,
    pub(crate) source: Box<dyn PointSource>,
    pub(crate) opener: Arc<dyn OpenObject>,
}

impl Search {
    pub(crate) fn new(pipeline: &Pipeline, opener: Arc<dyn OpenObject>) -> Self {
        let source = &pipeline.data_source;
        Self {
            grid: grid_of(pipeline),
            source: registry().source(&source.reader, &source.options).unwrap(),
            opener,
        }
    }

    pub(crate) fn located(&self, granule: &Granule) -> Result<Located> {
        let reader = self.opener.open(granule.href(Driver::File)?)?;
        Located::new(self.source.open(granule, reader)?, &*self.grid)
    }
}

impl SearchContext for Search {
    fn exact_footprint(&self, granule: &Granule) -> Result<ExactFootprint> {
        let located = self.located(granule)?;
        Ok(ExactFootprint {
            footprint: Footprint::Shards(located.shards(&*self.grid)),
            holes: located.holes().map(|(part, error)| format!("part {part}: {error}")).collect(),
        })
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _what: &str) {}

    fn warn(&self, message: &str) {
        panic!("the catalog warns: {message}");
    }
}

/// Pipeline, shard map and granules: everything of a run but its store.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) pipeline: Pipeline,
    pub(crate) map: ShardMap,
    pub(crate) opener: Arc<dyn OpenObject>,
    pub(crate) options: RunOptions,
}

impl Job {
    /// The job of some granules, with the shard map of where their rows are.
    pub(crate) fn new(pipeline: Pipeline, ids: &[String], opener: Arc<dyn OpenObject>) -> Self {
        let search = Search::new(&pipeline, Arc::clone(&opener));
        let entries: Vec<CatalogEntry> = ids
            .iter()
            .map(|id| {
                let granule = Granule { id: id.clone(), file: Some(id.clone()), ..Granule::default() };
                let footprint = Footprint::Shards(search.located(&granule).unwrap().shards(&*search.grid));
                CatalogEntry { granule, footprint }
            })
            .collect();
        let map = ShardMap::build(&*search.grid, &entries, Map::new(), &BuildOptions::default()).unwrap();
        let options = RunOptions { io_threads: 2, workers: 2, ..RunOptions::default() };
        Self { pipeline, map, opener, options }
    }

    /// The job of made-up ATL06 granules.
    pub(crate) fn atl06(pipeline: Pipeline, specs: &[GranuleSpec]) -> Self {
        let bytes = |spec: &GranuleSpec| (spec.name.clone(), Bytes::from(write_granule(spec).unwrap()));
        let opener = Memory(specs.iter().map(bytes).collect());
        let ids: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
        Self::new(pipeline, &ids, Arc::new(opener))
    }

    /// The same job with granules that are far away, where round trips are saved rather than memory.
    pub(crate) fn far_away(mut self) -> Self {
        for granule in &mut self.map.granules {
            granule.https = granule.file.take().map(|path| format!("{ARCHIVE}{path}"));
        }
        self.opener = Arc::new(Archive(self.opener));
        self.options.driver = Some(Driver::Https);
        self
    }

    pub(crate) fn assemble(&self, store: Arc<dyn Store>) -> Result<Arc<Run>> {
        let opener = Arc::clone(&self.opener);
        Run::new(self.pipeline.clone(), &self.map, &registry(), opener, store, &self.options).map(Arc::new)
    }

    pub(crate) fn run_with(&self, store: Arc<dyn Store>, executor: &dyn Executor) -> Result<RunSummary> {
        let run = self.assemble(store)?;
        run.prepare(false)?;
        run.execute(executor, &Silent)
    }

    pub(crate) fn run(&self, store: Arc<dyn Store>) -> Result<RunSummary> {
        self.run_with(store, &LocalExecutor::default())
    }

    /// Runs into a new store in memory.
    pub(crate) fn run_in_memory(&self) -> (RunSummary, ZarrStore) {
        let store = ZarrStore::memory();
        let summary = self.run(Arc::new(store.reopen())).unwrap();
        (summary, store)
    }

    /// Runs into a new store on disk and gives its files.
    pub(crate) fn run_on_disk(&self, executor: &dyn Executor) -> (RunSummary, Tree) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.zarr");
        let summary = self.run_with(Arc::new(ZarrStore::open_path(&path).unwrap()), executor).unwrap();
        (summary, tree(&path))
    }
}

/// Follows nothing and stops nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silent;

impl Observer for Silent {
    fn task_ended(&self, _report: &TaskReport, _done: usize, _total: usize) {}
}

/// Three made-up granules that cross each other in a few shards.
pub(crate) fn crossing(segments: usize) -> Vec<GranuleSpec> {
    let tracks = [
        ("ATL06_20240103031520_02612211_006_01.h5", 59.0, Direction::Descending, 7),
        ("ATL06_20240107030701_03222211_006_01.h5", 60.5, Direction::Ascending, 8),
        ("ATL06_20240111025842_03832211_006_01.h5", 61.0, Direction::Descending, 9),
    ];
    tracks
        .map(|(name, longitude, direction, seed)| {
            let spec = GranuleSpec { segments_per_beam: segments, seed, ..GranuleSpec::new(name) };
            spec.through(-80.0, longitude, direction).unwrap()
        })
        .to_vec()
}

/// The files of a folder with their content.
pub(crate) type Tree = BTreeMap<PathBuf, Vec<u8>>;

pub(crate) fn tree(folder: &Path) -> Tree {
    fn walk(root: &Path, folder: &Path, files: &mut Tree) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = Tree::new();
    walk(folder, folder, &mut files);
    files
}

/// Panics with the name of the first file that differs, rather than with all the bytes.
pub(crate) fn assert_same_tree(got: &Tree, want: &Tree, what: &str) {
    let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(got), names(want), "{what}: files");
    for (name, bytes) in want {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(4000).collect::<String>();
        let got = &got[name];
        assert!(got == bytes, "{what}: {} differs:\n{}\n{}", name.display(), text(got), text(bytes));
    }
}

/// The cells of a store that hold anything but fill values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Names of the variables, ascending.
    pub(crate) names: Vec<String>,
    /// Value of an empty cell, per variable.
    pub(crate) fills: Vec<f64>,
    /// By NESTED id: one value per variable.
    pub(crate) cells: BTreeMap<u64, Vec<f64>>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> usize {
        self.names.iter().position(|n| n == name).unwrap()
    }

    pub(crate) fn values(&self, name: &str) -> BTreeMap<u64, f64> {
        let at = self.column(name);
        self.cells.iter().map(|(&cell, values)| (cell, values[at])).collect()
    }

    pub(crate) fn total(&self, name: &str) -> f64 {
        self.values(name).values().sum()
    }
}

/// Reads every block of a store's only group, in either layout.
pub(crate) fn table(store: &ZarrStore) -> Table {
    let summary = store.inspect().unwrap();
    let [group] = &summary.groups[..] else { panic!("groups: {:?}", summary.groups) };
    let compact = group.arrays.iter().any(|array| array.name == "cell_ids");
    let ids = compact.then(|| match store.read_array(&group.name, "cell_ids").unwrap() {
        Values::UInt64(ids) => ids,
        other => panic!("cell_ids are {}", other.dtype()),
    });
    let variables: Vec<_> = group.arrays.iter().filter(|array| array.name != "cell_ids").collect();
    let fills: Vec<f64> = variables.iter().map(|array| array.fill.to_f64()[0]).collect();
    let mut cells: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (at, array) in variables.iter().enumerate() {
        for block in store.stored_blocks(&group.name, &array.name).unwrap() {
            let values = store.read_block(&group.name, &array.name, &block).unwrap().to_f64();
            let start = block[0] * array.block_shape[0];
            for (place, value) in (start..).zip(values) {
                if value == fills[at] || (value.is_nan() && fills[at].is_nan()) {
                    continue;
                }
                let id = ids.as_ref().map_or(place, |ids| ids[place as usize]);
                cells.entry(id).or_insert_with(|| fills.clone())[at] = value;
            }
        }
    }
    Table { names: variables.iter().map(|array| array.name.clone()).collect(), fills, cells }
}

/// Whether two numbers agree within relative and absolute tolerance; NaN agrees with NaN.
pub(crate) fn close(got: f64, want: f64, relative: f64, absolute: f64) -> bool {
    (got.is_nan() && want.is_nan()) || got == want || (got - want).abs() <= absolute + relative * want.abs()
}

/// The folder of real data, or a visible note that it is not there.
pub(crate) fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("ZAGG_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    say!("skipped: no test data at {}; set ZAGG_TEST_DATA", folder.display());
    None
}
