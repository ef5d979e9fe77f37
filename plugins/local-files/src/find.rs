//! From patterns, folders and prefixes in buckets to files.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use zagg_core::catalog::SearchContext;
use zagg_core::granule::Granule;
use zagg_core::{Error, Result};

/// Endings of granules in a folder.
const ENDINGS: [&str; 4] = ["h5", "he5", "hdf5", "nc"];
/// How deep folders may lie in each other.
const DEEPEST: usize = 64;
/// Most files of one folder.
const MOST: usize = 20_000_000;

/// The files of some patterns, folders and paths, each once, by name.
///
/// # Errors
/// Names the pattern that is malformed or matches nothing, and the folder that cannot be read.
pub fn find_files(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for pattern in patterns {
        let before = files.len();
        let path = Path::new(pattern);
        if path.is_dir() {
            in_folder(path, DEEPEST, &mut files)?;
        } else if path.is_file() {
            files.push(path.to_path_buf());
        } else {
            let paths = glob::glob(pattern).map_err(|error| no_pattern(pattern, &error))?;
            for found in paths {
                let found = found.map_err(|error| Error::from_io(error.error(), error.path().display()))?;
                if found.is_file() {
                    files.push(found);
                }
            }
        }
        if files.len() == before && path.is_dir() {
            return Err(Error::input(format!(
                "{pattern}: no file in this folder or below it ends in .{}",
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

fn no_pattern(pattern: &str, error: &glob::PatternError) -> Error {
    Error::input(format!("{pattern}: not a pattern: {}", error.msg))
}

/// The granules in a folder and below it. Folders that are links are not entered, as they may lead in a circle; those whose
/// name begins with a dot are not, as they are not the user's.
fn in_folder(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error: std::io::Error| Error::from_io(&error, folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if depth == 0 {
                return Err(Error::unsupported(format!("{}: lies too deep in folders", path.display())));
            }
            in_folder(&path, depth - 1, files)?;
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(is_granule) && path.is_file() {
            files.push(path);
        }
        if files.len() > MOST {
            return Err(Error::unsupported(format!("{}: more than {MOST} files", folder.display())));
        }
    }
    Ok(())
}

fn is_granule(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    ENDINGS.contains(&ending.as_str())
}

/// The granules under `s3://bucket/prefix`, or those of a bucket that match a pattern such as `s3://bucket/2024/*.h5`, each
/// once, by name.
///
/// # Errors
/// When nothing is found, the pattern is malformed, or the bucket cannot be listed.
pub(crate) fn find_objects(urls: &[&String], context: &dyn SearchContext) -> Result<Vec<Granule>> {
    // An asterisk stands for no slash, as with files.
    const OPTIONS: MatchOptions = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    let mut granules: Vec<Granule> = Vec::new();
    for url in urls {
        let before = granules.len();
        let wild = url.find(['*', '?', '[']);
        let pattern = wild.map(|_| Pattern::new(url)).transpose().map_err(|error| no_pattern(url, &error))?;
        // All that lies in the last folder before the first wildcard.
        let fixed = match wild {
            Some(at) => url[..at].rsplit_once('/').map_or(url.as_str(), |(folder, _)| folder),
            None => url.as_str(),
        };
        if fixed == "s3:/" || fixed == "s3:" {
            return Err(Error::input(format!("{url}: a bucket has no wildcards; give s3://bucket/prefix")));
        }
        for (href, size) in context.list(fixed)? {
            let name = href.rsplit('/').next().unwrap_or_default().to_string();
            let wanted = match &pattern {
                Some(pattern) => !name.is_empty() && pattern.matches_with(&href, OPTIONS),
                None => is_granule(&name),
            };
            if wanted {
                granules.push(Granule { id: name, s3: Some(href), size: Some(size), ..Granule::default() });
            }
        }
        if granules.len() == before {
            let what = match pattern {
                Some(_) => "no object matches".to_string(),
                None => format!("no object there ends in .{}", ENDINGS.join(", .")),
            };
            return Err(Error::input(format!("{url}: {what}")));
        }
    }
    granules.sort_by(|a, b| (&a.id, &a.s3).cmp(&(&b.id, &b.s3)));
    granules.dedup_by(|a, b| a.s3 == b.s3);
    Ok(granules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_folders_and_files_give_each_file_once_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("2024/01");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::create_dir_all(folder.path().join(".cache")).unwrap();
        for name in ["b.h5", "a.h5", "notes.txt", "c.NC", "2024/01/d.he5", ".cache/e.h5"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), below.join("circle")).unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
        let names = |patterns: &[String]| -> Vec<String> {
            find_files(patterns)
                .unwrap()
                .iter()
                .map(|p| p.file_name().unwrap().to_str().unwrap().to_string())
                .collect()
        };
        assert_eq!(names(&[at("*.h5"), at("a.h5")]), ["a.h5", "b.h5"]);
        assert_eq!(names(&[at("")]), ["a.h5", "b.h5", "c.NC", "d.he5"]);
        assert!(find_files(&[at("*.tif")]).unwrap_err().message().ends_with("no file matches"));
        assert!(find_files(&[at("[")]).unwrap_err().message().contains("not a pattern"));
        std::fs::remove_file(below.join("d.he5")).unwrap();
        let error = find_files(&[at("2024")]).unwrap_err();
        assert!(error.message().contains("or below it ends in .h5"), "{error}");
    }
}
