//! The dispatcher against a Lambda that goes wrong in every way known of it. Most needs no AWS SDK; what speaks to the endpoint of
//! ours over sockets does, and comes with the feature `aws`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // The whole crate is tests.

mod alone;
#[cfg(feature = "aws")]
mod endpoint;
mod job;
mod lent;
mod load;
#[cfg(feature = "aws")]
mod real;
mod simulated;
mod stops;
mod world;
