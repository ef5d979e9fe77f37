//! Who keeps other writers away from the store while a worker writes.

use zagg_core::plan::Claim;
use zagg_core::store::{Store, StoreState};
use zagg_core::{Error, Result};

/// Who keeps other writers away from the store while a worker writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// The plan: the store must be given to it ([`zagg_core::plan::Claim`]).
    #[default]
    Plan,
    /// A run that dispatches tasks and holds the lock of the store meanwhile.
    Run,
}

/// Whether the workers of a plan may write to the store.
///
/// # Errors
/// When it is given to another plan, or that cannot be found out.
pub(crate) fn is_ours(store: &dyn Store, digest: &str, ownership: Ownership) -> Result<bool> {
    if ownership == Ownership::Run {
        return Ok(true);
    }
    match Claim::of(store)? {
        None => Ok(false),
        Some(claim) if claim.digest == digest => Ok(true),
        Some(claim) => Err(Error::input(format!(
            "store {}: it is given to the workers of another plan, {}",
            store.location(),
            claim.plan.escape_debug()
        ))),
    }
}

/// Refuses a store that was taken back from the plan since the worker began, or whose run has ended.
///
/// # Errors
/// When it was, or that cannot be found out.
pub(crate) fn may_write(store: &dyn Store, digest: &str, ownership: Ownership) -> Result<()> {
    let refused = |why: &str| Err(Error::input(format!("store {}: {why}", store.location())));
    if ownership == Ownership::Run {
        return match store.found()? {
            Some(found) if found.state == StoreState::Open => Ok(()),
            _ => refused("the run that sent this task has ended; nothing was written"),
        };
    }
    match is_ours(store, digest, ownership)? {
        true => Ok(()),
        false => refused("it was taken back from the workers of this plan meanwhile"),
    }
}
