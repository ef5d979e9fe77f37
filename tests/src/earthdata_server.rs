//! A stand-in for NASA's Earthdata on loopback: the login server, an archive's data host and the host that its signed URLs
//! lead to, each on a port of its own and as strict as the real ones.
//!
//! The data host behaves like the "thin egress app" of the archives: 302 to the login server without a token or cookie
//! that it takes, 403 with JSON when terms are not accepted, else 303 to a signed URL, with a cookie. The signed host
//! answers 400 to any request with `Authorization`, as S3 does, and 403 to a signature that is not valid any more.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::http_server::{Handler, Objects, Request, Response, Server};

/// The user name that it knows.
pub const USERNAME: &str = "ann";
/// The password of that user. Holds what must be quoted or encoded somewhere.
pub const PASSWORD: &str = "p4ss: \"wörd\"";
/// Every token starts so; no message may hold it.
pub const TOKEN_START: &str = "eyToken";
/// Every secret key, session token, signature and cookie starts so; no message may hold it.
pub const SECRET_START: &str = "hush-hush";

/// What the servers do; all may be changed while they run.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether the user has accepted the terms.
    pub terms_accepted: bool,
    /// Status and JSON that the login server answers with in the place of a token.
    pub login_refusal: Option<(u16, String)>,
    /// What it says of the end of a token: `month/day/year`.
    pub token_ends: String,
    /// How long S3 credentials last.
    pub s3_life: Duration,
    /// What the endpoint of S3 credentials answers with in their place.
    pub s3_answer: Option<Response>,
    /// How many times the login server and the endpoint answer 503 first.
    pub busy: usize,
    /// How long a token or credentials take.
    pub latency: Duration,
    /// Whether tokens are taken.
    pub takes_tokens: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            terms_accepted: true,
            login_refusal: None,
            token_ends: "12/31/2099".to_string(),
            s3_life: Duration::from_secs(3600),
            s3_answer: None,
            busy: 0,
            latency: Duration::from_millis(20),
            takes_tokens: true,
        }
    }
}

/// The three servers.
#[derive(Debug)]
pub struct EarthdataServer {
    /// Earthdata Login.
    pub login: Server,
    /// The archive's host: data and S3 credentials.
    pub data: Server,
    /// Where signed URLs lead.
    pub signed: Server,
    /// The objects, under `/BUCKET/KEY`. Those under `/public/` need no login.
    pub objects: Objects,
    state: Arc<State>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    tokens: Mutex<Vec<String>>,
    given: AtomicUsize,
    generation: AtomicUsize,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EarthdataServer {
    /// Starts all three.
    pub fn start() -> Self {
        let state = Arc::new(State {
            behaviour: Mutex::default(),
            tokens: Mutex::default(),
            given: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
        });
        let objects = Objects::default();
        let login = Server::start(Login(Arc::clone(&state)));
        let signed = Server::start(Signed { state: Arc::clone(&state), objects: objects.clone() });
        let data =
            Server::start(Data { state: Arc::clone(&state), login: login.url(), signed: signed.url() });
        Self { login, data, signed, objects, state }
    }

    /// Changes what they do.
    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.state.behaviour));
    }

    /// A token that is valid, as a user has it who made one on the web page.
    pub fn token(&self) -> String {
        self.state.new_token()
    }

    /// Tokens are not valid any more; the login server gives a new one.
    pub fn revoke_tokens(&self) {
        lock(&self.state.tokens).clear();
    }

    /// Signed URLs and cookies that were given are not valid any more.
    pub fn expire_signatures(&self) {
        self.state.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The href of an object.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.data.url())
    }

    /// Where S3 credentials are had.
    pub fn s3_credentials(&self) -> String {
        self.href("/s3credentials")
    }

    /// How often each was asked: the login server for a token, the endpoint for credentials.
    pub fn asked(&self) -> (usize, usize) {
        let count =
            |server: &Server, path: &str| server.log().iter().filter(|l| l.request.path == path).count();
        (count(&self.login, "/api/users/find_or_create_token"), count(&self.data, "/s3credentials"))
    }
}

impl State {
    fn behaviour(&self) -> Behaviour {
        lock(&self.behaviour).clone()
    }

    fn new_token(&self) -> String {
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        let token = format!("{TOKEN_START}{number}.a-b_c");
        lock(&self.tokens).push(token.clone());
        token
    }

    fn generation(&self) -> usize {
        self.generation.load(Ordering::SeqCst)
    }

    /// Takes one answer off those that are to fail.
    fn busy(&self) -> bool {
        let mut behaviour = lock(&self.behaviour);
        let busy = behaviour.busy > 0;
        behaviour.busy = behaviour.busy.saturating_sub(1);
        busy
    }
}

/// Earthdata Login.
struct Login(Arc<State>);

