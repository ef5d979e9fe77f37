//! The grid itself: positions, ids, places.

use serde_json::{Map, Value, json};
use zagg_core::cells::CellRanges;
use zagg_core::column::{DType, Values};
use zagg_core::footprint::Footprint;
use zagg_core::grid::{Coordinate, CoordinateExtent, Cover, CoverOptions, Grid, GridLayout, NO_CELL};
use zagg_core::shard_map::AreaCodes;
use zagg_core::sphere::is_position;
use zagg_core::{Error, Result};

use cdshealpix::nested::{Layer, get};
use mortie_core::decimal_morton;

use crate::area;
use crate::attributes::{self, CELL_IDS, DIMENSION, MORTON};
use crate::authalic::{to_authalic, to_geodetic};
use crate::cover;
use crate::options::{Ellipsoid, HealpixOptions};
use crate::track::Anchor;

/// HEALPix cells of one order in shards of a coarser one.
#[derive(Debug, Clone)]
pub struct HealpixGrid {
    options: HealpixOptions,
}

impl HealpixGrid {
    /// The grid of these options; [`HealpixOptions::parse`] has checked them.
    pub fn new(options: HealpixOptions) -> Self {
        Self { options }
    }

    /// The settings.
    pub fn options(&self) -> &HealpixOptions {
        &self.options
    }

    /// Number of shards on the whole sphere.
    pub(crate) fn shard_count(&self) -> u64 {
        12 << (2 * self.options.parent_order)
    }

    /// The level as an order of this grid; one that is too fine counts as the finest.
    fn order(&self, level: u32) -> u8 {
        u8::try_from(level).unwrap_or(u8::MAX).min(self.options.child_order)
    }

    /// Bits to drop to get from a cell of `level` to its shard; none from cells that are larger.
    fn shift(&self, level: u32) -> u32 {
        2 * u32::from(self.order(level).saturating_sub(self.options.parent_order))
    }

    fn checked_shard(&self, order: u8, nested: u64, given: impl FnOnce() -> String) -> Result<u64> {
        if order == self.options.parent_order && nested < self.shard_count() {
            return Ok(nested);
        }
        Err(Error::input(format!(
            "{} is a cell of order {order}, but shards have order {} (parent_order); the shard map or the option belongs \
             to another grid",
            given(),
            self.options.parent_order
        )))
    }

    fn unknown_coordinate(&self, name: &str, kind: &str) -> Error {
        Error::plugin(format!("the healpix grid has no {kind} coordinate {name:?}"))
    }
}

/// Degrees by which latitudes of a shard are widened, so that no rounding matters: a tenth of a metre.
const EDGE: f64 = 1e-6;

/// Positions converted at a time: few enough to stay in the first-level cache.
const BLOCK: usize = 256;

/// Blocks that are located position by position after one whose positions do not follow one another.
const APART: u32 = 15;

/// A longitude in degrees as `hash` wants it, in radians.
///
/// `hash` saturates on longitudes beyond some 30 turns and tells -180 from 180, so the longitude is wrapped first. It
/// panics on latitudes beyond ±π/2, which 90° in radians equals exactly, and on NaN: both must be kept from it.
#[inline]
fn wrapped(lon: f64) -> f64 {
    // Adding 0.0 turns -0.0 into 0.0, which lies on the other side of a border.
    let lon = if (0.0..=360.0).contains(&lon) { lon + 0.0 } else { lon.rem_euclid(360.0) };
    lon.to_radians()
}

/// Locates positions of which some may be none.
fn locate_all(layer: &Layer, ellipsoid: Ellipsoid, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
    let blocks = cells.chunks_mut(BLOCK).zip(lon.chunks(BLOCK)).zip(lat.chunks(BLOCK));
    let mut converted = [0.0; BLOCK];
    let (mut anchor, mut apart) = (Anchor::NONE, 0);
    for ((cells, lon), lat) in blocks {
        // A loop of its own, because without branches it runs on several latitudes at once.
        for (to, from) in converted.iter_mut().zip(lat) {
            let radians = from.to_radians();
            *to = match ellipsoid {
                Ellipsoid::Wgs84 => to_authalic(radians),
                Ellipsoid::Sphere => radians,
            };
        }
        let rows = cells.iter_mut().zip(lon).zip(lat).zip(&converted);
        if apart > 0 {
            apart -= 1;
            for (((cell, &lon), &lat), &converted) in rows {
                *cell = if is_position(lon, lat) { layer.hash(wrapped(lon), converted) } else { NO_CELL };
            }
            continue;
        }
        let mut near = 0;
        for (((cell, &lon), &lat), &converted) in rows {
            if !is_position(lon, lat) {
                *cell = NO_CELL;
                continue;
            }
            let lon = wrapped(lon);
            *cell = match anchor.cell_of(lon, converted) {
                Some(cell) => {
                    near += 1;
                    cell
                }
                None => {
                    anchor = Anchor::new(layer, lon, converted);
                    anchor.cell()
                }
            };
        }
        if near < BLOCK / 4 {
            apart = APART;
        }
    }
}

