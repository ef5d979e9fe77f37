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
    /// Zstandard over the shuffled bytes: the first bytes of all elements, then the second and so on. For ascending
    /// integers such as cell ids, which it makes a hundred times smaller than Zstandard alone does.
    ShuffleZstd,
    /// As they are.
    None,
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
    /// One value of that type: the value of every element that was never written.
    pub fill: Values,
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
}

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// What [`Store::create`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There was no store: the template was written.
    New,
    /// A store with the same template was there and is kept.
    Existing,
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

    /// Writes one block of one array.
    ///
    /// `block` is the position of the block along each dimension; `values` are its elements in row-major order: of the
    /// whole block, or where it sticks out of the array, of its part inside. All NaN count as the same value. A block
    /// that equals the fill value throughout need not become an object.
    ///
    /// # Errors
    /// When the array is not in the template, the values do not fit it, or writing fails.
    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written>;

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
