//! From footprints to shards.
//!
//! The search divides the globe into pieces bounded by meridians and parallels, and each into halves, as long as the region
//! meets them (see [`zagg_core::sphere`]) and they may lie in a shard not found so far. A piece that is wholly in the
//! region gives the shards of nine places in it; one so small that it hardly matters gives all shards that its image in the
//! plane may touch.
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

use std::rc::Rc;

use zagg_core::footprint::{Footprint, LonLat};
use zagg_core::grid::Grid;
use zagg_core::sphere::{LineRegion, PolygonRegion, Region, Shape, Verdict, shards_of_points};
use zagg_core::{Error, Result};

use crate::grid::RectilinearGrid;
use found::{Found, MAX_SHARDS, too_many};
use image::{Image, Span};
use piece::{Piece, tiles, tiles_of_box};

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
    let mut search = Search::new(grid);
    match footprint {
        Footprint::Polygons(polygons) => {
            for polygon in polygons {
                match PolygonRegion::shape(polygon)? {
                    Shape::Region(region) => search.run(tiles(grid.cuts()), &region)?,
                    Shape::Everywhere => search.everything()?,
                    Shape::Place(line) => search.run(tiles(grid.cuts()), &line)?,
                }
            }
        }
        Footprint::Lines(lines) => {
            for line in lines {
                search.run(tiles(grid.cuts()), &LineRegion::new(line)?)?;
            }
        }
        Footprint::Points(points) => search.points(points)?,
        Footprint::Box { west, south, east, north } => {
            for piece in tiles_of_box(grid.cuts(), [*west, *south, *east, *north])? {
                search.inside(piece)?;
            }
        }
        Footprint::Shards(shards) => {
            for shard in shards {
                search.found.insert(grid.shard_from_key(*shard)?)?;
            }
        }
        _ => return Err(Error::unsupported("the rectilinear grid does not know this kind of footprint")),
    }
    Ok(search.found.ascending())
}

struct Search<'a> {
    grid: &'a RectilinearGrid,
    found: Found,
    /// Extent in cells, right and down, below which a piece is small.
    small: [f64; 2],
    /// Pieces divided because of their images.
    bent: usize,
}

impl<'a> Search<'a> {
    fn new(grid: &'a RectilinearGrid) -> Self {
        let [h, w] = grid.options().chunk_shape;
        let found = Found::of(grid.shard_count());
        Self { grid, found, small: [w, h].map(|n| (n as f64 * PART).max(1.0)), bent: 0 }
    }

    fn everything(&mut self) -> Result<()> {
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
    fn run<R: Region>(&mut self, tiles: Vec<Piece>, region: &R) -> Result<()> {
        let start = Rc::new(region.start());
        let mut pieces: Vec<(Piece, Rc<R::State>)> =
            tiles.into_iter().map(|piece| (piece, start.clone())).collect();
        while !pieces.is_empty() {
            let mut next = Vec::new();
            for (piece, state) in pieces {
                match region.judge(&state, &piece.cone()) {
                    Verdict::Outside => {}
                    Verdict::Inside => self.inside(piece)?,
                    Verdict::Maybe(state) => {
                        if let Some([first, second]) = self.visit(&piece, false)? {
                            let state = Rc::new(state);
                            next.extend([(first, state.clone()), (second, state)]);
                        }
                    }
                }
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
