//! Chunks: their filters, and the version-1 B-tree that finds them.

use crate::messages::UNDEFINED;
use crate::model::{Chunking, Dataset};

/// Children per node: twice the rank that version-0 superblocks imply for trees of chunks.
const NODE_CHILDREN: usize = 64;
/// The size and filter mask of a chunk, its first row and the offset inside an element (always 0).
const KEY_BYTES: usize = 4 + 4 + 8 + 8;
const NODE_BYTES: usize = 24 + NODE_CHILDREN * 8 + (NODE_CHILDREN + 1) * KEY_BYTES;

/// A stored chunk, or a node of the tree above some.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child {
    pub(crate) address: u64,
    /// Stored bytes of the (first) chunk.
    pub(crate) bytes: u32,
    /// The first row.
    pub(crate) row: u64,
}

/// The stored bytes of each chunk, in order of rows.
pub(crate) fn encode(dataset: &Dataset, chunking: &Chunking) -> Vec<Vec<u8>> {
    let width = dataset.values.width();
    let chunk_bytes = chunking.rows as usize * width;
    let fill = dataset.fill.map_or_else(|| vec![0; width], |fill| fill.values().bytes());
    let data = dataset.values.bytes();
    data.chunks(chunk_bytes)
        .map(|values| {
            let mut chunk = values.to_vec();
            chunk.extend(fill.iter().cycle().take(chunk_bytes - values.len()));
            if chunking.shuffle {
                chunk = shuffle(&chunk, width);
            }
            match chunking.deflate {
                Some(level) => miniz_oxide::deflate::compress_to_vec_zlib(&chunk, level),
                None => chunk,
            }
        })
        .collect()
}

/// All first bytes of the elements, then all second bytes, and so on.
fn shuffle(chunk: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|byte| chunk.iter().skip(byte).step_by(width).copied()).collect()
}

/// The tree over the chunks, to be put at `base`: its bytes and the address of its root. `end_row` is the
/// first row after the last chunk. Without chunks there is no tree.
pub(crate) fn tree(chunks: &[Child], end_row: u64, base: u64) -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    let mut level = 0;
    let mut children = chunks.to_vec();
    loop {
        match children.as_slice() {
            [] => return (out, UNDEFINED),
            [root] if level > 0 => return (out, root.address),
            _ => {}
        }
        let first = base + out.len() as u64;
        let nodes = children.len().div_ceil(NODE_CHILDREN);
        let address = |node: usize| first + (node * NODE_BYTES) as u64;
        let mut parents = Vec::with_capacity(nodes);
        for (node, members) in children.chunks(NODE_CHILDREN).enumerate() {
            let left = if node > 0 { address(node - 1) } else { UNDEFINED };
            let right = if node + 1 < nodes { address(node + 1) } else { UNDEFINED };
            // The key after the last child bounds the node: the first key of the next one.
            let bound =
                children.get((node + 1) * NODE_CHILDREN).map_or((0, end_row), |next| (next.bytes, next.row));
            write_node(&mut out, level, members, bound, [left, right]);
            parents.push(Child { address: address(node), ..members[0] });
        }
        children = parents;
        level += 1;
    }
}

fn write_node(out: &mut Vec<u8>, level: u8, members: &[Child], bound: (u32, u64), siblings: [u64; 2]) {
    let end = out.len() + NODE_BYTES;
    out.extend_from_slice(b"TREE");
    out.extend_from_slice(&[1, level]);
    out.extend_from_slice(&(members.len() as u16).to_le_bytes());
    for sibling in siblings {
        out.extend_from_slice(&sibling.to_le_bytes());
    }
    for child in members {
        write_key(out, child.bytes, child.row);
        out.extend_from_slice(&child.address.to_le_bytes());
    }
    write_key(out, bound.0, bound.1);
    // Nodes have room for all their children, used or not.
    out.resize(end, 0);
}

fn write_key(out: &mut Vec<u8>, bytes: u32, row: u64) {
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(&0_u32.to_le_bytes());
    out.extend_from_slice(&row.to_le_bytes());
    out.extend_from_slice(&0_u64.to_le_bytes());
}
