//! Going on with a store, and what `zagg status` says of it.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use zagg_core::store::{Store, StoreState};
use zagg_zarr::ZarrStore;

use crate::bench::{Bench, Ended, NAMES, bytes};

fn status(bench: &Bench) -> Ended {
    bench.zagg(&["status", "out.zarr"])
}

fn status_json(bench: &Bench, code: i32) -> Value {
    bench.zagg(&["status", "out.zarr", "--format", "json"]).exits(code).json()
}

/// Everything in the store and beside it.
fn all(bench: &Bench) -> [std::collections::BTreeMap<String, Vec<u8>>; 2] {
    [bench.tree("out.zarr"), bench.tree("out.zarr.zagg")]
}

fn edit_record(bench: &Bench, label: &str, edit: impl FnOnce(&mut Value)) {
    let name = format!("out.zarr.zagg/shards/{label}.json");
    let mut record = bench.json(&name);
    edit(&mut record);
    bench.write(&name, record.to_string());
}

#[test]
fn what_is_done_is_left_and_the_rest_is_made() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    let shards = bench.shards();
    bench.run(&["--max-cells", "2"]).exits(0);
    let plan = bench.run(&["--resume", "--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!(plan["shards_skipped"], json!(shards[..2]));
    assert_eq!(plan["shards"], json!(shards[2..]));
    let said = bench.run(&["--resume"]).exits(0);
    assert!(said.err.contains(&format!("zagg: 2 of {} shards are done and are not run again", shards.len())));
    assert!(said.out.contains("(2 before)"), "{}", said.out);
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
    let summary = bench.summary(0, &["--resume"]);
    assert_eq!(summary["shards_skipped"], shards.len());
    assert_eq!((&summary["shards_done"], &summary["rows_read"]), (&shards.len().into(), &0.into()));
    assert_eq!(summary["state"], "complete");
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
    // Going on with nothing is a start.
    let summary = bench.run_into("new.zarr", &["--resume", "--format", "json"]).exits(0).json();
    assert_eq!((&summary["shards_skipped"], &summary["shards_done"]), (&0.into(), &shards.len().into()));
    assert_eq!(bench.tree("new.zarr"), bench.tree("whole.zarr"));
}

#[test]
fn a_file_that_was_touched_is_read_again_unless_ids_are_trusted() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let store = bench.tree("out.zarr");
    let file = File::options().write(true).open(bench.path(&format!("granules/{}", NAMES[0]))).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    drop(file);
    let summary = bench.run(&["--resume", "--trust-ids", "--format", "json"]).exits(0).json();
    assert_eq!(summary["shards_skipped"], summary["shards"]);
    let said = bench.run(&["--resume"]).exits(0);
    let lines: Vec<&str> = said.err.lines().filter(|line| line.contains("is run again: ")).collect();
    let reason = format!("is run again: granule {} has changed", NAMES[0]);
    assert!(!lines.is_empty() && lines.iter().all(|line| line.ends_with(&reason)), "{said:?}");
    assert_eq!(bench.tree("out.zarr"), store);
    let summary = bench.summary(0, &["--resume"]);
    assert_eq!(summary["shards_skipped"], summary["shards"]);
}

#[test]
fn granules_that_cannot_be_asked_for_are_told_before_anything_changes() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let before = all(&bench);
    bench.remove(&format!("granules/{}", NAMES[0]));
    let said = bench.run(&["--resume"]).exits(1);
    for piece in ["cannot be found out from here", NAMES[0], "No such file", "--trust-ids"] {
        assert!(said.err.contains(piece), "{said:?}");
    }
    assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""));
    assert_eq!(all(&bench), before);
    bench.run(&["--resume", "--trust-ids"]).exits(0);
    bench.write(&format!("granules/{}", NAMES[0]), bytes(0));
    for refused in [&["--trust-ids"][..], &["--resume", "--overwrite"], &["--max-retries", "-1"]] {
        bench.run(refused).exits(2);
    }
    bench.write("other.yaml", "output: {grid: {levels: [12, 9]}}");
    let said = bench.run(&["--resume", "--config", "other.yaml"]).exits(1);
    assert!(said.err.contains("was made by another pipeline"), "{said:?}");
}

#[test]
fn who_is_content_with_incomplete_shards_gets_zero_and_the_same_words() {
    let bench = Bench::with_map();
    bench.remove(&format!("granules/{}", NAMES[0]));
    let said = bench.run(&["--allow-incomplete", "--format", "json"]).exits(0);
    said.warns(&["hole in ", NAMES[0], "No such file"]);
    let summary = said.json();
    assert!(summary["shards_incomplete"].as_u64().unwrap() > 0);
    assert_eq!((&summary["state"], &summary["allow_incomplete"]), (&"incomplete".into(), &true.into()));
    assert_eq!(bench.state(), "incomplete");

    let said = status(&bench).exits(3);
    assert!(said.out.contains("out.zarr (incomplete)") && said.out.contains(" incomplete"), "{}", said.out);
    assert!(said.out.contains(&format!("granule {}: ", NAMES[0])), "{}", said.out);
    assert!(said.err.contains("--resume"), "{}", said.err);
    let json = status_json(&bench, 3);
    assert_eq!(json["shards_incomplete"], summary["shards_incomplete"]);
    assert_eq!(json["shards_not_done"][0]["holes"][0]["granule"], NAMES[0]);
    // They are what going on makes again.
    bench.write(&format!("granules/{}", NAMES[0]), bytes(0));
    let again = bench.summary(0, &["--resume"]);
    assert_eq!(
        again["shards_skipped"].as_u64().unwrap() + summary["shards_incomplete"].as_u64().unwrap(),
        again["shards"].as_u64().unwrap()
    );
    bench.run_into("whole.zarr", &[]).exits(0);
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
    assert_eq!(status(&bench).exits(0).err, "");
}

