//! Where the time of a run goes, and what it read, decoded and wrote.
//!
//! Counting costs a few clock readings for every chunk, so it is always on. A thread counts for the profile that it has
//! entered; [`IoPool`](crate::io_pool::IoPool) hands the profile on to its threads, and whoever starts threads of their own
//! does the same with [`current`] and [`within`].
//!
//! Times are exclusive: what runs inside another phase on the same thread is taken off that phase, so that all phases together
//! are the time that threads spent, each second once. The threads of a run work side by side: the sum is more than the wall time.

mod phase;

pub use phase::{Counter, Phase};

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Counters of one run.
#[derive(Debug)]
pub struct Profile {
    started: Instant,
    /// Nanoseconds of each phase.
    nanos: [AtomicU64; Phase::ALL.len()],
    /// How often each phase was entered.
    calls: [AtomicU64; Phase::ALL.len()],
    counters: [AtomicU64; Counter::ALL.len()],
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Profile>>> = const { RefCell::new(None) };
    /// Nanoseconds of finished phases inside the one that is running on this thread.
    static INSIDE: Cell<u64> = const { Cell::new(0) };
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            nanos: [const { AtomicU64::new(0) }; Phase::ALL.len()],
            calls: [const { AtomicU64::new(0) }; Phase::ALL.len()],
            counters: [const { AtomicU64::new(0) }; Counter::ALL.len()],
        }
    }
}

impl Profile {
    /// Nothing counted yet; the wall time starts now.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` and counts its time for a phase, without the phases inside it.
    pub fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let _clock = Clock::start(self, phase);
        work()
    }

    /// Adds to a counter.
    pub fn add(&self, counter: Counter, more: u64) {
        self.counters[counter as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// The calling thread counts for this profile until the guard is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Entered {
        Entered::new(Some(Arc::clone(self)))
    }

    /// What was counted so far.
    pub fn report(&self) -> ProfileReport {
        let read = |counts: &[AtomicU64], at: usize| counts[at].load(Ordering::Relaxed);
        let phase = |&phase: &Phase| {
            let at = phase as usize;
            let seconds = read(&self.nanos, at) as f64 / 1e9;
            (phase.name().to_string(), PhaseReport { seconds, calls: read(&self.calls, at) })
        };
        let counter =
            |&counter: &Counter| (counter.name().to_string(), read(&self.counters, counter as usize));
        ProfileReport {
            seconds: self.started.elapsed().as_secs_f64(),
            phases: Phase::ALL.iter().map(phase).collect(),
            counters: Counter::ALL.iter().map(counter).collect(),
        }
    }
}

/// Counts when it is dropped, so that a panic does not leave what is inside a phase to the next one.
struct Clock<'a> {
    profile: &'a Profile,
    phase: Phase,
    started: Instant,
    /// What was inside the outer phase before this one.
    before: u64,
}

impl<'a> Clock<'a> {
    fn start(profile: &'a Profile, phase: Phase) -> Self {
        Self { profile, phase, before: INSIDE.replace(0), started: Instant::now() }
    }
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        let nanos = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let own = nanos.saturating_sub(INSIDE.get());
        let at = self.phase as usize;
        self.profile.nanos[at].fetch_add(own, Ordering::Relaxed);
        self.profile.calls[at].fetch_add(1, Ordering::Relaxed);
        INSIDE.set(self.before.saturating_add(nanos));
    }
}

/// The calling thread counts for another profile while this lives; see [`Profile::enter`].
pub struct Entered {
    before: Option<Arc<Profile>>,
    inside: u64,
    /// It must be dropped on the thread that it was made on.
    _here: PhantomData<*const ()>,
}

impl Entered {
    fn new(profile: Option<Arc<Profile>>) -> Self {
        let before = CURRENT.with(|current| current.replace(profile));
        Self { before, inside: INSIDE.replace(0), _here: PhantomData }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entered")
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.before.take()));
        // What was counted meanwhile is inside the phase that goes on, too.
        INSIDE.set(self.inside.saturating_add(INSIDE.get()));
    }
}

/// The profile that the calling thread counts for, to be handed to another thread.
pub fn current() -> Option<Arc<Profile>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Runs `work` with this profile as the calling thread's.
pub fn within<T>(profile: Option<Arc<Profile>>, work: impl FnOnce() -> T) -> T {
    let _entered = Entered::new(profile);
    work()
}

/// Runs `work` and counts its time for a phase of the calling thread's profile, when it has one.
pub fn time<T>(phase: Phase, work: impl FnOnce() -> T) -> T {
    match current() {
        Some(profile) => profile.time(phase, work),
        None => work(),
    }
}

/// Adds to a counter of the calling thread's profile, when it has one.
pub fn add(counter: Counter, more: u64) {
    CURRENT.with(|current| {
        if let Some(profile) = &*current.borrow() {
            profile.add(counter, more);
        }
    });
}

/// What a [`Profile`] has counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfileReport {
    /// Wall time since the profile was made.
    pub seconds: f64,
    /// Time of all threads by the name of the phase.
    pub phases: BTreeMap<String, PhaseReport>,
    /// Counts by name: see [`Counter`].
    pub counters: BTreeMap<String, u64>,
}

/// Time spent in one phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Seconds of all threads together.
    pub seconds: f64,
    /// How often it was entered.
    pub calls: u64,
}

impl ProfileReport {
    /// Adds what another process counted for the same run. The wall time is the longer one.
    pub fn merge(&mut self, other: &Self) {
        self.seconds = self.seconds.max(other.seconds);
        for (name, more) in &other.phases {
            let phase = self.phases.entry(name.clone()).or_default();
            phase.seconds += more.seconds;
            phase.calls += more.calls;
        }
        for (name, more) in &other.counters {
            *self.counters.entry(name.clone()).or_default() += more;
        }
    }

    /// Seconds of all threads, without those in which they waited for each other.
    pub fn busy(&self) -> f64 {
        let busy = self.phases.iter().filter(|(name, _)| *name != Phase::Wait.name());
        busy.map(|(_, phase)| phase.seconds).sum()
    }

    /// One counter; none is 0.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(counter.name()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
