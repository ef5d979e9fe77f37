//! The archives that give S3 credentials of their own, as this module needs to know them.

use std::fmt;
use std::sync::Arc;

use zagg_core::Result;

use super::keys::Keys;

/// How the buckets of one archive are reached.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    /// Its name, such as `nsidc`.
    pub(crate) name: String,
    /// The region of its buckets.
    pub(crate) region: String,
    /// The keys that it gives to a login.
    pub(crate) keys: Arc<dyn Keys>,
}

/// The archives that are known.
pub(crate) trait Archives: fmt::Debug + Send + Sync {
    /// The archive that a bucket belongs to.
    fn of_bucket(&self, bucket: &str) -> Option<Archive>;

    /// The archive of a name.
    ///
    /// # Errors
    /// Names the archives that there are.
    fn of_name(&self, name: &str) -> Result<Archive>;
}
