//! Time and memory of building shard maps: all granules of a mission against a state, and a dense ring around the pole.
//!
//! `cargo bench -p zagg-healpix --bench shard_maps`

// A benchmark that cannot be set up may fail, and prints what it measures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::time::Instant;

use serde_json::{Map, json};
use zagg_core::footprint::{Footprint, Polygon, tracks};
use zagg_core::granule::CatalogEntry;
use zagg_core::shard_map::{BuildOptions, ShardMap};
use zagg_healpix::make;

/// As many as the archive had of ATL03 when the Python program was measured.
const GRANULES: u32 = 555_867;

/// As many of them reach the ring around 88° south.
const POLAR: u32 = 35_639;

fn main() {
    println!("{:34} {:>9} {:>8} {:>9} {:>9} {:>9}", "", "granules", "shards", "pairs", "seconds", "peak MiB");
    let polar: Vec<CatalogEntry> = (0..POLAR).map(|revolution| tracks::granule(revolution, 11)).collect();
    let ring = Footprint::Box { west: -180.0, south: -88.0, east: 180.0, north: -87.7 };
    run("88 S, order 9", 9, &polar, Some(ring.clone()), 0.0);
    run("88 S, order 10", 10, &polar, Some(ring.clone()), 0.0);
    run("88 S, order 10, 2 km wider", 10, &polar, Some(ring), 2.0);
    drop(polar);
    let all = tracks::granules(GRANULES);
    run("California, order 6", 6, &all, Some(california()), 0.0);
    run("California, order 9", 9, &all, Some(california()), 0.0);
    run("California, order 9, 5 km wider", 9, &all, Some(california()), 5.0);
    run("the globe, order 6", 6, &all[..all.len() / 10], None, 0.0);
}

fn california() -> Footprint {
    let exterior = vec![
        [-124.4, 42.0],
        [-120.0, 42.0],
        [-120.0, 39.0],
        [-114.6, 35.0],
        [-114.1, 34.3],
        [-114.7, 32.7],
        [-117.1, 32.5],
        [-118.5, 34.0],
        [-120.6, 34.5],
        [-121.9, 36.6],
        [-123.7, 38.9],
        [-124.4, 40.4],
    ];
    Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }])
}

fn run(name: &str, order: u8, entries: &[CatalogEntry], area: Option<Footprint>, footprint_buffer_km: f64) {
    let options = json!({"parent_order": order, "child_order": order + 10});
    let grid = make(options.as_object().unwrap()).unwrap();
    let options = BuildOptions { area, footprint_buffer_km };
    // From here on the peak counts.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let start = Instant::now();
    let map = ShardMap::build(&*grid, entries, Map::new(), &options).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let (shards, pairs) = (map.shards.len(), map.pairs());
    println!("{name:34} {:>9} {shards:>8} {pairs:>9} {seconds:>9.2} {:>9}", entries.len(), peak());
}

/// The most memory that was in use, with what the granules themselves need; where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map_or_else(|| "?".into(), |kib| (kib / 1024).to_string())
}
