//! What is looked at before money is spent: the functions, the account, the bucket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use zagg_core::{Context, Error, Result};

use crate::cost::{Architecture, Sized};
use crate::ending::{ending_of, one_line};
use crate::event::{Event, Response};
use crate::invoke::{Call, Fault, FaultClass, Invoke};
use crate::objects::Objects;

/// Concurrency that is left to everything else of the account, beside a twentieth of its limit.
const LEFT_TO_OTHERS: u64 = 100;

/// What Lambda says of the account in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountInfo {
    /// Executions at once, of all functions.
    pub limit: u64,
    /// Those that are not reserved for some function.
    pub unreserved: u64,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered<T> {
    /// It was answered.
    Told(T),
    /// The endpoint does not know such questions, as emulators do not.
    Silent,
    /// It was refused, and this is why: the run goes on without the answer.
    Denied(String),
}

/// Asks Lambda about functions and accounts. Calls block.
pub trait Control {
    /// Memory, processor and time limit of a function.
    ///
    /// # Errors
    /// When it is not there, or Lambda cannot be asked.
    fn function(&self, name: &str) -> Result<Answered<Sized>>;

    /// Concurrency that is reserved for a function, which is also its limit; none where nothing is.
    ///
    /// # Errors
    /// When Lambda cannot be asked.
    fn reserved(&self, name: &str) -> Result<Answered<Option<u64>>>;

    /// How many times Lambda itself repeats a queued event whose function failed.
    ///
    /// # Errors
    /// When Lambda cannot be asked.
    fn event_retries(&self, name: &str) -> Result<Answered<u64>>;

    /// Limits of the account.
    ///
    /// # Errors
    /// When Lambda cannot be asked.
    fn account(&self) -> Result<Answered<AccountInfo>>;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The functions, which are all alike.
    pub sized: Sized,
    /// Whether Lambda said so; else it is assumed until a ping says more.
    pub told: bool,
    /// Workers that may be out at once.
    pub workers: usize,
    /// Executions at once that are left to them by what is reserved, where that is known. What others use now nobody can ask.
    pub concurrency: Option<u64>,
    /// Why events must not be queued, if they must not.
    pub no_queue: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Looks at functions and account, and finds how many workers there may be. Nothing is called yet, so that an estimate costs
/// nothing.
///
/// # Errors
/// When a function is not there, or they are not alike.
pub fn look(
    control: &dyn Control,
    functions: &[Arc<str>],
    wanted: usize,
    assumed: Sized,
) -> Result<Preflight> {
    let mut warnings = Vec::new();
    let mut denied = |what: String, right: &str, why: &str| {
        warnings.push(format!("{what} could not be asked: {why}; allow lambda:{right} to have it looked at"));
    };
    let (mut sized, mut reserved): (Option<Sized>, Option<u64>) = (None, Some(0));
    let (mut silent, mut no_queue) = (false, None);
    for name in functions {
        match control.function(name)? {
            Answered::Told(found) if sized.is_some_and(|sized| sized != found) => {
                return Err(Error::input(format!(
                    "function {name} has other memory, time limit or processor than {}; give functions that are alike",
                    functions.first().map_or("", |first| first)
                )));
            }
            Answered::Told(found) => sized = Some(found),
            Answered::Silent => silent = true,
            Answered::Denied(why) => {
                denied(format!("what function {name} is"), "GetFunctionConfiguration", &why);
            }
        }
        let own = match control.reserved(name)? {
            Answered::Told(own) => own,
            Answered::Silent => None,
            Answered::Denied(why) => {
                denied(format!("what is reserved for function {name}"), "GetFunctionConcurrency", &why);
                None
            }
        };
        if own == Some(0) {
            return Err(Error::input(format!(
                "function {name} is switched off: its reserved concurrency is 0"
            )));
        }
        // One without a limit of its own lifts the limit.
        reserved = reserved.zip(own).map(|(sum, more)| sum.saturating_add(more));
        match control.event_retries(name)? {
            Answered::Told(0) | Answered::Silent => {}
            Answered::Told(times) => no_queue = Some(repeats(name, times)),
            Answered::Denied(why) => {
                let what = format!("whether Lambda repeats failed events of function {name} itself");
                denied(what, "GetFunctionEventInvokeConfig", &why);
            }
        }
    }
    let concurrency = match reserved.filter(|_| !functions.is_empty()) {
        Some(reserved) => Some(reserved),
        None => match control.account()? {
            Answered::Told(account) => {
                let kept = LEFT_TO_OTHERS.max(account.limit / 20);
                Some(account.unreserved.saturating_sub(kept).max(1))
            }
            Answered::Silent => None,
            Answered::Denied(why) => {
                denied("the concurrency that the account has left".into(), "GetAccountSettings", &why);
                None
            }
        },
    };
    if sized.is_none() {
        let who = if silent {
            "the endpoint says nothing of the function"
        } else {
            "nothing is known of the function"
        };
        warnings.push(format!(
            "{who}; taken as {} MB on {} with {} s",
            assumed.memory_mb,
            assumed.architecture.name(),
            assumed.timeout
        ));
    }
    let limit = concurrency.unwrap_or(u64::MAX);
    let workers = wanted.min(usize::try_from(limit).unwrap_or(usize::MAX)).max(1);
    if workers < wanted {
        warnings.push(format!(
            "{workers} workers at once instead of {wanted}: Lambda's concurrency allows no more; ask for a higher limit, or \
             reserve concurrency for the function"
        ));
    }
    let told = sized.is_some();
    Ok(Preflight { sized: sized.unwrap_or(assumed), told, workers, concurrency, no_queue, warnings })
}

/// Why events for a function must not be queued.
fn repeats(name: &str, times: u64) -> String {
    format!(
        "Lambda itself repeats failed events of function {name} (MaximumRetryAttempts is {times}), so that a queued shard would \
         run more often than it may; run `aws lambda put-function-event-invoke-config --function-name {name} \
         --maximum-retry-attempts 0`, or choose --mode sync"
    )
}

/// How long a function may take to answer a ping, from a start in an environment that is new.
const PING: Duration = Duration::from_secs(60);

/// What a function said of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pinged {
    /// Its memory in MB.
    pub memory_mb: Option<u64>,
    /// Its processor.
    pub architecture: Option<Architecture>,
}

