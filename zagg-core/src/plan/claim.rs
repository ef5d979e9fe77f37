//! Who may write to a store: one run, which holds its lock, or the workers of one plan, to which it is given.
//!
//! Workers come and go on many machines, so that none of them can hold a lock for the others. Instead, `zagg plan` gives the
//! store to its plan by a record beside it, while it holds the lock. From then on runs, and other plans, are refused, whether
//! or not a worker lives; a worker looks that the store is its plan's before it begins. `zagg finalize --plan` takes it back
//! when it is complete, or when it is asked to.

use serde_json::{Value, json};

use super::checks::is_hash;
use crate::error::{Context, Error, Result};
use crate::records::pretty;
use crate::store::Store;

/// Name of the record that gives a store to the workers of a plan.
pub const CLAIM: &str = "workers.json";

/// Version of the form of the record.
const VERSION: u64 = 1;

/// The plan that a store is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// URI of the plan, for people.
    pub plan: String,
    /// Its [digest](super::WorkPlan::digest).
    pub digest: String,
}

impl Claim {
    /// The plan that a store is given to now, if it is.
    ///
    /// # Errors
    /// When the record cannot be read, or is damaged.
    pub fn of(store: &dyn Store) -> Result<Option<Self>> {
        let Some(bytes) = store.read_record(CLAIM)? else { return Ok(None) };
        parse(&bytes).context(|| format!("{CLAIM} beside store {}", store.location()))
    }

    /// Gives a store to this plan. Called by who holds its lock.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn give(&self, store: &dyn Store) -> Result<()> {
        write(store, &json!({"version": VERSION, "plan": self.plan, "digest": self.digest}))
    }

    /// Takes a store back from the workers of its plan. Called by who holds its lock.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn take_back(store: &dyn Store) -> Result<()> {
        match store.read_record(CLAIM)? {
            None => Ok(()),
            Some(_) => write(store, &json!({"version": VERSION, "plan": null})),
        }
    }
}

fn write(store: &dyn Store, record: &Value) -> Result<()> {
    store.write_record(CLAIM, pretty(record)?).map(|_| ())
}

fn parse(bytes: &[u8]) -> Result<Option<Claim>> {
    let damaged = || Error::corrupt("is damaged; remove it when no worker writes to the store");
    let record: Value = serde_json::from_slice(bytes).map_err(|_| damaged())?;
    if record["version"] != VERSION {
        return Err(damaged());
    }
    match (&record["plan"], &record["digest"]) {
        (Value::Null, _) => Ok(None),
        (Value::String(plan), Value::String(digest)) if is_hash(digest) => {
            Ok(Some(Claim { plan: plan.clone(), digest: digest.clone() }))
        }
        _ => Err(damaged()),
    }
}

/// Refuses a store that is given to the workers of a plan.
///
/// # Errors
/// Names the plan, and how the store is taken back.
pub fn refuse_claimed(store: &dyn Store) -> Result<()> {
    match Claim::of(store)? {
        None => Ok(()),
        Some(claim) => Err(Error::input(format!(
            "store {}: it is given to the workers of the plan {}; finish it with zagg worker and zagg finalize --plan, or \
             take it back with zagg finalize --plan {} --release when none of them is left",
            store.location(),
            claim.plan.escape_debug(),
            claim.plan.escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_says_is_checked() {
        let digest = "0".repeat(64);
        let given = format!("{{\"version\": 1, \"plan\": \"/a\", \"digest\": \"{digest}\"}}");
        assert_eq!(parse(given.as_bytes()).unwrap(), Some(Claim { plan: "/a".into(), digest }));
        assert_eq!(parse(b"{\"version\": 1, \"plan\": null}").unwrap(), None);
        for damaged in
            ["", "{}", "[]", "{\"version\": 2, \"plan\": null}", "{\"version\": 1, \"plan\": \"/a\"}"]
        {
            assert!(parse(damaged.as_bytes()).unwrap_err().to_string().contains("damaged"), "{damaged}");
        }
    }
}
