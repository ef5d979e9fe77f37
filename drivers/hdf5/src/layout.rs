//! The messages that describe a dataset: its extent, storage, fill value and filters.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use zagg_core::Result;

use crate::chunk_index::Table;
use crate::cursor::Cursor;
use crate::dataset::FillValue;
use crate::decode::Filter;

/// The most dimensions that the library allows.
pub(crate) const MAX_RANK: usize = 32;

/// Extent of a dataset or attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Lengths of the dimensions; none for a single value.
    pub(crate) shape: Vec<u64>,
    /// Largest lengths, `u64::MAX` for an unlimited one.
    pub(crate) max_shape: Vec<u64>,
    /// Whether there is no value at all.
    pub(crate) null: bool,
}

impl Extent {
    /// Number of values.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.null {
            return Some(0);
        }
        self.shape.iter().try_fold(1u64, |n, &len| n.checked_mul(len))
    }

    /// Reads a dataspace message.
    pub(crate) fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let (version, rank, flags) = (c.u8()?, usize::from(c.u8()?), c.u8()?);
        let null = match version {
            1 => {
                c.skip(5)?;
                false
            }
            2 => c.u8()? == 2,
            v => return Err(c.unsupported(format_args!("has version {v}"))),
        };
        if rank > MAX_RANK {
            return Err(c.corrupt(format_args!("has {rank} dimensions, over {MAX_RANK}")));
        }
        let shape = (0..rank).map(|_| c.length()).collect::<Result<Vec<_>>>()?;
        let max_shape = if flags & 1 != 0 {
            (0..rank).map(|_| Ok(c.address()?.unwrap_or(u64::MAX))).collect::<Result<Vec<_>>>()?
        } else {
            shape.clone()
        };
        let extent = Self { shape, max_shape, null };
        match extent.count() {
            Some(_) => Ok(extent),
            None => Err(c.corrupt("has more values than can be counted")),
        }
    }
}

/// Where the values of a dataset are.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// In the object header.
    Compact(Bytes),
    /// In one piece; no address before anything was written.
    Contiguous { address: Option<u64>, len: Option<u64> },
    /// In chunks.
    Chunked(Chunked),
    /// In a way that zagg does not read, with its name.
    Unsupported(Cow<'static, str>),
}

/// Storage in chunks.
#[derive(Debug, Clone)]
pub(crate) struct Chunked {
    /// Lengths of a chunk in each dimension of the dataset.
    pub(crate) shape: Vec<u64>,
    pub(crate) index: Index,
    /// Where the index starts; none before anything was written.
    pub(crate) address: Option<u64>,
    /// Whether chunks that pass the edge of the dataset are stored without filters.
    pub(crate) plain_edges: bool,
}

/// How chunks are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Index {
    BTreeV1,
    /// One chunk, with its stored size and filter mask if it is filtered.
    Single(Option<(u64, u32)>),
    /// All chunks one after another, unfiltered.
    Implicit,
    FixedArray,
    ExtensibleArray,
    BTreeV2,
    /// Known whole, from a saved description.
    Table(Arc<Table>),
}

impl Storage {
    /// Reads a layout message for a dataset of `rank` dimensions.
    pub(crate) fn parse(c: &mut Cursor<'_>, whole: &Bytes, rank: usize) -> Result<Self> {
        match c.u8()? {
            version @ (1 | 2) => Self::old(c, whole, rank, version),
            3 => {
                let class = c.u8()?;
                Self::plain(c, whole, class)?.map_or_else(
                    || {
                        let ndims = usize::from(c.u8()?);
                        let address = c.address()?;
                        let shape = (0..ndims).map(|_| Ok(c.u32()?.into())).collect::<Result<Vec<u64>>>()?;
                        let shape = chunk_shape(c, shape, rank)?;
                        Ok(Self::Chunked(Chunked {
                            shape,
                            index: Index::BTreeV1,
                            address,
                            plain_edges: false,
                        }))
                    },
                    Ok,
                )
            }
            4 | 5 => {
                let class = c.u8()?;
                match Self::plain(c, whole, class)? {
                    Some(storage) => Ok(storage),
                    None => Self::indexed(c, rank),
                }
            }
            v => Err(c.unsupported(format_args!("has version {v}"))),
        }
    }

    /// Versions 1 and 2.
    fn old(c: &mut Cursor<'_>, whole: &Bytes, rank: usize, version: u8) -> Result<Self> {
        let (ndims, class) = (usize::from(c.u8()?), c.u8()?);
        c.skip(5)?;
        let address = if class == 0 { None } else { c.address()? };
        let shape = (0..ndims).map(|_| Ok(c.u32()?.into())).collect::<Result<Vec<u64>>>()?;
        match class {
            0 => {
                let len = c.u32()? as usize;
                let start = c.position();
                c.skip(len)?;
                Ok(Self::Compact(whole.slice(start..start + len)))
            }
            1 => Ok(Self::Contiguous { address, len: None }),
            2 => {
                let shape = chunk_shape(c, shape, rank)?;
                Ok(Self::Chunked(Chunked { shape, index: Index::BTreeV1, address, plain_edges: false }))
            }
            other => Err(c.corrupt(format_args!("version {version} has storage class {other}"))),
        }
    }

