//! Areas of interest: the cells of shards inside, and the numbers that stand for them in shard maps.

use super::Findings;
use crate::cells::CellRanges;
use crate::footprint::Footprint;
use crate::grid::Grid;
use crate::shard_map::AreaCodes;

/// The whole globe.
const GLOBE: Footprint = Footprint::Box { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };

/// Every cell with a centre lies on the globe, none lies in a line; the answers stand in the order of the questions.
pub(super) fn inside(grid: &dyn Grid, shards: &[u64], f: &mut Findings) {
    let leaf = grid.leaf_level();
    // Twice the same, and the wrong way round.
    let asked: Vec<u64> = shards.iter().rev().chain(shards.first()).copied().collect();
    match grid.cells_in_area(&asked, &GLOBE) {
        Err(error) => f.add(format!("cells_in_area: fails for the whole globe: {error}")),
        Ok(found) => {
            f.check(found.len() == asked.len(), || {
                format!("cells_in_area: {} answers for {} shards", found.len(), asked.len())
            });
            for (&shard, found) in asked.iter().zip(&found) {
                let cells = grid.cells_of_shard(shard, leaf);
                let (mut lon, mut lat) = (vec![f64::NAN; cells.len()], vec![f64::NAN; cells.len()]);
                grid.centres(leaf, &cells, &mut lon, &mut lat);
                let lost = (0..).zip(lon.iter().zip(&lat)).find(|&(place, (lon, lat))| {
                    lon.is_finite() && lat.abs() < 90.0 && !found.contains(place)
                });
                f.check(lost.is_none() && found.end() as usize <= cells.len(), || {
                    format!("cells_in_area: of {} cells of shard {shard}, the globe has {found}", cells.len())
                });
            }
        }
    }
    let line = Footprint::Lines(vec![vec![[0.0, 0.0], [10.0, 10.0]]]);
    f.check(grid.cells_in_area(shards, &line).is_err(), || {
        "cells_in_area: a line, which no cell lies in, is taken for an area".into()
    });
}

/// The numbers of cells lead back to them, and no others do.
pub(super) fn codes(grid: &dyn Grid, shard: u64, shards: &[u64], f: &mut Findings) {
    let n = u32::try_from(grid.layout(grid.leaf_level()).cells_per_shard()).unwrap_or(u32::MAX);
    let some = CellRanges::from_ranges([0..n / 3, n / 2..n / 2 + 1, n - n / 5..n]);
    for cells in [CellRanges::default(), CellRanges::all(n), CellRanges::all(1), some] {
        let codes = grid.area_codes(shard, &cells);
        let back = grid.cells_of_codes(shard, &codes);
        f.check(back.as_ref() == Ok(&cells), || {
            format!("area_codes: the numbers of the cells {cells} of shard {shard} lead to {back:?}")
        });
        f.check(codes.len() <= cells.len(), || {
            format!("area_codes: {} numbers for the cells {cells} of shard {shard}", codes.len())
        });
        for &other in shards.iter().filter(|other| **other != shard && !cells.is_empty()) {
            let back = grid.cells_of_codes(other, &codes);
            f.check(back.is_err(), || {
                format!("cells_of_codes: numbers of shard {shard} are taken for those of shard {other}")
            });
        }
    }
    let mut endless = AreaCodes::default();
    endless.push_run(0, u64::MAX);
    f.check(grid.cells_of_codes(shard, &endless).is_err(), || {
        "cells_of_codes: all numbers there are are taken for cells of one shard".into()
    });
}
