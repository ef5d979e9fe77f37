//! Where shards are in a plane, and how large their cells are there.

use zagg_core::grid::Grid;
use zagg_core::{Error, Result};

use crate::view::{Extent, distance};
use zagg_crs::Crs;

/// Cells of a shard that stand for all of them.
const CELLS: u64 = 64;

/// Positions that are looked at in all.
const POSITIONS: usize = 1 << 20;

/// Cells of the shards that sizes are measured on.
const MEASURED: u64 = 4096;

/// Shards that sizes are measured on.
const MEASURED_SHARDS: usize = 9;

/// How much larger than on the ground lengths of the plane may be where shards decide on what is shown: beyond, a projection
/// is drawn out without end.
const STRETCHED: f64 = 5.0;

/// From this latitude on, degrees, data are polar.
const POLAR: f64 = 55.0;

/// Centres of some cells of shards.
#[derive(Debug)]
pub(crate) struct Centres {
    lon: Vec<f64>,
    lat: Vec<f64>,
    /// Centres of each shard.
    per_shard: usize,
}

/// The finest level down to which a shard has at most so many cells, and at least that of the shards.
fn level_with(grid: &dyn Grid, most: u64) -> u32 {
    if !grid.nests_exactly() {
        return grid.leaf_level();
    }
    let fits = |level: &u32| grid.layout(*level).cells_per_shard() <= most;
    (grid.shard_level()..=grid.leaf_level()).rev().find(fits).unwrap_or(grid.shard_level())
}

fn centres_of(grid: &dyn Grid, shard: u64, level: u32, most: usize) -> (Vec<f64>, Vec<f64>) {
    let mut cells = grid.cells_of_shard(shard, level);
    let stride = cells.len().div_ceil(most.max(1)).max(1);
    cells = cells.into_iter().step_by(stride).collect();
    let (mut lon, mut lat) = (vec![f64::NAN; cells.len()], vec![f64::NAN; cells.len()]);
    grid.centres(level, &cells, &mut lon, &mut lat);
    (lon, lat)
}

impl Centres {
    /// Those of a few cells of each shard.
    ///
    /// # Errors
    /// When there are no shards.
    pub(crate) fn of(grid: &dyn Grid, shards: &[u64]) -> Result<Self> {
        if shards.is_empty() {
            return Err(Error::not_found(
                "no shard of the store has values of this variable; say with --bounds what is shown, or choose another variable",
            ));
        }
        let most = (POSITIONS / shards.len()).clamp(1, CELLS as usize);
        let level = level_with(grid, most as u64);
        let stride = shards.len().div_ceil(POSITIONS);
        let mut all = Self { lon: Vec::new(), lat: Vec::new(), per_shard: 1 };
        for &shard in shards.iter().step_by(stride.max(1)) {
            let (lon, lat) = centres_of(grid, shard, level, most);
            all.per_shard = all.per_shard.max(lon.len());
            all.lon.extend(lon);
            all.lat.extend(lat);
        }
        Ok(all)
    }

    /// The system that suits where they are: polar stereographic near a pole, else longitude and latitude.
    pub(crate) fn system(&self) -> &'static str {
        let lat = || self.lat.iter().filter(|lat| lat.is_finite());
        if lat().all(|&lat| lat < -POLAR) {
            "EPSG:3031"
        } else if lat().all(|&lat| lat > POLAR) {
            "EPSG:3413"
        } else {
            "EPSG:4326"
        }
    }

    /// The rectangle around the shards.
    ///
    /// # Errors
    /// When none of them has a place in the plane.
    pub(crate) fn extent(&self, crs: &Crs) -> Result<Extent> {
        let (x, y) = self.places(crs);
        let all = match crs.is_geographic() {
            true => longitudes(&x, &y),
            false => Extent::around(x.iter().copied().zip(y.iter().copied())),
        };
        let all = all.ok_or_else(|| {
            Error::input(format!(
                "no shard of the store lies in {}; choose another --crs, or --bounds",
                crs.name()
            ))
        })?;
        // Centres keep half a cell away from the border of a shard.
        let side = (self.per_shard as f64).sqrt();
        let half = x.chunks(self.per_shard).zip(y.chunks(self.per_shard)).filter_map(|(x, y)| {
            let around = Extent::around(x.iter().copied().zip(y.iter().copied()))?;
            let size = around.width().max(around.height());
            (!crs.is_geographic() || size < 180.0).then_some(size / (side - 1.0).max(1.0) / 2.0)
        });
        // Shards around a pole or beside a cut may be drawn out over the whole plane; those in the middle are not.
        let mut half: Vec<f64> = half.collect();
        half.sort_unstable_by(f64::total_cmp);
        let half = 1.5 * half.get(half.len() / 2).copied().unwrap_or(0.0);
        let least = if all.width().max(all.height()) > 0.0 {
            0.01 * all.width().max(all.height())
        } else {
            1.0 / crs.metres()
        };
        let mut grown = all.grown(half.max(least));
        if crs.is_geographic() {
            grown.bottom = grown.bottom.max(-90.0);
            grown.top = grown.top.min(90.0);
            if grown.width() >= 360.0 {
                (grown.left, grown.right) = (-180.0, 180.0);
            }
        }
        Ok(grown)
    }

    fn places(&self, crs: &Crs) -> (Vec<f64>, Vec<f64>) {
        let n = self.lon.len();
        let (mut x, mut y) = (vec![0.0; n], vec![0.0; n]);
        crs.forward(&self.lon, &self.lat, &mut x, &mut y);
        if !crs.is_geographic() {
            const STEP: f64 = 0.01;
            let inward: Vec<f64> = self.lat.iter().map(|lat| lat - STEP * lat.signum()).collect();
            let (mut u, mut v) = (vec![0.0; n], vec![0.0; n]);
            crs.forward(&self.lon, &inward, &mut u, &mut v);
            let ground = distance((0.0, 0.0), (0.0, STEP)) * 1000.0 / crs.metres();
            for at in 0..n {
                let length = (u[at] - x[at]).hypot(v[at] - y[at]);
                if length.is_nan() || length > STRETCHED * ground {
                    (x[at], y[at]) = (f64::NAN, f64::NAN);
                }
            }
        }
        (x, y)
    }
}

