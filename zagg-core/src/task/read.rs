//! Reading the rows of one granule that lie in one shard. Runs on the i/o threads.

use crate::column::Column;
use crate::error::{Error, Result};
use crate::granules::{Located, PartRows, in_part, measured};
use crate::grid::NO_CELL;
use crate::report::{Strays, Traffic};
use crate::run::Run;
use crate::source::{LATITUDE, LONGITUDE, PointBatch, ReadRequest};

/// What one granule gives to one shard.
#[derive(Debug, Default)]
pub(super) struct GranuleRows {
    pub(super) granule: u32,
    /// The parts with rows.
    pub(super) parts: Vec<Kept>,
    pub(super) rows_read: u64,
    /// Rows that are dropped because their cells lie outside the area of interest.
    pub(super) rows_outside_area: u64,
    pub(super) parts_absent: u64,
    /// Part and reason; no part means the whole granule.
    pub(super) holes: Vec<(Option<String>, Error)>,
    pub(super) traffic: Traffic,
    /// Rows that no shard keeps.
    lost: Strays,
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
    let (result, traffic) = measured(|| crate::caught(|| gather(run, granule, shard)));
    let mut rows =
        result.unwrap_or_else(|error| GranuleRows { holes: vec![(None, error)], ..GranuleRows::default() });
    rows.granule = granule;
    rows.traffic = traffic;
    run.granules.set_lost(granule, shard, rows.lost);
    rows
}

fn gather(run: &Run, granule: u32, shard: u64) -> Result<GranuleRows> {
    let located = run.granules.located(granule, &*run.product.grid)?;
    let mut rows = GranuleRows { granule, ..GranuleRows::default() };
    if !located.is_known() || !run.granules.may_do_without_index() {
        fill(run, &located, shard, &mut rows, false)?;
        if rows.holes.is_empty() {
            located.prove()?;
        }
        return Ok(rows);
    }
    let filled = fill(run, &located, shard, &mut rows, true).and_then(|()| {
        // That there are no rows here is an answer too, and no read has confirmed it yet.
        if rows.holes.is_empty() { located.prove() } else { Ok(()) }
    });
    match filled {
        Err(error) if !error.may_pass() => {
            // Whatever is wrong may be the index alone: the granule itself is asked.
            let located = run.granules.without_index(granule, &error, &*run.product.grid)?;
            rows = GranuleRows { granule, ..GranuleRows::default() };
            fill(run, &located, shard, &mut rows, false)?;
        }
        filled => filled?,
    }
    Ok(rows)
}

/// One read per part, with what is known of its rows.
struct Wanted {
    request: ReadRequest,
    located: Cells,
}

/// How the cells of rows are found.
enum Cells {
    /// They are known, one leaf cell per row.
    Known(Vec<u64>),
    /// By the rows' own coordinates. `all`: every row must lie in the shard.
    Search { all: bool },
}

