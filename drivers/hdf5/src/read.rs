//! Reading rows: plan the chunks of all requests, fetch them in one vectored read, decode, put the values in place.

mod scatter;

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use zagg_core::{Context, Error, Result, Rows, Values};

use crate::access::Access;
use crate::chunk_cache::{ChunkCache, Claim, Flight, Key, Lookup};
use crate::chunk_index::{Chunk, Wanted};
use crate::dataset::Dataset;
use crate::datatype::Class;
use crate::decode::{self, Decoder};
use crate::file::Hdf5File;
use crate::layout::{Chunked, Storage};
use crate::values;
use scatter::Target;

/// Rows of one dataset.
#[derive(Debug, Clone, Copy)]
pub struct RowRequest<'a> {
    /// The dataset; it must come from the file that is asked.
    pub dataset: &'a Dataset,
    /// Its rows: indices in the first dimension; row 0 is the only one of a single value.
    pub rows: &'a Rows,
    /// Of a dataset of two dimensions: the only index in the second one that is wanted.
    pub column: Option<u64>,
    /// Whether decoded chunks may go into the shared cache. Values that are read but once would only displace others.
    pub keep_chunks: bool,
}

impl<'a> RowRequest<'a> {
    /// Whole rows.
    pub fn new(dataset: &'a Dataset, rows: &'a Rows) -> Self {
        Self { dataset, rows, column: None, keep_chunks: true }
    }

    /// One value per row, at index `column` of the second dimension.
    pub fn column(dataset: &'a Dataset, rows: &'a Rows, column: u64) -> Self {
        Self { dataset, rows, column: Some(column), keep_chunks: true }
    }
}

/// What must be fetched for one request.
#[derive(Debug)]
struct Plan<'a> {
    request: RowRequest<'a>,
    target: Target,
    pieces: Vec<Piece>,
}

/// One stored stretch of a request.
#[derive(Debug)]
struct Piece {
    /// Absolute place in the file.
    range: Range<u64>,
    kind: PieceKind,
}

#[derive(Debug)]
enum PieceKind {
    Chunk(Chunk),
    /// Whole rows, from this one on.
    Rows(u64),
}

/// Stored or decoded bytes of pieces, by their place in the file.
type Fetched = HashMap<Range<u64>, Bytes>;

