//! What the function answers.

use std::fmt;

use serde::{Deserialize, Serialize};
use zagg_core::report::TaskReport;
use zagg_core::{Error, ErrorKind, Result};

use super::{MAX_TASKS, VERSION, check_version, read};

/// Longest message of an error that is sent, in characters.
const MAX_MESSAGE: usize = 2_000;

/// Why a task was not run to its end, by what the dispatcher does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskErrorClass {
    /// The event is not one that this function takes: another version, no such task. Never run again.
    Event,
    /// The plan cannot be read or is another one than the event means.
    Plan,
    /// The store has no template, or that of another run.
    Store,
    /// There is not enough time left to finish: run again, in an invocation of its own.
    Deadline,
    /// The credentials for granules are gone, have ended, or end too soon: renew them, then run again.
    Credentials,
    /// The worker is short of memory. Run again in a fresh environment.
    Memory,
    /// Nobody waits for this invocation any more.
    Expired,
    /// Anything else.
    #[serde(other)]
    Other,
}

impl TaskErrorClass {
    /// For people: what the class says, in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Plan => "plan",
            Self::Store => "store",
            Self::Deadline => "deadline",
            Self::Credentials => "credentials",
            Self::Memory => "memory",
            Self::Expired => "expired",
            Self::Other => "other",
        }
    }
}

/// Why there is no report of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// What the dispatcher goes by.
    pub class: TaskErrorClass,
    /// Whether it is likely to pass.
    pub temporary: bool,
    /// One line for people, without a secret.
    pub message: String,
}

impl TaskError {
    /// The error of a class, cut to a length that fits into a response whatever was quoted in it.
    pub fn of(class: TaskErrorClass, error: &Error) -> Self {
        let temporary = error.kind() == ErrorKind::Temporary;
        Self { class, temporary, message: error.message().chars().take(MAX_MESSAGE).collect() }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// How one task went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Number of the task in the plan.
    pub index: u64,
    /// Label of its shard, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shard: String,
    /// What it did, also when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<TaskReport>,
    /// Why there is no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
}

impl Outcome {
    /// A task that was run, well or not.
    pub fn of_report(index: u64, report: TaskReport) -> Self {
        Self { index, shard: report.shard.clone(), report: Some(report), error: None }
    }

    /// A task that was not run.
    pub fn of_error(index: u64, shard: &str, error: TaskError) -> Self {
        Self { index, shard: shard.to_string(), report: None, error: Some(error) }
    }
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkerInfo {
    /// Version of zagg that the function was built from.
    pub zagg: String,
    /// `aarch64` or `x86_64`.
    pub architecture: String,
    /// Wall time of this invocation, in seconds.
    pub seconds: f64,
    /// Most memory that the process has held since it was started, in bytes; 0 where that is not known.
    pub max_rss: u64,
    /// Whether this was the first invocation of its environment.
    pub cold: bool,
}

/// What one invocation came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// [`VERSION`].
    pub version: u32,
    /// [`Event::attempt`](super::Event::attempt) of the event that this answers.
    #[serde(default)]
    pub attempt: u64,
    /// One for each task of the event, in its order. None after a ping.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// Who answered.
    #[serde(default)]
    pub worker: WorkerInfo,
}

impl Response {
    /// The answer to an event of this number.
    pub fn new(attempt: u64, outcomes: Vec<Outcome>, worker: WorkerInfo) -> Self {
        Self { version: VERSION, attempt, outcomes, worker }
    }

    /// Reads a response, out of an answer of Lambda or an object in a bucket.
    ///
    /// # Errors
    /// Says what is wrong with it, and of one of another version what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let response: Self = read(bytes, "response")?;
        response.check().map_err(|error| error.context("response"))?;
        Ok(response)
    }

    /// The response as it is sent. Where the lists of holes make it longer than Lambda lets through, the longest are cut, with
    /// a last hole that says so; the store's own record of the shard has them all.
    ///
    /// # Errors
    /// When it would not pass [`Self::parse`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check().map_err(|error| error.context("response"))?;
        let write = |response: &Self| {
            serde_json::to_vec(response).map_err(|error| Error::input(format!("response: {error}")))
        };
        let bytes = write(self)?;
        if bytes.len() <= super::SYNC_LIMIT {
            return Ok(bytes);
        }
        let mut short = self.clone();
        let most = MOST_HOLES / self.outcomes.len().max(1);
        for report in short.outcomes.iter_mut().filter_map(|outcome| outcome.report.as_mut()) {
            cut(report, most);
        }
        let bytes = write(&short)?;
        if bytes.len() <= super::SYNC_LIMIT {
            return Ok(bytes);
        }
        Err(Error::input(format!(
            "response: has {} bytes; at most {} are taken",
            bytes.len(),
            super::SYNC_LIMIT
        )))
    }

    fn check(&self) -> Result<()> {
        check_version(self.version, "dispatcher")?;
        if self.outcomes.len() > MAX_TASKS {
            return Err(Error::input(format!("has {} outcomes; at most {MAX_TASKS}", self.outcomes.len())));
        }
        for outcome in &self.outcomes {
            if outcome.report.is_some() == outcome.error.is_some() {
                return Err(Error::input(format!(
                    "task {} has neither a report nor an error, or both",
                    outcome.index
                )));
            }
        }
        Ok(())
    }
}

/// Most holes in a response that had to be cut.
const MOST_HOLES: usize = 1_000;

fn cut(report: &mut TaskReport, most: usize) {
    let left_out = report.holes.len().saturating_sub(most);
    if left_out == 0 {
        return;
    }
    report.holes.truncate(most);
    for hole in &mut report.holes {
        hole.reason = hole.reason.chars().take(MAX_MESSAGE).collect();
    }
    report.holes.push(zagg_core::report::Hole {
        granule: format!("{left_out} more"),
        part: None,
        reason: "the record of the shard names them".into(),
        temporary: false,
    });
}
