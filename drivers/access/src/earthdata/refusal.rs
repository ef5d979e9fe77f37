//! What to say when a host of NASA's refuses.

use reqwest::Url;
use serde::Deserialize;
use zagg_core::Error;

use super::Hosts;
use crate::secret::{Secret, quotable};

/// What an archive's host sends with status 403 when the user has not agreed to its terms.
#[derive(Deserialize, Default)]
struct Body {
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    resolution_url: String,
}

/// A refusal with status 401 or 403, by what the host sent. `secrets` are what was sent to it.
pub(super) fn refused(hosts: &Hosts, url: &Url, status: u16, body: &[u8], secrets: &[&Secret]) -> Error {
    let whose = whose(hosts, url);
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let approve = approval(hosts, &body.resolution_url);
    let said = quotable(&body.error_description, secrets);
    if approve.is_some() || said.to_lowercase().contains("eula") {
        return terms(&whose, hosts, approve);
    }
    let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
    Error::input(format!(
        "{whose} refuses this Earthdata account with status {status}{said}: it may have to agree to terms or be given \
         access first; see {}profile under Applications",
        hosts.login()
    ))
}

/// The user has not agreed to the terms of an archive, or has not approved its application.
pub(super) fn terms(whose: &str, hosts: &Hosts, approve: Option<Url>) -> Error {
    let login = hosts.login();
    Error::input(match approve {
        Some(url) => format!(
            "{whose} wants its terms (EULA) accepted first: log in and accept them at {url}, then run again"
        ),
        None => format!(
            "{whose} gives nothing to this Earthdata account: accept its terms (EULA) and approve its application at \
             {login}profile under Applications, then run again"
        ),
    })
}

/// The archive of a URL for messages, or its host.
pub(super) fn whose(hosts: &Hosts, url: &Url) -> String {
    match hosts.archive_of_host(url) {
        Some(archive) => archive.title.clone(),
        None => url.host_str().unwrap_or("the server").to_string(),
    }
}

/// The page where terms are accepted, if it is one of the login server's; a link to anywhere else is not passed on.
fn approval(hosts: &Hosts, text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let login = hosts.login();
    // The servers write it with http://; the login server has no such page.
    let nasa =
        url.host_str().is_some_and(|host| host.ends_with("urs.earthdata.nasa.gov")) && url.port().is_none();
    if nasa {
        url.set_scheme("https").ok()?;
    }
    (nasa || url.origin() == login.origin()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        let url = Url::parse("https://data.nsidc.earthdatacloud.nasa.gov/x").unwrap();
        refused(&Hosts::nasa(), &url, 403, body.as_bytes(), &[&Secret::new("t0ken")]).to_string()
    }

    #[test]
    fn terms_are_named_with_the_page_where_they_are_accepted() {
        let body = r#"{"status_code": 403, "error_description": "EULA Acceptance Failure",
            "resolution_url": "http://urs.earthdata.nasa.gov/approve_app?client_id=Lq"}"#;
        assert_eq!(
            message(body),
            "NSIDC wants its terms (EULA) accepted first: log in and accept them at \
             https://urs.earthdata.nasa.gov/approve_app?client_id=Lq, then run again"
        );
    }

    #[test]
    fn links_elsewhere_and_echoed_secrets_are_not_passed_on() {
        let body = r#"{"error_description": "EULA", "resolution_url": "https://evil.example.com/urs.earthdata.nasa.gov"}"#;
        let text = message(body);
        assert!(text.contains("https://urs.earthdata.nasa.gov/profile") && !text.contains("evil"), "{text}");
        for body in ["https://x@urs.earthdata.nasa.gov/", "https://urs.earthdata.nasa.gov.example.com/", "no"]
        {
            assert_eq!(approval(&Hosts::nasa(), body), None);
        }
        let text = message(r#"{"error_description": "token t0ken not valid"}"#);
        assert!(text.contains("(token *** not valid)"), "{text}");
        assert!(message("<html>no</html>").contains("NSIDC refuses this Earthdata account with status 403:"));
    }
}
