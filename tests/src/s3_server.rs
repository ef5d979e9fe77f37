//! A server of buckets that speaks S3's protocol as far as zagg does: objects by path style, GET, HEAD, PUT (conditional, too)
//! and DELETE, listings in pages, signatures of version 4 checked in full, sessions that expire, buckets in regions.
//!
//! After the Amazon S3 API reference: "Authenticating Requests (AWS Signature Version 4)", "Error responses", "PutObject",
//! "DeleteObject", "ListObjectsV2".

mod signature;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http_server::{Handler, Logged, Objects, Request, Response, Server};
use signature::Signed;

/// Keys that the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id of the key.
    pub key_id: String,
    /// Secret key.
    pub secret: String,
    /// Token of a session, which every request must bring.
    pub token: Option<String>,
}

impl Account {
    /// An account with keys made from its name.
    pub fn new(name: &str) -> Self {
        Self {
            key_id: format!("AKIA{}", name.to_uppercase()),
            secret: format!("secret of {name}"),
            token: None,
        }
    }

    /// The same as a session.
    #[must_use]
    pub fn session(mut self, token: &str) -> Self {
        self.token = Some(token.to_string());
        self
    }
}

/// One bucket.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// Its region; requests that are signed for another are sent away.
    pub region: String,
    /// Ids of the keys that may read and write; everybody may read when there are none.
    pub keys: Vec<String>,
    /// Requests for another region are told nothing but 301, as some endpoints do.
    pub silent: bool,
    /// Most keys of a page of a listing; 1000 when it is 0.
    pub page: usize,
    /// Whether `If-None-Match` is overlooked, as by servers that do not know it.
    pub overlooks_conditions: bool,
}

#[derive(Debug, Default)]
struct Content {
    buckets: HashMap<String, Bucket>,
    accounts: HashMap<String, Account>,
    expired: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub struct S3Server {
    /// Objects under `/bucket/key`, with rules for faults.
    pub objects: Objects,
    /// The server, with its log.
    pub server: Server,
    content: Arc<Mutex<Content>>,
}

impl S3Server {
    /// Starts a server without buckets on a free port of loopback.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        let objects = Objects::default();
        let content = Arc::new(Mutex::new(Content::default()));
        let server = Server::start(Service { objects: objects.clone(), content: Arc::clone(&content) });
        Self { objects, server, content }
    }

    /// Makes a bucket in `us-east-1`, of these accounts, or public when there are none.
    pub fn bucket(&self, name: &str, accounts: &[&Account]) {
        let bucket = Bucket { region: "us-east-1".into(), ..Bucket::default() };
        self.bucket_in(name, bucket, accounts);
    }

    /// Makes a bucket of these accounts.
    pub fn bucket_in(&self, name: &str, bucket: Bucket, accounts: &[&Account]) {
        let mut content = lock(&self.content);
        let keys = accounts.iter().map(|account| account.key_id.clone()).collect();
        content.buckets.insert(name.to_string(), Bucket { keys, ..bucket });
        for account in accounts {
            content.accounts.insert(account.key_id.clone(), (*account).clone());
        }
    }

    /// From now on the keys with this id have expired.
    pub fn expire(&self, key_id: &str) {
        lock(&self.content).expired.push(key_id.to_string());
    }

