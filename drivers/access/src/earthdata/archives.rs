//! NASA's archives (DAACs): what they are called, where their data are and who gives out their S3 credentials.
//!
//! Buckets and endpoints: the fields `S3BucketAndObjectPrefixNames` and `S3CredentialsAPIEndpoint` of the collections in
//! NASA's catalogue, as published in August 2026.

use reqwest::Url;
use zagg_core::{Error, Result};

use crate::client::is_here;

/// One archive, or a part of one that has its own S3 credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The name by which a pipeline chooses it: `nsidc`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where its S3 credentials are had. The data over HTTPS are on the same host.
    pub s3_credentials: String,
    /// Its buckets; a `*` at the end stands for any rest.
    pub buckets: Vec<String>,
}

impl Archive {
    /// Describes an archive.
    pub fn new(name: &str, title: &str, s3_credentials: &str, buckets: &[&str]) -> Self {
        Self {
            name: name.to_string(),
            title: title.to_string(),
            s3_credentials: s3_credentials.to_string(),
            buckets: buckets.iter().map(|&bucket| bucket.to_string()).collect(),
        }
    }

    /// Whether a bucket is its, however it is written: host names know no capitals.
    pub fn has_bucket(&self, bucket: &str) -> bool {
        let bucket = bucket.to_ascii_lowercase();
        self.buckets.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => bucket.starts_with(start),
            None => bucket == *pattern,
        })
    }
}

/// Name, title, host and buckets of every archive. Their credentials are at `https://HOST/s3credentials`.
const NASA: [(&str, &str, &str, &[&str]); 15] = [
    ("nsidc", "NSIDC", "data.nsidc.earthdatacloud.nasa.gov", &["nsidc-cumulus-*"]),
    (
        "lpdaac",
        "LP DAAC",
        "data.lpdaac.earthdatacloud.nasa.gov",
        &["lp-prod-protected", "lp-prod-public", "lp-protected", "lp-public"],
    ),
    (
        "podaac-swot",
        "PO.DAAC (SWOT)",
        "archive.swot.podaac.earthdata.nasa.gov",
        &["podaac-swot-ops-cumulus-*"],
    ),
    ("podaac", "PO.DAAC", "archive.podaac.earthdata.nasa.gov", &["podaac-ops-cumulus-*"]),
    ("gesdisc", "GES DISC", "data.gesdisc.earthdata.nasa.gov", &["gesdisc-cumulus-*"]),
    ("ornldaac", "ORNL DAAC", "data.ornldaac.earthdata.nasa.gov", &["ornl-cumulus-*"]),
    ("asf", "ASF", "cumulus.asf.alaska.edu", &["asf-cumulus-prod-*"]),
    ("asf-sentinel1", "ASF (Sentinel-1)", "sentinel1.asf.alaska.edu", &["asf-ngap2w-p-s1-*"]),
    ("asf-nisar", "ASF (NISAR)", "nisar.asf.earthdatacloud.nasa.gov", &["sds-n-cumulus-prod-nisar-*"]),
    ("laads", "LAADS DAAC", "data.laadsdaac.earthdatacloud.nasa.gov", &["prod-lads"]),
    ("obdaac", "OB.DAAC", "obdaac-tea.earthdatacloud.nasa.gov", &["ob-cumulus-prod-*"]),
    ("asdc", "ASDC", "data.asdc.earthdata.nasa.gov", &["asdc-prod-protected", "asdc2-prod-protected"]),
    ("ghrc", "GHRC DAAC", "data.ghrc.earthdata.nasa.gov", &["ghrcw-protected", "ghrcw-public"]),
    ("csda", "CSDA", "data.csdap.earthdata.nasa.gov", &["csda-cumulus-prod-*"]),
    // Not in the catalogue's fields, but the host that older links name.
    ("asf-datapool", "ASF (data pool)", "datapool.asf.alaska.edu", &[]),
];

/// Hosts under these names are NASA's and understand Earthdata tokens.
const NASA_DOMAINS: [&str; 2] = ["earthdata.nasa.gov", "earthdatacloud.nasa.gov"];

/// NASA's login server.
pub(super) const LOGIN: &str = "https://urs.earthdata.nasa.gov/";

/// Who is who: the login server, the archives, and which hosts may be shown a token at all.
#[derive(Debug, Clone)]
pub struct Hosts {
    login: Url,
    archives: Vec<Archive>,
    domains: Vec<String>,
    /// Host and port of servers that stand in for NASA's without encryption.
    plain: Vec<String>,
}

impl Hosts {
    /// NASA's own.
    pub fn nasa() -> Self {
        let archive = |&(name, title, host, buckets): &(&str, &str, &str, &[&str])| {
            Archive::new(name, title, &format!("https://{host}/s3credentials"), buckets)
        };
        Self {
            login: login_url(),
            archives: NASA.iter().map(archive).collect(),
            domains: NASA_DOMAINS.map(str::to_string).to_vec(),
            plain: Vec::new(),
        }
    }

