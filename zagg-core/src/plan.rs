//! Work plans: one document and some blocks of tasks, from which workers anywhere do the same as a run.
//!
//! Under the URI of a plan, a folder or a prefix of a bucket, lie
//!
//! - `plan.json` ([`WorkPlan`]): what the store is and how it is reached, how granules are read, and the product. It is written
//!   last, so that a plan that can be read is whole.
//! - `tasks/NNNNNN.json` ([`PlannedTask`]): the tasks by index, [`TASKS_PER_BLOCK`] to a block, which has every granule once.
//!   `plan.json` holds the hash of each block, so that the [digest](WorkPlan::digest) of the document stands for all of it.
//! - `items.json` ([`items`]): a JSON array of `{"plan", "index", "shard"}`, most granules first, as a Distributed Map of AWS
//!   Step Functions reads it.
//!
//! A plan holds no keys, and no granule whose address carries one is planned. It may be damaged or made up by somebody else:
//! reading checks every entry, and [`Run::of_plan`](crate::run::Run::of_plan) that tasks, product and store belong together.
//! Whoever may write a plan still says what a worker reads and where it writes, with the rights of the worker.

mod blocks;
mod checks;
mod claim;
mod secrets;

use std::fmt;

use serde_json::{Map, Value, json};

pub use blocks::{PlannedTask, TASKS_PER_BLOCK, block_name, items};
pub use claim::{CLAIM, Claim, refuse_claimed};

use crate::config::{Computation, Pipeline, StoreAccess};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::granule::Driver;
use crate::product::{PlannedProduct, pipeline_of};
use crate::records::pretty;
use crate::registry::{Origin, Registry};
use crate::run::Run;

/// Name of the document of a plan.
pub const DOCUMENT: &str = "plan.json";

/// Name of the array that a Distributed Map of AWS Step Functions reads.
pub const ITEMS: &str = "items.json";

/// Folder of a plan beside the store that it is for, when no other place is named.
pub const BESIDE: &str = "work";

/// Most bytes of [`DOCUMENT`].
pub const MAX_DOCUMENT: u64 = 256 << 20;

/// Most bytes of one block of tasks.
pub const MAX_BLOCK: u64 = 64 << 20;

/// Version of the form of a plan.
const VERSION: u64 = 1;

/// The document of a plan, checked.
#[derive(Clone)]
pub struct WorkPlan {
    /// Version of the program that made it. Workers are of the same one, because another may compute other bytes.
    pub zagg: String,
    /// The store: an absolute path or `s3://bucket/folder`.
    pub store: String,
    /// How the bucket of the store is reached. Keys are the worker's own.
    pub store_access: StoreAccess,
    /// Which address of a granule is read.
    pub driver: Driver,
    /// [`Product::identity`](crate::product::Product::identity): the hash of the store's template.
    pub identity: String,
    /// Number of tasks.
    pub tasks: u64,
    /// Tasks in each block but the last.
    pub tasks_per_block: u64,
    /// SHA-256 of each block, in lower-case hexadecimal.
    pub blocks: Vec<String>,
    /// Plugins out of shared libraries that a worker must have: name and version.
    pub plugins: Vec<String>,
    /// The entries of `data_source` that say how bytes are fetched.
    how: Map<String, Value>,
    /// [`Product::plan`](crate::product::Product::plan).
    product: Value,
    /// The pipeline of `product`, with `how` laid over it.
    pipeline: Pipeline,
}

impl fmt::Debug for WorkPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkPlan({} tasks into {})", self.tasks, self.store)
    }
}

/// What a planner says beyond its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// The store as every worker finds it: an absolute path or `s3://bucket/folder`.
    pub store: String,
    /// The store of granule indexes as every worker finds it, for a pipeline that keeps them.
    pub index: Option<String>,
    /// Which address of a granule is read, instead of the pipeline's choice.
    pub driver: Option<Driver>,
}

