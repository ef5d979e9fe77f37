//! Pages of a web service that answers questions: what catalogs are made of.
//!
//! Nobody is logged in here, and nothing of the user goes along but the question. A server is asked and nobody else: where it
//! redirects to another one, or a link of its own leads to one, that is an error.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Response, Url};
use serde_json::Value;
use zagg_core::{Error, Result};

use crate::client;
use crate::earthdata::is_page;
use crate::https::{Failure, Retries, body, location_of};
use crate::runtime::block_on;

/// Redirects that are followed for one page.
const MAX_HOPS: usize = 5;
/// Longest body of a refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;
/// Characters of a refusal that are shown.
const SHOWN: usize = 300;

/// How much is waited for and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// How often and how long a page is tried.
    pub retries: Retries,
    /// Longest page, bytes.
    pub longest: usize,
    /// How long the server may be silent: searching takes it longer than sending.
    pub silence: Duration,
    /// How long one attempt may take, from the question to the last byte.
    pub attempt: Duration,
}

impl Default for PageLimits {
    /// Six attempts with pauses of up to a minute, 96 MiB, three minutes of silence, six minutes for an attempt.
    fn default() -> Self {
        Self {
            retries: Retries {
                attempts: 6,
                first_pause: Duration::from_secs(1),
                longest_pause: Duration::from_secs(60),
                total: Duration::from_secs(900),
            },
            longest: 96 << 20,
            silence: Duration::from_secs(180),
            attempt: Duration::from_secs(360),
        }
    }
}

/// A question for one page. Two that are equal ask for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Where to ask, with the query.
    pub url: String,
    /// Names and values of headers that go along.
    pub headers: Vec<(String, String)>,
    /// Type and text of the body; `GET` without one, `POST` with one.
    pub body: Option<(String, String)>,
}

impl PageRequest {
    /// A `GET` without headers of its own.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), body: None }
    }

    /// A `POST` of a body of a type.
    pub fn post(url: impl Into<String>, content_type: &str, body: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), body: Some((content_type.to_string(), body.into())) }
    }

    /// The same with a header, in the place of one of that name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_string(), value.to_string()));
        self
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it is from, without the query: for messages.
    pub location: String,
    /// Its body.
    pub bytes: Bytes,
    headers: HeaderMap,
}

