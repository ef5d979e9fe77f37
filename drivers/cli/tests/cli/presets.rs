//! Every preset through the program: two commands from granules to a store.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::bench::Bench;

/// The presets of the program, with what `zagg config list` says of them.
fn listed() -> Vec<(String, String)> {
    let said = Bench::empty().zagg(&["config", "list"]).exits(0);
    let words = |line: &str| line.trim().split_once("  ").map(|(a, b)| (a.to_string(), b.trim().to_string()));
    said.out.lines().filter_map(words).filter(|(name, _)| name != "name").collect()
}

/// A line of a file of reference values, of the form `# key value`.
fn said(golden: &str, key: &str) -> Vec<String> {
    let key = format!("# {key} ");
    golden.lines().filter_map(|line| line.strip_prefix(&key)).map(str::to_string).collect()
}

fn data() -> PathBuf {
    std::env::var_os("ZAGG_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from)
}

#[test]
fn presets_are_listed_with_what_they_are_and_shown_as_they_are() {
    let presets = listed();
    let names: Vec<&str> = presets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["atl03", "atl06", "atl06_polar", "atl08", "cryosat2", "gedi_l2a", "gedi_l4a"]);
    let bench = Bench::empty();
    for (name, description) in &presets {
        assert!(description.len() > 40, "{name}: {description:?}");
        let shown = bench.zagg(&["config", "show", name]).exits(0).out;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../configs/{name}.yaml"));
        assert_eq!(shown.trim_end(), std::fs::read_to_string(file).unwrap().trim_end());
        // What is shown stands alone, as the comment at its top says.
        bench.write("copy.yaml", &shown);
        bench.zagg(&["inspect", "copy.yaml"]).exits(0);
    }
}

#[test]
fn real_granules_become_a_store_in_two_commands() {
    for (name, _) in listed() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/goldens/{name}.csv"));
        let golden = std::fs::read_to_string(golden).unwrap();
        let granules: Vec<PathBuf> = said(&golden, "granule").iter().map(|path| data().join(path)).collect();
        if let Some(absent) = granules.iter().find(|path| !path.is_file()) {
            let note = format!("skipped: preset {name}: no granule {}; set ZAGG_TEST_DATA", absent.display());
            let _ = writeln!(std::io::stderr(), "{note}");
            continue;
        }
        let bench = Bench::empty();
        let mut catalog = vec!["catalog", "--plugin", &name, "--output", "map.json", "--from-files"];
        catalog.extend(granules.iter().map(|path| path.to_str().unwrap()));
        bench.zagg(&catalog).exits(0);
        let run =
            ["run", "--plugin", &name, "--catalog", "map.json", "--store", "out.zarr", "--workers", "2"];
        let summary = bench.zagg(&[&run[..], &["--format", "json"]].concat()).exits(0).json();
        assert_eq!(summary["state"], "complete", "{name}");
        for key in ["rows_read", "rows_kept", "cells"] {
            let want: u64 = said(&golden, key)[0].parse().unwrap();
            assert_eq!(summary[key], want, "{name}: {key}");
        }
        // A granule is inspected as the preset of its product sees it.
        let path = granules[0].to_str().unwrap();
        let seen = bench.zagg(&["inspect", path, "--format", "json"]).exits(0).json();
        let parts = seen["parts"].as_array().unwrap();
        assert!(parts.iter().any(|part| part["state"] == "present"), "{name}: {seen}");
        assert_eq!(seen["pipeline"], name.trim_end_matches("_polar"), "{seen}");
        let reads: Vec<&str> =
            seen["reads"].as_array().unwrap().iter().map(|read| read["dataset"].as_str().unwrap()).collect();
        assert!(reads.len() >= 3, "{name}: {reads:?}");
        // Names within the group of a level, and within the root; and what only a time range would need.
        let named = match name.as_str() {
            "atl03" => "/{group}/geolocation/reference_photon_lat",
            "cryosat2" => "/lat_poca_20_ku",
            _ => continue,
        };
        assert!(
            reads.contains(&named) && !reads.iter().any(|read| read.contains("time")),
            "{name}: {reads:?}"
        );
    }
}
