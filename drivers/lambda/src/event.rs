//! What the dispatcher sends to the function, and what the function answers.
//!
//! An [`Event`] names a plan and the tasks to run; it never holds a secret, only the place of one. A [`Response`] says how each
//! task went. Both are JSON in camelCase and carry a version. The response is what the invocation returns, and it is also put
//! at [`Event::status_uri`], so that an answer that is lost on its way is not lost.

mod response;
mod size;

use serde::{Deserialize, Serialize};
use zagg_core::plan::PlannedTask;
use zagg_core::{Error, Result};

pub use response::{Outcome, Response, TaskError, TaskErrorClass, WorkerInfo};
pub use size::{ASYNC_LIMIT, INLINE_LIMIT, SYNC_LIMIT, billed_requests};

/// Version of the form of events and responses.
pub const VERSION: u32 = 1;

/// Most tasks in one event.
pub const MAX_TASKS: usize = 1_000;

/// Most bytes of an event or a response that are read: what Lambda itself lets through.
pub const MAX_BYTES: usize = SYNC_LIMIT;

/// Longest URI or name in an event, in bytes.
const MAX_TEXT: usize = 2_048;

/// What the function is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Run tasks of a plan.
    Process,
    /// Say who is there: nothing is read or written.
    Ping,
}

/// Where a plan is, and which one it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPointer {
    /// The folder of the plan, `s3://bucket/store.zagg/work`.
    pub uri: String,
    /// `WorkPlan::digest`: a plan with another one is refused.
    pub digest: String,
}

/// Where the credentials for granules are: an object that only the dispatcher writes and the function's role reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsPointer {
    /// `s3://bucket/key` of a document as `zagg_access::CredentialsObject` reads it.
    pub uri: String,
}

/// Who keeps other writers away from the store while the tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// The run that dispatches: it holds the lock of the store.
    #[default]
    Run,
    /// The plan, to which `zagg plan` gave the store: for dispatchers that hold no lock, such as Step Functions.
    Plan,
}

/// One task of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTask {
    /// Number of the task in the plan, from 0.
    pub index: u64,
    /// The task itself as in the plan, so that the worker need not read its block of the plan. Left out where
    /// the event would grow past [`INLINE_LIMIT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<PlannedTask>,
}

/// What one invocation is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// [`VERSION`].
    pub version: u32,
    /// What to do.
    pub mode: Mode,
    /// Id of the run, for logs. Empty in a ping.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// Number of this invocation in its run, from 0; an event that Lambda delivers twice has the same number twice.
    #[serde(default)]
    pub attempt: u64,
    /// The plan. There in `process`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanPointer>,
    /// The tasks, to be run one after the other. At least one in `process`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<EventTask>,
    /// Where the credentials for granules are; none for granules that need none or are read with the function's own role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsPointer>,
    /// Where to put the response as an object, `s3://bucket/key`, after the last task and before the invocation returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_uri: Option<String>,
    /// Unix time in seconds after which nobody waits for this invocation any more: a worker that starts later runs nothing and
    /// answers with [`TaskErrorClass::Expired`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
    /// Who keeps other writers away from the store.
    #[serde(default)]
    pub holder: Holder,
    /// Seconds that one task is expected to take; a worker with less time left refuses it with [`TaskErrorClass::Deadline`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seconds: Option<f64>,
}

impl Event {
    /// An event that asks who is there.
    pub fn ping() -> Self {
        Self {
            version: VERSION,
            mode: Mode::Ping,
            run: String::new(),
            attempt: 0,
            plan: None,
            tasks: Vec::new(),
            credentials: None,
            status_uri: None,
            not_after: None,
            holder: Holder::Run,
            expected_seconds: None,
        }
    }

    /// Reads an event, which anybody may have sent who is allowed to invoke the function.
    ///
    /// # Errors
    /// Says what is wrong with it, and of an event of another version what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let event: Self = read(bytes, "event")?;
        event.check().map_err(|error| error.context("event"))?;
        Ok(event)
    }

    /// The event as it is sent.
    ///
    /// # Errors
    /// When it would not pass [`Self::parse`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check().map_err(|error| error.context("event"))?;
        serde_json::to_vec(self).map_err(|error| Error::input(format!("event: {error}")))
    }

    /// Whether the parts that the mode needs are there and sound.
    fn check(&self) -> Result<()> {
        check_version(self.version, "function")?;
        if self.mode == Mode::Ping {
            return Ok(());
        }
        let plan = self.plan.as_ref().ok_or_else(|| Error::input("has no plan"))?;
        text(&plan.uri, "plan.uri")?;
        text(&plan.digest, "plan.digest")?;
        text(&self.run, "run")?;
        if let Some(credentials) = &self.credentials {
            text(&credentials.uri, "credentials.uri")?;
        }
        if let Some(uri) = &self.status_uri {
            text(uri, "statusUri")?;
        }
        if self.tasks.is_empty() || self.tasks.len() > MAX_TASKS {
            return Err(Error::input(format!("has {} tasks; 1 to {MAX_TASKS} are taken", self.tasks.len())));
        }
        let mut indexes: Vec<u64> = self.tasks.iter().map(|task| task.index).collect();
        indexes.sort_unstable();
        if indexes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::input("names a task twice"));
        }
        if self.expected_seconds.is_some_and(|seconds| !(0.0..=86_400.0).contains(&seconds)) {
            return Err(Error::input("expectedSeconds is not between 0 and 86400"));
        }
        Ok(())
    }
}

/// Reads a document of either side.
fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::input(format!(
            "{what}: has {} bytes; at most {MAX_BYTES} are taken",
            bytes.len()
        )));
    }
    // The version first: another one may have other parts.
    let version: OnlyVersion = serde_json::from_slice(bytes).map_err(|error| malformed(what, &error))?;
    let who = if what == "event" { "function" } else { "dispatcher" };
    check_version(version.version, who).map_err(|error| error.context(what))?;
    serde_json::from_slice(bytes).map_err(|error| malformed(what, &error))
}

#[derive(Deserialize)]
struct OnlyVersion {
    version: u32,
}

/// What is wrong with a document, without repeating any of it.
fn malformed(what: &str, error: &serde_json::Error) -> Error {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "is not what this version of zagg sends",
        _ => "is no JSON",
    };
    Error::input(format!("{what}: {kind} (line {}, column {})", error.line(), error.column()))
}

fn check_version(version: u32, reader: &str) -> Result<()> {
    if version == VERSION {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "version {version} is not the {VERSION} that this {reader} speaks; deploy the function of the same version as the \
         program that dispatches"
    )))
}

fn text(text: &str, name: &str) -> Result<()> {
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(Error::input(format!("{name} is empty, longer than {MAX_TEXT} bytes or not plain text")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
