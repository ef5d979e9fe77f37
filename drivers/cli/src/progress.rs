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
            None if self.is_time() => output::note(&format!("zagg: {done} of {total} {}", self.what)),
            None => {}
        }
    }

    /// As [`Self::at`] of something whose end may not be known yet; `step` is where it is, such as a page.
    pub(crate) fn step(&self, done: u64, total: Option<u64>, step: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(if step.is_empty() {
                self.what.to_string()
            } else {
                format!("{}, {step}", self.what)
            });
            bar.set_length(total.unwrap_or(done));
            bar.set_position(done);
        } else if self.is_time() {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let step = if step.is_empty() { String::new() } else { format!(", {step}") };
            output::note(&format!("zagg: {done}{of} {}{step}", self.what));
        }
    }

    /// Whether the next line is due; from now on it is not.
    fn is_time(&self) -> bool {
        let Ok(mut last) = self.last_line.try_lock() else { return false };
        let is_time = last.elapsed() >= LINE_EVERY;
        if is_time {
            *last = Instant::now();
        }
        is_time
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
