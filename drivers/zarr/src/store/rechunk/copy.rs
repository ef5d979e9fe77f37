//! Blocks of one array into the blocks of another one of the same shape.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zagg_core::store::{BlockWrite, Store, Written};
use zagg_core::{Context, Result, Values};

use crate::layout::Layout;
use crate::store::ZarrStore;
use crate::values;

/// Copies all blocks of an array. Those of the copy that a call which was cut off has left, and that have nothing in them now,
/// go.
pub(super) fn array(from: &ZarrStore, to: &ZarrStore, group: &str, array: &str) -> Result<Written> {
    let (source, target) = (from.layout(group, array)?, to.layout(group, array)?);
    let mut blocks: BTreeMap<Vec<u64>, Vec<Vec<u64>>> = BTreeMap::new();
    for block in from.stored_blocks(group, array)? {
        for made in touched(&source, &target, &block) {
            blocks.entry(made).or_default().push(block.clone());
        }
    }
    let stale: BTreeSet<Vec<u64>> =
        to.stored_blocks(group, array)?.into_iter().filter(|block| !blocks.contains_key(block)).collect();
    for block in stale {
        blocks.insert(block, Vec::new());
    }
    let path = format!("{group}/{array}");
    let mut written = Written::default();
    for (block, parts) in &blocks {
        let mut gathered = Gathered::new(&target, block);
        for parts in parts.chunks(source.batch()) {
            let codec = from.codec(group, array)?;
            let names: Vec<String> =
                parts.iter().map(|part| format!("{path}/{}", Layout::chunk_key(part))).collect();
            let found = from.store.get_all(&names, codec.max_encoded())?;
            for (part, bytes) in parts.iter().zip(&found) {
                let context = || format!("array {path}");
                if source.ragged.is_some() {
                    let lists = codec.decode_ragged(part, bytes.as_deref()).context(context)?;
                    gathered.add_lists(&source, part, &lists)?;
                } else {
                    let values = codec.decode(part, bytes.as_deref()).context(context)?;
                    gathered.add(&source, part, &values)?;
                }
            }
        }
        let (offsets, values) = gathered.finish()?;
        written += to.write_blocks(&[BlockWrite {
            group,
            array,
            block,
            offsets: offsets.as_deref(),
            values: &values,
        }])?;
    }
    Ok(written)
}

/// The blocks of the target that share elements with a block of the source.
fn touched(source: &Layout, target: &Layout, block: &[u64]) -> Vec<Vec<u64>> {
    let inside = source.inside(block);
    let mut all: Vec<Vec<u64>> = vec![Vec::new()];
    for (d, index) in block.iter().enumerate() {
        let start = index * source.block_shape[d];
        let size = target.block_shape[d];
        let made = start / size..=(start + inside[d].max(1) - 1) / size;
        all = all
            .iter()
            .flat_map(|before| made.clone().map(move |index| [&before[..], &[index]].concat()))
            .collect();
    }
    all
}

/// A block of the target as it fills up.
struct Gathered<'a> {
    target: &'a Layout,
    start: Vec<u64>,
    inside: Vec<u64>,
    values: Values,
    /// For lists: which of `lists` each cell has, and where in it.
    cells: Vec<(u32, u32)>,
    lists: Vec<(Vec<u64>, Vec<u8>)>,
}

/// A cell without a list.
const NONE: (u32, u32) = (u32::MAX, 0);

/// A box that blocks share: where it begins in the one and in the other, and its extent.
type Shared = (Vec<u64>, Vec<u64>, Vec<u64>);

impl<'a> Gathered<'a> {
    fn new(target: &'a Layout, block: &[u64]) -> Self {
        let start = start(target, block);
        let inside = target.inside(block);
        let elements = inside.iter().product::<u64>() as usize;
        let (values, cells) = match target.ragged {
            None => (values::repeat(&target.fill, elements), Vec::new()),
            Some(_) => (values::repeat(&target.fill, 0), vec![NONE; elements]),
        };
        Self { target, start, inside, values, cells, lists: Vec::new() }
    }

    fn shared(&self, source: &Layout, block: &[u64]) -> Shared {
        let (theirs, extent) = (start(source, block), source.inside(block));
        let ends = |start: &[u64], extent: &[u64]| -> Vec<Range<u64>> {
            start.iter().zip(extent).map(|(start, n)| *start..start + n).collect()
        };
        let (mut from, mut to, mut shared) = (Vec::new(), Vec::new(), Vec::new());
        for (a, b) in ends(&theirs, &extent).into_iter().zip(ends(&self.start, &self.inside)) {
            let (low, high) = (a.start.max(b.start), a.end.min(b.end));
            from.push(low - a.start);
            to.push(low - b.start);
            shared.push(high.saturating_sub(low));
        }
        (from, to, shared)
    }

    fn add(&mut self, source: &Layout, block: &[u64], values: &Values) -> Result<()> {
        let (from, to, extent) = self.shared(source, block);
        let inside = source.inside(block);
        values::copy_values(values, (&inside, &from), &mut self.values, (&self.inside, &to), &extent)
    }

    fn add_lists(&mut self, source: &Layout, block: &[u64], lists: &(Vec<u64>, Values)) -> Result<()> {
        let (from, to, extent) = self.shared(source, block);
        let inside = source.inside(block);
        let number = self.lists.len() as u32;
        let cells: Vec<(u32, u32)> =
            (0..lists.0.len().saturating_sub(1)).map(|at| (number, at as u32)).collect();
        values::copy_box(&cells, (&inside, &from), &mut self.cells, (&self.inside, &to), &extent)?;
        self.lists.push((lists.0.clone(), lists.1.to_le_bytes()));
        Ok(())
    }

    /// Offsets, for lists, and values.
    fn finish(self) -> Result<(Option<Vec<u64>>, Values)> {
        let Some(ragged) = &self.target.ragged else { return Ok((None, self.values)) };
        let item = ragged.item_elements().unwrap_or(1) as usize * self.target.dtype.size();
        let mut offsets = Vec::with_capacity(self.cells.len() + 1);
        let (mut end, mut bytes) = (0, Vec::new());
        offsets.push(0);
        for (number, at) in &self.cells {
            if let Some((theirs, list)) = self.lists.get(*number as usize)
                && let Some([first, last]) = theirs.get(*at as usize..*at as usize + 2)
            {
                end += last - first;
                bytes.extend_from_slice(&list[*first as usize * item..*last as usize * item]);
            }
            offsets.push(end);
        }
        Ok((Some(offsets), values::from_le_bytes(self.target.dtype, &bytes)?))
    }
}

/// The first element of a block in the array.
fn start(layout: &Layout, block: &[u64]) -> Vec<u64> {
    block.iter().zip(&layout.block_shape).map(|(index, size)| index * size).collect()
}
