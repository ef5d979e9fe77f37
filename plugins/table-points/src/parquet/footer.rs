//! The metadata at the end of a Parquet file (`FileMetaData` of `parquet.thrift`).

use std::ops::Range;

use zagg_core::range_reader::RangeReader;
use zagg_core::{Error, Result};

use super::schema::Schema;
use super::thrift::{Kind, Thrift};

/// Bytes at the end of the file that are read at first: most footers are shorter.
const TAIL: u64 = 64 << 10;

/// Longest footer.
const MAX_FOOTER: u64 = 256 << 20;

/// How the pages of a column are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Zstd,
    Lz4Raw,
    /// Known by name only.
    Other(&'static str),
}

/// Least and greatest value of a column in a row group, as stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Statistics {
    pub(super) min: Option<Vec<u8>>,
    pub(super) max: Option<Vec<u8>>,
    pub(super) nulls: Option<u64>,
}

/// The values of one column in one row group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    /// Bytes of its pages.
    pub(super) bytes: Range<u64>,
    pub(super) codec: Codec,
    pub(super) statistics: Statistics,
    /// Where its page locations are.
    pub(super) offset_index: Option<Range<u64>>,
}

/// Rows that are stored together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowGroup {
    /// Numbers of its rows in the file.
    pub(super) rows: Range<u64>,
    /// The wanted columns, or what is wrong with them.
    pub(super) chunks: Vec<Result<Chunk>>,
}

/// What is needed of the metadata.
#[derive(Debug, Clone)]
pub(super) struct Footer {
    pub(super) rows: u64,
    pub(super) groups: Vec<RowGroup>,
    /// The metadata of GeoParquet.
    pub(super) geo: Option<String>,
}

