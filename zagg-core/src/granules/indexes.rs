//! The granule indexes that a run uses: where they are looked for, and what came of it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Located, traffic};
use crate::config::OnMiss;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::index::{GranuleIndex, IndexKey, IndexStore};
use crate::source::PointSource;

/// What came of the indexes of a run's granules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexUse {
    /// Granules opened from their index.
    pub used: u64,
    /// Granules without a valid index.
    pub missed: u64,
    /// Indexes written, all of granules that had none.
    pub written: u64,
    /// Indexes that should have been written and could not be.
    pub not_written: u64,
}

/// What came of one granule's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Used,
    Missed,
    Written,
    NotWritten,
}

impl IndexUse {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.used += u64::from(outcome == Outcome::Used);
        self.missed += u64::from(outcome != Outcome::Used);
        self.written += u64::from(outcome == Outcome::Written);
        self.not_written += u64::from(outcome == Outcome::NotWritten);
    }
}

/// The indexes of a run: in memory, and where they are kept beyond it.
#[derive(Debug)]
pub(super) struct Indexes {
    key: IndexKey,
    kept: Option<(Arc<dyn IndexStore>, OnMiss)>,
    /// Why the store is not asked any more: each granule would wait as long for the same answer.
    unreadable: OnceLock<Error>,
    /// Why nothing is written any more.
    unwritable: OnceLock<Error>,
    /// Held while an index is unpacked: JSON takes some forty times its bytes then, which many hostile ones at once must not.
    unpacking: Mutex<()>,
}

/// What came of a request to the store.
pub(super) enum Answer<T> {
    /// The store has answered.
    Given(T),
    /// It cannot be reached, as an earlier request has found.
    GivenUp(Error),
}

impl Indexes {
    /// `None` when the source keeps no indexes.
    ///
    /// # Errors
    /// When it keeps none, and a granule without one would be a hole.
    pub(super) fn new(
        source: &dyn PointSource,
        grid: &dyn Grid,
        kept: Option<(Arc<dyn IndexStore>, OnMiss)>,
    ) -> Result<Option<Self>> {
        match (IndexKey::new(source, grid), kept) {
            (Some(key), kept) => Ok(Some(Self {
                key,
                kept,
                unreadable: OnceLock::new(),
                unwritable: OnceLock::new(),
                unpacking: Mutex::default(),
            })),
            (None, Some((_, OnMiss::Error))) => {
                Err(Error::input("data_source.index: the reader keeps no indexes; leave index out"))
            }
            (None, _) => Ok(None),
        }
    }

    /// Where they are kept, for messages.
    pub(super) fn location(&self) -> &str {
        self.kept.as_ref().map_or("memory", |(store, _)| store.location())
    }

    /// What a miss means; `None` when nothing is kept beyond the run.
    pub(super) fn on_miss(&self) -> Option<OnMiss> {
        self.kept.as_ref().map(|(_, on_miss)| *on_miss)
    }

    /// The stored index of a granule, not looked at yet.
    pub(super) fn get(&self, granule: &str) -> Result<Answer<Option<Bytes>>> {
        let Some((store, _)) = &self.kept else { return Ok(Answer::Given(None)) };
        let answer = ask(&self.unreadable, || store.get(&self.key.name(granule)))?;
        if let Answer::Given(bytes) = &answer {
            traffic::count(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64));
        }
        Ok(answer)
    }

    pub(super) fn put(&self, granule: &str, bytes: Bytes) -> Result<Answer<()>> {
        let Some((store, _)) = &self.kept else { return Ok(Answer::Given(())) };
        if let Some(error) = self.unreadable.get() {
            return Ok(Answer::GivenUp(error.clone()));
        }
        ask(&self.unwritable, || store.put(&self.key.name(granule), bytes))
    }

    /// The bytes of a granule's index; `None` when there is nothing to keep.
    pub(super) fn bytes(&self, located: &Located, granule: &str, grid: &dyn Grid) -> Result<Option<Bytes>> {
        crate::caught(|| match located.index(granule, grid)? {
            Some(index) => index.encode(&self.key, grid).map(Some),
            None => Ok(None),
        })
    }

    /// The index in some bytes.
    pub(super) fn index(&self, bytes: &[u8], granule: &str, grid: &dyn Grid) -> Result<GranuleIndex> {
        crate::caught(|| GranuleIndex::decode(bytes, granule, &self.key, grid))
    }

    /// The turn to hold an unpacked index. Takes no longer than unpacking: readers of known objects send no request.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.unpacking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the store, unless it was given up. The first fault that says it is out of reach is an error, once; afterwards, and
/// where several have met with it at the same time, the store is given up.
fn ask<T>(out_of_reach: &OnceLock<Error>, request: impl FnOnce() -> Result<T>) -> Result<Answer<T>> {
    if let Some(error) = out_of_reach.get() {
        return Ok(Answer::GivenUp(error.clone()));
    }
    match crate::caught(request) {
        Ok(answer) => Ok(Answer::Given(answer)),
        Err(error) if !error.may_pass() => Err(error),
        Err(error) => match out_of_reach.set(error.clone()) {
            Ok(()) => {
                let told = format!("{}; the store is not asked again", error.message());
                Err(Error::new(error.kind(), told))
            }
            Err(_) => Ok(Answer::GivenUp(error)),
        },
    }
}
