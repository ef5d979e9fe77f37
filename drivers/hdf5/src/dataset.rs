//! A dataset: everything that its object header says.

use std::sync::Arc;

use bytes::Bytes;
use zagg_core::{DType, Error, Result, Values};

use crate::access::{Access, Step, Stop};
use crate::attribute::{Attribute, AttributeValue};
use crate::chunk_index::{self, Walk};
use crate::datatype::{Datatype, View};
use crate::decode::Filter;
use crate::group::{EntryKind, classify};
use crate::later::Attributes;
use crate::layout::{self, Extent, Storage};
use crate::object_header::{ObjectHeader, kind};

/// The value of elements that were never written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FillValue {
    /// One element as stored, in the dataset's byte order; empty for the library's default, all zeros.
    pub bytes: Vec<u8>,
    /// Whether the writer chose it. Only then can it stand for "missing".
    pub user_defined: bool,
}

/// A dataset of a file; cheap to clone.
#[derive(Debug, Clone)]
pub struct Dataset {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// What is read of every element.
    view: View,
    /// Lengths of the dimensions with those that arrays add.
    shape: Vec<u64>,
}

/// What a header says of a dataset, as plain data.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// The path by which it was asked for.
    pub(crate) path: String,
    /// Type of its elements as stored.
    pub(crate) datatype: Datatype,
    /// The message that says so; empty where another reader knows the type.
    pub(crate) message: Bytes,
    /// Fields that lead from an element to what is read of it; none for all of it.
    pub(crate) members: Vec<String>,
    pub(crate) extent: Extent,
    pub(crate) storage: Storage,
    pub(crate) fill: FillValue,
    pub(crate) filters: Vec<Filter>,
    pub(crate) attributes: Attributes,
}

/// A dataset as another reader than [`Hdf5File`](crate::Hdf5File) describes it.
#[derive(Debug, Clone)]
pub struct Description {
    /// The path by which it was asked for.
    pub path: String,
    /// Type of its elements.
    pub datatype: Datatype,
    /// Lengths of its dimensions, slowest first; none for a single value.
    pub shape: Vec<u64>,
    /// Whether there is no value at all.
    pub null: bool,
    /// Fields that lead from an element to what is read of it; none for all of it.
    pub members: Vec<String>,
    /// The value of elements that were never written.
    pub fill: FillValue,
    /// Filters in the order of writing.
    pub filters: Vec<Filter>,
    /// Its attributes, sorted by name, or what was wrong with them.
    pub attributes: Result<Vec<Attribute>>,
}

impl Dataset {
    /// A dataset that another reader has described; only that reader can read its rows.
    ///
    /// # Errors
    /// When `members` do not lead to a field, or the shape has more values than can be counted.
    pub fn described(description: Description) -> Result<Self> {
        let Description { path, datatype, shape, null, members, fill, filters, attributes } = description;
        let attributes = attributes.into();
        let extent = Extent { max_shape: shape.clone(), shape, null };
        let storage = Storage::Unsupported("stored where only another reader finds it".into());
        Self::new(Parts {
            path,
            datatype,
            message: Bytes::new(),
            members,
            extent,
            storage,
            fill,
            filters,
            attributes,
        })
    }

    /// A dataset of these parts.
    pub(crate) fn new(parts: Parts) -> Result<Self> {
        let view = parts.datatype.view(&parts.members)?;
        let mut shape = parts.extent.shape.clone();
        shape.extend(&view.shape);
        let product = |lengths: &[u64]| lengths.iter().try_fold(1u64, |n, &len| n.checked_mul(len));
        // Rows are counted apart: there may be none of them.
        if product(&shape).is_none() || product(shape.get(1..).unwrap_or_default()).is_none() {
            return Err(Error::corrupt("it has more values than can be counted"));
        }
        Ok(Self { inner: Arc::new(Inner { parts, view, shape }) })
    }

    /// The same dataset, of whose records only the field is read that `members` lead to.
    pub(crate) fn with_members(&self, path: &str, members: Vec<String>) -> Result<Self> {
        Self::new(Parts { path: path.to_owned(), members, ..self.inner.parts.clone() })
    }

