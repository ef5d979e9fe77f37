//! What the function does with one event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use zagg_access::{CredentialsObject, StoreChain};
use zagg_core::config::StoreAccess;
use zagg_core::plan::PlannedTask;
use zagg_core::registry::Registry;
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::RunOptions;
use zagg_core::{Error, ErrorKind, Result};
use zagg_lambda::event::{
    Event, EventTask, Holder, Mode, Outcome, Response, TaskError, TaskErrorClass, WorkerInfo,
};
use zagg_worker::{Ownership, Worker, WorkerCache, WorkerOptions};

use crate::log::{Level, Log};
use crate::machine::{self, Machine};
use crate::time_left::{Ahead, MARGIN, Pace};
use crate::{ping, status};

/// How long what is lent must last at the start of a task, whatever the task takes: ten minutes before its end a worker reads it
/// again, and the dispatcher renews it twenty minutes before.
const LENT: Duration = Duration::from_secs(600);

/// What Lambda says of an invocation beside its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its id, under which Lambda's own lines in the log are found, too.
    pub request_id: String,
    /// When it is killed.
    pub deadline: SystemTime,
}

/// Why an invocation fails as a whole: what Lambda calls a function error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One word: `Event`, `Status` or `Function`.
    pub kind: &'static str,
    /// One line for people, without a secret.
    pub message: String,
}

impl Failure {
    fn of(kind: &'static str, error: &Error) -> Self {
        Self { kind, message: error.to_string() }
    }
}

/// The function, with all that invocations of one environment share: plugins, connections, the plan that was read last.
#[derive(Debug)]
pub struct Function {
    registry: Registry,
    machine: Machine,
    log: Log,
    /// For what the event itself names: answers and credentials. Plan and store have their own.
    chain: StoreChain,
    workers: WorkerCache,
    credentials: Mutex<Option<(String, CredentialsObject)>>,
    pace: Mutex<(String, Pace)>,
    cold: AtomicBool,
}

impl Function {
    /// The function on a machine. Certificates are read and threads started now, so that no invocation waits for them.
    ///
    /// # Errors
    /// When TLS cannot be set up or the environment's endpoint is no URL.
    pub fn new(registry: Registry, machine: Machine, log: Log) -> Result<Self> {
        zagg_access::prepare()?;
        let run =
            RunOptions { memory: machine.memory(), workers: machine.workers(), ..RunOptions::default() };
        let options = WorkerOptions { registry: registry.clone(), run, ..WorkerOptions::default() };
        Ok(Self {
            registry,
            machine,
            log,
            chain: StoreChain::new(&StoreAccess::default(), None)?,
            workers: WorkerCache::new(options),
            credentials: Mutex::default(),
            pace: Mutex::default(),
            cold: AtomicBool::new(true),
        })
    }

    /// Does what an event asks for and gives the answer: a [`Response`] as JSON, after a ping with the plugins and the machine
    /// under `ping`. Blocks; memory that was freed is given back before it returns.
    ///
    /// # Errors
    /// When the event is none, or its answer cannot be put where it asks. What concerns tasks is in the answer.
    pub fn handle(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let answer = zagg_core::caught(|| Ok(self.answer(event, invocation)))
            .unwrap_or_else(|error| Err(Failure::of("Function", &error)));
        if let Err(failure) = &answer {
            let fields = json!({"kind": failure.kind});
            self.log.line(Level::Error, &invocation.request_id, &failure.message, fields);
        }
        machine::give_back();
        answer
    }

