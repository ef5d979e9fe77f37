//! Who the user is for Earthdata: the ways to say so, and the bearer token that follows.
//!
//! The token comes from `POST /api/users/find_or_create_token` of Earthdata Login with the user name and password (Basic):
//! JSON with `access_token` and `expiration_date` (month/day/year).

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use zagg_core::{Error, Result};

use super::environment::Environment;
use super::lent::CredentialsObject;
use super::refreshed::{Clock, Fetched, Refreshed};
use super::{netrc, time};
use crate::https::{Failure, Retries, body};
use crate::secret::{Secret, quotable};

/// How long before its end a token is asked for again.
const MARGIN: Duration = Duration::from_secs(24 * 3600);
/// How long a token counts as good of which no end is known, or that ended by its date: days say no more.
const UNKNOWN_LIFE: Duration = Duration::from_secs(1800);
/// Longest answer of the login server that is read.
const MAX_ANSWER: usize = 64 << 10;
/// Longest netrc file that is read.
const MAX_NETRC: u64 = 1 << 20;

/// The login of this process.
pub(super) struct Login {
    environment: Environment,
    /// The login server, with a slash at its end.
    server: reqwest::Url,
    retries: Retries,
    clock: Clock,
    token: Refreshed<Secret>,
    configured: OnceLock<bool>,
    /// Lends the token, instead of the environment.
    lent: Option<CredentialsObject>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// How the user said who they are.
#[derive(Debug)]
enum Way {
    Token(Secret),
    Password {
        username: String,
        password: Secret,
        /// Where both are from, for messages.
        from: String,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expiration_date: Option<String>,
}

#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    error_description: String,
}

impl Login {
    pub(super) fn new(
        environment: Environment,
        server: reqwest::Url,
        retries: Retries,
        clock: Clock,
    ) -> Self {
        let token = Refreshed::new(Clock::clone(&clock), MARGIN);
        Self { environment, server, retries, clock, token, configured: OnceLock::new(), lent: None }
    }

    /// The same with the token that an object lends.
    pub(super) fn lent(self, lent: Option<CredentialsObject>) -> Self {
        Self { lent, ..self }
    }

    /// The bearer token: that of the environment, or one had for the password, which is asked for once.
    ///
    /// # Errors
    /// When there is no login, it is incomplete, or the login server refuses it or cannot be reached.
    pub(super) async fn token(&self, client: &Client) -> Result<Secret> {
        if let Some(object) = &self.lent {
            return object.token().await;
        }
        self.token.get(|| self.fetch(client)).await
    }

    /// A server refused a token. Gives whether another one may be had by asking again.
    pub(super) fn refused(&self, token: &Secret) -> bool {
        if let Some(object) = &self.lent {
            return object.refused(|lent| lent.token.as_ref() == Some(token));
        }
        if self.environment.token.is_some() {
            return false;
        }
        self.token.refused(|kept| kept == token)
    }

    /// What to say when a host refuses the token.
    pub(super) fn refusal(&self, host: &str) -> Error {
        let server = self.server.as_str().trim_end_matches('/');
        if let Some(object) = &self.lent {
            return Error::input(format!("{host} refused the token in {}; give another", object.location()));
        }
        Error::input(if self.environment.token.is_some() {
            format!(
                "{host} refused the token in EARTHDATA_TOKEN: it may have expired (they last 60 days) or been revoked; \
                 make another at {server}/profile under \"Generate Token\""
            )
        } else {
            format!(
                "{host} refused the Earthdata token of this login; look at {server}/profile whether the account is in \
                 order and the archive's application is approved"
            )
        })
    }

    async fn fetch(&self, client: &Client) -> Result<Fetched<Secret>> {
        match self.way()?.ok_or_else(|| self.no_way())? {
            Way::Token(value) => {
                // Checked here, because a header cannot be made of it and the message of that would not say why.
                if !value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(Error::input(
                        "EARTHDATA_TOKEN holds characters that no token has; copy it again",
                    ));
                }
                Ok(Fetched { value, ends: (self.clock)().date + Duration::from_secs(365 * 86_400) })
            }
            Way::Password { username, password, from } => {
                self.retries.run(|| self.ask(client, &username, &password, &from)).await
            }
        }
    }

