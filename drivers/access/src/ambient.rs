//! The AWS credentials of the environment, for services other than buckets.

use std::sync::Arc;

use object_store::CredentialProvider;
use zagg_core::{Error, Result};

use crate::Secret;
use crate::s3::environment::{Ambient, process};
use crate::s3::keys::{Keys, ours};

/// Keys for AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// Id of the key, which is no secret.
    pub key_id: String,
    /// The key.
    pub secret_key: Secret,
    /// Its token, when it is a temporary one.
    pub session_token: Option<Secret>,
}

/// The AWS credentials of this process: variables, a role's token, the container's or the machine's service, in this order, as
/// they sign for the user's own buckets.
#[derive(Debug, Clone)]
pub struct AmbientKeys(Arc<Ambient>);

impl AmbientKeys {
    /// Finds out who would give the keys; asks nobody yet.
    ///
    /// # Errors
    /// When only half of a pair of keys is there.
    pub fn of_process() -> Result<Self> {
        Ok(Self(Arc::new(Ambient::new(process)?)))
    }

    /// Says that a service found the last keys to have ended, so that others are asked for where anybody gives others.
    pub fn ended(&self) {
        if let Some(last) = self.0.last() {
            self.0.renew(&last);
        }
    }

    /// The keys that are good now.
    ///
    /// # Errors
    /// When there are none, or nobody who would give them answers.
    pub async fn get(&self) -> Result<AwsKeys> {
        let keys = self.0.get_credential().await.map_err(|error| {
            ours(&error).unwrap_or_else(|| {
                Error::temporary("the AWS credentials of the environment could not be had")
            })
        })?;
        Ok(AwsKeys {
            key_id: keys.key_id.clone(),
            secret_key: Secret::new(&keys.secret_key),
            session_token: keys.token.as_ref().map(Secret::new),
        })
    }
}