    fn answer(&self, event: &[u8], invocation: &Invocation) -> Result<Value, Failure> {
        let started = Instant::now();
        let cold = self.cold.swap(false, Ordering::Relaxed);
        let event = Event::parse(event).map_err(|error| Failure::of("Event", &error))?;
        let outcomes = match event.mode {
            Mode::Ping => Vec::new(),
            Mode::Process => self.process(&event, invocation),
        };
        let (now, most) = machine::resident();
        let worker = WorkerInfo {
            zagg: env!("CARGO_PKG_VERSION").to_string(),
            architecture: std::env::consts::ARCH.to_string(),
            seconds: started.elapsed().as_secs_f64(),
            max_rss: most,
            cold,
        };
        let failed = outcomes.iter().filter(|outcome| !is_done(outcome)).count();
        let fields = json!({
            "run": event.run, "attempt": event.attempt, "tasks": outcomes.len(), "notDone": failed,
            "seconds": worker.seconds, "rss": now, "maxRss": most, "cold": cold,
        });
        self.log.line(Level::Info, &invocation.request_id, "invocation ended", fields);
        let answer = Response::new(event.attempt, outcomes, worker);
        let bytes = answer.to_bytes().map_err(|error| Failure::of("Function", &error))?;
        if let Some(uri) = &event.status_uri {
            status::write(&self.chain, uri, &bytes)
                .map_err(|error| Failure::of("Status", &error.context("the answer was not written")))?;
        }
        let answer: Result<Value, _> = serde_json::from_slice(&bytes);
        let mut answer = answer.map_err(|error| Failure::of("Function", &Error::io(error.to_string())))?;
        if event.mode == Mode::Ping
            && let Some(answer) = answer.as_object_mut()
        {
            answer.insert("ping".into(), ping::describe(&self.registry, &self.machine));
        }
        Ok(answer)
    }

