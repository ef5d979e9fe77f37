//! The plan beside a store: what a product is made from, so that it can be made again without the user's files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Product;
use crate::cells::CellRanges;
use crate::config::{HOW_READ, Layer, Layers, Pipeline};
use crate::error::{Context, Error, Result};
use crate::grid::Grid;
use crate::registry::Registry;
use crate::source::PointSource;

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
        let pipeline = pipeline_of(&plan, &Map::new())?;
        PlannedProduct::read(&plan, pipeline, registry)?.product(registry).map(|(product, _)| product)
    }
}

/// The pipeline of a plan, with what `data_source` says of how bytes are fetched laid over it.
///
/// # Errors
/// When the plan is of another version, or the pipeline is damaged.
pub(crate) fn pipeline_of(plan: &Value, how: &Map<String, Value>) -> Result<Pipeline> {
    if plan["version"] != VERSION {
        return Err(Error::unsupported(format!(
            "version {} is not known; it was made by another version of zagg",
            plan["version"]
        )));
    }
    let Value::Object(document) = &plan["pipeline"] else { return Err(damaged("pipeline")) };
    let mut document = document.clone();
    let Some(Value::Object(source)) = document.get_mut("data_source") else {
        return Err(damaged("data_source"));
    };
    for key in HOW_READ {
        source.shift_remove(key);
    }
    source.extend(
        how.iter().filter(|(key, _)| HOW_READ.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())),
    );
    let mut layers = Layers::default();
    layers.push(Layer::from_entries(PLAN, document));
    Pipeline::parse(&layers)
}

/// What a plan says that a product is made from, checked but for the hash of the pipeline.
pub(crate) struct PlannedProduct {
    /// The pipeline.
    pub(crate) pipeline: Pipeline,
    grid: Box<dyn Grid>,
    /// The shards with the numbers of their granules, in arrival order.
    pub(crate) shards: BTreeMap<u64, Vec<u32>>,
    /// Ids of the granules.
    pub(crate) granules: Vec<String>,
    areas: BTreeMap<u64, CellRanges>,
    hash: Value,
}

impl PlannedProduct {
    /// Reads the shards of a plan, whose pipeline [`pipeline_of`] gives.
    ///
    /// # Errors
    /// Names the entry that is damaged, or the grid that no plugin offers.
    pub(crate) fn read(plan: &Value, pipeline: Pipeline, registry: &Registry) -> Result<Self> {
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
        Ok(Self { pipeline, grid, shards, granules, areas, hash: plan["pipeline_hash"].clone() })
    }

    /// The product, and the source that its pipeline names.
    ///
    /// # Errors
    /// When the parts do not fit, or this program lacks a plugin.
    pub(crate) fn product(self, registry: &Registry) -> Result<(Product, Arc<dyn PointSource>)> {
        let (product, source) = Product::new(self.pipeline, self.grid, registry, self.shards, self.granules)?;
        let product = product.with_areas(self.areas)?;
        if self.hash != product.pipeline.hash() {
            return Err(Error::corrupt("its pipeline is not the one that its hash stands for"));
        }
        Ok((product, source))
    }
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!("the entry {what:?} is damaged"))
}
