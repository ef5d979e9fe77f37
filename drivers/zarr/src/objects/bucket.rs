//! Objects in a bucket.

use zagg_access::BucketFolder;
use zagg_core::Result;

use super::Objects;

/// Objects under a prefix of a bucket. Its puts are atomic and its listings are never behind (Amazon S3, "Amazon S3 data
/// consistency model"); there are no folders to tidy up.
#[derive(Debug, Clone)]
pub(crate) struct BucketObjects(BucketFolder);

impl BucketObjects {
    pub(crate) fn new(folder: BucketFolder) -> Self {
        Self(folder)
    }
}

impl Objects for BucketObjects {
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(name, limit)?.map(Vec::from))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.0.put(name, &bytes.to_vec().into())
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        self.0.put_new(name, &bytes.to_vec().into())
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.0.delete(name)
    }

    fn change_all(&self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<()> {
        self.0.change_all(changes.into_iter().map(|(name, bytes)| (name, bytes.map(Into::into))).collect())
    }

    fn get_all(&self, names: &[String], limit: u64) -> Result<Vec<Option<Vec<u8>>>> {
        let found = self.0.get_all(names, limit)?;
        Ok(found.into_iter().map(|bytes| bytes.map(Vec::from)).collect())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn check_conditions(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.0.check_conditions(name, &bytes.to_vec().into())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.0.list(prefix)
    }

    fn is_empty(&self) -> Result<bool> {
        self.0.is_empty()
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.0.location())
    }
}
