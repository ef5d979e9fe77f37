//! Status objects: what became of a task, beside the store, for whoever waits for it; and where the time of a worker went.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zagg_core::profile::ProfileReport;
use zagg_core::report::TaskReport;
use zagg_core::store::Store;
use zagg_core::{Error, Result, side_by_side};

/// Folder of the status objects beside the store.
pub const STATUS: &str = "status/";

/// Folder of the profiles of workers beside the store.
const PROFILES: &str = "profiles/";

/// Version of the form of status objects.
const VERSION: u64 = 1;

/// What became of a task the last time that a worker ran it. Unlike the record of the shard it proves nothing: it is for people
/// and for summaries, and may be missing where a worker was killed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// Version of this form.
    pub version: u64,
    /// Index of the task in its plan.
    pub index: u64,
    /// Digest of the plan.
    pub plan: String,
    /// Version of the worker.
    pub zagg: String,
    /// Process id of the worker, on whichever machine it was.
    pub process: u32,
    /// When it ended: seconds since 1970-01-01T00:00:00 UTC.
    pub ended: u64,
    /// What the task did.
    pub report: TaskReport,
}

impl TaskState {
    /// The state of a task that has just ended.
    pub fn now(index: u64, plan: &str, report: &TaskReport) -> Self {
        Self {
            version: VERSION,
            index,
            plan: plan.to_string(),
            zagg: env!("CARGO_PKG_VERSION").to_string(),
            process: std::process::id(),
            ended: now(),
            report: report.clone(),
        }
    }

    /// Writes it beside the store.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, store: &dyn Store) -> Result<()> {
        put(store, &status_name(&self.report.shard), self)
    }
}

/// Where the time of one worker went, from its first task to its last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Version of this form.
    pub version: u64,
    /// Digest of the plan.
    pub plan: String,
    /// Version of the worker.
    pub zagg: String,
    /// Process id of the worker, on whichever machine it was.
    pub process: u32,
    /// When it ended: seconds since 1970-01-01T00:00:00 UTC.
    pub ended: u64,
    /// Tasks that it ran.
    pub tasks: u64,
    /// Phases and counters, as of a run.
    pub profile: ProfileReport,
}

impl WorkerState {
    /// The state of a worker that has just ended.
    pub fn now(plan: &str, tasks: usize, profile: &ProfileReport) -> Self {
        Self {
            version: VERSION,
            plan: plan.to_string(),
            zagg: env!("CARGO_PKG_VERSION").to_string(),
            process: std::process::id(),
            ended: now(),
            tasks: tasks as u64,
            profile: profile.clone(),
        }
    }

    /// Writes it beside the store, under a name that no other worker has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, store: &dyn Store) -> Result<()> {
        // Every hasher of the standard library is keyed at random.
        let random = RandomState::new().hash_one(self.process);
        put(store, &format!("{PROFILES}{}-{random:016x}.json", self.ended), self)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn put(store: &dyn Store, name: &str, object: &impl Serialize) -> Result<()> {
    let mut bytes =
        serde_json::to_vec_pretty(object).map_err(|error| Error::io(format!("{name}: {error}")))?;
    bytes.push(b'\n');
    store.write_record(name, bytes).map(|_| ())
}

/// Where the time of all workers of a plan went that came to their end, by its digest; `None` when none of them did.
///
/// # Errors
/// When the store cannot be reached.
pub fn profile(store: &dyn Store, plan: &str) -> Result<Option<ProfileReport>> {
    let names = store.list_records(PROFILES)?;
    let parse = |bytes: Vec<u8>| serde_json::from_slice::<WorkerState>(&bytes).ok();
    let states = side_by_side(&names, |name| Ok(store.read_record(name)?.and_then(parse)));
    let states = states.into_iter().collect::<Result<Vec<_>>>()?;
    let ours = states.into_iter().flatten().filter(|state| state.version == VERSION && state.plan == plan);
    Ok(ours.map(|state| state.profile).reduce(|mut all, one| {
        all.merge(&one);
        all
    }))
}

/// Name of the status object of a shard, by its label.
pub fn status_name(label: &str) -> String {
    format!("{STATUS}{label}.json")
}

/// The status objects of some shards, by their labels; `None` where there is none that can be read.
///
/// # Errors
/// When the store cannot be reached.
pub fn statuses(store: &dyn Store, labels: &[String]) -> Result<Vec<Option<TaskState>>> {
    side_by_side(labels, |label| {
        let bytes = store.read_record(&status_name(label))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice::<TaskState>(&bytes).ok()).filter(|state| {
            // A status of another form, or under a name that is not its own, is none.
            state.version == VERSION && state.report.shard == *label
        }))
    })
    .into_iter()
    .collect()
}
