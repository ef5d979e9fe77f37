//! A run: pipeline, shard map, grid, source and store brought together and checked, with the list of tasks.

mod of_plan;
mod resume;
mod summary;
mod template;

pub use resume::Resumed;
pub use template::template_of;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Pipeline;
use crate::cores;
use crate::error::{Context, Error, Result};
use crate::executor::{Executor, Observer};
use crate::finalize;
use crate::granule::{Driver, Granule};
use crate::granules::Granules;
use crate::grid::Grid;
use crate::index::IndexStore;
use crate::io_pool::IoPool;
use crate::memory::{self, Memory};
use crate::plan::refuse_claimed;
use crate::product::Product;
use crate::profile::{self, Phase, Profile};
use crate::records::Others;
use crate::registry::Registry;
use crate::report::{RunSummary, TaskReport};
use crate::shard_map::ShardMap;
use crate::source::{OpenObject, PointSource};
use crate::store::{Created, Store};

/// Granules in flight at once when they come over a network: threads that mostly wait.
pub const REMOTE_IO_THREADS: usize = 16;

/// Granules in flight at once for every worker when all are local files: the more, the better the last of them share the cores.
const LOCAL_IO_THREADS: usize = 4;

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
    /// Granules in flight at once; 0 means [`REMOTE_IO_THREADS`], or four times the workers when all granules are local
    /// files. While every core has its own task, tasks read local granules by themselves, one after the other.
    pub io_threads: usize,
    /// Threads that compute, and tasks at once on this machine as far as memory goes, of local granules half as many again; 0 means
    /// one per core.
    pub workers: usize,
    /// Most bytes of memory for the whole process, at least [`LEAST_MEMORY`](crate::memory::LEAST_MEMORY); none means half of
    /// what the machine lets it have.
    pub memory: Option<u64>,
    /// Folder to put rows aside in when a shard has more than memory holds; none means one that the system offers.
    pub scratch: Option<PathBuf>,
    /// Granules open at once; 0 means [`MAX_OPEN`](crate::granules::MAX_OPEN).
    pub open_granules: usize,
    /// Where granule indexes are kept, for a pipeline that says `data_source.index`.
    pub index: Option<Arc<dyn IndexStore>>,
    /// Whether a shard is written from what could be read though something could not be for a reason that is likely to pass;
    /// otherwise it fails, and stays as it was.
    pub allow_incomplete: bool,
    /// How often a task is run again that ended with something that is likely to pass.
    pub max_retries: u32,
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
    /// Whether all granules are local files.
    pub is_local: bool,
    /// How memory is divided.
    pub memory: Memory,
    /// What the user should know before anything runs.
    pub warnings: Vec<String>,
    /// Shards that are not run because they are done: see [`Self::resume`].
    pub skipped: u64,
    /// Labels of those shards.
    left_out: Vec<String>,
    /// What is to be known of others that may be at the same shards; none for a run that holds the lock of its store and runs each
    /// task once.
    pub others: Option<Others>,
    /// As [`RunOptions::allow_incomplete`].
    pub allow_incomplete: bool,
    /// As [`RunOptions::max_retries`].
    pub max_retries: u32,
    /// What the run spends its time with: that of the thread which brought it together, or a new one.
    pub profile: Arc<Profile>,
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
        crate::caught(|| {
            profile::time(Phase::List, || Self::assemble(pipeline, map, registry, opener, store, options))
        })
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
        let wanted = wanted_shards(&*product.grid, &by_shard, options)?;
        let tasks: Vec<Task> = wanted
            .into_iter()
            .map(|shard| Task { shard, granules: by_shard.get(&shard).cloned().unwrap_or_default() })
            .collect();
        let listed = (map.granules.clone(), &by_shard);
        let mut run = Self::of_tasks((product, source), listed, tasks, opener, store, options)?;
        run.warnings.extend(map.version_warnings());
        Ok(run)
    }

    /// The rest of a run, once its product and its tasks are known: every granule of the product, and which of them each
    /// shard of the map lists.
    fn of_tasks(
        (product, source): (Product, Arc<dyn PointSource>),
        (granules, by_shard): (Vec<Granule>, &BTreeMap<u64, Vec<u32>>),
        tasks: Vec<Task>,
        opener: Arc<dyn OpenObject>,
        store: Arc<dyn Store>,
        options: &RunOptions,
    ) -> Result<Self> {
        let pipeline = &product.pipeline;
        let grid = &product.grid;
        let mut granules: Vec<(Granule, Vec<u64>, usize)> =
            granules.into_iter().map(|granule| (granule, Vec::new(), 0)).collect();
        for (&shard, numbers) in by_shard {
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
        let mut granules = Granules::new(source, opener, driver, granules)?
            .with_indexes(&**grid, kept)?
            .with_wanted(tasks.iter().map(|task| task.shard), &**grid);
        if options.open_granules > 0 {
            granules = granules.with_max_open(options.open_granules);
        }
        let compute = rayon::ThreadPoolBuilder::new()
            .num_threads(options.workers)
            .thread_name(|number| format!("zagg-compute-{number}"))
            .build()
            .map_err(|error| Error::io(format!("starting threads: {error}")))?;
        let (workers, is_local) = (compute.current_num_threads(), granules.are_local());
        let io_threads = match options.io_threads {
            0 if is_local => LOCAL_IO_THREADS * workers,
            0 => REMOTE_IO_THREADS,
            threads => threads,
        };
        let section = |key: &str| pipeline.data_source.options.get(key).and_then(serde_json::Value::as_u64);
        // What the source was told about is what it has to divide its memory among.
        let in_flight = section("granules_in_flight").and_then(|most| usize::try_from(most).ok());
        let io_threads = io_threads.min(in_flight.unwrap_or(usize::MAX)).max(1);
        let memory = Memory::divide(
            &product,
            options,
            (section("memory"), tasks.len().min(at_once(workers, is_local))),
        )?;
        let warnings = pipeline.notes.clone();
        Ok(Self {
            product,
            granules,
            store,
            tasks,
            io: IoPool::new(io_threads)?,
            compute,
            is_local,
            memory,
            warnings,
            skipped: 0,
            left_out: Vec::new(),
            others: None,
            allow_incomplete: options.allow_incomplete,
            max_retries: options.max_retries,
            profile: profile::current().unwrap_or_default(),
        })
    }

    /// Threads that compute.
    pub fn workers(&self) -> usize {
        self.compute.current_num_threads()
    }

    /// Runs something on the threads that compute; while every core has its own task, on the calling thread.
    pub(crate) fn compute<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if cores::are_busy() {
            return work();
        }
        let counting = profile::current();
        profile::time(Phase::Wait, || self.compute.install(|| profile::within(counting, work)))
    }

    /// Tasks that may run at once on this machine: as many as there are workers, of local granules half as many again, or fewer for
    /// want of memory.
    pub fn tasks_at_once(&self) -> usize {
        self.memory.tasks
    }

    /// Whether [`Self::prepare`] would take the store, without reading granules or writing.
    ///
    /// # Errors
    /// When something else is in its place.
    pub fn check_store(&self, overwrite: bool) -> Result<()> {
        crate::caught(|| {
            refuse_claimed(&*self.store)?;
            self.store.check(&template::template(self, false), overwrite)
        })
    }

    /// Makes the store ready: takes it for this run and writes the template.
    ///
    /// # Errors
    /// When another run holds the store or it is given to the workers of a plan, or something else is in its place, or writing fails.
    pub fn prepare(&self, overwrite: bool) -> Result<Created> {
        let _counting = self.profile.enter();
        self.store.acquire()?;
        let created = crate::caught(|| {
            refuse_claimed(&*self.store)?;
            profile::time(Phase::Prepare, || template::write(self, overwrite))
        });
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
        let span = tracing::info_span!("run", shards = self.tasks.len(), workers = self.workers());
        let _in_span = span.enter();
        let started = Instant::now();
        let outcome = crate::caught(|| {
            let reports = executor.run(self, observer)?;
            let seconds = started.elapsed().as_secs_f64();
            self.profile.time(Phase::Finalize, || self.finish(&reports, seconds))
        });
        let released = self.store.release();
        let summary = outcome?;
        released?;
        Ok(summary)
    }

    fn finish(&self, reports: &[TaskReport], seconds: f64) -> Result<RunSummary> {
        let mut summary = summary::summarise(self, reports, seconds);
        let _in_span = tracing::info_span!("finalize").entered();
        // What this run has written or looked at is not looked at again.
        let known: BTreeSet<&str> =
            reports.iter().map(|report| &report.shard).chain(&self.left_out).map(String::as_str).collect();
        let assembled =
            profile::time(Phase::Finalize, || finalize::assemble(&self.product, &*self.store, Some(&known)));
        let finalized = assembled.inspect_err(|_| {
            // What the tasks did is worth keeping; the error of finalize is what the user needs to see.
            let _ = summary::write(self, reports, &summary);
        })?;
        summary::believe_records(&mut summary, reports, &self.left_out, &finalized.shards_not_done);
        summary.state = finalized.state;
        summary.written += finalized.written;
        summary.profile = Some(self.profile.report());
        summary::write(self, reports, &summary)?;
        // Last of all: a store that says complete has everything, its report too.
        self.store.finalize(summary.state)?;
        Ok(summary)
    }
}

/// Tells the source what memory it may take, and among how many granules it has to be divided.
fn bound_memory(pipeline: &mut Pipeline, options: &RunOptions) -> Result<()> {
    if let Some((bytes, in_flight)) = memory::reading(pipeline, options)? {
        let section = &mut pipeline.data_source.options;
        section.insert("memory".into(), bytes.into());
        section.insert("granules_in_flight".into(), in_flight.into());
    }
    Ok(())
}

/// Tasks at once. Some of them wait for granules that others are opening, which of local files takes computing, no waiting: more
/// tasks than workers then keep all cores at work.
fn at_once(workers: usize, is_local: bool) -> usize {
    if is_local { workers + workers / 2 } else { workers }
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
