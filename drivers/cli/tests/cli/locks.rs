//! One run at a time on one store.

use std::process::Command;

use serde_json::{Value, json};
use zagg_core::store::Store;
use zagg_zarr::ZarrStore;

use crate::bench::Bench;

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let before = bench.tree("out.zarr");
    let held = ZarrStore::open_path(&bench.path("out.zarr")).unwrap();
    held.acquire().unwrap();
    for more in [&[][..], &["--overwrite"]] {
        let said = bench.run(more).exits(1);
        let start = format!("zagg: error: store out.zarr: process {} on ", std::process::id());
        assert!(said.err.starts_with(&start), "{said:?}");
        assert!(
            said.err.ends_with(
                " is writing to it; wait for that run, or remove out.zarr.zagg/lock if it is gone\n"
            ),
            "{said:?}"
        );
        assert_eq!((said.out.as_str(), said.err.lines().count()), ("", 1));
    }
    assert_eq!(bench.tree("out.zarr"), before);
    assert!(bench.exists("out.zarr.zagg/lock"), "the lock is the other run's");
    // Looking needs no lock, planning neither.
    bench.run(&["--dry-run"]).exits(0);
    bench.zagg(&["inspect", "out.zarr"]).exits(0);
    held.release().unwrap();
    bench.run(&[]).exits(0);
    assert!(!bench.exists("out.zarr.zagg/lock"));
}

#[test]
fn a_lock_that_cannot_be_judged_holds() {
    let bench = Bench::with_map();
    bench.write("out.zarr.zagg/lock", "who knows");
    let said = bench.run(&[]).exits(1);
    assert!(
        said.err.contains("another run is writing to it") && said.err.contains("out.zarr.zagg/lock"),
        "{said:?}"
    );
    assert!(!bench.exists("out.zarr"));
}

#[test]
#[cfg(target_os = "linux")]
fn the_lock_of_a_dead_run_is_taken_over() {
    let bench = Bench::with_map();
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    // The lock as a run writes it, but of a process that has ended.
    let held = ZarrStore::open_path(&bench.path("out.zarr")).unwrap();
    held.acquire().unwrap();
    let mut lock: Value = bench.json("out.zarr.zagg/lock");
    held.release().unwrap();
    assert_eq!(lock["pid"], std::process::id());
    lock["pid"] = json!(child.id());
    bench.write("out.zarr.zagg/lock", lock.to_string());
    bench.run(&[]).exits(0);
    assert_eq!(bench.state(), "complete");
    assert!(!bench.exists("out.zarr.zagg/lock"));
}

#[test]
#[cfg(unix)]
fn a_run_that_is_killed_leaves_a_store_that_the_next_one_completes() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    for delay in [15, 30, 45, 60, 80] {
        let arguments =
            ["run", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr", "--overwrite"];
        let mut child = bench.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, record) in bench.tree("out.zarr.zagg/shards") {
            // Whatever has a record is wholly there, or said to be in work.
            let record: Value = serde_json::from_slice(&record).unwrap();
            assert!(record["status"] == "done" || record["status"] == "open", "{name}: {record}");
        }
        bench.run(&[]).exits(0);
        assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"), "killed after {delay} ms");
        assert!(!bench.exists("out.zarr.zagg/lock") && !bench.exists("out.zarr.zagg/tmp"));
    }
}
