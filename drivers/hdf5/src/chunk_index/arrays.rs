//! Chunk indexes that are arrays: fixed, and extensible in one dimension.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use bytes::Bytes;

use super::{Chunk, Wanted};
use crate::access::{Access, Step};
use crate::checksum;
use crate::cursor::{Cursor, corrupt};

const FIXED: &str = "fixed array";
const EXTENSIBLE: &str = "extensible array";

/// How one entry is written.
#[derive(Debug, Clone, Copy)]
struct Entry {
    size: u64,
    /// Width of the stored size; none for unfiltered chunks.
    size_width: Option<usize>,
}

impl Entry {
    fn new(c: &Cursor<'_>, client: u8, size: u8, wanted: &Wanted<'_>) -> zagg_core::Result<Self> {
        let width = usize::from(c.sizes().offset);
        let size_width = match client {
            0 if usize::from(size) == width => None,
            1 if usize::from(size) > width + 4 => Some(usize::from(size) - width - 4),
            _ => return Err(c.corrupt(format_args!("has entries of {size} bytes for kind {client}"))),
        };
        if size_width.is_some() != wanted.filtered {
            return Err(c.corrupt("is made for other filters than the dataset has"));
        }
        Ok(Self { size: size.into(), size_width })
    }

    /// Reads an entry; an undefined address means that the chunk was never written.
    fn chunk(
        self,
        c: &mut Cursor<'_>,
        place: Vec<u64>,
        wanted: &Wanted<'_>,
    ) -> zagg_core::Result<Option<Chunk>> {
        let address = c.address()?;
        let (size, mask) = match self.size_width {
            Some(width) => (c.uint(width)?, c.u32()?),
            None => (wanted.chunk_bytes, 0),
        };
        Ok(address.map(|address| Chunk { place, address, size, mask }))
    }
}

/// Blocks of an index that have been checked.
#[derive(Debug)]
struct Blocks<'a, 'b> {
    access: &'a Access<'b>,
    known: HashMap<u64, Bytes>,
}

impl Blocks<'_, '_> {
    fn get(&mut self, address: u64, len: u64, what: &'static str, signature: Option<[u8; 4]>) -> Step<Bytes> {
        if let Some(bytes) = self.known.get(&address) {
            return Ok(bytes.clone());
        }
        let bytes = self.access.get(address, len, what)?;
        if let Some(signature) = signature {
            self.access.cursor(&bytes, address, what).signature(signature, 0)?;
        }
        checksum::verify(&bytes, what, address)?;
        self.known.insert(address, bytes.clone());
        Ok(bytes)
    }
}

/// Splits a block that is stored in pages: entries per page, and how the pages are found.
#[derive(Debug, Clone, Copy)]
struct Pages {
    /// Entries of a full page.
    per_page: u64,
    /// Entries of the whole block.
    entries: u64,
    /// Address of the first page.
    start: u64,
}

impl Pages {
    /// The page with entry `number`, and the place of the entry in it.
    fn page(
        self,
        blocks: &mut Blocks<'_, '_>,
        number: u64,
        entry: Entry,
        what: &'static str,
    ) -> Step<(Bytes, u64)> {
        let page = number / self.per_page;
        let stride = self.per_page * entry.size + 4;
        let address = page.checked_mul(stride).and_then(|offset| self.start.checked_add(offset));
        let address = address.ok_or_else(|| corrupt(what, self.start, "a page lies behind all numbers"))?;
        let held = self.per_page.min(self.entries - page * self.per_page);
        Ok((blocks.get(address, held * entry.size + 4, what, None)?, number % self.per_page))
    }
}

fn bit(bits: &[u8], number: u64) -> bool {
    bits.get((number / 8) as usize).is_some_and(|byte| byte & (0x80 >> (number % 8)) != 0)
}

