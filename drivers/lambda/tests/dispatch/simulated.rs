//! Whole runs on a clock that is run ahead: hours of a thousand workers in a second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;
use zagg_core::report::TaskStatus;
use zagg_lambda::dispatch::Dispatched;
use zagg_lambda::event::Event;
use zagg_lambda::invoke::{Answer, Call, Called, Fault, FaultClass, Invoke};
use zagg_lambda::policy::Policy;

use crate::world::{End, Fate, STORM, Watcher, Weather, World, dispatcher, fleet};

/// The world, called without a network.
pub(crate) struct Direct(pub(crate) Arc<World>);

impl Invoke for Direct {
    fn invoke(&self, call: Call) -> Called {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let event = Event::parse(&call.event).unwrap();
            assert!(call.event.len() < 256 << 10);
            world.events.lock().unwrap().push(call.event.clone());
            sleep(Duration::from_millis(5)).await;
            let (seconds, end, lost) = match world.fate(&event) {
                Fate::Throttled => return Err(Fault::new(FaultClass::Throttled, "Rate exceeded")),
                Fate::Busy => return Err(Fault::new(FaultClass::Busy, "ServiceException")),
                Fate::Dropped => return Err(Fault::new(FaultClass::Lost, "connection closed")),
                Fate::Runs(seconds, end, lost) => (seconds, end, lost),
            };
            world.enter(&event);
            let run = async move {
                sleep(Duration::from_secs_f64(seconds)).await;
                world.leave(&event, seconds, end)
            };
            let lost_answer = Err(Fault::new(FaultClass::Lost, "connection closed"));
            if call.queued {
                tokio::spawn(run);
                return if lost { lost_answer } else { Ok(Answer::default()) };
            }
            // A function goes on when nobody listens any more.
            let (payload, failed) = tokio::spawn(run).await.unwrap();
            if lost { lost_answer } else { Ok(Answer { failed, payload, log: None }) }
        })
    }
}

fn simulate(weather: Weather, tasks: u64, workers: usize, waited: usize) -> (Arc<World>, Dispatched) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(weather);
        let invoke = Arc::new(Direct(Arc::clone(&world)));
        let policy = Policy::default();
        let dispatcher =
            dispatcher(&world, invoke, tasks, policy.clone(), fleet(workers, waited, weather.limit));
        let watcher = Watcher::new(usize::MAX);
        let dispatched = dispatcher.run(&watcher).await;
        assert_eq!(watcher.ended.load(Ordering::Relaxed) as u64, tasks);
        world.check(&dispatched, &policy);
        (world, dispatched)
    })
}

/// Every shard has a report, and those that failed say why.
fn check_reports(dispatched: &Dispatched, weather: &Weather) {
    assert!(dispatched.stopped.is_none(), "{:?}", dispatched.stopped);
    let mut failed = Vec::new();
    for (index, report) in dispatched.reports.iter().enumerate() {
        let report = report.as_ref().unwrap();
        if report.status == TaskStatus::Failed {
            assert!(!report.error.as_ref().unwrap().is_empty());
            failed.push(index as u64);
        }
    }
    let too_large = weather.too_large.unwrap();
    assert!(failed.contains(&too_large));
    // By chance a few others use up what they may be tried; with this script next to none.
    assert!(failed.len() <= 5, "{failed:?}");
    let error = dispatched.reports[too_large as usize].as_ref().unwrap().error.clone().unwrap();
    // Of a queued event only its silence tells.
    let says = if dispatched.tally.most_waited > 0 { "more memory" } else { "nothing was heard" };
    assert!(error.contains("memory") && error.contains(says), "{error}");
    println!(
        "{} failed; faults {:?}; {} backups",
        failed.len(),
        dispatched.tally.faults,
        dispatched.tally.backups
    );
}

#[test]
fn calls_that_are_waited_for_all_come_to_an_end() {
    let (world, dispatched) = simulate(STORM, 5_000, 1_700, 1_700);
    check_reports(&dispatched, &STORM);
    let tally = &dispatched.tally;
    for class in [
        "throttled",
        "service error",
        "lost response",
        "function error",
        "out of memory",
        "timeout",
        "credentials",
    ] {
        assert!(tally.faults.get(class).is_some_and(|times| *times > 0), "{class}: {:?}", tally.faults);
    }
    assert!(tally.backups > 0 && tally.most_queued == 0);
    assert!(world.peak.load(Ordering::Relaxed) <= STORM.concurrency);
    // What is sent in vain is a small part of what is sent.
    assert!(tally.calls < 5_000 * 3 / 2, "{} calls", tally.calls);
}

