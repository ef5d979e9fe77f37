//! The grid itself: positions, ids, ranks, places.

use s2::cellid::{CellID, MAX_SIZE};
use s2::latlng::LatLng;
use s2::point::Point;
use s2::r3::vector::Vector;
use serde_json::{Map, Value};
use zagg_core::column::{DType, Values};
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, CoordinateExtent, Cover, CoverOptions, Grid, GridLayout, NO_CELL};
use zagg_core::sphere::is_position;
use zagg_core::{Error, Result};

use crate::attributes::{self, CELL_IDS, DIMENSION};
use crate::cover;
use crate::options::S2Options;

/// Faces of the cube.
pub(crate) const FACES: u64 = 6;

/// Bits below the rank in an id of the level: a 1, then zeros.
const fn bits_below(level: u8) -> u32 {
    61 - 2 * level as u32
}

/// Number of the cell, or of its ancestor at the level, among the cells of that level in the order of their ids.
pub(crate) const fn rank(id: u64, level: u8) -> u64 {
    id >> bits_below(level)
}

/// The id of a rank, which must be less than [`count`].
pub(crate) const fn id_of(rank: u64, level: u8) -> u64 {
    (rank << bits_below(level)) | (1 << (bits_below(level) - 1))
}

/// Cells of a level.
pub(crate) const fn count(level: u8) -> u64 {
    FACES << (2 * level)
}

/// Whether this is the id of a cell of the level.
fn is_cell(id: u64, level: u8) -> bool {
    rank(id, level) < count(level) && id_of(rank(id, level), level) == id
}

