//! Which datasets of a granule a pipeline reads, and how they are stored.

use serde_json::{Map, Value, json};
use zagg_hdf5::Hdf5File;

use crate::output::{self, bytes, grouped};

/// Stands for the name of a part in the paths of a pipeline.
const GROUP: &str = "{group}";

/// Most paths that are looked up.
const MAX_PATHS: usize = 10_000;

/// Deepest setting of a pipeline that may name a dataset.
const MAX_DEPTH: usize = 8;

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
    chunks: u64,
    filters: Vec<String>,
    /// Bytes of all rows, unpacked.
    unpacked: u64,
}

/// The datasets of all parts that the settings of a source name.
pub(super) fn reads(file: &Hdf5File, source: &Map<String, Value>, parts: &[&str]) -> Vec<Read> {
    let mut templates = Vec::new();
    for value in source.values() {
        templates_of(value, MAX_DEPTH, &mut templates);
    }
    let mut reads = Vec::new();
    let mut left = MAX_PATHS;
    for template in templates {
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
                dtype: dataset.dtype().map_or_else(|| "other".to_string(), |dtype| dtype.name().to_string()),
                chunk,
                chunks: 0,
                filters: dataset.filters().iter().map(|filter| filter.label().into_owned()).collect(),
                unpacked: 0,
            });
            read.parts += 1;
            read.rows = read.rows.saturating_add(rows);
            read.chunks = read.chunks.saturating_add(chunk.map_or(1, |chunk| rows.div_ceil(chunk.max(1))));
            let row = dataset.row_len().saturating_mul(size);
            read.unpacked = read.unpacked.saturating_add(rows.saturating_mul(row));
        }
        reads.extend(read);
    }
    reads
}

/// Paths of datasets among settings, in their order, each once.
fn templates_of(value: &Value, depth: usize, all: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with('/') && !all.contains(text) => all.push(text.clone()),
        Value::Array(list) if depth > 0 => list.iter().for_each(|one| templates_of(one, depth - 1, all)),
        Value::Object(map) if depth > 0 => map.values().for_each(|one| templates_of(one, depth - 1, all)),
        _ => {}
    }
}

/// As a table, and what it comes to.
pub(super) fn text(reads: &[Read], size: u64) -> String {
    let mut table =
        output::table(&["dataset", "type", "rows", "rows of a chunk", "chunks", "filters", "unpacked"]);
    for read in reads {
        table.add_row([
            read.path.clone(),
            read.dtype.clone(),
            grouped(read.rows),
            read.chunk.map(grouped).unwrap_or_default(),
            grouped(read.chunks),
            read.filters.join(", "),
            bytes(read.unpacked),
        ]);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let source = json!({
            "reader": "atl06", "groups": ["gt1l"], "variables": {"h": "/{group}/h", "s": {"path": "/{group}/s"}},
            "filters": [{"dataset": "/{group}/q"}, "h > 0"], "again": "/{group}/h",
        });
        let mut all = Vec::new();
        templates_of(&source, MAX_DEPTH, &mut all);
        assert_eq!(all, ["/{group}/h", "/{group}/s", "/{group}/q"]);
        let deep = (0..100).fold(json!("/x"), |inner, _| json!([inner]));
        let mut none = Vec::new();
        templates_of(&deep, MAX_DEPTH, &mut none);
        assert!(none.is_empty());
    }
}
