//! Objects under a prefix of a bucket of the user's own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use zagg_core::{Error, Result};

use crate::runtime::block_on;
use crate::s3::Bucket;

/// Requests of one call that are under way at once.
const SIDE_BY_SIDE: usize = 32;

/// Objects under a prefix of a bucket, by name. Made by [`StoreChain::bucket_folder`](crate::StoreChain::bucket_folder).
///
/// All calls block. They ask again after failures that pass, find the region out, and take renewed keys, as reading granules
/// does. Errors name the object and who signed, never a secret.
#[derive(Debug, Clone)]
pub struct BucketFolder {
    location: String,
    bucket: Arc<Bucket>,
    prefix: Path,
}

impl BucketFolder {
    pub(super) fn new(location: &str, bucket: Arc<Bucket>, prefix: Path) -> Self {
        Self { location: location.trim_end_matches('/').to_string(), bucket, prefix }
    }

    /// Where it is: `s3://bucket/prefix`.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether it is a whole bucket, without a prefix.
    pub fn is_whole_bucket(&self) -> bool {
        self.prefix.is_root()
    }

    /// The folder whose name has this ending more: `s3://bucket/prefix` + `ending`.
    ///
    /// # Errors
    /// When this is the whole bucket, beside which nothing is.
    pub fn beside(&self, ending: &str) -> Result<Self> {
        let path = Path::parse(format!("{}{ending}", self.prefix));
        match path {
            Ok(prefix) if !self.is_whole_bucket() => Ok(Self {
                location: format!("{}{ending}", self.location),
                bucket: Arc::clone(&self.bucket),
                prefix,
            }),
            _ => Err(Error::input(format!("{}: give s3://bucket/folder", self.location))),
        }
    }

    /// The bytes of an object, or none where there is none.
    ///
    /// # Errors
    /// When the bucket cannot be reached, refuses, is not there, or the object has more than `longest` bytes.
    pub fn get(&self, name: &str, longest: u64) -> Result<Option<Bytes>> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.whole(&location, &key, longest))
    }

    /// The bytes of several objects, in the order of their names, asked for side by side.
    ///
    /// # Errors
    /// As of [`Self::get`].
    pub fn get_all(&self, names: &[String], longest: u64) -> Result<Vec<Option<Bytes>>> {
        let objects = names.iter().map(|name| self.object(name)).collect::<Result<Vec<_>>>()?;
        let get = |(location, key): (String, Path)| async move {
            self.bucket.whole(&location, &key, longest).await
        };
        let all = async {
            let found: Vec<Result<Option<Bytes>>> =
                futures_util::stream::iter(objects).map(get).buffered(SIDE_BY_SIDE).collect().await;
            found.into_iter().collect()
        };
        block_on(all)
    }

    /// Writes an object whole, in place of an older one.
    ///
    /// # Errors
    /// When the bucket cannot be reached, refuses or is not there.
    pub fn put(&self, name: &str, bytes: &Bytes) -> Result<()> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.put(&location, &key, bytes))
    }

    /// Writes an object whole where there is none of that name, and says whether it did: of many who try, one does. Also
    /// after an answer that was lost it is told right: then it counts whether the object has these bytes, so that callers
    /// who want to be told apart write different ones.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn put_new(&self, name: &str, bytes: &Bytes) -> Result<bool> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.put_new(&location, &key, bytes))
    }

    /// Finds out whether the server keeps to conditions, by writing an object that is there once more as if it were not.
    ///
    /// # Errors
    /// When it does not, as older servers that speak S3 may; or as [`Self::put`].
    pub fn check_conditions(&self, name: &str, bytes: &Bytes) -> Result<()> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.check_conditions(&location, &key, bytes))
    }

    /// Takes an object away; one that is not there is no fault.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn delete(&self, name: &str) -> Result<()> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.delete(&location, &key))
    }

    /// Writes and deletes (where there are no bytes) objects of different names, side by side. All are tried; the error is
    /// that of the first that failed, in the order given.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn change_all(&self, changes: Vec<(String, Option<Bytes>)>) -> Result<()> {
        let mut objects = Vec::with_capacity(changes.len());
        for (name, bytes) in changes {
            let (location, key) = self.object(&name)?;
            objects.push((location, key, bytes));
        }
        let change = |(location, key, bytes): (String, Path, Option<Bytes>)| async move {
            match bytes {
                Some(bytes) => self.bucket.put(&location, &key, &bytes).await,
                None => self.bucket.delete(&location, &key).await,
            }
        };
        let all = async {
            let outcomes: Vec<Result<()>> =
                futures_util::stream::iter(objects).map(change).buffered(SIDE_BY_SIDE).collect().await;
            outcomes.into_iter().collect()
        };
        block_on(all)
    }

    /// Names that begin with `prefix`, ascending. Every page of the listing is asked for.
    ///
    /// # Errors
    /// As [`Self::put`], and when somebody has put an object there whose name cannot be said.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let start = self.start();
        let keys = block_on(self.bucket.list(&self.location, &format!("{start}{prefix}"), None))?;
        let mut names: Vec<String> =
            keys.iter().filter_map(|key| key.strip_prefix(&start).map(str::to_string)).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Whether no object is there, with one request.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn is_empty(&self) -> Result<bool> {
        let start = self.start();
        // The marker of an empty folder, which consoles make, may come first.
        let keys = block_on(self.bucket.list(&self.location, &start, Some(2)))?;
        Ok(keys.iter().all(|key| key.len() <= start.len()))
    }

    /// What the keys of all objects begin with.
    fn start(&self) -> String {
        if self.prefix.is_root() { String::new() } else { format!("{}/", self.prefix) }
    }

    /// Location and key of an object.
    fn object(&self, name: &str) -> Result<(String, Path)> {
        let bad = || Error::input(format!("{name:?} cannot be the name of an object"));
        if name.is_empty() || name.ends_with('/') || name.len() > 800 {
            return Err(bad());
        }
        let key = format!("{}{name}", self.start());
        let path = Path::parse(&key).map_err(|_| bad())?;
        if path.as_ref() != key {
            return Err(bad());
        }
        Ok((format!("{}/{name}", self.location), path))
    }
}
