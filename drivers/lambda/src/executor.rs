//! The executor: a run's tasks on AWS Lambda.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use zagg_core::executor::{Executor, Observer};
use zagg_core::plan::{BESIDE, DOCUMENT, PlanOptions, WorkPlan};
use zagg_core::registry::Registry;
use zagg_core::report::TaskReport;
use zagg_core::run::Run;
use zagg_core::{Context, Error, ErrorKind, Result};

use crate::credentials::{Lend, Lending};
use crate::dispatch::{Dispatched, Dispatcher, Fleet};
use crate::event::{CredentialsPointer, PlanPointer};
use crate::events::Events;
use crate::invoke::Invoke;
use crate::objects::Objects;
use crate::policy::Policy;
use crate::tally::Tally;
use crate::usage::{self, Usage};

/// Where workers find credentials for granules.
pub enum Credentials {
    /// Nowhere: none are needed, or the function's own role reads the granules.
    None,
    /// In an object that the dispatcher writes, renews and takes away.
    Lent(Lend),
    /// In an object that somebody else keeps, `s3://bucket/key`.
    At(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Lent(_) => f.write_str("Lent"),
            Self::At(uri) => f.debug_tuple("At").field(uri).finish(),
        }
    }
}

/// What an executor is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What calls and the dispatcher run on, [`runtime`](crate::runtime).
    pub runtime: &'a tokio::runtime::Runtime,
    /// Calls functions.
    pub invoke: Arc<dyn Invoke>,
    /// The folder beside the store.
    pub objects: Arc<dyn Objects>,
    /// Its place, `s3://bucket/store.zarr.zagg`.
    pub folder: String,
    /// The plugins, for the plan.
    pub registry: &'a Registry,
    /// The store as the functions find it.
    pub plan: PlanOptions,
    /// Where workers find credentials for granules.
    pub credentials: Credentials,
    /// What is done again, how often and when.
    pub policy: Policy,
    /// What may be used.
    pub fleet: Fleet,
    /// Seconds that one granule is expected to take.
    pub seconds_per_granule: Option<f64>,
}

/// What a run came to on Lambda.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Id of the run, which events and logs of the function name.
    pub run: String,
    /// Counts.
    pub tally: Tally,
    /// Why it was stopped before its end, unless the user did.
    pub stopped: Option<Error>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What dispatching took on this machine, where that is known.
    pub usage: Option<Usage>,
    /// Wall time of dispatching, in seconds.
    pub seconds: f64,
}

/// The folder of the objects with credentials, beside the store.
const LENT: &str = "credentials/";
/// The folder of what functions answer, one for each run in it; statuses of workers are there, too.
const ANSWERS: &str = "status/";

/// Runs tasks on AWS Lambda.
///
/// The plan is written beside the store first, then events are sent that name it. The run holds the store's lock meanwhile.
#[derive(Debug)]
pub struct LambdaExecutor<'a> {
    parts: Parts<'a>,
    outcome: Mutex<Option<Outcome>>,
}

impl<'a> LambdaExecutor<'a> {
    /// An executor of these parts.
    pub fn new(parts: Parts<'a>) -> Self {
        Self { parts, outcome: Mutex::new(None) }
    }

    /// What the last run came to.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes the plan, and gives the events.
    fn publish(&self, run: &Run, id: &str) -> Result<Events> {
        let parts = &self.parts;
        let uri = format!("{}/{BESIDE}", parts.folder);
        let new = WorkPlan::of(run, parts.registry, &parts.plan)?;
        let digest = new.plan.digest()?;
        let objects = new.objects(&uri)?.into_iter();
        let named = objects.map(|(name, bytes)| (format!("{BESIDE}/{name}"), Some(Bytes::from(bytes))));
        // A plan that can be read is whole: its document comes last.
        let (last, first): (Vec<_>, Vec<_>) = named.partition(|(name, _)| name.ends_with(DOCUMENT));
        parts.objects.change(first)?;
        parts.objects.change(last)?;
        Ok(Events {
            run: id.to_string(),
            plan: PlanPointer { uri, digest },
            folder: parts.folder.clone(),
            credentials: None,
            seconds_per_granule: parts.seconds_per_granule,
            tasks: new.tasks,
        })
    }

    /// Takes away the credentials of earlier runs that were killed before they could, and the answers that they got. The run
    /// holds the lock of the store, so that none of those goes on. Gives what the user should know.
    fn sweep(&self) -> Option<String> {
        let objects = &self.parts.objects;
        let sweep = |place: &str| {
            let stale: Vec<_> = objects
                .list(place)?
                .into_iter()
                .filter(|name| is_of_run(name))
                .map(|name| (name, None))
                .collect();
            if stale.is_empty() { Ok(()) } else { objects.change(stale) }
        };
        // Credentials first: nobody is harmed by answers.
        sweep(LENT).and_then(|()| sweep(ANSWERS)).err().map(|error| {
            format!(
                "credentials or answers that an earlier run may have left in {0}/{LENT} and {0}/{ANSWERS} were not taken away: \
                 {error}",
                self.parts.folder
            )
        })
    }

