//! Whole runs: against reference values, against made-up truth, and under faults.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::print_stderr)]

/// Tells what a passing test has to say: past the capture of output, which `eprintln!` does not get past.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}

mod access_earthdata;
mod access_https;
mod access_https_run;
#[cfg(target_os = "linux")]
mod access_https_tls;
mod access_s3;
mod configs;
mod conservation;
mod determinism;
mod golden;
mod holes;
mod index;
mod missing;
mod panics;
mod plugins;
mod rectilinear;
mod s2;
mod support;
mod synthetic;
mod traffic;
mod write_faults;
