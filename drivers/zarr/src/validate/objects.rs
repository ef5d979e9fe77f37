//! Which objects there are: metadata, blocks of known arrays, and nothing else.

use std::collections::BTreeMap;

use zagg_core::Result;

use super::findings::{Check, Findings};
use super::nodes::{Array, Nodes};
use crate::layout::Layout;
use crate::store::{NODE, ZarrStore};

/// Positions of the stored blocks of each array by its path, ascending.
pub(super) type Blocks = BTreeMap<String, Vec<Vec<u64>>>;

/// Lists the store and names what does not belong to it.
///
/// # Errors
/// When listing fails.
pub(super) fn list(store: &ZarrStore, nodes: &Nodes, findings: &mut Findings) -> Result<(Blocks, u64)> {
    let arrays: BTreeMap<&str, &Array> = nodes.arrays().map(|array| (array.path.as_str(), array)).collect();
    let mut blocks: Blocks = arrays.keys().map(|path| ((*path).to_owned(), Vec::new())).collect();
    let names = store.store.list("")?;
    for name in &names {
        match place(nodes, name) {
            Place::Node => {}
            Place::Block(path, position) => match (arrays.get(path), blocks.get_mut(path)) {
                (Some(array), Some(blocks)) if array.layout.check_block(&position).is_ok() => {
                    blocks.push(position);
                }
                (Some(array), _) => {
                    let count = array.layout.blocks();
                    findings.add(
                        Check::Objects,
                        name,
                        format!("lies outside its array, which has {count:?} blocks"),
                    );
                }
                // Without the metadata of its array, which are missed already, nothing can be said.
                (None, _) => {}
            },
            Place::Stray => findings.add(Check::Objects, name, "is no part of the store"),
        }
    }
    blocks.values_mut().for_each(|blocks| blocks.sort_unstable());
    Ok((blocks, names.len() as u64))
}

enum Place<'a> {
    Node,
    /// Path of the array and position of the block.
    Block(&'a str, Vec<u64>),
    Stray,
}

fn place<'a>(nodes: &Nodes, name: &'a str) -> Place<'a> {
    if name == NODE {
        return Place::Node;
    }
    let Some((group, below)) = name.split_once('/') else { return Place::Stray };
    let Some(arrays) = nodes.named.get(group) else { return Place::Stray };
    if below == NODE {
        return Place::Node;
    }
    let Some((array, below)) = below.split_once('/') else { return Place::Stray };
    if !arrays.iter().any(|name| name == array) {
        return Place::Stray;
    }
    if below == NODE {
        return Place::Node;
    }
    let mut parts = below.split('/');
    if parts.next() != Some("c") {
        return Place::Stray;
    }
    // Only the one spelling of a position counts: no `+1`, no `01`.
    match parts.map(|index| index.parse().ok()).collect::<Option<Vec<u64>>>() {
        Some(position) if Layout::chunk_key(&position) == below => {
            Place::Block(&name[..group.len() + 1 + array.len()], position)
        }
        _ => Place::Stray,
    }
}
