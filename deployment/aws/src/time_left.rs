//! Whether a task can end before its invocation must.
//!
//! Lambda kills an invocation at its deadline, and what a task did until then is paid for and lost. The model:
//!
//! - Whatever the task: [`MARGIN`] for its record, the answer and the network's moods.
//! - The first task of an invocation has all the time that any will ever have. It is refused only when it cannot end: when not
//!   even [`LEAST_PER_GRANULE`] is left for each of its granules, which is less than opening one takes.
//! - A later task has a better place, an invocation of its own. It is refused when its granules, at the seconds per granule that
//!   this environment has measured for the same plan, do not fit into what is left.
//! - When the dispatcher says how long a task is expected to take, because it knows other shards of the run, that much must be
//!   left in any case.

use std::time::{Duration, SystemTime};

/// Time that is left over at the end.
pub(crate) const MARGIN: Duration = Duration::from_secs(5);

/// Least time for a granule: some round trips to a bucket next door.
pub(crate) const LEAST_PER_GRANULE: Duration = Duration::from_millis(10);

/// How long tasks took here.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Pace {
    seconds: f64,
    granules: u64,
}

impl Pace {
    /// Takes a task into account.
    pub(crate) fn add(&mut self, seconds: f64, granules: usize) {
        // A shard without granules takes its time, too.
        self.seconds += seconds;
        self.granules += granules.max(1) as u64;
    }

    fn per_granule(self) -> Option<f64> {
        (self.granules > 0).then(|| self.seconds / self.granules as f64)
    }
}

/// What is known before a task is begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    /// Granules of the task.
    pub(crate) granules: usize,
    /// Whether it is the first of its invocation.
    pub(crate) first: bool,
    /// What the dispatcher expects, in seconds.
    pub(crate) expected: Option<f64>,
    /// How long others took here.
    pub(crate) pace: Pace,
}

impl Ahead {
    /// Time that must be left for the task.
    pub(crate) fn needed(&self) -> Duration {
        let granules = u32::try_from(self.granules).unwrap_or(u32::MAX);
        let mut needed = LEAST_PER_GRANULE.saturating_mul(granules);
        if !self.first
            && let Some(seconds) = self.pace.per_granule()
        {
            needed = needed.max(seconds_to_duration(seconds * self.granules as f64));
        }
        if let Some(seconds) = self.expected {
            needed = needed.max(seconds_to_duration(seconds));
        }
        needed.saturating_add(MARGIN)
    }

    /// Whether the task may be begun; else why not.
    pub(crate) fn fits(&self, now: SystemTime, deadline: SystemTime) -> Result<(), String> {
        let left = deadline.duration_since(now).unwrap_or_default();
        let needed = self.needed();
        if needed <= left {
            return Ok(());
        }
        let advice = if self.first {
            "raise the timeout or the memory of the function, or choose smaller shards"
        } else {
            "it needs an invocation of its own"
        };
        Err(format!(
            "{:.0} s are left of this invocation, and {} granules need {:.0} s at least; {advice}",
            left.as_secs_f64(),
            self.granules,
            needed.as_secs_f64()
        ))
    }
}

fn seconds_to_duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ahead(granules: usize, first: bool) -> Ahead {
        Ahead { granules, first, expected: None, pace: Pace::default() }
    }

    fn fits(ahead: &Ahead, left: u64) -> Result<(), String> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        ahead.fits(now, now + Duration::from_secs(left))
    }

    #[test]
    fn the_first_task_is_refused_only_when_it_cannot_end() {
        let mut first = ahead(100, true);
        first.pace.add(1000.0, 10);
        assert!(fits(&first, 6).is_ok());
        assert_eq!(
            fits(&first, 5).unwrap_err(),
            "5 s are left of this invocation, and 100 granules need 6 s at least; raise the timeout or the memory of the \
             function, or choose smaller shards"
        );
    }

    #[test]
    fn a_later_task_needs_what_others_took() {
        let mut later = ahead(100, false);
        assert!(fits(&later, 6).is_ok(), "nothing is known yet");
        later.pace.add(20.0, 10);
        later.pace.add(0.0, 0);
        assert!(fits(&later, 187).is_ok());
        assert!(fits(&later, 186).unwrap_err().ends_with("it needs an invocation of its own"));
    }

    #[test]
    fn what_the_dispatcher_expects_must_be_left() {
        let expected = Ahead { expected: Some(60.0), ..ahead(1, true) };
        assert!(fits(&expected, 65).is_ok() && fits(&expected, 64).is_err());
        assert!(fits(&Ahead { expected: Some(f64::INFINITY), ..expected }, 900).is_err());
    }

    proptest! {
        #[test]
        fn more_granules_never_need_less(granules in 0usize..100_000, seconds in 0.0f64..1e6, first: bool) {
            let mut pace = Pace::default();
            pace.add(seconds, 10);
            let needed = |granules| Ahead { pace, ..ahead(granules, first) }.needed();
            prop_assert!(needed(granules) <= needed(granules + 1));
            prop_assert!(needed(granules) >= MARGIN);
        }
    }
}
