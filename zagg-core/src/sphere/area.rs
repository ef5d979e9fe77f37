//! Which cells of shards lie in an area of interest.
//!
//! Two answers are offered. [`AreaTree`] finds every cell that the area touches, for grids whose cells are divided into four
//! parts again and again. [`cells_by_centre`] finds the cells whose centres lie in the area, for any grid.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    CellTree, Cone, LineRegion, PolygonRegion, Rectangle, Region, Shape, Vector, Verdict, chord,
    chord_to_angle, normalized, unit,
};
use crate::cells::CellRanges;
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::grid::Grid;

/// Levels below the cells' at which the border of an area is still examined: to a thousandth of a cell's width.
const DEEPER: u8 = 10;

/// Cells whose centres are looked at together.
const BLOCK: usize = 1 << 16;

/// Cones wider than this, in radians, are taken for the whole sphere: arcs between places of wider ones may leave them.
const WIDE: f64 = 1.5;

/// One of the regions that make up an area.
enum Part {
    Polygon(PolygonRegion),
    Box(Rectangle),
    /// A polygon all of whose vertices are the same.
    Place(LineRegion),
    Everywhere,
}

/// The regions of an area.
fn parts(area: &Footprint) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = vec![area];
    while let Some(area) = rest.pop() {
        match area {
            Footprint::Polygons(polygons) => {
                for polygon in polygons {
                    parts.push(match PolygonRegion::shape(polygon)? {
                        Shape::Region(region) => Part::Polygon(region),
                        Shape::Place(place) => Part::Place(place),
                        Shape::Everywhere => Part::Everywhere,
                    });
                }
            }
            Footprint::Box { west, south, east, north } => {
                parts.push(Part::Box(Rectangle::new(*west, *south, *east, *north)?));
            }
            Footprint::Union(areas) => rest.extend(areas),
            _ => {
                return Err(Error::input(
                    "the area of interest has lines or places, which no cell lies in; an area has polygons or boxes only",
                ));
            }
        }
    }
    Ok(parts)
}

/// Finds the cells that an area touches, by going down from the coarsest cells.
///
/// A cell on the border of the area is in the answer when one of its parts, ten levels below it, may touch the border or lies
/// inside; so cells that come within a thousandth of their width of the area are in it, too, and none is missing.
#[derive(Debug)]
pub struct AreaTree<'a, T> {
    /// The cells.
    pub tree: &'a T,
    /// Level of the shards.
    pub shard_level: u8,
    /// Level of the cells, at least that of the shards and at most 16 levels finer.
    pub leaf_level: u8,
    /// The finest level that the tree has.
    pub finest: u8,
}

impl<T: CellTree + Sync> AreaTree<'_, T> {
    /// The cells of each of some shards that the area touches; one answer for each, in their order. Cells are numbered as
    /// their place is: the first of a shard is that of its first part, and so on.
    ///
    /// # Errors
    /// Names what is wrong with the area: lines or places, or a polygon that is none.
    pub fn touched(&self, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
        let parts = parts(area)?;
        let mut distinct = shards.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut found = vec![CellRanges::default(); distinct.len()];
        for part in &parts {
            match part {
                Part::Polygon(region) => self.region(region, &distinct, &mut found),
                Part::Box(region) => self.region(region, &distinct, &mut found),
                Part::Place(region) => self.region(region, &distinct, &mut found),
                Part::Everywhere => found.fill(self.whole()),
            }
        }
        let of = |shard| {
            distinct.binary_search(shard).map_or_else(|_| CellRanges::default(), |at| found[at].clone())
        };
        Ok(shards.iter().map(of).collect())
    }

    /// Levels from the shards to the cells.
    fn depth(&self) -> u8 {
        self.leaf_level.saturating_sub(self.shard_level).min(15)
    }

    /// All cells of a shard.
    fn whole(&self) -> CellRanges {
        CellRanges::all(1 << (2 * self.depth()))
    }

    /// Adds the cells of a region; `shards` are ascending, each once.
    fn region<R>(&self, region: &R, shards: &[u64], found: &mut [CellRanges])
    where
        R: Region + Sync,
        R::State: Send + Sync,
    {
        let mut walk = Walk { area: self, region, shards, whole: Vec::new(), border: Vec::new() };
        let start = region.start();
        for root in 0..self.tree.roots() {
            walk.descend(0, root, &start, 0..shards.len());
        }
        let Walk { whole, border, .. } = walk;
        let inside: Vec<(usize, CellRanges)> = border
            .into_par_iter()
            .map(|(at, state)| {
                let first = shards[at] << (2 * self.depth());
                let mut inside = Inside { area: self, region, first, found: Vec::new() };
                inside.parts(self.shard_level, shards[at], &state);
                (at, CellRanges::from_ranges(inside.found))
            })
            .collect();
        for at in whole {
            found[at] = self.whole();
        }
        for (at, cells) in inside {
            found[at] = if found[at].is_empty() { cells } else { found[at].union(&cells) };
        }
    }
}

