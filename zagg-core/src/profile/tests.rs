use super::*;
use std::time::Duration;

fn nap(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[test]
fn places_of_phases_and_counters_are_their_own() {
    for (at, phase) in Phase::ALL.iter().enumerate() {
        assert_eq!(*phase as usize, at);
    }
    for (at, counter) in Counter::ALL.iter().enumerate() {
        assert_eq!(*counter as usize, at);
    }
    let report = Profile::new().report();
    assert_eq!((report.phases.len(), report.counters.len()), (Phase::ALL.len(), Counter::ALL.len()));
}

#[test]
fn what_is_inside_a_phase_is_taken_off_it() {
    let profile = Arc::new(Profile::new());
    let _entered = profile.enter();
    time(Phase::Open, || {
        nap(4);
        time(Phase::Fetch, || nap(30));
        time(Phase::Inflate, || time(Phase::Fetch, || nap(20)));
    });
    let report = profile.report();
    let (open, fetch) = (report.phases["open"], report.phases["fetch"]);
    assert!(fetch.seconds >= 0.05 && fetch.calls == 2, "{report:?}");
    assert!(open.seconds >= 0.004 && open.calls == 1, "{report:?}");
    // Every second counts once, however slow this machine is.
    assert!(report.busy() <= report.seconds, "{report:?}");
}

#[test]
fn threads_count_for_the_profile_that_they_entered() {
    let profile = Arc::new(Profile::new());
    add(Counter::Requests, 1);
    {
        let _entered = profile.enter();
        add(Counter::Requests, 10);
        let handed = current();
        std::thread::scope(|scope| {
            scope.spawn(|| add(Counter::Requests, 100));
            scope.spawn(|| within(handed, || add(Counter::Requests, 1000)));
        });
        within(None, || add(Counter::Requests, 10_000));
        add(Counter::Requests, 10);
    }
    add(Counter::Requests, 100_000);
    assert_eq!(profile.report().counter(Counter::Requests), 1020);
    assert!(current().is_none());
}

#[test]
fn work_for_another_profile_is_taken_off_the_phase_that_it_interrupts() {
    let (one, other) = (Arc::new(Profile::new()), Arc::new(Profile::new()));
    let _entered = one.enter();
    time(Phase::Wait, || {
        within(Some(Arc::clone(&other)), || time(Phase::Sort, || nap(20)));
        within(current(), || time(Phase::Reduce, || nap(20)));
    });
    let report = one.report();
    assert!(other.report().phases["sort"].seconds >= 0.02 && report.phases["reduce"].seconds >= 0.02);
    assert_eq!(report.phases["sort"].calls, 0);
    let all: f64 = report.phases.values().map(|phase| phase.seconds).sum();
    assert!(all + other.report().busy() <= report.seconds, "{report:?}");
}

#[test]
fn a_panic_does_not_upset_the_clock() {
    let profile = Profile::new();
    let none: [u8; 0] = [];
    let at = none.len();
    let caught = crate::caught(|| profile.time(Phase::Reduce, || Ok(none[at])));
    assert!(caught.is_err());
    assert_eq!(profile.report().phases["reduce"].calls, 1);
    assert!(profile.report().busy() <= profile.report().seconds);
}

#[test]
fn reports_of_workers_add_up() {
    let (one, other) = (Profile::new(), Profile::new());
    one.add(Counter::Requests, 2);
    other.add(Counter::Requests, 3);
    other.time(Phase::Sort, || nap(2));
    let mut all = one.report();
    all.merge(&other.report());
    assert_eq!(all.counter(Counter::Requests), 5);
    assert_eq!(all.phases["sort"], other.report().phases["sort"]);
    let text = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<ProfileReport>(&text).unwrap(), all);
}
