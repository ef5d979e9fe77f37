//! A run: pipeline, shard map, grid, source and store brought together and checked, with the list of tasks.

mod summary;
mod template;

pub use template::template_of;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Pipeline;
use crate::error::{Context, Error, Result};
use crate::executor::{Executor, Observer};
use crate::finalize;
use crate::granule::{Driver, Granule};
use crate::granules::Granules;
use crate::grid::Grid;
use crate::index::IndexStore;
use crate::io_pool::IoPool;
use crate::product::Product;
use crate::registry::Registry;
use crate::report::{RunSummary, TaskReport};
use crate::shard_map::ShardMap;
use crate::source::OpenObject;
use crate::store::{Created, Store};

/// Granules in flight at once when they come over a network: threads that mostly wait.
pub const REMOTE_IO_THREADS: usize = 16;

/// Least memory that a run may be given for reading granules.
pub const LEAST_MEMORY: u64 = 64 << 20;

/// One shard's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The shard.
    pub shard: u64,
    /// Numbers of its granules, in arrival order.
    pub granules: Vec<u32>,
}

/// What a run may be told beyond its pipeline and shard map.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Which href is read, instead of the pipeline's choice.
    pub driver: Option<Driver>,
    /// Labels of the only shards to run.
    pub shards: Vec<String>,
    /// Run at most this many shards, the first of the map.
    pub max_cells: Option<usize>,
    /// Granules in flight at once; 0 means [`REMOTE_IO_THREADS`], or twice the workers when all granules are local files:
    /// those are in the page cache or on one disk, and what their threads do is inflate.
    pub io_threads: usize,
    /// Threads that compute, and tasks at once on this machine; 0 means one per core.
    pub workers: usize,
    /// Most bytes of memory for reading granules, instead of the pipeline's; at least [`LEAST_MEMORY`].
    pub memory: Option<u64>,
    /// Granules open at once; 0 means [`MAX_OPEN`](crate::granules::MAX_OPEN).
    pub open_granules: usize,
    /// Where granule indexes are kept, for a pipeline that says `data_source.index`.
    pub index: Option<Arc<dyn IndexStore>>,
}

/// Everything that tasks share.
pub struct Run {
    /// What the store will hold.
    pub product: Product,
    /// The granules.
    pub granules: Granules,
    /// Where results go.
    pub store: Arc<dyn Store>,
    /// The tasks, ascending by shard.
    pub tasks: Vec<Task>,
    /// Threads that wait for bytes.
    pub io: IoPool,
    /// Threads that compute.
    pub compute: rayon::ThreadPool,
    /// What the user should know before anything runs.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({} tasks onto {:?} into {:?})", self.tasks.len(), self.product.grid, self.store)
    }
}

impl Run {
    /// Brings a run together. Nothing is read from granules and nothing is written yet.
    ///
    /// # Errors
    /// When the parts do not fit: unknown names, a map for another grid, a granule without href, an unknown shard.
    pub fn new(
        pipeline: Pipeline,
        map: &ShardMap,
        registry: &Registry,
        opener: Arc<dyn OpenObject>,
        store: Arc<dyn Store>,
        options: &RunOptions,
    ) -> Result<Self> {
        crate::caught(|| Self::assemble(pipeline, map, registry, opener, store, options))
    }

    fn assemble(
        pipeline: Pipeline,
        map: &ShardMap,
        registry: &Registry,
        opener: Arc<dyn OpenObject>,
        store: Arc<dyn Store>,
        options: &RunOptions,
    ) -> Result<Self> {
        let mut pipeline = pipeline;
        let grid = registry
            .grid(&pipeline.output.grid_type, &pipeline.output.grid)
            .map_err(|error| pipeline.locate(error))?;
        map.check_grid(&*grid)?;
        bound_memory(&mut pipeline, options)?;
        // What the user asked of the catalog holds for every run of its map.
        pipeline.output.clip |= map.clips();
        let areas = match pipeline.output.needs_area() {
            true => map.area_cells(&*grid)?,
            false => BTreeMap::new(),
        };
        let mut by_shard: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for entry in &map.shards {
            let shard = grid.shard_from_key(entry.key).context(|| "the shard map")?;
            by_shard.insert(shard, entry.granules.clone());
        }
        let ids = map.granules.iter().map(|granule| granule.id.clone()).collect();
        let (product, source) = Product::new(pipeline, grid, registry, by_shard.clone(), ids)?;
        let product = product.with_areas(areas)?;
        let pipeline = &product.pipeline;
        let grid = &product.grid;
        let wanted = wanted_shards(&**grid, &by_shard, options)?;
        let tasks: Vec<Task> = wanted
            .into_iter()
            .map(|shard| Task { shard, granules: by_shard.get(&shard).cloned().unwrap_or_default() })
            .collect();
        let mut granules: Vec<(Granule, Vec<u64>, usize)> =
            map.granules.iter().map(|granule| (granule.clone(), Vec::new(), 0)).collect();
        for (&shard, numbers) in &by_shard {
            for &number in numbers {
                granules[number as usize].1.push(shard);
            }
        }
        for number in tasks.iter().flat_map(|task| &task.granules) {
            granules[*number as usize].2 += 1;
        }
        let driver = options.driver.unwrap_or(pipeline.data_source.driver);
        let kept = match (&pipeline.data_source.index, &options.index) {
            (Some(index), Some(store)) => Some((Arc::clone(store), index.on_miss)),
            (Some(_), None) => return Err(Error::input("data_source.index: this program keeps no indexes")),
            (None, _) => None,
        };
        let mut granules = Granules::new(source, opener, driver, granules)?.with_indexes(&**grid, kept)?;
        if options.open_granules > 0 {
            granules = granules.with_max_open(options.open_granules);
        }
        let compute = rayon::ThreadPoolBuilder::new()
            .num_threads(options.workers)
            .thread_name(|number| format!("zagg-compute-{number}"))
            .build()
            .map_err(|error| Error::io(format!("starting threads: {error}")))?;
        let io_threads = match options.io_threads {
            0 if granules.are_local() => 2 * compute.current_num_threads(),
            0 => REMOTE_IO_THREADS,
            threads => threads,
        };
        let mut warnings = pipeline.notes.clone();
        warnings.extend(map.version_warnings());
        Ok(Self { product, granules, store, tasks, io: IoPool::new(io_threads)?, compute, warnings })
    }

