//! The store's template: groups, arrays and the coordinates that are known beforehand.

use serde_json::{Map, Value, json};

use super::Run;
use crate::column::{DType, Values};
use crate::cores;
use crate::error::Result;
use crate::grid::{Coordinate, CoordinateExtent};
use crate::levels::{Level, Writer};
use crate::product::{CoordinateWriter, PLAN, Product};
use crate::profile::{self, Phase};
use crate::program::CompiledVariable;
use crate::records::pretty;
use crate::statistic::OutputShape;
use crate::store::{ArraySpec, Compression, Created, GroupSpec, RaggedSpec, StoreTemplate};

/// Cells of one chunk of a coordinate that is written beforehand.
const COORDINATE_CHUNK: u64 = 1 << 18;

/// Writes the template and the coordinates that are known beforehand.
pub(super) fn write(run: &Run, overwrite: bool) -> Result<Created> {
    let created = run.store.create(&template(run, true), overwrite)?;
    run.store.write_record(PLAN, pretty(&run.product.plan())?)?;
    if run.product.coordinate_writer() == CoordinateWriter::Template {
        for level in &run.product.levels {
            for coordinate in run.product.grid.coordinates(level.level) {
                if coordinate.extent == CoordinateExtent::Cells {
                    write_coordinate(run, level, &coordinate)?;
                }
            }
        }
        // Neither workers nor finalize write them again, and no record names their digest.
        run.store.settle()?;
    }
    Ok(created)
}

/// Writes a coordinate of a compact store for all cells of a level.
fn write_coordinate(run: &Run, level: &Level, coordinate: &Coordinate) -> Result<()> {
    let product = &run.product;
    let shape = product.shape(level);
    let block = coordinate_block(level, &shape);
    let cells_of = |at: usize| -> Vec<u64> {
        let some = |all: usize, each: u64| {
            let together = usize::try_from(block / each.max(1)).unwrap_or(usize::MAX).max(1);
            let from = at.saturating_mul(together).min(all);
            from..from.saturating_add(together).min(all)
        };
        match level.writer {
            Writer::Merge => {
                let cells = product.merged_cells(level);
                cells[some(cells.len(), 1)].to_vec()
            }
            _ => {
                let shards = &product.shards[some(product.shards.len(), level.layout.cells_per_shard())];
                shards.iter().flat_map(|&shard| product.grid.cells_of_shard(shard, level.level)).collect()
            }
        }
    };
    // The last block may reach past the end of the array; what lies there is fill.
    let write = |at: u64| -> Result<()> {
        let values = product.grid.cell_coordinate(&coordinate.name, level.level, &cells_of(at as usize))?;
        run.store.write_block(&level.group, &coordinate.name, &[at], &values).map(|_| ())
    };
    let blocks: Vec<u64> = (0..shape.first().map_or(0, |all| all.div_ceil(block))).collect();
    let counting = profile::current();
    let in_phase = |&at: &u64| {
        profile::within(counting.clone(), || profile::time(Phase::Prepare, || crate::caught(|| write(at))))
    };
    run.compute(|| cores::each(&blocks, in_phase)).map(|_| ())
}

/// Cells of one block of a coordinate that is written beforehand, in an array of this shape: a whole number of shards, and no more
/// than there are.
fn coordinate_block(level: &Level, shape: &[u64]) -> u64 {
    let cells = match level.writer {
        Writer::Merge => 1,
        _ => level.layout.cells_per_shard().max(1),
    };
    let most = (COORDINATE_CHUNK / cells).max(1) * cells;
    shape.first().map_or(most, |&all| all.clamp(1, most))
}

/// The template; what granules say of their columns only when it is wanted.
pub(super) fn template(run: &Run, describe: bool) -> StoreTemplate {
    template_of(&run.product, &|column| match describe {
        true => run.granules.column_attributes(column, &*run.product.grid),
        false => Map::new(),
    })
}