/// The bytes of the metadata.
pub(super) fn fetch(reader: &dyn RangeReader) -> Result<bytes::Bytes> {
    let size = reader.size();
    let none =
        || Error::corrupt(format!("{}: is not a Parquet file; it may be truncated", reader.location()));
    if size < 12 {
        return Err(none());
    }
    let start = size - size.min(TAIL);
    let tail = one(reader, start..size)?;
    let (rest, end) = tail.split_at(tail.len() - 8);
    match &end[4..] {
        b"PAR1" => {}
        b"PARE" => return Err(Error::unsupported(format!("{}: is encrypted", reader.location()))),
        _ => return Err(none()),
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if length > size - 12 {
        return Err(none());
    }
    if length > MAX_FOOTER {
        return Err(Error::unsupported(format!(
            "{}: its metadata has {length} bytes, of which {MAX_FOOTER} are read at most",
            reader.location()
        )));
    }
    match usize::try_from(length) {
        Ok(length) if length <= rest.len() => Ok(tail.slice(rest.len() - length..rest.len())),
        _ => one(reader, size - 8 - length..size - 8),
    }
}

/// One range, whole.
fn one(reader: &dyn RangeReader, range: Range<u64>) -> Result<bytes::Bytes> {
    let wanted = range.end - range.start;
    match reader.read_ranges(std::slice::from_ref(&range))?.pop() {
        Some(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
        _ => Err(Error::io(format!("{}: a short answer", reader.location()))),
    }
}

impl Footer {
    /// Reads the metadata of a file of `size` bytes. `wanted` gives the places of the columns that are kept.
    pub(super) fn read(
        bytes: &[u8],
        size: u64,
        wanted: impl FnOnce(&Schema, Option<&str>) -> Vec<usize>,
    ) -> Result<(Self, Schema)> {
        let (mut schema, mut total, mut geo) = (None, 0, None);
        // Columns are chosen by what stands before and behind the row groups.
        let (mut groups_at, mut orders_at) = (None, None);
        let mut thrift = Thrift::new(bytes);
        thrift.structure(|thrift, field, kind| {
            match field {
                2 => schema = Some(Schema::read(thrift, kind)?),
                3 => total = thrift.unsigned(kind)?,
                4 => {
                    groups_at = Some((thrift.clone(), kind));
                    return Ok(false);
                }
                5 => thrift.structures(kind, |thrift, _| {
                    let (mut key, mut value) = (String::new(), None);
                    thrift.structure(|thrift, field, kind| {
                        match field {
                            1 => key = thrift.text(kind)?,
                            2 => value = Some(thrift.binary(kind)?),
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                    if key == "geo" {
                        geo = value.and_then(|value| String::from_utf8(value.to_vec()).ok());
                    }
                    Ok(())
                })?,
                7 => {
                    orders_at = Some((thrift.clone(), kind));
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let schema = schema.ok_or_else(|| Error::corrupt("the metadata names no columns"))?;
        let wanted = wanted(&schema, geo.as_deref());
        let ordered = match orders_at {
            Some((mut thrift, kind)) => orders(&mut thrift, kind)?,
            None => Vec::new(),
        };
        let mut groups: Vec<RowGroup> = Vec::new();
        if let Some((mut thrift, kind)) = groups_at {
            thrift.structures(kind, |thrift, _| {
                let first = groups.last().map_or(0, |group: &RowGroup| group.rows.end);
                groups.push(row_group(thrift, first, size, &wanted, &ordered)?);
                Ok(())
            })?;
        }
        let rows = groups.last().map_or(0, |group| group.rows.end);
        if rows != total {
            return Err(Error::corrupt(format!(
                "the row groups have {rows} rows where the file has {total}"
            )));
        }
        Ok((Self { rows, groups, geo }, schema))
    }
}

/// Whether the statistics of each column follow an order that is known.
fn orders(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Vec<bool>> {
    let mut known = Vec::new();
    thrift.structures(kind, |thrift, _| {
        let mut this = false;
        thrift.structure(|_, field, _| {
            this |= field == 1 || field == 2;
            Ok(false)
        })?;
        known.push(this);
        Ok(())
    })?;
    Ok(known)
}

fn row_group(
    thrift: &mut Thrift<'_>,
    first: u64,
    size: u64,
    wanted: &[usize],
    ordered: &[bool],
) -> Result<RowGroup> {
    let (mut rows, mut stored) = (0, Vec::new());
    thrift.structure(|thrift, field, kind| {
        match field {
            1 => thrift.structures(kind, |thrift, number| {
                let mut chunk = Stored::default();
                if wanted.contains(&number) {
                    chunk = Stored::read(thrift)?;
                } else {
                    thrift.structure(|_, _, _| Ok(false))?;
                }
                stored.push(chunk);
                Ok(())
            })?,
            3 => rows = thrift.unsigned(kind)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let end = first.checked_add(rows).ok_or_else(|| Error::corrupt("the row groups have too many rows"))?;
    let chunks = wanted.iter().map(|&column| {
        let stored = stored.get(column).ok_or_else(|| Error::corrupt("a row group lacks columns"))?;
        stored.chunk(rows, size, ordered.get(column).copied().unwrap_or(false))
    });
    Ok(RowGroup { rows: first..end, chunks: chunks.collect() })
}

/// A column chunk as it is described.
#[derive(Debug, Clone, Default)]
struct Stored {
    elsewhere: bool,
    encrypted: bool,
    codec: Option<u64>,
    values: u64,
    length: u64,
    data_page: Option<u64>,
    dictionary_page: Option<u64>,
    statistics: Statistics,
    offset_index: (Option<u64>, Option<u64>),
}

impl Stored {
    fn read(thrift: &mut Thrift<'_>) -> Result<Self> {
        let mut chunk = Self::default();
        thrift.structure(|thrift, field, kind| {
            match field {
                1 => chunk.elsewhere = !thrift.binary(kind)?.is_empty(),
                3 if kind == Kind::Struct => chunk.metadata(thrift)?,
                4 => chunk.offset_index.0 = Some(thrift.unsigned(kind)?),
                5 => chunk.offset_index.1 = Some(thrift.unsigned(kind)?),
                8 => {
                    chunk.encrypted = true;
                    return Ok(false);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(chunk)
    }

    fn metadata(&mut self, thrift: &mut Thrift<'_>) -> Result<()> {
        thrift.structure(|thrift, field, kind| {
            match field {
                4 => self.codec = Some(thrift.unsigned(kind)?),
                5 => self.values = thrift.unsigned(kind)?,
                7 => self.length = thrift.unsigned(kind)?,
                9 => self.data_page = Some(thrift.unsigned(kind)?),
                11 => self.dictionary_page = Some(thrift.unsigned(kind)?),
                12 if kind == Kind::Struct => thrift.structure(|thrift, field, kind| {
                    match field {
                        3 => self.statistics.nulls = Some(thrift.unsigned(kind)?),
                        5 => self.statistics.max = Some(thrift.binary(kind)?.to_vec()),
                        6 => self.statistics.min = Some(thrift.binary(kind)?.to_vec()),
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn chunk(&self, rows: u64, size: u64, ordered: bool) -> Result<Chunk> {
        if self.encrypted {
            return Err(Error::unsupported("it is encrypted"));
        }
        if self.elsewhere {
            return Err(Error::unsupported("its values lie in another file"));
        }
        if self.values != rows {
            return Err(Error::corrupt(format!(
                "it has {} values where the row group has {rows} rows",
                self.values
            )));
        }
        let data =
            self.data_page.ok_or_else(|| Error::corrupt("the metadata does not say where its pages are"))?;
        let start = self.dictionary_page.filter(|&at| at > 0).map_or(data, |dictionary| dictionary.min(data));
        let inside =
            |start: u64, length: u64| Some(start..start.checked_add(length).filter(|&end| end <= size)?);
        let bytes = inside(start, self.length).ok_or_else(|| {
            Error::corrupt(format!(
                "its bytes {start} and the {} behind lie outside the file; it may be truncated",
                self.length
            ))
        })?;
        let offset_index = match self.offset_index {
            (Some(start), Some(length)) if length > 0 => inside(start, length),
            _ => None,
        };
        // Older writers ordered some types wrongly, and say no order.
        let statistics = if ordered {
            self.statistics.clone()
        } else {
            Statistics { nulls: self.statistics.nulls, ..Statistics::default() }
        };
        let codec = match self.codec {
            Some(0) => Codec::None,
            Some(1) => Codec::Snappy,
            Some(2) => Codec::Gzip,
            Some(3) => Codec::Other("LZO"),
            Some(4) => Codec::Other("Brotli"),
            Some(5) => Codec::Other("the older, Hadoop form of LZ4"),
            Some(6) => Codec::Zstd,
            Some(7) => Codec::Lz4Raw,
            _ => Codec::Other("an unknown compression"),
        };
        Ok(Chunk { bytes, codec, statistics, offset_index })
    }
}