pub(crate) fn rows(file: &Hdf5File, requests: &[RowRequest<'_>]) -> Vec<Result<Values>> {
    let answers = raw(file, requests, |dataset| {
        dataset.dtype().map(|_| ()).ok_or_else(|| {
            Error::unsupported(format!("its elements ({}) are no plain numbers", dataset.datatype()))
        })
    });
    answers
        .into_iter()
        .zip(requests)
        .map(|(bytes, request)| {
            values::from_bytes(request.dataset.datatype(), &bytes?).ok_or_else(|| {
                named(file, request.dataset, Error::unsupported("its elements are no plain numbers"))
            })
        })
        .collect()
}

pub(crate) fn strings(file: &Hdf5File, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>> {
    let mut answers =
        raw(file, &[RowRequest::new(dataset, rows)], |dataset| match &dataset.datatype().class {
            Class::String { .. } if dataset.datatype().size > 0 => Ok(()),
            _ => Err(Error::unsupported(format!(
                "its elements ({}) are no strings of fixed length",
                dataset.datatype()
            ))),
        });
    let bytes = answers.pop().unwrap_or_else(|| Ok(Vec::new()))?;
    let space_padded = matches!(dataset.datatype().class, Class::String { space_padded: true });
    let size = dataset.datatype().size.max(1) as usize;
    Ok(bytes.chunks_exact(size).map(|element| values::text(element, space_padded)).collect())
}

fn named(file: &Hdf5File, dataset: &Dataset, error: Error) -> Error {
    error.context(format_args!("{}: {}", file.location(), dataset.path()))
}

/// The stored bytes of the elements asked for, in the dataset's byte order.
fn raw(
    file: &Hdf5File,
    requests: &[RowRequest<'_>],
    check: impl Fn(&Dataset) -> Result<()>,
) -> Vec<Result<Vec<u8>>> {
    let mut plans: Vec<Result<Plan<'_>>> =
        file.source().rounds(file.addressing(), requests.len(), |job, access| {
            check(requests[job].dataset)?;
            plan(file, access, requests[job])
        });
    let mut answers = Vec::new();
    let cache = file.options().chunk_cache.as_deref();
    let mut fetched = Fetched::new();
    let mut shared = Shared::default();
    if let Some(cache) = cache {
        shared.look_up(file, cache, &plans);
    }
    // A reader that fails fails every request that still needs bytes; the others are answered.
    let failure = fetch(file, &plans, &shared, &mut fetched).err();
    let mut decoder = Decoder::new();
    for (plan, request) in plans.iter_mut().zip(requests) {
        let answer = match plan {
            Ok(plan) => fill_in(file, plan, &fetched, &mut shared, failure.as_ref(), &mut decoder),
            Err(error) => Err(error.clone()),
        };
        answers.push(answer.map_err(|error| named(file, request.dataset, error)));
    }
    // Claims that no request could settle are given up before waiting for other threads.
    shared.claims.clear();
    for ((answer, plan), request) in answers.iter_mut().zip(&mut plans).zip(requests) {
        if let (Ok(bytes), Ok(plan)) = (answer.as_mut(), plan)
            && let Err(error) = wait(file, plan, &mut shared, bytes, &mut decoder)
        {
            *answer = Err(named(file, request.dataset, error));
        }
    }
    answers
}

/// Finds out what must be fetched for a request, and checks that it may be.
fn plan<'a>(file: &Hdf5File, access: &Access<'_>, request: RowRequest<'a>) -> crate::access::Step<Plan<'a>> {
    let dataset = request.dataset;
    let extent = dataset.extent();
    if request.rows.end() > dataset.rows() {
        let problem = format!("row {} is asked for, there are {}", request.rows.end() - 1, dataset.rows());
        return Err(Error::input(problem).into());
    }
    if let Some(column) = request.column
        && (extent.shape.len() != 2 || column >= extent.shape[1])
    {
        let problem = format!("column {column} is asked for, the shape is {:?}", extent.shape);
        return Err(Error::input(problem).into());
    }
    let element = u64::from(dataset.datatype().size);
    let target = Target::new(extent, request.rows, request.column, element)?;
    let mut pieces = Vec::new();
    let mut justified = file.options().max_chunk_bytes;
    match dataset.storage() {
        Storage::Unsupported(what) => return Err(Error::unsupported(format!("it is {what}")).into()),
        Storage::Compact(bytes) => {
            if (bytes.len() as u64) < target.whole_bytes()? && !bytes.is_empty() {
                return Err(Error::corrupt("the values in its header are cut short").into());
            }
        }
        Storage::Contiguous { address: None, .. } => {}
        Storage::Contiguous { address: Some(address), len } => {
            if len.is_some_and(|len| len < target.whole_bytes().unwrap_or(u64::MAX)) {
                return Err(Error::corrupt("its storage is shorter than its shape").into());
            }
            for range in request.rows.ranges() {
                let start = target.stored_row * range.start;
                let bytes = target.stored_row * (range.end - range.start);
                let at = address.checked_add(start).unwrap_or(u64::MAX);
                pieces.push(Piece {
                    range: access.place(at, bytes, "values")?,
                    kind: PieceKind::Rows(range.start),
                });
                justified = justified.saturating_add(bytes);
            }
        }
        Storage::Chunked(chunked) => {
            let bytes = chunk_bytes(file, dataset, chunked)?;
            let wanted = Wanted::new(
                chunked,
                extent,
                request.rows,
                request.column,
                bytes,
                !dataset.filters().is_empty(),
            );
            let mut stored = 0u64;
            for mut chunk in wanted.find(access)? {
                let range = access.place(chunk.address, chunk.size, "chunk")?;
                if chunked.plain_edges && scatter::passes_edge(extent, chunked, &chunk) {
                    chunk.mask = u32::MAX;
                }
                decode::plausible(chunk.size, dataset.filters(), chunk.mask, bytes)
                    .context(|| format!("chunk at offset {}", chunk.address))?;
                stored = stored.saturating_add(chunk.size);
                justified = justified.saturating_add(bytes);
                pieces.push(Piece { range, kind: PieceKind::Chunk(chunk) });
            }
            if stored > access.file_size() {
                return Err(
                    Error::corrupt("its chunks overlap: together they are longer than the file").into()
                );
            }
        }
    }
    if target.bytes > justified {
        let problem = format!(
            "{} bytes are asked for, most of them never written; ask for fewer rows at once",
            target.bytes
        );
        return Err(Error::unsupported(problem).into());
    }
    Ok(Plan { request, target, pieces })
}

/// Bytes of a decoded chunk, within the limit.
fn chunk_bytes(file: &Hdf5File, dataset: &Dataset, chunked: &Chunked) -> Result<u64> {
    let element = u64::from(dataset.datatype().size);
    let bytes = chunked.shape.iter().try_fold(element, |n, &len| n.checked_mul(len));
    match bytes {
        Some(bytes) if bytes <= file.options().max_chunk_bytes => Ok(bytes),
        _ => Err(Error::unsupported(format!(
            "chunks of shape {:?} are over the limit of {} bytes (max_chunk_bytes)",
            chunked.shape,
            file.options().max_chunk_bytes
        ))),
    }
}

/// Chunks that the shared cache has, that we must decode for it, and that other threads are decoding.
#[derive(Debug, Default)]
struct Shared<'c> {
    ready: HashMap<Key, Bytes>,
    claims: HashMap<Key, Claim<'c>>,
    flights: HashMap<Key, std::sync::Arc<Flight>>,
}

impl<'c> Shared<'c> {
    fn look_up(&mut self, file: &Hdf5File, cache: &'c ChunkCache, plans: &[Result<Plan<'_>>]) {
        for plan in plans.iter().flatten() {
            for piece in &plan.pieces {
                let Some(key) = key(file, &plan.request, piece) else { continue };
                if self.ready.contains_key(&key)
                    || self.claims.contains_key(&key)
                    || self.flights.contains_key(&key)
                {
                    continue;
                }
                match cache.lookup(&key) {
                    Lookup::Ready(chunk) => drop(self.ready.insert(key, chunk)),
                    Lookup::Claimed(claim) => drop(self.claims.insert(key, claim)),
                    Lookup::InFlight(flight) => drop(self.flights.insert(key, flight)),
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
    file.options().chunk_cache.as_ref().filter(|_| request.keep_chunks)?;
    match (&piece.kind, request.dataset.storage()) {
        (PieceKind::Chunk(_), Storage::Chunked(chunked)) => {
            let element = u64::from(request.dataset.datatype().size);
            let size = chunked.shape.iter().product::<u64>() * element;
            Some(Key { file: file.identity().clone(), address: piece.range.start, size })
        }
        _ => None,
    }
}

/// Fetches all stored pieces that are not at hand, in one vectored read.
fn fetch(
    file: &Hdf5File,
    plans: &[Result<Plan<'_>>],
    shared: &Shared<'_>,
    fetched: &mut Fetched,
) -> Result<()> {
    let mut missing = Vec::new();
    for plan in plans.iter().flatten() {
        for piece in &plan.pieces {
            let at_hand = key(file, &plan.request, piece).is_some_and(|key| shared.elsewhere(&key));
            if at_hand || fetched.contains_key(&piece.range) {
                continue;
            }
            match file.source().cached(&piece.range) {
                Some(bytes) => drop(fetched.insert(piece.range.clone(), bytes)),
                None => {
                    fetched.insert(piece.range.clone(), Bytes::new());
                    missing.push(piece.range.clone());
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable_by_key(|range| range.start);
    let answers = file.source().reader().read_ranges(&missing);
    if answers.is_err() {
        fetched.retain(|range, bytes| bytes.len() as u64 == range.end - range.start);
    }
    for (range, bytes) in missing.into_iter().zip(answers?) {
        fetched.insert(range, bytes);
    }
    Ok(())
}

/// Decodes the pieces of a request that are at hand and puts their values in place.
fn fill_in(
    file: &Hdf5File,
    plan: &mut Plan<'_>,
    fetched: &Fetched,
    shared: &mut Shared<'_>,
    failure: Option<&Error>,
    decoder: &mut Decoder,
) -> Result<Vec<u8>> {
    let dataset = plan.request.dataset;
    let mut out = plan.target.filled(&dataset.fill().bytes)?;
    if let Storage::Compact(bytes) = dataset.storage()
        && !bytes.is_empty()
    {
        let stored_row = plan.target.stored_row as usize;
        for range in plan.request.rows.ranges() {
            let rows = &bytes[range.start as usize * stored_row..range.end as usize * stored_row];
            plan.target.place_rows(plan.request.rows, range.start, rows, &mut out);
        }
    }
    let mut later = Vec::new();
    for piece in plan.pieces.drain(..) {
        let key = key(file, &plan.request, &piece);
        if let Some(key) = &key
            && shared.flights.contains_key(key)
            && !shared.ready.contains_key(key)
        {
            later.push(piece);
            continue;
        }
        let decoded = key.as_ref().and_then(|key| shared.ready.get(key)).cloned();
        if let Some(decoded) = decoded {
            put(plan.request, &plan.target, &piece, &decoded, &mut out);
            continue;
        }
        let stored = match (fetched.get(&piece.range), failure) {
            (Some(bytes), _) if bytes.len() as u64 == piece.range.end - piece.range.start => bytes,
            (_, Some(error)) => return Err(error.clone()),
            _ => return Err(Error::io(format!("bytes {:?} did not arrive whole", piece.range))),
        };
        let decoded = decode_piece(dataset, &piece, stored, decoder)?;
        put(plan.request, &plan.target, &piece, decoded, &mut out);
        if let Some(key) = key
            && let Some(claim) = shared.claims.remove(&key)
        {
            let decoded = Bytes::copy_from_slice(decoded);
            claim.settle(decoded.clone());
            shared.ready.insert(key, decoded);
        }
    }
    plan.pieces = later;
    Ok(out)
}

/// Waits for the chunks that other threads were decoding; what they failed at is tried here.
fn wait(
    file: &Hdf5File,
    plan: &mut Plan<'_>,
    shared: &mut Shared<'_>,
    out: &mut [u8],
    decoder: &mut Decoder,
) -> Result<()> {
    for piece in std::mem::take(&mut plan.pieces) {
        let dataset = plan.request.dataset;
        let key = key(file, &plan.request, &piece);
        let flight = key.as_ref().and_then(|key| shared.flights.get(key));
        let decoded = match flight.and_then(|flight| flight.wait()) {
            Some(decoded) => decoded,
            None => {
                let mut answers = file.source().reader().read_ranges(std::slice::from_ref(&piece.range))?;
                let stored = answers.pop().unwrap_or_default();
                Bytes::copy_from_slice(decode_piece(dataset, &piece, &stored, decoder)?)
            }
        };
        put(plan.request, &plan.target, &piece, &decoded, out);
    }
    Ok(())
}

fn decode_piece<'b>(
    dataset: &Dataset,
    piece: &Piece,
    stored: &'b [u8],
    decoder: &'b mut Decoder,
) -> Result<&'b [u8]> {
    let (PieceKind::Chunk(chunk), Storage::Chunked(chunked)) = (&piece.kind, dataset.storage()) else {
        return Ok(stored);
    };
    let element = dataset.datatype().size as usize;
    let size = chunked.shape.iter().product::<u64>() as usize * element;
    decoder
        .decode(stored, dataset.filters(), chunk.mask, size, element)
        .context(|| format!("chunk {:?} at offset {}", chunk.place, chunk.address))
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
