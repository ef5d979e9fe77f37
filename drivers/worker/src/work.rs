//! Running tasks of a plan.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zagg_core::executor::{Executor, Observer};
use zagg_core::plan::PlannedTask;
use zagg_core::profile::ProfileReport;
use zagg_core::records::{Others, report_of};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::{Run, RunOptions};
use zagg_core::store::Store;
use zagg_core::{Error, ErrorKind, Result};
use zagg_local::LocalExecutor;

use crate::ownership::{Ownership, is_ours, may_write};
use crate::status::{TaskState, WorkerState, statuses};
use crate::worker::Worker;

/// How often a worker looks whether the store is still its plan's.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What became of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Index of the task in the plan.
    pub index: u64,
    /// The shard, by its label.
    pub shard: String,
    /// Whether the shard was done before, from inputs that have not changed, and was left as it is. The report is that of the
    /// task that made it, where it is known, and says `done` in any case.
    pub skipped: bool,
    /// What the task did.
    pub report: TaskReport,
}

/// What a worker did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// The tasks that were run or found done, in the order asked.
    pub outcomes: Vec<Outcome>,
    /// Tasks that were not started because the worker was stopped.
    pub not_run: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Where the time went and what was read, of a worker that ran a task.
    pub profile: Option<ProfileReport>,
    /// Whether shards with holes are as good as done to whoever asked.
    pub allow_incomplete: bool,
    /// What ended it before its time: a status object that could not be written, or that the store was taken away from the plan.
    pub broken: Option<Error>,
}

impl Work {
    /// The exit code: 0 when every task is done, 3 when shards are incomplete or have failed, 75 when all that is missing is
    /// likely to come with another attempt.
    pub fn exit_code(&self) -> u8 {
        let is_bad = |status| match status {
            TaskStatus::Done => false,
            TaskStatus::Incomplete => !self.allow_incomplete,
            TaskStatus::Failed => true,
        };
        let bad: Vec<&TaskReport> = self
            .outcomes
            .iter()
            .map(|outcome| &outcome.report)
            .filter(|report| is_bad(report.status))
            .collect();
        let broken = self.broken.as_ref().map(Error::kind);
        if bad.iter().any(|report| !report.temporary)
            || broken.is_some_and(|kind| kind != ErrorKind::Temporary)
        {
            3
        } else if !bad.is_empty() || self.not_run > 0 || broken.is_some() {
            75
        } else {
            0
        }
    }
}

/// Watches nothing and stops nothing.
#[derive(Debug)]
struct Nobody;

impl Observer for Nobody {
    fn task_ended(&self, _: &TaskReport, _: usize, _: usize) {}
}

impl Worker {
    /// Runs one task of the plan. A shard that is done already is left as it is.
    ///
    /// # Errors
    /// When nothing could be run: there is no such task, the store is not the plan's. The failure of the task is in the report.
    pub fn run(&self, index: u64) -> Result<TaskReport> {
        self.run_one(self.tasks([index])?)
    }

    /// As [`Self::run`], of a task that came with the order. It is checked against the plan as a block is.
    ///
    /// # Errors
    /// As of [`Self::run`].
    pub fn run_task(&self, task: PlannedTask) -> Result<TaskReport> {
        self.run_one(vec![task])
    }

    fn run_one(&self, tasks: Vec<PlannedTask>) -> Result<TaskReport> {
        let work = self.run_tasks(tasks, &LocalExecutor::default(), &Nobody)?;
        match (work.broken, work.outcomes.into_iter().next()) {
            (Some(error), _) => Err(error),
            (None, Some(outcome)) => Ok(outcome.report),
            (None, None) => Err(Error::temporary("the task was not started")),
        }
    }

