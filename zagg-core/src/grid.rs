//! Grids: from a position to a cell, from a cell to its shard, from a shard to its place in the store.
//!
//! Ids of cells and shards are `u64` and mean something to the grid alone. A *level* is a resolution of the grid
//! (HEALPix: the order); the leaf level holds the cells that statistics are computed for, the shard level the units of work.
//! All per-row methods take whole slices, so that a call across a plugin boundary costs nothing per row.

pub mod multiscales;

mod cover;
mod shard_set;

use std::fmt;

use serde_json::{Map, Value};

use crate::cells::CellRanges;
use crate::column::{DType, Values};
use crate::error::{Error, Result};
use crate::footprint::Footprint;
use crate::shard_map::AreaCodes;

pub use self::cover::{Cover, CoverOptions, ascending, prepared_cover, radians_of_km};
pub use self::shard_set::{GeoBox, ShardSet};

/// The cell of a position that lies outside the grid or is no position at all (NaN, infinite, latitude beyond ±90).
pub const NO_CELL: u64 = u64::MAX;

/// The settings under `output.grid`, as the pipeline has them.
pub type GridOptions = Map<String, Value>;

/// How the arrays of one level are laid out.
///
/// A shard owns one block of `shard_shape` elements; blocks tile `full_shape` exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridLayout {
    /// Names of the dimensions, outermost first (HEALPix: `cells`; rectilinear: `y`, `x`).
    pub dimensions: Vec<String>,
    /// Elements along each dimension over the whole grid.
    pub full_shape: Vec<u64>,
    /// Elements along each dimension of one shard.
    pub shard_shape: Vec<u64>,
    /// Elements along each dimension of one inner chunk; divides `shard_shape`.
    pub chunk_shape: Vec<u64>,
    /// Whether shards may stand side by side without their neighbours (`compact`): only for one dimension.
    pub compactable: bool,
}

impl GridLayout {
    /// Cells of one shard.
    pub fn cells_per_shard(&self) -> u64 {
        self.shard_shape.iter().product()
    }

    /// Cells of the whole grid.
    pub fn cells_per_full(&self) -> u64 {
        self.full_shape.iter().fold(1, |all, &size| all.saturating_mul(size))
    }
}

/// Values of a coordinate array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordinateExtent {
    /// One value per cell; every shard has its own block.
    Cells,
    /// One value per index of the dimension with this position in [`GridLayout::dimensions`]; known in full beforehand.
    Dimension(usize),
    /// A single value that carries attributes (a CF grid mapping).
    Scalar,
}

/// A coordinate array that belongs to the grid rather than to the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinate {
    /// Name of the array.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// What it has a value for.
    pub extent: CoordinateExtent,
    /// Attributes of the array.
    pub attributes: Map<String, Value>,
    /// Whether a compact store needs it and a full-sphere store can do without (HEALPix `cell_ids`).
    pub implied_by_position: bool,
}

/// Space → cell → shard → place in the store.
pub trait Grid: Send + Sync {
    /// The name under `output.grid.type`.
    fn type_name(&self) -> &str;

    /// What identifies the grid in shard maps: two grids with the same signature have the same shards and cells.
    fn signature(&self) -> Map<String, Value>;

    /// Level of the cells.
    fn leaf_level(&self) -> u32;

    /// Level of the shards; levels between it and the leaf level are the coarser levels that a shard has cells of.
    fn shard_level(&self) -> u32;

    /// Coarsest level of the grid. Cells of levels coarser than the shard level hold whole shards.
    fn coarsest_level(&self) -> u32 {
        self.shard_level()
    }

    /// The number that stands for a level in `output.grid.levels` (HEALPix: the order; rectilinear: the overview factor).
    fn level_number(&self, level: u32) -> u64 {
        level.into()
    }

    /// The level of such a number.
    ///
    /// # Errors
    /// When the grid has no such level; says which there are.
    fn level_from_number(&self, number: u64) -> Result<u32> {
        let (coarsest, leaf) = (self.coarsest_level(), self.leaf_level());
        match u32::try_from(number) {
            Ok(level) if (coarsest..=leaf).contains(&level) => Ok(level),
            _ => Err(Error::input(format!("there is no level {number}; there are {coarsest} to {leaf}"))),
        }
    }

    /// Whether the children of a cell cover exactly the cell.
    fn nests_exactly(&self) -> bool;

