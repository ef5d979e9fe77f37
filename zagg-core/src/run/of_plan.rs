//! Runs of some tasks of a work plan, which share a store with the runs of other workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Run, RunOptions, Task, bound_memory, template};
use crate::error::{Context, Error, Result};
use crate::granule::Granule;
use crate::plan::{Claim, PlannedTask, WorkPlan};
use crate::product::Product;
use crate::registry::Registry;
use crate::source::OpenObject;
use crate::store::{Created, Store};

impl Run {
    /// A run of some tasks of a plan, in the order given. It holds no lock, writes no template and must not be finished as a
    /// run of a whole map is: an executor runs its tasks, and `zagg finalize` comes after all workers.
    ///
    /// Of `options`, what chooses shards has no meaning here; the driver goes before that of the plan.
    ///
    /// # Errors
    /// When the store has no finished template or that of another product, when tasks and product do not belong together, or
    /// this program lacks a plugin.
    pub fn of_plan(
        plan: &WorkPlan,
        tasks: Vec<PlannedTask>,
        registry: &Registry,
        opener: Arc<dyn OpenObject>,
        store: Arc<dyn Store>,
        options: &RunOptions,
    ) -> Result<Self> {
        crate::caught(|| {
            check_store(plan, &*store)?;
            assemble(plan, tasks, registry, opener, store, options)
        })
    }

    /// Makes the store ready for the workers of a plan and gives it to them: the template first, then `publish` writes the
    /// plan, and the claim is last. All of it under the lock of the store, and with the same end when it is repeated.
    ///
    /// A store that is given to this very plan already is left as it is, and `publish` is called all the same.
    ///
    /// # Errors
    /// When a run holds the store or it is given to another plan, when something else is in its place, or writing fails.
    pub fn give_to_workers(
        &self,
        overwrite: bool,
        claim: &Claim,
        publish: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Created> {
        self.store.acquire()?;
        let given = crate::caught(|| self.give(overwrite, claim, publish));
        let released = self.store.release();
        let created = given?;
        released?;
        Ok(created)
    }

    fn give(
        &self,
        overwrite: bool,
        claim: &Claim,
        publish: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Created> {
        let before = Claim::of(&*self.store)?;
        let is_ours = before.as_ref().is_some_and(|before| before.digest == claim.digest);
        if before.is_some() && (overwrite || !is_ours) {
            crate::plan::refuse_claimed(&*self.store)?;
        }
        let identity = self.product.identity();
        if is_ours && self.store.found()?.is_some_and(|found| found.template == identity) {
            publish()?;
            return Ok(Created::Existing);
        }
        let created = template::write(self, overwrite)?;
        publish()?;
        claim.give(&*self.store)?;
        Ok(created)
    }
}

/// Checks that the store of a plan is there and is the plan's.
fn check_store(plan: &WorkPlan, store: &dyn Store) -> Result<()> {
    let found = store.found()?.ok_or_else(|| {
        Error::not_found(format!(
            "store {}: there is no template yet; run zagg plan first, and workers when it has ended",
            store.location()
        ))
    })?;
    if found.template != plan.identity {
        return Err(Error::input(format!(
            "store {}: it was made by another pipeline, grid or shard map than the plan; plan again",
            store.location()
        )));
    }
    Ok(())
}

fn assemble(
    plan: &WorkPlan,
    tasks: Vec<PlannedTask>,
    registry: &Registry,
    opener: Arc<dyn OpenObject>,
    store: Arc<dyn Store>,
    options: &RunOptions,
) -> Result<Run> {
    let mut planned = plan.planned_product(registry).context(|| "the plan")?;
    bound_memory(&mut planned.pipeline, options)?;
    let by_shard = planned.shards.clone();
    let ids = planned.granules.clone();
    let (product, source) = planned.product(registry).context(|| "the plan")?;
    if product.identity() != plan.identity {
        return Err(Error::corrupt(
            "the plan: its product is not the one that its identity stands for; plan again",
        ));
    }
    let (tasks, granules) = fit(&product, &by_shard, &ids, tasks).context(|| "the plan")?;
    let options = RunOptions { driver: options.driver.or(Some(plan.driver)), ..options.clone() };
    Run::of_tasks((product, source), (granules, &by_shard), tasks, opener, store, &options)
}

/// The tasks by the numbers of the product, and all its granules: those of the tasks with their addresses.
fn fit(
    product: &Product,
    by_shard: &BTreeMap<u64, Vec<u32>>,
    ids: &[String],
    planned: Vec<PlannedTask>,
) -> Result<(Vec<Task>, Vec<Granule>)> {
    let mut granules: Vec<Granule> =
        ids.iter().map(|id| Granule { id: id.clone(), ..Granule::default() }).collect();
    let mut known = BTreeSet::new();
    let mut tasks = Vec::with_capacity(planned.len());
    let mut shards = BTreeSet::new();
    for task in planned {
        task.check()?;
        let other =
            |what: &str| Error::corrupt(format!("task {} (shard {}): {what}", task.index, task.shard));
        let shard = product.grid.shard_from_label(&task.shard).map_err(|error| other(error.message()))?;
        // Records go by the label, of which there is one.
        if product.grid.shard_label(shard) != task.shard {
            return Err(other("its shard is spelled in another way than the grid does"));
        }
        let numbers = by_shard.get(&shard).ok_or_else(|| other("the product has no such shard"))?;
        if !task.granules.iter().map(|granule| &granule.id).eq(product.granules_of(shard)) {
            return Err(other("its granules are not those that the product lists"));
        }
        if !shards.insert(shard) {
            return Err(other("the shard stands twice"));
        }
        for (&number, granule) in numbers.iter().zip(task.granules) {
            let slot = &mut granules[number as usize];
            if !known.insert(number) && *slot != granule {
                return Err(Error::corrupt(format!("granule {} stands there in two ways", granule.id)));
            }
            *slot = granule;
        }
        tasks.push(Task { shard, granules: numbers.clone() });
    }
    Ok((tasks, granules))
}
