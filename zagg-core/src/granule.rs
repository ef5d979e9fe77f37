//! Granules: files of a mission with a footprint and hrefs.

use crate::error::{Error, Result};
use crate::footprint::Footprint;

/// One file of a mission as shard maps record it.
///
/// The identity is `id`, the file name. Times are ISO 8601 text as the catalog gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Granule {
    /// File name, unique within a shard map.
    pub id: String,
    /// `s3://bucket/key`, where the archive offers direct access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<String>,
    /// `https://…`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<String>,
    /// Absolute path of a local copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Start of the observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_start: Option<String>,
    /// End of the observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_end: Option<String>,
    /// Length in bytes, where the catalog knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Which of a granule's hrefs a run prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Direct access to the archive's bucket.
    #[default]
    S3,
    /// The archive's web server.
    Https,
    /// Local copies.
    File,
}

impl Driver {
    /// The name used in pipelines and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Https => "https",
            Self::File => "file",
        }
    }
}

impl Granule {
    /// The href to read: the one the driver asks for, else the local copy.
    ///
    /// # Errors
    /// Names the granule when it has neither.
    pub fn href(&self, driver: Driver) -> Result<&str> {
        let wanted = match driver {
            Driver::S3 => self.s3.as_deref(),
            Driver::Https => self.https.as_deref(),
            Driver::File => self.file.as_deref(),
        };
        wanted.or(self.file.as_deref()).ok_or_else(|| {
            let has: Vec<&str> = [("s3", &self.s3), ("https", &self.https)]
                .iter()
                .filter(|(_, h)| h.is_some())
                .map(|(n, _)| *n)
                .collect();
            let advice = if has.is_empty() {
                "build the shard map again from a catalog that knows where it is".to_string()
            } else {
                format!("it has {}: choose it with --driver", has.join(" and "))
            };
            Error::input(format!(
                "granule {} has no {} href and no local file; {advice}",
                self.id,
                driver.name()
            ))
        })
    }
}

/// A granule with where on Earth it observed, as a catalog gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogEntry {
    /// The granule.
    pub granule: Granule,
    /// Where it observed.
    pub footprint: Footprint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_copy_stands_in_and_its_absence_is_an_error_that_names_the_granule() {
        let mut granule =
            Granule { id: "a.h5".into(), https: Some("https://x/a.h5".into()), ..Granule::default() };
        assert_eq!(granule.href(Driver::Https).unwrap(), "https://x/a.h5");
        assert_eq!(
            granule.href(Driver::S3).unwrap_err().to_string(),
            "granule a.h5 has no s3 href and no local file; it has https: choose it with --driver"
        );
        granule.file = Some("/data/a.h5".into());
        assert_eq!(granule.href(Driver::S3).unwrap(), "/data/a.h5");
    }
}
