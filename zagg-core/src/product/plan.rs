//! The plan beside a store: what a product is made from, so that it can be made again without the user's files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Product;
use crate::config::{Layer, Layers, Pipeline};
use crate::error::{Context, Error, Result};
use crate::registry::Registry;

/// Name of the plan beside a store.
pub const PLAN: &str = "plan.json";

/// Entry of the plan for the cells of each shard that lie in the area of interest.
const AREAS: &str = "areas";

/// Version of the form of the plan.
const VERSION: u64 = 1;

impl Product {
    /// The plan: the pipeline, and the shards with their granules.
    pub fn plan(&self) -> Value {
        let shards: Map<String, Value> = self
            .shards
            .iter()
            .zip(&self.arrivals)
            .map(|(&shard, numbers)| (self.grid.shard_label(shard), numbers.clone().into()))
            .collect();
        let mut pipeline = self.pipeline.document();
        // A derived column builds on those before it: their order counts, though the hash knows nothing of it.
        if let Some(derived) = self.pipeline.data_source.options.get("derived") {
            pipeline["data_source"]["derived"] = derived.clone();
        }
        let mut plan = json!({
            "version": VERSION,
            "pipeline": pipeline,
            "pipeline_hash": self.pipeline.hash(),
            "grid_signature": self.grid.signature(),
            "granules": self.granules,
            "shards": shards,
        });
        if let Some(areas) = self.planned_areas() {
            plan[AREAS] = Value::Object(areas);
        }
        plan
    }

    /// The product of a plan. The plan may be damaged or made up: it is checked as the user's own files are.
    ///
    /// # Errors
    /// Says what is wrong with the plan, or what this program lacks to follow it: a plugin that is not there.
    pub fn from_plan(bytes: &[u8], registry: &Registry) -> Result<Self> {
        crate::caught(|| Self::read_plan(bytes, registry)).context(|| format!("{PLAN} beside the store"))
    }

    fn read_plan(bytes: &[u8], registry: &Registry) -> Result<Self> {
        let plan: Value =
            serde_json::from_slice(bytes).map_err(|error| Error::corrupt(format!("is no JSON: {error}")))?;
        if plan["version"] != VERSION {
            return Err(Error::unsupported(format!(
                "version {} is not known; it was made by another version of zagg",
                plan["version"]
            )));
        }
        let Value::Object(document) = &plan["pipeline"] else { return Err(damaged("pipeline")) };
        let mut layers = Layers::default();
        layers.push(Layer::from_entries(PLAN, document.clone()));
        let pipeline = Pipeline::parse(&layers)?;
        let grid = registry.grid(&pipeline.output.grid_type, &pipeline.output.grid)?;
        let names = plan["granules"].as_array().ok_or_else(|| damaged("granules"))?;
        let granules = names
            .iter()
            .map(|id| id.as_str().map(str::to_string).ok_or_else(|| damaged("granules")))
            .collect::<Result<Vec<_>>>()?;
        let mut shards = BTreeMap::new();
        for (label, numbers) in plan["shards"].as_object().ok_or_else(|| damaged("shards"))? {
            let numbers = numbers.as_array().ok_or_else(|| damaged(label))?;
            let numbers = numbers
                .iter()
                .map(|n| n.as_u64().and_then(|n| u32::try_from(n).ok()))
                .map(|n| n.filter(|&n| (n as usize) < granules.len()).ok_or_else(|| damaged(label)))
                .collect::<Result<Vec<u32>>>()?;
            shards.insert(grid.shard_from_label(label)?, numbers);
        }
        let mut areas = BTreeMap::new();
        if pipeline.output.needs_area() {
            for (label, cells) in plan[AREAS].as_object().ok_or_else(|| damaged(AREAS))? {
                let cells =
                    cells.as_str().and_then(|cells| cells.parse().ok()).ok_or_else(|| damaged(AREAS))?;
                areas.insert(grid.shard_from_label(label)?, cells);
            }
        }
        let (product, _) = Self::new(pipeline, grid, registry, shards, granules)?;
        let product = product.with_areas(areas)?;
        if plan["pipeline_hash"] != product.pipeline.hash() {
            return Err(Error::corrupt("its pipeline is not the one that its hash stands for"));
        }
        Ok(product)
    }
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!("the entry {what:?} is damaged"))
}
