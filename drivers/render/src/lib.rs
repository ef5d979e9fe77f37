//! Pictures of the cells of a zagg store: [`Map::of`] gives each pixel the value of the cell that holds its centre,
//! [`Map::to_png`] draws them with all that belongs to a figure, [`Map::to_geotiff`] writes the values themselves.
//!
//! Every grid is drawn through [`zagg_core::grid::Grid`]: a pixel's centre is a position, [`zagg_core::grid::Grid::locate`] names
//! its cell, and the store's layout says where the value of that cell is. Only blocks that some pixel needs are read.

mod array;
mod canvas;
mod cells;
mod coastline;
mod colours;
mod figure;
mod font;
mod geotiff;
mod graticule;
mod map;
mod outline;
mod raster;
mod runs;
mod subject;
mod ticks;
mod view;

pub use coastline::Coastline;
pub use colours::{ColourMap, Range, Scale, ScaleKind};
pub use figure::{Picture, Style};
pub use map::{Map, Request};
pub use outline::extent_of_shards;
pub use raster::{Looked, Pixels};
pub use subject::variables;
pub use view::{Area, Extent, MAX_PIXELS, MAX_SIDE, View};
pub use zagg_crs::Crs;
