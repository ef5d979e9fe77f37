//! `zagg run`: the tasks of a shard map, into a store.

mod describe;

use std::sync::Arc;

use zagg_access::Access;
use zagg_core::Error;
use zagg_core::profile::{self, Phase, Profile};
use zagg_core::run::{Resumed, Run, RunOptions};
use zagg_core::store::Store;
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use super::{index, lambda};
use crate::args::lambda::ExecutorArg;
use crate::args::{Format, RunArgs};
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::progress::Progress;
use crate::signals::{self, Stop};
use crate::{builtin, pipeline, summary};

pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let counting = Arc::new(Profile::new());
    let _counting = counting.enter();
    let (mut run, zarr) = profile::time(Phase::List, || assemble(args))?;
    let location = zarr.location().to_string();
    let lambda = match args.lambda.executor {
        ExecutorArg::Local => None,
        ExecutorArg::Lambda => Some(lambda::Session::new(args, &location)?),
    };
    if args.dry_run {
        run.check_store(args.overwrite)?;
        let resumed = args.resume.then(|| run.leave_out_done(args.trust_ids)).transpose()?;
        let cost = lambda.as_ref().map(|lambda| lambda.estimate(&run)).transpose()?;
        return describe::describe(&run, &location, resumed.as_ref(), cost.as_ref(), args.format);
    }
    let stop = Stop::default();
    let progress = Arc::new(Progress::new("shards", run.tasks.len() as u64).stopped_by(&stop));
    let teller = Arc::clone(&progress);
    signals::watch(&stop, "go on with --resume", move |text| teller.say(text));
    if args.resume {
        let asked = run.tasks.len();
        tell(&progress, &run.resume(args.trust_ids)?, asked);
    }
    if let Some(lambda) = &lambda {
        lambda.before(&run)?;
    }
    run.prepare(args.overwrite)?;
    if args.overwrite {
        for name in zarr.foreign_objects(summary::MAX_LINES)? {
            output::warning(&format!("store {location}: {name} is not of zagg, so it was left alone"));
        }
    }
    let executor = LocalExecutor { fail_fast: args.fail_fast, ..LocalExecutor::default() };
    let run = Arc::new(run);
    let outcome = match &lambda {
        None => run.execute(&executor, &*progress),
        Some(lambda) => lambda.execute(&run, &*progress),
    };
    progress.finish();
    // Also of a run that failed: it was paid for.
    let bill = lambda.as_ref().and_then(lambda::Session::bill);
    let outcome = outcome.map_err(|error| Failure::of_run(&error))?;
    summary::print_with(&outcome, &location, args.format, bill.as_ref())?;
    // As JSON the summary has it.
    if args.profile && args.format == Format::Text {
        crate::profile::print(&counting.report())?;
    }
    summary::advise(&outcome);
    Ok(outcome.exit_code())
}

/// The run that the arguments ask for, and the store it writes.
fn assemble(args: &RunArgs) -> Result<(Run, Arc<ZarrStore>), Failure> {
    let registry = builtin::registry()?;
    let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
    let map = pipeline::shard_map(args.catalog.as_deref(), &pipeline)?;
    let location = args
        .store
        .clone()
        .or_else(|| pipeline.output.store.clone())
        .ok_or_else(|| Error::input("no store; give --store PATH, or output.store in the pipeline"))?;
    let chain = index::chain(&pipeline, args.output_creds.as_deref())?;
    let zarr = Arc::new(ZarrStore::open_with(&location, &chain)?);
    let store: Arc<dyn Store> = zarr.clone();
    let options = RunOptions {
        driver: args.driver.map(Into::into),
        shards: args.shard.clone(),
        max_cells: args.max_cells,
        io_threads: 0,
        workers: args.workers.unwrap_or(0).into(),
        memory: args.memory,
        scratch: args.scratch.clone(),
        index: index::store(&pipeline, &chain)?,
        allow_incomplete: args.allow_incomplete,
        max_retries: args.max_retries,
        ..RunOptions::default()
    };
    let opener = Arc::new(Access::new(&pipeline.data_source.access)?);
    Ok((Run::new(pipeline, &map, &registry, opener, store, &options)?, zarr))
}

/// Says what a run that goes on leaves out, and why it makes again what was made before.
fn tell(progress: &Progress, resumed: &Resumed, asked: usize) {
    let (done, asked) = (grouped(resumed.skipped.len() as u64), grouped(asked as u64));
    progress.say(&format!("zagg: {done} of {asked} shards are done and are not run again"));
    let again: Vec<_> = resumed.redone.iter().filter(|(_, reason)| reason != "not run").collect();
    for (label, reason) in again.iter().take(summary::MAX_LINES) {
        progress.say(&format!("zagg: shard {label} is run again: {reason}"));
    }
    if again.len() > summary::MAX_LINES {
        progress.say(&format!("zagg: and {} more shards", again.len() - summary::MAX_LINES));
    }
}
