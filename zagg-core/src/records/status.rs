//! How the shards of a store are, for people.

use serde_json::Value;

use super::state::state_of;
use super::{ShardState, read_record, shard_name};
use crate::error::Result;
use crate::product::Product;
use crate::report::Hole;
use crate::side_by_side;
use crate::store::Store;

/// How one shard is.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardStatus {
    /// Its label.
    pub label: String,
    /// What its record says.
    pub state: ShardState,
    /// What could not be read, for a shard that is incomplete.
    pub holes: Vec<Hole>,
    /// Whether what it lacks is likely to be there later.
    pub temporary: bool,
}

/// How shards are, in their order, as their records say. Nothing is written.
///
/// # Errors
/// When a record cannot be fetched.
pub fn statuses(product: &Product, store: &dyn Store, shards: &[u64]) -> Result<Vec<ShardStatus>> {
    let one = |&shard: &u64| {
        let label = product.grid.shard_label(shard);
        let record = read_record(store, &shard_name(&label))?;
        let state = state_of(product, shard, &record);
        let holes = match state {
            ShardState::Incomplete(_) => holes(&record["holes"]),
            _ => Vec::new(),
        };
        let is_lacking = !matches!(state, ShardState::Done | ShardState::Outdated);
        Ok(ShardStatus { label, state, holes, temporary: is_lacking && record["temporary"] == true })
    };
    side_by_side(shards, one).into_iter().collect()
}

fn holes(value: &Value) -> Vec<Hole> {
    let holes = value.as_array().into_iter().flatten();
    holes.filter_map(|hole| serde_json::from_value(hole.clone()).ok()).collect()
}
