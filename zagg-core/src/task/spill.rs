//! Rows put aside on disk: runs of rows, each sorted by the place of their cells.
//!
//! A run is what a task held in memory at one time. In the file stand, one after the other, the places of its rows, then their
//! numbers in arrival order where they are needed again, then the values of each column with the flags of missing ones; all
//! numbers little-endian. The file has no name: when the process ends, however it does, nothing is left behind.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::column::{Column, DType, Values};
use crate::error::{Error, Result};
use crate::memory::Scratch;

/// Rows that are written or read at once.
const ROWS_AT_ONCE: usize = 1 << 15;

/// One row of so many has its place kept in memory, so that a place is found with one read.
const SAMPLE: usize = 4096;

impl Scratch {
    /// Folders to try: the one given, else that of `TMPDIR`, else `/var/tmp`, which is on a disk where `/tmp` may be memory,
    /// else that of the system.
    fn folders(&self) -> Vec<PathBuf> {
        match &self.0 {
            Some(folder) => vec![folder.clone()],
            None if cfg!(unix) && std::env::var_os("TMPDIR").is_none() => {
                vec![PathBuf::from("/var/tmp"), std::env::temp_dir()]
            }
            None => vec![std::env::temp_dir()],
        }
    }

    /// A new file without a name.
    fn file(&self) -> Result<(File, PathBuf)> {
        let mut first = None;
        for folder in self.folders() {
            match tempfile::tempfile_in(&folder) {
                Ok(file) => return Ok((file, folder)),
                Err(error) => first = first.or(Some(failed(&error, &folder, 0))),
            }
        }
        Err(first.unwrap_or_else(|| Error::io("there is no folder to put rows aside in; give --scratch DIR")))
    }
}

/// What went wrong with the file in a folder.
fn failed(error: &io::Error, folder: &Path, size: u64) -> Error {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::io(format!(
                "putting rows aside in {folder}: no space for more than {} MiB; give --scratch a folder with more, or a \
                 larger --memory",
                size >> 20
            ))
        }
        _ => Error::from_io(
            error,
            format_args!("putting rows aside in {folder} (--scratch chooses another folder)"),
        ),
    }
}

/// Runs of sorted rows in a file.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    folder: PathBuf,
    runs: Vec<SortedRun>,
}

/// Where the rows of one run stand in the file.
#[derive(Debug)]
struct SortedRun {
    rows: usize,
    places: u64,
    arrival: Option<u64>,
    columns: Vec<ColumnAt>,
    /// The places of every [`SAMPLE`]th row.
    samples: Vec<u32>,
    end: u64,
}

#[derive(Debug)]
struct ColumnAt {
    dtype: DType,
    values: u64,
    flags: Option<u64>,
}

/// Rows of several runs, in the order of the runs: for each run its number and the rows of it.
pub(super) type Ranges = Vec<(usize, Range<usize>)>;

impl Spill {
    /// An empty file.
    ///
    /// # Errors
    /// When no folder takes one.
    pub(super) fn new(scratch: &Scratch) -> Result<Self> {
        let (file, folder) = scratch.file()?;
        Ok(Self { file, folder, runs: Vec::new() })
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn rows_of(&self, run: usize) -> usize {
        self.runs.get(run).map_or(0, |run| run.rows)
    }

    /// The types of the columns.
    pub(super) fn types(&self) -> Vec<DType> {
        self.runs.first().map_or(Vec::new(), |run| run.columns.iter().map(|column| column.dtype).collect())
    }

    fn failed(&self, error: &io::Error) -> Error {
        failed(error, &self.folder, self.end())
    }

    fn end(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.end)
    }

