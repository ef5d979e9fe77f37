//! Files and datasets as plain data, to be read later without looking for anything: where each chunk is stored, and what
//! the header says.
//!
//! What is saved says nothing of where the file is and when it was read. It is not trusted when it comes back: datatypes
//! pass through the parser of the file format, and sizes and addresses are checked as those of the file are.

mod hex;
mod parts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zagg_core::index::StoredError;
use zagg_core::range_reader::RangeReader;
use zagg_core::{Context, Error, ErrorKind, Result, Rows};

use crate::access::Addressing;
use crate::attribute::Attribute;
use crate::chunk_index::{Table, Wanted, counts};
use crate::cursor::{Cursor, Sizes};
use crate::dataset::{Dataset, Parts};
use crate::datatype::Datatype;
use crate::file::Hdf5File;
use crate::layout::{Chunked, Extent, Index, MAX_RANK, Storage};
use crate::options::ReadOptions;
use crate::superblock::Superblock;
use hex::Hex;
use parts::{SavedAttributes, SavedFill, SavedFilter, SavedStorage};

/// Most chunks of one dataset that are saved one by one; of a larger one only where its index starts.
const MAX_CHUNKS: usize = 1 << 20;

/// What the superblock of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Position of address 0 in the file.
    base: u64,
    /// Bytes of an address and of a length.
    widths: [u8; 2],
    /// Address of the root group.
    root: u64,
}

/// What is known of a dataset, with its chunk table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedDataset {
    /// Its datatype for people.
    #[serde(rename = "type")]
    name: String,
    /// Its datatype as the message of the file.
    datatype: Hex,
    /// Fields that lead from an element to what is read of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<String>,
    shape: Vec<u64>,
    /// Where it differs from the shape; the greatest number stands for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_shape: Option<Vec<u64>>,
    /// Whether there is no value at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    null: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill: Option<SavedFill>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    filters: Vec<SavedFilter>,
    attributes: SavedAttributes,
    storage: SavedStorage,
}

impl Hdf5File {
    /// What the superblock says, for [`Hdf5File::from_saved`].
    pub fn saved(&self) -> SavedFile {
        let Superblock { addressing: Addressing { base, sizes }, root } = *self.superblock();
        SavedFile { base, widths: [sizes.offset, sizes.length], root }
    }

    /// A file whose superblock is known: nothing is read.
    ///
    /// # Errors
    /// When what was saved cannot be of this file.
    pub fn from_saved(
        reader: Arc<dyn RangeReader>,
        options: &ReadOptions,
        saved: &SavedFile,
    ) -> Result<Self> {
        let [offset, length] = saved.widths;
        let sizes = Sizes { offset, length };
        if saved.base > reader.size() || ![offset, length].iter().all(|width| matches!(width, 2 | 4 | 8)) {
            return Err(Error::corrupt("the saved superblock is not of this file"));
        }
        let superblock = Superblock { addressing: Addressing { base: saved.base, sizes }, root: saved.root };
        Ok(Self::assemble(reader, options, superblock))
    }

    /// What is known of datasets of this file, with their chunk tables, which are read side by side as far as they are
    /// not here yet. Of their attributes, those of these names are kept.
    ///
    /// # Errors
    /// When a transfer fails. A table that is broken is no error: its dataset is saved without it, and reading it
    /// later fails as it does now.
    pub fn save(&self, datasets: &[&Dataset], attributes: &[&str]) -> Result<Vec<SavedDataset>> {
        let location = self.location();
        let tables = self.source().rounds(self.addressing(), datasets.len(), |job, access| {
            let parts = datasets[job].parts();
            let Storage::Chunked(chunked) = &parts.storage else { return Ok(None) };
            if !needs_table(chunked) {
                return Ok(None);
            }
            let element = u64::from(parts.datatype.size);
            let bytes = chunked.shape.iter().try_fold(element, |n, &len| n.checked_mul(len));
            let Some(bytes) = bytes else { return Ok(None) };
            let all = Rows::all(datasets[job].rows());
            let filtered = !parts.filters.is_empty();
            let chunks = Wanted::new(chunked, &parts.extent, &all, None, bytes, filtered).find(access)?;
            let counts = counts(&parts.extent.shape, &chunked.shape);
            Ok(Table::new(&chunks, &counts).filter(|table| table.chunks.len() <= MAX_CHUNKS))
        });
        let saved = datasets.iter().zip(tables).map(|(dataset, table)| {
            let table = match table {
                Ok(table) => table,
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => None,
                Err(error) => return Err(error),
            };
            SavedDataset::new(dataset.parts(), table.as_ref(), attributes, location)
        });
        let named = saved.zip(datasets);
        named.map(|(saved, dataset)| saved.context(|| format!("{location}: {}", dataset.path()))).collect()
    }
}

