//! The superblock: where addresses count from, how wide they are, where the root group is.

use zagg_core::{Error, Result};

use crate::access::Addressing;
use crate::checksum;
use crate::cursor::{Cursor, Sizes};

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
const WHAT: &str = "superblock";

/// Most bytes that a superblock takes, whatever its version.
pub(crate) const MAX_LEN: u64 = 128;

/// What the rest needs of the superblock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Superblock {
    pub(crate) addressing: Addressing,
    /// Address of the root group's object header.
    pub(crate) root: u64,
}

/// Places where a superblock may start: 0, then 512 and its doublings.
pub(crate) fn places(file_size: u64) -> impl Iterator<Item = u64> {
    std::iter::once(0)
        .chain((9..40).map(|shift| 1u64 << shift))
        .take_while(move |&at| at + SIGNATURE.len() as u64 <= file_size)
}

/// Whether a superblock starts with these bytes.
pub(crate) fn starts(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Reads the superblock in `bytes`, which lie at byte `at` of a file of `file_size` bytes.
pub(crate) fn parse(bytes: &[u8], at: u64, file_size: u64) -> Result<Superblock> {
    let mut cursor = Cursor::new(bytes, at, WHAT, Sizes { offset: 8, length: 8 });
    cursor.skip(SIGNATURE.len())?;
    let version = cursor.u8()?;
    let sizes = match version {
        0 | 1 => {
            cursor.skip(4)?;
            let sizes = Sizes { offset: cursor.u8()?, length: cursor.u8()? };
            cursor.skip(if version == 0 { 9 } else { 13 })?;
            sizes
        }
        2 | 3 => {
            let sizes = Sizes { offset: cursor.u8()?, length: cursor.u8()? };
            cursor.skip(1)?;
            sizes
        }
        other => return Err(cursor.unsupported(format_args!("has version {other}"))),
    };
    for size in [sizes.offset, sizes.length] {
        if !matches!(size, 2 | 4 | 8) {
            return Err(cursor.unsupported(format_args!("has addresses or lengths of {size} bytes")));
        }
    }
    let mut cursor = Cursor::new(bytes, at, WHAT, sizes).at(cursor.position())?;
    let base = cursor.needed_address("the file's start")?;
    cursor.address()?;
    let end = cursor.address()?;
    let root = if version < 2 {
        cursor.address()?;
        cursor.address()?;
        cursor.needed_address("the root group")?
    } else {
        let root = cursor.needed_address("the root group")?;
        let len = cursor.position() + 4;
        cursor.skip(4)?;
        checksum::verify(&bytes[..len], WHAT, at)?;
        root
    };
    if let Some(end) = end
        && end > file_size
    {
        return Err(Error::corrupt(format!(
            "the file is truncated: it has {file_size} bytes, its superblock speaks of {end}"
        )));
    }
    // A user block put in front of a finished file moves the superblock without changing it.
    let base = if base == 0 { at } else { base };
    Ok(Superblock { addressing: Addressing { base, sizes }, root })
}
