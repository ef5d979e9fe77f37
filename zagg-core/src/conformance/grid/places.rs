//! Positions and footprints that a grid is asked about.

use super::{Findings, cell_of, shard_of};
use crate::footprint::{Footprint, LonLat, Polygon};
use crate::grid::{CoverOptions, Grid, NO_CELL, ShardSet, prepared_cover};

/// Shards examined as a whole.
const SHARDS: usize = 12;

/// Shards of a small footprint beyond which larger ones are not tried.
const MANY: usize = 4;

/// Pseudo-random numbers in [0, 1), always the same (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 53 bits fill a double.
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Positions all over the globe: random ones, poles, and round longitudes and latitudes.
pub(super) fn positions() -> (Vec<f64>, Vec<f64>) {
    let mut random = Random(20_260_601);
    let mut places: Vec<LonLat> = (0..2000)
        .map(|i| {
            let lat = (2.0 * random.next() - 1.0).asin().to_degrees();
            // Every fourth lies near a pole, where grids have their special cases.
            let lat = if i % 4 == 0 { (90.0 - random.next() * 5.0).copysign(lat) } else { lat };
            [360.0 * random.next() - 180.0, lat]
        })
        .collect();
    for lon in
        [-180.0, -135.0, -90.0, -45.0, -0.0, 0.0, 45.0, 90.0, 135.0, 179.999_999_999, 180.0, 270.0, 360.0]
    {
        for lat in [-90.0, -89.999_999, -60.0, -45.0, -0.0, 0.0, 45.0, 60.0, 89.999_999, 90.0] {
            places.push([lon, lat]);
        }
    }
    places.into_iter().map(|[lon, lat]| (lon, lat)).unzip()
}

/// A few shards from all over the grid: those of a cover of the globe, or else those of random positions.
pub(super) fn sample_shards(grid: &dyn Grid, f: &mut Findings) -> Vec<u64> {
    let globe = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };
    let (lon, lat) = positions();
    let mut cells = vec![0; lon.len()];
    grid.locate(&lon, &lat, &mut cells);
    let mut located = vec![0; cells.len()];
    grid.shards_of(&cells, &mut located);
    located.retain(|shard| *shard != NO_CELL);
    located.sort_unstable();
    located.dedup();
    // A grid may refuse to list all of its shards when they are very many.
    let all = match grid.cover(&globe) {
        Ok(cover) => {
            ascending("the globe", &cover, f);
            let missing = located.iter().find(|shard| cover.binary_search(shard).is_err());
            f.check(missing.is_none(), || {
                format!("cover: the globe lacks shard {missing:?}, which has positions")
            });
            cover
        }
        Err(_) => located,
    };
    let step = all.len().div_ceil(SHARDS).max(1);
    let mut sample: Vec<u64> = all.iter().copied().step_by(step).chain(all.last().copied()).collect();
    sample.dedup();
    sample
}

fn ascending(what: &str, cover: &[u64], f: &mut Findings) {
    f.check(cover.windows(2).all(|pair| pair[0] < pair[1]), || {
        format!("cover: the shards of {what} are not ascending, each once")
    });
}

/// Footprints around cells of a shard are covered by it, whatever their kind; also when the grid was made ready for them, for all
/// shards or this one alone, as they are and widened.
pub(super) fn cover(grid: &dyn Grid, shard: u64, f: &mut Findings) {
    let only = ShardSet::of_area(grid, &Footprint::Shards(vec![shard]));
    f.check(only.as_ref().is_ok_and(|set| set.shards() == [shard]), || {
        format!("cover: the shard {shard} alone cannot be enclosed in a box: {only:?}")
    });
    let only = only.as_ref().ok();
    // By a part of the shard's size: grids with tiny shards could not list those of a wide border.
    let part =
        only.and_then(|set| set.boxes().first()).map_or(0.0, |b| 0.1 * (b.north - b.south).to_radians());
    let ready: Vec<_> = [(None, 0.0), (only, 0.0), (only, part)]
        .map(|(among, widened)| prepared_cover(grid, &CoverOptions { among, widened }))
        .into();
    let cells = grid.cells_of_shard(shard, grid.leaf_level());
    let step = cells.len().div_ceil(9).max(1);
    let cells: Vec<u64> = cells.iter().copied().step_by(step).chain(cells.last().copied()).collect();
    let (mut lon, mut lat) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
    grid.centres(grid.leaf_level(), &cells, &mut lon, &mut lat);
    let mut centres: Vec<LonLat> = lon.into_iter().zip(lat).map(|(lon, lat)| [lon, lat]).collect();
    // Cells off the globe, or outside the area that the grid is meant for, have no position to ask about.
    centres.retain(|[lon, lat]| cell_of(grid, *lon, *lat) != NO_CELL);
    for &[lon, lat] in &centres {
        let mut largest = 0;
        for size in [1e-4, 1e-2, 0.5] {
            // Where the small footprints have many shards, the large ones would have millions.
            if largest > MANY {
                break;
            }
            for (what, footprint) in around([lon, lat], size) {
                match grid.cover(&footprint) {
                    Ok(cover) => {
                        largest = largest.max(cover.len());
                        ascending(what, &cover, f);
                        f.check(cover.binary_search(&shard).is_ok(), || {
                            format!("cover: {what} of {size}° around ({lon}, {lat}) lacks shard {shard}")
                        });
                        for ready in &ready {
                            let found =
                                ready.as_ref().map_err(Clone::clone).and_then(|r| r.cover(&footprint));
                            f.check(found.as_ref().is_ok_and(|found| found.binary_search(&shard).is_ok()), || {
                                format!(
                                    "prepared_cover: {what} of {size}° around ({lon}, {lat}) lacks shard {shard}"
                                )
                            });
                        }
                    }
                    Err(error) => {
                        f.add(format!("cover: {what} of {size}° around ({lon}, {lat}) fails: {error}"));
                    }
                }
            }
        }
    }
    if let [[lon, lat], ..] = centres[..] {
        let home = shard_of(grid, cell_of(grid, lon, lat));
        let cover = grid.cover(&Footprint::Shards(vec![home, home]));
        f.check(cover == Ok(vec![home]), || {
            format!("cover: the shards [{home}, {home}] must be [{home}], not {cover:?}")
        });
    }
}

/// Footprints of every kind that contain a place; `size` is degrees of latitude.
fn around([lon, lat]: LonLat, size: f64) -> Vec<(&'static str, Footprint)> {
    let (south, north) = ((lat - size).max(-90.0), (lat + size).min(90.0));
    let width = (size / lat.to_radians().cos().max(1e-3)).min(30.0);
    let (west, east) = (lon - width, lon + width);
    let mut footprints = vec![
        ("a point", Footprint::Points(vec![[lon, lat]])),
        ("a line", Footprint::Lines(vec![vec![[lon, south], [lon, lat], [east, lat]]])),
        ("a box", Footprint::Box { west, south, east, north }),
    ];
    if west < -180.0 {
        footprints.push((
            "a box across the antimeridian",
            Footprint::Box { west: west + 360.0, south, east, north },
        ));
    }
    // A triangle whose edges, as great circles, stay clear of the place; near a pole that takes more care than it is worth.
    if south > -88.0 && north < 88.0 {
        let mut exterior = vec![[west, south], [east, south], [lon, north]];
        for _ in 0..2 {
            footprints.push((
                "a triangle",
                Footprint::Polygons(vec![Polygon { exterior: exterior.clone(), holes: Vec::new() }]),
            ));
            exterior.reverse();
        }
    }
    footprints
}
