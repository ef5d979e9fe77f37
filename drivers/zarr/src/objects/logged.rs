//! Objects that keep a log of what changes them, for tests of what an interruption leaves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zagg_core::Result;

use super::Objects;
use super::memory::MemoryObjects;

/// One change of a store, or of what lies beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// An object was put whole.
    Put {
        /// Whether it lies beside the store.
        beside: bool,
        /// Its name there.
        name: String,
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether it outlasts a power cut from then on; otherwise it does after the next [`Self::Settle`].
        durable: bool,
    },
    /// An object was taken away.
    Delete {
        /// Whether it lay beside the store.
        beside: bool,
        /// Its name there.
        name: String,
    },
    /// Everything before outlasts a power cut.
    Settle,
}

/// The log of a store made by [`ZarrStore::logged`](crate::ZarrStore::logged), in the order in which changes were made.
#[derive(Debug, Clone, Default)]
pub struct StoreLog(Arc<Mutex<Vec<Operation>>>);

impl StoreLog {
    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the log so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().clone()
    }
}

/// Objects in memory whose changes are logged.
#[derive(Debug)]
pub(crate) struct LoggedObjects {
    inner: MemoryObjects,
    beside: bool,
    log: StoreLog,
}

impl LoggedObjects {
    pub(crate) fn new(inner: MemoryObjects, beside: bool, log: &StoreLog) -> Self {
        Self { inner, beside, log: log.clone() }
    }

    fn put_as(&self, name: &str, bytes: &[u8], durable: bool) -> Result<()> {
        // The log is held while the change is made: its order is that of the changes.
        let mut log = self.log.lock();
        self.inner.put(name, bytes)?;
        let (beside, name, bytes) = (self.beside, name.to_owned(), bytes.to_vec());
        log.push(Operation::Put { beside, name, bytes, durable });
        Ok(())
    }
}

impl Objects for LoggedObjects {
    fn get(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        self.inner.get(name, limit)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put_as(name, bytes, false)
    }

    fn put_durable(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put_as(name, bytes, true)
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<bool> {
        let mut log = self.log.lock();
        let put = self.inner.put_if_absent(name, bytes)?;
        if put {
            let (beside, name, bytes) = (self.beside, name.to_owned(), bytes.to_vec());
            log.push(Operation::Put { beside, name, bytes, durable: true });
        }
        Ok(put)
    }

    fn settle(&self) -> Result<()> {
        self.log.lock().push(Operation::Settle);
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let mut log = self.log.lock();
        self.inner.delete(name)?;
        log.push(Operation::Delete { beside: self.beside, name: name.to_owned() });
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.list(prefix)
    }

    fn is_empty(&self) -> Result<bool> {
        self.inner.is_empty()
    }

    fn full_name(&self, name: &str) -> String {
        self.inner.full_name(name)
    }
}
