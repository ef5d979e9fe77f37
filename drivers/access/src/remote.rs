//! Readers of objects on a server: one request to open, identity checked with every answer, ranges coalesced.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use zagg_core::range_reader::{FIRST_READ, RangeReader, check_ranges};
use zagg_core::source::ObjectIdentity;
use zagg_core::{Error, Result};

use crate::coalesce::{self, Limits, slice_of};
use crate::heads::{Head, Heads};
use crate::runtime::block_on;

/// What one request brought.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Bytes from the start of the range asked for: all of it, or up to the end of the object.
    pub(crate) bytes: Bytes,
    /// Size of the whole object.
    pub(crate) size: u64,
    /// Its ETag, where the server gives one.
    pub(crate) etag: Option<String>,
}

/// One object on a server. Retries, credentials and redirects are behind it.
pub(crate) trait Remote: Send + Sync {
    /// Where the object is, for messages, without any query.
    fn location(&self) -> &str;

    /// Asks for a range that is not empty, with one request where all goes well. With an ETag, only of the object of that
    /// ETag. An empty object gives no bytes and the size 0.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`](zagg_core::ErrorKind::Changed) when the object has another ETag. Names the location.
    fn get(&self, range: Range<u64>, etag: Option<&str>) -> impl Future<Output = Result<Answer>> + Send;
}

/// A reader of a remote object.
#[derive(Debug)]
pub(crate) struct RemoteReader<R> {
    remote: R,
    identity: ObjectIdentity,
    head: Arc<Head>,
}

impl<R: Remote> RemoteReader<R> {
    /// Opens an object with one request, for its first bytes, which are kept for a while.
    ///
    /// # Errors
    /// As [`Remote::get`].
    pub(crate) fn open(remote: R, heads: &Heads) -> Result<Self> {
        let answer = block_on(remote.get(0..FIRST_READ, None))?;
        if answer.bytes.len() as u64 != answer.size.min(FIRST_READ) {
            return Err(Error::io(format!(
                "{}: {} bytes came of the first {}",
                remote.location(),
                answer.bytes.len(),
                answer.size.min(FIRST_READ)
            )));
        }
        let identity = ObjectIdentity { size: answer.size, etag: answer.etag };
        Ok(Self { remote, identity, head: heads.keep(answer.bytes) })
    }

    /// A reader of an object that was seen before; nothing is asked for yet.
    ///
    /// # Errors
    /// When the identity has no ETag and so cannot be told from another.
    pub(crate) fn known(remote: R, identity: &ObjectIdentity) -> Result<Self> {
        // An index may come from anywhere, and this goes into a header.
        let plain = |etag: &String| etag.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !identity.etag.as_ref().is_some_and(plain) {
            let location = remote.location();
            return Err(Error::changed(format!(
                "{location}: was indexed without a sound ETag; index it again"
            )));
        }
        Ok(Self { remote, identity: identity.clone(), head: Arc::default() })
    }

    /// One request, whose answer must be of the same object.
    async fn get(&self, range: Range<u64>) -> Result<Bytes> {
        let answer = self.remote.get(range, self.identity.etag.as_deref()).await?;
        let found = ObjectIdentity { size: answer.size, etag: answer.etag };
        if found != self.identity {
            return Err(Error::changed(format!(
                "{}: is another object than when it was opened; run again to read the new one",
                self.remote.location()
            )));
        }
        Ok(answer.bytes)
    }
}

impl<R: Remote> RangeReader for RemoteReader<R> {
    fn size(&self) -> u64 {
        self.identity.size
    }

    fn etag(&self) -> Option<&str> {
        self.identity.etag.as_deref()
    }

    fn location(&self) -> &str {
        self.remote.location()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        check_ranges(self.location(), self.size(), ranges)?;
        let mut answers: Vec<Option<Bytes>> = {
            let head = self.head.bytes();
            let here = |range: &Range<u64>| range.end <= head.len() as u64;
            let slice = |range: &Range<u64>| slice_of(&head, range.start as usize..range.end as usize);
            ranges.iter().map(|range| here(range).then(|| slice(range))).collect()
        };
        let absent: Vec<usize> = (0..ranges.len()).filter(|&at| answers[at].is_none()).collect();
        if !absent.is_empty() {
            let wanted: Vec<Range<u64>> = absent.iter().map(|&at| ranges[at].clone()).collect();
            let fetched = block_on(coalesce::fetch(&wanted, &Limits::NETWORK, |range| self.get(range)));
            let fetched = fetched.map_err(|error| self.named(error))?;
            for (at, bytes) in absent.into_iter().zip(fetched) {
                answers[at] = Some(bytes);
            }
        }
        if ranges.iter().any(|range| self.head.is_whole(range)) {
            // Whoever has all of it keeps it.
            self.head.forget();
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

impl<R: Remote> RemoteReader<R> {
    /// An error with the location in front, where it does not have it yet.
    fn named(&self, error: Error) -> Error {
        if error.message().starts_with(self.location()) { error } else { error.context(self.location()) }
    }
}
