//! The grid itself: positions, numbers, places.

use serde_json::{Map, Value, json};
use zagg_core::column::{DType, Values};
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, CoordinateExtent, Cover, CoverOptions, Grid, GridLayout, NO_CELL};
use zagg_core::{Error, Result};

use crate::attributes::{self, DIMENSIONS, Plane, SPATIAL_REF};
use crate::cover;
use crate::divide::whole;
use crate::options::RectilinearOptions;

/// Name of the group of the leaf cells; coarser levels add their factor.
const GROUP: &str = "rectilinear";

/// Positions located at a time: few enough to stay in the first-level cache.
const BLOCK: usize = 256;

/// How far, in cells, a centre may come back from the globe and still be the same.
const RETURN: f64 = 1e-3;

/// Equal cells in a plane, in shards of equal blocks.
#[derive(Debug, Clone)]
pub struct RectilinearGrid {
    options: RectilinearOptions,
    /// Columns and rows as floating-point numbers.
    size: [f64; 2],
    /// Level of the cells: how often both sides of a shard can be halved.
    leaf: u32,
}

impl RectilinearGrid {
    /// The grid of these options; [`RectilinearOptions::parse`] has checked them.
    pub fn new(options: RectilinearOptions) -> Self {
        let [rows, columns] = options.shape;
        let leaf = options.chunk_shape.map(u64::trailing_zeros).into_iter().min().unwrap_or(0);
        Self { options, size: [columns as f64, rows as f64], leaf }
    }

    /// The settings.
    pub fn options(&self) -> &RectilinearOptions {
        &self.options
    }

    /// Rows and columns of shards.
    pub(crate) fn shards(&self) -> [u64; 2] {
        let RectilinearOptions { shape, chunk_shape, .. } = &self.options;
        [shape[0] / chunk_shape[0], shape[1] / chunk_shape[1]]
    }

    pub(crate) fn shard_count(&self) -> u64 {
        let [rows, columns] = self.shards();
        rows * columns
    }

    /// Coordinates of positions as distances from the upper left corner, to the right and downwards, in cells.
    ///
    /// Not rounded down: that takes more care than a division.
    pub(crate) fn in_cells(&self, lon: &[f64], lat: &[f64], x: &mut [f64], y: &mut [f64]) {
        self.options.crs.forward(lon, lat, x, y);
        let [rx, ry] = self.options.resolution;
        for (x, y) in x.iter_mut().zip(y) {
            (*x, *y) = (self.right_of_edge(*x) / rx, (self.options.ymax - *y) / ry);
        }
    }

    /// Distance from the left edge; in degrees less than a turn.
    #[inline]
    fn right_of_edge(&self, x: f64) -> f64 {
        let distance = x - self.options.xmin;
        if self.options.crs.is_geographic() && !(0.0..360.0).contains(&distance) {
            let turned = distance.rem_euclid(360.0);
            // A tiny negative distance is rounded to a whole turn, which it does not reach.
            return turned.min(360.0_f64.next_down());
        }
        distance
    }

    fn cell(&self, x: f64, y: f64) -> u64 {
        let [rx, ry] = self.options.resolution;
        let (right, down) = (self.right_of_edge(x), self.options.ymax - y);
        // False for NaN; and what is farther than any grid reaches need not be divided exactly.
        if !(right >= 0.0 && down >= 0.0 && right.is_finite() && down.is_finite()) {
            return NO_CELL;
        }
        let (column, row) = (whole(right, rx), whole(down, ry));
        if column >= self.size[0] || row >= self.size[1] {
            return NO_CELL;
        }
        row as u64 * self.options.shape[1] + column as u64
    }

    /// The level as one of this grid; one outside counts as the nearest.
    fn halvings(&self, level: u32) -> u32 {
        self.leaf - level.min(self.leaf)
    }

    fn plane(&self, level: u32) -> Plane<'_> {
        Plane { options: &self.options, factor: 1 << self.halvings(level) }
    }

    /// Rows and columns of a shard at a level.
    fn block(&self, level: u32) -> [u64; 2] {
        self.options.chunk_shape.map(|n| n >> self.halvings(level))
    }

    fn checked_shard(&self, number: u64, given: &str) -> Result<u64> {
        if number < self.shard_count() {
            return Ok(number);
        }
        let [rows, columns] = self.shards();
        Err(Error::input(format!(
            "{given} is no shard of the grid, which has {rows} rows of {columns} shards, numbered from 0 to {}; the shard \
             map or the option belongs to another grid",
            self.shard_count() - 1
        )))
    }

    fn unknown_coordinate(&self, name: &str, kind: &str) -> Error {
        Error::plugin(format!("the rectilinear grid has no {kind} coordinate {name:?}"))
    }
}

