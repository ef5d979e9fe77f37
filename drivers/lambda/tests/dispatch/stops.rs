//! Runs that end before their end: by the user, by a refusal, by a Lambda that lets nothing through.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use zagg_core::ErrorKind;
use zagg_lambda::invoke::{Call, Called, Fault, FaultClass, Invoke};
use zagg_lambda::policy::Policy;

use crate::simulated::Direct;
use crate::world::{STORM, Watcher, Weather, World, dispatcher, fleet};

/// Refuses every call.
struct Refusing(FaultClass);

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
