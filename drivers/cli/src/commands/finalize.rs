//! `zagg finalize`: coarser levels and state of a store, from what its shards left beside it.

use serde_json::json;
use zagg_core::finalize::{FinalizeSummary, finalize};
use zagg_core::product::{PLAN, Product};
use zagg_core::records::{ShardState, shard_state, shards_of_store};
use zagg_core::store::{Store, StoreState};
use zagg_core::{Error, ErrorKind, Result};
use zagg_zarr::{Rechunk, Rechunked, ZarrStore};

use super::validate::open;
use crate::args::{FinalizeArgs, Format};
use crate::failure::{Failure, INCOMPLETE, TEMPORARY};
use crate::output::{self, bytes, grouped};
use crate::{builtin, summary};

pub(crate) fn run(args: &FinalizeArgs) -> Result<u8, Failure> {
    let keys = args.output_creds.as_deref();
    let store = open(&args.store, keys)?;
    let copy = match (&args.rechunk, &args.to) {
        (Some(how), Some(to)) => Some((how, open(to, keys)?)),
        _ => None,
    };
    let found = store.inspect()?;
    let finalized = match store.read_record(PLAN)? {
        Some(plan) => Some(finalized(&store, &plan, &found.template)?),
        // A store that was given away is finished as it is: only a copy can be made of it.
        None if copy.is_some() && found.state != StoreState::Open => None,
        None => {
            return Err(Error::not_found(format!(
                "store {}: there is no {PLAN} beside it, which says what it should hold; run its shard map again",
                args.store
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
    print(args, state, finalized.as_ref(), copied.as_ref())?;
    Ok(if state == StoreState::Complete { 0 } else { INCOMPLETE })
}

/// Finalizes from the plan beside the store, which is checked before anything is changed.
fn finalized(store: &ZarrStore, plan: &[u8], template: &str) -> Result<FinalizeSummary, Failure> {
    let product = Product::from_plan(plan, &builtin::registry()?)?;
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
    let outcome = zagg_core::caught(|| {
        let missing = |shard: &u64| shard_state(&product, store, *shard) == ShardState::Missing;
        if shards_of_store(&product, store)?.iter().all(missing) {
            return Err(Error::not_found(format!(
                "store {}: there are no records of shards beside it; nothing was changed, run its shard map first",
                store.location()
            )));
        }
        // Whoever opens it meanwhile, or after this was cut off, sees that it is not finished.
        store.finalize(StoreState::Open)?;
        finalize(&product, store)
    });
    let released = store.release();
    let summary = outcome.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::from(error),
        _ => Failure::of_run(&error),
    })?;
    released?;
    Ok(summary)
}

fn rechunk(store: &ZarrStore, to: &ZarrStore, how: &Rechunk, overwrite: bool) -> Result<Rechunked, Failure> {
    store.rechunk(to, how, overwrite).map_err(Failure::from)
}

fn print(
    args: &FinalizeArgs,
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
        let mut all = json!({"store": args.store, "state": state});
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
    table.add_row(["store", &format!("{} ({})", args.store, state.name())]);
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
