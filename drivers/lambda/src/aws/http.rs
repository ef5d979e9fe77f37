//! The HTTP client under the SDK: one pool of connections, for calls that may last a quarter of an hour.

use std::fmt;
use std::time::Duration;

use aws_sdk_lambda::config::{HttpClient, RuntimeComponents};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, Method, redirect::Policy};
use zagg_core::{Error, Result};

use super::chain;
use crate::event::SYNC_LIMIT;
use crate::invoke::{Fault, FaultClass};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long Lambda may be silent: a function's 900 s, and a minute.
const SILENCE: Duration = Duration::from_secs(960);
/// Between probes on a connection on which nothing moves while a function runs; NAT gateways forget them after 350 s.
const PROBE: Duration = Duration::from_secs(60);
/// How long an idle connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(20);
/// Longest answer: what Lambda lets through, and what is around it.
const LONGEST: usize = SYNC_LIMIT + (64 << 10);

/// Sends the SDK's requests.
#[derive(Clone)]
pub(super) struct Connector(Client);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client shows its proxies.
        f.write_str("Connector")
    }
}

impl Connector {
    /// A client; `direct`: past all proxies that the environment names.
    pub(super) fn new(direct: bool) -> Result<Self> {
        // One provider of ciphers for the process; when another part of the program chose one already, that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = if direct { Client::builder().no_proxy() } else { Client::builder() };
        let client = builder
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .pool_max_idle_per_host(usize::MAX)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .tcp_keepalive(PROBE)
            .http1_only()
            .build();
        client.map(Self).map_err(|error| Error::io(format!("setting up TLS: {}", chain(&error))))
    }

    async fn send(self, request: HttpRequest) -> std::result::Result<HttpResponse, ConnectorError> {
        let user = |what: &str| ConnectorError::user(what.into());
        let method = Method::from_bytes(request.method().as_bytes())
            .map_err(|error| ConnectorError::user(error.into()))?;
        let mut ours = self.0.request(method, request.uri());
        for (name, value) in request.headers() {
            ours = ours.header(name, value);
        }
        let body = request.body().bytes().ok_or_else(|| user("the body of a request is no bytes"))?.to_vec();
        let mut answer = ours.body(body).send().await.map_err(|error| failure(&error))?;
        let status = StatusCode::try_from(answer.status().as_u16())
            .map_err(|error| ConnectorError::user(error.into()))?;
        let headers: Vec<(String, String)> = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_string(), value.to_str().ok()?.to_string())))
            .collect();
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| failure(&error))? {
            if bytes.len() + piece.len() > LONGEST {
                return Err(lost("the answer is longer than Lambda lets through"));
            }
            bytes.extend_from_slice(&piece);
        }
        let mut response = HttpResponse::new(status, SdkBody::from(bytes));
        for (name, value) in headers {
            let _ = response.headers_mut().try_append(name, value);
        }
        Ok(response)
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A fault on its way through the SDK; [`fault_in`] finds it again.
#[derive(Debug)]
struct Carried(Fault);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Carried {}

/// The fault of ours that an error was made from.
pub(super) fn fault_in(error: &(dyn std::error::Error + 'static)) -> Option<Fault> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Carried(fault)) = error.downcast_ref::<Carried>() {
            return Some(fault.clone());
        }
        cause = error.source();
    }
    None
}

fn carried(fault: Fault) -> ConnectorError {
    ConnectorError::other(Box::new(Carried(fault)), None)
}

fn lost(message: &str) -> ConnectorError {
    carried(Fault::new(FaultClass::Lost, message))
}

fn failure(error: &reqwest::Error) -> ConnectorError {
    // The URL stays out of it; it names the function, which the message does already.
    let message = chain_without_url(error);
    let class = match too_many_files(error) {
        true => FaultClass::Files,
        false if error.is_connect() || error.is_builder() => FaultClass::Unsent,
        false => FaultClass::Lost,
    };
    carried(Fault::new(class, message))
}

fn chain_without_url(error: &reqwest::Error) -> String {
    let mut parts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        parts.push(error.to_string());
        cause = error.source();
    }
    if parts.is_empty() {
        parts.push("the request failed".into());
    }
    parts.dedup();
    crate::ending::one_line(&parts.join(": "))
}

/// Whether this process, or the system, has as many files open as it may.
fn too_many_files(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // EMFILE and ENFILE on every Unix.
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        if cfg!(unix) && matches!(number, Some(23 | 24)) {
            return true;
        }
        cause = error.source();
    }
    false
}
