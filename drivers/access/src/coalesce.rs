//! From many wanted ranges to few requests, side by side.
//!
//! Planning is apart from fetching: [`plan`] is a pure function of the ranges and the limits.

use std::future::Future;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use zagg_core::{Error, Result};

/// How ranges become requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Ranges with at most this many bytes between them are fetched together.
    pub(crate) gap: u64,
    /// Longest request; longer ranges are split, shorter ones not merged beyond it.
    pub(crate) longest: u64,
    /// Requests in flight at once.
    pub(crate) concurrency: usize,
}

impl Limits {
    /// For object stores.
    ///
    /// A request is answered after some 30 ms and then brings 50 to 90 MB/s. 64 KiB of gap cost under 2 ms of that and
    /// save a request; a gap of 1 MiB, which is common, costs as much as the request it saves and fetches several times
    /// the chunks of one beam. Requests of 8 MiB spend most of their time on bytes; longer ones would leave the link to
    /// one connection. 32 at once fetch six beams with five variables each in one round trip, coalesced or not.
    pub(crate) const NETWORK: Self = Self { gap: 64 << 10, longest: 8 << 20, concurrency: 32 };
}

/// Fetches ranges with few requests. `get` answers one request; a short answer is an error here.
///
/// Every answer is exactly as long as its range, in the order of the ranges; no byte is asked for twice.
///
/// # Errors
/// That of the first request that fails; the others are abandoned.
pub(crate) async fn fetch<F, G>(ranges: &[Range<u64>], limits: &Limits, get: F) -> Result<Vec<Bytes>>
where
    F: Fn(Range<u64>) -> G,
    G: Future<Output = Result<Bytes>>,
{
    let spans = plan(ranges, limits);
    // Split lazily: what a hostile file asks for is never counted out before bytes arrive.
    let requests = spans.iter().flat_map(|span| split(span, limits.longest));
    let answer = |request: Range<u64>| {
        let answer = get(request.clone());
        async move {
            let bytes = answer.await?;
            if bytes.len() as u64 == request.end - request.start {
                return Ok((request, bytes));
            }
            Err(Error::io(format!(
                "bytes {}..{}: {} bytes came instead of {}",
                request.start,
                request.end,
                bytes.len(),
                request.end - request.start
            )))
        }
    };
    let mut answers: Vec<(Range<u64>, Bytes)> =
        stream::iter(requests.map(answer)).buffer_unordered(limits.concurrency.max(1)).try_collect().await?;
    answers.sort_unstable_by_key(|(request, _)| request.start);
    ranges.iter().map(|range| assemble(range, &answers)).collect()
}

/// Spans that together hold every byte of the ranges, ascending and without overlap.
///
/// A span is longer than `limits.longest` only where a single range is; [`split`] cuts it.
fn plan(ranges: &[Range<u64>], limits: &Limits) -> Vec<Range<u64>> {
    let mut wanted: Vec<&Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).collect();
    wanted.sort_unstable_by_key(|range| (range.start, range.end));
    let mut spans: Vec<Range<u64>> = Vec::new();
    for range in wanted {
        let Some(last) = spans.last_mut() else {
            spans.push(range.clone());
            continue;
        };
        // What an earlier span holds is not asked for again.
        let start = range.start.max(last.end);
        if start >= range.end {
            continue;
        }
        if start - last.end <= limits.gap && range.end - last.start <= limits.longest {
            last.end = range.end;
        } else {
            spans.push(start..range.end);
        }
    }
    spans
}

/// Cuts a span into pieces of about the same length, none longer than `longest`.
fn split(span: &Range<u64>, longest: u64) -> impl Iterator<Item = Range<u64>> + use<> {
    let span = span.clone();
    let length = span.end - span.start;
    let pieces = length.div_ceil(longest.max(1)).max(1);
    let step = length.div_ceil(pieces);
    (0..pieces).map(move |piece| {
        let at = |piece: u64| span.start.saturating_add(step.saturating_mul(piece)).min(span.end);
        at(piece)..at(piece + 1)
    })
}

/// The bytes of a range from the answers that hold it.
fn assemble(range: &Range<u64>, answers: &[(Range<u64>, Bytes)]) -> Result<Bytes> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let first = answers.partition_point(|(request, _)| request.end <= range.start);
    let lost = || Error::io(format!("bytes {}..{} were not asked for", range.start, range.end));
    let holds = |at: usize, from: u64| match answers.get(at) {
        Some((request, bytes)) if request.start <= from => {
            let end = range.end.min(request.end);
            Ok((bytes, (from - request.start) as usize..(end - request.start) as usize, end))
        }
        _ => Err(lost()),
    };
    let (bytes, slice, end) = holds(first, range.start)?;
    if end == range.end {
        return Ok(slice_of(bytes, slice));
    }
    let mut joined = BytesMut::with_capacity((range.end - range.start) as usize);
    let (mut at, mut from) = (first, range.start);
    while from < range.end {
        let (bytes, slice, end) = holds(at, from)?;
        joined.extend_from_slice(&bytes[slice]);
        (at, from) = (at + 1, end);
    }
    Ok(joined.freeze())
}

/// A slice that does not keep a buffer alive of which it is the lesser part: whoever keeps it would keep the buffer.
pub(crate) fn slice_of(bytes: &Bytes, slice: Range<usize>) -> Bytes {
    if slice.len() >= bytes.len() / 2 { bytes.slice(slice) } else { Bytes::copy_from_slice(&bytes[slice]) }
}

#[cfg(test)]
mod tests;
