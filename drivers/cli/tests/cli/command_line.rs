//! The command line itself: help, usage, where output goes.

use std::process::Stdio;

use crate::bench::{Bench, Ended};

#[test]
fn help_and_version_are_answers() {
    let bench = Bench::empty();
    for command in [
        &["--help"][..],
        &["help"],
        &["demo", "--help"],
        &["catalog", "--help"],
        &["run", "--help"],
        &["inspect", "--help"],
        &["config", "--help"],
        &["config", "list", "--help"],
        &["config", "show", "--help"],
        &["plugins", "--help"],
        &["plugins", "list", "--help"],
    ] {
        let said = bench.zagg(command).exits(0);
        assert!(said.out.contains("Usage: zagg"), "{command:?}: {said:?}");
        assert_eq!(said.err, "", "{command:?}");
    }
    assert_eq!(bench.zagg(&["--version"]).exits(0).out, format!("zagg {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn usage_errors_exit_with_2_and_print_no_data() {
    let bench = Bench::empty();
    for command in [
        &[][..],
        &["frobnicate"],
        &["run", "--frobnicate"],
        &["run", "--format", "xml"],
        &["run", "--workers", "0"],
        &["run", "--workers", "many"],
        &["run", "--max-cells", "-1"],
        &["run", "--driver", "ftp"],
        &["catalog", "--frobnicate"],
        &["catalog", "merge", "a.json", "--output", "b.json"],
        &["catalog", "stats"],
        &["inspect"],
        &["config"],
        &["config", "show"],
    ] {
        let said = bench.zagg(command).exits(2);
        assert_eq!(said.out, "", "{command:?}");
        assert!(said.err.contains("Usage: zagg") || said.err.contains("--help"), "{command:?}: {said:?}");
    }
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn presets_and_plugins_are_listed() {
    let bench = Bench::empty();
    assert!(bench.zagg(&["config", "list"]).exits(0).out.contains("atl06"));
    assert!(bench.zagg(&["config", "show", "atl06"]).exits(0).out.contains("data_source:"));
    bench.zagg(&["config", "show", "atl07"]).exits(1);
    let plugins = bench.zagg(&["plugins", "list", "--format", "json"]).exits(0).json();
    let first = &plugins.as_array().unwrap()[0];
    for key in ["kind", "name", "aliases", "description", "plugin", "version"] {
        assert!(!first[key].is_null(), "{key}: {first}");
    }
    assert!(bench.zagg(&["plugins", "list"]).exits(0).out.contains("healpix"));
}

#[test]
fn the_summary_has_the_documented_keys() {
    let bench = Bench::with_map();
    let said = bench.run(&["--format", "json"]).exits(0);
    assert_eq!(said.err, "", "a sound run has nothing to tell but its data");
    let summary = said.json();
    for key in [
        "shards",
        "shards_done",
        "shards_incomplete",
        "shards_failed",
        "shards_not_run",
        "cells",
        "rows_read",
        "rows_kept",
        "rows_bad_position",
        "rows_unassigned",
    ] {
        assert!(summary[key].is_u64(), "{key}: {summary:#}");
    }
    for key in ["bytes", "requests", "round_trips"] {
        assert!(summary["traffic"][key].as_u64().unwrap() > 0, "{key}");
    }
    for key in ["bytes", "objects"] {
        assert!(summary["written"][key].as_u64().unwrap() > 0, "{key}");
    }
    for key in ["holes", "failures", "warnings"] {
        assert_eq!(summary[key].as_array().unwrap().len(), 0, "{key}");
    }
    assert_eq!(summary["state"], "complete");
    assert!(summary["seconds"].is_f64());
    assert_eq!(
        bench.json("out.zarr.zagg/report.json")["summary"],
        summary,
        "the report beside the store has the same"
    );
    let text = bench.run(&[]).exits(0).out;
    for word in ["store", "shards", "cells", "rows", "read", "written", "time"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(word)), "{word}: {text}");
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::with_map();
    let run = ["run", "--plugin", "atl06", "--catalog", "map.json", "--store", "out.zarr"];
    for arguments in [
        &run[..],
        &["inspect", "map.json"],
        &["inspect", "map.json", "--format", "json"],
        &["plugins", "list"],
        &["config", "show", "atl06"],
        &["--help"],
        &["run", "--help"],
    ] {
        for err in [false, true] {
            let mut command = bench.command(arguments);
            // A pipe whose reader is closed before the program starts.
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command.stdout(writer.try_clone().unwrap());
            if err {
                command.stderr(writer);
            } else {
                command.stderr(Stdio::piped());
            }
            let ended = Ended::of(command.output().unwrap()).exits(0);
            assert_eq!(ended.err, "", "{arguments:?}");
        }
    }
    assert_eq!(bench.state(), "complete");
}

#[test]
#[cfg(target_os = "linux")]
fn data_that_cannot_be_written_is_an_error() {
    let bench = Bench::empty();
    let mut command = bench.command(&["plugins", "list"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let said = Ended::of(command.stderr(Stdio::piped()).output().unwrap()).exits(1);
    assert!(said.err.starts_with("zagg: error: writing to standard output: "), "{said:?}");
}
