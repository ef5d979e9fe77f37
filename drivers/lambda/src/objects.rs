//! The folder beside the store, as the dispatcher uses it.

use std::fmt;

use bytes::Bytes;
use zagg_access::BucketFolder;
use zagg_core::Result;

/// Objects by name. All calls block.
pub trait Objects: Send + Sync + 'static {
    /// Writes objects and deletes those that come without bytes, side by side.
    ///
    /// # Errors
    /// Names the object and what to do.
    fn change(&self, changes: Vec<(String, Option<Bytes>)>) -> Result<()>;

    /// The bytes of several objects of at most `longest` bytes each, in the order of their names.
    ///
    /// # Errors
    /// Names the object and what to do.
    fn read(&self, names: &[String], longest: u64) -> Result<Vec<Option<Bytes>>>;

    /// Names that begin with `prefix`, ascending.
    ///
    /// # Errors
    /// Names the folder and what to do.
    fn list(&self, prefix: &str) -> Result<Vec<String>>;
}

impl fmt::Debug for dyn Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects for BucketFolder {
    fn change(&self, changes: Vec<(String, Option<Bytes>)>) -> Result<()> {
        self.change_all(changes)
    }

    fn read(&self, names: &[String], longest: u64) -> Result<Vec<Option<Bytes>>> {
        self.get_all(names, longest)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        BucketFolder::list(self, prefix)
    }
}
