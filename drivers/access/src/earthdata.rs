//! NASA's Earthdata: the login, the archives' S3 credentials, and requests to hosts that want the login's token.
//!
//! A token goes only to hosts that [`Hosts`] knows for NASA's, over an encrypted connection; it is never sent to the login
//! server's pages, to a signed URL, or to any host that such a URL leads to.

mod archives;
mod environment;
mod keys;
mod lent;
mod login;
mod netrc;
mod refreshed;
mod refusal;
mod session;
mod time;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use zagg_core::Result;

pub(crate) use archives::authority;
pub use archives::{Archive, Hosts};
pub use environment::Environment;
use keys::ArchiveKeys;
use lent::LentKeys;
pub use lent::{CredentialsObject, Loan};
use login::Login;
use refreshed::{Clock, system_clock};
pub(crate) use session::{Ask, Landed, Session, is_page};

use crate::client;
use crate::https::Retries;
use crate::s3::archive::{Archive as S3Archive, Archives};
use crate::s3::keys::Keys;

/// The region of all buckets of NASA's archives.
const REGION: &str = "us-west-2";

/// What is lent lasts so long at least: whoever lends asks again a quarter of an hour before the end, and workers look for the
/// next loan ten minutes before it.
const LOAN: Duration = Duration::from_secs(1_200);

/// One user of Earthdata. Clones share the login, its token, cookies and S3 credentials. Nothing is asked for before it is
/// needed.
#[derive(Debug, Clone)]
pub struct Earthdata {
    user: Arc<User>,
    keys: Arc<Mutex<HashMap<String, Arc<ArchiveKeys>>>>,
    lent: Option<CredentialsObject>,
}

/// What all requests of one user share.
struct User {
    session: Session,
    retries: Retries,
    clock: Clock,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Earthdata {
    /// The user that the environment of this process names, at NASA.
    ///
    /// # Errors
    /// When `ZAGG_EARTHDATA_URL` is no fit URL, or TLS cannot be set up.
    pub fn of_process() -> Result<Self> {
        Self::new(Environment::of_process(), Hosts::nasa())
    }

    /// The user that an environment names, at the given hosts.
    ///
    /// # Errors
    /// When the environment's `ZAGG_EARTHDATA_URL` is no fit URL, or TLS cannot be set up.
    pub fn new(environment: Environment, hosts: Hosts) -> Result<Self> {
        Self::with_retries(environment, hosts, Retries::default())
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_retries(environment: Environment, hosts: Hosts, retries: Retries) -> Result<Self> {
        Self::with_clock(environment, hosts, retries, system_clock())
    }

    /// A user who has nothing but what an object lends: the environment is not looked at.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn lent(object: CredentialsObject, hosts: Hosts, retries: Retries) -> Result<Self> {
        let nobody = Environment::from_variables(|_| None);
        Self::build(nobody, hosts, retries, system_clock(), Some(object))
    }

    fn with_clock(environment: Environment, hosts: Hosts, retries: Retries, clock: Clock) -> Result<Self> {
        Self::build(environment, hosts, retries, clock, None)
    }

    fn build(
        environment: Environment,
        hosts: Hosts,
        retries: Retries,
        clock: Clock,
        lent: Option<CredentialsObject>,
    ) -> Result<Self> {
        let hosts = match &environment.login_url {
            Some(url) => hosts.with_login(url)?,
            None => hosts,
        };
        let client: Client = client::shared()?;
        let login =
            Login::new(environment, hosts.login().clone(), retries, Arc::clone(&clock)).lent(lent.clone());
        let session = Session::new(client, hosts, login);
        Ok(Self { user: Arc::new(User { session, retries, clock }), keys: Arc::default(), lent })
    }

    /// How patient requests are.
    pub(crate) fn retries(&self) -> &Retries {
        &self.user.retries
    }

    /// Who asks hosts that may want the token.
    pub(crate) fn session(&self) -> &Session {
        &self.user.session
    }

    /// The S3 keys of an archive, or the bearer token of no archive, to be lent to workers.
    pub(crate) async fn loan(&self, archive: Option<&str>) -> Result<Loan> {
        let session = self.session();
        let Some(name) = archive else { return Ok(Loan::of_token(&session.token().await?)) };
        let archive = session.hosts().archive_named(name)?;
        let (keys, ends) = self.archive_keys(archive).lasting(LOAN).await?;
        Ok(Loan::of_keys(&archive.name, &keys, ends))
    }

    fn archive_keys(&self, archive: &Archive) -> Arc<ArchiveKeys> {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(ArchiveKeys::new(archive.clone(), Arc::clone(&self.user)));
        Arc::clone(all.entry(archive.name.clone()).or_insert_with(new))
    }

    /// How the buckets of an archive are reached: one set of keys for all who ask.
    fn s3_archive(&self, archive: &Archive) -> S3Archive {
        let keys = self.archive_keys(archive);
        let keys: Arc<dyn Keys> = match &self.lent {
            Some(object) => Arc::new(LentKeys::new(object.clone(), &archive.name, keys)),
            None => keys,
        };
        S3Archive { name: archive.title.clone(), region: REGION.to_string(), keys }
    }
}

impl Archives for Earthdata {
    fn of_bucket(&self, bucket: &str) -> Option<S3Archive> {
        self.user.session.hosts().archive_of_bucket(bucket).map(|archive| self.s3_archive(archive))
    }

    fn of_name(&self, name: &str) -> Result<S3Archive> {
        self.user.session.hosts().archive_named(name).map(|archive| self.s3_archive(archive))
    }
}
