//! Pages: their headers, checksums and compression.

use std::io::Read;

use bytes::Bytes;
use zagg_core::{Error, Result};

use super::footer::Codec;
use super::thrift::{Kind, Thrift};

/// Kind of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Dictionary,
    DataV2,
    /// One that holds no values.
    Other,
}

/// Header of a page (`PageHeader` of `parquet.thrift`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Header {
    code: u64,
    uncompressed: u64,
    compressed: u64,
    crc: Option<u32>,
    /// Values, missing ones among them.
    pub(super) values: u64,
    pub(super) encoding: u64,
    pub(super) level_encoding: u64,
    rows: Option<u64>,
    /// Bytes of levels before the values, in the second form.
    pub(super) definition_length: u64,
    repetition_length: u64,
    is_compressed: Option<bool>,
}

impl Header {
    /// The header at the start of some bytes, and its length.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize)> {
        let mut header = Self::default();
        let mut thrift = Thrift::new(bytes);
        thrift.structure(|thrift, field, kind| {
            match field {
                1 => header.code = thrift.unsigned(kind)?,
                2 => header.uncompressed = thrift.unsigned(kind)?,
                3 => header.compressed = thrift.unsigned(kind)?,
                // The checksum is unsigned, the field is not.
                4 => header.crc = Some(thrift.int(kind)? as u32),
                5 | 7 | 8 if kind == Kind::Struct => header.details(thrift, field)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok((header, thrift.position()))
    }

    fn details(&mut self, thrift: &mut Thrift<'_>, form: i64) -> Result<()> {
        thrift.structure(|thrift, field, kind| {
            match (form, field) {
                (_, 1) => self.values = thrift.unsigned(kind)?,
                (5 | 7, 2) | (8, 4) => self.encoding = thrift.unsigned(kind)?,
                (5, 3) => self.level_encoding = thrift.unsigned(kind)?,
                (8, 3) => self.rows = Some(thrift.unsigned(kind)?),
                (8, 5) => self.definition_length = thrift.unsigned(kind)?,
                (8, 6) => self.repetition_length = thrift.unsigned(kind)?,
                (8, 7) => self.is_compressed = Some(kind == Kind::True),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    pub(super) fn kind(&self) -> PageKind {
        match self.code {
            0 => PageKind::Data,
            2 => PageKind::Dictionary,
            3 => PageKind::DataV2,
            _ => PageKind::Other,
        }
    }

    /// Bytes behind the header.
    pub(super) fn length(&self) -> u64 {
        self.compressed
    }

    /// Levels and values of the page, unpacked. In the second form levels are never compressed.
    pub(super) fn content(&self, stored: &Bytes, codec: Codec, most: u64) -> Result<Bytes> {
        if let Some(crc) = self.crc {
            let mut computed = flate2::Crc::new();
            computed.update(stored);
            if computed.sum() != crc {
                return Err(Error::corrupt("the checksum of a page is wrong"));
            }
        }
        if self.uncompressed > most {
            return Err(Error::unsupported(format!(
                "a page unpacks to {} bytes, of which {most} are allowed; raise data_source.memory",
                self.uncompressed
            )));
        }
        let size = usize::try_from(self.uncompressed).unwrap_or(usize::MAX);
        if self.kind() != PageKind::DataV2 {
            return unpack(stored, codec, size);
        }
        if self.rows.is_some_and(|rows| rows != self.values) || self.repetition_length > 0 {
            return Err(Error::corrupt("a page has another number of rows than of values"));
        }
        let levels = usize::try_from(self.definition_length).unwrap_or(usize::MAX);
        let (Some(head), Some(rest)) = (stored.get(..levels), size.checked_sub(levels)) else {
            return Err(Error::corrupt("the levels of a page are longer than the page"));
        };
        let values = stored.slice(levels..);
        if codec == Codec::None || self.is_compressed == Some(false) {
            return unpack(stored, Codec::None, size);
        }
        // Where all values are missing nothing may be stored, not even an empty frame.
        let values = if rest == 0 { Bytes::new() } else { unpack(&values, codec, rest)? };
        Ok([head, &values].concat().into())
    }
}

/// The `size` bytes that were compressed.
fn unpack(stored: &Bytes, codec: Codec, size: usize) -> Result<Bytes> {
    let wrong = |what: &str| Error::corrupt(format!("a page does not unpack: {what}"));
    let unpacked: Bytes = match codec {
        Codec::None => stored.clone(),
        Codec::Snappy => {
            if snap::raw::decompress_len(stored).map_err(|error| wrong(&error.to_string()))? != size {
                return Err(wrong("it has another length than it says"));
            }
            snap::raw::Decoder::new()
                .decompress_vec(stored)
                .map_err(|error| wrong(&error.to_string()))?
                .into()
        }
        Codec::Gzip => {
            let mut bytes = Vec::new();
            flate2::read::MultiGzDecoder::new(&stored[..])
                .take(size as u64 + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| wrong(&error.to_string()))?;
            bytes.into()
        }
        Codec::Zstd => {
            zstd::bulk::decompress(stored, size).map_err(|error| wrong(&error.to_string()))?.into()
        }
        Codec::Lz4Raw => {
            let mut bytes = vec![0; size];
            let length = lz4_flex::block::decompress_into(stored, &mut bytes)
                .map_err(|error| wrong(&error.to_string()))?;
            bytes.truncate(length);
            bytes.into()
        }
        Codec::Other(name) => {
            return Err(Error::unsupported(format!(
                "it is compressed with {name}; zstd, snappy, gzip and LZ4_RAW are read"
            )));
        }
    };
    if unpacked.len() != size {
        return Err(wrong("it has another length than it says"));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn pages_unpack_to_the_length_they_say_and_no_further() {
        let plain = vec![7u8; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        for (codec, stored) in [
            (Codec::None, plain.clone()),
            (Codec::Snappy, snap::raw::Encoder::new().compress_vec(&plain).unwrap()),
            (Codec::Gzip, gzip.finish().unwrap()),
            (Codec::Zstd, zstd::bulk::compress(&plain, 1).unwrap()),
            (Codec::Lz4Raw, lz4_flex::block::compress(&plain)),
        ] {
            let stored = Bytes::from(stored);
            assert_eq!(unpack(&stored, codec, plain.len()).unwrap(), plain, "{codec:?}");
            for size in [0, plain.len() - 1, plain.len() + 1] {
                assert!(unpack(&stored, codec, size).is_err(), "{codec:?} {size}");
            }
            assert!(unpack(&stored.slice(..stored.len() / 2), codec, plain.len()).is_err(), "{codec:?}");
        }
        let other = unpack(&Bytes::new(), Codec::Other("Brotli"), 0).unwrap_err();
        assert!(other.message().contains("Brotli"));
    }
}