/// The way from the coarsest cells to the shards.
struct Walk<'a, T, R: Region> {
    area: &'a AreaTree<'a, T>,
    region: &'a R,
    /// The shards that are asked about, ascending.
    shards: &'a [u64],
    /// Which of them lie wholly inside.
    whole: Vec<usize>,
    /// Which of them lie on the border, with what is known of them.
    border: Vec<(usize, R::State)>,
}

impl<T: CellTree, R: Region> Walk<'_, T, R> {
    /// Visits a cell no finer than a shard; `among` are the shards of the larger cell. The depth of the recursion is at most
    /// the level.
    fn descend(&mut self, level: u8, number: u64, parent: &R::State, among: Range<usize>) {
        let shift = 2 * (self.area.shard_level - level);
        let shards = &self.shards[among.clone()];
        let start = among.start + shards.partition_point(|shard| shard >> shift < number);
        let end = among.start + shards.partition_point(|shard| shard >> shift <= number);
        if start == end {
            return;
        }
        match self.region.judge(parent, &self.area.tree.cone(level, number)) {
            Verdict::Outside => {}
            Verdict::Inside => self.whole.extend(start..end),
            Verdict::Maybe(state) if level == self.area.shard_level => self.border.push((start, state)),
            Verdict::Maybe(state) => {
                for child in 0..4 {
                    self.descend(level + 1, (number << 2) | child, &state, start..end);
                }
            }
        }
    }
}

/// The way from a shard on the border to its cells.
struct Inside<'a, T, R> {
    area: &'a AreaTree<'a, T>,
    region: &'a R,
    /// The first cell of the shard.
    first: u64,
    found: Vec<Range<u32>>,
}

impl<T: CellTree, R: Region> Inside<'_, T, R> {
    /// Goes through the parts of a cell on the border.
    fn parts(&mut self, level: u8, number: u64, state: &R::State) {
        if level >= self.area.leaf_level {
            if self.is_touched(level, number, state) {
                self.add(number..number + 1);
            }
            return;
        }
        for child in 0..4 {
            let number = (number << 2) | child;
            match self.region.judge(state, &self.area.tree.cone(level + 1, number)) {
                Verdict::Outside => {}
                Verdict::Inside => {
                    let shift = 2 * (self.area.leaf_level - level - 1);
                    self.add((number << shift)..((number + 1) << shift));
                }
                Verdict::Maybe(state) => self.parts(level + 1, number, &state),
            }
        }
    }

    /// Whether some place of a cell on the border is in the region, as far as the deepest level shows.
    fn is_touched(&self, level: u8, number: u64, state: &R::State) -> bool {
        let deepest = self.area.leaf_level.saturating_add(DEEPER).min(self.area.finest);
        if level >= deepest {
            return true;
        }
        // Half of all cells on the border are known by one of their places.
        let sample = self.area.tree.cone(level, number).sample;
        if matches!(self.region.judge(state, &place(sample)), Verdict::Inside) {
            return true;
        }
        (0..4).any(|child| {
            let number = (number << 2) | child;
            match self.region.judge(state, &self.area.tree.cone(level + 1, number)) {
                Verdict::Outside => false,
                Verdict::Inside => true,
                Verdict::Maybe(state) => self.is_touched(level + 1, number, &state),
            }
        })
    }

    fn add(&mut self, cells: Range<u64>) {
        let place = |cell: u64| u32::try_from(cell.saturating_sub(self.first)).unwrap_or(u32::MAX);
        self.found.push(place(cells.start)..place(cells.end));
    }
}

