//! The granules of a run: opened once, located once, and kept while a task still needs them.

mod indexes;
mod located;
mod opening;
mod traffic;
mod watched;

pub use indexes::IndexUse;
use located::Bands;
pub use located::{Located, PartRows};
pub use traffic::{Counting, measured};
pub(crate) use watched::Watched;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::config::OnMiss;
use crate::cores;
use crate::error::{Error, ErrorKind, Result};
use crate::granule::{Driver, Granule};
use crate::grid::Grid;
use crate::index::IndexStore;
use crate::profile::{self, Phase};
use crate::report::{Strays, Traffic};
use crate::rows::Rows;
use crate::source::{ObjectIdentity, OpenObject, PartState, PointSource};
use indexes::{Indexes, Outcome};
use opening::Opened;

/// How many granules stay open at once, unless another number is given. An open granule costs its chunk tables and its row index: about a megabyte.
/// Each may hold a file open, of which some systems grant 256.
pub const MAX_OPEN: usize = 96;

/// Granules that are tried for the attributes of columns before arrays go without.
const DESCRIBING: usize = 8;

/// Every granule of a run, shared by its tasks.
#[derive(Debug)]
pub struct Granules {
    source: Arc<dyn PointSource>,
    opener: Arc<dyn OpenObject>,
    driver: Driver,
    indexes: Option<Indexes>,
    max_open: usize,
    slots: Vec<Slot>,
    /// Shards of the map: only rows in these can be unassigned.
    shards: HashSet<u64>,
    /// Latitudes of the shards that are run, where the grid tells them.
    bands: Option<Bands>,
    clock: AtomicU64,
    open: AtomicUsize,
    /// Of the granules that tasks have opened.
    learnt: Mutex<BTreeMap<u32, Learnt>>,
    /// What was read for the attributes of columns, before any task.
    described: Mutex<Traffic>,
}

/// What was learnt of a granule when it was opened.
#[derive(Debug)]
struct Learnt {
    strays: Strays,
    /// By shard, rows that were read for it and that no shard keeps.
    lost: BTreeMap<u64, Strays>,
    /// By part and block, rows that no shard keeps in blocks that a shard needed.
    blocks: BTreeMap<(usize, usize), Strays>,
    /// Whether it has none of the source's parts.
    without_parts: bool,
    /// Whether an index says so: that is believed only when the granule was seen.
    known: bool,
}

/// Whether an href is that of a local file.
fn is_local(href: &str) -> bool {
    !href.contains("://")
}

/// Names the part of a granule in an error, where it has a name.
pub(crate) fn in_part(error: Error, name: &str) -> Error {
    if name.is_empty() { error } else { error.context(format_args!("part {name}")) }
}

#[derive(Debug)]
struct Slot {
    granule: Granule,
    /// Shards that list the granule, ascending.
    listed: Vec<u64>,
    /// Tasks that still need it.
    needed: AtomicUsize,
    /// Whether any task needs it. Others tell attributes of columns at most.
    has_tasks: bool,
    /// When it was last used, by [`Granules::clock`].
    used: AtomicU64,
    state: Mutex<State>,
    index: Mutex<SlotIndex>,
}

/// What is known of the index of a granule.
#[derive(Debug, Default)]
struct SlotIndex {
    /// Its bytes, so that the granule can be opened again without looking for anything.
    bytes: Option<Bytes>,
    /// Whether the place where indexes are kept need not be asked any more.
    asked: bool,
    /// Whether bytes of the granule were read by this run. Another flag takes its place when the index is given up.
    seen: Arc<AtomicBool>,
    outcome: Option<Outcome>,
    /// Why the kept index is not used, or was not written.
    warning: Option<String>,
}

#[derive(Debug)]
enum State {
    Closed,
    /// Opened for its attributes; no positions have been read.
    Opened(Opened),
    Open(Arc<Located>),
    /// Kept, so that every task gives the same reason.
    Failed(Error),
}

impl SlotIndex {
    /// What was kept may be of another version of the granule.
    fn forget(&mut self) {
        self.bytes = None;
        self.seen = Arc::default();
    }
}

impl Slot {
    fn index(&self) -> MutexGuard<'_, SlotIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Granules {
    /// The granules of a run. `listed` has, per granule, the shards of the whole map that list it; `needed` the number of
    /// tasks that will ask for it.
    ///
    /// # Errors
    /// Names the first granule without an href for this driver, or with one of a scheme that is not supported.
    pub fn new(
        source: Arc<dyn PointSource>,
        opener: Arc<dyn OpenObject>,
        driver: Driver,
        granules: Vec<(Granule, Vec<u64>, usize)>,
    ) -> Result<Self> {
        let mut shards = HashSet::new();
        let mut slots = Vec::with_capacity(granules.len());
        for (granule, mut listed, needed) in granules {
            if needed > 0 {
                opener.check(granule.href(driver)?).map_err(|error| {
                    error.with_kind(ErrorKind::Input).context(format!("granule {}", granule.id))
                })?;
            }
            listed.sort_unstable();
            shards.extend(listed.iter().copied());
            slots.push(Slot {
                granule,
                listed,
                needed: AtomicUsize::new(needed),
                has_tasks: needed > 0,
                used: AtomicU64::new(0),
                state: Mutex::new(State::Closed),
                index: Mutex::default(),
            });
        }
        Ok(Self {
            source,
            opener,
            driver,
            indexes: None,
            max_open: MAX_OPEN,
            slots,
            shards,
            bands: None,
            clock: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            learnt: Mutex::default(),
            described: Mutex::default(),
        })
    }

