//! The document that lends credentials.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use object_store::aws::AwsCredential;
use serde_json::{Map, Value};
use zagg_core::time::date_text;

use super::super::time;
use crate::secret::Secret;

/// What a credentials object holds.
pub(in crate::earthdata) struct Lent {
    /// The archive whose keys they are, when it says so.
    pub(in crate::earthdata) archive: Option<String>,
    pub(in crate::earthdata) keys: Option<Arc<AwsCredential>>,
    pub(in crate::earthdata) token: Option<Secret>,
    pub(in crate::earthdata) ends: Option<SystemTime>,
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent")
            .field("archive", &self.archive)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

impl Lent {
    /// Reads the document. What is wrong is said without repeating any of it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("not JSON (line {}, column {})", error.line(), error.column()))?;
        let object = value.as_object().ok_or("not a JSON object")?;
        let text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("{name} is not text")),
        };
        // It becomes part of a header.
        let plain = |name: &str| match text(name)? {
            Some(text) if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(format!("{name} holds a space, a line break or a letter that is not of ASCII"))
            }
            found => Ok(found),
        };
        let keys = match (plain("accessKeyId")?, text("secretAccessKey")?) {
            (None, None) => None,
            (Some(id), Some(secret)) => Some(Arc::new(AwsCredential {
                key_id: id.to_string(),
                secret_key: secret.to_string(),
                token: plain("sessionToken")?.map(str::to_string),
            })),
            (Some(_), None) => return Err("secretAccessKey is missing".to_string()),
            (None, Some(_)) => return Err("accessKeyId is missing".to_string()),
        };
        let token = plain("token")?.map(Secret::new);
        if keys.is_none() && token.is_none() {
            return Err("neither accessKeyId nor token is in it".to_string());
        }
        let ends = match text("expiration")? {
            None => None,
            Some(text) => {
                Some(time::moment(text).ok_or("expiration is no date such as 2026-01-27T00:50:09Z")?)
            }
        };
        Ok(Self { archive: text("archive")?.map(str::to_string), keys, token, ends })
    }
}

/// Credentials that may be lent to workers: made by [`Access::lend`](crate::Access::lend).
#[derive(Debug, Clone)]
pub struct Loan {
    /// The archive whose S3 keys they are; none for a token alone.
    pub archive: Option<String>,
    /// When they end; none when nobody said.
    pub ends: Option<SystemTime>,
    /// The document for the object. A secret: it goes nowhere but there.
    pub document: Secret,
}

impl Loan {
    /// A loan of the S3 keys of an archive.
    pub(in crate::earthdata) fn of_keys(archive: &str, keys: &AwsCredential, ends: SystemTime) -> Self {
        let mut document = Map::new();
        document.insert("archive".into(), archive.into());
        document.insert("accessKeyId".into(), keys.key_id.as_str().into());
        document.insert("secretAccessKey".into(), keys.secret_key.as_str().into());
        if let Some(token) = &keys.token {
            document.insert("sessionToken".into(), token.as_str().into());
        }
        let seconds = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        document.insert("expiration".into(), date_text(seconds).into());
        let document = Secret::new(Value::Object(document).to_string());
        Self { archive: Some(archive.to_string()), ends: Some(ends), document }
    }

    /// A loan of a bearer token.
    pub(in crate::earthdata) fn of_token(token: &Secret) -> Self {
        let document = Secret::new(serde_json::json!({"token": token.expose()}).to_string());
        Self { archive: None, ends: None, document }
    }
}
