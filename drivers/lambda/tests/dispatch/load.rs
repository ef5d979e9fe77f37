//! What dispatching takes: processor time, memory, and how fast events go out. Each is measured in a process of its own; the
//! processor time of the endpoint, which lives there too, is taken off. `cargo xtask long` shows the same of a release build.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zagg_lambda::dispatch::Dispatched;
use zagg_lambda::event::Event;
use zagg_lambda::invoke::{Answer, Call, Called, Invoke};
use zagg_lambda::policy::Policy;
use zagg_lambda::usage;

use crate::alone::alone;
use crate::simulated::FINE;
use crate::world::{End, Watcher, Weather, World, dispatcher, fleet};

/// Seconds of processor that one event may take: 2,000 a second on two cores are one millisecond each.
const PER_EVENT: f64 = 0.001;

/// Runs a dispatcher; `others` gives the processor time of what is no part of it.
fn measure(
    what: &str,
    world: &Arc<World>,
    invoke: Arc<dyn Invoke>,
    tasks: u64,
    (policy, fleet): (Policy, zagg_lambda::dispatch::Fleet),
    others: &dyn Fn() -> f64,
) -> Dispatched {
    let dispatcher = dispatcher(world, invoke, tasks, policy.clone(), fleet);
    let runtime = zagg_lambda::runtime().unwrap();
    let (before, others_before, begun) = (usage::of_process(), others(), Instant::now());
    let dispatched = runtime.block_on(dispatcher.run(&Watcher::new(usize::MAX)));
    let (seconds, others) = (begun.elapsed().as_secs_f64(), others() - others_before);
    let used = usage::of_process().map(|after| after.since(before));
    world.check(&dispatched, &policy);
    let tally = &dispatched.tally;
    let calls = tally.calls as f64;
    println!(
        "{what}: {} calls in {seconds:.2} s, {:.0} a second; at most {} waited for and {} queued; {:?}; {} backups",
        tally.calls,
        calls / seconds,
        tally.most_waited,
        tally.most_queued,
        tally.faults,
        tally.backups
    );
    if let (Some(used), Some(before)) = (used, before) {
        let cpu = used.cpu_seconds - others;
        let kept: usize = world.events.lock().unwrap().iter().map(|event| event.len()).sum();
        println!(
            "{what}: dispatcher {cpu:.2} s of processor, {:.3} ms an event, so {:.0} events/s on two cores; memory {} MiB before, \
             {} MiB at most, with the endpoint and {} MiB of events that it keeps",
            cpu / calls * 1e3,
            2.0 * calls / cpu,
            before.max_rss >> 20,
            used.max_rss >> 20,
            kept >> 20
        );
        assert!(cpu / calls <= PER_EVENT, "{what}: {:.3} ms of processor for an event", cpu / calls * 1e3);
    }
    dispatched
}

/// Answers at once.
struct Instantly(Arc<World>);

impl Invoke for Instantly {
    fn invoke(&self, call: Call) -> Called {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let event = Event::parse(&call.event).unwrap();
            world.enter(&event);
            let (payload, failed) = world.leave(&event, 0.001, End::Done);
            Ok(Answer { failed, payload, log: None })
        })
    }
}

#[test]
fn two_thousand_events_a_second_go_out_on_two_cores() {
    alone("load::events_alone", &[]);
}

#[test]
#[ignore = "measured in a process of its own"]
fn events_alone() {
    const TASKS: u64 = 20_000;
    for (waited, way) in [(1_700, "without a network, waited for"), (0, "without a network, queued")] {
        let world = World::new(Weather { credentials_end: u64::MAX, ..FINE });
        let policy = Policy {
            ramp: 1e6,
            queued_burst: 1e6,
            tick: Duration::from_millis(20),
            poll: Duration::from_millis(50),
            ..Policy::default()
        };
        let invoke = Arc::new(Instantly(Arc::clone(&world)));
        let dispatched = measure(way, &world, invoke, TASKS, (policy, fleet(10_000, waited, 900.0)), &|| 0.0);
        assert!(dispatched.reports.iter().all(Option::is_some));
    }
}

#[cfg(feature = "aws")]
mod over_sockets {
    use std::collections::BTreeSet;

    use zagg_core::report::TaskStatus;
    use zagg_lambda::aws::AwsInvoke;
    use zagg_lambda::dispatch::CallMode;
    use zagg_lambda::files;

    use super::*;
    use crate::endpoint::{client, endpoint, fast};
    use crate::world::{Gate, Memory, STORM};

    /// The storm, four hundred times as fast.
    const FAST_STORM: Weather =
        Weather { seconds: 0.1, straggling: 10.0, limit: 2.0, concurrency: 20_000, ..STORM };

