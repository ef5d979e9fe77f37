//! One bucket as one chain of credentials sees it: requests with retries, renewed keys and the region found out.

mod change;
mod list;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{
    BackoffConfig, Extensions, GetOptions, GetRange, GetResult, ObjectStore, PutMode, PutOptions, RetryConfig,
};
use tokio::sync::Semaphore;
use zagg_core::{Error, Result};

use super::connect::{Shared, Watch, region};
use super::fault::{Verdict, judge};
use super::keys::{Checked, Keys, foreign};
use super::place::Place;
use crate::client;
use crate::https::Retries;
use crate::remote::Answer;

/// Region that is tried when nobody knows better; a bucket elsewhere says so.
const FIRST_GUESS: &str = "us-east-1";
/// Requests in flight at once, over all buckets: as many sockets, well below the 256 files that some systems allow.
const IN_FLIGHT: usize = 96;

/// What all buckets share: connections, the number of requests at once, how often they are repeated.
#[derive(Clone)]
pub(crate) struct Network {
    client: reqwest::Client,
    uploads: reqwest::Client,
    permits: Arc<Semaphore>,
    retries: RetryConfig,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client shows its proxies.
        f.debug_struct("Network").field("retries", &self.retries).finish_non_exhaustive()
    }
}

impl Network {
    /// A pool without connections.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(retries: &Retries) -> Result<Self> {
        let client = client::shared()?;
        let uploads = client::shared_uploads()?;
        let permits = Arc::new(Semaphore::new(IN_FLIGHT));
        // The next pause is random between the first and three times the last one, which must be a range.
        let first = retries.first_pause.max(Duration::from_millis(1));
        let backoff =
            BackoffConfig { init_backoff: first, max_backoff: retries.longest_pause.max(first), base: 3. };
        let retries = RetryConfig {
            backoff,
            max_retries: retries.attempts.saturating_sub(1) as usize,
            retry_timeout: retries.total,
        };
        Ok(Self { client, uploads, permits, retries })
    }
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    name: String,
    place: Place,
    /// Who signs; nobody when none.
    keys: Option<Arc<dyn Keys>>,
    network: Network,
    current: RwLock<Current>,
}

/// The store for the region that the bucket is believed to be in.
#[derive(Debug, Clone)]
struct Current {
    region: String,
    store: Arc<AmazonS3>,
}

impl Bucket {
    /// A bucket; asks for nothing yet.
    ///
    /// # Errors
    /// When the region is none.
    pub(crate) fn new(
        name: &str,
        place: Place,
        region_given: Option<&str>,
        keys: Option<Arc<dyn Keys>>,
        network: Network,
    ) -> Result<Self> {
        let region = region(region_given.unwrap_or(FIRST_GUESS)).ok_or_else(|| {
            Error::input(format!("{:?} is not the name of a region", region_given.unwrap_or_default()))
        })?;
        let store = Arc::new(store(name, &place, &region, keys.as_ref(), &network)?);
        let current = RwLock::new(Current { region, store });
        Ok(Self { name: name.to_string(), place, keys, network, current })
    }

