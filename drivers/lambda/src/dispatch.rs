//! The engine: tasks out, responses in, until every task has ended or the run is stopped.
//!
//! One loop owns all state; calls run beside it and report to it. Whatever is sent has a number, its *attempt*. An attempt is
//! heard of by the answer to its call, or, where the call is queued or its answer was lost, by the object that the function
//! puts its response into. What happens twice is harmless: a task writes the same bytes each time.

mod attempt;
mod backup;
mod fleet;
mod hear;
mod poll;
mod shard;
mod start;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use zagg_core::executor::Observer;
use zagg_core::report::TaskReport;
use zagg_core::{Error, Result};

use crate::credentials::Lending;
use crate::events::Events;
use crate::invoke::{Answer, Fault, FaultClass, Invoke};
use crate::objects::Objects;
use crate::policy::Policy;
use crate::tally::Tally;
use crate::window::{Ramp, Window};
use attempt::Attempt;
pub use fleet::{CallMode, FILES_KEPT_FREE, Fleet};
pub(crate) use hear::failed_report;
use poll::Looked;
use shard::Shard;

/// What a dispatcher is made of.
pub struct Dispatcher {
    /// Calls functions.
    pub invoke: Arc<dyn Invoke>,
    /// The folder beside the store.
    pub objects: Arc<dyn Objects>,
    /// Events and tasks.
    pub events: Arc<Events>,
    /// The credentials that workers are lent, renewed as the run goes on.
    pub lending: Option<Arc<Lending>>,
    /// What is done again, how often and when.
    pub policy: Policy,
    /// What may be used.
    pub fleet: Fleet,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dispatcher({} tasks to {:?})", self.events.tasks.len(), self.fleet)
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Dispatched {
    /// The reports of the tasks that ended, by their places in the plan; none of those that were not reached.
    pub reports: Vec<Option<TaskReport>>,
    /// Counts.
    pub tally: Tally,
    /// Why it was stopped before its end, unless the user did.
    pub stopped: Option<Error>,
}

impl Dispatcher {
    /// Runs all tasks, those with the most granules first.
    ///
    /// Must be called on a tokio runtime with a clock; blocking work goes to its threads for that.
    pub async fn run(&self, observer: &dyn Observer) -> Dispatched {
        let mut state = State::new(self, observer);
        state.work().await;
        // What is renewed after it was taken away would stay.
        if let Some(renewal) = state.renewal.take() {
            let _ = renewal.await;
        }
        state.finish()
    }
}

/// An ended call: its attempt and its answer.
type Ended = (u64, Result<Answer, Fault>);

/// The state of a run.
struct State<'a> {
    at: &'a Dispatcher,
    observer: &'a dyn Observer,
    shards: Vec<Shard>,
    reports: Vec<Option<TaskReport>>,
    ended: usize,
    /// To be sent now, and whether as a backup.
    ready: VecDeque<(usize, bool)>,
    /// To be sent later.
    later: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Attempts that were not heard of.
    attempts: BTreeMap<u64, Attempt>,
    next_attempt: u64,
    calls: JoinSet<Ended>,
    call_ids: HashMap<Id, u64>,
    /// Calls that are waited for, queued events of which nothing was heard, and events being sent.
    waited: usize,
    queued: usize,
    sending: usize,
    window: Window,
    send_window: Window,
    ramp: Ramp,
    queue_ramp: Ramp,
    /// Since when every call was refused, and how the last one was; none once one got through.
    refused: Option<(Instant, String)>,
    /// Seconds and granules of attempts that were heard of, ascending.
    seconds: Vec<f64>,
    weights: Vec<f64>,
    stopping: bool,
    stopped: Option<Error>,
    polling: Option<JoinHandle<Result<Looked>>>,
    next_poll: Instant,
    /// When responses were last looked for without an error; when the last look began that saw all there were.
    polled: Instant,
    looked: Instant,
    renewal: Option<JoinHandle<Result<()>>>,
    /// Whether credentials were refused, so that they are renewed at once.
    renew: bool,
    tally: Tally,
}

