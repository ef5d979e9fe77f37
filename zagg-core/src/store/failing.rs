//! A store whose writes fail on purpose, to test what a run does then.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{BlockPlace, Created, Found, Store, StoreState, StoreTemplate, Written};
use crate::column::Values;
use crate::error::{Error, Result};

/// A store around another one that lets some writes fail. Reading, acquiring and releasing pass through.
pub struct FailingStore<S, F> {
    inner: S,
    fails: F,
    writes: AtomicU64,
}

impl<S: Store, F: Fn(u64) -> bool + Send + Sync> FailingStore<S, F> {
    /// `fails` is asked before every write with its number, counted from 0 over all kinds of writes.
    pub fn new(inner: S, fails: F) -> Self {
        Self { inner, fails, writes: AtomicU64::new(0) }
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Writes asked for so far, failed ones included.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    fn pass(&self, what: &str) -> Result<()> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        if (self.fails)(number) {
            return Err(Error::io(format!("cannot write {what} in {}: injected failure", self.location())));
        }
        Ok(())
    }
}

impl<S: Store, F: Fn(u64) -> bool + Send + Sync> Store for FailingStore<S, F> {
    fn location(&self) -> &str {
        self.inner.location()
    }

    fn acquire(&self) -> Result<()> {
        self.inner.acquire()
    }

    fn release(&self) -> Result<()> {
        self.inner.release()
    }

    fn check(&self, template: &StoreTemplate, overwrite: bool) -> Result<()> {
        self.inner.check(template, overwrite)
    }

    fn create(&self, template: &StoreTemplate, overwrite: bool) -> Result<Created> {
        self.pass("the template")?;
        self.inner.create(template, overwrite)
    }

    fn found(&self) -> Result<Option<Found>> {
        self.inner.found()
    }

    fn write_block(&self, group: &str, array: &str, block: &[u64], values: &Values) -> Result<Written> {
        self.pass(&format!("block {block:?} of {group}/{array}"))?;
        self.inner.write_block(group, array, block, values)
    }

    fn write_ragged_block(
        &self,
        group: &str,
        array: &str,
        block: &[u64],
        offsets: &[u64],
        values: &Values,
    ) -> Result<Written> {
        self.pass(&format!("block {block:?} of {group}/{array}"))?;
        self.inner.write_ragged_block(group, array, block, offsets, values)
    }

    fn stored(&self, blocks: &[BlockPlace]) -> Result<Option<Written>> {
        self.inner.stored(blocks)
    }

    fn write_record(&self, name: &str, bytes: Vec<u8>) -> Result<Written> {
        self.pass(&format!("record {name}"))?;
        self.inner.write_record(name, bytes)
    }

    fn read_record(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.inner.read_record(name)
    }

    fn list_records(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.list_records(prefix)
    }

    fn settle(&self) -> Result<()> {
        self.inner.settle()
    }

    fn finalize(&self, state: StoreState) -> Result<()> {
        self.pass("the state")?;
        self.inner.finalize(state)
    }
}

impl<S: Store, F> std::fmt::Debug for FailingStore<S, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FailingStore({})", self.inner.location())
    }
}
