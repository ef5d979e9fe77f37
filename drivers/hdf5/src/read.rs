//! Reading rows: plan the chunks of all requests, fetch them in one vectored read, decode, put the values in place.

mod parallel;
mod pick;
mod scatter;
mod step;

use std::ops::Range;

use zagg_core::{Context, Error, Result, Rows, Values};

use crate::access::Access;
use crate::chunk_index::{Chunk, Wanted};
use crate::dataset::Dataset;
use crate::datatype::Class;
use crate::decode;
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
    /// The number of the only value of each row that is wanted; see [`Dataset::column_at`].
    pub column: Option<u64>,
    /// Whether decoded chunks may go into the shared cache. Values that are read but once would only displace others.
    pub keep_chunks: bool,
}

impl<'a> RowRequest<'a> {
    /// Whole rows.
    pub fn new(dataset: &'a Dataset, rows: &'a Rows) -> Self {
        Self { dataset, rows, column: None, keep_chunks: true }
    }

    /// One value per row: number `column` among the values of the row. With two dimensions that is the index in the
    /// second one; with more, [`Dataset::column_at`] tells the number.
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

/// A request that is being answered.
#[derive(Debug)]
struct Job<'a> {
    request: RowRequest<'a>,
    target: Target,
    /// The answer, with fill values where nothing was put yet.
    out: Vec<u8>,
}

/// One stored stretch of a request.
#[derive(Debug)]
struct Piece {
    /// Absolute place in the file.
    range: Range<u64>,
    /// Rows of the dataset that it holds values of.
    rows: Range<u64>,
    /// Bytes when decoded.
    decoded: u64,
    kind: PieceKind,
}

#[derive(Debug)]
enum PieceKind {
    Chunk(Chunk),
    /// Whole rows, from this one on.
    Rows(u64),
}

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
            values::from_bytes(request.dataset.datatype(), &pick::values(request, bytes?)).ok_or_else(|| {
                named(file, request.dataset, Error::unsupported("its elements are no plain numbers"))
            })
        })
        .collect()
}

pub(crate) fn strings(file: &Hdf5File, dataset: &Dataset, rows: &Rows) -> Result<Vec<String>> {
    let request = RowRequest::new(dataset, rows);
    let mut answers = raw(file, &[request], |dataset| match &dataset.datatype().class {
        Class::String { .. } if dataset.datatype().size > 0 => Ok(()),
        _ => Err(Error::unsupported(format!(
            "its elements ({}) are no strings of fixed length",
            dataset.datatype()
        ))),
    });
    let Class::String { padding } = dataset.datatype().class else { return Ok(Vec::new()) };
    let bytes = pick::values(&request, answers.pop().unwrap_or_else(|| Ok(Vec::new()))?);
    let size = dataset.datatype().size.max(1) as usize;
    Ok(bytes.chunks_exact(size).map(|element| values::text(element, padding)).collect())
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
    limit_answers(file, &mut plans);
    let mut jobs = Vec::with_capacity(plans.len());
    let mut todo = Vec::new();
    for (number, plan) in plans.into_iter().enumerate() {
        jobs.push(plan.and_then(|plan| {
            let job = start(&plan)?;
            todo.extend(plan.pieces.into_iter().map(|piece| (number, piece)));
            Ok(job)
        }));
    }
    let mut todo = todo.into_iter().peekable();
    while let Some(first) = todo.next() {
        let size = |piece: &Piece| piece.decoded.saturating_add(piece.range.end - piece.range.start);
        let mut bytes = size(&first.1);
        let mut now = vec![first];
        while let Some(next) = todo.next_if(|(_, piece)| {
            bytes = bytes.saturating_add(size(piece));
            bytes <= file.options().max_step_bytes
        }) {
            now.push(next);
        }
        step::run(file, &mut jobs, now);
    }
    let answers = jobs.into_iter().zip(requests);
    answers.map(|(job, r)| job.map(|job| job.out).map_err(|error| named(file, r.dataset, error))).collect()
}

/// Refuses what would yield more than one call may.
fn limit_answers(file: &Hdf5File, plans: &mut [Result<Plan<'_>>]) {
    let limit = file.options().max_answer_bytes;
    let mut total = 0u64;
    for plan in plans {
        total = total.saturating_add(plan.as_ref().map_or(0, |plan| plan.target.bytes));
        if plan.is_ok() && total > limit {
            *plan = Err(Error::unsupported(format!(
                "over {limit} bytes of values are asked for at once (max_answer_bytes); ask for fewer rows"
            )));
        }
    }
}

/// The answer before anything is fetched: fill values, and what the header itself holds.
fn start<'a>(plan: &Plan<'a>) -> Result<Job<'a>> {
    let Plan { request, target, .. } = plan;
    let mut out = target.filled(&request.dataset.fill().bytes)?;
    if let Storage::Compact(bytes) = request.dataset.storage()
        && !bytes.is_empty()
    {
        let stored_row = target.stored_row as usize;
        for range in request.rows.ranges() {
            let rows = &bytes[range.start as usize * stored_row..range.end as usize * stored_row];
            target.place_rows(request.rows, range.start, rows, &mut out);
        }
    }
    Ok(Job { request: *request, target: *target, out })
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
        && column >= dataset.row_len()
    {
        let problem = format!("column {column} is asked for, the shape is {:?}", dataset.shape());
        return Err(Error::input(problem).into());
    }
    let column = pick::stored_column(&request);
    let element = u64::from(dataset.element_size());
    let target = Target::new(extent, request.rows, column, element)?;
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
        // However many rows there are, none has a byte.
        Storage::Contiguous { .. } if target.bytes == 0 => {}
        Storage::Contiguous { address: Some(address), len } => {
            if len.is_some_and(|len| len < target.whole_bytes().unwrap_or(u64::MAX)) {
                return Err(Error::corrupt("its storage is shorter than its shape").into());
            }
            // Before rows are cut into pieces: there are no more of them than bytes of the file.
            access.place(*address, target.stored_row * request.rows.end(), "values")?;
            for range in request.rows.ranges() {
                // Long stretches are cut, so that a step can end between them.
                let most = (file.options().max_step_bytes / 4 / target.stored_row.max(1)).max(1);
                for first in (range.start..range.end).step_by(usize::try_from(most).unwrap_or(usize::MAX)) {
                    let rows = first..range.end.min(first.saturating_add(most));
                    let bytes = target.stored_row * (rows.end - rows.start);
                    let at = address.checked_add(target.stored_row * first).unwrap_or(u64::MAX);
                    pieces.push(Piece {
                        range: access.place(at, bytes, "values")?,
                        rows,
                        decoded: bytes,
                        kind: PieceKind::Rows(first),
                    });
                    justified = justified.saturating_add(bytes);
                }
            }
        }
        Storage::Chunked(chunked) => {
            let bytes = chunk_bytes(file, dataset, chunked)?;
            let wanted =
                Wanted::new(chunked, extent, request.rows, column, bytes, !dataset.filters().is_empty());
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
                let first = chunk.place[0].saturating_mul(chunked.shape[0]);
                let rows = first..first.saturating_add(chunked.shape[0]);
                pieces.push(Piece { range, rows, decoded: bytes, kind: PieceKind::Chunk(chunk) });
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
    let element = u64::from(dataset.element_size());
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
