//! Sending: what, by which way, and how many at once.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::State;
use super::attempt::Attempt;
use super::shard::Why;
use crate::event::billed_requests;
use crate::invoke::{Call, Fault, FaultClass};

impl State<'_> {
    /// Sends what may be sent now.
    pub(super) fn fill(&mut self, now: Instant) {
        if self.stopping || self.ended == self.shards.len() {
            return;
        }
        while let Some(Reverse((due, task))) = self.later.peek().copied()
            && due <= now
        {
            self.later.pop();
            self.ready.push_front((task, false));
        }
        while !self.ready.is_empty() {
            let Some(queued) = self.way(now) else { return };
            let Some((tasks, backup)) = self.next_tasks() else { return };
            self.start(tasks, queued, backup, now);
        }
    }

    /// By which way the next event may go: whether queued; none when there is no room.
    fn way(&mut self, now: Instant) -> Option<bool> {
        let fleet = &self.at.fleet;
        let free = fleet.workers.saturating_sub(self.waited + self.queued);
        if free == 0 {
            return None;
        }
        if self.waited < self.window.allowed(now).min(self.ramp.allowed(now)).min(fleet.waited) {
            return Some(false);
        }
        let most = fleet.workers.saturating_sub(fleet.waited).min(self.queue_ramp.allowed(now));
        (self.queued < most && self.sending < self.send_window.allowed(now)).then_some(true)
    }

    /// The next tasks for one invocation: one that was tried before alone, others together.
    fn next_tasks(&mut self) -> Option<(Vec<usize>, bool)> {
        let mut tasks = Vec::new();
        while let Some(&(task, backup)) = self.ready.front() {
            let shard = &mut self.shards[task];
            if shard.ended {
                self.ready.pop_front();
                continue;
            }
            let alone = backup || !shard.is_fresh();
            if !tasks.is_empty() && alone {
                break;
            }
            self.ready.pop_front();
            shard.waiting = false;
            tasks.push(task);
            if alone {
                return Some((tasks, backup));
            }
            if tasks.len() >= self.at.fleet.batch.max(1) {
                break;
            }
        }
        (!tasks.is_empty()).then_some((tasks, false))
    }

    fn start(&mut self, tasks: Vec<usize>, queued: bool, backup: bool, now: Instant) {
        let number = self.next_attempt;
        let policy = &self.at.policy;
        let not_after = queued.then(|| {
            let date = SystemTime::now() + policy.queue;
            date.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
        });
        let event = match self.at.events.event(number, &tasks, queued, not_after) {
            Ok(event) => event,
            Err(error) => {
                for task in tasks {
                    self.failed(task, Why::Final, error.message(), None);
                }
                return;
            }
        };
        self.next_attempt += 1;
        let tally = &mut self.tally;
        tally.calls += 1;
        tally.event_bytes += event.len() as u64;
        tally.requests += if queued { billed_requests(event.len()) } else { 1 };
        tally.backups += u64::from(backup);
        tally.invocations += 1;
        for &task in &tasks {
            self.shards[task].runs += 1;
            self.shards[task].live += 1;
        }
        if queued {
            self.queued += 1;
            self.sending += 1;
        } else {
            self.waited += 1;
        }
        tally.most_waited = tally.most_waited.max(self.waited);
        tally.most_queued = tally.most_queued.max(self.queued);
        let attempt = Attempt { tasks, started: now, queued, backup, heard_until: None, given_up: false };
        self.attempts.insert(number, attempt);
        let functions = &self.at.fleet.functions;
        let function = functions.get(number as usize % functions.len().max(1)).map_or("".into(), Arc::clone);
        // The client has limits of its own; this one holds whatever becomes of them. That an event is queued is said at once.
        let runs = if queued { Duration::ZERO } else { self.at.fleet.timeout };
        let most = runs + 2 * policy.grace;
        let call = self.at.invoke.invoke(Call { function, queued, event });
        let handle = self.calls.spawn(async move {
            let answer = tokio::time::timeout(most, call).await;
            let late = || Err(Fault::new(FaultClass::Lost, "no answer came in time"));
            (number, answer.unwrap_or_else(|_| late()))
        });
        self.call_ids.insert(handle.id(), number);
    }

    /// Sends a task once more after a pause.
    pub(super) fn again(&mut self, task: usize, failed: u32) -> Duration {
        let pause = self.at.policy.jitter(failed);
        if !self.shards[task].waiting {
            self.shards[task].waiting = true;
            self.later.push(Reverse((Instant::now() + pause, task)));
        }
        pause
    }
}
