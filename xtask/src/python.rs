//! Python environments for the readers and programs that zagg is compared with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::{command, output, root, run, target};

/// The oldest Python that the pinned packages support.
const OLDEST: (u32, u32) = (3, 12);
/// The newest Python that they have been tried with.
const NEWEST: (u32, u32) = (3, 13);

/// The Python of the environment `name` with the packages of `requirements` (a file of the repository). It is
/// made anew when that file has changed.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf> {
    make(name, requirements, &[])
}

/// The same without what the packages say they need: for programs that are only packed as Python packages.
pub(crate) fn environment_without_needs(name: &str, requirements: &str) -> Result<PathBuf> {
    make(name, requirements, &["--no-deps"])
}

fn make(name: &str, requirements: &str, more: &[&str]) -> Result<PathBuf> {
    let folder = target().join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.installed");
    let wanted = std::fs::read_to_string(root().join(requirements))
        .map_err(|error| format!("{requirements}: {error}"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) && version(&python).is_some() {
        println!("the Python environment {name} is up to date");
        return Ok(python);
    }
    let base = find()?;
    println!("making the Python environment {name} with {}", base.display());
    run(command(&base).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(command(&python).args(options).arg(requirements).args(more))?;
    // Written last, so that an interrupted installation is not taken for a whole one.
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// A Python of a fitting version: `$PYTHON`, those on the path, those of pyenv.
fn find() -> Result<PathBuf> {
    let mut candidates: Vec<PathBuf> = std::env::var_os("PYTHON").map(PathBuf::from).into_iter().collect();
    candidates.extend(["python3.13", "python3.12", "python3", "python"].map(PathBuf::from));
    let mut roots: Vec<PathBuf> = std::env::var_os("PYENV_ROOT").map(PathBuf::from).into_iter().collect();
    roots.extend(
        output(command("pyenv").arg("root")).map(|root| String::from_utf8_lossy(&root).trim().into()),
    );
    roots.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    for root in roots {
        let versions = root.join("versions");
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(versions).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        folders.sort();
        candidates.extend(folders.into_iter().rev().map(|folder| folder.join("bin/python3")));
    }
    let fits = |python: &PathBuf| version(python).is_some_and(|have| (OLDEST..=NEWEST).contains(&have));
    candidates.into_iter().find(fits).ok_or_else(|| {
        format!(
            "no Python {}.{} to {}.{} found: install one, or name it in the environment variable PYTHON",
            OLDEST.0, OLDEST.1, NEWEST.0, NEWEST.1
        )
    })
}

/// The version of a Python that runs; the shims of pyenv often do not.
fn version(python: &Path) -> Option<(u32, u32)> {
    let script = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
    let answer = output(Command::new(python).args(["-c", script])).ok()?;
    let text = String::from_utf8(answer).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
