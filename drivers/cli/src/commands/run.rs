//! `zagg run`: the tasks of a shard map, into a store.

use std::sync::Arc;

use serde_json::json;
use zagg_access::Access;
use zagg_core::Error;
use zagg_core::run::{Run, RunOptions};
use zagg_core::store::Store;
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use super::index;
use crate::args::{Format, RunArgs};
use crate::failure::{Failure, INCOMPLETE};
use crate::output::{self, grouped};
use crate::progress::Progress;
use crate::{builtin, pipeline, summary};

pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
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
        index: index::store(&pipeline, &chain)?,
        ..RunOptions::default()
    };
    let opener = Arc::new(Access::new(&pipeline.data_source.access)?);
    let run = Arc::new(Run::new(pipeline, &map, &registry, opener, store, &options)?);
    if args.dry_run {
        run.check_store(args.overwrite)?;
        return describe(&run, &location, args.format);
    }
    run.prepare(args.overwrite)?;
    if args.overwrite {
        for name in zarr.foreign_objects(summary::MAX_LINES)? {
            output::warning(&format!("store {location}: {name} is not of zagg, so it was left alone"));
        }
    }
    let progress = Progress::new("shards", run.tasks.len() as u64);
    let executor = LocalExecutor { fail_fast: args.fail_fast };
    let outcome = run.execute(&executor, &progress);
    progress.finish();
    let outcome = outcome.map_err(|error| Failure::of_run(&error))?;
    summary::print(&outcome, &location, args.format)?;
    Ok(outcome.exit_code())
}

/// What a run would do.
fn describe(run: &Run, location: &str, format: Format) -> Result<u8, Failure> {
    let missing = run.granules.missing();
    for warning in run.warnings.iter().chain(missing.iter().take(summary::MAX_LINES)) {
        output::warning(warning);
    }
    summary::rest(missing.len(), "granules that cannot be opened");
    let code = if missing.is_empty() { 0 } else { INCOMPLETE };
    let mut sizes: Vec<usize> = run.tasks.iter().map(|task| task.granules.len()).collect();
    sizes.sort_unstable();
    let pairs: usize = sizes.iter().sum();
    let (least, most) = (sizes.first().copied().unwrap_or(0), sizes.last().copied().unwrap_or(0));
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let labels: Vec<String> = run.tasks.iter().map(|task| run.product.grid.shard_label(task.shard)).collect();
    let variables: Vec<&str> = run.product.program.variables().iter().map(|v| v.name.as_str()).collect();
    if format == Format::Json {
        output::json(&json!({
            "store": location,
            "shards": labels,
            "granules_per_shard": {"min": least, "median": median, "max": most},
            "pairs": pairs,
            "variables": variables,
            "columns": run.product.program.columns(),
            "pipeline_hash": run.product.pipeline.hash(),
            "granules_missing": missing,
        }))?;
        return Ok(code);
    }
    let mut table = output::table(&[]);
    table.add_row(["would write", location]);
    table.add_row(["shards", &grouped(run.tasks.len() as u64)]);
    table.add_row(["granules per shard", &format!("{least} to {most}, median {median}")]);
    table.add_row(["variables", &variables.join(", ")]);
    output::data(&table.to_string())?;
    Ok(code)
}