    /// What the header says of it.
    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// What is read of every element.
    pub(crate) fn view(&self) -> &View {
        &self.inner.view
    }

    /// The path by which it was asked for.
    pub fn path(&self) -> &str {
        &self.inner.parts.path
    }

    /// Type of its values: of its elements, of the chosen field, and of what arrays hold.
    pub fn datatype(&self) -> &Datatype {
        &self.inner.view.datatype
    }

    /// Type of its elements as stored, whatever field of them is read.
    pub fn stored_datatype(&self) -> &Datatype {
        &self.inner.parts.datatype
    }

    /// Bytes of an element as stored.
    pub(crate) fn element_size(&self) -> u32 {
        self.inner.parts.datatype.size
    }

    /// Type of its values, if they are plain numbers.
    pub fn dtype(&self) -> Option<DType> {
        self.inner.view.datatype.dtype()
    }

    /// Lengths of its dimensions, slowest first, those within elements that are arrays last; none for a single value.
    pub fn shape(&self) -> &[u64] {
        &self.inner.shape
    }

    /// The number of a value among those of its row: `index` has one place for each dimension but the first. `None` when
    /// it lies outside.
    pub fn column_at(&self, index: &[u64]) -> Option<u64> {
        let lengths = self.inner.shape.get(1..)?;
        if index.len() != lengths.len() || index.iter().zip(lengths).any(|(at, len)| at >= len) {
            return None;
        }
        Some(index.iter().zip(lengths).fold(0, |number, (at, len)| number * len + at))
    }

    /// Number of rows: the length of the first dimension, or 1 for a single value.
    pub fn rows(&self) -> u64 {
        match self.extent().shape.first() {
            _ if self.extent().null => 0,
            Some(&rows) => rows,
            None => 1,
        }
    }

    /// Values per row: the product of all dimensions but the first.
    pub fn row_len(&self) -> u64 {
        self.extent().shape.iter().skip(1).product::<u64>() * self.inner.view.count()
    }

    /// Lengths of its chunks in each dimension, when it is stored in chunks.
    pub fn chunk_shape(&self) -> Option<&[u64]> {
        match &self.inner.parts.storage {
            Storage::Chunked(chunked) => Some(&chunked.shape),
            _ => None,
        }
    }

    /// The value of elements that were never written.
    pub fn fill(&self) -> &FillValue {
        &self.inner.parts.fill
    }

    /// The fill value that the writer chose, as one number; `None` for the library's default, for arrays and for other types.
    pub fn fill_number(&self) -> Option<Values> {
        let FillValue { bytes, user_defined } = self.fill();
        let (view, whole) = (&self.inner.view, self.inner.parts.datatype.size as usize);
        if !user_defined || bytes.len() != whole || view.count() != 1 {
            return None;
        }
        let start = view.offset as usize;
        crate::values::from_bytes(&view.datatype, bytes.get(start..start + view.datatype.size as usize)?)
    }

    /// Filters in the order of writing.
    pub fn filters(&self) -> &[Filter] {
        &self.inner.parts.filters
    }

    /// Its attributes, also those that are stored outside the header.
    ///
    /// They come along with the reads of the dataset and of its rows; only what is still missing is fetched here, for all
    /// datasets of the file that were found.
    ///
    /// # Errors
    /// What was wrong with them, if they could not be read.
    pub fn attributes(&self) -> Result<&[Attribute]> {
        self.inner.parts.attributes.get()
    }

    /// The value of the attribute of that name, if there is one.
    ///
    /// # Errors
    /// What was wrong with the attributes, if they could not be read.
    pub fn attribute(&self, name: &str) -> Result<Option<&AttributeValue>> {
        Ok(self.attributes()?.iter().find(|a| a.name == name).map(|a| &a.value))
    }

    pub(crate) fn extent(&self) -> &Extent {
        &self.inner.parts.extent
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.parts.storage
    }

