//! Rectilinear grid: equal cells in the plane of a projection, or in longitude and latitude.
//!
//! Rows count downwards from the upper edge, columns to the right from the left edge; a cell's number is `row * width + column`.
//! A shard is a block of `chunk_shape` cells, numbered the same way: the number is its key in shard maps and its label. The
//! grid keeps its upper left corner and is padded on the right and below to whole shards. A place on the border of two
//! cells belongs to the right or lower one; places outside the padded grid have no cell. In longitude and latitude, places a
//! whole turn apart are the same, so a grid may cross the antimeridian; columns a whole turn right of the first one stay empty.
//!
//! # Options (`output.grid`)
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `type` | | `rectilinear` |
//! | `crs` | required | an EPSG code, `EPSG:3031`, or a PROJ string, `+proj=laea +lat_0=-90 +datum=WGS84` |
//! | `resolution` | required | size of a cell in units of the CRS, one number or `[x, y]` |
//! | `bounds` | required | `[xmin, ymin, xmax, ymax]` in units of the CRS |
//! | `chunk_shape` | `[256, 256]` | rows and columns of one shard, at most 2^24 cells |
//! | `chunk_inner` | `chunk_shape` | rows and columns of one storage chunk; divides `chunk_shape` |
//! | `sharded` | `false` | accepted: a shard with several chunks is always one sharded object |
//! | `levels` | `[1]` | overview factors: leaf cells along each side of a cell, powers of two; read by the core, as is `output.layout`; the arrays hold the whole grid in either layout |
//!
//! # Levels
//!
//! A cell of a level holds 2×2 cells of the next one. The shards have level 0 and the cells as many levels above as
//! both sides of `chunk_shape` can be halved: 8 for 256×256. Cells always hold exactly their parts.
//!
//! # Projections
//!
//! Those that [`zagg_crs`] offers: codes of the EPSG register whose datum is WGS84 or as good as the same, and PROJ strings.

mod attributes;
mod cover;
mod divide;
mod grid;
mod options;
mod schema;

pub use grid::RectilinearGrid;
pub use options::RectilinearOptions;
pub use schema::schema;
pub use zagg_crs::Crs;

use zagg_core::grid::{Grid, GridOptions};
use zagg_core::registry::{Entry, Make};

/// Makes the grid from the section `output.grid`.
///
/// # Errors
/// Names the key that is missing, unknown or has a value that does not fit.
pub fn make(options: &GridOptions) -> zagg_core::Result<Box<dyn Grid>> {
    Ok(Box::new(RectilinearGrid::new(RectilinearOptions::parse(options)?)))
}

zagg_core::export_plugin! {
    Entry {
        name: "rectilinear",
        aliases: &[],
        description: "equal cells in the plane of a projection, or in longitude and latitude",
        make: Make::Grid(make),
    },
}
