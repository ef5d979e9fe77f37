//! Progress: a bar on a terminal, lines otherwise.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use zagg_core::executor::Observer;
use zagg_core::report::TaskReport;

use crate::output;

/// Where nobody watches, a line is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Tells how far something is.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let bar = output::is_watched().then(|| {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {prefix}, {eta} left");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_prefix(what);
            bar
        });
        Self { what, bar, last_line: Mutex::new(Instant::now()) }
    }

    pub(crate) fn at(&self, done: u64, total: u64) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            None => {
                let Ok(mut last) = self.last_line.try_lock() else { return };
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    output::note(&format!("zagg: {done} of {total} {}", self.what));
                }
            }
        }
    }

    /// Prints a line without disturbing the bar.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn task_ended(&self, _report: &TaskReport, done: usize, total: usize) {
        self.at(done as u64, total as u64);
    }
}
