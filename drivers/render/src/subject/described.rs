//! Where the cells of a store are, from what its own attributes say: for stores that were given away without what lies beside
//! them, and for copies in other chunks.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zagg_core::grid::{Grid, GridOptions};
use zagg_core::registry::Registry;
use zagg_core::store::Store;
use zagg_core::{Error, Result};
use zagg_zarr::{ArraySummary, GroupSummary, Summary, ZarrStore};

use super::{StoreLevel, coordinate};
use crate::cells::Cells;
use crate::runs::Runs;

/// Most shards of a grid that are looked at one by one.
const MAX_SHARDS: u64 = 1 << 22;

/// Orders between shards and cells, where the store does not say.
const ORDERS_APART: u64 = 6;

/// Every level whose group says where its cells are, finest first.
pub(super) fn levels(
    store: &ZarrStore,
    registry: &Registry,
    summary: &Summary,
    variable: &str,
) -> Result<Vec<StoreLevel>> {
    let mut levels = Vec::new();
    let listed = summary.attributes.get("zagg").and_then(|ours| ours["levels"].as_array());
    let mut failed = None;
    for group in &summary.groups {
        let Some(array) = group.arrays.iter().find(|array| array.name == variable) else { continue };
        let number = listed.into_iter().flatten().find(|level| level["group"] == group.name.as_str());
        let number =
            number.and_then(|level| level["level"].as_u64()).or_else(|| group.name.parse().ok()).unwrap_or(1);
        match cells(store, registry, group, array) {
            Ok(cells) => levels.push(StoreLevel { number, group: group.name.clone(), cells }),
            Err(error) => failed = Some(error),
        }
    }
    levels.sort_by_key(|level| {
        std::cmp::Reverse(level.cells.grid().layout(level.cells.level()).cells_per_full())
    });
    match failed {
        Some(error) if levels.is_empty() => Err(error),
        _ => Ok(levels),
    }
}

/// Every shard of a grid whose shards are numbered by their place.
pub(super) fn shards(grid: &dyn Grid) -> Result<Vec<u64>> {
    let layout = grid.layout(grid.leaf_level());
    let n = layout.cells_per_full() / layout.cells_per_shard().max(1);
    if n > MAX_SHARDS {
        return Err(Error::unsupported(
            "the store has very many shards and no plan beside it; say with --bounds and --crs what is shown",
        ));
    }
    Ok((0..n).collect())
}

fn cells(
    store: &ZarrStore,
    registry: &Registry,
    group: &GroupSummary,
    array: &ArraySummary,
) -> Result<Cells> {
    if let Some(dggs) = group.attributes.get("dggs").and_then(Value::as_object) {
        return of_dggs(store, registry, group, array, dggs);
    }
    if group.attributes.contains_key("spatial:transform") {
        return of_plane(registry, group, array).map(Cells::Whole);
    }
    Err(Error::not_found(format!(
        "store {}: there is no plan beside it, and its group {} does not say where cells are; copy the folder {0}.zagg, too",
        store.location(),
        group.name
    )))
}

fn of_dggs(
    store: &ZarrStore,
    registry: &Registry,
    group: &GroupSummary,
    array: &ArraySummary,
    dggs: &Map<String, Value>,
) -> Result<Cells> {
    let text = |key: &str| dggs.get(key).and_then(Value::as_str);
    let order = dggs.get("refinement_level").and_then(Value::as_u64);
    let (Some("healpix"), Some("nested"), Some(order)) = (text("name"), text("indexing_scheme"), order)
    else {
        return Err(Error::unsupported(format!(
            "store {}: there is no plan beside it, which says how its cells are numbered; copy the folder {0}.zagg, too",
            store.location()
        )));
    };
    let ids = coordinate(group).and_then(|name| group.arrays.iter().find(|array| array.name == name));
    let block = array.block_shape.first().copied().unwrap_or(1).max(1);
    let of_block = (block.is_power_of_two() && block.ilog2() % 2 == 0).then(|| u64::from(block.ilog2() / 2));
    // Where ids are listed, any shards will do: those of blocks, unless copies in other chunks have very large ones.
    let apart = match ids {
        None => of_block.unwrap_or(ORDERS_APART),
        Some(_) => of_block.unwrap_or(ORDERS_APART).min(ORDERS_APART),
    };
    let ellipsoid = match dggs.get("ellipsoid").and_then(|ellipsoid| ellipsoid["name"].as_str()) {
        Some("WGS84") => "WGS84",
        _ => "sphere",
    };
    let options = json!({"type": "healpix", "child_order": order, "parent_order": order.saturating_sub(apart), "ellipsoid": ellipsoid});
    let grid = make(registry, "healpix", options)?;
    let Some(ids) = ids else { return Ok(Cells::Whole(grid)) };
    let (length, block) =
        (ids.shape.first().copied().unwrap_or(0), ids.block_shape.first().copied().unwrap_or(1));
    if ids.shape.len() != 1 || array.shape.first() != ids.shape.first() {
        return Err(Error::corrupt(format!(
            "array {}/{}: it does not fit {}",
            group.name, ids.name, array.name
        )));
    }
    let runs = Runs::read(store, &group.name, &ids.name, length, block)?;
    Ok(Cells::Listed(grid, Arc::new(runs)))
}

fn of_plane(registry: &Registry, group: &GroupSummary, array: &ArraySummary) -> Result<Arc<dyn Grid>> {
    let numbers = |key: &str| -> Option<Vec<f64>> {
        group.attributes.get(key)?.as_array()?.iter().map(Value::as_f64).collect()
    };
    let damaged =
        || Error::corrupt(format!("group {}: its attributes do not say where its cells are", group.name));
    let transform = numbers("spatial:transform").ok_or_else(damaged)?;
    let (&[rx, _, left, _, ry, top], &[rows, columns, ..]) = (transform.as_slice(), array.shape.as_slice())
    else {
        return Err(damaged());
    };
    let mapping = group
        .arrays
        .iter()
        .find(|array| array.attributes.contains_key("crs_wkt") || array.name == "spatial_ref");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_string);
    let crs = text(group.attributes.get("proj:code"))
        .or_else(|| text(mapping.and_then(|array| array.attributes.get("spatial_ref"))))
        .ok_or_else(damaged)?;
    let chunk = [0, 1].map(|d| divisor(array.shape[d], array.block_shape[d]));
    let options = json!({
        "type": "rectilinear",
        "crs": crs,
        "resolution": [rx, -ry],
        "bounds": [left, top + ry * rows as f64, left + rx * columns as f64, top],
        "chunk_shape": chunk,
    });
    let grid = make(registry, "rectilinear", options)?;
    if grid.layout(grid.leaf_level()).full_shape != [rows, columns] {
        return Err(damaged());
    }
    Ok(grid)
}

fn make(registry: &Registry, name: &str, options: Value) -> Result<Arc<dyn Grid>> {
    let Value::Object(options) = options else {
        return Err(Error::plugin("settings of a grid are no object"));
    };
    let options: GridOptions = options;
    registry.grid(name, &options).map(Arc::from)
}

/// The greatest number that divides both.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { divisor(b, a % b) }
}
