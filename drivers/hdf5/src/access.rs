//! Metadata by pages, in rounds: many parsers run side by side, what they lack is fetched in one vectored read, and
//! they run again.
//!
//! A parser asks an [`Access`] for bytes. Pages that are not there yet stop it with [`Stop::Miss`]; when all parsers of
//! a round have finished or stopped, one `read_ranges` call fetches everything missing, with some read-ahead. The
//! number of round trips is thus the depth of dependence between structures, whatever the number of objects.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use zagg_core::range_reader::RangeReader;
use zagg_core::{Error, Result};

use crate::cursor::{Cursor, Sizes, corrupt};

const PAGE: u64 = 4096;

/// Longest window of read-ahead; windows double every few rounds until they reach it.
const WIDEST_WINDOW: u64 = 1 << 20;

/// Why a parser did not finish.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Bytes are missing that have been noted for the next fetch.
    Miss,
    /// The structure is broken or unsupported.
    Fail(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// The outcome of a parser in one round.
pub(crate) type Step<T> = Result<T, Stop>;

/// Pages of one file that have been fetched.
#[derive(Debug)]
pub(crate) struct Source {
    reader: Arc<dyn RangeReader>,
    size: u64,
    window: u64,
    max_bytes: u64,
    pages: RwLock<HashMap<u64, Bytes>>,
}

impl Source {
    pub(crate) fn new(reader: Arc<dyn RangeReader>, window: u64, max_bytes: u64) -> Self {
        let size = reader.size();
        Self { reader, size, window: window.max(PAGE), max_bytes, pages: RwLock::default() }
    }

    pub(crate) fn reader(&self) -> &dyn RangeReader {
        &*self.reader
    }

    /// The bytes of an absolute range, if every page of it is here. The range must lie in the file.
    pub(crate) fn cached(&self, range: &Range<u64>) -> Option<Bytes> {
        if range.is_empty() {
            return Some(Bytes::new());
        }
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        let (first, last) = (range.start / PAGE, (range.end - 1) / PAGE);
        let piece = |page: u64| {
            let bytes = pages.get(&page)?;
            let from = range.start.saturating_sub(page * PAGE) as usize;
            let to = (range.end - page * PAGE).min(bytes.len() as u64) as usize;
            (from <= to).then(|| bytes.slice(from..to))
        };
        if first == last {
            return piece(first);
        }
        if !(first..=last).all(|page| pages.contains_key(&page)) {
            return None;
        }
        let mut joined = BytesMut::with_capacity((range.end - range.start) as usize);
        for page in first..=last {
            joined.extend_from_slice(&piece(page)?);
        }
        Some(joined.freeze())
    }

    /// Fetches the pages of absolute ranges, each at least a window long, in one vectored read.
    pub(crate) fn fetch(&self, wanted: &[Range<u64>], window: u64) -> Result<()> {
        let mut pages = BTreeSet::new();
        let here = {
            let here = self.pages.read().unwrap_or_else(PoisonError::into_inner);
            for range in wanted.iter().filter(|r| !r.is_empty()) {
                let first = range.start / PAGE;
                // What a structure refers to was mostly written right behind it.
                let end = range.end.max(range.start.saturating_add(window)).min(self.size).div_ceil(PAGE);
                pages.extend((first..end).filter(|page| !here.contains_key(page)));
            }
            here.len() as u64
        };
        let total = (here + pages.len() as u64) * PAGE;
        if total > self.max_bytes {
            return Err(Error::unsupported(format!(
                "the metadata needs {total} bytes, over the limit of {} (max_metadata_bytes)",
                self.max_bytes
            )));
        }
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for page in pages {
            let (start, end) = (page * PAGE, ((page + 1) * PAGE).min(self.size));
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        tracing::trace!(ranges = ranges.len(), "fetching metadata");
        let answers = self.reader.read_ranges(&ranges)?;
        let mut here = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        for (range, bytes) in ranges.iter().zip(answers) {
            if bytes.len() as u64 != range.end - range.start {
                return Err(Error::io(format!(
                    "asked for bytes {}..{} and got {} bytes",
                    range.start,
                    range.end,
                    bytes.len()
                )));
            }
            for start in range.clone().step_by(PAGE as usize) {
                let from = (start - range.start) as usize;
                let to = bytes.len().min(from + PAGE as usize);
                here.insert(start / PAGE, bytes.slice(from..to));
            }
        }
        Ok(())
    }

    /// Runs `jobs` parsers side by side until each has finished; one vectored read per round.
    ///
    /// `step` is called with the number of a job, again in every round until that job is finished.
    pub(crate) fn rounds<T>(
        &self,
        layout: Addressing,
        jobs: usize,
        step: impl Fn(usize, &Access<'_>) -> Step<T>,
    ) -> Vec<Result<T>> {
        let mut results: Vec<Option<Result<T>>> = (0..jobs).map(|_| None).collect();
        let mut window = self.window;
        for round in 1u32.. {
            let mut wanted = Vec::new();
            let mut pending = Vec::new();
            for (job, result) in results.iter_mut().enumerate().filter(|(_, r)| r.is_none()) {
                let access = Access::new(self, layout);
                match step(job, &access) {
                    Ok(value) => {
                        // What it will need next comes along if another fetch is due anyway.
                        wanted.append(&mut access.misses.into_inner());
                        *result = Some(Ok(value));
                    }
                    Err(Stop::Fail(error)) => *result = Some(Err(error)),
                    Err(Stop::Miss) => {
                        wanted.append(&mut access.misses.into_inner());
                        pending.push(job);
                    }
                }
            }
            if pending.is_empty() {
                break;
            }
            if let Err(error) = self.fetch(&wanted, window) {
                for job in pending {
                    results[job] = Some(Err(error.clone()));
                }
                break;
            }
            // Deep structures are followed with ever longer windows, so that no file costs a read per page.
            if round % 4 == 0 {
                window = (window * 2).min(WIDEST_WINDOW.max(self.window));
            }
        }
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(Error::io("reading metadata stopped early"))))
            .collect()
    }
}

/// How addresses in the file are written, from the superblock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addressing {
    /// Position of address 0 in the file.
    pub(crate) base: u64,
    pub(crate) sizes: Sizes,
}

