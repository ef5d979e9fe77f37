//! The tree that is written: groups, datasets, attributes and their values.

use std::collections::BTreeMap;

/// A group: named members and attributes. Members are written in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Groups and datasets by name.
    pub members: BTreeMap<String, Node>,
    /// Attributes in the order in which they are written.
    pub attributes: Vec<(String, Attribute)>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A group inside the group.
    Group(Group),
    /// A dataset.
    Dataset(Dataset),
}

/// A dataset of one dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The values, which also give the type and the length.
    pub values: Values,
    /// Where and how the values are stored.
    pub layout: Layout,
    /// A user-defined fill value, of the type of the values; without it the file says "library default".
    pub fill: Option<Scalar>,
    /// Attributes in the order in which they are written.
    pub attributes: Vec<(String, Attribute)>,
}

/// Where and how the values of a dataset are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Inside the object header; below 64 KiB.
    Compact,
    /// One block of bytes.
    Contiguous,
    /// Chunks under a version-1 B-tree, with an unlimited maximum length.
    Chunked(Chunking),
}

/// The chunks of a dataset and their filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunking {
    /// Rows per chunk, at least 1. The last chunk is stored whole, padded with the fill value.
    pub rows: u32,
    /// The deflate level (1 to 9), or no deflate.
    pub deflate: Option<u8>,
    /// Whether the bytes of the elements are shuffled before deflate.
    pub shuffle: bool,
}

/// Values of one type, little-endian in the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Signed bytes.
    I8(Vec<i8>),
    /// Signed 16-bit integers.
    I16(Vec<i16>),
    /// Signed 32-bit integers.
    I32(Vec<i32>),
    /// Single-precision numbers.
    F32(Vec<f32>),
    /// Double-precision numbers.
    F64(Vec<f64>),
    /// Strings of a fixed width in bytes, padded with NUL.
    Text {
        /// The strings, each at most `width` bytes.
        values: Vec<String>,
        /// The width of one element in bytes, at least 1.
        width: u32,
    },
}

/// One number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// A signed byte.
    I8(i8),
    /// A signed 16-bit integer.
    I16(i16),
    /// A signed 32-bit integer.
    I32(i32),
    /// A single-precision number.
    F32(f32),
    /// A double-precision number.
    F64(f64),
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A string.
    Text(String),
    /// One number, with a scalar dataspace.
    Scalar(Scalar),
    /// Several values in one dimension.
    Array(Values),
}

impl Group {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a group into this one, instead of any member of the same name.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>, group: Group) -> Self {
        self.members.insert(name.into(), Node::Group(group));
        self
    }

    /// Puts a dataset into this group, instead of any member of the same name.
    #[must_use]
    pub fn dataset(mut self, name: impl Into<String>, dataset: Dataset) -> Self {
        self.members.insert(name.into(), Node::Dataset(dataset));
        self
    }

    /// Adds a string attribute.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), Attribute::Text(value.into())));
        self
    }

    /// Takes the member at a path such as `gt1l/land_ice_segments/h_li` out of the tree; `None` when there is
    /// no such member.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        let Some((first, rest)) = path.split_once('/') else {
            return self.members.remove(path);
        };
        match self.members.get_mut(first)? {
            Node::Group(group) => group.remove(rest),
            Node::Dataset(_) => None,
        }
    }
}

impl Dataset {
    /// A contiguous dataset without attributes.
    pub fn new(values: Values) -> Self {
        Self { values, layout: Layout::Contiguous, fill: None, attributes: Vec::new() }
    }

    /// The same dataset, stored inside its object header.
    #[must_use]
    pub fn compact(self) -> Self {
        Self { layout: Layout::Compact, ..self }
    }

    /// The same dataset, stored in chunks.
    #[must_use]
    pub fn chunked(self, chunking: Chunking) -> Self {
        Self { layout: Layout::Chunked(chunking), ..self }
    }

    /// The same dataset with a user-defined fill value.
    #[must_use]
    pub fn fill(self, value: Scalar) -> Self {
        Self { fill: Some(value), ..self }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: Attribute) -> Self {
        self.attributes.push((name.into(), value));
        self
    }

    /// Adds a string attribute.
    #[must_use]
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attribute(name, Attribute::Text(value.into()))
    }
}

impl Values {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Text { values, .. } => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of one element.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::I8(_) => 1,
            Self::I16(_) => 2,
            Self::I32(_) | Self::F32(_) => 4,
            Self::F64(_) => 8,
            Self::Text { width, .. } => *width as usize,
        }
    }

    /// The elements as little-endian bytes, one after the other.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Text { values, width } => {
                let mut out = Vec::with_capacity(values.len() * *width as usize);
                for value in values {
                    let end = out.len() + *width as usize;
                    out.extend_from_slice(value.as_bytes());
                    out.resize(end, 0);
                }
                out
            }
        }
    }
}

impl Scalar {
    /// The number as an array of one value.
    pub(crate) fn values(self) -> Values {
        match self {
            Self::I8(value) => Values::I8(vec![value]),
            Self::I16(value) => Values::I16(vec![value]),
            Self::I32(value) => Values::I32(vec![value]),
            Self::F32(value) => Values::F32(vec![value]),
            Self::F64(value) => Values::F64(vec![value]),
        }
    }
}
