//! Search through a hierarchy of cells, each of which has four parts.
//!
//! The search goes down from the coarsest cells. Shards on the border of the region are examined a few levels deeper (at
//! most to the level of the cells), until one of their parts is inside or still perhaps touched. The answer may therefore hold a
//! shard that comes within about a cell's or a thousandth of a shard's width of the region, but it never lacks one.

use super::{Cone, LineRegion, PolygonRegion, Rectangle, Region, Shape, Verdict};
use crate::error::{Error, Result};
use crate::footprint::Footprint;

/// The most shards a cover may have; a finer cover of a large area would exhaust memory before anyone could use it.
const MAX_SHARDS: usize = 1 << 24;

/// Levels below the shards' at which the border is still examined.
const DEEPER: u8 = 10;

/// Cells of the whole sphere in levels. The cells of a level are numbered without gaps; cell `n` is divided into
/// the cells `4 n` to `4 n + 3` of the next level, which cover exactly the cell.
pub trait CellTree {
    /// Cells of level 0.
    fn roots(&self) -> u64;

    /// A cone that contains cell `number` of `level`, on the sphere of geodetic latitudes.
    fn cone(&self, level: u8, number: u64) -> Cone;
}

/// A search for the shards that a footprint may touch.
#[derive(Debug)]
pub struct TreeSearch<'a, T> {
    /// The cells.
    pub tree: &'a T,
    /// Level of the shards; there are `roots · 4^level` of them, which must fit 63 bits.
    pub shard_level: u8,
    /// Level of the cells, at least that of the shards.
    pub leaf_level: u8,
    /// The setting that makes shards larger, for messages, such as `output.grid.parent_order`.
    pub setting: &'static str,
}

impl<T: CellTree> TreeSearch<'_, T> {
    /// The numbers of all shards that some place of the footprint may lie in, ascending, each once.
    ///
    /// Points and shards are not for this search: the grid itself knows where they are.
    ///
    /// # Errors
    /// Names what is wrong with the footprint; or that it covers more shards than can be listed.
    pub fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let mut shards = Vec::new();
        match footprint {
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    let more = match PolygonRegion::shape(polygon)? {
                        Shape::Region(region) => self.run(&region)?,
                        Shape::Everywhere => self.all()?,
                        Shape::Place(place) => self.run(&place)?,
                    };
                    self.merge(&mut shards, more)?;
                }
            }
            Footprint::Lines(lines) => {
                for line in lines {
                    let more = self.run(&LineRegion::new(line)?)?;
                    self.merge(&mut shards, more)?;
                }
            }
            Footprint::Box { west, south, east, north } => {
                shards = self.run(&Rectangle::new(*west, *south, *east, *north)?)?;
            }
            _ => return Err(Error::unsupported("the grid does not know this kind of footprint")),
        }
        Ok(shards)
    }

    fn too_many(&self) -> Error {
        Error::input(format!(
            "the footprint covers more than {MAX_SHARDS} shards; use a smaller area or a smaller {}",
            self.setting
        ))
    }

    fn all(&self) -> Result<Vec<u64>> {
        let count = self.tree.roots() << (2 * self.shard_level);
        if count > MAX_SHARDS as u64 { Err(self.too_many()) } else { Ok((0..count).collect()) }
    }

    fn merge(&self, shards: &mut Vec<u64>, mut more: Vec<u64>) -> Result<()> {
        shards.append(&mut more);
        // Both parts are ascending runs, which the stable sort merges in linear time.
        shards.sort();
        shards.dedup();
        if shards.len() > MAX_SHARDS { Err(self.too_many()) } else { Ok(()) }
    }

    fn run<R: Region>(&self, region: &R) -> Result<Vec<u64>> {
        let deepest = self.shard_level.saturating_add(DEEPER).min(self.leaf_level);
        let mut walk = Walk { search: self, region, deepest, found: Vec::new() };
        let start = region.start();
        (0..self.tree.roots()).try_for_each(|root| walk.visit(0, root, &start))?;
        Ok(walk.found)
    }
}

struct Walk<'a, T, R> {
    search: &'a TreeSearch<'a, T>,
    region: &'a R,
    deepest: u8,
    found: Vec<u64>,
}

impl<T: CellTree, R: Region> Walk<'_, T, R> {
    /// Visits a cell no finer than a shard. The depth of the recursion is at most the level.
    fn visit(&mut self, level: u8, number: u64, parent: &R::State) -> Result<()> {
        match self.region.judge(parent, &self.search.tree.cone(level, number)) {
            Verdict::Outside => Ok(()),
            Verdict::Inside => {
                let shift = 2 * (self.search.shard_level - level);
                self.add((number << shift)..((number + 1) << shift))
            }
            Verdict::Maybe(state) if level == self.search.shard_level => {
                if self.touched(level, number, &state) { self.add(number..number + 1) } else { Ok(()) }
            }
            Verdict::Maybe(state) => {
                (0..4).try_for_each(|child| self.visit(level + 1, (number << 2) | child, &state))
            }
        }
    }

    /// Whether some part of a cell on the border is in the region, as far as the deepest level shows.
    fn touched(&self, level: u8, number: u64, state: &R::State) -> bool {
        level >= self.deepest
            || (0..4).any(|child| {
                let number = (number << 2) | child;
                match self.region.judge(state, &self.search.tree.cone(level + 1, number)) {
                    Verdict::Outside => false,
                    Verdict::Inside => true,
                    Verdict::Maybe(state) => self.touched(level + 1, number, &state),
                }
            })
    }

    fn add(&mut self, shards: std::ops::Range<u64>) -> Result<()> {
        if shards.end - shards.start > (MAX_SHARDS - self.found.len()) as u64 {
            return Err(self.search.too_many());
        }
        self.found.extend(shards);
        Ok(())
    }
}
