//! A value that is fetched when first needed, by one caller for all, and again before it ends.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use zagg_core::{Error, ErrorKind, Result};

/// Tells the time; tests have their own.
pub(crate) type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// What time it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// As calendars have it, for ends that a server named. Whoever sets the clock of the system moves it.
    pub(crate) date: SystemTime,
    /// For spans of our own.
    pub(crate) steady: Instant,
}

/// The clock of the system.
pub(crate) fn system_clock() -> Clock {
    Arc::new(|| Now { date: SystemTime::now(), steady: Instant::now() })
}

/// For how long a failure that is likely to pass stands for all who ask. Whoever asked meanwhile shares it.
const PASSING: Duration = Duration::from_secs(2);
/// For how long any other failure stands. A password that was refused once must not be tried by thousands of granules:
/// the account would be locked.
const LASTING: Duration = Duration::from_secs(300);

/// What a fetch brought.
#[derive(Debug, Clone)]
pub(crate) struct Fetched<T> {
    pub(crate) value: T,
    /// When it ends.
    pub(crate) ends: SystemTime,
}

/// The value, with the time before its end at which it is fetched anew.
pub(crate) struct Refreshed<T> {
    clock: Clock,
    margin: Duration,
    lasting: Duration,
    state: Mutex<State<T>>,
    fetching: tokio::sync::Mutex<()>,
}

struct State<T> {
    kept: Option<Kept<T>>,
    failed: Option<(Error, Instant)>,
    /// When a value was dropped last because a server refused it.
    dropped: Option<Instant>,
}

struct Kept<T> {
    value: T,
    refresh: SystemTime,
    ends: SystemTime,
}

impl<T> fmt::Debug for Refreshed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshed").finish_non_exhaustive()
    }
}

impl<T: Clone> Refreshed<T> {
    /// Nothing yet. `margin`: how long before its end a value is fetched anew, a sixth of its life at most.
    pub(crate) fn new(clock: Clock, margin: Duration) -> Self {
        let state = Mutex::new(State { kept: None, failed: None, dropped: None });
        Self { clock, margin, lasting: LASTING, state, fetching: tokio::sync::Mutex::new(()) }
    }

    /// The same where it costs nobody anything to be asked often: failures and refusals stand for this long at most.
    pub(crate) fn standing_for(self, lasting: Duration) -> Self {
        Self { lasting, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, fetched when there is none or it ends soon. Of callers at the same time one fetches; while the old value
    /// is still good the others have that, and so has the one if fetching fails.
    ///
    /// # Errors
    /// As the fetch that was made last.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<Fetched<T>>>,
    {
        self.get_lasting(Duration::ZERO, fetch).await
    }

    /// The same, where a value that ends within `least` does not serve while another can be had: it is fetched anew.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn get_lasting<F>(&self, least: Duration, fetch: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<Fetched<T>>>,
    {
        let now = (self.clock)();
        let (fresh, good) = self.look(now, least);
        if let Some(value) = fresh {
            return Ok(value);
        }
        let _fetching = match (self.fetching.try_lock(), good) {
            (Ok(guard), _) => guard,
            (Err(_), Some(value)) => return Ok(value),
            (Err(_), None) => self.fetching.lock().await,
        };
        // Somebody else may have fetched, or failed, while this one waited.
        let now = (self.clock)();
        let (fresh, good) = self.look(now, least);
        if let Some(value) = fresh {
            return Ok(value);
        }
        let failed = self.state().failed.clone().filter(|(_, until)| now.steady < *until);
        let fetched = match failed {
            Some((error, _)) => Err(error),
            None => fetch().await,
        };
        let now = (self.clock)();
        match fetched {
            Ok(Fetched { value, ends }) => {
                let left = ends.duration_since(now.date).unwrap_or_default();
                let refresh = ends - self.margin.min(left / 6);
                let mut state = self.state();
                state.failed = None;
                state.kept = Some(Kept { value: value.clone(), refresh, ends });
                Ok(value)
            }
            Err(error) => {
                let passing = matches!(error.kind(), ErrorKind::Temporary | ErrorKind::Io);
                let until = now.steady + if passing { PASSING.min(self.lasting) } else { self.lasting };
                self.state().failed.get_or_insert((error.clone(), until));
                good.ok_or(error)
            }
        }
    }

    /// The value when it is fresh and lasts so long at least, and when it is good at all.
    fn look(&self, now: Now, least: Duration) -> (Option<T>, Option<T>) {
        let mut state = self.state();
        if state.failed.as_ref().is_some_and(|(_, until)| *until <= now.steady) {
            state.failed = None;
        }
        let Some(kept) = &state.kept else { return (None, None) };
        let value = |until: SystemTime| (now.date < until).then(|| kept.value.clone());
        let lasts = kept.ends.duration_since(now.date).is_ok_and(|left| left >= least);
        (value(kept.refresh).filter(|_| lasts), value(kept.ends))
    }

    /// A server refused a value before its time. Gives whether the next one may be another: the value is dropped when it is
    /// still the one meant, but not when it came in the place of a refused one lately. That refusal stands, so that
    /// thousands of granules do not ask for one value after the other.
    pub(crate) fn refused(&self, meant: impl FnOnce(&T) -> bool) -> bool {
        let now = (self.clock)().steady;
        let mut state = self.state();
        if !state.kept.as_ref().is_some_and(|kept| meant(&kept.value)) {
            return true;
        }
        if state.dropped.is_some_and(|dropped| now.duration_since(dropped) < self.lasting) {
            return false;
        }
        state.dropped = Some(now);
        state.kept = None;
        true
    }
}

#[cfg(test)]
#[path = "refreshed/tests.rs"]
mod tests;
