//! From footprints to shards.
//!
//! Cells and the edges of polygons and lines are bounded by great circles of one sphere, so whether an edge meets a cell is
//! decided exactly, but for a margin far below the size of any cell. Boxes have parallels for borders; they are compared with
//! the bounding boxes of cells, and may therefore get a shard that only comes close. No shard that is touched is ever
//! missing.

mod outline;
mod rectangle;

use s2::cell::Cell;
use s2::cellid::CellID;
use zagg_core::footprint::{Footprint, LonLat};
use zagg_core::grid::Grid;
use zagg_core::{Error, Result};

use crate::grid::{FACES, S2Grid, id_of, is_position};
use outline::{Edges, PolygonRegion, Shape, edges};
use rectangle::Rectangle;

/// The most shards a cover may have; a finer cover of a large area would exhaust memory before anyone could use it.
const MAX_SHARDS: usize = 1 << 24;

/// What a region says of a cell.
enum Verdict<S> {
    /// No place of the cell is in the region.
    Outside,
    /// Every place is.
    Inside,
    /// Some are, or perhaps are; what is known then helps with the children.
    Border(S),
}

/// A region of the sphere.
trait Region {
    /// What is known about a cell and of use for its children.
    type State;

    /// What is known about the whole sphere.
    fn start(&self) -> Self::State;

    /// Judges a cell whose parent had the given state.
    fn judge(&self, parent: &Self::State, cell: &Cell) -> Verdict<Self::State>;
}

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &S2Grid, footprint: &Footprint) -> Result<Vec<u64>> {
    let mut shards = Vec::new();
    match footprint {
        Footprint::Polygons(polygons) => {
            for polygon in polygons {
                let more = match PolygonRegion::shape(polygon)? {
                    Shape::Region(region) => search(grid, &region)?,
                    Shape::Everywhere => search(grid, &Rectangle::new(-180.0, -90.0, 180.0, 90.0)?)?,
                    Shape::Place(place) => points(grid, &[place])?,
                };
                merge(&mut shards, more)?;
            }
        }
        Footprint::Lines(lines) => {
            for line in lines {
                let [first, _, ..] = &line[..] else {
                    return Err(Error::input(format!(
                        "a line of the footprint has {} vertices; it needs at least two",
                        line.len()
                    )));
                };
                let edges = Edges(edges(line)?);
                let more = if edges.0.is_empty() { points(grid, &[*first])? } else { search(grid, &edges)? };
                merge(&mut shards, more)?;
            }
        }
        Footprint::Points(places) => return points(grid, places),
        Footprint::Box { west, south, east, north } => {
            return search(grid, &Rectangle::new(*west, *south, *east, *north)?);
        }
        Footprint::Shards(given) => {
            if let Some(shard) = given.iter().find(|shard| !grid.is_shard(**shard)) {
                return Err(Error::input(format!(
                    "the footprint names shard {shard}, which is no S2 cell of level {} (parent_level)",
                    grid.options().parent_level
                )));
            }
            merge(&mut shards, given.clone())?;
        }
        _ => return Err(Error::unsupported("the s2 grid does not know this kind of footprint")),
    }
    Ok(shards)
}

fn points(grid: &S2Grid, points: &[LonLat]) -> Result<Vec<u64>> {
    points.iter().try_for_each(|point| check_position(*point))?;
    let (lon, lat): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p[0], p[1])).unzip();
    let mut cells = vec![0; points.len()];
    grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![0; points.len()];
    grid.shards_of(&cells, &mut shards);
    shards.sort_unstable();
    shards.dedup();
    Ok(shards)
}

fn merge(shards: &mut Vec<u64>, mut more: Vec<u64>) -> Result<()> {
    shards.append(&mut more);
    // Ascending runs, which the stable sort merges in linear time.
    shards.sort();
    shards.dedup();
    if shards.len() > MAX_SHARDS { Err(too_many()) } else { Ok(()) }
}

/// A position of a footprint must be one.
fn check_position([lon, lat]: LonLat) -> Result<()> {
    if is_position(lon, lat) {
        return Ok(());
    }
    Err(Error::input(format!(
        "the footprint has the position ({lon}, {lat}), which is none: longitude and latitude must be finite degrees, \
         latitude from -90 to 90"
    )))
}

fn too_many() -> Error {
    Error::input(format!(
        "the footprint covers more than {MAX_SHARDS} shards; use a smaller area or a smaller output.grid.parent_level"
    ))
}

/// The search through the tree of cells, which are named by level and rank.
struct Search<'a, R> {
    region: &'a R,
    shard_level: u8,
    found: Vec<u64>,
}

fn search<R: Region>(grid: &S2Grid, region: &R) -> Result<Vec<u64>> {
    let mut search = Search { region, shard_level: grid.options().parent_level, found: Vec::new() };
    let start = region.start();
    (0..FACES).try_for_each(|face| search.visit(0, face, &start))?;
    Ok(search.found)
}

impl<R: Region> Search<'_, R> {
    /// Visits a cell no finer than a shard. The depth of the recursion is at most the level, 30.
    fn visit(&mut self, level: u8, rank: u64, parent: &R::State) -> Result<()> {
        match self.region.judge(parent, &Cell::from(CellID(id_of(rank, level)))) {
            Verdict::Outside => Ok(()),
            Verdict::Inside => {
                let shift = 2 * (self.shard_level - level);
                self.add((rank << shift)..((rank + 1) << shift))
            }
            Verdict::Border(_) if level == self.shard_level => self.add(rank..rank + 1),
            Verdict::Border(state) => {
                (0..4).try_for_each(|child| self.visit(level + 1, (rank << 2) | child, &state))
            }
        }
    }

    fn add(&mut self, ranks: std::ops::Range<u64>) -> Result<()> {
        if ranks.end - ranks.start > (MAX_SHARDS - self.found.len()) as u64 {
            return Err(too_many());
        }
        self.found.extend(ranks.map(|rank| id_of(rank, self.shard_level)));
        Ok(())
    }
}
