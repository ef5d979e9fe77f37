//! Byte ranges of objects by href: plain paths, `file://`, `https://`, `s3://`.
//!
//! Two chains of credentials, which never meet: [`Access`] opens granules, with what an archive gives to an Earthdata
//! login or with what a pipeline names; [`StoreChain`] reaches buckets of the user's own.

mod ambient;
mod client;
mod coalesce;
mod earthdata;
mod heads;
mod https;
mod lend;
mod local;
mod pages;
mod remote;
mod runtime;
mod s3;
mod secret;
mod stores;

use std::sync::{Arc, OnceLock};

pub use ambient::{AmbientKeys, AwsKeys};
pub use earthdata::{Archive, CredentialsObject, Earthdata, Environment, Hosts, Loan};
pub use https::{Https, Retries};
pub use local::LocalFile;
pub use pages::{Page, PageLimits, PageRequest, PageServer};
pub use secret::Secret;
pub use stores::{BucketFolder, StoreChain};
use zagg_core::config::SourceAccess;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{ObjectIdentity, OpenObject};
use zagg_core::{Error, Result};

use heads::Heads;
use s3::{Place, S3, environment};

/// Starts the threads of the network and reads the certificates of the system, which otherwise comes with the first request: for
/// programs that are started before they are asked anything.
///
/// # Errors
/// When threads cannot be started or TLS cannot be set up.
pub fn prepare() -> Result<()> {
    runtime::block_on(async { client::shared().and(client::shared_uploads()).map(drop) })
}

/// Opens granules by href. Clones share connections, login and credentials.
#[derive(Debug, Clone, Default)]
pub struct Access(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    options: SourceAccess,
    retries: Retries,
    heads: Heads,
    earthdata: OnceLock<Result<Earthdata>>,
    s3: OnceLock<Result<S3>>,
    https: OnceLock<Https>,
}

impl Access {
    /// Access as a pipeline asks for it. Nothing is looked up or asked for yet.
    ///
    /// # Errors
    /// When the endpoint is no URL of a server.
    pub fn new(options: &SourceAccess) -> Result<Self> {
        Place::new(options.endpoint_url.as_deref(), options.path_style)
            .map_err(|error| error.context("data_source.access"))?;
        Ok(Self(Arc::new(Shared { options: options.clone(), ..Shared::default() })))
    }

    /// The same with another patience; connections and login are not shared with `self`.
    #[must_use]
    pub fn with_retries(&self, retries: Retries) -> Self {
        let options = self.0.options.clone();
        Self(Arc::new(Shared { options, retries, ..Shared::default() }))
    }

    /// The same with this user of Earthdata instead of the one that the environment names.
    #[must_use]
    pub fn with_earthdata(&self, earthdata: Earthdata) -> Self {
        let (options, retries) = (self.0.options.clone(), self.0.retries);
        let earthdata = OnceLock::from(Ok(earthdata));
        Self(Arc::new(Shared { options, retries, earthdata, ..Shared::default() }))
    }

    /// The same with what an object lends instead of the environment's login: S3 keys of an archive, or a token.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with_credentials(&self, object: &CredentialsObject) -> Result<Self> {
        let earthdata = Earthdata::lent(object.clone(), Hosts::nasa(), self.0.retries)?;
        Ok(self.with_earthdata(earthdata))
    }

    /// What workers elsewhere must be lent to read these granules with the login of this process: S3 keys of an archive for
    /// objects in its buckets, the bearer token for addresses of NASA's. None when nothing is needed: files, public buckets,
    /// and buckets that workers read with a role of their own. Asking again, once the last loan ends within twenty minutes,
    /// gives the next.
    ///
    /// # Errors
    /// When an href cannot be read, they are of several archives, or there is no login.
    pub fn lend<'a>(&self, hrefs: impl IntoIterator<Item = &'a str>) -> Result<Option<Loan>> {
        lend::lend(self, hrefs)
    }

    /// Hrefs and lengths in bytes of the objects under `s3://bucket/prefix`, ascending, signed for as their granules are:
    /// those in the folder of that name, or, where there is none, those whose key begins so.
    ///
    /// # Errors
    /// When the URL names no bucket, or the bucket is not there, refuses or cannot be reached.
    pub fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        self.s3()?.list(url)
    }

    fn earthdata(&self) -> Result<Earthdata> {
        let shared = &self.0;
        let make = || Earthdata::with_retries(Environment::of_process(), Hosts::nasa(), shared.retries);
        shared.earthdata.get_or_init(make).clone()
    }

    fn s3(&self) -> Result<&S3> {
        let shared = &self.0;
        let make = || {
            let archives = Arc::new(self.earthdata()?);
            S3::new(&shared.options, environment::process, &shared.retries, archives, shared.heads.clone())
        };
        shared.s3.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    fn https(&self) -> Result<&Https> {
        let earthdata = self.earthdata()?;
        Ok(self.0.https.get_or_init(|| Https::with_heads(earthdata, self.0.heads.clone())))
    }
}

