//! What `--store` may say.

use std::path::{Path, PathBuf};

use zagg_core::{Error, Result};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// In this folder.
    Local(PathBuf),
    /// In a bucket.
    Bucket,
}

/// The place that a path, a `file://` URL or an `s3://` URL names.
pub(crate) fn parse(text: &str) -> Result<Location> {
    let path = match text.split_once("://") {
        Some(("file", rest)) => PathBuf::from(from_file_url(text, rest)?),
        Some(("s3", _)) => return Ok(Location::Bucket),
        Some((scheme @ ("s3a" | "s3n"), _)) => {
            return Err(Error::input(format!("store {text}: write s3:// instead of {scheme}://")));
        }
        Some((scheme @ ("gs" | "az" | "abfs" | "abfss" | "http" | "https"), _)) => {
            return Err(Error::unsupported(format!(
                "store {text}: {scheme}:// is not written to; use a local path or s3://bucket/folder"
            )));
        }
        Some((scheme, _)) if !scheme.contains(['/', '\\']) => {
            return Err(Error::input(format!(
                "store {text}: unknown scheme {scheme}://; use a local path or s3://bucket/folder"
            )));
        }
        _ => PathBuf::from(text),
    };
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::input(format!("store '{text}': not the name of a folder")));
    }
    Ok(Location::Local(path))
}

/// `<store>.zagg`, beside the store.
pub(crate) fn beside(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".zagg");
    store.with_file_name(name)
}

fn from_file_url(url: &str, rest: &str) -> Result<String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(Error::input(format!("store {url}: a file URL begins with file:/// and a full path")));
    }
    let invalid = || Error::input(format!("store {url}: not a valid URL"));
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (digits, tail) = rest.split_at_checked(2).ok_or_else(invalid)?;
            let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| invalid())?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use zagg_core::ErrorKind;

    use super::*;

    #[test]
    fn paths_and_file_urls_name_folders() {
        for (text, path) in [
            ("out.zarr", "out.zarr"),
            ("a/b.zarr/", "a/b.zarr"),
            ("file:///data/a%20b.zarr", "/data/a b.zarr"),
            ("file://localhost/data/a", "/data/a"),
        ] {
            assert_eq!(parse(text).unwrap(), Location::Local(path.into()), "{text}");
        }
        assert_eq!(beside(Path::new("a/b.zarr/")), PathBuf::from("a/b.zarr.zagg"));
    }

    #[test]
    fn other_places_are_refused_with_a_reason() {
        assert_eq!(parse("s3://bucket/out.zarr"), Ok(Location::Bucket));
        let error = parse("gs://bucket/out.zarr").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("use a local path or s3://"), "{error}");
        assert!(parse("s3a://bucket/x").unwrap_err().to_string().contains("write s3://"));
        for text in
            ["", "/", "..", "a/..", "file://a/b", "ftp://x/y", "file:///%zz", "file:///a%2", "file:///%00"]
        {
            assert_eq!(parse(text).map_err(|e| e.kind()), Err(ErrorKind::Input), "{text}");
        }
    }
}
