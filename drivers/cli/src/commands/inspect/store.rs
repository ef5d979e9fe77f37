//! Describing a store.

use std::path::Path;

use serde_json::{Map, Value, json};
use zagg_core::product::{PLAN, Product};
use zagg_core::records::{ShardState, shards_of_store, statuses};
use zagg_core::store::Store;
use zagg_core::{Result, Values};
use zagg_zarr::{ArraySummary, GroupSummary, ZarrStore};

use crate::args::Format;
use crate::builtin;
use crate::failure::Failure;
use crate::output::{self, grouped};

/// What the blocks of an array hold.
#[derive(Debug, Default)]
struct Range {
    blocks: u64,
    blocks_in_all: u64,
    filled: u64,
    low: Option<Number>,
    high: Option<Number>,
}

/// A value that loses nothing, whatever its type. Those of one array are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Number {
    Integer(i128),
    Float(f64),
}

pub(super) fn describe(store: &ZarrStore, path: &Path, format: Format) -> Result<(), Failure> {
    let mut summary = store.inspect()?;
    let done = completeness(store, &summary.template);
    let levels = levels(&summary.attributes);
    // Finest first; what the root does not list, behind.
    let place = |group: &GroupSummary| levels.iter().position(|level| level["group"] == group.name.as_str());
    summary.groups.sort_by_key(|group| place(group).unwrap_or(usize::MAX));
    let mut groups = Vec::new();
    let mut level_table = output::table(&["level", "group", "cells", "arrays", "left out"]);
    let header =
        ["array", "type", "shape", "chunk", "blocks", "cells with a value", "lowest", "highest", "units"];
    let mut rows = Vec::new();
    for group in &summary.groups {
        let mut arrays = Vec::new();
        for array in &group.arrays {
            let range = range(store, &group.name, array)?;
            let units = array.attributes.get("units").and_then(Value::as_str).unwrap_or_default();
            arrays.push(json!({
                "name": array.name,
                "dtype": array.dtype,
                "ragged": array.ragged.as_ref().map(|ragged| &ragged.inner_shape),
                "dimensions": array.dimensions,
                "shape": array.shape,
                "block_shape": array.block_shape,
                "chunk_shape": array.chunk_shape,
                "attributes": array.attributes,
                "blocks_stored": range.blocks,
                "blocks": range.blocks_in_all,
                "cells_with_value": range.filled,
                "min": range.low.map(Number::json),
                "max": range.high.map(Number::json),
            }));
            rows.push(vec![
                format!("{}/{}", group.name, array.name),
                match &array.ragged {
                    None => array.dtype.name().into(),
                    Some(ragged) if ragged.inner_shape.is_empty() => {
                        format!("lists of {}", array.dtype.name())
                    }
                    Some(ragged) => format!("lists of {} {}", shape(&ragged.inner_shape), array.dtype.name()),
                },
                shape(&array.shape),
                shape(&array.chunk_shape),
                format!("{} of {}", grouped(range.blocks), grouped(range.blocks_in_all)),
                grouped(range.filled),
                range.low.map(Number::text).unwrap_or_default(),
                range.high.map(Number::text).unwrap_or_default(),
                units.into(),
            ]);
        }
        let level = place(group).map(|at| &levels[at]);
        let left_out: Vec<&str> = level
            .and_then(|level| level["left_out"].as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let number = level.map(|level| level["level"].clone()).unwrap_or_default();
        let cells = cells(group);
        level_table.add_row([
            if number.is_null() { group.name.clone() } else { number.to_string() },
            group.name.clone(),
            grouped(cells),
            grouped(arrays.len() as u64),
            left_out.join(", "),
        ]);
        groups.push(json!({
            "name": group.name,
            "level": number,
            "cells": cells,
            "left_out": left_out,
            "attributes": group.attributes,
            "arrays": arrays,
        }));
    }
    if format == Format::Json {
        return output::json(&json!({
            "store": path,
            "state": summary.state,
            "shards": done.map(|done| done.1),
            "shards_done": done.map(|done| done.0),
            "attributes": summary.attributes,
            "consolidated": summary.consolidated,
            "groups": groups,
        }));
    }
    let done = done.map_or_else(String::new, |(done, all)| {
        format!("\n{} of {} shards done", grouped(done), grouped(all))
    });
    let table = output::fitting(&header, &rows, &[3, 2, 4, 1, 8, 5]);
    let levels = if levels.is_empty() { String::new() } else { format!("{level_table}\n\n") };
    output::data(&format!("{}: {}{done}\n\n{levels}{table}", path.display(), summary.state.name()))
}

/// Shards that are done, and all; none where there is no plan beside the store, or this program cannot follow it.
fn completeness(store: &ZarrStore, template: &str) -> Option<(u64, u64)> {
    let plan = store.read_record(PLAN).ok()??;
    let product = Product::from_plan(&plan, &builtin::registry().ok()?).ok()?;
    if product.identity() != template {
        return None;
    }
    let shards = statuses(&product, store, &shards_of_store(&product, store).ok()?).ok()?;
    let done = shards.iter().filter(|shard| shard.state == ShardState::Done).count();
    Some((done as u64, shards.len() as u64))
}

/// What the root says of the levels, finest first; nothing where there is one.
fn levels(root: &Map<String, Value>) -> Vec<Value> {
    root.get("zagg").and_then(|ours| ours["levels"].as_array()).cloned().unwrap_or_default()
}

/// Cells of a group's arrays: the extents of a plane, or the one dimension that cells have else.
fn cells(group: &GroupSummary) -> u64 {
    match group.attributes.get("spatial:shape").and_then(Value::as_array) {
        Some(shape) => shape.iter().filter_map(Value::as_u64).fold(1, u64::saturating_mul),
        None => group.arrays.iter().filter_map(|array| array.shape.first()).max().copied().unwrap_or(0),
    }
}

/// Looks at every stored block, one at a time.
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
    if array.ragged.is_some() {
        for block in blocks {
            let (offsets, values) = store.read_ragged_block(group, &array.name, &block)?;
            range.add_lists(&offsets, &values);
        }
        return Ok(range);
    }
    store.read_blocks(group, &array.name, &blocks, |_, values| {
        range.add(&array.fill, &values);
        Ok(())
    })?;
    Ok(range)
}

