//! How workers and their plan come to an end: late ones, plans of a part of a map, and what is told of it all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PLAN, ended};
use crate::bench::{Bench, NAMES};

/// A server that takes requests and says nothing until it is told to, and then that there is no such thing.
struct Silent {
    address: String,
    asked: Arc<AtomicBool>,
    answers: Arc<AtomicBool>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (was_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&answers));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (was_asked, may_answer) = (Arc::clone(&was_asked), Arc::clone(&may_answer));
                thread::spawn(move || answer(connection, &was_asked, &may_answer));
            }
        });
        Self { address, asked, answers }
    }

    /// Waits until somebody has asked for something.
    fn is_asked(&self) {
        for _ in 0..6000 {
            if self.asked.load(Ordering::SeqCst) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody has asked");
    }
}

fn answer(mut connection: TcpStream, asked: &AtomicBool, may_answer: &AtomicBool) {
    let mut request = [0; 4096];
    while connection.read(&mut request).is_ok_and(|bytes| bytes > 0) {
        asked.store(true, Ordering::SeqCst);
        while !may_answer.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        if connection.write_all(gone.as_bytes()).is_err() {
            return;
        }
    }
}

impl Bench {
    /// Lets a granule of the map lie at a server, too.
    fn lies_at(&self, name: &str, server: &Silent) {
        self.edit_map(|map| {
            let lists = map["granules"].as_array_mut().unwrap().iter_mut();
            for granule in lists.flat_map(|list| list.as_array_mut().unwrap()) {
                if granule["id"] == name {
                    granule["https"] = format!("http://{}/{name}", server.address).into();
                }
            }
        });
    }

    /// Index of a task that lists a granule.
    fn task_of(&self, name: &str) -> String {
        let block = self.json(&format!("{PLAN}/tasks/000000.json"));
        let place = block["granules"].as_array().unwrap().iter().position(|granule| granule["id"] == name);
        let lists = |task: &&Value| task["granules"].as_array().unwrap().contains(&json!(place.unwrap()));
        block["tasks"].as_array().unwrap().iter().find(lists).unwrap()["index"].to_string()
    }
}

