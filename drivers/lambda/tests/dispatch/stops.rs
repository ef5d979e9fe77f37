//! Runs that end before their end: by the user, by a refusal, by a Lambda that lets nothing through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::{Error, ErrorKind};
use zagg_lambda::event::{Event, Mode};
use zagg_lambda::invoke::{Answer, Call, Called, Fault, FaultClass, Invoke};
use zagg_lambda::objects::Objects;
use zagg_lambda::policy::Policy;
use zagg_lambda::preflight;

use crate::simulated::{Direct, FINE};
use crate::world::{End, Memory, STORM, Watcher, Weather, World, dispatcher, fleet};

/// Refuses every call.
pub(crate) struct Refusing(pub(crate) FaultClass);

impl Invoke for Refusing {
    fn invoke(&self, _: Call) -> Called {
        let class = self.0;
        Box::pin(async move { Err(Fault::new(class, "no")) })
    }
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn a_stop_sends_nothing_more_and_waits_for_what_is_out() {
    for waited in [200, 0] {
        paused().block_on(async {
            let world = World::new(Weather { credentials_end: u64::MAX, ..STORM });
            let invoke = Arc::new(Direct(Arc::clone(&world)));
            let policy = Policy::default();
            let dispatcher = dispatcher(&world, invoke, 2_000, policy.clone(), fleet(200, waited, 900.0));
            let watcher = Watcher::new(300);
            let dispatched = dispatcher.run(&watcher).await;
            let ended = dispatched.reports.iter().flatten().count();
            assert!((300..=510).contains(&ended), "{ended}");
            assert_eq!(ended, watcher.ended.load(Ordering::Relaxed));
            assert!(dispatched.stopped.is_none());
            // Nothing runs on but what was given up or lost.
            assert!(world.active.load(Ordering::Relaxed) <= 5, "{}", world.active.load(Ordering::Relaxed));
            world.check(&dispatched, &policy);
        });
    }
}

#[test]
fn a_refusal_for_good_ends_the_run_at_once() {
    paused().block_on(async {
        let world = World::new(STORM);
        let dispatcher = dispatcher(
            &world,
            Arc::new(Refusing(FaultClass::Denied)),
            5_000,
            Policy::default(),
            fleet(50, 50, 900.0),
        );
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        let error = dispatched.stopped.unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Input, "calling the function: no"));
        assert!(dispatched.reports.iter().all(Option::is_none));
        assert!(dispatched.tally.calls <= 50 && dispatched.tally.invocations == 0);
    });
}

#[test]
fn a_lambda_that_lets_nothing_through_is_given_up_after_a_while() {
    for class in [FaultClass::Throttled, FaultClass::Unsent, FaultClass::Files] {
        paused().block_on(async {
            let world = World::new(STORM);
            let policy = Policy::default();
            let dispatcher =
                dispatcher(&world, Arc::new(Refusing(class)), 500, policy.clone(), fleet(100, 100, 900.0));
            let begun = tokio::time::Instant::now();
            let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
            let error = dispatched.stopped.unwrap();
            assert_eq!(error.kind(), ErrorKind::Temporary);
            assert!(error.message().contains(class.name()), "{error}");
            let seconds = begun.elapsed().as_secs();
            assert!((600..700).contains(&seconds), "{seconds}");
            // Pauses grow and the window shrinks: calls in vain stay few.
            assert!(dispatched.tally.calls < 20_000, "{} calls", dispatched.tally.calls);
        });
    }
}

#[test]
fn a_shard_that_lambda_never_takes_is_named() {
    paused().block_on(async {
        let world = World::new(STORM);
        let policy = Policy::default();
        let dispatcher =
            dispatcher(&world, Arc::new(Refusing(FaultClass::Busy)), 20, policy.clone(), fleet(5, 5, 900.0));
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        assert_eq!(dispatched.tally.calls, 20 * u64::from(policy.most_busy + 1));
        for report in dispatched.reports {
            let report = report.unwrap();
            assert!(report.temporary && report.error.unwrap().contains("run again"));
        }
    });
}

