//! `zagg plan`: a store's template, and the tasks of a shard map where workers find them.

use std::sync::Arc;

use serde_json::json;
use zagg_access::Access;
use zagg_core::config::Pipeline;
use zagg_core::plan::{Claim, PlanOptions, WorkPlan};
use zagg_core::run::{Run, RunOptions};
use zagg_core::store::{Created, Store};
use zagg_core::{Error, Result};
use zagg_worker::{PlanPlace, Published, default_uri, publish};
use zagg_zarr::ZarrStore;

use super::index;
use crate::args::Format;
use crate::args::worker::PlanArgs;
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::{builtin, pipeline, summary};

pub(crate) fn run(args: &PlanArgs) -> Result<u8, Failure> {
    let registry = builtin::registry()?;
    let pipeline = pipeline::pipeline(&args.pipeline, &registry)?;
    let map = pipeline::shard_map(args.catalog.as_deref(), &pipeline)?;
    let location = args
        .store
        .clone()
        .or_else(|| pipeline.output.store.clone())
        .ok_or_else(|| Error::input("no store; give --store PATH, or output.store in the pipeline"))?;
    // Workers begin in other folders.
    let location = absolute(&location)?;
    let chain = index::chain(&pipeline, args.output_creds.as_deref())?;
    let zarr = Arc::new(ZarrStore::open_with(&location, &chain)?);
    let place = PlanPlace::open(&args.output.clone().unwrap_or_else(|| default_uri(&location)), &chain)?;
    // Nothing else lies there, and nobody reads it while this command holds the store.
    let is_beside = place.uri() == PlanPlace::open(&default_uri(&location), &chain)?.uri();
    let driver = args.driver.map(Into::into);
    let options = PlanOptions { store: location.clone(), index: index_place(&pipeline)?, driver };
    let run = Run::new(
        pipeline.clone(),
        &map,
        &registry,
        Arc::new(Access::new(&pipeline.data_source.access)?),
        Arc::clone(&zarr) as Arc<dyn Store>,
        &RunOptions {
            driver,
            shards: args.shard.clone(),
            max_cells: args.max_cells,
            index: index::store(&pipeline, &chain)?,
            ..RunOptions::default()
        },
    )?;
    let new = WorkPlan::of(&run, &registry, &options)?;
    let claim = Claim { plan: place.uri().to_string(), digest: new.plan.digest()? };
    let mut published = Published::Existing;
    let created = run.give_to_workers(args.overwrite, &claim, &mut || {
        published = publish(&place, &new, is_beside)?;
        Ok(())
    })?;
    for warning in run.warnings.iter().take(summary::MAX_LINES) {
        output::warning(warning);
    }
    summary::rest(run.warnings.len(), "warnings");
    if args.overwrite {
        for name in zarr.foreign_objects(summary::MAX_LINES)? {
            output::warning(&format!("store {location}: {name} is not of zagg, so it was left alone"));
        }
    }
    let most = new.tasks.iter().map(|task| task.granules.len()).max().unwrap_or(0);
    if args.format == Format::Json {
        output::json(&json!({
            "plan": place.uri(),
            "digest": claim.digest,
            "store": location,
            "tasks": new.plan.tasks,
            "granules_per_task_max": most,
            "items": format!("{}/{}", place.uri(), zagg_core::plan::ITEMS),
            "template": if created == Created::New { "new" } else { "existing" },
            "published": match published {
                Published::New => "new",
                Published::Existing => "existing",
                Published::Replaced => "replaced",
            },
        }))?;
        return Ok(0);
    }
    let mut table = output::table(&[]);
    table.add_row(["plan", place.uri()]);
    table.add_row(["store", &format!("{location} (open)")]);
    table.add_row(["tasks", &format!("{}, the largest with {most} granules", grouped(new.plan.tasks))]);
    output::data(&table.to_string())?;
    output::note(&format!(
        "zagg: now run zagg worker --plan {0} --index N for N from 0 to {1}, or --index N --of M on M workers, and then \
         zagg finalize --plan {0}",
        place.uri(),
        new.plan.tasks - 1
    ));
    Ok(0)
}

/// The place where indexes are kept, as every worker finds it.
fn index_place(pipeline: &Pipeline) -> Result<Option<String>> {
    pipeline.data_source.index.as_ref().map(|index| absolute(&index.store)).transpose()
}

/// A path from the root; URLs are as they are.
fn absolute(place: &str) -> Result<String> {
    if place.contains("://") || place.is_empty() {
        return Ok(place.to_string());
    }
    let path = std::path::absolute(place).map_err(|error| Error::from_io(&error, place))?;
    let text = path.into_os_string().into_string();
    text.map_err(|path| Error::input(format!("{}: the path is not valid Unicode", path.display())))
}
