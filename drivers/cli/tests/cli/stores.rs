//! The store: whose it is, and what a run leaves of what was there.

use crate::bench::Bench;

#[test]
fn a_second_run_leaves_the_same_bytes() {
    let bench = Bench::with_map();
    let said = bench.run(&[]).exits(0);
    assert_eq!(said.err, "");
    let (store, plan) = (bench.tree("out.zarr"), bench.tree("out.zarr.zagg/plan.json"));
    assert!(store.keys().any(|name| name == "12/h_mean/c/0"), "{:?}", store.keys());
    bench.run(&[]).exits(0);
    assert_eq!(bench.tree("out.zarr"), store);
    assert_eq!(bench.tree("out.zarr.zagg/plan.json"), plan);
    assert_eq!(bench.state(), "complete");
    bench.run(&["--overwrite"]).exits(0);
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
fn a_map_for_another_grid_is_refused_with_both_signatures() {
    let bench = Bench::with_map();
    bench.write("finer.yaml", "output:\n  grid:\n    child_order: 13\n");
    let said = bench.run(&["--config", "finer.yaml"]).exits(1);
    let line =
        said.err.strip_prefix("zagg: error: the shard map was built for another grid: the map has ").unwrap();
    let (map, pipeline) = line.split_once(", the pipeline has ").unwrap();
    assert!(map.contains("\"child_order\":12") && pipeline.contains("\"child_order\":13"), "{line}");
    assert!(line.ends_with("; build the map again with this pipeline\n"), "{line}");
    assert_eq!((said.out.as_str(), said.err.lines().count()), ("", 1));
    assert_eq!(bench.names(), ["finer.yaml", "granules", "map.json"], "nothing is left behind");
}

#[test]
fn a_store_of_another_pipeline_is_kept_until_told_otherwise() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let (store, beside) = (bench.tree("out.zarr"), bench.tree("out.zarr.zagg"));
    bench.write(
        "more.yaml",
        "aggregation:\n  variables:\n    h_range: {function: range, source: h_li, dtype: float32}\n",
    );
    bench.run(&["--config", "more.yaml"]).fails_with(
        1,
        "store out.zarr was made by another pipeline, grid or shard map; use --overwrite or another --store",
    );
    assert_eq!(bench.tree("out.zarr"), store, "kept byte for byte");
    assert_eq!(bench.tree("out.zarr.zagg"), beside);

    bench.run(&["--config", "more.yaml", "--overwrite"]).exits(0);
    let replaced = bench.tree("out.zarr");
    assert!(replaced.contains_key("12/h_range/zarr.json"));
    assert_eq!(bench.state(), "complete");

    // And back: nothing of the other pipeline stays.
    bench.run(&["--overwrite"]).exits(0);
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
fn a_store_of_another_map_is_kept_and_overwriting_drops_its_shards() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let store = bench.tree("out.zarr");
    bench.edit_map(|map| {
        map["shard_keys"].as_array_mut().unwrap().pop();
        map["granules"].as_array_mut().unwrap().pop();
    });
    bench.run(&[]).fails_with(
        1,
        "store out.zarr was made by another pipeline, grid or shard map; use --overwrite or another --store",
    );
    assert_eq!(bench.tree("out.zarr"), store);
    bench.run(&["--overwrite"]).exits(0);
    let last = format!("12/count/c/{}", bench.shards().len());
    assert!(store.contains_key(&last) && !bench.exists(&format!("out.zarr/{last}")));
    assert_eq!(bench.tree("out.zarr.zagg/shards").len(), bench.shards().len());
}

