//! Points located per second.

// A benchmark may fail like a test.
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::json;
use zagg_core::grid::Grid;

const POINTS: u32 = 1 << 16;

fn main() {
    divan::main();
}

fn grid(crs: &str, half: f64, resolution: f64) -> Box<dyn Grid> {
    let options =
        json!({"crs": crs, "resolution": resolution, "bounds": [-half, -half / 2.0, half, half / 2.0]});
    zagg_rectilinear::make(options.as_object().unwrap()).unwrap()
}

/// Positions along tracks, from one latitude to another.
fn positions(south: f64, north: f64) -> (Vec<f64>, Vec<f64>) {
    (0..POINTS)
        .map(|i| {
            let t = f64::from(i) / f64::from(POINTS);
            ((t * 7919.0) % 360.0 - 180.0, south + t * (north - south))
        })
        .unzip()
}

#[divan::bench(args = ["EPSG:4326", "EPSG:3031", "EPSG:3413", "EPSG:32633", "EPSG:6933"])]
fn locate(bencher: Bencher<'_, '_>, crs: &str) {
    let (half, resolution, south, north) = match crs {
        "EPSG:4326" => (180.0, 0.05, -88.0, 88.0),
        "EPSG:3413" => (4e6, 5000.0, 60.0, 88.0),
        "EPSG:3031" => (3.2e6, 5000.0, -88.0, -60.0),
        _ => (1.7e7, 5000.0, -80.0, 80.0),
    };
    let grid = grid(crs, half, resolution);
    let (lon, lat) = positions(south, north);
    let mut cells = vec![0; lon.len()];
    bencher.counter(ItemsCount::new(lon.len())).bench_local(|| grid.locate(&lon, &lat, &mut cells));
}

#[divan::bench]
fn cover_antarctica(bencher: Bencher<'_, '_>) {
    let grid = grid("EPSG:3031", 3.2e6, 500.0);
    let box_of =
        zagg_core::footprint::Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: -60.0 };
    bencher.bench_local(|| grid.cover(&box_of).unwrap());
}