    /// The leaf cell of each position, or [`NO_CELL`].
    ///
    /// `lon` and `lat` are degrees, WGS84 geodetic; all three slices have one length.
    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]);

    /// The shard of each leaf cell; [`NO_CELL`] stays [`NO_CELL`].
    fn shards_of(&self, cells: &[u64], shards: &mut [u64]);

    /// The ancestor at `level` of each leaf cell; `level` lies between the coarsest level and the leaf level.
    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]);

    /// Every shard with a cell that the footprint may touch, ascending, each once.
    ///
    /// # Errors
    /// Names what is wrong with the footprint: too few vertices, a position that is none.
    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>>;

    /// The grid made ready to cover many footprints, as the options have it; `None` leaves that to [`Self::cover`], which
    /// [`prepared_cover`] then calls for every footprint.
    ///
    /// # Errors
    /// When the options make no sense to the grid.
    fn prepared_cover<'a>(&'a self, _options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        Ok(None)
    }

    /// The southernmost and the northernmost latitude of a shard, in degrees, WGS84 geodetic: every position that
    /// [`Self::locate`] puts into the shard lies between them, or on them. They may lie further apart than that. `None` when the
    /// grid does not tell.
    fn latitudes(&self, _shard: u64) -> Option<(f64, f64)> {
        None
    }

    /// The cell that holds each shard, at a `level` not finer than the shard level.
    fn parents_of_shards(&self, shards: &[u64], _level: u32, parents: &mut [u64]) {
        parents.copy_from_slice(shards);
    }

    /// Place of each cell of `level`, not coarser than the shard level, in the block of `shard`, counted in row-major order.
    ///
    /// Every cell must lie in the shard.
    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]);

    /// The cells of a shard at `level` in the order of its block.
    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64>;

    /// Centres of cells of `level` in degrees, WGS84 geodetic, longitude from -180 up to 180.
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]);

    /// The leaf cells of each of some shards that lie in an area of interest, made of polygons and boxes: one answer for each
    /// shard, in their order.
    ///
    /// Unless a grid says otherwise, a cell lies where its centre does.
    ///
    /// # Errors
    /// Names what is wrong with the area: lines or places, or a polygon that is none.
    fn cells_in_area(&self, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
        crate::sphere::cells_by_centre(self, shards, area)
    }

    /// The numbers that stand for some leaf cells of a shard in shard maps.
    ///
    /// Unless a grid says otherwise, they are the ids of the cells in the order of the shard's block.
    fn area_codes(&self, shard: u64, cells: &CellRanges) -> AreaCodes {
        let all = self.cells_of_shard(shard, self.leaf_level());
        let of = |range: &std::ops::Range<u32>| all.get(range.start as usize..range.end as usize);
        cells.ranges().iter().filter_map(of).flatten().copied().collect()
    }

    /// The leaf cells of a shard that such numbers stand for, in any order.
    ///
    /// # Errors
    /// When a number stands for no leaf cell of the shard.
    fn cells_of_codes(&self, shard: u64, codes: &AreaCodes) -> Result<CellRanges> {
        let level = self.leaf_level();
        let all = self.cells_of_shard(shard, level);
        if codes.len() > all.len() as u64 {
            return Err(Error::input(format!("{} cells in a shard of {}", codes.len(), all.len())));
        }
        let codes: Vec<u64> = codes.iter().collect();
        let mut places = vec![u32::MAX; codes.len()];
        self.offsets_in_shard(shard, level, &codes, &mut places);
        match places.iter().zip(&codes).find(|(place, code)| all.get(**place as usize) != Some(code)) {
            None => Ok(CellRanges::from_places(places)),
            Some((_, code)) => Err(Error::input(format!("{code} is no cell of the shard"))),
        }
    }

    /// The number that stands for the shard in shard maps.
    fn shard_key(&self, shard: u64) -> u64;

    /// The shard of such a number.
    ///
    /// # Errors
    /// When it is not the key of a shard of this grid.
    fn shard_from_key(&self, key: u64) -> Result<u64>;

    /// The shard's name for people.
    fn shard_label(&self, shard: u64) -> String;

    /// The shard of such a name.
    ///
    /// # Errors
    /// When it is not the label of a shard of this grid.
    fn shard_from_label(&self, label: &str) -> Result<u64>;

    /// Position of the shard's block along each dimension of the full array, at any level not coarser than the shard level.
    fn shard_index(&self, shard: u64) -> Vec<u64>;

    /// Name of the store's group for `level`.
    fn group_name(&self, level: u32) -> String;

    /// Layout of the arrays of `level`. At levels coarser than the shard level a shard has no block of its own: there the
    /// grid has one dimension, `shard_shape` is one cell, and [`Self::places`] tells where a cell is in the full array.
    fn layout(&self, level: u32) -> GridLayout;

    /// Place in the full array of each cell of a `level` coarser than the shard level; it grows with the number of the cell.
    ///
    /// Unless a grid says otherwise, cells are numbered by their place.
    fn places(&self, _level: u32, cells: &[u64], places: &mut [u64]) {
        places.copy_from_slice(cells);
    }

    /// Attributes of the store's root that tie several levels together (the multiscales convention). `levels` are those of
    /// the store, finest first; at least two.
    fn root_attributes(&self, _levels: &[u32], _compact: bool) -> Map<String, Value> {
        Map::new()
    }

    /// Attributes of the store's group for `level`. `compact` tells whether cells are listed by a coordinate.
    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value>;

    /// Attributes that the grid puts on every data array of `level` (CF `coordinates` or `grid_mapping`).
    fn array_attributes(&self, level: u32, compact: bool) -> Map<String, Value>;

    /// The coordinate arrays of `level`.
    fn coordinates(&self, level: u32) -> Vec<Coordinate>;

    /// Values of a coordinate whose extent is [`CoordinateExtent::Cells`], for cells of `level`.
    ///
    /// # Errors
    /// When the grid has no such coordinate.
    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values>;

    /// Values of a coordinate of any other extent.
    ///
    /// # Errors
    /// When the grid has no such coordinate.
    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values>;
}

impl fmt::Debug for dyn Grid + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grid({})", Value::Object(self.signature()))
    }
}
