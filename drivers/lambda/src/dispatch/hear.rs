//! Taking in what calls and functions say.

use tokio::time::Instant;
use zagg_core::report::{TaskReport, TaskStatus, Traffic};
use zagg_core::store::Written;
use zagg_core::{Error, ErrorKind};

use super::State;
use super::attempt::Attempt;
use super::shard::Why;
use crate::ending::{Ending, FunctionFault, FunctionFaultClass, Report, ending_of};
use crate::event::{Response, TaskError, TaskErrorClass};
use crate::invoke::{Answer, Fault, FaultClass};
use crate::tally::insert;

impl State<'_> {
    /// A call has ended.
    pub(super) fn answered(&mut self, number: u64, answer: Result<Answer, Fault>) {
        let now = Instant::now();
        let policy = &self.at.policy;
        let Some(attempt) = self.attempts.get_mut(&number) else { return };
        let queued = attempt.queued;
        if queued {
            self.sending -= 1;
        }
        let most = self.at.fleet.timeout + policy.grace;
        match answer {
            Ok(_) if queued => {
                self.refused = None;
                attempt.heard_until = Some(now + policy.queue + most);
            }
            Ok(answer) => {
                self.refused = None;
                self.waited -= 1;
                let report = answer.log.as_deref().and_then(Report::find);
                self.heard(number, ending_of(&answer), report);
            }
            Err(fault) => {
                self.tally.fault(fault.class.name());
                if fault.class == FaultClass::Lost {
                    // Whether it runs nobody knows; the object will tell, or its time will be over. One that broke after its
                    // time has been looked for all the same before it is given up.
                    let in_queue = if queued { policy.queue } else { std::time::Duration::ZERO };
                    let until = (attempt.started + in_queue + most).max(now + policy.grace);
                    attempt.heard_until = Some(until);
                    if !queued {
                        self.waited -= 1;
                    }
                    return;
                }
                self.refused(number, &fault, now);
            }
        }
    }

    /// A call that did not come to run a function.
    fn refused(&mut self, number: u64, fault: &Fault, now: Instant) {
        let Some(attempt) = self.attempts.remove(&number) else { return };
        self.refused.get_or_insert((now, String::new())).1 = fault.to_string();
        self.tally.invocations -= 1;
        let under_way = if attempt.queued { self.sending + 1 } else { self.waited };
        let window = if attempt.queued { &mut self.send_window } else { &mut self.window };
        match fault.class {
            FaultClass::Throttled => window.cut(now, under_way),
            // Where one file more is too many, a few less are right for the rest of the run.
            FaultClass::Files => window.lower(under_way - under_way / 8 - 1),
            _ => {}
        }
        if attempt.queued {
            self.queued -= 1;
        } else {
            self.waited -= 1;
        }
        if fault.class == FaultClass::Denied && !self.stopping {
            self.stop(Some(Error::input(format!("calling the function: {}", fault.message))));
        }
        for task in attempt.tasks {
            let shard = &mut self.shards[task];
            shard.live -= 1;
            shard.runs -= 1;
            if attempt.backup {
                // The one that is late is still out, and may get another backup.
                shard.backed_up = false;
            }
            if shard.ended || shard.live > 0 {
                continue;
            }
            if fault.class == FaultClass::Busy {
                self.failed(task, Why::Busy, &fault.message, None);
            } else if !self.stopping {
                shard.refusals += 1;
                let refusals = shard.refusals;
                self.again(task, refusals);
            }
        }
    }

    /// An invocation was heard of, by the answer to its call or by its object.
    pub(super) fn heard(&mut self, number: u64, ending: Ending, report: Option<Report>) {
        let Some(attempt) = self.attempts.remove(&number) else { return };
        self.refused = None;
        if attempt.queued && !attempt.given_up {
            self.queued -= 1;
        }
        let ending = ending.and_then(|response| match response.attempt == number {
            true => Ok(response),
            false => Err(FunctionFault {
                class: FunctionFaultClass::Error,
                message: format!("the response is to attempt {}", response.attempt),
            }),
        });
        self.bill(&attempt, &ending, report);
        for &task in &attempt.tasks {
            let shard = &mut self.shards[task];
            shard.refusals = 0;
            if !attempt.given_up {
                shard.live -= 1;
            }
        }
        match ending {
            Ok(response) => self.outcomes(&attempt, response),
            Err(fault) => {
                self.tally.fault(fault.class.name());
                let why = match fault.class {
                    FunctionFaultClass::Timeout => Why::Timeout,
                    FunctionFaultClass::Memory => Why::Memory,
                    FunctionFaultClass::Error => Why::Error,
                };
                for task in attempt.tasks {
                    self.failed(task, why, &format!("{}: {}", fault.class.name(), fault.message), None);
                }
            }
        }
    }

    fn bill(&mut self, attempt: &Attempt, ending: &Ending, report: Option<Report>) {
        let elapsed = Instant::now().duration_since(attempt.started).min(self.at.fleet.timeout).as_secs_f64();
        let seconds = match ending {
            Ok(response) => {
                self.tally.cold += u64::from(response.worker.cold);
                self.tally.max_memory_mb = self.tally.max_memory_mb.max(response.worker.max_rss >> 20);
                // What a worker says of itself is not believed beyond what can be.
                Some(response.worker.seconds)
                    .filter(|seconds| (0.0..=elapsed).contains(seconds))
                    .unwrap_or(elapsed)
            }
            Err(fault) if fault.class == FunctionFaultClass::Timeout => self.at.fleet.timeout.as_secs_f64(),
            Err(_) => elapsed,
        };
        self.tally.bill(report, seconds * 1e3);
        if ending.is_ok() {
            insert(&mut self.seconds, elapsed);
            let weight = self.weight(&attempt.tasks);
            insert(&mut self.weights, weight);
        }
    }

    /// Takes a response in, which may be damaged or made up.
    fn outcomes(&mut self, attempt: &Attempt, mut response: Response) {
        for &task in &attempt.tasks {
            let planned = &self.at.events.tasks[task];
            let found = response.outcomes.iter().position(|outcome| outcome.index == planned.index);
            let outcome = found.map(|at| response.outcomes.swap_remove(at));
            match outcome.map(|outcome| (outcome.report, outcome.error)) {
                Some((Some(report), _)) if report.shard != planned.shard => {
                    let message = format!("the response to it is about shard {:?}", report.shard);
                    self.failed(task, Why::Error, &message, None);
                }
                Some((Some(report), _)) if report.status != TaskStatus::Failed => self.end(task, report),
                Some((Some(report), _)) => {
                    let why = if report.temporary { Why::Temporary } else { Why::Final };
                    let message = report.error.clone().unwrap_or_else(|| "it did not say why".into());
                    self.failed(task, why, &message, Some(report));
                }
                Some((None, Some(error))) => self.refused_by_worker(task, &error),
                _ => self.failed(task, Why::Error, "the response says nothing of it", None),
            }
        }
    }

    /// A worker did not run a task.
    fn refused_by_worker(&mut self, task: usize, error: &TaskError) {
        self.tally.fault(error.class.name());
        let why = match error.class {
            TaskErrorClass::Deadline => Why::Timeout,
            TaskErrorClass::Credentials => {
                self.renew = true;
                Why::Credentials
            }
            TaskErrorClass::Memory => Why::Memory,
            TaskErrorClass::Expired => Why::Lost,
            TaskErrorClass::Other if error.temporary => Why::Temporary,
            TaskErrorClass::Other => Why::Final,
            TaskErrorClass::Event | TaskErrorClass::Plan | TaskErrorClass::Store if error.temporary => {
                Why::Temporary
            }
            // Every other task would meet the same.
            TaskErrorClass::Event | TaskErrorClass::Plan | TaskErrorClass::Store => {
                if !self.stopping {
                    self.stop(Some(Error::new(ErrorKind::Input, format!("the function: {}", error.message))));
                }
                Why::Final
            }
        };
        self.failed(task, why, &error.message, None);
    }

    /// A task has ended with a report that stands.
    fn end(&mut self, task: usize, mut report: TaskReport) {
        if self.shards[task].ended {
            return;
        }
        let shard = &mut self.shards[task];
        shard.ended = true;
        self.ended += 1;
        report.attempts = report.attempts.max(shard.runs);
        if report.status != TaskStatus::Failed {
            self.tally.ended(&report.shard, report.seconds, report.granules);
        }
        self.observer.task_ended(&report, self.ended, self.shards.len());
        self.reports[task] = Some(report);
    }

    /// An attempt at a task came to nothing: it is tried again, or has failed.
    pub(super) fn failed(&mut self, task: usize, why: Why, message: &str, report: Option<TaskReport>) {
        let policy = &self.at.policy;
        let shard = &mut self.shards[task];
        if shard.ended {
            return;
        }
        shard.failed(why);
        if shard.live > 0 || shard.waiting {
            // Another attempt is out, or about to be.
            return;
        }
        let (left, failures) = (shard.left(why, policy), shard.failures());
        if left > 0 && self.stopping {
            // The next run finds it undone.
            return;
        }
        let report = report.unwrap_or_else(|| {
            let message = format!("{message}{}", why.advice());
            let planned = &self.at.events.tasks[task];
            failed_report(&planned.shard, planned.granules.len() as u64, &message, why.is_temporary())
        });
        if left > 0 {
            let pause = self.again(task, failures);
            self.observer.task_retried(&report, pause, left);
            return;
        }
        self.end(task, report);
    }
}

/// The report of a task of which no worker made one.
pub(crate) fn failed_report(shard: &str, granules: u64, message: &str, temporary: bool) -> TaskReport {
    TaskReport {
        shard: shard.to_string(),
        status: TaskStatus::Failed,
        granules,
        parts_absent: 0,
        rows_read: 0,
        rows_kept: 0,
        rows_outside_area: None,
        cells: 0,
        holes: Vec::new(),
        error: Some(message.to_string()),
        temporary,
        attempts: 1,
        objects: Vec::new(),
        levels: None,
        traffic: Traffic::default(),
        written: Written::default(),
        seconds: 0.0,
    }
}
