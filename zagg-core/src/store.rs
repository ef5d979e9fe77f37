//! The store: arrays out, one block per shard and array, and records beside it.

mod failing;

use std::fmt;

use serde_json::{Map, Value};

use crate::column::{DType, Values};
use crate::error::Result;

pub use self::failing::FailingStore;

/// How the bytes of an array are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Zstandard.
    #[default]
    Zstd,
    /// Zstandard over the shuffled bytes, in Blosc's frames: the first bytes of all elements, then the second and so on. For
    /// ascending integers such as cell ids, which it makes a hundred times smaller than Zstandard alone does. Ragged arrays,
    /// whose bytes are not all of one type, take plain Zstandard instead.
    ShuffleZstd,
    /// As they are.
    None,
}

/// The cells of an array that hold lists of items.
///
/// An item is a small array of `inner_shape` elements of the array's type: a number when that is empty, a pair for `[2]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RaggedSpec {
    /// Elements along each dimension of one item.
    pub inner_shape: Vec<u64>,
}

impl RaggedSpec {
    /// Elements of one item; `None` when there are none or too many to count.
    pub fn item_elements(&self) -> Option<u64> {
        self.inner_shape
            .iter()
            .try_fold(1u64, |product, extent| product.checked_mul(*extent))
            .filter(|n| *n > 0)
    }
}

/// One array of a store.
///
/// The array is tiled by blocks of `block_shape`, each written by one task in one piece; a block is one object. Blocks
/// larger than `chunk_shape` are sharded: one object with several independently readable chunks.
#[derive(Debug, Clone, PartialEq)]
pub struct ArraySpec {
    /// Name of the array within its group.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// One value of that type: the value of every element that was never written. A cell of a ragged array that was never
    /// written has no items instead.
    pub fill: Values,
    /// For cells that hold lists of items; `dtype` is the type of their elements then. Shapes count cells.
    pub ragged: Option<RaggedSpec>,
    /// Names of the dimensions.
    pub dimensions: Vec<String>,
    /// Elements along each dimension.
    pub shape: Vec<u64>,
    /// Elements along each dimension of one block.
    pub block_shape: Vec<u64>,
    /// Elements along each dimension of one chunk; divides `block_shape`.
    pub chunk_shape: Vec<u64>,
    /// Compression of chunks.
    pub compression: Compression,
    /// Attributes.
    pub attributes: Map<String, Value>,
    /// The whole content in row-major order, for arrays that are known beforehand. Written with the template.
    pub content: Option<Values>,
}

/// A group with its arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSpec {
    /// Name of the group below the root.
    pub name: String,
    /// Attributes.
    pub attributes: Map<String, Value>,
    /// Its arrays.
    pub arrays: Vec<ArraySpec>,
}

/// Everything of a store that is known before the first task: made once, then only filled.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreTemplate {
    /// Attributes of the root, without the state.
    pub attributes: Map<String, Value>,
    /// The groups.
    pub groups: Vec<GroupSpec>,
    /// What makes two templates the same: a store with another one is refused.
    pub hash: String,
}

/// How far a store is, as its root says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// Tasks are writing, or a run was cut off.
    Open,
    /// The run ended and some shards are not done.
    Incomplete,
    /// Every shard of the map is done.
    Complete,
}

impl StoreState {
    /// The word in the root's attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Incomplete => "incomplete",
            Self::Complete => "complete",
        }
    }
}

/// Bytes and objects written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Written {
    /// Objects put.
    pub objects: u64,
    /// Bytes put.
    pub bytes: u64,
    /// What the objects inside the store were: the sum, modulo 2^64, of a number made from the name and the bytes of each. It
    /// does not depend on their order. Reports leave it out; the record of a shard has it.
    #[serde(skip)]
    pub digest: u64,
}

impl Written {
    /// One object inside the store, by its name there.
    pub fn object(name: &str, bytes: &[u8]) -> Self {
        let mut number = [0; 8];
        let named = [name.as_bytes(), b"\0", bytes].concat();
        number.copy_from_slice(&crate::hash::sha256(&named)[..8]);
        Self { objects: 1, bytes: bytes.len() as u64, digest: u64::from_le_bytes(number) }
    }
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

/// One block of one array, to be written: what [`Store::write_block`] and [`Store::write_ragged_block`] take.
#[derive(Debug, Clone, Copy)]
pub struct BlockWrite<'a> {
    /// Name of the group.
    pub group: &'a str,
    /// Name of the array within the group.
    pub array: &'a str,
    /// Position of the block along each dimension.
    pub block: &'a [u64],
    /// For a ragged array where the items of each cell lie; none for any other.
    pub offsets: Option<&'a [u64]>,
    /// The values.
    pub values: &'a Values,
}

/// Where a block lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockPlace {
    /// Name of the group.
    pub group: String,
    /// Name of the array within the group.
    pub array: String,
    /// Position of the block along each dimension.
    pub block: Vec<u64>,
}

