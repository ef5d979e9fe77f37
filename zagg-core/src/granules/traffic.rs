//! Counting what is read, per task: a source reads on the thread that asked it to.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::cores;
use crate::error::Result;
use crate::profile::{self, Counter, Phase};
use crate::range_reader::RangeReader;
use crate::report::Traffic;

thread_local! {
    static TRAFFIC: Cell<Traffic> = const { Cell::new(Traffic { bytes: 0, requests: 0, round_trips: 0 }) };
}

/// Decorator that adds every call to the traffic of the calling thread.
#[derive(Debug)]
pub struct Counting {
    inner: Arc<dyn RangeReader>,
}

impl Counting {
    /// Counts what passes to `inner`.
    pub fn new(inner: Arc<dyn RangeReader>) -> Self {
        Self { inner }
    }
}

impl RangeReader for Counting {
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
        add(Traffic {
            bytes: ranges.iter().map(|r| r.end.saturating_sub(r.start)).sum(),
            requests: ranges.len() as u64,
            round_trips: 1,
        });
        profile::time(Phase::Fetch, || cores::waiting(|| self.inner.read_ranges(ranges)))
    }
}

/// Adds the fetch of a whole object to the traffic of the calling thread.
pub(crate) fn count(bytes: u64) {
    add(Traffic { bytes, requests: 1, round_trips: 1 });
}

fn add(more: Traffic) {
    profile::add(Counter::BytesFetched, more.bytes);
    profile::add(Counter::Requests, more.requests);
    profile::add(Counter::RoundTrips, more.round_trips);
    let mut traffic = TRAFFIC.get();
    traffic += more;
    TRAFFIC.set(traffic);
}

/// Runs `work` and gives what was read on this thread meanwhile.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Traffic) {
    let before = TRAFFIC.replace(Traffic::default());
    let result = work();
    let mut total = before;
    let during = TRAFFIC.get();
    total += during;
    TRAFFIC.set(total);
    (result, during)
}
