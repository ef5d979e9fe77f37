//! Shards that a footprint is known to touch, found without a search.
//!
//! The search then only has to tell about the others: a piece of the globe all of whose shards are found is not divided any more.

use zagg_core::footprint::LonLat;
use zagg_core::sphere::{Arc, chord, chord_to_angle, position, unit};

use super::image::{shard_at, span_of};
use super::wanted::Wanted;
use crate::grid::RectilinearGrid;

/// The most places along one edge.
const PLACES: f64 = 64.0;

/// The shards of places along the edges between these vertices, and from the last to the first one of a ring: two places for each
/// shard that an edge crosses.
pub(super) fn seeds(
    grid: &RectilinearGrid,
    wanted: Option<&Wanted<'_>>,
    vertices: &[LonLat],
    ring: bool,
) -> Vec<u64> {
    let ([h, w], (x, y)) = (grid.options().chunk_shape, in_cells(grid, vertices));
    let mut places = Vec::new();
    let edges = vertices.len().saturating_sub(usize::from(!ring));
    for i in 0..edges {
        let j = (i + 1) % vertices.len();
        let (dx, dy) = ((x[j] - x[i]).abs(), (y[j] - y[i]).abs());
        let shards = (dx / w as f64).max(dy / h as f64);
        // An edge is bent in the plane, by less than its length. False for NaN.
        let may_meet = |wanted: &Wanted<'_>| {
            let side = |a: f64, b: f64, d: f64| [a.min(b) - d, a.max(b) + d];
            span_of(grid, [side(x[i], x[j], dx + dy), side(y[i], y[j], dx + dy)])
                .is_some_and(|span| wanted.may_meet(&span))
        };
        if !shards.is_finite() || wanted.is_some_and(|wanted| !may_meet(wanted)) {
            continue;
        }
        let steps = (2.0 * shards).ceil().clamp(1.0, PLACES);
        let Ok(Some(arc)) = Arc::between(vertices[i], vertices[j]) else { continue };
        let [a, b] = [i, j].map(|at| unit(vertices[at][0], vertices[at][1]));
        let length = chord_to_angle(chord(a, b));
        places.push(vertices[i]);
        places.extend((1..steps as u32).map(|step| position(arc.along(length * f64::from(step) / steps))));
    }
    let (x, y) = in_cells(grid, &places);
    let mut shards: Vec<u64> = x.into_iter().zip(y).filter_map(|(x, y)| shard_at(grid, x, y)).collect();
    shards.dedup();
    shards
}

fn in_cells(grid: &RectilinearGrid, places: &[LonLat]) -> (Vec<f64>, Vec<f64>) {
    let (lon, lat): (Vec<f64>, Vec<f64>) = places.iter().map(|place| (place[0], place[1])).unzip();
    let (mut x, mut y) = (vec![0.0; places.len()], vec![0.0; places.len()]);
    grid.in_cells(&lon, &lat, &mut x, &mut y);
    (x, y)
}
