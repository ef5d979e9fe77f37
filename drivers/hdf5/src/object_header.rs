//! Object headers, both generations: the list of an object's messages.

use bytes::Bytes;
use zagg_core::Result;

use crate::access::{Access, Step, Stop};
use crate::checksum;
use crate::cursor::{Cursor, corrupt};

/// Numbers of the messages that are read.
pub(crate) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const OLD_FILL: u16 = 0x04;
    pub(crate) const FILL: u16 = 0x05;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const GROUP_INFO: u16 = 0x0a;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
}

const WHAT: &str = "object header";
const CONTINUED: &str = "object header continuation";

/// Bytes asked for first: most headers fit.
const FIRST: u64 = 512;

/// Continuation blocks that are followed; real files have a handful.
const MAX_BLOCKS: usize = 1024;

/// One message of an object header.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) kind: u16,
    flags: u8,
    /// Address of its first byte.
    pub(crate) address: u64,
    pub(crate) bytes: Bytes,
}

impl Message {
    /// Whether the message only points to where the real one is.
    pub(crate) fn is_shared(&self) -> bool {
        self.flags & 2 != 0
    }
}

/// The messages of one object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectHeader {
    pub(crate) messages: Vec<Message>,
}

impl ObjectHeader {
    /// The first message of a kind.
    pub(crate) fn find(&self, kind: u16) -> Option<&Message> {
        self.messages.iter().find(|m| m.kind == kind)
    }

    /// Reads the header at `address` with all its continuation blocks.
    pub(crate) fn read(access: &Access<'_>, address: u64) -> Step<Self> {
        Self::read_until(access, address, |_| Ok(false)).and_then(Partial::whole)
    }

    /// Reads the header at `address` until there is `enough`. Continuation blocks form chains that may be spread over
    /// the file: what is not needed is not waited for.
    pub(crate) fn read_until(
        access: &Access<'_>,
        address: u64,
        enough: impl Fn(&Self) -> Result<bool>,
    ) -> Step<Partial> {
        let first = access.get_up_to(address, FIRST, WHAT)?;
        let mut blocks = if first.starts_with(b"OHDR") {
            Blocks::version_2(access, address, &first)?
        } else {
            Blocks::version_1(access, address, &first)?
        };
        let mut visited = vec![address];
        let mut missing = false;
        while !blocks.pending.is_empty() && !enough(&blocks.header)? {
            for (at, len) in std::mem::take(&mut blocks.pending) {
                if visited.contains(&at) || visited.len() > MAX_BLOCKS {
                    let problem = "the blocks of the header run in a circle";
                    return Err(corrupt(CONTINUED, at, problem).into());
                }
                visited.push(at);
                match access.get(at, len, CONTINUED) {
                    Ok(bytes) => blocks.continuation(access, at, &bytes)?,
                    // The blocks behind this one are asked for in the same round, and what is known is handed out.
                    Err(Stop::Miss) => missing = true,
                    Err(fail) => return Err(fail),
                }
            }
        }
        let missing = missing && !enough(&blocks.header)?;
        Ok(Partial { header: blocks.header, missing })
    }

    /// The bytes and address of a message, fetched from where it is shared if it is.
    pub(crate) fn content(access: &Access<'_>, message: &Message) -> Step<(Bytes, u64)> {
        if !message.is_shared() {
            return Ok((message.bytes.clone(), message.address));
        }
        let mut cursor = access.cursor(&message.bytes, message.address, "shared message");
        Self::shared(access, &mut cursor, message.kind)
    }

    /// Follows the reference to a shared message.
    pub(crate) fn shared(access: &Access<'_>, cursor: &mut Cursor<'_>, kind: u16) -> Step<(Bytes, u64)> {
        let (version, at) = (cursor.u8()?, cursor.u8()?);
        if version == 1 {
            cursor.skip(6)?;
        }
        if !(1..=3).contains(&version) || (version == 3 && at == 1) {
            return Err(cursor.unsupported("messages shared through a heap of the file").into());
        }
        let address = cursor.needed_address("a shared message")?;
        let header = Self::read(access, address)?;
        match header.find(kind) {
            Some(found) if !found.is_shared() => Ok((found.bytes.clone(), found.address)),
            _ => Err(cursor
                .corrupt(format_args!("the object at {address} has no message of kind {kind}"))
                .into()),
        }
    }
}

