//! Reading little-endian fields from the bytes of one structure, with errors that say where it lies.

use zagg_core::{Error, Result};

/// Widths in bytes of addresses and lengths, from the superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) offset: u8,
    pub(crate) length: u8,
}

/// A reading position in the bytes of one structure.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Address of the first byte, for messages.
    origin: u64,
    /// What the structure is, for messages.
    what: &'static str,
    sizes: Sizes,
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`, which lie at address `origin`.
    pub(crate) fn new(bytes: &'a [u8], origin: u64, what: &'static str, sizes: Sizes) -> Self {
        Self { bytes, at: 0, origin, what, sizes }
    }

    /// The same bytes from another position on.
    pub(crate) fn at(mut self, position: usize) -> Result<Self> {
        self.at = 0;
        self.skip(position)?;
        Ok(self)
    }

    /// A corrupt-file error about this structure.
    pub(crate) fn corrupt(&self, problem: impl std::fmt::Display) -> Error {
        corrupt(self.what, self.origin, problem)
    }

    /// An unsupported-feature error about this structure.
    pub(crate) fn unsupported(&self, problem: impl std::fmt::Display) -> Error {
        Error::unsupported(format!("{} at offset {}: {problem}", self.what, self.origin))
    }

    /// Position behind the first byte.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Widths of addresses and lengths.
    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.remaining() {
            return Err(self.corrupt(format_args!(
                "needs {n} more bytes after {} of {}",
                self.at,
                self.bytes.len()
            )));
        }
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    pub(crate) fn skip(&mut self, n: usize) -> Result<()> {
        self.take(n).map(|_| ())
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        Ok(self.uint(2)? as u16)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(self.uint(4)? as u32)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.uint(8)
    }

    /// An unsigned integer of `width` bytes, 1 to 8.
    pub(crate) fn uint(&mut self, width: usize) -> Result<u64> {
        if width == 0 || width > 8 {
            return Err(self.corrupt(format_args!("has an integer of {width} bytes")));
        }
        let mut wide = [0u8; 8];
        wide[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(wide))
    }

    /// An address; `None` when it is undefined.
    pub(crate) fn address(&mut self) -> Result<Option<u64>> {
        let width = usize::from(self.sizes.offset);
        let value = self.uint(width)?;
        let undefined = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        Ok((value != undefined).then_some(value))
    }

    /// An address that must be defined.
    pub(crate) fn needed_address(&mut self, of: &str) -> Result<u64> {
        self.address()?.ok_or_else(|| self.corrupt(format_args!("the address of {of} is undefined")))
    }

    /// A length.
    pub(crate) fn length(&mut self) -> Result<u64> {
        self.uint(usize::from(self.sizes.length))
    }

    /// Checks a four-byte signature and the version byte behind it.
    pub(crate) fn signature(&mut self, signature: [u8; 4], version: u8) -> Result<()> {
        if self.take(4)? != signature {
            return Err(self.corrupt(format_args!("has no signature {}", signature.escape_ascii())));
        }
        match self.u8()? {
            v if v == version => Ok(()),
            v => Err(self.unsupported(format_args!("has version {v}"))),
        }
    }
}

/// A corrupt-file error about the structure `what` at address `offset`.
pub(crate) fn corrupt(what: &str, offset: u64, problem: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("{what} at offset {offset}: {problem}"))
}

/// Bytes needed to store any number up to `limit`, as HDF5 counts them.
pub(crate) fn width_of(limit: u64) -> usize {
    (limit.max(1).ilog2() as usize) / 8 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { offset: 4, length: 2 };

    #[test]
    fn fields_are_little_endian_and_undefined_addresses_are_none() {
        let bytes = [1, 2, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 7, 0];
        let mut cursor = Cursor::new(&bytes, 100, "thing", SIZES);
        assert_eq!((cursor.u8().unwrap(), cursor.u16().unwrap()), (1, 2));
        assert_eq!((cursor.address().unwrap(), cursor.address().unwrap()), (None, Some(5)));
        assert_eq!(cursor.length().unwrap(), 7);
        let error = cursor.u32().unwrap_err();
        assert_eq!(error.to_string(), "thing at offset 100: needs 4 more bytes after 13 of 13");
    }

    #[test]
    fn widths() {
        assert_eq!([0, 1, 255, 256, 65535, 65536, u64::MAX].map(width_of), [1, 1, 1, 2, 2, 3, 8]);
    }
}
