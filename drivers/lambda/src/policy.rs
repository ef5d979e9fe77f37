//! What is done again, how often and when.

use std::time::Duration;

/// The numbers that a dispatcher goes by. Times are real ones; tests take a clock that is run ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Invocations of one shard that may have run, of whatever end and backups among them. Throttled calls, calls that were
    /// never sent and those that Lambda answered with 5xx are not counted: none of them has run as far as anybody knows.
    pub most_runs: u32,
    /// Runs more after an invocation of which nothing was heard.
    pub after_lost: u32,
    /// Runs more after the function's time limit: a second try finds less to wait for when the first met slow storage.
    pub after_timeout: u32,
    /// Runs more after the function ran out of memory: a fresh environment has what an old one may have lost.
    pub after_memory: u32,
    /// Runs more after any other failure of the function.
    pub after_error: u32,
    /// Runs more after a task that failed with something likely to pass.
    pub after_temporary: u32,
    /// Runs more after credentials that had ended, each time with renewed ones.
    pub after_credentials: u32,
    /// Calls of one shard that Lambda may answer with 5xx.
    pub most_busy: u32,
    /// First and longest pause before a call is repeated; it is random between nothing and the bound, which doubles.
    pub pause: (Duration, Duration),
    /// For how long nothing at all may get through before the run is given up.
    pub patience: Duration,
    /// After how long a call without an answer counts as got through: Lambda refuses at once.
    pub taken_after: Duration,
    /// Calls that are waited for: how many more may be under way each second, for each function. Each is a socket and a TLS
    /// handshake, and Lambda adds as many environments a second.
    pub ramp: f64,
    /// Queued events: what Lambda starts at once, for each function.
    pub queued_burst: f64,
    /// By how much a window that was cut grows each second, for each function.
    pub growth: f64,
    /// Queued events that are being sent at once.
    pub sends: usize,
    /// How long an event may lie in Lambda's queue before its worker is to do nothing any more.
    pub queue: Duration,
    /// How long after its time limit a function may take to be heard.
    pub grace: Duration,
    /// How often responses are looked for in the bucket.
    pub poll: Duration,
    /// How often the dispatcher looks at what is late and whether it is to stop.
    pub tick: Duration,
    /// Backups: how many tasks there must be, what share of them must have ended, and how many times the median an invocation
    /// must have taken.
    pub backup: (usize, f64, f64),
    /// Shortest time after which an invocation may be called late.
    pub backup_after: Duration,
    /// How long duplicates are waited for when all shards have ended.
    pub linger: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            most_runs: 4,
            after_lost: 2,
            after_timeout: 1,
            after_memory: 1,
            after_error: 2,
            after_temporary: 2,
            after_credentials: 2,
            most_busy: 8,
            pause: (Duration::from_secs(1), Duration::from_secs(60)),
            patience: Duration::from_secs(600),
            taken_after: Duration::from_secs(60),
            ramp: 100.0,
            queued_burst: 1_000.0,
            growth: 10.0,
            sends: 32,
            queue: Duration::from_secs(300),
            grace: Duration::from_secs(30),
            poll: Duration::from_secs(3),
            tick: Duration::from_millis(250),
            backup: (10, 0.5, 3.0),
            backup_after: Duration::from_secs(10),
            linger: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// The pause before the call after `failed` failures: any time up to a bound that doubles. That all wait differently is
    /// what keeps them from coming back together.
    pub(crate) fn jitter(&self, failed: u32) -> Duration {
        let (first, longest) = self.pause;
        let bound = first.saturating_mul(1 << failed.saturating_sub(1).min(16)).min(longest);
        bound.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_under_a_bound_that_doubles() {
        let policy = Policy::default();
        for (failed, bound) in [(0, 1.0), (1, 1.0), (3, 4.0), (40, 60.0)] {
            let pauses: Vec<f64> = (0..200).map(|_| policy.jitter(failed).as_secs_f64()).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound));
            let (low, high) = (pauses.iter().filter(|p| **p < bound / 2.0).count(), 200);
            assert!((40..160).contains(&low), "{low} of {high} below the middle");
        }
    }
}
