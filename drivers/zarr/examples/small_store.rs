//! Writes a small HEALPix store, for trying readers on it:
//! `cargo run -p zagg-zarr --example small_store -- out.zarr [chunk]`.

use serde_json::{Map, Value, json};
use zagg_core::store::{ArraySpec, Compression, GroupSpec, Store, StoreState, StoreTemplate};
use zagg_core::{Error, Result, Values};
use zagg_zarr::ZarrStore;

/// Cells of level 12 in a shard of level 6.
const CELLS: u64 = 4096;

/// NESTED ids of the shards, ascending.
const SHARDS: [u64; 3] = [40_000, 40_003, 40_960];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(|| Error::input("name the store to write"))?;
    let chunk = match arguments.next() {
        Some(text) => text.parse().map_err(|_| Error::input("the chunk is a number of cells"))?,
        None => CELLS,
    };
    let store = ZarrStore::open(&path)?;
    store.acquire()?;
    store.create(&template(chunk), true)?;
    for block in 0..SHARDS.len() as u64 {
        let filled = (0..CELLS).map(|i| i % 3 == block % 3);
        let counts = filled.clone().map(u32::from).collect();
        let heights =
            filled.zip(0u16..).map(|(filled, i)| if filled { f32::from(i) / 8.0 } else { f32::NAN });
        store.write_block("12", "count", &[block], &Values::UInt32(counts))?;
        store.write_block("12", "h_mean", &[block], &Values::Float32(heights.collect()))?;
    }
    store.finalize(StoreState::Complete)?;
    store.release()
}

fn template(chunk: u64) -> StoreTemplate {
    let ids: Vec<u64> = SHARDS.iter().flat_map(|shard| shard * CELLS..(shard + 1) * CELLS).collect();
    let array = |name: &str, fill: Values, attributes: Value| ArraySpec {
        name: name.to_owned(),
        dtype: fill.dtype(),
        fill,
        ragged: None,
        dimensions: vec!["cells".to_owned()],
        shape: vec![ids.len() as u64],
        block_shape: vec![CELLS],
        chunk_shape: vec![chunk],
        compression: Compression::Zstd,
        attributes: object(&attributes),
        content: None,
    };
    let ellipsoid =
        json!({"name": "WGS84", "semimajor_axis": 6_378_137.0, "inverse_flattening": 298.257_223_563});
    let mut cell_ids = array(
        "cell_ids",
        Values::UInt64(vec![0]),
        json!({"grid_name": "healpix", "level": 12, "indexing_scheme": "nested", "ellipsoid": ellipsoid}),
    );
    cell_ids.compression = Compression::ShuffleZstd;
    cell_ids.content = Some(Values::UInt64(ids.clone()));
    let variables = json!({"coordinates": "cell_ids"});
    let arrays = vec![
        cell_ids,
        array("count", Values::UInt32(vec![0]), variables.clone()),
        array("h_mean", Values::Float32(vec![f32::NAN]), variables),
    ];
    let dggs = json!({
        "zarr_conventions": [{
            "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
            "schema_url": "https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json",
            "spec_url": "https://github.com/zarr-conventions/dggs/blob/v1/README.md",
            "name": "dggs",
            "description": "Discrete Global Grid Systems convention for zarr",
        }],
        "dggs": {
            "name": "healpix",
            "refinement_level": 12,
            "indexing_scheme": "nested",
            "spatial_dimension": "cells",
            "ellipsoid": {"name": "WGS84", "semi_major_axis": 6_378_137.0, "inverse_flattening": 298.257_223_563},
            "coordinate": "cell_ids",
            "compression": "none",
        },
    });
    StoreTemplate {
        attributes: Map::new(),
        groups: vec![GroupSpec { name: "12".to_owned(), attributes: object(&dggs), arrays }],
        hash: format!("small-store-{chunk}"),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