    /// Ids of the keys that requests for a bucket were signed with, each once; an empty one stands for unsigned requests.
    pub fn keys_seen(&self, bucket: &str) -> Vec<String> {
        let of_bucket = |logged: &Logged| split(&logged.request.path).0 == bucket;
        let key =
            |logged: Logged| Signed::of(&logged.request).map(|signed| signed.key_id).unwrap_or_default();
        let mut keys: Vec<String> = self.server.log().into_iter().filter(of_bucket).map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

struct Service {
    objects: Objects,
    content: Arc<Mutex<Content>>,
}

impl Handler for Service {
    fn answer(&self, request: &Request) -> Response {
        let (name, key) = split(&request.path);
        let Some(bucket) = lock(&self.content).buckets.get(name).cloned() else {
            return fault(404, "NoSuchBucket", None);
        };
        if let Some(refusal) = self.refusal(request, &bucket) {
            return refusal;
        }
        match (request.method.as_str(), key) {
            ("HEAD", "") => Response::new(200).with_header("x-amz-bucket-region", &bucket.region),
            ("GET", "") if request.parameter("list-type") == Some("2") => {
                let probe = self.probe(&decoded(&request.path));
                if probe.status() >= 500 || probe.is_torn() {
                    return probe;
                }
                self.list(request, name, &bucket).as_late_as(&probe)
            }
            (_, "") => fault(400, "NotImplemented", None),
            ("PUT" | "DELETE", _) => {
                // The rules for faults are about changes, too.
                let path = decoded(&request.path);
                let probe = self.probe(&path);
                if probe.status() >= 500 && !probe.is_torn() {
                    return probe;
                }
                let answer = self.change(request, &path, &bucket);
                // What was asked for is done, and nobody hears of it.
                if probe.is_torn() { probe } else { answer.as_late_as(&probe) }
            }
            _ => {
                let plain = Request { path: decoded(&request.path), ..request.clone() };
                let response = self.objects.answer(&plain);
                if response.status() == 404 { fault(404, "NoSuchKey", None) } else { response }
            }
        }
    }
}

impl Service {
    /// What the rules for faults say about a request for a path that is no plain GET.
    fn probe(&self, path: &str) -> Response {
        self.objects.answer(&Request { method: "HEAD".into(), path: path.into(), ..Request::default() })
    }

    fn change(&self, request: &Request, path: &str, bucket: &Bucket) -> Response {
        if request.method == "DELETE" {
            self.objects.remove(path);
            return Response::new(204);
        }
        let etag = format!("\"{}\"", signature::digest(&request.body));
        if request.header("if-none-match") == Some("*") && !bucket.overlooks_conditions {
            if !self.objects.put_new(path, request.body.clone()) {
                return fault(412, "PreconditionFailed", None);
            }
        } else {
            self.objects.put(path, request.body.clone());
        }
        Response::new(200).with_header("ETag", &etag)
    }

    fn list(&self, request: &Request, name: &str, bucket: &Bucket) -> Response {
        let parameter = |name: &str| decoded(request.parameter(name).unwrap_or_default());
        let root = format!("/{name}/");
        let (prefix, after) = (parameter("prefix"), parameter("continuation-token"));
        let page = if bucket.page == 0 { 1000 } else { bucket.page };
        let most = parameter("max-keys").parse().unwrap_or(page).min(page);
        let paths = self.objects.paths(&format!("{root}{prefix}"));
        let keys: Vec<&str> =
            paths.iter().filter_map(|path| path.strip_prefix(&root)).filter(|key| **key > *after).collect();
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>");
        for key in keys.iter().take(most) {
            let size = self.objects.get(&format!("{root}{key}")).map_or(0, |bytes| bytes.len());
            xml += &format!(
                "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"x\"</ETag>\
                 <Size>{size}</Size></Contents>",
                escaped(key)
            );
        }
        let truncated = keys.len() > most;
        xml += &format!("<IsTruncated>{truncated}</IsTruncated>");
        if let Some(last) = keys.get(most.saturating_sub(1)).filter(|_| truncated) {
            xml += &format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(last));
        }
        xml += "</ListBucketResult>";
        Response::new(200).with_body("application/xml", xml)
    }

    /// Why a request is not served, if it is not.
    fn refusal(&self, request: &Request, bucket: &Bucket) -> Option<Response> {
        let content = lock(&self.content);
        let told = |response: Response| response.with_header("x-amz-bucket-region", &bucket.region);
        let Some(signed) = Signed::of(request) else {
            let public = bucket.keys.is_empty() && !matches!(request.method.as_str(), "PUT" | "DELETE");
            return (!public).then(|| told(fault(403, "AccessDenied", None)));
        };
        if signed.region != bucket.region {
            return Some(match bucket.silent {
                true => fault(301, "PermanentRedirect", None),
                false => fault(400, "AuthorizationHeaderMalformed", Some(&bucket.region)),
            });
        }
        let Some(account) = content.accounts.get(&signed.key_id) else {
            return Some(fault(403, "InvalidAccessKeyId", None));
        };
        if !signed.is_sound(request, &account.secret) {
            return Some(fault(403, "SignatureDoesNotMatch", None));
        }
        if content.expired.contains(&signed.key_id) {
            return Some(fault(400, "ExpiredToken", None));
        }
        if request.header("x-amz-security-token") != account.token.as_deref() {
            return Some(fault(400, "InvalidToken", None));
        }
        let may = bucket.keys.is_empty() || bucket.keys.contains(&signed.key_id);
        (!may).then(|| fault(403, "AccessDenied", None))
    }
}

/// A lock that survives the panic of a test.
fn lock(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bucket and key of a path.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}

/// An error as S3 says it.
fn fault(status: u16, code: &str, region: Option<&str>) -> Response {
    let region = region.map(|region| format!("<Region>{region}</Region>")).unwrap_or_default();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>no</Message>{region}</Error>"
    );
    Response::new(status).with_body("application/xml", body)
}

/// A path without its escapes.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape =
            tail.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
