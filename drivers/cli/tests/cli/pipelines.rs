//! Pipelines: what is refused by file, line and key, and what the original's files may say.

use crate::bench::{Bench, Ended};

fn with(bench: &Bench, config: &str) -> Ended {
    bench.write("mine.yaml", config);
    bench.zagg(&["run", "--config", "mine.yaml", "--catalog", "map.json", "--store", "out.zarr"])
}

/// A pipeline as the original's users have it.
const ORIGINAL: &str = r#"
data_source:
  reader: h5coro
  driver: s3
  groups: [gt1l, gt1r, gt2l, gt2r, gt3l, gt3r]
  coordinates:
    latitude: "/{group}/land_ice_segments/latitude"
    longitude: "/{group}/land_ice_segments/longitude"
  variables:
    h_li: "/{group}/land_ice_segments/h_li"
    s_li: "/{group}/land_ice_segments/h_li_sigma"
  quality_filter:
    dataset: "/{group}/land_ice_segments/atl06_quality_summary"
    value: 0

aggregation:
  HANDOFF
  coordinates:
    COORDINATE
    morton: {dtype: uint64, fill_value: 0}
  variables:
    count: {function: len, source: h_li, dtype: COUNT, fill_value: 0}
    h_mean:
      function: average
      source: h_li
      params:
        weights: "1.0 / s_li**2"
      dtype: float32
    h_sigma:
      expression: "1.0 / np.sqrt(np.sum(1.0 / s_li**2))"
      dtype: float32
    h_variance: {function: var, source: h_li, dtype: float32}
    h_q50:
      function: quantile
      source: h_li
      params:
        q: 0.50
      dtype: float32

output:
  grid:
    type: healpix
    indexing_scheme: nested
    parent_order: 6
    child_order: 12
"#;

/// A pipeline as the original's 0.10 has it.
pub(crate) fn original() -> String {
    ORIGINAL
        .replace("HANDOFF\n", "\n")
        .replace("COORDINATE", "cell_ids: {dtype: uint64, fill_value: 0}")
        .replace("COUNT", "int32")
}

