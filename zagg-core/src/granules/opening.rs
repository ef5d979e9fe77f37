//! Opening a granule: from its index where there is a valid one, else by looking for everything.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::indexes::{Answer, IndexUse, Indexes, Outcome};
use super::{Counting, Granules, Located, PoisonError, Slot, State, Watched, is_local};
use crate::config::OnMiss;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::Grid;
use crate::profile::{self, Counter, Phase};
use crate::range_reader::RangeReader;
use crate::source::OpenGranule;

/// A granule whose datasets were found, and the object that is read.
#[derive(Debug)]
pub(super) struct Opened {
    granule: Box<dyn OpenGranule>,
    reader: Arc<Watched>,
}

impl Granules {
    /// Opens and locates a granule, or locates one that is open already.
    pub(super) fn open(&self, slot: &Slot, opened: Option<Opened>, grid: &dyn Grid) -> Result<Located> {
        let _in_span = tracing::debug_span!("open", granule = slot.granule.id).entered();
        profile::time(Phase::Open, || {
            let href = slot.granule.href(self.driver)?;
            let opened = match opened {
                Some(opened) => opened,
                None => {
                    profile::add(Counter::GranulesOpened, 1);
                    if let Some(indexes) = &self.indexes
                        && let Some(located) = self.open_known(indexes, slot, href, grid)?
                    {
                        return Ok(located);
                    }
                    self.open_unknown(slot, href)?
                }
            };
            self.locate(slot, href, opened, grid)
        })
    }

