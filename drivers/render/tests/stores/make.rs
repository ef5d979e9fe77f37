//! Stores in memory, written through the store itself and without a plan beside them.

use serde_json::{Map, Value, json};
use zagg_core::grid::{CoordinateExtent, Grid};
use zagg_core::registry::Registry;
use zagg_core::store::{ArraySpec, Compression, GroupSpec, Store, StoreState, StoreTemplate};
use zagg_core::{DType, Values};
use zagg_healpix as _;
use zagg_rectilinear as _;
use zagg_zarr::ZarrStore;

/// The grid of a type with these settings.
pub(crate) fn grid(kind: &str, options: &Value) -> Box<dyn Grid> {
    let options = options.as_object().cloned().unwrap();
    Registry::linked().unwrap().grid(kind, &options).unwrap()
}

/// Which cell has which value: a number that only this cell has, and none for some.
pub(crate) fn value(cell: u64) -> f32 {
    if cell % 7 == 3 { f32::NAN } else { (cell % 1_000_003) as f32 }
}

/// Every shard whose first cell lies there.
pub(crate) fn shards(grid: &dyn Grid, n: u64, there: impl Fn(f64, f64) -> bool) -> Vec<u64> {
    (0..n)
        .filter(|&shard| {
            let cells = grid.cells_of_shard(shard, grid.leaf_level());
            let (mut lon, mut lat) = ([0.0], [0.0]);
            grid.centres(grid.leaf_level(), &cells[..1], &mut lon, &mut lat);
            there(lon[0], lat[0])
        })
        .collect()
}

fn array(name: &str, grid: &dyn Grid, shape: &[u64], compact: bool) -> ArraySpec {
    let level = grid.leaf_level();
    let layout = grid.layout(level);
    let mut attributes = grid.array_attributes(level, compact);
    attributes.insert("units".into(), "m".into());
    attributes.insert("long_name".into(), "number of the cell".into());
    ArraySpec {
        name: name.into(),
        dtype: DType::Float32,
        fill: Values::Float32(vec![f32::NAN]),
        ragged: None,
        dimensions: layout.dimensions,
        shape: shape.to_vec(),
        block_shape: layout.shard_shape.clone(),
        chunk_shape: layout.shard_shape,
        compression: Compression::Zstd,
        attributes,
        content: None,
    }
}

/// Writes a store of one level: `h`, and where the grid has ids of cells beside it, those.
pub(crate) fn store(
    store: &ZarrStore,
    grid: &dyn Grid,
    shards: &[u64],
    compact: bool,
    of: &(dyn Fn(u64, f64, f64) -> f32 + Sync),
) {
    let level = grid.leaf_level();
    let layout = grid.layout(level);
    let cells = layout.cells_per_shard();
    let shape = if compact { vec![cells * shards.len() as u64] } else { layout.full_shape.clone() };
    let mut arrays = vec![array("h", grid, &shape, compact)];
    for coordinate in grid.coordinates(level) {
        let mut spec = array(&coordinate.name, grid, &shape, compact);
        spec.attributes = coordinate.attributes.clone();
        spec.dtype = coordinate.dtype;
        spec.fill = Values::UInt8(vec![0]).cast(coordinate.dtype).unwrap();
        match coordinate.extent {
            CoordinateExtent::Cells if !compact => continue,
            CoordinateExtent::Cells => {}
            CoordinateExtent::Dimension(at) => {
                spec.content = Some(grid.whole_coordinate(&coordinate.name, level).unwrap());
                spec.dimensions = vec![layout.dimensions[at].clone()];
                (spec.shape, spec.block_shape, spec.chunk_shape) =
                    (vec![layout.full_shape[at]], vec![layout.full_shape[at]], vec![layout.full_shape[at]]);
            }
            CoordinateExtent::Scalar => {
                spec.content = Some(grid.whole_coordinate(&coordinate.name, level).unwrap());
                (spec.dimensions, spec.shape, spec.block_shape, spec.chunk_shape) =
                    (vec![], vec![], vec![], vec![]);
            }
        }
        arrays.push(spec);
    }
    let ids: Vec<String> =
        arrays.iter().filter(|array| array.content.is_none()).map(|array| array.name.clone()).collect();
    let group = grid.group_name(level);
    let template = StoreTemplate {
        attributes: Map::from_iter([("zagg".to_string(), json!({}))]),
        groups: vec![GroupSpec {
            name: group.clone(),
            attributes: grid.group_attributes(level, compact),
            arrays,
        }],
        hash: "made".into(),
    };
    store.create(&template, false).unwrap();
    for (at, &shard) in shards.iter().enumerate() {
        let cells = grid.cells_of_shard(shard, level);
        let block = if compact { vec![at as u64] } else { grid.shard_index(shard) };
        for name in &ids {
            let values = if name == "h" {
                let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
                grid.centres(level, &cells, &mut lon, &mut lat);
                Values::Float32((0..cells.len()).map(|at| of(cells[at], lon[at], lat[at])).collect())
            } else {
                grid.cell_coordinate(name, level, &cells).unwrap()
            };
            store.write_block(&group, name, &block, &values).unwrap();
        }
    }
    store.finalize(StoreState::Complete).unwrap();
}
