//! Metadata by pages, in rounds: many parsers run side by side, what they lack is fetched in one vectored read, and
//! they run again.
//!
//! A parser asks an [`Access`] for bytes. Pages that are not there yet stop it with [`Stop::Miss`]; when all parsers of
//! a round have finished or stopped, one `read_ranges` call fetches everything missing, with some read-ahead. The
//! number of round trips is thus the depth of dependence between structures, whatever the number of objects.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytes::{Bytes, BytesMut};
use zagg_core::range_reader::RangeReader;
use zagg_core::{Error, Result};

use crate::cursor::{Cursor, Sizes, corrupt};
use crate::later::Later;
use crate::read_ahead::{PAGE, ReadAhead, Situation};

/// Heaps of which blocks are remembered, and blocks of each.
const MOST_HEAPS: usize = 4096;
const MOST_BLOCKS: usize = 8;

/// Bytes of a heap's block that are searched for a link.
const SEARCHED: u64 = 4096;

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
    read_ahead: ReadAhead,
    max_bytes: u64,
    pages: RwLock<HashMap<u64, Bytes>>,
    /// Addresses of heaps and places in the file of the blocks of theirs that are here.
    heap_blocks: Mutex<HashMap<u64, Vec<u64>>>,
    /// What nobody waits for yet.
    later: Mutex<Vec<Weak<Later>>>,
    this: Weak<Self>,
}

impl Source {
    pub(crate) fn new(reader: Arc<dyn RangeReader>, read_ahead: ReadAhead, max_bytes: u64) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            size: reader.size(),
            reader,
            read_ahead,
            max_bytes,
            pages: RwLock::default(),
            heap_blocks: Mutex::default(),
            later: Mutex::default(),
            this: this.clone(),
        })
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

    /// Fetches the pages of absolute ranges with some read-ahead, and `values`, in one vectored read. Gives the bytes of
    /// `values`, which are not kept.
    pub(crate) fn fetch(
        &self,
        round: u32,
        wanted: &[Range<u64>],
        values: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let later = self.later();
        let (pages, held) = {
            let here = self.pages.read().unwrap_or_else(PoisonError::into_inner);
            let held = here.len() as u64;
            let now = Situation { size: self.size, spent: held * PAGE, round };
            (self.read_ahead.pages(now, wanted, &later, |page| here.contains_key(&page)), held)
        };
        let total = (held + pages.len() as u64) * PAGE;
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
        let metadata = ranges.len();
        ranges.extend_from_slice(values);
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        tracing::trace!(metadata, values = values.len(), "fetching ranges");
        let mut answers = self.reader.read_ranges(&ranges)?;
        if answers.len() != ranges.len() {
            let problem = format!("asked for {} ranges and got {}", ranges.len(), answers.len());
            return Err(Error::io(problem));
        }
        for (range, bytes) in ranges.iter().zip(&answers) {
            if bytes.len() as u64 != range.end - range.start {
                return Err(Error::io(format!(
                    "asked for bytes {}..{} and got {} bytes",
                    range.start,
                    range.end,
                    bytes.len()
                )));
            }
        }
        let values = answers.split_off(metadata);
        let mut here = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        for (range, bytes) in ranges.iter().zip(answers) {
            self.note_heap_blocks(range.start, &bytes);
            for start in range.clone().step_by(PAGE as usize) {
                let from = (start - range.start) as usize;
                let to = bytes.len().min(from + PAGE as usize);
                here.insert(start / PAGE, bytes.slice(from..to));
            }
        }
        Ok(values)
    }

    /// Remembers where blocks of fractal heaps start.
    fn note_heap_blocks(&self, start: u64, bytes: &[u8]) {
        let mut blocks = self.heap_blocks.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, window) in bytes.windows(13).enumerate() {
            if window.starts_with(b"FHDB\0") && blocks.len() < MOST_HEAPS {
                let mut heap = [0; 8];
                heap.copy_from_slice(&window[5..]);
                let places = blocks.entry(u64::from_le_bytes(heap)).or_default();
                if places.len() < MOST_BLOCKS {
                    places.push(start + at as u64);
                }
            }
        }
    }

    /// What is lacking for things that nobody waits for yet.
    fn later(&self) -> Vec<Range<u64>> {
        let waiting: Vec<Arc<Later>> = {
            let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            later.retain(|later| later.strong_count() > 0);
            later.iter().filter_map(Weak::upgrade).collect()
        };
        let mut missing = Vec::new();
        let mut done = Vec::new();
        for later in &waiting {
            let Some(addressing) = later.addressing() else { continue };
            let access = Access::new(self, addressing);
            if later.advance(&access) {
                done.push(Arc::as_ptr(later));
            }
            missing.append(&mut access.misses.into_inner());
        }
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        later.retain(|later| !done.contains(&later.as_ptr()));
        missing
    }

    /// Reads the attributes that `wanted` stands for, and side by side with them those of all other objects that were
    /// found and whose attributes are not there yet.
    pub(crate) fn catch_up(&self, layout: Addressing, wanted: &Arc<Later>) -> Result<()> {
        let mut all = vec![Arc::clone(wanted)];
        {
            let later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(later.iter().filter_map(Weak::upgrade).filter(|later| !Arc::ptr_eq(later, wanted)));
        }
        let mut results = self.rounds(layout, all.len(), |job, access| match all[job].attributes(access) {
            Err(Stop::Fail(error)) => {
                all[job].fail(error);
                Ok(())
            }
            other => other,
        });
        results.swap_remove(0)
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
        for round in 0u32.. {
            let mut wanted = Vec::new();
            let mut pending = Vec::new();
            for (job, result) in results.iter_mut().enumerate().filter(|(_, r)| r.is_none()) {
                let access = Access::new(self, layout);
                match step(job, &access) {
                    Ok(value) => *result = Some(Ok(value)),
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
            if let Err(error) = self.fetch(round, &wanted, &[]) {
                for job in pending {
                    results[job] = Some(Err(error.clone()));
                }
                break;
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

    /// The source and how addresses in it are written.
    pub(crate) fn origin(&self) -> Option<(Arc<Source>, Addressing)> {
        Some((self.source.this.upgrade()?, self.layout))
    }

    /// Lets something travel with the next fetches.
    pub(crate) fn defer(&self, later: &Arc<Later>) {
        let mut waiting = self.source.later.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Arc::downgrade(later));
    }

    /// Size of the file in bytes: no count of things stored in it can be larger.
    pub(crate) fn file_size(&self) -> u64 {
        self.source.size
    }

    /// Most bytes of metadata that may be held.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.source.max_bytes
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

    /// The beginnings of those blocks of a heap that are here, as far as is known.
    pub(crate) fn heap_blocks(&self, heap: u64) -> Vec<Bytes> {
        let source = self.source;
        let blocks = source.heap_blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let places = blocks.get(&heap).into_iter().flatten();
        places
            .filter_map(|&at| {
                source
                    .cached(&(at..(at + SEARCHED).min(source.size)))
                    .or_else(|| source.cached(&(at..(at.next_multiple_of(PAGE)).min(source.size))))
            })
            .collect()
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

    fn source(bytes: Vec<u8>) -> (Arc<Recording>, Arc<Source>) {
        let reader = Arc::new(Recording::new(Arc::new(MemoryReader::new("m", bytes))));
        let read_ahead = ReadAhead { budget: 0, head: 0, window: PAGE };
        (Arc::clone(&reader), Source::new(reader, read_ahead, 1 << 20))
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
