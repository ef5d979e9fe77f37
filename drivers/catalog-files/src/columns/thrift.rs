//! The compact protocol of Apache Thrift, as far as its extents go.
//!
//! The crate that reads Parquet reserves memory for as many items as a list claims to have. Here a structure is followed
//! first, so that lists are known to be there.

/// Structures inside structures. Footers of Parquet need eight.
const MAX_DEPTH: u32 = 32;
/// The most items of a list: columns of all row groups are many, but in lists of one group each.
const MAX_ITEMS: u64 = 100_000;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// A place in bytes. Every method is `None` where the bytes end or are no Thrift.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that have been passed.
    pub(super) fn passed(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, length: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed integer of any width.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The next field of a structure: its number and type; `Some(None)` at the end of the structure. `last` is the number
    /// of the field before, at first 0.
    pub(super) fn field(&mut self, last: &mut i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let step = i64::from(head >> 4);
        *last = if step == 0 { self.integer()? } else { last.checked_add(step)? };
        Some(Some((*last, head & 0x0f)))
    }

    /// Passes a value of a field.
    pub(super) fn value(&mut self, kind: u8) -> Option<()> {
        match kind {
            // A field's type says which.
            TRUE | FALSE => Some(()),
            other => self.item(other, 0),
        }
    }

    fn item(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            TRUE | FALSE | BYTE => self.skip(1),
            I16..=I64 => self.varint().map(|_| ()),
            DOUBLE => self.skip(8),
            BINARY => {
                let length = self.varint()?;
                self.skip(length)
            }
            LIST | SET => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    few => few.into(),
                };
                self.items(count, &[head & 0x0f], depth)
            }
            MAP => match self.varint()? {
                0 => Some(()),
                count => {
                    let kinds = self.byte()?;
                    self.items(count, &[kinds >> 4, kinds & 0x0f], depth)
                }
            },
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    if !matches!(kind, TRUE | FALSE) {
                        self.item(kind, depth + 1)?;
                    }
                }
                Some(())
            }
            UUID => self.skip(16),
            _ => None,
        }
    }

    fn items(&mut self, count: u64, kinds: &[u8], depth: u32) -> Option<()> {
        if count > MAX_ITEMS {
            return None;
        }
        for _ in 0..count {
            for &kind in kinds {
                self.item(kind, depth + 1)?;
            }
        }
        Some(())
    }
}

/// The bytes of the structure that stands at the start, if it is there in full.
pub(super) fn structure(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    cursor.item(STRUCT, 0)?;
    Some(cursor.passed())
}

/// Sizes of a page, from its header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Bytes of the header.
    pub(super) length: usize,
    /// `PageType` of the format.
    pub(super) kind: i64,
    pub(super) uncompressed: i64,
    pub(super) compressed: i64,
    /// Values or levels.
    pub(super) values: i64,
    /// `Encoding` of the format.
    pub(super) encoding: i64,
}

/// The header that stands at the start, if it is there in full.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut header = PageHeader { length: structure(bytes)?, ..PageHeader::default() };
    let mut cursor = Cursor::new(bytes);
    let mut last = 0;
    while let Some((number, kind)) = cursor.field(&mut last)? {
        match (number, kind) {
            (1, 5) => header.kind = cursor.integer()?,
            (2, 5) => header.uncompressed = cursor.integer()?,
            (3, 5) => header.compressed = cursor.integer()?,
            // Data page, dictionary page, data page of the second version.
            (5 | 7 | 8, STRUCT) => {
                let encoding = if number == 8 { 4 } else { 2 };
                let mut last = 0;
                while let Some((field, kind)) = cursor.field(&mut last)? {
                    match (field, kind) {
                        (1, 5) => header.values = cursor.integer()?,
                        (field, 5) if field == encoding => header.encoding = cursor.integer()?,
                        (_, kind) => cursor.value(kind)?,
                    }
                }
            }
            (_, kind) => cursor.value(kind)?,
        }
    }
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_header_is_read() {
        // Data page of 1,000 and 500 bytes, 7 values, plain; statistics with one text; a boolean behind.
        let bytes = [
            0x15, 0x00, 0x15, 0xd0, 0x0f, 0x15, 0xe8, 0x07, 0x2c, 0x15, 0x0e, 0x15, 0x00, 0x3c, 0x18, 2, 9,
            9, 0, 0, 0x51, 0,
        ];
        let header = page_header(&bytes).unwrap();
        let wanted =
            PageHeader { length: 22, kind: 0, uncompressed: 1000, compressed: 500, values: 7, encoding: 0 };
        assert_eq!(header, wanted);
        for end in 0..bytes.len() {
            assert_eq!(page_header(&bytes[..end]), None);
        }
    }

    #[test]
    fn lists_that_are_not_there_are_refused() {
        assert_eq!(structure(&[0x19, 0xf3, 0xff, 0xff, 0xff, 0x07, 0]), None);
        assert_eq!(structure(&[0x19, 0x23, 7, 7, 0]), Some(5));
        assert_eq!(structure(&[0x1c; 5000]), None);
        assert_eq!(structure(&[0x19; 5000]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(length) = structure(&bytes) {
                prop_assert!(length <= bytes.len());
            }
            let _ = page_header(&bytes);
        }
    }
}