/// A header of which blocks may be missing that the next fetch brings.
#[derive(Debug)]
pub(crate) struct Partial {
    /// What is known of it.
    pub(crate) header: ObjectHeader,
    missing: bool,
}

impl Partial {
    /// The header, if no needed part of it is missing.
    pub(crate) fn whole(self) -> Step<ObjectHeader> {
        if self.missing { Err(Stop::Miss) } else { Ok(self.header) }
    }
}

/// Messages found so far and blocks still to read.
#[derive(Debug)]
struct Blocks {
    header: ObjectHeader,
    pending: Vec<(u64, u64)>,
    /// Flags of a version-2 header; `None` for version 1.
    flags: Option<u8>,
}

impl Blocks {
    fn version_1(access: &Access<'_>, address: u64, first: &Bytes) -> Step<Self> {
        let mut cursor = access.cursor(first, address, WHAT);
        match cursor.u8()? {
            1 => {}
            v => {
                return Err(cursor
                    .corrupt(format_args!("there is no object header (version byte {v})"))
                    .into());
            }
        }
        cursor.skip(7)?;
        let len = u64::from(cursor.u32()?);
        let body = access.get(address.saturating_add(16), len, WHAT)?;
        let mut blocks =
            Self { header: ObjectHeader { messages: Vec::new() }, pending: Vec::new(), flags: None };
        blocks.messages(access, address + 16, &body)?;
        Ok(blocks)
    }

    fn version_2(access: &Access<'_>, address: u64, first: &Bytes) -> Step<Self> {
        let mut cursor = access.cursor(first, address, WHAT);
        cursor.signature(*b"OHDR", 2)?;
        let flags = cursor.u8()?;
        cursor.skip(if flags & 0x20 != 0 { 16 } else { 0 })?;
        cursor.skip(if flags & 0x10 != 0 { 4 } else { 0 })?;
        let len = cursor.uint(1 << (flags & 3))?;
        let prefix = cursor.position() as u64;
        let whole = access.get(address, len.saturating_add(prefix + 4), WHAT)?;
        checksum::verify(&whole, WHAT, address)?;
        let mut blocks =
            Self { header: ObjectHeader { messages: Vec::new() }, pending: Vec::new(), flags: Some(flags) };
        let body = whole.slice(prefix as usize..whole.len() - 4);
        blocks.messages(access, address + prefix, &body)?;
        Ok(blocks)
    }

    fn continuation(&mut self, access: &Access<'_>, address: u64, bytes: &Bytes) -> Result<()> {
        if self.flags.is_none() {
            return self.messages(access, address, bytes);
        }
        if bytes.len() < 8 || !bytes.starts_with(b"OCHK") {
            return Err(access.cursor(bytes, address, CONTINUED).corrupt("has no signature OCHK"));
        }
        checksum::verify(bytes, CONTINUED, address)?;
        self.messages(access, address + 4, &bytes.slice(4..bytes.len() - 4))
    }

    /// Splits a block into messages; what is too short for one is a gap.
    fn messages(&mut self, access: &Access<'_>, address: u64, block: &Bytes) -> Result<()> {
        let mut cursor = access.cursor(block, address, WHAT);
        let prefix = match self.flags {
            None => 8,
            Some(flags) if flags & 4 != 0 => 6,
            Some(_) => 4,
        };
        while cursor.remaining() >= prefix {
            let (kind, len, flags);
            if self.flags.is_none() {
                (kind, len, flags) = (cursor.u16()?, usize::from(cursor.u16()?), cursor.u8()?);
                cursor.skip(3)?;
            } else {
                (kind, len, flags) = (u16::from(cursor.u8()?), usize::from(cursor.u16()?), cursor.u8()?);
                cursor.skip(prefix - 4)?;
            }
            let start = cursor.position();
            cursor.skip(len)?;
            let message = Message {
                kind,
                flags,
                address: address + start as u64,
                bytes: block.slice(start..start + len),
            };
            match kind {
                0 => {}
                kind::CONTINUATION => {
                    let mut at = access.cursor(&message.bytes, message.address, CONTINUED);
                    self.pending.push((at.needed_address("the continuation")?, at.length()?));
                }
                _ => self.header.messages.push(message),
            }
        }
        Ok(())
    }
}
