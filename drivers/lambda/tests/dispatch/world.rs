//! A Lambda of a script: what becomes of each call is drawn from its number, so that a run goes the same way each time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use zagg_access::{Loan, Secret};
use zagg_core::Result;
use zagg_core::executor::Observer;
use zagg_core::granule::Granule;
use zagg_core::plan::PlannedTask;
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_lambda::credentials::{Lend, Lending};
use zagg_lambda::dispatch::{Dispatched, Dispatcher, Fleet};
use zagg_lambda::event::{
    CredentialsPointer, Event, Outcome, PlanPointer, Response, TaskError, TaskErrorClass, WorkerInfo,
};
use zagg_lambda::events::Events;
use zagg_lambda::invoke::Invoke;
use zagg_lambda::objects::Objects;
use zagg_lambda::policy::Policy;

/// What no event may hold.
pub(crate) const HUSH: &str = "hush-s3cr3t";

/// Objects in memory.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) Mutex<BTreeMap<String, Bytes>>);

impl Objects for Memory {
    fn change(&self, changes: Vec<(String, Option<Bytes>)>) -> Result<()> {
        let mut objects = self.0.lock().unwrap();
        for (name, bytes) in changes {
            match bytes {
                Some(bytes) => objects.insert(name, bytes),
                None => objects.remove(&name),
            };
        }
        Ok(())
    }

    fn read(&self, names: &[String], longest: u64) -> Result<Vec<Option<Bytes>>> {
        let objects = self.0.lock().unwrap();
        let found: Vec<Option<Bytes>> = names.iter().map(|name| objects.get(name).cloned()).collect();
        assert!(found.iter().flatten().all(|bytes| bytes.len() as u64 <= longest));
        Ok(found)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let objects = self.0.lock().unwrap();
        Ok(objects
            .range(prefix.to_string()..)
            .map(|(name, _)| name.clone())
            .take_while(|name| name.starts_with(prefix))
            .collect())
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// Status 429.
    Throttled,
    /// Status 500 of Lambda itself.
    Busy,
    /// The connection breaks before anything has run.
    Dropped,
    /// The function runs, and ends like this after so many seconds; or its answer is lost on the way.
    Runs(f64, End, bool),
}

/// How a function ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    Done,
    Temporary,
    Error,
    Memory,
    Timeout,
}

/// How often what happens, of 1,000 calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) throttled: u64,
    pub(crate) busy: u64,
    pub(crate) dropped: u64,
    pub(crate) lost: u64,
    pub(crate) temporary: u64,
    pub(crate) error: u64,
    pub(crate) memory: u64,
    pub(crate) timeout: u64,
    pub(crate) stragglers: u64,
    /// Seconds of a usual task, and how many times as long a straggler takes.
    pub(crate) seconds: f64,
    pub(crate) straggling: f64,
    pub(crate) limit: f64,
    /// Executions at once that the account allows.
    pub(crate) concurrency: usize,
    /// The attempt from which on the first credentials have ended.
    pub(crate) credentials_end: u64,
    /// A shard that always runs out of memory, by its index.
    pub(crate) too_large: Option<u64>,
}

/// Everything that can go wrong does.
pub(crate) const STORM: Weather = Weather {
    throttled: 20,
    busy: 10,
    dropped: 5,
    lost: 10,
    temporary: 10,
    error: 10,
    memory: 5,
    timeout: 5,
    stragglers: 20,
    seconds: 40.0,
    straggling: 20.0,
    limit: 900.0,
    concurrency: 1_500,
    credentials_end: 700,
    too_large: Some(17),
};

/// What a function really does with an event: its payload, and whether it failed.
pub(crate) type Function = Box<dyn Fn(&Event) -> (Bytes, bool) + Send + Sync>;

/// Keeps all executions going until so many events are out.
pub(crate) struct Gate {
    wanted: usize,
    out: AtomicUsize,
    open: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn new(wanted: usize) -> Self {
        Self { wanted, out: AtomicUsize::new(0), open: watch::Sender::new(wanted == 0) }
    }

