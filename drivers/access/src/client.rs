//! The HTTP client that everything here uses: timeouts, pool, TLS.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use zagg_core::{Error, Result};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one answer may take: 8 MiB at 70 KB/s. Slower ones are asked for again, and given up at last.
const WHOLE: Duration = Duration::from_secs(120);
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
        .timeout(WHOLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(PROBE)
        .http1_only()
}

/// Makes the client.
///
/// # Errors
/// When the certificates of the system cannot be used.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| Error::io(format!("setting up TLS: {}", chain(&error))))
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
