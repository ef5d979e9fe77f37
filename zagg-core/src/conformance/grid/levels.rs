//! Levels: their numbers, cells that hold whole shards, and what the root says of several.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Findings, all_levels, levels};
use crate::grid::{CoordinateExtent, Grid, NO_CELL};

/// Cells of one level whose centres are looked up.
const CENTRES: usize = 256;

/// The identity of the multiscales convention.
const MULTISCALES: &str = "d35379db-88df-4056-af3a-620245f8e347";

/// Levels have numbers of their own, which lead back to them.
pub(super) fn numbers(grid: &dyn Grid, f: &mut Findings) {
    let (coarsest, shard) = (grid.coarsest_level(), grid.shard_level());
    f.check(coarsest <= shard, || {
        format!("coarsest_level: {coarsest} is finer than the shard level {shard}")
    });
    let mut seen = BTreeMap::new();
    for level in all_levels(grid) {
        let number = grid.level_number(level);
        let back = grid.level_from_number(number);
        f.check(back == Ok(level), || {
            format!("level_from_number: level {level} has the number {number}, which leads to {back:?}")
        });
        if let Some(other) = seen.insert(number, level) {
            f.add(format!("level_number: levels {other} and {level} share the number {number}"));
        }
    }
    let strange = (0..).map(|step| u64::MAX - step).find(|number| !seen.contains_key(number));
    let answer = strange.map(|number| grid.level_from_number(number));
    f.check(!matches!(answer, Some(Ok(_))), || {
        format!("level_from_number: {strange:?} is no level's number but leads to {answer:?}")
    });
}

/// The cells above a shard: one at each level that is coarser, the same for the shard as for all of its cells.
pub(super) fn above(grid: &dyn Grid, shards: &[u64], f: &mut Findings) {
    for level in all_levels(grid).filter(|level| *level < grid.shard_level()) {
        let mut parents = vec![0; shards.len()];
        grid.parents_of_shards(shards, level, &mut parents);
        for (&shard, &parent) in shards.iter().zip(&parents) {
            let mut cells = grid.cells_of_shard(shard, grid.leaf_level());
            cells.push(NO_CELL);
            let mut of_cells = vec![0; cells.len()];
            grid.parents(&cells, level, &mut of_cells);
            f.check(of_cells.pop() == Some(NO_CELL), || {
                format!("parents: NO_CELL must stay NO_CELL at level {level}")
            });
            let other = of_cells.iter().find(|other| **other != parent);
            f.check(other.is_none() && parent != NO_CELL, || {
                format!(
                    "parents_of_shards: shard {shard} lies in cell {parent} of level {level}, but a cell of it in {other:?}"
                )
            });
        }
        let distinct: Vec<u64> = BTreeSet::from_iter(parents).into_iter().collect();
        layout(grid, level, &distinct, f);
        coordinates(grid, level, &distinct, f);
        centres(grid, level, &distinct, f);
    }
}

/// The layout of a level that is coarser than the shards, and the places of these cells in it; the cells are ascending.
fn layout(grid: &dyn Grid, level: u32, cells: &[u64], f: &mut Findings) {
    let layout = grid.layout(level);
    let sound = layout.dimensions.len() == 1
        && layout.full_shape.len() == 1
        && layout.shard_shape == [1]
        && layout.chunk_shape == [1];
    f.check(sound, || {
        format!("layout: level {level}, coarser than the shards, needs one dimension and blocks of one cell")
    });
    let mut places = vec![0; cells.len()];
    grid.places(level, cells, &mut places);
    let length = layout.full_shape.first().copied().unwrap_or(0);
    f.check(places.iter().all(|place| *place < length), || {
        format!("places: a cell of level {level} lies beyond the {length} of the full array: {places:?}")
    });
    f.check(places.windows(2).all(|pair| pair[0] < pair[1]), || {
        format!("places: at level {level} they do not grow with the number of the cell: {places:?}")
    });
}

