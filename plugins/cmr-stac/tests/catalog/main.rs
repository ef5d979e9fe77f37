//! Both catalogs against servers on loopback that answer like CMR and CMR-STAC, with the faults that those have had.

// Helpers of tests may fail like the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod real;
mod stac;
mod world;
