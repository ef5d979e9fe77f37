//! What workers elsewhere must be lent to read granules.

use std::collections::BTreeSet;

use reqwest::Url;
use zagg_core::config::SourceCredentials;
use zagg_core::{Error, Result};

use crate::earthdata::Loan;
use crate::runtime::block_on;
use crate::s3::{Place, S3Href};
use crate::{Access, Scheme};

/// What a granule needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// The S3 keys of the archive of this name.
    Keys(String),
    /// The bearer token.
    Token,
}

pub(crate) fn lend<'a>(access: &Access, hrefs: impl IntoIterator<Item = &'a str>) -> Result<Option<Loan>> {
    let mut needs = BTreeSet::new();
    for href in hrefs {
        needs.extend(need(access, href)?);
    }
    let mut needs = needs.into_iter();
    let (Some(first), second) = (needs.next(), needs.next()) else { return Ok(None) };
    if let Some(second) = second {
        return Err(Error::input(format!(
            "the granules need {} and {}, and workers are lent one of them; run them one after the other, or with --driver \
             https, where the token serves all archives",
            said(&first),
            said(&second)
        )));
    }
    let archive = match &first {
        Need::Keys(archive) => Some(archive.as_str()),
        Need::Token => None,
    };
    let earthdata = access.earthdata()?;
    block_on(earthdata.loan(archive)).map(Some)
}

fn said(need: &Need) -> String {
    match need {
        Need::Keys(archive) => format!("S3 keys of {archive}"),
        Need::Token => "the Earthdata token".to_string(),
    }
}

fn need(access: &Access, href: &str) -> Result<Option<Need>> {
    match Scheme::of(href)? {
        Scheme::Local(_) => Ok(None),
        Scheme::Https => {
            let url = Url::parse(href).ok();
            let earthdata = access.earthdata()?;
            let hosts = earthdata.session().hosts();
            Ok(url.filter(|url| hosts.may_have_token(url)).map(|_| Need::Token))
        }
        Scheme::S3 => {
            let options = &access.0.options;
            let archive = match &options.credentials {
                SourceCredentials::Anonymous | SourceCredentials::Ambient => return Ok(None),
                SourceCredentials::Archive(name) => name.clone(),
                SourceCredentials::ByBucket => {
                    let place = Place::new(options.endpoint_url.as_deref(), options.path_style)?;
                    let bucket = S3Href::parse(href)?.bucket;
                    let earthdata = access.earthdata()?;
                    match earthdata.session().hosts().archive_of_bucket(&bucket).filter(|_| place.is_amazon())
                    {
                        Some(archive) => archive.name.clone(),
                        None => return Ok(None),
                    }
                }
            };
            let earthdata = access.earthdata()?;
            let archive = earthdata.session().hosts().archive_named(&archive)?;
            Ok(Some(Need::Keys(archive.name.clone())))
        }
    }
}
