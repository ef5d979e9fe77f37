//! What a store holds: the grid, the variables, the levels and the shards of one product, however its rows are read.
//!
//! A run makes one from pipeline and shard map; finalize makes the same again from the plan beside the store.

mod area;
mod plan;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use crate::cells::CellRanges;
use crate::config::{Layout, Pipeline};
use crate::error::{Context, Error, Result};
use crate::grid::Grid;
use crate::levels::{Level, Writer, levels};
use crate::program::Program;
use crate::registry::Registry;
use crate::source::PointSource;
use crate::store::BlockPlace;

pub use area::AOI_MASK;
pub use plan::PLAN;
pub(crate) use plan::{PlannedProduct, pipeline_of};

/// Cells of a compact store up to which its coordinates are written with the template; above, tasks write their own part.
const MAX_CELLS_BEFOREHAND: u64 = 100_000_000;

/// Grid, variables, levels and shards of a store.
pub struct Product {
    /// The checked pipeline.
    pub pipeline: Pipeline,
    /// The grid.
    pub grid: Box<dyn Grid>,
    /// Filters and variables.
    pub program: Program,
    /// The levels, finest first: the first is that of the cells themselves.
    pub levels: Vec<Level>,
    /// Every shard of the map, ascending: the order of a compact store.
    pub shards: Vec<u64>,
    /// Ids of the granules.
    granules: Vec<String>,
    /// Numbers of the granules of each of [`Self::shards`], in arrival order.
    arrivals: Vec<Vec<u32>>,
    /// The cells in the area of interest of each of [`Self::shards`], for pipelines that need to know.
    areas: Option<Vec<CellRanges>>,
    /// For each level coarser than the shards, its cells in a compact store, ascending.
    merged_cells: BTreeMap<u32, Vec<u64>>,
    /// What [`Self::identity`] gives, from the first time on: it takes all shards to tell, and every task asks.
    identity: OnceLock<String>,
}

/// When a coordinate with a value per cell is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordinateWriter {
    /// Together with the template.
    Template,
    /// As the arrays of its level.
    WithLevel,
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Product({} shards of {:?})", self.shards.len(), self.grid)
    }
}