pub(super) fn fixed(wanted: &Wanted<'_>, access: &Access<'_>, address: u64) -> Step<Vec<Chunk>> {
    let sizes = access.sizes();
    let header_len = 12 + u64::from(sizes.length) + u64::from(sizes.offset);
    let mut blocks = Blocks { access, known: HashMap::new() };
    let header = blocks.get(address, header_len, FIXED, Some(*b"FAHD"))?;
    let mut c = access.cursor(&header, address, FIXED);
    c.skip(5)?;
    let (client, entry_size, page_bits) = (c.u8()?, c.u8()?, c.u8()?);
    let entries = c.length()?;
    let Some(block) = c.address()? else { return Ok(Vec::new()) };
    let entry = Entry::new(&c, client, entry_size, wanted)?;
    if page_bits >= 32 || entries > access.file_size() {
        return Err(c.corrupt(format_args!("has {entries} entries in pages of 2^{page_bits}")).into());
    }
    let per_page = 1u64 << page_bits;
    let prefix = 6 + u64::from(sizes.offset);
    let paged = entries > per_page;
    let bitmap = if paged { entries.div_ceil(per_page).div_ceil(8) } else { 0 };
    let body = if paged { bitmap } else { entries * entry.size };
    let bytes = blocks.get(block, prefix + body + 4, FIXED, Some(*b"FADB"))?;
    let pages = Pages { per_page, entries, start: block.saturating_add(prefix + body + 4) };
    let found = access.each(wanted.places(access)?, |place| {
        let number = wanted.number(&place, None)?;
        if number >= entries {
            return Ok(None);
        }
        if !paged {
            let mut c = access.cursor(&bytes, block, FIXED).at((prefix + number * entry.size) as usize)?;
            return Ok(entry.chunk(&mut c, place, wanted)?);
        }
        if !bit(&bytes[prefix as usize..], number / per_page) {
            return Ok(None);
        }
        let (page, number) = pages.page(&mut blocks, number, entry, FIXED)?;
        let mut c = access.cursor(&page, block, FIXED).at((number * entry.size) as usize)?;
        Ok(entry.chunk(&mut c, place, wanted)?)
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The parameters of an extensible array.
#[derive(Debug)]
struct Extensible {
    entry: Entry,
    /// Bits of the largest entry number.
    bits: u32,
    /// Entries in the index block itself.
    inline: u64,
    /// Entries of the smallest data block.
    smallest: u64,
    /// Super blocks whose data blocks are listed in the index block.
    inline_supers: u32,
    /// Data blocks listed in the index block.
    inline_blocks: u64,
    per_page: u64,
    index_block: u64,
}

impl Extensible {
    fn read(wanted: &Wanted<'_>, blocks: &mut Blocks<'_, '_>, address: u64) -> Step<Option<Self>> {
        let access = blocks.access;
        let sizes = access.sizes();
        let len = 16 + 6 * u64::from(sizes.length) + u64::from(sizes.offset);
        let header = blocks.get(address, len, EXTENSIBLE, Some(*b"EAHD"))?;
        let mut c = access.cursor(&header, address, EXTENSIBLE);
        c.skip(5)?;
        let (client, entry_size) = (c.u8()?, c.u8()?);
        let (bits, inline, smallest, pointers, page_bits) = (c.u8()?, c.u8()?, c.u8()?, c.u8()?, c.u8()?);
        for _ in 0..6 {
            c.length()?;
        }
        let Some(index_block) = c.address()? else { return Ok(None) };
        let entry = Entry::new(&c, client, entry_size, wanted)?;
        let sound = (1..=64).contains(&bits)
            && smallest.is_power_of_two()
            && pointers.is_power_of_two()
            && pointers >= 2
            && page_bits < 32
            && u32::from(bits) >= smallest.ilog2();
        if !sound {
            return Err(c.corrupt("its parameters make no sense").into());
        }
        Ok(Some(Self {
            entry,
            bits: bits.into(),
            inline: inline.into(),
            smallest: smallest.into(),
            inline_supers: 2 * pointers.ilog2(),
            inline_blocks: 2 * (u64::from(pointers) - 1),
            per_page: 1 << page_bits,
            index_block,
        }))
    }

    /// Data blocks of a super block and entries of each.
    fn super_block(&self, number: u32) -> (u64, u64) {
        (1 << (number / 2), self.smallest << number.div_ceil(2))
    }

    fn prefix(&self, access: &Access<'_>, with_offset: bool) -> u64 {
        let offset = if with_offset { u64::from(self.bits.div_ceil(8)) } else { 0 };
        6 + u64::from(access.sizes().offset) + offset
    }

    /// The entry of one chunk.
    fn chunk(
        &self,
        wanted: &Wanted<'_>,
        blocks: &mut Blocks<'_, '_>,
        place: Vec<u64>,
    ) -> Step<Option<Chunk>> {
        let access = blocks.access;
        let width = u64::from(access.sizes().offset);
        let number = wanted.number(&place, wanted.unlimited())?;
        let supers = u64::from(1 + self.bits - self.smallest.ilog2());
        let prefix = self.prefix(access, false);
        let listed = supers.saturating_sub(self.inline_supers.into());
        let len = prefix + self.inline * self.entry.size + (self.inline_blocks + listed) * width + 4;
        let index = blocks.get(self.index_block, len, EXTENSIBLE, Some(*b"EAIB"))?;
        let index_cursor = |at: u64| access.cursor(&index, self.index_block, EXTENSIBLE).at(at as usize);
        let Some(behind) = number.checked_sub(self.inline) else {
            let mut c = index_cursor(prefix + number * self.entry.size)?;
            return Ok(self.entry.chunk(&mut c, place, wanted)?);
        };
        // Super block s starts behind (2^s - 1) times the smallest data block.
        let super_number = (behind / self.smallest).saturating_add(1).ilog2();
        if u64::from(super_number) >= supers {
            return Ok(None);
        }
        let within = behind - ((1u64 << super_number) - 1) * self.smallest;
        let (block_count, entries) = self.super_block(super_number);
        let (block, number) = (within / entries, within % entries);
        let blocks_at = prefix + self.inline * self.entry.size;
        let paged = entries > self.per_page;
        if super_number < self.inline_supers {
            let before: u64 = (0..super_number).map(|s| self.super_block(s).0).sum();
            let Some(address) = index_cursor(blocks_at + (before + block) * width)?.address()? else {
                return Ok(None);
            };
            return self.data_block(wanted, blocks, address, entries, number, place);
        }
        let listed_at =
            blocks_at + (self.inline_blocks + u64::from(super_number - self.inline_supers)) * width;
        let Some(address) = index_cursor(listed_at)?.address()? else { return Ok(None) };
        let prefix = self.prefix(access, true);
        let bitmap = if paged { entries.div_ceil(self.per_page).div_ceil(8) } else { 0 };
        let len = block_count.checked_mul(bitmap + width).and_then(|n| n.checked_add(prefix + 4));
        let len = len.ok_or_else(|| corrupt(EXTENSIBLE, address, "a super block is longer than any file"))?;
        let bytes = blocks.get(address, len, EXTENSIBLE, Some(*b"EASB"))?;
        // One data block's bits follow the other's without gaps, though there is room for whole bytes of each.
        let page = block * entries.div_ceil(self.per_page) + number / self.per_page;
        if paged && !bit(&bytes[prefix as usize..], page) {
            return Ok(None);
        }
        let at = prefix + block_count * bitmap + block * width;
        let Some(address) = access.cursor(&bytes, address, EXTENSIBLE).at(at as usize)?.address()? else {
            return Ok(None);
        };
        self.data_block(wanted, blocks, address, entries, number, place)
    }

    fn data_block(
        &self,
        wanted: &Wanted<'_>,
        blocks: &mut Blocks<'_, '_>,
        address: u64,
        entries: u64,
        number: u64,
        place: Vec<u64>,
    ) -> Step<Option<Chunk>> {
        let access = blocks.access;
        let prefix = self.prefix(access, true);
        let (bytes, at) = if entries > self.per_page {
            blocks.get(address, prefix + 4, EXTENSIBLE, Some(*b"EADB"))?;
            let start = address.saturating_add(prefix + 4);
            let pages = Pages { per_page: self.per_page, entries, start };
            let (bytes, number) = pages.page(blocks, number, self.entry, EXTENSIBLE)?;
            (bytes, number * self.entry.size)
        } else {
            let len = prefix + entries * self.entry.size + 4;
            (blocks.get(address, len, EXTENSIBLE, Some(*b"EADB"))?, prefix + number * self.entry.size)
        };
        let mut c = access.cursor(&bytes, address, EXTENSIBLE).at(at as usize)?;
        Ok(self.entry.chunk(&mut c, place, wanted)?)
    }
}

pub(super) fn extensible(wanted: &Wanted<'_>, access: &Access<'_>, address: u64) -> Step<Vec<Chunk>> {
    let mut blocks = Blocks { access, known: HashMap::new() };
    let Some(array) = Extensible::read(wanted, &mut blocks, address)? else { return Ok(Vec::new()) };
    let found = access.each(wanted.places(access)?, |place| array.chunk(wanted, &mut blocks, place))?;
    Ok(found.into_iter().flatten().collect())
}
