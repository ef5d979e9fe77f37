//! The compact protocol of Apache Thrift (its `doc/specs/thrift-compact-protocol.md`), as much as Parquet's metadata needs.
//!
//! Every length is checked against the bytes that are left, and nesting is bounded: metadata may be damaged or made up.

use zagg_core::{Error, Result};

/// Deepest nesting that is passed over.
const MAX_DEPTH: u32 = 24;

/// Type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    True,
    False,
    Byte,
    /// Any of the integers of variable length.
    Int,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Kind {
    fn of(nibble: u8) -> Result<Self> {
        Ok(match nibble {
            1 => Self::True,
            2 => Self::False,
            3 => Self::Byte,
            4..=6 => Self::Int,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            other => return Err(Error::corrupt(format!("the metadata has a value of type {other}"))),
        })
    }
}

/// Bytes that are read from front to back.
#[derive(Debug, Clone)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.left() {
            return Err(Error::corrupt("the metadata ends in the middle of a value"));
        }
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn varint(&mut self) -> Result<u64> {
        varint(self.bytes, &mut self.at)
    }

    /// An integer of the kind given.
    pub(super) fn int(&mut self, kind: Kind) -> Result<i64> {
        match kind {
            Kind::Int => self.varint().map(zigzag),
            Kind::Byte => self.byte().map(|byte| i64::from(byte as i8)),
            _ => Err(Error::corrupt("the metadata has something else where an integer belongs")),
        }
    }

    /// An integer that counts or places something.
    pub(super) fn unsigned(&mut self, kind: Kind) -> Result<u64> {
        let value = self.int(kind)?;
        u64::try_from(value).map_err(|_| {
            Error::corrupt(format!("the metadata has the number {value} where none below 0 can be"))
        })
    }

    /// Bytes or text.
    pub(super) fn binary(&mut self, kind: Kind) -> Result<&'a [u8]> {
        if kind != Kind::Binary {
            return Err(Error::corrupt("the metadata has something else where text belongs"));
        }
        let n = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        self.take(n)
    }

    /// Text.
    pub(super) fn text(&mut self, kind: Kind) -> Result<String> {
        let bytes = self.binary(kind)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| Error::corrupt("the metadata has text that is not UTF-8"))
    }

    /// Reads a structure: `each` is told the number and kind of every field and reads it, or says that it did not.
    pub(super) fn structure(
        &mut self,
        mut each: impl FnMut(&mut Self, i64, Kind) -> Result<bool>,
    ) -> Result<()> {
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let kind = Kind::of(head & 15)?;
            number = match head >> 4 {
                0 => zigzag(self.varint()?),
                step => number.wrapping_add(step.into()),
            };
            let before = self.at;
            if !each(self, number, kind)? {
                self.at = before;
                self.skip(kind, false, 0)?;
            }
        }
    }

    /// Kind and number of the elements of a list, which follow. Each takes a byte at least.
    pub(super) fn list(&mut self, kind: Kind) -> Result<(Kind, usize)> {
        if kind != Kind::List {
            return Err(Error::corrupt("the metadata has something else where a list belongs"));
        }
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            size => size.into(),
        };
        match usize::try_from(size) {
            // Writers such as fastparquet give the elements of an empty list no type.
            Ok(0) => Ok((Kind::Byte, 0)),
            Ok(size) if size <= self.left() => Ok((Kind::of(head & 15)?, size)),
            _ => Err(Error::corrupt(format!(
                "the metadata has a list of {size} elements in {} bytes",
                self.left()
            ))),
        }
    }

    /// Reads a list of structures.
    pub(super) fn structures(
        &mut self,
        kind: Kind,
        mut each: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let (kind, size) = self.list(kind)?;
        if kind != Kind::Struct && size > 0 {
            return Err(Error::corrupt("the metadata has something else where a list of structures belongs"));
        }
        (0..size).try_for_each(|number| each(self, number))
    }

    /// Passes over a value. The truth of a field is in its kind, that of an element in a byte.
    fn skip(&mut self, kind: Kind, element: bool, depth: u32) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::corrupt("the metadata is nested too deeply"));
        }
        match kind {
            Kind::True | Kind::False if !element => {}
            Kind::True | Kind::False | Kind::Byte => _ = self.byte()?,
            Kind::Int => _ = self.varint()?,
            Kind::Double => _ = self.take(8)?,
            Kind::Binary => _ = self.binary(kind)?,
            Kind::List => {
                let (kind, size) = self.list(kind)?;
                (0..size).try_for_each(|_| self.skip(kind, true, depth + 1))?;
            }
            Kind::Map => {
                let size = self.varint()?;
                if size > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 15)?);
                    // Every entry takes bytes, so that a made-up size comes to its end soon.
                    (0..size).try_for_each(|_| {
                        self.skip(key, true, depth + 1)?;
                        self.skip(value, true, depth + 1)
                    })?;
                }
            }
            Kind::Struct => loop {
                let head = self.byte()?;
                if head == 0 {
                    break;
                }
                if head >> 4 == 0 {
                    self.varint()?;
                }
                self.skip(Kind::of(head & 15)?, false, depth + 1)?;
            },
        }
        Ok(())
    }
}

/// An integer of seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or_else(|| Error::corrupt("a number is cut off"))?;
        *at += 1;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(value);
        }
    }
    Err(Error::corrupt("a number is too long"))
}

/// The signed number behind an unsigned one.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read_or_passed_over() {
        // 1: i32 = -3; 2: list of two booleans; 3: true; 5: "ab"; the end.
        let bytes = [0x15, 5, 0x19, 0x21, 1, 2, 0x11, 0x28, 2, b'a', b'b', 0];
        let (mut number, mut truth, mut text) = (0, false, String::new());
        let mut thrift = Thrift::new(&bytes);
        thrift
            .structure(|thrift, id, kind| {
                match id {
                    1 => number = thrift.int(kind)?,
                    3 => truth = kind == Kind::True,
                    5 => text = thrift.text(kind)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })
            .unwrap();
        assert_eq!((number, truth, text.as_str(), thrift.position()), (-3, true, "ab", bytes.len()));
    }

    #[test]
    fn empty_lists_need_no_type() {
        // 1: an empty list whose elements have the type 0; 2: i32 = 1; the end.
        let bytes = [0x19, 0, 0x15, 2, 0];
        for read_list in [true, false] {
            let (mut thrift, mut number) = (Thrift::new(&bytes), 0);
            let read = thrift.structure(|thrift, id, kind| {
                match id {
                    1 if read_list => thrift.structures(kind, |_, _| Ok(()))?,
                    2 => number = thrift.int(kind)?,
                    _ => return Ok(false),
                }
                Ok(true)
            });
            assert_eq!((read, number), (Ok(()), 1));
        }
    }

    #[test]
    fn deep_and_endless_values_are_refused() {
        let deep = vec![0x1c; 100_000];
        assert!(Thrift::new(&deep).structure(|_, _, _| Ok(false)).is_err());
        let mut long = Thrift::new(&[0xf5, 255, 255, 255, 255, 15]);
        assert!(long.list(Kind::List).unwrap_err().message().contains("4294967295 elements"));
        assert!(varint(&[255; 11], &mut 0).is_err());
        assert_eq!([0, 1, 2, 3, u64::MAX].map(zigzag), [0, -1, 1, -2, i64::MIN]);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Thrift::new(&bytes).structure(|_, _, _| Ok(false));
        }
    }
}