#[test]
fn status_names_every_shard_that_is_not_done_and_writes_nothing() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let shards = bench.shards();
    assert!(shards.len() >= 6, "{shards:?}");
    let json = status_json(&bench, 0);
    assert_eq!((&json["complete"], &json["shards_done"]), (&true.into(), &shards.len().into()));
    assert_eq!((&json["shards_not_done"], &json["written_by"]), (&json!([]), &Value::Null));
    assert!(status(&bench).exits(0).out.contains(&format!("{0} of {0} done", shards.len())));

    fs::remove_file(bench.path(&format!("out.zarr.zagg/shards/{}.json", shards[0]))).unwrap();
    edit_record(&bench, &shards[1], |record| record["status"] = "open".into());
    edit_record(&bench, &shards[2], |record| {
        record["status"] = "failed".into();
        record["error"] = "the disk is full".into();
    });
    edit_record(&bench, &shards[3], |record| record["inputs"] = "other".into());
    edit_record(&bench, &shards[4], |record| {
        record["status"] = "failed".into();
        record["kept"] = "done".into();
        record["error"] = "503 slow down".into();
        record["temporary"] = true.into();
    });
    let before = all(&bench);
    let json = status_json(&bench, 3);
    let found: Vec<(&str, &str)> = json["shards_not_done"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shard| (shard["shard"].as_str().unwrap(), shard["state"].as_str().unwrap()))
        .collect();
    let states = ["missing", "open", "failed", "outdated", "failed"];
    assert_eq!(found, shards.iter().map(String::as_str).zip(states).collect::<Vec<_>>());
    assert_eq!((&json["shards_failed"], &json["shards_missing"]), (&2.into(), &1.into()));
    assert_eq!(json["shards_not_done"][4]["temporary"], true);
    assert_eq!(json["state"], "complete", "what the root says is told as it is");
    let said = status(&bench).exits(3);
    for piece in [
        "not run",
        "cut off while it was written",
        "the disk is full",
        "503 slow down",
        "made from other granules",
    ] {
        assert!(said.out.contains(piece), "{piece}: {}", said.out);
    }
    assert_eq!(all(&bench), before);
    // Going on mends them all.
    let summary = bench.summary(0, &["--resume"]);
    assert_eq!(summary["shards_skipped"], shards.len() - 5);
    assert_eq!(bench.tree("out.zarr"), before[0]);

    // All shards are there and nobody has said so yet.
    let store = ZarrStore::open_path(&bench.path("out.zarr")).unwrap();
    store.acquire().unwrap();
    store.finalize(StoreState::Open).unwrap();
    let said = status(&bench).exits(3);
    assert!(said.out.contains(&format!("process {} on ", std::process::id())), "{}", said.out);
    assert!(said.err.contains("a run is writing to it"), "{}", said.err);
    store.release().unwrap();
    assert!(status(&bench).exits(3).err.contains("zagg finalize out.zarr makes it complete"));
    bench.zagg(&["finalize", "out.zarr"]).exits(0);
    status(&bench).exits(0);
}

#[test]
fn status_of_what_is_no_store_or_came_without_its_plan() {
    let bench = Bench::with_map();
    bench.zagg(&["status", "none.zarr"]).fails_with(1, "there is no zagg store at none.zarr");
    bench.run(&[]).exits(0);
    let plan = fs::read_to_string(bench.path("out.zarr.zagg/plan.json")).unwrap();
    bench.write("out.zarr.zagg/plan.json", "{");
    assert!(status(&bench).exits(1).err.contains("is no JSON"));
    bench.run_into("other.zarr", &["--max-cells", "1"]).exits(0);
    bench.write("other.yaml", "output: {grid: {levels: [12, 9]}}");
    bench.run_into("third.zarr", &["--config", "other.yaml"]).exits(0);
    bench.write("out.zarr.zagg/plan.json", fs::read(bench.path("third.zarr.zagg/plan.json")).unwrap());
    assert!(status(&bench).exits(1).err.contains("is that of another store"));
    bench.write("out.zarr.zagg/plan.json", plan);
    status(&bench).exits(0);
    fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    assert!(status(&bench).exits(1).err.contains("there is no plan.json beside it"));
    assert!(!bench.exists("out.zarr.zagg"), "nothing is written");
}
