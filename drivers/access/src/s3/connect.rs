//! object_store's requests through our client, and what their answers said: status, code and region of an error.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use crate::client::{self, chain};

/// Longest message of an error that is read.
const MAX_MESSAGE: usize = 64 << 10;

/// How long the message of an error may take.
const MESSAGE_TIME: Duration = Duration::from_secs(30);

/// What the last answer to a request said.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Its status; none when no answer came.
    pub(super) status: Option<u16>,
    /// Whether it said that its body is empty.
    pub(super) empty: bool,
    /// Whether the request was for a range.
    pub(super) ranged: bool,
    /// The code of the error, such as `AccessDenied`.
    pub(super) code: Option<String>,
    /// The region that the bucket is said to be in.
    pub(super) region: Option<String>,
    /// Id of the key that signed the request.
    pub(super) key_id: Option<String>,
    /// Why no answer came.
    pub(super) failure: Option<String>,
    /// Requests so far, this one among them.
    pub(super) requests: u32,
}

impl Seen {
    /// Whether the last request may have been carried out although no answer came.
    pub(super) fn is_lost(&self) -> bool {
        self.status.is_none() && self.failure.is_some()
    }

    pub(super) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Where a request that carries this in its extensions leaves what it saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    pub(super) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, seen: Seen) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = last.requests.saturating_add(1);
        *last = Seen { requests, ..seen };
    }

    /// Watches the requests of a future that cannot carry this in their extensions.
    pub(super) async fn over<T>(&self, requests: impl Future<Output = T>) -> T {
        WATCH.scope(self.clone(), requests).await
    }
}

tokio::task_local! {
    /// The watch over requests of which object_store lets nobody set the extensions.
    static WATCH: Watch;
}

/// One client for all stores: their options of a client are not looked at.
#[derive(Clone)]
pub(super) struct Shared {
    client: reqwest::Client,
    /// For requests with long bodies.
    uploads: reqwest::Client,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client shows its proxies.
        f.write_str("Shared")
    }
}

impl Shared {
    pub(super) fn new(client: reqwest::Client, uploads: reqwest::Client) -> Self {
        Self { client, uploads }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let length = request.body().content_length() as u64;
        if length <= client::SHORT_UPLOAD {
            return self.client.call(request).await;
        }
        tokio::time::timeout(client::upload_time(length), self.uploads.call(request))
            .await
            .unwrap_or_else(|late| Err(HttpError::new(HttpErrorKind::Timeout, late)))
    }
}

impl HttpConnector for Shared {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Shared {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let carried = request.extensions().get::<Watch>().cloned();
        let watch = carried.or_else(|| WATCH.try_with(Clone::clone).ok()).unwrap_or_default();
        let key_id = request.headers().get("authorization").and_then(|value| key_id(value.to_str().ok()?));
        let ranged = request.headers().contains_key("range");
        let response = match self.send(request).await {
            Ok(response) => response,
            Err(error) => {
                let failure = Some(describe(&error));
                watch.set(Seen { key_id, failure, ranged, ..Seen::default() });
                return Err(error);
            }
        };
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let mut seen = Seen {
            status: Some(status.as_u16()),
            empty: header("content-length") == Some("0"),
            region: header("x-amz-bucket-region").and_then(region),
            key_id,
            ranged,
            ..Seen::default()
        };
        if status.is_success() {
            watch.set(seen);
            return Ok(response);
        }
        // Read here, and no more than a message may hold: a server must not fill the memory.
        let (parts, body) = response.into_parts();
        let mut stream = body.bytes_stream();
        let mut message = BytesMut::new();
        let reading = async {
            while message.len() < MAX_MESSAGE {
                let Some(Ok(bytes)) = stream.next().await else { break };
                let room = MAX_MESSAGE - message.len();
                message.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        };
        // What came until then has to do.
        let _ = tokio::time::timeout(MESSAGE_TIME, reading).await;
        let text = String::from_utf8_lossy(&message).into_owned();
        seen.code = element(&text, "Code")
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .map(Into::into);
        seen.region = seen.region.or_else(|| element(&text, "Region").and_then(region));
        watch.set(seen);
        Ok(HttpResponse::from_parts(parts, text.into()))
    }
}

/// Why no answer came, without any URL.
fn describe(error: &HttpError) -> String {
    match error.kind() {
        HttpErrorKind::Timeout => "no answer in time".into(),
        HttpErrorKind::Connect => format!("no connection: {}", cause(error)),
        HttpErrorKind::Interrupted | HttpErrorKind::Request => "the connection was lost".into(),
        _ => chain(error),
    }
}

/// The innermost cause, which says what happened.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// The id of the key in `AWS4-HMAC-SHA256 Credential=ID/date/…`.
fn key_id(authorization: &str) -> Option<String> {
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split_once('/').map(|(id, _)| id.to_string())
}

/// The text of the first element of a name in the XML of an error.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    (!inner.is_empty() && inner.len() <= 64).then_some(inner)
}

/// A name of a region, where it is one: it becomes part of a host name.
pub(super) fn region(name: &str) -> Option<String> {
    let sound = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    sound.then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_regions_and_key_ids_are_found_and_nothing_else_passes() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>";
        assert_eq!(element(xml, "Code"), Some("AuthorizationHeaderMalformed"));
        assert_eq!(element(xml, "Region").and_then(region).as_deref(), Some("us-west-2"));
        assert_eq!(element(xml, "Message"), None);
        assert_eq!(element("<Code></Code>", "Code"), None);
        assert_eq!(
            key_id("AWS4-HMAC-SHA256 Credential=AKIA1/20260101/r/s3/aws4_request, Sig").as_deref(),
            Some("AKIA1")
        );
        for bad in ["", "evil.com/", "US-EAST-1", "-a", "a#", "é"] {
            assert_eq!(region(bad), None, "{bad}");
        }
    }
}
