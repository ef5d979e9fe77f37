//! What of a store is shown: the variable at a level, where its cells are, and which shards have values.

mod described;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use zagg_core::levels::Writer;
use zagg_core::product::{PLAN, Product};
use zagg_core::records::shards_of_store;
use zagg_core::registry::Registry;
use zagg_core::store::Store;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};
use zagg_zarr::{ArraySummary, GroupSummary, Summary, ZarrStore};

use crate::array::Geometry;
use crate::cells::Cells;

/// A level of a store.
#[derive(Debug, Clone)]
pub(crate) struct StoreLevel {
    /// The number that stands for it in `output.grid.levels`.
    pub(crate) number: u64,
    /// Its group.
    pub(crate) group: String,
    /// Where its cells are.
    pub(crate) cells: Cells,
}

/// A variable at a level.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) level: StoreLevel,
    pub(crate) array: ArraySummary,
    pub(crate) geometry: Geometry,
    /// Numbers of the blocks that are stored, ascending.
    pub(crate) stored: Vec<u64>,
}

/// The levels of a store that have a variable, finest first.
///
/// # Errors
/// When no level has it, or nothing tells where the cells of the store are.
pub(crate) fn levels(
    store: &ZarrStore,
    registry: &Registry,
    summary: &Summary,
    variable: &str,
) -> Result<Vec<StoreLevel>> {
    let has = |group: &GroupSummary| group.arrays.iter().any(|array| array.name == variable);
    if !summary.groups.iter().any(has) {
        let names = variables(summary);
        let hint = did_you_mean(variable, names.iter().map(String::as_str));
        return Err(Error::input(format!(
            "store {}: there is no variable {variable:?}{hint}; there are {}",
            store.location(),
            names.join(", ")
        )));
    }
    let planned = planned(store, registry, summary);
    let levels = match planned {
        Ok(Some(levels)) => levels,
        otherwise => {
            let described = described::levels(store, registry, summary, variable);
            match (described, otherwise) {
                // What the plan says is nearer to the cause.
                (Err(_), Err(planned)) => return Err(planned),
                (described, _) => described?,
            }
        }
    };
    let with: BTreeSet<&str> =
        summary.groups.iter().filter(|group| has(group)).map(|group| group.name.as_str()).collect();
    let levels: Vec<StoreLevel> =
        levels.into_iter().filter(|level| with.contains(level.group.as_str())).collect();
    if levels.is_empty() {
        return Err(Error::corrupt(format!(
            "store {}: its plan knows no group with {variable}",
            store.location()
        )));
    }
    Ok(levels)
}

/// Names of the arrays that hold values of cells, ascending, each once.
pub fn variables(summary: &Summary) -> Vec<String> {
    let names = summary.groups.iter().flat_map(|group| {
        let cells = cell_dimensions(group);
        let is_variable = move |array: &&ArraySummary| {
            let listed = Some(array.name.as_str()) == coordinate(group);
            !cells.is_empty() && array.dimensions.starts_with(&cells) && !listed
        };
        group.arrays.iter().filter(is_variable).map(|array| array.name.clone())
    });
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// The array that lists the ids of a group's cells.
fn coordinate(group: &GroupSummary) -> Option<&str> {
    group.attributes.get("dggs").and_then(|dggs| dggs["coordinate"].as_str())
}

/// Names of the dimensions that cells have: the group says so, or most arrays have them.
fn cell_dimensions(group: &GroupSummary) -> Vec<String> {
    let of = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|name| name.as_str().map(str::to_string)).collect()
    };
    if let Some(names) = group.attributes.get("spatial:dimensions").and_then(of) {
        return names;
    }
    if let Some(name) = group.attributes.get("dggs").and_then(|dggs| dggs["spatial_dimension"].as_str()) {
        return vec![name.to_string()];
    }
    group.arrays.iter().map(|array| array.dimensions.clone()).max_by_key(Vec::len).unwrap_or_default()
}

/// The levels as the plan beside the store has them; none without a plan, or where it is that of another store.
fn planned(store: &ZarrStore, registry: &Registry, summary: &Summary) -> Result<Option<Vec<StoreLevel>>> {
    let Some(bytes) = store.read_record(PLAN)? else { return Ok(None) };
    let product = Product::from_plan(&bytes, registry)
        .map_err(|error| error.context(format!("store {}", store.location())))?;
    if product.identity() != summary.template {
        return Ok(None);
    }
    let product = Arc::new(product);
    Ok(Some(
        product
            .levels
            .iter()
            .map(|level| StoreLevel {
                number: level.number,
                group: level.group.clone(),
                cells: Cells::Planned { product: product.clone(), level: level.clone() },
            })
            .collect(),
    ))
}

