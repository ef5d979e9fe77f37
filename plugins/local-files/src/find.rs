//! From patterns and folders to files.

use std::path::{Path, PathBuf};

use zagg_core::{Error, Result};

/// Endings of granules in a folder.
const ENDINGS: [&str; 4] = ["h5", "he5", "hdf5", "nc"];

/// The files of some patterns, folders and paths, each once, by name.
///
/// # Errors
/// Names the pattern that is malformed or matches nothing, and the folder that cannot be read.
pub fn find_files(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for pattern in patterns {
        if pattern.contains("://") {
            return Err(Error::unsupported(format!(
                "{pattern}: this version of zagg catalogues local files only; give a folder or a pattern"
            )));
        }
        let before = files.len();
        let path = Path::new(pattern);
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else if path.is_file() {
            files.push(path.to_path_buf());
        } else {
            let paths = glob::glob(pattern)
                .map_err(|error| Error::input(format!("{pattern}: not a pattern: {}", error.msg)))?;
            for found in paths {
                let found = found.map_err(|error| Error::from_io(error.error(), error.path().display()))?;
                if found.is_file() {
                    files.push(found);
                }
            }
        }
        if files.len() == before && path.is_dir() {
            return Err(Error::input(format!(
                "{pattern}: no file in this folder ends in .{}; folders below it are not searched",
                ENDINGS.join(", .")
            )));
        }
        if files.len() == before {
            return Err(Error::input(format!("{pattern}: no file matches")));
        }
    }
    // One file may be named in two ways.
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| {
        let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
        seen.insert((folder, file.file_name().map(ToOwned::to_owned)))
    });
    files.sort_by(|a, b| (a.file_name(), a).cmp(&(b.file_name(), b)));
    Ok(files)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| Error::from_io(&error, folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ENDINGS.contains(&ending.as_str()) && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_folders_and_files_give_each_file_once_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.h5", "a.h5", "notes.txt", "c.NC"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
        let names = |patterns: &[String]| -> Vec<String> {
            find_files(patterns)
                .unwrap()
                .iter()
                .map(|p| p.file_name().unwrap().to_str().unwrap().to_string())
                .collect()
        };
        assert_eq!(names(&[at("*.h5"), at("a.h5")]), ["a.h5", "b.h5"]);
        assert_eq!(names(&[at("")]), ["a.h5", "b.h5", "c.NC"]);
        assert!(find_files(&[at("*.tif")]).unwrap_err().message().ends_with("no file matches"));
        assert!(find_files(&[at("[")]).unwrap_err().message().contains("not a pattern"));
    }
}