#[test]
fn one_refusal_and_long_silence_are_no_reason_to_give_up() {
    /// Refuses the first call of each of the first shards, then lets all through.
    struct First(Arc<World>, AtomicUsize);
    impl Invoke for First {
        fn invoke(&self, call: Call) -> Called {
            if self.1.fetch_add(1, Ordering::SeqCst) < 5 {
                return Box::pin(async { Err(Fault::new(FaultClass::Throttled, "Rate exceeded")) });
            }
            Direct(Arc::clone(&self.0)).invoke(call)
        }
    }
    // Tasks take 14 minutes: for longer than patience lasts there is no answer but the refusals.
    for waited in [20, 0] {
        paused().block_on(async {
            let world = World::new(Weather { seconds: 840.0, limit: 1_700.0, ..FINE });
            let invoke = Arc::new(First(Arc::clone(&world), AtomicUsize::new(0)));
            let dispatcher = dispatcher(&world, invoke, 20, Policy::default(), fleet(20, waited, 1_700.0));
            let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
            assert!(dispatched.stopped.is_none(), "{:?}", dispatched.stopped);
            let done = |report: &TaskReport| report.status == TaskStatus::Done;
            assert!(dispatched.reports.iter().flatten().filter(|report| done(report)).count() == 20);
            assert_eq!(dispatched.tally.faults.get("throttled"), Some(&5));
        });
    }
}

#[test]
fn a_lambda_that_stops_taking_calls_in_the_middle_is_given_up_when_nothing_runs_any_more() {
    /// Lets so many calls through.
    struct Some(Arc<World>, AtomicUsize);
    impl Invoke for Some {
        fn invoke(&self, call: Call) -> Called {
            if self.1.fetch_add(1, Ordering::SeqCst) >= 10 {
                return Box::pin(async { Err(Fault::new(FaultClass::Unsent, "no route to host")) });
            }
            Direct(Arc::clone(&self.0)).invoke(call)
        }
    }
    paused().block_on(async {
        let world = World::new(Weather { seconds: 400.0, ..FINE });
        let invoke = Arc::new(Some(Arc::clone(&world), AtomicUsize::new(0)));
        let dispatcher = dispatcher(&world, invoke, 100, Policy::default(), fleet(20, 20, 900.0));
        let begun = tokio::time::Instant::now();
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        let error = dispatched.stopped.unwrap();
        assert!(error.message().contains("no route to host"), "{error}");
        assert_eq!(dispatched.reports.iter().flatten().count(), 10);
        // The last of the ten answered within 600 s; ten minutes more.
        let seconds = begun.elapsed().as_secs();
        assert!((800..1_300).contains(&seconds), "{seconds}");
    });
}

/// Loses the answer to every first call just when its time is over; the response is in its object by then.
struct LateLoss(Arc<World>);

impl Invoke for LateLoss {
    fn invoke(&self, call: Call) -> Called {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let event = Event::parse(&call.event).unwrap();
            world.enter(&event);
            sleep(Duration::from_secs(870)).await;
            let (payload, failed) = world.leave(&event, 870.0, End::Done);
            if event.attempt >= 10 {
                return Ok(Answer { failed, payload, log: None });
            }
            // The function's limit is 900 s, and 30 s more are waited.
            sleep(Duration::from_secs(80)).await;
            Err(Fault::new(FaultClass::Lost, "connection reset"))
        })
    }
}

#[test]
fn what_was_lost_at_the_end_of_its_time_is_looked_for_before_it_is_given_up() {
    paused().block_on(async {
        let world = World::new(FINE);
        let invoke = Arc::new(LateLoss(Arc::clone(&world)));
        let dispatcher = dispatcher(&world, invoke, 5, Policy::default(), fleet(5, 5, 900.0));
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        assert_eq!(dispatched.tally.faults.get("lost response"), Some(&5));
        assert_eq!(dispatched.tally.calls, 5, "none was run twice: {:?}", dispatched.tally.faults);
        assert!(dispatched.reports.iter().flatten().all(|report| report.status == TaskStatus::Done));
    });
}

