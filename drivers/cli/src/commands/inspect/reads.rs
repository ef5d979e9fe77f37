//! Which datasets of a granule a pipeline reads, and how they are stored.

use serde_json::{Map, Value, json};
use zagg_hdf5::{Dataset, Hdf5File};

use super::paths;
use crate::output::{self, bytes, grouped};

/// Stands for the name of a part in the paths of a pipeline.
pub(super) const GROUP: &str = "{group}";

/// Most paths that are looked up.
const MAX_PATHS: usize = 10_000;

/// A path of the pipeline in all parts of a granule.
#[derive(Debug)]
pub(super) struct Read {
    /// As the pipeline has it.
    path: String,
    /// Parts that have it.
    parts: u64,
    rows: u64,
    dtype: String,
    /// Rows of a chunk; none where rows are not chunked.
    chunk: Option<u64>,
    /// Chunks of all parts; none where rows are not chunked.
    chunks: Option<u64>,
    filters: Vec<String>,
    /// Bytes of all rows, unpacked.
    unpacked: u64,
}

/// The datasets of all parts that the settings of a source name, and how many paths that would be at most. Of columns only
/// those of these names count, where they are known.
pub(super) fn reads(
    file: &Hdf5File,
    source: &Map<String, Value>,
    columns: Option<&[String]>,
    parts: &[&str],
) -> (Vec<Read>, usize) {
    let templates = paths::of(source, columns);
    let mut reads = Vec::new();
    let mut left = MAX_PATHS;
    for template in &templates {
        let paths: Vec<String> = match template.contains(GROUP) {
            true => parts.iter().map(|part| template.replace(GROUP, part)).collect(),
            false => vec![template.clone()],
        };
        let paths = &paths[..paths.len().min(left)];
        left -= paths.len();
        let mut read: Option<Read> = None;
        for dataset in file.datasets(paths) {
            // The path may be that of a group, and a broken dataset shows as the fault of its part.
            let Ok(Some(dataset)) = dataset else { continue };
            let rows = dataset.rows();
            let size = dataset.dtype().map_or(0, |dtype| dtype.size() as u64);
            let chunk = dataset.chunk_shape().and_then(|shape| shape.first()).copied();
            let read = read.get_or_insert_with(|| Read {
                path: template.clone(),
                parts: 0,
                rows: 0,
                dtype: dtype(&dataset),
                chunk,
                chunks: chunk.map(|_| 0),
                filters: filters(&dataset),
                unpacked: 0,
            });
            read.parts += 1;
            read.rows = read.rows.saturating_add(rows);
            if let (Some(chunks), Some(chunk)) = (&mut read.chunks, chunk) {
                *chunks = chunks.saturating_add(rows.div_ceil(chunk.max(1)));
            }
            let row = dataset.row_len().saturating_mul(size);
            read.unpacked = read.unpacked.saturating_add(rows.saturating_mul(row));
        }
        reads.extend(read);
    }
    (reads, templates.len())
}

/// Name of the type of a dataset.
pub(super) fn dtype(dataset: &Dataset) -> String {
    dataset.dtype().map_or_else(|| "other".to_string(), |dtype| dtype.name().to_string())
}

/// Names of what the chunks of a dataset went through.
pub(super) fn filters(dataset: &Dataset) -> Vec<String> {
    dataset.filters().iter().map(|filter| filter.label().into_owned()).collect()
}

/// As a table, and what it comes to.
pub(super) fn text(reads: &[Read], size: u64) -> String {
    let header = ["dataset", "type", "rows", "rows of a chunk", "chunks", "filters", "unpacked"];
    let rows: Vec<Vec<String>> = reads
        .iter()
        .map(|read| {
            vec![
                read.path.clone(),
                read.dtype.clone(),
                grouped(read.rows),
                read.chunk.map(grouped).unwrap_or_default(),
                read.chunks.map(grouped).unwrap_or_default(),
                read.filters.join(", "),
                bytes(read.unpacked),
            ]
        })
        .collect();
    let table = output::fitting(&header, &rows, &[5, 3, 4, 1, 6, 2]);
    let unpacked = reads.iter().fold(0u64, |all, read| all.saturating_add(read.unpacked));
    format!(
        "a run over all of it reads {} datasets, {} unpacked, of a file of {}:\n\n{table}",
        grouped(reads.iter().map(|read| read.parts).sum()),
        bytes(unpacked),
        bytes(size)
    )
}

pub(super) fn json(reads: &[Read]) -> Value {
    reads
        .iter()
        .map(|read| {
            json!({
                "dataset": read.path,
                "parts": read.parts,
                "dtype": read.dtype,
                "rows": read.rows,
                "chunk_rows": read.chunk,
                "chunks": read.chunks,
                "filters": read.filters,
                "bytes_unpacked": read.unpacked,
            })
        })
        .collect()
}
