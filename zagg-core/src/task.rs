//! The task: one shard from its granules to the store. The same code runs on every executor.

mod group;
mod read;

pub use group::{Sorted, sort_by_offset};

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::column::{Column, Values};
use crate::error::{Error, ErrorKind, Result};
use crate::program::CompiledVariable;
use crate::report::{Hole, TaskReport, TaskStatus, Traffic};
use crate::run::{Run, Task};
use crate::store::Written;
use read::{GranuleRows, Kept, read_granule};

/// Rows that one task can hold: positions in sorted columns are 32-bit.
const MAX_ROWS: usize = u32::MAX as usize;

/// Runs one task to its end: blocks, then the shard's record. A failure is part of the report.
pub fn run_task(run: &Arc<Run>, task: &Task) -> TaskReport {
    let started = Instant::now();
    let mut report = TaskReport {
        shard: crate::caught(|| Ok(run.grid.shard_label(task.shard)))
            .unwrap_or_else(|_| task.shard.to_string()),
        status: TaskStatus::Done,
        granules: task.granules.len() as u64,
        parts_absent: 0,
        rows_read: 0,
        rows_kept: 0,
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
    if let Err(error) = crate::caught(|| run.record(task.shard, &report))
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
    let blocks = run.compute.install(|| reduce(run, task, gathered, report))?;
    let level = run.grid.leaf_level();
    let group = run.grid.group_name(level);
    let block = run.block(task.shard);
    run.open_record(task.shard)?;
    for (variable, values) in run.program.variables().iter().zip(&blocks) {
        report.written += run.store.write_block(&group, &variable.name, &block, values)?;
    }
    for coordinate in &run.task_coordinates {
        let values = run.grid.shard_coordinate(coordinate, task.shard, level)?;
        report.written += run.store.write_block(&group, coordinate, &block, &values)?;
    }
    Ok(())
}

/// Sorts the rows by cell and computes every variable: one block per variable.
fn reduce(run: &Run, task: &Task, gathered: Gathered, report: &mut TaskReport) -> Result<Vec<Values>> {
    let level = run.grid.leaf_level();
    let mut offsets = vec![0; gathered.cells.len()];
    run.grid.offsets_in_shard(task.shard, level, &gathered.cells, &mut offsets);
    let cells_per_shard = run.grid.layout(level).cells_per_shard() as usize;
    if let Some(offset) = offsets.iter().find(|&&offset| offset as usize >= cells_per_shard) {
        return Err(Error::plugin(format!(
            "the grid put a row at place {offset} of a shard with {cells_per_shard} cells"
        )));
    }
    let Sorted { permutation, offsets, places } = sort_by_offset(&offsets, cells_per_shard);
    report.cells = places.len() as u64;
    let columns: Vec<Column> =
        gathered.columns.into_par_iter().map(|column| column.gather(&permutation)).collect();
    if places.is_empty() {
        let fill =
            |variable: &CompiledVariable| scatter(&variable.fill, cells_per_shard, &[], &variable.fill);
        return run.program.variables().iter().map(fill).collect();
    }
    let derived = run.program.derive(permutation.len(), &columns)?;
    let values = |variable: &CompiledVariable| {
        let (groups, values) = crate::caught(|| run.program.reduce(variable, &offsets, &columns, &derived))
            .map_err(|error| error.context(format!("variable {}", variable.name)))?;
        match groups {
            None => scatter(&variable.fill, cells_per_shard, &places, &values),
            Some(groups) => {
                let places: Vec<u32> = groups.iter().map(|&group| places[group as usize]).collect();
                scatter(&variable.fill, cells_per_shard, &places, &values)
            }
        }
    };
    run.program.variables().par_iter().map(values).collect()
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
        let name = run.program.columns().get(at).map_or("a column", String::as_str);
        let (before, here) = (before.values.dtype(), column.values.dtype());
        Some(format!("{name} is {here} here but {before} in the parts before it"))
    }

    fn add(&mut self, run: &Run, rows: GranuleRows, report: &mut TaskReport) -> Result<()> {
        report.traffic += rows.traffic;
        report.rows_read += rows.rows_read;
        report.parts_absent += rows.parts_absent;
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

/// A block of fill values with the values of some cells in their places.
fn scatter(fill: &Values, cells: usize, places: &[u32], values: &Values) -> Result<Values> {
    macro_rules! arms {
        ($($variant:ident),*) => {
            match (fill, values) {
                $((Values::$variant(fill), Values::$variant(values)) => {
                    let mut block = vec![fill[0]; cells];
                    for (&place, &value) in places.iter().zip(values) {
                        block[place as usize] = value;
                    }
                    Ok(Values::$variant(block))
                })*
                (fill, values) => Err(Error::plugin(format!("{} values for an array of {}", values.dtype(), fill.dtype()))),
            }
        };
    }
    arms!(Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64)
}
