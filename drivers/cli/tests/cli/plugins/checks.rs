//! `zagg plugins describe` and `zagg plugins check`.

use serde_json::Value;

use super::{granule, library, text};
use crate::bench::Bench;

#[test]
fn what_a_library_offers_is_listed_and_described_with_its_origin() {
    let bench = Bench::empty();
    let path = library("sound");
    let list = bench.zagg(&["plugins", "--plugin-path", text(&path)]).exits(0).out;
    let line = list.lines().find(|line| line.contains("test-sum")).unwrap();
    assert!(line.trim_start().starts_with("statistic") && line.contains("libsound.so"), "{line}");
    assert!(list.lines().any(|line| line.contains("healpix") && line.contains("linked in")), "{list}");

    let describe = |name: &str| bench.zagg(&["plugins", "describe", name, "--plugin-path", text(&path)]);
    let points = describe("test-points").exits(0).out;
    for piece in ["source", "test-pts", "libsound.so", "preset", "height", "reader: test-points"] {
        assert!(points.contains(piece), "no {piece} in {points}");
    }
    let sum = describe("test-sum").exits(0).out;
    assert!(sum.contains("float64, one number") && sum.contains("merged from states test-sum/1"), "{sum}");
    let atl06 = bench.zagg(&["plugins", "describe", "atl06", "--format", "json"]).exits(0).json();
    let of_kind = |kind: &str| atl06.as_array().unwrap().iter().find(|r| r["kind"] == kind).unwrap();
    assert_eq!(of_kind("source")["origin"], "linked in");
    assert!(of_kind("preset")["preset"].as_str().unwrap().contains("data_source"));
    describe("test-sun").fails_with(
        1,
        "there is nothing called \"test-sun\"; did you mean \"test-sum\"?; zagg plugins lists what there is",
    );
}

#[test]
fn a_sound_library_is_found_sound() {
    let bench = Bench::with_granules();
    bench.write("a.pts", granule(3));
    let path = library("sound");
    let check = ["plugins", "check", text(&path), "--format", "json"];
    let granules = ["--granule", "test-points=a.pts", "--granule", "test-files=a.pts"];
    let report = bench.zagg(&[&check[..], &granules[..]].concat()).exits(0).json();
    assert_eq!(report["sound"], true, "{report:#}");
    assert_eq!(report["entries"].as_array().unwrap().len(), 11);
}

#[test]
fn every_planted_fault_is_found() {
    let bench = Bench::empty();
    bench.write("a.pts", granule(3));
    let path = library("faulty");
    let arguments =
        ["plugins", "check", text(&path), "--granule", "a.pts", "--timeout", "20", "--format", "json"];
    let report = bench.zagg(&arguments).exits(3).json();
    let findings = |name: &str| -> String {
        let entries = report["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["name"].as_str().unwrap().ends_with(name)).unwrap();
        entry["findings"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    };
    for (name, finding) in [
        ("panicking-source", "a panic in PointSource::open"),
        ("short-source", "OpenGranule::read gives 1 values"),
        ("mistyped-source", "announced as int16"),
        ("panicking-grid", "a panic in Grid::locate"),
        ("nameless-grid", "gives an id in cell_ids that is none"),
        ("stray-grid", "Grid::shards_of gave this shard"),
        ("short-sum", "Statistic::reduce gives 11 values for 12 groups"),
        ("mistyped-sum", "Statistic::reduce gives float32"),
        ("forgetful-sum", "merge to"),
        ("aborting-sum", "the process ended with signal 6, an abort in Statistic::reduce"),
        ("endless-sum", "the process did not end within 20 s in Statistic::reduce"),
        ("nameless-files", "gives a granule the id \\\"\\\""),
        ("lost-files", "which is no position"),
        ("panicking-files", "a panic in Catalog::search"),
        ("broken-preset", "the section aggregation is missing"),
    ] {
        let found = findings(name);
        assert!(found.contains(finding), "{name}: no {finding:?} in {found}");
    }
    assert_eq!(report["sound"], false);
}

#[test]
fn a_library_that_is_refused_is_no_finding() {
    let bench = Bench::empty();
    bench.write("libtext.so", "this is no library");
    let ended = bench.zagg(&["plugins", "check", "libtext.so"]);
    assert!(ended.err.contains("this is no shared library") && ended.err.lines().count() == 1);
    ended.exits(1);
}
