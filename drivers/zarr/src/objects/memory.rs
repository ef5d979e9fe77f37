//! Objects in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zagg_core::Result;

use super::{Objects, too_large};

/// Objects in memory, shared by all clones.
#[derive(Debug, Clone)]
pub(crate) struct MemoryObjects {
    label: String,
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl MemoryObjects {
    pub(crate) fn new(label: &str) -> Self {
        Self { label: label.to_owned(), objects: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for MemoryObjects {
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.lock().get(name) {
            Some(bytes) if bytes.len() as u64 > limit => Err(too_large(&self.full_name(name), limit)),
            found => Ok(found.cloned()),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.lock().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let mut objects = self.lock();
        if objects.contains_key(name) {
            return Ok(false);
        }
        objects.insert(name.to_owned(), bytes.to_vec());
        Ok(true)
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.lock().remove(name);
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let objects = self.lock();
        let from = objects.range(prefix.to_owned()..).map(|(name, _)| name);
        Ok(from.take_while(|name| name.starts_with(prefix)).cloned().collect())
    }

    fn is_empty(&self) -> Result<bool> {
        Ok(self.lock().is_empty())
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.label)
    }
}
