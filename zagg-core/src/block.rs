//! Blocks of arrays put together from the values of cells.

use crate::column::Values;
use crate::error::{Error, Result};
use crate::program::CompiledVariable;
use crate::statistic::{Output, OutputShape};

/// One block of a variable, complete: what the store writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// For a ragged variable where the items of each cell lie.
    pub(crate) offsets: Option<Vec<u64>>,
    pub(crate) values: Values,
}

impl Block {
    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        let offsets = self.offsets.as_ref().map_or(0, |offsets| size_of_val(&offsets[..]));
        (offsets + self.values.len() * self.values.dtype().size()) as u64
    }
}

/// Values of some cells of a block: the place of each cell, and the value of each.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) places: Vec<u32>,
    pub(crate) output: Output,
}

impl Piece {
    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        let offsets = self.output.offsets.as_ref().map_or(0, |offsets| size_of_val(&offsets[..]));
        let values = self.output.values.len() * self.output.values.dtype().size();
        (size_of_val(&self.places[..]) + offsets + values) as u64
    }

    /// Pieces whose places ascend, as one.
    ///
    /// # Errors
    /// When they are not all of the variable's type and shape.
    pub(crate) fn joined(variable: &CompiledVariable, pieces: Vec<Self>) -> Result<Self> {
        let unfit = || Error::corrupt(format!("values of {} do not fit each other", variable.name));
        let mut pieces = pieces.into_iter();
        let Some(mut all) = pieces.next() else {
            let offsets = matches!(variable.shape, OutputShape::Ragged(_)).then(|| vec![0]);
            let output = Output { values: Values::empty(variable.dtype), offsets };
            return Ok(Self { places: Vec::new(), output });
        };
        for Self { places, output } in pieces {
            all.places.extend(places);
            all.output.values.append(&output.values)?;
            match (&mut all.output.offsets, &output.offsets) {
                (None, None) => {}
                (Some(before), Some(more)) => {
                    let end = before.last().copied().unwrap_or(0);
                    before.extend(more.iter().skip(1).map(|offset| end + offset));
                }
                _ => return Err(unfit()),
            }
        }
        Ok(all)
    }
}

/// A block of `cells` cells that holds the pieces, whose places do not overlap; every other cell is empty.
///
/// # Errors
/// When a piece is not of the variable's type and shape, or lies outside.
pub(crate) fn block(variable: &CompiledVariable, cells: usize, pieces: &[Piece]) -> Result<Block> {
    let unfit = || Error::corrupt(format!("values of {} do not fit the array", variable.name));
    let inside = |piece: &Piece| piece.places.iter().all(|&place| (place as usize) < cells);
    if !pieces.iter().all(inside) {
        return Err(unfit());
    }
    let items = variable.items();
    match variable.shape {
        OutputShape::Ragged(_) => ragged(variable, cells, pieces).ok_or_else(unfit),
        _ => dense(variable, cells, items, pieces)
            .map(|values| Block { offsets: None, values })
            .ok_or_else(unfit),
    }
}

fn dense(variable: &CompiledVariable, cells: usize, items: usize, pieces: &[Piece]) -> Option<Values> {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match &variable.fill {
                $(Values::$variant(fill) => {
                    let mut block = vec![*fill.first()?; cells.checked_mul(items)?];
                    for Piece { places, output } in pieces {
                        let Values::$variant(values) = &output.values else { return None };
                        if output.offsets.is_some() || Some(values.len()) != places.len().checked_mul(items) {
                            return None;
                        }
                        for (&place, value) in places.iter().zip(values.chunks_exact(items)) {
                            block[place as usize * items..][..items].copy_from_slice(value);
                        }
                    }
                    Some(Values::$variant(block))
                })*
            }
        };
    }
    arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64)
}

fn ragged(variable: &CompiledVariable, cells: usize, pieces: &[Piece]) -> Option<Block> {
    let items = variable.items();
    // Which piece holds a cell, and which of its cells it is there.
    let mut holders: Vec<Option<(u32, u32)>> = vec![None; cells];
    for (number, Piece { places, output }) in pieces.iter().enumerate() {
        let offsets = output.offsets.as_ref()?;
        let end = usize::try_from(*offsets.last()?).ok()?.checked_mul(items)?;
        if offsets.len() != places.len() + 1 || !offsets.is_sorted() || end != output.values.len() {
            return None;
        }
        for (at, &place) in places.iter().enumerate() {
            holders[place as usize] = Some((number as u32, at as u32));
        }
    }
    let mut offsets = vec![0];
    let mut sources = Vec::new();
    for holder in &holders {
        let mut end = *offsets.last()?;
        if let Some((piece, at)) = *holder {
            let all = pieces[piece as usize].output.offsets.as_ref()?;
            let (start, stop) = (all[at as usize], all[at as usize + 1]);
            end += stop - start;
            sources.push((piece as usize, start as usize * items..stop as usize * items));
        }
        offsets.push(end);
    }
    macro_rules! arms {
        ($($variant:ident),*) => {
            match &variable.fill {
                $(Values::$variant(_) => {
                    let mut all = Vec::new();
                    for (piece, range) in sources {
                        let Values::$variant(values) = &pieces[piece].output.values else { return None };
                        all.extend_from_slice(values.get(range)?);
                    }
                    Values::$variant(all)
                })*
            }
        };
    }
    let values = arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64);
    Some(Block { offsets: Some(offsets), values })
}
