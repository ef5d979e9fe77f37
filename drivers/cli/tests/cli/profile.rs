//! What is told of a run while it works, and of where its time went.

use serde_json::{Value, json};

use crate::bench::{Bench, Ended};

#[test]
fn a_profile_says_where_the_time_went_and_changes_nothing() {
    let bench = Bench::with_map();
    let said = bench.run(&["--profile"]).exits(0);
    for word in ["inflate", "locate", "sort", "reduce", "write", "finalize", "round trips", "chunks"] {
        assert!(said.out.contains(word), "no {word} in:\n{}", said.out);
    }
    let plain = bench.run_into("plain.zarr", &[]).exits(0);
    assert!(!plain.out.contains("inflate"), "{}", plain.out);
    assert_eq!(bench.tree("out.zarr"), bench.tree("plain.zarr"));

    // The report always has it, and the numbers fit what else is known.
    let report = bench.json("plain.zarr.zagg/report.json");
    let (summary, profile) = (&report["summary"], &report["summary"]["profile"]);
    let count = |name: &str| profile["counters"][name].as_u64().unwrap();
    assert_eq!(count("granules_opened"), 3);
    assert_eq!(count("bytes_fetched"), summary["traffic"]["bytes"]);
    assert_eq!(count("requests"), summary["traffic"]["requests"]);
    assert_eq!(count("round_trips"), summary["traffic"]["round_trips"]);
    // Rows that lie in no shard of the map are located too.
    assert!(count("rows_located") >= summary["rows_read"].as_u64().unwrap());
    assert!(count("chunks_decoded") > 0 && count("chunk_hits") > 0, "{profile:#}");
    for phase in
        ["list", "prepare", "open", "fetch", "inflate", "read", "locate", "select", "sort", "reduce", "write"]
    {
        let spent = &profile["phases"][phase];
        assert!(
            spent["calls"].as_u64().unwrap() > 0 && spent["seconds"].as_f64().unwrap() > 0.0,
            "{phase}: {spent}"
        );
    }
    assert_eq!(profile["phases"]["open"]["calls"], 3);
}

/// Every line of standard error, each an object.
#[track_caller]
fn lines(said: &Ended) -> Vec<Value> {
    let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    said.err.lines().map(object).collect()
}

#[test]
fn spans_are_told_as_lines_or_as_objects() {
    let bench = Bench::with_map();
    bench.remove(&format!("granules/{}", crate::bench::NAMES[0]));
    let said = bench.run(&["--log-level", "debug", "--log-format", "json", "--max-retries", "0"]).exits(3);
    let lines = lines(&said);
    let spans = |name: &str| lines.iter().filter(|line| line["span"]["name"] == name).count();
    let shards = bench.json("out.zarr.zagg/report.json")["summary"]["shards"].as_u64().unwrap() as usize;
    assert_eq!((spans("run"), spans("task"), spans("write")), (1, shards, shards), "{}", said.err);
    assert!(spans("open") >= 2 && spans("read") > shards && spans("finalize") == 1, "{}", said.err);
    // Tasks are inside their run, and reads, on other threads, inside their tasks.
    let read = lines.iter().find(|line| line["span"]["name"] == "read").unwrap();
    assert_eq!(read["spans"][0]["name"], "run", "{read:#}");
    assert_eq!(read["spans"][1]["name"], "task", "{read:#}");
    // Warnings are lines of the log, too.
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "WARN" && line["message"].as_str().unwrap().contains("hole"))
    );

    let said = bench.zagg(&["inspect", "map.json", "--log-level", "loud"]);
    said.fails_with(
        1,
        "--log-level: \"loud\" is no level; levels are off, error, warn, info, debug and trace",
    );
    let text = bench.run_into("text.zarr", &["--log-level", "info", "--max-retries", "0"]).exits(3);
    assert!(text.err.contains("task{shard=") && !text.err.contains("read{"), "{}", text.err);
    let silent = bench.run_into("silent.zarr", &["--max-retries", "0"]).exits(3);
    assert!(!silent.err.contains("task{"), "{}", silent.err);
}

#[test]
fn signatures_and_tokens_are_told_nowhere() {
    const SECRETS: [&str; 3] = ["c0ffee51gnature", "c0ffeet0ken", "c0ffeepassw0rd"];
    let bench = Bench::with_map();
    // Nobody listens there. An address with a password is refused before anything is asked.
    let signed = format!("https://127.0.0.1:9/a.h5?X-Amz-Signature={}", SECRETS[0]);
    let with_password = signed.replace("//", &format!("//user:{}@", SECRETS[2]));
    let cases = [
        (&signed, "text", 75),
        (&signed, "json", 75),
        (&with_password, "text", 1),
        (&with_password, "json", 1),
    ];
    // Side by side: each waits for its requests to be tried again.
    std::thread::scope(|scope| {
        for (number, (href, format, code)) in cases.into_iter().enumerate() {
            let bench = &bench;
            scope.spawn(move || {
                let mut map = bench.json("map.json");
                let lists = map["granules"].as_array_mut().unwrap().iter_mut();
                for granule in lists.flat_map(|list| list.as_array_mut().unwrap()) {
                    granule["https"] = json!(href);
                    granule.as_object_mut().unwrap().remove("file");
                }
                let (catalog, store) = (format!("{number}.json"), format!("{number}.zarr"));
                bench.write(&catalog, map.to_string());
                let mut command =
                    bench.command(&["run", "--plugin", "atl06", "--catalog", &catalog, "--store", &store]);
                command.args(["--driver", "https", "--max-cells", "1", "--max-retries", "0", "--profile"]);
                command
                    .args(["--log-level", "trace", "--log-format", format])
                    .env("EARTHDATA_TOKEN", SECRETS[1]);
                let said = Ended::of(command.output().unwrap()).exits(code);
                assert!(said.err.contains("127.0.0.1"), "{}", said.err);
                let beside = bench.tree(&format!("{store}.zagg"));
                assert_eq!(beside.is_empty(), code == 1);
                for secret in SECRETS {
                    let told = said.out.contains(secret) || said.err.contains(secret);
                    assert!(!told, "{secret} in\n{}\n{}", said.out, said.err);
                    for (name, bytes) in &beside {
                        assert!(!String::from_utf8_lossy(bytes).contains(secret), "{secret} in {name}");
                    }
                }
            });
        }
    });
}
