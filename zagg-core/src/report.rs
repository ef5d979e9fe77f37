//! Reports: what one task did, and what a run came to.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::granules::IndexUse;
use crate::profile::ProfileReport;
use crate::source::ObjectIdentity;
use crate::store::{StoreState, Written};

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// Every row that the shard map promised was seen; the shard is written.
    Done,
    /// Written, but something could not be read: see the holes.
    Incomplete,
    /// Not written, or written in part.
    Failed,
}

/// Rows that should have been there and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hole {
    /// Id of the granule.
    pub granule: String,
    /// Name of the part, or `None` when the whole granule is the hole.
    pub part: Option<String>,
    /// Why.
    pub reason: String,
    /// Whether the reason is likely to pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
}

/// Bytes and requests of reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes asked for.
    pub bytes: u64,
    /// Ranges asked for.
    pub requests: u64,
    /// Calls, each of which fetches its ranges side by side.
    pub round_trips: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.requests += other.requests;
        self.round_trips += other.round_trips;
    }
}

/// What one task did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The shard, by its label for people.
    pub shard: String,
    /// How it ended.
    pub status: TaskStatus,
    /// Granules that the shard map lists.
    pub granules: u64,
    /// Parts that the granules were free not to have.
    pub parts_absent: u64,
    /// Rows read, before filters.
    pub rows_read: u64,
    /// Rows that went into cells.
    pub rows_kept: u64,
    /// Rows that passed the filters and were dropped because their cells lie outside the area of interest, for pipelines that
    /// clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_outside_area: Option<u64>,
    /// Cells with at least one row.
    pub cells: u64,
    /// What could not be read, in arrival order.
    pub holes: Vec<Hole>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether what it failed of, or lacks, is likely to pass, at least in part: running it again may do better.
    pub temporary: bool,
    /// How often it was run.
    #[serde(default = "once")]
    pub attempts: u32,
    /// The objects that were read, by place in the list of granules; none for one that could not be opened. Reports leave
    /// them out; the record of a shard has them.
    #[serde(skip)]
    pub objects: Vec<Option<ObjectIdentity>>,
    /// Digest of what was left for finalize to make coarser levels from. Reports leave it out; the record of a shard has it.
    #[serde(skip)]
    pub levels: Option<String>,
    /// Reading done by this task; what a granule's first task reads serves the others.
    pub traffic: Traffic,
    /// Writing done.
    pub written: Written,
    /// Wall time.
    pub seconds: f64,
}

fn once() -> u32 {
    1
}

impl TaskReport {
    /// The report of a task on this shard of so many granules that has done nothing yet: nothing is missing.
    pub fn new(shard: String, granules: u64) -> Self {
        Self {
            shard,
            status: TaskStatus::Done,
            granules,
            parts_absent: 0,
            rows_read: 0,
            rows_kept: 0,
            rows_outside_area: None,
            cells: 0,
            holes: Vec::new(),
            error: None,
            temporary: false,
            attempts: once(),
            objects: Vec::new(),
            levels: None,
            traffic: Traffic::default(),
            written: Written::default(),
            seconds: 0.0,
        }
    }

    /// The task has failed, for this reason.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.status = TaskStatus::Failed;
        self.temporary = error.kind() == ErrorKind::Temporary;
        self.error = Some(error.to_string());
    }
}

/// Rows that no shard could count, found when a granule was first opened; where only boxes around its rows are known then, in
/// the blocks that were located ([`Positions::Boxes`](crate::source::Positions::Boxes)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strays {
    /// Rows whose position is NaN, infinite or out of range.
    pub rows_bad_position: u64,
    /// Rows that lie in a shard of the map which does not list their granule.
    pub rows_unassigned: u64,
    /// Rows that lie farther from their parent's position than the source says they may, found when a shard read them.
    #[serde(default)]
    pub rows_out_of_reach: u64,
}

impl std::ops::AddAssign for Strays {
    fn add_assign(&mut self, other: Self) {
        self.rows_bad_position += other.rows_bad_position;
        self.rows_unassigned += other.rows_unassigned;
        self.rows_out_of_reach += other.rows_out_of_reach;
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// State of the store at the end.
    pub state: StoreState,
    /// Shards asked for.
    pub shards: u64,
    /// Shards done, among them those without any row and those that were done before.
    pub shards_done: u64,
    /// Of the shards done, those that an earlier run had made from the same inputs, so that they were not run again.
    #[serde(default)]
    pub shards_skipped: u64,
    /// Shards written with holes.
    pub shards_incomplete: u64,
    /// Shards not written.
    pub shards_failed: u64,
    /// Shards that were not started because the run was stopped.
    pub shards_not_run: u64,
    /// Cells with at least one row.
    pub cells: u64,
    /// Rows read, before filters.
    pub rows_read: u64,
    /// Rows that went into cells.
    pub rows_kept: u64,
    /// Rows that passed the filters and were dropped because their cells lie outside the area of interest, for pipelines that
    /// clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_outside_area: Option<u64>,
    /// Parts that granules were free not to have, counted in every shard that lists them.
    pub parts_absent: u64,
    /// Rows that no shard could count.
    #[serde(flatten)]
    pub strays: Strays,
    /// Reading done.
    pub traffic: Traffic,
    /// What came of kept granule indexes, for a pipeline that keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexUse>,
    /// Blocks written by tasks.
    pub written: Written,
    /// Wall time.
    pub seconds: f64,
    /// Every hole once, with the number of shards it touches.
    pub holes: Vec<(Hole, u64)>,
    /// The shards that failed, with the reason.
    pub failures: Vec<(String, String)>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Whether every failure and every hole is likely to pass.
    pub temporary: bool,
    /// Whether shards with holes are as good as done to whoever asked: `--allow-incomplete`.
    #[serde(default)]
    pub allow_incomplete: bool,
    /// Where the time of the run went, until the summary was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileReport>,
}

impl RunSummary {
    /// The exit code that the summary asks for: 0 all done, 3 something is missing, 75 all that is missing is likely to
    /// come with another run.
    pub fn exit_code(&self) -> u8 {
        let incomplete = self.shards_incomplete > 0 && !self.allow_incomplete;
        if (incomplete || self.shards_failed > 0) && !self.temporary {
            3
        } else if incomplete || self.shards_failed > 0 || self.shards_not_run > 0 {
            75
        } else {
            0
        }
    }
}
