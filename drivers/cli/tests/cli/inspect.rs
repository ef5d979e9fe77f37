//! `zagg inspect`: each kind of thing, and things that are none.

use crate::bench::{Bench, NAMES, bytes, spec};

fn inspect(bench: &Bench, path: &str) -> serde_json::Value {
    let said = bench.zagg(&["inspect", path, "--format", "json"]).exits(0);
    assert_eq!(said.err, "");
    said.json()
}

#[test]
fn a_store_is_described() {
    let bench = Bench::with_map();
    let shards = bench.shards().len() as u64;
    let cells = bench.summary(0, &[])["cells"].clone();
    let said = inspect(&bench, "out.zarr");
    assert_eq!((&said["state"], &said["consolidated"]), (&"complete".into(), &true.into()));
    assert_eq!(said["groups"][0]["name"], "12");
    let arrays = said["groups"][0]["arrays"].as_array().unwrap();
    let count = arrays.iter().find(|array| array["name"] == "count").unwrap();
    assert_eq!(count["dtype"], "int32");
    assert_eq!(count["shape"][0], shards * 4096);
    assert_eq!((&count["blocks_stored"], &count["blocks"]), (&shards.into(), &shards.into()));
    assert_eq!(count["cells_with_value"], cells, "as many cells as the run has counted");
    assert_eq!(count["min"], 1.0);
    assert_eq!((&said["shards"], &said["shards_done"]), (&shards.into(), &shards.into()));
    let text = bench.zagg(&["inspect", "out.zarr"]).exits(0).out;
    assert!(text.starts_with("out.zarr: complete\n") && text.contains("12/h_mean"), "{text}");
    assert!(text.contains(&format!("{shards} of {shards} shards done")), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours: {text:?}");
    for columns in ["60", "200", "0", "x"] {
        let said = bench.command(&["inspect", "out.zarr"]).env("COLUMNS", columns).output().unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(columns != "60" || widest <= 60, "{widest}: {text}");
        assert!(said.status.success() && text.contains("complete"), "{text}");
    }
}

#[test]
fn an_incomplete_store_says_so() {
    let bench = Bench::with_map();
    bench.run(&["--max-cells", "1"]).exits(0);
    assert_eq!(inspect(&bench, "out.zarr")["state"], "incomplete");
}

#[test]
fn a_granule_is_described_part_by_part() {
    let bench = Bench::empty();
    let mut one = spec(0);
    one.beams = vec!["gt1l".into(), "gt1r".into(), "gt2l".into()];
    one.without = vec!["gt1r/land_ice_segments".into(), "gt2l/land_ice_segments/latitude".into()];
    bench.make(&one);
    let said = inspect(&bench, &format!("granules/{}", NAMES[0]));
    assert_eq!(said["pipeline"], "atl06");
    let parts = said["parts"].as_array().unwrap();
    let states: Vec<&str> = parts.iter().map(|part| part["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["present", "absent", "broken", "absent", "absent", "absent"]);
    assert!(parts[0]["rows"].as_u64().unwrap() > 1_500);
    let south = parts[0]["extent"][1].as_f64().unwrap();
    assert!((-88.0..-84.0).contains(&south), "{south}");
    assert!(parts[2]["fault"].as_str().unwrap().contains("latitude"), "{said}");
    let reads = said["reads"].as_array().unwrap();
    let height = reads.iter().find(|read| read["dataset"] == "/{group}/land_ice_segments/h_li").unwrap();
    assert_eq!((&height["rows"], &height["parts"]), (&parts[0]["rows"], &1.into()));
    assert_eq!(height["bytes_unpacked"].as_u64(), height["rows"].as_u64().map(|rows| rows * 4));
    assert!(
        height["chunks"].as_u64().unwrap() >= 1 && !height["filters"].as_array().unwrap().is_empty(),
        "{said}"
    );
    let text = bench.zagg(&["inspect", &format!("granules/{}", NAMES[0])]).exits(0).out;
    assert!(text.contains("a run over all of it reads 5 datasets"), "{text}");
}

#[test]
fn a_granule_of_no_preset_shows_what_it_has() {
    let bench = Bench::empty();
    let mut one = spec(0);
    one.beams = vec!["gt1l".into(), "gt3r".into()];
    one.without = vec!["gt1l/land_ice_segments/latitude".into(), "gt3r/land_ice_segments/latitude".into()];
    bench.make(&one);
    let path = format!("granules/{}", NAMES[0]);
    let said = inspect(&bench, &path);
    assert!(said["pipeline"].is_null() && said["parts"].as_array().unwrap().is_empty(), "{said}");
    let holds = said["holds"].as_array().unwrap();
    let height = holds.iter().find(|one| one["dataset"] == "/gt1l/land_ice_segments/h_li").unwrap();
    assert_eq!((&height["dtype"], height["shape"].as_array().unwrap().len()), (&"float32".into(), 1));
    assert_eq!(said["datasets"], holds.len());
    let text = bench.zagg(&["inspect", &path]).exits(0).out;
    let missed = "no preset finds its points (atl06: ";
    assert!(text.contains(missed) && text.contains("/gt1l/land_ice_segments/latitude"), "{text}");
    assert!(text.contains("say where they are with --config FILE") && text.contains("h_li"), "{text}");
}

#[test]
fn narrow_terminals_lose_columns_before_words() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    let granule = format!("granules/{}", NAMES[0]);
    for (path, whole, gone) in [
        ("out.zarr", "12/h_variance", "left out  chunk"),
        (granule.as_str(), "/{group}/land_ice_segments/h_li_sigma", "left out  filters"),
    ] {
        let said = bench.command(&["inspect", path]).env("COLUMNS", "64").output().unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        // Sentences are left to the terminal.
        let rows = text.lines().filter(|line| line.starts_with(' '));
        let widest = rows.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 64 && text.contains(whole) && text.contains(gone), "{widest}: {text}");
        let text = bench.zagg(&["inspect", path]).exits(0).out;
        assert!(!text.contains("left out") && text.contains(whole), "{text}");
    }
}

#[test]
fn a_group_is_told_from_its_store() {
    let bench = Bench::with_map();
    bench.run(&[]).exits(0);
    for command in
        [&["inspect", "out.zarr/12"][..], &["render", "out.zarr/12", "--variable", "count", "-o", "a.png"]]
    {
        let said = bench.zagg(command).exits(1);
        assert!(
            said.err.contains("out.zarr/12 is a group inside a store; give its root, out.zarr"),
            "{said:?}"
        );
    }
}

#[test]
fn a_map_and_a_pipeline_are_described() {
    let bench = Bench::with_map();
    let said = inspect(&bench, "map.json");
    assert_eq!((&said["granules"], &said["shard_map"]), (&3.into(), &"map.json".into()));
    let shards: u64 =
        said["histogram"].as_array().unwrap().iter().map(|class| class["shards"].as_u64().unwrap()).sum();
    assert_eq!(said["shards"], shards);
    let extent: Vec<f64> = said["extent"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert!(extent[1] < -84.0 && extent[3] < -80.0 && extent[1] < extent[3], "{extent:?}");
    let text = bench.zagg(&["inspect", "map.json"]).exits(0).out;
    assert!(text.contains("extent") && text.contains('#') && !text.contains('\u{1b}'), "{text}");
    let text = bench.zagg(&["config", "show", "atl06"]).exits(0).out;
    bench.write("atl06.yaml", text);
    let said = inspect(&bench, "atl06.yaml");
    let plan = bench.run(&["--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!(said["hash"], plan["pipeline_hash"], "what is shown is what runs");
    let text = bench.zagg(&["inspect", "atl06.yaml"]).exits(0).out;
    assert!(text.contains("quantile(h_li, q=0.25)"), "{text}");
}

#[test]
fn nonsense_is_refused_in_one_line() {
    let bench = Bench::empty();
    bench.write("empty", "");
    bench.write("text", "dear diary");
    bench.write("binary", [0u8, 159, 146, 150]);
    bench.write("broken.json", "{\"shard_keys\": [");
    bench.write("page.h5", "<html>please log in</html>");
    bench.write("half.h5", &bytes(0)[..10_000]);
    bench.write("folder/file", "");
    bench.write("zarr/zarr.json", "{\"zarr_format\": 3");
    for (path, piece) in [
        ("none", "No such file"),
        ("empty", "empty"),
        ("text", "text"),
        ("binary", "not a text file"),
        ("broken.json", "not a shard map"),
        ("page.h5", "not an HDF5 file"),
        ("half.h5", "truncated"),
        ("folder", "there is no zagg store at folder"),
        ("zarr", "zarr/zarr.json"),
    ] {
        let said = bench.zagg(&["inspect", path]).exits(1);
        assert!(said.err.starts_with("zagg: error: ") && said.err.contains(piece), "{path}: {said:?}");
        assert!(said.err.contains(path), "{path}: {said:?}");
        assert_eq!((said.err.lines().count(), said.out.as_str()), (1, ""), "{path}: {said:?}");
    }
}