#[test]
fn pipelines_of_the_original_run_unchanged_and_give_the_presets_numbers() {
    let bench = Bench::with_map();
    bench.run_into("preset.zarr", &[]).exits(0);
    assert_eq!(with(&bench, &original()).exits(0).err, "");
    let (ours, theirs) = (bench.tree("preset.zarr"), bench.tree("out.zarr"));
    let mut compared = 0;
    for (name, bytes) in theirs.iter().filter(|(name, _)| name.contains("/c/")) {
        assert_eq!(&ours[name], bytes, "{name}");
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
    // Units come from the granules where the pipeline says none.
    let attributes = &bench.json("out.zarr/12/h_variance/zarr.json")["attributes"];
    assert!(attributes["units"].as_str().unwrap().ends_with('2'), "{attributes}");

    let new = ORIGINAL
        .replace("HANDOFF", "handoff: arrow")
        .replace("COORDINATE", "cell_ids: {dtype: uint64, fill_value: 0}")
        .replace("COUNT", "int64");
    bench.write("new.yaml", new);
    let said =
        bench.zagg(&["run", "--config", "new.yaml", "--catalog", "map.json", "--store", "new.zarr"]).exits(0);
    said.warns(&["aggregation.handoff", "it is ignored"]);
    assert_eq!(said.err.lines().count(), 1);
}

#[test]
fn an_unknown_key_is_named_by_file_and_line_with_a_suggestion() {
    let bench = Bench::with_map();
    let line = 1 + ORIGINAL.lines().position(|line| line.contains("quality_filter")).unwrap();
    let text =
        ORIGINAL.replace("quality_filter", "qualty_filter").replace("HANDOFF", "").replace("COORDINATE", "");
    let said = with(&bench, &text).exits(1);
    assert!(said.err.starts_with(&format!("zagg: error: mine.yaml:{line}: ")), "{said:?}");
    assert!(
        said.err.contains("qualty_filter") && said.err.contains("did you mean \"quality_filter\"?"),
        "{said:?}"
    );
    assert_eq!(said.err.lines().count(), 1);
    assert_eq!(bench.names(), ["granules", "map.json", "mine.yaml"]);
}

#[test]
fn what_a_pipeline_gets_wrong_is_one_line_that_names_it() {
    let bench = Bench::with_map();
    let sound = ORIGINAL.replace("HANDOFF\n", "\n").replace("COORDINATE\n", "\n").replace("COUNT", "int32");
    with(&bench, &sound).exits(0);
    std::fs::remove_dir_all(bench.path("out.zarr")).unwrap();
    std::fs::remove_dir_all(bench.path("out.zarr.zagg")).unwrap();
    for (from, to, pieces) in [
        ("reader: h5coro", "reader: h5cor", &["h5cor", "there are: atl06, hdf5-points"][..]),
        ("reader: h5coro", "reader: [", &["mine.yaml"]),
        ("function: var", "function: varr", &["varr", "did you mean \"var\"?"]),
        ("function: var, source: h_li", "function: var, source: h_lo", &["h_lo"]),
        ("dtype: int32", "dtype: int31", &["int31"]),
        ("np.sqrt(", "os.system(", &["h_sigma"]),
        ("1.0 / s_li**2\"", "1.0 / s_li**2 +\"", &["h_mean"]),
        ("q: 0.50", "q: 1.50", &["1.5"]),
        ("type: healpix", "type: healpx", &["healpx", "did you mean \"healpix\"?"]),
        ("child_order: 12", "child_order: 99", &["child_order"]),
        ("indexing_scheme: nested", "indexing_scheme: ring", &["ring"]),
        ("aggregation:\n", "aggregatoin:\n", &["aggregat"]),
        ("driver: s3", "driver: ftp", &["ftp"]),
        ("    s_li: ", "    h_li: ", &["h_li"]),
    ] {
        assert!(sound.contains(from), "{from}");
        let said = with(&bench, &sound.replacen(from, to, 1)).exits(1);
        assert!(said.err.starts_with("zagg: error: "), "{to}: {said:?}");
        // A fault in an expression shows the expression, with a caret under the fault, on two more lines.
        let lines = said.err.lines().count();
        assert!(lines == 1 || lines == 3 && said.err.trim_end().ends_with('^'), "{to}: {said:?}");
        for piece in pieces {
            assert!(said.err.contains(piece), "{to}: no {piece} in {}", said.err);
        }
        assert_eq!(bench.names(), ["granules", "map.json", "mine.yaml"], "{to}");
    }
    for (text, piece) in
        [("", "mine.yaml"), ("- a\n- b\n", "mine.yaml"), ("\t:", "mine.yaml"), ("a: &x [*x]", "mine.yaml")]
    {
        let said = with(&bench, text).exits(1);
        assert!(said.err.starts_with("zagg: error: ") && said.err.contains(piece), "{text:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{text:?}: {said:?}");
    }
    bench.write("mine.yaml", [0xff, 0xfe, 0x00]);
    bench
        .zagg(&["run", "--config", "mine.yaml", "--catalog", "map.json", "--store", "out.zarr"])
        .fails_with(1, "mine.yaml: not a text file");
}

#[test]
fn a_configured_dataset_that_no_granule_has_is_a_hole_in_every_part() {
    let bench = Bench::with_map();
    bench.write("typo.yaml", "data_source:\n  variables:\n    h_li: \"/{group}/land_ice_segments/h_lee\"\n");
    let said = bench.run(&["--config", "typo.yaml", "--format", "json"]).exits(3);
    said.warns(&["h_lee"]);
    assert_eq!(said.json()["holes"].as_array().unwrap().len(), 3 * 6);
}

#[test]
fn a_pipeline_that_only_counts_rows_counts_them_all() {
    let bench = Bench::with_map();
    bench.run_into("preset.zarr", &[]).exits(0);
    let start = ORIGINAL.find("    h_mean:").unwrap();
    let end = ORIGINAL.find("output:").unwrap();
    let counts = format!("{}\n{}", &ORIGINAL[..start], &ORIGINAL[end..])
        .replace("HANDOFF\n", "\n")
        .replace("COORDINATE\n", "\n")
        .replace("function: len, source: h_li, dtype: COUNT", "function: len, dtype: int32");
    with(&bench, &counts).exits(0);
    assert_eq!(bench.tree("out.zarr/12/count/c"), bench.tree("preset.zarr/12/count/c"));
}
