//! Several workers at one shard: an array that was started twice, a function whose answer was lost, a straggler.
//!
//! Workers share nothing but the store, of which no kind can swap a record in one step. Tasks that lack nothing write the same
//! bytes, so that they may overlap. What lacks something, and what failed, must never come over what is whole:
//!
//! - Every record names the attempt that wrote it. A task remembers the one that it found, and looks again before it writes: where
//!   another one has made the shard whole meanwhile it writes nothing, and counts as done.
//! - A task that lacks something first leaves a note of its own, `notes/<label>/<attempt>.json`, and then looks at the record: it
//!   gives way when that is no longer the one that it found. A task that lacks nothing opens the record first, and then looks for
//!   notes: it waits until those tasks have written or given way. Whichever comes first, one of the two sees the other. A record that
//!   is found open is somebody's who may be writing: a task that lacks something waits for that, too.
//! - Whoever is killed leaves a note or an open record. Each is waited for once, for [`Others::patience`]. Only tasks that take
//!   longer than that over their writing can still overlap, and then the later one finds out when it closes the record: the shard
//!   has failed, for now. So it is when two tasks lack nothing and have read two versions of a granule.
//!
//! Between the last look at a record and the last word in it lies one request. Who is stopped there for as long as another one takes
//! for the whole shard writes over what that has said: a failure over `done`, which costs another run; or, where the two have not
//! read the same, `done` over blocks that are not those of the record, which finalize sees in a folder.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::state::state_of;
use super::{ShardState, pretty, read_record, shard_name, write_anew, write_open, write_shard};
use crate::error::{Error, Result};
use crate::product::Product;
use crate::report::{TaskReport, TaskStatus};
use crate::store::Store;

/// Folder of the notes of tasks that lack something and may be writing.
const NOTES: &str = "notes/";

/// Version of the form of notes.
const VERSION: u64 = 1;

/// How often who waits looks.
const LOOK: Duration = Duration::from_millis(200);

/// What a run must know that does not have the store for itself.
#[derive(Clone)]
pub struct Others {
    /// Whether shards that are done are made again all the same.
    pub redo: bool,
    /// Whether the same ids are taken for the same granules when it is asked what is done.
    pub trust_ids: bool,
    /// How long a task that lacks nothing waits for one that lacks something and may be writing.
    pub patience: Duration,
    /// Asked right before a task writes.
    pub may_write: Arc<dyn Fn() -> Result<()> + Send + Sync>,
}

impl Others {
    /// Default of [`Self::patience`].
    pub const PATIENCE: Duration = Duration::from_secs(60);
}

impl Default for Others {
    fn default() -> Self {
        Self { redo: false, trust_ids: false, patience: Self::PATIENCE, may_write: Arc::new(|| Ok(())) }
    }
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Others(redo: {}, trust_ids: {}, {:?})", self.redo, self.trust_ids, self.patience)
    }
}

/// One attempt at a shard, from its first look at the record to its last word in it.
pub(crate) struct Turn<'a> {
    product: &'a Product,
    store: &'a dyn Store,
    shard: u64,
    label: String,
    others: Option<&'a Others>,
    /// What tells this attempt from all others.
    attempt: String,
    /// The record that was there first.
    before: Value,
    /// Whether this attempt has nothing to say any more.
    is_over: bool,
    has_note: bool,
}

impl<'a> Turn<'a> {
    /// An attempt at a shard, by itself where there are no `others`.
    pub(crate) fn new(
        (product, store): (&'a Product, &'a dyn Store),
        (shard, label): (u64, &str),
        others: Option<&'a Others>,
    ) -> Self {
        let (attempt, before, label) = (random_name(), Value::Null, label.to_string());
        Self { product, store, shard, label, others, attempt, before, is_over: false, has_note: false }
    }

    /// Looks at the record. Whether it says that the shard is done, which is for the caller to judge.
    pub(crate) fn begin(&mut self) -> Result<bool> {
        if self.others.is_some() {
            self.before = self.read()?;
        }
        Ok(self.is_done(&self.before))
    }

