//! What the record of a shard says of how its task ended.

use serde_json::Value;

use super::{read_record, shard_name};
use crate::product::Product;
use crate::report::{TaskReport, TaskStatus};
use crate::store::Store;

/// How a shard's record says that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardState {
    /// Written from the granules that the plan lists now, nothing missing.
    Done,
    /// Written, with holes: their number.
    Incomplete(u64),
    /// Written from other granules than the plan lists now.
    Outdated,
    /// Not written, or written in part: the reason.
    Failed(String),
    /// The last task failed before it wrote anything, for this reason: what an earlier one had written is still there.
    Kept(String),
    /// A task began and has not ended.
    Open,
    /// There is no record, or none that can be read, or that of another store.
    Missing,
}

impl ShardState {
    /// Whether blocks and level record of the shard belong together.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Done | Self::Incomplete(_) | Self::Outdated | Self::Kept(_))
    }

    /// One word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Incomplete(_) => "incomplete",
            Self::Outdated => "outdated",
            Self::Failed(_) | Self::Kept(_) => "failed",
            Self::Open => "open",
            Self::Missing => "missing",
        }
    }

    /// For people: why the shard does not count as done.
    pub fn reason(&self) -> String {
        match self {
            Self::Done => "done".into(),
            Self::Incomplete(holes) => format!("incomplete: {holes} granules or parts could not be read"),
            Self::Outdated => "made from other granules than the shard map lists now".into(),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Kept(reason) => format!("failed, and is as an earlier run made it: {reason}"),
            Self::Open => "cut off while it was written".into(),
            Self::Missing => "not run".into(),
        }
    }
}

/// What the record of a shard says. What cannot be read proves nothing.
pub fn shard_state(product: &Product, store: &dyn Store, shard: u64) -> ShardState {
    let name = shard_name(&product.grid.shard_label(shard));
    read_record(store, &name).map_or(ShardState::Missing, |record| state_of(product, shard, &record))
}

/// What a record of a shard says.
pub(super) fn state_of(product: &Product, shard: u64, record: &Value) -> ShardState {
    match status(&record["status"]) {
        Some(TaskStatus::Failed) => {
            let reason = record["error"].as_str().unwrap_or("no reason is recorded").to_string();
            match record["kept"] {
                Value::Null => ShardState::Failed(reason),
                _ => ShardState::Kept(reason),
            }
        }
        // What another store has left here, or a copy of it has brought, says nothing of this one.
        Some(TaskStatus::Done | TaskStatus::Incomplete)
            if record["product"] != product.identity().as_str() =>
        {
            ShardState::Missing
        }
        // A full sphere may hold shards of earlier maps, too, about whose granules this one says nothing.
        Some(TaskStatus::Done | TaskStatus::Incomplete)
            if product.shards.binary_search(&shard).is_ok()
                && record["inputs"] != product.inputs(shard).as_str() =>
        {
            ShardState::Outdated
        }
        Some(TaskStatus::Done) => ShardState::Done,
        Some(TaskStatus::Incomplete) => {
            ShardState::Incomplete(record["holes"].as_array().map_or(0, Vec::len) as u64)
        }
        None if record["status"] == "open" => ShardState::Open,
        None => ShardState::Missing,
    }
}

fn status(value: &Value) -> Option<TaskStatus> {
    serde_json::from_value(value.clone()).ok()
}

/// The record of a shard that an earlier task has written, with the failure of the one that was to make it anew. `None` when
/// nothing is there that could be kept.
pub(super) fn kept(mut record: Value, report: &TaskReport) -> Option<Value> {
    let before = match status(&record["status"])? {
        TaskStatus::Failed => status(&record["kept"])?,
        written => written,
    };
    record["kept"] = serde_json::to_value(before).ok()?;
    record["status"] = serde_json::to_value(report.status).ok()?;
    record["error"] = report.error.clone().into();
    record["temporary"] = report.temporary.into();
    Some(record)
}
