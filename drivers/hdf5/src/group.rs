//! Groups: finding a member by name, listing members, following paths.

use std::borrow::Cow;

use bytes::Bytes;
use zagg_core::Error;

use crate::access::{Access, Step, Stop};
use crate::btree_v2::{self, Tree};
use crate::checksum::lookup3;
use crate::cursor::Cursor;
use crate::fractal_heap::{self, Heap};
use crate::object_header::{ObjectHeader, kind};
use crate::{btree_v1, foresight, object_header};

/// Soft links followed on one path.
const MAX_SOFT_LINKS: u32 = 16;

/// What a member of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A group.
    Group,
    /// A dataset.
    Dataset,
    /// A datatype with a name of its own.
    NamedType,
    /// A link whose target does not exist, lies in another file, or is of no known kind.
    Unresolved,
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name within the group.
    pub name: String,
    /// What it is; soft links count as their target.
    pub kind: EntryKind,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The object header at an address.
    Hard(u64),
    /// Another path of this file.
    Soft(String),
    /// Another file, or something that only some applications know.
    Elsewhere,
}

/// A name and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) target: Target,
}

/// The steps of a path; empty ones and `.` mean nothing.
fn steps(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|step| !step.is_empty() && *step != ".")
}

/// Address of the object header at `path`, seen from the group `from`, or `None` when a link of the path does not exist.
fn resolve(access: &Access<'_>, root: u64, from: u64, path: &str) -> Step<Option<u64>> {
    // Names still to follow, the next one last.
    let mut ahead: Vec<Cow<'_, str>> = steps(path).rev().map(Cow::Borrowed).collect();
    let mut at = if path.starts_with('/') { root } else { from };
    let mut soft = 0;
    while let Some(name) = ahead.pop() {
        let header = ObjectHeader::read_until(access, at, |known| {
            Ok(known.find(kind::SYMBOL_TABLE).is_some()
                || dense_links(access, known)?.is_some()
                || compact_link(access, known, &name)?.is_some())
        });
        let header = header?.whole()?;
        let found = match lookup(access, &header, &name) {
            Err(Stop::Miss) => {
                foresight::follow(access, &header, &name, &ahead);
                return Err(Stop::Miss);
            }
            found => found?,
        };
        match found {
            None => return Ok(None),
            Some(Target::Hard(address)) => at = address,
            Some(Target::Soft(target)) => {
                soft += 1;
                if soft > MAX_SOFT_LINKS {
                    let problem = format!("over {MAX_SOFT_LINKS} soft links; they may run in a circle");
                    return Err(Error::corrupt(problem).into());
                }
                if target.starts_with('/') {
                    at = root;
                }
                ahead.extend(steps(&target).rev().map(|step| Cow::Owned(step.to_owned())));
            }
            Some(Target::Elsewhere) => {
                let problem = format!("{name} is a link to another file, which zagg does not follow");
                return Err(Error::unsupported(problem).into());
            }
        }
    }
    Ok(Some(at))
}

/// Address of the object header at `path`, or `None` when a link of the path does not exist.
pub(crate) fn address_of(access: &Access<'_>, root: u64, path: &str) -> Step<Option<u64>> {
    resolve(access, root, root, path)
}

/// What kind of object a header describes.
pub(crate) fn classify(header: &ObjectHeader) -> EntryKind {
    let has = |kind| header.find(kind).is_some();
    if has(kind::LAYOUT) && has(kind::DATASPACE) {
        EntryKind::Dataset
    } else if [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK, kind::GROUP_INFO].into_iter().any(has) {
        EntryKind::Group
    } else if has(kind::DATATYPE) {
        EntryKind::NamedType
    } else {
        EntryKind::Unresolved
    }
}

/// The link called `name` in a group.
pub(crate) fn lookup(access: &Access<'_>, header: &ObjectHeader, name: &str) -> Step<Option<Target>> {
    if let Some(link) = compact_link(access, header, name)? {
        return Ok(Some(link.target));
    }
    if let Some((heap, tree)) = dense_links(access, header)? {
        let (heap, tree) = heap_and_tree(access, heap, tree, 5)?;
        let hash = lookup3(name.as_bytes());
        let records = tree.equal(access, |record| leading_u32(record).cmp(&hash))?;
        let found = access.each(records, |record| {
            let (bytes, at) = heap.object(access, &record[4..])?;
            Ok(parse_link(&mut access.cursor(&bytes, at, "link"))?)
        })?;
        return Ok(found.into_iter().find(|link| link.name == name).map(|link| link.target));
    }
    if let Some(message) = header.find(kind::SYMBOL_TABLE) {
        return Ok(symbols(access, message, Some(name))?.pop().map(|link| link.target));
    }
    Ok(None)
}

