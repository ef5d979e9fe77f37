//! `zagg catalog`: what cannot be catalogued, and what is written then.

use crate::bench::{Bench, NAMES, bytes, spec};

fn catalog(bench: &Bench, more: &[&str]) -> crate::bench::Ended {
    let start = ["catalog", "--plugin", "atl06", "--output", "map.json"];
    bench.zagg(&[&start, more].concat())
}

#[test]
fn the_map_lists_every_granule_and_says_so() {
    let bench = Bench::with_granules();
    let said = catalog(&bench, &["--from-files", "granules", "--format", "json"]).exits(0);
    assert_eq!(said.err, "");
    let said = said.json();
    assert_eq!(said["granules"], 3);
    assert_eq!(said["shard_map"], "map.json");
    assert_eq!(said["grid_signature"]["type"], "healpix");
    for key in ["shards", "pairs"] {
        assert!(said[key].as_u64().unwrap() > 3, "{key}");
    }
    for key in ["min", "median", "max"] {
        assert!(said["granules_per_shard"][key].is_number(), "{key}");
    }
    let map = bench.json("map.json");
    assert_eq!(map["shard_keys"].as_array().unwrap().len() as u64, said["shards"].as_u64().unwrap());
    let first = &map["granules"][0][0];
    let path = bench.path("granules").join(first["id"].as_str().unwrap());
    assert_eq!(first["file"].as_str().unwrap(), path.canonicalize().unwrap().to_str().unwrap());
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn the_same_files_give_the_same_map_however_they_are_named() {
    let bench = Bench::with_map();
    let first = std::fs::read(bench.path("map.json")).unwrap();
    let paths: Vec<String> = NAMES.iter().rev().map(|name| format!("granules/{name}")).collect();
    let mut more = vec!["--from-files"];
    more.extend(paths.iter().map(String::as_str));
    catalog(&bench, &more).exits(0);
    assert_eq!(std::fs::read(bench.path("map.json")).unwrap(), first);
}

#[test]
fn a_pattern_without_files_is_refused_and_nothing_is_written() {
    let bench = Bench::empty();
    catalog(&bench, &["--from-files", "none/*.h5"]).fails_with(1, "none/*.h5: no file matches");
    catalog(&bench, &["--from-files", "none.h5"]).fails_with(1, "none.h5: no file matches");
    catalog(&bench, &["--from-files", "https://host/*.h5"]).fails_with(
        1,
        "https://host/*.h5: servers cannot be listed; give files, folders, patterns or s3://bucket/prefix",
    );
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn two_files_of_one_name_are_refused() {
    let bench = Bench::with_granules();
    bench.write(&format!("more/{}", NAMES[1]), bytes(1));
    let said = catalog(&bench, &["--from-files", "granules", "more"]).exits(1);
    let name = NAMES[1];
    assert_eq!(
        said.err,
        format!(
            "zagg: error: two files have the name {name}: {} and {}; names identify granules and must be unique\n",
            bench.path(&format!("granules/{name}")).display(),
            bench.path(&format!("more/{name}")).display()
        )
    );
    assert!(!bench.exists("map.json"));
}

/// Checks the refusal over one bad granule, and the map without it that the user may ask for.
fn one_is_bad(content: &[u8], reason: &str) {
    let bench = Bench::with_granules();
    bench.write(&format!("granules/{}", NAMES[0]), content);
    let said = bench.catalog().exits(3);
    said.warns(&[&format!("granule {}: ", NAMES[0]), reason]);
    let last = said.err.lines().last().unwrap();
    assert_eq!(
        last,
        "zagg: error: map.json not written: 1 thing could not be read; mend or remove what is named above, or give \
         --allow-incomplete"
    );
    assert_eq!((said.out.as_str(), said.err.lines().count()), ("", 2), "{said:?}");
    assert_eq!(bench.names(), ["granules"]);

    let said = catalog(&bench, &["--from-files", "granules", "--allow-incomplete"]).exits(3);
    said.warns(&[NAMES[0]]);
    let map = bench.json("map.json").to_string();
    assert!(!map.contains(NAMES[0]) && map.contains(NAMES[1]) && map.contains(NAMES[2]));
    bench.run(&[]).exits(0);
}

#[test]
fn a_file_that_is_not_hdf5_is_named() {
    one_is_bad(b"<html>please log in</html>", "not an HDF5 file");
}

#[test]
fn an_empty_file_is_named() {
    one_is_bad(b"", "not an HDF5 file");
}

#[test]
fn a_truncated_file_is_named() {
    let whole = bytes(0);
    one_is_bad(&whole[..whole.len() / 2], "truncated");
}

#[test]
fn beams_may_be_absent() {
    let bench = Bench::with_granules();
    let mut one = spec(0);
    one.beams = vec!["gt1l".into(), "gt3r".into()];
    one.without = vec!["gt3r/land_ice_segments".into()];
    bench.make(&one);
    assert_eq!(bench.catalog().exits(0).err, "");
    assert!(bench.json("map.json").to_string().contains(NAMES[0]));
}

#[test]
fn a_beam_without_one_coordinate_is_a_hole_in_the_catalog() {
    let bench = Bench::with_granules();
    let mut one = spec(0);
    one.without = vec!["gt2r/land_ice_segments/latitude".into()];
    bench.make(&one);
    let said = bench.catalog().exits(3);
    said.warns(&[NAMES[0], "part gt2r", "latitude"]);
    assert!(!bench.exists("map.json"));
    // With the other five beams it is still worth listing.
    catalog(&bench, &["--from-files", "granules", "--allow-incomplete"]).exits(3);
    assert!(bench.json("map.json").to_string().contains(NAMES[0]));
}

#[test]
fn files_without_a_row_make_no_map() {
    let bench = Bench::empty();
    let mut one = spec(0);
    one.beams.clear();
    bench.make(&one);
    bench.catalog().fails_with(1, "no granule has a row in any shard; nothing is written");
    assert_eq!(bench.names(), ["granules"]);
}

#[test]
fn a_map_that_cannot_be_written_leaves_nothing_half_done() {
    let bench = Bench::with_granules();
    bench.write("plain", "a file");
    let said = bench.zagg(&[
        "catalog",
        "--plugin",
        "atl06",
        "--from-files",
        "granules",
        "--output",
        "plain/map.json",
    ]);
    assert!(said.err.starts_with("zagg: error: plain/map.json: "), "{said:?}");
    said.exits(1);
    assert_eq!(bench.names(), ["granules", "plain"]);
    assert_eq!(std::fs::read(bench.path("plain")).unwrap(), b"a file");
}
