//! `zagg catalog merge`, `filter` and `stats`, and the forms of shard maps; runs of what they write.

use serde_json::{Value, json};

use crate::bench::{Bench, NAMES};

/// A map of some of the granules.
fn map_of(bench: &Bench, files: &[usize], output: &str) {
    let files: Vec<String> = files.iter().map(|&number| format!("granules/{}", NAMES[number])).collect();
    let mut arguments = vec!["catalog", "--plugin", "atl06", "--output", output, "--from-files"];
    arguments.extend(files.iter().map(String::as_str));
    bench.zagg(&arguments).exits(0);
}

/// Pairs of a shard map as (key, id), sorted.
fn pairs(map: &Value) -> Vec<(u64, String)> {
    let keys = map["shard_keys"].as_array().unwrap().iter();
    let mut pairs: Vec<(u64, String)> = keys
        .zip(map["granules"].as_array().unwrap())
        .flat_map(|(key, list)| {
            let id = |granule: &Value| granule["id"].as_str().unwrap().to_string();
            list.as_array().unwrap().iter().map(move |granule| (key.as_u64().unwrap(), id(granule)))
        })
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn merged_maps_are_the_map_of_all() {
    let bench = Bench::with_map();
    map_of(&bench, &[0, 1], "a.json");
    map_of(&bench, &[1, 2], "b.json");
    let merge = ["catalog", "merge", "a.json", "b.json", "--output", "c.json", "--format", "json"];
    let said = bench.zagg(&merge).exits(0).json();
    assert_eq!(said["granules"], 3);
    assert_eq!(pairs(&bench.json("c.json")), pairs(&bench.json("map.json")));
    // The same store as well.
    bench.run(&[]).exits(0);
    let merged = ["run", "--plugin", "atl06", "--catalog", "c.json", "--store", "merged.zarr"];
    bench.zagg(&merged).exits(0);
    assert_eq!(bench.tree("merged.zarr"), bench.tree("out.zarr"));
}

#[test]
fn maps_of_two_grids_do_not_merge() {
    let bench = Bench::with_map();
    bench.write("coarse.yaml", "output: {grid: {parent_order: 5}}");
    let other = ["catalog", "--plugin", "atl06", "--config", "coarse.yaml", "--from-files", "granules"];
    bench.zagg(&[&other[..], &["--output", "coarse.json"]].concat()).exits(0);
    let said = bench.zagg(&["catalog", "merge", "map.json", "coarse.json", "--output", "c.json"]).exits(1);
    assert!(said.err.contains("map 1 and map 2 are of different grids"), "{said:?}");
    assert!(!bench.exists("c.json"));
    // One map is nothing to merge.
    bench.zagg(&["catalog", "merge", "map.json", "--output", "c.json"]).exits(2);
}

#[test]
fn maps_come_in_three_forms() {
    let bench = Bench::with_map();
    for output in ["map.json.zst", "map.parquet"] {
        let start = ["catalog", "--plugin", "atl06", "--from-files", "granules", "--output", output];
        bench.zagg(&start).exits(0);
        let said = bench.zagg(&["inspect", output, "--format", "json"]).exits(0).json();
        let plain = bench.zagg(&["inspect", "map.json", "--format", "json"]).exits(0).json();
        for key in ["granules", "shards", "pairs", "grid_signature", "metadata"] {
            assert_eq!(said[key], plain[key], "{output} {key}");
        }
        // From any form to any other.
        let back = ["catalog", "filter", output, "--granule", "*", "--output", "back.json"];
        bench.zagg(&back).exits(0);
        assert_eq!(pairs(&bench.json("back.json")), pairs(&bench.json("map.json")));
        let store = format!("{output}.zarr");
        bench.zagg(&["run", "--plugin", "atl06", "--catalog", output, "--store", &store]).exits(0);
    }
    assert_eq!(bench.tree("map.parquet.zarr"), bench.tree("map.json.zst.zarr"));
    let said = bench
        .zagg(&["catalog", "--plugin", "atl06", "--from-files", "granules", "--output", "map.json.gz"])
        .exits(1);
    assert!(said.err.contains("use .json, .json.zst or .parquet"), "{said:?}");
    assert!(!bench.exists("map.json.gz"));
}

#[test]
fn parts_of_a_map_are_kept() {
    let bench = Bench::with_map();
    let filter = |more: &[&str]| -> (Value, Vec<(u64, String)>) {
        let start = ["catalog", "filter", "map.json", "--output", "part.json", "--format", "json"];
        let said = bench.zagg(&[&start[..], more].concat()).exits(0).json();
        (said, pairs(&bench.json("part.json")))
    };
    let all = pairs(&bench.json("map.json"));

    let (said, left) = filter(&["--granule", NAMES[1]]);
    assert_eq!([&said["granules"], &said["granules_dropped"]], [&json!(1), &json!(2)]);
    assert!(left.iter().all(|(_, id)| id == NAMES[1]) && !left.is_empty());
    let (_, left) = filter(&["--granule", "ATL06_2024010*"]);
    let wanted: Vec<_> = all.iter().filter(|(_, id)| id != NAMES[2]).cloned().collect();
    assert_eq!(left, wanted);

    // By the day that the name tells.
    let (_, left) = filter(&["--start-date", "2024-01-05", "--end-date", "2024-01-13"]);
    let wanted: Vec<_> = all.iter().filter(|(_, id)| id != NAMES[0]).cloned().collect();
    assert_eq!(left, wanted);
    let said =
        bench.zagg(&["catalog", "filter", "map.json", "--output", "none.json", "--cycle", "3"]).exits(1);
    assert_eq!(said.err, "zagg: error: map.json: no shard of it is left; nothing is written\n");

    let labels = bench.shards();
    let (said, _) = filter(&["--plugin", "atl06", "--shard", &labels[0], "--shard", &labels[2]]);
    assert_eq!([&said["shards"], &said["shards_dropped"]], [&json!(2), &json!(labels.len() - 2)]);
    let (said, left) = filter(&["--plugin", "atl06", "--bbox", "59,-86,61,-85.5"]);
    let shards = said["shards"].as_u64().unwrap();
    assert!(shards > 0 && shards < labels.len() as u64, "{said}");
    assert!(left.iter().all(|pair| all.contains(pair)));
    // A part of a map is a map.
    bench.zagg(&["run", "--plugin", "atl06", "--catalog", "part.json", "--store", "part.zarr"]).exits(0);
}

#[test]
fn files_of_a_cycle_and_an_area_become_a_store() {
    let bench = Bench::with_granules();
    let start = ["catalog", "--plugin", "atl06", "--source", "local-files", "--from-files", "granules"];
    let catalog = |more: &[&str]| bench.zagg(&[&start[..], more].concat());
    catalog(&["--output", "map.json"]).exits(0);
    let area = ["--bbox", "59,-86,61,-85.5"];
    // All three are of cycle 22; the days take two of them.
    catalog(&[&area[..], &["--cycle", "21"]].concat())
        .fails_with(1, "none of the 3 granules found is of cycle 21; nothing is written");
    let days = ["--start-date", "2024-01-01", "--end-date", "2024-01-08", "--format", "json"];
    let said = catalog(&[&area[..], &days].concat()).exits(0).json();
    assert_eq!(said["shard_map"], "shardmap_ATL06_2024-01-01_2024-01-08.json");
    assert_eq!([&said["granules_of_other_days"], &said["granules"]], [&json!(1), &json!(2)]);
    let run = |map: &str, store: &str, more: &[&str]| {
        let start = ["run", "--plugin", "atl06", "--catalog", map, "--store", store, "--format", "json"];
        bench.zagg(&[&start[..], more].concat()).exits(0).json()
    };
    let all = run("map.json", "all.zarr", &[])["rows_kept"].as_u64().unwrap();
    let some = run(said["shard_map"].as_str().unwrap(), "some.zarr", &[])["rows_kept"].as_u64().unwrap();
    assert!(0 < some && some < all, "{some} of {all}");

    // Clipped to the area, whatever the run's pipeline says of it.
    let said = catalog(&[&area[..], &["--output", "clip.json", "--clip", "--format", "json"]].concat());
    let said = said.exits(0).json();
    assert_eq!([&said["metadata"]["clip"], &said["metadata"]["aoi_mask"]], [&json!(true), &json!(true)]);
    catalog(&[&area[..], &["--output", "whole.json"]].concat()).exits(0);
    let whole = run("whole.json", "whole.zarr", &[])["rows_kept"].as_u64().unwrap();
    let clipped = run("clip.json", "clip.zarr", &[])["rows_kept"].as_u64().unwrap();
    assert!(0 < clipped && clipped < whole, "{clipped} of {whole}");

    // And marked, for pipelines that want it.
    bench.write("mask.yaml", "output: {aoi_mask: true}");
    let mask = [&area[..], &["--config", "mask.yaml", "--output", "mask.json"]].concat();
    catalog(&mask).exits(0);
    run("mask.json", "mask.zarr", &["--config", "mask.yaml"]);
    assert!(bench.exists("mask.zarr/12/aoi_mask/zarr.json"));
    let what = "output.aoi_mask and output.clip of the pipeline";
    catalog(&["--config", "mask.yaml", "--output", "no.json"])
        .fails_with(2, &format!("{what} want an area of interest; give --polygon or --bbox"));
    catalog(&["--clip", "--output", "no.json"])
        .fails_with(2, "--clip wants an area of interest; give --polygon or --bbox");
    assert!(!bench.exists("no.json"));
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let bench = Bench::with_map();
    let filter = |more: &[&str]| {
        bench.zagg(&[&["catalog", "filter", "map.json", "--output", "part.json"], more].concat())
    };
    filter(&[]).fails_with(
        2,
        "nothing to keep; give --polygon, --bbox, --shard, --granule, --cycle, --start-date or --end-date",
    );
    filter(&["--granule", "ATL03*"]).fails_with(1, "no granule of the map is called ATL03*");
    filter(&["--bbox", "0,0,1,1"]).fails_with(1, "no pipeline: give --plugin NAME or --config FILE");
    filter(&["--plugin", "atl06", "--granule", "*"])
        .fails_with(2, "a pipeline is for --polygon, --bbox and --shard; leave it out");
    let said = filter(&["--plugin", "atl06_polar", "--bbox", "0,-80,1,-79"]).exits(1);
    assert!(
        said.err.starts_with("zagg: error: map.json: the shard map was built for another grid"),
        "{said:?}"
    );
    filter(&["--plugin", "atl06", "--shard", "nonsense"]).exits(1);
    let said = bench.zagg(&["catalog", "stats", "none.json"]).exits(1);
    assert!(said.err.contains("none.json"), "{said:?}");
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn a_map_is_counted() {
    let bench = Bench::with_map();
    let said = bench.zagg(&["catalog", "stats", "map.json", "--format", "json"]).exits(0).json();
    let plain = bench.zagg(&["inspect", "map.json", "--format", "json"]).exits(0).json();
    for key in ["granules", "shards", "pairs"] {
        assert_eq!(said[key], plain[key], "{key}");
    }
    assert_eq!(said["addresses"]["file"], 3);
    assert_eq!(said["versions"], json!({"ATL06 006": 3}));
    let bytes: u64 =
        NAMES.iter().map(|name| bench.path(&format!("granules/{name}")).metadata().unwrap().len()).sum();
    assert_eq!(said["bytes"], bytes);
    let text = bench.zagg(&["catalog", "stats", "map.json"]).exits(0).out;
    for line in ["granules per shard", "shards per granule", "ATL06 006: 3", "3, on this machine"] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[test]
fn subcommands_and_flags_do_not_mix() {
    let bench = Bench::empty();
    bench.zagg(&["catalog", "--plugin", "atl06", "stats", "map.json"]).exits(2);
    let help = bench.zagg(&["catalog", "--help"]).exits(0).out;
    for word in ["merge", "filter", "stats", "--from-files", "--cycle", "--polygon", "--catalog-out"] {
        assert!(help.contains(word), "{word}");
    }
}
