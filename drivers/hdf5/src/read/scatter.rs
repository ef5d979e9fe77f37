//! From the bytes of chunks to the rows that were asked for.

use std::ops::Range;

use zagg_core::{Error, Result, Rows};

use super::{Piece, PieceKind, RowRequest};
use crate::chunk_index::{Chunk, index_in_row};
use crate::layout::{Chunked, Extent, Storage};

/// The shape of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    element: u64,
    /// Bytes of a row as stored in one piece.
    pub(super) stored_row: u64,
    /// Bytes of a row of the answer.
    pub(super) row: u64,
    /// Bytes of the answer.
    pub(super) bytes: u64,
    /// Where the column starts in a stored row, if one is picked.
    column_start: Option<u64>,
    total_rows: u64,
}

/// Whether a chunk reaches over the end of the dataset in some dimension.
pub(super) fn passes_edge(extent: &Extent, chunked: &Chunked, chunk: &Chunk) -> bool {
    let dims = chunk.place.iter().zip(extent.shape.iter().zip(&chunked.shape));
    dims.into_iter().any(|(&place, (&len, &size))| place.saturating_add(1).saturating_mul(size) > len)
}

impl Target {
    pub(super) fn new(extent: &Extent, rows: &Rows, column: Option<u64>, element: u64) -> Result<Self> {
        let too_large = || Error::unsupported("a row has more bytes than can be counted");
        let row_len = extent.shape.iter().skip(1).try_fold(1u64, |n, &len| n.checked_mul(len));
        let stored_row = row_len.and_then(|n| n.checked_mul(element)).ok_or_else(too_large)?;
        let row = if column.is_some() { element } else { stored_row };
        let bytes = rows.len().checked_mul(row).ok_or_else(too_large)?;
        let total_rows = extent.shape.first().copied().unwrap_or(1);
        if total_rows.checked_mul(stored_row).is_none() {
            return Err(too_large());
        }
        Ok(Self {
            element,
            stored_row,
            row,
            bytes,
            column_start: column.map(|column| column * element),
            total_rows,
        })
    }

    /// Bytes of all rows as stored in one piece.
    pub(super) fn whole_bytes(&self) -> Result<u64> {
        let bytes = self.total_rows.checked_mul(self.stored_row);
        bytes.ok_or_else(|| Error::unsupported("it has more bytes than can be counted"))
    }

    /// An answer in which every element has the fill value.
    pub(super) fn filled(&self, fill: &[u8]) -> Result<Vec<u8>> {
        let no_memory = || Error::unsupported(format!("there is no memory for {} bytes", self.bytes));
        let bytes = usize::try_from(self.bytes).map_err(|_| no_memory())?;
        if fill.iter().all(|&b| b == 0) {
            let mut probe = Vec::<u8>::new();
            probe.try_reserve_exact(bytes).map_err(|_| no_memory())?;
            drop(probe);
            return Ok(vec![0; bytes]);
        }
        let mut out = Vec::new();
        out.try_reserve_exact(bytes).map_err(|_| no_memory())?;
        // Doubling copies are faster than one copy per element.
        while out.len() < bytes {
            let more = (bytes - out.len()).min(out.len());
            if more == 0 {
                out.extend_from_slice(&fill[..fill.len().min(bytes)]);
            } else {
                out.extend_from_within(..more);
            }
        }
        Ok(out)
    }

    /// Calls `copy` with every wanted stretch of the rows `held` and the number of its first row in the answer.
    fn wanted(rows: &Rows, held: Range<u64>, mut copy: impl FnMut(Range<u64>, u64)) {
        let mut before = 0;
        for range in rows.ranges() {
            if range.start >= held.end {
                break;
            }
            let (start, end) = (range.start.max(held.start), range.end.min(held.end));
            if start < end {
                copy(start..end, before + (start - range.start));
            }
            before += range.end - range.start;
        }
    }

    /// Puts rows stored in one piece in place; `stored` starts with row `first`.
    pub(super) fn place_rows(&self, rows: &Rows, first: u64, stored: &[u8], out: &mut [u8]) {
        if self.stored_row == 0 {
            return;
        }
        let held = first..first + stored.len() as u64 / self.stored_row;
        Self::wanted(rows, held, |range, at| {
            let from = ((range.start - first) * self.stored_row) as usize;
            let to = ((range.end - first) * self.stored_row) as usize;
            self.copy_rows(&stored[from..to], self.stored_row as usize, at, out);
        });
    }

    /// Copies rows, or their column, that lie `stride` bytes apart to row `at` of the answer and on.
    fn copy_rows(&self, stored: &[u8], stride: usize, at: u64, out: &mut [u8]) {
        let start = (at * self.row) as usize;
        match self.column_start {
            None => out[start..start + stored.len()].copy_from_slice(stored),
            Some(column) => {
                let (column, element) = (column as usize, self.element as usize);
                let rows = out[start..].chunks_exact_mut(element).zip(stored.chunks_exact(stride));
                for (to, from) in rows {
                    to.copy_from_slice(&from[column..column + element]);
                }
            }
        }
    }

    /// Whether a decoded chunk is, byte for byte, the part of the answer for its rows, which has `len` bytes.
    pub(super) fn is_whole(&self, request: &RowRequest<'_>, piece: &Piece, len: usize) -> bool {
        let (PieceKind::Chunk(_), Storage::Chunked(chunked)) = (&piece.kind, request.dataset.storage())
        else {
            return false;
        };
        let rest = request.dataset.extent().shape.iter().zip(&chunked.shape).skip(1);
        self.column_start.is_none()
            && rest.into_iter().all(|(len, chunk)| len == chunk)
            && piece.decoded == len as u64
            && request.rows.len() == chunked.shape[0]
    }

