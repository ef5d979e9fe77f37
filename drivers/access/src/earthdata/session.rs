//! GET through redirects, with the token where it belongs.
//!
//! An archive's host (the "thin egress app") answers `GET` with 303 to a signed URL on S3 or CloudFront when it takes the
//! token, with 302 to the login server when there is none or it does not, and with 403 when terms are not accepted.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, IF_MATCH, LOCATION,
    RANGE,
};
use reqwest::{Client, Response, Url};
use zagg_core::{Error, Result};

use super::login::Login;
use super::{Hosts, authority, refusal};
use crate::https::{Failure, body, cookies::Jar, location_of};
use crate::secret::Secret;

/// Redirects that are followed for one request.
const MAX_HOPS: usize = 10;
/// Longest body of a refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask<'a> {
    /// Bytes of an object; all of it when absent.
    pub(crate) range: Option<Range<u64>>,
    /// Only if the object still has this ETag.
    pub(crate) if_match: Option<&'a str>,
    /// Whether JSON is wanted rather than an object.
    pub(crate) json: bool,
}

/// Where a request ended. Not for any log: the URL may be signed.
pub(crate) struct Landed {
    /// The answer: no redirect, and no refusal of NASA's.
    pub(crate) response: Response,
    /// The URL that gave it.
    pub(crate) url: Url,
}

/// Client, login and cookies of one user.
pub(crate) struct Session {
    client: Client,
    hosts: Hosts,
    login: Login,
    jar: Jar,
    /// Hosts that asked for a login.
    asking: Mutex<HashSet<String>>,
}

/// How a walk along redirects ended.
enum End {
    Landed(Landed),
    /// A host wants a login and got none.
    Asked,
    /// A host does not take this token.
    Refused {
        token: Secret,
        host: String,
    },
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client shows its proxies.
        f.debug_struct("Session")
            .field("hosts", &self.hosts)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(client: Client, hosts: Hosts, login: Login) -> Self {
        Self { client, hosts, login, jar: Jar::default(), asking: Mutex::default() }
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The bearer token of this user.
    pub(super) async fn token(&self) -> Result<Secret> {
        self.login.token(&self.client).await
    }

    /// Whether an answer that a URL gave may have to do with the login.
    pub(crate) fn is_nasa(&self, url: &Url) -> bool {
        self.hosts.may_have_token(url) || self.hosts.is_login(url)
    }

    /// What to say when a web page came where data should be.
    pub(crate) fn page_instead(&self, url: &Url) -> Error {
        refusal::terms(&refusal::whose(&self.hosts, url), &self.hosts, None)
    }

    /// Makes one request and follows where it leads. The token goes along where a host of NASA's asks for it.
    pub(crate) async fn get(&self, url: &Url, ask: &Ask<'_>) -> Result<Landed, Failure> {
        let mut renewed = false;
        for _ in 0..=MAX_HOPS {
            match self.walk(url, ask).await? {
                End::Landed(landed) => return Ok(landed),
                // The host is known to ask now: the next walk brings the token, so this comes once per host.
                End::Asked => {}
                End::Refused { token, host } => {
                    if renewed || !self.login.refused(&token) {
                        return Err(self.login.refusal(&host).into());
                    }
                    renewed = true;
                }
            }
        }
        Err(Error::io(format!("{}: one host after the other asks for a login", location_of(url))).into())
    }

    async fn walk(&self, start: &Url, ask: &Ask<'_>) -> Result<End, Failure> {
        let mut url = start.clone();
        // Once the walk has left NASA's hosts, or came to a signed URL, nothing of the user goes along any more.
        let mut trusted = true;
        let mut sent: Option<(Secret, Url)> = None;
        let mut asked_by: Option<Url> = None;
        for _ in 0..=MAX_HOPS {
            if self.hosts.is_login(&url) {
                return self.at_login(sent, asked_by, start);
            }
            trusted = trusted && self.hosts.may_have_token(&url) && !is_signed(&url);
            let token =
                if trusted && self.asks(&url) { Some(self.login.token(&self.client).await?) } else { None };
            let response = self.send(&url, ask, token.as_ref(), trusted).await?;
            if trusted {
                self.jar.take(&url, response.headers());
                asked_by = Some(url.clone());
            }
            let with_token = token.is_some();
            if let Some(token) = token {
                sent = Some((token, url.clone()));
            }
            let status = response.status().as_u16();
            match status {
                301 | 302 | 303 | 307 | 308 => url = next(&url, response.headers(), start)?,
                401 | 403 if trusted => {
                    return self.refused(response, &url, sent.filter(|_| with_token)).await;
                }
                _ => return Ok(End::Landed(Landed { response, url })),
            }
        }
        Err(Error::io(format!("{}: more than {MAX_HOPS} redirects", location_of(start))).into())
    }

    /// A redirect led to the login server: somebody wants a login, or does not take the one that was sent.
    fn at_login(
        &self,
        sent: Option<(Secret, Url)>,
        asked_by: Option<Url>,
        start: &Url,
    ) -> Result<End, Failure> {
        match (asked_by, sent) {
            // The last host before the login server is the one that wants a login.
            (Some(host), Some((token, got))) if authority(&host) == authority(&got) => {
                self.jar.forget(&host);
                Ok(End::Refused { token, host: refusal::whose(&self.hosts, &host) })
            }
            (Some(host), _) => {
                self.note(&host);
                Ok(End::Asked)
            }
            (None, _) => Err(Error::input(format!(
                "{}: leads to the Earthdata login, but is no https:// address of a host of NASA's that may be shown one",
                location_of(start)
            ))
            .into()),
        }
    }

    /// A host of NASA's refused.
    async fn refused(
        &self,
        response: Response,
        url: &Url,
        sent: Option<(Secret, Url)>,
    ) -> Result<End, Failure> {
        let status = response.status().as_u16();
        match (status, sent) {
            (401, Some((token, _))) => {
                self.jar.forget(url);
                Ok(End::Refused { token, host: refusal::whose(&self.hosts, url) })
            }
            (_, None) if !self.asks(url) => {
                self.note(url);
                Ok(End::Asked)
            }
            (_, sent) => {
                let location = location_of(url);
                let bytes = body::at_most(response, MAX_REFUSAL, &location).await.unwrap_or_default();
                let secrets: Vec<&Secret> = sent.iter().map(|(token, _)| token).collect();
                let error = refusal::refused(&self.hosts, url, status, &bytes, &secrets);
                Err(error.context(location).into())
            }
        }
    }

    /// Whether a host asks for a login. Those of the archives do, which need not be found out; but some of what they have
    /// is public, so that who has no login may try.
    fn asks(&self, url: &Url) -> bool {
        let known = || self.hosts.archive_of_host(url).is_some() && self.login.is_configured();
        known() || self.asking.lock().unwrap_or_else(PoisonError::into_inner).contains(&authority(url))
    }

    fn note(&self, url: &Url) {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).insert(authority(url));
    }