    /// Writes a run. Row `i` of it is the row `order[i]` of `places` and of the columns, which are taken one by one.
    /// `with_arrival` keeps `order`, too.
    ///
    /// # Errors
    /// When the disk is full or fails, or a column cannot be had.
    pub(super) fn put(
        &mut self,
        (places, order): (&[u32], &[u32]),
        with_arrival: bool,
        columns: impl Iterator<Item = Result<Column>>,
    ) -> Result<()> {
        let start = self.end();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start)).map_err(|error| self.failed(&error))?;
        let mut out = Writer { file: BufWriter::with_capacity(1 << 18, file), at: start };
        let run = (|| {
            let mut run = SortedRun {
                rows: order.len(),
                places: start,
                arrival: None,
                columns: Vec::new(),
                samples: order.iter().step_by(SAMPLE).map(|&row| places[row as usize]).collect(),
                end: start,
            };
            out.blocks(order, |rows| {
                rows.iter().flat_map(|&row| places[row as usize].to_le_bytes()).collect()
            })?;
            if with_arrival {
                run.arrival = Some(out.at);
                out.blocks(order, |rows| rows.iter().flat_map(|row| row.to_le_bytes()).collect())?;
            }
            for column in columns {
                let Column { values, missing } = column.map_err(Failure::Other)?;
                let (dtype, at) = (values.dtype(), out.at);
                out.blocks(order, |rows| values.gather(rows).to_le_bytes())?;
                drop(values);
                let mut flags = None;
                if let Some(missing) = missing {
                    flags = Some(out.at);
                    out.blocks(order, |rows| {
                        rows.iter().map(|&row| u8::from(missing[row as usize])).collect()
                    })?;
                }
                run.columns.push(ColumnAt { dtype, values: at, flags });
            }
            out.file.flush().map_err(Failure::Disk)?;
            run.end = out.at;
            Ok(run)
        })();
        let reached = out.at;
        // What is still in the buffer is not wanted when writing failed.
        drop(out.file.into_parts());
        match run {
            Ok(run) => {
                self.runs.push(run);
                Ok(())
            }
            Err(Failure::Disk(error)) => Err(failed(&error, &self.folder, reached)),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Drops the last run.
    ///
    /// # Errors
    /// When the file cannot be cut.
    pub(super) fn pop(&mut self) -> Result<()> {
        self.runs.pop();
        self.file.set_len(self.end()).map_err(|error| self.failed(&error))
    }

    /// Reads bytes in blocks and hands them on.
    fn read(&self, at: u64, bytes: usize, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).map_err(|error| self.failed(&error))?;
        let mut buffer = vec![0; bytes.min(8 * ROWS_AT_ONCE)];
        let mut left = bytes;
        while left > 0 {
            let block = &mut buffer[..left.min(8 * ROWS_AT_ONCE)];
            file.read_exact(block).map_err(|error| self.failed(&error))?;
            left -= block.len();
            take(block)?;
        }
        Ok(())
    }

    fn numbers(&self, at: u64, rows: Range<usize>) -> Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(rows.len());
        self.read(at + 4 * rows.start as u64, 4 * rows.len(), |bytes| {
            numbers.extend(bytes.as_chunks::<4>().0.iter().map(|&number| u32::from_le_bytes(number)));
            Ok(())
        })?;
        Ok(numbers)
    }

    /// The places of some rows of a run, ascending.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn places(&self, run: usize, rows: Range<usize>) -> Result<Vec<u32>> {
        self.numbers(self.runs[run].places, rows)
    }

    /// For every row of a run its number in arrival order, when those were written.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn arrival(&self, run: usize) -> Result<Vec<u32>> {
        let at =
            self.runs[run].arrival.ok_or_else(|| Error::io("rows were put aside without their order"))?;
        self.numbers(at, 0..self.runs[run].rows)
    }

    /// Some rows of a column of a run.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn column(&self, run: usize, number: usize, rows: Range<usize>) -> Result<Column> {
        let ColumnAt { dtype, values: at, flags } = &self.runs[run].columns[number];
        let damaged = || Error::io("what was put aside comes back as something else");
        let size = dtype.size();
        let mut values = Values::with_capacity(*dtype, rows.len());
        self.read(at + (size * rows.start) as u64, size * rows.len(), |bytes| {
            values.append(&Values::from_le_bytes(*dtype, bytes).ok_or_else(damaged)?)
        })?;
        let mut missing = None;
        if let Some(at) = flags {
            let mut flags = Vec::with_capacity(rows.len());
            self.read(at + rows.start as u64, rows.len(), |bytes| {
                flags.extend(bytes.iter().map(|&flag| flag != 0));
                Ok(())
            })?;
            missing = Some(flags);
        }
        Ok(Column { values, missing })
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> usize {
        self.runs.first().map_or(0, |run| run.columns.len())
    }

    /// Rows of a column over several runs; a column that is not `wanted` has no rows.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn gather(
        &self,
        ranges: &[(usize, Range<usize>)],
        wanted: Option<&[usize]>,
    ) -> Result<Vec<Column>> {
        let of_column = |number: usize| {
            if wanted.is_some_and(|wanted| !wanted.contains(&number)) {
                return Ok(Column::none());
            }
            let rows = ranges.iter().map(|(_, rows)| rows.len()).sum();
            let dtype = self.runs.first().map_or(DType::Bool, |run| run.columns[number].dtype);
            let mut column = Column::complete(Values::with_capacity(dtype, rows));
            for (run, rows) in ranges {
                column.append(&self.column(*run, number, rows.clone())?)?;
            }
            Ok(column)
        };
        (0..self.columns()).map(of_column).collect()
    }

    /// In every run, how many rows have places below this one.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn below(&self, place: u32) -> Result<Vec<usize>> {
        (0..self.runs.len()).map(|run| self.below_in(run, place)).collect()
    }

    fn below_in(&self, number: usize, place: u32) -> Result<usize> {
        let (least, most) = self.runs[number].bounds(place);
        if least == most {
            return Ok(least);
        }
        let places = self.places(number, least..most)?;
        Ok(least + places.partition_point(|&other| other < place))
    }

    /// The largest place up to `last` before which, from `from` on, there are at most `most` rows.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn reach(&self, from: &[usize], (first, last): (u32, u32), most: usize) -> Result<u32> {
        let (mut low, mut high) = (first, last);
        while low < high {
            let middle = high - (high - low) / 2;
            let bounds = self.runs.iter().zip(from).map(|(run, &from)| {
                let (least, most) = run.bounds(middle);
                (least.saturating_sub(from), most - from.min(most))
            });
            let (at_least, at_most) = bounds.fold((0, 0), |(a, b), (least, most)| (a + least, b + most));
            // Mostly what is in memory suffices to tell.
            let fits = match () {
                () if at_most <= most => true,
                () if at_least > most => false,
                () => self.below(middle)?.iter().zip(from).map(|(to, from)| to - from).sum::<usize>() <= most,
            };
            if fits {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }
}

