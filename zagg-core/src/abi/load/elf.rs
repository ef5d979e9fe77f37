//! Whether a file can be a library of this system, before the system's loader is given it: over a file that is cut short, the
//! loader dies together with the process.
//!
//! System V ABI, chapters 4 and 5 (ELF header, program header); <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};

const HEADER: usize = 64;
/// Size of a program header.
const SEGMENT: usize = 56;
/// A shared object.
const ET_DYN: u16 = 3;
/// A segment that is mapped into memory.
const PT_LOAD: u32 = 1;
/// This program's processor, where we know its number: x86-64, AArch64.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// Checks a file of a system with 64-bit little-endian ELF; elsewhere the loader is trusted.
///
/// # Errors
/// When it is no library, one for another processor, or cut short.
pub(super) fn check(path: &Path) -> Result<()> {
    let known = cfg!(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"));
    if !known {
        return Ok(());
    }
    let mut file = File::open(path).map_err(|error| Error::from_io(&error, "opening it"))?;
    let size = file.metadata().map_err(|error| Error::from_io(&error, "reading it"))?.len();
    let mut read = |at: u64, n: usize| {
        let mut bytes = vec![0; n];
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|_| cut())
            .map(|()| bytes)
    };
    let header = read(0, HEADER).map_err(|_| no_library())?;
    if !header.starts_with(b"\x7fELF\x02\x01") || number(&header, 16, 2) != u64::from(ET_DYN) {
        return Err(no_library());
    }
    if MACHINE.is_some_and(|machine| number(&header, 18, 2) != u64::from(machine)) {
        return Err(Error::input(format!(
            "this library is for another processor than {}: build the plugin for this one",
            std::env::consts::ARCH
        )));
    }
    let inside = |at: u64, n: u64| at.checked_add(n).is_some_and(|end| end <= size);
    // The table of sections is the last thing in most files.
    if !inside(number(&header, 40, 8), number(&header, 60, 2) * number(&header, 58, 2)) {
        return Err(cut());
    }
    let (table, count) = (number(&header, 32, 8), number(&header, 56, 2));
    if number(&header, 54, 2) != SEGMENT as u64 || count == 0 {
        return Err(no_library());
    }
    let segments = read(table, SEGMENT * count as usize)?;
    let all_inside = segments.chunks_exact(SEGMENT).all(|segment| {
        number(segment, 0, 4) != u64::from(PT_LOAD) || inside(number(segment, 8, 8), number(segment, 32, 8))
    });
    if all_inside { Ok(()) } else { Err(cut()) }
}

fn no_library() -> Error {
    Error::input("this is no shared library")
}

fn cut() -> Error {
    Error::input("this is a shared library that is cut short: copy or build it again")
}

/// A little-endian number; `bytes` has it.
fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64", target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn every_cut_of_a_library_is_refused() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().find(|line| line.contains("/libc.so") || line.contains("/libc-")).unwrap();
        let libc = Path::new(libc.split_whitespace().last().unwrap());
        check(libc).unwrap();
        let whole = std::fs::read(libc).unwrap();
        let path = std::env::temp_dir().join(format!("zagg-elf-{}.so", std::process::id()));
        for n in [0, 3, 63, 64, 500, 4096, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..n]).unwrap();
            check(&path).unwrap_err();
        }
        let mut other = whole;
        other[18] = 3;
        std::fs::write(&path, &other).unwrap();
        let error = check(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(MACHINE.is_none() || error.message().contains("another processor"), "{error}");
    }
}
