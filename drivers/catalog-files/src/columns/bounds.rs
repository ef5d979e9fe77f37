//! What is checked of a Parquet file before the crate that reads it allocates anything on the word of the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use ::parquet::basic::Compression;
use ::parquet::file::metadata::ColumnChunkMetaData;
use zagg_core::{Error, Result};

use super::{corrupt, thrift};

/// Largest footer, in bytes.
const MAX_FOOTER: u64 = 64 << 20;
/// Largest page, in bytes, compressed or not.
const MAX_PAGE: i64 = 256 << 20;
/// The most values or levels of a page.
const MAX_VALUES: i64 = 1 << 24;
/// Largest page of values that repeat the start of the value before: a few bytes can stand for a whole page.
const MAX_PREFIXED_PAGE: i64 = 4 << 20;
/// Bytes that are tried for the header of a page, which may hold the smallest and the largest value.
const HEADERS: [u64; 3] = [4 << 10, 64 << 10, 4 << 20];

/// `PageType` of the format.
const DICTIONARY_PAGE: i64 = 2;
/// `Encoding` of the format.
const DELTA_BYTE_ARRAY: i64 = 7;

/// Checks where the footer is and that what it lists is there.
pub(super) fn check_footer(name: &str, file: &mut File) -> Result<()> {
    let failed = |error: std::io::Error| Error::from_io(&error, name);
    let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let cut_off = || corrupt(name, "it does not end as one; was it written to the end?");
    if size < 12 {
        return Err(cut_off());
    }
    let end = bytes(name, file, size - 8, 8)?;
    let (length, magic) = end.split_first_chunk::<4>().ok_or_else(cut_off)?;
    if magic != b"PAR1" {
        return Err(cut_off());
    }
    let length = u64::from(u32::from_le_bytes(*length));
    if length > MAX_FOOTER || length > size - 12 {
        return Err(corrupt(name, &format!("its footer has {length} bytes, the file {size}")));
    }
    let footer = bytes(name, file, size - 8 - length, length)?;
    thrift::structure(&footer).map(|_| ()).ok_or_else(|| corrupt(name, "its footer is damaged"))
}

/// Checks the sizes of all pages of a column chunk.
pub(super) fn check_pages(name: &str, file: &mut File, chunk: &ColumnChunkMetaData) -> Result<()> {
    let path = chunk.column_path().string();
    let wrong = |what: String| corrupt(name, &format!("column {path}: {what}"));
    if matches!(chunk.compression(), Compression::GZIP(_) | Compression::BROTLI(_) | Compression::LZO) {
        return Err(Error::unsupported(format!(
            "{name}: column {path} is compressed with {}; write the file with ZSTD or SNAPPY",
            chunk.compression()
        )));
    }
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let size = file.seek(SeekFrom::End(0)).map_err(|error| Error::from_io(&error, name))?;
    let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
    let (mut at, end) = range
        .and_then(|(start, length)| Some((start, start.checked_add(length)?)))
        .filter(|&(_, end)| end <= size)
        .ok_or_else(|| wrong("it lies outside of the file".into()))?;
    let mut values = 0;
    while at < end && values < chunk.num_values() {
        let header = HEADERS
            .into_iter()
            .map(|most| bytes(name, file, at, most.min(end - at)))
            .find_map(|read| read.map(|bytes| thrift::page_header(&bytes)).transpose())
            .transpose()?
            .ok_or_else(|| wrong(format!("no page at byte {at}")))?;
        let sizes = 0..=MAX_PAGE;
        if !sizes.contains(&header.uncompressed) || !sizes.contains(&header.compressed) {
            return Err(wrong(format!("a page of {} bytes", header.uncompressed.max(header.compressed))));
        }
        // Values of dictionaries take four bytes and more.
        let most = if header.kind == DICTIONARY_PAGE { header.uncompressed / 4 } else { MAX_VALUES };
        if !(0..=most).contains(&header.values) {
            return Err(wrong(format!(
                "a page of {} bytes and {} values",
                header.uncompressed, header.values
            )));
        }
        if header.encoding == DELTA_BYTE_ARRAY && header.uncompressed > MAX_PREFIXED_PAGE {
            return Err(Error::unsupported(format!(
                "{name}: column {path} has pages of more than {MAX_PREFIXED_PAGE} bytes in DELTA_BYTE_ARRAY"
            )));
        }
        if header.kind != DICTIONARY_PAGE {
            values += header.values;
        }
        // Both are small.
        at += header.length as u64 + header.compressed as u64;
    }
    if at > end {
        return Err(wrong("its pages are longer than it is".into()));
    }
    Ok(())
}

/// Some bytes of the file, which must be there.
fn bytes(name: &str, file: &mut File, at: u64, length: u64) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::from_io(&error, name);
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(Error::changed(format!("{name}: became shorter while it was read")))
    }
}
