//! Runs that are stopped: by one signal, by two, and by what cannot be caught.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use zagg_atl06::synthetic::write_granule;

use crate::bench::{Bench, Ended, NAMES, spec};

const LEVELS: &str = "output:\n  grid:\n    levels: [12, 9, 6, 4]\n";

/// Granules long enough to be stopped in: some forty shards.
fn long() -> Bench {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let long = |number| {
        let spec = spec(number);
        write_granule(&zagg_atl06::synthetic::GranuleSpec { segments_per_beam: 14_000, ..spec }).unwrap()
    };
    let files = FILES.get_or_init(|| (0..NAMES.len()).map(long).collect());
    let bench = Bench::empty();
    for (name, bytes) in NAMES.iter().zip(files) {
        bench.write(&format!("granules/{name}"), bytes);
    }
    bench.write("levels.yaml", LEVELS);
    bench.catalog().exits(0);
    bench
}

fn arguments<'a>(workers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let run = [
        "run",
        "--plugin",
        "atl06",
        "--config",
        "levels.yaml",
        "--catalog",
        "map.json",
        "--store",
        "out.zarr",
    ];
    [&run[..], &["--workers", workers], more].concat()
}

fn start(bench: &Bench, workers: &str, more: &[&str]) -> Child {
    let mut command = bench.command(&arguments(workers, more));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until some shards have a record, or the run has ended.
fn await_records(bench: &Bench, child: &mut Child, records: usize) {
    let folder = bench.path("out.zarr.zagg/shards");
    let count = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    while count() < records && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_micros(200));
    }
}

fn wipe(bench: &Bench) {
    for name in ["out.zarr", "out.zarr.zagg"] {
        if bench.exists(name) {
            std::fs::remove_dir_all(bench.path(name)).unwrap();
        }
    }
}

/// The bytes of an undisturbed run, and how long it takes.
fn undisturbed(bench: &Bench) -> (BTreeMap<String, Vec<u8>>, Duration) {
    let started = Instant::now();
    bench.zagg(&arguments("2", &[])).exits(0);
    let took = started.elapsed();
    let whole = bench.tree("out.zarr");
    wipe(bench);
    (whole, took)
}

#[test]
fn the_first_signal_finishes_the_shards_in_work_and_says_how_to_go_on() {
    let bench = long();
    let (whole, _) = undisturbed(&bench);
    for (name, shown) in [("TERM", "SIGTERM"), ("INT", "Ctrl-C")] {
        wipe(&bench);
        let mut child = start(&bench, "1", &["--format", "json"]);
        await_records(&bench, &mut child, 2);
        let sent = Instant::now();
        signal(&child, name);
        let said = Ended::of(child.wait_with_output().unwrap()).exits(75);
        let ended_after = sent.elapsed();
        // A shard takes some ten milliseconds here; what is left is to put levels together.
        assert!(ended_after < Duration::from_secs(20), "{ended_after:?}");
        let told = format!(
            "zagg: {shown}: finishing the shards in work, starting no others; once more stops at once\n"
        );
        assert!(said.err.contains(&told), "{said:?}");
        println!("{name}: ended {ended_after:?} after the signal");
        let summary = said.json();
        let left = summary["shards_not_run"].as_u64().unwrap();
        assert!(left > 0 && summary["shards_done"].as_u64().unwrap() >= 1, "{summary:#}");
        assert!(said.err.contains("shards not run; go on with the same command and --resume\n"), "{said:?}");
        assert_eq!((bench.state().as_str(), bench.exists("out.zarr.zagg/lock")), ("incomplete", false));
        let status = bench.zagg(&["status", "out.zarr", "--format", "json"]).exits(3).json();
        assert_eq!((&status["shards_missing"], &status["shards_open"]), (&left.into(), &0.into()));
        let resumed = bench.zagg(&arguments("2", &["--resume", "--format", "json"])).exits(0).json();
        assert_eq!(resumed["shards_skipped"], summary["shards_done"]);
        assert_eq!(bench.tree("out.zarr"), whole);
    }
}

