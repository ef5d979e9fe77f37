//! Keys for AWS in a file: `--output-creds FILE`.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use serde_json::Value;
use zagg_core::{Error, Result};

use crate::s3::keys::Keys;

/// Longest file that is read.
const LONGEST: u64 = 1 << 20;

/// A file with keys. It is read again when a server says that they have expired, so that another program may renew it.
pub(super) struct KeyFile {
    path: PathBuf,
    content: Mutex<Content>,
}

#[derive(Clone)]
struct Content {
    keys: Arc<AwsCredential>,
    region: Option<String>,
    endpoint_url: Option<String>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeyFile {
    pub(super) fn read(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), content: Mutex::new(content(path)?) })
    }

    pub(super) fn region(&self) -> Option<String> {
        self.now().region
    }

    pub(super) fn endpoint_url(&self) -> Option<String> {
        self.now().endpoint_url
    }

    /// Says so when others than the owner can read the file.
    pub(super) fn warning(&self) -> Option<String> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&self.path).ok()?.permissions().mode();
            let path = self.path.display();
            if mode & 0o077 != 0 {
                return Some(format!("{path}: others can read this file of keys; run chmod 600 {path}"));
            }
        }
        None
    }

    fn now(&self) -> Content {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn content(path: &Path) -> Result<Content> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::input(format!("{}: not a file", path.display())));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes).map_err(|what| Error::input(format!("{}: {what}", path.display())))
}

/// The keys of a file. What is wrong is said without repeating any of it.
fn parse(bytes: &[u8]) -> Result<Content, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "not JSON (line {}, column {}); give an object with accessKeyId and secretAccessKey",
            error.line(),
            error.column()
        )
    })?;
    // STS puts its answer under this name.
    let object = value.get("Credentials").unwrap_or(&value);
    let text = |names: &[&str]| -> Result<Option<String>, String> {
        let Some((name, value)) = names.iter().find_map(|name| object.get(*name).map(|value| (name, value)))
        else {
            return Ok(None);
        };
        match value {
            Value::String(text) if !text.is_empty() => Ok(Some(text.clone())),
            Value::String(_) | Value::Null => Ok(None),
            _ => Err(format!("{name} is not text")),
        }
    };
    let needed = |names: &[&str]| text(names)?.ok_or_else(|| format!("{} is missing", names[0]));
    let keys = AwsCredential {
        key_id: needed(&["accessKeyId", "access_key_id", "AccessKeyId", "aws_access_key_id"])?,
        secret_key: needed(&[
            "secretAccessKey",
            "secret_access_key",
            "SecretAccessKey",
            "aws_secret_access_key",
        ])?,
        token: text(&["sessionToken", "session_token", "SessionToken", "aws_session_token"])?,
    };
    Ok(Content {
        keys: Arc::new(keys),
        region: text(&["region", "Region", "aws_region"])?,
        endpoint_url: text(&["endpointUrl", "endpoint_url", "EndpointUrl", "endpoint", "Endpoint"])?,
    })
}

#[async_trait]
impl CredentialProvider for KeyFile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        Ok(self.now().keys)
    }
}

impl Keys for KeyFile {
    fn whose(&self) -> String {
        format!("the keys of {}", self.path.display())
    }

    fn renew(&self, refused: &str) -> bool {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if content.keys.key_id == refused {
            // A file that cannot be read now leaves the keys that were refused.
            let Ok(found) = self::content(&self.path) else { return false };
            if found.keys.key_id == refused && found.keys.token == content.keys.token {
                return false;
            }
            *content = found;
        }
        true
    }

    fn advice(&self) -> String {
        "check the file and what its keys may do".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key id, secret and what else there is.
    fn parsed(text: &str) -> Result<[Option<String>; 5], String> {
        let Content { keys, region, endpoint_url } = parse(text.as_bytes())?;
        let (id, secret) = (keys.key_id.clone(), keys.secret_key.clone());
        Ok([Some(id), Some(secret), keys.token.clone(), region, endpoint_url])
    }

    #[test]
    fn every_spelling_gives_the_same_keys() {
        let s = |text: &str| Some(text.to_string());
        let want = Ok([s("ID"), s("SECRET"), s("TOKEN"), s("eu-west-1"), s("http://host")]);
        for text in [
            r#"{"accessKeyId":"ID","secretAccessKey":"SECRET","sessionToken":"TOKEN","region":"eu-west-1","endpointUrl":"http://host"}"#,
            r#"{"access_key_id":"ID","secret_access_key":"SECRET","session_token":"TOKEN","region":"eu-west-1","endpoint_url":"http://host"}"#,
            r#"{"AccessKeyId":"ID","SecretAccessKey":"SECRET","SessionToken":"TOKEN","Region":"eu-west-1","EndpointUrl":"http://host","Expiration":"x"}"#,
            r#"{"Credentials":{"AccessKeyId":"ID","SecretAccessKey":"SECRET","SessionToken":"TOKEN","region":"eu-west-1","endpoint":"http://host"}}"#,
        ] {
            assert_eq!(parsed(text), want, "{text}");
        }
        let want = Ok([s("ID"), s("S"), None, None, None]);
        assert_eq!(parsed(r#"{"accessKeyId":"ID","secretAccessKey":"S","sessionToken":null}"#), want);
    }

    #[test]
    fn faults_never_repeat_a_secret() {
        for (text, want) in [
            ("TOP-SECRET", "not JSON (line 1, column 1)"),
            (r#"{"secretAccessKey":"TOP-SECRET"}"#, "accessKeyId is missing"),
            (r#"{"accessKeyId":"TOP-SECRET"}"#, "secretAccessKey is missing"),
            (r#"{"accessKeyId":["TOP-SECRET"]}"#, "accessKeyId is not text"),
            (r#"["TOP-SECRET"]"#, "accessKeyId is missing"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(want) && !error.contains("TOP-SECRET"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, r#"{"accessKeyId":"ID","secretAccessKey":"TOP-SECRET"}"#).unwrap();
        let file = KeyFile::read(&path).unwrap();
        assert!(!format!("{file:?}").contains("SECRET"));
        // The same keys again are no new ones; others are.
        assert!(!file.renew("ID"));
        std::fs::write(&path, r#"{"accessKeyId":"ID2","secretAccessKey":"TOP-SECRET"}"#).unwrap();
        assert!(file.renew("ID") && file.renew("ID"));
        assert_eq!(file.now().keys.key_id, "ID2");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"accessKeyId":"ID","secretAccessKey":"S"}"#).unwrap();
        for (mode, warns) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(KeyFile::read(file.path()).unwrap().warning().is_some(), warns, "{mode:o}");
        }
    }
}
