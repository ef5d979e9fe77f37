//! Writes a small store with cells that hold vectors and lists, and with Blosc frames, for trying readers on it:
//! `cargo run -p zagg-zarr --example shapes -- out.zarr`. `tests/interop/shapes.py` knows what is in it.

use serde_json::Map;
use zagg_core::store::{ArraySpec, Compression, GroupSpec, RaggedSpec, Store, StoreState, StoreTemplate};
use zagg_core::{DType, Error, Result, Values};
use zagg_zarr::ZarrStore;

const CELLS: u64 = 24;
/// Cells of a block; that of the middle is never written.
const BLOCK: u64 = 8;
const WRITTEN: [u64; 2] = [0, 2];
/// Elements of a vector.
const WIDTH: u64 = 3;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| Error::input("name the store to write"))?;
    let store = ZarrStore::open(&path)?;
    store.acquire()?;
    store.create(&template()?, true)?;
    for block in WRITTEN {
        let cells = block * BLOCK..(block + 1) * BLOCK;
        let vectors =
            cells.clone().flat_map(|i| (0..WIDTH).map(move |k| i as f32 + k as f32 / 8.0)).collect();
        let vectors = Values::Float32(vectors);
        for name in ["vectors", "sharded_vectors"] {
            store.write_block("6", name, &[block, 0], &vectors)?;
        }
        let (mut offsets, mut pairs) = (vec![0], Vec::new());
        for i in cells.clone() {
            let length = i * 5 % 4;
            pairs.extend((0..length).flat_map(|j| [i as f32 + j as f32 / 8.0, -(i as f32)]));
            offsets.push(pairs.len() as u64 / 2);
        }
        for name in ["pairs", "sharded_pairs"] {
            store.write_ragged_block("6", name, &[block], &offsets, &Values::Float32(pairs.clone()))?;
        }
        let (mut offsets, mut numbers) = (vec![0], Vec::new());
        for i in cells.clone() {
            numbers.extend((0..i % 3).map(|j| (i << 40) as i64 - j as i64));
            offsets.push(numbers.len() as u64);
        }
        store.write_ragged_block("6", "numbers", &[block], &offsets, &Values::Int64(numbers))?;
        for dtype in DType::ALL {
            let values = Values::UInt64(cells.clone().map(|i| i % 2).collect()).cast(dtype)?;
            store.write_block("6", &format!("blosc_{}", dtype.name()), &[block], &values)?;
        }
    }
    store.finalize(StoreState::Complete)?;
    store.release()
}

fn template() -> Result<StoreTemplate> {
    let array = |name: &str, dtype: DType, chunk: u64| -> Result<ArraySpec> {
        Ok(ArraySpec {
            name: name.to_owned(),
            dtype,
            fill: Values::UInt8(vec![0]).cast(dtype)?,
            ragged: None,
            dimensions: vec!["cells".to_owned()],
            shape: vec![CELLS],
            block_shape: vec![BLOCK],
            chunk_shape: vec![chunk],
            compression: Compression::Zstd,
            attributes: Map::new(),
            content: None,
        })
    };
    let mut arrays = Vec::new();
    for (name, chunk) in [("vectors", BLOCK), ("sharded_vectors", 2)] {
        let mut spec = array(name, DType::Float32, chunk)?;
        spec.fill = Values::Float32(vec![f32::NAN]);
        spec.dimensions.push("bins".to_owned());
        spec.shape.push(WIDTH);
        spec.block_shape.push(WIDTH);
        spec.chunk_shape.push(WIDTH);
        arrays.push(spec);
    }
    for (name, dtype, inner, chunk) in [
        ("pairs", DType::Float32, vec![2], BLOCK),
        ("sharded_pairs", DType::Float32, vec![2], 4),
        ("numbers", DType::Int64, Vec::new(), BLOCK),
    ] {
        let ragged = Some(RaggedSpec { inner_shape: inner });
        arrays.push(ArraySpec { ragged, ..array(name, dtype, chunk)? });
    }
    for dtype in DType::ALL {
        let chunk = if dtype.is_float() { 4 } else { BLOCK };
        let compression = Compression::ShuffleZstd;
        arrays.push(ArraySpec { compression, ..array(&format!("blosc_{}", dtype.name()), dtype, chunk)? });
    }
    let groups = vec![GroupSpec { name: "6".to_owned(), attributes: Map::new(), arrays }];
    Ok(StoreTemplate { attributes: Map::new(), groups, hash: "shapes".to_owned() })
}
