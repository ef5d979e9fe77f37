//! Parts of which only the rows near the latitudes of wanted shards are located.
//!
//! A latitude tells of most rows of a track that they lie in no shard of a run which has but a few. Their longitudes need not be
//! read then. The answer for a shard does not depend on the others of the run: it is the same as if all rows were located.

use std::ops::Range;

use super::runs::Runs;
use super::{Part, check_parents, is_position};
use crate::column::Column;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Grid;
use crate::profile::{self, Counter, Phase};
use crate::rows::Rows;
use crate::source::{LONGITUDE, Latitudes, OpenGranule, PointBatch, ReadRequest};

/// Latitudes between which wanted shards lie, in degrees: ascending and apart.
#[derive(Debug, Clone)]
pub(crate) struct Bands(Vec<(f64, f64)>);

impl Bands {
    /// Those of some shards; `None` when the grid does not tell of one.
    pub(crate) fn of(shards: impl IntoIterator<Item = u64>, grid: &dyn Grid) -> Option<Self> {
        let mut all = shards.into_iter().map(|shard| grid.latitudes(shard)).collect::<Option<Vec<_>>>()?;
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut apart: Vec<(f64, f64)> = Vec::new();
        for (south, north) in all {
            match apart.last_mut() {
                Some(last) if south <= last.1 => last.1 = last.1.max(north),
                _ => apart.push((south, north)),
            }
        }
        Some(Self(apart))
    }

    /// All latitudes.
    pub(super) fn everywhere() -> Self {
        Self(vec![(-90.0, 90.0)])
    }

    /// The first band that is not south of a latitude.
    fn next(&self, lat: f64) -> Option<(f64, f64)> {
        self.0.get(self.0.partition_point(|band| band.1 < lat)).copied()
    }

    fn holds(&self, lat: f64) -> bool {
        self.meet(lat, lat)
    }

    /// Whether some latitude between two lies in a band; none lies between two that are the other way round.
    fn meet(&self, south: f64, north: f64) -> bool {
        south <= north && self.next(south).is_some_and(|band| band.0 <= north)
    }

    /// Whether all latitudes between two lie in one band.
    fn hold_all(&self, south: f64, north: f64) -> bool {
        self.next(south).is_some_and(|band| band.0 <= south && north <= band.1)
    }
}

/// What is located of a part.
#[derive(Debug)]
pub(super) struct Banded {
    pub(super) runs: Runs,
    /// Rows whose longitudes cannot be read: their southernmost and northernmost latitude, and the reason.
    unread: Vec<(f64, f64, Error)>,
}

impl Banded {
    /// Ranges of the rows that lie in a shard of the run, each with its cell, ascending.
    ///
    /// # Errors
    /// When longitudes of rows that may lie there cannot be read.
    pub(super) fn in_shard(&self, shard: u64, grid: &dyn Grid) -> Result<Vec<(u64, Range<u64>)>> {
        if !self.unread.is_empty() {
            let (south, north) = grid.latitudes(shard).unwrap_or((-90.0, 90.0));
            let touches = |(from, to, _): &&(f64, f64, Error)| *from <= north && south <= *to;
            if let Some((_, _, error)) = self.unread.iter().find(touches) {
                return Err(error.clone());
            }
        }
        Ok(self.runs.in_shard(shard).collect())
    }

    /// Why not all rows can be located, when some cannot.
    pub(super) fn fault(&self) -> Option<&Error> {
        self.unread.first().map(|(_, _, error)| error)
    }
}

/// Rows whose longitudes are stored together.
#[derive(Debug)]
struct Block {
    rows: Range<u64>,
    /// Latitudes of its rows.
    south: f64,
    north: f64,
    /// Those from the first to the last row that may lie in a band.
    wanted: Range<u64>,
}

impl Block {
    /// Looks at the latitudes of some rows.
    fn of(rows: Range<u64>, lat: &[f64], bands: &Bands) -> Self {
        let (south, north, all) = extent(lat);
        let wanted = if all && bands.hold_all(south, north) {
            rows.clone()
        } else if !bands.meet(south, north) {
            rows.start..rows.start
        } else {
            let holds = |lat: &f64| lat.abs() <= 90.0 && bands.holds(*lat);
            match (lat.iter().position(holds), lat.iter().rposition(holds)) {
                (Some(from), Some(to)) => rows.start + from as u64..rows.start + to as u64 + 1,
                _ => rows.start..rows.start,
            }
        };
        Self { rows, south, north, wanted }
    }

