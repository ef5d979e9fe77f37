//! From footprints to shards.
//!
//! The edges of polygons and lines are great circles between the vertices as they are given: on the sphere whose latitude
//! is the geodetic one, which is how spherical geometry libraries and catalogs take them. Cells are brought to that sphere,
//! not the edges to the sphere of the cells, so that no edge has to be approximated.
//!
//! The search goes down from the twelve base cells. A cell is represented by a cone that contains it; a region says of a
//! cone that it lies outside, inside, or perhaps on the border. Shards on the border are examined a few orders deeper (at
//! most to the order of the cells), until one of their parts is inside or still perhaps touched. The answer may therefore hold
//! a shard that comes within about a cell's or a thirty-second of a shard's width of the region, but it never lacks one.

use cdshealpix::nested::get;
use zagg_core::footprint::{Footprint, LonLat};
use zagg_core::grid::Grid;
use zagg_core::sphere::{
    Cone, LineRegion, PolygonRegion, Rectangle, Region, Shape, Verdict, check_position, chord,
    chord_to_angle, normalized, unit,
};
use zagg_core::{Error, Result};

use crate::grid::{HealpixGrid, geodetic_degrees};
use crate::options::Ellipsoid;

/// The most shards a cover may have; a finer cover of a large area would exhaust memory before anyone could use it.
const MAX_SHARDS: usize = 1 << 24;

/// Orders below the shard's at which its border is still examined.
const DEEPER: u8 = 5;

/// Cells bulge out between their vertices; no cell reaches further than this times its farthest vertex (tested).
const BULGE: f64 = 1.02;

/// A cone that contains a cell, on the geodetic sphere.
fn cone_of_cell(order: u8, id: u64, ellipsoid: Ellipsoid) -> Cone {
    let layer = get(order);
    let lon_lat = geodetic_degrees(ellipsoid, layer.center(id));
    let centre = unit(lon_lat.0, lon_lat.1);
    let vertices = layer.vertices(id).map(|vertex| {
        let (lon, lat) = geodetic_degrees(ellipsoid, vertex);
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

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &HealpixGrid, footprint: &Footprint) -> Result<Vec<u64>> {
    match footprint {
        Footprint::Polygons(polygons) => {
            let mut shards = Shards::default();
            for polygon in polygons {
                shards.merge(match PolygonRegion::shape(polygon)? {
                    Shape::Region(region) => search(grid, &region)?,
                    Shape::Everywhere => all(grid)?,
                    Shape::Place(line) => search(grid, &line)?,
                })?;
            }
            Ok(shards.0)
        }
        Footprint::Lines(lines) => {
            let mut shards = Shards::default();
            for line in lines {
                shards.merge(search(grid, &LineRegion::new(line)?)?)?;
            }
            Ok(shards.0)
        }
        Footprint::Points(points) => cover_points(grid, points),
        Footprint::Box { west, south, east, north } => {
            search(grid, &Rectangle::new(*west, *south, *east, *north)?)
        }
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
        _ => Err(Error::unsupported("the healpix grid does not know this kind of footprint")),
    }
}

fn cover_points(grid: &HealpixGrid, points: &[LonLat]) -> Result<Vec<u64>> {
    for point in points {
        check_position(*point)?;
    }
    let (lon, lat): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p[0], p[1])).unzip();
    let mut cells = vec![0; points.len()];
    grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![0; points.len()];
    grid.shards_of(&cells, &mut shards);
    shards.sort_unstable();
    shards.dedup();
    Ok(shards)
}

fn too_many() -> Error {
    Error::input(format!(
        "the footprint covers more than {MAX_SHARDS} shards; use a smaller area or a smaller output.grid.parent_order"
    ))
}

fn all(grid: &HealpixGrid) -> Result<Vec<u64>> {
    if grid.shard_count() > MAX_SHARDS as u64 {
        return Err(too_many());
    }
    Ok((0..grid.shard_count()).collect())
}

/// Ascending, distinct shards.
#[derive(Default)]
struct Shards(Vec<u64>);

impl Shards {
    fn merge(&mut self, mut more: Vec<u64>) -> Result<()> {
        if self.0.is_empty() {
            self.0 = more;
            return Ok(());
        }
        // Both parts are ascending runs, which the stable sort merges in linear time.
        self.0.append(&mut more);
        self.0.sort();
        self.0.dedup();
        if self.0.len() > MAX_SHARDS { Err(too_many()) } else { Ok(()) }
    }
}

/// The search through the tree of cells.
struct Search<'a, R> {
    region: &'a R,
    ellipsoid: Ellipsoid,
    shard_order: u8,
    deepest: u8,
    found: Vec<u64>,
}

fn search<R: Region>(grid: &HealpixGrid, region: &R) -> Result<Vec<u64>> {
    let options = grid.options();
    let mut search = Search {
        region,
        ellipsoid: options.ellipsoid,
        shard_order: options.parent_order,
        deepest: (options.parent_order + DEEPER).min(options.child_order),
        found: Vec::new(),
    };
    let start = region.start();
    for base in 0..12 {
        search.visit(0, base, &start)?;
    }
    Ok(search.found)
}

impl<R: Region> Search<'_, R> {
    /// Visits a cell no finer than a shard. The depth of the recursion is at most the order, 29.
    fn visit(&mut self, order: u8, id: u64, parent: &R::State) -> Result<()> {
        match self.region.judge(parent, &cone_of_cell(order, id, self.ellipsoid)) {
            Verdict::Outside => Ok(()),
            Verdict::Inside => {
                let shift = 2 * (self.shard_order - order);
                if (1_u64 << shift) > (MAX_SHARDS - self.found.len()) as u64 {
                    return Err(too_many());
                }
                self.found.extend((id << shift)..((id + 1) << shift));
                Ok(())
            }
            Verdict::Maybe(state) if order == self.shard_order => {
                if self.touched(order, id, &state) {
                    if self.found.len() == MAX_SHARDS {
                        return Err(too_many());
                    }
                    self.found.push(id);
                }
                Ok(())
            }
            Verdict::Maybe(state) => {
                (0..4).try_for_each(|child| self.visit(order + 1, (id << 2) | child, &state))
            }
        }
    }

    /// Whether some part of a cell on the border is in the region, as far as the deepest order shows.
    fn touched(&self, order: u8, id: u64, state: &R::State) -> bool {
        order >= self.deepest
            || (0..4).any(|child| {
                let id = (id << 2) | child;
                match self.region.judge(state, &cone_of_cell(order + 1, id, self.ellipsoid)) {
                    Verdict::Outside => false,
                    Verdict::Inside => true,
                    Verdict::Maybe(state) => self.touched(order + 1, id, &state),
                }
            })
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
                    let cone = cone_of_cell(order, id, ellipsoid);
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
