//! A reader of which some calls fail.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::RangeReader;
use crate::error::{Error, Result};

type Decide = dyn Fn(u64, &[Range<u64>]) -> Option<Error> + Send + Sync;

/// Decorator that lets the calls fail which a function picks.
pub struct Failing {
    inner: Arc<dyn RangeReader>,
    calls: AtomicU64,
    decide: Box<Decide>,
}

impl Failing {
    /// `decide` is told the number of the call, from 0, and its ranges; the error that it gives is the answer.
    pub fn new(
        inner: Arc<dyn RangeReader>,
        decide: impl Fn(u64, &[Range<u64>]) -> Option<Error> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, calls: AtomicU64::new(0), decide: Box::new(decide) }
    }

    /// Every call from number `first` on fails with a clone of `error`.
    pub fn from_call(inner: Arc<dyn RangeReader>, first: u64, error: Error) -> Self {
        Self::new(inner, move |call, _| (call >= first).then(|| error.clone()))
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failing").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl RangeReader for Failing {
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
        match (self.decide)(self.calls.fetch_add(1, Ordering::Relaxed), ranges) {
            Some(error) => Err(error),
            None => self.inner.read_ranges(ranges),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryReader;
    use super::*;

    #[test]
    fn the_chosen_calls_fail_and_the_others_do_not() {
        let memory = || Arc::new(MemoryReader::new("m", vec![7u8; 8]));
        let late = Failing::from_call(memory(), 1, Error::temporary("m: slow down"));
        assert!(late.read_ranges(&[0..8]).is_ok());
        assert_eq!(late.read_ranges(&[0..8]).unwrap_err(), Error::temporary("m: slow down"));
        let second_half =
            |_, ranges: &[Range<u64>]| ranges.iter().any(|r| r.end > 4).then(|| Error::io("m: unreadable"));
        let half = Failing::new(memory(), second_half);
        assert!(half.read_ranges(&[0..4]).is_ok() && half.read_ranges(&[0..1, 4..5]).is_err());
    }
}