    /// Whether its longitudes are read. Whether that succeeds must not depend on the other shards of a run, so all of them are.
    fn is_read(&self, bands: &Bands) -> bool {
        bands.meet(self.south, self.north)
    }
}

/// The southernmost and the northernmost of some latitudes, the other way round if there is none; and whether all are latitudes.
fn extent(lat: &[f64]) -> (f64, f64, bool) {
    // Comparisons of one lane do not wait for those of another.
    const LANES: usize = 8;
    let mut ends = [(f64::INFINITY, f64::NEG_INFINITY, true); LANES];
    let mut look = |lane: usize, lat: f64| {
        let (south, north, all) = &mut ends[lane];
        // False for what is no latitude, NaN among it.
        let sound = lat.abs() <= 90.0;
        *all &= sound;
        *south = if sound && lat < *south { lat } else { *south };
        *north = if sound && lat > *north { lat } else { *north };
    };
    let (chunks, rest) = lat.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &lat) in chunk.iter().enumerate() {
            look(lane, lat);
        }
    }
    rest.iter().for_each(|&lat| look(0, lat));
    ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY, true), |(south, north, all), end| {
        (south.min(end.0), north.max(end.1), all && end.2)
    })
}

/// Locates the rows of a part that may lie in some bands of latitude; `None` when the source gives positions at once.
///
/// # Errors
/// When latitudes cannot be read, or the source breaks its contract.
pub(super) fn locate(
    (number, rows): (usize, u64),
    granule: &dyn OpenGranule,
    grid: &dyn Grid,
    bands: &Bands,
) -> Option<Result<Part>> {
    let latitudes =
        profile::time(Phase::Read, || crate::caught(|| granule.latitudes(number).transpose()).transpose())?;
    Some(latitudes.and_then(|latitudes| within(number, rows, &latitudes, granule, grid, bands)))
}

fn within(
    part: usize,
    rows: u64,
    Latitudes { lat, blocks }: &Latitudes,
    granule: &dyn OpenGranule,
    grid: &dyn Grid,
    bands: &Bands,
) -> Result<Part> {
    if lat.len() as u64 != rows {
        return Err(Error::corrupt(format!("{} latitudes for {rows} rows", lat.len())));
    }
    check_parents(rows, blocks)?;
    let of = |rows: &Range<u64>| &lat[rows.start as usize..rows.end as usize];
    let blocks: Vec<Block> = blocks.iter().map(|rows| Block::of(rows.clone(), of(rows), bands)).collect();
    let read: Vec<&Block> = blocks.iter().filter(|block| block.is_read(bands)).collect();
    let (longitudes, unread) = read_all(part, &read, granule)?;
    let wanted = Rows::from_ranges(read.iter().map(|block| block.wanted.clone()));
    // Rows without a latitude have no position, whatever their longitude.
    let bad = |lat: &[f64]| lat.iter().filter(|lat| !is_position(0.0, **lat)).count() as u64;
    let mut banded = Banded { runs: Runs::default(), unread };
    let (mut located, mut bad_elsewhere) = (0, bad(lat));
    for (stretch, lon) in &longitudes {
        for rows in wanted.ranges() {
            let rows = rows.start.max(stretch.start)..rows.end.min(stretch.end);
            if rows.is_empty() {
                continue;
            }
            let lon = &lon[(rows.start - stretch.start) as usize..(rows.end - stretch.start) as usize];
            let runs = || crate::caught(|| Runs::of(rows.start, lon, of(&rows), grid));
            banded.runs.append(profile::time(Phase::Locate, runs)?)?;
            bad_elsewhere -= bad(of(&rows));
            located += rows.end - rows.start;
        }
    }
    profile::add(Counter::RowsLocated, located);
    if located == rows {
        return Ok(Part::Exact(banded.runs));
    }
    banded.runs.bad += bad_elsewhere;
    Ok(Part::Banded(banded))
}

/// Whether it may be the fault of some rows alone: then one block that cannot be read must not take those beside it along.
pub(super) fn is_of_some_rows(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported)
}

/// Stretches of rows with their longitudes.
type Longitudes = Vec<(Range<u64>, Vec<f64>)>;

/// Latitudes, from and to, of a block that cannot be read, and why.
type Unread = (f64, f64, Error);

