//! Reading the rows of one granule that lie in one shard. Runs on the i/o threads.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::granules::{PartRows, measured};
use crate::grid::NO_CELL;
use crate::report::Traffic;
use crate::run::Run;
use crate::source::{LATITUDE, LONGITUDE, PointBatch, ReadRequest};

/// What one granule gives to one shard.
#[derive(Debug, Default)]
pub(super) struct GranuleRows {
    pub(super) granule: u32,
    /// The parts with rows.
    pub(super) parts: Vec<Kept>,
    pub(super) rows_read: u64,
    pub(super) parts_absent: u64,
    /// Part and reason; no part means the whole granule.
    pub(super) holes: Vec<(Option<String>, Error)>,
    pub(super) traffic: Traffic,
}

/// What one part gives to one shard.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) part: String,
    /// The leaf cell of every kept row.
    pub(super) cells: Vec<u64>,
    /// The columns that variables use.
    pub(super) columns: Vec<Column>,
}

pub(super) fn read_granule(run: &Run, granule: u32, shard: u64) -> GranuleRows {
    let mut rows = GranuleRows { granule, ..GranuleRows::default() };
    let (result, traffic) = measured(|| crate::caught(|| fill(run, granule, shard, &mut rows)));
    rows.traffic = traffic;
    if let Err(error) = result {
        rows.parts.clear();
        rows.holes.push((None, error));
    }
    rows
}

/// One read per part, with what is known of its rows.
struct Wanted {
    request: ReadRequest,
    /// One leaf cell per row, or `None` when rows must be located by their own coordinates.
    cells: Option<Vec<u64>>,
}

fn fill(run: &Run, granule: u32, shard: u64, out: &mut GranuleRows) -> Result<()> {
    let located = run.granules.located(granule, &*run.grid)?;
    let names: Vec<&str> = located.granule().parts().iter().map(|p| p.name.as_str()).collect();
    let mut wanted = Vec::new();
    for (part, rows) in located.rows_in(shard).into_iter().enumerate() {
        match rows {
            PartRows::Absent => out.parts_absent += 1,
            PartRows::Hole(error) => out.holes.push((Some(names[part].to_string()), error)),
            PartRows::Exact { rows, cells } => {
                let columns = run.program.columns().to_vec();
                wanted.push(Wanted { request: ReadRequest { part, rows, columns }, cells: Some(cells) });
            }
            PartRows::Candidates(rows) => {
                let mut columns = run.program.columns().to_vec();
                columns.extend([LONGITUDE.to_string(), LATITUDE.to_string()]);
                wanted.push(Wanted { request: ReadRequest { part, rows, columns }, cells: None });
            }
        }
    }
    wanted.retain(|wanted| !wanted.request.rows.is_empty());
    if wanted.is_empty() {
        return Ok(());
    }
    let requests: Vec<ReadRequest> = wanted.iter().map(|w| w.request.clone()).collect();
    let batches = located.granule().read(&requests);
    if batches.len() != wanted.len() {
        return Err(Error::plugin(format!(
            "the source gave {} parts instead of {}",
            batches.len(),
            wanted.len()
        )));
    }
    for (wanted, batch) in wanted.into_iter().zip(batches) {
        let name = names[wanted.request.part];
        match batch.and_then(|batch| keep(run, shard, wanted, batch)) {
            Ok((rows_read, cells, columns)) => {
                out.rows_read += rows_read;
                if !cells.is_empty() {
                    out.parts.push(Kept { part: name.to_string(), cells, columns });
                }
            }
            Err(error) => out.holes.push((Some(name.to_string()), error)),
        }
    }
    Ok(())
}

/// Drops the rows that lie elsewhere or fail a filter. Gives the number of rows in the shard before filters.
fn keep(run: &Run, shard: u64, wanted: Wanted, batch: PointBatch) -> Result<(u64, Vec<u64>, Vec<Column>)> {
    let rows = wanted.request.rows.len() as usize;
    let mut columns = batch.columns;
    if columns.len() != wanted.request.columns.len() {
        return Err(Error::plugin(format!(
            "the source gave {} columns instead of {}",
            columns.len(),
            wanted.request.columns.len()
        )));
    }
    for (column, name) in columns.iter().zip(&wanted.request.columns) {
        let flags = column.missing.as_ref().map_or(rows, Vec::len);
        for (given, what) in [(column.len(), "values"), (flags, "flags")] {
            if given != rows {
                return Err(Error::plugin(format!(
                    "the source gave {given} {what} of {name} for {rows} rows"
                )));
            }
        }
    }
    let mut cells = match wanted.cells {
        Some(cells) => cells,
        None => locate_again(run, shard, rows, &mut columns),
    };
    if cells.len() != rows {
        return Err(Error::plugin(format!("{} cells for {rows} rows", cells.len())));
    }
    let mut flags = run.program.keep(rows, &columns);
    let mut inside = 0;
    for (keep, &cell) in flags.iter_mut().zip(&cells) {
        inside += u64::from(cell != NO_CELL);
        *keep &= cell != NO_CELL;
    }
    run.program.drop_filter_columns(&mut columns);
    if flags.contains(&false) {
        columns = columns.iter().map(|column| column.filter(&flags)).collect();
        let mut keep = flags.iter();
        cells.retain(|_| *keep.next().unwrap_or(&false));
    }
    Ok((inside, cells, columns))
}

/// Degrees of a coordinate; a missing one is NaN, which is no position.
fn degrees(column: Column) -> Vec<f64> {
    let mut values = column.values.to_f64();
    for (value, missing) in values.iter_mut().zip(column.missing.unwrap_or_default()) {
        if missing {
            *value = f64::NAN;
        }
    }
    values
}

/// The leaf cell of every row by its own coordinates, which are the last two columns; rows outside the shard have none.
fn locate_again(run: &Run, shard: u64, rows: usize, columns: &mut Vec<Column>) -> Vec<u64> {
    let lat = columns.pop().map(degrees).unwrap_or_default();
    let lon = columns.pop().map(degrees).unwrap_or_default();
    let mut cells = vec![NO_CELL; rows];
    run.grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![NO_CELL; rows];
    run.grid.shards_of(&cells, &mut shards);
    for (cell, home) in cells.iter_mut().zip(shards) {
        if home != shard {
            *cell = NO_CELL;
        }
    }
    cells
}
