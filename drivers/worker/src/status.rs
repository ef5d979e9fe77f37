//! Status objects: what became of a task, beside the store, for whoever waits for it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zagg_core::report::TaskReport;
use zagg_core::store::Store;
use zagg_core::{Error, Result};

/// Folder of the status objects beside the store.
pub const STATUS: &str = "status/";

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
            ended: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
            report: report.clone(),
        }
    }

    /// Writes it beside the store.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, store: &dyn Store) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::io(format!("the status of shard {}: {error}", self.report.shard)))?;
        bytes.push(b'\n');
        store.write_record(&status_name(&self.report.shard), bytes).map(|_| ())
    }
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
    /// Requests that are sent side by side.
    const ASKING: usize = 16;
    let one = |label: &String| {
        let bytes = store.read_record(&status_name(label))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice::<TaskState>(&bytes).ok()).filter(|state| {
            // A status of another form, or under a name that is not its own, is none.
            state.version == VERSION && state.report.shard == *label
        }))
    };
    let share = labels.len().div_ceil(ASKING).max(1);
    std::thread::scope(|scope| {
        let readers: Vec<_> = labels
            .chunks(share)
            .map(|some| scope.spawn(move || some.iter().map(one).collect::<Result<Vec<_>>>()))
            .collect();
        let mut all = Vec::with_capacity(labels.len());
        for reader in readers {
            let found =
                reader.join().unwrap_or_else(|_| Err(Error::plugin("reading status objects panicked")));
            all.extend(found?);
        }
        Ok(all)
    })
}
