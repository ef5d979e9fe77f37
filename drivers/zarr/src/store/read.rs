//! Reading a store back, for people and tests. Stores are not trusted: sizes are bounded, damage is an error.

use serde_json::{Map, Value};
use zagg_core::store::{Compression, RaggedSpec, StoreState};
use zagg_core::{Context, DType, Error, Result, Values};

use super::{NODE, ZarrStore};
use crate::layout::{Layout, MAX_BLOCK_BYTES};
use crate::values;

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How far it is.
    pub state: StoreState,
    /// The hash of its template.
    pub template: String,
    /// Attributes of the root.
    pub attributes: Map<String, Value>,
    /// Whether the root holds the metadata of all nodes.
    pub consolidated: bool,
    /// Its groups, by name.
    pub groups: Vec<GroupSummary>,
}

/// What a group says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSummary {
    /// Name below the root.
    pub name: String,
    /// Attributes.
    pub attributes: Map<String, Value>,
    /// Its arrays, by name.
    pub arrays: Vec<ArraySummary>,
}

/// What an array says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ArraySummary {
    /// Name within the group.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// One value: that of every element that was never written.
    pub fill: Values,
    /// For an array whose cells hold lists: the shape of an item. Shapes count cells then, the fill value says nothing.
    pub ragged: Option<RaggedSpec>,
    /// Names of the dimensions.
    pub dimensions: Vec<String>,
    /// Elements along each dimension.
    pub shape: Vec<u64>,
    /// Elements along each dimension of one block, which is one object.
    pub block_shape: Vec<u64>,
    /// Elements along each dimension of one chunk.
    pub chunk_shape: Vec<u64>,
    /// Compression of chunks.
    pub compression: Compression,
    /// Attributes.
    pub attributes: Map<String, Value>,
}

impl ZarrStore {
    /// State, groups and arrays of the store.
    ///
    /// # Errors
    /// When there is no store, zagg did not make it, or its metadata are damaged.
    pub fn inspect(&self) -> Result<Summary> {
        let root = self.existing_root()?;
        let mut groups = Vec::with_capacity(root.groups.len());
        for (name, arrays) in &root.groups {
            let document = self
                .metadata(&format!("{name}/{NODE}"))?
                .ok_or_else(|| Error::corrupt(format!("store {}: group {name} is missing", self.location)))?;
            let arrays = arrays.iter().map(|array| self.summary(name, array)).collect::<Result<_>>()?;
            groups.push(GroupSummary { name: name.clone(), attributes: attributes(&document), arrays });
        }
        Ok(Summary {
            state: root.state,
            template: root.template,
            attributes: attributes(&root.document),
            consolidated: root.document.contains_key("consolidated_metadata"),
            groups,
        })
    }

    fn summary(&self, group: &str, array: &str) -> Result<ArraySummary> {
        let layout = self.layout(group, array)?;
        Ok(ArraySummary {
            name: array.to_owned(),
            dtype: layout.dtype,
            fill: layout.fill,
            ragged: layout.ragged,
            dimensions: layout.dimensions,
            shape: layout.shape,
            block_shape: layout.block_shape,
            chunk_shape: layout.chunk_shape,
            compression: layout.compression,
            attributes: layout.attributes,
        })
    }

    /// Positions of the blocks of an array that are stored, ascending; all others are fill.
    ///
    /// # Errors
    /// When there is no such array, or listing fails.
    pub fn stored_blocks(&self, group: &str, array: &str) -> Result<Vec<Vec<u64>>> {
        let codec = self.codec(group, array)?;
        let prefix = format!("{group}/{array}/c");
        let mut blocks: Vec<Vec<u64>> = self
            .store
            .list(&prefix)?
            .iter()
            .filter_map(|name| {
                let indices = name.strip_prefix(&prefix)?.split('/').skip(1);
                let block = indices.map(|index| index.parse().ok()).collect::<Option<Vec<u64>>>()?;
                // Only the one spelling of a position counts: no `+1`, no `01`.
                let same = *name == format!("{group}/{array}/{}", Layout::chunk_key(&block));
                (same && codec.layout().check_block(&block).is_ok()).then_some(block)
            })
            .collect();
        blocks.sort_unstable();
        Ok(blocks)
    }

