//! Layout, attributes and coordinates.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Findings, MAX_CELLS, all_levels, levels};
use crate::column::Values;
use crate::grid::{CoordinateExtent, Grid};

/// The signature names the type and does not change.
pub(super) fn signature(grid: &dyn Grid, f: &mut Findings) {
    let signature = grid.signature();
    f.check(signature.get("type").and_then(Value::as_str) == Some(grid.type_name()), || {
        format!("signature: its type must be {:?}: {}", grid.type_name(), Value::Object(signature.clone()))
    });
    f.check(signature == grid.signature(), || "signature: it changes from call to call".into());
}

/// Blocks tile the arrays, chunks tile the blocks, and every shard has a block of its own.
pub(super) fn layout(grid: &dyn Grid, shards: &[u64], f: &mut Findings) {
    let (shard_level, leaf_level) = (grid.shard_level(), grid.leaf_level());
    f.check(shard_level <= leaf_level, || {
        format!("shard_level: {shard_level} is finer than the leaf level {leaf_level}")
    });
    let mut names = BTreeSet::new();
    for level in all_levels(grid) {
        let name = grid.group_name(level);
        f.check(!name.is_empty() && !name.starts_with('/') && !name.contains(".."), || {
            format!("group_name: {name:?} is no relative path")
        });
        f.check(names.insert(name.clone()), || format!("group_name: {name:?} stands for two levels"));
    }
    for level in levels(grid) {
        let layout = grid.layout(level);
        let rank = layout.dimensions.len();
        let distinct: BTreeSet<&String> = layout.dimensions.iter().collect();
        f.check(rank > 0 && distinct.len() == rank, || {
            format!("layout: the dimensions {:?} of level {level} are none or repeat", layout.dimensions)
        });
        let ranks = [layout.full_shape.len(), layout.shard_shape.len(), layout.chunk_shape.len()];
        if ranks != [rank; 3] {
            f.add(format!(
                "layout: the shapes of level {level} have {ranks:?} dimensions, their names {rank}"
            ));
            continue;
        }
        f.check(!layout.compactable || rank == 1, || {
            format!("layout: level {level} has {rank} dimensions and cannot be compact")
        });
        let divides = |large: u64, small: u64| small > 0 && large > 0 && large.is_multiple_of(small);
        for (d, name) in layout.dimensions.iter().enumerate() {
            let (full, shard, chunk) = (layout.full_shape[d], layout.shard_shape[d], layout.chunk_shape[d]);
            f.check(divides(full, shard), || {
                format!("layout: along {name} of level {level} blocks of {shard} do not tile {full} elements")
            });
            f.check(divides(shard, chunk), || {
                format!(
                    "layout: along {name} of level {level} chunks of {chunk} do not tile a block of {shard}"
                )
            });
        }
        let size = layout.shard_shape.iter().try_fold(1_u64, |product, n| product.checked_mul(*n));
        f.check(size.is_some_and(|n| n <= MAX_CELLS), || {
            format!("layout: a block of {:?} at level {level} is too large to be held", layout.shard_shape)
        });
        let mut indices = BTreeSet::new();
        for &shard in shards {
            let index = grid.shard_index(shard);
            let inside = index.len() == rank
                && (0..rank).all(|d| index[d] < layout.full_shape[d] / layout.shard_shape[d].max(1));
            f.check(inside, || {
                format!("shard_index: {index:?} of shard {shard} is no block of level {level}")
            });
            f.check(indices.insert(index.clone()), || {
                format!("shard_index: shard {shard} shares the block {index:?} with another")
            });
        }
    }
}

