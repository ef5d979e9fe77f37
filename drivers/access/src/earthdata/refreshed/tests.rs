use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use super::*;
use crate::runtime::block_on;

/// A clock that is set by hand.
fn clock() -> (Arc<AtomicU64>, Clock) {
    let seconds = Arc::new(AtomicU64::new(1_000_000));
    let shared = Arc::clone(&seconds);
    let start = Instant::now();
    let now = move || {
        let passed = Duration::from_secs(shared.load(Ordering::SeqCst));
        Now { date: UNIX_EPOCH + passed, steady: start + passed }
    };
    (seconds, Arc::new(now))
}

const MARGIN: Duration = Duration::from_secs(600);

/// A source of values that each last an hour, unless it is told to fail.
struct Source {
    clock: Clock,
    fetched: AtomicUsize,
    error: Mutex<Option<Error>>,
}

impl Source {
    fn new(clock: &Clock) -> Self {
        Self { clock: Arc::clone(clock), fetched: AtomicUsize::new(0), error: Mutex::new(None) }
    }

    async fn fetch(&self) -> Result<Fetched<usize>> {
        let value = self.fetched.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(Fetched { value, ends: (self.clock)().date + Duration::from_secs(3600) }),
        }
    }

    fn count(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

fn by_threads(kept: &Refreshed<usize>, source: &Source, threads: usize) -> Vec<Result<usize>> {
    std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| block_on(kept.get(|| source.fetch())))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    })
}

#[test]
fn one_fetch_serves_all_and_comes_again_before_the_end() {
    let (seconds, clock) = clock();
    let (kept, source) = (Refreshed::new(Arc::clone(&clock), MARGIN), Source::new(&clock));
    assert!(by_threads(&kept, &source, 16).into_iter().all(|value| value == Ok(0)));
    assert_eq!(source.count(), 1);
    seconds.fetch_add(2999, Ordering::SeqCst);
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    seconds.fetch_add(1, Ordering::SeqCst);
    // Ten minutes before the end: one fetches, and who asks meanwhile may have the old one.
    let values = by_threads(&kept, &source, 16);
    assert_eq!(source.count(), 2);
    assert!(values.contains(&Ok(1)) && values.iter().all(|value| matches!(value, Ok(0 | 1))), "{values:?}");
}

#[test]
fn the_old_value_serves_while_fetching_fails_and_it_lasts() {
    let (seconds, clock) = clock();
    let (kept, source) = (Refreshed::new(Arc::clone(&clock), MARGIN), Source::new(&clock));
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    *source.error.lock().unwrap() = Some(Error::temporary("busy"));
    seconds.fetch_add(3100, Ordering::SeqCst);
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    assert_eq!(source.count(), 2, "not asked again at once");
    seconds.fetch_add(3, Ordering::SeqCst);
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    assert_eq!(source.count(), 3);
    seconds.fetch_add(500, Ordering::SeqCst);
    assert_eq!(block_on(kept.get(|| source.fetch())), Err(Error::temporary("busy")));
    *source.error.lock().unwrap() = None;
    seconds.fetch_add(3, Ordering::SeqCst);
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(4));
}

#[test]
fn a_value_that_must_last_is_fetched_anew_before_others_need_it() {
    let (seconds, clock) = clock();
    let (kept, source) = (Refreshed::new(Arc::clone(&clock), MARGIN), Source::new(&clock));
    let lasting = |least| block_on(kept.get_lasting(Duration::from_secs(least), || source.fetch()));
    assert_eq!((lasting(1_200), lasting(1_200)), (Ok(0), Ok(0)));
    seconds.fetch_add(2_400, Ordering::SeqCst);
    assert_eq!(lasting(1_200), Ok(0));
    seconds.fetch_add(300, Ordering::SeqCst);
    // A quarter of an hour before its end it serves who reads now, and not who lends.
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(0));
    assert_eq!(lasting(1_200), Ok(1));
    assert_eq!(block_on(kept.get(|| source.fetch())), Ok(1));
    // Where no other is to be had the one that is there serves on; where all are short-lived each is another.
    *source.error.lock().unwrap() = Some(Error::temporary("busy"));
    seconds.fetch_add(2_700, Ordering::SeqCst);
    assert_eq!(lasting(1_200), Ok(1));
    *source.error.lock().unwrap() = None;
    seconds.fetch_add(3, Ordering::SeqCst);
    assert_eq!((lasting(7_200), lasting(7_200)), (Ok(3), Ok(4)));
}

#[test]
fn a_refusal_is_shared_and_not_tried_again() {
    let (seconds, clock) = clock();
    let (kept, source) = (Refreshed::new(Arc::clone(&clock), MARGIN), Source::new(&clock));
    *source.error.lock().unwrap() = Some(Error::input("wrong password"));
    assert!(
        by_threads(&kept, &source, 16).into_iter().all(|value| value == Err(Error::input("wrong password")))
    );
    seconds.fetch_add(200, Ordering::SeqCst);
    assert!(block_on(kept.get(|| source.fetch())).is_err());
    assert_eq!(source.count(), 1);
    seconds.fetch_add(200, Ordering::SeqCst);
    assert!(block_on(kept.get(|| source.fetch())).is_err());
    assert_eq!(source.count(), 2);
}

#[test]
fn short_lives_have_short_margins_and_a_refused_value_is_dropped() {
    let (seconds, clock) = clock();
    let kept = Refreshed::new(Arc::clone(&clock), MARGIN);
    let fetched = AtomicUsize::new(0);
    let get = || {
        block_on(kept.get(|| async {
            let value = fetched.fetch_add(1, Ordering::SeqCst);
            Ok(Fetched { value, ends: (clock)().date + Duration::from_secs(60) })
        }))
    };
    assert_eq!(get(), Ok(0));
    seconds.fetch_add(49, Ordering::SeqCst);
    assert_eq!(get(), Ok(0));
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(get(), Ok(1));
    assert!(kept.refused(|value| *value == 0), "there is another already");
    assert_eq!(get(), Ok(1));
    assert!(kept.refused(|value| *value == 1));
    assert_eq!(get(), Ok(2));
    // Refused, too: that stands for a while.
    for _ in 0..30 {
        assert!(!kept.refused(|value| *value == 2));
        assert_eq!(get(), Ok(2));
    }
    seconds.fetch_add(301, Ordering::SeqCst);
    assert_eq!(get(), Ok(3));
    assert!(kept.refused(|value| *value == 3));
    assert_eq!(get(), Ok(4));
}
