//! Hrefs of objects in buckets: `s3://bucket/key`.

use object_store::path::Path;
use zagg_core::{Error, Result};

use crate::shown;

/// Bucket and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Href {
    pub(crate) bucket: String,
    pub(crate) key: Path,
}

impl S3Href {
    /// Takes an href apart. The key is taken as it stands: nothing in it is an escape.
    ///
    /// # Errors
    /// When it names no bucket or no object.
    pub(crate) fn parse(href: &str) -> Result<Self> {
        let (bucket, key) = split(href)?;
        if key.is_empty() || key.ends_with('/') {
            return Err(Error::input(format!("{} names no object; give s3://bucket/key", shown(href))));
        }
        let key = key_of(key).ok_or_else(|| {
            Error::unsupported(format!(
                "{}: keys with empty, . or .. folders or control characters cannot be read",
                shown(href)
            ))
        })?;
        Ok(Self { bucket: bucket.to_string(), key })
    }

    /// Takes the URL of a folder in a bucket apart: `s3://bucket` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// When it names no bucket.
    pub(crate) fn parse_folder(url: &str) -> Result<Self> {
        let (bucket, prefix) = split(url)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let key = if prefix.is_empty() { Some(Path::default()) } else { key_of(prefix) };
        let key = key.ok_or_else(|| {
            Error::input(format!("{}: not a folder of a bucket; give s3://bucket/folder", shown(url)))
        })?;
        Ok(Self { bucket: bucket.to_string(), key })
    }
}

fn split(href: &str) -> Result<(&str, &str)> {
    let rest = href.strip_prefix("s3://").unwrap_or_default();
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    // The bucket becomes part of a host name, so that nothing else may pass.
    let letter = |byte: u8| byte.is_ascii_alphanumeric();
    let sound = (3..=255).contains(&bucket.len())
        && bucket.bytes().all(|byte| letter(byte) || b".-_".contains(&byte))
        && bucket.bytes().next().is_some_and(letter)
        && bucket.bytes().last().is_some_and(letter)
        && !bucket.contains("..");
    if sound {
        Ok((bucket, key))
    } else {
        Err(Error::input(format!("{} names no bucket; give s3://bucket/key", shown(href))))
    }
}

/// The path of a key, where object_store can say it without changing it.
fn key_of(key: &str) -> Option<Path> {
    // `Path::from` would encode what is not plain; `parse` takes the key as it is, but for slashes at its ends.
    Path::parse(key).ok().filter(|path| path.as_ref() == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_stand() {
        for key in ["a.h5", "ATL06/007/a b.h5", "a%20b.h5", "naïve/é#?&+=.h5", "~x/{y}"] {
            let href = S3Href::parse(&format!("s3://some-bucket.of_mine/{key}")).unwrap();
            assert_eq!((href.bucket.as_str(), href.key.as_ref()), ("some-bucket.of_mine", key));
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for bad in [
            "s3://",
            "s3:///k",
            "s3://b/k",
            "s3://bucket",
            "s3://bucket/",
            "s3://bucket/folder/",
            "s3://evil.com#/k",
        ] {
            assert!(S3Href::parse(bad).unwrap_err().message().contains("give s3://bucket/key"), "{bad}");
        }
        for bad in ["s3://user:pw@host/k", "s3://a..b/k", "s3://-ab/k", "s3://bücket/k"] {
            assert!(S3Href::parse(bad).unwrap_err().message().contains("names no bucket"), "{bad}");
        }
        for bad in ["s3://bucket//k", "s3://bucket/a//b", "s3://bucket/a/../b", "s3://bucket/a\nb"] {
            assert!(S3Href::parse(bad).unwrap_err().message().contains("cannot be read"), "{bad}");
        }
    }

    #[test]
    fn folders_may_be_the_whole_bucket() {
        for (url, key) in
            [("s3://bucket", ""), ("s3://bucket/", ""), ("s3://bucket/a/b/", "a/b"), ("s3://bucket/a", "a")]
        {
            assert_eq!(S3Href::parse_folder(url).unwrap().key.as_ref(), key, "{url}");
        }
        assert!(S3Href::parse_folder("s3://bucket/a/../b").is_err());
    }
}
