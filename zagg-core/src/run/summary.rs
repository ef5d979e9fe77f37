//! From the reports of tasks to the summary of a run, and the records beside the store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Run, pretty};
use crate::error::Result;
use crate::report::{Hole, RunSummary, Strays, TaskReport, TaskStatus, Traffic};
use crate::store::{StoreState, Written};

/// Folder of the shard records, below the folder beside the store.
const RECORDS: &str = "shards";

pub(super) fn summarise(run: &Run, reports: &[TaskReport], seconds: f64) -> RunSummary {
    let count = |status| reports.iter().filter(|r| r.status == status).count() as u64;
    let mut holes: BTreeMap<Hole, u64> = BTreeMap::new();
    let (mut traffic, mut written) = (Traffic::default(), Written::default());
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
    RunSummary {
        state: StoreState::Open,
        shards: run.tasks.len() as u64,
        shards_done: count(TaskStatus::Done),
        shards_incomplete: count(TaskStatus::Incomplete),
        shards_failed: count(TaskStatus::Failed),
        shards_not_run: (run.tasks.len() - reports.len()) as u64,
        cells: reports.iter().map(|r| r.cells).sum(),
        rows_read: reports.iter().map(|r| r.rows_read).sum(),
        rows_kept: reports.iter().map(|r| r.rows_kept).sum(),
        strays,
        traffic,
        written,
        seconds,
        holes: holes.into_iter().collect(),
        temporary: reports.iter().all(|r| r.status != TaskStatus::Failed || r.temporary),
        failures,
        warnings,
    }
}

/// Writes the record of one shard: what the next run believes about it.
pub(super) fn write_record(run: &Run, report: &TaskReport) -> Result<()> {
    let record = json!({
        "version": 1,
        "shard": report.shard,
        "status": report.status,
        "granules": report.granules,
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
    let done = done_shards(run)?;
    let complete = run.shards.iter().all(|&shard| done.contains(&run.grid.shard_label(shard)));
    let state = if complete { StoreState::Complete } else { StoreState::Incomplete };
    let report = json!({ "summary": RunSummary { state, ..summary.clone() }, "tasks": reports });
    run.store.write_record("report.json", pretty(&report)?)?;
    Ok(state)
}

/// Labels of the shards whose record says done.
fn done_shards(run: &Run) -> Result<BTreeSet<String>> {
    let mut done = BTreeSet::new();
    for name in run.store.list_records(&format!("{RECORDS}/"))? {
        let Some(bytes) = run.store.read_record(&name)? else { continue };
        // A record that cannot be read proves nothing: its shard counts as not done.
        let Ok(record) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if record["status"] == "done"
            && let Some(label) = record["shard"].as_str()
        {
            done.insert(label.to_string());
        }
    }
    Ok(done)
}
