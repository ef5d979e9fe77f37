//! Which cells of a shard lie in an area of interest, and the words that shard maps have for them.
//!
//! The original covers the area with cells of several orders and keeps for each shard the packed morton words of those inside
//! it (`aoi_mask` of its shard maps): a word stands for all leaf cells below it.

use mortie_core::decimal_morton;
use zagg_core::cells::CellRanges;
use zagg_core::footprint::Footprint;
use zagg_core::shard_map::AreaCodes;
use zagg_core::sphere::AreaTree;
use zagg_core::{Error, Result};

use crate::cover::Cells;
use crate::grid::HealpixGrid;

/// The finest order of HEALPix cells.
const FINEST: u8 = 29;

/// The leaf cells of each of some shards that the area touches.
pub(crate) fn touched(grid: &HealpixGrid, shards: &[u64], area: &Footprint) -> Result<Vec<CellRanges>> {
    let options = grid.options();
    AreaTree {
        tree: &Cells(options.ellipsoid),
        shard_level: options.parent_order,
        leaf_level: options.child_order,
        finest: FINEST,
    }
    .touched(shards, area)
}

/// Orders from the shards to the cells.
fn depth(grid: &HealpixGrid) -> u8 {
    grid.options().child_order - grid.options().parent_order
}

/// The packed morton words of the fewest cells that make up some leaf cells of a shard.
pub(crate) fn codes(grid: &HealpixGrid, shard: u64, cells: &CellRanges) -> AreaCodes {
    let (depth, child_order) = (depth(grid), grid.options().child_order);
    let mut codes = AreaCodes::default();
    if shard >= grid.shard_count() {
        return codes;
    }
    for range in cells.ranges() {
        let (mut at, end) = (u64::from(range.start), u64::from(range.end).min(1 << (2 * depth)));
        while at < end {
            // The largest cell that begins here and does not reach beyond the range.
            let aligned = if at == 0 { depth } else { (at.trailing_zeros() / 2) as u8 };
            let fitting = ((end - at).ilog2() / 2) as u8;
            let up = aligned.min(fitting).min(depth);
            let nested = ((shard << (2 * depth)) + at) >> (2 * up);
            codes.push(decimal_morton::from_nested(nested, child_order - up));
            at += 1 << (2 * up);
        }
    }
    codes
}

