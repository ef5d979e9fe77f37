//! One call of a function, as the dispatcher sees it: what is sent, what comes back, and what may go wrong on the way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name or ARN of the function.
    pub function: Arc<str>,
    /// Whether Lambda is to queue the event (InvocationType `Event`); otherwise the answer is waited for.
    pub queued: bool,
    /// The event.
    pub event: Bytes,
}

/// What came back from a call that Lambda took. Of a queued one it says only that it is queued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether the function failed: the header `X-Amz-Function-Error`, or status 500 of an emulator. The payload says how.
    pub failed: bool,
    /// What the function returned.
    pub payload: Bytes,
    /// The end of its log, at most 4 KB, with the line `REPORT`.
    pub log: Option<String>,
}

/// Why there is no answer, by what it says about the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultClass {
    /// Too many at once, status 429: the function has not run.
    Throttled,
    /// Lambda itself failed, status 5xx: the function has hardly run.
    Busy,
    /// No connection came about: the function has not run.
    Unsent,
    /// This process has too many files open: the function has not run.
    Files,
    /// The connection broke or timed out after the event was sent: nobody knows what became of it.
    Lost,
    /// Not allowed, no such function, a bad request: no further call will fare better.
    Denied,
}

impl FaultClass {
    /// For people and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Busy => "service error",
            Self::Unsent => "not sent",
            Self::Files => "too many open files",
            Self::Lost => "lost response",
            Self::Denied => "denied",
        }
    }
}

/// A call without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it says about the function.
    pub class: FaultClass,
    /// One line for people, without a secret.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(class: FaultClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.name(), self.message)
    }
}

/// What a call comes to in the end.
pub type Called = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send>>;

/// Calls functions. A call is made once: whoever implements this repeats nothing, because only the dispatcher knows what may
/// be repeated.
pub trait Invoke: Send + Sync + 'static {
    /// Makes one call. May be asked from many tasks of a runtime at once.
    fn invoke(&self, call: Call) -> Called;
}

impl fmt::Debug for dyn Invoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invoke")
    }
}