#[test]
fn a_straggler_that_finds_holes_takes_nothing_from_a_store_that_is_complete() {
    let bench = Bench::with_map();
    let server = Silent::start();
    bench.lies_at(NAMES[0], &server);
    bench.run_into("whole.zarr", &["--driver", "file"]).exits(0);
    bench.plan(&["--driver", "file"]).exits(0);
    let index = bench.task_of(NAMES[0]);
    let late = ["--index", &index, "--driver", "https", "--max-retries", "0"];
    let late = bench.start_worker(&[&late[..], &["--format", "json"]].concat(), &[]);
    server.is_asked();
    // Meanwhile others do all of it, and it is finalized.
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
    let (store, records) = (bench.tree("out.zarr"), bench.tree("out.zarr.zagg/shards"));
    server.answers.store(true, Ordering::SeqCst);
    // The shard is done, whoever did it.
    let said = ended(late).exits(0).json();
    let report = &said["tasks"][0]["report"];
    assert_eq!((&report["status"], &report["holes"]), (&json!("done"), &json!([])), "{said:#}");
    assert!(report["rows_kept"].as_u64().unwrap() > 0, "{said:#}");
    assert_eq!(bench.tree("out.zarr"), store);
    assert_eq!(bench.tree("out.zarr.zagg/shards"), records);
    bench.zagg(&["status", "out.zarr"]).exits(0);
    bench.zagg(&["validate", "out.zarr"]).exits(0);
    // One that begins now, and would make it again, is refused.
    let said = bench.worker(&["--index", &index, "--driver", "https", "--redo"]).exits(1);
    assert!(said.err.contains("is not given to the workers of this plan any more"), "{said:?}");
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
#[cfg(unix)]
fn the_second_signal_stops_a_worker_at_once_and_says_how_to_go_on() {
    let bench = Bench::with_map();
    let server = Silent::start();
    bench.lies_at(NAMES[0], &server);
    bench.plan(&["--driver", "file"]).exits(0);
    let index = bench.task_of(NAMES[0]);
    let worker = bench.start_worker(&["--index", &index, "--driver", "https"], &[]);
    server.is_asked();
    let id = worker.id().to_string();
    for _ in 0..2 {
        assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
        thread::sleep(Duration::from_millis(200));
    }
    let said = ended(worker).exits(143);
    let last = "zagg: SIGTERM again: stopped at once; start this worker again, which does what is left";
    assert_eq!(said.err.lines().last(), Some(last), "{said:?}");
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    bench.finalize_plan(&[]).exits(0);
}

#[test]
fn a_plan_of_a_part_of_the_map_names_what_is_missing() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    let all = bench.json("whole.zarr.zagg/report.json")["summary"]["shards"].as_u64().unwrap();
    bench.plan(&["--max-cells", "2"]).exits(0);
    for said in bench.array(2) {
        said.exits(0);
    }
    let said = bench.finalize_plan(&[]).exits(3);
    let not_run = said.err.lines().filter(|line| line.ends_with(": not run")).count() as u64;
    assert_eq!(not_run, all - 2, "{said:?}");
    assert!(said.out.contains(&format!("2 of {all} done")), "{said:?}");
    let told =
        format!("zagg: the plan has 2 of the {all} shards of its map; take the store back with --release");
    assert!(said.err.contains(&told), "{said:?}");
    let said = bench.finalize_plan(&["--format", "json"]).exits(3).json();
    assert_eq!(said["shards_not_done"].as_array().unwrap().len() as u64, all - 2);
    assert_eq!(said["shards_not_done"][0][1], "not run");
    assert_eq!(bench.json("out.zarr.zagg/report.json")["summary"]["shards_not_run"], all - 2);
    bench.finalize_plan(&["--release"]).exits(3);
    bench.run(&["--resume"]).exits(0);
    bench.is_whole();
}

#[test]
fn the_plan_of_another_map_does_not_finalize_a_full_sphere() {
    let bench = Bench::with_map();
    bench.write("full.yaml", "output: {layout: full_sphere}");
    bench.plan(&["--config", "full.yaml"]).exits(0);
    bench.finalize_plan(&["--release"]).exits(3);
    // A map of some of its shards: the same store, as far as its template goes.
    bench.edit_map(|map| {
        for key in ["shard_keys", "granules"] {
            map[key].as_array_mut().unwrap().truncate(2);
        }
    });
    bench.run(&["--config", "full.yaml"]).exits(0);
    assert_eq!(bench.state(), "complete");
    let said = bench.finalize_plan(&[]).exits(1);
    assert!(said.err.contains("of another shard map since; plan again"), "{said:?}");
    assert_eq!(bench.state(), "complete");
}

#[test]
fn status_says_whose_a_store_is_and_whoever_completes_it_takes_it_back() {
    let bench = Bench::planned();
    bench.worker(&["--index", "0"]).exits(0);
    let plan = bench.path(PLAN).to_str().unwrap().to_string();
    let said = bench.zagg(&["status", "out.zarr"]).exits(3);
    assert!(said.out.contains(&format!("the workers of {plan}")), "{said:?}");
    assert!(said.err.contains(&format!("start its workers again, and then zagg finalize --plan {plan}")));
    let json = bench.zagg(&["status", "out.zarr", "--format", "json"]).exits(3).json();
    assert_eq!(json["given_to"], plan.as_str());
    // Without the plan, too: and then nobody writes to it any more.
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    bench.zagg(&["finalize", "out.zarr"]).exits(0);
    bench.is_whole();
    let json = bench.zagg(&["status", "out.zarr", "--format", "json"]).exits(0).json();
    assert_eq!(json["given_to"], Value::Null);
    bench.worker(&["--index", "0", "--redo"]).exits(1);
    bench.is_whole();
}

