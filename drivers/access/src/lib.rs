//! Byte ranges of objects by href.
//!
//! Plain paths and `file://` are read here. `https://` and `s3://` are refused with a message: this version of zagg reads
//! local copies only.

mod local;

use std::sync::Arc;

pub use local::LocalFile;
use zagg_core::range_reader::RangeReader;
use zagg_core::source::OpenObject;
use zagg_core::{Error, Result};

/// Opens objects by href.
#[derive(Debug, Clone, Copy, Default)]
pub struct Access;

impl OpenObject for Access {
    fn check(&self, href: &str) -> Result<()> {
        local_path(href).map(|_| ())
    }

    fn open(&self, href: &str) -> Result<Arc<dyn RangeReader>> {
        Ok(Arc::new(LocalFile::open(local_path(href)?)?))
    }
}

fn local_path(href: &str) -> Result<&str> {
    match href.split_once("://") {
        None => Ok(href),
        Some(("file", path)) if path.starts_with('/') => Ok(path),
        Some(("file", _)) => {
            Err(Error::input(format!("{href:?} names another host; give file:/// and a path")))
        }
        Some((scheme @ ("s3" | "https" | "http"), _)) => Err(Error::unsupported(format!(
            "{scheme}:// cannot be read by this version of zagg; use local copies with --driver file"
        ))),
        Some((scheme, _)) => {
            Err(Error::input(format!("unknown scheme {scheme}:// in {href:?}; give a path or file://")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_are_not_read_are_refused_with_advice() {
        let fails = |href: &str| Access.open(href).unwrap_err().to_string();
        assert!(fails("s3://bucket/a.h5").starts_with("s3:// cannot be read by this version"));
        assert!(fails("gopher://x").starts_with("unknown scheme gopher://"));
        assert!(fails("no/such/file.h5").starts_with("no/such/file.h5: "));
    }
}