/// One parser's view of the pages during one round.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    source: &'a Source,
    layout: Addressing,
    misses: RefCell<Vec<Range<u64>>>,
    /// Bytes handed out, to stop structures that refer to one another without end.
    spent: Cell<u64>,
}

impl<'a> Access<'a> {
    fn new(source: &'a Source, layout: Addressing) -> Self {
        Self { source, layout, misses: RefCell::default(), spent: Cell::new(0) }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.layout.sizes
    }

    /// Size of the file in bytes: no count of things stored in it can be larger.
    pub(crate) fn file_size(&self) -> u64 {
        self.source.size
    }

    /// The place in the file of `len` bytes at `address`.
    pub(crate) fn place(&self, address: u64, len: u64, what: &str) -> Result<Range<u64>> {
        let start = address.checked_add(self.layout.base);
        match start.and_then(|start| Some(start..start.checked_add(len)?)) {
            Some(range) if range.end <= self.source.size => Ok(range),
            _ => Err(corrupt(
                what,
                address,
                format_args!(
                    "its {len} bytes pass the end of the file, which has {} bytes; it may be truncated",
                    self.source.size
                ),
            )),
        }
    }

    /// `len` bytes at `address`.
    pub(crate) fn get(&self, address: u64, len: u64, what: &str) -> Step<Bytes> {
        let range = self.place(address, len, what)?;
        let cached = self.source.cached(&range);
        let spent =
            self.spent.get().saturating_add(if cached.is_some() { len.saturating_add(16) } else { 16 });
        self.spent.set(spent);
        if spent > self.source.size.saturating_mul(3).min(1 << 30) + (1 << 20) {
            let problem = "the structures of the file refer to one another without end";
            return Err(corrupt(what, address, problem).into());
        }
        if len > self.source.max_bytes / 2 {
            let problem = format!("{what} at offset {address} has {len} bytes, too many for metadata");
            return Err(Error::unsupported(problem).into());
        }
        match cached {
            Some(bytes) => Ok(bytes),
            None => {
                self.misses.borrow_mut().push(range);
                Err(Stop::Miss)
            }
        }
    }

