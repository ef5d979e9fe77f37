//! Describing a store.

use std::path::Path;

use serde_json::{Value, json};
use zagg_core::{Result, Values};
use zagg_zarr::{ArraySummary, ZarrStore};

use crate::args::Format;
use crate::failure::Failure;
use crate::output::{self, grouped};

/// What the blocks of an array hold.
#[derive(Debug, Default)]
struct Range {
    blocks: u64,
    blocks_in_all: u64,
    filled: u64,
    low: Option<f64>,
    high: Option<f64>,
}

pub(super) fn describe(path: &Path, format: Format) -> Result<(), Failure> {
    let store = ZarrStore::open_path(path)?;
    let summary = store.inspect()?;
    let mut groups = Vec::new();
    let mut table = output::table(&[
        "array",
        "type",
        "shape",
        "chunk",
        "blocks",
        "cells with a value",
        "lowest",
        "highest",
        "units",
    ]);
    for group in &summary.groups {
        let mut arrays = Vec::new();
        for array in &group.arrays {
            let range = range(&store, &group.name, array)?;
            let units = array.attributes.get("units").and_then(Value::as_str).unwrap_or_default();
            arrays.push(json!({
                "name": array.name,
                "dtype": array.dtype,
                "dimensions": array.dimensions,
                "shape": array.shape,
                "block_shape": array.block_shape,
                "chunk_shape": array.chunk_shape,
                "attributes": array.attributes,
                "blocks_stored": range.blocks,
                "blocks": range.blocks_in_all,
                "cells_with_value": range.filled,
                "min": range.low,
                "max": range.high,
            }));
            table.add_row([
                format!("{}/{}", group.name, array.name),
                array.dtype.name().into(),
                shape(&array.shape),
                shape(&array.chunk_shape),
                format!("{} of {}", grouped(range.blocks), grouped(range.blocks_in_all)),
                grouped(range.filled),
                range.low.map(number).unwrap_or_default(),
                range.high.map(number).unwrap_or_default(),
                units.into(),
            ]);
        }
        groups.push(json!({"name": group.name, "attributes": group.attributes, "arrays": arrays}));
    }
    if format == Format::Json {
        return output::json(&json!({
            "store": path,
            "state": summary.state,
            "attributes": summary.attributes,
            "consolidated": summary.consolidated,
            "groups": groups,
        }));
    }
    output::data(&format!("{}: {}\n\n{table}", path.display(), summary.state.name()))
}

/// Looks at every stored block, one at a time. Ids are not values: coordinates of cells have no range worth telling.
fn range(store: &ZarrStore, group: &str, array: &ArraySummary) -> Result<Range> {
    let blocks = store.stored_blocks(group, &array.name)?;
    let mut range = Range {
        blocks: blocks.len() as u64,
        blocks_in_all: array
            .shape
            .iter()
            .zip(&array.block_shape)
            .map(|(n, block)| n.div_ceil((*block).max(1)))
            .product(),
        ..Range::default()
    };
    let fill = array.fill.to_f64().first().copied().unwrap_or(f64::NAN);
    for block in blocks {
        let values: Values = store.read_block(group, &array.name, &block)?;
        for x in values.to_f64() {
            if x.is_nan() || x == fill {
                continue;
            }
            range.filled += 1;
            range.low = Some(range.low.map_or(x, |low| low.min(x)));
            range.high = Some(range.high.map_or(x, |high| high.max(x)));
        }
    }
    Ok(range)
}

fn shape(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}

fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { format!("{x:.4}") }
}
