//! Files that appear whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use zagg_core::{Error, Result};

/// Bytes that are handed to the system at once.
const BUFFER: usize = 1 << 20;

/// Writes a file so that a reader sees either the old content or all of the new one. A link is followed; what is no regular
/// file, such as a pipe, is written to as it is.
pub(crate) fn write(path: &Path, content: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>) -> Result<()> {
    let failed = |error: std::io::Error| Error::from_io(&error, path.display());
    let fill = |file: File| -> Result<()> {
        let mut file = BufWriter::with_capacity(BUFFER, file);
        content(&mut file)?;
        file.flush().map_err(failed)
    };
    let target = match std::fs::canonicalize(path) {
        Ok(target) if target.is_file() => target,
        Ok(special) => return File::options().write(true).open(special).map_err(failed).and_then(fill),
        Err(_) => path.to_path_buf(),
    };
    let name = target
        .file_name()
        .ok_or_else(|| Error::input(format!("{}: not the name of a file", path.display())))?;
    let mut partial = name.to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = target.with_file_name(partial);
    let written = File::create(&partial)
        .map_err(failed)
        .and_then(fill)
        .and_then(|()| std::fs::rename(&partial, &target).map_err(failed));
    if written.is_err() {
        // The error of writing is what the user needs to see.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, |to| to.write_all(b"old").map_err(|e| Error::from_io(&e, "x"))).unwrap();
        let failed = write(&path, |to| {
            to.write_all(b"half").map_err(|e| Error::from_io(&e, "x"))?;
            Err(Error::input("stop"))
        });
        assert_eq!(failed.unwrap_err().message(), "stop");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("no/a.json"), |_| Ok(())).is_err());
        assert!(write(folder.path(), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, |to| to.write_all(b"new").map_err(|e| Error::from_io(&e, "x"))).unwrap();
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }
}
