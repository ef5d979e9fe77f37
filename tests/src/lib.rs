//! End-to-end, interoperability and conformance tests; here are the servers that tests and benchmarks start.

// Servers of tests may fail like the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod earthdata_server;
pub mod http_server;
pub mod s3_server;
