//! Ids, labels and centres against values that other programs gave.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;
use zagg_core::grid::{Grid, NO_CELL};
use zagg_healpix::make;

fn grid(parent: u8, child: u8, ellipsoid: &str) -> Box<dyn Grid> {
    make(json!({"parent_order": parent, "child_order": child, "ellipsoid": ellipsoid}).as_object().unwrap())
        .unwrap()
}

fn locate(grid: &dyn Grid, lon: f64, lat: f64) -> u64 {
    let mut cell = [0];
    grid.locate(&[lon], &[lat], &mut cell);
    cell[0]
}

/// The values of mortie for one position, and the poles and the origin.
#[test]
fn known_cells_keys_and_labels() {
    let wgs84 = grid(6, 12, "WGS84");
    let (lon, lat) = (-120.3, -78.5);
    assert_eq!(locate(&*wgs84, lon, lat), 168_190_811);
    assert_eq!(locate(&*grid(6, 12, "sphere"), lon, lat), 168_190_796);
    let mut shard = [0];
    wgs84.shards_of(&[168_190_811], &mut shard);
    assert_eq!(shard, [41_062]);
    assert_eq!(wgs84.shard_key(41_062), 12_710_846_998_299_803_654);
    assert_eq!(wgs84.shard_label(41_062), "-5112323");
    assert_eq!(grid(12, 12, "WGS84").shard_key(168_190_811), 12_710_906_028_330_319_884);
    assert_eq!(grid(12, 12, "WGS84").shard_label(168_190_811), "-5112323142234");

    let order6 = grid(6, 6, "WGS84");
    for (lat, id, label) in [(-90.0, 32_768, "-3111111"), (90.0, 4095, "1444444"), (0.0, 19_456, "5411111")] {
        assert_eq!(locate(&*order6, 0.0, lat), id);
        assert_eq!(order6.shard_label(id), label);
    }
}

/// The check value of CF 1.13: the centre of the first base cell.
#[test]
fn centre_of_the_first_base_cell() {
    for (ellipsoid, expected) in [("WGS84", 41.938), ("sphere", 41.810)] {
        let (mut lon, mut lat) = ([0.0], [0.0]);
        grid(0, 0, ellipsoid).centres(0, &[0], &mut lon, &mut lat);
        assert_eq!(lon, [45.0]);
        assert!((lat[0] - expected).abs() < 5e-4, "{ellipsoid}: {}", lat[0]);
    }
}

/// Whether a move of `distance` radians in some direction leads from one cell to the other.
fn within(grid: &dyn Grid, lon: f64, lat: f64, other: u64, distance: f64) -> bool {
    (0..64).any(|i| {
        let angle = f64::from(i) * std::f64::consts::TAU / 64.0;
        let (east, north) = (distance.to_degrees() * angle.cos(), distance.to_degrees() * angle.sin());
        let stretch = lat.to_radians().cos().max(1e-9);
        locate(grid, lon + east / stretch, (lat + north).clamp(-90.0, 90.0)) == other
    })
}

/// 2,000 positions, many of them on borders, against healpix-geo (see `make_reference.py`).
#[test]
fn ids_equal_those_of_healpix_geo() {
    let text = include_str!("reference.tsv");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split('\t').skip(2).collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 2000);
    let lon: Vec<f64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    let lat: Vec<f64> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    let mut cells = vec![0; rows.len()];
    for (column, name) in names.iter().enumerate() {
        let (ellipsoid, order) = name.split_once('_').unwrap();
        let order: u8 = order.parse().unwrap();
        let grid = grid(order, order, if ellipsoid == "wgs84" { "WGS84" } else { "sphere" });
        grid.locate(&lon, &lat, &mut cells);
        let mut differing = 0;
        for (i, row) in rows.iter().enumerate() {
            let expected: u64 = row[column + 2].parse().unwrap();
            if cells[i] != expected {
                differing += 1;
                assert!(
                    order > 19 && within(&*grid, lon[i], lat[i], expected, 1e-12),
                    "{name} ({}, {}): {} instead of {expected}",
                    lon[i],
                    lat[i],
                    cells[i]
                );
            }
        }
        println!("{name}: {differing} of {} differ, all within 1e-12 rad of a border", rows.len());
    }
}

#[test]
fn what_is_no_position_has_no_cell() {
    let grid = grid(6, 12, "WGS84");
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    for (lon, lat) in [
        (nan, 0.0),
        (0.0, nan),
        (inf, 0.0),
        (0.0, -inf),
        (0.0, 90.000_000_1),
        (0.0, -91.0),
        (0.0, 1e300),
        (nan, nan),
    ] {
        assert_eq!(locate(&*grid, lon, lat), NO_CELL, "({lon}, {lat})");
    }
    for lon in [-180.0, 180.0, 360.0, -1e-300, -0.0, 1e18, -1e300, f64::MAX] {
        for lat in [-90.0, -45.0, -0.0, 41.81, 90.0] {
            assert!(locate(&*grid, lon, lat) < 12 << 24, "({lon}, {lat})");
        }
    }
    for lat in [-89.0, -50.0, 0.0, 30.0, 89.0] {
        assert_eq!(locate(&*grid, -180.0, lat), locate(&*grid, 180.0, lat));
        assert_eq!(locate(&*grid, -0.0, lat), locate(&*grid, 0.0, lat));
        assert_eq!(locate(&*grid, 360.0, lat), locate(&*grid, 0.0, lat));
    }
}

#[test]
fn keys_and_labels_of_other_grids_are_refused() {
    let grid = grid(6, 12, "WGS84");
    assert_eq!(grid.shard_from_key(12_710_846_998_299_803_654).unwrap(), 41_062);
    assert_eq!(grid.shard_from_label("-5112323").unwrap(), 41_062);
    // Order 12, null, an invalid prefix, stray bits, a point.
    for key in [
        12_710_906_028_330_319_884,
        0,
        u64::MAX,
        12_710_846_998_299_803_654 | 1 << 6,
        12_710_846_998_299_803_703,
    ] {
        assert!(grid.shard_from_key(key).is_err(), "{key}");
    }
    for label in
        ["", "-", "7111111", "-511232", "-51123231", "-5112325", "41062", "-5112323p", "x", "−5112323"]
    {
        assert!(grid.shard_from_label(label).is_err(), "{label}");
    }
    let message = grid.shard_from_label("-511232").unwrap_err().to_string();
    assert_eq!(
        message,
        "label \"-511232\" is a cell of order 5, but shards have order 6 (parent_order); the shard map or the option \
         belongs to another grid"
    );
}