/// Degrees, WGS84 geodetic, of a position in radians on the sphere of the cells.
#[inline]
pub(crate) fn geodetic_degrees(ellipsoid: Ellipsoid, (lon, lat): (f64, f64)) -> (f64, f64) {
    let lat = match ellipsoid {
        Ellipsoid::Wgs84 => to_geodetic(lat),
        Ellipsoid::Sphere => lat,
    };
    let lon = lon.to_degrees();
    (if lon >= 180.0 { lon - 360.0 } else { lon }, lat.to_degrees())
}

impl Grid for HealpixGrid {
    fn type_name(&self) -> &str {
        "healpix"
    }

    fn signature(&self) -> Map<String, Value> {
        let mut signature = Map::new();
        signature.insert("type".into(), "healpix".into());
        signature.insert("indexing_scheme".into(), "nested".into());
        signature.insert("parent_order".into(), self.options.parent_order.into());
        signature.insert("child_order".into(), self.options.child_order.into());
        signature.insert("layout".into(), "fullsphere".into());
        if self.options.ellipsoid == Ellipsoid::Sphere {
            signature.insert("ellipsoid".into(), json!("sphere"));
        }
        signature
    }

    fn leaf_level(&self) -> u32 {
        self.options.child_order.into()
    }

    fn shard_level(&self) -> u32 {
        self.options.parent_order.into()
    }

    fn coarsest_level(&self) -> u32 {
        0
    }

    fn nests_exactly(&self) -> bool {
        true
    }

    fn locate(&self, lon: &[f64], lat: &[f64], cells: &mut [u64]) {
        locate_all(get(self.options.child_order), self.options.ellipsoid, lon, lat, cells);
    }

    fn shards_of(&self, cells: &[u64], shards: &mut [u64]) {
        self.parents(cells, self.shard_level(), shards);
    }

    fn parents(&self, cells: &[u64], level: u32, parents: &mut [u64]) {
        let shift = 2 * u32::from(self.options.child_order - self.order(level));
        for (parent, &cell) in parents.iter_mut().zip(cells) {
            *parent = if cell == NO_CELL { NO_CELL } else { cell >> shift };
        }
    }

    fn level_from_number(&self, number: u64) -> Result<u32> {
        match u32::try_from(number) {
            Ok(level) if level <= self.leaf_level() => Ok(level),
            _ => Err(Error::input(format!(
                "there is no order {number} in the grid; it has orders 0 to {} (child_order)",
                self.options.child_order
            ))),
        }
    }

    fn parents_of_shards(&self, shards: &[u64], level: u32, parents: &mut [u64]) {
        let shift = 2 * u32::from(self.options.parent_order.saturating_sub(self.order(level)));
        for (parent, &shard) in parents.iter_mut().zip(shards) {
            *parent = if shard == NO_CELL { NO_CELL } else { shard >> shift };
        }
    }

    fn cover(&self, footprint: &Footprint) -> Result<Vec<u64>> {
        cover::cover(self, footprint)
    }

    /// The latitude follows from the place along one axis of the projection alone, in which a cell is a square on its tip: its
    /// southern and its northern corner are its ends.
    fn latitudes(&self, shard: u64) -> Option<(f64, f64)> {
        if shard >= self.shard_count() {
            return None;
        }
        let [south, _, north, _] = get(self.options.parent_order).vertices(shard);
        let latitude = |corner| geodetic_degrees(self.options.ellipsoid, corner).1;
        Some((latitude(south) - EDGE, latitude(north) + EDGE))
    }

    fn prepared_cover<'a>(&'a self, options: &CoverOptions<'a>) -> Result<Option<Box<dyn Cover + 'a>>> {
        Ok(Some(Box::new(cover::prepared(self, options))))
    }

    /// A cell outside the shard, against the contract, gets the place `u32::MAX`.
    fn offsets_in_shard(&self, shard: u64, level: u32, cells: &[u64], offsets: &mut [u32]) {
        let shift = self.shift(level);
        for (offset, &cell) in offsets.iter_mut().zip(cells) {
            *offset = if cell >> shift == shard {
                // At most 24 bits are left.
                u32::try_from(cell & ((1 << shift) - 1)).unwrap_or(u32::MAX)
            } else {
                u32::MAX
            };
        }
    }

    fn cells_of_shard(&self, shard: u64, level: u32) -> Vec<u64> {
        if shard >= self.shard_count() {
            return Vec::new();
        }
        let shift = self.shift(level);
        ((shard << shift)..((shard + 1) << shift)).collect()
    }

    /// The centre of an id that is no cell is NaN.
    fn centres(&self, level: u32, cells: &[u64], lon: &mut [f64], lat: &mut [f64]) {
        let layer = get(self.order(level));
        for ((&cell, lon), lat) in cells.iter().zip(lon).zip(lat) {
            (*lon, *lat) = if cell < layer.n_hash() {
                geodetic_degrees(self.options.ellipsoid, layer.center(cell))
            } else {
                (f64::NAN, f64::NAN)
            };
        }
    }

