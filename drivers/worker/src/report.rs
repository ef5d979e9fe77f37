//! The report of all workers together, as a run leaves one.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zagg_core::finalize::FinalizeSummary;
use zagg_core::report::{Hole, RunSummary, Strays, TaskReport, TaskStatus, Traffic};
use zagg_core::store::{Store, Written};
use zagg_core::{Error, Result};

use crate::status::{TaskState, statuses};

/// Name of the report beside the store, which a run leaves under the same.
const REPORT: &str = "report.json";

/// What all workers of a plan came to, from their status objects. What those do not tell is nought: rows that no shard could
/// count, which every worker has warned about, and the use of indexes. `seconds` is the time from the beginning of the first
/// task to the end of the last, as the clocks of the workers have it.
///
/// # Errors
/// When the store cannot be reached.
pub fn summary(
    store: &dyn Store,
    labels: &[String],
    finalized: &FinalizeSummary,
) -> Result<(RunSummary, Vec<TaskReport>)> {
    let states: Vec<TaskState> = statuses(store, labels)?.into_iter().flatten().collect();
    let seconds = span(&states);
    let reports: Vec<TaskReport> = states.into_iter().map(|state| state.report).collect();
    let count = |status| reports.iter().filter(|report| report.status == status).count() as u64;
    let (mut traffic, mut written) = (Traffic::default(), finalized.written);
    let mut holes: BTreeMap<Hole, u64> = BTreeMap::new();
    for report in &reports {
        traffic += report.traffic;
        written += report.written;
        for hole in &report.holes {
            *holes.entry(hole.clone()).or_default() += 1;
        }
    }
    let (incomplete, failed) = (count(TaskStatus::Incomplete), count(TaskStatus::Failed));
    let outside: Vec<u64> = reports.iter().filter_map(|report| report.rows_outside_area).collect();
    let summary = RunSummary {
        state: finalized.state,
        shards: finalized.shards,
        shards_done: finalized.shards_done,
        shards_skipped: 0,
        shards_incomplete: incomplete,
        shards_failed: failed,
        shards_not_run: finalized.shards.saturating_sub(finalized.shards_done + incomplete + failed),
        cells: reports.iter().map(|report| report.cells).sum(),
        rows_read: reports.iter().map(|report| report.rows_read).sum(),
        rows_kept: reports.iter().map(|report| report.rows_kept).sum(),
        rows_outside_area: (!outside.is_empty()).then(|| outside.iter().sum()),
        parts_absent: reports.iter().map(|report| report.parts_absent).sum(),
        strays: Strays::default(),
        traffic,
        index: None,
        written,
        seconds,
        holes: holes.into_iter().collect(),
        failures: reports
            .iter()
            .filter_map(|report| Some((report.shard.clone(), report.error.clone()?)))
            .collect(),
        warnings: Vec::new(),
        temporary: incomplete + failed > 0
            && reports.iter().all(|report| report.status == TaskStatus::Done || report.temporary),
        allow_incomplete: false,
        // Every worker has its own.
        profile: None,
    };
    Ok((summary, reports))
}

/// Writes the report beside the store, in place of that of an earlier run.
///
/// # Errors
/// When it cannot be written.
pub fn write_report(store: &dyn Store, summary: &RunSummary, tasks: &[TaskReport]) -> Result<()> {
    let report: Value = json!({ "summary": summary, "tasks": tasks });
    let mut bytes =
        serde_json::to_vec_pretty(&report).map_err(|error| Error::io(format!("{REPORT}: {error}")))?;
    bytes.push(b'\n');
    store.write_record(REPORT, bytes).map(|_: Written| ())
}

/// Seconds from the beginning of the first task to the end of the last.
fn span(states: &[TaskState]) -> f64 {
    let ends = states.iter().map(|state| state.ended as f64);
    let starts = states.iter().map(|state| state.ended as f64 - state.report.seconds.max(0.0));
    let (first, last) = (starts.fold(f64::INFINITY, f64::min), ends.fold(f64::NEG_INFINITY, f64::max));
    if last > first { last - first } else { 0.0 }
}
