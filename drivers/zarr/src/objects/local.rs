//! Objects as files of a local folder.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use zagg_core::{Error, Result};

use super::{Objects, too_large};

/// How often a write starts over when the folder it writes to is taken away at the same moment.
const ATTEMPTS: usize = 16;

/// How deep folders may be nested when listing.
const MAX_DEPTH: usize = 32;

/// Folders of scratch files: where several threads make and move files in one folder, they wait for each other most of the time.
const LANES: usize = 16;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Number of the folder that the calling thread writes to.
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static LANE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
    LANE.with(|lane| *lane)
}

/// A number that tells this process from those of other machines, whose ids may be the same, on a disk that they share.
fn token() -> u64 {
    static TOKEN: OnceLock<u64> = OnceLock::new();
    // Every hasher of the standard library is keyed at random.
    *TOKEN.get_or_init(|| RandomState::new().hash_one(std::process::id()))
}

/// Files below `root`. Every file is first written whole under `scratch` and then moved to its place, so that a write
/// that is cut off leaves nothing below `root`.
#[derive(Debug, Clone)]
pub(crate) struct LocalObjects {
    root: PathBuf,
    scratch: PathBuf,
}

impl LocalObjects {
    /// `scratch` must be on the file system of `root`.
    pub(crate) fn new(root: PathBuf, scratch: PathBuf) -> Self {
        Self { root, scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes `bytes` to a scratch file and lets `place` move it. One that is `durable` has reached the disk before it is moved,
    /// so that a power cut leaves it whole or not there; of others the name may outlast it and the bytes may not.
    fn write<T>(
        &self,
        path: &Path,
        (bytes, durable): (&[u8], bool),
        place: impl Fn(&Path, &Path) -> io::Result<T>,
    ) -> Result<T> {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}/{}-{:016x}-{number}", lane(), std::process::id(), token());
        let scratch = self.scratch.join(name);
        let mut outcome = Err(io::Error::from(ErrorKind::NotFound));
        for attempt in 0..ATTEMPTS {
            // Folders are there most of the time: to ask for them takes longer than to write.
            if attempt > 0
                && let Err(error) = Self::make_folders(&scratch, path)
            {
                outcome = Err(error);
            } else {
                outcome = Self::write_once(&scratch, path, (bytes, durable), &place);
            }
            // The end of another run takes the folder of scratch files away, perhaps between its making and its use.
            if !matches!(&outcome, Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists))
            {
                break;
            }
        }
        outcome.map_err(|error| {
            // The scratch file is of no use to anybody; that it cannot be removed either changes nothing.
            let _ = fs::remove_file(&scratch);
            Error::io(format!("cannot write {}: {error}", path.display()))
        })
    }

    fn make_folders(scratch: &Path, path: &Path) -> io::Result<()> {
        [scratch, path].into_iter().filter_map(Path::parent).try_for_each(fs::create_dir_all)
    }

    fn write_once<T>(
        scratch: &Path,
        path: &Path,
        (bytes, durable): (&[u8], bool),
        place: impl Fn(&Path, &Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut file = File::create(scratch)?;
        file.write_all(bytes)?;
        if durable {
            file.sync_all()?;
        }
        drop(file);
        place(scratch, path)
    }

    fn collect(
        &self,
        folder: &Path,
        below: &str,
        prefix: &str,
        depth: usize,
        names: &mut Vec<String>,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::corrupt(format!("{} is nested too deeply", folder.display())));
        }
        let failed = |error: &io::Error| Error::io(format!("cannot list {}: {error}", folder.display()));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&error))?;
            // Names that are not UTF-8 are none of ours.
            let Ok(file_name) = entry.file_name().into_string() else { continue };
            let name = format!("{below}{file_name}");
            // A link to a folder is not followed: it may lead anywhere, and it is not ours.
            let folder = entry.file_type().map_err(|error| failed(&error))?.is_dir();
            if folder {
                let name = format!("{name}/");
                if name.starts_with(prefix) || prefix.starts_with(&name) {
                    self.collect(&entry.path(), &name, prefix, depth + 1, names)?;
                }
            } else if name.starts_with(prefix) {
                names.push(name);
            }
        }
        Ok(())
    }
}

