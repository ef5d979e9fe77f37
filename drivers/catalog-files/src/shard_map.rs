//! Files of shard maps.
//!
//! # JSON
//! The form of the Python zagg ([`ShardMap::read_json`], [`ShardMap::write_json`]): the record of a granule stands in every
//! shard that needs it. `.json.zst` is the same text in one Zstandard frame (RFC 8878) with a window of at most 128 MiB, in
//! which a record that stood before costs a few bytes.
//!
//! # Parquet
//! One table holds two lists side by side: row `i` has shard number `i` in the columns `shard_key`, `shard_granules` and
//! `aoi_mask`, and granule number `i` in the column `granule`. Behind the end of the shorter list its columns are null.
//!
//! | column | type | |
//! |---|---|---|
//! | `shard_key` | uint64 | the grid's key; ascending |
//! | `shard_granules` | list of uint32 | rows of the granules in their order of arrival |
//! | `aoi_mask` | list of struct {`first`, `last`: uint64} | runs of cells in the area of interest; only in maps with an area |
//! | `granule` | struct {`id`, `s3`, `https`, `file`, `time_start`, `time_end`: string; `size`: uint64} | each granule once |
//!
//! The entry `zagg:shard_map` of the file's metadata is a JSON object with `metadata` and `grid_signature` as in the JSON
//! form, and the numbers `shards` and `granules`.
//!
//! Read, but not written, is the Parquet form of the Python zagg: one row per shard with the columns `shard_keys`
//! (integers), `granules` and `aoi_mask` (JSON text), and `zagg:shardmap_meta` in the file's metadata.

mod original;
mod table;

use std::io::{Read, Write};
use std::path::Path;

use zagg_core::shard_map::ShardMap;
use zagg_core::{Error, Result};

use crate::columns::Table;
use crate::form::{Form, open};
use crate::{atomic, in_one_line};

/// Largest text of a map, in bytes: ten times that of the largest one known. What is compressed could claim any length.
const MAX_TEXT: u64 = 16 << 30;
/// Logarithm of the largest window of Zstandard, in bytes: what readers take without being asked.
const MAX_WINDOW_LOG: u32 = 27;
/// How hard Zstandard tries: what it finds far back does most of the work.
const LEVEL: i32 = 1;

/// Reads a shard map in any of its forms, which the content of the file decides.
///
/// # Errors
/// When there is no such file, or it is no sound shard map.
pub fn read_shard_map(path: &Path) -> Result<ShardMap> {
    read(path).map_err(in_one_line)
}

fn read(path: &Path) -> Result<ShardMap> {
    let opened = open(path, "a shard map")?;
    let name = opened.name.as_str();
    match opened.form {
        Form::Json => ShardMap::read_json(name, bounded(opened.file)),
        Form::JsonZstd => {
            let mut text = zstd::stream::read::Decoder::with_buffer(opened.file)
                .map_err(|error| Error::from_io(&error, name))?;
            text.window_log_max(MAX_WINDOW_LOG).map_err(|error| Error::from_io(&error, name))?;
            ShardMap::read_json(name, bounded(Sound(text)))
        }
        Form::Parquet => {
            let mut table = Table::open(name, opened.file.into_inner())?;
            if table.entry(table::ENTRY).is_some() {
                table::read(&mut table)
            } else if table.entry(original::ENTRY).is_some() {
                original::read(&mut table)
            } else {
                Err(Error::input(format!("{name}: a Parquet file, but not a shard map")))
            }
        }
    }
}

/// Writes a shard map in the form that the ending of the name asks for: `.parquet`, `.json.zst`, and JSON otherwise.
///
/// # Errors
/// When the file cannot be written, or the map contradicts itself.
pub fn write_shard_map(path: &Path, map: &ShardMap) -> Result<()> {
    let name = path.display().to_string();
    let form = Form::of_name(path)?;
    atomic::write(path, |to| match form {
        Form::Json => map.write_json(&name, to),
        Form::JsonZstd => {
            let failed = |error: std::io::Error| Error::from_io(&error, &name);
            let mut text = zstd::stream::write::Encoder::new(to, LEVEL).map_err(failed)?;
            // Shards that are apart in the text share granules.
            text.long_distance_matching(true).map_err(failed)?;
            text.window_log(MAX_WINDOW_LOG).map_err(failed)?;
            text.include_checksum(true).map_err(failed)?;
            let mut buffered = std::io::BufWriter::with_capacity(1 << 20, text);
            map.write_json(&name, &mut buffered)?;
            let text = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
            text.finish().and_then(Write::flush).map_err(failed)
        }
        Form::Parquet => table::write(&name, map, to),
    })
}

/// A stream that fails where it gets longer than any map.
fn bounded(input: impl Read) -> impl Read {
    struct Bounded<R>(R, u64);
    impl<R: Read> Read for Bounded<R> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1 = self.1.checked_sub(read as u64).ok_or_else(|| {
                let what = format!("more than {MAX_TEXT} bytes of text, which is no map");
                std::io::Error::new(std::io::ErrorKind::InvalidData, what)
            })?;
            Ok(read)
        }
    }
    Bounded(input, MAX_TEXT)
}

/// The decompressor says what is wrong with its input in errors of no particular kind.
struct Sound<R>(R);

impl<R: Read> Read for Sound<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use std::io::{Error, ErrorKind};
        self.0.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Error::new(
                ErrorKind::InvalidData,
                "the compressed text ends too early; was it written to the end?",
            ),
            ErrorKind::Other => {
                Error::new(ErrorKind::InvalidData, format!("the compressed text is damaged: {error}"))
            }
            _ => error,
        })
    }
}
