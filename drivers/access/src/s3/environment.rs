//! What the environment has for AWS. Never used for the bucket of an archive.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AwsCredential, AwsCredentialProvider};
use object_store::{BackoffConfig, CredentialProvider, RetryConfig};
use zagg_core::{Error, Result};

use super::connect::Shared;
use super::keys::{Keys, foreign};
use crate::client;

/// Looks up one variable.
pub(crate) type Lookup = fn(&str) -> Option<String>;

/// The environment of this process; an empty variable is none.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables that say who signs. Others, such as `AWS_ENDPOINT_URL`, never reach the builder from here.
const VARIABLES: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// How long the machine's own service for credentials may take to be reached: it is next door or not there at all.
const NEXT_DOOR: Duration = Duration::from_secs(1);

/// The endpoint that the environment names for the user's own buckets.
pub(crate) fn endpoint(lookup: Lookup) -> Option<String> {
    lookup("AWS_ENDPOINT_URL_S3").or_else(|| lookup("AWS_ENDPOINT_URL"))
}

/// The variables of which each names somebody who gives keys; the others only say more about it.
const NAMING: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The keys of the environment: variables, a role's token, the container's or the machine's service, in this order.
pub(crate) struct Ambient {
    lookup: Lookup,
    provider: Mutex<Provider>,
    /// Held by whoever asks for the first keys, so that all others share the answer.
    first: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A provider shows where it asks, which may hold a secret.
        f.write_str("Ambient")
    }
}

struct Provider {
    inner: AwsCredentialProvider,
    /// Id of the keys that it gave last.
    last: Option<String>,
    /// Why it gave none, and until when that stands for all who ask.
    failed: Option<(Error, Instant)>,
    /// When others were asked for last, because a server refused these.
    renewed: Option<Instant>,
}

/// For how long it stands that there are no keys at all: thousands of granules must not wait for them one by one.
const ABSENT: Duration = Duration::from_secs(60);
/// For how long it stands that the keys which came in the place of refused ones were refused, too.
const REFUSED: Duration = Duration::from_secs(300);
/// For how long it stands that a service failed.
const FAILED: Duration = Duration::from_secs(2);

impl Ambient {
    /// Finds out who would give the keys; asks nobody yet.
    ///
    /// # Errors
    /// When only half of a pair of keys is there.
    pub(crate) fn new(lookup: Lookup) -> Result<Self> {
        let provider = Provider { inner: provider(lookup)?, last: None, failed: None, renewed: None };
        Ok(Self { lookup, provider: Mutex::new(provider), first: tokio::sync::Mutex::default() })
    }

    fn provider(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who gives the keys; an error when that failed a moment ago.
    fn giver(&self) -> object_store::Result<AwsCredentialProvider> {
        let provider = self.provider();
        match &provider.failed {
            Some((error, until)) if Instant::now() < *until => Err(foreign(error.clone())),
            _ => Ok(Arc::clone(&provider.inner)),
        }
    }

    /// Id of the keys that were given last.
    pub(crate) fn last(&self) -> Option<String> {
        self.provider().last.clone()
    }

    fn is_fixed(&self) -> bool {
        (self.lookup)("AWS_ACCESS_KEY_ID").is_some()
    }
}

fn provider(lookup: Lookup) -> Result<AwsCredentialProvider> {
    let (id, secret) = (lookup("AWS_ACCESS_KEY_ID"), lookup("AWS_SECRET_ACCESS_KEY"));
    if id.is_some() != secret.is_some() {
        let (here, absent) = if id.is_some() {
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        } else {
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        };
        return Err(Error::input(format!("{here} is set but {absent} is not; set both or neither")));
    }
    // A store is built only for its chain of providers, which are not public by themselves.
    let mut builder = AmazonS3Builder::new().with_bucket_name("none");
    for name in VARIABLES {
        if let (Some(value), Ok(key)) = (lookup(name), name.to_lowercase().parse()) {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = lookup("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        builder = builder.with_metadata_endpoint(endpoint);
    }
    // Only the web identity is exchanged over the internet.
    let remote = lookup("AWS_WEB_IDENTITY_TOKEN_FILE").is_some();
    let client = client::builder();
    let client = if remote {
        client::build(client)?
    } else {
        client::build_direct(client.connect_timeout(NEXT_DOOR).no_proxy())?
    };
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() };
    let retries = RetryConfig { backoff, max_retries: 2, retry_timeout: Duration::from_secs(20) };
    let store = builder
        .with_retry(retries)
        .with_http_connector(Shared::new(client.clone(), client))
        .build()
        .map_err(|error| Error::input(format!("AWS credentials of the environment: {error}")))?;
    Ok(Arc::clone(store.credentials()))
}

#[async_trait]
impl CredentialProvider for Ambient {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let disabled = (self.lookup)("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let named = NAMING.iter().any(|name| (self.lookup)(name).is_some());
        let absent = || {
            Error::input(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
                 (`aws configure export-credentials --format env` prints those of a profile); for granules of a public \
                 bucket set data_source.access.credentials: anonymous",
            )
        };
        if disabled && !named {
            return Err(foreign(absent()));
        }
        let first = self.provider().last.is_none();
        let _first = if first { Some(self.first.lock().await) } else { None };
        match self.giver()?.get_credential().await {
            Ok(keys) => {
                let mut provider = self.provider();
                provider.last = Some(keys.key_id.clone());
                provider.failed = None;
                Ok(keys)
            }
            // What a service answers is not shown: it may hold keys.
            Err(error) => {
                let (error, stands) = if named {
                    let refused = matches!(
                        error,
                        object_store::Error::PermissionDenied { .. }
                            | object_store::Error::Unauthenticated { .. }
                    );
                    let what = if refused { "refused" } else { "could not be asked" };
                    let message = format!(
                        "AWS credentials: the service that the environment names {what}; check AWS_ROLE_ARN, \
                         AWS_WEB_IDENTITY_TOKEN_FILE and AWS_CONTAINER_*"
                    );
                    (Error::temporary(message), FAILED)
                } else {
                    (absent(), ABSENT)
                };
                self.provider().failed = Some((error.clone(), Instant::now() + stands));
                Err(foreign(error))
            }
        }
    }
}

impl Keys for Ambient {
    fn whose(&self) -> String {
        "the AWS credentials of the environment".into()
    }

    fn renew(&self, refused: &str) -> bool {
        if self.is_fixed() {
            return false;
        }
        let mut current = self.provider();
        if current.last.as_deref() != Some(refused) {
            return true;
        }
        // The next ones were refused, too: asking again for every granule would not help.
        let now = Instant::now();
        if current.renewed.is_some_and(|renewed| now.duration_since(renewed) < REFUSED) {
            return false;
        }
        match provider(self.lookup) {
            Ok(inner) => {
                *current = Provider { inner, last: None, failed: None, renewed: Some(now) };
                true
            }
            Err(_) => false,
        }
    }

    fn advice(&self) -> String {
        if self.is_fixed() {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and what they may do"
                .into()
        } else {
            "check what the role of this machine may do".into()
        }
    }
}

#[cfg(test)]
mod tests;
