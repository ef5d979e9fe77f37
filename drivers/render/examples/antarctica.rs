//! How long a picture of a whole continent takes: writes a store with all cells of order 12 that a made-up ice sheet of
//! Antarctica's size has, and draws it.
//!
//! usage: antarctica FOLDER
//! Writes FOLDER/antarctica.zarr unless it is there, FOLDER/antarctica.png and FOLDER/antarctica.tif.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A tool that people start by hand.

#[allow(dead_code, reason = "shared with the tests of pictures")]
#[path = "../tests/stores/make.rs"]
mod make;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use zagg_core::grid::Grid;
use zagg_core::registry::Registry;
use zagg_render::{Map, Request, Style};
use zagg_zarr::ZarrStore;

/// Latitude of the coast at a longitude, degrees.
fn coast(lon: f64) -> f64 {
    let lon = lon.to_radians();
    -70.5 + 2.5 * (3.0 * lon).sin() + 1.5 * (7.0 * lon + 1.0).cos()
}

/// Height of the ice, NaN on the sea.
fn height(lon: f64, lat: f64) -> f32 {
    let share = (90.0 + lat) / (90.0 + coast(lon));
    let ripples = 40.0 * (lon * 0.9).sin() * (lat * 4.0).cos();
    if share > 1.0 { f32::NAN } else { (3900.0 * (1.0 - share * share).sqrt() + ripples) as f32 }
}

/// Whether a shard has a cell on the ice.
fn has_ice(grid: &dyn Grid, shard: u64) -> bool {
    let cells = grid.cells_of_shard(shard, 9);
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(9, &cells, &mut lon, &mut lat);
    lon.iter().zip(&lat).any(|(&lon, &lat)| lat < coast(lon) + 0.1)
}

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| ".".into()));
    let path = folder.join("antarctica.zarr");
    let store = ZarrStore::open_path(&path).unwrap();
    if !path.exists() {
        let grid = make::grid("healpix", &json!({"type": "healpix", "parent_order": 6, "child_order": 12}));
        let shards: Vec<u64> = (0..12 * 4096).filter(|&shard| has_ice(&*grid, shard)).collect();
        make::store(&store, &*grid, &shards, true, &|_, lon, lat| height(lon, lat));
        println!("{} shards, {} cells", shards.len(), shards.len() * 4096);
    }
    let registry = Registry::linked().unwrap();
    for size in [1000, 2000, 4000] {
        let request = Request { variable: "h".into(), level: None, crs: None, area: None, size, item: None };
        let start = Instant::now();
        let map = Map::of(&store, &registry, &request).unwrap();
        let read = start.elapsed().as_secs_f64();
        let picture = map.to_png(&Style::default()).unwrap();
        let drawn = start.elapsed().as_secs_f64() - read;
        println!(
            "{} by {} pixels, {} blocks: {read:.2} s to read, {drawn:.2} s to draw",
            map.view.width, map.view.height, map.looked.blocks
        );
        std::fs::write(folder.join("antarctica.png"), picture.png).unwrap();
        std::fs::write(folder.join("antarctica.tif"), map.to_geotiff().unwrap()).unwrap();
    }
}