/// What the store of a product is made of. `describe` gives the attributes that granules have for a column.
pub fn template_of(product: &Product, describe: &dyn Fn(&str) -> Map<String, Value>) -> StoreTemplate {
    let compact = product.is_compact();
    let described: Vec<Map<String, Value>> =
        product.program.variables().iter().map(|variable| variable_attributes(variable, describe)).collect();
    let group = |level: &Level| {
        let shape = product.shape(level);
        let coordinates = product.grid.coordinates(level.level);
        let mut arrays: Vec<ArraySpec> =
            coordinates.iter().filter_map(|c| coordinate_array(product, level, c, &shape)).collect();
        let shared = product.grid.array_attributes(level.level, compact);
        for (variable, described) in product.program.variables().iter().zip(&described) {
            // Above the shards only what merges has values.
            if level.writer == Writer::Merge && variable.form().is_none() {
                continue;
            }
            let mut attributes = described.clone();
            attributes.extend(shared.clone());
            arrays.push(variable_array(product, level, variable, &shape, attributes));
        }
        if product.has_mask(level) {
            arrays.push(product.mask_array(level, &shape, shared));
        }
        GroupSpec {
            name: level.group.clone(),
            attributes: product.grid.group_attributes(level.level, compact),
            arrays,
        }
    };
    let mut about = json!({
        "pipeline_hash": product.pipeline.hash(),
        "layout": product.pipeline.output.layout.name(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut attributes = Map::new();
    if product.levels.len() > 1 {
        let levels: Vec<u32> = product.levels.iter().map(|level| level.level).collect();
        attributes = product.grid.root_attributes(&levels, compact);
        about["levels"] = crate::finalize::levels(product).iter().map(|level| json!(level)).collect();
    }
    attributes.insert("zagg".to_string(), about);
    StoreTemplate { attributes, groups: product.levels.iter().map(group).collect(), hash: product.identity() }
}

/// The array of a variable at a level.
fn variable_array(
    product: &Product,
    level: &Level,
    variable: &CompiledVariable,
    shape: &[u64],
    attributes: Map<String, Value>,
) -> ArraySpec {
    let mut array = ArraySpec {
        name: variable.name.clone(),
        dtype: variable.dtype,
        fill: variable.fill.clone(),
        ragged: None,
        dimensions: level.layout.dimensions.clone(),
        shape: shape.to_vec(),
        block_shape: level.block_shape.clone(),
        chunk_shape: level.chunk_shape.clone(),
        compression: product.pipeline.output.compression,
        attributes,
        content: None,
    };
    match &variable.shape {
        OutputShape::Scalar => {}
        OutputShape::Ragged(inner_shape) => {
            array.ragged = Some(RaggedSpec { inner_shape: inner_shape.clone() });
        }
        OutputShape::Fixed(sizes) => {
            for (at, &size) in sizes.iter().enumerate() {
                // A dimension of its own: variables of one group may differ in size.
                array.dimensions.push(format!("{}_{at}", variable.name));
                array.shape.push(size);
                array.block_shape.push(size);
                array.chunk_shape.push(size);
            }
        }
    }
    array
}

fn coordinate_array(
    product: &Product,
    level: &Level,
    coordinate: &Coordinate,
    shape: &[u64],
) -> Option<ArraySpec> {
    let layout = &level.layout;
    let whole = || product.grid.whole_coordinate(&coordinate.name, level.level).ok();
    let with_level = product.coordinate_writer() == CoordinateWriter::WithLevel;
    let (dimensions, shape, block, chunk, content) = match coordinate.extent {
        CoordinateExtent::Cells if !product.is_compact() && coordinate.implied_by_position => return None,
        CoordinateExtent::Cells if with_level => (
            layout.dimensions.clone(),
            shape.to_vec(),
            level.block_shape.clone(),
            level.chunk_shape.clone(),
            None,
        ),
        CoordinateExtent::Cells => {
            let block = coordinate_block(level, shape);
            (layout.dimensions.clone(), shape.to_vec(), vec![block], vec![block], None)
        }
        CoordinateExtent::Dimension(at) => {
            let n = layout.full_shape[at];
            (vec![layout.dimensions[at].clone()], vec![n], vec![n], vec![n], Some(whole()?))
        }
        CoordinateExtent::Scalar => (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Some(whole()?)),
    };
    Some(ArraySpec {
        name: coordinate.name.clone(),
        dtype: coordinate.dtype,
        // A shard that was never written must not look like many times the first cell of the globe.
        fill: match coordinate.dtype {
            DType::UInt64 if with_level => Values::UInt64(vec![u64::MAX]),
            dtype => Values::UInt8(vec![0]).cast(dtype).ok()?,
        },
        ragged: None,
        dimensions,
        shape,
        block_shape: block,
        chunk_shape: chunk,
        compression: Compression::ShuffleZstd,
        attributes: coordinate.attributes.clone(),
        content,
    })
}

/// The pipeline's attributes over those that follow from the source column: units to the power the statistic says, and a
/// description made of function and column.
fn variable_attributes(
    variable: &CompiledVariable,
    describe: &dyn Fn(&str) -> Map<String, Value>,
) -> Map<String, Value> {
    let mut attributes = Map::new();
    if let (Some((column, power)), Some(function)) = (&variable.describes, &variable.function) {
        // A granule costs a request, which nothing comes of where the pipeline says it all.
        let is_told = ["units", "long_name"].iter().all(|key| variable.attrs.contains_key(*key));
        let source = if is_told { Map::new() } else { describe(column) };
        let text = |key: &str| source.get(key).and_then(Value::as_str);
        if let Some(units) = derived_units(*power, text("units")) {
            attributes.insert("units".into(), units.into());
        }
        if let Some(name) =
            text("long_name").map(str::to_string).or_else(|| (*power != Some(0)).then(|| column.clone()))
        {
            attributes.insert("long_name".into(), format!("{function} of {name}").into());
        }
    }
    attributes.extend(variable.attrs.clone());
    attributes
}

/// Units of a statistic with this power of the source's units, in the spelling of UDUNITS.
fn derived_units(power: Option<i32>, units: Option<&str>) -> Option<String> {
    match (power?, units) {
        (0, _) => Some("1".into()),
        (1, units) | (_, units @ Some("1")) => units.map(str::to_string),
        (power, Some(units)) if units.chars().all(char::is_alphabetic) => Some(format!("{units}{power}")),
        (power, Some(units)) => Some(format!("({units}){power}")),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::derived_units;

    #[test]
    fn units_follow_the_power_of_the_statistic() {
        assert_eq!(derived_units(Some(1), Some("meters")).as_deref(), Some("meters"));
        assert_eq!(derived_units(Some(2), Some("m")).as_deref(), Some("m2"));
        assert_eq!(derived_units(Some(2), Some("m s-1")).as_deref(), Some("(m s-1)2"));
        assert_eq!(derived_units(Some(0), None).as_deref(), Some("1"));
        assert_eq!(derived_units(None, Some("m")), None);
        assert_eq!(derived_units(Some(1), None), None);
    }
}
