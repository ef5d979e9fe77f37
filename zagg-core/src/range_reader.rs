//! Byte ranges of one object: the only way sources touch files.
//!
//! One call asks for many ranges at once; an implementation fetches them side by side and merges neighbours.
//! A *round trip* is one such call: what lies in one call costs one latency.
//!
//! Four decorators serve tests of whatever reads: [`Recording`] writes down every call, [`Latency`] makes calls as slow as
//! a network, [`Failing`] lets some fail, [`Truncating`] cuts the object short.

mod failing;
mod latency;
mod recording;
mod truncating;

use std::fmt;
use std::ops::Range;

pub use failing::Failing;
pub use latency::Latency;
pub use recording::{Call, Recorded, Recording};
pub use truncating::Truncating;

use bytes::Bytes;

use crate::error::{Error, Result};

/// Bytes at the start of an object that a reader over a network fetches with its first request, which also tells the size:
/// where a file keeps much of its metadata. Reads within them cost no round trip.
pub const FIRST_READ: u64 = 112 << 10;

/// Random access to the bytes of one object.
pub trait RangeReader: Send + Sync {
    /// Length of the object in bytes.
    fn size(&self) -> u64;

    /// What tells this version of the object from another (an ETag, or size and time of change), where there is one.
    fn etag(&self) -> Option<&str>;

    /// Where the object is: the path of a file of this machine, or an address with its scheme (`://`), of which sources read more
    /// at once. It stands in messages and never holds a secret (no signed query string).
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
}
