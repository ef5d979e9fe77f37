//! The task: one shard from its granules to the store. The same code runs on every executor.

mod group;
mod read;
mod reduce;

pub use group::{Sorted, sort_by_offset};

use std::sync::Arc;
use std::time::Instant;

use crate::block::Block;
use crate::column::{Column, Values};
use crate::error::{Error, ErrorKind, Result};
use crate::levels::Level;
use crate::product::{AOI_MASK, Product};
use crate::records;
use crate::report::{Hole, TaskReport, TaskStatus, Traffic};
use crate::run::{Run, Task};
use crate::store::{BlockWrite, Store, Written};
use read::{GranuleRows, Kept, read_granule};

/// Rows that one task can hold: positions in sorted columns are 32-bit.
const MAX_ROWS: usize = u32::MAX as usize;

/// Runs one task to its end: blocks, then the shard's record. A failure is part of the report.
pub fn run_task(run: &Arc<Run>, task: &Task) -> TaskReport {
    let started = Instant::now();
    let mut report = TaskReport {
        shard: crate::caught(|| Ok(run.product.grid.shard_label(task.shard)))
            .unwrap_or_else(|_| task.shard.to_string()),
        status: TaskStatus::Done,
        granules: task.granules.len() as u64,
        parts_absent: 0,
        rows_read: 0,
        rows_kept: 0,
        rows_outside_area: run.product.clip_of(task.shard).map(|_| 0),
        cells: 0,
        holes: Vec::new(),
        error: None,
        temporary: false,
        traffic: Traffic::default(),
        written: Written::default(),
        seconds: 0.0,
    };
    match crate::caught(|| work(run, task, &mut report)) {
        Ok(()) if report.holes.is_empty() => {}
        Ok(()) => report.status = TaskStatus::Incomplete,
        Err(error) => fail(&mut report, &error),
    }
    // At once, so that a run which is stopped loses none of what it has done.
    if let Err(error) = crate::caught(|| records::write_shard(&run.product, &*run.store, task.shard, &report))
        && report.status != TaskStatus::Failed
    {
        fail(&mut report, &error);
    }
    run.granules.release(&task.granules);
    report.seconds = started.elapsed().as_secs_f64();
    report
}

fn fail(report: &mut TaskReport, error: &Error) {
    report.status = TaskStatus::Failed;
    report.temporary = error.kind() == ErrorKind::Temporary;
    report.error = Some(error.to_string());
}

fn work(run: &Arc<Run>, task: &Task, report: &mut TaskReport) -> Result<()> {
    let mut gathered = Gathered::default();
    let shared = Arc::clone(run);
    let shard = task.shard;
    run.io.in_order(
        task.granules.clone(),
        move |granule| read_granule(&shared, granule, shard),
        |rows| gathered.add(run, rows, report),
    )?;
    report.rows_kept = gathered.cells.len() as u64;
    let (product, store) = (&run.product, &*run.store);
    let Gathered { cells, columns } = gathered;
    let reduced = run.compute.install(|| reduce::reduce(product, shard, &cells, columns))?;
    report.cells = reduced.cells;
    records::write_open(product, store, shard)?;
    for (at, blocks) in &reduced.blocks {
        report.written += write_level(product, store, shard, &product.levels[*at], blocks)?;
    }
    if let Some(record) = &reduced.record {
        report.written += records::write_levels(product, store, shard, record)?;
    }
    Ok(())
}

/// Writes a shard's blocks of one level.
fn write_level(
    product: &Product,
    store: &dyn Store,
    shard: u64,
    level: &Level,
    blocks: &[Block],
) -> Result<Written> {
    let position = product.position(shard);
    let variables = product.program.variables();
    let positions: Vec<Vec<u64>> = variables.iter().map(|v| v.position(&position)).collect();
    let mut writes: Vec<BlockWrite<'_>> = Vec::with_capacity(blocks.len());
    for ((variable, block), position) in variables.iter().zip(blocks).zip(&positions) {
        writes.push(BlockWrite {
            group: &level.group,
            array: &variable.name,
            block: position,
            offsets: block.offsets.as_deref(),
            values: &block.values,
        });
    }
    let names = product.coordinates_with_level(level);
    let cells = if names.is_empty() { Vec::new() } else { product.grid.cells_of_shard(shard, level.level) };
    let coordinates = names
        .iter()
        .map(|name| product.grid.cell_coordinate(name, level.level, &cells))
        .collect::<Result<Vec<Values>>>()?;
    for (name, values) in names.iter().zip(&coordinates) {
        writes.push(BlockWrite { group: &level.group, array: name, block: &position, offsets: None, values });
    }
    let mask = product.mask_of(level, shard);
    if let Some(values) = &mask {
        writes.push(BlockWrite {
            group: &level.group,
            array: AOI_MASK,
            block: &position,
            offsets: None,
            values,
        });
    }
    store.write_blocks(&writes)
}

/// Rows of all granules in arrival order.
#[derive(Default)]
struct Gathered {
    cells: Vec<u64>,
    columns: Vec<Column>,
}

impl Gathered {
    /// What is wrong with a part whose columns are of other types than those before it.
    fn other_type(&self, run: &Run, columns: &[Column]) -> Option<String> {
        let (at, (before, column)) = self
            .columns
            .iter()
            .zip(columns)
            .enumerate()
            .find(|(_, (before, column))| before.values.dtype() != column.values.dtype())?;
        let name = run.product.program.columns().get(at).map_or("a column", String::as_str);
        let (before, here) = (before.values.dtype(), column.values.dtype());
        Some(format!("{name} is {here} here but {before} in the parts before it"))
    }

    fn add(&mut self, run: &Run, rows: GranuleRows, report: &mut TaskReport) -> Result<()> {
        report.traffic += rows.traffic;
        report.rows_read += rows.rows_read;
        report.parts_absent += rows.parts_absent;
        if let Some(outside) = &mut report.rows_outside_area {
            *outside += rows.rows_outside_area;
        }
        report.holes.extend(rows.holes.into_iter().map(|(part, error)| Hole {
            granule: run.granules.granule(rows.granule).id.clone(),
            part,
            reason: error.to_string(),
        }));
        for Kept { part, cells, columns } in rows.parts {
            if self.cells.len() + cells.len() > MAX_ROWS {
                return Err(Error::unsupported(format!(
                    "more than {MAX_ROWS} rows in one shard; choose smaller shards with a larger parent_order"
                )));
            }
            // A pipeline that only counts rows has no columns at all.
            if self.cells.is_empty() {
                (self.cells, self.columns) = (cells, columns);
                continue;
            }
            if let Some(reason) = self.other_type(run, &columns) {
                let granule = run.granules.granule(rows.granule).id.clone();
                report.holes.push(Hole { granule, part: Some(part), reason });
                continue;
            }
            self.cells.extend_from_slice(&cells);
            for (all, more) in self.columns.iter_mut().zip(&columns) {
                all.append(more)?;
            }
        }
        Ok(())
    }
}