#[test]
fn overwriting_never_takes_what_zagg_did_not_write() {
    let bench = Bench::with_map();
    bench.write("out.zarr/thesis.txt", "years of work");
    bench.run(&["--overwrite"]).fails_with(
        1,
        "out.zarr is not empty and holds no store of zagg; it is left alone, use another --store",
    );
    assert_eq!(bench.tree("out.zarr").len(), 1);
    bench.write("other.zarr/zarr.json", r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#);
    bench.run_into("other.zarr", &["--overwrite"]).fails_with(
        1,
        "other.zarr is a Zarr store that zagg did not make; it is left alone, use another --store",
    );
    assert_eq!(bench.tree("other.zarr").len(), 1);

    bench.run_into("mine.zarr", &[]).exits(0);
    bench.write("mine.zarr/notes.txt", "keep me");
    bench.run_into("mine.zarr", &["--overwrite"]).exits(0);
    assert_eq!(bench.tree("mine.zarr")["notes.txt"], b"keep me");
}

#[test]
fn a_place_that_cannot_hold_a_store_is_named() {
    let bench = Bench::with_map();
    bench.write("plain", "a file");
    let names = bench.names();
    for store in ["plain", "plain/out.zarr"] {
        bench
            .run_into(store, &["--overwrite"])
            .fails_with(1, &format!("{store} is a file, or lies below one; use another --store"));
    }
    let said = bench.run_into("s3://bucket/out.zarr", &[]).exits(1);
    assert!(said.err.starts_with("zagg: error: s3://bucket/out.zarr: no AWS credentials: "), "{said:?}");
    let said = bench.run_into("..", &[]).exits(1);
    assert!(said.err.ends_with("not the name of a folder\n"), "{said:?}");
    // The folder beside the store cannot be made.
    bench.write("out.zarr.zagg", "a file");
    let said = bench.run(&[]).exits(1);
    assert!(said.err.starts_with("zagg: error: ") && said.err.contains("out.zarr.zagg"), "{said:?}");
    assert_eq!(said.err.lines().count(), 1);
    bench.remove("out.zarr.zagg");
    assert_eq!(bench.names(), names);
    assert_eq!(std::fs::read(bench.path("plain")).unwrap(), b"a file");
}

#[test]
fn damage_to_a_store_is_mended_by_the_next_run() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let store = bench.tree("out.zarr");
    bench.write("out.zarr/12/count/c/0", "not a chunk");
    bench.remove("out.zarr/12/h_min/c/1");
    bench.remove("out.zarr/12/h_max/zarr.json");
    bench.write("out.zarr.zagg/shards/nonsense.json", "not a record");
    bench.run(&[]).exits(0);
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
fn one_block_that_cannot_be_written_fails_its_shard_only() {
    let bench = Bench::with_map();
    bench.run_into("whole.zarr", &[]).exits(0);
    bench.run(&["--max-cells", "1"]).exits(0);
    let shards = bench.shards();
    // A folder stands where the third shard's block belongs.
    bench.write("out.zarr/12/h_max/c/2/in-the-way", "");
    let said = bench.run(&["--format", "json"]).exits(3);
    let summary = said.json();
    assert_eq!(summary["shards_done"], shards.len() - 1);
    assert_eq!((&summary["shards_failed"], &summary["state"]), (&1.into(), &"incomplete".into()));
    assert_eq!(summary["failures"][0][0], shards[2].as_str());
    let line = format!("zagg: error: shard {} failed: cannot write out.zarr/12/h_max/c/2: ", shards[2]);
    assert!(said.err.lines().any(|found| found.starts_with(&line)), "{said:?}");
    let record = bench.json(&format!("out.zarr.zagg/shards/{}.json", shards[2]));
    assert_eq!(record["status"], "failed");

    // Giving up at the first failure leaves the rest for the next run.
    let first = ["--fail-fast", "--workers", "1", "--format", "json"];
    let run = ["run", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr"];
    let summary = bench.zagg(&[&run[..], &first].concat()).exits(3).json();
    assert_eq!(
        (&summary["shards_done"], &summary["shards_not_run"]),
        (&2.into(), &(shards.len() - 3).into())
    );

    std::fs::remove_dir_all(bench.path("out.zarr/12/h_max/c/2")).unwrap();
    let summary = bench.summary(0, &["--shard", &shards[2]]);
    assert_eq!(summary["state"], "complete", "the others are done since the run before");
    assert_eq!(bench.tree("out.zarr"), bench.tree("whole.zarr"));
}

#[test]
fn records_that_cannot_be_written_leave_no_shard_done() {
    let bench = Bench::with_map();
    let shards = bench.shards();
    bench.run(&["--max-cells", "1"]).exits(0);
    let record = format!("out.zarr.zagg/shards/{}.json", shards[1]);
    bench.write(&format!("{record}/in-the-way"), "");
    // What it says of the shard is not known, so nothing is finalized and nothing emptied.
    let said = bench.run(&[]).exits(3);
    assert!(said.err.lines().last().unwrap().contains(&record), "{said:?}");
    assert_ne!(bench.state(), "complete");

    std::fs::remove_dir_all(bench.path(&record)).unwrap();
    bench.write("out.zarr.zagg/report.json.d/x", "");
    bench.remove("out.zarr.zagg/report.json");
    std::fs::rename(bench.path("out.zarr.zagg/report.json.d"), bench.path("out.zarr.zagg/report.json"))
        .unwrap();
    let said = bench.run(&[]).exits(3);
    let last = said.err.lines().last().unwrap();
    assert!(last.starts_with("zagg: error: cannot write out.zarr.zagg/report.json: "), "{said:?}");
    assert_ne!(bench.state(), "complete");

    std::fs::remove_dir_all(bench.path("out.zarr.zagg/report.json")).unwrap();
    assert_eq!(bench.summary(0, &[])["state"], "complete");
}
