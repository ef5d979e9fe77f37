//! How the memory of a run is divided.
//!
//! The program itself has a share, the reading of granules another, and the tasks in work share the rest. A task holds as many
//! rows as its share allows and puts the others aside on disk; where the results of several shards at once would be too much,
//! fewer tasks run at once. Nothing of this changes what is written.

mod machine;

use std::path::PathBuf;

use crate::column::DType;
use crate::config::Pipeline;
use crate::cores;
use crate::error::{Error, Result};
use crate::levels::Writer;
use crate::product::Product;
use crate::program::Program;
use crate::run::{REMOTE_IO_THREADS, RunOptions};

pub use machine::{resident, usable};

/// Least memory that a run may be given: the program, its threads and what the allocator keeps take about 40 MiB, one granule
/// and one shard in work need the rest.
pub const LEAST_MEMORY: u64 = 128 << 20;

/// Least memory for the reading of granules that a pipeline may give.
pub const LEAST_READING: u64 = 16 << 20;

/// Memory of the program itself: code, threads, the shard map of a run of usual size, what the allocator keeps.
const PROGRAM: u64 = 40 << 20;

/// Most memory for reading that a run takes without being told.
const MOST_READING: u64 = 1 << 30;

/// From this on, readers go by their own limits unless memory was given.
const AMPLE: u64 = 2 << 30;

/// Least memory for the rows of a task.
const LEAST_ROWS: u64 = 16 << 20;

/// Memory in which a reader surely gets along, for each granule in flight.
const EACH_IN_FLIGHT: u64 = 4 << 20;

/// Most bytes of arrays that are written together.
const WRITTEN_TOGETHER: u64 = 64 << 20;

/// Rows of a cell that are taken together by variables whose states merge. Values depend on it, so it never changes.
const BLOCK: usize = 1 << 16;

/// Memory of a run and of its tasks, in bytes.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Of the whole process.
    pub total: u64,
    /// Tasks that may run at once.
    pub tasks: usize,
    /// For the rows of one task.
    rows: u64,
    /// For the values of one shard.
    results: u64,
    /// Threads that may reckon variables of one task at once.
    threads: u64,
    pub(crate) scratch: Scratch,
    limits: Option<RowLimits>,
}

/// Where rows may be put aside: a folder, or one that the system offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch(pub(crate) Option<PathBuf>);

/// How many rows a task handles at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLimits {
    /// Rows that are held in arrival order, and sorted together; a whole number of blocks.
    pub held: usize,
    /// Rows of whole cells that are gathered and reduced together; at least a block.
    pub together: usize,
    /// Rows of one cell that variables whose states merge take at once: values depend on it.
    pub block: usize,
    /// Rows that are read from a granule at once.
    pub read: u64,
    /// Bytes that one cell may take in the columns of a variable whose states do not merge.
    pub one_cell: u64,
    /// Bytes that the values of a shard may take before they are written.
    pub values: u64,
}

impl RowLimits {
    /// Rows of one cell that a variable may have at once which reads so many columns.
    pub(crate) fn in_one_cell(&self, columns: usize) -> u64 {
        // The column, a copy without missing rows or as floats, a flag, and what the statistic sorts.
        (self.one_cell / (25 * columns as u64 + 8)).min(u64::from(u32::MAX))
    }
}

/// The memory that a run may take in all: what was given, else half of what the machine lets the process have.
///
/// # Errors
/// When less was given than a run needs.
fn total(options: &RunOptions) -> Result<u64> {
    match options.memory {
        Some(bytes) if bytes < LEAST_MEMORY => Err(Error::input(format!(
            "--memory: {} MiB are too few; a run takes {} MiB at least, for the program, one granule and one shard",
            bytes >> 20,
            LEAST_MEMORY >> 20
        ))),
        Some(bytes) => Ok(bytes),
        None => Ok((usable() / 2).max(LEAST_MEMORY)),
    }
}

/// Memory for reading granules and how many may be in flight, in place of what the reader and the machine would choose.
///
/// # Errors
/// When less was given than a run needs.
pub(crate) fn reading(pipeline: &Pipeline, options: &RunOptions) -> Result<Option<(u64, usize)>> {
    let total = total(options)?;
    let asked = pipeline.data_source.memory;
    if let Some(bytes) = asked.filter(|bytes| *bytes < LEAST_READING) {
        return Err(Error::input(format!(
            "data_source.memory: {bytes} bytes are too few to read granules; give at least {} MiB",
            LEAST_READING >> 20
        )));
    }
    if asked.is_none() && options.memory.is_none() && total >= AMPLE {
        return Ok(None);
    }
    let rest = total.saturating_sub(PROGRAM);
    let bytes = match asked {
        Some(bytes) => bytes.min(rest / 2),
        None => (rest / 4).min(MOST_READING),
    };
    let wanted = match options.io_threads {
        0 => REMOTE_IO_THREADS.max(2 * workers(options)),
        threads => threads,
    };
    let most = usize::try_from(bytes / EACH_IN_FLIGHT).unwrap_or(usize::MAX);
    Ok(Some((bytes, wanted.min(most.max(2)))))
}

fn workers(options: &RunOptions) -> usize {
    match options.workers {
        0 => cores::count(),
        workers => workers,
    }
}