/// The leaf cells of a shard that some packed morton words stand for.
pub(crate) fn cells(grid: &HealpixGrid, shard: u64, codes: &AreaCodes) -> Result<CellRanges> {
    let (depth, options) = (depth(grid), grid.options());
    let count = 1_u64 << (2 * depth);
    if codes.len() > count {
        return Err(Error::input(format!("{} words for the {count} cells of the shard", codes.len())));
    }
    let mut ranges = Vec::new();
    for code in codes.iter() {
        let (order, nested) = decimal_morton::to_nested(code)
            .filter(|&(order, nested)| decimal_morton::from_nested(nested, order) == code)
            .ok_or_else(|| Error::input(format!("{code} is not a packed morton word of a HEALPix cell")))?;
        let elsewhere =
            || Error::input(format!("the word {code} names a cell of order {order} outside the shard"));
        if order > options.child_order {
            return Err(Error::input(format!(
                "the word {code} names a cell of order {order}, finer than the cells of the grid"
            )));
        }
        if order < options.parent_order {
            // A larger cell stands for all of the shard.
            if shard >> (2 * (options.parent_order - order)) != nested {
                return Err(elsewhere());
            }
            ranges.push(0..count as u32);
            continue;
        }
        let up = 2 * (options.child_order - order);
        let first = (nested << up).checked_sub(shard << (2 * depth)).filter(|first| *first < count);
        let first = first.ok_or_else(elsewhere)? as u32;
        ranges.push(first..first + (1 << up));
    }
    Ok(CellRanges::from_ranges(ranges))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zagg_core::footprint::{LonLat, Polygon};
    use zagg_core::grid::{Grid, NO_CELL};

    use super::*;
    use crate::options::HealpixOptions;

    fn grid(parent: u32, child: u32) -> HealpixGrid {
        let options = serde_json::json!({"type": "healpix", "parent_order": parent, "child_order": child});
        HealpixGrid::new(HealpixOptions::parse(options.as_object().unwrap()).unwrap())
    }

    fn polygon(exterior: Vec<LonLat>, holes: Vec<Vec<LonLat>>) -> Footprint {
        Footprint::Polygons(vec![Polygon { exterior, holes }])
    }

    /// A ring around a place, whose radius goes up and down.
    fn ring(lon: f64, lat: f64, radius: f64, corners: usize, dent: f64) -> Vec<LonLat> {
        let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
        (0..corners)
            .map(|corner| {
                let radius = radius.to_radians() * if corner % 2 == 0 { 1.0 } else { dent };
                let azimuth = std::f64::consts::TAU * corner as f64 / corners as f64;
                let z = sin_lat * radius.cos() + cos_lat * radius.sin() * azimuth.cos();
                let east = (azimuth.sin() * radius.sin() * cos_lat).atan2(radius.cos() - sin_lat * z);
                [lon + east.to_degrees(), z.asin().to_degrees()]
            })
            .collect()
    }

    /// Places on the great circles of a ring, close together.
    fn border(ring: &[LonLat], parts: usize) -> Vec<LonLat> {
        let unit = |[lon, lat]: LonLat| {
            let ((sin_lon, cos_lon), (sin, cos)) = (lon.to_radians().sin_cos(), lat.to_radians().sin_cos());
            [cos * cos_lon, cos * sin_lon, sin]
        };
        let mut places = Vec::new();
        for (number, from) in ring.iter().enumerate() {
            let (a, b) = (unit(*from), unit(ring[(number + 1) % ring.len()]));
            for part in 0..parts {
                let t = part as f64 / parts as f64;
                let [x, y, z]: [f64; 3] = std::array::from_fn(|i| a[i] * (1.0 - t) + b[i] * t);
                places.push([y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()]);
            }
        }
        places
    }

    /// The leaf cells of all shards that touch the area.
    fn all_touched(grid: &HealpixGrid, area: &Footprint) -> Vec<u64> {
        let shards = grid.cover(area).unwrap();
        let found = touched(grid, &shards, area).unwrap();
        let mut cells = Vec::new();
        for (shard, found) in shards.into_iter().zip(found) {
            let of_shard = grid.cells_of_shard(shard, grid.leaf_level());
            let codes = grid.area_codes(shard, &found);
            assert_eq!(grid.cells_of_codes(shard, &codes).unwrap(), found);
            cells.extend(found.ranges().iter().flat_map(|r| &of_shard[r.start as usize..r.end as usize]));
        }
        cells.sort_unstable();
        cells
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        /// A cell is touched when its centre lies in the area or the border passes it; all others are not.
        #[test]
        fn touched_cells_are_those_inside_and_those_on_the_border(
            (lon, lat) in (-180.0..180.0, prop_oneof![-90.0..90.0, Just(90.0), Just(-90.0)]),
            (radius, corners, dent) in (0.5..12.0, 3..9_usize, prop_oneof![Just(1.0), 0.5..1.0]),
            hole in any::<bool>()
        ) {
            let grid = grid(3, 7);
            let outer = ring(lon, lat, radius, corners * 2, dent);
            let holes = if hole { vec![ring(lon, lat, radius * 0.3, 5, 1.0)] } else { Vec::new() };
            let area = polygon(outer.clone(), holes.clone());
            let got = all_touched(&grid, &area);
            // What must be there: cells of places on the border.
            let mut places = border(&outer, 400);
            holes.iter().for_each(|hole| places.extend(border(hole, 400)));
            let (lons, lats): (Vec<f64>, Vec<f64>) = places.iter().map(|p| (p[0], p[1])).unzip();
            let mut on_border = vec![NO_CELL; lons.len()];
            grid.locate(&lons, &lats, &mut on_border);
            on_border.sort_unstable();
            on_border.dedup();
            for cell in &on_border {
                prop_assert!(got.binary_search(cell).is_ok(), "{cell} lies on the border");
            }
            // Cells far from the border are in the answer exactly when their centres lie in the area.
            let shards = grid.cover(&area).unwrap();
            let central = zagg_core::sphere::cells_by_centre(&grid, &shards, &area).unwrap();
            for (shard, central) in shards.iter().zip(&central) {
                for (place, cell) in grid.cells_of_shard(*shard, 7).into_iter().enumerate() {
                    let inside = central.contains(place as u32);
                    let touched = got.binary_search(&cell).is_ok();
                    prop_assert!(touched || !inside, "the centre of {cell} lies inside");
                    if touched && !inside && on_border.binary_search(&cell).is_err() {
                        // The border cuts off less than the samples of it show: it passes close to a side.
                        let layer = cdshealpix::nested::get(7);
                        let near = layer.neighbours(cell, false).values_vec().into_iter();
                        prop_assert!(near.into_iter().any(|n| on_border.binary_search(&n).is_ok()), "{cell}");
                    }
                }
            }
        }
    }

    #[test]
    fn words_are_those_of_the_largest_cells() {
        let grid = grid(2, 5);
        let word = |order: u8, nested: u64| decimal_morton::from_nested(nested, order);
        let codes = |ranges: &[std::ops::Range<u32>]| {
            grid.area_codes(7, &CellRanges::from_ranges(ranges.iter().cloned())).iter().collect::<Vec<_>>()
        };
        let first = 7 << 6;
        assert_eq!(codes(&[0..64]), [word(2, 7)]);
        assert_eq!(codes(&[0..16, 17..18]), [word(3, 7 << 2), word(5, first + 17)]);
        assert_eq!(codes(&[3..9]), [word(5, first + 3), word(4, (first + 4) >> 2), word(5, first + 8)]);
        assert_eq!(codes(&[]), [0_u64; 0]);
    }

    #[test]
    fn words_of_elsewhere_are_refused() {
        let grid = grid(2, 5);
        let cells = |words: &[u64]| grid.cells_of_codes(7, &words.iter().copied().collect());
        let word = |order: u8, nested: u64| decimal_morton::from_nested(nested, order);
        assert_eq!(cells(&[word(1, 1)]).unwrap(), CellRanges::all(64));
        assert_eq!(cells(&[word(2, 7), word(5, 7 << 6)]).unwrap(), CellRanges::all(64));
        for (words, message) in [
            (vec![word(1, 2)], "outside the shard"),
            (vec![word(3, 8 << 2)], "outside the shard"),
            (vec![word(3, (7 << 2) - 1)], "outside the shard"),
            (vec![word(6, 7 << 8)], "finer than the cells"),
            (vec![0], "not a packed morton word"),
            (vec![u64::MAX], "not a packed morton word"),
            ((0..65).map(|at| word(5, at)).collect(), "65 words for the 64 cells"),
        ] {
            let error = cells(&words).unwrap_err();
            assert!(error.message().contains(message), "{error}");
        }
    }

    #[test]
    fn all_of_the_globe_and_the_cap_of_a_box() {
        let grid = grid(1, 4);
        let all: Vec<u64> = (0..48).collect();
        let globe = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };
        assert!(touched(&grid, &all, &globe).unwrap().iter().all(|cells| *cells == CellRanges::all(64)));
        // A belt over the antimeridian, given in two halves, and as one.
        let half = |west, east| Footprint::Box { west, south: -85.0, east, north: -70.0 };
        let halves = Footprint::Union(vec![half(170.0, 180.0), half(-180.0, -170.0)]);
        let one = touched(&grid, &all, &half(170.0, -170.0)).unwrap();
        assert_eq!(touched(&grid, &all, &halves).unwrap(), one);
        let lines = Footprint::Lines(vec![vec![[0.0, 0.0], [1.0, 1.0]]]);
        assert!(touched(&grid, &all, &lines).unwrap_err().message().contains("lines or places"));
    }
}
