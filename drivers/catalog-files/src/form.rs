//! Which form a file has.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use zagg_core::{Error, Result};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text.
    Json,
    /// Text, compressed with Zstandard (RFC 8878).
    JsonZstd,
    /// Apache Parquet.
    Parquet,
}

/// Checks that a shard map can be written to a file of this name, before much is done for it.
///
/// # Errors
/// When its ending asks for a form that shard maps do not have.
pub fn check_output(path: &Path) -> Result<()> {
    Form::of_name(path).map(|_| ())
}

impl Form {
    /// The form that the name of a file asks for; JSON unless it says otherwise.
    pub(crate) fn of_name(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match ending.as_str() {
            "parquet" | "geoparquet" | "pq" => Ok(Self::Parquet),
            "zst" | "zstd" => Ok(Self::JsonZstd),
            "gz" | "bz2" | "xz" | "zip" | "lz4" | "br" => Err(Error::input(format!(
                "{}: .{ending} cannot be written; use .json, .json.zst or .parquet",
                path.display()
            ))),
            _ => Ok(Self::Json),
        }
    }

    /// The form of the content that begins like this; `None` when it is none of them.
    fn of_content(start: &[u8]) -> Option<Self> {
        let text = start.trim_ascii_start();
        match start {
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::JsonZstd),
            // A file of spaces is no map either, and the reader of JSON says so best.
            _ if text.is_empty() || text[0] == b'{' => Some(Self::Json),
            _ => None,
        }
    }
}

/// An open file with its form.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What its content is.
    pub(crate) form: Form,
    /// At its start.
    pub(crate) file: BufReader<File>,
    /// The path, for messages.
    pub(crate) name: String,
}

/// Opens a file that should hold `what`, such as `a shard map`.
pub(crate) fn open(path: &Path, what: &str) -> Result<Opened> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| Error::from_io(&error, &name);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Error::input(format!("{name}: a folder, not {what}")));
    }
    let mut file = BufReader::with_capacity(BUFFER, file);
    let form = Form::of_content(file.fill_buf().map_err(failed)?)
        .ok_or_else(|| Error::input(format!("{name}: not {what}: neither JSON nor Zstandard nor Parquet")))?;
    Ok(Opened { form, file, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_tell_the_form() {
        let of_name = |name: &str| Form::of_name(Path::new(name));
        assert_eq!(of_name("a/b.json"), Ok(Form::Json));
        assert_eq!(of_name("/dev/stdout"), Ok(Form::Json));
        assert_eq!(of_name("b.JSON.zst"), Ok(Form::JsonZstd));
        assert_eq!(of_name("b.Parquet"), Ok(Form::Parquet));
        assert!(of_name("b.json.gz").unwrap_err().message().contains("use .json, .json.zst or .parquet"));
        assert_eq!(Form::of_content(b" \n{\"a\""), Some(Form::Json));
        assert_eq!(Form::of_content(b"PAR1\x15"), Some(Form::Parquet));
        assert_eq!(Form::of_content(&[0x28, 0xb5, 0x2f, 0xfd, 0]), Some(Form::JsonZstd));
        assert_eq!(Form::of_content(b"\x89HDF"), None);
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let fails = |path: &Path| open(path, "a shard map").unwrap_err().to_string();
        assert!(fails(folder.path()).ends_with("a folder, not a shard map"));
        assert!(fails(&folder.path().join("absent")).contains("absent: "));
        let other = folder.path().join("a.h5");
        std::fs::write(&other, b"\x89HDF").unwrap();
        assert!(fails(&other).ends_with("not a shard map: neither JSON nor Zstandard nor Parquet"));
    }
}
