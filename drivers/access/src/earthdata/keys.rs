//! The temporary S3 credentials that an archive gives to an Earthdata login.
//!
//! `GET` of the archive's endpoint with the token gives JSON: `accessKeyId`, `secretAccessKey`, `sessionToken` and
//! `expiration` (`2021-01-27 00:50:09+00:00`), an hour ahead. They serve to read that archive's buckets, from AWS
//! us-west-2 only.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use reqwest::Url;
use serde::Deserialize;
use zagg_core::{Error, Result};

use super::refreshed::{Fetched, Refreshed};
use super::session::{Ask, is_page};
use super::{Archive, User, refusal, time};
use crate::https::{Failure, body, location_of};
use crate::s3::keys::{Keys, foreign};

/// How long before their end credentials are fetched anew: a request that starts then, with its retries, ends before.
const MARGIN: Duration = Duration::from_secs(600);
/// How long credentials count as good that do not say when they end.
const UNKNOWN_LIFE: Duration = Duration::from_secs(1800);
/// Longest answer of an endpoint that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The credentials of one archive, fetched when needed and before they end, by one caller for all.
#[derive(Debug)]
pub(super) struct ArchiveKeys {
    archive: Archive,
    user: Arc<User>,
    kept: Refreshed<(Arc<AwsCredential>, SystemTime)>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl ArchiveKeys {
    pub(super) fn new(archive: Archive, user: Arc<User>) -> Self {
        let kept = Refreshed::new(Arc::clone(&user.clock), MARGIN);
        Self { archive, user, kept }
    }

    /// The credentials, good for ten minutes at least where the archive gives such.
    pub(super) async fn get(&self) -> Result<Arc<AwsCredential>> {
        self.kept.get(|| self.fetch()).await.map(|(keys, _)| keys)
    }

    /// Credentials with their end, which is at least so far away where the archive gives such: those that are kept, or new
    /// ones.
    pub(super) async fn lasting(&self, least: Duration) -> Result<(Arc<AwsCredential>, SystemTime)> {
        self.kept.get_lasting(least, || self.fetch()).await
    }

    async fn fetch(&self) -> Result<Fetched<(Arc<AwsCredential>, SystemTime)>> {
        let endpoint = &self.archive.s3_credentials;
        let url = Url::parse(endpoint).map_err(|_| Error::input(format!("{endpoint:?} is no URL")))?;
        let fetched = self.user.retries.run(|| self.ask(&url)).await;
        fetched.map_err(|error| error.context(format!("S3 credentials of {}", self.archive.title)))
    }

    async fn ask(&self, url: &Url) -> Result<Fetched<(Arc<AwsCredential>, SystemTime)>, Failure> {
        let session = &self.user.session;
        let landed = session.get(url, &Ask { json: true, ..Ask::default() }).await?;
        let location = location_of(&landed.url);
        let status = landed.response.status().as_u16();
        let page = is_page(&landed.response);
        if status != 200 {
            return Err(Error::io(format!("{location}: status {status}")).into());
        }
        let bytes = body::at_most(landed.response, MAX_ANSWER, &location).await?;
        let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
        let Some(answer) = answer else {
            if page {
                return Err(session.page_instead(url).into());
            }
            return Err(
                Error::corrupt(format!("{location}: the answer is no JSON object of credentials")).into()
            );
        };
        let given = [&answer.access_key_id, &answer.secret_access_key, &answer.session_token];
        if given.iter().any(|text| text.is_empty()) {
            // Some archives answer so when their terms are not accepted.
            return Err(refusal::terms(&self.archive.title, session.hosts(), None).into());
        }
        let ends = self.end(&answer.expiration);
        let value = AwsCredential {
            key_id: answer.access_key_id,
            secret_key: answer.secret_access_key,
            token: Some(answer.session_token),
        };
        Ok(Fetched { value: (Arc::new(value), ends), ends })
    }

    fn end(&self, expiration: &str) -> SystemTime {
        let now = (self.user.clock)().date;
        // An end in the past is a wrong clock here or there, and only use can tell.
        time::moment(expiration).filter(|ends| *ends > now).unwrap_or(now + UNKNOWN_LIFE)
    }
}

#[async_trait]
impl CredentialProvider for ArchiveKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.get().await.map_err(foreign)
    }
}

impl Keys for ArchiveKeys {
    fn whose(&self) -> String {
        format!("the S3 credentials that {} gave to your Earthdata login", self.archive.title)
    }

    fn renew(&self, refused: &str) -> bool {
        self.kept.refused(|(kept, _)| kept.key_id == refused)
    }

    fn advice(&self) -> String {
        "NASA's buckets are open to machines in AWS us-west-2 only: run there, or read over https with --driver https"
            .to_string()
    }
}