/// Coordinates of single cells.
fn coordinates(grid: &dyn Grid, level: u32, cells: &[u64], f: &mut Findings) {
    for coordinate in grid.coordinates(level) {
        if coordinate.extent != CoordinateExtent::Cells {
            continue;
        }
        let values = grid.cell_coordinate(&coordinate.name, level, cells);
        let sound = values
            .as_ref()
            .is_ok_and(|values| values.len() == cells.len() && values.dtype() == coordinate.dtype);
        f.check(sound, || {
            format!(
                "cell_coordinate: {} of {} cells of level {level} must be as many {}: {values:?}",
                coordinate.name,
                cells.len(),
                coordinate.dtype
            )
        });
    }
}

/// The centres of a shard's larger cells.
pub(super) fn within(grid: &dyn Grid, shard: u64, f: &mut Findings) {
    for level in levels(grid).filter(|level| *level < grid.leaf_level()) {
        centres(grid, level, &grid.cells_of_shard(shard, level), f);
    }
}

/// The centre of a cell, where a leaf cell is found, leads back to the cell.
fn centres(grid: &dyn Grid, level: u32, cells: &[u64], f: &mut Findings) {
    let step = cells.len().div_ceil(CENTRES).max(1);
    let cells: Vec<u64> = cells.iter().copied().step_by(step).collect();
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(level, &cells, &mut lon, &mut lat);
    let mut leaves = vec![0; cells.len()];
    grid.locate(&lon, &lat, &mut leaves);
    let mut back = vec![0; cells.len()];
    grid.parents(&leaves, level, &mut back);
    for (i, &cell) in cells.iter().enumerate() {
        let (lon, lat) = (lon[i], lat[i]);
        if lon.is_nan() && lat.is_nan() {
            continue;
        }
        f.check((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat), || {
            format!("centres: cell {cell} of level {level} has its centre at ({lon}, {lat})")
        });
        // Where parts reach over the border of the whole, the centre may lie in a part of another.
        f.check(back[i] == cell || !grid.nests_exactly(), || {
            format!("centres: that of cell {cell} of level {level}, ({lon}, {lat}), lies in cell {}", back[i])
        });
    }
}

/// What the root says of several levels is sound, where it says something.
pub(super) fn root(grid: &dyn Grid, f: &mut Findings) {
    let mut levels: Vec<u32> = all_levels(grid).collect();
    levels.reverse();
    let ends: Vec<u32> = levels.first().into_iter().chain(levels.last()).copied().collect();
    for levels in [levels, ends] {
        if levels.len() < 2 || levels[0] == levels[1] {
            continue;
        }
        for compact in [false, true] {
            let attributes = grid.root_attributes(&levels, compact);
            f.check(attributes == grid.root_attributes(&levels, compact), || {
                "root_attributes: they change from call to call".into()
            });
            if let Err(reason) = sound_root(grid, &levels, &attributes) {
                f.add(format!("root_attributes: {reason}, in {}", Value::Object(attributes)));
            }
        }
    }
}

fn sound_root(grid: &dyn Grid, levels: &[u32], attributes: &Map<String, Value>) -> Result<(), String> {
    if attributes.contains_key("zagg") {
        return Err("the key zagg is not the grid's".into());
    }
    let Some(multiscales) = attributes.get("multiscales") else { return Ok(()) };
    let conventions = attributes.get("zarr_conventions").and_then(Value::as_array);
    if !conventions.is_some_and(|all| all.iter().any(|one| one["uuid"] == MULTISCALES)) {
        return Err("the convention of multiscales is not declared".into());
    }
    let layout = multiscales["layout"].as_array().ok_or("multiscales has no layout")?;
    if layout.len() != levels.len() {
        return Err(format!("the layout has {} items for {} levels", layout.len(), levels.len()));
    }
    let mut before: Vec<String> = Vec::new();
    for (item, &level) in layout.iter().zip(levels) {
        let name = grid.group_name(level);
        if item["asset"] != name.as_str() {
            return Err(format!("the asset of level {level} is {}, its group {name:?}", item["asset"]));
        }
        if let Some(from) = item.get("derived_from") {
            let scale = item["transform"]["scale"].as_array();
            let grows = scale.is_some_and(|scale| {
                !scale.is_empty() && scale.iter().all(|one| one.as_f64().is_some_and(|one| one > 1.0))
            });
            if !before.iter().any(|name| from == name.as_str()) || !grows {
                return Err(format!("level {level} needs a finer level to derive from, and a scale above 1"));
            }
        }
        before.push(name);
    }
    Ok(())
}