/// A bucket that does not answer at first.
struct Blind(Memory, AtomicUsize);

impl Objects for Blind {
    fn change(&self, changes: Vec<(String, Option<Bytes>)>) -> zagg_core::Result<()> {
        self.0.change(changes)
    }

    fn read(&self, names: &[String], longest: u64) -> zagg_core::Result<Vec<Option<Bytes>>> {
        let lent = names.iter().all(|name| name.starts_with("credentials/"));
        if !lent
            && self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            return Err(Error::temporary("the bucket does not answer"));
        }
        self.0.read(names, longest)
    }

    fn list(&self, prefix: &str) -> zagg_core::Result<Vec<String>> {
        self.0.list(prefix)
    }
}

#[test]
fn nothing_is_given_up_while_the_bucket_cannot_be_looked_into() {
    for (blind, stops) in [(20, false), (usize::MAX, true)] {
        paused().block_on(async {
            let objects = Arc::new(Blind(Memory::default(), AtomicUsize::new(blind)));
            let world = Arc::new(World::with(FINE, objects));
            // All events end after some 40 s, and are given up after 61 s; the bucket answers after that.
            let policy = Policy { queue: Duration::ZERO, grace: Duration::from_secs(1), ..Policy::default() };
            let policy = Policy { poll: Duration::from_secs(6), ..policy };
            let invoke = Arc::new(Direct(Arc::clone(&world)));
            let dispatcher = dispatcher(&world, invoke, 20, policy, fleet(20, 0, 60.0));
            let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
            assert_eq!(dispatched.stopped.is_some(), stops, "{:?}", dispatched.stopped);
            if stops {
                assert!(dispatched.stopped.unwrap().message().contains("does not answer"));
                return;
            }
            assert_eq!(dispatched.tally.faults.get("responses not read"), Some(&20));
            assert_eq!((dispatched.tally.calls, dispatched.tally.faults.get("no response")), (20, None));
            assert!(dispatched.reports.iter().flatten().all(|report| report.status == TaskStatus::Done));
        });
    }
}

/// Takes calls, and never answers.
struct Hanging(Arc<World>);

impl Invoke for Hanging {
    fn invoke(&self, call: Call) -> Called {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let event = Event::parse(&call.event).unwrap();
            if event.mode == Mode::Process {
                world.enter(&event);
                world.leave(&event, 1.0, End::Done);
            }
            std::future::pending().await
        })
    }
}

#[test]
fn a_call_without_an_answer_is_not_waited_for_longer_than_it_may_take() {
    paused().block_on(async {
        let world = World::new(FINE);
        let invoke = Arc::new(Hanging(Arc::clone(&world)));
        let dispatcher = dispatcher(&world, invoke, 20, Policy::default(), fleet(20, 0, 900.0));
        let begun = tokio::time::Instant::now();
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        // That an event is queued is said within a minute or not at all; the response is in its object.
        let seconds = begun.elapsed().as_secs();
        assert!((55..90).contains(&seconds), "{seconds}");
        assert_eq!((dispatched.tally.calls, dispatched.tally.faults.get("lost response")), (20, Some(&20)));
        assert!(dispatched.reports.iter().flatten().all(|report| report.status == TaskStatus::Done));
    });
    let runtime = paused();
    let world = World::new(FINE);
    let error =
        preflight::try_out(&runtime, &Hanging(Arc::clone(&world)), &*world.objects, &["f".into()], "1")
            .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
    assert!(error.message().contains("no answer within 60 s"), "{error}");
}

#[test]
fn a_ping_that_is_refused_may_fare_better_later_or_not() {
    let runtime = paused();
    for (class, kind) in [
        (FaultClass::Throttled, ErrorKind::Temporary),
        (FaultClass::Busy, ErrorKind::Temporary),
        (FaultClass::Unsent, ErrorKind::Temporary),
        (FaultClass::Lost, ErrorKind::Temporary),
        (FaultClass::Denied, ErrorKind::Input),
    ] {
        let world = World::new(FINE);
        let error =
            preflight::try_out(&runtime, &Refusing(class), &*world.objects, &["f".into()], "1").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}
