//! Objects whose writes fail at a chosen time, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use zagg_core::{Error, Result};

use super::Objects;

/// Lets `left` writes (puts and deletes) pass; every later one fails, as if the program had been cut off there.
pub(crate) struct FailingObjects {
    pub(crate) inner: Arc<dyn Objects>,
    pub(crate) left: Arc<AtomicI64>,
}

impl FailingObjects {
    fn pass(&self, name: &str) -> Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::io(format!("cannot write {}: injected failure", self.full_name(name))))
    }
}

impl Objects for FailingObjects {
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        self.inner.get(name, limit)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.pass(name)?;
        self.inner.put(name, bytes)
    }

    fn put_durable(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.pass(name)?;
        self.inner.put_durable(name, bytes)
    }

    fn settle(&self) -> Result<()> {
        self.inner.settle()
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        self.pass(name)?;
        self.inner.put_if_absent(name, bytes)
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.pass(name)?;
        self.inner.delete(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.list(prefix)
    }

    fn is_empty(&self) -> Result<bool> {
        self.inner.is_empty()
    }

    fn prune(&self, name: &str) {
        self.inner.prune(name);
    }

    fn vanish(&self) {
        self.inner.vanish();
    }

    fn full_name(&self, name: &str) -> String {
        self.inner.full_name(name)
    }
}
