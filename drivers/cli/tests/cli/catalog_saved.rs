//! `zagg catalog --catalog-out` and `--from-catalog`: what a search found, kept and used again. The real granules of NEON's
//! sites are a file of the Python zagg.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use zagg_core::footprint::Footprint;

use crate::bench::{Bench, Ended};
use crate::server::{Server, granule};

/// Real granules and the maps that the original made of them; none where there is no test data.
fn neon() -> Option<PathBuf> {
    let folder = std::env::var_os("ZAGG_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let folder = folder.join("cmr");
    if folder.join("zagg_cat_neon_ATL03_007.parquet").is_file() {
        return Some(folder);
    }
    let _ = writeln!(
        std::io::stderr(),
        "skipped: no granules of NEON in {}; set ZAGG_TEST_DATA",
        folder.display()
    );
    None
}

/// Builds a map of ATL03 over NEON's area from granules found earlier.
fn from_catalog(bench: &Bench, catalog: &str, area: &str, more: &[&str]) -> Ended {
    let start = ["catalog", "--plugin", "atl03", "--from-catalog", catalog, "--polygon", area];
    bench.zagg(&[&start, more].concat())
}

/// Shard keys with the ids of their granules.
fn shards(map: &Value) -> Vec<(u64, Vec<String>)> {
    let id = |granule: &Value| granule["id"].as_str().unwrap().to_string();
    let lists = map["granules"].as_array().unwrap().iter();
    let keys = map["shard_keys"].as_array().unwrap().iter();
    keys.zip(lists)
        .map(|(key, list)| (key.as_u64().unwrap(), list.as_array().unwrap().iter().map(id).collect()))
        .collect()
}

#[test]
fn the_maps_of_the_original_come_out_of_its_own_granules() {
    let Some(folder) = neon() else { return };
    let at = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let (catalog, area) = (at("zagg_cat_neon_ATL03_007.parquet"), at("shardmaps/AOP_NEON.geojson"));
    let bench = Bench::empty();
    for (order, pairs) in [(9, 218), (10, 360), (11, 741)] {
        bench.write("grid.yaml", format!("output: {{grid: {{parent_order: {order}, chunk_inner: 13}}}}"));
        let more = ["--config", "grid.yaml", "--output", "all.json", "--format", "json"];
        let said = from_catalog(&bench, &catalog, &area, &more).exits(0).json();
        assert_eq!(said["granules_found"], 2089);
        assert_eq!(said["metadata"]["short_name"], "ATL03");
        if order == 9 {
            assert_eq!(said["pairs"], 314);
        }
        // The original asked for less than its shards need, and so has 66 of the granules.
        let text = std::fs::read(at(&format!("shardmaps/sm_healpix_o{order}.json"))).unwrap();
        let theirs = shards(&serde_json::from_slice(&text).unwrap());
        let mut ids: Vec<&str> = theirs.iter().flat_map(|(_, ids)| ids).map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut arguments =
            vec!["catalog", "filter", "all.json", "--output", "theirs.json", "--format", "json"];
        ids.iter().for_each(|id| arguments.extend(["--granule", id]));
        let said = bench.zagg(&arguments).exits(0).json();
        assert_eq!(said["pairs"], pairs, "order {order}");
        let sorted = |mut shards: Vec<(u64, Vec<String>)>| {
            shards.iter_mut().for_each(|(_, ids)| ids.sort());
            shards
        };
        assert_eq!(sorted(shards(&bench.json("theirs.json"))), sorted(theirs), "order {order}");
    }
}

#[test]
fn a_server_and_a_file_with_the_same_granules_give_the_same_map() {
    let Some(folder) = neon() else { return };
    let at = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let (catalog, area) = (at("zagg_cat_neon_ATL03_007.parquet"), at("shardmaps/AOP_NEON.geojson"));
    let real = zagg_catalog_files::read_granules(catalog.as_ref()).unwrap();
    let items: Vec<Value> = real
        .entries
        .iter()
        .map(|entry| {
            let Footprint::Polygons(polygons) = &entry.footprint else { panic!("{:?}", entry.footprint) };
            let rings: Vec<Vec<[f64; 2]>> = polygons
                .iter()
                .map(|polygon| polygon.exterior.iter().chain(polygon.exterior.first()).copied().collect())
                .collect();
            let (start, end) = (&entry.granule.time_start, &entry.granule.time_end);
            let (start, end) = (start.as_deref().unwrap(), end.as_deref().unwrap());
            granule(&entry.granule.id, start, end, &rings)
        })
        .collect();
    assert_eq!(items.len(), 2089);
    let server = Server::of_granules(items, 100);
    let bench = Bench::empty();
    let days = ["--start-date", "2018-10-01", "--end-date", "2026-12-31"];
    for source in ["cmr-stac", "cmr"] {
        let start = ["catalog", "--plugin", "atl03", "--polygon", &area, "--endpoint", &server.address];
        let more = ["--source", source, "--output", "online.json", "--catalog-out", "found.parquet"];
        bench.zagg(&[&start[..], &more, &days].concat()).exits(0);
        // The same answer from the file of the original, and from the file that was just written.
        from_catalog(&bench, &catalog, &area, &["--output", "theirs.json"]).exits(0);
        assert_eq!(shards(&bench.json("online.json")), shards(&bench.json("theirs.json")), "{source}");
        from_catalog(&bench, "found.parquet", &area, &["--output", "again.json"]).exits(0);
        let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
        assert_eq!(bytes("again.json"), bytes("online.json"), "{source}");
    }
}

/// A server with two granules of January and one of February, around 60°E.
fn months() -> Server {
    let ring = |west: f64| {
        vec![[west, -86.2], [west + 2.0, -86.2], [west + 2.0, -85.2], [west, -85.2], [west, -86.2]]
    };
    let of = |id: &str, day: &str, west: f64| {
        granule(id, &format!("{day}T04:00:00.000Z"), &format!("{day}T04:07:00.000Z"), &[ring(west)])
    };
    Server::of_granules(
        vec![
            of("ATL06_20240110040000_02612201_007_01.h5", "2024-01-10", 59.0),
            of("ATL06_20240120040000_04612201_007_01.h5", "2024-01-20", 60.0),
            of("ATL06_20240420040000_05612301_007_01.h5", "2024-04-20", 61.0),
        ],
        100,
    )
}

#[test]
fn dates_and_cycles_cut_down_what_was_found() {
    let bench = Bench::empty();
    let server = months();
    let area = ["--bbox", "58,-86.5,68,-85"];
    let start =
        ["catalog", "--plugin", "atl06", "--endpoint", &server.address, "--catalog-out", "found.parquet"];
    let days = ["--start-date", "2024-01-01", "--end-date", "2024-04-30"];
    let said = bench.zagg(&[&start[..], &area, &days, &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(said["catalog_out"], "found.parquet");
    let asked = server.asked().len();

    let again = |more: &[&str]| -> Value {
        let start = ["catalog", "--plugin", "atl06", "--from-catalog", "found.parquet", "--format", "json"];
        bench.zagg(&[&start[..], &area, more].concat()).exits(0).json()
    };
    let all = again(&[]);
    assert_eq!(all["shard_map"], "shardmap_ATL06_2024-01-01_2024-04-30.json");
    assert_eq!(all["granules"], 3);
    let one = again(&["--start-date", "2024-01-15", "--end-date", "2024-01-31"]);
    assert_eq!(one["shard_map"], "shardmap_ATL06_2024-01-15_2024-01-31.json");
    assert_eq!(
        [&one["granules_found"], &one["granules"], &one["granules_of_other_days"]],
        [&json!(3), &json!(1), &json!(2)]
    );
    let late = again(&["--start-date", "2024-01-15", "--output", "late.json"]);
    assert_eq!(late["granules"], 2);
    let cycle = again(&["--cycle", "23"]);
    assert_eq!(cycle["shard_map"], "shardmap_ATL06_2024-04-06_2024-07-06.json");
    assert_eq!([&cycle["granules"], &cycle["granules_of_other_cycles"]], [&json!(1), &json!(2)]);
    assert_eq!(cycle["metadata"]["cycle"], 23);
    assert_eq!(server.asked().len(), asked);

    let none = ["catalog", "--plugin", "atl06", "--from-catalog", "found.parquet", "--cycle", "5"];
    bench
        .zagg(&[&none[..], &area].concat())
        .fails_with(1, "none of the 3 granules found is of cycle 5; nothing is written");
    let far = ["catalog", "--plugin", "atl06", "--from-catalog", "found.parquet", "--bbox", "10,10,11,11"];
    bench
        .zagg(&far)
        .fails_with(1, "none of the 3 granules found touches a shard of the area; nothing is written");
}

#[test]
fn files_are_read_once_and_their_places_kept() {
    let bench = Bench::with_granules();
    let files = ["catalog", "--plugin", "atl06", "--from-files", "granules"];
    bench.zagg(&[&files[..], &["--output", "map.json", "--catalog-out", "found.parquet"]].concat()).exits(0);
    std::fs::rename(bench.path("granules"), bench.path("away")).unwrap();
    let saved = ["catalog", "--plugin", "atl06", "--from-catalog", "found.parquet"];
    bench.zagg(&[&saved[..], &["--output", "again.json"]].concat()).exits(0);
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(bytes("again.json"), bytes("map.json"));
    // They are places in this grid only.
    bench.write("coarse.yaml", "output: {grid: {parent_order: 5}}");
    let other = [&saved[..], &["--config", "coarse.yaml", "--output", "coarse.json"]].concat();
    let said = bench.zagg(&other).exits(1);
    assert!(
        said.err.contains("found.parquet: the granules were placed in the shards of another grid"),
        "{said:?}"
    );
    // An area takes some of the shards.
    let part = [&saved[..], &["--bbox", "59,-86,61,-85.5", "--output", "part.json"]].concat();
    bench.zagg(&part).exits(0);
    let count = |name: &str| bench.json(name)["shard_keys"].as_array().unwrap().len();
    assert!(count("part.json") < count("map.json"));
}

#[test]
fn footprints_need_an_area() {
    let Some(folder) = neon() else { return };
    let catalog = folder.join("zagg_cat_neon_ATL03_007.parquet");
    let bench = Bench::empty();
    bench.zagg(&["catalog", "--plugin", "atl03", "--from-catalog", catalog.to_str().unwrap()]).fails_with(
        2,
        "no area; give --polygon FILE or --bbox W,S,E,N, for the whole Earth --bbox -180,-90,180,90",
    );
}

#[test]
fn files_that_hold_no_granules_are_refused() {
    let bench = Bench::empty();
    bench.write("text.parquet", "not a table");
    bench.write("empty.parquet", "");
    for name in ["text.parquet", "empty.parquet", "none.parquet"] {
        let start = ["catalog", "--plugin", "atl06", "--from-catalog", name, "--bbox", "0,0,1,1"];
        let said = bench.zagg(&start).exits(1);
        assert_eq!((said.out.as_str(), said.err.lines().count()), ("", 1), "{said:?}");
        assert!(said.err.contains(name), "{said:?}");
    }
    assert_eq!(bench.names(), ["empty.parquet", "text.parquet"]);
}
