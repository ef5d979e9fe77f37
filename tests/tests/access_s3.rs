//! Buckets: what requests are made, with whose keys, and what happens when they fail.

mod chains;
mod faults;
mod granules;
mod reads;
mod stores;

use std::time::Duration;

use zagg_access::{Access, Retries};
use zagg_core::config::{SourceAccess, SourceCredentials};
use zagg_tests::http_server::Logged;
use zagg_tests::s3_server::S3Server;

/// Retries that do not keep a test waiting.
const HASTY: Retries = Retries {
    attempts: 4,
    first_pause: Duration::from_millis(5),
    longest_pause: Duration::from_millis(20),
    total: Duration::from_secs(20),
};

fn options(server: &S3Server, credentials: SourceCredentials) -> SourceAccess {
    SourceAccess { endpoint_url: Some(server.server.url()), path_style: true, region: None, credentials }
}

/// A server with a public bucket of one object, and access to it.
fn public(key: &str, bytes: &[u8]) -> (S3Server, Access, String) {
    let server = S3Server::start();
    server.bucket("bucket", &[]);
    server.objects.put(&format!("/bucket/{key}"), bytes);
    let access = Access::new(&options(&server, SourceCredentials::Anonymous)).unwrap().with_retries(HASTY);
    (server, access, format!("s3://bucket/{key}"))
}

/// Bytes that tell where they are from.
fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 23) as u8).collect()
}

/// Status and range of each request.
fn ranges(log: &[Logged]) -> Vec<(u16, String)> {
    log.iter()
        .map(|l| (l.status, l.request.header("range").unwrap_or_default().replace("bytes=", "")))
        .collect()
}
