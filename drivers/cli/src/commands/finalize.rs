//! `zagg finalize`: coarser levels and state of a store, from what its shards left beside it.

use std::sync::Arc;

use serde_json::json;
use zagg_core::finalize::{FinalizeSummary, finalize};
use zagg_core::plan::Claim;
use zagg_core::product::{PLAN, Product};
use zagg_core::records::{ShardState, ShardStatus, shards_of_store, statuses};
use zagg_core::registry::Registry;
use zagg_core::store::{Store, StoreState};
use zagg_core::{Error, ErrorKind, Result};
use zagg_worker::{Worker, WorkerOptions};
use zagg_zarr::{Rechunk, Rechunked, ZarrStore};

use super::validate::open;
use crate::args::Format;
use crate::args::worker::FinalizeArgs;
use crate::failure::{Failure, INCOMPLETE, TEMPORARY};
use crate::output::{self, bytes, grouped};
use crate::{builtin, summary};

pub(crate) fn run(args: &FinalizeArgs) -> Result<u8, Failure> {
    let keys = args.output_creds.as_deref();
    let registry = builtin::registry()?;
    let (store, workers) = match (&args.store, &args.plan) {
        (Some(place), _) => (Arc::new(open(place, keys)?), None),
        (None, Some(uri)) => {
            let options = WorkerOptions {
                registry: registry.clone(),
                output_creds: args.output_creds.clone(),
                ..WorkerOptions::default()
            };
            let worker = Worker::open(uri, options)?;
            (Arc::clone(worker.store()), Some(Workers { worker, release: args.release }))
        }
        (None, None) => return Err(Failure::usage("give a STORE, or --plan URI")),
    };
    let place = store.location().to_string();
    let copy = match (&args.rechunk, &args.to) {
        (Some(how), Some(to)) => Some((how, open(to, keys)?)),
        _ => None,
    };
    let found = store.inspect()?;
    let finalized = match store.read_record(PLAN)? {
        Some(plan) => Some(finalized(&store, &plan, &found.template, workers.as_ref(), &registry)?),
        // A store that was given away is finished as it is: only a copy can be made of it.
        None if copy.is_some() && found.state != StoreState::Open => None,
        None => {
            return Err(Error::not_found(format!(
                "store {place}: there is no {PLAN} beside it, which says what it should hold; run its shard map again"
            ))
            .into());
        }
    };
    let state = finalized.as_ref().map_or(found.state, |summary| summary.state);
    let copied = match &copy {
        None => None,
        Some(_) if state != StoreState::Complete => {
            output::warning("no copy was made: the store is not complete");
            None
        }
        Some((how, to)) => Some(rechunk(&store, to, how, args.overwrite)?),
    };
    print(args, &place, state, finalized.as_ref(), copied.as_ref())?;
    if let (Some(workers), Some(summary), false) = (&workers, &finalized, args.release)
        && state != StoreState::Complete
    {
        workers.advise(summary.shards);
    }
    Ok(if state == StoreState::Complete { 0 } else { INCOMPLETE })
}

/// The workers of a plan, whose store is finalized.
struct Workers {
    worker: Worker,
    /// Whether the store is taken back from them in any case.
    release: bool,
}

impl Workers {
    /// Refuses a store that is not that of the plan, or was given to another one.
    fn check(&self, store: &ZarrStore, plan: &[u8], template: &str) -> Result<()> {
        if self.worker.plan().identity != template {
            return Err(Error::input(format!(
                "store {}: it was made by another pipeline, grid or shard map than the plan; plan again",
                store.location()
            )));
        }
        match Claim::of(store)? {
            Some(claim) if claim.digest != self.worker.digest() => Err(Error::input(format!(
                "store {}: it is given to the workers of another plan, {}",
                store.location(),
                claim.plan.escape_debug()
            ))),
            // It would be complete with the shards of the other map.
            _ if !self.worker.plan().is_of(plan) => Err(Error::input(format!(
                "store {}: it was given to a run or a plan of another shard map since; plan again",
                store.location()
            ))),
            _ => Ok(()),
        }
    }

    /// Leaves the report of all workers.
    fn report(&self, product: &Product, store: &ZarrStore, finalized: &FinalizeSummary) -> Result<()> {
        let digest = self.worker.digest();
        let (summary, tasks) = zagg_worker::summary((product, store), digest, finalized)?;
        zagg_worker::write_report(store, &summary, &tasks)
    }

    /// Says when a plan does not have all shards of its map, so that its workers cannot complete the store.
    fn advise(&self, shards: u64) {
        let tasks = self.worker.plan().tasks;
        if tasks < shards {
            output::note(&format!(
                "zagg: the plan has {} of the {} shards of its map; take the store back with --release, and go on with zagg run \
                 --resume or another plan",
                grouped(tasks),
                grouped(shards)
            ));
        }
    }
}