    /// Lends credentials, if any are needed, and says where.
    fn lend(&self, id: &str) -> Result<(Option<CredentialsPointer>, Option<Arc<Lending>>)> {
        let parts = &self.parts;
        match &parts.credentials {
            Credentials::None => Ok((None, None)),
            Credentials::At(uri) => Ok((Some(CredentialsPointer { uri: uri.clone() }), None)),
            Credentials::Lent(lend) => {
                let name = format!("{LENT}{id}.json");
                let lend = Arc::clone(lend);
                let Some(lending) = Lending::start(Arc::clone(&parts.objects), &name, lend)
                    .context(|| "credentials that workers are lent")?
                else {
                    return Ok((None, None));
                };
                let uri = format!("{}/{name}", parts.folder);
                Ok((Some(CredentialsPointer { uri }), Some(Arc::new(lending))))
            }
        }
    }

    fn dispatch(&self, events: Events, lending: Option<Arc<Lending>>, observer: &dyn Observer) -> Dispatched {
        let parts = &self.parts;
        let dispatcher = Dispatcher {
            invoke: Arc::clone(&parts.invoke),
            objects: Arc::clone(&parts.objects),
            events: Arc::new(events),
            lending,
            policy: parts.policy.clone(),
            fleet: parts.fleet.clone(),
        };
        parts.runtime.block_on(dispatcher.run(observer))
    }

    /// Takes away what only this run needed.
    fn clean_up(&self, id: &str, lending: Option<&Lending>) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(lending) = lending
            && let Err(error) = lending.end()
        {
            warnings.push(format!(
                "the credentials that workers were lent could not be taken away; delete {}/{}: {error}",
                self.parts.folder,
                lending.name()
            ));
        }
        let responses = self.parts.objects.list(&format!("{ANSWERS}{id}/"));
        let taken = responses.and_then(|names| {
            self.parts.objects.change(names.into_iter().map(|name| (name, None)).collect())
        });
        if let Err(error) = taken {
            warnings.push(format!(
                "responses under {}/{ANSWERS}{id} were left there: {error}",
                self.parts.folder
            ));
        }
        warnings
    }
}

impl Executor for LambdaExecutor<'_> {
    fn run(&self, run: &Arc<Run>, observer: &dyn Observer) -> Result<Vec<TaskReport>> {
        if run.tasks.is_empty() {
            return Ok(Vec::new());
        }
        let id = run_id();
        let before = usage::of_process();
        let started = std::time::Instant::now();
        let mut events = self.publish(run, &id)?;
        let swept = self.sweep();
        let (pointer, lending) = self.lend(&id)?;
        events.credentials = pointer;
        let shards: Vec<(String, u64)> =
            events.tasks.iter().map(|task| (task.shard.clone(), task.granules.len() as u64)).collect();
        let dispatched = self.dispatch(events, lending.clone(), observer);
        let mut warnings = self.clean_up(&id, lending.as_deref());
        warnings.extend(swept);
        let Dispatched { mut reports, tally, stopped } = dispatched;
        let usage = usage::of_process().map(|after| after.since(before));
        let seconds = started.elapsed().as_secs_f64();
        // One that has ended nothing is the error of the whole run.
        let told = stopped.clone().filter(|_| reports.iter().any(Option::is_some));
        let outcome = Outcome { run: id, tally, stopped: told, warnings, usage, seconds };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        if let Some(error) = stopped {
            if reports.iter().all(Option::is_none) {
                return Err(error);
            }
            // The summary must not read as if waiting were enough.
            if error.kind() != ErrorKind::Temporary
                && let Some(place) = reports.iter().position(Option::is_none)
            {
                let (shard, granules) = &shards[place];
                reports[place] =
                    Some(crate::dispatch::failed_report(shard, *granules, error.message(), false));
            }
        }
        Ok(reports.into_iter().flatten().collect())
    }
}

/// Whether an object with credentials or an answer is one of those that runs write, [`run_id`], and not somebody else's.
fn is_of_run(name: &str) -> bool {
    let lent = name.strip_prefix(LENT).and_then(|name| name.strip_suffix(".json"));
    let answer = || name.strip_prefix(ANSWERS)?.split_once('/').map(|(id, _)| id);
    lent.or_else(answer).and_then(|id| id.split_once('-')).is_some_and(|(seconds, random)| {
        let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        digits(seconds, 10) && random.len() == 8 && digits(random, 16)
    })
}

/// An id that no other run has: the time, and a random number.
fn run_id() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{seconds}-{:08x}", fastrand::u32(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_leave_is_told_from_what_somebody_else_keeps() {
        assert!(is_of_run(&format!("{LENT}{}.json", run_id())));
        assert!(is_of_run(&format!("{ANSWERS}{}/000000/000000001.json", run_id())));
        for other in [
            "credentials/mine.json",
            "credentials/1-2.json",
            "status/1763800000-0a1b2c3d.json",
            "status/3414123.json",
            "status/mine/000000/000000001.json",
            "credentials/",
        ] {
            assert!(!is_of_run(other), "{other}");
        }
    }
}