/// What [`Store::create`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There was no store: the template was written.
    New,
    /// A store with the same template was there and is kept.
    Existing,
}

/// What there is of a store, as its root says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// [`StoreTemplate::hash`] of the template that it was made from.
    pub template: String,
    /// How far it is.
    pub state: StoreState,
}

/// Arrays out. Blocks are written by tasks in any order and possibly twice; every write is idempotent.
pub trait Store: Send + Sync {
    /// Where it is, for people.
    fn location(&self) -> &str;

    /// Takes the store for one run, so that a second run at the same time is refused. Released by [`Self::release`].
    ///
    /// # Errors
    /// Names the other run when there is one.
    fn acquire(&self) -> Result<()>;

    /// Gives the store free again. Does nothing when it is not held.
    ///
    /// # Errors
    /// When the lock cannot be taken away.
    fn release(&self) -> Result<()>;

    /// Whether [`Self::create`] would take the place, without writing anything.
    ///
    /// # Errors
    /// What it would refuse.
    fn check(&self, template: &StoreTemplate, overwrite: bool) -> Result<()>;

    /// Writes the template, once. With `overwrite`, what an older store of ours left is deleted first; anything else at
    /// that place is never touched. A store that is kept becomes open again. When a store is made new, records that an
    /// older one left beside it are deleted: records are written after this, and this after [`Self::acquire`].
    ///
    /// # Errors
    /// When something is there that is not this store: another template, or no store of ours at all.
    fn create(&self, template: &StoreTemplate, overwrite: bool) -> Result<Created>;

    /// The store that is there, if there is one whose template is finished. Changes nothing.
    ///
    /// # Errors
    /// When something else is in its place, or looking fails.
    fn found(&self) -> Result<Option<Found>>;

    /// Writes one block of one array.
    ///
    /// `block` is the position of the block along each dimension; `values` are its elements in row-major order: of the
    /// whole block, or where it sticks out of the array, of its part inside. All NaN count as the same value. A block
    /// that equals the fill value throughout need not become an object.
    ///
    /// # Errors
    /// When the array is not in the template, the values do not fit it, or writing fails.
    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written>;

    /// Writes one block of an array whose cells hold lists of items ([`ArraySpec::ragged`]).
    ///
    /// `offsets` has one number more than there are cells, of the whole block or of its part inside the array, in row-major
    /// order: cell `i` has the items `offsets[i]..offsets[i + 1]`, and an item is as many elements of `values` as its inner
    /// shape says. The first offset is 0, the last the number of items. A block without any item need not become an object.
    ///
    /// # Errors
    /// When the array is not a ragged one of the template, offsets and values do not fit it or each other, or writing fails.
    fn write_ragged_block(
        &self,
        group: &str,
        array: &str,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Written>;

    /// Writes several blocks, side by side where that saves round trips. What is stored in the end is the same as if they had
    /// been written one after the other.
    ///
    /// # Errors
    /// As of [`Self::write_block`]; some of the blocks may have been written then.
    fn write_blocks(&self, blocks: &[BlockWrite<'_>]) -> Result<Written> {
        let mut written = Written::default();
        for one in blocks {
            written += match one.offsets {
                None => self.write_block(one.group, one.array, one.block, one.values)?,
                Some(offsets) => {
                    self.write_ragged_block(one.group, one.array, one.block, offsets, one.values)?
                }
            };
        }
        Ok(written)
    }

    /// What is stored of some blocks, as [`Self::write_blocks`] told it when it wrote them. `None` where that is not worth asking:
    /// what was written there stays as it was written, whatever happens to a machine.
    ///
    /// # Errors
    /// When reading fails.
    fn stored(&self, _blocks: &[BlockPlace]) -> Result<Option<Written>> {
        Ok(None)
    }

    /// Writes an object beside the store, under `<store>.zagg/`.
    ///
    /// # Errors
    /// When writing fails.
    fn write_record(&self, name: &str, bytes: Vec<u8>) -> Result<Written>;

    /// Reads an object beside the store.
    ///
    /// # Errors
    /// When reading fails otherwise than by absence.
    fn read_record(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Names of the objects beside the store that begin with `prefix`, ascending.
    ///
    /// # Errors
    /// When listing fails.
    fn list_records(&self, prefix: &str) -> Result<Vec<String>>;

    /// Waits until everything that was written outlasts a power cut, where that does not go by itself.
    ///
    /// # Errors
    /// When it cannot be made sure.
    fn settle(&self) -> Result<()> {
        Ok(())
    }

    /// Writes the state into the root, and the consolidated metadata last.
    ///
    /// # Errors
    /// When writing fails.
    fn finalize(&self, state: StoreState) -> Result<()>;
}

impl fmt::Debug for dyn Store + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.location())
    }
}
