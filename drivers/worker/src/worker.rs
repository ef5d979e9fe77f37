//! A worker: a plan, its store, and how granules are reached.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zagg_access::{Access, StoreChain};
use zagg_core::config::StoreAccess;
use zagg_core::index::IndexStore;
use zagg_core::plan::{DOCUMENT, MAX_BLOCK, MAX_DOCUMENT, PlannedTask, WorkPlan, block_name};
use zagg_core::registry::Registry;
use zagg_core::run::RunOptions;
use zagg_core::{Context, Error, Result};
use zagg_zarr::ZarrStore;

use crate::ownership::Ownership;
use crate::place::PlanPlace;

/// How a worker works.
#[derive(Debug, Clone, Default)]
pub struct WorkerOptions {
    /// The plugins.
    pub registry: Registry,
    /// A file of keys for buckets of the user's own: the plan, the store and indexes. Without it what the environment has.
    pub output_creds: Option<PathBuf>,
    /// Where credentials for granules are lent: a file or `s3://bucket/key`, as
    /// [`StoreChain::credentials_object`] takes it. Without it what the environment has.
    pub credentials: Option<String>,
    /// Threads, memory, retries. What chooses shards has no meaning here.
    pub run: RunOptions,
    /// Who keeps other writers away.
    pub ownership: Ownership,
    /// Whether shards are made again that are done from inputs that have not changed.
    pub redo: bool,
    /// Whether the same ids are taken for the same granules when it is asked what is done.
    pub trust_ids: bool,
}

/// A plan that was read, with all that its tasks share. Methods may be called from many threads.
pub struct Worker {
    pub(crate) plan: WorkPlan,
    pub(crate) digest: String,
    pub(crate) store: Arc<ZarrStore>,
    pub(crate) opener: Access,
    pub(crate) index: Option<Arc<dyn IndexStore>>,
    pub(crate) options: WorkerOptions,
    place: PlanPlace,
    warnings: Vec<String>,
    /// The block that was read last.
    block: Mutex<Option<(usize, Arc<Vec<PlannedTask>>)>>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({:?} of {})", self.plan, self.place.uri())
    }
}

impl Worker {
    /// Reads the plan at a URI. The store is not looked at yet.
    ///
    /// # Errors
    /// When there is no plan or it is damaged, or this program is not the one that it was made for.
    pub fn open(uri: &str, options: WorkerOptions) -> Result<Self> {
        // Where the bucket of the plan is says nobody yet, so that it is found out from the bucket itself.
        let chain = StoreChain::new(&StoreAccess::default(), options.output_creds.as_deref())?;
        let place = PlanPlace::open(uri, &chain)?;
        let bytes = document(&place)?;
        Self::of_document(place, &bytes, options, chain.warnings())
    }

    /// The worker of a document that was read.
    pub(crate) fn of_document(
        place: PlanPlace,
        bytes: &[u8],
        options: WorkerOptions,
        warnings: Vec<String>,
    ) -> Result<Self> {
        let plan = WorkPlan::parse(bytes).context(|| format!("plan {}", place.uri()))?;
        plan.check_program(&options.registry)?;
        let digest = zagg_core::hash::sha256_hex(bytes);
        let chain = StoreChain::new(&plan.store_access, options.output_creds.as_deref())?;
        let store = Arc::new(ZarrStore::open_with(&plan.store, &chain)?);
        let source = &plan.pipeline().data_source;
        let index = source.index.as_ref().map(|index| chain.index_store(&index.store)).transpose()?;
        let mut opener = Access::new(&source.access)?;
        if let Some(credentials) = &options.credentials {
            opener = opener.with_credentials(&chain.credentials_object(credentials)?)?;
        }
        Ok(Self { plan, digest, store, opener, index, options, place, warnings, block: Mutex::default() })
    }

    /// The plan.
    pub fn plan(&self) -> &WorkPlan {
        &self.plan
    }

    /// [`WorkPlan::digest`] of the plan, from the bytes that were read.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where the plan is.
    pub fn uri(&self) -> &str {
        self.place.uri()
    }

    /// The store.
    pub fn store(&self) -> &Arc<ZarrStore> {
        &self.store
    }

    /// What the user should know before anything runs.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Some tasks of the plan, in the order of the indices.
    ///
    /// # Errors
    /// When there is no such task, or its block cannot be read or is not the plan's.
    pub fn tasks(&self, indexes: impl IntoIterator<Item = u64>) -> Result<Vec<PlannedTask>> {
        indexes.into_iter().map(|index| self.task(index)).collect()
    }

    fn task(&self, index: u64) -> Result<PlannedTask> {
        let number = self.plan.block_of(index)?;
        let block = self.block(number)?;
        // A block holds the tasks from its first on without gaps, or it is refused.
        let at = index - number as u64 * self.plan.tasks_per_block;
        let task = usize::try_from(at).ok().and_then(|at| block.get(at));
        task.cloned().ok_or_else(|| Error::corrupt(format!("plan {}: task {index} is missing", self.uri())))
    }

    fn block(&self, number: usize) -> Result<Arc<Vec<PlannedTask>>> {
        let mut held = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, block)) = &*held
            && *at == number
        {
            return Ok(Arc::clone(block));
        }
        let name = block_name(number);
        let bytes = self.place.get(&name, MAX_BLOCK)?;
        let bytes = bytes
            .ok_or_else(|| Error::not_found(format!("plan {}: {name} is gone; plan again", self.uri())))?;
        let block = self.plan.block(number, &bytes).context(|| format!("plan {}", self.uri()))?;
        let block = Arc::new(block);
        *held = Some((number, Arc::clone(&block)));
        Ok(block)
    }
}

/// The document of the plan at a place.
pub(crate) fn document(place: &PlanPlace) -> Result<bytes::Bytes> {
    place.get(DOCUMENT, MAX_DOCUMENT)?.ok_or_else(|| {
        Error::not_found(format!("there is no plan at {}; make one with zagg plan --output", place.uri()))
    })
}