/// All links of a group, in the order of their names.
pub(crate) fn links(access: &Access<'_>, header: &ObjectHeader) -> Step<Vec<Link>> {
    let mut links = Vec::new();
    for message in header.messages.iter().filter(|m| m.kind == kind::LINK) {
        links.push(parse_link(&mut access.cursor(&message.bytes, message.address, "link message"))?);
    }
    if let Some((heap, tree)) = dense_links(access, header)? {
        let (heap, tree) = heap_and_tree(access, heap, tree, 5)?;
        let mut records = Vec::new();
        tree.visit(access, &mut |_, _| true, &mut |record| {
            records.push(record.to_vec());
            Ok(())
        })?;
        links.extend(access.each(records, |record| {
            let (bytes, at) = heap.object(access, &record[4..])?;
            Ok(parse_link(&mut access.cursor(&bytes, at, "link"))?)
        })?);
    }
    if let Some(message) = header.find(kind::SYMBOL_TABLE) {
        links.extend(symbols(access, message, None)?);
    }
    links.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(links)
}

fn leading_u32(record: &[u8]) -> u32 {
    record.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The heap and the name index of links or attributes that are stored outside the header; both are asked for at once.
pub(crate) fn heap_and_tree(access: &Access<'_>, heap: u64, tree: u64, kind: u8) -> Step<(Heap, Tree)> {
    access.hint(Some(heap), fractal_heap::header_len(access));
    access.hint(Some(tree), btree_v2::header_len(access));
    let heap = Heap::read(access, heap);
    let index = Tree::read(access, tree);
    let (heap, index) = (heap?, index?);
    if index.kind != kind || index.record_size < 11 {
        return Err(btree_v1::broken(tree, &format!("is of kind {} instead of {kind}", index.kind)).into());
    }
    heap.hint_root(access);
    index.hint_root(access);
    Ok((heap, index))
}

/// The link called `name`, if it is in the header itself.
fn compact_link(access: &Access<'_>, header: &ObjectHeader, name: &str) -> zagg_core::Result<Option<Link>> {
    for message in header.messages.iter().filter(|m| m.kind == kind::LINK) {
        let link = parse_link(&mut access.cursor(&message.bytes, message.address, "link message"))?;
        if link.name == name {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Addresses of heap and name index, if the links are stored outside the header.
pub(crate) fn dense_links(
    access: &Access<'_>,
    header: &ObjectHeader,
) -> zagg_core::Result<Option<(u64, u64)>> {
    let Some(message) = header.find(kind::LINK_INFO) else { return Ok(None) };
    let mut c = access.cursor(&message.bytes, message.address, "link info");
    c.skip(1)?;
    let flags = c.u8()?;
    c.skip(if flags & 1 != 0 { 8 } else { 0 })?;
    Ok(c.address()?.zip(c.address()?))
}

fn parse_link(c: &mut Cursor<'_>) -> zagg_core::Result<Link> {
    match c.u8()? {
        1 => {}
        v => return Err(c.unsupported(format_args!("has version {v}"))),
    }
    let flags = c.u8()?;
    let kind = if flags & 8 != 0 { c.u8()? } else { 0 };
    c.skip(if flags & 4 != 0 { 8 } else { 0 })?;
    c.skip(if flags & 0x10 != 0 { 1 } else { 0 })?;
    let len = c.uint(1 << (flags & 3))?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let name = String::from_utf8_lossy(c.take(len)?).into_owned();
    let target = match kind {
        0 => Target::Hard(c.needed_address("a link's target")?),
        1 => {
            let len = usize::from(c.u16()?);
            Target::Soft(String::from_utf8_lossy(c.take(len)?).into_owned())
        }
        _ => Target::Elsewhere,
    };
    Ok(Link { name, target })
}

/// Members of an old-style group: all, or the one called `wanted`.
fn symbols(access: &Access<'_>, message: &object_header::Message, wanted: Option<&str>) -> Step<Vec<Link>> {
    let mut c = access.cursor(&message.bytes, message.address, "symbol table message");
    let (tree, heap) = (c.needed_address("the B-tree")?, c.needed_address("the name heap")?);
    let kind = btree_v1::group_kind(access);
    // Sixteen entries to each side are the library's default.
    btree_v1::hint(access, kind, Some(tree), 32);
    let names = local_heap(access, heap)?;
    let mut nodes = Vec::new();
    btree_v1::visit(
        access,
        kind,
        tree,
        &mut |before, after| {
            let Some(wanted) = wanted.map(str::as_bytes) else { return Ok(true) };
            // A child holds the names after the key before it, up to the key behind it.
            let (low, high) = (heap_string(&names, before.length()?), heap_string(&names, after.length()?));
            Ok(low.is_none_or(|low| low < wanted || low.is_empty()) && high.is_none_or(|high| wanted <= high))
        },
        &mut |_, child| {
            nodes.push(child);
            Ok(())
        },
    )?;
    let mut links: Vec<Link> =
        access.each(nodes, |node| symbol_node(access, node, &names))?.into_iter().flatten().collect();
    if let Some(wanted) = wanted {
        links.retain(|link| link.name == wanted);
    }
    Ok(links)
}

fn heap_string(names: &Bytes, at: u64) -> Option<&[u8]> {
    let rest = names.get(usize::try_from(at).ok()?..)?;
    rest.iter().position(|&b| b == 0).map(|end| &rest[..end])
}

/// The data segment of a local heap.
fn local_heap(access: &Access<'_>, address: u64) -> Step<Bytes> {
    const WHAT: &str = "local heap";
    let sizes = access.sizes();
    let len = 8 + 2 * u64::from(sizes.length) + u64::from(sizes.offset);
    let bytes = access.get(address, len, WHAT)?;
    let mut c = access.cursor(&bytes, address, WHAT);
    c.signature(*b"HEAP", 0)?;
    c.skip(3)?;
    let len = c.length()?;
    c.length()?;
    let data = c.needed_address("its data")?;
    access.get(data, len, WHAT)
}

fn symbol_node(access: &Access<'_>, address: u64, names: &Bytes) -> Step<Vec<Link>> {
    const WHAT: &str = "symbol table node";
    let width = usize::from(access.sizes().offset);
    let head = access.get(address, 8, WHAT)?;
    let mut c = access.cursor(&head, address, WHAT);
    c.signature(*b"SNOD", 1)?;
    c.skip(1)?;
    let count = u64::from(c.u16()?);
    let bytes = access.get(address, 8 + count * (2 * width as u64 + 24), WHAT)?;
    let mut c = access.cursor(&bytes, address, WHAT);
    c.skip(8)?;
    let mut links = Vec::new();
    for _ in 0..count {
        let name = c.uint(width)?;
        let header = c.address()?;
        let cached = c.u32()?;
        c.skip(4)?;
        let soft = u64::from(c.u32()?);
        c.skip(12)?;
        let text = |at| heap_string(names, at).map(|name| String::from_utf8_lossy(name).into_owned());
        let Some(name) = text(name) else {
            return Err(c.corrupt("a name lies outside its heap").into());
        };
        let target = match (cached, header) {
            (2, _) => text(soft).map(Target::Soft),
            (_, Some(header)) => Some(Target::Hard(header)),
            _ => None,
        };
        let Some(target) = target else {
            return Err(c.corrupt(format_args!("the link {name} leads nowhere")).into());
        };
        links.push(Link { name, target });
    }
    Ok(links)
}

/// The object header at `path` and its address, or `None` when a link of the path does not exist.
pub(crate) fn header_at(access: &Access<'_>, root: u64, path: &str) -> Step<Option<(u64, ObjectHeader)>> {
    match address_of(access, root, path)? {
        Some(address) => Ok(Some((address, ObjectHeader::read(access, address)?))),
        None => Ok(None),
    }
}

/// What a link leads to.
pub(crate) fn entry_kind(access: &Access<'_>, root: u64, group: u64, link: &Link) -> Step<EntryKind> {
    let address = match &link.target {
        Target::Hard(address) => Some(*address),
        Target::Soft(path) => resolve(access, root, group, path)?,
        Target::Elsewhere => None,
    };
    match address {
        Some(address) => Ok(classify(&ObjectHeader::read(access, address)?)),
        None => Ok(EntryKind::Unresolved),
    }
}
