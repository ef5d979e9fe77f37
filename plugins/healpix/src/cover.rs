//! From footprints to shards.
//!
//! The edges of polygons and lines are great circles between the vertices as they are given: on the sphere whose latitude
//! is the geodetic one, which is how spherical geometry libraries and catalogs take them. Cells are brought to that sphere,
//! not the edges to the sphere of the cells, so that no edge has to be approximated. The search is that of
//! [`zagg_core::sphere::TreeSearch`].

use cdshealpix::nested::get;
use zagg_core::footprint::Footprint;
use zagg_core::sphere::{
    CellTree, Cone, TreeSearch, chord, chord_to_angle, normalized, shards_of_points, unit,
};
use zagg_core::{Error, Result};

use crate::grid::{HealpixGrid, geodetic_degrees};
use crate::options::Ellipsoid;

/// Cells bulge out between their vertices; no cell reaches further than this times its farthest vertex (tested).
const BULGE: f64 = 1.02;

/// The cells of all orders.
struct Cells(Ellipsoid);

impl CellTree for Cells {
    fn roots(&self) -> u64 {
        12
    }

    fn cone(&self, order: u8, id: u64) -> Cone {
        let layer = get(order);
        let lon_lat = geodetic_degrees(self.0, layer.center(id));
        let centre = unit(lon_lat.0, lon_lat.1);
        let vertices = layer.vertices(id).map(|vertex| {
            let (lon, lat) = geodetic_degrees(self.0, vertex);
            unit(lon, lat)
        });
        let reach = vertices.iter().map(|vertex| chord(centre, *vertex)).fold(0.0, f64::max);
        let radius = (chord_to_angle(reach) * BULGE + 1e-12).min(std::f64::consts::PI);
        let [south, east, north, _] = vertices;
        let sample = normalized(std::array::from_fn(|i| {
            0.537_17 * centre[i] + 0.083_91 * south[i] + 0.231_83 * east[i] + 0.147_09 * north[i]
        }));
        Cone { centre, lon_lat, radius, sample }
    }
}

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &HealpixGrid, footprint: &Footprint) -> Result<Vec<u64>> {
    let options = grid.options();
    match footprint {
        Footprint::Points(points) => shards_of_points(grid, points),
        Footprint::Shards(shards) => {
            if let Some(shard) = shards.iter().find(|shard| **shard >= grid.shard_count()) {
                return Err(Error::input(format!(
                    "the footprint names shard {shard}, but the grid has shards 0 to {}",
                    grid.shard_count() - 1
                )));
            }
            let mut shards = shards.clone();
            shards.sort_unstable();
            shards.dedup();
            Ok(shards)
        }
        _ => TreeSearch {
            tree: &Cells(options.ellipsoid),
            shard_level: options.parent_order,
            leaf_level: options.child_order,
            setting: "output.grid.parent_order",
        }
        .cover(footprint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cone of every cell contains the whole outline of the cell.
    #[test]
    fn cones_contain_their_cells() {
        let mut worst: f64 = 0.0;
        for ellipsoid in [Ellipsoid::Wgs84, Ellipsoid::Sphere] {
            for order in 0..=4_u8 {
                let layer = get(order);
                for id in 0..layer.n_hash() {
                    let cone = Cells(ellipsoid).cone(order, id);
                    for place in layer.grid(id, 16) {
                        let (lon, lat) = geodetic_degrees(ellipsoid, place);
                        let distance = chord_to_angle(chord(cone.centre, unit(lon, lat)));
                        worst = worst.max(distance / cone.radius);
                        assert!(
                            distance <= cone.radius,
                            "order {order} cell {id}: {}",
                            distance / cone.radius
                        );
                    }
                    assert!(chord_to_angle(chord(cone.centre, cone.sample)) < cone.radius);
                }
            }
        }
        // The slack is what keeps the assertion meaningful: the vertices themselves are at 1 / BULGE.
        assert!(worst < 0.999, "{worst}");
    }
}
