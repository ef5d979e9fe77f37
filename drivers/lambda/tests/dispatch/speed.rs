//! How fast events go out, and what that takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zagg_lambda::event::Event;
use zagg_lambda::invoke::{Answer, Call, Called, Invoke};
use zagg_lambda::policy::Policy;
use zagg_lambda::usage;

use crate::world::{End, STORM, Watcher, Weather, World, dispatcher, fleet};

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
    const TASKS: u64 = 20_000;
    for (waited, way) in [(1_700, "waited for"), (0, "queued")] {
        let world = World::new(Weather { credentials_end: u64::MAX, ..STORM });
        let policy = Policy {
            ramp: 1e6,
            queued_burst: 1e6,
            tick: Duration::from_millis(20),
            poll: Duration::from_millis(50),
            ..Policy::default()
        };
        let invoke = Arc::new(Instantly(Arc::clone(&world)));
        let dispatcher = dispatcher(&world, invoke, TASKS, policy, fleet(10_000, waited, 900.0));
        let runtime = zagg_lambda::runtime().unwrap();
        let before = usage::of_process();
        let begun = Instant::now();
        let dispatched = runtime.block_on(dispatcher.run(&Watcher::new(usize::MAX)));
        let seconds = begun.elapsed().as_secs_f64();
        assert!(dispatched.reports.iter().all(Option::is_some));
        let rate = TASKS as f64 / seconds;
        let used = usage::of_process().map(|after| after.since(before));
        println!("{way}: {rate:.0} events/s, {used:?}");
        // A loaded machine and an unoptimised build reach a part of what is promised.
        assert!(rate > 1_000.0, "{way}: {rate:.0} events/s");
    }
}