    /// Servers on loopback that stand in for NASA's: a login server and archives, which are all there are.
    ///
    /// # Errors
    /// When a URL is none or is not on loopback.
    pub fn stand_in(login: &str, archives: Vec<Archive>) -> Result<Self> {
        let mut hosts = Self { login: login_url(), archives, domains: Vec::new(), plain: Vec::new() };
        hosts.login = loopback(login)?;
        for archive in &hosts.archives {
            hosts.plain.push(authority(&loopback(&archive.s3_credentials)?));
        }
        Ok(hosts)
    }

    /// The same with a host of data on loopback that belongs to no archive known here.
    ///
    /// # Errors
    /// When the URL is none or is not on loopback.
    pub fn with_data_host(mut self, url: &str) -> Result<Self> {
        self.plain.push(authority(&loopback(url)?));
        Ok(self)
    }

    /// The same with another login server.
    ///
    /// # Errors
    /// When it is no URL, or neither `https://` nor on loopback.
    pub fn with_login(mut self, login: &str) -> Result<Self> {
        let url = Url::parse(login).ok().filter(|url| url.scheme() == "https" && url.username().is_empty());
        self.login = match url {
            Some(url) => url,
            None => loopback(login).map_err(|_| {
                Error::input(
                    "ZAGG_EARTHDATA_URL must be an https:// URL such as https://uat.urs.earthdata.nasa.gov",
                )
            })?,
        };
        Ok(self)
    }

    /// The archives.
    pub fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// The archive of a name, however it is spelled: `GES_DISC`, `gesdisc`, `PO.DAAC`, `ornl`.
    ///
    /// # Errors
    /// Lists the names when there is none of this one.
    pub fn archive_named(&self, name: &str) -> Result<&Archive> {
        let wanted = plain_name(name);
        self.archives.iter().find(|archive| plain_name(&archive.name) == wanted).ok_or_else(|| {
            let names: Vec<&str> = self.archives.iter().map(|archive| archive.name.as_str()).collect();
            Error::input(format!("no archive is called {name:?}; the known ones are {}", names.join(", ")))
        })
    }

    /// The archive that a bucket belongs to.
    pub fn archive_of_bucket(&self, bucket: &str) -> Option<&Archive> {
        self.archives.iter().find(|archive| archive.has_bucket(bucket))
    }

    /// The archive whose data are on the host of a URL.
    pub(crate) fn archive_of_host(&self, url: &Url) -> Option<&Archive> {
        let host = authority(url);
        self.archives
            .iter()
            .find(|archive| Url::parse(&archive.s3_credentials).is_ok_and(|url| authority(&url) == host))
    }

    /// The login server.
    pub(crate) fn login(&self) -> &Url {
        &self.login
    }

    /// Whether a URL is on the login server.
    pub(crate) fn is_login(&self, url: &Url) -> bool {
        authority(url) == authority(&self.login)
    }

    /// Whether the host of a URL may be shown a token: one of NASA's, over an encrypted connection, and not the login
    /// server, which has no data.
    pub(crate) fn may_have_token(&self, url: &Url) -> bool {
        if self.is_login(url)
            || is_login_of_nasa(url)
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return false;
        }
        if url.scheme() != "https" {
            return self.plain.contains(&authority(url));
        }
        let Some(host) = url.host_str().filter(|_| url.port().is_none()) else { return false };
        let under =
            |domain: &String| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
        self.domains.iter().any(under) || self.archive_of_host(url).is_some()
    }
}

/// Whether a URL is on a login server of NASA's: the one for everybody or one of those for tests.
fn is_login_of_nasa(url: &Url) -> bool {
    const NAME: &str = "urs.earthdata.nasa.gov";
    url.host_str()
        .and_then(|host| host.strip_suffix(NAME))
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Scheme, host and port: what cookies and knowledge about a host are kept under.
pub(crate) fn authority(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[allow(clippy::expect_used)]
fn login_url() -> Url {
    Url::parse(LOGIN).expect("a constant URL")
}

/// A URL that must be on this machine.
fn loopback(text: &str) -> Result<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && is_here(url))
        .ok_or_else(|| Error::input("a stand-in for Earthdata must be on this machine"))
}