    /// One request.
    async fn send(
        &self,
        url: &Url,
        ask: &Ask<'_>,
        token: Option<&Secret>,
        cookies: bool,
    ) -> Result<Response, Failure> {
        let location = location_of(url);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(if ask.json { "application/json" } else { "*/*" }));
        // Ranges of compressed bytes would be ranges of something else.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let header = |text: String| {
            HeaderValue::from_str(&text).map_err(|_| {
                Failure::Final(Error::corrupt(format!("{location}: cannot be asked for in a header")))
            })
        };
        if let Some(range) = ask.range.as_ref().filter(|range| !range.is_empty()) {
            headers.insert(RANGE, header(format!("bytes={}-{}", range.start, range.end - 1))?);
        }
        if let Some(etag) = ask.if_match {
            headers.insert(IF_MATCH, header(etag.to_string())?);
        }
        if let Some(token) = token {
            let mut value = header(format!("Bearer {}", token.expose()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(cookie) = self.jar.header(url).filter(|_| cookies) {
            headers.insert(COOKIE, cookie);
        }
        let request = self.client.get(url.clone()).headers(headers);
        let response = request.send().await.map_err(|error| Failure::of_transfer(error, &location))?;
        match Failure::of_status(response.status().as_u16(), response.headers(), &location) {
            Some(failure) => Err(failure),
            None => Ok(response),
        }
    }
}

/// Where a redirect leads.
fn next(url: &Url, headers: &HeaderMap, start: &Url) -> Result<Url, Failure> {
    let from = location_of(start);
    let target =
        headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
    let Some(target) = target.filter(|target| matches!(target.scheme(), "http" | "https")) else {
        return Err(Error::io(format!("{from}: redirects to nowhere")).into());
    };
    if url.scheme() == "https" && target.scheme() == "http" {
        let to = location_of(&target);
        return Err(Error::io(format!("{from}: redirects to {to}, which is not encrypted")).into());
    }
    Ok(target)
}

/// Whether a URL carries a signature in its query, as those of S3 (either version) and CloudFront do.
pub(super) fn is_signed(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        matches!(name.as_str(), "signature" | "key-pair-id" | "awsaccesskeyid") || name.starts_with("x-amz-")
    })
}

/// Whether an answer says to be a web page.
pub(crate) fn is_page(response: &Response) -> bool {
    let content =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content = content.trim_start().to_ascii_lowercase();
    content.starts_with("text/html") || content.starts_with("application/xhtml")
}