/// Finalizes from the plan beside the store, which is checked before anything is changed.
fn finalized(
    store: &ZarrStore,
    plan: &[u8],
    template: &str,
    workers: Option<&Workers>,
    registry: &Registry,
) -> Result<FinalizeSummary, Failure> {
    let product = Product::from_plan(plan, registry)?;
    if product.identity() != template {
        return Err(Error::input(format!(
            "store {}: {PLAN} beside it is that of another store; run its shard map again",
            store.location()
        ))
        .into());
    }
    // Only then is it this store's own affair whether another run holds it.
    store.acquire().map_err(|error| Failure {
        code: if error.kind() == ErrorKind::Input { TEMPORARY } else { Failure::from(error.clone()).code },
        message: error.to_string(),
    })?;
    let outcome = zagg_core::caught(|| finalize_held(&product, store, (plan, template), workers));
    let released = store.release();
    let summary = outcome.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Input => Failure::from(error),
        _ => Failure::of_run(&error),
    })?;
    released?;
    Ok(summary)
}

/// Finalizes a store whose lock is held.
fn finalize_held(
    product: &Product,
    store: &ZarrStore,
    (plan, template): (&[u8], &str),
    workers: Option<&Workers>,
) -> Result<FinalizeSummary> {
    if let Some(workers) = workers {
        workers.check(store, plan, template)?;
    }
    let shards = statuses(product, store, &shards_of_store(product, store)?)?;
    let is_missing = |shard: &ShardStatus| shard.state == ShardState::Missing;
    // A store that is taken back may be empty: it says afterwards what it lacks.
    let is_taken_back = workers.is_some_and(|workers| workers.release);
    if !is_taken_back && shards.iter().all(is_missing) {
        let first = if workers.is_some() { "run zagg worker first" } else { "run its shard map first" };
        return Err(Error::not_found(format!(
            "store {}: there are no records of shards beside it; nothing was changed, {first}",
            store.location()
        )));
    }
    // Whoever opens it meanwhile, or after this was cut off, sees that it is not finished.
    store.finalize(StoreState::Open)?;
    let summary = finalize(product, store)?;
    if let Some(workers) = workers {
        workers.report(product, store, &summary)?;
    }
    // Whoever finalized it: what is complete is not to be written to any more.
    if summary.state == StoreState::Complete || is_taken_back {
        Claim::take_back(store)?;
    }
    Ok(summary)
}

fn rechunk(store: &ZarrStore, to: &ZarrStore, how: &Rechunk, overwrite: bool) -> Result<Rechunked, Failure> {
    store.rechunk(to, how, overwrite).map_err(Failure::from)
}

fn print(
    args: &FinalizeArgs,
    place: &str,
    state: StoreState,
    finalized: Option<&FinalizeSummary>,
    copied: Option<&Rechunked>,
) -> Result<(), Failure> {
    let not_done = finalized.map_or(&[][..], |summary| &summary.shards_not_done);
    for (label, reason) in not_done.iter().take(summary::MAX_LINES) {
        output::warning(&format!("shard {label}: {reason}"));
    }
    summary::rest(not_done.len(), "shards that are not done");
    if args.format == Format::Json {
        let mut all = json!({"store": place, "state": state});
        if let Some(summary) = finalized {
            let value = serde_json::to_value(summary)
                .map_err(|error| Error::io(format!("summary as JSON: {error}")))?;
            for (key, value) in value.as_object().into_iter().flatten() {
                all[key] = value.clone();
            }
        }
        if let Some(copied) = copied {
            all["copy"] = json!({"store": args.to, "arrays": copied.arrays, "written": copied.written});
        }
        return output::json(&all);
    }
    let mut table = output::table(&[]);
    table.add_row(["store", &format!("{place} ({})", state.name())]);
    if let Some(summary) = finalized {
        table.add_row([
            "shards",
            &format!("{} of {} done", grouped(summary.shards_done), grouped(summary.shards)),
        ]);
        for level in &summary.levels {
            let left_out = match level.left_out.as_slice() {
                [] => String::new(),
                names => format!(", without {}", names.join(", ")),
            };
            table.add_row(["level", &format!("{} in {}/{left_out}", level.level, level.group)]);
        }
        let written = summary.written;
        table.add_row([
            "written",
            &format!("{} in {} objects", bytes(written.bytes), grouped(written.objects)),
        ]);
    }
    if let (Some(copied), Some(to)) = (copied, &args.to) {
        let text = format!(
            "{to}: {} in {} objects of {} arrays",
            bytes(copied.written.bytes),
            grouped(copied.written.objects),
            grouped(copied.arrays)
        );
        table.add_row(["copy", &text]);
    }
    output::data(&table.to_string())
}
