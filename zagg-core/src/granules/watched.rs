//! What the reads of a granule tell beside their bytes: that it is the object it was opened as, and whether a transfer
//! failed.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::range_reader::{RangeReader, check_ranges};

/// Decorator that notes whether anything was read, and the first transfer that failed.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Arc<dyn RangeReader>,
    /// Whether bytes of the object were read.
    seen: Arc<AtomicBool>,
    fault: Mutex<Option<Error>>,
    proving: Mutex<()>,
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn RangeReader>) -> Self {
        Self::seen_by(inner, Arc::default())
    }

    /// With a flag that others of the same object share.
    pub(super) fn seen_by(inner: Arc<dyn RangeReader>, seen: Arc<AtomicBool>) -> Self {
        Self { inner, seen, fault: Mutex::default(), proving: Mutex::default() }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.seen.load(Ordering::SeqCst)
    }

    /// Reads one byte, unless something was read before: a reader of a known object may not have asked for it yet.
    ///
    /// # Errors
    /// As of the read: when the object is gone, is another one, or cannot be reached.
    pub(crate) fn prove(&self) -> Result<()> {
        let _one_at_a_time = self.proving.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_seen() {
            return Ok(());
        }
        if self.size() == 0 {
            return Err(Error::changed(format!(
                "{}: has no byte by which it could be known again",
                self.location()
            )));
        }
        self.read_ranges(&[0..1]).map(drop)
    }

    /// The first transfer that failed. A granule that was opened meanwhile may seem to lack what it has.
    pub(super) fn fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RangeReader for Watched {
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
        // What passes the end is a fault of the granule, and no transfer.
        check_ranges(self.location(), self.size(), ranges)?;
        let answer = self.inner.read_ranges(ranges);
        match &answer {
            Ok(_) if ranges.iter().all(Range::is_empty) => {}
            Ok(_) => self.seen.store(true, Ordering::SeqCst),
            Err(error) => {
                let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                fault.get_or_insert_with(|| error.clone());
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::range_reader::{Failing, MemoryReader};

    #[test]
    fn only_a_transfer_is_a_fault_and_only_bytes_are_a_proof() {
        let watched = Watched::new(Arc::new(MemoryReader::new("m", vec![1u8, 2])));
        watched.read_ranges(&[1..1]).unwrap();
        watched.read_ranges(&[1..3]).unwrap_err();
        assert!(!watched.is_seen() && watched.fault().is_none());
        watched.prove().unwrap();
        assert!(watched.is_seen());

        let failing = Failing::new(Arc::new(MemoryReader::new("m", vec![1u8, 2])), |_, _| {
            Some(Error::not_found("m: 404"))
        });
        let watched = Watched::new(Arc::new(failing));
        assert_eq!(watched.prove().unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!watched.is_seen());
        assert_eq!(watched.fault(), Some(Error::not_found("m: 404")));

        let empty = Watched::new(Arc::new(MemoryReader::new("m", Vec::new())));
        assert_eq!(empty.prove().unwrap_err().kind(), ErrorKind::Changed);
    }
}
