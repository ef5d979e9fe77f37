//! Local files.

use std::fs::File;
use std::ops::Range;
use std::time::UNIX_EPOCH;

use bytes::{Bytes, BytesMut};
use zagg_core::range_reader::{RangeReader, check_ranges};
use zagg_core::{Error, Result};

/// Ranges closer than this are read in one piece: a seek costs about as much as reading these bytes.
const GAP: u64 = 16 << 10;
/// Longest piece read at once when ranges are merged, so that slices do not keep a whole file alive.
const MAX_MERGED: u64 = 8 << 20;

/// A local file, read at offsets without a shared position.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    path: String,
    size: u64,
    etag: Option<String>,
}

impl LocalFile {
    /// Opens a file.
    ///
    /// # Errors
    /// When it does not exist, is no regular file or cannot be read.
    pub fn open(path: &str) -> Result<Self> {
        let failed = |error: std::io::Error| Error::from_io(&error, path);
        // Asked before opening: a pipe would wait for somebody to write into it.
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input(format!("{path}: not a file")));
        }
        let file = File::open(path).map_err(failed)?;
        let size = metadata.len();
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let etag = changed.map(|time| format!("{size}-{}", time.as_nanos()));
        Ok(Self { file, path: path.to_string(), size, etag })
    }

    fn read_at(&self, range: &Range<u64>) -> Result<Bytes> {
        let mut buffer = BytesMut::zeroed((range.end - range.start) as usize);
        read_exact_at(&self.file, &mut buffer, range.start).map_err(|error| {
            Error::from_io(&error, format!("{}: bytes {}..{}", self.path, range.start, range.end))
        })?;
        Ok(buffer.freeze())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[n..];
        offset += n as u64;
    }
    Ok(())
}

impl RangeReader for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    fn location(&self) -> &str {
        &self.path
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        check_ranges(&self.path, self.size, ranges)?;
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|&at| (ranges[at].start, ranges[at].end));
        let mut result = vec![Bytes::new(); ranges.len()];
        let mut order = order.into_iter().peekable();
        while let Some(first) = order.next() {
            let mut merged = ranges[first].clone();
            let mut members = vec![first];
            while let Some(&next) = order.peek() {
                let range = &ranges[next];
                let end = merged.end.max(range.end);
                if range.start > merged.end.saturating_add(GAP) || end - merged.start > MAX_MERGED {
                    break;
                }
                merged.end = end;
                members.push(next);
                order.next();
            }
            let bytes = self.read_at(&merged)?;
            for at in members {
                let range = &ranges[at];
                result[at] =
                    bytes.slice((range.start - merged.start) as usize..(range.end - merged.start) as usize);
            }
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    proptest! {
        #[test]
        fn merged_reads_give_exactly_the_ranges(starts in prop::collection::vec((0u64..200_000, 0u64..5_000), 0..20)) {
            let content: Vec<u8> = (0..205_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let file = file(&content);
            let reader = LocalFile::open(file.path().to_str().unwrap()).unwrap();
            let ranges: Vec<Range<u64>> = starts.iter().map(|&(start, len)| start..start + len).collect();
            let got = reader.read_ranges(&ranges).unwrap();
            for (range, bytes) in ranges.iter().zip(got) {
                prop_assert_eq!(&bytes[..], &content[range.start as usize..range.end as usize]);
            }
        }
    }

    #[test]
    fn a_range_past_the_end_and_a_folder_are_errors() {
        let file = file(b"abc");
        let reader = LocalFile::open(file.path().to_str().unwrap()).unwrap();
        assert!(reader.read_ranges(&[0..2, 2..9]).unwrap_err().message().contains("it may be truncated"));
        assert!(LocalFile::open(std::env::temp_dir().to_str().unwrap()).is_err());
    }
}
