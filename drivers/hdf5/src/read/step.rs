//! One step of a read: fetch some pieces in one vectored read, decode them side by side, put their values in place.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use zagg_core::profile::{self, Counter, Phase};
use zagg_core::{Context, Error, Result, Rows, cores};

use super::parallel;
use super::{Job, Piece, PieceKind, RowRequest, Target};
use crate::chunk_cache::{ChunkCache, Claim, Flight, Key, Lookup};
use crate::dataset::Dataset;
use crate::decode::Decoder;
use crate::file::Hdf5File;
use crate::layout::Storage;

/// Stored bytes of pieces, by their place in the file.
type Fetched = HashMap<Range<u64>, Bytes>;

/// A piece and the number of the job that it belongs to.
pub(super) type Todo = (usize, Piece);

/// Does a step: afterwards every job has the values of its pieces, or an error.
pub(super) fn run(file: &Hdf5File, jobs: &mut [Result<Job<'_>>], todo: Vec<Todo>) {
    let mut shared = Shared::default();
    if let Some(cache) = file.options().chunk_cache.as_deref() {
        shared.look_up(file, cache, jobs, &todo);
    }
    // A reader that fails fails every job that still needs bytes; the others are answered.
    let (fetched, failure) = fetch(file, jobs, &shared, &todo);
    let mut later = Vec::new();
    let now: Vec<Todo> = todo
        .into_iter()
        .filter_map(|(number, piece)| {
            let job = jobs[number].as_ref().ok()?;
            let elsewhere =
                key(file, &job.request, &piece).is_some_and(|key| shared.flights.contains_key(&key));
            if elsewhere {
                later.push((number, piece));
                return None;
            }
            Some((number, piece))
        })
        .collect();
    let shared = Mutex::new(shared);
    let work = Work { file, fetched: &fetched, failure: failure.as_ref(), shared: &shared };
    let mut failed: Vec<(usize, Error)> = Vec::new();
    for (number, answer) in
        parallel::each(units(jobs, now), |decoder, unit| (unit.job, work.unit(decoder, unit)))
    {
        failed.extend(answer.err().map(|error| (number, error)));
    }
    let mut shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Claims that no job could settle are given up before waiting for other threads.
    shared.claims.clear();
    let mut decoder = Decoder::new();
    for (number, piece) in later {
        if let Ok(job) = &mut jobs[number]
            && let Err(error) = wait(file, job, &piece, &shared, &mut decoder)
        {
            failed.push((number, error));
        }
    }
    for (number, error) in failed {
        if jobs[number].is_ok() {
            jobs[number] = Err(error);
        }
    }
}

/// Chunks that the shared cache has, that we must decode for it, and that other threads are decoding.
#[derive(Debug, Default)]
struct Shared<'c> {
    ready: HashMap<Key, Bytes>,
    claims: HashMap<Key, Claim<'c>>,
    flights: HashMap<Key, Arc<Flight>>,
}

impl<'c> Shared<'c> {
    fn look_up(&mut self, file: &Hdf5File, cache: &'c ChunkCache, jobs: &[Result<Job<'_>>], todo: &[Todo]) {
        for (number, piece) in todo {
            let Ok(job) = &jobs[*number] else { continue };
            let Some(key) = key(file, &job.request, piece) else { continue };
            if self.elsewhere(&key) || self.claims.contains_key(&key) {
                continue;
            }
            match cache.lookup(&key) {
                Lookup::Ready(chunk) => {
                    profile::add(Counter::ChunkHits, 1);
                    self.ready.insert(key, chunk);
                }
                Lookup::Claimed(claim) => drop(self.claims.insert(key, claim)),
                Lookup::InFlight(flight) => {
                    profile::add(Counter::ChunkWaits, 1);
                    self.flights.insert(key, flight);
                }
            }
        }
    }

    fn elsewhere(&self, key: &Key) -> bool {
        self.ready.contains_key(key) || self.flights.contains_key(key)
    }
}

/// What a piece is known by in the shared cache; stretches of contiguous storage are not kept.
fn key(file: &Hdf5File, request: &RowRequest<'_>, piece: &Piece) -> Option<Key> {
    let cache = file.options().chunk_cache.as_ref().filter(|_| request.keep_chunks)?;
    let dataset = request.dataset;
    match (&piece.kind, dataset.storage()) {
        (PieceKind::Chunk(chunk), Storage::Chunked(_)) => Some(Key {
            file: file.identity().clone(),
            address: piece.range.start,
            stored: piece.range.end.saturating_sub(piece.range.start),
            size: piece.decoded,
            mask: chunk.mask,
            pipeline: cache.pipeline(dataset.filters(), dataset.element_size()),
        }),
        _ => None,
    }
}

