//! S3 keys of an archive out of a credentials object.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use zagg_core::{Error, Result};

use super::super::keys::ArchiveKeys;
use super::CredentialsObject;
use crate::s3::keys::{Keys, foreign};

/// The keys for one archive: those in the object, or those that its token is good for.
#[derive(Debug)]
pub(in crate::earthdata) struct LentKeys {
    object: CredentialsObject,
    archive: String,
    /// Asks the archive with the token.
    by_token: Arc<ArchiveKeys>,
}

impl LentKeys {
    pub(in crate::earthdata) fn new(
        object: CredentialsObject,
        archive: &str,
        by_token: Arc<ArchiveKeys>,
    ) -> Self {
        Self { object, archive: archive.to_string(), by_token }
    }

    async fn get(&self) -> Result<Arc<AwsCredential>> {
        let lent = self.object.get().await?;
        let Some(keys) = &lent.keys else { return self.by_token.get().await };
        match &lent.archive {
            // Keys of one archive are no business of another's server.
            Some(archive) if *archive != self.archive => Err(Error::input(format!(
                "the credentials object {} is for the archive {archive}, but a granule is of {}; run the archives one by one",
                self.object.location(),
                self.archive
            ))),
            _ => Ok(Arc::clone(keys)),
        }
    }
}

#[async_trait]
impl CredentialProvider for LentKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.get().await.map_err(foreign)
    }
}

impl Keys for LentKeys {
    fn whose(&self) -> String {
        format!("the S3 keys of {} in {}", self.archive, self.object.location())
    }

    fn renew(&self, refused: &str) -> bool {
        let of_object = |lent: &super::Lent| lent.keys.as_ref().is_some_and(|keys| keys.key_id == refused);
        // Where the object holds none, the refused ones came from the archive. Both may say that others are there by now.
        self.object.refused(of_object) && self.by_token.renew(refused)
    }

    fn advice(&self) -> String {
        "NASA's buckets are open to machines in AWS us-west-2 only: run the function there".to_string()
    }
}
