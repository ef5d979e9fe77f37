//! The saved form of what a dataset consists of.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zagg_core::index::StoredError;
use zagg_core::{DType, Error, Result};

use super::MAX_CHUNKS;
use super::hex::Hex;
use crate::attribute::{Attribute, AttributeValue};
use crate::chunk_index::{Entry, Table, counts};
use crate::dataset::FillValue;
use crate::datatype::{ByteOrder, Class, Datatype};
use crate::decode::Filter;
use crate::layout::{Chunked, Extent, Index, Storage};
use crate::values;

/// The value of elements that were never written; none for the library's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedFill {
    bytes: Hex,
    user_defined: bool,
}

impl SavedFill {
    pub(super) fn new(fill: &FillValue) -> Option<Self> {
        let saved = Self { bytes: Hex(fill.bytes.clone()), user_defined: fill.user_defined };
        (*fill != FillValue::default()).then_some(saved)
    }

    pub(super) fn fill(&self) -> FillValue {
        FillValue { bytes: self.bytes.0.clone(), user_defined: self.user_defined }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedFilter {
    id: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<u32>,
}

impl SavedFilter {
    pub(super) fn new(filter: &Filter) -> Self {
        let Filter { id, name, optional, parameters } = filter.clone();
        Self { id, name, optional, parameters }
    }

    pub(super) fn filter(&self) -> Filter {
        let Self { id, name, optional, parameters } = self.clone();
        Filter { id, name, optional, parameters }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SavedAttributes {
    Values(Vec<SavedAttribute>),
    Error(StoredError),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedAttribute {
    name: String,
    value: SavedValue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedValue {
    /// Little-endian bytes of the values.
    Numbers {
        dtype: DType,
        shape: Vec<u64>,
        bytes: Hex,
    },
    Strings(Vec<String>),
    Undecoded(String),
}

impl SavedAttribute {
    pub(super) fn new(attribute: &Attribute) -> Self {
        let value = match &attribute.value {
            AttributeValue::Numbers { values, shape } => SavedValue::Numbers {
                dtype: values.dtype(),
                shape: shape.clone(),
                bytes: Hex(values.to_le_bytes()),
            },
            AttributeValue::Strings(strings) => SavedValue::Strings(strings.clone()),
            AttributeValue::Undecoded(name) => SavedValue::Undecoded(name.clone()),
        };
        Self { name: attribute.name.clone(), value }
    }

    pub(super) fn attribute(&self) -> Result<Attribute> {
        let value = match &self.value {
            SavedValue::Numbers { dtype, shape, bytes } => {
                let values = number_type(*dtype).and_then(|datatype| values::from_bytes(&datatype, &bytes.0));
                let values = values.filter(|values| values.len() * dtype.size() == bytes.0.len());
                let values = values.ok_or_else(|| {
                    Error::corrupt(format!("the saved attribute {} holds no numbers", self.name))
                })?;
                AttributeValue::Numbers { values, shape: shape.clone() }
            }
            SavedValue::Strings(strings) => AttributeValue::Strings(strings.clone()),
            SavedValue::Undecoded(name) => AttributeValue::Undecoded(name.clone()),
        };
        Ok(Attribute { name: self.name.clone(), value })
    }
}

/// The little-endian HDF5 type of a core type.
fn number_type(dtype: DType) -> Option<Datatype> {
    use DType::{Bool, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    let order = ByteOrder::Little;
    let class = match dtype {
        Bool => return None,
        Int8 | Int16 | Int32 | Int64 => Class::Integer { signed: true, order },
        UInt8 | UInt16 | UInt32 | UInt64 => Class::Integer { signed: false, order },
        Float32 | Float64 => Class::Float { order },
    };
    Some(Datatype { size: dtype.size() as u32, class })
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SavedStorage {
    Compact(Hex),
    Contiguous { address: Option<u64>, len: Option<u64> },
    Chunked(SavedChunks),
    Unsupported(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedChunks {
    shape: Vec<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    plain_edges: bool,
    index: SavedIndex,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedIndex {
    Table(SavedTable),
    /// One chunk; stored size and filter mask if it is filtered.
    Single {
        address: Option<u64>,
        filtered: Option<(u64, u32)>,
    },
    /// Chunks one after another.
    Implicit(Option<u64>),
    // An index of the file, by its address.
    BTreeV1(Option<u64>),
    BTreeV2(Option<u64>),
    FixedArray(Option<u64>),
    ExtensibleArray(Option<u64>),
}

/// Stored chunks, in the order of the file's index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedTable {
    /// Their numbers, row-major over the dataset; none when they count up from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbers: Option<Vec<u64>>,
    /// Bytes from the end of one chunk to the start of the next, the first from address 0; modulo 2^64.
    gaps: Vec<i64>,
    sizes: Vec<u64>,
    /// Filters left out; none when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    masks: Option<Vec<u32>>,
}

impl SavedTable {
    fn new(table: &Table) -> Self {
        let counted = table.chunks.iter().zip(0..).all(|(chunk, at)| chunk.number == at);
        let masked = table.chunks.iter().any(|chunk| chunk.mask != 0);
        let mut end = 0u64;
        let mut gaps = Vec::with_capacity(table.chunks.len());
        for chunk in &table.chunks {
            gaps.push(chunk.address.wrapping_sub(end).cast_signed());
            end = chunk.address.wrapping_add(chunk.size);
        }
        Self {
            numbers: (!counted).then(|| table.chunks.iter().map(|chunk| chunk.number).collect()),
            gaps,
            sizes: table.chunks.iter().map(|chunk| chunk.size).collect(),
            masks: masked.then(|| table.chunks.iter().map(|chunk| chunk.mask).collect()),
        }
    }

    /// The table, for a dataset of this many chunks.
    fn table(&self, count: u64) -> Result<Table> {
        let n = self.gaps.len();
        let lengths = [
            self.sizes.len(),
            self.numbers.as_ref().map_or(n, Vec::len),
            self.masks.as_ref().map_or(n, Vec::len),
        ];
        if n > MAX_CHUNKS || lengths.iter().any(|&len| len != n) {
            return Err(Error::corrupt("the saved chunk table has columns of different lengths"));
        }
        let mut end = 0u64;
        let mut chunks = Vec::with_capacity(n);
        for at in 0..n {
            let number = self.numbers.as_ref().map_or(at as u64, |numbers| numbers[at]);
            if number >= count {
                return Err(Error::corrupt(format!("the saved chunk {number} is outside of its dataset")));
            }
            let (address, size) = (end.wrapping_add_signed(self.gaps[at]), self.sizes[at]);
            end = address.wrapping_add(size);
            chunks.push(Entry {
                number,
                address,
                size,
                mask: self.masks.as_ref().map_or(0, |masks| masks[at]),
            });
        }
        Ok(Table { chunks })
    }
}

impl SavedStorage {
    pub(super) fn new(storage: &Storage, table: Option<&Table>) -> Self {
        match storage {
            Storage::Compact(bytes) => Self::Compact(Hex(bytes.to_vec())),
            Storage::Contiguous { address, len } => Self::Contiguous { address: *address, len: *len },
            Storage::Unsupported(what) => Self::Unsupported(what.to_string()),
            Storage::Chunked(chunked) => {
                let address = chunked.address;
                let index = match (table, &chunked.index) {
                    (Some(table), _) => SavedIndex::Table(SavedTable::new(table)),
                    (None, Index::Table(table)) => SavedIndex::Table(SavedTable::new(table)),
                    (None, Index::BTreeV1) => SavedIndex::BTreeV1(address),
                    (None, Index::BTreeV2) => SavedIndex::BTreeV2(address),
                    (None, Index::FixedArray) => SavedIndex::FixedArray(address),
                    (None, Index::ExtensibleArray) => SavedIndex::ExtensibleArray(address),
                    (None, Index::Implicit) => SavedIndex::Implicit(address),
                    (None, Index::Single(filtered)) => SavedIndex::Single { address, filtered: *filtered },
                };
                let (shape, plain_edges) = (chunked.shape.clone(), chunked.plain_edges);
                Self::Chunked(SavedChunks { shape, plain_edges, index })
            }
        }
    }

    pub(super) fn storage(&self, extent: &Extent) -> Result<Storage> {
        Ok(match self {
            Self::Compact(bytes) => Storage::Compact(Bytes::copy_from_slice(&bytes.0)),
            Self::Contiguous { address, len } => Storage::Contiguous { address: *address, len: *len },
            Self::Unsupported(what) => Storage::Unsupported(what.clone().into()),
            Self::Chunked(SavedChunks { shape, plain_edges, index }) => {
                if shape.len() != extent.shape.len() || shape.contains(&0) {
                    return Err(Error::corrupt("the saved shape of chunks is none"));
                }
                let (index, address) = match index {
                    SavedIndex::Table(table) => {
                        let counts = counts(&extent.shape, shape);
                        let count = counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count));
                        // The table knows all addresses; that of the index means nothing.
                        (Index::Table(Arc::new(table.table(count.unwrap_or(0))?)), Some(0))
                    }
                    SavedIndex::Single { address, filtered } => (Index::Single(*filtered), *address),
                    SavedIndex::Implicit(address) => (Index::Implicit, *address),
                    SavedIndex::BTreeV1(address) => (Index::BTreeV1, *address),
                    SavedIndex::BTreeV2(address) => (Index::BTreeV2, *address),
                    SavedIndex::FixedArray(address) => (Index::FixedArray, *address),
                    SavedIndex::ExtensibleArray(address) => (Index::ExtensibleArray, *address),
                };
                Storage::Chunked(Chunked { shape: shape.clone(), index, address, plain_edges: *plain_edges })
            }
        })
    }
}
