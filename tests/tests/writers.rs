//! Writers in several processes at once, in any order and with repetitions, leave the bytes of one writer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use zagg_core::Result;
use zagg_core::executor::{Executor, Observer};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::run::Run;
use zagg_core::store::StoreState;
use zagg_core::task::run_task;
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::{Job, LAYOUTS, assert_same_tree, crossing, layout, pipeline, preset, tree};

const TASKS: usize = 64;
const PROCESSES: u64 = 4;

/// What a worker is told: layout, store, seed and the file for its reports, one a line.
const VARIABLES: [&str; 4] =
    ["ZAGG_WRITER_LAYOUT", "ZAGG_WRITER_STORE", "ZAGG_WRITER_SEED", "ZAGG_WRITER_REPORTS"];

/// Small shards, and levels of all kinds: written by tasks, shared by shards, and larger than shards.
const GRID: &str = "output: {grid: {parent_order: 9, child_order: 15, levels: [15, 14, 12, 9, 7]}}";

/// The same in every process: pipeline, granules and shard map are made anew.
fn job(chosen: &str) -> Job {
    let mut job = Job::atl06(pipeline(&[preset(), GRID, &layout(chosen)]), &crossing(12_000));
    assert!(job.map.shards.len() >= TASKS, "{} shards", job.map.shards.len());
    job.map.shards.truncate(TASKS);
    job
}

/// A random order of the tasks, every fourth one a second time.
fn shuffled(seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..TASKS).chain((0..TASKS).step_by(4)).collect();
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for at in (1..order.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (random >> 33) as usize % (at + 1));
    }
    order
}

/// Starts processes that all write to one store, and waits for them.
#[derive(Debug)]
struct Processes<'a> {
    chosen: &'a str,
    store: &'a Path,
}

impl Executor for Processes<'_> {
    fn run(&self, run: &Arc<Run>, _observer: &dyn Observer) -> Result<Vec<TaskReport>> {
        let folder = tempfile::tempdir().unwrap();
        let workers: Vec<(PathBuf, _)> = (0..PROCESSES)
            .map(|seed| {
                let reports = folder.path().join(seed.to_string());
                let values = [
                    self.chosen.as_ref(),
                    self.store.as_os_str(),
                    seed.to_string().as_ref(),
                    reports.as_os_str(),
                ]
                .map(std::ffi::OsStr::to_owned);
                let child = Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "writers::a_worker_of_the_test_below", "--nocapture"])
                    .envs(VARIABLES.into_iter().zip(values))
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                (reports, child)
            })
            .collect();
        let mut last = vec![None; run.tasks.len()];
        let mut ended = 0;
        for (path, child) in workers {
            let output = child.wait_with_output().unwrap();
            let text =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert!(output.status.success(), "{text:?}");
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let (number, report) = line.split_once(' ').unwrap();
                let report: TaskReport = serde_json::from_str(report).unwrap();
                assert_eq!(report.status, TaskStatus::Done, "{report:?}");
                last[number.parse::<usize>().unwrap()] = Some(report);
                ended += 1;
            }
        }
        // Half of the processes have the even fours of tasks, the other half the odd ones.
        assert_eq!(ended, PROCESSES as usize * (TASKS + TASKS / 4) / 2);
        Ok(last.into_iter().map(Option::unwrap).collect())
    }
}

/// Does nothing in a normal run: [`Processes`] runs this test alone, in a process of its own.
#[test]
fn a_worker_of_the_test_below() {
    let Some(seed) = std::env::var_os(VARIABLES[2]) else { return };
    let [chosen, store, _, reports] = VARIABLES.map(|name| std::env::var(name).unwrap());
    let seed: u64 = seed.to_str().unwrap().parse().unwrap();
    let run = job(&chosen).assemble(Arc::new(ZarrStore::open_path(Path::new(&store)).unwrap())).unwrap();
    assert_eq!(run.tasks.len(), TASKS);
    let mut lines = String::new();
    for number in shuffled(seed) {
        // Two processes share the tasks of each half, and write the same ones at about the same time.
        if (number / 4 + seed as usize).is_multiple_of(2) {
            let report = run_task(&run, &run.tasks[number]);
            lines += &format!("{number} {}\n", serde_json::to_string(&report).unwrap());
        }
    }
    std::fs::write(reports, lines).unwrap();
}

#[test]
fn several_processes_leave_the_bytes_of_one() {
    for chosen in LAYOUTS {
        let job = job(chosen);
        let (summary, want) = job.run_on_disk(&LocalExecutor::default());
        assert_eq!((summary.state, summary.shards), (StoreState::Complete, TASKS as u64));
        assert!(want.len() > 3 * TASKS, "{} files", want.len());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.zarr");
        let store = Arc::new(ZarrStore::open_path(&path).unwrap());
        let again = job.run_with(store, &Processes { chosen, store: &path }).unwrap();
        assert_same_tree(&tree(&path), &want, chosen);
        assert_eq!(
            (again.state, again.rows_kept, again.cells),
            (summary.state, summary.rows_kept, summary.cells)
        );
    }
}
