//! Positions: their form, and that they are those of the rows.

use std::ops::Range;

use super::{Findings, MAX_ROWS, present, read_one};
use crate::column::Column;
use crate::error::Result;
use crate::rows::Rows;
use crate::source::{Bounds, LATITUDE, LONGITUDE, Latitudes, OpenGranule, Positions, ReadRequest};

pub(super) fn check(opened: &dyn OpenGranule, f: &mut Findings) {
    f.check(opened.positions(&[]).is_empty(), "no part has positions");
    let parts = present(opened.parts());
    let mut numbers: Vec<usize> = parts.iter().map(|(number, _)| *number).collect();
    let all = opened.positions(&numbers);
    if all.len() != numbers.len() {
        f.add(format!("{} parts have {} positions", numbers.len(), all.len()));
        return;
    }
    f.check(same(&all, &opened.positions(&numbers)), "positions are others the second time");
    numbers.reverse();
    let mut turned = opened.positions(&numbers);
    turned.reverse();
    f.check(same(&all, &turned), "positions depend on the order of the parts");
    for ((part, rows), positions) in parts.into_iter().zip(&all) {
        let positions = match positions {
            Ok(positions) => positions,
            Err(error) => {
                f.add(format!("a part that is present has no positions: {error}"));
                continue;
            }
        };
        if form(positions, rows, f) && rows > 0 {
            agree(opened, part, rows, positions, f);
        }
        if let Some(latitudes) = opened.latitudes(part) {
            alike(latitudes, rows, positions, f);
        }
    }
}

fn same(a: &[Result<Positions>], b: &[Result<Positions>]) -> bool {
    let equal =
        |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Ok(Positions::Exact { lon: a, lat: c }), Ok(Positions::Exact { lon: b, lat: d })) => {
                equal(a, b) && equal(c, d)
            }
            (
                Ok(Positions::Coarse { lon: a, lat: c, rows: r, .. }),
                Ok(Positions::Coarse { lon: b, lat: d, rows: s, .. }),
            ) => equal(a, b) && equal(c, d) && r == s,
            (Ok(a), Ok(b)) => a == b,
            (Err(_), Err(_)) => true,
            _ => false,
        })
}

/// Whether the lengths are those that were promised.
fn form(positions: &Positions, rows: u64, f: &mut Findings) -> bool {
    let before = f.all.len();
    let lengths =
        |lon: &[f64], lat: &[f64], wanted: u64| lon.len() as u64 == wanted && lat.len() as u64 == wanted;
    match positions {
        Positions::Exact { lon, lat } => {
            f.check(lengths(lon, lat, rows), "there are not as many exact positions as rows");
        }
        Positions::Coarse { lon, lat, rows: parents, .. } => {
            f.check(lengths(lon, lat, parents.len() as u64), "there are not as many positions as parents");
            f.check(without_gaps(parents, rows), "the rows of parents do not follow each other to the last");
        }
        Positions::Boxes { boxes, rows: blocks } => {
            f.check(boxes.len() == blocks.len(), "there are not as many boxes as blocks");
            f.check(without_gaps(blocks, rows), "the rows of blocks do not follow each other to the last");
            let sound = |b: &Bounds| {
                b.west.is_finite()
                    && b.east.is_finite()
                    && -90.0 <= b.south
                    && b.south <= b.north
                    && b.north <= 90.0
            };
            f.check(boxes.iter().flatten().all(sound), "a box is none");
        }
    }
    f.all.len() == before
}

fn without_gaps(ranges: &[Range<u64>], rows: u64) -> bool {
    let mut next = 0;
    let follow = ranges.iter().all(|range| {
        let follows = range.start == next && range.end >= next;
        next = range.end;
        follows
    });
    follow && next == rows
}

/// Latitudes that are read alone are those of the positions.
fn alike(latitudes: Result<Latitudes>, rows: u64, positions: &Positions, f: &mut Findings) {
    let (Ok(Latitudes { lat: alone, blocks }), Positions::Exact { lat, .. }) = (latitudes, positions) else {
        f.add("a part has latitudes that cannot be read, or no exact positions beside them");
        return;
    };
    let equal = alone.len() == lat.len()
        && alone.iter().zip(lat).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()));
    f.check(equal, "latitudes that are read alone are others than those of the positions");
    f.check(without_gaps(&blocks, rows), "the blocks of longitudes do not follow each other to the last");
}

/// The coordinates that are read are those of the positions.
fn agree(opened: &dyn OpenGranule, part: usize, rows: u64, positions: &Positions, f: &mut Findings) {
    let columns = vec![LONGITUDE.to_string(), LATITUDE.to_string()];
    for range in [0..rows.min(MAX_ROWS), rows.saturating_sub(MAX_ROWS)..rows] {
        let first = range.start as usize;
        let request = ReadRequest { part, rows: Rows::from_ranges([range]), columns: columns.clone() };
        let Some(Ok(batch)) = read_one(opened, &request) else {
            f.add("the coordinates of a part that is present cannot be read");
            return;
        };
        let read: Vec<Vec<f64>> = batch.columns.into_iter().map(Column::into_f64).collect();
        let [lon, lat] = &read[..] else { return };
        match positions {
            Positions::Exact { lon: x, lat: y } => {
                let equal = |a: &[f64], b: &[f64]| {
                    b.get(first..first + a.len())
                        .is_some_and(|b| a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())))
                };
                f.check(
                    equal(lon, x) && equal(lat, y),
                    "positions are others than the coordinates that are read",
                );
            }
            Positions::Boxes { boxes, rows: blocks } => {
                let number = |row: usize| blocks.partition_point(|block| block.end <= row as u64);
                let inside = lon.iter().zip(lat).enumerate().all(|(at, (&lon, &lat))| {
                    let position = lon.is_finite() && lat.abs() <= 90.0;
                    !position || boxes[number(first + at)].is_some_and(|bounds| bounds.holds(lon, lat))
                });
                f.check(inside, "a row lies outside of its box");
            }
            Positions::Coarse { .. } => {}
        }
    }
}