    /// Keeps what is learnt of granules in memory, and where it is given in a store too; says what it means when the
    /// store has nothing valid of a granule.
    ///
    /// # Errors
    /// When the source keeps no indexes, and a granule without one would be a hole.
    pub fn with_indexes(self, grid: &dyn Grid, kept: Option<(Arc<dyn IndexStore>, OnMiss)>) -> Result<Self> {
        Ok(Self { indexes: Indexes::new(&*self.source, grid, kept)?, ..self })
    }

    /// Says which shards are run: of local granules, longitudes of rows that can lie in none of them need not be read.
    #[must_use]
    pub fn with_wanted(self, shards: impl IntoIterator<Item = u64>, grid: &dyn Grid) -> Self {
        Self { bands: Bands::of(shards, grid), ..self }
    }

    /// Keeps at most this many granules open at once, instead of [`MAX_OPEN`].
    #[must_use]
    pub fn with_max_open(self, max_open: usize) -> Self {
        Self { max_open: max_open.max(1), ..self }
    }

    /// Whether every granule that a task needs is a local file.
    pub fn are_local(&self) -> bool {
        self.slots
            .iter()
            .filter(|slot| slot.needed.load(Ordering::Relaxed) > 0)
            .all(|slot| slot.granule.href(self.driver).is_ok_and(is_local))
    }

    /// Tries every granule that a task needs, without reading it: one line for each that cannot be found.
    pub fn missing(&self) -> Vec<String> {
        let needed = self.slots.iter().filter(|slot| slot.needed.load(Ordering::Relaxed) > 0);
        needed
            .filter_map(|slot| {
                let opened = slot.granule.href(self.driver).and_then(|href| self.opener.open(href));
                opened.err().map(|error| format!("granule {}: {error}", slot.granule.id))
            })
            .collect()
    }

