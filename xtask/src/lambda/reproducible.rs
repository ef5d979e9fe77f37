//! The zip of the function, built twice: in folders, with a cargo home and a target folder of other names, out of the same files.

use std::path::{Path, PathBuf};

use super::{FOLDER, architecture};
use crate::Result;
use crate::process::{command, output, root, run, target};
use crate::sources;
use crate::steps::Outcome;

/// Folders of one build, below that of both. Their names have different lengths.
struct Build {
    checkout: &'static str,
    home: &'static str,
    target: &'static str,
}

const BUILDS: [Build; 2] = [
    Build { checkout: "one", home: "cargo", target: "one/target" },
    Build { checkout: "some/other/folder", home: "another-home", target: "what-is-built" },
];

/// Two builds from nothing, which must give the same bytes without a trace of where they were made.
pub(crate) fn check() -> Result<Outcome> {
    if std::env::consts::OS != "linux" {
        return Ok(Outcome::Skipped("the function is built on Linux".to_owned()));
    }
    let folder = target().join("reproducible");
    remove(&folder)?;
    // First of all, so that what is changed meanwhile is in neither.
    for build in &BUILDS {
        copy_sources(&folder.join(build.checkout))?;
    }
    let mut zips = Vec::new();
    for build in &BUILDS {
        let zip = folder.join(format!("{}.zip", build.home));
        make(build, &folder, &zip)?;
        zips.push(std::fs::read(&zip).map_err(|error| format!("{}: {error}", zip.display()))?);
    }
    match zips.as_slice() {
        [one, other] if one == other => {}
        // Both are left there to be looked at.
        _ => {
            return Err(format!("two builds of the same files differ: see the zips in {}", folder.display()));
        }
    }
    remove(&folder)?;
    Ok(Outcome::Passed)
}

/// One build. Of what it leaves only the zip is kept, which is little beside the rest.
fn make(build: &Build, folder: &Path, zip: &Path) -> Result<()> {
    let [checkout, home, target] = [build.checkout, build.home, build.target].map(|name| folder.join(name));
    copy_home(&home)?;
    let mut script = command(checkout.join(FOLDER).join("build_function.sh"));
    script.current_dir(&checkout).env("ARCH", architecture()).env("OUTPUT", zip);
    run(script.env("CARGO_HOME", &home).env("CARGO_TARGET_DIR", &target))?;
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    names_no_folder(&target.join(triple).join("release/bootstrap"), &[&checkout, &home, &target])?;
    for done in [&checkout, &target] {
        remove(done)?;
    }
    Ok(())
}

/// The files in git as they are now.
fn copy_sources(checkout: &Path) -> Result<()> {
    for (name, path) in sources::tracked()? {
        let to = checkout.join(&name);
        let parent = to.parent().unwrap_or(checkout);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::copy(&path, &to))
            .map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A cargo home of another name with what is in this one, so that nothing is fetched again.
fn copy_home(home: &Path) -> Result<()> {
    std::fs::create_dir_all(home).map_err(|error| format!("{}: {error}", home.display()))?;
    for name in ["config.toml", "git", "registry"] {
        let own = cargo_home()?.join(name);
        if own.exists() {
            run(command("ln").args(["-s", "--"]).arg(own).arg(home))?;
        }
    }
    Ok(())
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(|home| root().join(home));
    let usual = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    given.or_else(usual).ok_or_else(|| "neither CARGO_HOME nor HOME is set".to_owned())
}

/// A binary that names one of these folders, or one that was there before its build, fails.
pub(super) fn names_no_folder(binary: &Path, folders: &[&Path]) -> Result<()> {
    let bytes = std::fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    let compiler = output(command("rustc").args(["--print", "sysroot"]))?;
    let compiler = PathBuf::from(String::from_utf8_lossy(&compiler).trim());
    let own = [root(), cargo_home()?, target(), compiler];
    for folder in own.iter().map(PathBuf::as_path).chain(folders.iter().copied()) {
        let text = folder.as_os_str().as_encoded_bytes();
        if bytes.windows(text.len()).any(|window| window == text) {
            return Err(format!("{} names the folder {}", binary.display(), folder.display()));
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}