impl Memory {
    /// Divides the memory of a run of which at most so many tasks are at work at once.
    ///
    /// # Errors
    /// When it does not suffice for one shard.
    pub(crate) fn divide(
        product: &Product,
        options: &RunOptions,
        (reading, most_tasks): (Option<u64>, usize),
    ) -> Result<Self> {
        let total = total(options)?;
        let program = resident().map_or(PROGRAM, |now| (now + (16 << 20)).max(PROGRAM));
        let reading = reading.unwrap_or_else(|| (total / 4).min(MOST_READING));
        // What was freed is not always free again: a fifth is left to the allocator.
        let left = total.saturating_sub(program).saturating_sub(reading) / 5 * 4;
        let results = results(product);
        let least = results.saturating_add(LEAST_ROWS);
        let workers = workers(options);
        let at_once = usize::try_from(left / least).unwrap_or(usize::MAX).clamp(1, most_tasks.max(1));
        let each = left / at_once as u64;
        // Not every cell has rows everywhere: without a promise it is tried.
        if each < least && options.memory.is_some() {
            let need = (total - left.min(total)) + least / 4 * 5;
            return Err(Error::input(format!(
                "{} MiB of memory do not suffice: the values of one shard take {} MiB beside its rows; give --memory {}MiB, \
                 or choose smaller shards with a larger parent_order",
                total >> 20,
                results >> 20,
                (need >> 20) + 1
            )));
        }
        let threads = workers.min(product.program.variables().len()).max(1) as u64;
        let scratch = Scratch(options.scratch.clone());
        Ok(Self {
            total,
            tasks: at_once,
            rows: each.saturating_sub(results).max(LEAST_ROWS),
            results,
            threads,
            scratch,
            limits: None,
        })
    }

    /// The same with these limits in place of those that follow from the memory. Runs with equal `block` write equal values.
    #[must_use]
    pub fn with_limits(mut self, limits: RowLimits) -> Self {
        let held = (limits.held / limits.block).max(1) * limits.block;
        self.limits = Some(RowLimits { held, together: limits.together.max(limits.block), ..limits });
        self
    }

    /// Bytes of rows that granules may have made before it is their turn.
    pub(crate) fn in_flight(&self) -> u64 {
        self.rows / 4
    }

    /// Bytes of arrays that are written together.
    pub(crate) fn written_together(&self) -> u64 {
        WRITTEN_TOGETHER.min(self.rows / 4)
    }

    /// Bytes that a row takes while it is read.
    pub(crate) fn read_bytes(columns: usize) -> u64 {
        // What the source gives with flags, what the filters leave of it, cell, position and place.
        18 * columns as u64 + 40
    }

    /// How many rows of these columns a task handles at once.
    pub(crate) fn limits(&self, program: &Program, types: &[DType]) -> RowLimits {
        if let Some(limits) = self.limits {
            return limits;
        }
        let row: u64 = types.iter().map(|dtype| dtype.size() as u64 + 1).sum();
        // While rows are gathered a quarter is in flight; then it is free for what is gathered by cell.
        let rows = self.rows / 4 * 3;
        // Cell, place, two orders, the starts of groups; and a column that is being moved.
        let held = rows / 3 * 2 / (row + 8 + 20 + 8);
        // Derived columns, and for each variable at work the rows without missing ones and a column of floats.
        let together = rows / 3 / (row + 8 * program.inputs_len() as u64 + self.threads * (row + 16));
        let rows_of = |rows: u64| usize::try_from(rows.min(u64::from(u32::MAX))).unwrap_or(usize::MAX);
        RowLimits {
            held: (rows_of(held) / BLOCK).max(1) * BLOCK,
            together: rows_of(together).max(BLOCK),
            block: BLOCK,
            read: (self.in_flight() / 2 / Self::read_bytes(program.columns().len() + 2)).max(1 << 12),
            one_cell: rows,
            // Nothing is in flight any more then.
            values: self.results.saturating_add(self.rows / 4),
        }
    }
}

/// Bytes of the values of one shard: of all cells and variables, and of the blocks that are being written.
fn results(product: &Product) -> u64 {
    let variables = product.program.variables();
    let number =
        |variable: &crate::program::CompiledVariable| (variable.items() * variable.dtype.size()) as u64;
    let cell: u64 = variables.iter().map(|variable| number(variable) + 4).sum();
    let widest = variables.iter().map(number).max().unwrap_or(0).max(8);
    let levels = product.levels.iter().filter(|level| level.writer != Writer::Merge);
    let cells: u64 = levels.map(|level| level.layout.cells_per_shard()).fold(0, u64::saturating_add);
    let leaf = product.levels.first().map_or(0, |level| level.layout.cells_per_shard());
    // A block as numbers, as bytes, and compressed.
    cells.saturating_mul(cell).saturating_add(leaf.saturating_mul(3 * widest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_the_least_is_refused_with_a_reason() {
        let options = |memory| RunOptions { memory: Some(memory), ..RunOptions::default() };
        let error = total(&options(100 << 20)).unwrap_err();
        assert!(error.to_string().contains("--memory: 100 MiB are too few"), "{error}");
        assert_eq!(total(&options(LEAST_MEMORY)).unwrap(), LEAST_MEMORY);
        assert!(total(&RunOptions::default()).unwrap() >= LEAST_MEMORY);
    }
}
