//! Rows that no cell can count are told, not lost.

use crate::bench::{Bench, NAMES, spec};

#[test]
fn positions_that_are_none_are_counted() {
    let bench = Bench::with_granules();
    let mut one = spec(0);
    one.bad_positions = 8;
    bench.make(&one);
    bench.catalog().exits(0);
    let summary = bench.summary(0, &[]);
    assert_eq!(summary["rows_bad_position"], 6 * 8);
    assert_eq!(summary["rows_unassigned"], 0);
    assert_eq!(summary["state"], "complete");
    let text = bench.run(&[]).exits(0).out;
    assert!(text.contains("48 without a position"), "{text}");
}

#[test]
fn every_row_with_a_position_is_read_exactly_once() {
    let bench = Bench::with_map();
    let rows = |number: usize| -> u64 {
        let path = format!("granules/{}", NAMES[number]);
        let said = bench.zagg(&["inspect", &path, "--format", "json"]).exits(0).json();
        said["parts"].as_array().unwrap().iter().map(|part| part["rows"].as_u64().unwrap()).sum()
    };
    assert_eq!(bench.summary(0, &[])["rows_read"], rows(0) + rows(1) + rows(2));
}

#[test]
fn rows_in_a_shard_that_does_not_list_their_granule_are_warned_about() {
    let bench = Bench::with_map();
    let whole = bench.summary(0, &[]);
    // The shard with most granules forgets the first of them.
    bench.edit_map(|map| {
        let lists =
            map["granules"].as_array_mut().unwrap().iter_mut().map(|list| list.as_array_mut().unwrap());
        let list = lists.max_by_key(|list| list.len()).unwrap();
        assert!(list.len() > 1);
        assert_eq!(list.remove(0)["id"], NAMES[0]);
    });
    let said = bench.run(&["--format", "json"]).exits(0);
    said.warns(&[
        &format!("granule {}: ", NAMES[0]),
        "rows lie in shards that do not list it; build the shard map again to count them",
    ]);
    let summary = said.json();
    let unassigned = summary["rows_unassigned"].as_u64().unwrap();
    assert!(unassigned > 0);
    assert_eq!(
        summary["rows_read"].as_u64().unwrap() + unassigned,
        whole["rows_read"].as_u64().unwrap(),
        "what is not read is exactly what is warned about"
    );
    assert!(bench.run(&[]).out.contains(" in shards that do not list their granule"));
}

#[test]
fn a_map_that_contradicts_itself_is_refused() {
    let bench = Bench::with_map();
    let original = bench.json("map.json");
    let key = &original["shard_keys"][0];
    let id = original["granules"][0][0]["id"].as_str().unwrap().to_string();

    bench.edit_map(|map| {
        let again = map["granules"][0][0].clone();
        map["granules"][0].as_array_mut().unwrap().push(again);
    });
    bench.run(&[]).fails_with(1, &format!("map.json: shard {key} lists granule {id} twice"));

    bench.write("map.json", original.to_string());
    bench.edit_map(|map| {
        let list = map["granules"].as_array_mut().unwrap().iter_mut().rev();
        let mut found = list.flat_map(|list| list.as_array_mut().unwrap()).filter(|g| g["id"] == id.as_str());
        found.next().unwrap()["file"] = "/elsewhere/a.h5".into();
    });
    bench.run(&[]).fails_with(
        1,
        &format!(
            "map.json: granule {id} stands for different files in different shards; ids are file names and must be unique"
        ),
    );

    bench.write("map.json", original.to_string());
    bench.edit_map(|map| map["shard_keys"][1] = map["shard_keys"][0].clone());
    bench.run(&[]).fails_with(1, &format!("map.json: shard key {key} stands twice"));

    bench.write("map.json", original.to_string());
    bench.edit_map(|map| map["shard_keys"][0] = 1.into());
    let said = bench.run(&[]).exits(1);
    assert!(said.err.starts_with("zagg: error: the shard map: "), "{said:?}");

    bench.write("map.json", "{}");
    bench.run(&[]).fails_with(
        1,
        "map.json: missing required key 'grid_signature'; this is not a shard map, make one with zagg catalog",
    );

    bench.write("map.json", "{\"metadata\": ");
    let said = bench.run(&[]).exits(1);
    assert!(said.err.starts_with("zagg: error: map.json: not a shard map: "), "{said:?}");
    assert_eq!(said.err.lines().count(), 1);
    assert_eq!(bench.names(), ["granules", "map.json"]);
}
