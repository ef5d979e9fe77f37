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

use crate::cores;
use crate::error::{Error, Result};
use crate::io_pool::{self, Outlet};
use crate::profile::{self, Phase};
use crate::records::{self, Standing, Turn};
use crate::report::{TaskReport, TaskStatus};
use crate::run::{Run, Task};
use hear::Hearing;
use read::read_granule;
use write::write_level;

/// Runs one task to its end: blocks, then the shard's record. A failure is part of the report.
///
/// In a run that shares its store with [others](Run::others) a shard that one of them has made whole is left as it is, and counts
/// as done.
pub fn run_task(run: &Arc<Run>, task: &Task) -> TaskReport {
    let _counting = run.profile.enter();
    let _at_work = cores::work();
    let started = Instant::now();
    let shard = crate::caught(|| Ok(run.product.grid.shard_label(task.shard)))
        .unwrap_or_else(|_| task.shard.to_string());
    let later = tracing::field::Empty;
    let span =
        tracing::info_span!("task", shard, granules = task.granules.len(), status = later, rows = later);
    let _in_span = span.enter();
    let mut report = TaskReport::new(shard, task.granules.len() as u64);
    report.rows_outside_area = run.product.clip_of(task.shard).map(|_| 0);
    report.objects.reserve(task.granules.len());
    let mut turn = Turn::new((&run.product, &*run.store), (task.shard, &report.shard), run.others.as_ref());
    match crate::caught(|| work(run, task, &mut turn, &mut report)) {
        Ok(()) if report.holes.is_empty() => {}
        Ok(()) => {
            report.status = TaskStatus::Incomplete;
            report.temporary = report.holes.iter().any(|hole| hole.temporary);
        }
        Err(error) => report.fail(&error),
    }
    // At once, so that a run which is stopped loses none of what it has done.
    let close = || turn.close(&mut report);
    if let Err(error) = profile::time(Phase::Write, || crate::caught(close))
        && report.status != TaskStatus::Failed
    {
        report.fail(&error);
    }
    // The others were released when their end was heard.
    run.granules.release(task.granules.get(report.objects.len()..).unwrap_or_default());
    report.seconds = started.elapsed().as_secs_f64();
    span.record("status", tracing::field::debug(report.status));
    span.record("rows", report.rows_kept);
    report
}

fn work(run: &Arc<Run>, task: &Task, turn: &mut Turn<'_>, report: &mut TaskReport) -> Result<()> {
    let shard = task.shard;
    if turn.begin()? && is_left(run, task)? {
        turn.leave(report);
        return Ok(());
    }
    let mut hearing = Hearing::new(run, task, report);
    let hear = |heard| profile::time(Phase::Gather, || hearing.hear(heard));
    let granules = task.granules.clone();
    let heard = if run.is_local && cores::are_busy() {
        io_pool::one_by_one(granules, |granule, outlet| read_granule(run, granule, shard, outlet), hear)
    } else {
        let shared = Arc::clone(run);
        let read = move |granule, outlet: &Outlet<'_, _>| read_granule(&shared, granule, shard, outlet);
        run.io.in_order(granules, run.memory.in_flight(), read, hear)
    };
    let rows = hearing.end(heard)?;
    refuse_temporary(run, report)?;
    report.rows_kept = rows.rows();
    let rows = profile::time(Phase::Gather, || rows.finish())?;
    let (product, store) = (&run.product, &*run.store);
    let reduced = run.compute(|| profile::time(Phase::Reduce, || reduce::reduce(run, shard, rows)))?;
    report.cells = reduced.cells;
    profile::time(Phase::Write, || {
        let _in_span = tracing::debug_span!("write").entered();
        if !turn.open(report)? {
            return Ok(());
        }
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

/// Whether a shard whose record says done is left as it is, because another worker has made it since this one looked. Whoever
/// cannot find out whether its granules have changed since then has nothing better to put there.
fn is_left(run: &Run, task: &Task) -> Result<bool> {
    let Some(others) = run.others.as_ref().filter(|others| !others.redo) else { return Ok(false) };
    let standings = run.standings(std::slice::from_ref(task), others.trust_ids)?;
    Ok(matches!(standings.first(), Some(Standing::Done | Standing::Unknown(_))))
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
