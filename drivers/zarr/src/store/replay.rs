//! Stores for tests of what an interruption or damage leaves: logged, replayed, looked into and changed behind their backs.

use std::collections::BTreeMap;
use std::sync::Arc;

use zagg_core::Result;

use super::{MAX_OBJECT, ZarrStore};
use crate::objects::Objects;
use crate::objects::logged::{LoggedObjects, Operation, StoreLog};
use crate::objects::memory::MemoryObjects;

impl ZarrStore {
    /// An empty store in memory, and the log of everything that changes it: for tests of what an interruption leaves.
    pub fn logged() -> (Self, StoreLog) {
        let log = StoreLog::default();
        let objects = |label: &str, beside: bool| {
            Arc::new(LoggedObjects::new(MemoryObjects::new(label), beside, &log)) as Arc<dyn Objects>
        };
        let store = Self::new("memory".to_owned(), objects("memory", false), objects("memory.zagg", true));
        (store, log)
    }

    /// A store in memory after these changes.
    ///
    /// # Errors
    /// None that is known of: memory takes all.
    pub fn replayed(operations: &[Operation]) -> Result<Self> {
        let (inside, outside) = (MemoryObjects::new("memory"), MemoryObjects::new("memory.zagg"));
        let at = |beside: bool| if beside { &outside } else { &inside };
        for operation in operations {
            match operation {
                Operation::Put { beside, name, bytes, .. } => at(*beside).put(name, bytes)?,
                Operation::Delete { beside, name } => at(*beside).delete(name)?,
                Operation::Settle => {}
            }
        }
        Ok(Self::new("memory".to_owned(), Arc::new(inside), Arc::new(outside)))
    }

    /// Names and bytes of everything inside the store.
    ///
    /// # Errors
    /// When listing or reading fails.
    pub fn objects(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let names = self.store.list("")?;
        let found = self.store.get_all(&names, MAX_OBJECT)?;
        Ok(names.into_iter().zip(found).filter_map(|(name, bytes)| Some((name, bytes?))).collect())
    }

    /// Changes an object inside the store behind its back, or takes it away: for tests of what is made of damage.
    ///
    /// # Errors
    /// When writing fails.
    pub fn damage(&self, name: &str, bytes: Option<&[u8]>) -> Result<()> {
        match bytes {
            Some(bytes) => self.store.put(name, bytes),
            None => self.store.delete(name),
        }
    }
}