impl SortedRun {
    /// Least and greatest number of rows that may have places below this one.
    fn bounds(&self, place: u32) -> (usize, usize) {
        let sampled = self.samples.partition_point(|&sample| sample < place);
        // The last row that is known to lie below, and the first one that is known not to.
        let least = sampled.checked_sub(1).map_or(0, |last| last * SAMPLE + 1);
        (least, (sampled * SAMPLE).min(self.rows))
    }
}

enum Failure {
    Disk(io::Error),
    Other(Error),
}

struct Writer<W: Write> {
    file: BufWriter<W>,
    at: u64,
}

impl<W: Write> Writer<W> {
    fn blocks(
        &mut self,
        order: &[u32],
        bytes: impl Fn(&[u32]) -> Vec<u8>,
    ) -> std::result::Result<(), Failure> {
        for rows in order.chunks(ROWS_AT_ONCE) {
            let bytes = bytes(rows);
            self.file.write_all(&bytes).map_err(Failure::Disk)?;
            self.at += bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::sort_by_offset;

    /// Places of a run, some of which have many rows.
    fn places(seed: u64, rows: usize) -> Vec<u32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        (0..rows).map(|_| if next() % 3 == 0 { 500 } else { next() % 1000 }).collect()
    }

    #[test]
    fn runs_come_back_and_places_are_found_in_them() {
        let mut spill = Spill::new(&Scratch::default()).unwrap();
        let runs: Vec<Vec<u32>> =
            [(1, 20_000), (2, 4096), (3, 5), (4, 9001)].map(|(s, n)| places(s, n)).to_vec();
        for run in &runs {
            let order = sort_by_offset(run, 1000).permutation;
            let values = Values::Float32(run.iter().map(|&place| place as f32 / 2.0).collect());
            let missing = run.iter().map(|place| place % 7 == 0).collect();
            let column = Column { values, missing: Some(missing) };
            spill.put((run, &order), true, std::iter::once(Ok(column))).unwrap();
        }
        let below = |run: &[u32], place: u32| run.iter().filter(|&&other| other < place).count();
        for place in 0..=1000 {
            let want: Vec<usize> = runs.iter().map(|run| below(run, place)).collect();
            assert_eq!(spill.below(place).unwrap(), want, "{place}");
        }
        for (from, most) in
            [(0, 100), (3, 0), (400, 4000), (499, 9000), (500, 100), (501, 7000), (10, 1 << 20)]
        {
            let rows = |to: u32| runs.iter().map(|run| below(run, to) - below(run, from)).sum::<usize>();
            let want = (from..=1000).rev().find(|&to| rows(to) <= most).unwrap();
            let got = spill.reach(&spill.below(from).unwrap(), (from, 1000), most).unwrap();
            assert_eq!(got, want, "{from} {most}");
        }
        for (number, run) in runs.iter().enumerate() {
            let rows = 0..run.len();
            let column = spill.column(number, 0, rows.clone()).unwrap();
            let arrival = spill.arrival(number).unwrap();
            let sorted = spill.places(number, rows).unwrap();
            assert!(sorted.is_sorted());
            let Values::Float32(values) = &column.values else { panic!("another type") };
            for (at, &row) in arrival.iter().enumerate() {
                assert_eq!(sorted[at], run[row as usize]);
                assert_eq!(values[at], run[row as usize] as f32 / 2.0);
                assert_eq!(
                    column.missing.as_ref().map(|flags| flags[at]),
                    Some(sorted[at].is_multiple_of(7))
                );
            }
        }
        let size = spill.file.metadata().unwrap().len();
        spill.pop().unwrap();
        assert!(spill.file.metadata().unwrap().len() < size && spill.runs() == 3);
    }
}
