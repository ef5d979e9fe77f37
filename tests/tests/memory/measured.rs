//! Peak memory as the operating system counts it: a shard with many rows, in a process of its own.

use std::process::Command;
use std::sync::Arc;

use zagg_core::store::StoreState;
use zagg_zarr::ZarrStore;

use crate::support::formula::Formula;
use crate::support::table;

/// What the process of its own is to do.
const VARIABLE: &str = "ZAGG_TEST_DENSE_SHARD";

/// Rows of one granule. A granule has all its positions and its row index in memory.
const GRANULE: u64 = 100_000;

fn formula(rows: u64) -> Formula {
    Formula { granules: rows / GRANULE, rows: GRANULE, width: 6.0, dense: 20, ..Formula::default() }
}

/// One shard of 2^20 cells, of which the rows meet a fifth; every twentieth row lies in a single cell.
const LAYER: &str = "
aggregation:
  variables:
    count: {function: len, dtype: int32, fill_value: 0}
    h_mean: {function: nanmean, source: h, dtype: float32}
    h_sigma: {function: nanstd, source: h, dtype: float32}
    h_min: {function: nanmin, source: h, dtype: float32}
    h_max: {function: nanmax, source: h, dtype: float32}
output: {grid: {type: healpix, parent_order: 2, child_order: 12}}
";

/// Does nothing in a normal run: [`peak`] runs this test alone, in a process of its own.
#[test]
fn a_process_of_the_tests_below() {
    let Ok(what) = std::env::var(VARIABLE) else { return };
    let (rows, memory) = what.split_once(' ').unwrap();
    let (rows, memory): (u64, u64) = (rows.parse().unwrap(), memory.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dense.zarr");
    let mut job = formula(rows).job(LAYER);
    job.options.memory = Some(memory);
    job.options.scratch = Some(folder.path().into());
    let summary = job.run(Arc::new(ZarrStore::open_path(&path).unwrap())).unwrap();
    let peak = peak_of_this_process();
    assert_eq!((summary.state, summary.shards, summary.rows_kept), (StoreState::Complete, 1, rows));
    let table = table(&ZarrStore::open_path(&path).unwrap());
    assert_eq!(table.total("count"), rows as f64);
    say!("peak {peak}");
}

/// Bytes, as `getrusage` has them, too.
fn peak_of_this_process() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn peak(rows: u64, memory: u64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::measured::a_process_of_the_tests_below", "--nocapture"])
        .env(VARIABLE, format!("{rows} {memory}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stdout));
    let line = text.lines().find_map(|line| line.strip_prefix("peak ")).unwrap();
    line.parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_million_rows_of_one_shard_stay_within_256_mib() {
    let peak = peak(20_000_000, 256 << 20);
    say!("20 million rows in one shard: {} MiB at most", peak >> 20);
    assert!(peak < 256 << 20, "{} MiB", peak >> 20);
}

/// Which process of its own is to find its disk full.
#[cfg(unix)]
const FULL: &str = "ZAGG_TEST_FULL_DISK";

/// Does nothing in a normal run: the test below runs it alone, in a process that may not write large files.
#[cfg(unix)]
#[test]
fn a_process_whose_disk_is_full() {
    if std::env::var_os(FULL).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layer = "aggregation: {variables: {total: {function: sum, source: w, dtype: float64}}}";
    let mut job = Formula { granules: 8, rows: GRANULE, ..Formula::default() }.job(layer);
    job.options.memory = Some(128 << 20);
    job.options.scratch = Some(folder.path().into());
    let store = ZarrStore::open_path(&folder.path().join("dense.zarr")).unwrap();
    let summary = job.run(Arc::new(store)).unwrap();
    let [(_, reason)] = &summary.failures[..] else { panic!("{summary:?}") };
    say!("{reason}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_fails_the_shard_and_says_what_helps() {
    // A limit on the size of files stands for the disk.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "memory::measured::a_process_whose_disk_is_full", "--nocapture"])
        .env(FULL, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stdout));
    assert!(text.contains("no space for more than"), "{text}");
    assert!(text.contains("MiB; give --scratch a folder with more, or a larger --memory"), "{text}");
}

/// For `cargo xtask long`: it takes a quarter of an hour and ten gigabytes of scratch space.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "half a milliard rows: cargo xtask long --only dense"]
fn half_a_milliard_rows_of_one_shard_stay_within_2_gib() {
    let started = std::time::Instant::now();
    let peak = peak(500_000_000, 2 << 30);
    let seconds = started.elapsed().as_secs();
    say!("500 million rows in one shard: {} MiB at most, {seconds} s", peak >> 20);
    assert!(peak < 2 << 30, "{} MiB", peak >> 20);
}
