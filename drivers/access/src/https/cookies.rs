//! The cookies that data hosts set, so that a login lasts for the next request.
//!
//! Every cookie goes back to the host and port that set it and nowhere else, whatever domain it names (RFC 6265 lets a
//! client be that strict); paths are not told apart.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::earthdata::authority;

/// Cookies of one host at most, and bytes of one.
const MOST: usize = 30;
const LONGEST: usize = 8 << 10;

/// Cookies by host.
#[derive(Default)]
pub(crate) struct Jar(Mutex<HashMap<String, Vec<(String, String)>>>);

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jar")
    }
}

impl Jar {
    /// Takes the cookies of an answer in.
    pub(crate) fn take(&self, url: &Url, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Some((name, value, dead)) = header.to_str().ok().and_then(parse) else { continue };
            let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let cookies = hosts.entry(authority(url)).or_default();
            cookies.retain(|(other, _)| other != name);
            if !dead && cookies.len() < MOST && header.len() <= LONGEST {
                cookies.push((name.to_string(), value.to_string()));
            }
        }
    }

    /// The header for a request, hidden from logs; none when its host set no cookie.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cookies = hosts.get(&authority(url)).filter(|cookies| !cookies.is_empty())?;
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Forgets the cookies of a host: it did not take them.
    pub(crate) fn forget(&self, url: &Url) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&authority(url));
    }
}

/// Name, value and whether the cookie is to be removed.
fn parse(text: &str) -> Option<(&str, &str, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let name = name.trim();
    let dead = parts.filter_map(|part| part.split_once('=')).any(|(key, value)| {
        let value = value.trim();
        (key.eq_ignore_ascii_case("max-age") && value.parse::<i64>().is_ok_and(|age| age <= 0))
            || (key.eq_ignore_ascii_case("expires") && value.contains("1970"))
    });
    (!name.is_empty()).then_some((name, value.trim(), dead || value.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_str(cookie).unwrap())).collect()
    }

    #[test]
    fn cookies_go_back_to_their_host_only() {
        let jar = Jar::default();
        let url = |text: &str| Url::parse(text).unwrap();
        let here = url("https://a.example.com/x?y");
        jar.take(
            &here,
            &headers(&["s=1; Path=/; Secure; Domain=.example.com", "t=x=y;HttpOnly", "=bad", "noequals"]),
        );
        let shown = |at: &str| jar.header(&url(at)).map(|header| header.to_str().unwrap().to_string());
        assert_eq!(shown("https://a.example.com/other").as_deref(), Some("s=1; t=x=y"));
        for other in [
            "https://b.example.com/",
            "https://example.com/",
            "http://a.example.com/",
            "https://a.example.com:444/",
        ] {
            assert_eq!(shown(other), None, "{other}");
        }
        assert!(!format!("{jar:?}{:?}", jar.header(&here)).contains("s=1"));
        jar.take(&here, &headers(&["s=2", "t=; Max-Age=0"]));
        assert_eq!(shown("https://a.example.com/").as_deref(), Some("s=2"));
        jar.take(&here, &headers(&["s=gone; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]));
        assert_eq!(shown("https://a.example.com/"), None);
    }

    #[test]
    fn a_host_cannot_fill_the_memory() {
        let jar = Jar::default();
        let url = Url::parse("https://a.example.com/").unwrap();
        for number in 0..1000 {
            jar.take(
                &url,
                &headers(&[&format!("n{number}=1"), &format!("long{number}={}", "x".repeat(LONGEST))]),
            );
        }
        assert_eq!(jar.header(&url).unwrap().to_str().unwrap().split("; ").count(), MOST);
        jar.forget(&url);
        assert_eq!(jar.header(&url), None);
    }
}