    /// Whether a granule is still the object that this identity tells, which is asked of where it lies.
    ///
    /// # Errors
    /// When that cannot be found out: it is gone, or cannot be reached.
    pub fn is_same(&self, number: u32, identity: &ObjectIdentity) -> Result<bool> {
        let granule = self.granule(number);
        let asked = crate::caught(|| {
            let reader = self.opener.open_known(granule.href(self.driver)?, identity)?;
            Watched::new(reader).prove()
        });
        match asked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Changed => Ok(false),
            Err(error) => Err(error.context(format!("granule {}", granule.id))),
        }
    }

    /// Number of granules.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The granule with this number.
    pub fn granule(&self, number: u32) -> &Granule {
        &self.slots[number as usize].granule
    }

    /// The opened and located granule; the first task that asks opens it, others wait for that.
    ///
    /// # Errors
    /// When it cannot be opened; the same error for every task, unless it is likely to pass.
    pub fn located(&self, number: u32, grid: &dyn Grid) -> Result<Arc<Located>> {
        let slot = &self.slots[number as usize];
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let wait = || cores::waiting(|| slot.state.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = profile::time(Phase::Wait, wait);
        let opened = match &*state {
            State::Open(located) => return Ok(Arc::clone(located)),
            State::Failed(error) => return Err(error.clone()),
            State::Closed | State::Opened(_) => match std::mem::replace(&mut *state, State::Closed) {
                State::Opened(opened) => Some(opened),
                _ => None,
            },
        };
        match self.open(slot, opened, grid) {
            Ok(located) => {
                let located = Arc::new(located);
                // A granule that only tells attributes is no part of this run.
                if slot.has_tasks {
                    let parts = located.granule().parts();
                    let mut all = self.learnt();
                    // What tasks have counted stays when a granule is opened again.
                    let (lost, blocks) =
                        all.remove(&number).map(|before| (before.lost, before.blocks)).unwrap_or_default();
                    let learnt = Learnt {
                        strays: located.strays(&slot.listed, &self.shards),
                        lost,
                        blocks,
                        without_parts: parts.iter().all(|part| part.state == PartState::Absent),
                        known: located.is_known(),
                    };
                    all.insert(number, learnt);
                }
                // What is likely to pass is looked at again by the next task.
                if located.holes().any(|(_, error)| error.kind() == ErrorKind::Temporary) {
                    return Ok(located);
                }
                *state = State::Open(Arc::clone(&located));
                // Before another task can close it.
                self.open.fetch_add(1, Ordering::Relaxed);
                drop(state);
                while self.open.load(Ordering::Relaxed) > self.max_open && self.close_oldest(number, grid) {}
                Ok(located)
            }
            Err(error) => {
                // What is likely to pass is tried again by the next task.
                if error.kind() != ErrorKind::Temporary {
                    *state = State::Failed(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Attributes of a column as the first granule of the map tells them that can be opened, whichever tasks there are:
    /// runs of single shards into one store agree on them.
    pub fn column_attributes(
        &self,
        column: &str,
        grid: &dyn Grid,
    ) -> serde_json::Map<String, serde_json::Value> {
        let (told, traffic) = measured(|| {
            (0..self.slots.len() as u32)
                .filter(|&number| !self.slots[number as usize].listed.is_empty())
                .take(DESCRIBING)
                .find_map(|number| self.told_of(number, column, grid).ok())
        });
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) += traffic;
        let known = self.source.columns().iter().find(|spec| spec.name == column);
        let mut attributes = known.map(|spec| spec.attributes.clone()).unwrap_or_default();
        attributes.extend(told.unwrap_or_default());
        attributes
    }

    /// What was read for the attributes of columns.
    pub fn described(&self) -> Traffic {
        *self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task has ended: what no other task needs is closed.
    pub fn release(&self, numbers: &[u32]) {
        for &number in numbers {
            let slot = &self.slots[number as usize];
            // A task may run twice; the count stays at none then.
            let one_less = |needed: usize| Some(needed.saturating_sub(1));
            let before = slot.needed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
            if before.is_ok_and(|before| before <= 1) {
                self.close(slot);
                slot.index().bytes = None;
            }
        }
    }

    fn close(&self, slot: &Slot) {
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(_)) {
            *state = State::Closed;
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Closes the granule that was not used for longest; it is opened again when a task asks. Whether there was one.
    fn close_oldest(&self, but: u32, grid: &dyn Grid) -> bool {
        let oldest = self
            .slots
            .iter()
            .enumerate()
            .filter(|(number, slot)| {
                // A slot that is locked is being opened, hence in use.
                *number != but as usize
                    && slot.state.try_lock().is_ok_and(|state| matches!(*state, State::Open(_)))
            })
            .min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed));
        if let Some((_, slot)) = oldest {
            self.remember(slot, grid);
            self.close(slot);
        }
        oldest.is_some()
    }

    /// Ids of the granules opened so far that have none of the source's parts, in the order of the map.
    pub fn without_parts(&self) -> Vec<String> {
        self.believed(|learnt| learnt.without_parts.then_some(())).into_iter().map(|(id, ())| id).collect()
    }

    /// Rows that no shard can count, over all granules opened so far, in the order of the map.
    pub fn strays(&self) -> Vec<(String, Strays)> {
        self.believed(|learnt| {
            let mut strays = learnt.strays;
            learnt.lost.values().chain(learnt.blocks.values()).for_each(|lost| strays += *lost);
            Some(strays).filter(|strays| *strays != Strays::default())
        })
    }

    /// Counts the rows of a part that were read for a shard as candidates and that no shard keeps. `homes` has the shard
    /// of every row, then follow longitudes and latitudes.
    pub(crate) fn lost_rows(
        &self,
        located: &Located,
        (number, part, shard): (u32, usize, u64),
        rows: (&Rows, &[u64]),
        positions: (&[f64], &[f64]),
    ) -> Strays {
        let slot = &self.slots[number as usize];
        located.lost((part, shard), rows, positions, (&slot.listed, &self.shards))
    }

    /// Keeps what [`Self::lost_rows`] has counted for a shard; a task that runs twice counts once.
    pub(crate) fn set_lost(&self, number: u32, shard: u64, lost: Strays) {
        if lost != Strays::default()
            && let Some(learnt) = self.learnt().get_mut(&number)
        {
            learnt.lost.insert(shard, lost);
        }
    }

    /// Counts the rows that no shard keeps in the blocks of a part that a shard answers for, once its rows there are known.
    /// Each block counts once, whichever tasks ask.
    ///
    /// # Errors
    /// When the positions of a block cannot be read that no shard needs, and that may have rows in shards which do not list
    /// the granule.
    pub(crate) fn count_blocks(
        &self,
        located: &Located,
        (number, part, shard): (u32, usize, u64),
        grid: &dyn Grid,
    ) -> Result<()> {
        let known = (&*self.slots[number as usize].listed, &self.shards);
        let blocks = located.strays_of_blocks((part, shard), known, grid)?;
        if !blocks.is_empty()
            && let Some(learnt) = self.learnt().get_mut(&number)
        {
            learnt.blocks.extend(blocks.into_iter().map(|(block, strays)| ((part, block), strays)));
        }
        Ok(())
    }

    fn learnt(&self) -> MutexGuard<'_, BTreeMap<u32, Learnt>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of what was learnt, with the ids of the granules. Nothing of one whose index alone says it.
    fn believed<T>(&self, pick: impl Fn(&Learnt) -> Option<T>) -> Vec<(String, T)> {
        let learnt = self.learnt();
        let sure = learnt.iter().filter(|&(&number, learnt)| {
            !learnt.known || self.slots[number as usize].index().seen.load(Ordering::SeqCst)
        });
        sure.filter_map(|(&number, learnt)| Some((self.granule(number).id.clone(), pick(learnt)?))).collect()
    }
}