    /// Asks for a range of an object, only of that with the ETag when one is given.
    ///
    /// # Errors
    /// Names the location, says who signed and what to do.
    pub(crate) async fn get(
        &self,
        location: &str,
        key: &Path,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Answer> {
        let act = |store: Arc<AmazonS3>, watch: Watch| {
            let range = range.clone();
            async move {
                // A weak ETag never matches where a strong one is asked for; the answer's is compared anyway.
                let if_match = etag.filter(|etag| is_strong(etag)).map(str::to_string);
                self.continued(&store, key, range, if_match, &watch).await
            }
        };
        self.attempt(location, true, act).await
    }

    /// One range, in pieces where answers break off after a long time. object_store goes on where an answer broke, too, but
    /// counts the time that it took against the server; slow links would never get to the end.
    async fn continued(
        &self,
        store: &AmazonS3,
        key: &Path,
        mut range: Range<u64>,
        mut if_match: Option<String>,
        watch: &Watch,
    ) -> object_store::Result<Answer> {
        let retries = &self.network.retries;
        let mut before: Option<Answer> = None;
        let mut left = retries.max_retries;
        loop {
            let start = Instant::now();
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.clone())),
                if_match: if_match.clone(),
                extensions: extensions(watch),
                ..GetOptions::default()
            };
            let answer = match store.get_opts(key, options).await {
                Ok(answer) => answer,
                Err(error) => {
                    let seen = watch.seen();
                    // No range of an empty object can be satisfied, though some servers answer all the same.
                    let empty = seen.status == Some(416) || (seen.status == Some(200) && seen.empty);
                    if empty && range.start == 0 {
                        return Ok(Answer { bytes: Bytes::new(), size: 0, etag: None });
                    }
                    return Err(error);
                }
            };
            let (size, etag) = (answer.meta.size, answer.meta.e_tag.clone());
            if before.as_ref().is_some_and(|before| before.size != size || before.etag != etag) {
                return Err(foreign(Error::changed(
                    "was replaced while it was read; run again to read the new one",
                )));
            }
            let mut bytes = BytesMut::new();
            let failure = collect(answer, range.end - range.start, &mut bytes).await.err();
            let came = bytes.len() as u64;
            let bytes = match before.take() {
                Some(before) => [before.bytes, bytes.freeze()].concat().into(),
                None => bytes.freeze(),
            };
            let answer = Answer { bytes, size, etag };
            let Some(failure) = failure else { return Ok(answer) };
            let strong = answer.etag.clone().filter(|etag| is_strong(etag));
            if left == 0 || came == 0 || strong.is_none() || start.elapsed() <= retries.retry_timeout {
                return Err(failure);
            }
            left -= 1;
            range.start += came;
            if_match = strong;
            before = Some(answer);
        }
    }

    /// A whole object of at most `longest` bytes; none where there is none.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the object is longer.
    pub(crate) async fn whole(&self, location: &str, key: &Path, longest: u64) -> Result<Option<Bytes>> {
        let act = |store: Arc<AmazonS3>, watch: Watch| async move {
            let options = GetOptions { extensions: extensions(&watch), ..GetOptions::default() };
            let answer = store.get_opts(key, options).await?;
            if answer.meta.size > longest {
                return Ok(None);
            }
            let size = answer.meta.size;
            let mut bytes = BytesMut::new();
            collect(answer, size, &mut bytes).await?;
            Ok(Some(bytes.freeze()))
        };
        match self.attempt(location, false, act).await {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => Err(Error::corrupt(format!("{location}: is longer than {longest} bytes"))),
            Err(error) if error.kind() == zagg_core::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a whole object in place of an older one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn put(&self, location: &str, key: &Path, bytes: &Bytes) -> Result<()> {
        let act = |store: Arc<AmazonS3>, watch: Watch| async move {
            let options = PutOptions {
                mode: PutMode::Overwrite,
                extensions: extensions(&watch),
                ..PutOptions::default()
            };
            match store.put_opts(key, bytes.clone().into(), options).await {
                // It is written, even if the server does not give the ETag that object_store wants to see.
                Err(_) if watch.seen().is_success() => Ok(()),
                result => result.map(drop),
            }
        };
        self.attempt(location, false, act).await
    }

    /// Does something, once more with renewed keys and once more in the right region where that helps. `ranged`: whether it
    /// asks for a part of an object.
    async fn attempt<T, F, G>(&self, location: &str, ranged: bool, act: F) -> Result<T>
    where
        F: Fn(Arc<AmazonS3>, Watch) -> G,
        G: Future<Output = object_store::Result<T>>,
    {
        let _permit = self.network.permits.acquire().await.map_err(|error| Error::io(error.to_string()))?;
        let (mut renewed, mut moved) = (false, false);
        loop {
            let watch = Watch::default();
            let Current { region, store } = self.current();
            let error = match act(store, watch.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let seen = watch.seen();
            match judge(&error, &seen, location, ranged, self.keys.as_deref()) {
                Verdict::Renew(error) => {
                    let refused = seen.key_id.unwrap_or_default();
                    if renewed || !self.keys.as_ref().is_some_and(|keys| keys.renew(&refused)) {
                        return Err(error);
                    }
                    renewed = true;
                }
                Verdict::Move(error) => {
                    if moved {
                        return Err(error);
                    }
                    let found = match seen.region.filter(|found| *found != region) {
                        Some(found) => found,
                        None => self.find_region(location).await?.ok_or(error)?,
                    };
                    self.move_to(&found)?;
                    moved = true;
                }
                Verdict::Final(error) => return Err(error),
            }
        }
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn move_to(&self, region: &str) -> Result<()> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.region != region {
            let store = Arc::new(store(&self.name, &self.place, region, self.keys.as_ref(), &self.network)?);
            *current = Current { region: region.to_string(), store };
        }
        Ok(())
    }

    /// Asks the bucket for its region, which it tells everybody, whatever the status.
    async fn find_region(&self, location: &str) -> Result<Option<String>> {
        let answer =
            self.network.client.head(self.place.bucket_url(&self.name)).send().await.map_err(|error| {
                let why = client::chain(&error.without_url());
                Error::temporary(format!("{location}: asking for the region of the bucket: {why}"))
            })?;
        let header = answer.headers().get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        Ok(header.and_then(region))
    }
}

fn store(
    name: &str,
    place: &Place,
    region: &str,
    keys: Option<&Arc<dyn Keys>>,
    network: &Network,
) -> Result<AmazonS3> {
    let builder = place
        .builder(name, region)
        .with_retry(network.retries.clone())
        .with_disable_bulk_delete(true)
        .with_http_connector(Shared::new(network.client.clone(), network.uploads.clone()));
    let builder = match keys {
        Some(keys) => builder.with_credentials(Arc::new(Checked(Arc::clone(keys)))),
        None => builder.with_skip_signature(true),
    };
    builder.build().map_err(|error| Error::input(format!("bucket {name}: {}", client::chain(&error))))
}

fn extensions(watch: &Watch) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(watch.clone());
    extensions
}

/// Whether an ETag stands for the very same bytes.
fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
}

/// The body of an answer, of which no more is taken than was asked for. What came before a failure is there, too.
async fn collect(answer: GetResult, longest: u64, joined: &mut BytesMut) -> object_store::Result<()> {
    let expected = (answer.range.end - answer.range.start).min(longest);
    let mut stream = answer.into_stream();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        if joined.is_empty() {
            joined.reserve(expected as usize);
        }
        let room = expected as usize - joined.len();
        joined.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if joined.len() as u64 == expected {
            break;
        }
    }
    Ok(())
}
