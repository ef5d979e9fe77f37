//! Rules about the files in git.

use std::path::PathBuf;

use crate::Result;
use crate::process::{command, output, root};
use crate::steps::Outcome;

/// No source file is longer.
const MAX_LINES: usize = 900;

/// Rust files of more than 900 lines fail.
pub(crate) fn lengths() -> Result<Outcome> {
    let mut long = Vec::new();
    let files = tracked()?;
    for (name, path) in files.iter().filter(|(name, _)| name.ends_with(".rs")) {
        let lines = read(path)?.iter().filter(|byte| **byte == b'\n').count();
        if lines > MAX_LINES {
            long.push(format!("{name} has {lines} lines"));
        }
    }
    verdict(&long, &format!("over {MAX_LINES} lines: split them"))
}

/// Files that name a folder of the machine on which they were written fail.
pub(crate) fn leaks() -> Result<Outcome> {
    // Put together here, so that this file does not accuse itself.
    let folders = ["home", "root", "Users", "work"].map(|name| format!("/{name}/"));
    let mut found = Vec::new();
    for (name, path) in tracked()? {
        let bytes = read(&path)?;
        // Binary files are searched too; text is only needed for the report.
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if let Some(folder) = folders.iter().find(|folder| names_folder(line, folder.as_bytes())) {
                found.push(format!("{name}:{}: {folder}", number + 1));
            }
        }
    }
    verdict(&found, "absolute paths of a machine: use relative ones")
}

/// Whether a line contains a folder at the root of a file system, not one inside another (`docs/home/`).
fn names_folder(line: &[u8], folder: &[u8]) -> bool {
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'}' | b')' | b'~' | b'$')
    };
    (0..line.len().saturating_sub(folder.len() - 1))
        .filter(|start| &line[*start..*start + folder.len()] == folder)
        .any(|start| start == 0 || !inside(line[start - 1]))
}

fn verdict(found: &[String], what: &str) -> Result<Outcome> {
    for line in found {
        println!("{line}");
    }
    if found.is_empty() { Ok(Outcome::Passed) } else { Err(format!("{} {what}", found.len())) }
}

/// The names and paths of the files in git that exist.
pub(crate) fn tracked() -> Result<Vec<(String, PathBuf)>> {
    let list = output(command("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let list = String::from_utf8(list).map_err(|_| "git ls-files: a file name that is not UTF-8")?;
    let files = list.split_terminator('\0').map(|name| (name.to_owned(), root().join(name)));
    Ok(files.filter(|(_, path)| path.is_file()).collect())
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::names_folder;

    #[test]
    fn only_folders_at_the_root_are_leaks() {
        let folder = b"/srv/";
        for line in ["/srv/data", "open(\"/srv/data\")", "file:///srv/x", "a /srv/b"] {
            assert!(names_folder(line.as_bytes(), folder), "{line}");
        }
        for line in ["", "/sr", "docs/srv/x", "../srv/x", "$HOME/srv/x", "${A}/srv/x", "/srv"] {
            assert!(!names_folder(line.as_bytes(), folder), "{line}");
        }
    }
}
