//! From footprints to shards.
//!
//! The search divides the globe into pieces bounded by meridians and parallels, and each into halves, as long as the region
//! meets them (see [`zagg_core::sphere`]) and they may lie in a shard not found so far. A piece that is wholly in the
//! region gives the shards of nine places in it; one so small that it hardly matters gives all shards that its image in the
//! plane may touch. Shards on the edges of polygons and lines are found beforehand, from places along them, which leaves little to
//! the search.
//!
//! # How far images can be trusted
//!
//! An image is bounded by nine samples, and a margin. Along each meridian and parallel of samples the second
//! difference `d` tells how the map bends: a function whose second derivative is constant leaves the box of three samples by at
//! most `d/8`, and the plane through them by at most `d/2`. The margin is `d` in either direction, so the second
//! derivative may be twice as large within the piece as the samples show. A piece is trusted only where `d` is less than a
//! quarter of its extent, that is where the map is nearly linear; others are divided. As pieces become smaller, `d` falls with
//! the square of their size, so the margin vanishes beside the extent, wherever the map is smooth.
//!
//! It is not smooth where it is cut, mostly along one meridian, which is a border of pieces from the beginning; and at single
//! places such as the opposite pole. Around these the pieces become smaller until they are smaller than a millimetre, and
//! then stand for the places of their samples. Should that be too many, the whole grid is the answer. Positions that the
//! projection refuses have no cell.
//!
//! The answer may therefore hold a shard that comes within about a cell's or a thirty-second of a shard's width of the
//! region, but lacks none.

mod found;
mod image;
mod piece;
mod seeds;
mod wanted;

use std::rc::Rc;

use zagg_core::footprint::{Footprint, LonLat};
use zagg_core::grid::{Cover, CoverOptions, Grid};
use zagg_core::sphere::{
    Cone, LineRegion, PolygonRegion, Rectangle, Region, Shape, Verdict, shards_of_points,
};
use zagg_core::{Error, Result};

use crate::grid::RectilinearGrid;
use found::{Found, MAX_SHARDS, too_many};
use image::{Image, Span};
use piece::{Piece, tiles, tiles_of_box};
use seeds::seeds;
use wanted::Wanted;

/// The most pieces of one step of the search.
const MAX_PIECES: usize = 1 << 22;

/// The most pieces that are divided because their images cannot be trusted.
const MAX_BENT: usize = 1 << 19;

/// How often a piece is halved at most: it is smaller than a millimetre then.
const MAX_HALVINGS: u32 = 72;

/// Degrees of a piece on the rim of the map below which its samples tell enough.
const RIM: f64 = 0.01;

/// Part of a shard's width below which a piece need not be divided any more.
const PART: f64 = 1.0 / 32.0;

/// Every shard with a cell that the footprint may touch, ascending, each once.
pub(crate) fn cover(grid: &RectilinearGrid, footprint: &Footprint) -> Result<Vec<u64>> {
    prepared(grid, &CoverOptions::default()).cover(footprint)
}

/// The grid made ready for many footprints.
pub(crate) fn prepared<'a>(grid: &'a RectilinearGrid, options: &CoverOptions<'a>) -> impl Cover + 'a {
    let wanted = options.among.map(|set| Wanted::new(grid, set.shards()));
    let pieces = match options.among {
        // Boxes of a set are sound, and if they were not, the whole globe would do.
        Some(set) => set
            .boxes()
            .iter()
            .map(|b| tiles_of_box(grid.cuts(), [b.west, b.south, b.east, b.north]))
            .collect::<Result<Vec<_>>>()
            .map_or_else(|_| tiles(grid.cuts()), |boxes| boxes.concat()),
        None => tiles(grid.cuts()),
    };
    let pieces = pieces.into_iter().map(|piece| (piece, piece.cone())).collect();
    Searched { grid, widened: options.widened, wanted, pieces }
}

/// What all searches have in common.
struct Searched<'a> {
    grid: &'a RectilinearGrid,
    /// Radians by which footprints are widened.
    widened: f64,
    /// The shards that are looked for, if not all.
    wanted: Option<Wanted<'a>>,
    /// Pieces of the globe that hold all of them, with their cones.
    pieces: Vec<(Piece, Cone)>,
}

impl Cover for Searched<'_> {
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        footprint.cover_parts(|part| {
            let mut search = Search::new(self);
            search.part(part)?;
            Ok(search.found.ascending())
        })
    }
}

struct Search<'a> {
    all: &'a Searched<'a>,
    grid: &'a RectilinearGrid,
    found: Found<'a>,
    /// Extent in cells, right and down, below which a piece is small.
    small: [f64; 2],
    /// Pieces divided because of their images.
    bent: usize,
}

impl<'a> Search<'a> {
    fn new(all: &'a Searched<'a>) -> Self {
        let [h, w] = all.grid.options().chunk_shape;
        let found = Found::of(all.grid.shard_count(), all.wanted.as_ref());
        Self { all, grid: all.grid, found, small: [w, h].map(|n| (n as f64 * PART).max(1.0)), bent: 0 }
    }

