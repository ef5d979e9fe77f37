//! The task: one shard from its granules to the store. The same code runs on every executor.

mod gather;
mod group;
mod hear;
mod places;
mod read;
mod reduce;
mod spill;
mod states;
mod write;

pub use group::{Sorted, sort_by_offset};

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{self, Phase};
use crate::records;
use crate::report::{TaskReport, TaskStatus, Traffic};
use crate::run::{Run, Task};
use crate::store::Written;
use hear::Hearing;
use read::read_granule;
use write::write_level;

/// Runs one task to its end: blocks, then the shard's record. A failure is part of the report.
pub fn run_task(run: &Arc<Run>, task: &Task) -> TaskReport {
    let _counting = run.profile.enter();
    let started = Instant::now();
    let shard = crate::caught(|| Ok(run.product.grid.shard_label(task.shard)))
        .unwrap_or_else(|_| task.shard.to_string());
    let later = tracing::field::Empty;
    let span =
        tracing::info_span!("task", shard, granules = task.granules.len(), status = later, rows = later);
    let _in_span = span.enter();
    let mut report = TaskReport {
        shard,
        status: TaskStatus::Done,
        granules: task.granules.len() as u64,
        parts_absent: 0,
        rows_read: 0,
        rows_kept: 0,
        rows_outside_area: run.product.clip_of(task.shard).map(|_| 0),
        cells: 0,
        holes: Vec::new(),
        error: None,
        temporary: false,
        attempts: 1,
        objects: Vec::with_capacity(task.granules.len()),
        levels: None,
        traffic: Traffic::default(),
        written: Written::default(),
        seconds: 0.0,
    };
    match crate::caught(|| work(run, task, &mut report)) {
        Ok(()) if report.holes.is_empty() => {}
        Ok(()) => {
            report.status = TaskStatus::Incomplete;
            report.temporary = report.holes.iter().any(|hole| hole.temporary);
        }
        Err(error) => fail(&mut report, &error),
    }
    // At once, so that a run which is stopped loses none of what it has done.
    let write = || records::write_shard(&run.product, &*run.store, task.shard, &report);
    if let Err(error) = profile::time(Phase::Write, || crate::caught(write))
        && report.status != TaskStatus::Failed
    {
        fail(&mut report, &error);
    }
    // The others were released when their end was heard.
    run.granules.release(task.granules.get(report.objects.len()..).unwrap_or_default());
    report.seconds = started.elapsed().as_secs_f64();
    span.record("status", tracing::field::debug(report.status));
    span.record("rows", report.rows_kept);
    report
}

fn fail(report: &mut TaskReport, error: &Error) {
    report.status = TaskStatus::Failed;
    report.temporary = error.kind() == ErrorKind::Temporary;
    report.error = Some(error.to_string());
}

fn work(run: &Arc<Run>, task: &Task, report: &mut TaskReport) -> Result<()> {
    let shard = task.shard;
    let mut hearing = Hearing::new(run, task, report);
    let shared = Arc::clone(run);
    let heard = run.io.in_order(
        task.granules.clone(),
        run.memory.in_flight(),
        move |granule, outlet| read_granule(&shared, granule, shard, outlet),
        |heard| profile::time(Phase::Gather, || hearing.hear(heard)),
    );
    let rows = hearing.end(heard)?;
    refuse_temporary(run, report)?;
    report.rows_kept = rows.rows();
    let rows = profile::time(Phase::Gather, || rows.finish())?;
    let (product, store) = (&run.product, &*run.store);
    let counting = profile::current();
    let reduce = || profile::time(Phase::Reduce, || reduce::reduce(run, shard, rows));
    let compute = || profile::within(counting, reduce);
    let reduced = profile::time(Phase::Wait, || run.compute.install(compute))?;
    report.cells = reduced.cells;
    profile::time(Phase::Write, || {
        let _in_span = tracing::debug_span!("write").entered();
        records::write_open(product, store, shard)?;
        for (at, values) in reduced.levels {
            let together = run.memory.written_together();
            report.written += write_level((product, store), shard, &product.levels[at], values, together)?;
        }
        match &reduced.record {
            Some(record) => records::write_levels(product, store, shard, record, report),
            None => Ok(()),
        }
    })
}

/// What could not be read for a reason that is likely to pass is no hole yet: the shard fails and stays as it was, so that a
/// run in better times does it. Who takes incomplete shards gets what there is.
fn refuse_temporary(run: &Run, report: &TaskReport) -> Result<()> {
    match report.holes.iter().find(|hole| hole.temporary) {
        Some(hole) if !run.allow_incomplete => {
            let part = hole.part.as_deref().filter(|part| !part.is_empty());
            let part = part.map(|part| format!(" part {part}")).unwrap_or_default();
            Err(Error::temporary(format!("granule {}{part}: {}", hole.granule, hole.reason)))
        }
        _ => Ok(()),
    }
}
