//! Credentials for granules that somebody else writes, renews and takes away: what a worker far from the user is lent.
//!
//! A worker is never sent a secret, only the place of an object that holds one. The object is JSON: `accessKeyId`,
//! `secretAccessKey`, `sessionToken` and `expiration` as an archive's own endpoint gives them, with the name of that
//! `archive`; or `token`, a bearer token of Earthdata; or both.

mod document;
mod keys;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use object_store::path::Path;
use zagg_core::{Error, ErrorKind, Result};

pub(super) use document::Lent;
pub use document::Loan;
pub(super) use keys::LentKeys;

use super::refreshed::{Clock, Fetched, Refreshed, system_clock};
use crate::runtime::block_on;
use crate::s3::Bucket;
use crate::secret::Secret;

/// How long before their end the object is read again: whoever renews it has done so by then.
const MARGIN: Duration = Duration::from_secs(600);
/// After how long an object is read again that does not say when it ends.
const UNKNOWN_LIFE: Duration = Duration::from_secs(1800);
/// How long it stands that what it holds was refused, or that it could not be read: reading it is one small request.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest object that is read.
const LONGEST: u64 = 64 << 10;

/// Where credentials for granules are. It is read when they are first needed, before they end, and when a server refuses
/// them. Clones share what was read.
#[derive(Clone)]
pub struct CredentialsObject(Arc<Shared>);

struct Shared {
    location: String,
    place: Place,
    clock: Clock,
    kept: Refreshed<Arc<Lent>>,
}

enum Place {
    File(PathBuf),
    Object(Arc<Bucket>, Path),
}

impl fmt::Debug for CredentialsObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CredentialsObject").field(&self.0.location).finish()
    }
}

impl CredentialsObject {
    pub(crate) fn of_file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::at(path.display().to_string(), Place::File(path), system_clock())
    }

    pub(crate) fn of_object(location: &str, bucket: Arc<Bucket>, key: Path) -> Self {
        Self::at(location.to_string(), Place::Object(bucket, key), system_clock())
    }

    fn at(location: String, place: Place, clock: Clock) -> Self {
        let kept = Refreshed::new(Arc::clone(&clock), MARGIN).standing_for(AGAIN);
        Self(Arc::new(Shared { location, place, clock, kept }))
    }

    /// Where it is.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// When the keys in it end, or none where it does not say. It is read when that was not done before, or they end soon.
    ///
    /// # Errors
    /// When it cannot be read, is no such document, or has ended and was not renewed.
    pub fn ends(&self) -> Result<Option<SystemTime>> {
        block_on(async { Ok(self.get().await?.ends) })
    }

    /// The same for whoever needs it until some time: what ends sooner is read again, since it may have been renewed since it
    /// was read, once in two seconds at most.
    ///
    /// # Errors
    /// As of [`Self::ends`].
    pub fn ends_reading_again_before(&self, until: SystemTime) -> Result<Option<SystemTime>> {
        let ends = self.ends()?;
        let soon = ends.is_some_and(|at| at < until);
        if soon && self.0.kept.refused(|lent| lent.ends == ends) {
            return self.ends();
        }
        Ok(ends)
    }

    /// What it holds, read anew when that ends soon.
    pub(super) async fn get(&self) -> Result<Arc<Lent>> {
        self.0.kept.get(|| self.fetch()).await
    }

    /// The bearer token.
    pub(super) async fn token(&self) -> Result<Secret> {
        self.get().await?.token.clone().ok_or_else(|| {
            Error::input(format!(
                "the credentials object {} holds no token, which these granules need; run with --driver s3, or give a token",
                self.0.location
            ))
        })
    }

    /// A server refused something of it. Gives whether reading it again may help.
    pub(super) fn refused(&self, meant: impl FnOnce(&Lent) -> bool) -> bool {
        self.0.kept.refused(|lent| meant(lent))
    }

    async fn fetch(&self) -> Result<Fetched<Arc<Lent>>> {
        let location = &self.0.location;
        let of = |error: Error| error.context(format!("credentials object {location}"));
        let bytes = self.read().await.map_err(|error| {
            // Written a moment before the first worker starts, and taken away after the last.
            if error.kind() == ErrorKind::NotFound {
                of(error.context("has been taken away"))
            } else {
                of(error)
            }
        })?;
        let lent = Lent::parse(&bytes).map_err(|what| of(Error::corrupt(what)))?;
        let now = (self.0.clock)().date;
        if let Some(ends) = lent.ends.filter(|ends| *ends <= now) {
            let ago = now.duration_since(ends).unwrap_or_default().as_secs();
            return Err(of(Error::temporary(format!(
                "what it holds ended {ago} s ago and was not renewed; the program that started this run renews it"
            ))));
        }
        let ends = lent.ends.unwrap_or(now + UNKNOWN_LIFE);
        Ok(Fetched { value: Arc::new(lent), ends })
    }

    async fn read(&self) -> Result<Bytes> {
        let location = &self.0.location;
        match &self.0.place {
            Place::Object(bucket, key) => bucket
                .whole(location, key, LONGEST)
                .await?
                .ok_or_else(|| Error::not_found("there is no such object")),
            Place::File(path) => {
                let found = std::fs::metadata(path).map_err(|error| Error::from_io(&error, "the file"))?;
                // A named pipe would wait for a writer.
                if !found.is_file() || found.len() > LONGEST {
                    return Err(Error::input(format!("is not a file of at most {LONGEST} bytes")));
                }
                std::fs::read(path).map(Bytes::from).map_err(|error| Error::from_io(&error, "the file"))
            }
        }
    }
}

#[cfg(test)]
#[path = "lent/tests.rs"]
mod tests;
