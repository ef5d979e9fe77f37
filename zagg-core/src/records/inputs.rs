//! Whether a shard is done, and made from the very objects that its task would read now: what a run that continues skips.

use std::collections::BTreeMap;

use serde_json::Value;

use super::state::state_of;
use super::{OTHER_BLOCKS, ShardState, has_its_blocks, level_bytes, read_record, shard_name};
use crate::error::{Error, Result};
use crate::levels::Writer;
use crate::product::Product;
use crate::side_by_side;
use crate::source::ObjectIdentity;
use crate::store::Store;

/// What continuing makes of a shard.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is done, and nothing that it was made from has changed.
    Done,
    /// It has to be made: why.
    Redo(String),
    /// It is done, but whether its granules are still the same objects cannot be found out.
    Unknown(Error),
}

/// The objects that a shard was made from, in the order of its granules, when its record says that it is done, with the
/// pipeline and the granules that the product has; otherwise why it has to be made.
///
/// What the task wrote is looked at as well, where the store can tell ([`Store::stored`]): after a power cut a record may have
/// reached the disk and a block may not.
///
/// # Errors
/// When the record or what belongs to it cannot be fetched.
pub fn made_from(
    product: &Product,
    store: &dyn Store,
    shard: u64,
) -> Result<std::result::Result<Vec<ObjectIdentity>, String>> {
    let label = product.grid.shard_label(shard);
    let record = read_record(store, &shard_name(&label))?;
    let state = state_of(product, shard, &record);
    if state != ShardState::Done {
        return Ok(Err(state.reason()));
    }
    let redo = |reason: &str| Ok(Err(reason.to_string()));
    let Some(objects) = objects(&record["objects"], product.granules_of(shard).count()) else {
        return redo("its record does not say which objects were read");
    };
    if !has_its_blocks((product, store), shard, &record)? {
        return redo(OTHER_BLOCKS);
    }
    if product.levels.iter().any(|level| level.writer != Writer::Tasks) {
        match level_bytes(store, &label, &record) {
            Ok(_) => {}
            Err(error) if error.may_pass() => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Ok(objects))
}

fn objects(value: &Value, granules: usize) -> Option<Vec<ObjectIdentity>> {
    // `null` stands for one that was not opened; a done shard has none of those.
    let objects: Vec<ObjectIdentity> = serde_json::from_value(value.clone()).ok()?;
    (objects.len() == granules).then_some(objects)
}

/// Tells whether the granule of a number is still the object that a record names, or why that cannot be told.
pub(crate) type IsSame<'a> = dyn Fn(u32, &ObjectIdentity) -> Result<bool> + Sync + 'a;

/// Whether shards are done with unchanged inputs, each given with the numbers of its granules. `is_same` tells whether the
/// granule of a number is still that object, or why it cannot be told; it is asked side by side, once for every object of a
/// shard that is done otherwise. Without it the ids of the granules are enough.
///
/// # Errors
/// As [`made_from`], of the first shard that fails.
pub fn standings(
    product: &Product,
    store: &dyn Store,
    shards: &[(u64, &[u32])],
    is_same: Option<&IsSame<'_>>,
) -> Result<Vec<Standing>> {
    let made: Vec<_> = side_by_side(shards, |&(shard, _)| made_from(product, store, shard));
    let made = made.into_iter().collect::<Result<Vec<_>>>()?;
    let mut answers: BTreeMap<(u32, u64, Option<String>), Option<Result<bool>>> = BTreeMap::new();
    let key = |number: u32, object: &ObjectIdentity| (number, object.size, object.etag.clone());
    if let Some(is_same) = is_same {
        let mut wanted: Vec<(u32, ObjectIdentity)> = Vec::new();
        for (made, (_, numbers)) in made.iter().zip(shards) {
            for (object, &number) in made.iter().flatten().zip(*numbers) {
                if answers.insert(key(number, object), None).is_none() {
                    wanted.push((number, object.clone()));
                }
            }
        }
        let found = side_by_side(&wanted, |(number, object)| is_same(*number, object));
        for ((number, object), found) in wanted.iter().zip(found) {
            answers.insert(key(*number, object), Some(found));
        }
    }
    let ids = |shard| product.granules_of(shard);
    let mut standings = Vec::with_capacity(shards.len());
    for (made, &(shard, numbers)) in made.into_iter().zip(shards) {
        standings.push(match made {
            Err(reason) => Standing::Redo(reason),
            Ok(objects) => {
                let answer = |(object, &number): (&ObjectIdentity, &u32)| {
                    answers.get(&key(number, object)).cloned().flatten()
                };
                let answers: Vec<_> = objects.iter().zip(numbers).map(answer).collect();
                let changed = answers.iter().position(|answer| *answer == Some(Ok(false)));
                match (
                    changed.and_then(|at| ids(shard).nth(at)),
                    answers.into_iter().flatten().find_map(Result::err),
                ) {
                    (Some(id), _) => Standing::Redo(format!("granule {id} has changed")),
                    (None, Some(error)) => Standing::Unknown(error),
                    (None, None) => Standing::Done,
                }
            }
        });
    }
    Ok(standings)
}