    /// Asks the login server for a token.
    async fn ask(
        &self,
        client: &Client,
        username: &str,
        password: &Secret,
        from: &str,
    ) -> Result<Fetched<Secret>, Failure> {
        let server = self.server.as_str().trim_end_matches('/');
        let url = format!("{server}/api/users/find_or_create_token");
        let request = client
            .post(&url)
            .basic_auth(username, Some(password.expose()))
            .header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| Failure::of_transfer(error, &url))?;
        let status = response.status().as_u16();
        if let Some(failure) = Failure::of_status(status, response.headers(), &url) {
            return Err(failure);
        }
        let bytes = body::at_most(response, MAX_ANSWER, &url).await?;
        if status == 200 {
            let answer: Option<TokenAnswer> = serde_json::from_slice(&bytes).ok();
            let answer = answer.filter(|answer| {
                !answer.access_token.is_empty()
                    && answer.access_token.bytes().all(|byte| byte.is_ascii_graphic())
            });
            let Some(answer) = answer else {
                return Err(Error::corrupt(format!("{url}: the answer holds no access_token")).into());
            };
            let now = (self.clock)().date;
            let ends =
                answer.expiration_date.as_deref().and_then(time::american_day).filter(|ends| *ends > now);
            let ends = ends.unwrap_or(now + UNKNOWN_LIFE);
            return Ok(Fetched { value: Secret::new(answer.access_token), ends });
        }
        let refusal: Refusal = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = quotable(&refusal.error_description, &[password]);
        let said = if said.is_empty() { String::new() } else { format!(" (it says: {said})") };
        Err(Failure::Final(match status {
            401 => Error::input(format!(
                "Earthdata login refused the user name or password of {from}{said}; check them by logging in at {server}"
            )),
            403 => Error::input(format!(
                "Earthdata login refused the account of {from}{said}; it may be locked or wait for you at {server}/profile"
            )),
            _ => Error::io(format!("{url}: status {status}{said}")),
        }))
    }

    /// Whether the user gave any way to log in, be it a broken one.
    pub(super) fn is_configured(&self) -> bool {
        self.lent.is_some() || *self.configured.get_or_init(|| !matches!(self.way(), Ok(None)))
    }

    /// The first way that the user gave: a token, a name with password, a netrc file.
    fn way(&self) -> Result<Option<Way>> {
        let environment = &self.environment;
        if let Some(token) = &environment.token {
            return Ok(Some(Way::Token(token.clone())));
        }
        if let (Some(username), Some(password)) = (&environment.username, &environment.password) {
            let from = "EARTHDATA_USERNAME and EARTHDATA_PASSWORD".to_string();
            return Ok(Some(Way::Password { username: username.clone(), password: password.clone(), from }));
        }
        let machine = self.server.host_str().unwrap_or_default();
        if let Some(path) = &environment.netrc
            && let Some(entry) = read_netrc(path, machine, environment.netrc_named)?
        {
            let from = path.display().to_string();
            return Ok(Some(Way::Password { username: entry.login, password: entry.password, from }));
        }
        Ok(None)
    }

    /// The ways to log in, for a user who gave none.
    fn no_way(&self) -> Error {
        let environment = &self.environment;
        let machine = self.server.host_str().unwrap_or_default();
        let half = match (&environment.username, &environment.password) {
            (Some(_), None) => "EARTHDATA_USERNAME is set without EARTHDATA_PASSWORD; ",
            (None, Some(_)) => "EARTHDATA_PASSWORD is set without EARTHDATA_USERNAME; ",
            _ => "",
        };
        let server = self.server.as_str().trim_end_matches('/');
        let file = match &environment.netrc {
            Some(path) => path.display().to_string(),
            None => "~/.netrc".to_string(),
        };
        Error::input(format!(
            "this needs an Earthdata login and none is configured: {half}set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and \
             EARTHDATA_PASSWORD, or write \"machine {machine} login NAME password PASSWORD\" into {file}; accounts are \
             free at {server}/users/new"
        ))
    }
}

/// The entry of a machine in a netrc file; none when there is no such file, unless the user named it.
fn read_netrc(path: &Path, machine: &str, named: bool) -> Result<Option<netrc::Entry>> {
    let shown = path.display();
    let of =
        |what: &str| if named { format!("NETRC names {shown}: {what}") } else { format!("{shown}: {what}") };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(None),
        Err(error) => return Err(Error::input(of(&error.to_string()))),
    };
    // A named pipe would wait for a writer.
    if !metadata.is_file() || metadata.len() > MAX_NETRC {
        return Err(Error::input(of("is not a file of at most 1 MiB")));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::input(of(&error.to_string())))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::input(of("is not UTF-8 text")))?;
    netrc::find(&text, machine)
        .map_err(|fault| Error::input(of(&format!("line {}: {}", fault.line, fault.what))))
}

#[cfg(test)]
#[path = "login/tests.rs"]
mod tests;
