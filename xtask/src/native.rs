//! The second HDF5 reader, which needs a library of the system.

use crate::Result;
use crate::process::{cargo, command, output, run};
use crate::steps::Outcome;

/// What the library and its headers are called by Debian and its descendants.
const PACKAGE: &str = "libhdf5-dev";

/// Compares the reader of the C library with our own. Installs the library where this may and can be done.
pub(crate) fn check() -> Result<Outcome> {
    if !present() {
        if !is_root() || !has_apt() {
            return Ok(Outcome::Skipped(format!("libhdf5 is not installed: install {PACKAGE}")));
        }
        if let Err(error) = install() {
            return Ok(Outcome::Skipped(format!("{PACKAGE} could not be installed ({error})")));
        }
    }
    let features = "zagg-hdf5-native/native,zagg-hdf5-points/native";
    let packages = ["-p", "zagg-hdf5-native", "-p", "zagg-hdf5-points"];
    let clippy = [&["clippy", "--locked", "--all-targets", "--features", features], &packages[..]].concat();
    run(cargo(&clippy).args(["--", "-D", "warnings"]))?;
    // The whole workspace, so that crates which this feature does not touch are not built again.
    let test = ["test", "--workspace", "--locked", "--features", "zagg/hdf5-native"];
    run(cargo(&test).args(["--test", "same_as_pure", "--test", "cli", "--", "reader"]))?;
    Ok(Outcome::Passed)
}

fn present() -> bool {
    output(command("pkg-config").args(["--exists", "hdf5"])).is_ok()
}

fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0")
}

fn has_apt() -> bool {
    output(command("apt-get").arg("--version")).is_ok()
}

/// Lists of packages may be missing on a fresh machine, and old ones name what is no longer there.
fn install() -> Result<()> {
    let apt = || output(command("apt-get").args(["install", "-y", "-q", "pkg-config", PACKAGE]));
    if apt().is_err() {
        output(command("apt-get").args(["update", "-q"]))?;
        apt()?;
    }
    if present() { Ok(()) } else { Err("pkg-config does not find it".to_owned()) }
}
