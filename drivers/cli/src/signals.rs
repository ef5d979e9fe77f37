//! What the program makes of signals.
//!
//! The first SIGINT (Ctrl-C) or SIGTERM of a run lets the shards in work come to their end, the second ends the program where it
//! is. Whatever the moment, no object is half written: each is put whole, and a shard counts as done from its record on, which
//! comes last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a run is to start no further shard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Follows SIGINT and SIGTERM from now on. `say` tells the user; `go_on` is how to go on after the second one.
#[cfg(unix)]
pub(crate) fn watch(stop: &Stop, go_on: &'static str, say: impl Fn(&str) + Send + 'static) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    // Without handlers a signal ends the program at once, which is what the second one does: no reason not to run.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let stop = stop.clone();
    let follow = move || {
        for signal in signals.forever() {
            let name = if signal == SIGINT { "Ctrl-C" } else { "SIGTERM" };
            if stop.0.swap(true, Ordering::SeqCst) {
                say(&format!("zagg: {name} again: stopped at once; {go_on}"));
                std::process::exit(128 + signal);
            }
            say(&format!(
                "zagg: {name}: finishing the shards in work, starting no others; once more stops at once"
            ));
        }
    };
    let _ = std::thread::Builder::new().name("zagg-signals".into()).spawn(follow);
}

#[cfg(not(unix))]
pub(crate) fn watch(_stop: &Stop, _go_on: &str, _say: impl Fn(&str) + Send + 'static) {}

/// A file that grows past the limit of the process kills it by default; as an error of `write` it can be reported.
#[cfg(unix)]
pub(crate) fn ignore_file_size() {
    let seen = Arc::new(AtomicBool::new(false));
    // Without the handler the only loss is the message, so a failure to set it is no reason to stop.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
}

#[cfg(not(unix))]
pub(crate) fn ignore_file_size() {}