impl Pinged {
    fn of(response: &Response, payload: &[u8]) -> Self {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Answer {
            ping: Machine,
        }
        #[derive(serde::Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Machine {
            memory_mib: Option<u64>,
        }
        let answer: Answer = serde_json::from_slice(payload).unwrap_or_default();
        let architecture = match response.worker.architecture.as_str() {
            "aarch64" => Some(Architecture::Arm64),
            "x86_64" => Some(Architecture::X86_64),
            _ => None,
        };
        Self { memory_mb: answer.ping.memory_mib.filter(|mib| (1..=1 << 20).contains(mib)), architecture }
    }

    /// What is assumed of a function, with what it said.
    #[must_use]
    pub fn correct(self, assumed: Sized) -> Sized {
        Sized {
            memory_mb: self.memory_mb.unwrap_or(assumed.memory_mb),
            architecture: self.architecture.unwrap_or(assumed.architecture),
            ..assumed
        }
    }
}

/// Whether each function answers, with this version of zagg, and whether the folder beside the store takes objects. Gives what
/// the first function said of itself.
///
/// # Errors
/// Says what is wrong, and what to do.
pub fn try_out(
    runtime: &Runtime,
    invoke: &dyn Invoke,
    objects: &dyn Objects,
    functions: &[Arc<str>],
    version: &str,
) -> Result<Pinged> {
    const PROBE: &str = "status/probe";
    objects
        .change(vec![(PROBE.into(), Some(Bytes::from_static(b"{}\n")))])
        .and_then(|()| objects.change(vec![(PROBE.into(), None)]))
        .context(|| "trying whether the store's bucket takes objects")?;
    let event: Bytes = Event::ping().to_bytes()?.into();
    let mut pinged = None;
    for name in functions {
        let call = Call { function: Arc::clone(name), queued: false, event: event.clone() };
        let late = || Fault::new(FaultClass::Lost, format!("no answer within {} s", PING.as_secs()));
        let answer = runtime
            .block_on(async {
                tokio::time::timeout(PING, invoke.invoke(call)).await.unwrap_or_else(|_| Err(late()))
            })
            .map_err(|fault| refused(name, &fault))?;
        let response = ending_of(&answer).map_err(|fault| {
            Error::input(format!("function {name}: {}: {}", fault.class.name(), fault.message))
        })?;
        if response.worker.zagg != version {
            return Err(Error::input(format!(
                "function {name} is of zagg {}, this is {version}; deploy the function of this version",
                one_line(&response.worker.zagg)
            )));
        }
        pinged.get_or_insert_with(|| Pinged::of(&response, &answer.payload));
    }
    Ok(pinged.unwrap_or_default())
}

/// The error of a ping that was not answered.
fn refused(name: &str, fault: &Fault) -> Error {
    let said = format!("function {name}: {fault}");
    match fault.class {
        FaultClass::Throttled | FaultClass::Busy | FaultClass::Unsent | FaultClass::Lost => {
            Error::temporary(format!("{said}; run again later"))
        }
        FaultClass::Denied | FaultClass::Files => Error::input(said),
    }
}

/// What is assumed of a function of which nothing is said.
pub const ASSUMED: Sized = Sized { memory_mb: 2_048, architecture: Architecture::Arm64, timeout: 900 };

#[cfg(test)]
mod tests;
