//! What a run on Lambda came to: invocations, faults, billed time.

use std::collections::BTreeMap;

use crate::ending::Report;

/// Shards that are named as the slowest.
const SLOWEST: usize = 5;

/// A shard with what it took.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SlowShard {
    /// Its label.
    pub shard: String,
    /// Seconds of its task.
    pub seconds: f64,
    /// Granules that it lists.
    pub granules: u64,
}

/// Counts of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Calls made, of whatever end.
    pub calls: u64,
    /// Invocations that may have run.
    pub invocations: u64,
    /// Requests that Lambda bills: large queued events count several times.
    pub requests: u64,
    /// Bytes of events sent.
    pub event_bytes: u64,
    /// Invocations that were heard of, and whose billed time comes from their `REPORT` line.
    pub reported: u64,
    /// Invocations that were heard of, whose time was measured by themselves or by the dispatcher.
    pub measured: u64,
    /// Invocations that may have run and of which nothing was heard; their time is what they can have taken at most.
    pub unheard: u64,
    /// Milliseconds billed, as far as they are known.
    pub billed_ms: f64,
    /// Milliseconds that the unheard ones can have taken at most.
    pub unheard_ms: f64,
    /// Invocations that were the first of their environment.
    pub cold: u64,
    /// Backups of late invocations.
    pub backups: u64,
    /// Shards run more than once, with the number of runs.
    pub repeated: BTreeMap<String, u32>,
    /// Failed calls and failed invocations by class.
    pub faults: BTreeMap<&'static str, u64>,
    /// Most memory that a function used, in MB, as far as that is known.
    pub max_memory_mb: u64,
    /// Most calls that were waited for at once.
    pub most_waited: usize,
    /// Most queued events that were out at once.
    pub most_queued: usize,
    /// The slowest shards, the slowest first.
    pub slowest: Vec<SlowShard>,
    /// Seconds of the tasks that ended, ascending, for their median.
    pub(crate) task_seconds: Vec<f64>,
}

impl Tally {
    /// Counts a fault.
    pub(crate) fn fault(&mut self, class: &'static str) {
        *self.faults.entry(class).or_default() += 1;
    }

    /// Bills an invocation that was heard of.
    pub(crate) fn bill(&mut self, report: Option<Report>, measured_ms: f64) {
        match report {
            Some(report) => {
                self.reported += 1;
                self.billed_ms += report.billed_ms;
                self.max_memory_mb = self.max_memory_mb.max(report.max_memory_mb.unwrap_or(0));
            }
            None => {
                self.measured += 1;
                self.billed_ms += if measured_ms.is_finite() { measured_ms.max(0.0).ceil() } else { 0.0 };
            }
        }
    }

    /// Takes a task in that has ended.
    pub(crate) fn ended(&mut self, shard: &str, seconds: f64, granules: u64) {
        let at = self.slowest.partition_point(|slow| slow.seconds >= seconds);
        if at < SLOWEST {
            self.slowest.insert(at, SlowShard { shard: shard.to_string(), seconds, granules });
            self.slowest.truncate(SLOWEST);
        }
        insert(&mut self.task_seconds, seconds);
    }

    /// Median of the seconds of the tasks that ended.
    pub fn median_seconds(&self) -> f64 {
        median(&self.task_seconds)
    }

    /// Longest task that ended, in seconds.
    pub fn most_seconds(&self) -> f64 {
        self.task_seconds.last().copied().unwrap_or(0.0)
    }
}

/// Puts a number into an ascending list.
pub(crate) fn insert(numbers: &mut Vec<f64>, number: f64) {
    numbers.insert(numbers.partition_point(|other| *other < number), number);
}

/// The middle of an ascending list, 0 of none.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_are_kept_in_order() {
        let mut tally = Tally::default();
        for (n, seconds) in [3.0, 9.0, 1.0, 7.0, 5.0, 8.0, 2.0].into_iter().enumerate() {
            tally.ended(&format!("s{n}"), seconds, 1);
        }
        let seconds: Vec<f64> = tally.slowest.iter().map(|slow| slow.seconds).collect();
        assert_eq!(seconds, [9.0, 8.0, 7.0, 5.0, 3.0]);
        assert_eq!((tally.median_seconds(), tally.most_seconds()), (5.0, 9.0));
    }

    #[test]
    fn billed_time_is_that_of_the_report_where_there_is_one() {
        let mut tally = Tally::default();
        tally.bill(Some(Report { billed_ms: 100.0, memory_mb: None, max_memory_mb: Some(700) }), 5_000.0);
        tally.bill(None, 12.3);
        tally.bill(None, f64::NAN);
        assert_eq!(
            (tally.billed_ms, tally.reported, tally.measured, tally.max_memory_mb),
            (113.0, 1, 2, 700)
        );
    }
}
