//! Changes that object_store does not repeat by itself: after an answer that never came they may have been made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use zagg_core::{Error, ErrorKind, Result};

use super::{Bucket, extensions};
use crate::s3::connect::Watch;

/// What came of a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Made,
    /// There was an object of that name before.
    Taken,
    /// There is one, which an earlier request of ours may have made.
    Unsure,
}

impl Bucket {
    /// Writes a whole object where there is none, and says whether it did (`If-None-Match: *`).
    ///
    /// After an answer that was lost, or an error of the server, the object may be there because of this very call: then it
    /// is ours when it has our bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when the server overwrites all the same.
    pub(crate) async fn put_new(&self, location: &str, key: &Path, bytes: &Bytes) -> Result<bool> {
        let unsure = AtomicBool::new(false);
        let unsure = &unsure;
        let act = |store: Arc<AmazonS3>, watch: Watch| async move {
            let mut repeated = 0;
            loop {
                let options = PutOptions {
                    mode: PutMode::Create,
                    extensions: extensions(&watch),
                    ..PutOptions::default()
                };
                let before = watch.seen().requests;
                let outcome = store.put_opts(key, bytes.clone().into(), options).await;
                let seen = watch.seen();
                // More requests than one: object_store has repeated it after an error of the server.
                let again = seen.requests.saturating_sub(before) > 1;
                if again || seen.is_lost() || seen.status.is_some_and(|status| status >= 500) {
                    unsure.store(true, Ordering::Relaxed);
                }
                return match outcome {
                    Ok(_) => Ok(Put::Made),
                    Err(_) if seen.is_success() => Ok(Put::Made),
                    // Another request for the same name was under way; only a further one tells what came of it.
                    Err(_)
                        if (seen.is_lost() || seen.status == Some(409))
                            && repeated < self.network.retries.max_retries =>
                    {
                        self.pause(repeated).await;
                        repeated += 1;
                        continue;
                    }
                    Err(_) if matches!(seen.status, Some(304 | 412)) => {
                        Ok(if unsure.load(Ordering::Relaxed) { Put::Unsure } else { Put::Taken })
                    }
                    Err(error) => Err(error),
                };
            }
        };
        match self.attempt(location, false, act).await? {
            Put::Made => Ok(true),
            Put::Taken => Ok(false),
            Put::Unsure => match self.whole(location, key, bytes.len() as u64).await {
                Ok(found) => Ok(found.as_ref() == Some(bytes)),
                // It is longer than ours.
                Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// Takes an object away; one that is not there is no fault.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn delete(&self, location: &str, key: &Path) -> Result<()> {
        let act = |store: Arc<AmazonS3>, watch: Watch| async move {
            let mut repeated = 0;
            loop {
                let outcome = watch.over(store.delete(key)).await;
                if outcome.is_err() && watch.seen().is_lost() && repeated < self.network.retries.max_retries {
                    self.pause(repeated).await;
                    repeated += 1;
                    continue;
                }
                return outcome;
            }
        };
        match self.attempt(location, false, act).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// Finds out whether the server heeds `If-None-Match`: writes `bytes` once more where they lie already.
    ///
    /// # Errors
    /// When it does not, or as [`get`](Self::get).
    pub(crate) async fn check_conditions(&self, location: &str, key: &Path, bytes: &Bytes) -> Result<()> {
        let act = |store: Arc<AmazonS3>, watch: Watch| async move {
            let options =
                PutOptions { mode: PutMode::Create, extensions: extensions(&watch), ..PutOptions::default() };
            match store.put_opts(key, bytes.clone().into(), options).await {
                Ok(_) => Ok(false),
                Err(_) if watch.seen().is_success() => Ok(false),
                Err(_) if matches!(watch.seen().status, Some(304 | 409 | 412)) => Ok(true),
                Err(error) => Err(error),
            }
        };
        if self.attempt(location, false, act).await? {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "{location}: this server overwrites objects that it was told to leave alone (If-None-Match), so that two runs \
             could not be kept apart; write to a local path and upload the finished store"
        )))
    }

    /// Waits before the request is repeated for the time of this number, counted from 0.
    async fn pause(&self, number: usize) {
        let backoff = &self.network.retries.backoff;
        let factor = 2f64.powi(number.min(30) as i32);
        let longest = backoff.max_backoff.as_secs_f64();
        let pause = (backoff.init_backoff.as_secs_f64() * factor).min(longest);
        tokio::time::sleep(Duration::from_secs_f64(pause)).await;
    }
}
