//! What is looked at before money is spent: the functions, the account, the bucket.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Runtime;
use zagg_core::{Context, Error, Result};

use crate::cost::{Architecture, Sized};
use crate::ending::{ending_of, one_line};
use crate::event::Event;
use crate::invoke::{Call, Invoke};
use crate::objects::Objects;

/// Concurrency that is left to everything else of the account, beside a twentieth of its limit.
const LEFT_TO_OTHERS: u64 = 100;

/// What Lambda says of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Memory, processor, time limit.
    pub sized: Sized,
    /// Concurrency that is reserved for it, which is also its limit.
    pub reserved: Option<u64>,
}

/// What Lambda says of the account in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountInfo {
    /// Executions at once, of all functions.
    pub limit: u64,
    /// Those that are not reserved for some function.
    pub unreserved: u64,
}

/// Asks Lambda about functions and accounts. Calls block.
pub trait Control {
    /// What is known of a function; none where the endpoint does not say, as emulators do not.
    ///
    /// # Errors
    /// When it is not there or may not be asked about.
    fn function(&self, name: &str) -> Result<Option<FunctionInfo>>;

    /// What is known of the account; none where that may not be asked.
    ///
    /// # Errors
    /// When the answer is no answer.
    fn account(&self) -> Result<Option<AccountInfo>>;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The functions, which are all alike.
    pub sized: Sized,
    /// Workers that may be out at once.
    pub workers: usize,
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
    let (mut sized, mut reserved): (Option<Sized>, Option<u64>) = (None, Some(0));
    for name in functions {
        let Some(info) = control.function(name)? else { continue };
        if sized.is_some_and(|sized| sized != info.sized) {
            return Err(Error::input(format!(
                "function {name} has other memory, time limit or processor than {}; give functions that are alike",
                functions.first().map_or("", |first| first)
            )));
        }
        sized = Some(info.sized);
        // One without a limit of its own lifts the limit.
        reserved = reserved.zip(info.reserved).map(|(sum, more)| sum.saturating_add(more));
        if info.reserved == Some(0) {
            return Err(Error::input(format!(
                "function {name} is switched off: its reserved concurrency is 0"
            )));
        }
    }
    if sized.is_none() {
        warnings.push(format!(
            "the endpoint says nothing of the function; taken as {} MB on {} with {} s",
            assumed.memory_mb,
            assumed.architecture.name(),
            assumed.timeout
        ));
        reserved = None;
    }
    let limit = match (reserved, control.account()?) {
        (Some(reserved), _) => reserved,
        (None, Some(account)) => {
            let kept = LEFT_TO_OTHERS.max(account.limit / 20);
            account.unreserved.saturating_sub(kept).max(1)
        }
        (None, None) => u64::MAX,
    };
    let workers = wanted.min(usize::try_from(limit).unwrap_or(usize::MAX)).max(1);
    if workers < wanted {
        warnings.push(format!(
            "{workers} workers at once instead of {wanted}: Lambda's concurrency allows no more; ask for a higher limit, or \
             reserve concurrency for the function"
        ));
    }
    Ok(Preflight { sized: sized.unwrap_or(assumed), workers, warnings })
}

/// Whether each function answers, with this version of zagg, and whether the folder beside the store takes objects.
///
/// # Errors
/// Says what is wrong, and what to do.
pub fn try_out(
    runtime: &Runtime,
    invoke: &dyn Invoke,
    objects: &dyn Objects,
    functions: &[Arc<str>],
    version: &str,
) -> Result<()> {
    const PROBE: &str = "status/probe";
    objects
        .change(vec![(PROBE.into(), Some(Bytes::from_static(b"{}\n")))])
        .and_then(|()| objects.change(vec![(PROBE.into(), None)]))
        .context(|| "trying whether the store's bucket takes objects")?;
    let event: Bytes = Event::ping().to_bytes()?.into();
    for name in functions {
        let call = Call { function: Arc::clone(name), queued: false, event: event.clone() };
        let answer = runtime
            .block_on(invoke.invoke(call))
            .map_err(|fault| Error::input(format!("function {name}: {fault}")))?;
        let response = ending_of(&answer).map_err(|fault| {
            Error::input(format!("function {name}: {}: {}", fault.class.name(), fault.message))
        })?;
        if response.worker.zagg != version {
            return Err(Error::input(format!(
                "function {name} is of zagg {}, this is {version}; deploy the function of this version",
                one_line(&response.worker.zagg)
            )));
        }
    }
    Ok(())
}

/// What is assumed of a function of which nothing is said.
pub const ASSUMED: Sized = Sized { memory_mb: 2_048, architecture: Architecture::Arm64, timeout: 900 };

#[cfg(test)]
mod tests {
    use super::*;

    struct Told(Option<FunctionInfo>, Option<AccountInfo>);

    impl Control for Told {
        fn function(&self, name: &str) -> Result<Option<FunctionInfo>> {
            let mut info = self.0.clone();
            if let Some(info) = info.as_mut().filter(|_| name == "other") {
                info.sized.memory_mb = 128;
            }
            Ok(info)
        }

        fn account(&self) -> Result<Option<AccountInfo>> {
            Ok(self.1)
        }
    }

    fn workers(reserved: Option<u64>, account: Option<(u64, u64)>, names: &[&str]) -> Result<usize> {
        let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
        let told = Told(
            Some(FunctionInfo { sized: ASSUMED, reserved }),
            account.map(|(limit, unreserved)| AccountInfo { limit, unreserved }),
        );
        look(&told, &names, 1_700, ASSUMED).map(|found| found.workers)
    }

    #[test]
    fn concurrency_that_is_left_bounds_the_workers() {
        assert_eq!(workers(None, None, &["f"]).unwrap(), 1_700);
        assert_eq!(workers(None, Some((1_000, 1_000)), &["f"]).unwrap(), 900);
        assert_eq!(workers(None, Some((10_000, 9_000)), &["f"]).unwrap(), 1_700);
        assert_eq!(workers(None, Some((10, 10)), &["f"]).unwrap(), 1);
        assert_eq!(workers(Some(300), Some((1_000, 700)), &["f"]).unwrap(), 300);
        assert_eq!(workers(Some(300), None, &["f", "g"]).unwrap(), 600);
        assert!(workers(Some(0), None, &["f"]).unwrap_err().message().contains("switched off"));
        assert!(workers(None, None, &["f", "other"]).unwrap_err().message().contains("alike"));
    }

    #[test]
    fn an_emulator_says_nothing_and_that_is_said() {
        let found = look(&Told(None, None), &["f".into()], 5, ASSUMED).unwrap();
        assert_eq!((found.workers, found.sized), (5, ASSUMED));
        assert!(found.warnings[0].contains("says nothing"));
    }
}
