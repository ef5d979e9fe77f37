//! Plugins in shared libraries: runs through them, refusals, and checks of what is wrong with them.

mod checks;
mod refusals;
mod runs;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A library of `tests/plugins`.
fn library(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(format!("lib{name}.so"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Builds the libraries, which `cargo test --workspace` has done already, and gives the folder that they are in.
fn build() -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // What Cargo tells this test of its own package would have build scripts run again.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        let is_of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_of_package || ["CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&&*name) {
            command.env_remove(&key);
        }
    }
    command.args(["build", "--workspace", "--quiet"]);
    for example in ["sound", "faulty", "older", "newer"] {
        command.args(["--example", example]);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let built = command.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // This test is in `deps`, beside `examples`.
    std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples")
}

/// A granule of the source `test-points`: rows along a line through a few shards.
fn granule(seed: u32) -> Vec<u8> {
    const ROWS: u32 = 600;
    let rows = || 0..ROWS;
    let mut bytes = b"ZAGGPTS1".to_vec();
    bytes.extend(u64::from(ROWS).to_le_bytes());
    bytes.extend(rows().flat_map(|i| (f64::from(i) * 0.02 + f64::from(seed)).to_le_bytes()));
    bytes.extend(rows().flat_map(|i| (f64::from(i) * 0.03 - 5.0).to_le_bytes()));
    bytes.extend(rows().flat_map(|i| ((i * 7 + seed) as f32).to_le_bytes()));
    bytes
}

/// Sum of all heights of a granule.
fn sum_of(seed: u32) -> f64 {
    (0..600).map(|i| f64::from(i * 7 + seed)).sum()
}
