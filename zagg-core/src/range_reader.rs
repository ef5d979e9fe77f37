//! Byte ranges of one object: the only way sources touch files.
//!
//! One call asks for many ranges at once; an implementation fetches them side by side and merges neighbours.
//! A *round trip* is one such call: what lies in one call costs one latency. [`Recording`] counts them, so that tests
//! can assert how many a source needs.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::error::{Error, Result};

/// Random access to the bytes of one object.
pub trait RangeReader: Send + Sync {
    /// Length of the object in bytes.
    fn size(&self) -> u64;

    /// What tells this version of the object from another (an ETag, or size and time of change), where there is one.
    fn etag(&self) -> Option<&str>;

    /// Where the object is, for messages. Never holds a secret (no signed query string).
    fn location(&self) -> &str;

    /// The bytes of each range, in the order asked.
    ///
    /// Ranges may overlap and come in any order. An empty range gives empty bytes.
    ///
    /// # Errors
    /// Fails when a range passes the end of the object, when fewer bytes arrive than asked for, or when the transfer
    /// fails; never returns a short answer.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>>;
}

impl fmt::Debug for dyn RangeReader + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RangeReader({}, {} bytes)", self.location(), self.size())
    }
}

/// Checks ranges against the size of an object; implementations call this first.
///
/// # Errors
/// Names the first range that is reversed or passes the end.
pub fn check_ranges(location: &str, size: u64, ranges: &[Range<u64>]) -> Result<()> {
    for range in ranges {
        if range.start > range.end || range.end > size {
            return Err(Error::corrupt(format!(
                "{location}: bytes {}..{} lie outside the object, which has {size} bytes; it may be truncated",
                range.start, range.end
            )));
        }
    }
    Ok(())
}

/// An object held in memory.
#[derive(Debug, Clone)]
pub struct MemoryReader {
    location: String,
    bytes: Bytes,
}

impl MemoryReader {
    /// An object with the given name and content.
    pub fn new(location: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { location: location.into(), bytes: bytes.into() }
    }
}

impl RangeReader for MemoryReader {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn etag(&self) -> Option<&str> {
        None
    }

    fn location(&self) -> &str {
        &self.location
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        check_ranges(&self.location, self.size(), ranges)?;
        Ok(ranges.iter().map(|r| self.bytes.slice(r.start as usize..r.end as usize)).collect())
    }
}

/// What a [`Recording`] has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// One entry per call of `read_ranges`: the ranges that were asked for. Its length is the number of round trips.
    pub calls: Vec<Vec<Range<u64>>>,
}

impl Recorded {
    /// Calls made so far: the dependent steps when one thread reads.
    pub fn round_trips(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Ranges asked for, over all calls.
    pub fn requests(&self) -> u64 {
        self.calls.iter().map(|ranges| ranges.len() as u64).sum()
    }

    /// Bytes asked for, over all calls.
    pub fn bytes(&self) -> u64 {
        self.calls.iter().flatten().map(|r| r.end - r.start).sum()
    }
}

/// Decorator that writes down every call.
#[derive(Debug)]
pub struct Recording {
    inner: Arc<dyn RangeReader>,
    recorded: Mutex<Recorded>,
}

impl Recording {
    /// Records what passes to `inner`.
    pub fn new(inner: Arc<dyn RangeReader>) -> Self {
        Self { inner, recorded: Mutex::default() }
    }

    /// A copy of the record so far.
    pub fn recorded(&self) -> Recorded {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RangeReader for Recording {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn etag(&self) -> Option<&str> {
        self.inner.etag()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).calls.push(ranges.to_vec());
        self.inner.read_ranges(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_reader_slices_and_refuses_what_lies_outside() {
        let reader = MemoryReader::new("m", vec![1u8, 2, 3, 4]);
        let got = reader.read_ranges(&[2..4, 0..1, 3..3]).unwrap();
        assert_eq!(got.iter().map(|b| b.to_vec()).collect::<Vec<_>>(), [vec![3, 4], vec![1], vec![]]);
        let error = reader.read_ranges(&[0..1, 2..5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "m: bytes 2..5 lie outside the object, which has 4 bytes; it may be truncated"
        );
    }

    #[test]
    fn recording_counts_calls_ranges_and_bytes() {
        let reader = Recording::new(Arc::new(MemoryReader::new("m", vec![0u8; 100])));
        reader.read_ranges(&[0..10, 20..25]).unwrap();
        reader.read_ranges(&[50..51]).unwrap();
        let recorded = reader.recorded();
        assert_eq!((recorded.round_trips(), recorded.requests(), recorded.bytes()), (2, 3, 16));
    }
}