/// Reads the rows of every part. A part that fails is a hole; with `doubt` all of it fails, unless the fault may pass.
fn fill(run: &Run, located: &Located, shard: u64, out: &mut GranuleRows, doubt: bool) -> Result<()> {
    let names: Vec<&str> = located.granule().parts().iter().map(|p| p.name.as_str()).collect();
    let mut wanted = Vec::new();
    for (part, rows) in located.rows_in(shard, &*run.product.grid).into_iter().enumerate() {
        match rows {
            PartRows::Absent => out.parts_absent += 1,
            PartRows::Hole(error) if doubt => {
                return Err(in_part(error, names[part]));
            }
            PartRows::Hole(error) => out.holes.push((Some(names[part].to_string()), error)),
            PartRows::Exact { rows, cells } => {
                let who = (out.granule, part, shard);
                if let Err(error) = run.granules.count_blocks(located, who, &*run.product.grid) {
                    let error = error.context("counting rows in shards that do not list the granule");
                    out.holes.push((Some(names[part].to_string()), error));
                }
                let columns = run.product.program.columns().to_vec();
                let request = ReadRequest { part, rows, columns };
                wanted.push(Wanted { request, located: Cells::Known(cells) });
            }
            PartRows::Candidates { rows, all } => {
                let mut columns = run.product.program.columns().to_vec();
                columns.extend([LONGITUDE.to_string(), LATITUDE.to_string()]);
                let request = ReadRequest { part, rows, columns };
                wanted.push(Wanted { request, located: Cells::Search { all } });
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
        let place = Place { run, located, granule: out.granule, shard };
        let kept = batch.and_then(|batch| keep(place, wanted, batch, &mut out.lost)).and_then(
            |(rows_read, mut cells, mut columns)| {
                let outside = clip(place, &mut cells, &mut columns)?;
                Ok((rows_read, outside, cells, columns))
            },
        );
        match kept {
            Ok((rows_read, outside, cells, columns)) => {
                out.rows_read += rows_read;
                out.rows_outside_area += outside;
                if !cells.is_empty() {
                    out.parts.push(Kept { part: name.to_string(), cells, columns });
                }
            }
            Err(error) if doubt && !error.may_pass() => return Err(error),
            Err(error) => out.holes.push((Some(name.to_string()), error)),
        }
    }
    Ok(())
}

/// What is being read, and for which shard.
#[derive(Clone, Copy)]
struct Place<'a> {
    run: &'a Run,
    located: &'a Located,
    granule: u32,
    shard: u64,
}

/// Drops the rows that lie elsewhere or fail a filter. Gives the number of rows in the shard before filters.
fn keep(
    place: Place<'_>,
    wanted: Wanted,
    batch: PointBatch,
    lost: &mut Strays,
) -> Result<(u64, Vec<u64>, Vec<Column>)> {
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
    let mut cells = match wanted.located {
        Cells::Known(cells) if cells.len() != rows => {
            return Err(Error::plugin(format!("{} cells for {rows} rows", cells.len())));
        }
        Cells::Known(cells) => cells,
        Cells::Search { all } => {
            let cells = locate_again(place, &wanted.request, &mut columns, lost);
            if all && cells.contains(&NO_CELL) {
                return Err(Error::changed("its rows are not where its index says"));
            }
            cells
        }
    };
    let mut flags: Vec<bool> = cells.iter().map(|&cell| cell != NO_CELL).collect();
    let inside = flags.iter().filter(|inside| **inside).count() as u64;
    let columns = place.run.product.program.rows().select(&mut flags, columns)?;
    if flags.contains(&false) {
        let mut keep = flags.iter();
        cells.retain(|_| *keep.next().unwrap_or(&false));
    }
    Ok((inside, cells, columns))
}

/// Drops the rows whose cells lie outside the area of interest, for pipelines that clip. Gives their number.
///
/// # Errors
/// When the grid has no place for a cell.
fn clip(place: Place<'_>, cells: &mut Vec<u64>, columns: &mut [Column]) -> Result<u64> {
    let product = &place.run.product;
    let Some(area) = product.clip_of(place.shard) else { return Ok(0) };
    let leaf = product.grid.leaf_level();
    let all = product.grid.layout(leaf).cells_per_shard();
    if area.len() == all {
        return Ok(0);
    }
    let mut offsets = vec![u32::MAX; cells.len()];
    product.grid.offsets_in_shard(place.shard, leaf, cells, &mut offsets);
    if let Some(offset) = offsets.iter().find(|offset| u64::from(**offset) >= all) {
        return Err(Error::plugin(format!(
            "the grid put a row at place {offset} of a shard with {all} cells"
        )));
    }
    let keep: Vec<bool> = offsets.into_iter().map(|offset| area.contains(offset)).collect();
    let before = cells.len();
    if keep.contains(&false) {
        let mut flags = keep.iter();
        cells.retain(|_| *flags.next().unwrap_or(&false));
        for column in columns {
            *column = column.filter(&keep);
        }
    }
    Ok((before - cells.len()) as u64)
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
fn locate_again(
    place: Place<'_>,
    request: &ReadRequest,
    columns: &mut Vec<Column>,
    lost: &mut Strays,
) -> Vec<u64> {
    let Place { run, located, granule, shard } = place;
    let lat = columns.pop().map(degrees).unwrap_or_default();
    let lon = columns.pop().map(degrees).unwrap_or_default();
    let mut cells = vec![NO_CELL; lon.len()];
    run.product.grid.locate(&lon, &lat, &mut cells);
    let mut shards = vec![NO_CELL; lon.len()];
    run.product.grid.shards_of(&cells, &mut shards);
    let who = (granule, request.part, shard);
    *lost += run.granules.lost_rows(located, who, (&request.rows, &shards), (&lon, &lat));
    for (cell, home) in cells.iter_mut().zip(shards) {
        if home != shard {
            *cell = NO_CELL;
        }
    }
    cells
}
