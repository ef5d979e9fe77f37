//! Attributes: small named values of groups and datasets.

use bytes::Bytes;
use zagg_core::{Result, Values};

use crate::access::{Access, Step, Stop};
use crate::cursor::{Cursor, corrupt};
use crate::datatype::{Class, Datatype, Padding};
use crate::group::heap_and_tree;
use crate::layout::Extent;
use crate::object_header::{Message, ObjectHeader, kind};
use crate::values;

const WHAT: &str = "attribute message";

/// Strings of variable length that are decoded in one attribute.
const MAX_VAR_STRINGS: u64 = 4096;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// Numbers, in C order.
    Numbers {
        /// The values.
        values: Values,
        /// Lengths of the dimensions; none for a single value.
        shape: Vec<u64>,
    },
    /// Strings without their padding, in C order.
    Strings(Vec<String>),
    /// A value that is not decoded, with the name of its type.
    Undecoded(String),
}

impl AttributeValue {
    /// The text, if this is one string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Strings(strings) => match &strings[..] {
                [one] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }

    /// The numbers, if these are numbers.
    pub fn as_numbers(&self) -> Option<&Values> {
        match self {
            Self::Numbers { values, .. } => Some(values),
            _ => None,
        }
    }
}

/// A named value of a group or dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
}

/// All attributes of an object, sorted by name.
pub(crate) fn read_all(access: &Access<'_>, header: &ObjectHeader) -> Step<Vec<Attribute>> {
    let mut contents: Vec<(Bytes, u64)> = access
        .each(header.messages.iter().filter(|m| m.kind == kind::ATTRIBUTE), |message| {
            ObjectHeader::content(access, message)
        })?;
    if let Some(message) = header.find(kind::ATTRIBUTE_INFO)
        && let Some((heap, tree)) = dense(access, message)?
    {
        let (heap, tree) = heap_and_tree(access, heap, tree, 8)?;
        let mut records = Vec::new();
        tree.visit(access, &mut |_, _| true, &mut |record| {
            records.push(record.to_vec());
            Ok(())
        })?;
        contents.extend(access.each(records, |record| {
            if record.get(8).is_some_and(|flags| flags & 2 != 0) {
                let c = access.cursor(&record, message.address, "attribute index");
                return Err(c.unsupported("attributes shared through a heap of the file").into());
            }
            heap.object(access, &record[..8])
        })?);
    }
    let mut attributes = access.each(contents, |(bytes, at)| parse(access, &bytes, at))?;
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(attributes)
}

/// Addresses of heap and name index, if attributes are stored outside the header.
fn dense(access: &Access<'_>, message: &Message) -> Result<Option<(u64, u64)>> {
    let mut c = access.cursor(&message.bytes, message.address, "attribute info");
    c.skip(1)?;
    let flags = c.u8()?;
    c.skip(if flags & 1 != 0 { 2 } else { 0 })?;
    Ok(c.address()?.zip(c.address()?))
}

