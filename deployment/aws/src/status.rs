//! The answer as an object in a bucket, for a dispatcher that does not wait on the line.

use bytes::Bytes;
use zagg_access::StoreChain;
use zagg_core::{Error, Result};

/// Writes an answer to `s3://bucket/key`.
///
/// # Errors
/// When the URI names no object, or the bucket refuses or cannot be reached.
pub(crate) fn write(chain: &StoreChain, uri: &str, answer: &[u8]) -> Result<()> {
    let (folder, name) = split(uri)?;
    chain.bucket_folder(folder)?.put(name, &Bytes::copy_from_slice(answer))
}

/// Folder and name of an object.
fn split(uri: &str) -> Result<(&str, &str)> {
    let rest = uri.strip_prefix("s3://").unwrap_or_default();
    match uri.rsplit_once('/') {
        Some((folder, name)) if !name.is_empty() && rest.contains('/') && !rest.starts_with('/') => {
            Ok((folder, name))
        }
        _ => Err(Error::input(format!("{uri:?} is no place for an answer; give s3://bucket/key"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_folder_and_a_name() {
        assert_eq!(split("s3://bucket/a/b.json").unwrap(), ("s3://bucket/a", "b.json"));
        assert_eq!(split("s3://bucket/b.json").unwrap(), ("s3://bucket", "b.json"));
        for bad in ["", "s3://", "s3://bucket", "s3://bucket/", "s3:///b", "/b.json", "https://host/b"] {
            assert!(split(bad).unwrap_err().message().contains("is no place for an answer"), "{bad}");
        }
    }
}
