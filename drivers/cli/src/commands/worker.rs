//! `zagg worker`: one task of a plan, or the share of one worker among several.

use std::sync::Arc;

use serde_json::{Value, json};
use zagg_core::profile::{self, Phase, Profile};
use zagg_core::report::{TaskReport, TaskStatus, Traffic};
use zagg_core::run::RunOptions;
use zagg_core::store::Written;
use zagg_core::{Error, Result};
use zagg_local::LocalExecutor;
use zagg_worker::{ArrayPlace, Ownership, Work, Worker, WorkerOptions};

use crate::args::Format;
use crate::args::worker::WorkerArgs;
use crate::builtin;
use crate::failure::Failure;
use crate::output::{self, bytes, grouped};
use crate::progress::Progress;
use crate::signals::{self, Stop};
use crate::summary;

pub(crate) fn run(args: &WorkerArgs) -> Result<u8, Failure> {
    let counting = Arc::new(Profile::new());
    let _counting = counting.enter();
    let place = ArrayPlace::find(args.index, args.of, |name| std::env::var(name).ok())?;
    let place = place.ok_or_else(|| {
        Failure::usage(
            "which task? give --index N, with --of M for one of M workers; there is no SLURM_ARRAY_TASK_ID, \
             AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX",
        )
    })?;
    let worker = profile::time(Phase::List, || Worker::open(&args.plan, options(args)?))?;
    for warning in worker.warnings() {
        output::warning(warning);
    }
    let tasks = worker.tasks(place.share(worker.plan().tasks)?)?;
    output::note(&format!("zagg: {place}: {} of {} tasks", tasks.len(), worker.plan().tasks));
    if tasks.is_empty() {
        return print(&worker, &Work::default(), args.format).map(|()| 0);
    }
    let stop = Stop::default();
    let progress = Arc::new(Progress::new("tasks", tasks.len() as u64).stopped_by(&stop));
    let watched = Arc::clone(&progress);
    let go_on = "start this worker again, which does what is left";
    signals::watch(&stop, go_on, move |text| watched.say(text));
    let executor = LocalExecutor { fail_fast: args.fail_fast, ..LocalExecutor::default() };
    let work = worker.run_tasks(tasks, &executor, &*progress);
    progress.finish();
    let work = work?;
    print(&worker, &work, args.format)?;
    // As JSON the summary has it.
    if args.profile && args.format == Format::Text {
        crate::profile::print(&counting.report())?;
    }
    Ok(work.exit_code())
}

fn options(args: &WorkerArgs) -> Result<WorkerOptions> {
    Ok(WorkerOptions {
        registry: builtin::registry()?,
        output_creds: args.output_creds.clone(),
        credentials: args.credentials.clone(),
        run: RunOptions {
            driver: args.driver.map(Into::into),
            workers: args.workers.unwrap_or(0).into(),
            memory: args.memory,
            scratch: args.scratch.clone(),
            allow_incomplete: args.allow_incomplete,
            max_retries: args.max_retries,
            ..RunOptions::default()
        },
        ownership: Ownership::Plan,
        redo: args.redo,
        trust_ids: args.trust_ids,
    })
}

fn print(worker: &Worker, work: &Work, format: Format) -> Result<(), Failure> {
    for warning in work.warnings.iter().take(summary::MAX_LINES) {
        output::warning(warning);
    }
    summary::rest(work.warnings.len(), "warnings");
    let reports: Vec<&TaskReport> = work.outcomes.iter().map(|outcome| &outcome.report).collect();
    let holes: Vec<String> = reports
        .iter()
        .flat_map(|report| report.holes.iter().map(move |hole| (report, hole)))
        .map(|(report, hole)| {
            let place = summary::place(&hole.granule, hole.part.as_deref());
            format!("hole in shard {}: {place}: {}", report.shard, hole.reason)
        })
        .collect();
    holes.iter().take(summary::MAX_LINES).for_each(|hole| output::warning(hole));
    summary::rest(holes.len(), "holes");
    let failures: Vec<String> = reports
        .iter()
        .filter_map(|report| Some(format!("shard {} failed: {}", report.shard, report.error.as_ref()?)))
        .collect();
    failures.iter().take(summary::MAX_LINES).for_each(|failure| output::error(failure));
    summary::rest(failures.len(), "failures");
    if let Some(error) = &work.broken {
        output::error(&error.report());
    }
    match format {
        Format::Json => output::json(&json(worker, work)?),
        Format::Text => table(worker, work, &reports),
    }
}

fn json(worker: &Worker, work: &Work) -> Result<Value> {
    let tasks: Result<Vec<Value>> = work
        .outcomes
        .iter()
        .map(|outcome| {
            let report = serde_json::to_value(&outcome.report)
                .map_err(|error| Error::io(format!("a report as JSON: {error}")))?;
            Ok(json!({"index": outcome.index, "skipped": outcome.skipped, "report": report}))
        })
        .collect();
    Ok(json!({
        "plan": worker.uri(),
        "store": worker.plan().store,
        "tasks": tasks?,
        "not_run": work.not_run,
        "warnings": work.warnings,
        "profile": work.profile,
        "exit_code": work.exit_code(),
    }))
}

fn table(worker: &Worker, work: &Work, reports: &[&TaskReport]) -> Result<(), Failure> {
    let count = |status| reports.iter().filter(|report| report.status == status).count() as u64;
    let skipped = work.outcomes.iter().filter(|outcome| outcome.skipped).count() as u64;
    let total = work.outcomes.len() as u64 + work.not_run;
    let mut shards = format!("{} of {} done", grouped(count(TaskStatus::Done)), grouped(total));
    for (n, what) in [
        (skipped, "of them before"),
        (count(TaskStatus::Incomplete), "incomplete"),
        (count(TaskStatus::Failed), "failed"),
        (work.not_run, "not run"),
    ] {
        if n > 0 {
            shards.push_str(&format!(", {} {what}", grouped(n)));
        }
    }
    let (mut traffic, mut written) = (Traffic::default(), Written::default());
    let ran = || work.outcomes.iter().filter(|outcome| !outcome.skipped).map(|outcome| &outcome.report);
    for report in ran() {
        traffic += report.traffic;
        written += report.written;
    }
    let sum = |of: fn(&TaskReport) -> u64| grouped(ran().map(of).sum());
    let mut table = output::table(&[]);
    table.add_row(["store", &worker.plan().store]);
    table.add_row(["tasks", &shards]);
    table.add_row(["cells", &sum(|report| report.cells)]);
    table.add_row(["rows", &format!("{} read, {} kept", sum(|r| r.rows_read), sum(|r| r.rows_kept))]);
    table.add_row(["read", &format!("{} in {} requests", bytes(traffic.bytes), grouped(traffic.requests))]);
    table.add_row(["written", &format!("{} in {} objects", bytes(written.bytes), grouped(written.objects))]);
    output::data(&table.to_string())
}