/// The cone that holds one place only.
fn place(at: Vector) -> Cone {
    Cone { centre: at, lon_lat: degrees(at), radius: 0.0, sample: at }
}

fn degrees(at: Vector) -> (f64, f64) {
    let flat = (at[0] * at[0] + at[1] * at[1]).sqrt();
    (at[1].atan2(at[0]).to_degrees(), at[2].atan2(flat).to_degrees())
}

/// The cells of each of some shards whose centres lie in the area; one answer for each, in their order. A centre on the border
/// is not in the area, and neither is a cell without a centre on the globe.
///
/// # Errors
/// Names what is wrong with the area: lines or places, or a polygon that is none; or what the grid did wrong.
pub fn cells_by_centre<G: Grid + ?Sized>(
    grid: &G,
    shards: &[u64],
    area: &Footprint,
) -> Result<Vec<CellRanges>> {
    let parts = parts(area)?;
    shards.par_iter().map(|&shard| crate::caught(|| centres_inside(grid, shard, &parts))).collect()
}

/// A cell by its place in the block, and its centre.
struct Centre {
    place: u32,
    lon_lat: (f64, f64),
    at: Vector,
}

fn centres_inside<G: Grid + ?Sized>(grid: &G, shard: u64, parts: &[Part]) -> Result<CellRanges> {
    let leaf = grid.leaf_level();
    let cells = grid.cells_of_shard(shard, leaf);
    if u32::try_from(cells.len()).is_err() {
        return Err(Error::unsupported("a shard has more than 2^32 cells"));
    }
    let mut found = Vec::new();
    let mut first = 0;
    for cells in cells.chunks(BLOCK) {
        let (mut lon, mut lat) = (vec![f64::NAN; cells.len()], vec![f64::NAN; cells.len()]);
        grid.centres(leaf, cells, &mut lon, &mut lat);
        let centres: Vec<Centre> = (first..)
            .zip(lon.into_iter().zip(lat))
            .filter(|(_, (lon, lat))| super::is_position(*lon, *lat))
            .map(|(place, (lon, lat))| Centre { place, lon_lat: (lon, lat), at: unit(lon, lat) })
            .collect();
        for part in parts {
            match part {
                Part::Polygon(region) => search(region, &region.start(), &centres, &mut found),
                Part::Box(region) => search(region, &region.start(), &centres, &mut found),
                Part::Place(_) => {}
                Part::Everywhere => found.extend(centres.iter().map(|centre| centre.place)),
            }
        }
        first += cells.len() as u32;
    }
    Ok(CellRanges::from_places(found))
}

/// Adds the places of the centres that lie in a region: all, none, or by halves. The depth of the recursion is at most the
/// logarithm of their number.
fn search<R: Region>(region: &R, parent: &R::State, centres: &[Centre], found: &mut Vec<u32>) {
    let cone = match centres {
        [] => return,
        [one] => Cone { centre: one.at, lon_lat: one.lon_lat, radius: 0.0, sample: one.at },
        [first, .., last] => around(centres, first.at, last.at),
    };
    match region.judge(parent, &cone) {
        Verdict::Outside => {}
        Verdict::Inside => found.extend(centres.iter().map(|centre| centre.place)),
        Verdict::Maybe(_) if centres.len() == 1 => {}
        Verdict::Maybe(state) => {
            let (left, right) = centres.split_at(centres.len() / 2);
            search(region, &state, left, found);
            search(region, &state, right, found);
        }
    }
}

/// A cone that contains all centres.
fn around(centres: &[Centre], first: Vector, last: Vector) -> Cone {
    let sum = centres.iter().fold([0.0; 3], |sum: Vector, c| std::array::from_fn(|i| sum[i] + c.at[i]));
    let centre = normalized(sum);
    let reach = centres.iter().map(|c| chord(centre, c.at)).fold(0.0, f64::max);
    let radius = chord_to_angle(reach) + 1e-12;
    let radius = if radius < WIDE { radius } else { std::f64::consts::PI };
    let sample =
        normalized(std::array::from_fn(|i| 0.537_17 * centre[i] + 0.231_83 * first[i] + 0.231 * last[i]));
    // Without a middle, any place does: the cone is the whole sphere then.
    let sample = if sample == [0.0; 3] { first } else { sample };
    Cone { centre, lon_lat: degrees(centre), radius, sample }
}