    /// What a granule says of a column. Of a local granule without an index no positions are read for that.
    pub(super) fn told_of(&self, number: u32, column: &str, grid: &dyn Grid) -> Result<Map<String, Value>> {
        let slot = &self.slots[number as usize];
        let href = slot.granule.href(self.driver)?;
        let indexed = self.indexes.as_ref().is_some_and(|indexes| indexes.on_miss().is_some());
        // Over a network attributes come along with the positions, which are needed soon.
        if indexed || !is_local(href) {
            return Ok(self.proven(number, grid)?.granule().column_attributes(column));
        }
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Closed) {
            let _in_span = tracing::debug_span!("open", granule = slot.granule.id).entered();
            profile::add(Counter::GranulesOpened, 1);
            *state = match profile::time(Phase::Open, || self.open_unknown(slot, href)) {
                Ok(opened) => State::Opened(opened),
                Err(error) if error.kind() == ErrorKind::Temporary => return Err(error),
                Err(error) => State::Failed(error),
            };
        }
        match &*state {
            State::Opened(opened) => Ok(opened.granule.column_attributes(column)),
            State::Open(located) => Ok(located.granule().column_attributes(column)),
            State::Failed(error) => Err(error.clone()),
            State::Closed => Ok(Map::new()),
        }
    }

    /// Opens a granule by looking for everything.
    fn open_unknown(&self, slot: &Slot, href: &str) -> Result<Opened> {
        let reader = self.watched(slot, self.opener.open(href)?);
        let opened = Arc::clone(&reader);
        let granule = crate::caught(|| self.source.open(&slot.granule, opened)).context(|| "opening")?;
        Ok(Opened { granule, reader })
    }

    fn locate(&self, slot: &Slot, href: &str, opened: Opened, grid: &dyn Grid) -> Result<Located> {
        let Opened { granule, reader } = opened;
        let builds = self.indexes.as_ref().filter(|indexes| indexes.on_miss() == Some(OnMiss::Build));
        // An index has the positions of all rows.
        let bands = self.bands.as_ref().filter(|_| builds.is_none());
        let located = crate::caught(|| Located::for_run(granule, grid, is_local(href), bands))?.of(reader);
        if let Some(indexes) = builds {
            self.save(indexes, slot, &located, grid);
        }
        Ok(located)
    }

    /// A reader of the slot's granule that counts, and sees whether there is anything to read.
    fn watched(&self, slot: &Slot, reader: Arc<dyn RangeReader>) -> Arc<Watched> {
        let seen = Arc::clone(&slot.index().seen);
        Arc::new(Watched::seen_by(Arc::new(Counting::new(reader)), seen))
    }

    /// The granule from its index; `None` when it must be opened without.
    fn open_known(
        &self,
        indexes: &Indexes,
        slot: &Slot,
        href: &str,
        grid: &dyn Grid,
    ) -> Result<Option<Located>> {
        let remembered = slot.index().bytes.clone();
        let bytes = match remembered {
            Some(bytes) => bytes,
            None => match self.look_up(indexes, slot)? {
                Some(bytes) => bytes,
                None => return Ok(None),
            },
        };
        let turn = indexes.turn();
        let located = match indexes.index(&bytes, &slot.granule.id, grid) {
            Ok(index) => match self.opener.open_known(href, &index.object) {
                Ok(reader) => {
                    let reader = self.watched(slot, reader);
                    let opened = Arc::clone(&reader);
                    crate::caught(|| {
                        let granule = self.source.open_indexed(&slot.granule, opened, &index.source)?;
                        Located::known(granule, &index, reader)
                    })
                }
                // Anything else is the granule's own fault.
                Err(error) if error.kind() != ErrorKind::Changed => return Err(error),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        drop(turn);
        match located {
            Ok(located) => {
                let mut index = slot.index();
                index.bytes = Some(bytes);
                index.outcome.get_or_insert(Outcome::Used);
                Ok(Some(located))
            }
            Err(error) => {
                slot.index().forget();
                self.miss(indexes, slot, Some(error)).map(|()| None)
            }
        }
    }

    /// Asks for the stored index of a granule, once.
    fn look_up(&self, indexes: &Indexes, slot: &Slot) -> Result<Option<Bytes>> {
        if slot.index().asked || indexes.on_miss().is_none() {
            return Ok(None);
        }
        let reason = match indexes.get(&slot.granule.id) {
            Ok(Answer::Given(Some(bytes))) => return Ok(Some(bytes)),
            Ok(Answer::Given(None)) => None,
            // The granule that found out has the warning.
            Ok(Answer::GivenUp(error)) => Some(error).filter(|_| !self.may_do_without_index()),
            Err(error) => Some(error),
        };
        self.miss(indexes, slot, reason).map(|()| None)
    }

    /// There is no valid index: the reason is kept, or the error of a run that wants one.
    fn miss(&self, indexes: &Indexes, slot: &Slot, reason: Option<Error>) -> Result<()> {
        // What was kept in memory may be of another version of the granule by now.
        let Some(on_miss) = indexes.on_miss() else { return Ok(()) };
        let place = indexes.location();
        if on_miss == OnMiss::Error {
            self.note(slot, Outcome::Missed, None);
            return Err(match reason {
                Some(reason) => reason.context(format_args!("its index in {place}")),
                None => Error::not_found(format!(
                    "there is no index of it in {place}; make one with zagg index, or choose on_miss: read"
                )),
            });
        }
        slot.index().asked = true;
        let warning = reason.map(|reason| format!("its index in {place} is not used: {reason}"));
        self.note(slot, Outcome::Missed, warning);
        Ok(())
    }

    /// Writes the index of a granule that was read. A failure is a warning: the shard needs no index.
    fn save(&self, indexes: &Indexes, slot: &Slot, located: &Located, grid: &dyn Grid) {
        let id = &slot.granule.id;
        let saved = indexes.bytes(located, id, grid).and_then(|bytes| match bytes {
            Some(bytes) => {
                slot.index().bytes = Some(bytes.clone());
                indexes.put(id, bytes)
            }
            None => Err(Error::unsupported("the object has no ETag by which it could be known again")),
        });
        match saved {
            Ok(Answer::Given(())) => self.note(slot, Outcome::Written, None),
            Ok(Answer::GivenUp(_)) => self.note(slot, Outcome::NotWritten, None),
            Err(error) => {
                let warning = format!("no index of it was written to {}: {error}", indexes.location());
                self.note(slot, Outcome::NotWritten, Some(warning));
            }
        }
    }

    /// Makes the index of an open granule that is about to be closed, unless it is at hand.
    pub(super) fn remember(&self, slot: &Slot, grid: &dyn Grid) {
        let Some(indexes) = &self.indexes else { return };
        if slot.needed.load(Ordering::Relaxed) == 0 || slot.index().bytes.is_some() {
            return;
        }
        let located = match &*slot.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Open(located) => Arc::clone(located),
            _ => return,
        };
        // A hole is looked at again, in case it was one of the transfer; without an index the granule is opened like any other.
        // So is one with boxes: an index takes all positions, and what is counted must not depend on how many stay open.
        if !located.is_boxed()
            && located.holes().next().is_none()
            && let Ok(bytes) = indexes.bytes(&located, &slot.granule.id, grid)
        {
            slot.index().bytes = bytes;
        }
    }

    /// Whether a granule may be read when it has no valid index.
    pub fn may_do_without_index(&self) -> bool {
        self.indexes.as_ref().is_none_or(|indexes| indexes.on_miss() != Some(OnMiss::Error))
    }

    /// Opens a granule again that could not be read by its index.
    ///
    /// # Errors
    /// As [`located`](Self::located); and the `reason` itself, when a granule without a valid index is a hole.
    pub fn without_index(&self, number: u32, reason: &Error, grid: &dyn Grid) -> Result<Arc<Located>> {
        let slot = &self.slots[number as usize];
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Another task may have opened it again already.
        let is_open = matches!(&*state, State::Open(_));
        if !matches!(&*state, State::Open(located) if !located.is_known()) {
            if let Some(indexes) = &self.indexes {
                self.miss(indexes, slot, Some(reason.clone()))?;
            }
            slot.index().forget();
            self.learnt().remove(&number);
            if is_open {
                *state = State::Closed;
                self.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
        drop(state);
        self.located(number, grid)
    }

    /// The opened granule, which is certainly the object that its index describes, if it comes from one: before anything
    /// is believed that no read has confirmed.
    ///
    /// # Errors
    /// As [`located`](Self::located), and when the object is another one that may not be read without its index.
    pub(super) fn proven(&self, number: u32, grid: &dyn Grid) -> Result<Arc<Located>> {
        let located = self.located(number, grid)?;
        match located.prove() {
            Ok(()) => Ok(located),
            Err(error) if error.may_pass() || !self.may_do_without_index() => Err(error),
            Err(error) => self.without_index(number, &error, grid),
        }
    }

    fn note(&self, slot: &Slot, outcome: Outcome, warning: Option<String>) {
        let mut index = slot.index();
        index.outcome = Some(outcome);
        if warning.is_some() {
            index.warning = warning;
        }
    }

    /// What came of the indexes of the granules that were opened; `None` when none are kept beyond the run.
    pub fn index_use(&self) -> Option<IndexUse> {
        self.indexes.as_ref()?.on_miss()?;
        let mut total = IndexUse::default();
        for outcome in self.slots.iter().filter(|slot| slot.has_tasks).filter_map(|slot| slot.index().outcome)
        {
            total.add(outcome);
        }
        Some(total)
    }

    /// What is wrong with stored indexes: ids of granules, each with a reason.
    pub fn index_warnings(&self) -> Vec<(String, String)> {
        let warning = |slot: &Slot| Some((slot.granule.id.clone(), slot.index().warning.clone()?));
        self.slots.iter().filter_map(warning).collect()
    }
}
