//! A reader as slow as a network.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::RangeReader;
use crate::error::Result;

/// Decorator that makes every call wait, and its bytes pass a link of limited speed.
#[derive(Debug)]
pub struct Latency {
    inner: Arc<dyn RangeReader>,
    round_trip: Duration,
    bytes_per_second: Option<f64>,
}

impl Latency {
    /// Every call takes `round_trip` longer.
    pub fn new(inner: Arc<dyn RangeReader>, round_trip: Duration) -> Self {
        Self { inner, round_trip, bytes_per_second: None }
    }

    /// The bytes of a call arrive at this speed. A speed that is not positive means no limit.
    #[must_use]
    pub fn with_bytes_per_second(mut self, speed: f64) -> Self {
        self.bytes_per_second = (speed > 0.0).then_some(speed);
        self
    }
}

impl RangeReader for Latency {
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
        let bytes: u64 = ranges.iter().map(|r| r.end.saturating_sub(r.start)).sum();
        let transfer = self.bytes_per_second.map_or(0.0, |speed| bytes as f64 / speed);
        std::thread::sleep(
            self.round_trip.saturating_add(Duration::try_from_secs_f64(transfer).unwrap_or_default()),
        );
        self.inner.read_ranges(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryReader;
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_call_waits_once_and_for_its_bytes() {
        let memory = Arc::new(MemoryReader::new("m", vec![0u8; 1000]));
        let reader = Latency::new(memory, Duration::from_millis(20)).with_bytes_per_second(10_000.0);
        let started = Instant::now();
        reader.read_ranges(&[0..100, 100..200]).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(40));
    }
}
