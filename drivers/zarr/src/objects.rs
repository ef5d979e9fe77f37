//! The one way to storage: named bytes under one prefix.
//!
//! Everything the store does goes through these operations, so that a bucket is one more implementation and nothing
//! else.

#[cfg(feature = "buckets")]
pub(crate) mod bucket;
pub(crate) mod local;
pub(crate) mod logged;
pub(crate) mod memory;

#[cfg(test)]
pub(crate) mod failing;

use zagg_core::{Error, Result};

/// Named bytes under one prefix. Names are `/`-separated and checked by the caller; a name never leads outside.
pub(crate) trait Objects: Send + Sync {
    /// The bytes of an object, `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, or has more than `limit` bytes.
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>>;

    /// Puts an object whole, in place of an older one. Readers see the old bytes or the new, nothing between.
    ///
    /// # Errors
    /// When it cannot be written; then the older one is still there.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Puts an object whole if there is none of that name, and says whether it did. Of several callers one wins. The object
    /// outlasts a power cut.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool>;

    /// As [`Self::put`], and once it is done the object outlasts a power cut.
    ///
    /// # Errors
    /// As of [`Self::put`].
    fn put_durable(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put(name, bytes)
    }

    /// Waits until everything that was put outlasts a power cut. Where a put that has succeeded does so by itself, there is
    /// nothing to wait for.
    ///
    /// # Errors
    /// When it cannot be made sure.
    fn settle(&self) -> Result<()> {
        Ok(())
    }

    /// Takes an object away. One that is not there is no fault.
    ///
    /// # Errors
    /// When it is still there.
    fn delete(&self, name: &str) -> Result<()>;

    /// Puts objects whole, or takes them away where there are no bytes: all in any order, side by side where that is
    /// faster. Names are different ones.
    ///
    /// # Errors
    /// When one of them fails; others may be done then.
    fn change_all(&self, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<()> {
        changes.iter().try_for_each(|(name, bytes)| match bytes {
            Some(bytes) => self.put(name, bytes),
            None => self.delete(name),
        })
    }

    /// The bytes of several objects, in the order of their names, side by side where that is faster.
    ///
    /// # Errors
    /// As of [`Self::get`].
    fn get_all(&self, names: &[String], limit: u64) -> Result<Vec<Option<Vec<u8>>>> {
        names.iter().map(|name| self.get(name, limit)).collect()
    }

    /// Whether machines that know nothing of each other write here.
    fn is_shared(&self) -> bool {
        false
    }

    /// Finds out whether conditional puts are conditional here, given an object and its bytes.
    ///
    /// # Errors
    /// When they are not.
    fn check_conditions(&self, _name: &str, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Names that begin with `prefix`, ascending.
    ///
    /// # Errors
    /// When listing fails.
    fn list(&self, prefix: &str) -> Result<Vec<String>>;

    /// Whether nothing is there. May be cheaper than a listing.
    ///
    /// # Errors
    /// When looking fails, or something that holds no objects (a plain file) has this place.
    fn is_empty(&self) -> Result<bool>;

    /// Takes away the folders above a deleted object that are empty now, where there are folders at all. Only called
    /// while nobody writes.
    fn prune(&self, _name: &str) {}

    /// Takes away what writers that were cut off have left. Only called while nobody writes.
    fn sweep(&self) {}

    /// Takes away the place itself when it is an empty folder, so that a run that wrote nothing leaves nothing.
    fn vanish(&self) {}

    /// An object's full name, for messages.
    fn full_name(&self, name: &str) -> String;
}

/// The error of an object that is larger than it may be.
fn too_large(full_name: &str, limit: u64) -> Error {
    Error::corrupt(format!("{full_name} has more than {limit} bytes, which no store of zagg has"))
}
