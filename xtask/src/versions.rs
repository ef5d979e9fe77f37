//! Plugins that were built with another zagg-core than the program's: copies of it with another version or another layout, which are
//! really compiled, so that what is said of versions is tried with real libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::root;

/// What sets a zagg-core apart from that of the program.
#[derive(Debug, Clone, Copy)]
enum Other {
    /// Its version.
    Version(fn([u64; 3]) -> [u64; 3]),
    /// The layout of a type that crosses the boundary, as between two states of the sources of one version.
    Layout,
}

/// Names of the plugins, and what each is built with.
const OTHERS: [(&str, Other); 4] = [
    ("made-older", Other::Version(older)),
    ("made-newer", Other::Version(newer)),
    ("made-later", Other::Version(later)),
    ("made-altered", Other::Layout),
];

/// Two fields of a type that crosses the boundary, and their other order.
const FIELDS: [&str; 2] = ["    start: u64,\n    end: u64,\n", "    end: u64,\n    start: u64,\n"];

fn older([major, minor, _]: [u64; 3]) -> [u64; 3] {
    if major == 0 && minor > 0 { [major, minor - 1, 9] } else { [major.saturating_sub(1), 9, 9] }
}

fn newer([major, minor, _]: [u64; 3]) -> [u64; 3] {
    if major == 0 { [0, minor + 1, 0] } else { [major + 1, 0, 0] }
}

/// Of the same minor version, which plugins may be built with.
fn later([major, minor, patch]: [u64; 3]) -> [u64; 3] {
    [major, minor, patch + 99]
}

/// Builds the plugin crate `made` with each of the others; `cargo` builds the crate in a folder as a library.
pub(crate) fn build(made: &Path, folder: &Path, cargo: impl Fn(&Path) -> Command) -> Result<()> {
    for (name, other) in OTHERS {
        let core = folder.join(format!("{name}-core"));
        let have = root().join("zagg-core");
        copy(&have, &core.join("zagg-core"))?;
        let workspace = read(&root().join("Cargo.toml"))?;
        let (workspace, source) =
            altered(&workspace, &read(&core.join("zagg-core/src/abi/types.rs"))?, other)?;
        write(&core.join("Cargo.toml"), &workspace)?;
        write(&core.join("zagg-core/src/abi/types.rs"), &source)?;
        let plugin = folder.join(name);
        copy(made, &plugin)?;
        let manifest = read(&plugin.join("Cargo.toml"))?;
        let own = made.file_name().unwrap_or_default().to_string_lossy();
        let manifest = replaced(&manifest, &format!("name = \"{own}\""), &format!("name = \"{name}\""))?;
        let to = core.join("zagg-core").display().to_string();
        write(&plugin.join("Cargo.toml"), &replaced(&manifest, &have.display().to_string(), &to)?)?;
        let mut build = cargo(&plugin);
        // It is called a few times.
        build.args(["--config", "profile.dev.package.zagg-core.opt-level=0"]);
        crate::process::run(&mut build)?;
    }
    Ok(())
}

/// The manifest of a workspace that has zagg-core alone, and a source of it, made other.
fn altered(workspace: &str, source: &str, other: Other) -> Result<(String, String)> {
    let (head, rest) = workspace.split_once("members = [").ok_or("Cargo.toml: there are no members")?;
    let (_, rest) = rest.split_once("]\n").ok_or("Cargo.toml: its members have no end")?;
    let (_, rest) = rest.split_once("\n\n").ok_or("Cargo.toml: nothing follows its members")?;
    let alone = format!("{head}members = [\"zagg-core\"]\n\n{rest}");
    Ok(match other {
        Other::Version(change) => {
            let have = version(&alone)?;
            let line = |[major, minor, patch]: [u64; 3]| format!("\nversion = \"{major}.{minor}.{patch}\"\n");
            (replaced(&alone, &line(have), &line(change(have)))?, source.to_owned())
        }
        Other::Layout => (alone, replaced(source, FIELDS[0], FIELDS[1])?),
    })
}

/// The version of the workspace.
fn version(manifest: &str) -> Result<[u64; 3]> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    let numbers: Option<Vec<u64>> =
        line.and_then(|text| text.split('.').map(|part| part.parse().ok()).collect());
    numbers
        .and_then(|numbers| <[u64; 3]>::try_from(numbers).ok())
        .ok_or_else(|| "Cargo.toml: its version is not three numbers".to_owned())
}

fn replaced(text: &str, old: &str, new: &str) -> Result<String> {
    if text.contains(old) {
        Ok(text.replacen(old, new, 1))
    } else {
        Err(format!("there is no {old:?} to replace"))
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies a folder but for what was built in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |path: &Path| {
        let path: PathBuf = path.to_owned();
        move |error: std::io::Error| format!("{}: {error}", path.display())
    };
    fs::create_dir_all(to).map_err(failed(to))?;
    for entry in fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&path, &place)?,
            false => _ = fs::copy(&path, &place).map_err(failed(&path))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"a\",\n]\ndefault-members = [\"a\"]\n\n[workspace.package]\nversion = \"0.1.0\"\n";

    #[test]
    fn versions_are_changed_where_they_stand() {
        for (other, want) in [(OTHERS[0].1, "0.0.9"), (OTHERS[1].1, "0.2.0"), (OTHERS[2].1, "0.1.99")] {
            let (workspace, source) = altered(WORKSPACE, "x", other).unwrap();
            assert!(workspace.contains(&format!("version = \"{want}\"")), "{workspace}");
            assert!(workspace.contains("members = [\"zagg-core\"]\n\n[workspace.package]"), "{workspace}");
            assert_eq!(source, "x");
        }
        assert_eq!((older([1, 2, 3]), newer([1, 2, 3])), ([0, 9, 9], [2, 0, 0]));
        assert!(altered("[package]", "", Other::Layout).is_err());
    }

    #[test]
    fn the_sources_have_what_is_altered() {
        let source = read(&root().join("zagg-core/src/abi/types.rs")).unwrap();
        let (_, other) = altered(WORKSPACE, &source, Other::Layout).unwrap();
        assert_ne!(source, other);
    }
}
