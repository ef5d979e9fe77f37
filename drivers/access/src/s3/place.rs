//! Where a bucket is reached.

use object_store::aws::AmazonS3Builder;
use reqwest::Url;
use zagg_core::{Error, Result};

/// Where buckets are reached: at Amazon's, or at an endpoint of one's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    endpoint: Option<Url>,
    path_style: bool,
}

impl Place {
    /// Amazon's endpoints, or the one given; with path style the bucket stands in the path.
    ///
    /// # Errors
    /// When the endpoint is no URL of a server.
    pub(crate) fn new(endpoint: Option<&str>, path_style: bool) -> Result<Self> {
        let Some(text) = endpoint else { return Ok(Self { endpoint: None, path_style }) };
        let sound = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        // The text is not repeated: it may hold a password.
        let url = Url::parse(text).ok().filter(sound).ok_or_else(|| {
            Error::input("endpoint_url is not the URL of a server; give https://host or http://host:port")
        })?;
        Ok(Self { endpoint: Some(url), path_style })
    }

    /// The builder of a store for a bucket in a region.
    pub(super) fn builder(&self, bucket: &str, region: &str) -> AmazonS3Builder {
        // The certificate of *.s3.amazonaws.com does not cover names with dots.
        let path_style = self.path_style || bucket.contains('.');
        let builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_virtual_hosted_style_request(!path_style);
        match &self.endpoint {
            None => builder,
            Some(url) if path_style => builder.with_endpoint(trimmed(url)),
            Some(url) => builder.with_endpoint(trimmed(&with_bucket(url, bucket))),
        }
    }

    /// The URL that a bucket answers for itself at, whatever its region.
    pub(super) fn bucket_url(&self, bucket: &str) -> String {
        match &self.endpoint {
            Some(url) if self.path_style => format!("{}/{bucket}", trimmed(url)),
            Some(url) => trimmed(&with_bucket(url, bucket)),
            None if bucket.contains('.') => format!("https://s3.amazonaws.com/{bucket}"),
            None => format!("https://{bucket}.s3.amazonaws.com"),
        }
    }
}

fn with_bucket(url: &Url, bucket: &str) -> Url {
    let mut url = url.clone();
    let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
    // An address instead of a name cannot have the bucket in front; it stays as it is and the server will say so.
    let _ = url.set_host(Some(&host));
    url
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_stand_in_the_host_or_in_the_path() {
        let place = |endpoint: Option<&str>, path_style| Place::new(endpoint, path_style).unwrap();
        assert_eq!(place(None, false).bucket_url("bucket"), "https://bucket.s3.amazonaws.com");
        assert_eq!(place(None, false).bucket_url("a.b"), "https://s3.amazonaws.com/a.b");
        assert_eq!(place(Some("http://host:90/"), true).bucket_url("bucket"), "http://host:90/bucket");
        assert_eq!(place(Some("http://host:90"), false).bucket_url("bucket"), "http://bucket.host:90");
    }

    #[test]
    fn an_endpoint_that_is_no_server_is_refused_without_repeating_it() {
        for bad in
            ["", "host:90", "ftp://host", "https://user:secret@host", "https://host?x=secret", "s3://host"]
        {
            let error = Place::new(Some(bad), true).unwrap_err().to_string();
            assert!(error.starts_with("endpoint_url is not") && !error.contains("secret"), "{error}");
        }
    }
}
