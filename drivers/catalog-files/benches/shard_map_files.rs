//! A shard map of 5.16 million pairs in each form: bytes, seconds and memory.
//!
//! Run with `cargo bench -p zagg-catalog-files`. The map is like the largest known one, of ATL03 south of 88°S: 35,639
//! granules, of which each of 1,000 shards lists 5,160. Each step runs in a process of its own, whose largest memory is told
//! on Linux; writing needs the map as well, whose own memory is the first line.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that talks to its user")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use zagg_catalog_files::{read_shard_map, write_shard_map};
use zagg_core::granule::Granule;
use zagg_core::shard_map::{ShardEntry, ShardMap};

const GRANULES: u64 = 35_639;
const SHARDS: u64 = 1000;
const PER_SHARD: u64 = 5160;
const STEP: &str = "ZAGG_BENCH_STEP";

fn main() {
    match std::env::var(STEP) {
        Ok(step) => run(&step),
        Err(_) => all(),
    }
}

/// A generator of numbers, so that every run has the same map.
fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

fn granule(number: u64) -> Granule {
    let (day, second, track) = (1 + number % 28, number * 86_399 % 1_000_000, number % 1387 + 1);
    let folder = format!("nsidc-cumulus-prod-protected/ATLAS/ATL03/007/2024/{:02}/{day:02}", number % 12 + 1);
    let id = format!("ATL03_2024{:02}{day:02}{second:06}_{track:04}2211_007_01.h5", number % 12 + 1);
    let time = |minutes: u64| {
        Some(format!("2024-01-{day:02}T{:02}:{:02}:24.{:03}000+00:00", number % 24, minutes, number % 1000))
    };
    Granule {
        s3: Some(format!("s3://{folder}/{number}/{id}")),
        https: Some(format!("https://data.nsidc.earthdatacloud.nasa.gov/{folder}/{number}/{id}")),
        file: None,
        time_start: time(0),
        time_end: time(9),
        size: None,
        id: format!("{number}_{id}"),
    }
}

/// Granules in ascending order, as maps have them: each shard takes every seventh, roughly.
fn map() -> ShardMap {
    let shard = |at: u64| {
        let mut granules: Vec<u32> = Vec::with_capacity(PER_SHARD as usize);
        // Of so many granules that are left so many must still be taken.
        for granule in 0..GRANULES {
            let missing = PER_SHARD - granules.len() as u64;
            if mixed(at * GRANULES + granule) % (GRANULES - granule) < missing {
                granules.push(granule as u32);
            }
        }
        ShardEntry { key: 5_347_294_481_781_620_745 + (at << 40), granules }
    };
    ShardMap {
        grid_signature: [("type".to_owned(), "healpix".into())].into_iter().collect(),
        granules: (0..GRANULES).map(granule).collect(),
        shards: (0..SHARDS).map(shard).collect(),
        ..ShardMap::default()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("shard-map-files")
}

/// Every step in its own process.
fn all() {
    std::fs::create_dir_all(folder()).expect("a folder to write to");
    let program = std::env::current_exe().expect("this program");
    println!("{:<16} {:>8} {:>10} {:>10}", "step", "seconds", "MB in all", "MB on disk");
    let steps = [
        "make",
        "write .json",
        "read .json",
        "write .json.zst",
        "read .json.zst",
        "write .parquet",
        "read .parquet",
    ];
    for step in steps {
        let status = Command::new(&program).env(STEP, step).status().expect("the step runs");
        assert!(status.success(), "{step} failed");
    }
    std::fs::remove_dir_all(folder()).expect("what was written is removed");
}

fn run(step: &str) {
    let (what, ending) = step.split_once(" .").unwrap_or((step, ""));
    let path = folder().join(format!("map.{ending}"));
    let made = (what != "read").then(map);
    let start = Instant::now();
    match (what, &made) {
        ("write", Some(map)) => write_shard_map(&path, map).expect("the map is written"),
        ("read", _) => {
            let map = read_shard_map(&path).expect("the map is read");
            assert_eq!(map.pairs() as u64, SHARDS * PER_SHARD);
        }
        _ => {}
    }
    let seconds = start.elapsed().as_secs_f64();
    let size = path.metadata().map_or(0.0, |metadata| metadata.len() as f64 / 1e6);
    println!("{step:<16} {seconds:>8.2} {:>10} {size:>10.1}", peak().unwrap_or_else(|| "?".into()));
}

/// The largest memory of this process, in megabytes.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(format!("{:.0}", kilobytes * 1024.0 / 1e6))
}
