//! From footprints to shards.
//!
//! The edges of polygons and lines are great circles between the vertices as they are given: on the sphere whose latitude
//! is the geodetic one, which is how spherical geometry libraries and catalogs take them. Cells are brought to that sphere,
//! not the edges to the sphere of the cells, so that no edge has to be approximated. The search is that of
//! [`zagg_core::sphere::TreeSearch`].

use cdshealpix::nested::get;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Cover, CoverOptions, ascending};
use zagg_core::sphere::{CellTree, Cone, TreeSearch, normalized, shards_of_points, unit};
use zagg_core::{Error, Result};

use crate::grid::{HealpixGrid, geodetic_degrees};
use crate::options::Ellipsoid;

/// No place of a cell is farther from its centre than this divided by `2^order`, in radians (tested).
const REACH: f64 = 1.1;

/// Every place nearer to the centre than this divided by `2^order`, in radians, is in the cell (tested).
const CORE: f64 = 0.33;

/// The cells of all orders.
pub(crate) struct Cells(pub(crate) Ellipsoid);

impl CellTree for Cells {
    fn roots(&self) -> u64 {
        12
    }

    fn cone(&self, order: u8, id: u64) -> Cone {
        let lon_lat = geodetic_degrees(self.0, get(order).center(id));
        let centre = unit(lon_lat.0, lon_lat.1);
        let size = self.size(order);
        // Well within the cell, and on no meridian or parallel through its centre or its vertices.
        let aside = [0.236_7 - centre[0], 0.871_3 - centre[1], 0.430_1 - centre[2]];
        let sample = normalized(std::array::from_fn(|i| centre[i] + 0.5 * CORE * size * 0.5 * aside[i]));
        Cone { centre, lon_lat, radius: (REACH * size).min(std::f64::consts::PI), sample }
    }

    fn core(&self, order: u8, _: u64) -> f64 {
        CORE * self.size(order)
    }
}

impl Cells {
    fn size(&self, order: u8) -> f64 {
        1.0 / (1_u64 << order) as f64
    }
}

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &HealpixGrid, footprint: &Footprint) -> Result<Vec<u64>> {
    Searched { grid, search: search(grid), options: CoverOptions::default() }.cover(footprint)
}

/// The grid made ready for many footprints.
pub(crate) fn prepared<'a>(grid: &'a HealpixGrid, options: &CoverOptions<'a>) -> impl Cover + 'a {
    let among = options.among.map(|set| set.shards().to_vec());
    let search = search(grid).widened(options.widened).prepared(among);
    Searched { grid, search, options: *options }
}

fn search(grid: &HealpixGrid) -> TreeSearch<Cells> {
    let options = grid.options();
    TreeSearch::new(
        Cells(options.ellipsoid),
        options.parent_order,
        options.child_order,
        "output.grid.parent_order",
    )
}

struct Searched<'a> {
    grid: &'a HealpixGrid,
    search: TreeSearch<Cells>,
    options: CoverOptions<'a>,
}

impl Searched<'_> {
    fn part(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let shards = match footprint {
            Footprint::Points(points) if self.options.widened <= 0.0 => shards_of_points(self.grid, points)?,
            Footprint::Shards(shards) => {
                if let Some(shard) = shards.iter().find(|shard| **shard >= self.grid.shard_count()) {
                    return Err(Error::input(format!(
                        "the footprint names shard {shard}, but the grid has shards 0 to {}",
                        self.grid.shard_count() - 1
                    )));
                }
                ascending(shards.clone())
            }
            _ => return self.search.cover(footprint),
        };
        Ok(self.options.wanted(shards))
    }
}

impl Cover for Searched<'_> {
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        footprint.cover_parts(|part| self.part(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zagg_core::sphere::{chord, chord_to_angle};

    /// The cone of every cell contains the whole outline of the cell, and its core nothing of it.
    #[test]
    fn outlines_lie_between_cores_and_cones() {
        let (mut farthest, mut nearest) = (0.0_f64, f64::INFINITY);
        for ellipsoid in [Ellipsoid::Wgs84, Ellipsoid::Sphere] {
            let cells = Cells(ellipsoid);
            let coarse = (0..=5_u8).flat_map(|order| (0..get(order).n_hash()).map(move |id| (order, id)));
            // Small cells everywhere, those at the poles and the corners of base cells among them.
            let fine = [9_u8, 14, 20].into_iter().flat_map(|order| {
                let n = get(order).n_hash();
                (0..48)
                    .flat_map(move |part| {
                        [part * (n / 48), (part + 1) * (n / 48) - 1, part * (n / 48) + n / 97]
                    })
                    .map(move |id| (order, id))
            });
            for (order, id) in coarse.chain(fine) {
                let cone = cells.cone(order, id);
                let [south, east, north, west] = get(order).vertices(id);
                assert!(south.1 < north.1 && east != west);
                for place in
                    get(order).path_along_cell_edge(id, &cdshealpix::compass_point::Cardinal::S, false, 16)
                {
                    let (lon, lat) = geodetic_degrees(ellipsoid, place);
                    let distance = chord_to_angle(chord(cone.centre, unit(lon, lat)));
                    farthest = farthest.max(distance / cone.radius);
                    nearest = nearest.min(distance / cells.core(order, id));
                }
                assert!(chord_to_angle(chord(cone.centre, cone.sample)) < 0.6 * cells.core(order, id));
            }
        }
        assert!((0.9..0.99).contains(&farthest) && (1.01..1.1).contains(&nearest), "{farthest} {nearest}");
    }
}
