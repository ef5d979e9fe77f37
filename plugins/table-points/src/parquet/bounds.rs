//! Boxes around the rows of row groups, from the statistics of their coordinates.

use zagg_core::DType;
use zagg_core::source::Bounds;

use super::footer::{Chunk, RowGroup};
use super::raw::Physical;
use super::schema::Leaf;

/// Beyond this, turns around the globe lose digits; such longitudes are taken to be anywhere.
const FAR: f64 = 1e6;

/// Degrees by which boxes of 32-bit floats are widened: the writer of a box around points of 64 bits may have rounded.
const ROUNDING: f64 = 4e-5;

/// The columns whose statistics bound the positions of rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edges {
    /// Places of these columns among the wanted ones: west, east, south, north.
    pub(super) columns: [usize; 4],
    /// Whether these columns hold other numbers than the positions, which they bound.
    pub(super) apart: bool,
}

/// What is known of one row group.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Nothing,
    /// No row has a value.
    Empty,
    Between(f64, f64),
}

/// A box for every row group. None when there is one of which nothing is known.
pub(super) fn boxes(groups: &[RowGroup], leaves: &[Leaf], edges: &Edges) -> Option<Vec<Option<Bounds>>> {
    groups
        .iter()
        .map(|group| {
            let known = |edge: usize| {
                let column = edges.columns[edge];
                let rows = group.rows.end - group.rows.start;
                match &group.chunks[column] {
                    Ok(chunk) => known(chunk, &leaves[column], rows, edges.apart),
                    Err(_) => Known::Nothing,
                }
            };
            bounds([known(0), known(1), known(2), known(3)])
        })
        .collect()
}

/// The box of one row group; the outer option tells whether anything is known.
fn bounds(edges: [Known; 4]) -> Option<Option<Bounds>> {
    if edges.contains(&Known::Nothing) {
        return None;
    }
    let [
        Known::Between(west, _),
        Known::Between(_, east),
        Known::Between(south, _),
        Known::Between(_, north),
    ] = edges
    else {
        return Some(None);
    };
    if west > east || south > north {
        return None;
    }
    // Beyond the poles there are no positions.
    if south > 90.0 || north < -90.0 {
        return Some(None);
    }
    let (west, east) = if west.abs().max(east.abs()) > FAR { (-180.0, 180.0) } else { (west, east) };
    Some(Some(Bounds { west, south: south.max(-90.0), east, north: north.min(90.0) }))
}

fn known(chunk: &Chunk, leaf: &Leaf, rows: u64, apart: bool) -> Known {
    let statistics = &chunk.statistics;
    if statistics.nulls == Some(rows) {
        return Known::Empty;
    }
    // Unsigned numbers are stored as signed ones.
    if matches!(leaf.dtype, Some(DType::UInt8 | DType::UInt16 | DType::UInt32 | DType::UInt64)) {
        return Known::Nothing;
    }
    let number = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.as_deref()?;
        let number = match leaf.physical {
            Physical::Int32 => f64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            Physical::Int64 => i64::from_le_bytes(bytes.try_into().ok()?) as f64,
            Physical::Float => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
            Physical::Double => f64::from_le_bytes(bytes.try_into().ok()?),
            Physical::Bool | Physical::Point => return None,
        };
        // NaN bounds nothing.
        Some(number).filter(|number| !number.is_nan())
    };
    let wider = if apart && leaf.physical == Physical::Float { ROUNDING } else { 0.0 };
    match (number(&statistics.min), number(&statistics.max)) {
        (Some(min), Some(max)) => Known::Between(min - wider, max + wider),
        _ => Known::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_end_at_the_poles_and_nothing_is_made_up() {
        let between = Known::Between;
        let found =
            bounds([between(-5.0, 3.0), between(-5.0, 3.0), between(-99.0, -80.0), between(-99.0, -80.0)]);
        assert_eq!(found, Some(Some(Bounds { west: -5.0, south: -90.0, east: 3.0, north: -80.0 })));
        let lat = between(91.0, 99.0);
        assert_eq!(bounds([between(0.0, 1.0), between(0.0, 1.0), lat, lat]), Some(None));
        assert_eq!(bounds([Known::Empty, Known::Empty, lat, lat]), Some(None));
        assert_eq!(bounds([Known::Nothing, Known::Empty, lat, lat]), None);
        let lat = between(0.0, 1.0);
        let far = between(f64::NEG_INFINITY, 5.0);
        assert_eq!(bounds([far, far, lat, lat]).unwrap().unwrap().east, 180.0);
        let reversed = between(5.0, 1.0);
        assert_eq!(bounds([reversed, reversed, lat, lat]), None);
    }
}
