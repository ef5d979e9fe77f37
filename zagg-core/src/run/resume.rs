//! Going on with a store: what is done, from inputs that have not changed, is not run again.

use super::{Run, Task};
use crate::error::{Error, Result};
use crate::records::{Standing, standings};

/// What [`Run::resume`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Labels of the shards that are done.
    pub skipped: Vec<String>,
    /// Labels of those that are to be made, each with the reason.
    pub redone: Vec<(String, String)>,
}

impl Run {
    /// What continuing makes of some tasks, from the records beside the store. Where granules lie is asked whether they are
    /// still the objects that were read, unless `trust_ids` takes the same ids for the same objects.
    ///
    /// # Errors
    /// When records cannot be fetched.
    pub fn standings(&self, tasks: &[Task], trust_ids: bool) -> Result<Vec<Standing>> {
        let shards: Vec<(u64, &[u32])> =
            tasks.iter().map(|task| (task.shard, task.granules.as_slice())).collect();
        let is_same = |number: u32, object: &_| self.granules.is_same(number, object);
        crate::caught(|| {
            standings(&self.product, &*self.store, &shards, (!trust_ids).then_some(&is_same as _))
        })
    }

    /// Leaves out the tasks whose shards are done from inputs that have not changed. Takes the store for this run, as
    /// [`Self::prepare`] does, which comes after this. Nothing is written.
    ///
    /// # Errors
    /// When another run holds the store or something else is in its place; when records cannot be fetched; and when it cannot
    /// be found out whether granules of shards that are done have changed.
    pub fn resume(&mut self, trust_ids: bool) -> Result<Resumed> {
        self.check_store(false)?;
        self.store.acquire()?;
        let resumed = self.leave_out_done(trust_ids);
        if resumed.is_err() {
            // The error is what the user needs to see.
            let _ = self.store.release();
        }
        resumed
    }

    /// As [`Self::resume`], without taking the store.
    ///
    /// # Errors
    /// As of [`Self::resume`].
    pub fn leave_out_done(&mut self, trust_ids: bool) -> Result<Resumed> {
        let standings = self.standings(&self.tasks, trust_ids)?;
        refuse_unknown(&standings)?;
        let mut resumed = Resumed::default();
        let mut tasks = Vec::new();
        for (task, standing) in std::mem::take(&mut self.tasks).into_iter().zip(standings) {
            let label = self.product.grid.shard_label(task.shard);
            match standing {
                Standing::Redo(reason) => {
                    resumed.redone.push((label, reason));
                    tasks.push(task);
                }
                Standing::Done | Standing::Unknown(_) => {
                    resumed.skipped.push(label);
                    self.granules.release(&task.granules);
                }
            }
        }
        self.tasks = tasks;
        self.skipped = resumed.skipped.len() as u64;
        self.left_out.clone_from(&resumed.skipped);
        Ok(resumed)
    }
}

/// Neither to make such shards again nor to leave them would be what was asked for.
fn refuse_unknown(standings: &[Standing]) -> Result<()> {
    let unknown: Vec<&Error> = standings
        .iter()
        .filter_map(|standing| match standing {
            Standing::Unknown(error) => Some(error),
            _ => None,
        })
        .collect();
    match unknown.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(
            first.kind(),
            format!(
                "{} shards are done, but whether their granules have changed cannot be found out from here: {first}; \
                 continue where granules can be reached, or take the same ids for the same granules with --trust-ids",
                unknown.len()
            ),
        )),
    }
}