impl Objects for LocalObjects {
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let failed = |error: &io::Error| Error::io(format!("cannot read {}: {error}", path.display()));
        let file = match File::open(&path) {
            Ok(file) => file,
            // A name below a plain file is as absent as any.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&error)),
        };
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            return Err(Error::corrupt(format!("{} is not a file", path.display())));
        }
        if metadata.len() > limit {
            return Err(too_large(&self.full_name(name), limit));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > limit {
            return Err(too_large(&self.full_name(name), limit));
        }
        Ok(Some(bytes))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write(&self.path(name), (bytes, false), |scratch, path| fs::rename(scratch, path))
    }

    fn put_durable(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        self.write(&path, (bytes, true), |scratch, path| fs::rename(scratch, path))?;
        sync_folder(&path).map_err(|error| Error::io(format!("cannot write {}: {error}", path.display())))
    }

    fn settle(&self) -> Result<()> {
        settle(&self.root).map_err(|error| {
            Error::io(format!("cannot make sure that {} has reached the disk: {error}", self.root.display()))
        })
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        self.write(&self.path(name), (bytes, true), |scratch, path| {
            // A second name for the finished file: made in one step, and only where there is none.
            let made = match fs::hard_link(scratch, path) {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
                // A folder is a name that is taken, too; only then do other systems answer differently.
                Err(_) if path.symlink_metadata().is_ok() => false,
                Err(error) => return Err(error),
            };
            fs::remove_file(scratch)?;
            Ok(made)
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(Error::io(format!("cannot delete {}: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }

    fn prune(&self, name: &str) {
        // The first folder that is not empty ends it.
        for folder in self.path(name).ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.collect(&self.root, "", prefix, 0, &mut names)?;
        names.sort_unstable();
        Ok(names)
    }

    fn is_empty(&self) -> Result<bool> {
        match fs::read_dir(&self.root) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotADirectory => Err(Error::input(format!(
                "{} is a file, or lies below one; use another --store",
                self.root.display()
            ))),
            Err(error) => Err(Error::io(format!("cannot list {}: {error}", self.root.display()))),
        }
    }

    fn sweep(&self) {
        for lane in entries(&self.scratch) {
            for file in entries(&lane) {
                let _ = fs::remove_file(file);
            }
            let _ = fs::remove_dir(lane);
        }
        let _ = fs::remove_dir(&self.scratch);
    }

    fn vanish(&self) {
        // A writer that comes between makes its folder again.
        for lane in entries(&self.scratch) {
            let _ = fs::remove_dir(lane);
        }
        let _ = fs::remove_dir(&self.scratch);
        let _ = fs::remove_dir(&self.root);
    }

    fn full_name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Paths of what lies in a folder; none when it cannot be listed.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Lets the name of a file reach the disk, where folders can be asked that.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Lets everything on the file system of a folder reach the disk. Elsewhere than on Linux that takes a look at every file, and
/// is left to the system: it does so by itself within a minute.
fn settle(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match File::open(folder) {
        Ok(folder) => match rustix::fs::syncfs(&folder) {
            // Some sandboxes do not have it. They are no machines whose power is cut.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {}
            synced => synced?,
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    #[cfg(not(target_os = "linux"))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(folder: &Path) -> LocalObjects {
        LocalObjects::new(folder.join("a"), folder.join("scratch"))
    }

    #[test]
    fn of_many_conditional_puts_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects(folder.path());
        let wins: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16u8)
                .map(|i| {
                    let objects = &objects;
                    scope.spawn(move || objects.put_if_absent("x/y", &[i; 1000]).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(wins.iter().filter(|won| **won).count(), 1);
        let bytes = objects.get("x/y", 1000).unwrap().unwrap();
        assert!(bytes.len() == 1000 && bytes.iter().all(|b| *b == bytes[0]));
        assert!(wins[usize::from(bytes[0])]);
        objects.vanish();
        assert!(!folder.path().join("scratch").exists(), "no scratch file is left");
    }

    #[test]
    fn puts_and_deletes_in_one_folder_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects(folder.path());
        std::thread::scope(|scope| {
            for i in 0..4 {
                let objects = &objects;
                scope.spawn(move || {
                    for _ in 0..200 {
                        objects.put(&format!("deep/er/{i}"), b"1").unwrap();
                        objects.delete(&format!("deep/er/{i}")).unwrap();
                    }
                });
            }
        });
        assert_eq!(objects.list("").unwrap(), [""; 0]);
    }

    #[test]
    fn lists_by_prefix_in_order_and_deletes_empty_folders() {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects(folder.path());
        assert!(objects.is_empty().unwrap());
        for name in ["b/2", "b/10", "a", "bc/1"] {
            objects.put(name, name.as_bytes()).unwrap();
        }
        assert_eq!(objects.list("").unwrap(), ["a", "b/10", "b/2", "bc/1"]);
        assert_eq!(objects.list("b").unwrap(), ["b/10", "b/2", "bc/1"]);
        assert_eq!(objects.list("b/1").unwrap(), ["b/10"]);
        assert!(objects.get("b/10", 3).unwrap_err().to_string().contains("more than 3 bytes"));
        for name in ["b/2", "b/10", "b/10"] {
            objects.delete(name).unwrap();
            objects.prune(name);
        }
        assert!(!folder.path().join("a/b").exists());
        assert_eq!(objects.get("b/10", 3).unwrap(), None);
    }
}
