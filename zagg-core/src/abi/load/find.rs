//! From the paths that a user names to libraries.

use std::env::consts::DLL_EXTENSION;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The libraries at some paths, each once and without links, so that the system's own search for libraries has no say.
///
/// # Errors
/// When there is nothing at a path, or no library in a folder.
pub(super) fn libraries(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = Vec::new();
    for path in paths {
        let real = real(path)?;
        let found = if real.is_dir() { in_folder(path, &real)? } else { vec![real] };
        for library in found {
            if !all.contains(&library) {
                all.push(library);
            }
        }
    }
    Ok(all)
}

fn real(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .map_err(|error| Error::from_io(&error, format_args!("plugin library {}", path.display())))
}

fn in_folder(named: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let failed =
        |error: std::io::Error| Error::from_io(&error, format_args!("plugins in {}", named.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == DLL_EXTENSION) {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Error::input(format!(
            "plugins in {}: there is no library (.{DLL_EXTENSION}) in this folder",
            named.display()
        )));
    }
    found.sort();
    found.iter().map(|path| real(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_folder_gives_its_libraries_sorted_and_each_once() {
        let folder = std::env::temp_dir().join(format!("zagg-find-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let empty = libraries(std::slice::from_ref(&folder)).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::Input);
        for name in ["b", "a"] {
            std::fs::write(folder.join(format!("lib{name}.{DLL_EXTENSION}")), "").unwrap();
        }
        std::fs::write(folder.join("libc.txt"), "").unwrap();
        let a = folder.join(format!("liba.{DLL_EXTENSION}"));
        let found = libraries(&[folder.clone(), a, folder.join("libc.txt")]).unwrap();
        let names: Vec<String> =
            found.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        let missing = libraries(&[folder.join("none")]).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["liba", "libb", "libc"]);
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