    /// `len` bytes at `address`, or as many as the file has from there.
    pub(crate) fn get_up_to(&self, address: u64, len: u64, what: &str) -> Step<Bytes> {
        let start = self.place(address, 0, what)?.start;
        self.get(address, len.min(self.source.size - start), what)
    }

    /// Notes bytes that will be needed soon, so that the next fetch brings them; nothing stops.
    pub(crate) fn hint(&self, address: Option<u64>, len: u64) {
        let Some(start) = address.and_then(|a| a.checked_add(self.layout.base)) else { return };
        if start < self.source.size {
            let range = start..start.saturating_add(len).min(self.source.size);
            if self.source.cached(&range).is_none() {
                self.misses.borrow_mut().push(range);
            }
        }
    }

    /// A cursor over bytes that lie at `address`.
    pub(crate) fn cursor<'b>(&self, bytes: &'b [u8], address: u64, what: &'static str) -> Cursor<'b> {
        Cursor::new(bytes, address, what, self.layout.sizes)
    }

    /// Runs `visit` for every item, so that the misses of all are noted before the first stops the parser.
    pub(crate) fn each<I, T>(
        &self,
        items: impl IntoIterator<Item = I>,
        mut visit: impl FnMut(I) -> Step<T>,
    ) -> Step<Vec<T>> {
        let mut out = Vec::new();
        let mut missed = false;
        for item in items {
            match visit(item) {
                Ok(value) => out.push(value),
                Err(Stop::Miss) => missed = true,
                Err(fail) => return Err(fail),
            }
        }
        if missed { Err(Stop::Miss) } else { Ok(out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zagg_core::range_reader::{MemoryReader, Recording};

    const PLAIN: Addressing = Addressing { base: 0, sizes: Sizes { offset: 8, length: 8 } };

    fn source(bytes: Vec<u8>) -> (Arc<Recording>, Source) {
        let reader = Arc::new(Recording::new(Arc::new(MemoryReader::new("m", bytes))));
        (Arc::clone(&reader), Source::new(reader, PAGE, 1 << 20))
    }

    #[test]
    fn chains_followed_side_by_side_cost_one_read_per_step() {
        // Three chains of three links; each link is the address of the next.
        let mut bytes = vec![0u8; 200_000];
        for chain in 0..3u64 {
            for link in 0..3u64 {
                let at = (chain * 3 + link) * 20_000;
                let next = if link == 2 { 7 + chain } else { at + 20_000 };
                bytes[at as usize..at as usize + 8].copy_from_slice(&next.to_le_bytes());
            }
        }
        let (reader, source) = source(bytes);
        let ends = source.rounds(PLAIN, 3, |job, access| {
            let mut at = job as u64 * 60_000;
            for _ in 0..3 {
                let bytes = access.get(at, 8, "link")?;
                at = access.cursor(&bytes, at, "link").u64()?;
            }
            Ok(at)
        });
        assert_eq!(ends.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [7, 8, 9]);
        let recorded = reader.recorded();
        assert_eq!((recorded.round_trips(), recorded.requests()), (3, 9));
    }

    #[test]
    fn ranges_that_span_pages_are_joined_and_those_outside_refused() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        let (_, source) = source(bytes.clone());
        let got = source.rounds(PLAIN, 3, |job, access| match job {
            0 => access.get(4000, 5000, "span"),
            1 => access.get(9_999, 2, "tail"),
            _ => access.get_up_to(9_990, 100, "rest"),
        });
        assert_eq!(got[0].as_ref().unwrap()[..], bytes[4000..9000]);
        assert!(got[1].as_ref().unwrap_err().to_string().contains("pass the end of the file"));
        assert_eq!(got[2].as_ref().unwrap()[..], bytes[9_990..]);
    }

    #[test]
    fn endless_references_are_stopped() {
        let (_, source) = source(vec![0u8; 5000]);
        let got = source.rounds(PLAIN, 1, |_, access| -> Step<()> {
            loop {
                access.get(0, 8, "loop")?;
            }
        });
        assert!(got[0].as_ref().unwrap_err().to_string().contains("without end"));
    }
}