/// A name without what people spell differently.
fn plain_name(name: &str) -> String {
    let name: String = name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    name.replace("daac", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(url: &str) -> bool {
        Hosts::nasa().may_have_token(&Url::parse(url).unwrap())
    }

    #[test]
    fn tokens_are_for_nasa_over_https_only() {
        for url in [
            "https://data.nsidc.earthdatacloud.nasa.gov/nsidc-cumulus-prod-protected/a.h5",
            "https://archive.podaac.earthdata.nasa.gov:443/a",
            "https://sentinel1.asf.alaska.edu/a",
            "https://opendap.earthdata.nasa.gov/a",
        ] {
            assert!(may(url), "{url}");
        }
        for url in [
            "http://data.nsidc.earthdatacloud.nasa.gov/a",
            "https://data.nsidc.earthdatacloud.nasa.gov:8443/a",
            "https://urs.earthdata.nasa.gov/a",
            "https://nasa.gov/a",
            "https://earthdata.nasa.gov/a",
            "https://evilearthdata.nasa.gov.example.com/a",
            "https://notearthdata.nasa.gov/a",
            "https://earthdata.nasa.gov.example.com/a",
            "https://nsidc-cumulus-prod-protected.s3.us-west-2.amazonaws.com/a",
            "https://d1.cloudfront.net/a",
            "https://user@data.nsidc.earthdatacloud.nasa.gov/a",
            "https://www.asf.alaska.edu/a",
            "http://127.0.0.1:80/a",
            "https://localhost/a",
        ] {
            assert!(!may(url), "{url}");
        }
        // Whichever login server serves, none of them is shown a token.
        let hosts = Hosts::nasa().with_login("https://uat.urs.earthdata.nasa.gov").unwrap();
        for url in ["https://urs.earthdata.nasa.gov/a", "https://uat.urs.earthdata.nasa.gov/a"] {
            let url = Url::parse(url).unwrap();
            assert!(!hosts.may_have_token(&url) && !Hosts::nasa().may_have_token(&url), "{url}");
        }
    }

    #[test]
    fn archives_are_found_by_name_and_bucket() {
        let hosts = Hosts::nasa();
        for (written, name) in [
            ("nsidc", "nsidc"),
            ("NSIDC", "nsidc"),
            ("GES_DISC", "gesdisc"),
            ("PO.DAAC", "podaac"),
            ("lp", "lpdaac"),
            ("ORNL", "ornldaac"),
            ("GHRCDAAC", "ghrc"),
            ("asf sentinel1", "asf-sentinel1"),
        ] {
            assert_eq!(hosts.archive_named(written).unwrap().name, name, "{written}");
        }
        let error = hosts.archive_named("nsdic").unwrap_err().to_string();
        assert!(
            error.starts_with("no archive is called \"nsdic\"; the known ones are nsidc, lpdaac,"),
            "{error}"
        );
        let of = |bucket: &str| hosts.archive_of_bucket(bucket).map(|archive| archive.name.clone());
        assert_eq!(of("nsidc-cumulus-prod-protected").as_deref(), Some("nsidc"));
        assert_eq!(of("podaac-swot-ops-cumulus-protected").as_deref(), Some("podaac-swot"));
        assert_eq!(of("podaac-ops-cumulus-public").as_deref(), Some("podaac"));
        assert_eq!(of("lp-prod-protected").as_deref(), Some("lpdaac"));
        assert_eq!(of("lp-prod-protected-mine"), None);
        assert_eq!(of("my-bucket"), None);
        assert_eq!(of("NSIDC-cumulus-Prod-protected").as_deref(), Some("nsidc"));
        assert_eq!(of("LP-PROD-PROTECTED").as_deref(), Some("lpdaac"));
        let mut names: Vec<String> =
            hosts.archives().iter().map(|archive| plain_name(&archive.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), hosts.archives().len(), "names that only differ in spelling");
    }

    #[test]
    fn every_endpoint_is_one_of_the_hosts() {
        let hosts = Hosts::nasa();
        for archive in hosts.archives() {
            let url = Url::parse(&archive.s3_credentials).unwrap();
            assert!(hosts.may_have_token(&url), "{url}");
            assert_eq!(hosts.archive_of_host(&url), Some(archive));
        }
    }

    #[test]
    fn another_login_server_is_encrypted_or_here() {
        for url in [
            "https://uat.urs.earthdata.nasa.gov",
            "http://127.0.0.1:8080",
            "http://[::1]:80/",
            "http://localhost",
        ] {
            assert!(Hosts::nasa().with_login(url).is_ok(), "{url}");
        }
        for url in [
            "http://urs.earthdata.nasa.gov",
            "urs",
            "ftp://127.0.0.1",
            "https://u:p@x.org",
            "http://127.0.0.1.x.org",
        ] {
            let error = Hosts::nasa().with_login(url).unwrap_err().to_string();
            assert!(error.starts_with("ZAGG_EARTHDATA_URL must be"), "{error}");
            assert!(!error.contains("u:p"));
        }
        assert!(Hosts::stand_in("https://example.com", vec![]).is_err());
    }
}
