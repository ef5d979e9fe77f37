//! Indexes under a prefix of a bucket. A put is atomic there.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use zagg_core::index::IndexStore;
use zagg_core::{Error, Result};

use super::{LONGEST, check_name};
use crate::runtime::block_on;
use crate::s3::Bucket;

/// A prefix of a bucket.
#[derive(Debug)]
pub(super) struct Prefix {
    location: String,
    bucket: Arc<Bucket>,
    prefix: Path,
}

impl Prefix {
    pub(super) fn new(url: &str, bucket: Arc<Bucket>, prefix: Path) -> Self {
        Self { location: url.trim_end_matches('/').to_string(), bucket, prefix }
    }

    /// Location and key of an object.
    fn object(&self, name: &str) -> Result<(String, Path)> {
        check_name(name)?;
        let key = if self.prefix.is_root() { name.to_string() } else { format!("{}/{name}", self.prefix) };
        let key = Path::parse(&key)
            .map_err(|_| Error::input(format!("{name:?} cannot be the name of an index")))?;
        Ok((format!("{}/{name}", self.location), key))
    }
}

impl IndexStore for Prefix {
    fn location(&self) -> &str {
        &self.location
    }

    fn get(&self, name: &str) -> Result<Option<Bytes>> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.whole(&location, &key, LONGEST))
    }

    fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let (location, key) = self.object(name)?;
        block_on(self.bucket.put(&location, &key, &bytes))
    }
}
