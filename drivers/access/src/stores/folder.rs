//! Indexes in a local folder.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use zagg_core::index::IndexStore;
use zagg_core::{Error, Result};

use super::{LONGEST, check_name};

/// A folder, made when something is first written.
#[derive(Debug)]
pub(super) struct Folder {
    location: String,
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: &str) -> Result<Self> {
        if path.is_empty() || path.contains('\0') {
            return Err(Error::input(format!("{path:?} is no folder for indexes")));
        }
        Ok(Self { location: path.to_string(), path: path.into() })
    }
}

impl IndexStore for Folder {
    fn location(&self) -> &str {
        &self.location
    }

    fn get(&self, name: &str) -> Result<Option<Bytes>> {
        check_name(name)?;
        let path = self.path.join(name);
        let failed = |error: std::io::Error| Error::from_io(&error, path.display());
        let file = match fs::metadata(&path) {
            // A pipe would wait for somebody to write into it.
            Ok(metadata) if !metadata.is_file() => {
                return Err(Error::input(format!("{}: not a file", path.display())));
            }
            Ok(_) => fs::File::open(&path),
            Err(error) => Err(error),
        };
        let file = match file {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > LONGEST {
            return Err(Error::corrupt(format!("{}: is longer than {LONGEST} bytes", path.display())));
        }
        Ok(Some(bytes.into()))
    }

    fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        check_name(name)?;
        let path = self.path.join(name);
        let failed = |error: std::io::Error| Error::from_io(&error, path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let partial = partial(&path);
        let written = write(&partial, &bytes).and_then(|()| fs::rename(&partial, &path));
        if written.is_err() {
            // The error of writing is what the user needs to see.
            let _ = fs::remove_file(&partial);
        }
        written.map_err(failed)
    }
}

/// A name beside the file that no other writer uses, in this process, on this machine or on another that shares the disk.
fn partial(path: &Path) -> PathBuf {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    // Every hasher of the standard library is keyed at random.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), number);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}-{random:016x}.partial", std::process::id()));
    path.with_file_name(name)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    // Renamed before its bytes are on disk, a crash could leave an empty file under the final name.
    file.sync_all()
}