impl Grid for RectilinearGrid {
    fn type_name(&self) -> &str {
        "rectilinear"
    }

    fn signature(&self) -> Map<String, Value> {
        let RectilinearOptions { crs, resolution: [rx, ry], xmin, ymax, shape, chunk_shape, .. } =
            &self.options;
        let mut name = crs.name().to_owned();
        // The Python program's library marks PROJ strings as complete systems.
        if crs.epsg().is_none() && !name.contains("+type=crs") {
            name.push_str(" +type=crs");
        }
        let mut signature = Map::new();
        signature.insert("type".into(), "rectilinear".into());
        signature.insert("crs".into(), name.into());
        signature.insert("affine".into(), json!([rx, 0.0, xmin, 0.0, -ry, ymax]));
        signature.insert("shape".into(), json!(shape));
        signature.insert("chunk_shape".into(), json!(chunk_shape));
        signature
    }

    fn leaf_level(&self) -> u32 {
        self.leaf
    }

    fn shard_level(&self) -> u32 {
        0
    }

    /// The overview factor: leaf cells along each side of a cell.
    fn level_number(&self, level: u32) -> u64 {
        self.plane(level).factor
    }

    fn level_from_number(&self, number: u64) -> Result<u32> {
        if number.is_power_of_two() && number.trailing_zeros() <= self.leaf {
            return Ok(self.leaf - number.trailing_zeros());
        }
        let [rows, columns] = self.options.chunk_shape;
        Err(Error::input(format!(
            "there is no overview factor {number} in the grid; with output.grid.chunk_shape [{rows}, {columns}] there are \
             powers of two from 1 to {}",
            1_u64 << self.leaf
        )))
    }

    fn nests_exactly(&self) -> bool {
        true
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        let (mut x, mut y) = ([0.0; BLOCK], [0.0; BLOCK]);
        for ((cells, lon), lat) in cells.chunks_mut(BLOCK).zip(lon.chunks(BLOCK)).zip(lat.chunks(BLOCK)) {
            let n = cells.len();
            self.options.crs.forward(lon, lat, &mut x[..n], &mut y[..n]);
            for ((cell, x), y) in cells.iter_mut().zip(&x).zip(&y) {
                *cell = self.cell(*x, *y);
            }
        }
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        let width = self.options.shape[1];
        let [h, w] = self.options.chunk_shape;
        for (shard, &cell) in shards.iter_mut().zip(cells) {
            *shard =
                if cell == NO_CELL { NO_CELL } else { (cell / width / h) * (width / w) + (cell % width) / w };
        }
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        let (width, halvings) = (self.options.shape[1], self.halvings(level));
        for (parent, &cell) in parents.iter_mut().zip(cells) {
            *parent = if cell == NO_CELL {
                NO_CELL
            } else {
                ((cell / width) >> halvings) * (width >> halvings) + ((cell % width) >> halvings)
            };
        }
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        cover::cover(self, footprint)
    }