/// The longitude from -180 up to 180: 180 and -180 are one place, but not to the sine.
fn wrapped(lon: f64) -> f64 {
    if (-180.0..180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// The place of a position in degrees.
fn place(lon: f64, lat: f64) -> Point {
    Point::from(LatLng::from_degrees(lat, wrapped(lon)))
}

/// The position of a place in degrees.
pub(crate) fn lon_lat(place: Point) -> (f64, f64) {
    let position = LatLng::from(place);
    (wrapped(position.lng.deg()), position.lat.deg().clamp(-90.0, 90.0))
}

/// The id of the finest cell at a place: projection to the cube, S2's quadratic stretching, place along the curve.
///
/// The conversion of the crate differs from S2 in all other languages for places on an edge of the cube, and is slower.
fn finest(&Vector { x, y, z }: &Vector) -> u64 {
    // The largest coordinate tells the face; of equal ones the later.
    let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
    let (face, u, v) = if ax > ay && ax > az {
        if x >= 0.0 { (0, y / x, z / x) } else { (3, z / x, y / x) }
    } else if ay > az && ay >= ax {
        if y >= 0.0 { (1, -x / y, z / y) } else { (4, z / y, -x / y) }
    } else if z >= 0.0 {
        (2, -x / z, -y / z)
    } else {
        (5, -y / z, -x / z)
    };
    let stretched =
        |u: f64| if u >= 0.0 { 0.5 * (1.0 + 3.0 * u).sqrt() } else { 1.0 - 0.5 * (1.0 - 3.0 * u).sqrt() };
    let number = |u: f64| ((stretched(u) * MAX_SIZE as f64) as i32).clamp(0, MAX_SIZE as i32 - 1);
    CellID::from_face_ij(face, number(u), number(v)).0
}

/// S2 cells of one level in shards of a coarser one.
#[derive(Debug, Clone)]
pub struct S2Grid {
    options: S2Options,
}

impl S2Grid {
    /// The grid of these options, which [`S2Options::parse`] has checked.
    pub fn new(options: S2Options) -> Self {
        Self { options }
    }

    pub(crate) fn options(&self) -> &S2Options {
        &self.options
    }

    /// The level as one of this grid; one that is too fine counts as the finest.
    fn level(&self, level: u32) -> u8 {
        u8::try_from(level).unwrap_or(u8::MAX).min(self.options.child_level)
    }

    /// Bits of the rank of a cell that tell its place in its shard; none of a cell that is larger.
    fn shift(&self, level: u8) -> u32 {
        2 * u32::from(level.saturating_sub(self.options.parent_level))
    }

    pub(crate) fn is_shard(&self, id: u64) -> bool {
        is_cell(id, self.options.parent_level)
    }

    fn checked_shard(&self, id: u64, given: &str) -> Result<u64> {
        if self.is_shard(id) {
            return Ok(id);
        }
        Err(Error::input(format!(
            "{given} is no S2 cell of level {} (parent_level), which shards have; the shard map or the option belongs to \
             another grid",
            self.options.parent_level
        )))
    }
}

fn unknown_coordinate(name: &str, kind: &str) -> Error {
    Error::plugin(format!("the s2 grid has no {kind} coordinate {name:?}"))
}

impl Grid for S2Grid {
    fn type_name(&self) -> &str {
        "s2"
    }

    fn signature(&self) -> Map<String, Value> {
        let mut signature = Map::new();
        signature.insert("type".into(), "s2".into());
        signature.insert("parent_level".into(), self.options.parent_level.into());
        signature.insert("child_level".into(), self.options.child_level.into());
        signature
    }

    fn leaf_level(&self) -> u32 {
        self.options.child_level.into()
    }

    fn shard_level(&self) -> u32 {
        self.options.parent_level.into()
    }

    fn coarsest_level(&self) -> u32 {
        0
    }

    fn nests_exactly(&self) -> bool {
        true
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        let level = self.options.child_level;
        for ((cell, &lon), &lat) in cells.iter_mut().zip(lon).zip(lat) {
            *cell = if is_position(lon, lat) {
                id_of(rank(finest(&place(lon, lat).0), level), level)
            } else {
                NO_CELL
            };
        }
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.parents(cells, self.shard_level(), shards);
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        let level = self.level(level);
        for (parent, &cell) in parents.iter_mut().zip(cells) {
            *parent = if cell == NO_CELL { NO_CELL } else { id_of(rank(cell, level), level) };
        }
    }

    fn parents_of_shards(&self, shards: &[u64], level: u32, parents: &mut [u64]) {
        let level = self.level(level).min(self.options.parent_level);
        self.parents(shards, level.into(), parents);
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        cover::cover(self, footprint)
    }

    fn prepared_cover<'a>(&'a self, options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        Ok(Some(Box::new(cover::prepared(self, options))))
    }

    /// A cell outside the shard, against the contract, gets the place `u32::MAX`.
    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        let level = self.level(level);
        let shift = self.shift(level);
        let shard = rank(shard, self.options.parent_level);
        for (offset, &cell) in offsets.iter_mut().zip(cells) {
            let rank = rank(cell, level);
            *offset = if rank >> shift == shard {
                // At most 24 bits are left.
                u32::try_from(rank & ((1 << shift) - 1)).unwrap_or(u32::MAX)
            } else {
                u32::MAX
            };
        }
    }

    /// None for an id that is no shard.
    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        if !self.is_shard(shard) {
            return Vec::new();
        }
        let level = self.level(level);
        let (shard, shift) = (rank(shard, self.options.parent_level), self.shift(level));
        ((shard << shift)..((shard + 1) << shift)).map(|rank| id_of(rank, level)).collect()
    }

    /// The centre is the place where the cell is divided into its four children. That of an id that is no cell is NaN.
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        let level = self.level(level);
        for ((&cell, lon), lat) in cells.iter().zip(lon).zip(lat) {
            if !is_cell(cell, level) {
                (*lon, *lat) = (f64::NAN, f64::NAN);
                continue;
            }
            (*lon, *lat) = lon_lat(Point(CellID(cell).raw_point()));
        }
    }

    /// The id itself.
    fn shard_key(&self, shard: u64) -> u64 {
        shard
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        self.checked_shard(key, &format!("shard key {key}"))
    }

    /// The S2 token: the id in hexadecimal without the zeros at its end; `none` for an id that is no shard.
    fn shard_label(&self, shard: u64) -> String {
        if !self.is_shard(shard) {
            return "none".into();
        }
        format!("{shard:016x}").trim_end_matches('0').into()
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        let digits = (1..=16).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = if digits { u64::from_str_radix(&format!("{label:0<16}"), 16).ok() } else { None };
        let id = id.ok_or_else(|| {
            Error::input(format!(
                "{label:?} is not a shard label; a label is an S2 token, 1 to 16 hexadecimal digits such as 80855c"
            ))
        })?;
        self.checked_shard(id, &format!("label {label:?}"))
    }

    /// The rank of the shard.
    fn shard_index(&self, shard: u64) -> Vec<u64> {
        vec![rank(shard, self.options.parent_level)]
    }

    fn group_name(&self, level: u32) -> String {
        level.to_string()
    }

    fn layout(&self, level: u32) -> GridLayout {
        let level = self.level(level);
        GridLayout {
            dimensions: vec![DIMENSION.into()],
            full_shape: vec![count(level)],
            shard_shape: vec![1 << self.shift(level)],
            chunk_shape: vec![1 << (2 * level.saturating_sub(self.options.chunk_inner))],
            compactable: true,
        }
    }

    /// The rank of the cell.
    fn places(&self, level: u32, cells: &[u64], places: &mut [u64]) {
        let level = self.level(level);
        for (place, &cell) in places.iter_mut().zip(cells) {
            *place = rank(cell, level);
        }
    }

    fn root_attributes(&self, levels: &[u32], compact: bool) -> Map<String, Value> {
        attributes::root(levels, compact)
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        attributes::group(level, compact)
    }

    fn array_attributes(&self, _level: u32, compact: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if compact {
            map.insert("coordinates".into(), CELL_IDS.into());
        }
        map
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        vec![Coordinate {
            name: CELL_IDS.into(),
            dtype: DType::UInt64,
            extent: CoordinateExtent::Cells,
            attributes: attributes::cell_ids(level),
            implied_by_position: true,
        }]
    }

    fn cell_coordinate(&self, name: &str, _level: u32, cells: &[u64]) -> Result<Values> {
        match name {
            CELL_IDS => Ok(Values::UInt64(cells.to_vec())),
            _ => Err(unknown_coordinate(name, "cell")),
        }
    }

    fn whole_coordinate(&self, name: &str, _level: u32) -> Result<Values> {
        Err(unknown_coordinate(name, "whole"))
    }
}