#[test]
fn queued_events_all_come_to_an_end() {
    let weather = Weather { concurrency: 10_000, ..STORM };
    let (world, dispatched) = simulate(weather, 12_000, 10_000, 0);
    check_reports(&dispatched, &weather);
    let tally = &dispatched.tally;
    assert!(
        tally.most_queued > 1_000 && tally.most_waited == 0 && tally.reported == 0,
        "{}",
        tally.most_queued
    );
    assert!(tally.faults["no response"] > 0);
    // Each failure that nobody waited for is in the queue of failed events, looked at by `check`.
    let letters = world.letters.lock().unwrap();
    let of = |what: &str| letters.iter().filter(|letter| letter.contains(what)).count();
    assert!(of("OutOfMemory") > 0 && of("Timedout") > 0 && of("ExitError") > 0, "{} letters", letters.len());
    assert!(letters.iter().all(|letter| letter.contains("s3://b/x.zarr.zagg/credentials/r.json")));
}

#[test]
fn more_workers_than_sockets_go_by_both_ways() {
    let weather = Weather { concurrency: 10_000, ..STORM };
    let (_, dispatched) = simulate(weather, 6_000, 3_000, 500);
    check_reports(&dispatched, &weather);
    let tally = &dispatched.tally;
    assert!((100..=500).contains(&tally.most_waited) && tally.most_queued > 500, "{tally:?}");
}

/// The sun shines.
pub(crate) const FINE: Weather = Weather {
    throttled: 0,
    busy: 0,
    dropped: 0,
    lost: 0,
    temporary: 0,
    error: 0,
    memory: 0,
    timeout: 0,
    stragglers: 0,
    credentials_end: u64::MAX,
    too_large: None,
    ..STORM
};

#[test]
fn without_faults_every_shard_is_run_once_and_the_ramp_is_kept() {
    let (world, dispatched) = simulate(FINE, 3_000, 1_400, 1_400);
    assert_eq!(dispatched.tally.calls, 3_000);
    assert!(world.runs.lock().unwrap().values().all(|runs| *runs == 1));
    // The first answers come after 20 s, when 2,100 might be out by the ramp and all workers are.
    assert_eq!(dispatched.tally.most_waited, 1_400);
    let (_, slow) = simulate(Weather { seconds: 1.0, ..FINE }, 3_000, 1_400, 1_400);
    // After six seconds, with some 700 workers, nothing is left to be sent.
    assert!(slow.tally.most_waited < 1_000, "{}", slow.tally.most_waited);
    assert!(dispatched.tally.repeated.is_empty());
}

#[test]
fn stragglers_get_one_backup_and_none_waits_for_them() {
    let weather = Weather { stragglers: 20, ..FINE };
    let (world, dispatched) = simulate(weather, 1_000, 1_400, 1_400);
    let tally = &dispatched.tally;
    assert!((5..=60).contains(&tally.backups), "{} backups", tally.backups);
    assert_eq!(tally.backups, tally.repeated.len() as u64);
    assert!(world.runs.lock().unwrap().values().all(|runs| *runs <= 2));
    // A straggler's shard ends with its backup, which is sent after three medians, unless that is one as well.
    let slow = dispatched.reports.iter().flatten().filter(|report| report.seconds > 300.0).count();
    assert!(slow <= 2, "{slow} shards took over 300 s");
}

#[test]
fn batches_are_taken_apart_where_one_of_them_fails() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(Weather { too_large: Some(5), ..FINE });
        let invoke = Arc::new(Direct(Arc::clone(&world)));
        let mut fleet = fleet(50, 50, FINE.limit);
        fleet.batch = 10;
        let dispatcher = dispatcher(&world, invoke, 100, Policy::default(), fleet);
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        let failed: Vec<usize> = (0..100)
            .filter(|&at| dispatched.reports[at].as_ref().unwrap().status == TaskStatus::Failed)
            .collect();
        assert_eq!(failed, [5]);
        // Ten invocations, the one with the bad shard once more for each of its ten.
        assert_eq!(dispatched.tally.calls, 20, "{:?}", dispatched.tally.faults);
    });
}

#[test]
fn a_response_to_another_event_is_not_taken() {
    struct Wrong(Arc<World>);
    impl Invoke for Wrong {
        fn invoke(&self, call: Call) -> Called {
            let world = Arc::clone(&self.0);
            Box::pin(async move {
                let mut event = Event::parse(&call.event).unwrap();
                world.enter(&event);
                event.attempt += 1_000;
                let (payload, failed) = world.leave(&event, 1.0, End::Done);
                Ok(Answer { failed, payload, log: None })
            })
        }
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(FINE);
        let invoke = Arc::new(Wrong(Arc::clone(&world)));
        let dispatcher = dispatcher(&world, invoke, 3, Policy::default(), fleet(3, 3, 900.0));
        let dispatched = dispatcher.run(&Watcher::new(usize::MAX)).await;
        for report in dispatched.reports {
            let report = report.unwrap();
            assert_eq!((report.status, report.attempts), (TaskStatus::Failed, 3));
            assert!(report.error.unwrap().contains("is to attempt 100"));
        }
    });
}