impl Subject {
    /// The variable at a level.
    ///
    /// # Errors
    /// When it holds several numbers per cell and none of them is chosen, or its blocks cannot be listed.
    pub(crate) fn new(
        store: &ZarrStore,
        summary: &Summary,
        level: &StoreLevel,
        variable: &str,
        item: Option<u64>,
    ) -> Result<Self> {
        let path = format!("{}/{variable}", level.group);
        let array = summary
            .groups
            .iter()
            .find(|group| group.name == level.group)
            .and_then(|group| group.arrays.iter().find(|array| array.name == variable))
            .ok_or_else(|| Error::not_found(format!("store {}: there is no array {path}", store.location())))?
            .clone();
        let dimensions = level.cells.dimensions();
        let grid = level.cells.grid().layout(level.cells.level()).dimensions;
        if array.shape.len() < dimensions || !array.dimensions.starts_with(&grid) {
            return Err(Error::input(format!(
                "{path} is no variable of cells but a coordinate; choose another one"
            )));
        }
        let items: u64 = array.shape[dimensions..].iter().fold(1, |all, &n| all.saturating_mul(n));
        let geometry = match &array.ragged {
            Some(_) if item.is_none() => {
                return Err(Error::input(format!(
                    "the cells of {path} hold lists of different lengths; choose with --item N the number to show, counted \
                     from 0"
                )));
            }
            Some(_) => Geometry::new(&array, dimensions, 0),
            None if items > 1 && item.is_none() => {
                return Err(Error::input(format!(
                    "the cells of {path} hold {items} numbers each; choose one with --item 0 to --item {}",
                    items - 1
                )));
            }
            None => Geometry::new(&array, dimensions, item.unwrap_or(0)),
        };
        let geometry = geometry.ok_or_else(|| {
            Error::input(format!(
                "--item {}: the cells of {path} hold {}",
                item.unwrap_or(0),
                if items == 1 {
                    "one number each, leave it out".into()
                } else {
                    format!("{items} numbers each, 0 to {}", items.saturating_sub(1))
                }
            ))
        })?;
        let blocks = store.stored_blocks(&level.group, variable)?;
        let mut stored: Vec<u64> = blocks.iter().filter_map(|block| geometry.number(block)).collect();
        stored.sort_unstable();
        Ok(Self { level: level.clone(), array, geometry, stored })
    }

    /// Whether a block is stored.
    pub(crate) fn is_stored(&self, block: u64) -> bool {
        self.stored.binary_search(&block).is_ok()
    }

    /// Shards with a stored block.
    ///
    /// # Errors
    /// When the records beside the store cannot be listed, or there are too many shards to look at.
    pub(crate) fn shards(&self, store: &ZarrStore) -> Result<Vec<u64>> {
        let cells = &self.level.cells;
        let grid = cells.grid();
        let mut shards = match cells {
            Cells::Planned { product, .. } => shards_of_store(product, store)?,
            Cells::Whole(grid) => described::shards(&**grid)?,
            Cells::Listed(grid, runs) => {
                runs.prefixes(grid.layout(grid.leaf_level()).cells_per_shard().max(1).ilog2())
            }
        };
        let shape = grid.layout(cells.level()).shard_shape;
        match cells {
            // Cells hold whole shards there.
            Cells::Planned { level, .. } if level.writer == Writer::Merge => {}
            Cells::Listed(grid, runs) => shards.retain(|&shard| {
                let ids = grid.cells_of_shard(shard, grid.leaf_level());
                let place = ids.iter().find_map(|&id| runs.place(id));
                place
                    .and_then(|place| self.geometry.place(&[place]))
                    .is_some_and(|place| self.is_stored(place.block))
            }),
            Cells::Planned { .. } | Cells::Whole(_) => shards.retain(|&shard| {
                let place = cells.corner(shard, &shape).and_then(|corner| self.geometry.place(&corner));
                place.is_some_and(|place| self.is_stored(place.block))
            }),
        }
        Ok(shards)
    }
}
