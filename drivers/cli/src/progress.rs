//! Progress: a bar on a terminal, lines otherwise.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use zagg_core::executor::Observer;
use zagg_core::report::TaskReport;

use crate::output;
use crate::signals::Stop;
use crate::summary::MAX_LINES;

/// Where nobody watches, a line is printed at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Tells how far something is.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
    stop: Stop,
    /// Retries that were told.
    retries: AtomicUsize,
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
        Self {
            what,
            bar,
            last_line: Mutex::new(Instant::now()),
            stop: Stop::default(),
            retries: AtomicUsize::new(0),
        }
    }

    /// The same, and what it follows is stopped when this says so.
    pub(crate) fn stopped_by(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
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

    fn task_retried(&self, report: &TaskReport, wait: Duration, left: u32) {
        // When much fails, it mostly fails for one reason.
        if self.retries.fetch_add(1, Ordering::Relaxed) >= MAX_LINES {
            return;
        }
        let hole = || report.holes.iter().find(|hole| hole.temporary).map(|hole| hole.reason.as_str());
        let reason = report.error.as_deref().or_else(hole).unwrap_or("failed");
        let tries = if left == 1 { "1 try".to_string() } else { format!("{left} tries") };
        self.say(&format!(
            "zagg: shard {}: {reason}; again in {} s, {tries} left",
            report.shard,
            wait.as_secs()
        ));
    }

    fn stop_requested(&self) -> bool {
        self.stop.is_requested()
    }
}
