//! Who signs requests to a bucket.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use zagg_core::Error;

/// Keys for AWS that may change while a run goes on.
pub(crate) trait Keys: CredentialProvider<Credential = AwsCredential> {
    /// Whose keys they are, for messages: "the AWS credentials of the environment".
    fn whose(&self) -> String;

    /// Called when a server said that the keys with this id have expired or are unknown. Returns whether the next ones
    /// may be others; an implementation asks for others only when it still holds these.
    fn renew(&self, refused: &str) -> bool;

    /// What to do when a request was denied.
    fn advice(&self) -> String;
}

/// An error of ours on its way through object_store; [`ours`] finds it again.
pub(crate) fn foreign(error: Error) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: Box::new(error) }
}

/// The error of ours that an error was made from.
pub(crate) fn ours(error: &object_store::Error) -> Option<Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found.clone());
        }
        cause = error.source();
    }
    None
}

/// Keys that are fit to stand in a header.
#[derive(Debug)]
pub(super) struct Checked(pub(super) Arc<dyn Keys>);

#[async_trait]
impl CredentialProvider for Checked {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let keys = self.0.get_credential().await?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !keys.key_id.is_empty() && plain(&keys.key_id) && keys.token.as_deref().is_none_or(plain) {
            return Ok(keys);
        }
        Err(foreign(Error::input(format!(
            "{}: the key id or the session token is empty or holds a space or a line break; set it again",
            self.0.whose()
        ))))
    }
}
