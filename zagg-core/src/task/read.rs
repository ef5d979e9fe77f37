//! Reading the rows of one granule that lie in one shard. Runs on the i/o threads.
//!
//! Rows are given on as they are read, so many at once as memory allows; what turns out to be unreadable afterwards is taken
//! back, so that the rows of a part are there all or not at all.

use std::collections::VecDeque;

use super::gather::Chunk;
use crate::column::{Column, kept};
use crate::error::{Error, Result};
use crate::granules::{Located, PartRows, in_part, measured};
use crate::grid::NO_CELL;
use crate::io_pool::Outlet;
use crate::memory::Memory;
use crate::profile::{self, Phase};
use crate::report::{Strays, Traffic};
use crate::run::Run;
use crate::source::{LATITUDE, LONGITUDE, ObjectIdentity, PointBatch, ReadRequest};

/// What one granule gives to one shard.
#[derive(Debug, Default)]
pub(super) struct GranuleRows {
    pub(super) granule: u32,
    /// The object that was read, once it was opened.
    pub(super) object: Option<ObjectIdentity>,
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

impl GranuleRows {
    fn count(&mut self, part: &Tally) {
        self.rows_read += part.rows_read;
        self.rows_outside_area += part.outside;
        self.lost += part.lost;
    }
}

/// What is heard of a granule, in this order but for what is taken back.
#[derive(Debug)]
pub(super) enum Heard {
    /// Rows of a part: those that are kept, with the columns that variables use. Parts come one after the other.
    Rows {
        /// Number of the part.
        part: usize,
        /// Its name.
        name: String,
        rows: Chunk,
    },
    /// The rows of this part are taken back: it has others that cannot be read.
    Without(usize),
    /// All rows of the granule so far are taken back.
    Again,
    /// That is all.
    End(GranuleRows),
}

/// Reads what a granule has for a shard. The end is heard in any case.
pub(super) fn read_granule(run: &Run, granule: u32, shard: u64, outlet: &Outlet<'_, Heard>) {
    let _in_span = tracing::debug_span!("read", granule = run.granules.granule(granule).id).entered();
    let (result, traffic) = measured(|| crate::caught(|| gather(run, granule, shard, outlet)));
    let mut rows = result.unwrap_or_else(|error| {
        outlet.tell(Heard::Again);
        GranuleRows { holes: vec![(None, error)], ..GranuleRows::default() }
    });
    rows.granule = granule;
    rows.traffic = traffic;
    run.granules.set_lost(granule, shard, rows.lost);
    outlet.tell(Heard::End(rows));
}

fn gather(run: &Run, granule: u32, shard: u64, outlet: &Outlet<'_, Heard>) -> Result<GranuleRows> {
    let located = run.granules.located(granule, &*run.product.grid)?;
    let mut rows = GranuleRows { granule, object: located.identity(), ..GranuleRows::default() };
    if !located.is_known() || !run.granules.may_do_without_index() {
        fill((run, &located, shard), outlet, &mut rows, false)?;
        if rows.holes.is_empty() {
            located.prove()?;
        }
        return Ok(rows);
    }
    let filled = fill((run, &located, shard), outlet, &mut rows, true).and_then(|()| {
        // That there are no rows here is an answer too, and no read has confirmed it yet.
        if rows.holes.is_empty() { located.prove() } else { Ok(()) }
    });
    match filled {
        Err(error) if !error.may_pass() => {
            // Whatever is wrong may be the index alone: the granule itself is asked.
            let located = run.granules.without_index(granule, &error, &*run.product.grid)?;
            outlet.tell(Heard::Again);
            rows = GranuleRows { granule, object: located.identity(), ..GranuleRows::default() };
            fill((run, &located, shard), outlet, &mut rows, false)?;
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

impl Wanted {
    /// Cuts off the rows behind the first `n`.
    fn split_off(&mut self, n: u64) -> Self {
        let (first, rest) = self.request.rows.split_at(n);
        self.request.rows = first;
        let located = match &mut self.located {
            Cells::Known(cells) => Cells::Known(cells.split_off(cells.len().min(n as usize))),
            Cells::Search { all } => Cells::Search { all: *all },
        };
        Self { request: ReadRequest { rows: rest, ..self.request.clone() }, located }
    }
}

/// Takes what is read next: parts in order, up to so many rows.
fn next(left: &mut VecDeque<Wanted>, most: u64) -> Vec<Wanted> {
    let (mut taken, mut room) = (Vec::new(), most.max(1));
    while room > 0
        && let Some(mut wanted) = left.pop_front()
    {
        if wanted.request.rows.len() > room {
            left.push_front(wanted.split_off(room));
        }
        room -= wanted.request.rows.len();
        taken.push(wanted);
    }
    taken
}

/// What was counted of the part that is being read.
#[derive(Debug, Default)]
struct Tally {
    part: usize,
    rows_read: u64,
    outside: u64,
    lost: Strays,
}

/// Reads the rows of every part. A part that fails is a hole; with `doubt` all of it fails, unless the fault may pass.
fn fill(
    (run, located, shard): (&Run, &Located, u64),
    outlet: &Outlet<'_, Heard>,
    out: &mut GranuleRows,
    doubt: bool,
) -> Result<()> {
    let names: Vec<&str> = located.granule().parts().iter().map(|p| p.name.as_str()).collect();
    let mut wanted = Vec::new();
    let found = profile::time(Phase::Locate, || located.rows_in(shard, &*run.product.grid));
    for (part, rows) in found.into_iter().enumerate() {
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
    let place = Place { run, located, granule: out.granule, shard };
    let read_at_once = run.memory.limits(&run.product.program, &[]).read;
    let mut left = VecDeque::from(wanted);
    let mut tally = Tally::default();
    loop {
        let wanted = next(&mut left, read_at_once);
        if wanted.is_empty() {
            break;
        }
        let bytes = |wanted: &Wanted| {
            wanted.request.rows.len().saturating_mul(Memory::read_bytes(wanted.request.columns.len()))
        };
        let mut room = outlet.reserve(wanted.iter().map(bytes).fold(0, u64::saturating_add))?;
        let requests: Vec<ReadRequest> = wanted.iter().map(|w| w.request.clone()).collect();
        let batches = profile::time(Phase::Read, || located.granule().read(&requests));
        if batches.len() != wanted.len() {
            return Err(Error::plugin(format!(
                "the source gave {} parts instead of {}",
                batches.len(),
                wanted.len()
            )));
        }
        for (wanted, batch) in wanted.into_iter().zip(batches) {
            let part = wanted.request.part;
            if tally.part != part {
                out.count(&std::mem::replace(&mut tally, Tally { part, ..Tally::default() }));
            }
            let kept = profile::time(Phase::Select, || {
                let (rows_read, mut cells, mut columns) = keep(place, wanted, batch?, &mut tally.lost)?;
                tally.outside += clip(place, &mut cells, &mut columns)?;
                tally.rows_read += rows_read;
                Ok::<_, Error>(Chunk { cells, columns })
            });
            match kept {
                Ok(rows) if rows.cells.is_empty() => {}
                Ok(rows) => {
                    let bytes = rows.bytes();
                    room.give(Heard::Rows { part, name: names[part].to_string(), rows }, bytes);
                }
                Err(error) if doubt && !error.may_pass() => return Err(error),
                Err(error) => {
                    out.holes.push((Some(names[part].to_string()), error));
                    outlet.tell(Heard::Without(part));
                    left.retain(|wanted| wanted.request.part != part);
                    tally = Tally { part, lost: tally.lost, ..Tally::default() };
                }
            }
        }
    }
    out.count(&tally);
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
        cells = kept(&cells, &flags);
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
        *cells = kept(cells, &keep);
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
