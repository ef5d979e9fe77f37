//! How the bytes of granules are reached: `data_source.access`.

use super::section::{Fault, Section};

/// How the bytes of granules are reached. None of it changes what is computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceAccess {
    /// Region of the buckets; by default that of the archive, or the one the bucket names.
    pub region: Option<String>,
    /// Another S3 endpoint than Amazon's.
    pub endpoint_url: Option<String>,
    /// Whether buckets stand in the path instead of the host name. An endpoint of one's own usually wants that.
    pub path_style: bool,
    /// Who signs requests.
    pub credentials: SourceCredentials,
}

/// Who signs requests for granules. The credentials of the output are never used, and these never go there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SourceCredentials {
    /// By the bucket: an archive's bucket with what its own endpoint gives to an Earthdata login; any other with what the
    /// environment has for AWS.
    #[default]
    ByBucket,
    /// Nobody: the bucket is public.
    Anonymous,
    /// What the environment has for AWS. Refused for the buckets of an archive.
    Ambient,
    /// The archive of this name, such as `nsidc`.
    Archive(String),
}

impl SourceAccess {
    /// Reads the section, with the original's `credentials_provider` beside it.
    pub(super) fn read(data_source: &mut Section<'_>) -> Result<Self, Fault> {
        let beside = data_source.string("credentials_provider")?;
        let mut access = Self::default();
        let mut named = None;
        if let Some(mut section) = data_source.section("access")? {
            access.region = section.string("region")?;
            access.endpoint_url = section.string("endpoint_url")?;
            access.path_style = section.boolean("path_style")?.unwrap_or(access.endpoint_url.is_some());
            named = section.string("credentials")?;
            section.finish()?;
        }
        access.credentials = match named.or(beside).as_deref() {
            None | Some("by_bucket") => SourceCredentials::ByBucket,
            Some("anonymous") => SourceCredentials::Anonymous,
            Some("ambient") => SourceCredentials::Ambient,
            Some(archive) => SourceCredentials::Archive(archive.to_lowercase()),
        };
        Ok(access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(section: &serde_json::Value) -> Result<SourceAccess, String> {
        let mut notes = Vec::new();
        let mut root = Section::root(section.as_object().unwrap(), &mut notes);
        let access = SourceAccess::read(&mut root).map_err(|fault| fault.to_string())?;
        root.finish().map_err(|fault| fault.to_string())?;
        Ok(access)
    }

    #[test]
    fn nothing_said_means_by_bucket() {
        assert_eq!(read(&json!({})).unwrap(), SourceAccess::default());
        assert_eq!(read(&json!({"access": null})).unwrap().credentials, SourceCredentials::ByBucket);
    }

    #[test]
    fn an_endpoint_of_ones_own_has_buckets_in_its_path() {
        let own = read(&json!({"access": {"endpoint_url": "http://127.0.0.1:9000"}})).unwrap();
        assert!(own.path_style);
        let host = json!({"access": {"endpoint_url": "https://s3.example.org", "path_style": false}});
        assert!(!read(&host).unwrap().path_style);
    }

    #[test]
    fn the_original_names_the_archive_beside_the_section() {
        let archive = |section| read(&section).unwrap().credentials;
        assert_eq!(
            archive(json!({"credentials_provider": "NSIDC"})),
            SourceCredentials::Archive("nsidc".into())
        );
        let both = json!({"credentials_provider": "nsidc", "access": {"credentials": "anonymous"}});
        assert_eq!(archive(both), SourceCredentials::Anonymous);
        assert_eq!(archive(json!({"access": {"credentials": "ambient"}})), SourceCredentials::Ambient);
    }

    #[test]
    fn faults_name_the_key() {
        let wrong = read(&json!({"access": {"regoin": "us-west-2"}})).unwrap_err();
        assert_eq!(wrong, "access.regoin: unknown key; did you mean \"region\"?");
        let wrong = read(&json!({"access": {"path_style": "yes"}})).unwrap_err();
        assert_eq!(wrong, "access.path_style: must be true or false, not \"yes\"");
    }
}