fn parse(access: &Access<'_>, bytes: &Bytes, address: u64) -> Step<Attribute> {
    let mut c = access.cursor(bytes, address, WHAT);
    let (version, flags) = (c.u8()?, c.u8()?);
    if !(1..=3).contains(&version) {
        return Err(c.unsupported(format_args!("has version {version}")).into());
    }
    let sizes = [usize::from(c.u16()?), usize::from(c.u16()?), usize::from(c.u16()?)];
    if version == 3 {
        c.skip(1)?;
    }
    let mut part = |len: usize| {
        let at = address + c.position() as u64;
        let bytes = c.take(len)?;
        if version == 1 {
            // Padding behind the last part may be cut off.
            c.skip((len.next_multiple_of(8) - len).min(c.remaining()))?;
        }
        Ok::<_, zagg_core::Error>((bytes, at))
    };
    let (name, _) = part(sizes[0])?;
    let (datatype, datatype_at) = part(sizes[1])?;
    let (extent, extent_at) = part(sizes[2])?;
    let name = String::from_utf8_lossy(name.split(|&b| b == 0).next().unwrap_or_default()).into_owned();
    let whole = |bytes: &[u8], at: u64, shared: bool, kind: u16| -> Step<(Bytes, u64)> {
        if shared && version >= 2 {
            ObjectHeader::shared(access, &mut access.cursor(bytes, at, "shared message"), kind)
        } else {
            Ok((Bytes::copy_from_slice(bytes), at))
        }
    };
    let (datatype, at) = whole(datatype, datatype_at, flags & 1 != 0, kind::DATATYPE)?;
    let datatype = Datatype::parse(&mut access.cursor(&datatype, at, "datatype of an attribute"))?;
    let (extent, at) = whole(extent, extent_at, flags & 2 != 0, kind::DATASPACE)?;
    let extent = Extent::parse(&mut access.cursor(&extent, at, "dataspace of an attribute"))?;
    let value = value(access, &mut c, &datatype, &extent)?;
    Ok(Attribute { name, value })
}

fn value(
    access: &Access<'_>,
    c: &mut Cursor<'_>,
    datatype: &Datatype,
    extent: &Extent,
) -> Step<AttributeValue> {
    let count = extent.count().unwrap_or(u64::MAX);
    let size = u64::from(datatype.size);
    if count.saturating_mul(size) > c.remaining() as u64 {
        return Err(c.corrupt("is shorter than its values").into());
    }
    let data = c.take((count * size) as usize)?;
    Ok(match &datatype.class {
        _ if extent.null => AttributeValue::Undecoded("no value".to_owned()),
        _ if datatype.dtype().is_some() => match values::from_bytes(datatype, data) {
            Some(values) => AttributeValue::Numbers { values, shape: extent.shape.clone() },
            None => AttributeValue::Undecoded(datatype.to_string()),
        },
        Class::String { padding } => AttributeValue::Strings(if size == 0 {
            vec![String::new(); count.min(1) as usize]
        } else {
            data.chunks_exact(size as usize).map(|bytes| values::text(bytes, *padding)).collect()
        }),
        Class::VarString if count <= MAX_VAR_STRINGS => {
            let strings = access.each(data.chunks_exact(size.max(1) as usize), |element| {
                var_string(access, &mut Cursor::new(element, 0, "variable-length string", access.sizes()))
            })?;
            AttributeValue::Strings(strings)
        }
        _ => AttributeValue::Undecoded(datatype.to_string()),
    })
}

/// A string whose bytes are in a global heap collection.
fn var_string(access: &Access<'_>, element: &mut Cursor<'_>) -> Step<String> {
    const WHAT: &str = "global heap";
    let len = element.u32()?;
    let Some(address) = element.address()? else { return Ok(String::new()) };
    let wanted = element.u32()?;
    if len == 0 || address == 0 {
        return Ok(String::new());
    }
    let length = u64::from(access.sizes().length);
    let head = access.get(address, 8 + length, WHAT)?;
    let mut c = access.cursor(&head, address, WHAT);
    c.signature(*b"GCOL", 1)?;
    c.skip(3)?;
    let size = c.length()?;
    let bytes = access.get(address, size, WHAT)?;
    let mut c = access.cursor(&bytes, address, WHAT);
    c.skip(head.len())?;
    while c.remaining() >= 8 + length as usize {
        let number = u32::from(c.u16()?);
        c.skip(6)?;
        let size = c.length()?;
        if number == 0 {
            break;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if number == wanted {
            let bytes = c.take(size.min(len as usize))?;
            return Ok(values::text(bytes, Padding::NulTerminated));
        }
        c.skip(size)?;
        c.skip((size.next_multiple_of(8) - size).min(c.remaining()))?;
    }
    Err(Stop::Fail(corrupt(WHAT, address, format_args!("has no object {wanted}"))))
}
