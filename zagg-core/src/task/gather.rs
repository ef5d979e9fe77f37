//! The rows of a shard in arrival order: in memory as far as they may be, the others put aside on disk.

use super::group::sort_by_offset;
use super::places::places_of;
use super::spill::Spill;
use super::states::{BlockStates, states_of};
use crate::column::{Column, DType};
use crate::error::{Error, Result};
use crate::levels::Writer;
use crate::memory::RowLimits;
use crate::profile::{self, Phase};
use crate::run::Run;

/// Consecutive rows: the leaf cell and the columns of each.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) cells: Vec<u64>,
    pub(super) columns: Vec<Column>,
}

impl Chunk {
    fn rows(&self) -> usize {
        self.cells.len()
    }

    /// Cuts off the rows from `at` on.
    fn split_off(&mut self, at: usize) -> Self {
        let cells = self.cells.split_off(at);
        let columns = self.columns.iter().map(|column| column.slice(at..at + cells.len())).collect();
        self.truncate(at);
        Self { cells, columns }
    }

    fn truncate(&mut self, rows: usize) {
        self.cells.truncate(rows);
        for column in &mut self.columns {
            *column = column.slice(0..rows);
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val(&self.cells[..]) + self.columns.iter().map(Column::bytes).sum::<usize>()) as u64
    }
}

/// All rows of a shard.
#[derive(Debug)]
pub(super) enum Rows {
    /// In arrival order, with the states of the whole shard for the levels that are merged.
    Held(Chunk, BlockStates),
    /// In runs sorted by leaf cell, each with its arrival order.
    Aside(Spill, BlockStates),
}

