//! The names of objects in a bucket.

use std::sync::Arc;

use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use zagg_core::{Error, Result};

use super::{Bucket, extensions};
use crate::s3::connect::Watch;
use crate::s3::keys::foreign;

/// Most names that one listing may have; their text has to fit into the memory.
const MOST: usize = 20_000_000;

impl Bucket {
    /// Keys that begin with `prefix`, in no order: all, or those of the first page, at most `most`, when that is given.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when a key cannot be said or pages have no end.
    pub(crate) async fn list(
        &self,
        location: &str,
        prefix: &str,
        most: Option<usize>,
    ) -> Result<Vec<String>> {
        let objects = self.list_sizes(location, prefix, most).await?;
        Ok(objects.into_iter().map(|(key, _)| key).collect())
    }

    /// The same with the length of each object in bytes.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(crate) async fn list_sizes(
        &self,
        location: &str,
        prefix: &str,
        most: Option<usize>,
    ) -> Result<Vec<(String, u64)>> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let asked = token.as_ref();
            let act = |store: Arc<AmazonS3>, watch: Watch| async move {
                let options = PaginatedListOptions {
                    max_keys: most,
                    page_token: asked.cloned(),
                    extensions: extensions(&watch),
                    ..PaginatedListOptions::default()
                };
                store
                    .list_paginated(Some(prefix).filter(|text| !text.is_empty()), options)
                    .await
                    .map_err(unnamable)
            };
            let page = self.attempt(location, false, act).await?;
            let found =
                page.result.objects.into_iter().map(|object| (String::from(object.location), object.size));
            // What a server lists beyond the question is nothing that anybody may act upon.
            keys.extend(found.filter(|(key, _)| key.starts_with(prefix)));
            let endless = || Error::corrupt(format!("{location}: the server's listing has no end"));
            match page.page_token {
                None => return Ok(keys),
                Some(_) if most.is_some() => return Ok(keys),
                Some(next) if token.as_ref() == Some(&next) || keys.len() > MOST => return Err(endless()),
                Some(next) => token = Some(next),
            }
        }
    }
}

/// Names of objects that others have put there need not be names of files.
fn unnamable(error: object_store::Error) -> object_store::Error {
    match error {
        object_store::Error::InvalidPath { .. } => foreign(Error::unsupported(
            "holds an object whose name has an empty, . or .. folder; remove it or use another prefix",
        )),
        error => error,
    }
}
