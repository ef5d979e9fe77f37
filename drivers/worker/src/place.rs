//! Where a plan lies: a folder, or a prefix of a bucket.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use zagg_access::{BucketFolder, StoreChain};
use zagg_core::{Error, Result};

/// The place of a plan.
#[derive(Debug, Clone)]
pub struct PlanPlace {
    uri: String,
    objects: Objects,
}

#[derive(Debug, Clone)]
enum Objects {
    Folder(PathBuf),
    Bucket(BucketFolder),
}

impl PlanPlace {
    /// The place at a path, a `file://` URL or `s3://bucket/prefix`, whether or not there is a plan. Touches nothing.
    ///
    /// # Errors
    /// When the text names neither.
    pub fn open(uri: &str, chain: &StoreChain) -> Result<Self> {
        let path = match uri.split_once("://") {
            Some(("s3", _)) => {
                let folder = chain.bucket_folder(uri)?;
                return Ok(Self { uri: folder.location().to_string(), objects: Objects::Bucket(folder) });
            }
            Some(("file", path)) if path.starts_with('/') => path,
            // A colon may stand in the name of a folder, after the first of which no scheme can begin.
            Some((scheme, _)) if !scheme.contains(['/', '\\']) => {
                return Err(Error::input(format!(
                    "a plan lies in a folder or in s3://bucket/prefix, and not at {}:// addresses",
                    scheme.escape_debug()
                )));
            }
            _ => uri,
        };
        if path.is_empty() || path.contains('\0') {
            return Err(Error::input("the plan has no place; give a folder or s3://bucket/prefix"));
        }
        // Workers begin in other folders than planners.
        let path = std::path::absolute(path).map_err(|error| Error::from_io(&error, path))?;
        let uri = path
            .to_str()
            .ok_or_else(|| Error::input("the folder of the plan has a name that is no Unicode"))?;
        Ok(Self { uri: uri.trim_end_matches('/').to_string(), objects: Objects::Folder(path.clone()) })
    }

    /// The URI by which every worker finds it: an absolute path or `s3://bucket/prefix`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The bytes of an object, or none where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or has more than `longest` bytes.
    pub fn get(&self, name: &str, longest: u64) -> Result<Option<Bytes>> {
        match &self.objects {
            Objects::Bucket(folder) => folder.get(name, longest),
            Objects::Folder(folder) => read(&folder.join(name), longest),
        }
    }

    /// Writes an object whole, in place of an older one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, name: &str, bytes: &Bytes) -> Result<()> {
        match &self.objects {
            Objects::Bucket(folder) => folder.put(name, bytes),
            Objects::Folder(folder) => write(&folder.join(name), bytes, |from, to| fs::rename(from, to)),
        }
    }

    /// Writes an object whole where there is none of that name, and says whether it did: of many who try, one does.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_new(&self, name: &str, bytes: &Bytes) -> Result<bool> {
        let folder = match &self.objects {
            Objects::Bucket(folder) => return folder.put_new(name, bytes),
            Objects::Folder(folder) => folder,
        };
        write(&folder.join(name), bytes, |from, to| {
            // A second name for the finished file: made in one step, and only where there is none.
            let made = match fs::hard_link(from, to) {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
                Err(error) => return Err(error),
            };
            fs::remove_file(from)?;
            Ok(made)
        })
    }
}

fn read(path: &Path, longest: u64) -> Result<Option<Bytes>> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let file = match fs::metadata(path) {
        // A pipe would wait for somebody to write into it.
        Ok(metadata) if !metadata.is_file() => {
            return Err(Error::input(format!("{}: not a file", path.display())));
        }
        Ok(_) => fs::File::open(path),
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
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > longest {
        return Err(Error::corrupt(format!("{}: has more than {longest} bytes", path.display())));
    }
    Ok(Some(bytes.into()))
}

/// Writes a file beside its place and lets `place` move it there.
fn write<T>(path: &Path, bytes: &[u8], place: impl Fn(&Path, &Path) -> std::io::Result<T>) -> Result<T> {
    let failed = |error: std::io::Error| Error::from_io(&error, format!("cannot write {}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let partial = partial(path);
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&partial)?;
        file.write_all(bytes)?;
        // Moved before its bytes are on disk, a crash could leave an empty file under the final name.
        file.sync_all()
    };
    let written = write().and_then(|()| place(&partial, path));
    if written.is_err() {
        // The error of writing is what the user needs to see.
        let _ = fs::remove_file(&partial);
    }
    written.map_err(failed)
}

/// A name beside the file that no other writer uses, in this process, on this machine or on another that shares the disk.
fn partial(path: &Path) -> PathBuf {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    // Every hasher of the standard library is keyed at random.
    let random = RandomState::new().hash_one(number);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}-{random:016x}.partial", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
