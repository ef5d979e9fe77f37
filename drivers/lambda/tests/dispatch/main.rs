//! The dispatcher against a Lambda that goes wrong in every way known of it. Nothing here needs the AWS SDK; `endpoint` does, and
//! comes with the feature `aws`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // The whole crate is tests.

#[cfg(feature = "aws")]
mod endpoint;
mod simulated;
mod speed;
mod stops;
mod world;
