//! The store's template: groups, arrays and the coordinates that are known beforehand.

use serde_json::{Map, Value, json};

use super::Run;
use crate::column::{DType, Values};
use crate::config::Layout;
use crate::error::Result;
use crate::grid::{Coordinate, CoordinateExtent, Grid, GridLayout};
use crate::program::CompiledVariable;
use crate::store::{ArraySpec, Compression, Created, GroupSpec, StoreTemplate};

/// Cells of a compact store up to which its coordinates are written with the template; above, tasks write their own part.
const MAX_CELLS_BEFOREHAND: u64 = 100_000_000;
/// Cells of one chunk of a coordinate that is written beforehand.
const COORDINATE_CHUNK: u64 = 1 << 20;

/// Names of the coordinates that tasks write.
pub(super) fn task_coordinates(grid: &dyn Grid, layout: Layout, shards: u64) -> Vec<String> {
    let level = grid.leaf_level();
    let shape = grid.layout(level);
    let compact = layout == Layout::Compact && shape.compactable;
    let beforehand = compact && shards.saturating_mul(shape.cells_per_shard()) <= MAX_CELLS_BEFOREHAND;
    grid.coordinates(level)
        .into_iter()
        .filter(|c| c.extent == CoordinateExtent::Cells && !beforehand && (compact || !c.implied_by_position))
        .map(|c| c.name)
        .collect()
}

/// Writes the template and the coordinates that are known beforehand.
pub(super) fn write(run: &Run, overwrite: bool) -> Result<Created> {
    let template = template(run, true);
    let created = run.store.create(&template, overwrite)?;
    run.store.write_record("plan.json", plan(run)?)?;
    let level = run.grid.leaf_level();
    let group = run.grid.group_name(level);
    for coordinate in beforehand(run) {
        let cells = run.grid.layout(level).cells_per_shard();
        let per_block = shards_per_block(cells) as usize;
        for (block, shards) in run.shards.chunks(per_block).enumerate() {
            let mut values = Values::with_capacity(coordinate.dtype, per_block * cells as usize);
            for &shard in shards {
                values.append(&run.grid.shard_coordinate(&coordinate.name, shard, level)?)?;
            }
            // The last block reaches past the end of the array; what lies there is never read.
            let missing = (per_block - shards.len()) * cells as usize;
            values.append(&zeros(coordinate.dtype, missing)?)?;
            run.store.write_block(&group, &coordinate.name, &[block as u64], &values)?;
        }
    }
    Ok(created)
}

/// What the store is made from, beside it: the pipeline and the shards with their granules.
fn plan(run: &Run) -> Result<Vec<u8>> {
    let shards: Map<String, Value> = run
        .shards
        .iter()
        .map(|&shard| (run.grid.shard_label(shard), run.listed_by(shard).collect::<Vec<_>>().into()))
        .collect();
    let plan = json!({
        "version": 1,
        "pipeline": run.pipeline.canonical(),
        "pipeline_hash": run.pipeline.hash(),
        "layout": run.pipeline.output.layout.name(),
        "grid_signature": run.grid.signature(),
        "shards": shards,
    });
    super::pretty(&plan)
}

fn zeros(dtype: DType, n: usize) -> Result<Values> {
    Values::UInt8(vec![0; n]).cast(dtype)
}

fn shards_per_block(cells_per_shard: u64) -> u64 {
    (COORDINATE_CHUNK / cells_per_shard.max(1)).max(1)
}

/// Coordinates with a value per cell that are written with the template.
fn beforehand(run: &Run) -> Vec<Coordinate> {
    let mut coordinates = run.grid.coordinates(run.grid.leaf_level());
    coordinates.retain(|c| {
        c.extent == CoordinateExtent::Cells && run.is_compact() && !run.task_coordinates.contains(&c.name)
    });
    coordinates
}

/// The template; what granules say of their columns only when it is wanted.
pub(super) fn template(run: &Run, describe: bool) -> StoreTemplate {
    let level = run.grid.leaf_level();
    let layout = run.grid.layout(level);
    let compact = run.is_compact();
    let shards = run.shards.len() as u64;
    let shape: Vec<u64> =
        if compact { vec![shards * layout.cells_per_shard()] } else { layout.full_shape.clone() };
    let mut arrays: Vec<ArraySpec> = Vec::new();
    for coordinate in run.grid.coordinates(level) {
        arrays.extend(coordinate_array(run, &coordinate, &layout, &shape));
    }
    let shared = run.grid.array_attributes(level, compact);
    arrays.extend(run.program.variables().iter().map(|variable| {
        let mut attributes = variable_attributes(run, variable, describe);
        attributes.extend(shared.clone());
        ArraySpec {
            name: variable.name.clone(),
            dtype: variable.dtype,
            fill: variable.fill.clone(),
            dimensions: layout.dimensions.clone(),
            shape: shape.clone(),
            block_shape: layout.shard_shape.clone(),
            chunk_shape: layout.chunk_shape.clone(),
            compression: run.pipeline.output.compression,
            attributes,
            content: None,
        }
    }));
    let pipeline_hash = run.pipeline.hash();
    let identity = json!({
        "pipeline": pipeline_hash,
        "layout": run.pipeline.output.layout.name(),
        "compression": run.pipeline.output.compression,
        "shards": if compact { json!(run.shards) } else { Value::Null },
    });
    let about = json!({
        "pipeline_hash": pipeline_hash,
        "layout": run.pipeline.output.layout.name(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    StoreTemplate {
        attributes: Map::from_iter([("zagg".to_string(), about)]),
        groups: vec![GroupSpec {
            name: run.grid.group_name(level),
            attributes: run.grid.group_attributes(level, compact),
            arrays,
        }],
        hash: crate::hash::sha256_hex(identity.to_string().as_bytes()),
    }
}

fn coordinate_array(
    run: &Run,
    coordinate: &Coordinate,
    layout: &GridLayout,
    shape: &[u64],
) -> Option<ArraySpec> {
    let level = run.grid.leaf_level();
    let compact = run.is_compact();
    let whole = || run.grid.whole_coordinate(&coordinate.name, level).ok();
    let (dimensions, shape, block, chunk, content) = match coordinate.extent {
        CoordinateExtent::Cells if !compact && coordinate.implied_by_position => return None,
        CoordinateExtent::Cells if run.task_coordinates.contains(&coordinate.name) => (
            layout.dimensions.clone(),
            shape.to_vec(),
            layout.shard_shape.clone(),
            layout.chunk_shape.clone(),
            None,
        ),
        CoordinateExtent::Cells => {
            let block = shards_per_block(layout.cells_per_shard()) * layout.cells_per_shard();
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
            DType::UInt64 if run.task_coordinates.contains(&coordinate.name) => {
                Values::UInt64(vec![u64::MAX])
            }
            dtype => zeros(dtype, 1).ok()?,
        },
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
fn variable_attributes(run: &Run, variable: &CompiledVariable, describe: bool) -> Map<String, Value> {
    let mut attributes = Map::new();
    if let (Some((column, power)), Some(function)) = (&variable.describes, &variable.function) {
        // A granule costs a request, which nothing comes of where the pipeline says it all.
        let is_told = ["units", "long_name"].iter().all(|key| variable.attrs.contains_key(*key));
        let source = if describe && !is_told {
            run.granules.column_attributes(column, &*run.grid)
        } else {
            Map::new()
        };
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
