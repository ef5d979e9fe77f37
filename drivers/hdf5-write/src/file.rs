//! The file as a whole: objects one after the other, children before their group, the superblock last.

use zagg_core::error::{Context, Error, Result};

use crate::checksum::lookup3;
use crate::chunks::{self, Child};
use crate::messages::{self, Allocation, Message, UNDEFINED};
use crate::model::{Chunking, Dataset, Group, Layout, Node};

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
const SUPERBLOCK_BYTES: usize = 96;
/// Groups inside groups; far beyond any real file, and far below what the stack holds.
const MAX_DEPTH: usize = 64;

/// The HDF5 file with the given root group.
///
/// # Errors
/// Input errors for what the format cannot hold: bad names, attributes or compact datasets of 64 KiB and
/// more, strings longer than their width, a fill value of another type than the dataset, chunks without
/// rows, an unknown deflate level.
pub fn write_file(root: &Group) -> Result<Vec<u8>> {
    let mut writer = Writer { out: vec![0; SUPERBLOCK_BYTES] };
    let root = writer.group(root, 0)?;
    let end = writer.out.len() as u64;
    writer.out[..SUPERBLOCK_BYTES].copy_from_slice(&superblock(root, end));
    Ok(writer.out)
}

fn superblock(root: u64, end: u64) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    // Versions of the superblock, free space, root entry and shared messages; addresses and lengths of 8 bytes.
    out.extend_from_slice(&[0, 0, 0, 0, 0, 8, 8, 0]);
    // Ranks of the trees of groups (4 and 16, the defaults); no flags.
    out.extend_from_slice(&[4, 0, 16, 0, 0, 0, 0, 0]);
    // Base address, free space, end of the file, driver information, name of the root, header of the root.
    for address in [0, UNDEFINED, end, UNDEFINED, 0, root] {
        out.extend_from_slice(&address.to_le_bytes());
    }
    // Nothing about the root is cached in its entry.
    out.resize(SUPERBLOCK_BYTES, 0);
    out
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Appends bytes at the next multiple of eight and says where.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        let address = self.out.len() as u64;
        self.out.extend_from_slice(bytes);
        address
    }

    fn group(&mut self, group: &Group, depth: usize) -> Result<u64> {
        if depth > MAX_DEPTH {
            return Err(Error::input(format!(
                "groups are nested more than {MAX_DEPTH} deep: flatten the tree"
            )));
        }
        let mut messages = Vec::from(messages::group_info()?);
        for (name, value) in &group.attributes {
            messages.push(messages::attribute(name, value)?);
        }
        for (name, node) in &group.members {
            let address = match node {
                Node::Group(group) => self.group(group, depth + 1),
                Node::Dataset(dataset) => self.dataset(dataset),
            };
            messages.push(messages::link(name, address.context(|| name)?)?);
        }
        Ok(self.put(&header_v2(&messages)?))
    }

    fn dataset(&mut self, dataset: &Dataset) -> Result<u64> {
        check(dataset)?;
        let width = dataset.values.width();
        let rows = dataset.values.len();
        let chunking = if let Layout::Chunked(chunking) = &dataset.layout { Some(chunking) } else { None };
        let allocation = match dataset.layout {
            Layout::Compact => Allocation::Early,
            Layout::Contiguous => Allocation::Late,
            Layout::Chunked(_) => Allocation::Incremental,
        };
        let mut messages = vec![
            messages::dataspace(rows, chunking.is_some())?,
            messages::datatype(&dataset.values)?,
            messages::fill_value(dataset.fill, allocation)?,
        ];
        match chunking {
            Some(chunking) => {
                messages.extend(messages::filters(chunking, width)?);
                let tree = self.chunks(dataset, chunking)?;
                messages.push(messages::chunked_layout(tree, chunking.rows, width)?);
            }
            None => {
                let data = dataset.values.bytes();
                messages.push(match dataset.layout {
                    Layout::Compact => messages::compact_layout(&data)?,
                    _ if data.is_empty() => messages::contiguous_layout(UNDEFINED, 0)?,
                    _ => messages::contiguous_layout(self.put(&data), data.len())?,
                });
            }
        }
        for (name, value) in &dataset.attributes {
            messages.push(messages::attribute(name, value)?);
        }
        let header = header_v1(&messages)?;
        Ok(self.put(&header))
    }

    /// Puts the chunks and their tree; the answer is the address of the tree.
    fn chunks(&mut self, dataset: &Dataset, chunking: &Chunking) -> Result<u64> {
        let mut children = Vec::new();
        let mut row = 0;
        for chunk in chunks::encode(dataset, chunking) {
            let bytes = u32::try_from(chunk.len())
                .map_err(|_| Error::input("a chunk of 4 GiB or more: use fewer rows per chunk"))?;
            children.push(Child { address: self.put(&chunk), bytes, row });
            row += u64::from(chunking.rows);
        }
        let base = self.put(&[]);
        let (tree, root) = chunks::tree(&children, row, base);
        self.put(&tree);
        Ok(root)
    }
}