    fn prepared_cover<'a>(&'a self, options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        Ok(Some(Box::new(cover::prepared(self, options))))
    }

    /// A cell outside the shard, against the contract, gets the place `u32::MAX`.
    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        let width = self.plane(level).shape()[1];
        let [h, w] = self.block(level);
        let columns = self.shards()[1];
        let (top, left) = ((shard / columns).saturating_mul(h), shard % columns * w);
        for (offset, &cell) in offsets.iter_mut().zip(cells) {
            let (row, column) = ((cell / width).wrapping_sub(top), (cell % width).wrapping_sub(left));
            *offset = if row < h && column < w {
                // A shard has at most 2^24 cells.
                u32::try_from(row * w + column).unwrap_or(u32::MAX)
            } else {
                u32::MAX
            };
        }
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        if shard >= self.shard_count() {
            return Vec::new();
        }
        let width = self.plane(level).shape()[1];
        let [h, w] = self.block(level);
        let columns = self.shards()[1];
        let first = shard / columns * h * width + shard % columns * w;
        (0..h).flat_map(|row| first + row * width..first + row * width + w).collect()
    }

    /// The centre of a cell is NaN where it has none on the globe, or one that belongs to another cell.
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        let plane = self.plane(level);
        let ([rows, columns], [rx, ry]) = (plane.shape(), plane.resolution());
        let factor = plane.factor as f64;
        let mut buffers = [[0.0; BLOCK]; 4];
        let [x, y, right, down] = &mut buffers;
        for ((cells, lon), lat) in cells.chunks(BLOCK).zip(lon.chunks_mut(BLOCK)).zip(lat.chunks_mut(BLOCK)) {
            let n = cells.len();
            for ((x, y), &cell) in x.iter_mut().zip(y.iter_mut()).zip(cells) {
                let (row, column) = (cell / columns, cell % columns);
                (*x, *y) = if row < rows {
                    (
                        self.options.xmin + (column as f64 + 0.5) * rx,
                        self.options.ymax - (row as f64 + 0.5) * ry,
                    )
                } else {
                    (f64::NAN, f64::NAN)
                };
            }
            self.options.crs.inverse(&x[..n], &y[..n], lon, lat);
            self.in_cells(lon, lat, &mut right[..n], &mut down[..n]);
            for (i, &cell) in cells.iter().enumerate() {
                let there = |number: u64, back: f64| (back / factor - (number as f64 + 0.5)).abs() < RETURN;
                // False for NaN.
                if !(there(cell % columns, right[i]) && there(cell / columns, down[i])) {
                    (lon[i], lat[i]) = (f64::NAN, f64::NAN);
                }
            }
        }
    }

    fn shard_key(&self, shard: u64) -> u64 {
        shard
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        self.checked_shard(key, &format!("shard key {key}"))
    }

    /// The number of the shard, row by row, as in shard maps.
    fn shard_label(&self, shard: u64) -> String {
        shard.to_string()
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        match label.parse() {
            // One shard has one label.
            Ok(number) if u64::to_string(&number) == label => {
                self.checked_shard(number, &format!("label {label:?}"))
            }
            _ => Err(Error::input(format!(
                "{label:?} is not a shard label; the shards of a rectilinear grid are numbered row by row, from 0 to {}",
                self.shard_count() - 1
            ))),
        }
    }

    fn shard_index(&self, shard: u64) -> Vec<u64> {
        let columns = self.shards()[1];
        vec![shard / columns, shard % columns]
    }

    fn group_name(&self, level: u32) -> String {
        match self.plane(level).factor {
            1 => GROUP.into(),
            factor => format!("{GROUP}_{factor}"),
        }
    }

    fn layout(&self, level: u32) -> GridLayout {
        let shard_shape = self.block(level);
        let factor = self.plane(level).factor;
        // Chunks that cannot be divided so often grow to the whole shard.
        let chunk_shape = [0, 1].map(|i| {
            if self.options.chunk_inner[i].is_multiple_of(factor) {
                self.options.chunk_inner[i] / factor
            } else {
                shard_shape[i]
            }
        });
        GridLayout {
            dimensions: DIMENSIONS.map(String::from).to_vec(),
            full_shape: self.plane(level).shape().to_vec(),
            shard_shape: shard_shape.to_vec(),
            chunk_shape: chunk_shape.to_vec(),
            compactable: false,
        }
    }

    fn root_attributes(&self, levels: &[u32], _compact: bool) -> Map<String, Value> {
        let planes: Vec<(String, Plane<'_>)> =
            levels.iter().map(|&level| (self.group_name(level), self.plane(level))).collect();
        attributes::root(&planes)
    }

    fn group_attributes(&self, level: u32, _compact: bool) -> Map<String, Value> {
        self.plane(level).conventions()
    }

    fn array_attributes(&self, level: u32, _compact: bool) -> Map<String, Value> {
        self.plane(level).array()
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        let plane = self.plane(level);
        let dimension = |at: usize| Coordinate {
            name: DIMENSIONS[at].into(),
            dtype: DType::Float64,
            extent: CoordinateExtent::Dimension(at),
            attributes: plane.dimension(at),
            implied_by_position: false,
        };
        let mapping = Coordinate {
            name: SPATIAL_REF.into(),
            dtype: DType::Int64,
            extent: CoordinateExtent::Scalar,
            attributes: plane.spatial_ref(),
            implied_by_position: false,
        };
        vec![dimension(0), dimension(1), mapping]
    }

    fn cell_coordinate(&self, name: &str, _level: u32, _cells: &[u64]) -> Result<Values> {
        Err(self.unknown_coordinate(name, "cell"))
    }

    fn whole_coordinate(&self, name: &str, level: u32) -> Result<Values> {
        match name {
            "y" => Ok(Values::Float64(self.plane(level).y())),
            "x" => Ok(Values::Float64(self.plane(level).x())),
            SPATIAL_REF => Ok(Values::Int64(vec![0])),
            _ => Err(self.unknown_coordinate(name, "whole")),
        }
    }
}