/// A plan that is not written yet.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// The document.
    pub plan: WorkPlan,
    /// All tasks, ascending by index.
    pub tasks: Vec<PlannedTask>,
    /// The blocks of tasks, as they are stored.
    blocks: Vec<Vec<u8>>,
}

impl NewPlan {
    /// Name and bytes of every object of the plan under the URI, in the order in which they are written: [`DOCUMENT`] last.
    ///
    /// # Errors
    /// When the document is too large.
    pub fn objects(&self, uri: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let blocks = self.blocks.iter().enumerate().map(|(at, block)| (block_name(at), block.clone()));
        let mut objects: Vec<(String, Vec<u8>)> = blocks.collect();
        objects.push((ITEMS.into(), items(uri, &self.tasks)?));
        objects.push((DOCUMENT.into(), self.plan.to_bytes()?));
        Ok(objects)
    }
}

impl WorkPlan {
    /// The plan of a run: its tasks are those of the run, in their order.
    ///
    /// # Errors
    /// When a granule that a task needs has an address with a key in it, or the place of the store is none that every worker
    /// finds.
    pub fn of(run: &Run, registry: &Registry, options: &PlanOptions) -> Result<NewPlan> {
        let pipeline = &run.product.pipeline;
        let tasks: Vec<PlannedTask> =
            (0u64..).zip(&run.tasks).map(|(index, task)| PlannedTask::of(run, index, task)).collect();
        for granule in tasks.iter().flat_map(|task| &task.granules) {
            secrets::check(granule)?;
        }
        let (tasks_per_block, blocks) = blocks::write(&tasks)?;
        let (product, how) = (run.product.plan(), how_read(pipeline, options.index.as_deref()));
        let plan = Self {
            zagg: env!("CARGO_PKG_VERSION").into(),
            store: options.store.clone(),
            store_access: pipeline.output.access.clone(),
            driver: options.driver.unwrap_or(pipeline.data_source.driver),
            identity: run.product.identity(),
            tasks: tasks.len() as u64,
            tasks_per_block,
            blocks: blocks.iter().map(|block| crate::hash::sha256_hex(block)).collect(),
            plugins: plugins_of(pipeline, registry),
            pipeline: pipeline_of(&product, &how)?,
            how,
            product,
        };
        checks::check(&plan).map_err(|error| error.with_kind(ErrorKind::Input))?;
        Ok(NewPlan { plan, tasks, blocks })
    }