    /// A cell lies in the area when the area touches it, as in the original.
    fn cells_in_area(&self, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
        area::touched(self, shards, area)
    }

    /// The packed morton words of the fewest cells of any order that make up the cells, ascending by place: a multi-order
    /// coverage, as in the original.
    fn area_codes(&self, shard: u64, cells: &CellRanges) -> AreaCodes {
        area::codes(self, shard, cells)
    }

    fn cells_of_codes(&self, shard: u64, codes: &AreaCodes) -> Result<CellRanges> {
        area::cells(self, shard, codes)
    }

    /// The packed morton word; 0, the null word, for an id that is no shard.
    fn shard_key(&self, shard: u64) -> u64 {
        if shard < self.shard_count() {
            decimal_morton::from_nested(shard, self.options.parent_order)
        } else {
            0
        }
    }

    fn shard_from_key(&self, key: u64) -> Result<u64> {
        decimal_morton::to_nested(key)
            // Stray bits and order-29 points decode, too, but are not the key of a shard.
            .filter(|&(order, nested)| decimal_morton::from_nested(nested, order) == key)
            .ok_or_else(|| {
                Error::input(format!("shard key {key} is not a packed morton word of a HEALPix cell"))
            })
            .and_then(|(order, nested)| self.checked_shard(order, nested, || format!("shard key {key}")))
    }

    /// The decimal morton label, such as `-5112323`; `none` for an id that is no shard.
    fn shard_label(&self, shard: u64) -> String {
        decimal_morton::to_decimal_repr(self.shard_key(shard)).unwrap_or_else(|| "none".into())
    }

    fn shard_from_label(&self, label: &str) -> Result<u64> {
        let key = decimal_morton::from_decimal_repr(label).map_err(|_| {
            Error::input(format!(
                "{label:?} is not a shard label; a label is a base cell 1 to 6, negative in the south, and one digit 1 to \
                 4 for each order, such as -5112323"
            ))
        })?;
        if label.ends_with('p') {
            return Err(Error::input(format!("label {label:?} names a point, not a shard")));
        }
        decimal_morton::to_nested(key)
            .ok_or_else(|| Error::input(format!("{label:?} is not a shard label")))
            .and_then(|(order, nested)| self.checked_shard(order, nested, || format!("label {label:?}")))
    }

    fn shard_index(&self, shard: u64) -> Vec<u64> {
        vec![shard]
    }

    fn group_name(&self, level: u32) -> String {
        level.to_string()
    }

    fn layout(&self, level: u32) -> GridLayout {
        let order = self.order(level);
        GridLayout {
            dimensions: vec![DIMENSION.into()],
            full_shape: vec![12 << (2 * order)],
            shard_shape: vec![1 << self.shift(level)],
            chunk_shape: vec![1 << (2 * order.saturating_sub(self.options.chunk_inner))],
            compactable: true,
        }
    }

    fn root_attributes(&self, levels: &[u32], compact: bool) -> Map<String, Value> {
        attributes::root(levels, self.options.ellipsoid, compact)
    }

    fn group_attributes(&self, level: u32, compact: bool) -> Map<String, Value> {
        attributes::group(level, self.options.ellipsoid, compact)
    }

    fn array_attributes(&self, _level: u32, compact: bool) -> Map<String, Value> {
        let mut map = Map::new();
        if compact {
            map.insert("coordinates".into(), CELL_IDS.into());
        }
        map
    }

    fn coordinates(&self, level: u32) -> Vec<Coordinate> {
        let mut coordinates = vec![Coordinate {
            name: CELL_IDS.into(),
            dtype: DType::UInt64,
            extent: CoordinateExtent::Cells,
            attributes: attributes::cell_ids(level, self.options.ellipsoid),
            implied_by_position: true,
        }];
        if self.options.morton {
            coordinates.push(Coordinate {
                name: MORTON.into(),
                dtype: DType::UInt64,
                extent: CoordinateExtent::Cells,
                attributes: attributes::morton(),
                implied_by_position: false,
            });
        }
        coordinates
    }

    fn cell_coordinate(&self, name: &str, level: u32, cells: &[u64]) -> Result<Values> {
        match name {
            CELL_IDS => Ok(Values::UInt64(cells.to_vec())),
            MORTON if self.options.morton => {
                let order = self.order(level);
                Ok(Values::UInt64(
                    cells.iter().map(|&cell| decimal_morton::from_nested(cell, order)).collect(),
                ))
            }
            _ => Err(self.unknown_coordinate(name, "cell")),
        }
    }

    fn whole_coordinate(&self, name: &str, _level: u32) -> Result<Values> {
        Err(self.unknown_coordinate(name, "whole"))
    }
}
