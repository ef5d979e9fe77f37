//! From the reports of tasks to the summary and the report of a run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Run;
use crate::error::Result;
use crate::records::pretty;
use crate::report::{Hole, RunSummary, Strays, TaskReport, TaskStatus};
use crate::store::{StoreState, Written};

pub(super) fn summarise(run: &Run, reports: &[TaskReport], seconds: f64) -> RunSummary {
    let count = |status| reports.iter().filter(|r| r.status == status).count() as u64;
    let mut holes: BTreeMap<Hole, u64> = BTreeMap::new();
    let (mut traffic, mut written) = (run.granules.described(), Written::default());
    for report in reports {
        // Why a shard failed is told with the shard.
        let told = |hole: &&Hole| report.status == TaskStatus::Incomplete || !hole.temporary;
        for hole in report.holes.iter().filter(told) {
            *holes.entry(hole.clone()).or_default() += 1;
        }
        traffic += report.traffic;
        written += report.written;
    }
    let not_done: Vec<&TaskReport> = reports.iter().filter(|r| r.status != TaskStatus::Done).collect();
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
    if strays.rows_out_of_reach > 0 {
        warnings.push(format!(
            "{} rows lie farther from their parents than data_source.read_plan.reach and were not kept; give a larger reach",
            strays.rows_out_of_reach
        ));
    }
    for granule in run.granules.without_parts() {
        warnings.push(format!(
            "granule {granule} has none of the parts that are looked for; check data_source.groups and coordinates"
        ));
    }
    for level in crate::finalize::levels(&run.product).iter().filter(|level| !level.left_out.is_empty()) {
        warnings.push(format!(
            "level {} holds whole shards, whose {} do not merge; it is made without them",
            level.level,
            level.left_out.join(", ")
        ));
    }
    for (granule, warning) in run.granules.index_warnings() {
        warnings.push(format!("granule {granule}: {warning}"));
    }
    RunSummary {
        profile: Some(run.profile.report()),
        state: StoreState::Open,
        shards: run.tasks.len() as u64 + run.skipped,
        shards_done: count(TaskStatus::Done) + run.skipped,
        shards_skipped: run.skipped,
        shards_incomplete: count(TaskStatus::Incomplete),
        shards_failed: count(TaskStatus::Failed),
        shards_not_run: run.tasks.len().saturating_sub(reports.len()) as u64,
        cells: reports.iter().map(|r| r.cells).sum(),
        rows_read: reports.iter().map(|r| r.rows_read).sum(),
        rows_kept: reports.iter().map(|r| r.rows_kept).sum(),
        rows_outside_area: (run.product.pipeline.output.clip)
            .then(|| reports.iter().filter_map(|r| r.rows_outside_area).sum()),
        parts_absent: reports.iter().map(|r| r.parts_absent).sum(),
        strays,
        traffic,
        index: run.granules.index_use(),
        written,
        seconds,
        temporary: !not_done.is_empty()
            && not_done.iter().all(|r| r.temporary && r.holes.iter().all(|hole| hole.temporary)),
        holes: holes.into_iter().collect(),
        allow_incomplete: run.allow_incomplete,
        failures,
        warnings,
    }
}

/// Counts shards as failed that were done as far as their tasks know, and are not as their records say: a record that was lost
/// or that somebody else wrote over. What finalize has not seen is not there.
pub(super) fn believe_records(
    summary: &mut RunSummary,
    reports: &[TaskReport],
    left_out: &[String],
    not_done: &[(String, String)],
) {
    let done = reports.iter().filter(|report| report.status == TaskStatus::Done).map(|report| &report.shard);
    let done: BTreeSet<&String> = done.chain(left_out).collect();
    for (label, reason) in not_done.iter().filter(|(label, _)| done.contains(label)) {
        summary.shards_done -= 1;
        summary.shards_failed += 1;
        summary.temporary = false;
        summary.failures.push((label.clone(), format!("it was done, and its record says now: {reason}")));
    }
}

/// Writes the report of the run.
pub(super) fn write(run: &Run, reports: &[TaskReport], summary: &RunSummary) -> Result<()> {
    let report = json!({ "summary": summary, "tasks": reports });
    run.store.write_record("report.json", pretty(&report)?)?;
    Ok(())
}
