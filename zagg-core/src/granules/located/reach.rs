//! Which shards lie within reach of positions.

use std::f64::consts::TAU;

use crate::grid::{Grid, NO_CELL};
use crate::sphere::{Vector, chord, chord_to_angle, normalized, unit};

/// Least radius of curvature of the ellipsoid in metres: an angle of this many metres is not too small anywhere.
const LEAST_RADIUS: f64 = 6_335_000.0;

/// Positions that are judged together, first many of them, then fewer.
const BLOCKS: [usize; 2] = [64, 8];

/// Places on the ring around a block, and around one position.
const COARSE_RING: usize = 12;
const FINE_RING: usize = 24;

/// Positions whose rings are located at once.
const AT_ONCE: usize = 2048;

/// Radius of a ring, as a multiple of the radius that must not touch another shard.
const BLOCK_MARGIN: f64 = 1.6;
const FINE_MARGIN: f64 = 2.0;

/// Positions by number with the shards other than their own that lie within `reach` metres, each pair once, ascending.
///
/// Shards are found by the places of a ring of twice the reach: one whose corner of less than 30° pokes into the reach
/// between two places, or that is smaller than the reach, is not found.
pub(super) fn touched(
    grid: &dyn Grid,
    positions: &[(usize, f64, f64)],
    homes: &[u64],
    reach: f64,
) -> Vec<(usize, u64)> {
    if reach <= 0.0 || positions.is_empty() {
        return Vec::new();
    }
    let reach = reach / LEAST_RADIUS;
    let units: Vec<Vector> = positions.iter().map(|&(_, lon, lat)| unit(lon, lat)).collect();
    let mut near: Vec<usize> = (0..units.len()).collect();
    for block in BLOCKS {
        near = near_borders(grid, &units, &near, block, reach);
    }
    let mut pairs = Vec::new();
    for some in near.chunks(AT_ONCE) {
        let rings: Vec<(Vector, f64)> = some.iter().map(|&at| (units[at], reach * FINE_MARGIN)).collect();
        let shards = shards_of_rings(grid, &rings, FINE_RING);
        for (&at, shards) in some.iter().zip(shards.chunks(FINE_RING + 1)) {
            let number = positions[at].0;
            let mut others: Vec<u64> =
                shards.iter().copied().filter(|&shard| shard != NO_CELL && shard != homes[number]).collect();
            others.sort_unstable();
            others.dedup();
            pairs.extend(others.into_iter().map(|shard| (number, shard)));
        }
    }
    pairs
}

/// Of some positions by number, those that may be within reach of another shard than theirs, judged by blocks.
fn near_borders(grid: &dyn Grid, units: &[Vector], some: &[usize], block: usize, reach: f64) -> Vec<usize> {
    let rings: Vec<(Vector, f64)> = some
        .chunks(block)
        .map(|block| {
            let sum = block.iter().fold([0.0; 3], |s, &at| std::array::from_fn(|i| s[i] + units[at][i]));
            let centre = normalized(sum);
            let radius = block.iter().map(|&at| chord_to_angle(chord(units[at], centre))).fold(0.0, f64::max);
            (centre, (radius + reach) * BLOCK_MARGIN)
        })
        .collect();
    let mut near = Vec::new();
    // Of all blocks at once the places would take more memory than the positions.
    for (some, rings) in some.chunks(block * AT_ONCE).zip(rings.chunks(AT_ONCE)) {
        let shards = shards_of_rings(grid, rings, COARSE_RING);
        let blocks = some.chunks(block).zip(shards.chunks(COARSE_RING + 1)).zip(rings);
        for ((block, shards), (centre, radius)) in blocks {
            // A shard around the whole ring holds what is inside it, as far as a ring has an inside.
            let is_sound = *radius < 0.5 && *centre != [0.0; 3];
            if !is_sound || shards.iter().any(|shard| *shard != shards[0]) {
                near.extend_from_slice(block);
            }
        }
    }
    near
}

/// The shards of the centre of every ring and of its places.
fn shards_of_rings(grid: &dyn Grid, rings: &[(Vector, f64)], places: usize) -> Vec<u64> {
    let count = rings.len() * (places + 1);
    let (mut lon, mut lat) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut put = |p: Vector| {
        lon.push(p[1].atan2(p[0]).to_degrees());
        lat.push(p[2].atan2(p[0].hypot(p[1])).to_degrees());
    };
    let directions: Vec<(f64, f64)> =
        (0..places).map(|n| (TAU * n as f64 / places as f64).sin_cos()).collect();
    for &(centre, radius) in rings {
        put(centre);
        let (east, north) = tangents(centre);
        let (sin, cos) = radius.min(1.5).sin_cos();
        for (a, b) in &directions {
            put(std::array::from_fn(|i| centre[i] * cos + (east[i] * a + north[i] * b) * sin));
        }
    }
    let mut cells = vec![NO_CELL; count];
    grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![NO_CELL; count];
    grid.shards_of(&cells, &mut shards);
    shards
}

/// Two directions at right angles to a place and to each other.
fn tangents([x, y, z]: Vector) -> (Vector, Vector) {
    let east = if x.hypot(y) > 1e-9 { normalized([-y, x, 0.0]) } else { [0.0, 1.0, 0.0] };
    let north = [y * east[2] - z * east[1], z * east[0] - x * east[2], x * east[1] - y * east[0]];
    (east, normalized(north))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tangents_are_at_right_angles_everywhere() {
        for (lon, lat) in [(0.0, 0.0), (123.0, -45.0), (-180.0, 89.999_999), (7.0, 90.0), (0.0, -90.0)] {
            let place = unit(lon, lat);
            let (east, north) = tangents(place);
            for (a, b, product) in
                [(place, east, 0.0), (place, north, 0.0), (east, north, 0.0), (north, north, 1.0)]
            {
                let dot: f64 = (0..3).map(|i| a[i] * b[i]).sum();
                assert!((dot - product).abs() < 1e-12, "{lon} {lat}: {dot}");
            }
        }
    }
}