    fn part(&mut self, footprint: &Footprint) -> Result<()> {
        let widened = self.all.widened;
        match footprint {
            Footprint::Polygons(polygons) => {
                polygons.iter().try_for_each(|polygon| match PolygonRegion::shape(polygon)? {
                    Shape::Region(region) => {
                        self.seed(&polygon.exterior, true)?;
                        self.run(&region.widened(widened))
                    }
                    Shape::Everywhere => self.everything(),
                    Shape::Place(place) => self.run(&place.widened(widened)),
                })
            }
            Footprint::Lines(lines) => lines.iter().try_for_each(|line| {
                let region = LineRegion::new(line)?;
                self.seed(line, false)?;
                self.run(&region.widened(widened))
            }),
            Footprint::Points(points) if widened > 0.0 => {
                self.run(&LineRegion::places(points)?.widened(widened))
            }
            Footprint::Points(points) => self.points(points),
            Footprint::Box { west, south, east, north } if widened > 0.0 => {
                self.run(&Rectangle::new(*west, *south, *east, *north)?.widened(widened))
            }
            Footprint::Box { west, south, east, north } => {
                let pieces = tiles_of_box(self.grid.cuts(), [*west, *south, *east, *north])?;
                pieces.into_iter().try_for_each(|piece| self.inside(piece))
            }
            Footprint::Shards(shards) => {
                shards.iter().try_for_each(|shard| self.found.insert(self.grid.shard_from_key(*shard)?))
            }
            _ => Err(Error::unsupported("the rectilinear grid does not know this kind of footprint")),
        }
    }

    /// Adds shards on the edges between vertices.
    fn seed(&mut self, vertices: &[LonLat], ring: bool) -> Result<()> {
        let shards = seeds(self.grid, self.all.wanted.as_ref(), vertices, ring);
        shards.into_iter().try_for_each(|shard| self.found.insert(shard))
    }

    fn everything(&mut self) -> Result<()> {
        if let Some(wanted) = &self.all.wanted {
            return wanted.shards().iter().try_for_each(|shard| self.found.insert(*shard));
        }
        if self.grid.shard_count() > MAX_SHARDS as u64 {
            return Err(too_many());
        }
        (0..self.grid.shard_count()).try_for_each(|shard| self.found.insert(shard))
    }

    fn points(&mut self, points: &[LonLat]) -> Result<()> {
        shards_of_points(self.grid, points)?.into_iter().try_for_each(|shard| self.found.insert(shard))
    }

    /// The search, all pieces of one size after another. Pieces inside the region are searched to their end at once, so that
    /// those on its border find the shards of its middle and need not become smaller there.
    fn run<R: Region>(&mut self, region: &R) -> Result<()> {
        let all = self.all;
        let start = region.start();
        let mut pieces = Vec::new();
        for (piece, cone) in &all.pieces {
            self.judge(region, &start, piece, cone, &mut pieces)?;
        }
        while !pieces.is_empty() {
            let mut next = Vec::new();
            for (piece, state) in pieces {
                self.judge(region, &*state, &piece, &piece.cone(), &mut next)?;
            }
            if next.len() > MAX_PIECES {
                return Err(too_many());
            }
            if self.bent > MAX_BENT {
                return self.everything();
            }
            pieces = next;
        }
        Ok(())
    }

    /// The search in one piece; its halves are added to the next ones.
    fn judge<R: Region>(
        &mut self,
        region: &R,
        parent: &R::State,
        piece: &Piece,
        cone: &Cone,
        next: &mut Vec<(Piece, Rc<R::State>)>,
    ) -> Result<()> {
        match region.judge(parent, cone) {
            Verdict::Outside => {}
            Verdict::Inside => self.inside(*piece)?,
            Verdict::Maybe(state) => {
                if let Some([first, second]) = self.visit(piece, false)? {
                    let state = Rc::new(state);
                    next.extend([(first, state.clone()), (second, state)]);
                }
            }
        }
        Ok(())
    }

    /// The search in a piece that lies in the region.
    fn inside(&mut self, piece: Piece) -> Result<()> {
        let mut pieces = vec![piece];
        while let Some(piece) = pieces.pop() {
            if let Some(halves) = self.visit(&piece, true)? {
                pieces.extend(halves);
            }
            if self.bent > MAX_BENT {
                return self.everything();
            }
        }
        Ok(())
    }

    /// Adds the shards of a piece, or halves it.
    fn visit(&mut self, piece: &Piece, inside: bool) -> Result<Option<[Piece; 2]>> {
        let image = Image::of(self.grid, piece);
        let small = image.is_smaller_than(self.small);
        let halves = || Ok(Some(piece.halves(image.is_wide(piece))));
        if inside {
            image.shards_of_samples(self.grid).try_for_each(|shard| self.found.insert(shard))?;
        }
        if !image.trusted {
            if image.is_off_the_map(self.grid, piece) {
                return Ok(None);
            }
            // On the rim of the map some samples are refused; the others tell how far the rest may reach.
            if !(small && piece.size() <= RIM) {
                if piece.halvings >= MAX_HALVINGS {
                    return self.points(&piece.samples()).map(|()| None);
                }
                self.bent += 1;
                return halves();
            }
        }
        let Some(span) = image.shards(self.grid) else { return Ok(None) };
        if self.all.wanted.as_ref().is_some_and(|wanted| !wanted.may_meet(&span)) {
            return Ok(None);
        }
        if small {
            return span.iter().try_for_each(|shard| self.found.insert(shard)).map(|()| None);
        }
        if self.has_all(&span) { Ok(None) } else { halves() }
    }

    /// Whether all are found; not looked up when they are many.
    fn has_all(&self, span: &Span) -> bool {
        span.count() <= 64 && span.iter().all(|shard| self.found.contains(shard))
    }
}

impl RectilinearGrid {
    /// The meridian at which pieces begin, degrees.
    fn cuts(&self) -> f64 {
        let options = self.options();
        if options.crs.is_geographic() { options.xmin } else { options.crs.cut() }
    }
}