/// Whether finding the chunks takes reads.
fn needs_table(chunked: &Chunked) -> bool {
    let reads = !matches!(chunked.index, Index::Table(_) | Index::Single(_) | Index::Implicit);
    reads && chunked.address.is_some()
}

impl SavedDataset {
    fn new(parts: &Parts, table: Option<&Table>, attributes: &[&str], location: &str) -> Result<Self> {
        let extent = &parts.extent;
        let attributes = match parts.attributes.get() {
            Ok(all) => {
                let kept = all.iter().filter(|attribute| attributes.contains(&attribute.name.as_str()));
                SavedAttributes::Values(kept.map(parts::SavedAttribute::new).collect())
            }
            Err(error) => match StoredError::new(&error, location) {
                Some(error) => SavedAttributes::Error(error),
                None => return Err(error),
            },
        };
        if parts.message.is_empty() {
            return Err(Error::unsupported("datasets of another reader cannot be saved"));
        }
        Ok(Self {
            name: parts.datatype.to_string(),
            datatype: Hex(parts.message.to_vec()),
            members: parts.members.clone(),
            shape: extent.shape.clone(),
            max_shape: (extent.max_shape != extent.shape).then(|| extent.max_shape.clone()),
            null: extent.null,
            fill: SavedFill::new(&parts.fill),
            filters: parts.filters.iter().map(SavedFilter::new).collect(),
            attributes,
            storage: SavedStorage::new(&parts.storage, table),
        })
    }

    /// The dataset at `path` of a file that is at `location`, with those attributes that were kept.
    ///
    /// # Errors
    /// When what was saved does not fit together.
    pub fn dataset(&self, path: &str, location: &str) -> Result<Dataset> {
        // Datatypes hold no addresses or lengths of the file.
        let plain = Sizes { offset: 8, length: 8 };
        let datatype = Datatype::parse(&mut Cursor::new(&self.datatype.0, 0, "saved datatype", plain))?;
        let max_shape = self.max_shape.clone().unwrap_or_else(|| self.shape.clone());
        if self.shape.len() > MAX_RANK || max_shape.len() != self.shape.len() {
            return Err(Error::corrupt("the saved shape is none"));
        }
        let extent = Extent { shape: self.shape.clone(), max_shape, null: self.null };
        if extent.count().is_none() {
            return Err(Error::corrupt("the saved shape has more values than can be counted"));
        }
        let fill = self.fill.as_ref().map(SavedFill::fill).unwrap_or_default();
        if !fill.bytes.is_empty() && fill.bytes.len() != datatype.size as usize {
            return Err(Error::corrupt("the saved fill value is none"));
        }
        let attributes = match &self.attributes {
            SavedAttributes::Values(saved) => {
                Ok(saved.iter().map(parts::SavedAttribute::attribute).collect::<Result<Vec<Attribute>>>()?)
            }
            SavedAttributes::Error(error) => Err(error.error(location)),
        };
        Dataset::new(Parts {
            path: path.to_owned(),
            datatype,
            message: self.datatype.0.clone().into(),
            members: self.members.clone(),
            storage: self.storage.storage(&extent)?,
            extent,
            fill,
            filters: self.filters.iter().map(SavedFilter::filter).collect(),
            attributes: attributes.into(),
        })
    }
}
