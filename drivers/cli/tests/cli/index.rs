//! `zagg index`, and runs that use what it keeps.

use std::process::Stdio;

use crate::bench::{Bench, Ended, NAMES, bytes, spec};
use zagg_atl06::synthetic::GranuleSpec;

const ARGUMENTS: [&str; 7] = ["index", "--plugin", "atl06", "--catalog", "map.json", "--index", "kept"];

fn index(bench: &Bench, more: &[&str]) -> Ended {
    bench.zagg(&[&ARGUMENTS, more].concat())
}

/// A pipeline file that keeps indexes in `kept`.
fn keeps(bench: &Bench, on_miss: &str) {
    bench.write("keep.yaml", format!("data_source:\n  index: {{store: kept, on_miss: {on_miss}}}\n"));
}

#[test]
fn what_is_valid_is_left_alone_and_what_is_not_is_built() {
    let bench = Bench::with_map();
    let said = index(&bench, &["--format", "json"]).exits(0).json();
    assert_eq!((said["built"].as_u64(), said["valid"].as_u64()), (Some(3), Some(0)));
    let kept = bench.tree("kept");
    assert_eq!(kept.len(), 3);
    assert_eq!(said["bytes"], kept.values().map(Vec::len).sum::<usize>());
    for (name, bytes) in &kept {
        assert!(NAMES.iter().any(|granule| name.ends_with(&format!("/{granule}.json.gz"))), "{name}");
        assert!(bytes.len() < 4000, "{name}: {} bytes", bytes.len());
    }
    let said = index(&bench, &["--format", "json"]).exits(0).json();
    assert_eq!((said["built"].as_u64(), said["valid"].as_u64()), (Some(0), Some(3)));
    // One is damaged, one belongs to a granule that was replaced.
    let damaged = kept.keys().find(|name| name.contains(NAMES[0])).unwrap();
    bench.write(&format!("kept/{damaged}"), "no index");
    bench.make(&GranuleSpec { seed: 99, ..spec(1) });
    let said = index(&bench, &["--format", "json"]).exits(0).json();
    assert_eq!((said["built"].as_u64(), said["valid"].as_u64()), (Some(2), Some(1)));
    let said = index(&bench, &["--rebuild", "--workers", "1"]).exits(0);
    assert!(said.out.contains("built         3 ("), "{}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn a_run_uses_the_index_and_writes_the_same_store() {
    let bench = Bench::with_map();
    let without = bench.run_into("without.zarr", &["--format", "json"]).exits(0).json();
    assert!(without.get("index").is_none());
    keeps(&bench, "build");
    let more = ["--config", "keep.yaml", "--format", "json"];
    let built = bench.run_into("built.zarr", &more).exits(0).json();
    assert_eq!(built["index"]["written"], 3);
    keeps(&bench, "error");
    let used = bench.run_into("used.zarr", &more).exits(0).json();
    assert_eq!((&used["index"]["used"], &used["index"]["missed"]), (&3.into(), &0.into()));
    for store in ["built.zarr", "used.zarr"] {
        assert_eq!(bench.tree(store), bench.tree("without.zarr"), "{store}");
    }
    let bytes = |said: &serde_json::Value| said["traffic"]["bytes"].as_u64().unwrap();
    assert!(bytes(&used) < bytes(&without), "{} < {}", bytes(&used), bytes(&without));
    assert_eq!(used["rows_read"], without["rows_read"]);
    let text = bench.run_into("used.zarr", &["--config", "keep.yaml", "--overwrite"]).exits(0);
    assert!(text.out.contains("index    3 granules from their index\n"), "{}", text.out);
    // What `zagg index` makes is what a run makes.
    let kept = bench.tree("kept");
    index(&bench, &["--rebuild"]).exits(0);
    assert_eq!(bench.tree("kept"), kept);
}

#[test]
fn a_granule_that_cannot_be_read_is_named_and_the_others_are_indexed() {
    let bench = Bench::with_map();
    bench.remove(&format!("granules/{}", NAMES[1]));
    bench.write(&format!("granules/{}", NAMES[2]), &bytes(2)[..20_000]);
    let said = index(&bench, &["--format", "json"]).exits(3);
    let json = said.json();
    assert_eq!(json["built"], 1);
    let mut failed: Vec<&str> =
        json["failed"].as_array().unwrap().iter().map(|one| one["granule"].as_str().unwrap()).collect();
    failed.sort_unstable();
    assert_eq!(failed, [NAMES[1], NAMES[2]]);
    assert!(said.err.contains(&format!("zagg: error: granule {}: ", NAMES[1])), "{}", said.err);
    assert!(said.err.contains("truncated"), "{}", said.err);
    assert_eq!(bench.tree("kept").len(), 1);
}

#[test]
fn a_part_that_cannot_be_read_is_told_and_kept() {
    let bench = Bench::with_map();
    bench.make(&GranuleSpec { without: vec!["gt2r/land_ice_segments/latitude".into()], ..spec(0) });
    let said = index(&bench, &[]).exits(0);
    said.warns(&[NAMES[0], "part gt2r", "there is no dataset /gt2r/land_ice_segments/latitude"]);
    assert_eq!(bench.tree("kept").len(), 3);
    // Also when nothing is to be made.
    let again = index(&bench, &["--format", "json"]).exits(0);
    assert_eq!((&again.json()["valid"], &again.json()["built"]), (&3.into(), &0.into()));
    assert_eq!(again.json()["holes"][0]["part"], "gt2r");
    again.warns(&[NAMES[0], "part gt2r", "there is no dataset /gt2r/land_ice_segments/latitude"]);
    keeps(&bench, "error");
    let without = bench.run_into("without.zarr", &["--format", "json"]).exits(3).json();
    let with = bench.run_into("with.zarr", &["--config", "keep.yaml", "--format", "json"]).exits(3).json();
    assert_eq!(with["holes"], without["holes"]);
    assert_eq!(with["index"]["used"], 3);
}

#[test]
fn what_is_asked_for_wrongly_is_refused() {
    let bench = Bench::with_map();
    bench
        .zagg(&["index", "--plugin", "atl06", "--catalog", "map.json"])
        .fails_with(1, "no place for indexes; give --index URL, or data_source.index.store in the pipeline");
    bench
        .zagg(&["index", "--plugin", "atl06", "--index", "kept"])
        .fails_with(1, "no shard map; give --catalog FILE, or catalog: in the pipeline");
    let said = bench.zagg(&["index", "--plugin", "atl06", "--catalog", "map.json", "--index", "ftp://x/y"]);
    assert!(said.err.contains("ftp://x/y"), "{}", said.err);
    said.exits(1);
    bench.zagg(&["index", "--plugin", "atl06", "--index", "kept", "--workers", "0"]).exits(2);
    keeps(&bench, "read");
    bench.zagg(&["index", "--plugin", "atl06", "--config", "keep.yaml", "--catalog", "map.json"]).exits(0);
    bench.edit_map(|map| {
        for granule in
            map["granules"].as_array_mut().unwrap().iter_mut().flat_map(|g| g.as_array_mut().unwrap())
        {
            granule.as_object_mut().unwrap().remove("file");
        }
    });
    let said = index(&bench, &[]).exits(1);
    assert!(said.err.contains("has no s3 href and no local file"), "{}", said.err);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_of_every_granule() {
    let bench = Bench::with_map();
    bench.write("kept", "a file");
    let said = index(&bench, &["--format", "json"]).exits(3).json();
    assert_eq!(said["failed"].as_array().unwrap().len(), 3);
    keeps(&bench, "build");
    let said = bench.run_into("out.zarr", &["--config", "keep.yaml", "--format", "json"]).exits(0);
    assert_eq!(said.json()["index"]["not_written"], 3);
    // Whichever granule finds out tells it, and the others do not try.
    said.warns(&["no index of it was written to kept", "the store is not asked again"]);
}

#[test]
fn many_at_once_leave_the_same_bytes_and_nothing_else() {
    let bench = Bench::with_map();
    index(&bench, &[]).exits(0);
    let want = bench.tree("kept");
    std::fs::remove_dir_all(bench.path("kept")).unwrap();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let more: &[&str] = if number % 2 == 0 { &["--rebuild"] } else { &[] };
            let mut command = bench.command(&[&ARGUMENTS, more].concat());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        Ended::of(child.wait_with_output().unwrap()).exits(0);
    }
    assert_eq!(bench.tree("kept"), want);
}