/// The longitudes of some blocks, and of those that cannot be read their latitudes and the reason.
///
/// # Errors
/// When the source breaks its contract.
fn read_all(part: usize, blocks: &[&Block], granule: &dyn OpenGranule) -> Result<(Longitudes, Vec<Unread>)> {
    let stretches = Rows::from_ranges(blocks.iter().map(|block| block.rows.clone()));
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for (stretch, answer) in stretches.ranges().iter().zip(longitudes(part, stretches.ranges(), granule)?) {
        let error = match answer {
            Ok(lon) => {
                all.push((stretch.clone(), lon));
                continue;
            }
            Err(error) => error,
        };
        for block in blocks.iter().filter(|block| stretch.contains(&block.rows.start)) {
            if !is_of_some_rows(&error) {
                unread.push((block.south, block.north, error.clone()));
                continue;
            }
            match longitudes(part, std::slice::from_ref(&block.rows), granule)?.pop() {
                Some(Ok(lon)) => all.push((block.rows.clone(), lon)),
                Some(Err(error)) => unread.push((block.south, block.north, error)),
                None => return Err(Error::plugin("the source gave no longitudes")),
            }
        }
    }
    Ok((all, unread))
}

/// The longitudes of stretches of rows, each an answer of its own.
///
/// # Errors
/// When the source breaks its contract.
fn longitudes(
    part: usize,
    stretches: &[Range<u64>],
    granule: &dyn OpenGranule,
) -> Result<Vec<Result<Vec<f64>>>> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let request = |rows: &Range<u64>| {
        let rows = Rows::from_ranges([rows.clone()]);
        ReadRequest { part, rows, columns: vec![LONGITUDE.to_string()] }
    };
    let requests: Vec<ReadRequest> = stretches.iter().map(request).collect();
    let batches = profile::time(Phase::Read, || crate::caught(|| Ok(granule.read(&requests))))?;
    if batches.len() != stretches.len() {
        return Err(Error::plugin(format!(
            "the source gave {} parts instead of {}",
            batches.len(),
            stretches.len()
        )));
    }
    let lengths = stretches.iter().map(|rows| (rows.end - rows.start) as usize);
    let of_batch = |(batch, wanted): (Result<PointBatch>, usize)| {
        let lon = batch?.columns.pop().map(Column::into_f64).unwrap_or_default();
        match lon.len() {
            len if len == wanted => Ok(lon),
            len => Err(Error::plugin(format!("the source gave {len} longitudes for {wanted} rows"))),
        }
    };
    Ok(batches.into_iter().zip(lengths).map(of_batch).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_hold_what_lies_between_their_edges() {
        let bands = Bands(vec![(-10.0, -5.0), (0.0, 3.0)]);
        for lat in [-10.0, -7.0, -5.0, 0.0, 3.0] {
            assert!(bands.holds(lat), "{lat}");
        }
        for lat in [-90.0, -10.1, -4.9, -0.1, 3.1, 90.0, f64::NAN] {
            assert!(!bands.holds(lat), "{lat}");
        }
        assert!(bands.hold_all(-9.0, -5.0) && !bands.hold_all(-6.0, 1.0));
        assert!(!bands.hold_all(f64::INFINITY, f64::NEG_INFINITY));
        assert!(Bands::everywhere().hold_all(-90.0, 90.0));
    }

    #[test]
    fn blocks_want_the_rows_from_the_first_to_the_last_in_a_band() {
        let bands = Bands(vec![(1.0, 2.0)]);
        let block = |lat: &[f64]| Block::of(100..100 + lat.len() as u64, lat, &bands);
        assert_eq!(block(&[0.0, 1.5, 7.0, 1.0, f64::NAN]).wanted, 101..104);
        assert_eq!(block(&[1.0, 1.5]).wanted, 100..102);
        let none = block(&[0.0, f64::NAN, 95.0, -3.0]);
        assert!(none.wanted.is_empty() && !none.is_read(&bands));
        assert_eq!((none.south, none.north), (-3.0, 0.0));
        // Whether a block is read follows from its latitudes alone.
        let around = block(&[0.0, 7.0]);
        assert!(around.wanted.is_empty() && around.is_read(&bands));
        assert!(!block(&[f64::NAN]).is_read(&bands) && !block(&[]).is_read(&bands));
    }
}
