//! From the reports of tasks to the summary of a run, and the records beside the store.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Run, pretty};
use crate::error::Result;
use crate::report::{Hole, RunSummary, Strays, TaskReport, TaskStatus};
use crate::store::{StoreState, Written};

/// Folder of the shard records, below the folder beside the store.
const RECORDS: &str = "shards";

pub(super) fn summarise(run: &Run, reports: &[TaskReport], seconds: f64) -> RunSummary {
    let count = |status| reports.iter().filter(|r| r.status == status).count() as u64;
    let mut holes: BTreeMap<Hole, u64> = BTreeMap::new();
    let (mut traffic, mut written) = (run.granules.described(), Written::default());
    for report in reports {
        for hole in &report.holes {
            *holes.entry(hole.clone()).or_default() += 1;
        }
        traffic += report.traffic;
        written += report.written;
    }
    let failures: Vec<(String, String)> =
        reports.iter().filter_map(|r| Some((r.shard.clone(), r.error.clone()?))).collect();
    let mut strays = Strays::default();
    let mut warnings = run.warnings.clone();
    for (granule, stray) in run.granules.strays() {
        strays += stray;
        if stray.rows_unassigned > 0 {
            warnings.push(format!(
                "granule {granule}: {} rows lie in shards that do not list it; build the shard map again to count them",
                stray.rows_unassigned
            ));
        }
    }
    for granule in run.granules.without_parts() {
        warnings.push(format!(
            "granule {granule} has none of the parts that are looked for; check data_source.groups and coordinates"
        ));
    }
    for (granule, warning) in run.granules.index_warnings() {
        warnings.push(format!("granule {granule}: {warning}"));
    }
    RunSummary {
        state: StoreState::Open,
        shards: run.tasks.len() as u64,
        shards_done: count(TaskStatus::Done),
        shards_incomplete: count(TaskStatus::Incomplete),
        shards_failed: count(TaskStatus::Failed),
        shards_not_run: run.tasks.len().saturating_sub(reports.len()) as u64,
        cells: reports.iter().map(|r| r.cells).sum(),
        rows_read: reports.iter().map(|r| r.rows_read).sum(),
        rows_kept: reports.iter().map(|r| r.rows_kept).sum(),
        parts_absent: reports.iter().map(|r| r.parts_absent).sum(),
        strays,
        traffic,
        index: run.granules.index_use(),
        written,
        seconds,
        holes: holes.into_iter().collect(),
        temporary: !failures.is_empty()
            && reports.iter().all(|r| r.status != TaskStatus::Failed || r.temporary),
        failures,
        warnings,
    }
}

/// Marks a shard as being written: from its first block to its last, no older record may call it done.
pub(super) fn open_record(run: &Run, shard: u64) -> Result<()> {
    let label = run.grid.shard_label(shard);
    let record = json!({ "version": 1, "shard": label, "status": "open" });
    run.store.write_record(&format!("{RECORDS}/{label}.json"), pretty(&record)?)?;
    Ok(())
}

/// Writes the record of one shard: what the next run believes about it.
pub(super) fn write_record(run: &Run, shard: u64, report: &TaskReport) -> Result<()> {
    let record = json!({
        "version": 1,
        "shard": report.shard,
        "status": report.status,
        "granules": report.granules,
        "inputs": inputs(run, shard),
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "cells": report.cells,
        "holes": report.holes,
        "error": report.error,
    });
    run.store.write_record(&format!("{RECORDS}/{}.json", report.shard), pretty(&record)?)?;
    Ok(())
}

/// Writes the report of the run; gives the state that the store has now, counting shards that earlier runs have done.
pub(super) fn write(run: &Run, reports: &[TaskReport], summary: &RunSummary) -> Result<StoreState> {
    let done = run.shards.iter().all(|&shard| is_done(run, shard)) && (run.is_compact() || all_done(run));
    let state = if done { StoreState::Complete } else { StoreState::Incomplete };
    let report = json!({ "summary": RunSummary { state, ..summary.clone() }, "tasks": reports });
    run.store.write_record("report.json", pretty(&report)?)?;
    Ok(state)
}

/// Whether the record of a shard says done, and was made from the granules that the map lists now.
fn is_done(run: &Run, shard: u64) -> bool {
    let name = format!("{RECORDS}/{}.json", run.grid.shard_label(shard));
    // A record that cannot be read proves nothing: its shard counts as not done.
    let Ok(Some(bytes)) = run.store.read_record(&name) else { return false };
    let record: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    record["status"] == "done" && record["inputs"] == inputs(run, shard).as_str()
}

/// Whether every record beside the store says done: a full sphere may hold shards of earlier maps too. What cannot be read
/// proves nothing.
fn all_done(run: &Run) -> bool {
    let is_done = |name: &String| {
        let bytes = run.store.read_record(name).ok().flatten().unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).is_ok_and(|record| record["status"] == "done")
    };
    run.store.list_records(&format!("{RECORDS}/")).is_ok_and(|names| names.iter().all(is_done))
}

/// What identifies the granules of a shard, in arrival order.
fn inputs(run: &Run, shard: u64) -> String {
    let mut ids = String::new();
    for id in run.listed_by(shard) {
        ids.push_str(id);
        ids.push('\n');
    }
    crate::hash::sha256_hex(ids.as_bytes())
}
