//! Where a bucket is reached.

use object_store::aws::AmazonS3Builder;
use reqwest::Url;
use zagg_core::{Error, Result};

use crate::client;

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
        if !path_style && url.domain().is_none() {
            return Err(Error::input(
                "endpoint_url is an address, before which no bucket can stand; leave out path_style: false",
            ));
        }
        Ok(Self { endpoint: Some(url), path_style })
    }

    /// Whether buckets are Amazon's, where everybody's have a name of their own.
    pub(crate) fn is_amazon(&self) -> bool {
        let host = self.endpoint.as_ref().map(|url| url.host_str().unwrap_or_default().trim_end_matches('.'));
        host.is_none_or(|host| {
            [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|name| host.ends_with(name))
        })
    }

    /// Whether nobody on the way reads along: encrypted, or on this machine.
    pub(crate) fn is_private(&self) -> bool {
        self.endpoint.as_ref().is_none_or(|url| url.scheme() == "https" || client::is_here(url))
    }

    /// Whether a bucket of this name can be there.
    ///
    /// # Errors
    /// When the name holds capitals at Amazon's: host names know none, so that another bucket would be read.
    pub(crate) fn check(&self, bucket: &str) -> Result<()> {
        if self.is_amazon() && bucket.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::input(format!(
                "s3://{bucket}: names of buckets are in small letters at Amazon"
            )));
        }
        Ok(())
    }

    /// The builder of a store for a bucket in a region.
    pub(super) fn builder(&self, bucket: &str, region: &str) -> AmazonS3Builder {
        let (path_style, endpoint) = self.style(bucket);
        let builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_virtual_hosted_style_request(!path_style);
        match endpoint {
            None => builder,
            Some(url) => builder.with_endpoint(trimmed(&url)),
        }
    }

    /// Whether the bucket stands in the path, and the endpoint, with the bucket in its host otherwise.
    fn style(&self, bucket: &str) -> (bool, Option<Url>) {
        // A certificate for *.HOST does not cover names with dots.
        let path_style = self.path_style || bucket.contains('.');
        match &self.endpoint {
            None => (path_style, None),
            Some(url) => match with_bucket(url, bucket).filter(|_| !path_style) {
                Some(url) => (false, Some(url)),
                None => (true, Some(url.clone())),
            },
        }
    }

    /// The URL that a bucket answers for itself at, whatever its region.
    pub(super) fn bucket_url(&self, bucket: &str) -> String {
        match self.style(bucket) {
            (true, Some(url)) => format!("{}/{bucket}", trimmed(&url)),
            (false, Some(url)) => trimmed(&url),
            (true, None) => format!("https://s3.amazonaws.com/{bucket}"),
            (false, None) => format!("https://{bucket}.s3.amazonaws.com"),
        }
    }
}

/// A URL with the bucket in front of the host; none where that would be another host, as with a bucket in capitals.
fn with_bucket(url: &Url, bucket: &str) -> Option<Url> {
    let mut url = url.clone();
    let host = format!("{bucket}.{}", url.host_str()?);
    url.set_host(Some(&host)).ok()?;
    (url.host_str() == Some(&host)).then_some(url)
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
        assert_eq!(place(None, true).bucket_url("bucket"), "https://s3.amazonaws.com/bucket");
        // Where the host would be another than that of the bucket.
        for bucket in ["a.b", "BUCKET"] {
            assert_eq!(
                place(Some("http://host:90"), false).bucket_url(bucket),
                format!("http://host:90/{bucket}")
            );
        }
        for address in ["http://127.0.0.1:90", "http://[::1]:90", "http://2130706433/"] {
            assert!(place(Some(address), true).bucket_url("bucket").ends_with("/bucket"));
            let error = Place::new(Some(address), false).unwrap_err().to_string();
            assert!(error.contains("leave out path_style: false"), "{error}");
        }
    }

    #[test]
    fn amazon_is_known_however_it_is_named() {
        let place = |endpoint: Option<&str>| Place::new(endpoint, true).unwrap();
        for (endpoint, amazon, private) in [
            (None, true, true),
            (Some("https://s3.us-west-2.amazonaws.com"), true, true),
            (Some("http://S3.amazonaws.com."), true, false),
            (Some("https://amazonaws.com.example.org"), false, true),
            (Some("http://127.0.0.1:9000"), false, true),
            (Some("http://[::1]:9000"), false, true),
            (Some("http://localhost"), false, true),
            (Some("http://minio:9000"), false, false),
        ] {
            let place = place(endpoint);
            assert_eq!((place.is_amazon(), place.is_private()), (amazon, private), "{endpoint:?}");
            assert_eq!(place.check("Bucket").is_err(), amazon, "{endpoint:?}");
            assert!(place.check("bucket").is_ok());
        }
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
