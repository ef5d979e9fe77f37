//! Rows of which only the positions of parents are known.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reach::touched;
use super::{Part, is_position, len};
use crate::grid::{Grid, NO_CELL};
use crate::rows::Rows;

/// Positions of parents, and how far from them rows may lie.
pub(super) struct Parents<'a> {
    pub(super) lon: &'a [f64],
    pub(super) lat: &'a [f64],
    pub(super) rows: &'a [Range<u64>],
    pub(super) reach: f64,
    pub(super) pad: usize,
}

/// The rows that may lie in each shard. The ranges have been checked.
pub(super) fn candidates(parents: &Parents<'_>, grid: &dyn Grid) -> Part {
    let Parents { lon, lat, rows: ranges, reach, pad } = *parents;
    let mut cells = vec![NO_CELL; ranges.len()];
    grid.locate(lon, lat, &mut cells);
    let mut homes = vec![NO_CELL; ranges.len()];
    grid.shards_of(&cells, &mut homes);
    // A parent without rows is no neighbour, and the rows of one without a position are looked for on both sides.
    let filled: Vec<usize> = (0..ranges.len()).filter(|&at| len(&ranges[at]) > 0).collect();
    let is_passed = |at: usize| !is_position(lon[filled[at]], lat[filled[at]]);
    let bad = if (0..filled.len()).all(is_passed) { ranges.iter().map(len).sum() } else { 0 };
    let mut shards: BTreeMap<u64, Vec<Range<u64>>> = BTreeMap::new();
    let mut add = |shard: u64, rows: Range<u64>| {
        let all = shards.entry(shard).or_default();
        match all.last_mut() {
            Some(last) if last.start <= rows.start && rows.start <= last.end => {
                last.end = last.end.max(rows.end);
            }
            _ => all.push(rows),
        }
    };
    for at in (0..filled.len()).filter(|&at| homes[filled[at]] != NO_CELL) {
        let (mut first, mut last) = (at.saturating_sub(pad), at.saturating_add(pad).min(filled.len() - 1));
        while first > 0 && is_passed(first) {
            first -= 1;
        }
        while last + 1 < filled.len() && is_passed(last) {
            last += 1;
        }
        add(homes[filled[at]], ranges[filled[first]].start..ranges[filled[last]].end);
    }
    let positions: Vec<(usize, f64, f64)> = filled
        .iter()
        .map(|&at| (at, lon[at], lat[at]))
        .filter(|&(_, lon, lat)| is_position(lon, lat))
        .collect();
    for (at, shard) in touched(grid, &positions, &homes, reach) {
        add(shard, ranges[at].clone());
    }
    let shards = shards.into_iter().map(|(shard, ranges)| (shard, Rows::from_ranges(ranges))).collect();
    Part::Candidates { shards, exact: false, bad }
}

/// What became of the rows of a candidate that lie elsewhere: `None` for rows that another shard keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It has no position.
    Bad,
    /// It lies in this shard.
    In(u64),
}

/// Of some rows that were read for a shard and do not lie in it, those that this shard has to account for because no shard
/// with a smaller number reads them, and that are no candidates of the shard they lie in.
pub(super) fn lost(shards: &BTreeMap<u64, Rows>, shard: u64, rows: &[(u64, Elsewhere)]) -> Vec<Elsewhere> {
    let holds = |shard: &u64, row: u64| shards.get(shard).is_some_and(|rows| contains(rows, row));
    let lost = rows.iter().filter(|(row, place)| match place {
        Elsewhere::Bad => true,
        Elsewhere::In(home) => !holds(home, *row),
    });
    let first = lost.filter(|(row, _)| !shards.range(..shard).any(|(_, rows)| contains(rows, *row)));
    first.map(|(_, place)| *place).collect()
}

fn contains(rows: &Rows, row: u64) -> bool {
    let ranges = rows.ranges();
    let after = ranges.partition_point(|range| range.start <= row);
    after > 0 && ranges[after - 1].end > row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lost_row_is_told_by_one_shard() {
        let shards = BTreeMap::from([
            (3, Rows::from_ranges([0..10])),
            (5, Rows::from_ranges([5..20])),
            (9, Rows::from_ranges([30..40])),
        ]);
        // Row 7 lies in 9, which does not read it; row 12 in 3, likewise; row 6 in 5, which does.
        let rows = [(6, Elsewhere::In(5)), (7, Elsewhere::In(9)), (8, Elsewhere::Bad)];
        assert_eq!(lost(&shards, 3, &rows), [Elsewhere::In(9), Elsewhere::Bad]);
        let rows = [(7, Elsewhere::In(9)), (8, Elsewhere::Bad), (12, Elsewhere::In(3))];
        assert_eq!(lost(&shards, 5, &rows), [Elsewhere::In(3)]);
    }
}
