//! `zagg demo`: the first thing a user tries.

use crate::bench::Bench;

#[test]
fn the_demo_works_twice_and_what_it_tells_to_type_works_too() {
    let bench = Bench::empty();
    let said = bench.zagg(&["demo"]).exits(0);
    assert_eq!(bench.names(), ["zagg-demo"]);
    let state = &bench.json("zagg-demo/out.zarr/zarr.json")["attributes"]["zagg"]["state"];
    assert_eq!(state, "complete");
    let (map, store) =
        (std::fs::read(bench.path("zagg-demo/map.json")).unwrap(), bench.tree("zagg-demo/out.zarr"));

    let mut typed = 0;
    for line in said.out.lines().filter_map(|line| line.trim().strip_prefix("zagg ")) {
        // The shell's quotes around a pattern.
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
        bench.zagg(&words).exits(0);
        typed += 1;
    }
    assert!(typed >= 3, "{}", said.out);
    assert_eq!(std::fs::read(bench.path("zagg-demo/map.json")).unwrap(), map);
    assert_eq!(bench.tree("zagg-demo/out.zarr"), store);

    let summary = bench.zagg(&["demo", "--format", "json"]).exits(0).json();
    assert_eq!(summary["state"], "complete");
    assert_eq!(bench.tree("zagg-demo/out.zarr"), store);
}

#[test]
fn a_demo_that_cannot_be_written_says_where() {
    let bench = Bench::empty();
    bench.write("plain", "a file");
    let said = bench.zagg(&["demo", "--output", "plain"]).exits(1);
    assert!(said.err.starts_with("zagg: error: plain/granules: "), "{said:?}");
    assert_eq!(bench.names(), ["plain"]);
}
