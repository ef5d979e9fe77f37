//! From footprints to shards.
//!
//! S2's sphere is the one whose latitude is the geodetic one, so the edges of footprints, great circles of that sphere, need no
//! conversion. The search is that of [`zagg_core::sphere::TreeSearch`], through cells that are named by level and rank.

use s2::cell::Cell;
use s2::cellid::CellID;
use s2::point::Point;
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Cover, CoverOptions, ascending};
use zagg_core::sphere::{
    CellTree, Cone, TreeSearch, Vector, chord, chord_to_angle, normalized, shards_of_points,
};
use zagg_core::{Error, Result};

use crate::grid::{FACES, S2Grid, id_of, lon_lat, rank};

/// Rounding of places allowed for, in radians: a few micrometres on the ground.
const MARGIN: f64 = 1e-12;

/// The cells of all levels.
struct Cells;

impl CellTree for Cells {
    fn roots(&self) -> u64 {
        FACES
    }

    /// Cells are bounded by great circles and less than a hemisphere, so the farthest place from the centre is a corner.
    fn cone(&self, level: u8, rank: u64) -> Cone {
        let cell = Cell::from(CellID(id_of(rank, level)));
        let vector = |place: &Point| -> Vector { [place.0.x, place.0.y, place.0.z] };
        let middle = cell.center();
        let centre = vector(&middle);
        let corners = cell.vertices().map(|corner| vector(&corner));
        let reach = corners.iter().map(|corner| chord(centre, *corner)).fold(0.0, f64::max);
        let [a, b, c, _] = corners;
        let sample = normalized(std::array::from_fn(|i| {
            0.537_17 * centre[i] + 0.083_91 * a[i] + 0.231_83 * b[i] + 0.147_09 * c[i]
        }));
        Cone { centre, lon_lat: lon_lat(middle), radius: chord_to_angle(reach) + MARGIN, sample }
    }
}

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &S2Grid, footprint: &Footprint) -> Result<Vec<u64>> {
    Searched { grid, search: search(grid), options: CoverOptions::default() }.cover(footprint)
}

/// The grid made ready for many footprints.
pub(crate) fn prepared<'a>(grid: &'a S2Grid, options: &CoverOptions<'a>) -> impl Cover + 'a {
    let level = grid.options().parent_level;
    // Ranks are in the order of ids.
    let among = options.among.map(|set| set.shards().iter().map(|id| rank(*id, level)).collect());
    let search = search(grid).widened(options.widened).prepared(among);
    Searched { grid, search, options: *options }
}

fn search(grid: &S2Grid) -> TreeSearch<Cells> {
    let options = grid.options();
    TreeSearch::new(Cells, options.parent_level, options.child_level, "output.grid.parent_level")
}

struct Searched<'a> {
    grid: &'a S2Grid,
    search: TreeSearch<Cells>,
    options: CoverOptions<'a>,
}

impl Searched<'_> {
    fn part(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let level = self.grid.options().parent_level;
        let shards = match footprint {
            Footprint::Points(points) if self.options.widened <= 0.0 => shards_of_points(self.grid, points)?,
            Footprint::Shards(shards) => {
                if let Some(shard) = shards.iter().find(|shard| !self.grid.is_shard(**shard)) {
                    return Err(Error::input(format!(
                        "the footprint names shard {shard}, which is no S2 cell of level {level} (parent_level)"
                    )));
                }
                ascending(shards.clone())
            }
            _ => {
                let ranks = self.search.cover(footprint)?;
                return Ok(ranks.into_iter().map(|rank| id_of(rank, level)).collect());
            }
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
    use zagg_core::sphere::unit;

    /// What the search relies on: the cone of a cell contains its outline.
    #[test]
    fn cones_contain_their_cells() {
        for level in 0..=5 {
            for rank in 0..crate::grid::count(level) {
                let cone = Cells.cone(level, rank);
                let corners = Cell::from(CellID(id_of(rank, level))).vertices();
                for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                    for step in 0..16 {
                        let t = f64::from(step) / 16.0;
                        let place = (a.0 * (1.0 - t) + b.0 * t).normalize();
                        let away = chord_to_angle(chord(cone.centre, [place.x, place.y, place.z]));
                        assert!(away <= cone.radius, "level {level} rank {rank}: {away} > {}", cone.radius);
                    }
                }
                assert!(chord(cone.centre, unit(cone.lon_lat.0, cone.lon_lat.1)) < 1e-14);
                assert!(chord_to_angle(chord(cone.centre, cone.sample)) < cone.radius);
            }
        }
    }
}
