//! The messages of object headers, as bytes.

use zagg_core::error::{Error, Result};

use crate::model::{Attribute, Chunking, Scalar, Values};

/// The address that means "nowhere".
pub(crate) const UNDEFINED: u64 = u64::MAX;

/// A message of an object header: its type and its body, at most 65,535 bytes.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// Bit 0: the message never changes.
    pub(crate) flags: u8,
    pub(crate) body: Vec<u8>,
}

impl Message {
    fn new(kind: u8, flags: u8, body: Vec<u8>) -> Result<Self> {
        // Version-1 headers round the size up to a multiple of eight.
        if body.len() > usize::from(u16::MAX) - 7 {
            return Err(Error::input(format!(
                "an hdf5 header message of {} bytes is over the limit of 64 KiB: store the values outside the header",
                body.len()
            )));
        }
        Ok(Self { kind, flags, body })
    }
}

/// The dataspace of a dataset: one dimension, which may be unlimited.
pub(crate) fn dataspace(rows: usize, unlimited: bool) -> Result<Message> {
    let mut body = simple_dataspace(rows as u64);
    if unlimited {
        body[2] = 1;
        body.extend_from_slice(&UNDEFINED.to_le_bytes());
    }
    Message::new(0x01, 0, body)
}

/// The type of a dataset.
pub(crate) fn datatype(values: &Values) -> Result<Message> {
    Message::new(0x03, 1, datatype_bytes(values))
}

/// The fill value, and when space is allocated, which follows from the layout.
pub(crate) fn fill_value(fill: Option<Scalar>, allocation: Allocation) -> Result<Message> {
    // Version 2, the time of allocation, written only if set by the user, defined.
    let mut body = vec![2, allocation as u8, 2, 1];
    let value = fill.map(|fill| fill.values().bytes()).unwrap_or_default();
    body.extend_from_slice(&(value.len() as u32).to_le_bytes());
    body.extend_from_slice(&value);
    Message::new(0x05, 1, body)
}

/// When a dataset's space is allocated: the default of each layout.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Allocation {
    /// Compact datasets.
    Early = 1,
    /// Contiguous datasets.
    Late = 2,
    /// Chunked datasets.
    Incremental = 3,
}

/// The layout of a dataset inside its header.
pub(crate) fn compact_layout(data: &[u8]) -> Result<Message> {
    let mut body = vec![3, 0];
    body.extend_from_slice(&(data.len().min(usize::from(u16::MAX)) as u16).to_le_bytes());
    body.extend_from_slice(data);
    Message::new(0x08, 0, body)
}

/// The layout of a dataset in one block.
pub(crate) fn contiguous_layout(address: u64, bytes: usize) -> Result<Message> {
    let mut body = vec![3, 1];
    body.extend_from_slice(&address.to_le_bytes());
    body.extend_from_slice(&(bytes as u64).to_le_bytes());
    Message::new(0x08, 0, body)
}

/// The layout of a chunked dataset.
pub(crate) fn chunked_layout(tree: u64, chunk_rows: u32, width: usize) -> Result<Message> {
    // The dimensions are those of the dataset and, as a last one, the bytes of an element.
    let mut body = vec![3, 2, 2];
    body.extend_from_slice(&tree.to_le_bytes());
    body.extend_from_slice(&chunk_rows.to_le_bytes());
    body.extend_from_slice(&(width as u32).to_le_bytes());
    Message::new(0x08, 0, body)
}

/// The filters of a chunked dataset, in the order in which they are applied; `None` when there are none.
pub(crate) fn filters(chunking: &Chunking, width: usize) -> Result<Option<Message>> {
    let mut list = Vec::new();
    if chunking.shuffle {
        list.push((2_u16, b"shuffle\0", width as u32));
    }
    if let Some(level) = chunking.deflate {
        list.push((1_u16, b"deflate\0", u32::from(level)));
    }
    if list.is_empty() {
        return Ok(None);
    }
    let mut body = vec![1, list.len() as u8, 0, 0, 0, 0, 0, 0];
    for (id, name, parameter) in list {
        // The length of the name, flag "optional", one parameter and the padding of an odd number of them.
        for field in [id, name.len() as u16, 1, 1] {
            body.extend_from_slice(&field.to_le_bytes());
        }
        body.extend_from_slice(name);
        body.extend_from_slice(&parameter.to_le_bytes());
        body.extend_from_slice(&[0; 4]);
    }
    Message::new(0x0b, 1, body).map(Some)
}

