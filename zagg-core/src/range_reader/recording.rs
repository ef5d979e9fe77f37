//! A reader that writes down every call.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::RangeReader;
use crate::error::Result;

/// One call of `read_ranges`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The ranges that were asked for.
    pub ranges: Vec<Range<u64>>,
    /// One more than the greatest depth among the calls that had ended when this one began: calls that overlap in time do
    /// not depend on each other.
    pub depth: u64,
}

/// What a [`Recording`] has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The calls in the order in which they began.
    pub calls: Vec<Call>,
}

impl Recorded {
    /// Dependent steps: the longest chain of calls of which each began after the one before had ended.
    pub fn round_trips(&self) -> u64 {
        self.calls.iter().map(|call| call.depth).max().unwrap_or(0)
    }

    /// Ranges asked for, over all calls.
    pub fn requests(&self) -> u64 {
        self.calls.iter().map(|call| call.ranges.len() as u64).sum()
    }

    /// Bytes asked for, over all calls.
    pub fn bytes(&self) -> u64 {
        self.calls.iter().flat_map(|call| &call.ranges).map(|r| r.end - r.start).sum()
    }
}

/// Decorator that writes down every call.
#[derive(Debug)]
pub struct Recording {
    inner: Arc<dyn RangeReader>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    recorded: Recorded,
    /// Greatest depth among the calls that have ended.
    ended: u64,
}

impl Recording {
    /// Records what passes to `inner`.
    pub fn new(inner: Arc<dyn RangeReader>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// A copy of the record so far.
    pub fn recorded(&self) -> Recorded {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recorded.clone()
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
        let depth = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let depth = state.ended + 1;
            state.recorded.calls.push(Call { ranges: ranges.to_vec(), depth });
            depth
        };
        let answer = self.inner.read_ranges(ranges);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended = state.ended.max(depth);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Latency, MemoryReader};
    use super::*;
    use std::time::Duration;

    #[test]
    fn calls_ranges_and_bytes_are_counted() {
        let reader = Recording::new(Arc::new(MemoryReader::new("m", vec![0u8; 100])));
        reader.read_ranges(&[0..10, 20..25]).unwrap();
        reader.read_ranges(&[50..51]).unwrap();
        let recorded = reader.recorded();
        assert_eq!((recorded.round_trips(), recorded.requests(), recorded.bytes()), (2, 3, 16));
    }

    #[test]
    fn calls_that_overlap_are_one_round_trip() {
        let slow = Latency::new(Arc::new(MemoryReader::new("m", vec![0u8; 9])), Duration::from_millis(200));
        let reader = Recording::new(Arc::new(slow));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| reader.read_ranges(&[0..1]).unwrap());
            }
        });
        assert_eq!((reader.recorded().calls.len(), reader.recorded().round_trips()), (3, 1));
        reader.read_ranges(&[0..1]).unwrap();
        assert_eq!(reader.recorded().round_trips(), 2);
    }
}
