//! Search through a hierarchy of cells, each of which has four parts.
//!
//! The search goes down from the coarsest cells. Shards on the border of the region are examined a few levels deeper (at
//! most to the level of the cells), until one of their parts is inside or still perhaps touched. The answer may therefore hold a
//! shard that comes within about a cell's or a thousandth of a shard's width of the region, but it never lacks one.

use super::cones::Cones;
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

    /// Radians from the centre of the cell's cone within which every place is in the cell; 0 if that is not known. It spares
    /// a closer look at cells on the border of a region.
    fn core(&self, _level: u8, _number: u64) -> f64 {
        0.0
    }
}

/// A search for the shards that footprints may touch.
#[derive(Debug)]
pub struct TreeSearch<T> {
    /// The cells.
    tree: T,
    shard_level: u8,
    leaf_level: u8,
    setting: &'static str,
    /// Radians by which footprints are widened.
    widened: f64,
    /// Shards that are looked for, ascending; `None` for all.
    among: Option<Vec<u64>>,
    cones: Cones,
}

impl<T: CellTree> TreeSearch<T> {
    /// A search through the cells of `tree` for shards of `shard_level`, of which there are `roots · 4^level`, which must fit 63
    /// bits. Cells are of `leaf_level`, at least that of the shards. `setting` is the one that makes shards larger, for
    /// messages, such as `output.grid.parent_order`.
    pub fn new(tree: T, shard_level: u8, leaf_level: u8, setting: &'static str) -> Self {
        Self { tree, shard_level, leaf_level, setting, widened: 0.0, among: None, cones: Cones::default() }
    }

    /// The same with every footprint widened by these radians.
    #[must_use]
    pub fn widened(self, radians: f64) -> Self {
        Self { widened: radians, ..self }
    }

    /// The same made ready for many footprints, of whose shards only those in the ascending list are wanted, if there is one.
    #[must_use]
    pub fn prepared(self, among: Option<Vec<u64>>) -> Self {
        let cones = Cones::new(&self.tree, self.shard_level, among.as_deref());
        Self { among, cones, ..self }
    }

    /// The numbers of all wanted shards that some place of the footprint may lie in, ascending, each once.
    ///
    /// Footprints of shards, of several kinds, and of points that are not widened are not for this search.
    ///
    /// # Errors
    /// Names what is wrong with the footprint; or that it covers more shards than can be listed.
    pub fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        let mut shards = Vec::new();
        match footprint {
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    let more = match PolygonRegion::shape(polygon)? {
                        Shape::Region(region) => self.run(&region.widened(self.widened))?,
                        Shape::Everywhere => self.all()?,
                        Shape::Place(place) => self.run(&place.widened(self.widened))?,
                    };
                    self.merge(&mut shards, more)?;
                }
            }
            Footprint::Lines(lines) => {
                for line in lines {
                    let more = self.run(&LineRegion::new(line)?.widened(self.widened))?;
                    self.merge(&mut shards, more)?;
                }
            }
            Footprint::Points(points) => {
                shards = self.run(&LineRegion::places(points)?.widened(self.widened))?;
            }
            Footprint::Box { west, south, east, north } => {
                shards = self.run(&Rectangle::new(*west, *south, *east, *north)?.widened(self.widened))?;
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
        if let Some(among) = &self.among {
            return Ok(among.clone());
        }
        let count = self.tree.roots() << (2 * self.shard_level);
        if count > MAX_SHARDS as u64 { Err(self.too_many()) } else { Ok((0..count).collect()) }
    }

    fn merge(&self, shards: &mut Vec<u64>, mut more: Vec<u64>) -> Result<()> {
        if shards.is_empty() {
            *shards = more;
        } else {
            shards.append(&mut more);
            // Both parts are ascending runs, which the stable sort merges in linear time.
            shards.sort();
            shards.dedup();
        }
        if shards.len() > MAX_SHARDS { Err(self.too_many()) } else { Ok(()) }
    }

    fn run<R: Region>(&self, region: &R) -> Result<Vec<u64>> {
        let deepest = self.shard_level.saturating_add(DEEPER).min(self.leaf_level);
        let mut walk = Walk { search: self, region, deepest, found: Vec::new() };
        let start = region.start();
        (0..self.tree.roots()).try_for_each(|root| walk.visit(0, root, &start, self.among.as_deref()))?;
        Ok(walk.found)
    }
}

struct Walk<'a, T, R> {
    search: &'a TreeSearch<T>,
    region: &'a R,
    deepest: u8,
    found: Vec<u64>,
}

impl<T: CellTree, R: Region> Walk<'_, T, R> {
    /// Visits a cell no finer than a shard; `among` are wanted shards of the cell and others. The depth of the recursion is at
    /// most the level.
    fn visit(&mut self, level: u8, number: u64, parent: &R::State, among: Option<&[u64]>) -> Result<()> {
        let search = self.search;
        let shift = 2 * (search.shard_level - level);
        let among = match among {
            Some(all) => match part(all, number, shift) {
                [] => return Ok(()),
                part => Some(part),
            },
            None => None,
        };
        let cone = search.cones.get(level, number).unwrap_or_else(|| search.tree.cone(level, number));
        match self.region.judge(parent, &cone) {
            Verdict::Outside => Ok(()),
            Verdict::Inside => match among {
                Some(part) => {
                    self.found.extend(part);
                    Ok(())
                }
                None => self.add((number << shift)..((number + 1) << shift)),
            },
            Verdict::Maybe(state) if level == search.shard_level => {
                if self.touched(level, number, &state, &cone) { self.add(number..number + 1) } else { Ok(()) }
            }
            Verdict::Maybe(state) => {
                (0..4).try_for_each(|child| self.visit(level + 1, (number << 2) | child, &state, among))
            }
        }
    }

    /// Whether some part of a cell on the border is in the region, as far as the deepest level shows.
    fn touched(&self, level: u8, number: u64, state: &R::State, cone: &Cone) -> bool {
        let tree = &self.search.tree;
        level >= self.deepest
            || self.region.holds(state)
            || self.region.reaches(state, cone.centre, tree.core(level, number))
            || (0..4).any(|child| {
                let number = (number << 2) | child;
                let cone = tree.cone(level + 1, number);
                match self.region.judge(state, &cone) {
                    Verdict::Outside => false,
                    Verdict::Inside => true,
                    Verdict::Maybe(state) => self.touched(level + 1, number, &state, &cone),
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

/// The shards of a cell, out of an ascending list; `shift` are the bits that shards are longer than the cell.
fn part(shards: &[u64], number: u64, shift: u8) -> &[u64] {
    let first = shards.partition_point(|shard| shard >> shift < number);
    let rest = &shards[first..];
    // Few of many: those of the cell stand at the beginning.
    &rest[..rest.partition_point(|shard| shard >> shift == number)]
}