impl<'a> State<'a> {
    fn new(at: &'a Dispatcher, observer: &'a dyn Observer) -> Self {
        let now = Instant::now();
        let tasks = &at.events.tasks;
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|&task| Reverse(tasks[task].granules.len()));
        let functions = at.fleet.functions.len().max(1) as f64;
        let policy = &at.policy;
        Self {
            at,
            observer,
            shards: vec![Shard::default(); tasks.len()],
            reports: vec![None; tasks.len()],
            ended: 0,
            ready: order.into_iter().map(|task| (task, false)).collect(),
            later: BinaryHeap::new(),
            attempts: BTreeMap::new(),
            next_attempt: 0,
            calls: JoinSet::new(),
            call_ids: HashMap::new(),
            waited: 0,
            queued: 0,
            sending: 0,
            window: Window::new(at.fleet.waited, policy.growth * functions, now),
            send_window: Window::new(policy.sends, policy.growth * functions, now),
            ramp: Ramp::new(policy.ramp * functions, policy.ramp * functions, now),
            queue_ramp: Ramp::new(policy.queued_burst * functions, policy.ramp * functions, now),
            refused: None,
            seconds: Vec::new(),
            weights: Vec::new(),
            stopping: false,
            stopped: None,
            polling: None,
            next_poll: now + policy.poll,
            polled: now,
            looked: now,
            renewal: None,
            renew: false,
            tally: Tally::default(),
        }
    }

    /// The loop.
    async fn work(&mut self) {
        let mut next_tick = Instant::now();
        let mut over: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if now >= next_tick {
                self.tick(now);
                next_tick = now + self.at.policy.tick;
            }
            self.fill(now);
            if self.is_over() {
                // Only duplicates are still out: for their time on the bill they are waited for a little.
                let until = *over.get_or_insert(now + self.at.policy.linger);
                if self.waited == 0 || now >= until || self.observer.stop_requested() {
                    return;
                }
            }
            tokio::select! {
                Some(joined) = self.calls.join_next_with_id(), if !self.calls.is_empty() => {
                    self.joined(joined);
                    // Many end together: they are taken in before anything else is looked at.
                    while let Some(joined) = self.calls.try_join_next_with_id() {
                        self.joined(joined);
                    }
                }
                Some(found) = finished(&mut self.polling) => self.polled(found),
                Some(renewed) = finished(&mut self.renewal) => self.renewed(&renewed),
                () = sleep_until(next_tick) => {}
            }
        }
    }

    /// Whether nothing is left to be waited for.
    fn is_over(&self) -> bool {
        self.ended == self.shards.len() || (self.stopping && self.attempts.values().all(|a| a.given_up))
    }

    /// What is looked at now and then.
    fn tick(&mut self, now: Instant) {
        if self.observer.stop_requested() {
            self.stop(None);
        }
        self.give_up_late(now);
        self.back_up(now);
        self.give_up_refused(now);
        let lending = self.at.lending.as_ref();
        if let Some(lending) = lending.filter(|lending| self.renew || lending.is_due(SystemTime::now()))
            && self.renewal.is_none()
        {
            self.renew = false;
            let lending = Arc::clone(lending);
            self.renewal = Some(tokio::task::spawn_blocking(move || lending.renew()));
        }
        self.poll(now);
    }

    /// Ends a run of which Lambda takes nothing.
    fn give_up_refused(&mut self, now: Instant) {
        let policy = &self.at.policy;
        // A refusal comes at once: a call that is still open after a while runs a function.
        let runs = |attempt: &Attempt| {
            !attempt.queued
                && attempt.heard_until.is_none()
                && now.duration_since(attempt.started) > policy.taken_after
        };
        if self.refused.is_some() && self.attempts.values().any(runs) {
            self.refused = None;
        }
        let Some((since, last)) = &self.refused else { return };
        if self.stopping || now.duration_since(*since) <= policy.patience {
            return;
        }
        let minutes = policy.patience.as_secs() / 60;
        let why = format!(
            "no call to Lambda has got through for {minutes} minutes ({}; the last one: {last}); run again later, which does what \
             is left",
            self.faults()
        );
        self.stop(Some(Error::temporary(why)));
    }

    fn renewed(&mut self, renewed: &Result<()>) {
        if renewed.is_err() {
            // The next try comes by itself; workers whose credentials end until then say so.
            self.tally.fault("credentials not renewed");
        }
    }

    /// Sends nothing more.
    fn stop(&mut self, why: Option<Error>) {
        self.stopping = true;
        self.stopped = self.stopped.take().or(why);
        self.ready.clear();
        self.later.clear();
    }

    /// The faults so far, for a message.
    fn faults(&self) -> String {
        let faults: Vec<String> =
            self.tally.faults.iter().map(|(name, times)| format!("{name} {times} times")).collect();
        faults.join(", ")
    }

    fn joined(&mut self, joined: std::result::Result<(Id, Ended), tokio::task::JoinError>) {
        match joined {
            Ok((id, (attempt, answer))) => {
                self.call_ids.remove(&id);
                self.answered(attempt, answer);
            }
            // A call that panicked is a bug; what became of its event nobody knows.
            Err(error) => {
                if let Some(attempt) = self.call_ids.remove(&error.id()) {
                    self.answered(attempt, Err(Fault::new(FaultClass::Lost, "the call was broken off")));
                }
            }
        }
    }

    fn finish(mut self) -> Dispatched {
        self.calls.abort_all();
        let now = Instant::now();
        for attempt in self.attempts.values() {
            self.tally.unheard += 1;
            let most = self.at.fleet.timeout;
            self.tally.unheard_ms += now.duration_since(attempt.started).min(most).as_secs_f64() * 1e3;
        }
        for (shard, task) in self.shards.iter().zip(&self.at.events.tasks) {
            if shard.runs > 1 {
                self.tally.repeated.insert(task.shard.clone(), shard.runs);
            }
        }
        Dispatched { reports: self.reports, tally: self.tally, stopped: self.stopped }
    }
}

/// The end of work on another thread; waits for ever where there is none.
async fn finished<T>(work: &mut Option<JoinHandle<Result<T>>>) -> Option<Result<T>> {
    match work {
        None => std::future::pending().await,
        Some(handle) => {
            let outcome = handle.await;
            *work = None;
            Some(outcome.unwrap_or_else(|_| Err(Error::io("work on another thread was broken off"))))
        }
    }
}