impl Handler for Login {
    fn answer(&self, request: &Request) -> Response {
        let behaviour = self.0.behaviour();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/api/users/find_or_create_token") => {
                if self.0.busy() {
                    return Response::new(503);
                }
                if let Some((status, body)) = behaviour.login_refusal {
                    return json(status, body).after(behaviour.latency);
                }
                let want = format!("Basic {}", base64(format!("{USERNAME}:{PASSWORD}").as_bytes()));
                if request.header("authorization") != Some(&want) {
                    let body =
                        r#"{"error":"invalid_credentials","error_description":"Invalid user credentials"}"#;
                    return json(401, body.to_string()).after(behaviour.latency);
                }
                let kept = lock(&self.0.tokens).first().cloned();
                let token = kept.unwrap_or_else(|| self.0.new_token());
                let ends = behaviour.token_ends;
                let body = format!(
                    r#"{{"access_token":"{token}","token_type":"Bearer","expiration_date":"{ends}"}}"#
                );
                json(200, body).after(behaviour.latency)
            }
            ("GET", "/oauth/authorize") => page(200, "Log in to Earthdata"),
            _ => page(404, "not found"),
        }
    }
}

/// The archive's host.
struct Data {
    state: Arc<State>,
    login: String,
    signed: String,
}

impl Data {
    fn authorized(&self, request: &Request, behaviour: &Behaviour) -> bool {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = token.is_some_and(|token| lock(&self.state.tokens).iter().any(|known| known == token));
        let session = format!("asf-urs={SECRET_START}-session-{}", self.state.generation());
        let cookie =
            request.header("cookie").is_some_and(|value| value.split("; ").any(|pair| pair == session));
        cookie || (token && behaviour.takes_tokens)
    }

    fn credentials(&self, behaviour: &Behaviour) -> Response {
        if let Some(response) = &behaviour.s3_answer {
            return response.clone();
        }
        let number = self.state.given.fetch_add(1, Ordering::SeqCst);
        let ends = moment(SystemTime::now() + behaviour.s3_life);
        json(
            200,
            format!(
                r#"{{"accessKeyId":"ASIA{number}","secretAccessKey":"{SECRET_START}-key/{number}","sessionToken":"{SECRET_START}-session/{number}==","expiration":"{ends}"}}"#
            ),
        )
        .after(behaviour.latency)
    }
}

impl Handler for Data {
    fn answer(&self, request: &Request) -> Response {
        let behaviour = self.state.behaviour();
        let public = request.path.starts_with("/public/");
        if !public && !self.authorized(request, &behaviour) {
            let target = format!(
                "{}/oauth/authorize?client_id=Lq&response_type=code&redirect_uri={}&state={SECRET_START}-state",
                self.login, request.path
            );
            return Response::redirect(302, &target);
        }
        if !public && !behaviour.terms_accepted {
            let body = format!(
                r#"{{"status_code":403,"error_description":"EULA Acceptance Failure","resolution_url":"{}/approve_app?client_id=Lq"}}"#,
                self.login
            );
            return json(403, body);
        }
        if request.path == "/s3credentials" {
            return if self.state.busy() { Response::new(503) } else { self.credentials(&behaviour) };
        }
        let generation = self.state.generation();
        let target = format!(
            "{}{}?A-userid={USERNAME}&X-Amz-Credential=ASIA&X-Amz-Signature={SECRET_START}-signature-{generation}",
            self.signed, request.path
        );
        let redirect = Response::redirect(303, &target);
        if public {
            return redirect;
        }
        let cookie = format!("asf-urs={SECRET_START}-session-{generation}; Path=/; Secure; HttpOnly");
        redirect.with_header("Set-Cookie", &cookie)
    }
}

/// Where signed URLs lead.
struct Signed {
    state: Arc<State>,
    objects: Objects,
}

impl Handler for Signed {
    fn answer(&self, request: &Request) -> Response {
        let error = |status, code: &str| {
            Response::new(status).with_body("application/xml", format!("<Error><Code>{code}</Code></Error>"))
        };
        if request.header("authorization").is_some() {
            return error(400, "InvalidArgument");
        }
        let want = format!("{SECRET_START}-signature-{}", self.state.generation());
        if request.parameter("X-Amz-Signature") != Some(&want) {
            return error(403, "AccessDenied");
        }
        self.objects.answer(request)
    }
}

fn json(status: u16, body: String) -> Response {
    Response::new(status).with_body("application/json; charset=utf-8", body)
}

fn page(status: u16, text: &str) -> Response {
    Response::new(status).with_body("text/html", format!("<!DOCTYPE html><title>{text}</title>"))
}

/// A moment as the archives write it: `2021-01-27 00:50:09+00:00`.
fn moment(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (mut year, mut day) = (1970, seconds / 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}+00:00", month + 1, day + 1)
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_base64_are_as_the_standards_say() {
        assert_eq!(moment(UNIX_EPOCH + Duration::from_secs(1_611_708_609)), "2021-01-27 00:50:09+00:00");
        assert_eq!(moment(UNIX_EPOCH + Duration::from_secs(1_709_164_800)), "2024-02-29 00:00:00+00:00");
        let known = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (text, encoded) in known {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