    /// Reads a dataset from its header. Attributes and the chunk index follow when something is fetched anyway.
    pub(crate) fn read(access: &Access<'_>, path: &str, address: u64) -> Step<Self> {
        let partial = ObjectHeader::read_until(access, address, |known| Ok(suffices(known)))?;
        // The chunk index is asked for while other blocks are still missing.
        hint_chunks(access, &partial.header);
        let header = &partial.whole()?;
        match classify(header) {
            EntryKind::Dataset => {}
            EntryKind::Group => return Err(Error::input("is a group where a dataset is expected").into()),
            _ => return Err(Error::input("is not a dataset").into()),
        }
        let message = |kind, what| match header.find(kind) {
            Some(message) => Ok(message),
            None => Err(Stop::Fail(crate::cursor::corrupt(
                "object header",
                address,
                format_args!("has no {what}"),
            ))),
        };
        let (bytes, at) = ObjectHeader::content(access, message(kind::DATASPACE, "dataspace")?)?;
        let extent = Extent::parse(&mut access.cursor(&bytes, at, "dataspace message"))?;
        let (datatype, saved) = {
            let (bytes, at) = ObjectHeader::content(access, message(kind::DATATYPE, "datatype")?)?;
            (Datatype::parse(&mut access.cursor(&bytes, at, "datatype message"))?, bytes)
        };
        let (bytes, at) = ObjectHeader::content(access, message(kind::LAYOUT, "layout")?)?;
        let mut storage =
            Storage::parse(&mut access.cursor(&bytes, at, "layout message"), &bytes, extent.shape.len())?;
        if header.find(kind::EXTERNAL_FILES).is_some() {
            storage = Storage::Unsupported("values stored in other files".into());
        }
        let fill = match (header.find(kind::FILL), header.find(kind::OLD_FILL)) {
            (Some(message), _) => {
                let (bytes, at) = ObjectHeader::content(access, message)?;
                layout::fill_value(&mut access.cursor(&bytes, at, "fill value message"))?
            }
            (None, Some(message)) => {
                let (bytes, at) = ObjectHeader::content(access, message)?;
                layout::old_fill_value(&mut access.cursor(&bytes, at, "fill value message"))?
            }
            (None, None) => FillValue::default(),
        };
        if !fill.bytes.is_empty() && fill.bytes.len() != datatype.size as usize {
            let problem =
                format_args!("the fill value has {} bytes, elements {}", fill.bytes.len(), datatype.size);
            return Err(crate::cursor::corrupt("object header", address, problem).into());
        }
        let filters = match header.find(kind::FILTERS) {
            Some(message) => {
                let (bytes, at) = ObjectHeader::content(access, message)?;
                layout::filters(&mut access.cursor(&bytes, at, "filter message"))?
            }
            None => Vec::new(),
        };
        let walk = Walk::new(&storage, &extent, u64::from(datatype.size), !filters.is_empty());
        let attributes = Attributes::of(access, address, walk);
        let (path, members) = (path.to_owned(), Vec::new());
        let parts =
            Parts { path, datatype, message: saved, members, extent, storage, fill, filters, attributes };
        Ok(Self::new(parts)?)
    }
}

/// Whether a header has all that can be said of a dataset in chunks. What is missing then are attributes.
fn suffices(known: &ObjectHeader) -> bool {
    let has = |kind| known.find(kind).is_some();
    // Writers repeat a fill value of their own in the old message.
    [kind::DATASPACE, kind::DATATYPE, kind::LAYOUT, kind::FILTERS].into_iter().all(has)
        && (has(kind::FILL) || has(kind::OLD_FILL))
}

/// Notes the first node of the chunk index for the next fetch, as far as a header is known.
fn hint_chunks(access: &Access<'_>, header: &ObjectHeader) {
    let Some(layout) = header.find(kind::LAYOUT) else { return };
    let cursor = || access.cursor(&layout.bytes, layout.address, "layout message");
    // The rank is that of the layout itself: the extent may lie in a block that is still missing.
    let Ok(rank) = layout::rank(&mut cursor()) else { return };
    if let Ok(Storage::Chunked(chunked)) = Storage::parse(&mut cursor(), &layout.bytes, rank) {
        chunk_index::hint(access, &chunked);
    }
}
