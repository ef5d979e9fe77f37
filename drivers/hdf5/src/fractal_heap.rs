//! Fractal heaps: where new-style groups keep many links and objects keep many attributes.

use std::cell::RefCell;
use std::collections::HashMap;

use bytes::Bytes;
use zagg_core::Error;

use crate::access::{Access, Step};
use crate::btree_v2::Tree;
use crate::checksum;
use crate::cursor::{Cursor, corrupt, width_of};

const WHAT: &str = "fractal heap";
const INDIRECT: &str = "fractal heap indirect block";
const OBJECT: &str = "fractal heap object";

/// Rows of an indirect block that the format can need: sizes double from row to row.
const MAX_ROWS: u16 = 64;

/// The header of a heap.
#[derive(Debug)]
pub(crate) struct Heap {
    address: u64,
    id_len: u16,
    filtered: bool,
    max_managed: u64,
    huge_tree: Option<u64>,
    width: u16,
    start_block: u64,
    max_direct: u64,
    offset_bits: u16,
    root: Option<u64>,
    root_rows: u16,
    /// Indirect blocks that have been checked.
    indirect: RefCell<HashMap<u64, Bytes>>,
}

/// Length of a heap's header without filters.
pub(crate) fn header_len(access: &Access<'_>) -> u64 {
    let sizes = access.sizes();
    26 + 3 * u64::from(sizes.offset) + 12 * u64::from(sizes.length)
}

impl Heap {
    /// Reads the header at `address`.
    pub(crate) fn read(access: &Access<'_>, address: u64) -> Step<Self> {
        let len = header_len(access);
        let bytes = access.get(address, len, WHAT)?;
        let mut c = access.cursor(&bytes, address, WHAT);
        c.signature(*b"FRHP", 0)?;
        let (id_len, filter_len) = (c.u16()?, c.u16()?);
        c.skip(1)?;
        let max_managed = u64::from(c.u32()?);
        c.length()?;
        let huge_tree = c.address()?;
        c.length()?;
        c.address()?;
        for _ in 0..8 {
            c.length()?;
        }
        let width = c.u16()?;
        let (start_block, max_direct) = (c.length()?, c.length()?);
        let offset_bits = c.u16()?;
        c.skip(2)?;
        let root = c.address()?;
        let root_rows = c.u16()?;
        let filtered = filter_len > 0;
        if !filtered {
            checksum::verify(&bytes, WHAT, address)?;
        }
        let sound = start_block.is_power_of_two()
            && max_direct.is_power_of_two()
            && start_block <= max_direct
            && (1..=1024).contains(&width)
            && (1..=64).contains(&offset_bits)
            && root_rows <= MAX_ROWS;
        if !sound {
            return Err(c.corrupt("the sizes of its blocks make no sense").into());
        }
        Ok(Self {
            address,
            id_len,
            filtered,
            max_managed,
            huge_tree,
            width,
            start_block,
            max_direct,
            offset_bits,
            root,
            root_rows,
            indirect: RefCell::default(),
        })
    }

    /// Notes the root block for the next fetch.
    pub(crate) fn hint_root(&self, access: &Access<'_>) {
        let len =
            if self.root_rows == 0 { self.start_block } else { self.indirect_len(access, self.root_rows) };
        access.hint(self.root, len);
    }

    /// The object with the given heap id and the address where its bytes lie.
    pub(crate) fn object(&self, access: &Access<'_>, id: &[u8]) -> Step<(Bytes, u64)> {
        let mut c = access.cursor(id, self.address, "fractal heap id");
        let first = c.u8()?;
        if first >> 6 != 0 {
            return Err(c.unsupported(format_args!("has version {}", first >> 6)).into());
        }
        match (first >> 4) & 3 {
            0 => {
                let offset = c.uint(usize::from(self.offset_bits).div_ceil(8))?;
                let by_block = (self.max_direct.ilog2() as usize).div_ceil(8);
                let len = c.uint(by_block.max(1).min(width_of(self.max_managed)))?;
                self.managed(access, offset, len)
            }
            1 => self.huge(access, &mut c),
            2 => {
                let len = if self.id_len <= 17 {
                    usize::from(first & 15) + 1
                } else {
                    ((usize::from(first & 15) << 8) | usize::from(c.u8()?)) + 1
                };
                Ok((Bytes::copy_from_slice(c.take(len)?), self.address))
            }
            _ => Err(c.corrupt("is of an unknown type").into()),
        }
    }

