//! Speed of the two conversions that see every row: position → cell, and cell → shard.

// A benchmark that cannot be set up may fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::json;
use zagg_core::grid::Grid;
// The trait is what the task calls, so the benchmark goes through it.
use zagg_healpix::make;

const POINTS: usize = 1 << 16;

fn main() {
    divan::main();
}

fn grid(ellipsoid: &str) -> Box<dyn Grid> {
    let options = json!({"parent_order": 6, "child_order": 12, "ellipsoid": ellipsoid});
    make(options.as_object().expect("an object")).expect("sound options")
}

/// Points along ground tracks near a pole (`track`) or anywhere (`anywhere`).
fn points(kind: &str) -> (Vec<f64>, Vec<f64>) {
    (0..POINTS)
        .map(|i| {
            let t = i as f64 / POINTS as f64;
            match kind {
                "track" => (-120.0 + 20.0 * t, -65.0 - 22.0 * t),
                _ => ((i as f64 * 137.507_764) % 360.0 - 180.0, (2.0 * t - 1.0).asin().to_degrees()),
            }
        })
        .unzip()
}

#[divan::bench(args = [("WGS84", "track"), ("WGS84", "anywhere"), ("sphere", "anywhere")])]
fn locate(bencher: Bencher, (ellipsoid, kind): (&str, &str)) {
    let (grid, (lon, lat)) = (grid(ellipsoid), points(kind));
    let mut cells = vec![0; POINTS];
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        grid.locate(black_box(&lon), black_box(&lat), &mut cells);
        cells[0]
    });
}

#[divan::bench]
fn shards_of(bencher: Bencher) {
    let (grid, (lon, lat)) = (grid("WGS84"), points("anywhere"));
    let mut cells = vec![0; POINTS];
    grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![0; POINTS];
    bencher.counter(ItemsCount::new(POINTS)).bench_local(|| {
        grid.shards_of(black_box(&cells), &mut shards);
        shards[0]
    });
}