    /// One more is out.
    pub(crate) fn count(&self) {
        if self.out.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            self.open.send_replace(true);
        }
    }

    /// Waits until it is open.
    #[cfg(feature = "aws")]
    pub(crate) async fn pass(&self) {
        let mut open = self.open.subscribe();
        let _ = open.wait_for(|open| *open).await;
    }
}

/// The Lambda and its bucket.
pub(crate) struct World {
    pub(crate) weather: Weather,
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) gate: Gate,
    /// What runs instead of a task that is made up.
    pub(crate) function: Option<Function>,
    /// What Lambda put into the queue of failed events.
    pub(crate) letters: Mutex<Vec<String>>,
    /// How often each task was run.
    pub(crate) runs: Mutex<BTreeMap<u64, u32>>,
    /// Every event that came, as text.
    pub(crate) events: Mutex<Vec<Bytes>>,
    pub(crate) active: AtomicUsize,
    pub(crate) peak: AtomicUsize,
    pub(crate) calls: AtomicUsize,
}

impl World {
    pub(crate) fn new(weather: Weather) -> Arc<Self> {
        Arc::new(Self::with(weather, Arc::new(Memory::default())))
    }

    pub(crate) fn with(weather: Weather, objects: Arc<dyn Objects>) -> Self {
        Self {
            weather,
            objects,
            gate: Gate::new(0),
            function: None,
            letters: Mutex::default(),
            runs: Mutex::default(),
            events: Mutex::default(),
            active: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
        }
    }

    /// Draws what becomes of a call.
    pub(crate) fn fate(&self, event: &Event) -> Fate {
        let w = self.weather;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(event.attempt.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 1);
        let dice = random.u64(0..1_000);
        let bounds = [w.throttled, w.busy, w.dropped];
        let mut from = 0;
        for (share, fate) in bounds.into_iter().zip([Fate::Throttled, Fate::Busy, Fate::Dropped]) {
            from += share;
            if dice < from {
                return fate;
            }
        }
        if self.active.load(Ordering::Relaxed) >= w.concurrency {
            return Fate::Throttled;
        }
        let dice = random.u64(0..1_000);
        let mut seconds = w.seconds * (0.5 + random.f64());
        if random.u64(0..1_000) < w.stragglers {
            seconds = (seconds * w.straggling).min(w.limit * 0.9);
        }
        let lost = random.u64(0..1_000) < w.lost;
        let mut end = End::Done;
        let mut from = 0;
        let shares = [w.temporary, w.error, w.memory, w.timeout];
        for (share, other) in shares.into_iter().zip([End::Temporary, End::Error, End::Memory, End::Timeout])
        {
            if (from..from + share).contains(&dice) {
                end = other;
            }
            from += share;
        }
        if event.tasks.iter().any(|task| Some(task.index) == w.too_large) {
            end = End::Memory;
        }
        if end == End::Timeout {
            seconds = w.limit;
        }
        Fate::Runs(seconds, end, lost)
    }

    /// Begins an execution.
    pub(crate) fn enter(&self, event: &Event) {
        self.gate.count();
        let active = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(active, Ordering::Relaxed);
        let mut runs = self.runs.lock().unwrap();
        for task in &event.tasks {
            *runs.entry(task.index).or_default() += 1;
        }
    }