impl Page {
    /// The value of a header, where there is one that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A server that answers in pages. All calls block.
pub struct PageServer {
    client: Client,
    base: Url,
    limits: PageLimits,
}

impl fmt::Debug for PageServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client shows its proxies.
        f.debug_struct("PageServer").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl PageServer {
    /// The server at an `https://` address; `http://` for this machine only. Asks for nothing yet.
    ///
    /// # Errors
    /// When the address is none, or TLS cannot be set up. The text of a wrong address is not repeated.
    pub fn new(endpoint: &str, limits: PageLimits) -> Result<Self> {
        let sound = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        // It may hold a password.
        let base = Url::parse(endpoint.trim())
            .ok()
            .filter(sound)
            .ok_or_else(|| Error::input("endpoint is not the URL of a server; give https://host"))?;
        if base.scheme() == "http" && !client::is_here(&base) {
            return Err(Error::input(format!(
                "endpoint {base} is not encrypted; give https://, http:// is for this machine only"
            )));
        }
        let client = client::build(client::builder().read_timeout(limits.silence))?;
        Ok(Self { client, base, limits })
    }

    /// The address of a path of this server; what stands in the path must be encoded already.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Asks for a page, again after failures that pass.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, sends more than a page may have, or leads elsewhere. Names the address
    /// without its query.
    pub fn ask(&self, request: &PageRequest) -> Result<Page> {
        let url = self.own(&request.url)?;
        let headers = headers_of(request)?;
        let location = location_of(&url);
        let attempt = async || {
            let late = |_| {
                let seconds = self.limits.attempt.as_secs_f64();
                let error = Error::temporary(format!("{location}: no whole page within {seconds} seconds"));
                Failure::Passing { error, after: None }
            };
            let one = self.attempt(url.clone(), &headers, request.body.as_ref());
            tokio::time::timeout(self.limits.attempt, one).await.map_err(late)?
        };
        block_on(self.limits.retries.run(attempt))
    }

    async fn attempt(
        &self,
        mut url: Url,
        headers: &HeaderMap,
        body: Option<&(String, String)>,
    ) -> Result<Page, Failure> {
        let location = location_of(&url);
        for _ in 0..=MAX_HOPS {
            let mut builder = match body {
                Some((_, text)) => self.client.post(url.clone()).body(text.clone()),
                None => self.client.get(url.clone()),
            };
            builder = builder.headers(headers.clone());
            let response = builder.send().await.map_err(|error| Failure::of_transfer(error, &location))?;
            let status = response.status().as_u16();
            match status {
                301..=303 if body.is_some() => {
                    let what = "redirects a POST in a way that loses it";
                    return Err(Error::io(format!("{location}: {what} (status {status})")).into());
                }
                301..=303 | 307 | 308 => url = self.redirected(&url, response.headers(), &location)?,
                _ => return self.page(response, location).await,
            }
        }
        Err(Error::io(format!("{location}: more than {MAX_HOPS} redirects")).into())
    }

    async fn page(&self, response: Response, location: String) -> Result<Page, Failure> {
        let status = response.status();
        if let Some(failure) = Failure::of_status(status.as_u16(), response.headers(), &location) {
            return Err(failure);
        }
        if !status.is_success() {
            let bytes = body::at_most(response, MAX_REFUSAL, &location).await.unwrap_or_default();
            let why = reason(&bytes).map(|why| format!(": {why}")).unwrap_or_default();
            let message = format!("{location}: refused with status {}{why}", status.as_u16());
            let is_absent = matches!(status.as_u16(), 404 | 410);
            return Err(if is_absent { Error::not_found(message) } else { Error::input(message) }.into());
        }
        if is_page(&response) {
            let error = Error::temporary(format!("{location}: a web page came instead of an answer"));
            return Err(Failure::Passing { error, after: None });
        }
        let headers = response.headers().clone();
        let bytes = body::read(response, self.limits.longest, &location).await?;
        Ok(Page { location, bytes, headers })
    }

    /// A URL of this server.
    fn own(&self, text: &str) -> Result<Url> {
        let url = self
            .base
            .join(text)
            .map_err(|_| Error::corrupt(format!("{}: leads to what is no URL", location_of(&self.base))))?;
        if self.is_own(&url) {
            return Ok(url);
        }
        Err(Error::corrupt(format!(
            "{}: leads to {}, which is another server; give that as the endpoint if it is the right one",
            location_of(&self.base),
            location_of(&url)
        )))
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none()
    }

    fn redirected(&self, url: &Url, headers: &HeaderMap, location: &str) -> Result<Url, Failure> {
        let target =
            headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
        match target {
            Some(target) if self.is_own(&target) => Ok(target),
            Some(target) => Err(Error::io(format!(
                "{location}: redirects to {}, which is another server; give that as the endpoint if it is the right one",
                location_of(&target)
            ))
            .into()),
            None => Err(Error::io(format!("{location}: redirects to nowhere")).into()),
        }
    }
}

fn headers_of(request: &PageRequest) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/*+json;q=0.9, */*;q=0.1"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let content = request.body.iter().map(|(content_type, _)| (CONTENT_TYPE.as_str(), content_type.as_str()));
    let own = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in content.chain(own) {
        let bad = || Error::corrupt(format!("{name}: cannot be sent in a header"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        headers.insert(key, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    Ok(headers)
}

/// What a refusal says, where it says it in one of the forms that are in use: a list `errors`, a `description`, a `message`.
fn reason(bytes: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let said = match value.get("errors") {
        Some(Value::Array(errors)) => errors.first(),
        _ => ["description", "message", "detail"].iter().find_map(|name| value.get(name)),
    }?;
    let text = match said {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    Some(plain.trim().to_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_servers_or_this_machine_are_asked() {
        let new = |endpoint: &str| PageServer::new(endpoint, PageLimits::default());
        for good in
            ["https://cmr.example.org", "http://127.0.0.1:90/", "http://localhost:1/a", "http://[::1]"]
        {
            assert!(new(good).is_ok(), "{good}");
        }
        for bad in ["", "cmr.example.org", "ftp://x", "https://u:hush@x", "https://x?hush", "https://x#hush"]
        {
            let error = new(bad).unwrap_err().to_string();
            assert!(error.starts_with("endpoint is not the URL") && !error.contains("hush"), "{error}");
        }
        assert!(new("http://cmr.example.org").unwrap_err().message().contains("not encrypted"));
        assert_eq!(new("https://x/cmr/").unwrap().url("/stac"), "https://x/cmr/stac");
    }

    #[test]
    fn links_to_other_servers_are_not_followed() {
        let server = PageServer::new("https://cmr.example.org", PageLimits::default()).unwrap();
        for good in ["https://cmr.example.org:443/a?b", "/a?b", "https://CMR.example.org/x"] {
            assert!(server.own(good).is_ok(), "{good}");
        }
        for bad in [
            "http://cmr.example.org/",
            "https://cmr.example.org:444/",
            "https://u@cmr.example.org/",
            "https://evil.example.org/?hush",
            "//evil/",
            "file:///etc/passwd",
        ] {
            let error = server.ask(&PageRequest::get(bad)).unwrap_err();
            assert!(
                error.message().contains("another server") && !error.message().contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn refusals_say_why_in_one_short_line() {
        assert_eq!(reason(br#"{"errors":["bad\nbbox"]}"#).as_deref(), Some("bad bbox"));
        assert_eq!(reason(br#"{"code":"X","description":"no"}"#).as_deref(), Some("no"));
        assert_eq!(reason(br#"{"errors":[{"path":1}]}"#).as_deref(), Some("{\"path\":1}"));
        assert_eq!(
            reason(format!("{{\"message\":\"{}\"}}", "x".repeat(999)).as_bytes()).unwrap().len(),
            SHOWN
        );
        for none in [&b"<html>"[..], b"", b"{}", b"[]", b"{\"errors\":[]}", b"{\"message\":\" \"}"] {
            assert_eq!(reason(none), None);
        }
    }
}
