//! The area of interest of a product: an array of the store, or a border that rows are dropped beyond.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Product;
use crate::cells::CellRanges;
use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::levels::Level;
use crate::store::ArraySpec;

/// Name of the array that says of every leaf cell whether it lies in the area of interest, as the original has it.
pub const AOI_MASK: &str = "aoi_mask";

impl Product {
    /// The same product with the cells of each shard that lie in the area of interest. A pipeline that does not need them goes
    /// without.
    ///
    /// # Errors
    /// When they do not fit the shards, or an array of the pipeline or the grid has the name of the mask.
    pub(crate) fn with_areas(mut self, areas: BTreeMap<u64, CellRanges>) -> Result<Self> {
        if !self.pipeline.output.needs_area() {
            return Ok(self);
        }
        let leaf = self.grid.leaf_level();
        let cells = self.grid.layout(leaf).cells_per_shard();
        let fits = |(shard, area): (&u64, &CellRanges)| {
            self.shards.binary_search(shard).is_ok() && u64::from(area.end()) <= cells
        };
        if areas.len() != self.shards.len() || !areas.iter().all(fits) {
            return Err(Error::input(
                "the area of interest does not fit the shards; build the shard map again",
            ));
        }
        let mut names = self.program.variables().iter().map(|variable| variable.name.as_str());
        let coordinates = self.grid.coordinates(leaf);
        let is_taken = names.any(|name| name == AOI_MASK) || coordinates.iter().any(|c| c.name == AOI_MASK);
        if self.pipeline.output.aoi_mask && is_taken {
            return Err(Error::input(format!(
                "output.aoi_mask makes an array {AOI_MASK}, which the store has already; give the variable another name"
            )));
        }
        self.areas = Some(areas.into_values().collect());
        Ok(self)
    }

    /// The cells of a shard that lie in the area of interest, when the pipeline needs to know.
    pub fn area_of(&self, shard: u64) -> Option<&CellRanges> {
        self.areas.as_ref()?.get(self.shards.binary_search(&shard).ok()?)
    }

    /// The cells of a shard whose rows are kept; none when all are.
    pub(crate) fn clip_of(&self, shard: u64) -> Option<&CellRanges> {
        self.area_of(shard).filter(|_| self.pipeline.output.clip)
    }

    /// Whether a level has the array [`AOI_MASK`]: only the leaf level, because a coarser cell may lie on both sides.
    pub fn has_mask(&self, level: &Level) -> bool {
        self.pipeline.output.aoi_mask && level.level == self.grid.leaf_level()
    }

    /// The values of a shard in the array [`AOI_MASK`] of a level, where the level has it.
    pub fn mask_of(&self, level: &Level, shard: u64) -> Option<Values> {
        let area = self.area_of(shard).filter(|_| self.has_mask(level))?;
        Some(Values::Bool(area.flags(level.layout.cells_per_shard() as usize)))
    }

    /// The array [`AOI_MASK`] of the leaf level.
    pub(crate) fn mask_array(&self, level: &Level, shape: &[u64], shared: Map<String, Value>) -> ArraySpec {
        let mut attributes = Map::new();
        attributes.insert("long_name".into(), "cell lies in the area of interest".into());
        attributes.insert("flag_values".into(), json!([0, 1]));
        attributes.insert("flag_meanings".into(), "outside inside".into());
        attributes.extend(shared);
        ArraySpec {
            name: AOI_MASK.into(),
            dtype: DType::Bool,
            // What no shard has written lies outside.
            fill: Values::Bool(vec![false]),
            ragged: None,
            dimensions: level.layout.dimensions.clone(),
            shape: shape.to_vec(),
            block_shape: level.block_shape.clone(),
            chunk_shape: level.chunk_shape.clone(),
            compression: self.pipeline.output.compression,
            attributes,
            content: None,
        }
    }

    /// The areas of all shards by label, for the plan.
    pub(super) fn planned_areas(&self) -> Option<Map<String, Value>> {
        let areas = self.areas.as_ref()?;
        let entry =
            |(&shard, area): (&u64, &CellRanges)| (self.grid.shard_label(shard), area.to_string().into());
        Some(self.shards.iter().zip(areas).map(entry).collect())
    }
}