    /// Puts the wanted rows of a decoded chunk in place.
    pub(super) fn place_chunk(
        &self,
        request: RowRequest<'_>,
        chunked: &Chunked,
        chunk: &Chunk,
        decoded: &[u8],
        out: &mut [u8],
    ) {
        let shape = &request.dataset.extent().shape;
        let first = chunk.place[0] * chunked.shape[0];
        let held = first..first.saturating_add(chunked.shape[0]).min(shape[0]);
        let chunk_row: u64 = chunked.shape[1..].iter().product::<u64>() * self.element;
        let runs = self.runs(shape, chunked, chunk);
        Self::wanted(request.rows, held, |range, at| {
            let from = (range.start - first) * chunk_row;
            let count = range.end - range.start;
            // Rows that lie in the chunk as they do in the answer are copied at once.
            if runs.dims.is_empty() && runs.first.len == self.row && chunk_row == self.row {
                let (from, to, len) = (from as usize, (at * self.row) as usize, (count * self.row) as usize);
                out[to..to + len].copy_from_slice(&decoded[from..from + len]);
                return;
            }
            for row in 0..count {
                let (from, to) = (from + row * chunk_row, (at + row) * self.row);
                runs.each(|run| {
                    let (from, to) = ((from + run.from) as usize, (to + run.to) as usize);
                    let len = run.len as usize;
                    out[to..to + len].copy_from_slice(&decoded[from..from + len]);
                });
            }
        });
    }

    /// Which stretches of a row of the chunk go where in a row of the answer.
    fn runs(&self, shape: &[u64], chunked: &Chunked, chunk: &Chunk) -> Runs {
        if let Some(column) = self.column_start {
            let index = index_in_row(shape, column / self.element.max(1));
            let dims = index.iter().zip(chunk.place.iter().zip(&chunked.shape).skip(1));
            let within = dims.fold(0, |sum, (at, (place, len))| sum * len + (at - place * len));
            let first = Run { from: within * self.element, to: 0, len: self.element };
            return Runs { first, dims: Vec::new() };
        }
        let mut runs = Runs { first: Run { from: 0, to: 0, len: self.element }, dims: Vec::new() };
        // From the fastest dimension outwards: whole inner blocks grow, others are repeated.
        let (mut chunk_block, mut row_block) = (self.element, self.element);
        for dim in (1..shape.len()).rev() {
            let start = chunk.place[dim] * chunked.shape[dim];
            let held = chunked.shape[dim].min(shape[dim] - start);
            let run = &mut runs.first;
            run.to += start * row_block;
            if runs.dims.is_empty() && run.len == chunk_block && run.len == row_block {
                run.len *= held;
            } else {
                runs.dims.push(Repeated { count: held, from: chunk_block, to: row_block });
            }
            chunk_block *= chunked.shape[dim];
            row_block *= shape[dim];
        }
        runs
    }
}

/// A stretch of bytes that a chunk's row and the answer's row have in common.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: u64,
    to: u64,
    len: u64,
}

/// Equal stretches of a row: the first one, and the dimensions along which it is repeated. There may be one for every
/// element, so they are counted out rather than listed.
#[derive(Debug)]
struct Runs {
    first: Run,
    /// The fastest one first.
    dims: Vec<Repeated>,
}

#[derive(Debug)]
struct Repeated {
    count: u64,
    /// Bytes from one stretch to the next in the chunk's row and in the answer's.
    from: u64,
    to: u64,
}

impl Runs {
    fn each(&self, mut copy: impl FnMut(Run)) {
        let Some((fastest, others)) = self.dims.split_first() else { return copy(self.first) };
        if self.dims.iter().any(|dim| dim.count == 0) {
            return;
        }
        let mut index = vec![0; others.len()];
        let mut start = self.first;
        loop {
            for i in 0..fastest.count {
                copy(Run { from: start.from + i * fastest.from, to: start.to + i * fastest.to, ..start });
            }
            // As an odometer: the first dimension that is not at its end goes on, those before it start again.
            let next = others.iter().zip(&index).position(|(dim, at)| at + 1 < dim.count);
            let Some(next) = next else { return };
            for (dim, at) in others.iter().zip(&mut index).take(next) {
                start.from -= dim.from * *at;
                start.to -= dim.to * *at;
                *at = 0;
            }
            index[next] += 1;
            start.from += others[next].from;
            start.to += others[next].to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Index;

    #[test]
    fn a_row_of_which_every_element_lies_apart_takes_no_memory() {
        let (shape, len) = ([1, 1 << 40, 1], 1 << 40);
        let chunked =
            Chunked { shape: vec![1, len, 2], index: Index::Implicit, address: Some(0), plain_edges: false };
        let extent = Extent { shape: shape.to_vec(), max_shape: shape.to_vec(), null: false };
        let target = Target::new(&extent, &Rows::all(1), None, 4).unwrap();
        let chunk = Chunk { place: vec![0; 3], address: 0, size: 0, mask: 0 };
        let runs = target.runs(&shape, &chunked, &chunk);
        assert_eq!(runs.first.len, 4);
        let [repeated] = &runs.dims[..] else { panic!("{runs:?}") };
        assert_eq!((repeated.count, repeated.from, repeated.to), (len, 8, 4));
    }
}