#[test]
fn workers_say_where_their_time_went_and_the_report_adds_it_up() {
    let bench = Bench::planned();
    let said = bench.worker(&["--index", "0", "--profile"]).exits(0);
    for word in ["inflate", "locate", "sort", "reduce", "write", "round trips", "chunks"] {
        assert!(said.out.contains(word), "no {word} in:\n{}", said.out);
    }
    let said = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]).exits(0).json();
    let ran = said["tasks"].as_array().unwrap().iter().filter(|task| task["skipped"] == false);
    let bytes: u64 = ran.map(|task| task["report"]["traffic"]["bytes"].as_u64().unwrap()).sum();
    assert_eq!(said["profile"]["counters"]["bytes_fetched"], bytes, "{:#}", said["profile"]);
    assert!(said["profile"]["phases"]["inflate"]["seconds"].as_f64().unwrap() > 0.0);
    // One that has nothing to do has spent nothing on it.
    let idle = bench.worker(&["--index", "0", "--format", "json"]).exits(0).json();
    assert_eq!(idle["profile"], Value::Null);
    assert_eq!(bench.tree("out.zarr.zagg/profiles").len(), 2);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
    let summary = &bench.json("out.zarr.zagg/report.json")["summary"];
    let (profile, traffic) = (&summary["profile"], &summary["traffic"]);
    assert_eq!(profile["counters"]["bytes_fetched"], traffic["bytes"]);
    assert_eq!(profile["counters"]["requests"], traffic["requests"]);
    // Each shard is reduced once at least, by whichever worker.
    assert!(profile["phases"]["reduce"]["calls"].as_u64() >= summary["shards"].as_u64(), "{profile:#}");
}

#[test]
fn blocks_that_are_gone_are_not_finalized_and_the_next_array_makes_them() {
    let bench = Bench::planned();
    bench.worker(&["--index", "0", "--of", "1"]).exits(0);
    let block = bench.tree("out.zarr").into_keys().find(|name| name.contains("/h_mean/c/")).unwrap();
    // As a power cut leaves what had not reached the disk.
    bench.write(&format!("out.zarr/{block}"), "");
    let said = bench.finalize_plan(&[]).exits(3);
    assert!(said.err.contains("its blocks are not those that were written"), "{said:?}");
    assert_eq!(bench.state(), "incomplete");
    let again = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]).exits(0).json();
    let ran = again["tasks"].as_array().unwrap().iter().filter(|task| task["skipped"] == false).count();
    assert_eq!(ran, 1);
    bench.finalize_plan(&[]).exits(0);
    bench.is_whole();
}

#[test]
fn a_granule_that_changes_after_the_plan_is_read_as_it_is() {
    let bench = Bench::with_map();
    bench.plan(&[]).exits(0);
    bench.worker(&["--index", "0", "--of", "2"]).exits(0);
    // The archive replaces a granule: rows lie where they lay, and are others.
    let mut newer = crate::bench::spec(0);
    newer.seed += 100;
    bench.make(&newer);
    bench.worker(&["--index", "1", "--of", "2"]).exits(0);
    // What is there is two versions; the next array makes it one.
    let ran = |said: &Value| {
        said["tasks"].as_array().unwrap().iter().filter(|task| task["skipped"] == false).count()
    };
    let said = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]).exits(0).json();
    assert!(ran(&said) > 0 && ran(&said) < said["tasks"].as_array().unwrap().len(), "{said:#}");
    let said = bench.worker(&["--index", "0", "--of", "1", "--format", "json"]).exits(0).json();
    assert_eq!(ran(&said), 0);
    bench.finalize_plan(&[]).exits(0);
    bench.run_into("whole.zarr", &[]).exits(0);
    bench.is_whole();
}