/// The two messages that make an object a group with compact links.
pub(crate) fn group_info() -> Result<[Message; 2]> {
    let mut links = vec![0, 0];
    links.extend_from_slice(&UNDEFINED.to_le_bytes());
    links.extend_from_slice(&UNDEFINED.to_le_bytes());
    Ok([Message::new(0x02, 0, links)?, Message::new(0x0a, 1, vec![0, 0])?])
}

/// A hard link to the object header at `address`.
pub(crate) fn link(name: &str, address: u64) -> Result<Message> {
    if name.is_empty() || name == "." || name.contains(['/', '\0']) || name.len() > 255 {
        return Err(Error::input(format!(
            "{name:?} cannot name an hdf5 object: use 1 to 255 bytes without '/' and NUL"
        )));
    }
    // Bit 4 of the flags: the character set follows.
    let mut body = if name.is_ascii() { vec![1, 0] } else { vec![1, 0x10, 1] };
    body.push(name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&address.to_le_bytes());
    Message::new(0x06, 0, body)
}

/// An attribute.
pub(crate) fn attribute(name: &str, value: &Attribute) -> Result<Message> {
    if name.is_empty() || name.contains('\0') || name.len() > 255 {
        return Err(Error::input(format!(
            "{name:?} cannot name an hdf5 attribute: use 1 to 255 bytes without NUL"
        )));
    }
    let (values, space) = match value {
        Attribute::Text(text) => {
            if text.contains('\0') {
                return Err(Error::input(format!("the text of attribute {name:?} contains NUL: remove it")));
            }
            // One byte more than the text, so that the string ends with NUL as those of the real files do.
            let width = text.len() as u32 + 1;
            (Values::Text { values: vec![text.clone()], width }, scalar_dataspace())
        }
        Attribute::Scalar(value) => (value.values(), scalar_dataspace()),
        Attribute::Array(values) => (values.clone(), simple_dataspace(values.len() as u64)),
    };
    check_text(&values)?;
    let datatype = datatype_bytes(&values);
    let mut body = vec![1, 0];
    for length in [name.len() + 1, datatype.len(), space.len()] {
        body.extend_from_slice(&(length as u16).to_le_bytes());
    }
    for part in [[name.as_bytes(), &[0]].concat(), datatype, space] {
        body.extend_from_slice(&part);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    body.extend_from_slice(&values.bytes());
    Message::new(0x0c, 0, body).map_err(|error| error.context(format!("attribute {name:?}")))
}

/// Refuses strings that do not fit their width.
pub(crate) fn check_text(values: &Values) -> Result<()> {
    if let Values::Text { values, width } = values {
        if *width == 0 {
            return Err(Error::input("hdf5 strings of width 0 do not exist: use a width of at least 1"));
        }
        if let Some(long) = values.iter().find(|value| value.len() > *width as usize) {
            return Err(Error::input(format!(
                "the string {long:?} is longer than its width of {width} bytes"
            )));
        }
    }
    Ok(())
}

fn scalar_dataspace() -> Vec<u8> {
    vec![1, 0, 0, 0, 0, 0, 0, 0]
}

fn simple_dataspace(rows: u64) -> Vec<u8> {
    let mut body = vec![1, 1, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&rows.to_le_bytes());
    body
}

fn datatype_bytes(values: &Values) -> Vec<u8> {
    let width = values.width() as u32;
    let head = |class: u8, bits: [u8; 3]| {
        let mut out = vec![0x10 | class];
        out.extend_from_slice(&bits);
        out.extend_from_slice(&width.to_le_bytes());
        out
    };
    // Integers and floats say which of their bits count: all of them.
    let precision = (8 * width) as u16;
    match values {
        Values::I8(_) | Values::I16(_) | Values::I32(_) => {
            let mut out = head(0, [0x08, 0, 0]);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&precision.to_le_bytes());
            out
        }
        Values::F32(_) | Values::F64(_) => {
            let (exponent_bits, mantissa_bits, bias) =
                if width == 4 { (8_u8, 23_u8, 127_u32) } else { (11, 52, 1023) };
            // An implied leading one, and the sign in the highest bit.
            let mut out = head(1, [0x20, precision as u8 - 1, 0]);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&precision.to_le_bytes());
            out.extend_from_slice(&[mantissa_bits, exponent_bits, 0, mantissa_bits]);
            out.extend_from_slice(&bias.to_le_bytes());
            out
        }
        Values::Text { values, .. } => {
            let unicode = values.iter().any(|value| !value.is_ascii());
            // Padded with NUL; the character set is ASCII or UTF-8.
            head(3, [if unicode { 0x11 } else { 0x01 }, 0, 0])
        }
    }
}
