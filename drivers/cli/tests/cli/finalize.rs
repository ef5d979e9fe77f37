//! `zagg finalize`: levels and state from what lies beside the store, and copies in other chunks.

use std::fs;

use zagg_core::Values;
use zagg_core::store::Store;
use zagg_zarr::ZarrStore;

use crate::bench::Bench;

const LEVELS: &str = "output:\n  grid:\n    levels: [12, 9, 6, 3]\n";

fn with_levels() -> Bench {
    let bench = Bench::with_map();
    bench.write("levels.yaml", LEVELS);
    bench.run(&["--config", "levels.yaml"]).exits(0);
    bench
}

#[test]
fn the_levels_are_made_again_from_what_lies_beside_the_store_alone() {
    let bench = with_levels();
    let store = bench.tree("out.zarr");
    // Neither granules nor map nor pipeline are needed.
    fs::remove_dir_all(bench.path("granules")).unwrap();
    bench.remove("map.json");
    bench.remove("levels.yaml");
    for name in ["out.zarr/9/h_mean/c/0", "out.zarr/3/count/c/0"] {
        bench.remove(name);
    }
    bench.write("out.zarr/6/h_min/c/0", "damaged");
    bench.zagg(&["validate", "out.zarr"]).exits(3);
    let said = bench.zagg(&["finalize", "out.zarr"]).exits(0);
    assert!(said.out.contains("out.zarr (complete)"), "{}", said.out);
    assert_eq!(said.err, "");
    assert_eq!(bench.tree("out.zarr"), store, "the same bytes");
    bench.zagg(&["validate", "out.zarr"]).exits(0);

    let json = bench.zagg(&["finalize", "out.zarr", "--format", "json"]).exits(0).json();
    assert_eq!((&json["state"], &json["shards"]), (&"complete".into(), &json["shards_done"]));
    let levels: Vec<u64> =
        json["levels"].as_array().unwrap().iter().map(|level| level["level"].as_u64().unwrap()).collect();
    assert_eq!(levels, [12, 9, 6, 3]);
    assert!(json["levels"][3]["left_out"].as_array().unwrap().iter().any(|name| name == "h_q50"), "{json:#}");
    assert!(json["written"]["objects"].as_u64().unwrap() > 0);
    assert_eq!(bench.tree("out.zarr"), store);
    assert!(!bench.exists("out.zarr.zagg/lock"));
}

#[test]
fn a_store_that_is_not_complete_is_named_so() {
    let bench = Bench::with_map();
    bench.write("levels.yaml", LEVELS);
    bench.run(&["--config", "levels.yaml", "--max-cells", "1"]).exits(0);
    let shards = bench.json("map.json")["shard_keys"].as_array().unwrap().len();
    let said = bench.zagg(&["finalize", "out.zarr", "--rechunk", "65536", "--to", "copy.zarr"]).exits(3);
    assert!(said.out.contains("out.zarr (incomplete)"), "{}", said.out);
    assert_eq!(
        said.err.lines().filter(|line| line.ends_with(": not run")).count(),
        shards - 1,
        "{}",
        said.err
    );
    said.warns(&["no copy was made"]);
    assert!(!bench.exists("copy.zarr"));
    let json = bench.zagg(&["finalize", "out.zarr", "--format", "json"]).exits(3).json();
    assert_eq!(json["shards_not_done"].as_array().unwrap().len(), shards - 1);
    assert_eq!(json["shards_not_done"][0][1], "not run");
}

#[test]
fn what_cannot_be_finalized_is_refused_and_left_alone() {
    let bench = with_levels();
    let store = bench.tree("out.zarr");
    bench.zagg(&["finalize", "nowhere.zarr"]).fails_with(1, "there is no zagg store at nowhere.zarr");
    // Somebody else is at it.
    let lock = r#"{"pid": 1, "host": "elsewhere", "started": "1", "number": 0}"#;
    bench.write("out.zarr.zagg/lock", lock);
    let said = bench.zagg(&["finalize", "out.zarr"]).exits(75);
    assert!(said.err.contains(" is writing to it; wait for that run"), "{said:?}");
    bench.remove("out.zarr.zagg/lock");

    let plan = fs::read(bench.path("out.zarr.zagg/plan.json")).unwrap();
    let text = String::from_utf8(plan.clone()).unwrap();
    for (changed, message) in [
        ("{".to_string(), "plan.json beside the store: is no JSON"),
        ("[".repeat(100_000), "plan.json beside the store: is no JSON"),
        ("{}".to_string(), "version null is not known"),
        (text.replace("\"version\": 1", "\"version\": 2"), "version 2 is not known"),
        (text.replace("_01.h5\"", "_02.h5\""), ""),
        (text.replace("\"levels\": [", "\"levels\": [99,"), "99"),
        (text.replace("h_min", "h_other"), "hash"),
    ] {
        bench.write("out.zarr.zagg/plan.json", &changed);
        let said = bench.zagg(&["finalize", "out.zarr"]);
        if message.is_empty() {
            // The granules do not make the store: its shards count as made from others.
            assert!(said.exits(3).err.contains("made from other granules"));
            bench.write("out.zarr.zagg/plan.json", &plan);
            bench.zagg(&["finalize", "out.zarr"]).exits(0);
            continue;
        }
        let said = said.exits(1);
        assert!(said.err.contains(message) && said.err.lines().count() == 1, "{message}: {said:?}");
        assert_eq!(bench.tree("out.zarr"), store);
    }
    bench.remove("out.zarr.zagg/plan.json");
    let said = bench.zagg(&["finalize", "out.zarr"]).exits(1);
    assert!(said.err.contains("there is no plan.json beside it"), "{said:?}");
    // Without any record the coarser levels would be wiped.
    bench.write("out.zarr.zagg/plan.json", &plan);
    fs::remove_dir_all(bench.path("out.zarr.zagg/shards")).unwrap();
    let said = bench.zagg(&["finalize", "out.zarr"]).exits(1);
    assert!(said.err.contains("nothing was changed"), "{said:?}");
    assert_eq!(bench.tree("out.zarr"), store);
}

