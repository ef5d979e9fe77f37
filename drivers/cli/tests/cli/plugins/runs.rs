//! Whole runs through libraries.

use std::collections::BTreeMap;

use super::{granule, library, sum_of, text};
use crate::bench::{Bench, Ended};

/// Catalogues and runs granules of points, and gives the summary of the run.
fn bench_of_points(seeds: &[u32]) -> Bench {
    let bench = Bench::empty();
    for seed in seeds {
        bench.write(&format!("granules/{seed}.pts"), granule(*seed));
    }
    bench
}

/// Files of chunks: what is computed, without what describes it.
fn chunks(bench: &Bench, store: &str) -> BTreeMap<String, Vec<u8>> {
    bench.tree(store).into_iter().filter(|(name, _)| !name.ends_with("zarr.json")).collect()
}

const POINTS: &str = "--plugin=test-points";

#[test]
fn a_run_whose_every_part_is_in_a_library_ends_in_a_sound_store() {
    let bench = bench_of_points(&[1, 4]);
    let path = library("sound");
    let plugins = ["--plugin-path", text(&path)];
    let zagg = |arguments: &[&str]| bench.zagg(&[arguments, &plugins].concat());
    zagg(&["catalog", POINTS, "--from-files", "granules/*.pts", "--output", "map.json"]).exits(0);
    let run = ["run", POINTS, "--catalog", "map.json", "--store", "out.zarr", "--format", "json"];
    let summary = zagg(&run).exits(0).json();
    assert_eq!((&summary["state"], &summary["rows_read"]), (&"complete".into(), &1200.into()));
    let sound = zagg(&["validate", "out.zarr"]).exits(0).out;
    assert!(sound.contains(": sound; "), "{sound}");
    zagg(&["finalize", "out.zarr"]).exits(0);
    zagg(&["inspect", "granules/1.pts", POINTS]).exits(0);
    // Without the library a store of its grid is told of, and left alone.
    let ended = bench.zagg(&["finalize", "out.zarr"]);
    assert!(ended.err.contains("there is no grid \"test-grid\""), "{}", ended.err);
    ended.exits(1);
    assert!(sum_of(1) + sum_of(4) > 0.0);
}

#[test]
fn a_worker_is_told_which_library_it_lacks() {
    let bench = bench_of_points(&[1, 4]);
    let path = library("sound");
    let with = |arguments: &[&str]| bench.command(arguments).env("ZAGG_PLUGIN_PATH", &path).output().unwrap();
    let zagg = |arguments: &[&str]| Ended::of(with(arguments));
    zagg(&["catalog", POINTS, "--from-files", "granules/*.pts", "--output", "map.json"]).exits(0);
    zagg(&["run", POINTS, "--catalog", "map.json", "--store", "whole.zarr"]).exits(0);
    zagg(&["plan", POINTS, "--catalog", "map.json", "--store", "out.zarr"]).exits(0);
    let worker = ["worker", "--plan", "out.zarr.zagg/work", "--index", "0", "--of", "1"];
    let said = bench.zagg(&worker).exits(1);
    assert!(said.err.contains("the plan needs the plugin zagg-test-plugins 0."), "{said:?}");
    assert!(said.err.contains("--plugin-path or in ZAGG_PLUGIN_PATH"), "{said:?}");
    zagg(&worker).exits(0);
    zagg(&["finalize", "--plan", "out.zarr.zagg/work"]).exits(0);
    assert!(bench.tree("out.zarr") == bench.tree("whole.zarr"));
}

const LINKED: &str = "
data_source: {reader: atl06, variables: {h_li: '/{group}/land_ice_segments/h_li'}}
aggregation:
  variables:
    mean: {function: mean, source: h_li}
    median: {function: median, source: h_li}
output: {grid: {type: healpix, parent_order: 6, child_order: 10, levels: [10, 9, 4]}}
";

#[test]
fn a_run_through_a_library_writes_what_the_same_plugins_write_when_linked_in() {
    let bench = Bench::with_granules();
    let path = library("sound");
    let shared = LINKED
        .replace("reader: atl06", "reader: shared-atl06")
        .replace("function: mean", "function: shared-mean")
        .replace("function: median", "function: shared-median")
        .replace("type: healpix", "type: shared-healpix");
    bench.write("linked.yaml", LINKED);
    bench.write("shared.yaml", shared);
    for name in ["linked", "shared"] {
        let (config, map, store) = (format!("{name}.yaml"), format!("{name}.json"), format!("{name}.zarr"));
        let zagg = |arguments: &[&str]| {
            let plugins = ["--config", &config, "--plugin-path", text(&path)];
            bench.zagg(&[arguments, &plugins].concat()).exits(0)
        };
        zagg(&["catalog", "--from-files", "granules/*.h5", "--output", &map]);
        zagg(&["run", "--catalog", &map, "--store", &store]);
    }
    let (linked, shared) = (chunks(&bench, "linked.zarr"), chunks(&bench, "shared.zarr"));
    assert!(linked.len() > 6, "{:?}", linked.keys());
    assert_eq!(linked.keys().collect::<Vec<_>>(), shared.keys().collect::<Vec<_>>());
    assert!(linked == shared, "the chunks differ");
}

#[test]
fn wrong_results_never_reach_the_store() {
    let bench = bench_of_points(&[1]);
    let (sound, faulty) = (library("sound"), library("faulty"));
    let plugins = ["--plugin-path", text(&sound), "--plugin-path", text(&faulty)];
    let zagg = |arguments: &[&str]| bench.zagg(&[arguments, &plugins].concat());
    zagg(&["catalog", POINTS, "--from-files", "granules/*.pts", "--output", "map.json"]).exits(0);
    for (number, (layer, method)) in [
        ("aggregation: {variables: {height_sum: {function: short-sum, source: height, dtype: float64}}}", "Statistic::reduce"),
        ("aggregation: {variables: {height_sum: {function: mistyped-sum, source: height, dtype: float64}}}", "Statistic::reduce"),
        ("data_source: {reader: panicking-source}", "a panic in PointSource::open"),
        ("data_source: {reader: short-source}", "OpenGranule::read"),
        ("output: {grid: {type: panicking-grid}}", "a panic in Grid::locate"),
        ("output: {grid: {type: stray-grid}}", "Grid::shards_of"),
        ("output: {grid: {type: nameless-grid}}", "Grid::cell_coordinate"),
    ]
    .into_iter()
    .enumerate()
    {
        let (config, store) = (format!("{number}.yaml"), format!("{number}.zarr"));
        bench.write(&config, layer);
        let ended = zagg(&["run", POINTS, "--config", &config, "--catalog", "map.json", "--store", &store]);
        assert!(ended.code == Some(1) || ended.code == Some(3), "{layer}: {ended:?}");
        let told = format!("{}{}", ended.err, ended.out);
        assert!(told.contains("plugin zagg-test-plugins 0.") && told.contains(method), "{layer}: {told}");
        let written = chunks(&bench, &store);
        let of_sum = written.keys().filter(|name| name.contains("height_sum")).count();
        assert_eq!(of_sum, 0, "{layer}: {:?}", written.keys());
    }
}
