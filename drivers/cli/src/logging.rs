//! What the program does, told on standard error as it goes: the spans of runs, tasks, granules, reads and writes.
//!
//! Only parts of zagg speak. Libraries that talk to servers would name addresses, and some addresses are keys.

use std::io;
use std::str::FromStr;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use zagg_core::{Error, Result};

use crate::args::{LogArgs, LogFormat};

/// The variable that says what is told when no option does.
const VARIABLE: &str = "ZAGG_LOG";

/// What every part of zagg begins with.
const OURS: &str = "zagg";

static JSON: OnceLock<()> = OnceLock::new();

/// Begins to tell what the arguments, or the environment, ask for.
///
/// # Errors
/// When that is no level.
pub(crate) fn start(args: &LogArgs) -> Result<()> {
    let (asked, place) = match &args.log_level {
        Some(level) => (Some(level.clone()), "--log-level"),
        None => (std::env::var(VARIABLE).ok().filter(|level| !level.trim().is_empty()), VARIABLE),
    };
    let json = args.log_format == Some(LogFormat::Json);
    // Messages of the program itself are lines of the log then, so that there is nothing but objects.
    let targets = match asked {
        Some(asked) => targets(&asked).map_err(|problem| Error::input(format!("{place}: {problem}")))?,
        None if json => Targets::new().with_target(OURS, LevelFilter::INFO),
        None => return Ok(()),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_span_events(FmtSpan::CLOSE);
    let registry = tracing_subscriber::registry();
    // A second start in one process would be a mistake of ours; the first stays then.
    if json {
        let lines = lines.json().flatten_event(true);
        if registry.with(lines.with_filter(targets)).try_init().is_ok() {
            let _ = JSON.set(());
        }
    } else {
        let lines = lines.with_ansi(false);
        let _ = registry.with(lines.with_filter(targets)).try_init();
    }
    Ok(())
}

/// Whether everything on standard error is to be a JSON object.
pub(crate) fn is_json() -> bool {
    JSON.get().is_some()
}

/// What is told at which level. A bare level is that of all parts of zagg; nobody else is told of.
fn targets(text: &str) -> std::result::Result<Targets, String> {
    let mut targets = Targets::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let (target, level) = word.split_once('=').unwrap_or((OURS, word));
        let level = LevelFilter::from_str(level.trim()).map_err(|_| {
            format!("{level:?} is no level; levels are off, error, warn, info, debug and trace")
        })?;
        let target = target.trim();
        if !target.starts_with(OURS) {
            return Err(format!(
                "{target:?} is no part of zagg; parts are called zagg_core, zagg_hdf5 and the like"
            ));
        }
        targets = targets.with_target(target, level);
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn only_parts_of_zagg_are_told_of() {
        let told = targets("info,zagg_hdf5=trace").unwrap();
        assert!(told.would_enable("zagg_core::task", &Level::INFO));
        assert!(!told.would_enable("zagg_core::task", &Level::DEBUG));
        assert!(told.would_enable("zagg_hdf5::access", &Level::TRACE));
        for foreign in ["reqwest", "hyper_util::client", "object_store::client::retry", "h2"] {
            assert!(!told.would_enable(foreign, &Level::ERROR), "{foreign}");
        }
        assert!(targets("verbose").unwrap_err().contains("no level"));
        assert!(targets("reqwest=trace").unwrap_err().contains("no part of zagg"));
    }
}