/// Fetches all stored pieces that are not at hand, in one vectored read; what failed, if something did.
fn fetch(
    file: &Hdf5File,
    jobs: &[Result<Job<'_>>],
    shared: &Shared<'_>,
    todo: &[Todo],
) -> (Fetched, Option<Error>) {
    let mut fetched = Fetched::new();
    let mut missing = Vec::new();
    for (number, piece) in todo {
        let Ok(job) = &jobs[*number] else { continue };
        let at_hand = key(file, &job.request, piece).is_some_and(|key| shared.elsewhere(&key));
        if at_hand || fetched.contains_key(&piece.range) {
            continue;
        }
        match file.source().cached(&piece.range) {
            Some(bytes) => drop(fetched.insert(piece.range.clone(), bytes)),
            None => missing.push(piece.range.clone()),
        }
    }
    missing.sort_unstable_by_key(|range| (range.start, range.end));
    missing.dedup();
    if missing.is_empty() {
        return (fetched, None);
    }
    match file.source().fetch(0, &[], &missing) {
        Ok(answers) => {
            fetched.extend(missing.into_iter().zip(answers));
            (fetched, None)
        }
        Err(error) => (fetched, Some(error)),
    }
}

/// Pieces whose rows lie together in the answer of a job, and that part of the answer.
struct Unit<'a> {
    job: usize,
    request: RowRequest<'a>,
    target: &'a Target,
    /// The rows of the answer's part.
    rows: Rows,
    pieces: Vec<Piece>,
    out: &'a mut [u8],
}

impl parallel::Weight for Unit<'_> {
    fn weight(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.decoded).sum()
    }
}

/// Splits the answers into parts that can be filled side by side.
fn units<'a>(jobs: &'a mut [Result<Job<'_>>], todo: Vec<Todo>) -> Vec<Unit<'a>> {
    let mut by_job: Vec<Vec<Piece>> = jobs.iter().map(|_| Vec::new()).collect();
    for (number, piece) in todo {
        by_job[number].push(piece);
    }
    let mut units = Vec::new();
    for (number, (job, mut pieces)) in jobs.iter_mut().zip(by_job).enumerate() {
        let Ok(job) = job else { continue };
        let (request, target) = (job.request, &job.target);
        let row = target.row as usize;
        pieces.sort_by_key(|piece| piece.rows.start);
        // Wanted rows before the part of the answer that is still whole.
        let mut before = 0;
        let mut rest = &mut job.out[..];
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let held = piece.rows.clone();
            let mut together = vec![piece];
            while let Some(next) = pieces.next_if(|next| next.rows.start < held.end) {
                together.push(next);
            }
            let rows = within(request.rows, &held);
            let start = request.rows.ranges().iter().map(|r| r.end.min(held.start).saturating_sub(r.start));
            let start: u64 = start.sum();
            let Some(skipped) = start.checked_sub(before) else { continue };
            let (skip, len) = (skipped as usize * row, rows.len() as usize * row);
            if skip + len > rest.len() {
                continue;
            }
            let (_, tail) = std::mem::take(&mut rest).split_at_mut(skip);
            let (out, tail) = tail.split_at_mut(len);
            rest = tail;
            before = start + rows.len();
            units.push(Unit { job: number, request, target, rows, pieces: together, out });
        }
    }
    units
}

/// Those of some rows that lie in a range.
fn within(rows: &Rows, held: &Range<u64>) -> Rows {
    let cut = rows.ranges().iter().map(|r| r.start.max(held.start)..r.end.min(held.end));
    Rows::from_ranges(cut.filter(|r| r.start < r.end))
}

/// What decoding the pieces of a step needs.
struct Work<'a, 'c> {
    file: &'a Hdf5File,
    fetched: &'a Fetched,
    failure: Option<&'a Error>,
    shared: &'a Mutex<Shared<'c>>,
}