fn check(dataset: &Dataset) -> Result<()> {
    messages::check_text(&dataset.values)?;
    if let Some(fill) = dataset.fill
        && std::mem::discriminant(&fill.values()) != std::mem::discriminant(&dataset.values)
    {
        return Err(Error::input(format!("the fill value {fill:?} is not of the type of the dataset")));
    }
    if let Layout::Chunked(chunking) = &dataset.layout {
        if chunking.rows == 0 {
            return Err(Error::input("chunks of 0 rows: use at least 1"));
        }
        // The padding of the last chunk is built in memory whatever the length of the dataset.
        if chunking.rows as usize * dataset.values.width() > 1 << 30 {
            return Err(Error::input("a chunk of more than 1 GiB: use fewer rows per chunk"));
        }
        if let Some(level) = chunking.deflate.filter(|level| !(1..=9).contains(level)) {
            return Err(Error::input(format!("deflate level {level} does not exist: use 1 to 9")));
        }
    }
    Ok(())
}

/// A version-1 object header: messages padded to eight bytes, no checksum.
fn header_v1(messages: &[Message]) -> Result<Vec<u8>> {
    let count = u16::try_from(messages.len()).map_err(|_| too_large())?;
    let mut body = Vec::new();
    for message in messages {
        let size = message.body.len().next_multiple_of(8);
        body.extend_from_slice(&u16::from(message.kind).to_le_bytes());
        body.extend_from_slice(&u16::try_from(size).map_err(|_| too_large())?.to_le_bytes());
        body.extend_from_slice(&[message.flags, 0, 0, 0]);
        body.extend_from_slice(&message.body);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut out = vec![1, 0];
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&1_u32.to_le_bytes());
    out.extend_from_slice(&u32::try_from(body.len()).map_err(|_| too_large())?.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&body);
    Ok(out)
}

/// A version-2 object header: unpadded messages, and a checksum.
fn header_v2(messages: &[Message]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for message in messages {
        body.push(message.kind);
        body.extend_from_slice(&u16::try_from(message.body.len()).map_err(|_| too_large())?.to_le_bytes());
        body.push(message.flags);
        body.extend_from_slice(&message.body);
    }
    // Flag 2: the size of the messages takes four bytes.
    let mut out = b"OHDR\x02\x02".to_vec();
    out.extend_from_slice(&u32::try_from(body.len()).map_err(|_| too_large())?.to_le_bytes());
    out.extend_from_slice(&body);
    out.extend_from_slice(&lookup3(&out).to_le_bytes());
    Ok(out)
}

fn too_large() -> Error {
    Error::input("an hdf5 object has too many or too large attributes or members: use fewer")
}

#[cfg(test)]
mod tests;