    fn managed(&self, access: &Access<'_>, offset: u64, len: u64) -> Step<(Bytes, u64)> {
        if self.filtered {
            let problem = format!("{WHAT} at offset {}: its blocks are compressed", self.address);
            return Err(Error::unsupported(problem).into());
        }
        let Some(root) = self.root else {
            return Err(corrupt(WHAT, self.address, "an object is asked of an empty heap").into());
        };
        let (block, start, size) = if self.root_rows == 0 {
            (root, 0, self.start_block)
        } else {
            self.direct_block(access, root, self.root_rows, 0, offset, 0)?
        };
        let within = offset - start;
        if within.checked_add(len).is_none_or(|end| end > size) {
            let problem = format_args!("object {offset}+{len} passes the end of its block");
            return Err(corrupt(WHAT, self.address, problem).into());
        }
        let at = block.saturating_add(within);
        Ok((access.get(at, len, OBJECT)?, at))
    }

    /// Size of the blocks in a row.
    fn row_size(&self, row: u16) -> Option<u64> {
        let doublings = u32::from(row.saturating_sub(1));
        self.start_block.checked_mul(1u64.checked_shl(doublings)?)
    }

    fn direct_rows(&self) -> u16 {
        (self.max_direct.ilog2() - self.start_block.ilog2() + 2) as u16
    }

    fn indirect_len(&self, access: &Access<'_>, rows: u16) -> u64 {
        let address = u64::from(access.sizes().offset);
        let entries = u64::from(rows) * u64::from(self.width);
        5 + address + u64::from(self.offset_bits).div_ceil(8) + entries * address + 4
    }

    /// Finds the direct block that holds heap offset `wanted`: its address, first heap offset and size.
    fn direct_block(
        &self,
        access: &Access<'_>,
        address: u64,
        rows: u16,
        first: u64,
        wanted: u64,
        depth: u32,
    ) -> Step<(u64, u64, u64)> {
        let broken = |problem: &str| corrupt(INDIRECT, address, problem);
        if depth > 16 {
            return Err(broken("blocks are nested too deep").into());
        }
        let known = self.indirect.borrow().get(&address).cloned();
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let bytes = access.get(address, self.indirect_len(access, rows), INDIRECT)?;
                access.cursor(&bytes, address, INDIRECT).signature(*b"FHIB", 0)?;
                checksum::verify(&bytes, INDIRECT, address)?;
                self.indirect.borrow_mut().insert(address, bytes.clone());
                bytes
            }
        };
        let mut start = first;
        for row in 0..rows {
            let size = self.row_size(row).ok_or_else(|| broken("a row has blocks beyond any size"))?;
            let row_len = size.checked_mul(u64::from(self.width)).and_then(|len| start.checked_add(len));
            let end = row_len.ok_or_else(|| broken("its rows pass the end of all numbers"))?;
            if wanted >= end {
                start = end;
                continue;
            }
            let column = (wanted - start) / size;
            let entry = u64::from(row) * u64::from(self.width) + column;
            let width = u64::from(access.sizes().offset);
            let header = 5 + width + u64::from(self.offset_bits).div_ceil(8);
            let mut c: Cursor<'_> = access.cursor(&bytes, address, INDIRECT);
            c.skip((header + entry * width) as usize)?;
            let child = c.needed_address("a block")?;
            let start = start + column * size;
            if row < self.direct_rows() {
                return Ok((child, start, size));
            }
            // A child of this size has as many rows as cover it.
            let base = self.start_block.saturating_mul(u64::from(self.width)).max(1);
            let rows = (size / base).max(1).ilog2() as u16 + 1;
            return self.direct_block(access, child, rows.min(MAX_ROWS), start, wanted, depth + 1);
        }
        Err(broken("an object lies behind its last row").into())
    }

    /// An object too large for the heap's blocks, stored on its own.
    fn huge(&self, access: &Access<'_>, id: &mut Cursor<'_>) -> Step<(Bytes, u64)> {
        if self.filtered {
            return Err(id.unsupported("speaks of a compressed object").into());
        }
        let sizes = access.sizes();
        let direct = usize::from(sizes.offset) + usize::from(sizes.length);
        if usize::from(self.id_len) > direct {
            let (address, len) = (id.needed_address("a large object")?, id.length()?);
            return Ok((access.get(address, len, OBJECT)?, address));
        }
        let key = id.uint(id.remaining().min(usize::from(sizes.length)))?;
        let Some(tree) = self.huge_tree else {
            return Err(id.corrupt("speaks of a large object in a heap without any").into());
        };
        let tree = Tree::read(access, tree)?;
        let mut found = None;
        tree.visit(access, &mut |_, _| true, &mut |record| {
            let mut c = access.cursor(record, self.address, OBJECT);
            let (address, len, number) = (c.address()?, c.length()?, c.length()?);
            if number == key {
                found = address.map(|address| (address, len));
            }
            Ok(())
        })?;
        match found {
            Some((address, len)) => Ok((access.get(address, len, OBJECT)?, address)),
            None => Err(id.corrupt(format_args!("there is no large object {key}")).into()),
        }
    }
}