impl Product {
    /// Brings pipeline, grid and shards together. `shards` are the shards of the map with the numbers of their granules, in
    /// arrival order; `granules` are the ids those numbers stand for.
    ///
    /// # Errors
    /// When the parts do not fit: unknown names, levels that the grid does not have, no shards.
    pub fn new(
        mut pipeline: Pipeline,
        grid: Box<dyn Grid>,
        registry: &Registry,
        shards: BTreeMap<u64, Vec<u32>>,
        granules: Vec<String>,
    ) -> Result<(Self, Arc<dyn PointSource>)> {
        // Two spellings of one source are one pipeline.
        if let Ok(name) = registry.source_name(&pipeline.data_source.reader) {
            pipeline.data_source.reader = name.to_string();
        }
        let source = registry
            .source(&pipeline.data_source.reader, &pipeline.data_source.options)
            .map_err(|error| pipeline.locate(error.context("data_source")))?;
        let program = Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, registry)
            .map_err(|error| pipeline.locate(error))?;
        let levels = levels(&*grid, &pipeline.output.levels).map_err(|error| pipeline.locate(error))?;
        if shards.is_empty() {
            return Err(Error::input("the shard map lists no shards; nothing would be done"));
        }
        let (shards, arrivals): (Vec<u64>, Vec<Vec<u32>>) = shards.into_iter().unzip();
        let mut product = Self {
            pipeline,
            grid,
            program,
            levels: Vec::new(),
            shards,
            granules,
            arrivals,
            areas: None,
            merged_cells: BTreeMap::new(),
            identity: OnceLock::new(),
        };
        for level in levels.iter().filter(|level| level.writer == Writer::Merge) {
            let mut cells = product.parents_of_shards(&product.shards, level.level);
            cells.sort_unstable();
            cells.dedup();
            product.merged_cells.insert(level.level, cells);
        }
        product.levels = levels
            .into_iter()
            .map(|level| {
                let shape = product.shape(&level);
                level.within(&shape)
            })
            .collect();
        Ok((product, Arc::from(source)))
    }

    /// Ids of the granules that a shard lists, in arrival order.
    pub fn granules_of(&self, shard: u64) -> impl Iterator<Item = &str> {
        let numbers = self.shards.binary_search(&shard).map_or(&[][..], |at| &self.arrivals[at]);
        numbers.iter().filter_map(|&number| self.granules.get(number as usize)).map(String::as_str)
    }

    /// Whether shards stand side by side.
    pub fn is_compact(&self) -> bool {
        self.pipeline.output.layout == Layout::Compact && self.grid.layout(self.grid.leaf_level()).compactable
    }

    /// Elements along each dimension of the arrays of a level.
    pub fn shape(&self, level: &Level) -> Vec<u64> {
        match (self.is_compact(), level.writer) {
            (false, _) => level.layout.full_shape.clone(),
            (true, Writer::Merge) => vec![self.merged_cells.get(&level.level).map_or(0, Vec::len) as u64],
            (true, _) => {
                vec![(self.shards.len() as u64).saturating_mul(level.layout.cells_per_shard())]
            }
        }
    }

    /// Position of a shard along each dimension, counted in shards, at a level that shards have cells of.
    pub fn position(&self, shard: u64) -> Vec<u64> {
        if self.is_compact() {
            vec![self.shards.binary_search(&shard).unwrap_or_default() as u64]
        } else {
            self.grid.shard_index(shard)
        }
    }

    /// The cells of a level coarser than the shards that hold the given shards, one for each.
    pub fn parents_of_shards(&self, shards: &[u64], level: u32) -> Vec<u64> {
        let mut parents = vec![0; shards.len()];
        self.grid.parents_of_shards(shards, level, &mut parents);
        parents
    }

    /// Place of a cell of a level coarser than the shards in the arrays of that level; `None` when it has none.
    pub fn merged_place(&self, level: &Level, cell: u64) -> Option<u64> {
        if self.is_compact() {
            self.merged_cells.get(&level.level)?.binary_search(&cell).ok().map(|at| at as u64)
        } else {
            let mut place = [0];
            self.grid.places(level.level, &[cell], &mut place);
            (place[0] < level.layout.cells_per_full()).then_some(place[0])
        }
    }

    /// The cells of a level coarser than the shards, in the order of a compact store.
    pub fn merged_cells(&self, level: &Level) -> &[u64] {
        self.merged_cells.get(&level.level).map_or(&[], Vec::as_slice)
    }

    /// When coordinates with a value per cell are written.
    pub(crate) fn coordinate_writer(&self) -> CoordinateWriter {
        let cells = self.levels.first().map_or(0, |leaf| leaf.layout.cells_per_shard());
        let few = (self.shards.len() as u64).saturating_mul(cells) <= MAX_CELLS_BEFOREHAND;
        if self.is_compact() && few { CoordinateWriter::Template } else { CoordinateWriter::WithLevel }
    }

    /// Names of the coordinates of a level that are written as its arrays are.
    pub fn coordinates_with_level(&self, level: &Level) -> Vec<String> {
        let compact = self.is_compact();
        let wanted = self.coordinate_writer() == CoordinateWriter::WithLevel;
        self.grid
            .coordinates(level.level)
            .into_iter()
            .filter(|c| c.extent == crate::grid::CoordinateExtent::Cells)
            .filter(|c| wanted && (compact || !c.implied_by_position))
            .map(|c| c.name)
            .collect()
    }

    /// The blocks that the task of a shard writes; those that are fill throughout may be no objects.
    pub fn blocks_of(&self, shard: u64) -> Vec<BlockPlace> {
        let at = self.position(shard);
        let mut blocks = Vec::new();
        for level in self.levels.iter().filter(|level| level.writer == Writer::Tasks) {
            let place = |array: &str, block: Vec<u64>| BlockPlace {
                group: level.group.clone(),
                array: array.to_string(),
                block,
            };
            blocks.extend(self.program.variables().iter().map(|v| place(&v.name, v.position(&at))));
            blocks.extend(self.coordinates_with_level(level).iter().map(|name| place(name, at.clone())));
            blocks.extend(self.has_mask(level).then(|| place(AOI_MASK, at.clone())));
        }
        blocks
    }

    /// What makes two stores the same: a store with another one is refused, and so are records of another one.
    pub fn identity(&self) -> String {
        self.identity.get_or_init(|| self.reckon_identity()).clone()
    }

    fn reckon_identity(&self) -> String {
        let numbers: Vec<u64> = self.levels.iter().map(|level| level.number).collect();
        let mut identity = json!({
            "pipeline": self.pipeline.hash(),
            "layout": self.pipeline.output.layout.name(),
            "compression": self.pipeline.output.compression,
            "shards": if self.is_compact() { json!(self.shards) } else { Value::Null },
        });
        if numbers.len() > 1 {
            identity["levels"] = numbers.into();
        }
        crate::hash::sha256_hex(identity.to_string().as_bytes())
    }

    /// What identifies the granules of a shard, in arrival order, and its part of the area of interest.
    pub(crate) fn inputs(&self, shard: u64) -> String {
        let mut ids = String::new();
        for id in self.granules_of(shard) {
            ids.push_str(id);
            ids.push('\n');
        }
        // Where it lies is an input of the shard, too; a file name cannot begin like this.
        if let Some(area) = self.area_of(shard) {
            ids.push_str(&format!("/area {area}\n"));
        }
        crate::hash::sha256_hex(ids.as_bytes())
    }

    /// The shard of a label, for records beside the store.
    pub(crate) fn shard_of_label(&self, label: &str) -> Result<u64> {
        self.grid.shard_from_label(label).context(|| "a shard record")
    }
}
