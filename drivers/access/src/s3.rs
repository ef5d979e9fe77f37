//! Objects in S3 buckets.

pub(crate) mod archive;
mod bucket;
mod connect;
pub(crate) mod environment;
mod fault;
mod href;
pub(crate) mod keys;
mod place;

use std::collections::HashMap;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use object_store::path::Path;
use zagg_core::config::{SourceAccess, SourceCredentials};
use zagg_core::source::ObjectIdentity;
use zagg_core::{Error, Result};

use archive::Archives;
pub(crate) use bucket::{Bucket, Network};
use environment::{Ambient, Lookup};
pub(crate) use href::S3Href;
use keys::Keys;
pub(crate) use place::Place;

use crate::heads::Heads;
use crate::https::Retries;
use crate::location;
use crate::remote::{Answer, Remote, RemoteReader};
use crate::runtime::block_on;

/// The buckets of granules: one client per bucket, all on one pool of connections.
#[derive(Debug)]
pub(crate) struct S3 {
    options: SourceAccess,
    lookup: Lookup,
    network: Network,
    archives: Arc<dyn Archives>,
    ambient: OnceLock<Result<Arc<Ambient>>>,
    buckets: Mutex<HashMap<String, Arc<Bucket>>>,
    heads: Heads,
}

impl S3 {
    /// No bucket is known yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(
        options: &SourceAccess,
        lookup: Lookup,
        retries: &Retries,
        archives: Arc<dyn Archives>,
        heads: Heads,
    ) -> Result<Self> {
        Ok(Self {
            options: options.clone(),
            lookup,
            network: Network::new(retries)?,
            archives,
            ambient: OnceLock::new(),
            buckets: Mutex::default(),
            heads,
        })
    }

    /// Whether an href can be read at all, and somebody is there to sign for it. Asks nobody.
    pub(crate) fn check(&self, href: &str) -> Result<()> {
        self.object(href).map(drop)
    }

    /// Opens an object with one request.
    pub(crate) fn open(&self, href: &str) -> Result<RemoteReader<S3Object>> {
        RemoteReader::open(self.object(href)?, &self.heads)
    }

    /// A reader of an object that was seen before, without a request.
    pub(crate) fn open_known(&self, href: &str, identity: &ObjectIdentity) -> Result<RemoteReader<S3Object>> {
        RemoteReader::known(self.object(href)?, identity)
    }

    /// Hrefs and lengths of the objects under `s3://bucket/prefix`, ascending: those in the folder of that name, or, where
    /// there is none, those whose key begins so.
    pub(crate) fn list(&self, url: &str) -> Result<Vec<(String, u64)>> {
        let folder = S3Href::parse_folder(url)?;
        let bucket = self.bucket(&folder.bucket)?;
        let start = folder.key.as_ref();
        let whole = if start.is_empty() { String::new() } else { format!("{start}/") };
        let list = |prefix: &str| block_on(bucket.list_sizes(location(url), prefix, None));
        let mut objects = list(&whole)?;
        if objects.is_empty() && !start.is_empty() && !url.ends_with('/') {
            objects = list(start)?;
        }
        objects.sort_unstable();
        objects.dedup();
        let href = |(key, size)| (format!("s3://{}/{key}", folder.bucket), size);
        Ok(objects.into_iter().map(href).collect())
    }

    fn object(&self, href: &str) -> Result<S3Object> {
        let parsed = S3Href::parse(href)?;
        let bucket = self.bucket(&parsed.bucket)?;
        Ok(S3Object { location: location(href).to_string(), bucket, key: parsed.key })
    }

    fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(self.new_bucket(name)?);
        buckets.insert(name.to_string(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// A bucket with whoever signs for it. Nothing of the environment goes to the bucket of an archive.
    fn new_bucket(&self, name: &str) -> Result<Bucket> {
        let endpoint = self.options.endpoint_url.as_deref();
        let region = self.options.region.as_deref();
        let place = Place::new(endpoint, self.options.path_style)?;
        let network = self.network.clone();
        let archive = match &self.options.credentials {
            SourceCredentials::Anonymous => {
                place.check(name)?;
                return Bucket::new(name, place, region, None, network);
            }
            SourceCredentials::Archive(_) if !place.is_private() => {
                return Err(Error::input(
                    "data_source.access: keys of an archive go over https:// only; give such an endpoint_url",
                ));
            }
            SourceCredentials::Archive(archive) => Some(self.archives.of_name(archive)?),
            // Who has a server of their own names their buckets as they like.
            SourceCredentials::ByBucket | SourceCredentials::Ambient if !place.is_amazon() => None,
            SourceCredentials::ByBucket | SourceCredentials::Ambient => self.archives.of_bucket(name),
        };
        match (archive, &self.options.credentials) {
            (Some(archive), SourceCredentials::Ambient) => Err(Error::input(format!(
                "bucket {name} is one of {}, which takes no AWS credentials of your own; leave out \
                 data_source.access.credentials: ambient",
                archive.name
            ))),
            (Some(archive), _) => {
                place.check(name)?;
                let region = region.or(Some(&archive.region));
                Bucket::new(name, place, region, Some(archive.keys), network)
            }
            (None, _) => {
                let own = environment::endpoint(self.lookup);
                let place = match (endpoint, own) {
                    (None, Some(own)) => own_place(&own)?,
                    _ => place,
                };
                place.check(name)?;
                let ambient = self.ambient.get_or_init(|| Ambient::new(self.lookup).map(Arc::new)).clone()?;
                Bucket::new(name, place, region, Some(ambient as Arc<dyn Keys>), network)
            }
        }
    }
}

/// The endpoint that the environment names.
pub(crate) fn own_place(url: &str) -> Result<Place> {
    Place::new(Some(url), true).map_err(|error| error.context("AWS_ENDPOINT_URL"))
}

/// One object.
#[derive(Debug)]
pub(crate) struct S3Object {
    location: String,
    bucket: Arc<Bucket>,
    key: Path,
}

impl Remote for S3Object {
    fn location(&self) -> &str {
        &self.location
    }

    fn get(&self, range: Range<u64>, etag: Option<&str>) -> impl Future<Output = Result<Answer>> + Send {
        self.bucket.get(&self.location, &self.key, range, etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::earthdata::{Earthdata, Environment, Hosts};

    #[test]
    fn a_name_of_an_archive_s_bucket_means_something_at_amazon_only() {
        let bucket = |name: &str, options: SourceAccess| {
            let earthdata = Earthdata::new(Environment::from_variables(|_| None), Hosts::nasa()).unwrap();
            let s3 = S3::new(&options, |_| None, &Retries::default(), Arc::new(earthdata), Heads::default());
            s3.unwrap().bucket(name).map(|bucket| format!("{bucket:?}"))
        };
        let at = |endpoint: Option<&str>| SourceAccess {
            endpoint_url: endpoint.map(str::to_string),
            path_style: true,
            ..SourceAccess::default()
        };
        let archived = "nsidc-cumulus-prod-protected";
        for (endpoint, amazon) in [
            (None, true),
            (Some("https://s3.us-west-2.amazonaws.com"), true),
            (Some("https://s3.example.org"), false),
        ] {
            let shown = bucket(archived, at(endpoint)).unwrap();
            assert_eq!(
                (shown.contains("ArchiveKeys"), shown.contains("Ambient")),
                (amazon, !amazon),
                "{shown}"
            );
            assert!(bucket("own-bucket", at(endpoint)).unwrap().contains("Ambient"));
            assert_eq!(bucket(&archived.to_uppercase(), at(endpoint)).is_err(), amazon);
        }
    }
}
