//! Version-2 B-trees: indexes of links, attributes, large heap objects and chunks.

use std::cmp::Ordering;

use bytes::Bytes;
use zagg_core::Result;

use crate::access::{Access, Step, Stop};
use crate::checksum;
use crate::cursor::{corrupt, width_of};

const WHAT: &str = "B-tree header";
const NODE: &str = "B-tree node";

/// Depth that no file reaches: every level multiplies the records.
const MAX_DEPTH: u16 = 32;

/// The header of a tree.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) kind: u8,
    pub(crate) record_size: u16,
    node_size: u32,
    depth: u16,
    root: Option<u64>,
    root_records: u16,
    address: u64,
}

/// Length of a tree's header.
pub(crate) fn header_len(access: &Access<'_>) -> u64 {
    22 + u64::from(access.sizes().offset) + u64::from(access.sizes().length)
}

/// Whether a subtree between two records (none at an end) may hold what is looked for.
pub(crate) type Descend<'a> = dyn FnMut(Option<&[u8]>, Option<&[u8]>) -> bool + 'a;

impl Tree {
    /// Reads the header at `address`.
    pub(crate) fn read(access: &Access<'_>, address: u64) -> Step<Self> {
        let bytes = access.get(address, header_len(access), WHAT)?;
        let mut c = access.cursor(&bytes, address, WHAT);
        c.signature(*b"BTHD", 0)?;
        checksum::verify(&bytes, WHAT, address)?;
        let (kind, node_size, record_size, depth) = (c.u8()?, c.u32()?, c.u16()?, c.u16()?);
        c.skip(2)?;
        let (root, root_records) = (c.address()?, c.u16()?);
        if record_size == 0 || node_size < 16 || depth > MAX_DEPTH {
            return Err(c.corrupt("its sizes make no sense").into());
        }
        Ok(Self { kind, record_size, node_size, depth, root, root_records, address })
    }

    /// Notes the root node for the next fetch.
    pub(crate) fn hint_root(&self, access: &Access<'_>) {
        if self.root_records > 0 {
            access.hint(self.root, u64::from(self.node_size));
        }
    }

    /// Hands every record to `take`, in order, but for subtrees that `descend` declines.
    pub(crate) fn visit(
        &self,
        access: &Access<'_>,
        descend: &mut Descend<'_>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Step<()> {
        let Some(root) = self.root.filter(|_| self.root_records > 0) else { return Ok(()) };
        let widths = self.widths(access)?;
        self.node(access, root, self.root_records.into(), self.depth, &widths, descend, take)
    }

    /// Width of record counts, and of the counts of whole subtrees by level of the child.
    fn widths(&self, access: &Access<'_>) -> Step<Vec<(usize, usize)>> {
        let (node, record) = (u64::from(self.node_size), u64::from(self.record_size));
        let most = node.saturating_sub(10) / record;
        let count = width_of(most);
        let mut total = most;
        let mut widths = vec![(count, 0)];
        for _ in 1..self.depth {
            let last = widths.last().map_or(0, |w| w.1);
            let pointer = u64::from(access.sizes().offset) + count as u64 + last as u64;
            let most = node.saturating_sub(10 + pointer) / (record + pointer);
            total = most.saturating_add(1).saturating_mul(total).saturating_add(most);
            widths.push((count, width_of(total)));
        }
        Ok(widths)
    }

    #[allow(clippy::too_many_arguments)] // Recursion carries the place, the limits and the two visitors.
    fn node(
        &self,
        access: &Access<'_>,
        address: u64,
        records: u64,
        depth: u16,
        widths: &[(usize, usize)],
        descend: &mut Descend<'_>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Step<()> {
        let record = usize::from(self.record_size);
        let body = records * record as u64;
        let (count, total) = match depth {
            0 => (0, 0),
            _ => widths.get(usize::from(depth) - 1).copied().unwrap_or_default(),
        };
        let pointer = u64::from(access.sizes().offset) + (count + total) as u64;
        let len = 10 + body + if depth > 0 { (records + 1) * pointer } else { 0 };
        if len > u64::from(self.node_size) {
            return Err(corrupt(NODE, address, "has more records than fit its size").into());
        }
        let bytes: Bytes = access.get(address, len, NODE)?;
        let mut c = access.cursor(&bytes, address, NODE);
        c.signature(if depth == 0 { *b"BTLF" } else { *b"BTIN" }, 0)?;
        if c.u8()? != self.kind {
            let problem = format_args!("is of another kind than the tree at {}", self.address);
            return Err(c.corrupt(problem).into());
        }
        checksum::verify(&bytes, NODE, address)?;
        let keys: Vec<&[u8]> = c.take(body as usize)?.chunks_exact(record).collect();
        let mut missed = false;
        for place in 0..=keys.len() {
            if depth > 0 {
                let child = c.needed_address("a child")?;
                let child_records = c.uint(count)?;
                c.skip(total)?;
                let (before, after) = (place.checked_sub(1).map(|i| keys[i]), keys.get(place).copied());
                if descend(before, after) {
                    match self.node(access, child, child_records, depth - 1, widths, descend, take) {
                        Err(Stop::Miss) => missed = true,
                        other => other?,
                    }
                }
            }
            if let Some(key) = keys.get(place) {
                take(key)?;
            }
        }
        if missed { Err(Stop::Miss) } else { Ok(()) }
    }

    /// The records for which `order` says equal, by an ordering the tree is sorted by.
    pub(crate) fn equal(&self, access: &Access<'_>, order: impl Fn(&[u8]) -> Ordering) -> Step<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        let mut descend = |before: Option<&[u8]>, after: Option<&[u8]>| {
            before.is_none_or(|key| order(key) != Ordering::Greater)
                && after.is_none_or(|key| order(key) != Ordering::Less)
        };
        self.visit(access, &mut descend, &mut |record| {
            if order(record) == Ordering::Equal {
                found.push(record.to_vec());
            }
            Ok(())
        })?;
        Ok(found)
    }
}
