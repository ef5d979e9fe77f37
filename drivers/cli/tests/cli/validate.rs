//! `zagg validate`: what it says and how it ends. What it finds is tested without the program.

use crate::bench::Bench;

const LEVELS: &str = "output:\n  grid:\n    levels: [12, 9, 6, 3]\n";

#[test]
fn a_sound_store_is_called_so() {
    let bench = Bench::with_map();
    bench.write("levels.yaml", LEVELS);
    bench.run(&["--config", "levels.yaml"]).exits(0);
    let before = (bench.tree("out.zarr"), bench.tree("out.zarr.zagg"));
    let said = bench.zagg(&["validate", "out.zarr"]).exits(0);
    assert_eq!((said.err.as_str(), said.out.lines().count()), ("", 1));
    assert!(said.out.starts_with("out.zarr: sound; 4 groups, "), "{}", said.out);
    assert_eq!((bench.tree("out.zarr"), bench.tree("out.zarr.zagg")), before, "nothing is written");

    let said = bench.zagg(&["validate", "out.zarr", "--format", "json"]).exits(0).json();
    assert_eq!((&said["sound"], &said["state"]), (&true.into(), &"complete".into()));
    assert_eq!((&said["findings_total"], &said["groups"]), (&0.into(), &4.into()));
    assert_eq!(said["shards"], bench.json("map.json")["shard_keys"].as_array().unwrap().len());
    assert_eq!(said["objects"], before.0.len());
}

#[test]
fn what_is_wrong_is_named_one_line_each() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    bench.write("out.zarr/12/h_mean/c/1", "no block");
    bench.write("out.zarr/12/notes.txt", "mine");
    bench.remove("out.zarr/12/h_max/zarr.json");
    let said = bench.zagg(&["validate", "out.zarr"]).exits(3);
    let lines: Vec<&str> = said.out.lines().collect();
    for begin in [
        "12/h_mean/c/1: ",
        "12/notes.txt: is no part of the store",
        "12/h_max/zarr.json: is missing",
        "shard ",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{begin}: {}", said.out);
    }
    assert!(
        lines.last().unwrap().starts_with(&format!("out.zarr: {} findings; ", lines.len() - 1)),
        "{}",
        said.out
    );
    let json = bench.zagg(&["validate", "out.zarr", "--format", "json"]).exits(3).json();
    assert_eq!((&json["sound"], &json["findings_total"]), (&false.into(), &(lines.len() - 1).into()));
    let findings = json["findings"].as_array().unwrap();
    let block = findings.iter().find(|finding| finding["place"] == "12/h_mean/c/1").unwrap();
    assert_eq!(block["check"], "blocks");

    // The next run mends it, but for what is not its own.
    bench.run(&[]).exits(0);
    bench.zagg(&["validate", "out.zarr"]).exits(3);
    bench.remove("out.zarr/12/notes.txt");
    bench.zagg(&["validate", "out.zarr"]).exits(0);
}

#[test]
fn many_findings_are_counted_and_not_all_printed() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    for number in 0..1500 {
        bench.write(&format!("out.zarr/stray-{number}"), "");
    }
    let said = bench.zagg(&["validate", "out.zarr"]).exits(3);
    assert_eq!(said.out.lines().count(), 102);
    assert!(
        said.out.contains("\nand 1,400 more\n") && said.out.contains("out.zarr: 1,500 findings; "),
        "{}",
        said.out
    );
    let json = bench.zagg(&["validate", "out.zarr", "--format", "json"]).exits(3).json();
    assert_eq!((json["findings"].as_array().unwrap().len(), &json["findings_total"]), (1000, &1500.into()));
}

#[test]
fn what_is_no_store_is_the_users_mistake() {
    let bench = Bench::with_map();
    bench.zagg(&["validate", "out.zarr"]).fails_with(1, "there is no zagg store at out.zarr");
    bench.zagg(&["validate", "granules"]).fails_with(1, "there is no zagg store at granules");
    bench.write("other.zarr/zarr.json", r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#);
    bench
        .zagg(&["validate", "other.zarr"])
        .fails_with(1, "other.zarr is a Zarr store that zagg did not make");
    bench.zagg(&["validate"]).exits(2);
    assert_eq!(bench.names(), ["granules", "map.json", "other.zarr"], "nothing is left behind");
}

#[test]
fn an_incomplete_store_and_one_that_was_given_away() {
    let bench = Bench::with_map();
    bench.run(&["--max-cells", "1"]).exits(0);
    let shards = bench.json("map.json")["shard_keys"].as_array().unwrap().len();
    let said = bench.zagg(&["validate", "out.zarr"]).exits(3);
    assert_eq!(
        said.out.lines().filter(|line| line.ends_with(": not run")).count(),
        shards - 1,
        "{}",
        said.out
    );
    bench.run(&[]).exits(0);
    std::fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    let said = bench.zagg(&["validate", "out.zarr"]).exits(0);
    said.warns(&["no plan and no records", "levels are not checked"]);
}
