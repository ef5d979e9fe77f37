//! The tasks of a plan, in blocks and as items.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{MAX_BLOCK, WorkPlan};
use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::run::{Run, Task};

/// Tasks in each block but the last, where they do not list an extraordinary number of granules.
pub const TASKS_PER_BLOCK: u64 = 256;

/// Most granules that the tasks of a block list together, each counted in every task.
const MAX_PAIRS: usize = 1 << 20;

/// Longest label of a shard that is believed.
const MAX_LABEL: usize = 200;

/// One task of a plan, with all that a worker must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTask {
    /// Its index among the tasks of the plan, from 0.
    pub index: u64,
    /// The shard, by its label for people.
    pub shard: String,
    /// Its granules, in arrival order.
    pub granules: Vec<Granule>,
}

impl PlannedTask {
    /// The task of a run that gets this index.
    pub(super) fn of(run: &Run, index: u64, task: &Task) -> Self {
        Self {
            index,
            shard: run.product.grid.shard_label(task.shard),
            granules: task.granules.iter().map(|&number| run.granules.granule(number).clone()).collect(),
        }
    }

    /// Checks what can be said without the product.
    pub(crate) fn check(&self) -> Result<()> {
        let plain = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && !text.contains(char::is_control)
        };
        if !plain(&self.shard, MAX_LABEL) {
            return Err(Error::corrupt(format!("task {}: its shard has no label of a shard", self.index)));
        }
        if !self.granules.iter().all(|granule| plain(&granule.id, 1000)) {
            return Err(Error::corrupt(format!("task {}: the id of a granule is damaged", self.index)));
        }
        Ok(())
    }
}

/// Name of a block of tasks under the URI of its plan.
pub fn block_name(number: usize) -> String {
    format!("tasks/{number:06}.json")
}

/// A block as it is stored: its granules once, which the tasks name by their places.
#[derive(Debug, Serialize, Deserialize)]
struct Block {
    granules: Vec<Granule>,
    tasks: Vec<Listed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    index: u64,
    shard: String,
    granules: Vec<u32>,
}

/// The blocks of some tasks, as they are stored, and how many tasks each but the last has.
pub(super) fn write(tasks: &[PlannedTask]) -> Result<(u64, Vec<Vec<u8>>)> {
    let mut size = TASKS_PER_BLOCK as usize;
    let pairs = |tasks: &[PlannedTask]| tasks.iter().map(|task| task.granules.len()).sum::<usize>();
    while size > 1 && tasks.chunks(size).any(|block| pairs(block) > MAX_PAIRS) {
        size /= 2;
    }
    if let Some(task) = tasks.iter().find(|task| task.granules.len() > MAX_PAIRS) {
        return Err(Error::unsupported(format!(
            "shard {} lists {} granules, more than the {MAX_PAIRS} that a plan can hold; choose smaller shards",
            task.shard,
            task.granules.len()
        )));
    }
    let blocks: Result<Vec<Vec<u8>>> = tasks.chunks(size).map(block_of).collect();
    Ok((size as u64, blocks?))
}

fn block_of(tasks: &[PlannedTask]) -> Result<Vec<u8>> {
    let mut granules: Vec<Granule> = Vec::new();
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let mut listed = Vec::with_capacity(tasks.len());
    for task in tasks {
        let numbers = task.granules.iter().map(|granule| {
            *places.entry(&granule.id).or_insert_with(|| {
                granules.push(granule.clone());
                // Pairs are bounded, and granules with them.
                (granules.len() - 1) as u32
            })
        });
        let numbers = numbers.collect();
        listed.push(Listed { index: task.index, shard: task.shard.clone(), granules: numbers });
    }
    let bytes = to_line(&Block { granules, tasks: listed })?;
    if bytes.len() as u64 > MAX_BLOCK {
        return Err(Error::unsupported(format!(
            "a block of {} tasks has {} bytes, more than a plan can hold; choose smaller shards",
            tasks.len(),
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// The tasks of a block of a plan.
pub(super) fn read(plan: &WorkPlan, number: usize, bytes: &[u8]) -> Result<Vec<PlannedTask>> {
    let wanted = plan.blocks.get(number).ok_or_else(|| Error::input("the plan has no such block"))?;
    if crate::hash::sha256_hex(bytes) != *wanted {
        return Err(Error::corrupt("is not the block that belongs to the plan; plan again"));
    }
    let block: Block =
        serde_json::from_slice(bytes).map_err(|error| Error::corrupt(format!("is damaged: {error}")))?;
    let first = number as u64 * plan.tasks_per_block;
    let expected = plan.tasks_per_block.min(plan.tasks - first.min(plan.tasks));
    if block.tasks.len() as u64 != expected
        || !(first..).zip(&block.tasks).all(|(index, task)| task.index == index)
    {
        return Err(Error::corrupt(format!("does not hold the {expected} tasks from {first} on")));
    }
    // A place takes two bytes here and a granule some hundred in memory.
    if block.tasks.iter().map(|task| task.granules.len()).sum::<usize>() > MAX_PAIRS {
        return Err(Error::corrupt(format!("lists more than {MAX_PAIRS} granules")));
    }
    let task = |listed: Listed| {
        let granule = |&at: &u32| block.granules.get(at as usize).cloned();
        let granules: Option<Vec<Granule>> = listed.granules.iter().map(granule).collect();
        let granules = granules.ok_or_else(|| {
            Error::corrupt(format!("task {}: lists a granule that is not there", listed.index))
        })?;
        let task = PlannedTask { index: listed.index, shard: listed.shard, granules };
        task.check()?;
        Ok(task)
    };
    block.tasks.into_iter().map(task).collect()
}

/// The array that a Distributed Map of AWS Step Functions reads: of each task the URI of the plan, its index and its shard,
/// those with the most granules first.
///
/// # Errors
/// Never in practice: text and numbers are JSON.
pub fn items(uri: &str, tasks: &[PlannedTask]) -> Result<Vec<u8>> {
    let mut largest: Vec<&PlannedTask> = tasks.iter().collect();
    largest.sort_by_key(|task| (std::cmp::Reverse(task.granules.len()), task.index));
    let items: Vec<Value> = largest
        .into_iter()
        .map(|task| json!({"plan": uri, "index": task.index, "shard": task.shard}))
        .collect();
    to_line(&items)
}

fn to_line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| Error::io(format!("a plan: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}
