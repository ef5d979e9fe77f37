//! HEALPix nested grid on the WGS84 ellipsoid or the sphere.
//!
//! Cells and shards are named by their NESTED id at their order. On WGS84 the geodetic latitude becomes the authalic one
//! before the cell is looked up, as CF 1.13, `xdggs` and `mortie` have it; a store therefore declares the ellipsoid that
//! its ids were made with.
//!
//! # Options (`output.grid`)
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `type` | | `healpix` |
//! | `parent_order` | required | order of the shards, 0 to 29 |
//! | `child_order` | required | order of the cells, `parent_order` to 29 and at most `parent_order + 12` |
//! | `chunk_inner` | `parent_order` | order of the storage chunks, `parent_order` to `child_order` |
//! | `indexing_scheme` | `nested` | no other is offered |
//! | `ellipsoid` | `WGS84` | or `sphere`: latitudes are taken as they are |
//! | `morton` | `false` | also write the packed morton word of every cell, as the coordinate `morton` |
//! | `sharded` | `false` | accepted: a shard with several chunks is always one sharded object |
//! | `levels` | `[child_order]` | orders of the cells that the store has, `child_order` down to 0; read by the core, as is `output.layout` |
//! | `shard_order`, `emit_cell_ids`, `cell_ids_encoding` | | accepted with their defaults `parent_order`, `false`, `nested` |
//!
//! The block of a shard is dense: it has `4^(child_order - parent_order)` elements whether they hold data or not. That is
//! why the two orders may be at most 12 apart (16,777,216 cells).

mod area;
mod attributes;
mod authalic;
mod cover;
mod grid;
mod options;
mod schema;
mod track;

pub use grid::HealpixGrid;
pub use options::{Ellipsoid, HealpixOptions};
pub use schema::schema;

use zagg_core::grid::{Grid, GridOptions};
use zagg_core::registry::{Entry, Make};

/// Makes the grid from the section `output.grid`.
///
/// # Errors
/// Names the key that is missing, unknown or has a value that does not fit.
pub fn make(options: &GridOptions) -> zagg_core::Result<Box<dyn Grid>> {
    Ok(Box::new(HealpixGrid::new(HealpixOptions::parse(options)?)))
}

zagg_core::export_plugin! {
    Entry {
        name: "healpix",
        aliases: &[],
        description: "HEALPix nested cells on the WGS84 ellipsoid or the sphere",
        make: Make::Grid(make),
    },
}