#[test]
fn damaged_records_end_it_with_their_name() {
    let bench = with_levels();
    let shards = bench.shards_of_records();
    let name = format!("out.zarr.zagg/levels/{}.bin", shards[0]);
    let mut bytes = fs::read(bench.path(&name)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bench.write(&name, &bytes);
    let said = bench.zagg(&["finalize", "out.zarr"]).exits(3);
    assert!(said.err.contains(&format!("levels/{}.bin", shards[0])), "{said:?}");
    assert_eq!(bench.state(), "open", "what may be half written is not called finished");
    bench.run(&["--config", "levels.yaml", "--shard", &shards[0]]).exits(0);
    assert_eq!(bench.state(), "complete");
}

#[test]
fn a_copy_in_other_chunks_has_the_same_values() {
    let bench = with_levels();
    let before = bench.tree("out.zarr");
    let said = bench.zagg(&["finalize", "out.zarr", "--rechunk", "16384", "--to", "copy.zarr"]).exits(0);
    assert!(said.out.contains("copy.zarr: "), "{}", said.out);
    assert_eq!(bench.tree("out.zarr"), before);
    let inspect = |store: &str| bench.zagg(&["inspect", store, "--format", "json"]).exits(0).json();
    let (old, new) = (inspect("out.zarr"), inspect("copy.zarr"));
    assert_eq!((&new["state"], &new["consolidated"]), (&"complete".into(), &true.into()));
    for (old, new) in old["groups"].as_array().unwrap().iter().zip(new["groups"].as_array().unwrap()) {
        assert_eq!(old["name"], new["name"]);
        for (old, new) in old["arrays"].as_array().unwrap().iter().zip(new["arrays"].as_array().unwrap()) {
            for key in ["name", "dtype", "shape", "cells_with_value", "min", "max", "attributes"] {
                assert_eq!(old[key], new[key], "{}", old["name"]);
            }
        }
    }
    let count = new["groups"][0]["arrays"].as_array().unwrap().iter().find(|a| a["name"] == "count").unwrap();
    assert_eq!(count["block_shape"][0], 16384);
    // A copy has no plan; what it holds is checked all the same.
    bench.zagg(&["validate", "copy.zarr"]).exits(0);
    let copy = ZarrStore::open_path(&bench.path("copy.zarr")).unwrap();
    let Values::UInt64(mut ids) = copy.read_block("12", "cell_ids", &[0]).unwrap() else { panic!("not ids") };
    ids.swap(7, 8);
    copy.write_block("12", "cell_ids", &[0], &Values::UInt64(ids)).unwrap();
    let said = bench.zagg(&["validate", "copy.zarr"]).exits(3);
    assert!(format!("{said:?}").contains("1 ids are not greater than the one before; the first at place 8"));
    // Not into the store either, by whatever way.
    for place in ["out.zarr/copy", "absent/../out.zarr/copy"] {
        let said = bench.zagg(&["finalize", "out.zarr", "--rechunk", "1024", "--to", place]).exits(1);
        assert!(said.err.contains("inside it or around it"), "{said:?}");
    }
    assert_eq!(bench.tree("out.zarr"), before);
    bench.zagg(&["finalize", "out.zarr", "--rechunk", "0", "--to", "x"]).exits(2);
    bench.zagg(&["finalize", "out.zarr", "--rechunk", "16384"]).exits(2);
    // A store that was given away can be copied, not finalized.
    fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    bench.zagg(&["finalize", "out.zarr", "--rechunk", "8192", "--to", "second.zarr"]).exits(0);
    bench.zagg(&["finalize", "out.zarr"]).exits(1);
}

#[test]
fn levels_are_listed_finest_first() {
    let bench = with_levels();
    let text = bench.zagg(&["inspect", "out.zarr"]).exits(0).out;
    let places: Vec<usize> = ["12/h_mean", " 9/h_mean", " 6/h_mean", " 3/h_mean"]
        .iter()
        .map(|name| text.find(name).unwrap_or_else(|| panic!("{name}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    let said = bench.zagg(&["inspect", "out.zarr", "--format", "json"]).exits(0).json();
    let levels: Vec<&serde_json::Value> =
        said["groups"].as_array().unwrap().iter().map(|group| &group["level"]).collect();
    assert_eq!(levels, [12, 9, 6, 3]);
    let shards = bench.shards_of_records().len();
    assert_eq!(
        (&said["groups"][0]["cells"], &said["groups"][2]["cells"]),
        (&(shards * 4096).into(), &shards.into())
    );
}