/// Gathers rows, and takes them back while they are the last ones.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    run: &'a Run,
    shard: u64,
    limits: RowLimits,
    types: Vec<DType>,
    chunks: Vec<Chunk>,
    /// Rows in the chunks.
    held: usize,
    aside: Option<Spill>,
    /// States of the whole shard, block by block of rows, for each run that was put aside.
    states: Vec<BlockStates>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(run: &'a Run, shard: u64) -> Self {
        let limits = run.memory.limits(&run.product.program, &[]);
        let (types, chunks, states) = (Vec::new(), Vec::new(), Vec::new());
        Self { run, shard, limits, types, chunks, held: 0, aside: None, states }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.rows_aside() + self.held as u64
    }

    fn rows_aside(&self) -> u64 {
        let of = |aside: &Spill| (0..aside.runs()).map(|run| aside.rows_of(run) as u64).sum();
        self.aside.as_ref().map_or(0, of)
    }

    /// The first column that is of another type than in the rows before: its number and type before.
    pub(super) fn other_type(&self, columns: &[Column]) -> Option<(usize, DType)> {
        let mut pairs = self.types.iter().zip(columns).enumerate();
        let (at, (before, _)) = pairs.find(|(_, (before, column))| **before != column.values.dtype())?;
        (self.rows() > 0).then_some((at, *before))
    }

    /// Adds rows behind the others, whose columns have the same types.
    ///
    /// # Errors
    /// When they have to be put aside and cannot.
    pub(super) fn add(&mut self, mut chunk: Chunk) -> Result<()> {
        if self.rows() == 0 {
            self.types = chunk.columns.iter().map(|column| column.values.dtype()).collect();
            self.limits = self.run.memory.limits(&self.run.product.program, &self.types);
        }
        while self.held + chunk.rows() > self.limits.held {
            let rest = chunk.split_off(self.limits.held - self.held);
            self.push(chunk);
            self.put_aside()?;
            chunk = rest;
        }
        self.push(chunk);
        Ok(())
    }

    fn push(&mut self, chunk: Chunk) {
        if chunk.rows() > 0 {
            self.held += chunk.rows();
            self.chunks.push(chunk);
        }
    }

    /// Takes back all rows behind the first `rows`.
    ///
    /// # Errors
    /// When rows that were put aside are needed again and cannot be read.
    pub(super) fn rewind(&mut self, rows: u64) -> Result<()> {
        while self.rows_aside() > rows {
            let Some(aside) = &mut self.aside else { break };
            self.chunks.clear();
            self.held = 0;
            let last = aside.runs() - 1;
            let before: u64 = (0..last).map(|run| aside.rows_of(run) as u64).sum();
            let needed =
                if before < rows { Some(restored(self.run, self.shard, aside, last)?) } else { None };
            aside.pop()?;
            self.states.pop();
            if let Some(chunk) = needed {
                self.push(chunk);
            }
        }
        let keep = rows.saturating_sub(self.rows_aside()) as usize;
        while self.held > keep {
            let Some(mut last) = self.chunks.pop() else { break };
            self.held -= last.rows();
            if self.held < keep {
                last.truncate(keep - self.held);
                self.push(last);
            }
        }
        Ok(())
    }

    /// All the rows.
    ///
    /// # Errors
    /// When the last ones cannot be put aside, or states cannot be reckoned.
    pub(super) fn finish(mut self) -> Result<Rows> {
        if self.aside.as_ref().is_some_and(|aside| aside.runs() > 0) {
            if self.held > 0 {
                self.put_aside()?;
            }
            if let Some(aside) = self.aside.take() {
                return Ok(Rows::Aside(aside, BlockStates::joined(self.states)));
            }
        }
        let states = self.states_of_chunks()?;
        let (cells, columns) = (self.cells(), (0..self.types.len()).map(|number| self.column(number)));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Rows::Held(Chunk { cells, columns }, states))
    }

    /// Sorts what is in memory by leaf cell and writes it down.
    fn put_aside(&mut self) -> Result<()> {
        let run = self.run;
        let states = self.states_of_chunks()?;
        let cells = self.cells();
        let leaf = &run.product.levels[0];
        let places = places_of(&run.product, self.shard, leaf, &cells)?;
        drop(cells);
        let cells = leaf.layout.cells_per_shard() as usize;
        let order = profile::time(Phase::Sort, || sort_by_offset(&places, cells)).permutation;
        let mut aside = match self.aside.take() {
            Some(aside) => aside,
            None => Spill::new(&run.memory.scratch)?,
        };
        let columns = (0..self.types.len()).map(|number| self.column(number));
        aside.put((&places, &order), true, columns)?;
        self.aside = Some(aside);
        self.states.push(states);
        self.chunks.clear();
        self.held = 0;
        Ok(())
    }

    fn states_of_chunks(&self) -> Result<BlockStates> {
        let mut states = BlockStates::default();
        let product = &self.run.product;
        if !product.levels.iter().any(|level| level.writer == Writer::Merge) {
            return Ok(states);
        }
        for start in (0..self.held).step_by(self.limits.block) {
            let rows = self.limits.block.min(self.held - start);
            let columns = self.slice(start, rows)?;
            states.push(self.run.compute(|| states_of(product, rows, &columns))?);
        }
        Ok(states)
    }

    /// The columns of some of the rows in memory.
    fn slice(&self, start: usize, rows: usize) -> Result<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        let mut before = 0;
        for chunk in &self.chunks {
            let from = start.clamp(before, before + chunk.rows()) - before;
            let to = (start + rows).clamp(before, before + chunk.rows()) - before;
            before += chunk.rows();
            if from == to {
                continue;
            }
            for (number, column) in chunk.columns.iter().enumerate() {
                let part = column.slice(from..to);
                match columns.get_mut(number) {
                    Some(column) => column.append(&part)?,
                    None => columns.push(part),
                }
            }
        }
        Ok(columns)
    }

    /// The cells of all rows in memory, which the chunks lose.
    fn cells(&mut self) -> Vec<u64> {
        if let [chunk] = &mut self.chunks[..] {
            return std::mem::take(&mut chunk.cells);
        }
        let mut cells = Vec::with_capacity(self.held);
        for chunk in &mut self.chunks {
            cells.append(&mut std::mem::take(&mut chunk.cells));
        }
        cells
    }

    /// A column of all rows in memory, which the chunks lose.
    fn column(&mut self, number: usize) -> Result<Column> {
        let taken = |chunk: &mut Chunk| match chunk.columns.get_mut(number) {
            Some(column) => Ok(std::mem::replace(column, Column::none())),
            None => Err(Error::plugin("a part came without one of its columns")),
        };
        if let [chunk] = &mut self.chunks[..] {
            return taken(chunk);
        }
        let mut all: Option<Column> = None;
        for chunk in &mut self.chunks {
            let column = taken(chunk)?;
            let dtype = column.values.dtype();
            all.get_or_insert_with(|| Column::with_capacity(dtype, self.held)).append(&column)?;
        }
        Ok(all.unwrap_or_else(Column::none))
    }
}

/// The rows of a run as they were before they were put aside.
fn restored(run: &Run, shard: u64, aside: &Spill, number: usize) -> Result<Chunk> {
    let rows = aside.rows_of(number);
    let all = run.product.grid.cells_of_shard(shard, run.product.levels[0].level);
    let damaged = || Error::io("what was put aside comes back as something else");
    let mut cells = vec![0; rows];
    let mut order = vec![0; rows];
    for (at, (place, arrival)) in
        aside.places(number, 0..rows)?.into_iter().zip(aside.arrival(number)?).enumerate()
    {
        let (Some(cell), Some(known)) = (cells.get_mut(arrival as usize), all.get(place as usize)) else {
            return Err(damaged());
        };
        *cell = *known;
        order[arrival as usize] = at as u32;
    }
    let column = |column| Ok(aside.column(number, column, 0..rows)?.gather(&order));
    let columns = (0..aside.columns()).map(column).collect::<Result<_>>()?;
    Ok(Chunk { cells, columns })
}
