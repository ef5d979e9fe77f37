//! Objects over HTTPS, at NASA's archives and anywhere else.
//!
//! An archive's host leads every request to a signed URL. That is found out once per object; all further ranges are asked
//! of the signed URL itself until it expires.

mod answer;
pub(crate) mod body;
pub(crate) mod cookies;
mod date;
mod retry;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use tokio::sync::Semaphore;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::ObjectIdentity;
use zagg_core::{Error, Result};

pub(crate) use retry::Failure;
pub use retry::Retries;

use answer::Broken;

use crate::earthdata::{Ask, Earthdata};
use crate::heads::Heads;
use crate::remote::{Answer, Remote, RemoteReader};

/// Requests in flight at once, over all objects.
const CONCURRENCY: usize = 96;
/// Objects whose signed URL is remembered.
const REMEMBERED: usize = 4096;

/// Opens objects by `https://`, with the login of an [`Earthdata`] where NASA's hosts ask for it; by `http://` without.
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct Https(Arc<Shared>);

struct Shared {
    earthdata: Earthdata,
    heads: Heads,
    in_flight: Semaphore,
    /// By href as it was given: it may hold a signature of the user's own, and so may what was found.
    places: Mutex<HashMap<String, Arc<Place>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").field("earthdata", &self.earthdata).finish_non_exhaustive()
    }
}

impl Https {
    /// Nothing is asked for yet.
    pub fn new(earthdata: Earthdata) -> Self {
        Self::with_heads(earthdata, Heads::default())
    }

    pub(crate) fn with_heads(earthdata: Earthdata, heads: Heads) -> Self {
        let in_flight = Semaphore::new(CONCURRENCY);
        Self(Arc::new(Shared { earthdata, heads, in_flight, places: Mutex::default() }))
    }

    /// Whether an href can be read at all.
    ///
    /// # Errors
    /// When it is no URL of `http` or `https`, or holds a user name.
    pub fn check(href: &str) -> Result<()> {
        parse(href).map(drop)
    }

    /// Opens an object with one request for its first bytes, redirects aside.
    ///
    /// # Errors
    /// When the href is none, the object is not there, a login is wanting or refused, or the server cannot be reached.
    pub fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        Ok(Arc::new(RemoteReader::open(self.object(href)?, &self.0.heads)?))
    }

    /// A reader of an object that was seen before; nothing is asked for yet.
    ///
    /// # Errors
    /// When the href is none, or the identity has no ETag.
    pub fn open_known(&self, href: &str, identity: &ObjectIdentity) -> Result<Arc<dyn RangeReader>> {
        Ok(Arc::new(RemoteReader::known(self.object(href)?, identity)?))
    }

    fn object(&self, href: &str) -> Result<HttpsObject> {
        let url = parse(href)?;
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= REMEMBERED {
            // Those in use stay; the others are found out again when they are needed.
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        let place = Arc::clone(places.entry(url.to_string()).or_default());
        drop(places);
        Ok(HttpsObject { location: location_of(&url), url, place, shared: Arc::clone(&self.0) })
    }
}

/// Where an object really is.
#[derive(Default)]
struct Place {
    /// The URL that serves it, often a signed one, once known.
    found: Mutex<Option<Arc<Found>>>,
    /// Held by whoever finds it out.
    finding: tokio::sync::Mutex<()>,
}

/// A URL that served the object.
struct Found {
    url: Url,
    /// How many times in a row it failed in a way that may pass.
    failures: AtomicU32,
}

impl Place {
    fn found(&self) -> MutexGuard<'_, Option<Arc<Found>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Option<Arc<Found>> {
        self.found().clone()
    }

    fn keep(&self, url: &Url) {
        *self.found() = Some(Arc::new(Found { url: url.clone(), failures: AtomicU32::new(0) }));
    }

    /// Forgets what was found then; another place may have been found meanwhile.
    fn forget(&self, then: &Arc<Found>) {
        let mut found = self.found();
        if found.as_ref().is_some_and(|now| Arc::ptr_eq(now, then)) {
            *found = None;
        }
    }
}

/// One object. Its URL may hold a signature of the user's own, so it is not shown.
pub(crate) struct HttpsObject {
    location: String,
    url: Url,
    place: Arc<Place>,
    shared: Arc<Shared>,
}

