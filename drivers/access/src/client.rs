//! The HTTP client that everything here uses: timeouts, pool, TLS.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, NoProxy, Proxy, Url};
use zagg_core::{Error, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent within an answer. How long the whole of one takes is nobody's fault but the link's.
const SILENCE: Duration = Duration::from_secs(30);
/// Bodies of requests up to this length are sent well before a server counts as silent.
pub(crate) const SHORT_UPLOAD: u64 = 1 << 20;
/// The slowest link that a longer body is sent over, in bytes a second.
const SLOWEST_UPLOAD: u64 = 32 << 10;
/// Longest silence while the body of a request is sent: a day, as each upload has a limit of its own.
const UPLOAD_SILENCE: Duration = Duration::from_secs(86_400);
/// Idle connections kept for the next requests, per host.
const IDLE_PER_HOST: usize = 64;
/// How long an idle connection is kept. Amazon S3 closes them after some 20 s at the earliest.
const IDLE: Duration = Duration::from_secs(15);
/// Between probes that keep an idle connection from being forgotten on the way (NAT gateways: 350 s) and find dead peers.
const PROBE: Duration = Duration::from_secs(15);

/// A client with the settings that all share. Redirects are not followed: whoever follows one decides what goes along.
pub(crate) fn builder() -> ClientBuilder {
    // One provider of ciphers for the process; when another part of the program chose one already, that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("zagg/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(PROBE)
        .http1_only()
}

/// The same for requests with long bodies: no answer comes while the body is sent, however long that takes.
pub(crate) fn upload_builder() -> ClientBuilder {
    builder().read_timeout(UPLOAD_SILENCE)
}

/// How long a request with a body of this many bytes may take until its answer begins.
pub(crate) fn upload_time(bytes: u64) -> Duration {
    SILENCE + Duration::from_secs(bytes / SLOWEST_UPLOAD)
}

/// The client of this process for requests with short bodies. It is made once: reading the certificates of the system takes longer
/// than many a request, and whoever asks the same server next finds a connection.
///
/// # Errors
/// As of [`build`].
pub(crate) fn shared() -> Result<Client> {
    static SHARED: OnceLock<Result<Client>> = OnceLock::new();
    SHARED.get_or_init(|| build(builder())).clone()
}

/// The same for requests with long bodies.
///
/// # Errors
/// As of [`build`].
pub(crate) fn shared_uploads() -> Result<Client> {
    static SHARED: OnceLock<Result<Client>> = OnceLock::new();
    SHARED.get_or_init(|| build(upload_builder())).clone()
}

/// Makes the client, with the proxies that the environment names.
///
/// # Errors
/// When a proxy is no URL, or the certificates of the system cannot be used.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client> {
    build_direct(proxied(builder.no_proxy(), |name| {
        std::env::var(name).or_else(|_| std::env::var(name.to_lowercase())).ok()
    })?)
}

/// The proxies of the environment, for all hosts but those of `NO_PROXY` and this machine: what listens on loopback is not
/// the proxy's to reach.
fn proxied(mut builder: ClientBuilder, variable: impl Fn(&str) -> Option<String>) -> Result<ClientBuilder> {
    let except = format!("{},localhost,127.0.0.0/8,::1", variable("NO_PROXY").unwrap_or_default());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        let Some(url) = variable(name).filter(|url| !url.trim().is_empty()) else { continue };
        let proxy = match name {
            "HTTPS_PROXY" => Proxy::https(url),
            "HTTP_PROXY" => Proxy::http(url),
            _ => Proxy::all(url),
        };
        // The text is not repeated: it may hold a password.
        let proxy = proxy.map_err(|_| Error::input(format!("{name} is not the URL of a proxy")))?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&except)));
    }
    Ok(builder)
}

/// Makes the client as it is.
///
/// # Errors
/// When the certificates of the system cannot be used.
pub(crate) fn build_direct(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| Error::io(format!("setting up TLS: {}", chain(&error))))
}

/// Whether the host of a URL is this machine.
pub(crate) fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error with its causes: reqwest's own message leaves out what happened. The URL is left out, it may be signed.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::runtime::block_on;

    /// Listens, and answers every connection with a status.
    fn listener(status: u16) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ =
                    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        url
    }

    #[test]
    fn a_proxy_serves_all_hosts_but_this_machine_and_those_excepted() {
        let (proxy, server) = (listener(418), listener(204));
        let variable = |name: &str| match name {
            "HTTP_PROXY" => Some(proxy.clone()),
            "NO_PROXY" => Some("inner.invalid".to_string()),
            _ => None,
        };
        let client = build_direct(proxied(builder().no_proxy(), variable).unwrap()).unwrap();
        let status = |url: &str| {
            let answer = block_on(async { Ok(client.get(url).send().await) }).unwrap();
            answer.ok().map(|answer| answer.status().as_u16())
        };
        assert_eq!(status("http://outer.invalid/"), Some(418));
        assert_eq!(status("http://inner.invalid/"), None);
        assert_eq!(status(&server), Some(204));
        assert_eq!(status(&server.replace("127.0.0.1", "localhost")), Some(204));
        let wrong = |name: &str| (name == "ALL_PROXY").then(|| "http://ann:hush@[".to_string());
        let error = proxied(builder(), wrong).unwrap_err().to_string();
        assert_eq!(error, "ALL_PROXY is not the URL of a proxy");
    }
}