#[test]
fn the_second_signal_stops_at_once() {
    let bench = long();
    let (whole, _) = undisturbed(&bench);
    // A server that takes the question and never answers: its shards would not come to their end.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/{}", silent.local_addr().unwrap(), NAMES[1]);
    let map = bench.json("map.json");
    bench.edit_map(|map| {
        for granule in
            map["granules"].as_array_mut().unwrap().iter_mut().flat_map(|g| g.as_array_mut().unwrap())
        {
            if granule["id"] == NAMES[1] {
                granule["https"] = address.clone().into();
            }
        }
    });
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        wipe(&bench);
        let mut child = start(&bench, "2", &["--driver", "https"]);
        let (connection, _) = silent.accept().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        signal(&child, name);
        let first = lines.find(|line| line.contains("once more stops at once"));
        assert!(first.is_some());
        // It waits for the server, and would for long.
        thread::sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none());
        let sent = Instant::now();
        signal(&child, name);
        let ended = child.wait().unwrap();
        assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
        assert_eq!(ended.code(), Some(code));
        let last: Vec<String> = lines.collect();
        assert!(
            last.last().is_some_and(|line| line.ends_with("again: stopped at once; go on with --resume")),
            "{last:?}"
        );
        drop(connection);
        if bench.exists("out.zarr/zarr.json") {
            assert_eq!(bench.state(), "open");
        }
        let hanging: Value = bench.json("map.json");
        bench.write("map.json", map.to_string());
        bench.zagg(&arguments("2", &["--resume"])).exits(0);
        assert_eq!(bench.tree("out.zarr"), whole);
        bench.write("map.json", hanging.to_string());
    }
}

/// A dozen kills here; `ZAGG_KILLS` says how many, `cargo xtask long` tries 200.
#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let kills: u64 = std::env::var("ZAGG_KILLS").ok().map_or(12, |text| text.parse().unwrap());
    let bench = long();
    undisturbed(&bench);
    let (whole, took) = undisturbed(&bench);
    let mut random = std::process::id().into();
    let mut next = move |below: u64| {
        random = u64::wrapping_mul(random, 6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below.max(1)
    };
    let (mut round, mut cut, mut skipped) = (0, 0, 0);
    while cut < kills {
        // A new store, one that is there and made anew, or one that has lost its records.
        match round % 3 {
            0 => wipe(&bench),
            1 => {}
            _ => std::fs::remove_dir_all(bench.path("out.zarr.zagg/shards")).unwrap_or_default(),
        }
        for time in 0..=next(2) {
            let more: &[&str] = if time == 0 && round % 2 == 0 { &[] } else { &["--resume"] };
            let mut child = start(&bench, "2", more);
            thread::sleep(Duration::from_micros(next(took.as_micros() as u64)));
            child.kill().unwrap();
            // One that has ended by itself was not cut off.
            cut += u64::from(child.wait().unwrap().code().is_none());
            if bench.exists("out.zarr/zarr.json") && bench.state() == "complete" {
                assert_eq!(bench.tree("out.zarr"), whole, "round {round}: complete, and it is not");
            }
        }
        let summary = bench.zagg(&arguments("2", &["--resume", "--format", "json"])).exits(0).json();
        skipped += summary["shards_skipped"].as_u64().unwrap();
        assert_eq!(bench.tree("out.zarr"), whole, "round {round}");
        assert!(!bench.exists("out.zarr.zagg/lock") && !bench.exists("out.zarr.zagg/tmp"), "round {round}");
        round += 1;
        assert!(round < 10 * kills, "{cut} kills in {round} rounds: runs end before they are killed");
    }
    println!("{cut} kills in {round} rounds, {skipped} shards found done; a run takes {took:?}");
    assert!(skipped > 0);
}