    /// One outcome for each task.
    fn process(&self, event: &Event, invocation: &Invocation) -> Vec<Outcome> {
        let refuse_all = |class: TaskErrorClass, error: &Error| {
            self.log.line(
                Level::Error,
                &invocation.request_id,
                error.message(),
                json!({"class": class.name()}),
            );
            let refuse = |task: &EventTask| Outcome::of_error(task.index, "", TaskError::of(class, error));
            event.tasks.iter().map(refuse).collect()
        };
        if event.not_after.is_some_and(|end| unix_seconds(SystemTime::now()) > end) {
            let error = Error::input("nobody waits for this invocation any more, so nothing was run");
            return refuse_all(TaskErrorClass::Expired, &error);
        }
        // The event was checked: it has a plan.
        let Some(plan) = &event.plan else { return Vec::new() };
        let credentials = event.credentials.as_ref().map(|pointer| pointer.uri.as_str());
        let ownership = match event.holder {
            Holder::Run => Ownership::Run,
            Holder::Plan => Ownership::Plan,
        };
        let worker = match self.workers.get(&plan.uri, Some(&plan.digest), credentials, ownership) {
            Ok(worker) => worker,
            Err(error) => return refuse_all(TaskErrorClass::Plan, &error),
        };
        let mut outcomes = Vec::with_capacity(event.tasks.len());
        for task in &event.tasks {
            let first = outcomes.is_empty();
            let outcome = self.one(event, task, &worker, first, invocation);
            self.note(&outcome, invocation);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Runs one task, if there is time.
    fn one(
        &self,
        event: &Event,
        asked: &EventTask,
        worker: &Arc<Worker>,
        first: bool,
        invocation: &Invocation,
    ) -> Outcome {
        let refuse = |shard: &str, class, error: &Error| {
            Outcome::of_error(asked.index, shard, TaskError::of(class, error))
        };
        let task = match planned(worker, asked) {
            Ok(task) => task,
            Err((class, error)) => return refuse("", class, &error),
        };
        let (shard, granules) = (task.shard.clone(), task.granules.len());
        let pace = self.pace_of(worker.digest());
        let ahead = Ahead { granules, first, expected: event.expected_seconds, pace };
        if let Err(why) = ahead.fits(SystemTime::now(), invocation.deadline) {
            return refuse(&shard, TaskErrorClass::Deadline, &Error::temporary(why));
        }
        if let Err(error) = self.check_credentials(event, ahead.needed()) {
            return refuse(&shard, TaskErrorClass::Credentials, &error);
        }
        match worker.run_task(task) {
            Ok(report) => {
                let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
                if pace.0 != worker.digest() {
                    *pace = (worker.digest().to_string(), Pace::default());
                }
                pace.1.add(report.seconds, granules);
                Outcome::of_report(asked.index, report)
            }
            Err(error) => refuse(&shard, TaskErrorClass::Store, &error),
        }
    }

    /// How long tasks of this plan took here.
    fn pace_of(&self, digest: &str) -> Pace {
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.0 == digest { pace.1 } else { Pace::default() }
    }

    /// Checks that what is lent for reading granules lasts until the task reads it again, at most [`LENT`]. What was read
    /// earlier and ends too soon is read again first: whoever lends has renewed it by then.
    fn check_credentials(&self, event: &Event, needed: Duration) -> Result<()> {
        let Some(pointer) = &event.credentials else { return Ok(()) };
        let object = {
            let mut held = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            match &*held {
                Some((uri, object)) if *uri == pointer.uri => object.clone(),
                _ => {
                    let object = self.chain.credentials_object(&pointer.uri)?;
                    *held = Some((pointer.uri.clone(), object.clone()));
                    object
                }
            }
        };
        // The margin is for the answer, which is signed by the function's own role.
        let needed = needed.saturating_sub(MARGIN).min(LENT);
        let now = SystemTime::now();
        let until = now.checked_add(needed).unwrap_or(now);
        let Some(ends) = object.ends_reading_again_before(until)? else { return Ok(()) };
        let left = ends.duration_since(now).unwrap_or_default();
        if needed <= left {
            return Ok(());
        }
        Err(Error::temporary(format!(
            "the credentials in {} end in {} s, and the task needs {} s at least",
            object.location(),
            left.as_secs(),
            needed.as_secs()
        )))
    }

    fn note(&self, outcome: &Outcome, invocation: &Invocation) {
        let (level, message, fields) = match (&outcome.report, &outcome.error) {
            (Some(report), _) => of_report(report),
            (None, Some(error)) => {
                (Level::Warn, error.message.as_str(), json!({"class": error.class.name()}))
            }
            (None, None) => return,
        };
        let mut fields = fields;
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("task".into(), outcome.index.into());
            fields.insert("shard".into(), outcome.shard.as_str().into());
        }
        self.log.line(level, &invocation.request_id, message, fields);
    }
}

/// The task that is asked for: the one that came with the event, or the one of the plan.
fn planned(worker: &Worker, asked: &EventTask) -> Result<PlannedTask, (TaskErrorClass, Error)> {
    let Some(inline) = &asked.task else {
        let task = worker.tasks([asked.index]).map_err(|error| match error.kind() {
            ErrorKind::Input => (TaskErrorClass::Event, error),
            _ => (TaskErrorClass::Plan, error),
        })?;
        let missing = || (TaskErrorClass::Plan, Error::corrupt("the plan does not hold the task"));
        return task.into_iter().next().ok_or_else(missing);
    };
    if inline.index != asked.index {
        let what = format!("task {}: another task came with the event", asked.index);
        return Err((TaskErrorClass::Event, Error::input(what)));
    }
    Ok(inline.clone())
}

fn is_done(outcome: &Outcome) -> bool {
    outcome.report.as_ref().is_some_and(|report| report.status == TaskStatus::Done)
}

fn of_report(report: &TaskReport) -> (Level, &str, Value) {
    let (level, message) = match report.status {
        TaskStatus::Done => (Level::Info, "shard done"),
        TaskStatus::Incomplete => (Level::Warn, "shard written with holes"),
        TaskStatus::Failed => (Level::Error, report.error.as_deref().unwrap_or("shard failed")),
    };
    let fields = json!({
        "granules": report.granules, "rowsRead": report.rows_read, "rowsKept": report.rows_kept, "cells": report.cells,
        "holes": report.holes.len(), "bytes": report.traffic.bytes, "requests": report.traffic.requests,
        "seconds": report.seconds,
    });
    (level, message, fields)
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
