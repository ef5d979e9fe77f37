//! The records of shards, beside the store: what later runs, finalize and readers believe about a shard.
//!
//! `shards/<label>.json` says how its task ended, from which granules it was made, and what it wrote. `levels/<label>.bin`, for
//! stores with several levels, holds what finalize makes the coarser ones from.

mod inputs;
mod levels;
mod state;
mod status;
mod turn;

use serde_json::{Value, json};

pub use inputs::{Standing, made_from, standings};
pub use levels::{LevelRecord, LevelValues, VariableStates, VariableValues};
pub use state::{ShardState, shard_state};
pub use status::{ShardStatus, statuses};
pub(crate) use turn::Turn;
pub use turn::{Others, report_of};

use crate::error::{Error, Result};
use crate::product::Product;
use crate::report::{TaskReport, TaskStatus};
use crate::store::Store;

/// Folder of the shard records, below the folder beside the store.
const SHARDS: &str = "shards/";
/// Folder of the level records.
const LEVELS: &str = "levels/";

/// Version of the form of shard records.
const VERSION: u64 = 1;

/// Why a shard whose record says done is made again.
const OTHER_BLOCKS: &str = "its blocks are not those that were written";

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

/// The record of a shard; `Null` when there is none, or none of this form.
fn read_record(store: &dyn Store, name: &str) -> Result<Value> {
    let bytes = store.read_record(name)?.unwrap_or_default();
    let record: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(if record["version"] == VERSION { record } else { Value::Null })
}

/// Marks a shard as being written: from its first block to its last, no older record may call it done.
fn write_open(store: &dyn Store, label: &str, attempt: &str) -> Result<()> {
    let record = json!({ "version": VERSION, "shard": label, "status": "open", "attempt": attempt });
    store.write_record(&shard_name(label), pretty(&record)?)?;
    Ok(())
}

/// Writes the record of one shard in place of the one that was `found`: what the next run believes about it.
///
/// A task that failed before it wrote anything has changed nothing: what an earlier one has written is kept, with its record,
/// which then says why it was not made anew.
fn write_shard(
    (product, store): (&Product, &dyn Store),
    shard: u64,
    (report, attempt): (&TaskReport, &str),
    found: Value,
) -> Result<()> {
    if report.status == TaskStatus::Failed
        && let Some(mut kept) = state::kept(found, report)
    {
        kept["attempt"] = attempt.into();
        store.write_record(&shard_name(&report.shard), pretty(&kept)?)?;
        return Ok(());
    }
    write_anew((product, store), shard, (report, attempt))
}

/// Writes the record of one shard, whatever there was before.
fn write_anew(
    (product, store): (&Product, &dyn Store),
    shard: u64,
    (report, attempt): (&TaskReport, &str),
) -> Result<()> {
    let mut record = json!({
        "version": VERSION,
        "shard": report.shard,
        "status": report.status,
        "attempt": attempt,
        "product": product.identity(),
        "granules": report.granules,
        "inputs": product.inputs(shard),
        "objects": report.objects,
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "cells": report.cells,
        "digest": digest(report.written.digest),
        "holes": report.holes,
        "error": report.error,
        "temporary": report.temporary,
    });
    if let Some(levels) = &report.levels {
        record["levels"] = levels.as_str().into();
    }
    if let Some(outside) = report.rows_outside_area {
        record["rows_outside_area"] = outside.into();
    }
    store.write_record(&shard_name(&report.shard), pretty(&record)?)?;
    Ok(())
}

/// The digest of objects as records have it.
fn digest(number: u64) -> String {
    format!("{number:016x}")
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

/// Writes what finalize makes the coarser levels from, and notes it in the report.
pub(crate) fn write_levels(
    product: &Product,
    store: &dyn Store,
    shard: u64,
    record: &LevelRecord,
    report: &mut TaskReport,
) -> Result<()> {
    let label = product.grid.shard_label(shard);
    let bytes = record.encode(&label, &product.identity())?;
    report.levels = Some(crate::hash::sha256_hex(&bytes));
    report.written += store.write_record(&level_name(&label), bytes)?;
    Ok(())
}

/// What finalize needs of a shard: its state and, where there are `levels` and it is written, what the coarser ones are made
/// from. For those who empty the cells of shards that are not written: a record that cannot be fetched is not one that is not
/// there.
///
/// With `check` the blocks of a shard that is done are looked at, too, where the store can tell ([`Store::stored`]): after a power
/// cut the record may be there and they may not.
///
/// # Errors
/// When the record of the shard cannot be fetched; when the level record of one that is written is absent or damaged, belongs
/// to another store, or is not the one that the record of the shard names.
pub(crate) fn read_shard(
    (product, store): (&Product, &dyn Store),
    shard: u64,
    levels: bool,
    check: bool,
) -> Result<(ShardState, Option<LevelRecord>)> {
    let label = product.grid.shard_label(shard);
    let record = read_record(store, &shard_name(&label))?;
    let mut state = state::state_of(product, shard, &record);
    if check && state == ShardState::Done && !has_its_blocks((product, store), shard, &record)? {
        state = ShardState::Failed(OTHER_BLOCKS.into());
    }
    if !levels || !state.is_written() {
        return Ok((state, None));
    }
    let bytes = level_bytes(store, &label, &record)?;
    let levels = LevelRecord::decode(&bytes, &label, &product.identity())
        .map_err(|error| error.context(format!("the record {}", level_name(&label))))?;
    Ok((state, Some(levels)))
}

/// Whether the blocks of a shard are those that its record names, as far as the store can tell.
fn has_its_blocks((product, store): (&Product, &dyn Store), shard: u64, record: &Value) -> Result<bool> {
    let stored = store.stored(&product.blocks_of(shard))?;
    Ok(stored.is_none_or(|stored| record["digest"] == digest(stored.digest)))
}

/// The bytes of the level record of a shard, which are those that its record names.
fn level_bytes(store: &dyn Store, label: &str, record: &Value) -> Result<Vec<u8>> {
    let name = level_name(label);
    let bytes =
        store.read_record(&name)?.ok_or_else(|| Error::not_found(format!("the record {name} is gone")))?;
    match record["levels"].as_str() {
        Some(named) if named != crate::hash::sha256_hex(&bytes) => Err(Error::corrupt(format!(
            "the record {name} is not the one that the task wrote; run its shard again"
        ))),
        _ => Ok(bytes),
    }
}
