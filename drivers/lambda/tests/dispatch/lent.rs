//! The object with credentials: it goes away however a run ends, and is renewed in time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use zagg_access::{Loan, Secret};
use zagg_core::executor::Executor;
use zagg_core::plan::PlanOptions;
use zagg_core::report::TaskStatus;
use zagg_core::{Error, ErrorKind};
use zagg_lambda::credentials::{Lend, Lending};
use zagg_lambda::executor::{Credentials, LambdaExecutor, Parts};
use zagg_lambda::invoke::{FaultClass, Invoke};
use zagg_lambda::objects::Objects;
use zagg_lambda::policy::Policy;
use zagg_zarr::ZarrStore;

use crate::job::Job;
use crate::simulated::{Direct, FINE};
use crate::stops::Refusing;
use crate::world::{HUSH, Memory, Watcher, Weather, World, fleet};

/// Tells how often credentials were asked for.
fn lend(times: &Arc<AtomicUsize>) -> Lend {
    let times = Arc::clone(times);
    Arc::new(move || {
        let n = times.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Some(Loan { archive: None, ends: None, document: Secret::new(format!("{HUSH}-{n}")) }))
    })
}

/// What a run that was killed has left beside the store, and what is not of such a run.
const STALE: [&str; 2] =
    ["credentials/1763800000-0a1b2c3d.json", "status/1763800000-0a1b2c3d/000000/000000001.json"];
const OTHERS: [&str; 2] = ["credentials/mine.json", "status/3414123.json"];

/// What a run that ended like this left in the folder beside the store.
fn left(
    job: &Job,
    weather: Weather,
    invoke: Option<FaultClass>,
    watcher: &Watcher,
) -> (Outcome, Vec<String>) {
    let world = World::new(Weather { seconds: 0.001, limit: 0.5, ..weather });
    for there in STALE.iter().chain(&OTHERS) {
        world.objects.change(vec![((*there).into(), Some(HUSH.into()))]).unwrap();
    }
    let invoke: Arc<dyn Invoke> = match invoke {
        Some(class) => Arc::new(Refusing(class)),
        None => Arc::new(Direct(Arc::clone(&world))),
    };
    let runtime = zagg_lambda::runtime().unwrap();
    let times = Arc::new(AtomicUsize::new(0));
    let policy = Policy {
        pause: (Duration::from_millis(1), Duration::from_millis(5)),
        tick: Duration::from_millis(2),
        grace: Duration::from_millis(200),
        patience: Duration::from_secs(2),
        ..Policy::default()
    };
    let executor = LambdaExecutor::new(Parts {
        runtime: &runtime,
        invoke,
        objects: Arc::clone(&world.objects),
        folder: "s3://b/x.zarr.zagg".into(),
        registry: &job.registry,
        plan: PlanOptions { store: "s3://b/x.zarr".into(), ..PlanOptions::default() },
        credentials: Credentials::Lent(lend(&times)),
        policy,
        fleet: fleet(2, 2, 0.5),
        seconds_per_granule: None,
    });
    let run = job.run(ZarrStore::memory());
    let outcome = catch_unwind(AssertUnwindSafe(|| executor.run(&run, watcher)));
    assert_eq!(times.load(Ordering::SeqCst), 1);
    let outcome = match outcome {
        Err(_) => Outcome::Panicked,
        Ok(Err(error)) => Outcome::Refused(error),
        Ok(Ok(reports)) => {
            let done = reports.iter().filter(|report| report.status == TaskStatus::Done).count();
            Outcome::Ended { done, failed: reports.len() - done }
        }
    };
    let names = world.objects.list("").unwrap();
    (outcome, names.into_iter().filter(|name| !name.starts_with("work/")).collect())
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Panicked,
    Refused(Error),
    Ended { done: usize, failed: usize },
}

#[test]
fn credentials_are_taken_away_however_a_run_ends() {
    let job = Job::new(12);
    let shards = job.shards();
    assert!(shards > 3, "{shards} shards");
    let done = Outcome::Ended { done: shards, failed: 0 };
    assert_eq!(left(&job, FINE, None, &Watcher::new(usize::MAX)).0, done);
    let all_end = Weather { memory: 1_000, ..FINE };
    let failed = Outcome::Ended { done: 0, failed: shards };
    for (weather, invoke, stop_after, panics, want) in [
        (FINE, None, usize::MAX, false, Some(done)),
        (all_end, None, usize::MAX, false, Some(failed)),
        (FINE, None, 1, false, None),
        (FINE, None, 1, true, Some(Outcome::Panicked)),
        (FINE, Some(FaultClass::Denied), usize::MAX, false, None),
        (FINE, Some(FaultClass::Unsent), usize::MAX, false, None),
    ] {
        let watcher = Watcher::new(stop_after);
        watcher.panics.store(panics, Ordering::SeqCst);
        let (outcome, mut names) = left(&job, weather, invoke, &watcher);
        // A panic leaves responses, which hold no secret and which the next run takes away.
        names.retain(|name| {
            !panics || name.starts_with("credentials/") || [STALE, OTHERS].concat().contains(&name.as_str())
        });
        // What a run that was killed has left went away as well, and what is somebody else's is left alone.
        assert_eq!(names, OTHERS, "{outcome:?}");
        match want {
            Some(want) => assert_eq!(outcome, want),
            None if stop_after == 1 => assert!(
                matches!(outcome, Outcome::Ended { done, failed: 0 } if (1..shards).contains(&done)),
                "{outcome:?}"
            ),
            None => assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}"),
        }
    }
}

#[test]
fn what_is_lent_is_renewed_before_workers_look_for_the_next() {
    let objects: Arc<dyn Objects> = Arc::new(Memory::default());
    let now = SystemTime::now();
    let ends = Arc::new(Mutex::new(now + Duration::from_secs(3_600)));
    let shared = Arc::clone(&ends);
    let lend: Lend = Arc::new(move || {
        let ends = *shared.lock().unwrap();
        Ok(Some(Loan { archive: None, ends: Some(ends), document: Secret::new(HUSH) }))
    });
    let lending = Lending::start(Arc::clone(&objects), "credentials/r.json", lend).unwrap().unwrap();
    let due = |seconds| lending.is_due(now + Duration::from_secs(seconds));
    assert!(
        !due(2_690) && due(2_710),
        "a quarter of an hour before the end, and so before ten minutes before it"
    );
    *ends.lock().unwrap() = now + Duration::from_secs(7_200);
    lending.renew().unwrap();
    assert!(!due(6_290) && due(6_310));
    // What has a minute to live is not asked for all the time.
    *ends.lock().unwrap() = now + Duration::from_secs(60);
    lending.renew().unwrap();
    assert!(!due(30) && due(70));
    assert!(!format!("{lending:?}").contains(HUSH));
    drop(lending);
    assert!(objects.list("").unwrap().is_empty());
}

#[test]
fn where_nothing_can_be_lent_nothing_is_left() {
    let objects: Arc<dyn Objects> = Arc::new(Memory::default());
    let refuse: Lend = Arc::new(|| Err(Error::input("no login")));
    let error = Lending::start(Arc::clone(&objects), "credentials/r.json", refuse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let none: Lend = Arc::new(|| Ok(None));
    assert!(Lending::start(Arc::clone(&objects), "credentials/r.json", none).unwrap().is_none());
    assert!(objects.list("").unwrap().is_empty());
}