    /// Runs over sockets. Nothing ends before `at_once` events are out.
    fn run(
        what: &str,
        weather: Weather,
        tasks: u64,
        (workers, waited): (usize, usize),
        at_once: usize,
        policy: Policy,
        timeout: f64,
    ) -> Dispatched {
        let mut world = World::with(weather, Arc::new(Memory::default()));
        world.gate = Gate::new(at_once);
        let world = Arc::new(world);
        let server =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let invoke = Arc::new(AwsInvoke::new(client(&endpoint(&server, &world))));
        let thread =
            server.block_on(server.spawn(async { std::fs::read_link("/proc/thread-self").ok() })).unwrap();
        let others = || {
            let stat = thread
                .as_ref()
                .and_then(|path| std::fs::read_to_string(format!("/proc/{}/stat", path.display())).ok());
            stat.map_or(0.0, |stat| ticks(&stat) / 100.0)
        };
        let fleet = fleet(workers, waited, timeout);
        let dispatched = measure(what, &world, invoke, tasks, (policy, fleet), &others);
        assert!(dispatched.stopped.is_none(), "{:?}", dispatched.stopped);
        dispatched
    }

    /// Ticks of processor of a thread; a hundred are a second on Linux.
    fn ticks(stat: &str) -> f64 {
        let numbers = stat.rsplit_once(')').unwrap().1;
        numbers.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum()
    }

    /// Every shard is done or named; gives those that are named.
    fn named(dispatched: &Dispatched) -> Vec<usize> {
        let reports = dispatched.reports.iter().map(|report| report.as_ref().unwrap()).enumerate();
        let failed = reports.filter(|(_, report)| report.status == TaskStatus::Failed);
        failed
            .inspect(|(_, report)| assert!(!report.error.as_ref().unwrap().is_empty()))
            .map(|(at, _)| at)
            .collect()
    }

    fn assert_seen(dispatched: &Dispatched, classes: &[&str]) {
        let faults: BTreeSet<&str> = dispatched.tally.faults.keys().copied().collect();
        assert!(classes.iter().all(|class| faults.contains(class)), "{faults:?}");
    }

    #[test]
    fn seventeen_hundred_workers_that_are_waited_for() {
        alone("load::over_sockets::waited_alone", &[]);
    }

    #[test]
    #[ignore = "measured in a process of its own"]
    fn waited_alone() {
        // Both ends of each connection are here.
        let files = files::raise_limit().map(|files| files / 2);
        let workers = CallMode::Auto.waited(1_700, files);
        if workers < 1_700 {
            println!("{workers} workers instead of 1700: the limit of open files allows no more");
        }
        let dispatched = run("waited for", FAST_STORM, 4_000, (workers, workers), workers, fast(), 10.0);
        assert_eq!((dispatched.tally.most_waited, dispatched.tally.most_queued), (workers, 0));
        let named = named(&dispatched);
        assert!(named.contains(&17) && named.len() <= 20, "{named:?}");
        assert_seen(
            &dispatched,
            &[
                "throttled",
                "service error",
                "lost response",
                "credentials",
                "function error",
                "out of memory",
                "timeout",
            ],
        );
        assert!(
            dispatched.tally.reported > 0
                && dispatched.tally.max_memory_mb == 99
                && dispatched.tally.backups > 0
        );
    }

    #[test]
    fn ten_thousand_events_that_are_queued_at_once() {
        alone("load::over_sockets::queued_alone", &[]);
    }

    #[test]
    #[ignore = "measured in a process of its own"]
    fn queued_alone() {
        // Of a queued event that dies only time tells: a shard that always does would make this last three times as long.
        let weather = Weather { too_large: None, ..FAST_STORM };
        let policy = Policy { queue: Duration::from_secs(10), ..fast() };
        let dispatched = run("queued", weather, 10_000, (10_000, 0), 10_000, policy, 2.0);
        assert_eq!((dispatched.tally.most_queued, dispatched.tally.most_waited), (10_000, 0));
        let named = named(&dispatched);
        assert!(named.len() <= 20, "{named:?}");
        assert_seen(&dispatched, &["throttled", "service error", "lost response", "credentials"]);
        assert!(dispatched.tally.backups > 0);
    }

    #[test]
    fn events_go_out_fast_through_the_sdk() {
        alone("load::over_sockets::sdk_alone", &[]);
    }

    #[test]
    #[ignore = "measured in a process of its own"]
    fn sdk_alone() {
        let fine = Weather { seconds: 0.0, ..FINE };
        for (workers, waited, what) in
            [(200, 200, "through the SDK, waited for"), (6_000, 0, "through the SDK, queued")]
        {
            let dispatched = run(what, fine, 6_000, (workers, waited), 0, fast(), 20.0);
            assert!(named(&dispatched).is_empty());
        }
    }
}