impl<'c> Work<'_, 'c> {
    fn shared(&self) -> MutexGuard<'_, Shared<'c>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unit(&self, decoder: &mut Decoder, unit: Unit<'_>) -> Result<()> {
        let Unit { request, target, rows, pieces, out, .. } = unit;
        let request = RowRequest { rows: &rows, ..request };
        for piece in pieces {
            let key = key(self.file, &request, &piece);
            let ready = key.as_ref().and_then(|key| self.shared().ready.get(key).cloned());
            if let Some(decoded) = ready {
                put(request, target, &piece, &decoded, out);
                continue;
            }
            let stored = match (self.fetched.get(&piece.range), self.failure) {
                (Some(bytes), _) => bytes,
                (None, Some(error)) => return Err(error.clone()),
                (None, None) => {
                    return Err(Error::io(format!("bytes {:?} did not arrive", piece.range)));
                }
            };
            let claim = key.as_ref().and_then(|key| self.shared().claims.remove(key));
            let keep = |decoded: &[u8]| {
                if let (Some(claim), Some(key)) = (claim, key) {
                    let decoded = Bytes::copy_from_slice(decoded);
                    claim.settle(decoded.clone());
                    self.shared().ready.insert(key, decoded);
                }
            };
            if target.is_whole(&request, &piece, out.len()) {
                decode_into(request.dataset, &piece, stored, decoder, out)?;
                keep(out);
            } else {
                let decoded = decode(request.dataset, &piece, stored, decoder)?;
                put(request, target, &piece, decoded, out);
                keep(decoded);
            }
        }
        Ok(())
    }
}

/// Waits for a chunk that another thread was decoding; what it failed at is tried here.
fn wait(
    file: &Hdf5File,
    job: &mut Job<'_>,
    piece: &Piece,
    shared: &Shared<'_>,
    decoder: &mut Decoder,
) -> Result<()> {
    let flight = key(file, &job.request, piece).and_then(|key| shared.flights.get(&key));
    let landed = profile::time(Phase::Wait, || cores::waiting(|| flight.and_then(|flight| flight.wait())));
    let decoded = match landed {
        Some(decoded) => decoded,
        None => {
            let answers = file.source().fetch(0, &[], std::slice::from_ref(&piece.range))?;
            let stored = answers.into_iter().next().unwrap_or_default();
            Bytes::copy_from_slice(decode(job.request.dataset, piece, &stored, decoder)?)
        }
    };
    put(job.request, &job.target, piece, &decoded, &mut job.out);
    Ok(())
}

fn decode<'b>(
    dataset: &Dataset,
    piece: &Piece,
    stored: &'b [u8],
    decoder: &'b mut Decoder,
) -> Result<&'b [u8]> {
    let PieceKind::Chunk(chunk) = &piece.kind else { return Ok(stored) };
    let (size, element) = (piece.decoded as usize, dataset.element_size() as usize);
    counted(piece, || decoder.decode(stored, dataset.filters(), chunk.mask, size, element))
        .context(|| format!("chunk {:?} at offset {}", chunk.place, chunk.address))
}

/// Decodes a chunk that is wanted whole straight to its place in the answer.
fn decode_into(
    dataset: &Dataset,
    piece: &Piece,
    stored: &[u8],
    decoder: &mut Decoder,
    out: &mut [u8],
) -> Result<()> {
    let PieceKind::Chunk(chunk) = &piece.kind else { return Ok(()) };
    let element = dataset.element_size() as usize;
    counted(piece, || decoder.decode_into(stored, dataset.filters(), chunk.mask, element, out))
        .context(|| format!("chunk {:?} at offset {}", chunk.place, chunk.address))
}

/// Decodes a chunk, which the profile of the run counts.
fn counted<T>(piece: &Piece, decode: impl FnOnce() -> T) -> T {
    profile::add(Counter::ChunksDecoded, 1);
    profile::add(Counter::BytesDecoded, piece.decoded);
    profile::time(Phase::Inflate, decode)
}

fn put(request: RowRequest<'_>, target: &Target, piece: &Piece, decoded: &[u8], out: &mut [u8]) {
    match (&piece.kind, request.dataset.storage()) {
        (PieceKind::Chunk(chunk), Storage::Chunked(chunked)) => {
            target.place_chunk(request, chunked, chunk, decoded, out);
        }
        (PieceKind::Rows(first), _) => target.place_rows(request.rows, *first, decoded, out),
        (PieceKind::Chunk(_), _) => {}
    }
}