    /// Runs some tasks, several at once as the executor does it. After each its shard has a record and a status object.
    ///
    /// # Errors
    /// When nothing could be run: tasks and plan do not belong together, or the store is not the plan's. What ends it later is
    /// in [`Work::broken`].
    pub fn run_tasks(
        &self,
        tasks: Vec<PlannedTask>,
        executor: &dyn Executor,
        observer: &dyn Observer,
    ) -> Result<Work> {
        let order: Vec<(u64, String)> = tasks.iter().map(|task| (task.index, task.shard.clone())).collect();
        let options = RunOptions { index: self.index.clone(), ..self.options.run.clone() };
        let opener = Arc::new(self.opener.clone());
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let mut run = Run::of_plan(&self.plan, tasks, &self.options.registry, opener, store, &options)?;
        run.others = Some(self.others());
        let is_ours = is_ours(&*self.store, &self.digest, self.options.ownership)?;
        let skipped = match self.options.redo {
            true => Vec::new(),
            false => run.leave_out_done(self.options.trust_ids)?.skipped,
        };
        if !is_ours && !run.tasks.is_empty() {
            return Err(Error::input(format!(
                "store {}: it is not given to the workers of this plan any more, because it was finalized or taken back; \
                 give it with zagg plan, as before",
                self.store.location()
            )));
        }
        let allow_incomplete = run.allow_incomplete;
        let run = Arc::new(run);
        let noting = Noting::new(self, &order, observer);
        let reports = executor.run(&run, &noting)?;
        if !reports.is_empty() {
            // Finalize, on another machine perhaps, believes the records.
            self.store.settle().unwrap_or_else(|error| noting.fail(error));
        }
        let broken = noting.ended();
        let mut work = Work { allow_incomplete, warnings: warnings(&run), broken, ..Work::default() };
        let mut reports: BTreeMap<String, TaskReport> =
            reports.into_iter().map(|report| (report.shard.clone(), report)).collect();
        if !reports.is_empty() {
            let profile = run.profile.report();
            // A run on functions leaves a report of its own, and every function would leave an object for each task.
            if self.options.ownership == Ownership::Plan
                && let Err(error) =
                    WorkerState::now(&self.digest, reports.len(), &profile).write(&*self.store)
            {
                work.warnings.push(format!("the profile of this worker was not kept: {error}"));
            }
            work.profile = Some(profile);
        }
        let mut before = self.before(&run, &skipped);
        for (index, shard) in order {
            let skipped = before.remove(&shard);
            let was_skipped = skipped.is_some();
            match skipped.or_else(|| reports.remove(&shard)) {
                Some(report) => work.outcomes.push(Outcome { index, shard, skipped: was_skipped, report }),
                None => work.not_run += 1,
            }
        }
        Ok(work)
    }

    /// What tasks must know of other workers.
    fn others(&self) -> Others {
        let (store, digest) = (Arc::clone(&self.store), self.digest.clone());
        let ownership = self.options.ownership;
        Others {
            redo: self.options.redo,
            trust_ids: self.options.trust_ids,
            may_write: Arc::new(move || may_write(&*store, &digest, ownership)),
            ..Others::default()
        }
    }

    /// The reports of shards that were done before, as far as they are known: what is not changes nothing.
    fn before(&self, run: &Run, labels: &[String]) -> BTreeMap<String, TaskReport> {
        let found = statuses(&*self.store, labels).unwrap_or_else(|_| vec![None; labels.len()]);
        let report = |(label, state): (&String, Option<TaskState>)| {
            let known = state.map(|state| state.report).filter(|report| report.status == TaskStatus::Done);
            let of_record = || {
                let shard = run.product.grid.shard_from_label(label).ok()?;
                report_of(&run.product, &*self.store, shard).ok().flatten()
            };
            let report = known.or_else(of_record).unwrap_or_else(|| TaskReport::new(label.clone(), 0));
            (label.clone(), report)
        };
        labels.iter().zip(found).map(report).collect()
    }
}

/// What granules had to say while they were read.
fn warnings(run: &Run) -> Vec<String> {
    let mut warnings = run.warnings.clone();
    for (granule, stray) in run.granules.strays() {
        if stray.rows_unassigned > 0 {
            warnings.push(format!(
                "granule {granule}: {} rows lie in shards that do not list it; build the shard map again to count them",
                stray.rows_unassigned
            ));
        }
    }
    let index = run.granules.index_warnings().into_iter();
    warnings.extend(index.map(|(granule, warning)| format!("granule {granule}: {warning}")));
    warnings
}

/// Writes a status object after each task, and stops when the store is taken away.
struct Noting<'a> {
    worker: &'a Worker,
    observer: &'a dyn Observer,
    indexes: BTreeMap<&'a str, u64>,
    looked: Mutex<Instant>,
    failed: Mutex<Option<Error>>,
}

impl<'a> Noting<'a> {
    fn new(worker: &'a Worker, order: &'a [(u64, String)], observer: &'a dyn Observer) -> Self {
        let indexes = order.iter().map(|(index, shard)| (shard.as_str(), *index)).collect();
        Self { worker, observer, indexes, looked: Mutex::new(Instant::now()), failed: Mutex::default() }
    }

    fn fail(&self, error: Error) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Whether the store was taken away, as far as was looked.
    fn is_lost(&self) -> bool {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < LOOK_AGAIN {
                return false;
            }
            *looked = Instant::now();
        }
        let worker = self.worker;
        match may_write(&*worker.store, &worker.digest, worker.options.ownership) {
            Ok(()) => return false,
            // What cannot be found out now says nothing.
            Err(error) if error.kind() == ErrorKind::Temporary => return false,
            Err(error) => self.fail(error),
        }
        true
    }

    fn ended(&self) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Observer for Noting<'_> {
    fn task_ended(&self, report: &TaskReport, done: usize, total: usize) {
        let index = self.indexes.get(report.shard.as_str()).copied().unwrap_or_default();
        if let Err(error) = TaskState::now(index, &self.worker.digest, report).write(&*self.worker.store) {
            self.fail(error);
        }
        self.observer.task_ended(report, done, total);
    }

    fn task_retried(&self, report: &TaskReport, wait: Duration, left: u32) {
        self.observer.task_retried(report, wait, left);
    }

    fn stop_requested(&self) -> bool {
        self.observer.stop_requested()
            || self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
            || self.is_lost()
    }
}