/// Longitudes and latitudes that shards lie between, degrees: west, south, east, north, the eastern one below the western one
/// across the antimeridian.
///
/// # Errors
/// When there are no shards, or none of them has a place.
pub fn extent_of_shards(grid: &dyn Grid, shards: &[u64]) -> Result<[f64; 4]> {
    let extent = Centres::of(grid, shards)?.extent(&Crs::lon_lat()?)?;
    let whole = extent.width() >= 360.0;
    let turned = |lon: f64| {
        if whole || (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
    };
    Ok([turned(extent.left), extent.bottom, turned(extent.right), extent.top])
}

/// The rectangle around positions that leaves out the widest gap between longitudes.
fn longitudes(lon: &[f64], lat: &[f64]) -> Option<Extent> {
    let around = Extent::around(lon.iter().copied().zip(lat.iter().copied()))?;
    let mut sorted: Vec<f64> = lon.iter().copied().filter(|lon| lon.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let outside = around.left + 360.0 - around.right;
    let gap = sorted
        .windows(2)
        .map(|pair| (pair[1] - pair[0], pair[0], pair[1]))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    Some(match gap {
        // Only a gap that nobody would take for a hole in the data moves the edges away from the antimeridian.
        Some((gap, before, after)) if gap > outside && gap > 90.0 => {
            Extent { left: after, right: before + 360.0, ..around }
        }
        _ => around,
    })
}

/// Area of a leaf cell in the plane, square units: the middle one of some shards. None when it cannot be told.
pub(crate) fn leaf_area(grid: &dyn Grid, shards: &[u64], crs: &Crs) -> Option<f64> {
    let level = level_with(grid, MEASURED);
    let stride = shards.len().div_ceil(MEASURED_SHARDS).max(1);
    let mut areas: Vec<f64> = shards
        .iter()
        .skip(stride / 2)
        .step_by(stride)
        .filter_map(|&shard| {
            let (lon, lat) = centres_of(grid, shard, level, usize::MAX);
            let (mut x, mut y) = (vec![0.0; lon.len()], vec![0.0; lon.len()]);
            crs.forward(&lon, &lat, &mut x, &mut y);
            let side = (lon.len() as f64).sqrt();
            let area =
                hull_area(x.into_iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).collect());
            (side >= 2.0 && area > 0.0).then_some(area / (side - 1.0).powi(2))
        })
        .collect();
    areas.sort_unstable_by(f64::total_cmp);
    let area = areas.get(areas.len() / 2)?;
    Some(
        area * grid.layout(level).cells_per_full() as f64
            / grid.layout(grid.leaf_level()).cells_per_full() as f64,
    )
}

/// Area of the smallest convex polygon around places.
fn hull_area(mut places: Vec<(f64, f64)>) -> f64 {
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let turn =
        |a: (f64, f64), b: (f64, f64), c: (f64, f64)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let half = |places: &mut dyn Iterator<Item = (f64, f64)>| {
        let mut chain: Vec<(f64, f64)> = Vec::new();
        for place in places {
            while chain.len() >= 2 && turn(chain[chain.len() - 2], chain[chain.len() - 1], place) <= 0.0 {
                chain.pop();
            }
            chain.push(place);
        }
        chain
    };
    let mut hull = half(&mut places.iter().copied());
    hull.pop();
    hull.extend(half(&mut places.iter().rev().copied()));
    let twice: f64 = hull.windows(2).map(|pair| pair[0].0 * pair[1].1 - pair[1].0 * pair[0].1).sum();
    twice.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hulls_have_their_area() {
        let square = (0..5).flat_map(|x| (0..5).map(move |y| (f64::from(x), f64::from(y))));
        assert_eq!(hull_area(square.collect()), 16.0);
        assert_eq!(hull_area(vec![]), 0.0);
        assert_eq!(hull_area(vec![(1.0, 1.0), (2.0, 2.0)]), 0.0);
    }

    #[test]
    fn the_widest_gap_is_left_out() {
        let extent = longitudes(&[170.0, 175.0, -175.0, -172.0], &[0.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((extent.left, extent.right), (170.0, 188.0));
        let extent = longitudes(&[-170.0, -85.0, 0.0, 85.0, 170.0], &[0.0; 5]).unwrap();
        assert_eq!((extent.left, extent.right), (-170.0, 170.0));
        assert!(longitudes(&[f64::NAN], &[0.0]).is_none());
    }
}
