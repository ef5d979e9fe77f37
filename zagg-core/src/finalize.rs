//! Finalize: from the records of shards to the coarser levels and the state of the store.
//!
//! It is the only writer of blocks that shards share, reads nothing but what lies in the store and beside it, and gives the
//! same bytes whoever calls it and however often: a run does at its end, `zagg finalize` does at any time.

mod merged;
mod shared;

use std::collections::BTreeSet;

use crate::error::Result;
use crate::levels::Writer;
use crate::product::Product;
use crate::records::{self, ShardState};
use crate::side_by_side;
use crate::store::{Store, StoreState, Written};
use shared::SharedBlocks;

/// Records in memory at once.
const BATCH: usize = 64;

/// What finalize found and did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FinalizeSummary {
    /// State that the store has now.
    pub state: StoreState,
    /// Shards of the map, and for a full sphere those of earlier maps.
    pub shards: u64,
    /// Shards that are done.
    pub shards_done: u64,
    /// Labels of all others, each with the reason.
    pub shards_not_done: Vec<(String, String)>,
    /// The levels, finest first.
    pub levels: Vec<LevelSummary>,
    /// What was written of them.
    pub written: Written,
}

/// One level of the store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LevelSummary {
    /// Its number in `output.grid.levels`.
    pub level: u64,
    /// Name of its group.
    pub group: String,
    /// Variables that it lacks because their values do not follow from those of shards.
    pub left_out: Vec<String>,
}

/// Writes the levels that finalize makes, then the state and the consolidated metadata.
///
/// The store stays open while blocks are written. A shard that is not written counts as one without rows here, and makes the
/// store incomplete. So does one whose blocks are not those that its record names, where the store can tell that
/// ([`Store::stored`]): it reads them once.
///
/// # Errors
/// When a record of a shard that is done cannot be read or does not fit, or writing fails.
pub fn finalize(product: &Product, store: &dyn Store) -> Result<FinalizeSummary> {
    let summary = assemble(product, store, None)?;
    store.finalize(summary.state)?;
    Ok(summary)
}

/// All of [`finalize`] but its last step, which makes the state known to readers. Of shards whose labels are `known` the caller has
/// written the blocks, or looked at them; those of others are looked at only when all shards are done.
///
/// # Errors
/// As [`finalize`].
pub(crate) fn assemble(
    product: &Product,
    store: &dyn Store,
    known: Option<&BTreeSet<&str>>,
) -> Result<FinalizeSummary> {
    let shards = records::shards_of_store(product, store)?;
    let mut summary = FinalizeSummary {
        state: StoreState::Complete,
        shards: shards.len() as u64,
        shards_done: 0,
        shards_not_done: Vec::new(),
        levels: levels(product),
        written: Written::default(),
    };
    let needs_records = product.levels.iter().any(|level| level.writer != Writer::Tasks);
    let read = |&shard: &u64| records::read_shard((product, store), shard, needs_records, known.is_none());
    let mut blocks = SharedBlocks::new(product, &shards);
    let mut states = merged::Gathered::default();
    for batch in shards.chunks(BATCH) {
        for (&shard, found) in batch.iter().zip(side_by_side(batch, read)) {
            let (state, record) = found?;
            match &state {
                ShardState::Done => summary.shards_done += 1,
                _ => summary.shards_not_done.push((product.grid.shard_label(shard), state.reason())),
            }
            let mut record = record.unwrap_or_default();
            states.add(shard, std::mem::take(&mut record.states));
            summary.written += blocks.add(store, shard, record)?;
        }
    }
    summary.written += merged::write(product, store, &shards, &states)?;
    if let Some(known) = known.filter(|_| summary.shards_done == summary.shards) {
        let unknown: Vec<u64> = (shards.into_iter())
            .filter(|&shard| !known.contains(product.grid.shard_label(shard).as_str()))
            .collect();
        let read = |&shard: &u64| records::read_shard((product, store), shard, false, true);
        for (shard, found) in unknown.iter().zip(side_by_side(&unknown, read)) {
            let (state, _) = found?;
            if state != ShardState::Done {
                summary.shards_done -= 1;
                summary.shards_not_done.push((product.grid.shard_label(*shard), state.reason()));
            }
        }
    }
    if summary.shards_done < summary.shards {
        summary.state = StoreState::Incomplete;
    }
    Ok(summary)
}

/// What every level has.
pub(crate) fn levels(product: &Product) -> Vec<LevelSummary> {
    let left_out = |merges: bool| {
        let variables = product.program.variables().iter();
        variables.filter(|v| merges && v.form().is_none()).map(|v| v.name.clone()).collect()
    };
    product
        .levels
        .iter()
        .map(|level| LevelSummary {
            level: level.number,
            group: level.group.clone(),
            left_out: left_out(level.writer == Writer::Merge),
        })
        .collect()
}
