//! A reader of an object that was cut short.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{RangeReader, check_ranges};
use crate::error::Result;

/// Decorator that cuts the object after some bytes.
#[derive(Debug)]
pub struct Truncating {
    inner: Arc<dyn RangeReader>,
    len: u64,
    hidden: bool,
}

impl Truncating {
    /// An upload or download that stopped: the object ends after `len` bytes, and says so.
    pub fn new(inner: Arc<dyn RangeReader>, len: u64) -> Self {
        Self { len: len.min(inner.size()), inner, hidden: false }
    }

    /// A reader that breaks its contract: it claims the whole size and gives short answers behind `len` bytes. What reads
    /// must survive that.
    pub fn hidden(inner: Arc<dyn RangeReader>, len: u64) -> Self {
        Self { hidden: true, ..Self::new(inner, len) }
    }
}

impl RangeReader for Truncating {
    fn size(&self) -> u64 {
        if self.hidden { self.inner.size() } else { self.len }
    }

    fn etag(&self) -> Option<&str> {
        self.inner.etag()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        check_ranges(self.location(), self.size(), ranges)?;
        let short: Vec<_> = ranges.iter().map(|r| r.start.min(self.len)..r.end.min(self.len)).collect();
        self.inner.read_ranges(&short)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryReader;
    use super::*;

    #[test]
    fn a_cut_is_an_error_or_a_short_answer() {
        let memory = Arc::new(MemoryReader::new("m", vec![7u8; 8]));
        let open = Truncating::new(memory.clone(), 5);
        assert_eq!(open.size(), 5);
        assert!(open.read_ranges(&[4..6]).unwrap_err().message().contains("it may be truncated"));
        let hidden = Truncating::hidden(memory, 5);
        assert_eq!(hidden.size(), 8);
        assert_eq!(
            hidden.read_ranges(&[0..2, 4..6, 6..8]).unwrap().iter().map(Bytes::len).collect::<Vec<_>>(),
            [2, 1, 0]
        );
    }
}