    /// Leaves the shard as it was found: the report becomes that of the task that made it.
    pub(crate) fn leave(&mut self, report: &mut TaskReport) {
        self.is_over = true;
        take(report, &self.before);
    }

    /// Opens the record of the shard before its first block is written. `false` when another worker has made it whole meanwhile:
    /// nothing is to be written then, and the report is that of the other.
    ///
    /// # Errors
    /// When nothing may be written any more, or not now because another worker is at the shard.
    pub(crate) fn open(&mut self, report: &mut TaskReport) -> Result<bool> {
        let Some(others) = self.others else {
            write_open(self.store, &self.label, &self.attempt)?;
            return Ok(true);
        };
        if self.is_made(&self.read()?, report) {
            return Ok(false);
        }
        (others.may_write)().inspect_err(|_| self.is_over = true)?;
        let is_whole = report.holes.is_empty();
        if !is_whole {
            if self.before["status"] == "open" {
                wait(others.patience, || Ok(self.read()? != self.before))?;
                if self.gives_way(report)? {
                    return Ok(false);
                }
            }
            self.note(false)?;
            self.has_note = true;
            if self.gives_way(report)? {
                return Ok(false);
            }
        }
        write_open(self.store, &self.label, &self.attempt)?;
        let mut seen = BTreeSet::new();
        while is_whole && self.wait_for_notes(&mut seen, others.patience)? {
            // A task with holes has written into the record, or may have. Who saw this attempt open it must see that it was
            // touched since, and who comes only now must see it open.
            self.attempt = random_name();
            write_open(self.store, &self.label, &self.attempt)?;
        }
        Ok(true)
    }

    /// Writes the last word into the record of the shard, unless it is not this attempt's to say; the report may become that of
    /// another worker then, or say that the two got into each other's way.
    ///
    /// # Errors
    /// When the record cannot be read or written, or the store is another one now.
    pub(crate) fn close(&mut self, report: &mut TaskReport) -> Result<()> {
        let closed = match (self.is_over, self.others) {
            (true, _) => Ok(()),
            (false, None) => self.close_alone(report),
            (false, Some(_)) => self.close_among_others(report),
        };
        if self.has_note {
            self.note(true)?;
        }
        closed
    }

    fn close_alone(&self, report: &TaskReport) -> Result<()> {
        // Only who failed has to know what there is.
        let found = if report.status == TaskStatus::Failed { self.read()? } else { Value::Null };
        self.write(report, found)
    }

    fn write(&self, report: &TaskReport, found: Value) -> Result<()> {
        write_shard((self.product, self.store), self.shard, (report, &self.attempt), found)
    }

    fn close_among_others(&self, report: &mut TaskReport) -> Result<()> {
        let now = self.read()?;
        let is_mine = now["attempt"] == self.attempt.as_str();
        let is_as_before = now == self.before;
        if is_mine || (report.status == TaskStatus::Failed && is_as_before) {
            return self.write(report, now);
        }
        if report.status == TaskStatus::Failed {
            // Another attempt has come since: what it says stands.
            if self.is_done(&now) {
                take(report, &now);
            }
            return Ok(());
        }
        match state_of(self.product, self.shard, &now) {
            // It will close the record after this one, and finds out by itself what lies between.
            ShardState::Open => return self.write(report, now),
            // That failed and left nothing behind but blocks like these.
            ShardState::Failed(_) | ShardState::Kept(_) if report.status == TaskStatus::Done => {
                return self.write(report, now);
            }
            ShardState::Done if report.status == TaskStatus::Done && self.has_read_the_same(&now, report) => {
                return Ok(());
            }
            ShardState::Missing => {
                return Err(Error::changed("its record is gone; the store was made anew meanwhile"));
            }
            _ => {}
        }
        report.fail(&Error::temporary(
            "another worker wrote this shard at the same time, from other granules or with holes; it has to be made again",
        ));
        write_anew((self.product, self.store), self.shard, (report, &self.attempt))
    }

    fn read(&self) -> Result<Value> {
        read_record(self.store, &shard_name(&self.label))
    }

