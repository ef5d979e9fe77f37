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
mod aoi;
mod configs;
mod conservation;
mod determinism;
mod expressions;
mod filters;
mod golden;
mod grids_boxes;
mod grids_levels;
mod grids_nesting;
mod holes;
mod index;
mod levels;
mod levels_of_rates;
mod memory;
mod missing;
mod panics;
mod plugins;
mod presets;
mod products;
mod rectilinear;
mod resume;
mod s2;
mod shard_maps;
mod shard_maps_build;
mod sources;
mod store_s3;
mod support;
mod synthetic;
mod table_points;
mod traffic;
mod validate;
mod work_plans;
mod write_faults;
mod writers;
