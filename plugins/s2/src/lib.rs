//! S2 cells as a grid, and the proof that a grid is a plugin: nothing but the trait [`Grid`] stands between it and the rest.
//!
//! Cells and shards are named by their S2 cell id (64 bits: face, place along the Hilbert curve of the face, a final 1 that
//! marks the level). The cells of a level in the order of their ids are numbered without gaps, the *rank* of a cell, so both
//! layouts of a store are served.
//!
//! # Latitude
//!
//! S2 works on the unit sphere, and its users put the geodetic latitude of WGS84 there as it is, without making it
//! geocentric or authalic first; so does this grid. Its ids are therefore those that other programs compute from the same
//! positions, and the edges of footprints, great circles of that same sphere, need no conversion. The price is that areas on
//! the ellipsoid differ from those on the sphere by up to 0.9 %, which is little beside the differences between S2 cells
//! of one level (a factor of 2.1). Stores declare a sphere.
//!
//! # Options (`output.grid`)
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `type` | | `s2` |
//! | `parent_level` | required | level of the shards, 0 to 30 |
//! | `child_level` | required | level of the cells, `parent_level` to 30 and at most `parent_level + 12` |
//! | `chunk_inner` | `parent_level` | level of the storage chunks, `parent_level` to `child_level` |
//! | `levels` | `[child_level]` | levels of the cells that the store has, `child_level` down to 0; read by the core, as is `output.layout` |
//!
//! A key with the value null counts as absent, also one that the grid does not know: that is how a pipeline laid over one
//! with another grid drops what does not fit.
//!
//! # Why S2 and not A5
//!
//! Both were looked at, as the crates `s2` 0.2.0 and `a5` 1.0.0 (both Apache-2.0, both maintained in 2026, no unsafe code
//! in the former and one block in the latter):
//!
//! | | `s2` | `a5` |
//! |---|---|---|
//! | children cover exactly their parent | yes | no: "A5 cells do not nest geometrically" (a5-rs, issue 58) |
//! | edges of cells | great circles | curves of an equal-area projection |
//! | position → cell, one core | 0.19 µs (0.06 µs here) | 1.7 µs |
//! | id → rank, parent | shifts of bits | a function call with checks |
//! | areas of one level | differ by up to 2.1 | equal |
//! | dependencies | `bigdecimal` and its number crates, `libm` | `lazy_static` |
//!
//! Exact nesting decides: each coarser level of a store is to hold the very rows of its cells, and a cover that goes down
//! the tree of cells must find every cell of a region within the cell's ancestors.
//!
//! Of `s2` are used the curve, centres and corners of cells. Its way from a position to a cell is not: for places on the edges
//! of the cube it takes another face than S2 in other languages, and it takes three times as long. Nor are its covers: it has
//! no polygons and lines yet, and its `robust_sign` leaves ties undecided.

mod attributes;
mod cover;
mod grid;
mod options;
mod schema;

pub use grid::S2Grid;
pub use options::S2Options;
pub use schema::schema;

use zagg_core::grid::{Grid, GridOptions};
use zagg_core::registry::{Entry, Make};

/// Makes the grid from the section `output.grid`.
///
/// # Errors
/// Names the key that is missing, unknown or has a value that does not fit.
pub fn make(options: &GridOptions) -> zagg_core::Result<Box<dyn Grid>> {
    Ok(Box::new(S2Grid::new(S2Options::parse(options)?)))
}

zagg_core::export_plugin! {
    Entry {
        name: "s2",
        aliases: &[],
        description: "S2 cells on the sphere",
        make: Make::Grid(make),
    },
}