    /// The plan that a document holds.
    ///
    /// # Errors
    /// Names the entry that is damaged, or the version that is another one.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        crate::caught(|| Self::read(bytes)).context(|| DOCUMENT)
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(Error::corrupt(format!("has more than {MAX_DOCUMENT} bytes")));
        }
        let document: Value =
            serde_json::from_slice(bytes).map_err(|error| Error::corrupt(format!("is no JSON: {error}")))?;
        let Value::Object(mut document) = document else {
            return Err(Error::corrupt("is not a plan; make one with zagg plan"));
        };
        let plan = checks::read(&mut document)?;
        checks::check(&plan)?;
        Ok(plan)
    }

    /// The document.
    ///
    /// # Errors
    /// When it has more than [`MAX_DOCUMENT`] bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let access = &self.store_access;
        let bytes = pretty(&json!({
            "version": VERSION,
            "zagg": self.zagg,
            "store": self.store,
            "store_access": {"region": access.region, "endpoint_url": access.endpoint_url},
            "driver": self.driver,
            "data_source": self.how,
            "identity": self.identity,
            "tasks": self.tasks,
            "tasks_per_block": self.tasks_per_block,
            "blocks": self.blocks,
            "plugins": self.plugins,
            "product": self.product,
        }))?;
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(Error::unsupported(format!(
                "a plan of {} bytes is larger than plans may be; plan fewer shards at once",
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    /// What tells this plan from all others: SHA-256 of the document in lower-case hexadecimal.
    ///
    /// # Errors
    /// As [`Self::to_bytes`].
    pub fn digest(&self) -> Result<String> {
        Ok(crate::hash::sha256_hex(&self.to_bytes()?))
    }

    /// The pipeline: what is computed, and how granules are reached.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Number of the block that holds a task.
    ///
    /// # Errors
    /// When there is no task of this index.
    pub fn block_of(&self, index: u64) -> Result<usize> {
        if index >= self.tasks {
            return Err(Error::input(format!(
                "there is no task {index}; the plan has {} tasks, counted from 0",
                self.tasks
            )));
        }
        // There are as many blocks as hashes, which are in memory.
        Ok((index / self.tasks_per_block) as usize)
    }

    /// The tasks of a block, in ascending order of their indices.
    ///
    /// # Errors
    /// When the block is not the one that belongs to this plan.
    pub fn block(&self, number: usize, bytes: &[u8]) -> Result<Vec<PlannedTask>> {
        blocks::read(self, number, bytes).context(|| block_name(number))
    }

    /// Checks that this program is the one that the plan was made for.
    ///
    /// # Errors
    /// When it has another version, or lacks a plugin.
    pub fn check_program(&self, registry: &Registry) -> Result<()> {
        if self.zagg != env!("CARGO_PKG_VERSION") {
            return Err(Error::unsupported(format!(
                "the plan was made by zagg {}, this is {}; take the same for planning and for all workers",
                self.zagg.escape_debug(),
                env!("CARGO_PKG_VERSION")
            )));
        }
        for plugin in &self.plugins {
            let found = |r: &crate::registry::Registered| format!("{} {}", r.plugin, r.version) == *plugin;
            if !registry.entries().any(found) {
                return Err(Error::input(format!(
                    "the plan needs the plugin {}, which this worker has not; name its library with --plugin-path \
                     or in ZAGG_PLUGIN_PATH",
                    plugin.escape_debug()
                )));
            }
        }
        Ok(())
    }

    /// Whether this is what a store is made from: `beside` is the [plan beside it](crate::product::PLAN). In the layout
    /// `full_sphere` stores of several shard maps have one identity.
    pub fn is_of(&self, beside: &[u8]) -> bool {
        serde_json::from_slice::<Value>(beside).is_ok_and(|beside| beside == self.product)
    }

    /// What the product is made from.
    pub(crate) fn planned_product(&self, registry: &Registry) -> Result<PlannedProduct> {
        PlannedProduct::read(&self.product, self.pipeline.clone(), registry)
    }
}

/// The entries of `data_source` that say how bytes are fetched. What memory a machine has is its own affair, unless the
/// pipeline says it.
fn how_read(pipeline: &Pipeline, index: Option<&str>) -> Map<String, Value> {
    let source = &pipeline.data_source;
    let mut how = Map::new();
    for key in ["access", "credentials_provider", "index", "read_ahead"] {
        if let Some(value) = source.options.get(key).filter(|value| !value.is_null()) {
            how.insert(key.into(), value.clone());
        }
    }
    if let Some(memory) = source.memory {
        how.insert("memory".into(), memory.into());
    }
    if let (Some(Value::Object(section)), Some(place)) = (how.get_mut("index"), index) {
        section.insert("store".into(), place.into());
    }
    how
}

/// Plugins out of shared libraries that a pipeline names.
fn plugins_of(pipeline: &Pipeline, registry: &Registry) -> Vec<String> {
    let mut names: Vec<&str> = vec![&pipeline.data_source.reader, &pipeline.output.grid_type];
    names.extend(pipeline.aggregation.variables.iter().filter_map(|variable| match &variable.computation {
        Computation::Function { name, .. } => Some(name.as_str()),
        Computation::Expression(_) => None,
    }));
    let named = |name: &str, aliases: &[&str]| names.iter().any(|n| *n == name || aliases.contains(n));
    let mut plugins: Vec<String> = registry
        .entries()
        .filter(|r| matches!(r.origin, Origin::Library(_)) && named(r.entry.name, r.entry.aliases))
        .map(|r| format!("{} {}", r.plugin, r.version))
        .collect();
    plugins.sort_unstable();
    plugins.dedup();
    plugins
}
