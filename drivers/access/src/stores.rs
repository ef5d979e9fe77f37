//! Buckets and folders of the user's own: where stores and indexes are kept. Nothing of an archive's credentials is known
//! here.

mod bucket_folder;
mod file;
mod folder;
mod prefix;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zagg_core::config::StoreAccess;
use zagg_core::index::{IndexStore, MAX_STORED_BYTES};
use zagg_core::{Error, Result};

use crate::earthdata::{CredentialsObject, Hosts};
use crate::https::Retries;
use crate::s3::environment::{self, Ambient, Lookup};
use crate::s3::keys::Keys;
use crate::s3::{Bucket, Network, Place, S3Href, own_place};
use crate::shown;
pub use bucket_folder::BucketFolder;
use file::KeyFile;
use folder::Folder;
use prefix::Prefix;

/// Longest object that is read from a store.
const LONGEST: u64 = MAX_STORED_BYTES;

/// The chain of credentials for the user's own buckets: those of the environment, or of a file.
#[derive(Debug)]
pub struct StoreChain {
    access: StoreAccess,
    lookup: Lookup,
    file: Option<Arc<KeyFile>>,
    retries: Retries,
    ambient: OnceLock<Result<Arc<Ambient>>>,
    network: OnceLock<Result<Network>>,
    buckets: Mutex<HashMap<String, Arc<Bucket>>>,
}

impl StoreChain {
    /// The chain as a pipeline and the command line ask for it: region and endpoint of the pipeline go before those of the
    /// file, which go before an endpoint of the environment. The region is found out from the bucket when none is given.
    ///
    /// The file is JSON: an object with `accessKeyId`, `secretAccessKey` and optionally `sessionToken`, `region`,
    /// `endpointUrl`; spelled like that, in snake case, or as STS answers.
    ///
    /// # Errors
    /// When the file cannot be read or holds no keys, or the endpoint is no URL. Never repeats what the file holds.
    pub fn new(access: &StoreAccess, creds_file: Option<&Path>) -> Result<Self> {
        let file = creds_file.map(|path| KeyFile::read(path).map(Arc::new)).transpose()?;
        let mut access = access.clone();
        if let Some(file) = &file {
            access.region = access.region.or_else(|| file.region());
            access.endpoint_url = access.endpoint_url.or_else(|| file.endpoint_url());
        }
        Place::new(access.endpoint_url.as_deref(), true).map_err(|error| error.context("output"))?;
        Ok(Self {
            access,
            lookup: environment::process,
            file,
            retries: Retries::default(),
            ambient: OnceLock::new(),
            network: OnceLock::new(),
            buckets: Mutex::default(),
        })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// What the user should know: a file of keys that others can read.
    pub fn warnings(&self) -> Vec<String> {
        self.file.iter().filter_map(|file| file.warning()).collect()
    }

    /// The store of granule indexes at a folder (a path or `file://`) or `s3://bucket/prefix`. Asks for nothing yet.
    ///
    /// # Errors
    /// When the URL is of neither kind.
    pub fn index_store(&self, url: &str) -> Result<Arc<dyn IndexStore>> {
        match url.split_once("://") {
            None => Ok(Arc::new(Folder::new(url)?)),
            Some(("file", path)) if path.starts_with('/') => Ok(Arc::new(Folder::new(path)?)),
            Some(("s3", _)) => {
                let href = S3Href::parse_folder(url)?;
                let bucket = self.bucket(&href.bucket)?;
                Ok(Arc::new(Prefix::new(url, bucket, href.key)))
            }
            Some(_) => Err(Error::input(format!(
                "{}: indexes are kept in a folder or in s3://bucket/prefix; give one of them",
                shown(url)
            ))),
        }
    }

    /// Objects under `s3://bucket/prefix`. Asks for nothing yet.
    ///
    /// # Errors
    /// When the URL names no bucket, or the bucket of an archive.
    pub fn bucket_folder(&self, url: &str) -> Result<BucketFolder> {
        let href = S3Href::parse_folder(url)?;
        let bucket = self.bucket(&href.bucket)?;
        Ok(BucketFolder::new(url, bucket, href.key))
    }

    /// The object that lends credentials for granules: a file (a path or `file://`) or `s3://bucket/key`, which is read with
    /// this chain. Asks for nothing yet.
    ///
    /// # Errors
    /// When the URL is of neither kind.
    pub fn credentials_object(&self, url: &str) -> Result<CredentialsObject> {
        match url.split_once("://") {
            None => Ok(CredentialsObject::of_file(url)),
            Some(("file", path)) if path.starts_with('/') => Ok(CredentialsObject::of_file(path)),
            Some(("s3", _)) => {
                let href = S3Href::parse(url)?;
                Ok(CredentialsObject::of_object(url, self.bucket(&href.bucket)?, href.key))
            }
            Some(_) => Err(Error::input(format!(
                "{}: credentials are lent in a file or in s3://bucket/key; give one of them",
                shown(url)
            ))),
        }
    }

    fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let place = match (&self.access.endpoint_url, environment::endpoint(self.lookup)) {
            (None, Some(own)) => own_place(&own)?,
            (given, _) => Place::new(given.as_deref(), given.is_some())?,
        };
        place.check(name)?;
        if place.is_amazon()
            && let Some(archive) = Hosts::nasa().archive_of_bucket(name)
        {
            return Err(Error::input(format!(
                "bucket {name} is one of {}, where nothing of yours is kept; name a bucket of your own",
                archive.title
            )));
        }
        let network = self.network.get_or_init(|| Network::new(&self.retries)).clone()?;
        let keys: Arc<dyn Keys> = match &self.file {
            Some(file) => Arc::clone(file) as Arc<dyn Keys>,
            None => self.ambient.get_or_init(|| Ambient::new(self.lookup).map(Arc::new)).clone()?,
        };
        let bucket = Arc::new(Bucket::new(name, place, self.access.region.as_deref(), Some(keys), network)?);
        buckets.insert(name.to_string(), Arc::clone(&bucket));
        Ok(bucket)
    }
}

/// Whether a name is plain: file names with `/` between folders, none of which leads out.
fn check_name(name: &str) -> Result<()> {
    let plain = |part: &str| {
        (1..=200).contains(&part.len())
            && part != "."
            && part != ".."
            && part.chars().all(|c| !c.is_control() && !"\\:".contains(c))
    };
    if name.split('/').all(plain) && name.len() <= 800 {
        return Ok(());
    }
    Err(Error::input(format!("{name:?} cannot be the name of an index")))
}

#[cfg(test)]
mod tests;
