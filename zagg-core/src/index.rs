//! The granule index: what was learnt of a granule, kept so that the next reader fetches the index and then, in one
//! vectored read, the rows it wants.
//!
//! An index holds what the source says of the granule ([`OpenGranule::index`](crate::source::OpenGranule::index)) and, for
//! every part, which rows lie in which shard of one grid. There is one object per granule, source key and grid, with a
//! name that follows from the three ([`IndexKey::name`]). The bytes of an index depend on nothing but the granule, so that
//! many may write the same one at once.
//!
//! An index is never needed: whatever is wrong with it, from its name to its checksum, makes it a miss, and the granule is
//! read as if there were none. It is also never believed beyond what can be checked: rows are candidates that are located
//! again by their own coordinates. What cannot be checked is where in the granule the values are, and that no row was left
//! out; who may write the index store can falsify results, as who may write the granules can.

mod document;
mod key;
mod maker;
mod stored_error;

use std::fmt;

use bytes::Bytes;

use crate::error::Result;

pub use document::{GranuleIndex, PartIndex};
pub use key::IndexKey;
pub use maker::{IndexMaker, Made};
pub use stored_error::StoredError;

/// Most bytes of an index as it is stored. Those of real granules have a few thousand.
pub const MAX_STORED_BYTES: u64 = 8 << 20;

/// Most bytes of an index when it is unpacked.
pub const MAX_BYTES: u64 = 8 << 20;

/// A place for small objects with names: granule indexes.
pub trait IndexStore: Send + Sync {
    /// Where it is, for messages. Never holds a secret.
    fn location(&self) -> &str;

    /// The object of this name, or `None` where there is none. Names are plain file names, with `/` between folders.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses. An implementation may refuse objects over [`MAX_STORED_BYTES`].
    fn get(&self, name: &str) -> Result<Option<Bytes>>;

    /// Writes an object whole, in place of an older one: a reader sees the one or the other, never a part. Many may write
    /// the same name at once; one of them wins.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses.
    fn put(&self, name: &str, bytes: Bytes) -> Result<()>;
}

impl fmt::Debug for dyn IndexStore + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexStore({})", self.location())
    }
}
