//! The events of one run, and where their responses are put.

use bytes::Bytes;
use zagg_core::plan::PlannedTask;
use zagg_core::{Error, Result};

use crate::event::{
    ASYNC_LIMIT, CredentialsPointer, Event, EventTask, INLINE_LIMIT, Mode, PlanPointer, SYNC_LIMIT,
};

/// Responses in one folder: what one request lists.
const PER_FOLDER: u64 = 1_000;

/// What all events of a run have in common, and its tasks.
#[derive(Debug, Clone)]
pub struct Events {
    /// Id of the run: letters, digits and `-`.
    pub run: String,
    /// The plan.
    pub plan: PlanPointer,
    /// The folder beside the store, `s3://bucket/store.zarr.zagg`.
    pub folder: String,
    /// Where the credentials for granules are.
    pub credentials: Option<CredentialsPointer>,
    /// Seconds that one granule is expected to take, for the worker's look at its deadline.
    pub seconds_per_granule: Option<f64>,
    /// The tasks of the plan.
    pub tasks: Vec<PlannedTask>,
}

impl Events {
    /// The event of an attempt at some tasks, by their places in [`Self::tasks`].
    ///
    /// # Errors
    /// When it is too large to be sent, which no list of granules makes it.
    pub fn event(
        &self,
        attempt: u64,
        tasks: &[usize],
        queued: bool,
        not_after: Option<u64>,
    ) -> Result<Bytes> {
        let planned: Vec<&PlannedTask> = tasks.iter().filter_map(|&at| self.tasks.get(at)).collect();
        let inline = fits_inline(&planned);
        let most = planned.iter().map(|task| task.granules.len()).max().unwrap_or(0);
        let expected = self.seconds_per_granule.map(|seconds| (seconds * most as f64).clamp(0.0, 86_400.0));
        let event = Event {
            mode: Mode::Process,
            run: self.run.clone(),
            attempt,
            plan: Some(self.plan.clone()),
            tasks: planned
                .into_iter()
                .map(|task| EventTask { index: task.index, task: inline.then(|| task.clone()) })
                .collect(),
            credentials: self.credentials.clone(),
            status_uri: Some(format!("{}/{}", self.folder, self.response(attempt))),
            not_after,
            expected_seconds: expected,
            ..Event::ping()
        };
        let bytes = event.to_bytes()?;
        let limit = if queued { ASYNC_LIMIT } else { SYNC_LIMIT };
        if bytes.len() > limit {
            return Err(Error::input(format!(
                "an event of {} bytes is larger than the {limit} that Lambda takes; give fewer shards to one invocation",
                bytes.len()
            )));
        }
        Ok(bytes.into())
    }

    /// Name of the object, in the folder beside the store, that an attempt's response is put into.
    pub fn response(&self, attempt: u64) -> String {
        format!("{}{attempt:09}.json", self.folder_of(attempt))
    }

    /// The folder that the responses of this and neighbouring attempts are put into.
    pub fn folder_of(&self, attempt: u64) -> String {
        format!("status/{}/{:06}/", self.run, attempt / PER_FOLDER)
    }

    /// The attempt that an object's name stands for.
    pub fn attempt_of(name: &str) -> Option<u64> {
        name.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
    }
}

/// Whether the tasks themselves may travel in the event.
fn fits_inline(tasks: &[&PlannedTask]) -> bool {
    /// What else is in an event, at most.
    const REST: usize = 8 << 10;
    let mut total = REST;
    tasks.iter().all(|task| {
        // A granule has 100 bytes at least: what is much too long is not written out to be measured.
        total += 100 * task.granules.len();
        if total > INLINE_LIMIT {
            return false;
        }
        total -= 100 * task.granules.len();
        total += serde_json::to_vec(task).map_or(INLINE_LIMIT, |bytes| bytes.len());
        total <= INLINE_LIMIT
    })
}

#[cfg(test)]
mod tests {
    use zagg_core::granule::Granule;

    use super::*;

    fn events(granules: usize) -> Events {
        let granule = |n: usize| Granule {
            id: format!("ATL06_{n:060}.h5"),
            s3: Some(format!(
                "s3://nsidc-cumulus-prod-protected/ATLAS/ATL06/007/2023/08/16/ATL06_{n:060}.h5"
            )),
            ..Granule::default()
        };
        let task = |index| PlannedTask {
            index,
            shard: format!("-51123{index:02}"),
            granules: (0..granules).map(granule).collect(),
        };
        Events {
            run: "r".into(),
            plan: PlanPointer { uri: "s3://b/x.zarr.zagg/work".into(), digest: "d".into() },
            folder: "s3://b/x.zarr.zagg".into(),
            credentials: None,
            seconds_per_granule: Some(0.5),
            tasks: (0..3).map(task).collect(),
        }
    }

    #[test]
    fn short_lists_travel_and_long_ones_stay_in_the_plan() {
        for (granules, inline) in [(0, true), (100, true), (700, true), (1_500, false), (200_000, false)] {
            let events = events(granules);
            let bytes = events.event(1_234, &[2], true, Some(5)).unwrap();
            let event = Event::parse(&bytes).unwrap();
            assert_eq!(event.tasks[0].task.is_some(), inline, "{granules} granules, {} bytes", bytes.len());
            assert!(bytes.len() <= INLINE_LIMIT && crate::event::billed_requests(bytes.len()) == 1);
            assert_eq!(event.tasks[0].index, 2);
            let uri = event.status_uri.unwrap();
            assert_eq!(uri, "s3://b/x.zarr.zagg/status/r/000001/000001234.json");
            assert_eq!(Events::attempt_of(&uri), Some(1_234));
        }
        // Together they are too long, each alone is not.
        let together = Event::parse(&events(700).event(0, &[0, 1, 2], false, None).unwrap()).unwrap();
        assert!(together.tasks.iter().all(|task| task.task.is_none()));
        assert_eq!(together.expected_seconds, Some(350.0));
    }

    #[test]
    fn names_of_others_stand_for_no_attempt() {
        for name in ["", "x", "status/r/0/abc.json", "status/r/0/1.txt", "1"] {
            assert_eq!(Events::attempt_of(name), None, "{name}");
        }
    }
}