    /// The elements of one block that lie inside the array, in row-major order; fill where nothing is stored.
    ///
    /// # Errors
    /// When there is no such block, or it cannot be read or decoded.
    pub fn read_block(&self, group: &str, array: &str, block: &[u64]) -> Result<Values> {
        let codec = self.codec(group, array)?;
        let path = || format!("array {group}/{array}");
        codec.layout().check_block(block).context(path)?;
        let name = format!("{group}/{array}/{}", Layout::chunk_key(block));
        let bytes = self.store.get(&name, codec.max_encoded())?;
        codec.decode(block, bytes.as_deref()).context(path)
    }

    /// [`Self::read_block`] of several blocks, in their order, side by side where the store is in a bucket. `look` is given
    /// one after the other, so that not all of them are in memory at once.
    ///
    /// # Errors
    /// As of [`Self::read_block`], and of `look`.
    pub fn read_blocks(
        &self,
        group: &str,
        array: &str,
        blocks: &[Vec<u64>],
        mut look: impl FnMut(&[u64], Values) -> Result<()>,
    ) -> Result<()> {
        let codec = self.codec(group, array)?;
        let path = || format!("array {group}/{array}");
        for blocks in blocks.chunks(codec.layout().batch()) {
            let mut names = Vec::with_capacity(blocks.len());
            for block in blocks {
                codec.layout().check_block(block).context(path)?;
                names.push(format!("{group}/{array}/{}", Layout::chunk_key(block)));
            }
            let found = self.store.get_all(&names, codec.max_encoded())?;
            for (block, bytes) in blocks.iter().zip(&found) {
                look(block, codec.decode(block, bytes.as_deref()).context(path)?)?;
            }
        }
        Ok(())
    }

    /// The lists of the cells of one block that lie inside the array, in row-major order: one offset more than there are
    /// cells, counted in items, and the elements of all items one after the other. Empty lists where nothing is stored.
    ///
    /// # Errors
    /// When there is no such block, its array has no lists, or it cannot be read or decoded.
    pub fn read_ragged_block(&self, group: &str, array: &str, block: &[u64]) -> Result<(Vec<u64>, Values)> {
        let codec = self.codec(group, array)?;
        let path = || format!("array {group}/{array}");
        codec.layout().check_block(block).context(path)?;
        let name = format!("{group}/{array}/{}", Layout::chunk_key(block));
        let bytes = self.store.get(&name, codec.max_encoded())?;
        codec.decode_ragged(block, bytes.as_deref()).context(path)
    }

    /// The whole of an array, in row-major order.
    ///
    /// # Errors
    /// When there is no such array, it has more than a gibibyte, or a block cannot be read.
    pub fn read_array(&self, group: &str, array: &str) -> Result<Values> {
        let codec = self.codec(group, array)?;
        let layout = codec.layout();
        if layout.ragged.is_some() {
            return Err(Error::input(format!("array {group}/{array} holds lists; read its blocks")));
        }
        let elements = layout.elements();
        if elements.saturating_mul(layout.dtype.size() as u64) > MAX_BLOCK_BYTES {
            return Err(Error::unsupported(format!(
                "array {group}/{array} has {elements} values, too many to read at once; read its blocks"
            )));
        }
        let mut whole = values::repeat(&layout.fill, elements as usize);
        let blocks = self.stored_blocks(group, array)?;
        self.read_blocks(group, array, &blocks, |block, part| {
            let inside = layout.inside(block);
            let start: Vec<u64> = block.iter().zip(&layout.block_shape).map(|(i, size)| i * size).collect();
            let zeros = vec![0; block.len()];
            values::copy_values(&part, (&inside, &zeros), &mut whole, (&layout.shape, &start), &inside)
        })?;
        Ok(whole)
    }
}

fn attributes(document: &Map<String, Value>) -> Map<String, Value> {
    document.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default()
}
