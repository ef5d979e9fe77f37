//! Granules that are broken, incomplete or gone when the run wants them.

use serde_json::Value;

use crate::bench::{Bench, Ended, NAMES, bytes, spec};

/// Checks that a run has a hole in the first granule, everywhere and only there, and gives the program's outcome.
#[track_caller]
fn has_a_hole(bench: &Bench, part: Option<&str>, reason: &str) -> Ended {
    let said = bench.run(&["--format", "json"]).exits(3);
    let granule = match part {
        None => format!("granule {}: ", NAMES[0]),
        Some(part) => format!("granule {} part {part}: ", NAMES[0]),
    };
    said.warns(&["hole in ", &granule, reason]);
    let summary = said.json();
    let holes = summary["holes"].as_array().unwrap();
    assert_eq!(holes.len(), 1, "{holes:?}");
    assert_eq!(holes[0][0]["granule"], NAMES[0]);
    assert_eq!(holes[0][0]["part"], part.map_or(Value::Null, Value::from));
    assert_eq!(summary["state"], "incomplete");
    assert_eq!(summary["shards_failed"], 0);
    assert_eq!(summary["shards_incomplete"], holes[0][1]);
    assert!(summary["shards_done"].as_u64().unwrap() > 0, "shards that never list it are done: {summary:#}");
    assert!(summary["rows_kept"].as_u64().unwrap() > 0, "the other granules are still used");
    assert_eq!(bench.state(), "incomplete");
    // The records say which shards have to be done again.
    let mut incomplete = 0;
    for record in bench.tree("out.zarr.zagg/shards").into_values() {
        let record: Value = serde_json::from_slice(&record).unwrap();
        if record["status"] == "incomplete" {
            assert_eq!(record["holes"][0]["granule"], NAMES[0], "{record:#}");
            incomplete += 1;
        }
    }
    assert_eq!(holes[0][1], incomplete);
    assert!(!bench.exists("out.zarr.zagg/lock"));
    said
}

/// The bytes of an undisturbed run.
fn undisturbed() -> std::collections::BTreeMap<String, Vec<u8>> {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    bench.tree("out.zarr")
}

#[test]
fn a_granule_that_is_gone_is_a_hole_until_it_is_back() {
    let bench = Bench::with_map();
    let name = format!("granules/{}", NAMES[0]);
    bench.remove(&name);
    has_a_hole(&bench, None, "No such file");
    bench.write(&name, bytes(0));
    let summary = bench.summary(0, &[]);
    assert_eq!(summary["state"], "complete");
    assert_eq!(bench.tree("out.zarr"), undisturbed());
}

#[test]
fn a_granule_that_is_no_longer_hdf5_is_a_hole() {
    let bench = Bench::with_map();
    bench.write(&format!("granules/{}", NAMES[0]), "<html>please log in</html>");
    has_a_hole(&bench, None, "not an HDF5 file");
}

#[test]
fn a_truncated_granule_is_a_hole() {
    let bench = Bench::with_map();
    let whole = bytes(0);
    bench.write(&format!("granules/{}", NAMES[0]), &whole[..whole.len() - 1]);
    has_a_hole(&bench, None, "truncated");
}

#[test]
fn damage_inside_a_granule_is_a_hole_or_touches_nothing_that_was_asked_for() {
    let bench = Bench::with_map();
    let (whole, sound) = (bytes(0), undisturbed());
    let (mut holes, stretches) = (0, 24);
    for number in 1..stretches {
        let mut broken = whole.to_vec();
        let at = number * whole.len() / stretches;
        broken[at..at + 64].iter_mut().for_each(|byte| *byte = !*byte);
        bench.write(&format!("granules/{}", NAMES[0]), broken);
        let said = bench.run(&["--overwrite"]);
        if said.code == Some(0) {
            assert_eq!(bench.tree("out.zarr"), sound, "damage at byte {at} went unnoticed");
        } else {
            said.exits(3).warns(&["hole in ", &format!("granule {}", NAMES[0])]);
            assert_eq!(bench.state(), "incomplete");
            holes += 1;
        }
    }
    assert!(holes > stretches / 4, "{holes}");
}

