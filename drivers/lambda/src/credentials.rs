//! The credentials for granules that workers are lent: an object that the dispatcher writes, renews and takes away.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use zagg_access::Loan;
use zagg_core::{Error, Result};

use crate::objects::Objects;

/// How long before their end credentials are renewed: workers read them anew ten minutes before it.
const MARGIN: Duration = Duration::from_secs(900);
/// How often credentials are renewed that do not say when they end.
const UNKNOWN_LIFE: Duration = Duration::from_secs(1_200);
/// How long a renewal that failed, or one that brought no later end, is not tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// Asks for credentials that may be lent: `zagg_access::Access::lend` for the granules of the run.
pub type Lend = Arc<dyn Fn() -> Result<Option<Loan>> + Send + Sync>;

/// Keeps the object as long as the run goes on; dropping it takes the object away.
pub struct Lending {
    objects: Arc<dyn Objects>,
    name: String,
    lend: Lend,
    due: Mutex<SystemTime>,
    taken_away: AtomicBool,
}

impl fmt::Debug for Lending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lending").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Lending {
    /// Asks for credentials and writes the object; none when the granules need nothing.
    ///
    /// # Errors
    /// When there is no login, or the object cannot be written.
    pub fn start(objects: Arc<dyn Objects>, name: &str, lend: Lend) -> Result<Option<Self>> {
        let Some(loan) = lend()? else { return Ok(None) };
        let due = Mutex::new(SystemTime::UNIX_EPOCH);
        let lending = Self { objects, name: name.to_string(), lend, due, taken_away: AtomicBool::new(false) };
        lending.write(&loan)?;
        Ok(Some(lending))
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is time to renew the object.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now >= *self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for credentials and writes the object anew. Blocks.
    ///
    /// # Errors
    /// As of [`Self::start`]; the next try is a minute later.
    pub fn renew(&self) -> Result<()> {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = SystemTime::now() + AGAIN;
        match (self.lend)()? {
            Some(loan) => self.write(&loan),
            None => Err(Error::temporary("credentials for granules are not to be had any more")),
        }
    }

    fn write(&self, loan: &Loan) -> Result<()> {
        let bytes = Bytes::from(loan.document.expose().to_string());
        self.objects.change(vec![(self.name.clone(), Some(bytes))])?;
        let now = SystemTime::now();
        let due = loan.ends.and_then(|ends| ends.checked_sub(MARGIN)).unwrap_or(now + UNKNOWN_LIFE);
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = due.max(now + AGAIN);
        Ok(())
    }

    /// Takes the object away, once nobody renews it any more.
    ///
    /// # Errors
    /// When that fails: then the user is to do it.
    pub fn end(&self) -> Result<()> {
        self.taken_away.store(true, Ordering::Relaxed);
        self.objects.change(vec![(self.name.clone(), None)])
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        if !self.taken_away.load(Ordering::Relaxed) {
            // Somebody is on the way out already, with an error of their own to tell.
            let _ = self.objects.change(vec![(self.name.clone(), None)]);
        }
    }
}