    /// Compact, contiguous and virtual storage since version 3; `None` for chunks.
    fn plain(c: &mut Cursor<'_>, whole: &Bytes, class: u8) -> Result<Option<Self>> {
        match class {
            0 => {
                let len = usize::from(c.u16()?);
                let start = c.position();
                c.skip(len)?;
                Ok(Some(Self::Compact(whole.slice(start..start + len))))
            }
            1 => Ok(Some(Self::Contiguous { address: c.address()?, len: Some(c.length()?) })),
            2 => Ok(None),
            3 => Ok(Some(Self::Unsupported("a virtual dataset, whose values are in other files".into()))),
            other => Err(c.unsupported(format_args!("has storage class {other}"))),
        }
    }

    /// Chunks since version 4.
    fn indexed(c: &mut Cursor<'_>, rank: usize) -> Result<Self> {
        let (flags, ndims, width) = (c.u8()?, usize::from(c.u8()?), usize::from(c.u8()?));
        let shape = (0..ndims).map(|_| c.uint(width)).collect::<Result<Vec<u64>>>()?;
        let shape = chunk_shape(c, shape, rank)?;
        let index = match c.u8()? {
            1 if flags & 2 != 0 => Index::Single(Some((c.length()?, c.u32()?))),
            1 => Index::Single(None),
            2 => Index::Implicit,
            3 => {
                c.skip(1)?;
                Index::FixedArray
            }
            4 => {
                c.skip(5)?;
                Index::ExtensibleArray
            }
            5 => {
                c.skip(6)?;
                Index::BTreeV2
            }
            other => return Err(c.unsupported(format_args!("has a chunk index of type {other}"))),
        };
        Ok(Self::Chunked(Chunked { shape, index, address: c.address()?, plain_edges: flags & 1 != 0 }))
    }
}

/// The rank of a dataset in chunks, as its layout message tells.
pub(crate) fn rank(c: &mut Cursor<'_>) -> Result<usize> {
    let dimensions = match c.u8()? {
        1 | 2 => c.u8()?,
        3 => {
            c.skip(1)?;
            c.u8()?
        }
        _ => {
            c.skip(2)?;
            c.u8()?
        }
    };
    Ok(usize::from(dimensions).saturating_sub(1))
}

/// Checks a chunk's dimensions, the last of which is the size of an element.
fn chunk_shape(c: &Cursor<'_>, mut dims: Vec<u64>, rank: usize) -> Result<Vec<u64>> {
    if dims.len() != rank + 1 {
        let problem =
            format_args!("chunks have {} dimensions, the dataset has {rank}", dims.len().max(1) - 1);
        return Err(c.corrupt(problem));
    }
    dims.pop();
    if dims.contains(&0) {
        return Err(c.corrupt("chunks have a dimension of length 0"));
    }
    Ok(dims)
}

/// Reads a fill value message.
pub(crate) fn fill_value(c: &mut Cursor<'_>) -> Result<FillValue> {
    let defined = match c.u8()? {
        version @ (1 | 2) => {
            c.skip(2)?;
            c.u8()? != 0 || version == 1
        }
        3 => c.u8()? & 0x20 != 0,
        v => return Err(c.unsupported(format_args!("has version {v}"))),
    };
    if defined { sized(c) } else { Ok(FillValue::default()) }
}

/// Reads the fill value message of early files.
pub(crate) fn old_fill_value(c: &mut Cursor<'_>) -> Result<FillValue> {
    sized(c)
}

fn sized(c: &mut Cursor<'_>) -> Result<FillValue> {
    // A negative length says that no value was chosen.
    let len = c.u32()? as i32;
    let len = usize::try_from(len).unwrap_or(0);
    Ok(FillValue { bytes: c.take(len)?.to_vec(), user_defined: len > 0 })
}

/// Reads a filter pipeline message, in the order of writing.
pub(crate) fn filters(c: &mut Cursor<'_>) -> Result<Vec<Filter>> {
    let (version, count) = (c.u8()?, c.u8()?);
    match version {
        1 => c.skip(6)?,
        2 => {}
        v => return Err(c.unsupported(format_args!("has version {v}"))),
    }
    if count > 32 {
        return Err(c.corrupt(format_args!("has {count} filters, over 32")));
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = c.u16()?;
        let name_len = if version == 1 || id >= 256 { usize::from(c.u16()?) } else { 0 };
        let (flags, values) = (c.u16()?, c.u16()?);
        let name_len = if version == 1 { name_len.next_multiple_of(8) } else { name_len };
        let name = c.take(name_len)?.split(|&b| b == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let parameters = (0..values).map(|_| c.u32()).collect::<Result<Vec<_>>>()?;
        if version == 1 && values % 2 == 1 {
            c.skip(4)?;
        }
        filters.push(Filter { id, name, optional: flags & 1 != 0, parameters });
    }
    Ok(filters)
}