impl Range {
    fn add(&mut self, fill: &Values, values: &Values) {
        macro_rules! arms {
            ($($float:ident)*; $($integer:ident)*) => {
                match (values, fill) {
                    $((Values::$float(values), Values::$float(fill)) => {
                        self.extend(values.iter().filter(|x| !x.is_nan() && !fill.contains(x)).map(|&x| Number::Float(x.into())));
                    })*
                    $((Values::$integer(values), Values::$integer(fill)) => {
                        self.extend(values.iter().filter(|x| !fill.contains(x)).map(|&x| Number::Integer(x.into())));
                    })*
                    _ => {}
                }
            };
        }
        arms!(Float32 Float64; Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64);
    }

    /// Adds cells that hold lists: those that have items count, the values are those of all items.
    fn add_lists(&mut self, offsets: &[u64], values: &Values) {
        let filled = self.filled + offsets.windows(2).filter(|pair| pair[0] < pair[1]).count() as u64;
        if let Ok(none) = Values::UInt8(Vec::new()).cast(values.dtype()) {
            self.add(&none, values);
        }
        self.filled = filled;
    }

    fn extend(&mut self, numbers: impl Iterator<Item = Number>) {
        for x in numbers {
            self.filled += 1;
            self.low = Some(self.low.map_or(x, |low| if x < low { x } else { low }));
            self.high = Some(self.high.map_or(x, |high| if x > high { x } else { high }));
        }
    }
}

fn shape(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join("×")
}

impl Number {
    fn text(self) -> String {
        match self {
            Self::Integer(n) => n.to_string(),
            Self::Float(x) => format!("{x:.4}"),
        }
    }

    /// As JSON; 64-bit ids keep every digit.
    fn json(self) -> Value {
        match self {
            Self::Integer(n) => u64::try_from(n)
                .map(Value::from)
                .or_else(|_| i64::try_from(n).map(Value::from))
                .unwrap_or_default(),
            Self::Float(x) => x.into(),
        }
    }
}