    fn is_done(&self, record: &Value) -> bool {
        state_of(self.product, self.shard, record) == ShardState::Done
    }

    /// Whether another attempt has made the shard whole since this one began. The report is that of it then.
    fn is_made(&mut self, now: &Value, report: &mut TaskReport) -> bool {
        let is_made = *now != self.before && self.is_done(now);
        if is_made {
            self.is_over = true;
            take(report, now);
        }
        is_made
    }

    /// Whether a task with holes has nothing to write because another one has made the shard whole.
    ///
    /// # Errors
    /// When another one has come to the shard and may yet do so.
    fn gives_way(&mut self, report: &mut TaskReport) -> Result<bool> {
        let now = self.read()?;
        if self.is_made(&now, report) || now == self.before {
            return Ok(self.is_over);
        }
        Err(Error::temporary(
            "another worker is at this shard, which may lack nothing; this one has holes and gives way",
        ))
    }

    fn has_read_the_same(&self, record: &Value, report: &TaskReport) -> bool {
        serde_json::to_value(&report.objects).is_ok_and(|objects| record["objects"] == objects)
    }

    fn note(&self, is_over: bool) -> Result<()> {
        put_note(self.store, &format!("{NOTES}{}/{}.json", self.label, self.attempt), is_over)
    }

    /// Waits until no task that lacks something is writing. Whether there is a note that was not seen before.
    fn wait_for_notes(&self, seen: &mut BTreeSet<String>, patience: Duration) -> Result<bool> {
        let folder = format!("{NOTES}{}/", self.label);
        let mut notes = Vec::new();
        wait(patience, || {
            notes = self.store.list_records(&folder)?;
            Ok(self.unsettled(&notes)?.is_empty())
        })?;
        // They were killed. Nobody waits for them again.
        let left = self.unsettled(&notes)?;
        left.into_iter().try_for_each(|name| put_note(self.store, name, true))?;
        let before = seen.len();
        seen.extend(notes);
        Ok(seen.len() > before)
    }

    /// Those of some notes whose tasks may be writing.
    fn unsettled<'n>(&self, notes: &'n [String]) -> Result<Vec<&'n str>> {
        let mut unsettled = Vec::new();
        for name in notes {
            if read_record(self.store, name)?["over"] == false {
                unsettled.push(name.as_str());
            }
        }
        Ok(unsettled)
    }
}

/// A name that nothing else has: every hasher of the standard library is keyed at random.
fn random_name() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// Waits until it is over, or patience is.
fn wait(patience: Duration, mut is_over: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !is_over()? && started.elapsed() < patience {
        thread::sleep(LOOK.min(patience));
    }
    Ok(())
}

fn put_note(store: &dyn Store, name: &str, is_over: bool) -> Result<()> {
    store.write_record(name, pretty(&json!({"version": VERSION, "over": is_over}))?)?;
    Ok(())
}

/// The report of a shard that is done, as far as its record knows it; none of one that is not done.
///
/// # Errors
/// When the record cannot be fetched.
pub fn report_of(product: &Product, store: &dyn Store, shard: u64) -> Result<Option<TaskReport>> {
    let label = product.grid.shard_label(shard);
    let record = read_record(store, &shard_name(&label))?;
    let is_done = state_of(product, shard, &record) == ShardState::Done;
    let mut report = TaskReport::new(label, record["granules"].as_u64().unwrap_or_default());
    take(&mut report, &record);
    Ok(is_done.then_some(report))
}

/// Lets a report say what the record of another attempt says of a shard that is done.
fn take(report: &mut TaskReport, record: &Value) {
    let number = |key: &str| record[key].as_u64();
    report.status = TaskStatus::Done;
    report.rows_read = number("rows_read").unwrap_or_default();
    report.rows_kept = number("rows_kept").unwrap_or_default();
    report.rows_outside_area = number("rows_outside_area");
    report.cells = number("cells").unwrap_or_default();
    report.holes.clear();
    report.error = None;
    report.temporary = false;
}
