//! The report of all workers together, as a run leaves one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use zagg_core::finalize::FinalizeSummary;
use zagg_core::product::Product;
use zagg_core::records::report_of;
use zagg_core::report::{Hole, RunSummary, Strays, TaskReport, TaskStatus, Traffic};
use zagg_core::store::{Store, Written};
use zagg_core::{Error, Result};

use crate::status::{TaskState, profile, statuses};

/// Name of the report beside the store, which a run leaves under the same.
const REPORT: &str = "report.json";

/// What all workers of a plan, known by its digest, came to, from their status objects. What those do not tell is nought: rows that
/// no shard could count, which every worker has warned about, and the use of indexes. `seconds` is the time from the beginning of
/// the first task to the end of the last, as the clocks of the workers have it.
///
/// What finalize has found of a shard goes before its status, which a worker may have left that came too late.
///
/// # Errors
/// When the store cannot be reached.
pub fn summary(
    (product, store): (&Product, &dyn Store),
    plan: &str,
    finalized: &FinalizeSummary,
) -> Result<(RunSummary, Vec<TaskReport>)> {
    let labels: Vec<String> = product.shards.iter().map(|&shard| product.grid.shard_label(shard)).collect();
    let states: Vec<Option<TaskState>> =
        statuses(store, &labels)?.into_iter().map(|state| state.filter(|state| state.plan == plan)).collect();
    let seconds = span(states.iter().flatten());
    let not_done: BTreeSet<&String> = finalized.shards_not_done.iter().map(|(label, _)| label).collect();
    let mut reports = Vec::with_capacity(states.len());
    for ((label, &shard), state) in labels.iter().zip(&product.shards).zip(states) {
        let report = state.map(|state| state.report);
        let is_done = !not_done.contains(label);
        reports.extend(match report {
            Some(report) if is_done == (report.status == TaskStatus::Done) => Some(report),
            // A shard that is done, or was when its status was written.
            Some(_) | None if is_done => report_of(product, store, shard)?,
            _ => None,
        });
    }
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
        profile: profile(store, plan)?,
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
fn span<'a>(states: impl Iterator<Item = &'a TaskState> + Clone) -> f64 {
    let ends = states.clone().map(|state| state.ended as f64);
    let starts = states.map(|state| state.ended as f64 - state.report.seconds.max(0.0));
    let (first, last) = (starts.fold(f64::INFINITY, f64::min), ends.fold(f64::NEG_INFINITY, f64::max));
    if last > first { last - first } else { 0.0 }
}
