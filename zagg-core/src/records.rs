//! The records of shards, beside the store: what later runs, finalize and readers believe about a shard.
//!
//! `shards/<label>.json` says how its task ended and from which granules it was made. `levels/<label>.bin`, for stores with
//! several levels, holds what finalize makes the coarser ones from.

mod levels;

use serde_json::{Value, json};

pub use levels::{LevelRecord, LevelValues, VariableStates, VariableValues};

use crate::error::{Error, Result};
use crate::product::Product;
use crate::report::{TaskReport, TaskStatus};
use crate::store::{Store, Written};

/// Folder of the shard records, below the folder beside the store.
const SHARDS: &str = "shards/";
/// Folder of the level records.
const LEVELS: &str = "levels/";

/// Version of the form of shard records.
const VERSION: u64 = 1;

/// How a shard's record says that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardState {
    /// Written from the granules that the plan lists now, nothing missing.
    Done,
    /// Written, with holes: their number.
    Incomplete(u64),
    /// Written from other granules than the plan lists now.
    Outdated,
    /// Not written: the reason.
    Failed(String),
    /// A task began and has not ended.
    Open,
    /// There is no record, or none that can be read.
    Missing,
}

impl ShardState {
    /// Whether blocks and level record of the shard belong together.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Done | Self::Incomplete(_) | Self::Outdated)
    }

    /// For people: why the shard does not count as done.
    pub fn reason(&self) -> String {
        match self {
            Self::Done => "done".into(),
            Self::Incomplete(holes) => format!("incomplete: {holes} granules or parts could not be read"),
            Self::Outdated => "made from other granules than the shard map lists now".into(),
            Self::Failed(reason) => format!("failed: {reason}"),
            Self::Open => "cut off while it was written".into(),
            Self::Missing => "not run".into(),
        }
    }
}

/// A record for people, too.
pub(crate) fn pretty(value: &Value) -> Result<Vec<u8>> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|error| Error::io(format!("a record: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn shard_name(label: &str) -> String {
    format!("{SHARDS}{label}.json")
}

fn level_name(label: &str) -> String {
    format!("{LEVELS}{label}.bin")
}

/// Marks a shard as being written: from its first block to its last, no older record may call it done.
pub(crate) fn write_open(product: &Product, store: &dyn Store, shard: u64) -> Result<()> {
    let label = product.grid.shard_label(shard);
    let record = json!({ "version": VERSION, "shard": label, "status": "open" });
    store.write_record(&shard_name(&label), pretty(&record)?)?;
    Ok(())
}

/// Writes the record of one shard: what the next run believes about it.
pub(crate) fn write_shard(
    product: &Product,
    store: &dyn Store,
    shard: u64,
    report: &TaskReport,
) -> Result<()> {
    let mut record = json!({
        "version": VERSION,
        "shard": report.shard,
        "status": report.status,
        "granules": report.granules,
        "inputs": product.inputs(shard),
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "cells": report.cells,
        "digest": format!("{:016x}", report.written.digest),
        "holes": report.holes,
        "error": report.error,
    });
    if let Some(outside) = report.rows_outside_area {
        record["rows_outside_area"] = outside.into();
    }
    store.write_record(&shard_name(&report.shard), pretty(&record)?)?;
    Ok(())
}

/// What the record of a shard says. What cannot be read proves nothing.
pub fn shard_state(product: &Product, store: &dyn Store, shard: u64) -> ShardState {
    read_state(product, store, shard).unwrap_or(ShardState::Missing)
}

/// What the record of a shard says, for those who empty the cells of shards that are not written: a record that cannot be
/// fetched is not one that is not there.
///
/// # Errors
/// When reading fails otherwise than by absence.
pub(crate) fn read_state(product: &Product, store: &dyn Store, shard: u64) -> Result<ShardState> {
    let label = product.grid.shard_label(shard);
    let bytes = store.read_record(&shard_name(&label))?.unwrap_or_default();
    let record: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if record["version"] != VERSION {
        return Ok(ShardState::Missing);
    }
    let status = serde_json::from_value::<TaskStatus>(record["status"].clone());
    Ok(match status {
        Ok(TaskStatus::Failed) => {
            ShardState::Failed(record["error"].as_str().unwrap_or("no reason is recorded").to_string())
        }
        // A full sphere may hold shards of earlier maps, too, about whose granules this one says nothing.
        Ok(TaskStatus::Done | TaskStatus::Incomplete)
            if product.shards.binary_search(&shard).is_ok()
                && record["inputs"] != product.inputs(shard).as_str() =>
        {
            ShardState::Outdated
        }
        Ok(TaskStatus::Done) => ShardState::Done,
        Ok(TaskStatus::Incomplete) => {
            ShardState::Incomplete(record["holes"].as_array().map_or(0, Vec::len) as u64)
        }
        Err(_) if record["status"] == "open" => ShardState::Open,
        Err(_) => ShardState::Missing,
    })
}

/// Every shard that the store may hold: those of the map, and for a full sphere those of earlier maps too. Ascending.
///
/// # Errors
/// When the records cannot be listed.
pub fn shards_of_store(product: &Product, store: &dyn Store) -> Result<Vec<u64>> {
    let mut shards = product.shards.clone();
    if !product.is_compact() {
        for name in store.list_records(SHARDS)? {
            let label = name.strip_prefix(SHARDS).and_then(|name| name.strip_suffix(".json"));
            // A record of no shard of this grid is nobody's business here, nor is one under another spelling than ours.
            shards.extend(label.and_then(|label| {
                let shard = product.shard_of_label(label).ok()?;
                (product.grid.shard_label(shard) == label).then_some(shard)
            }));
        }
        shards.sort_unstable();
        shards.dedup();
    }
    Ok(shards)
}

/// Writes what finalize makes the coarser levels from.
pub(crate) fn write_levels(
    product: &Product,
    store: &dyn Store,
    shard: u64,
    record: &LevelRecord,
) -> Result<Written> {
    let label = product.grid.shard_label(shard);
    let bytes = record.encode(&label, &product.identity())?;
    store.write_record(&level_name(&label), bytes)
}

/// Reads what finalize makes the coarser levels from.
///
/// # Errors
/// When it is absent or damaged, or belongs to another store.
pub(crate) fn read_levels(
    product: &Product,
    store: &dyn Store,
    identity: &str,
    shard: u64,
) -> Result<LevelRecord> {
    let label = product.grid.shard_label(shard);
    let name = level_name(&label);
    let bytes =
        store.read_record(&name)?.ok_or_else(|| Error::not_found(format!("the record {name} is gone")))?;
    LevelRecord::decode(&bytes, &label, identity).map_err(|error| error.context(format!("the record {name}")))
}