    /// Ends it: the payload, whether the function failed, and the object with the response.
    pub(crate) fn leave(&self, event: &Event, seconds: f64, end: End) -> (Bytes, bool) {
        let answer = self.end(event, seconds, end);
        if answer.1 && event.not_after.is_some() {
            self.letters.lock().unwrap().push(letter(event, &answer.0));
        }
        self.active.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    fn end(&self, event: &Event, seconds: f64, end: End) -> (Bytes, bool) {
        let failure = |kind: &str, message: &str| {
            (Bytes::from(format!(r#"{{"errorType":"{kind}","errorMessage":"{message}"}}"#)), true)
        };
        // What is real is done, and then nothing is heard of it.
        let real = self.function.as_ref().map(|function| function(event));
        match (end, real) {
            (End::Error, _) => {
                return failure("Runtime.ExitError", "Runtime exited with error: exit status 101");
            }
            (End::Memory, _) => {
                return failure("Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
            }
            (End::Timeout, _) => return failure("Sandbox.Timedout", "Task timed out after 900.00 seconds"),
            (End::Done | End::Temporary, Some(answer)) => return answer,
            (End::Done | End::Temporary, None) => {}
        }
        let outcomes = event.tasks.iter().map(|task| {
            let shard = task.task.as_ref().map_or_else(|| shard_of(task.index), |task| task.shard.clone());
            if event.credentials.is_some() && event.attempt >= self.weather.credentials_end && self.lent() < 2
            {
                let message = "the credentials have ended".to_string();
                let error = TaskError { class: TaskErrorClass::Credentials, temporary: true, message };
                return Outcome::of_error(task.index, &shard, error);
            }
            Outcome::of_report(task.index, report(&shard, seconds, end == End::Temporary))
        });
        let worker =
            WorkerInfo { zagg: "0".into(), seconds, cold: event.attempt < 10, ..WorkerInfo::default() };
        let response = Response::new(event.attempt, outcomes.collect(), worker).to_bytes().unwrap();
        let response = Bytes::from(response);
        let name =
            event.status_uri.as_ref().unwrap().strip_prefix("s3://b/x.zarr.zagg/").unwrap().to_string();
        self.objects.change(vec![(name, Some(response.clone()))]).unwrap();
        (response, false)
    }

    /// How often credentials were lent.
    fn lent(&self) -> u64 {
        let found = self.objects.read(&["credentials/r.json".into()], 1 << 16).unwrap();
        let text = found.into_iter().flatten().next().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        text.and_then(|text| text.rsplit('-').next()?.trim_end_matches(['"', '}']).parse().ok()).unwrap_or(0)
    }

    /// Checks what no run may do, whatever happened to it.
    pub(crate) fn check(&self, dispatched: &Dispatched, policy: &Policy) {
        let runs = self.runs.lock().unwrap();
        let most = runs.values().max().copied().unwrap_or(0);
        assert!(most <= policy.most_runs, "a shard was run {most} times");
        for event in self.events.lock().unwrap().iter() {
            assert!(!String::from_utf8_lossy(event).contains(HUSH), "an event holds a secret");
        }
        for letter in self.letters.lock().unwrap().iter() {
            assert!(!letter.contains(HUSH), "the queue of failed events holds a secret");
        }
        let names: Vec<String> = self.objects.list("status/").unwrap();
        for response in self.objects.read(&names, 1 << 20).unwrap().into_iter().flatten() {
            assert!(!String::from_utf8_lossy(&response).contains(HUSH), "a response holds a secret");
        }
        let text = format!("{dispatched:?}");
        assert!(!text.contains(HUSH), "a report holds a secret");
    }
}

/// What Lambda puts into the queue of a function's failed events: "Capturing records of Lambda asynchronous invocations" in its
/// developer guide.
fn letter(event: &Event, payload: &[u8]) -> String {
    let event: serde_json::Value = serde_json::from_slice(&event.to_bytes().unwrap()).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(payload).unwrap();
    serde_json::json!({
        "version": "1.0",
        "timestamp": "2026-11-22T10:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": "arn:aws:lambda:us-west-2:123456789012:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 1,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": payload,
    })
    .to_string()
}

pub(crate) fn shard_of(index: u64) -> String {
    format!("-5{index:06}")
}

pub(crate) fn report(shard: &str, seconds: f64, temporary: bool) -> TaskReport {
    let status = if temporary { "failed" } else { "done" };
    let error = temporary.then_some("the archive did not answer");
    serde_json::from_value(serde_json::json!({
        "shard": shard, "status": status, "granules": 3, "parts_absent": 0, "rows_read": 10, "rows_kept": 9,
        "cells": 2, "holes": [], "error": error, "temporary": temporary, "seconds": seconds,
        "traffic": {"bytes": 0, "requests": 0, "round_trips": 0}, "written": {"objects": 0, "bytes": 0},
    }))
    .unwrap()
}

/// Tasks with a few granules each.
pub(crate) fn events(tasks: u64) -> Events {
    let granule = |n: u64| Granule {
        id: format!("ATL06_{n:08}.h5"),
        s3: Some(format!("s3://nsidc-cumulus-prod-protected/ATLAS/ATL06/{n:08}.h5")),
        ..Granule::default()
    };
    let task = |index| PlannedTask {
        index,
        shard: shard_of(index),
        granules: (0..index % 7).map(granule).collect(),
    };
    Events {
        run: "r".into(),
        plan: PlanPointer { uri: "s3://b/x.zarr.zagg/work".into(), digest: "d".into() },
        folder: "s3://b/x.zarr.zagg".into(),
        credentials: Some(CredentialsPointer { uri: "s3://b/x.zarr.zagg/credentials/r.json".into() }),
        seconds_per_granule: None,
        tasks: (0..tasks).map(task).collect(),
    }
}

/// Credentials that are others each time.
pub(crate) fn lending(objects: &Arc<dyn Objects>) -> Arc<Lending> {
    let times = AtomicUsize::new(0);
    let lend: Lend = Arc::new(move || {
        let n = times.fetch_add(1, Ordering::Relaxed) + 1;
        let document = Secret::new(format!(r#"{{"token":"{HUSH}-{n}"}}"#));
        Ok(Some(Loan { archive: None, ends: None, document }))
    });
    Arc::new(Lending::start(Arc::clone(objects), "credentials/r.json", lend).unwrap().unwrap())
}

pub(crate) fn fleet(workers: usize, waited: usize, limit: f64) -> Fleet {
    Fleet { functions: vec!["f".into()], workers, waited, timeout: Duration::from_secs_f64(limit), batch: 1 }
}

pub(crate) fn dispatcher(
    world: &Arc<World>,
    invoke: Arc<dyn Invoke>,
    tasks: u64,
    policy: Policy,
    fleet: Fleet,
) -> Dispatcher {
    Dispatcher {
        invoke,
        objects: world.objects.clone(),
        events: Arc::new(events(tasks)),
        lending: Some(lending(&world.objects)),
        policy,
        fleet,
    }
}

/// Counts what ends, and asks for a stop after so many.
pub(crate) struct Watcher {
    pub(crate) ended: AtomicUsize,
    pub(crate) retried: AtomicUsize,
    pub(crate) stop_after: usize,
    /// Whether it panics instead.
    pub(crate) panics: AtomicBool,
}

impl Watcher {
    pub(crate) fn new(stop_after: usize) -> Self {
        Self {
            ended: AtomicUsize::new(0),
            retried: AtomicUsize::new(0),
            stop_after,
            panics: AtomicBool::new(false),
        }
    }
}

impl Observer for Watcher {
    fn task_ended(&self, _: &TaskReport, done: usize, total: usize) {
        assert_eq!(self.ended.fetch_add(1, Ordering::Relaxed) + 1, done);
        assert!(done <= total);
    }

    fn task_retried(&self, report: &TaskReport, _: Duration, left: u32) {
        assert!(report.status == TaskStatus::Failed && left > 0);
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    fn stop_requested(&self) -> bool {
        let stops = self.ended.load(Ordering::Relaxed) >= self.stop_after;
        assert!(!(stops && self.panics.load(Ordering::Relaxed)), "the observer of a test panics");
        stops
    }
}