#[test]
fn all_granules_gone_and_back_again() {
    let bench = Bench::with_map();
    for name in NAMES {
        bench.remove(&format!("granules/{name}"));
    }
    let summary = bench.summary(3, &[]);
    assert_eq!((&summary["rows_read"], &summary["shards_done"]), (&0.into(), &0.into()));
    assert_eq!(summary["holes"].as_array().unwrap().len(), 3);
    for (number, name) in NAMES.iter().enumerate() {
        bench.write(&format!("granules/{name}"), bytes(number));
    }
    assert_eq!(bench.summary(0, &[])["state"], "complete");
    assert_eq!(bench.tree("out.zarr"), undisturbed());
}

/// Without attributes in the pipeline arrays take those of the granules, which a first run may not be able to read.
#[test]
fn attributes_of_granules_come_when_granules_do() {
    let bench = Bench::with_map();
    bench.write("original.yaml", crate::pipelines::original());
    let run = ["run", "--config", "original.yaml", "--catalog", "map.json", "--store", "out.zarr"];
    let units = || bench.json("out.zarr/12/h_mean/zarr.json")["attributes"]["units"].clone();
    for name in NAMES {
        bench.remove(&format!("granules/{name}"));
    }
    bench.zagg(&run).exits(3);
    assert_eq!(units(), Value::Null);
    for (number, name) in NAMES.iter().enumerate() {
        bench.write(&format!("granules/{name}"), bytes(number));
    }
    bench.zagg(&run).exits(0);
    assert_eq!(units(), "meters");
}

#[test]
fn absent_beams_and_groups_are_no_fault() {
    let bench = Bench::with_granules();
    let mut one = spec(0);
    one.beams.retain(|beam| beam != "gt1l");
    one.without = vec!["gt2l/land_ice_segments".into()];
    bench.make(&one);
    assert_eq!(bench.catalog().exits(0).err, "");
    let said = bench.run(&[]).exits(0);
    assert_eq!(said.err, "");
    assert_eq!(bench.state(), "complete");
    let report = bench.json("out.zarr.zagg/report.json");
    let absent = report["tasks"].as_array().unwrap().iter().map(|t| t["parts_absent"].as_u64().unwrap());
    let lists = bench.json("map.json").to_string().matches(NAMES[0]).count();
    assert!(lists > 0);
    // The id and the path name it.
    assert_eq!(absent.sum::<u64>(), 2 * (lists as u64 / 2));
}

#[test]
fn a_beam_that_lacks_a_dataset_is_a_hole_with_its_name() {
    for missing in ["h_li", "h_li_sigma", "atl06_quality_summary"] {
        let bench = Bench::with_granules();
        let mut one = spec(0);
        one.without = vec![format!("gt2r/land_ice_segments/{missing}")];
        bench.make(&one);
        // Its positions are sound, so the catalog has no quarrel with it.
        bench.catalog().exits(0);
        has_a_hole(&bench, Some("gt2r"), missing);
    }
}

#[test]
fn a_beam_that_lost_a_coordinate_is_a_hole_with_its_name() {
    let bench = Bench::with_map();
    let mut one = spec(0);
    one.without = vec!["gt3l/land_ice_segments/longitude".into()];
    bench.make(&one);
    has_a_hole(&bench, Some("gt3l"), "longitude");
}

#[test]
fn a_granule_without_an_address_is_refused_before_anything_runs() {
    let bench = Bench::with_map();
    bench.edit_map(|map| {
        for granule in
            map["granules"].as_array_mut().unwrap().iter_mut().flat_map(|g| g.as_array_mut().unwrap())
        {
            if granule["id"] == NAMES[1] {
                let granule = granule.as_object_mut().unwrap();
                granule.remove("file");
                granule.insert("https".into(), "ftp://example.org/a.h5".into());
            }
        }
    });
    bench.run(&[]).fails_with(
        1,
        &format!(
            "granule {} has no s3 href and no local file; it has https: choose it with --driver",
            NAMES[1]
        ),
    );
    // An address that cannot be read is refused as early.
    bench.run(&["--driver", "https"]).fails_with(
        1,
        &format!(
            "granule {}: unknown scheme in \"ftp://example.org/a.h5\"; give a path, file://, https:// or s3://",
            NAMES[1]
        ),
    );
    assert_eq!(bench.names(), ["granules", "map.json"]);
}
