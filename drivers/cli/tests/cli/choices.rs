//! Running a part of the map, or nothing yet.

use crate::bench::{Bench, NAMES};

#[test]
fn a_dry_run_reads_and_writes_nothing() {
    let bench = Bench::with_map();
    for name in NAMES {
        // Found, but not read: nothing in it is a granule.
        bench.write(&format!("granules/{name}"), "not HDF5");
    }
    let said = bench.run(&["--dry-run"]).exits(0);
    assert!(said.out.contains("would write") && said.out.contains("out.zarr"), "{said:?}");
    assert_eq!(said.err, "");
    let plan = bench.run(&["--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!(plan["store"], "out.zarr");
    assert_eq!(plan["variables"].as_array().unwrap().len(), 9);
    assert_eq!(plan["pipeline_hash"].as_str().unwrap().len(), 64);
    assert_eq!(
        plan["shards"].as_array().unwrap().len(),
        bench.json("map.json")["shard_keys"].as_array().unwrap().len()
    );
    for key in ["granules_per_shard", "pairs", "columns", "granules_missing"] {
        assert!(!plan[key].is_null(), "{key}");
    }
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn a_dry_run_names_what_the_run_would_miss_or_refuse() {
    let bench = Bench::with_map();
    bench.remove(&format!("granules/{}", NAMES[1]));
    bench.run(&["--dry-run"]).exits(3).warns(&[NAMES[1], "No such file"]);
    bench.write("out.zarr/notes.txt", "mine");
    let said = bench.run(&["--dry-run"]).exits(1);
    assert!(said.err.contains("out.zarr is not empty and holds no store of zagg"), "{said:?}");
    assert_eq!(bench.names(), ["granules", "map.json", "out.zarr"]);
}

#[test]
fn the_first_shards_alone_make_an_incomplete_store_of_full_shape() {
    let bench = Bench::with_map();
    let all = bench.shards().len();
    let summary = bench.summary(0, &["--max-cells", "2"]);
    assert_eq!((&summary["shards"], &summary["shards_done"]), (&2.into(), &2.into()));
    assert_eq!(summary["state"], "incomplete");
    assert_eq!(bench.state(), "incomplete");
    assert_eq!(bench.json("out.zarr/12/count/zarr.json")["shape"][0], 4096 * all);
    assert_eq!(bench.tree("out.zarr/12/count/c").into_keys().collect::<Vec<_>>(), ["0", "1"]);
    // More than there are is all of them, and what is done stays done.
    let summary = bench.summary(0, &["--max-cells", "1000"]);
    assert_eq!((&summary["shards"], &summary["state"]), (&all.into(), &"complete".into()));
    assert_eq!(bench.summary(0, &["--max-cells", "1"])["state"], "complete");
    bench.run(&["--max-cells", "0"]).fails_with(1, "--max-cells: must be at least 1");
}

#[test]
fn a_shard_is_chosen_by_its_negative_label() {
    let bench = Bench::with_map();
    let shards = bench.shards();
    assert!(shards[1].starts_with('-'), "the south has negative labels: {shards:?}");
    let summary = bench.summary(0, &["--shard", &shards[1]]);
    assert_eq!(summary["shards"], 1);
    assert_eq!(bench.tree("out.zarr/12/count/c").into_keys().collect::<Vec<_>>(), ["1"]);
    assert_eq!(
        bench.tree("out.zarr.zagg/shards").into_keys().collect::<Vec<_>>(),
        [format!("{}.json", shards[1])]
    );
    let both = [&shards[0], &shards[2], &shards[0]].map(String::as_str);
    let summary =
        bench.summary(0, &["--shard", both[0], "--shard", both[1], &format!("--shard={}", both[2])]);
    assert_eq!(summary["shards"], 2, "one that is named twice runs once");
}

#[test]
fn shards_that_are_not_in_the_map_are_refused() {
    let bench = Bench::with_map();
    bench.run(&["--shard", "5112323"]).fails_with(1, "--shard: shard 5112323 is not in the shard map");
    for nonsense in ["-9112323", "abc", "", "-511232", "-51123233"] {
        let said = bench.run(&["--shard", nonsense]).exits(1);
        assert!(said.err.starts_with("zagg: error: --shard: "), "{said:?}");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn what_is_missing_on_the_command_line_is_named() {
    let bench = Bench::with_map();
    bench
        .zagg(&["run", "--plugin", "atl06", "--store", "out.zarr"])
        .fails_with(1, "no shard map; give --catalog FILE, or catalog: in the pipeline");
    bench
        .zagg(&["run", "--plugin", "atl06", "--catalog", "map.json"])
        .fails_with(1, "no store; give --store PATH, or output.store in the pipeline");
    bench
        .zagg(&["run", "--catalog", "map.json", "--store", "out.zarr"])
        .fails_with(1, "no pipeline: give --plugin NAME or --config FILE");
    bench
        .zagg(&["run", "--plugin", "atl06", "--catalog", "none.json", "--store", "out.zarr"])
        .fails_with(1, "none.json: No such file or directory (os error 2)");
    bench.zagg(&["run", "--plugin", "atl07", "--catalog", "map.json", "--store", "out.zarr"]).fails_with(
        1,
        "there is no preset \"atl07\"; did you mean \"atl03\"?; there are: atl03, atl06, atl06_polar, atl08, \
         cryosat2, gedi_l2a, gedi_l4a",
    );
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn memory_for_reading_changes_no_byte_and_too_little_is_refused() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let usual = bench.tree("out.zarr");
    bench.run(&["--memory", "160MiB", "--overwrite"]).exits(0);
    assert_eq!(bench.tree("out.zarr"), usual);
    bench.write("memory.yaml", "data_source:\n  memory: 100 MB\n");
    bench.run(&["--config", "memory.yaml", "--overwrite"]).exits(0);
    assert_eq!(bench.tree("out.zarr"), usual);
    bench
        .run(&["--memory", "63MiB"])
        .fails_with(1, "--memory: 63 MiB are too few; a run takes 128 MiB at least, for the program, one granule and one shard");
    let usage = bench.run(&["--memory", "much"]).exits(2);
    assert!(usage.err.contains("is no number of bytes"), "{usage:?}");
    bench.write("memory.yaml", "data_source:\n  memory: lots\n");
    let said = bench.run(&["--config", "memory.yaml"]).exits(1);
    assert!(
        said.err.contains("memory.yaml:2: data_source.memory: \"lots\" is no number of bytes"),
        "{said:?}"
    );
}

#[test]
fn map_and_store_may_stand_in_the_pipeline() {
    let bench = Bench::with_map();
    bench.write("here.yaml", "catalog: map.json\noutput:\n  store: from-pipeline.zarr\n");
    bench.zagg(&["run", "--plugin", "atl06", "--config", "here.yaml"]).exits(0);
    assert!(bench.exists("from-pipeline.zarr/zarr.json"));
    bench.zagg(&["run", "--plugin", "atl06", "--config", "here.yaml", "--store", "given.zarr"]).exits(0);
    assert_eq!(bench.tree("given.zarr"), bench.tree("from-pipeline.zarr"));
}