    /// Threads that compute, and tasks that may run at once on this machine.
    pub fn workers(&self) -> usize {
        self.compute.current_num_threads()
    }

    /// Whether [`Self::prepare`] would take the store, without reading granules or writing.
    ///
    /// # Errors
    /// When something else is in its place.
    pub fn check_store(&self, overwrite: bool) -> Result<()> {
        crate::caught(|| self.store.check(&template::template(self, false), overwrite))
    }

    /// Makes the store ready: takes it for this run and writes the template.
    ///
    /// # Errors
    /// When another run holds the store, or something else is in its place, or writing fails.
    pub fn prepare(&self, overwrite: bool) -> Result<Created> {
        self.store.acquire()?;
        let created = crate::caught(|| template::write(self, overwrite));
        if created.is_err() {
            // The error of the template is what the user needs to see.
            let _ = self.store.release();
        }
        created
    }

    /// Runs every task on the executor, writes the report and the final state, and gives the store free.
    ///
    /// # Errors
    /// When the executor cannot work or the state cannot be written.
    pub fn execute(self: &Arc<Self>, executor: &dyn Executor, observer: &dyn Observer) -> Result<RunSummary> {
        let started = Instant::now();
        let outcome = crate::caught(|| {
            let reports = executor.run(self, observer)?;
            self.finish(&reports, started.elapsed().as_secs_f64())
        });
        let released = self.store.release();
        let summary = outcome?;
        released?;
        Ok(summary)
    }

    fn finish(&self, reports: &[TaskReport], seconds: f64) -> Result<RunSummary> {
        let mut summary = summary::summarise(self, reports, seconds);
        let finalized = finalize::assemble(&self.product, &*self.store).inspect_err(|_| {
            // What the tasks did is worth keeping; the error of finalize is what the user needs to see.
            let _ = summary::write(self, reports, &summary);
        })?;
        summary.state = finalized.state;
        summary.written += finalized.written;
        summary::write(self, reports, &summary)?;
        // Last of all: a store that says complete has everything, its report too.
        self.store.finalize(summary.state)?;
        Ok(summary)
    }
}

/// Tells the source what memory it may take, and among how many granules it has to be divided.
fn bound_memory(pipeline: &mut Pipeline, options: &RunOptions) -> Result<()> {
    let Some(bytes) = options.memory.or(pipeline.data_source.memory) else { return Ok(()) };
    if bytes < LEAST_MEMORY {
        return Err(Error::input(format!(
            "{bytes} bytes of memory are too few to read granules; give at least {} MiB",
            LEAST_MEMORY >> 20
        )));
    }
    let workers = match options.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => workers,
    };
    let in_flight =
        if options.io_threads == 0 { REMOTE_IO_THREADS.max(2 * workers) } else { options.io_threads };
    let section = &mut pipeline.data_source.options;
    section.insert("memory".into(), bytes.into());
    section.insert("granules_in_flight".into(), in_flight.into());
    Ok(())
}

fn wanted_shards(
    grid: &dyn Grid,
    map: &BTreeMap<u64, Vec<u32>>,
    options: &RunOptions,
) -> Result<BTreeSet<u64>> {
    let mut wanted: BTreeSet<u64> = if options.shards.is_empty() {
        map.keys().copied().collect()
    } else {
        let mut wanted = BTreeSet::new();
        for label in &options.shards {
            let shard = grid.shard_from_label(label).context(|| "--shard")?;
            if !map.contains_key(&shard) {
                return Err(Error::input(format!("--shard: shard {label} is not in the shard map")));
            }
            wanted.insert(shard);
        }
        wanted
    };
    if let Some(n) = options.max_cells {
        if n == 0 {
            return Err(Error::input("--max-cells: must be at least 1"));
        }
        wanted = wanted.into_iter().take(n).collect();
    }
    Ok(wanted)
}
