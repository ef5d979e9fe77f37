//! Ids of a million positions against those of the library on the sphere, and packed words against their definition.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cdshealpix::nested::get;
use proptest::prelude::*;
use serde_json::json;
use zagg_core::grid::Grid;
use zagg_healpix::make;

/// Positions in all.
const POSITIONS: usize = 1_000_000;

fn grid(order: u8, ellipsoid: &str) -> Box<dyn Grid> {
    let options = json!({"parent_order": order, "child_order": order, "ellipsoid": ellipsoid});
    make(options.as_object().unwrap()).unwrap()
}

/// A number in [0, 1) for each place of a sequence (SplitMix64 of a counter).
fn random(at: u64) -> f64 {
    let mut z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Positions all over the globe: half of them uniform, a quarter near the poles, a quarter on or next to borders of base cells,
/// the antimeridian and the poles themselves.
fn positions() -> (Vec<f64>, Vec<f64>) {
    let one = |i: u64| {
        let (a, b) = (random(2 * i + 1), random(2 * i + 2));
        let lon = 360.0 * a - 180.0;
        match i % 8 {
            0..=3 => (lon, (2.0 * b - 1.0).asin().to_degrees()),
            4 => (lon, 90.0 - 2_f64.powf(-40.0 * b)),
            5 => (lon, 2_f64.powf(-40.0 * b) - 90.0),
            // Meridians between base cells, and a little to either side of them.
            6 => (45.0 * (8.0 * a).floor() - 180.0 + 1e-12 * (b - 0.5), 180.0 * b - 90.0),
            _ => {
                let lats = [
                    -90.0,
                    90.0,
                    0.0,
                    (2.0_f64 / 3.0).asin().to_degrees(),
                    -(2.0_f64 / 3.0).asin().to_degrees(),
                ];
                (lon, lats[(i / 8) as usize % lats.len()])
            }
        }
    };
    (0..POSITIONS as u64).map(one).unzip()
}

#[test]
fn ids_on_the_sphere_are_those_of_cdshealpix() {
    let (lon, lat) = positions();
    let mut cells = vec![0; lon.len()];
    for order in [0, 6, 12, 19, 29] {
        let (ours, layer) = (grid(order, "sphere"), get(order));
        ours.locate(&lon, &lat, &mut cells);
        let theirs = |lon: f64, lat: f64| layer.hash(lon.to_radians(), lat.to_radians());
        let mut differing = 0;
        for ((&lon, &lat), &cell) in lon.iter().zip(&lat).zip(&cells) {
            if cell == theirs(lon, lat) {
                continue;
            }
            differing += 1;
            // A move of 1e-12 rad in some direction must lead to the cell that we found.
            let near = (0..64).any(|step| {
                let (sin, cos) = (f64::from(step) / 64.0 * std::f64::consts::TAU).sin_cos();
                let away = 1e-12_f64.to_degrees();
                let east = away * cos / lat.to_radians().cos().max(1e-9);
                theirs(lon + east, (lat + away * sin).clamp(-90.0, 90.0)) == cell
            });
            assert!(order == 29 && near, "order {order} ({lon}, {lat}): {cell}, not {}", theirs(lon, lat));
        }
        println!("order {order}: {differing} of {POSITIONS} differ, all within 1e-12 rad of a border");
    }
}

proptest! {
    /// The key of a shard is its packed word: base cell + 1 in bits 60 to 63, two bits for each order from bit 59 down, and the
    /// order in the last six; orders 28 and 29 have a code of their own there. The label has the same digits.
    #[test]
    fn keys_and_labels_are_those_of_the_definition(order in 0..=29_u8, at in 0.0..1.0_f64) {
        let id = ((12_u64 << (2 * order)) as f64 * at) as u64;
        let grid = grid(order, "WGS84");
        let digits: Vec<u64> = (1..=order).map(|k| (id >> (2 * (order - k))) & 3).collect();
        let base = id >> (2 * order);
        let mut word = (base + 1) << 60;
        for (k, digit) in digits.iter().take(27).enumerate() {
            word |= digit << (58 - 2 * k);
        }
        word |= match digits[..] {
            [.., t28] if order == 28 => 28 + 5 * t28,
            [.., t28, t29] if order == 29 => 28 + 5 * t28 + 1 + t29,
            _ => order.into(),
        };
        prop_assert_eq!(grid.shard_key(id), word);
        prop_assert_eq!(grid.shard_from_key(word), Ok(id));
        let sign = if base < 6 { "" } else { "-" };
        let label: String = digits.iter().map(|digit| (digit + 1).to_string()).collect();
        let label = format!("{sign}{}{label}", base % 6 + 1);
        prop_assert_eq!(grid.shard_label(id), &*label);
        prop_assert_eq!(grid.shard_from_label(&label), Ok(id));
    }
}