/// Attributes that other programs can read.
pub(super) fn attributes(grid: &dyn Grid, f: &mut Findings) {
    for level in all_levels(grid) {
        for compact in [false, true] {
            let group = grid.group_attributes(level, compact);
            f.check(group == grid.group_attributes(level, compact), || {
                format!("group_attributes: those of level {level} change from call to call")
            });
            if let Some(conventions) = group.get("zarr_conventions") {
                let sound = conventions.as_array().is_some_and(|all| {
                    all.iter().all(|one| {
                        one.as_object().is_some_and(|object| {
                            ["uuid", "schema_url", "spec_url"].iter().any(|key| object.contains_key(*key))
                        })
                    })
                });
                f.check(sound, || {
                    format!(
                        "group_attributes: zarr_conventions of level {level} must be objects with uuid or URL"
                    )
                });
            }
            let array = grid.array_attributes(level, compact);
            for key in ["coordinates", "grid_mapping"] {
                f.check(array.get(key).is_none_or(Value::is_string), || {
                    format!("array_attributes: {key} of level {level} must be a text")
                });
            }
            if let Some(named) = array.get("coordinates").and_then(Value::as_str) {
                let known: Vec<String> = grid.coordinates(level).into_iter().map(|c| c.name).collect();
                for name in named.split_whitespace() {
                    f.check(known.iter().any(|k| k == name), || {
                        format!("array_attributes: level {level} refers to the coordinate {name:?}, which it lacks")
                    });
                }
            }
        }
    }
}

/// Coordinates have their type, and one value for each thing they describe.
pub(super) fn coordinates(grid: &dyn Grid, shard: u64, f: &mut Findings) {
    for level in levels(grid) {
        let layout = grid.layout(level);
        let mut names = BTreeSet::new();
        for coordinate in grid.coordinates(level) {
            let name = &coordinate.name;
            f.check(!name.is_empty() && names.insert(name.clone()), || {
                format!("coordinates: the name {name:?} is empty or stands twice at level {level}")
            });
            let (values, expected) = match coordinate.extent {
                CoordinateExtent::Cells => {
                    let cells = grid.cells_of_shard(shard, level);
                    let values = grid.cell_coordinate(name, level, &cells);
                    alone(grid, name, level, &cells, values.as_ref().ok(), f);
                    (values, Some(layout.cells_per_shard()))
                }
                CoordinateExtent::Dimension(d) => {
                    (grid.whole_coordinate(name, level), layout.full_shape.get(d).copied())
                }
                CoordinateExtent::Scalar => (grid.whole_coordinate(name, level), Some(1)),
            };
            match values {
                Ok(values) => {
                    f.check(values.dtype() == coordinate.dtype, || {
                        format!(
                            "coordinates: {name} is {} but has {} values",
                            coordinate.dtype,
                            values.dtype()
                        )
                    });
                    f.check(Some(values.len() as u64) == expected, || {
                        format!(
                            "coordinates: {name} of level {level} has {} values, not {expected:?}",
                            values.len()
                        )
                    });
                }
                Err(error) => f.add(format!("coordinates: {name} of level {level} fails: {error}")),
            }
        }
        let stranger = "no such coordinate";
        f.check(
            grid.cell_coordinate(stranger, level, &grid.cells_of_shard(shard, level)).is_err()
                && grid.whole_coordinate(stranger, level).is_err(),
            || format!("coordinates: an unknown one must be an error at level {level}"),
        );
    }
}

/// The value of a cell does not depend on the cells asked about with it.
fn alone(grid: &dyn Grid, name: &str, level: u32, cells: &[u64], values: Option<&Values>, f: &mut Findings) {
    let at = cells.len() / 2;
    let (Some(values), Some(cell)) = (values.filter(|values| values.len() == cells.len()), cells.get(at))
    else {
        return;
    };
    let single = grid.cell_coordinate(name, level, &[*cell]);
    let same =
        single.as_ref().is_ok_and(|single| *single == values.gather(&[u32::try_from(at).unwrap_or(0)]));
    f.check(same, || {
        format!("cell_coordinate: {name} of cell {cell} of level {level} is {single:?} alone, and another among others")
    });
}
