//! Asking again after failures that pass: full jitter, bounded in number and time.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use zagg_core::{Error, ErrorKind, Result};

use super::date::retry_after;
use crate::client::chain;

/// How often and how long a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Attempts at most, the first among them.
    pub attempts: u32,
    /// The pause before the second attempt is random below this; before each further one, below twice the last bound.
    pub first_pause: Duration,
    /// No pause is longer, whatever a server asks for with `Retry-After`.
    pub longest_pause: Duration,
    /// No attempt starts when nothing came for this long.
    pub total: Duration,
}

impl Default for Retries {
    /// Eight attempts, and two minutes without any progress.
    fn default() -> Self {
        Self {
            attempts: 8,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(20),
            total: Duration::from_secs(120),
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It would fail again.
    Final(Error),
    /// It may pass.
    Passing {
        error: Error,
        /// How long the server asks to wait.
        after: Option<Duration>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// A failure below HTTP: the connection did not come about, broke or fell silent.
    pub(crate) fn of_transfer(error: reqwest::Error, location: &str) -> Self {
        // The URL may be signed; the location is the part of it that may be shown.
        let error = error.without_url();
        let text = chain(&error);
        let what = if error.is_timeout() {
            "no answer in time".to_string()
        } else if error.is_connect() {
            format!("cannot connect: {text}")
        } else {
            format!("the connection broke: {text}")
        };
        let message = format!("{location}: {what}");
        if error.is_builder() || text.contains("certificate") {
            return Self::Final(Error::io(message));
        }
        Self::Passing { error: Error::temporary(message), after: None }
    }

    /// A status that says that the server cannot serve now; none for any other status.
    pub(crate) fn of_status(status: u16, headers: &HeaderMap, location: &str) -> Option<Self> {
        if !matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) {
            return None;
        }
        let error = Error::temporary(format!("{location}: the server is busy or broken (status {status})"));
        Some(Self::Passing { error, after: retry_after(headers) })
    }
}

impl Retries {
    /// Makes attempts until one succeeds, fails for good, or there have been enough.
    ///
    /// # Errors
    /// That of the last attempt; with the number of attempts when it might have passed.
    pub(crate) async fn run<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.run_on(attempt, || false).await
    }

    /// The same for attempts that get on: `progress` tells after each failure whether it brought anything, be it slowly.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) async fn run_on<T, F>(&self, attempt: impl Fn() -> F, progress: impl Fn() -> bool) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut start = Instant::now();
        let mut made = 0;
        loop {
            made += 1;
            let (error, after) = match attempt().await {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { error, after }) => (error, after),
            };
            if progress() {
                start = Instant::now();
            }
            let pause = self.pause(made, after, random());
            if made >= self.attempts || start.elapsed() + pause > self.total {
                let tried = format!("{}; tried {made} times, try later", error.message());
                return Err(Error::new(ErrorKind::Temporary, tried));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The pause after so many attempts, for a random number in 0..1.
    fn pause(&self, made: u32, after: Option<Duration>, random: f64) -> Duration {
        let bound = self.first_pause.saturating_mul(1 << (made - 1).min(20)).min(self.longest_pause);
        let jitter = bound.mul_f64(random);
        // Those who were told the same moment must not come back at the same moment.
        let asked =
            after.map_or(Duration::ZERO, |after| after.saturating_add(self.first_pause.mul_f64(random)));
        jitter.max(asked.min(self.longest_pause))
    }
}

/// A random number in 0..1. Hashers are seeded at random, which is enough to spread requests.
fn random() -> f64 {
    (RandomState::new().hash_one(Instant::now()) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::runtime::block_on;

    const QUICK: Retries = Retries {
        attempts: 4,
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(50),
        total: Duration::from_secs(5),
    };

    fn passing(after: Option<Duration>) -> Failure {
        Failure::Passing { error: Error::temporary("x: busy"), after }
    }

    #[test]
    fn pauses_grow_are_random_and_bounded() {
        let policy = Retries::default();
        let pause = |made, after, random| policy.pause(made, after, random).as_secs_f64();
        assert_eq!([0.0, 0.5].map(|random| pause(1, None, random)), [0.0, 0.1]);
        assert_eq!([1, 2, 3, 9, 99].map(|made| pause(made, None, 0.5)), [0.1, 0.2, 0.4, 10.0, 10.0]);
        assert_eq!(pause(1, Some(Duration::from_secs(3)), 0.5), 3.1);
        assert_eq!(pause(1, Some(Duration::MAX), 0.5), 20.0);
        let numbers: Vec<f64> = (0..200).map(|_| random()).collect();
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        let mean = numbers.iter().sum::<f64>() / 200.0;
        assert!((0.35..0.65).contains(&mean), "{mean}");
    }

    #[test]
    fn attempts_end_with_success_with_failure_for_good_or_with_their_number() {
        let made = AtomicU32::new(0);
        let got = block_on(QUICK.run(async || match made.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err(passing(None)),
            n => Ok(n),
        }));
        assert_eq!(got, Ok(2));
        let made = AtomicU32::new(0);
        let run = QUICK.run(async || {
            made.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(passing(None))
        });
        let error = block_on(run).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Temporary, "x: busy; tried 4 times, try later")
        );
        assert_eq!(made.load(Ordering::SeqCst), 4);
        let made = AtomicU32::new(0);
        let run = QUICK.run(async || {
            made.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(Failure::Final(Error::not_found("no")))
        });
        assert_eq!(block_on(run), Err(Error::not_found("no")));
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn no_attempt_starts_after_the_total() {
        let policy = Retries { attempts: 1000, total: Duration::from_millis(120), ..QUICK };
        let start = Instant::now();
        let run = policy.run(async || Err::<(), _>(passing(Some(Duration::from_millis(40)))));
        assert!(block_on(run).is_err());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        // What brings something takes as long as it takes.
        let policy = Retries { attempts: 4, total: Duration::from_millis(20), ..QUICK };
        let made = AtomicU32::new(0);
        let run = policy.run_on(
            async || {
                made.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(40)).await;
                Err::<(), _>(passing(None))
            },
            || made.load(Ordering::SeqCst) < 3,
        );
        assert!(block_on(run).unwrap_err().message().contains("tried 3 times"));
    }
}