impl fmt::Debug for HttpsObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsObject").field("location", &self.location).finish_non_exhaustive()
    }
}

impl Remote for HttpsObject {
    fn location(&self) -> &str {
        &self.location
    }

    fn get(&self, range: Range<u64>, etag: Option<&str>) -> impl Future<Output = Result<Answer>> + Send {
        // Answers are compared with a weak one all the same.
        let etag = etag.filter(|etag| answer::is_strong(etag)).map(str::to_string);
        async move {
            let closed = |_| Error::io("requests are no longer made");
            // Waiting for one's turn is not among what is counted against a server.
            let _turn = self.shared.in_flight.acquire().await.map_err(closed)?;
            let broken = Broken::default();
            let attempt = async || {
                let (come, of) = broken.start();
                let if_match = etag.as_deref().or(of.as_deref());
                let ask = Ask { range: Some(range.start + come..range.end), if_match, json: false };
                broken.complete(self.attempt(&ask, &broken).await?, &self.location)
            };
            self.shared.earthdata.retries().run_on(attempt, || broken.progress()).await
        }
    }
}

impl HttpsObject {
    /// One request of the place that is known; of the href, with whatever redirects there are, when none is or it expired.
    async fn attempt(&self, ask: &Ask<'_>, broken: &Broken) -> Result<Answer, Failure> {
        if let Some(answer) = self.at_known_place(ask, broken).await? {
            return Ok(answer);
        }
        let session = self.shared.earthdata.session();
        // An archive's host redirects, and the others wait until one has found out where to. Elsewhere that would cost a
        // round trip for nothing.
        let finding = match session.is_nasa(&self.url) {
            true => Some(self.place.finding.lock().await),
            false => None,
        };
        // Somebody else may have found it while this one waited.
        if finding.is_some() && self.place.known().is_some() {
            drop(finding);
            let answer = self.at_known_place(ask, broken).await?;
            return answer.ok_or_else(|| Failure::Passing { error: self.expired(), after: None });
        }
        let landed = session.get(&self.url, ask).await?;
        if matches!(landed.response.status().as_u16(), 200 | 206) {
            self.place.keep(&landed.url);
        }
        drop(finding);
        answer::read(landed, ask, &self.location, session, broken).await
    }

    /// Asks the place that was found before; none when there is none, or it does not serve any more.
    async fn at_known_place(&self, ask: &Ask<'_>, broken: &Broken) -> Result<Option<Answer>, Failure> {
        let Some(found) = self.place.known() else { return Ok(None) };
        let session = self.shared.earthdata.session();
        let answer = match session.get(&found.url, ask).await {
            Ok(landed) => {
                // S3 says 403 after the end of a signature, and 400 after the end of the keys that signed; others send the
                // client away, or know nothing of the object any more.
                let gone = matches!(landed.response.status().as_u16(), 400 | 401 | 403 | 404 | 410);
                if found.url != self.url && (gone || landed.url != found.url) {
                    self.place.forget(&found);
                    return Ok(None);
                }
                answer::read(landed, ask, &self.location, session, broken).await
            }
            Err(Failure::Final(_)) if found.url != self.url => {
                self.place.forget(&found);
                return Ok(None);
            }
            Err(failure) => Err(failure),
        };
        match &answer {
            Err(Failure::Passing { .. }) if found.url != self.url => {
                // A server that is not there any more is one that does not answer.
                if found.failures.fetch_add(1, Ordering::SeqCst) > 0 {
                    self.place.forget(&found);
                }
            }
            _ => found.failures.store(0, Ordering::SeqCst),
        }
        answer.map(Some)
    }

    fn expired(&self) -> Error {
        Error::temporary(format!("{}: the address that it redirects to does not serve", self.location))
    }
}

/// An href as a URL.
fn parse(href: &str) -> Result<Url> {
    let shown = || crate::shown(href);
    let url = Url::parse(href).map_err(|_| Error::input(format!("{} is no URL", shown())))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::input(format!("{} is no URL of https://", shown())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::input(format!(
            "{} holds a user name or password; put the login into the environment or a netrc file instead",
            shown()
        )));
    }
    Ok(url)
}

/// A URL for messages: without query, fragment, user name and password.
pub(crate) fn location_of(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Neither fails for URLs with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
