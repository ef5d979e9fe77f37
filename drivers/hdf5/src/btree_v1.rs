//! Version-1 B-trees: members of old groups, and the chunk index of most files.

use zagg_core::Result;

use crate::access::{Access, Step, Stop};
use crate::cursor::{Cursor, corrupt};

const WHAT: &str = "B-tree node";

/// What a tree holds and how long its keys are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// 0 for groups, 1 for chunks.
    pub(crate) number: u8,
    /// Bytes of a key.
    pub(crate) key: usize,
    pub(crate) what: &'static str,
}

/// Bytes of a node with `entries` children.
fn node_len(access: &Access<'_>, kind: Kind, entries: u64) -> u64 {
    let address = u64::from(access.sizes().offset);
    8 + 2 * address + entries * (kind.key as u64 + address) + kind.key as u64
}

/// Notes a node of the usual capacity for the next fetch.
pub(crate) fn hint(access: &Access<'_>, kind: Kind, address: Option<u64>, entries: u64) {
    access.hint(address, node_len(access, kind, entries));
}

/// Hands the key before, the key after and the address of every leaf's child to `take`, in order, but for subtrees
/// that `descend` declines by the keys around them.
pub(crate) fn visit(
    access: &Access<'_>,
    kind: Kind,
    root: u64,
    descend: &mut dyn FnMut(&mut Cursor<'_>, &mut Cursor<'_>) -> Result<bool>,
    take: &mut dyn FnMut(&mut Cursor<'_>, u64) -> Result<()>,
) -> Step<()> {
    node(access, kind, root, None, descend, take)
}

fn node(
    access: &Access<'_>,
    kind: Kind,
    address: u64,
    expected_level: Option<u8>,
    descend: &mut dyn FnMut(&mut Cursor<'_>, &mut Cursor<'_>) -> Result<bool>,
    take: &mut dyn FnMut(&mut Cursor<'_>, u64) -> Result<()>,
) -> Step<()> {
    let head = access.get(address, node_len(access, kind, 0) - kind.key as u64, kind.what)?;
    let mut c = access.cursor(&head, address, kind.what);
    if c.take(4)? != b"TREE" {
        return Err(c.corrupt("has no signature TREE").into());
    }
    let (number, level, entries) = (c.u8()?, c.u8()?, c.u16()?);
    if number != kind.number {
        return Err(c.corrupt(format_args!("is of kind {number} instead of {}", kind.number)).into());
    }
    // Levels count down to 0, so that no path runs in a circle.
    if expected_level.is_some_and(|expected| expected != level) || level > 32 {
        return Err(c.corrupt(format_args!("is at level {level}, where no such level can be")).into());
    }
    if entries == 0 {
        return Ok(());
    }
    let bytes = access.get(address, node_len(access, kind, entries.into()), kind.what)?;
    let width = usize::from(access.sizes().offset);
    let first = 8 + 2 * width;
    let mut missed = false;
    for entry in 0..usize::from(entries) {
        let at = first + entry * (kind.key + width);
        let whole = || access.cursor(&bytes, address, kind.what);
        let mut before = whole().at(at)?;
        let child = whole().at(at + kind.key)?.needed_address("a child")?;
        let mut after = whole().at(at + kind.key + width)?;
        if !descend(&mut before.clone(), &mut after)? {
            continue;
        }
        if level == 0 {
            take(&mut before, child)?;
            continue;
        }
        match node(access, kind, child, Some(level - 1), descend, take) {
            Err(Stop::Miss) => missed = true,
            other => other?,
        }
    }
    if missed { Err(Stop::Miss) } else { Ok(()) }
}

/// The nodes of a group's tree.
pub(crate) fn group_kind(access: &Access<'_>) -> Kind {
    Kind { number: 0, key: usize::from(access.sizes().length), what: "group B-tree node" }
}

/// The nodes of a chunk index; keys have one offset per dimension and one for the element.
pub(crate) fn chunk_kind(rank: usize) -> Kind {
    Kind { number: 1, key: 8 + 8 * (rank + 1), what: "chunk B-tree node" }
}

/// An error about a whole tree.
pub(crate) fn broken(address: u64, problem: &str) -> zagg_core::Error {
    corrupt(WHAT, address, problem)
}
