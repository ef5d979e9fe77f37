//! A dataset: everything that its object header says.

use std::sync::Arc;

use zagg_core::{DType, Error, Result, Values};

use crate::access::{Access, Step, Stop};
use crate::attribute::{self, Attribute, AttributeValue};
use crate::chunk_index;
use crate::datatype::Datatype;
use crate::decode::Filter;
use crate::group::{EntryKind, classify};
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
    path: String,
    datatype: Datatype,
    extent: Extent,
    storage: Storage,
    fill: FillValue,
    filters: Vec<Filter>,
    attributes: Result<Vec<Attribute>>,
}

impl Dataset {
    /// The path by which it was asked for.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// Type of its elements.
    pub fn datatype(&self) -> &Datatype {
        &self.inner.datatype
    }

    /// Type of its elements, if they are plain numbers.
    pub fn dtype(&self) -> Option<DType> {
        self.inner.datatype.dtype()
    }

    /// Lengths of its dimensions, slowest first; none for a single value.
    pub fn shape(&self) -> &[u64] {
        &self.inner.extent.shape
    }

    /// Number of rows: the length of the first dimension, or 1 for a single value.
    pub fn rows(&self) -> u64 {
        match self.inner.extent.shape.first() {
            _ if self.inner.extent.null => 0,
            Some(&rows) => rows,
            None => 1,
        }
    }

    /// Values per row: the product of all dimensions but the first.
    pub fn row_len(&self) -> u64 {
        self.inner.extent.shape.iter().skip(1).product()
    }

    /// Lengths of its chunks in each dimension, when it is stored in chunks.
    pub fn chunk_shape(&self) -> Option<&[u64]> {
        match &self.inner.storage {
            Storage::Chunked(chunked) => Some(&chunked.shape),
            _ => None,
        }
    }

    /// The value of elements that were never written.
    pub fn fill(&self) -> &FillValue {
        &self.inner.fill
    }

    /// The fill value that the writer chose, as one number; `None` for the library's default and for other types.
    pub fn fill_number(&self) -> Option<Values> {
        let fill = self.inner.fill.user_defined.then_some(&self.inner.fill.bytes)?;
        crate::values::from_bytes(&self.inner.datatype, fill).filter(|values| values.len() == 1)
    }

    /// Filters in the order of writing.
    pub fn filters(&self) -> &[Filter] {
        &self.inner.filters
    }

    /// Its attributes, also those that are stored outside the header. They were read along with the dataset.
    ///
    /// # Errors
    /// What was wrong with them, if they could not be read.
    pub fn attributes(&self) -> Result<&[Attribute]> {
        self.inner.attributes.as_deref().map_err(Clone::clone)
    }

    /// The value of the attribute of that name, if there is one.
    ///
    /// # Errors
    /// What was wrong with the attributes, if they could not be read.
    pub fn attribute(&self, name: &str) -> Result<Option<&AttributeValue>> {
        Ok(self.attributes()?.iter().find(|a| a.name == name).map(|a| &a.value))
    }

    pub(crate) fn extent(&self) -> &Extent {
        &self.inner.extent
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Reads a dataset from its header. Attributes and the first node of the chunk index are fetched in the same rounds.
    pub(crate) fn read(access: &Access<'_>, path: &str, address: u64) -> Step<Self> {
        let partial = ObjectHeader::read_until(access, address, |_| Ok(false))?;
        // The chunk index is asked for while blocks with attributes are still missing.
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
        let datatype = {
            let (bytes, at) = ObjectHeader::content(access, message(kind::DATATYPE, "datatype")?)?;
            Datatype::parse(&mut access.cursor(&bytes, at, "datatype message"))?
        };
        let (bytes, at) = ObjectHeader::content(access, message(kind::LAYOUT, "layout")?)?;
        let mut storage =
            Storage::parse(&mut access.cursor(&bytes, at, "layout message"), &bytes, extent.shape.len())?;
        if header.find(kind::EXTERNAL_FILES).is_some() {
            storage = Storage::Unsupported("values stored in other files");
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
        let attributes = match attribute::read_all(access, header) {
            Ok(attributes) => Ok(attributes),
            Err(Stop::Miss) => return Err(Stop::Miss),
            // A broken attribute does not hide the values.
            Err(Stop::Fail(error)) => Err(error),
        };
        let path = path.to_owned();
        let inner = Inner { path, datatype, extent, storage, fill, filters, attributes };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Notes the first node of the chunk index for the next fetch, as far as a header is known.
fn hint_chunks(access: &Access<'_>, header: &ObjectHeader) {
    let (Some(space), Some(layout)) = (header.find(kind::DATASPACE), header.find(kind::LAYOUT)) else {
        return;
    };
    let mut space = access.cursor(&space.bytes, space.address, "dataspace message");
    let Ok(extent) = Extent::parse(&mut space) else { return };
    let mut c = access.cursor(&layout.bytes, layout.address, "layout message");
    if let Ok(Storage::Chunked(chunked)) = Storage::parse(&mut c, &layout.bytes, extent.shape.len()) {
        chunk_index::hint(access, &chunked);
    }
}
