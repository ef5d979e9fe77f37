//! What is late: attempts that are given up, and those that get a backup.

use tokio::time::Instant;

use super::State;
use super::shard::Why;
use crate::tally::median;

impl State<'_> {
    /// Gives up attempts whose functions must have ended long ago, once their objects were looked for after that. Only where
    /// looking has failed for a long time nothing is waited for.
    pub(super) fn give_up_late(&mut self, now: Instant) {
        let blind = now.duration_since(self.polled) > self.at.policy.patience;
        let looked = if blind { now } else { self.looked };
        let late: Vec<u64> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| {
                !attempt.given_up && attempt.heard_until.is_some_and(|until| until <= now && until <= looked)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            let Some(attempt) = self.attempts.get_mut(&number) else { continue };
            attempt.given_up = true;
            let (tasks, queued) = (attempt.tasks.clone(), attempt.queued);
            if queued {
                self.queued -= 1;
            }
            self.tally.fault("no response");
            for task in tasks {
                self.shards[task].live -= 1;
                let message = "nothing was heard of the function until its time limit had passed: it may have run out of \
                               memory or time, or its response was lost";
                self.failed(task, Why::Lost, message, None);
            }
        }
    }

    /// Sends a second invocation for each that takes much longer than the others, once per task: when there are enough tasks
    /// to know, and half of them have ended. A shard with more granules than most may take longer in proportion.
    pub(super) fn back_up(&mut self, now: Instant) {
        let policy = &self.at.policy;
        let (least, share, times) = policy.backup;
        if self.stopping
            || self.shards.len() < least
            || (self.ended as f64) < share * self.shards.len() as f64
        {
            return;
        }
        let (seconds, weight) = (median(&self.seconds), median(&self.weights).max(1.0));
        if self.seconds.is_empty() {
            return;
        }
        let mut late = Vec::new();
        for attempt in self.attempts.values().filter(|attempt| !attempt.given_up && !attempt.backup) {
            let size = (self.weight(&attempt.tasks) / weight).max(1.0);
            let most = (times * seconds * size).max(policy.backup_after.as_secs_f64());
            if now.duration_since(attempt.started).as_secs_f64() > most {
                late.extend(attempt.tasks.iter().copied());
            }
        }
        for task in late {
            let shard = &mut self.shards[task];
            if !shard.ended && !shard.backed_up && !shard.waiting && shard.runs < policy.most_runs {
                shard.backed_up = true;
                shard.waiting = true;
                self.ready.push_front((task, true));
            }
        }
    }

    /// Granules of some tasks.
    pub(super) fn weight(&self, tasks: &[usize]) -> f64 {
        tasks.iter().map(|&task| self.at.events.tasks[task].granules.len() as f64).sum()
    }
}