impl OpenObject for Access {
    fn check(&self, href: &str) -> Result<()> {
        match Scheme::of(href)? {
            Scheme::Local(_) => Ok(()),
            Scheme::S3 => self.s3()?.check(href),
            Scheme::Https => Https::check(href),
        }
    }

    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        match Scheme::of(href)? {
            Scheme::Local(path) => Ok(Arc::new(LocalFile::open(path)?)),
            Scheme::S3 => Ok(Arc::new(self.s3()?.open(href)?)),
            Scheme::Https => self.https()?.open(href),
        }
    }

    fn open_known(&self, href: &str, identity: &ObjectIdentity) -> Result<Arc<dyn RangeReader>> {
        match Scheme::of(href)? {
            Scheme::Local(path) => {
                let file = LocalFile::open(path)?;
                if identity.matches(&ObjectIdentity::of(&file)) {
                    return Ok(Arc::new(file));
                }
                Err(Error::changed(format!("{path}: is not the file that was indexed; index it again")))
            }
            Scheme::S3 => Ok(Arc::new(self.s3()?.open_known(href, identity)?)),
            Scheme::Https => self.https()?.open_known(href, identity),
        }
    }
}

/// How an object is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme<'a> {
    /// A file of this path.
    Local(&'a str),
    S3,
    Https,
}

impl<'a> Scheme<'a> {
    fn of(href: &'a str) -> Result<Self> {
        match href.split_once("://") {
            None => Ok(Self::Local(href)),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Local(path)),
            Some(("file", _)) => {
                Err(Error::input(format!("{} names another host; give file:/// and a path", shown(href))))
            }
            Some(("s3", _)) => Ok(Self::S3),
            Some(("https" | "http", _)) => Ok(Self::Https),
            Some(_) => Err(Error::input(format!(
                "unknown scheme in {}; give a path, file://, https:// or s3://",
                shown(href)
            ))),
        }
    }
}

/// An href without its query, which may be a signature.
fn location(href: &str) -> &str {
    href.split_once('?').map_or(href, |(location, _)| location)
}

/// An href for messages: quoted, without its query and without a user and password before the host. It may be malformed, so
/// that a password may hold anything: what stands before any `@` is not shown.
fn shown(href: &str) -> String {
    let Some((scheme, rest)) = href.split_once("://") else { return format!("{:?}", location(href)) };
    let rest = match rest.rsplit_once('@') {
        None => location(rest),
        // Either the query holds an `@` or the password a `?`; nothing can be told to be no secret.
        Some((before, _)) if before.contains('?') => "...",
        Some((_, rest)) => location(rest),
    };
    format!("{:?}", format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_are_not_read_are_refused_with_advice() {
        let fails = |href: &str| Access::default().open(href).unwrap_err().to_string();
        assert!(fails("gopher://x?secret").starts_with("unknown scheme in \"gopher://x\""));
        assert!(fails("file://host/x").contains("names another host; give file:///"));
        assert!(fails("no/such/file.h5").starts_with("no/such/file.h5: "));
        assert!(fails("s3://no").contains("give s3://bucket/key"));
    }

    #[test]
    fn what_may_be_secret_in_an_href_is_not_shown() {
        assert_eq!(shown("https://user:pw@host/a@b?X-Amz-Signature=1"), "\"https://b\"");
        for bad in ["https://user:h/ush@host/a?b", "https://user:hush@ush@host/a?b", "https://u:ush/?@host/a"]
        {
            assert!(!shown(bad).contains("ush"), "{}", shown(bad));
        }
        assert_eq!(shown("https://user:h/ush@host/a?b"), "\"https://host/a\"");
        assert_eq!(shown("https://host/a?sign=hush@hush"), "\"https://...\"");
        assert_eq!(shown("a/b.h5"), "\"a/b.h5\"");
        assert_eq!(location("https://host/a?b?c"), "https://host/a");
    }

    #[test]
    fn a_local_file_that_changed_is_another_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let href = format!("file://{}", path.display());
        let access = Access::default();
        let identity = ObjectIdentity::of(&*access.open(&href).unwrap());
        assert_eq!(access.open_known(&href, &identity).unwrap().size(), 3);
        std::fs::write(&path, "abcd").unwrap();
        let error = access.open_known(&href, &identity).unwrap_err();
        assert_eq!(error.kind(), zagg_core::ErrorKind::Changed);
    }
}
