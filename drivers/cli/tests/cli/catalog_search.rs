//! `zagg catalog` with a catalog that answers over HTTP: a server on this machine, asked by the real program.

use serde_json::Value;

use crate::bench::{Bench, Ended, NAMES};
use crate::server::{Answer, Server, granule};

/// Where the footprints of [`granules`] lie: in East Antarctica, side by side.
const BBOX: &str = "58,-86.5,68,-85";
const DAYS: [&str; 4] = ["--start-date", "2024-01-01", "--end-date", "2024-01-31"];

/// A box of a footprint; its parallels are great circles here, which matters little.
fn ring(west: f64, south: f64, east: f64, north: f64) -> Vec<[f64; 2]> {
    vec![[west, south], [east, south], [east, north], [west, north], [west, south]]
}

/// Granules of cycle 22 (so their names say) around 60°E, and one far away.
fn granules() -> Vec<Value> {
    let mut granules: Vec<Value> = NAMES
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let west = 59.0 + 3.0 * number as f64;
            let day = ["03", "07", "13"][number];
            let (start, end) =
                (format!("2024-01-{day}T04:00:00.000Z"), format!("2024-01-{day}T04:07:00.000Z"));
            granule(name, &start, &end, &[ring(west, -86.2, west + 2.0, -85.2)])
        })
        .collect();
    granules.push(granule(
        "ATL06_20240114140532_04362211_006_01.h5",
        "2024-01-14T14:05:32Z",
        "2024-01-14T14:10:00Z",
        &[ring(10.0, 10.0, 11.0, 11.0)],
    ));
    granules
}

/// Asks a server, with the preset of ATL06.
fn search(bench: &Bench, server: &Server, more: &[&str]) -> Ended {
    let start = ["catalog", "--plugin", "atl06", "--endpoint", &server.address, "--bbox", BBOX];
    bench.zagg(&[&start, more].concat())
}

#[test]
fn a_search_becomes_a_map_of_the_default_name() {
    let bench = Bench::empty();
    let server = Server::of_granules(granules(), 2);
    let said = search(&bench, &server, &[&DAYS[..], &["--format", "json"]].concat()).exits(0);
    assert_eq!(said.err, "");
    let name = "shardmap_ATL06_2024-01-01_2024-01-31.json";
    assert_eq!(bench.names(), [name]);
    let said = said.json();
    assert_eq!(said["shard_map"], name);
    assert_eq!(
        [&said["granules_found"], &said["granules"], &said["granules_without_shard"]],
        [&Value::from(4), &Value::from(3), &Value::from(1)]
    );
    let map = bench.json(name);
    let metadata = &map["metadata"];
    for (key, value) in [
        ("short_name", "ATL06"),
        ("version", "007"),
        ("provider", "NSIDC_CPRD"),
        ("collection", "ATL06_007"),
        ("start_date", "2024-01-01"),
        ("end_date", "2024-01-31"),
    ] {
        assert_eq!(metadata[key], value, "{metadata}");
    }
    assert_eq!(metadata["bbox"], serde_json::json!([58.0, -86.5, 68.0, -85.0]));
    assert_eq!(metadata["total_pairs"], said["pairs"]);
    let text = map.to_string();
    // Nothing of this machine: where the server was, and when.
    assert!(!text.contains("127.0.0.1") && !metadata.to_string().contains("wall"), "{metadata}");
    let first = &map["granules"][0][0];
    assert_eq!(first["time_start"], "2024-01-03T04:00:00.000Z");
    for (kind, scheme) in [("https", "https://data.example.gov/"), ("s3", "s3://nsidc-protected/")] {
        assert!(first[kind].as_str().unwrap().starts_with(scheme), "{first}");
    }

    let asked = server.asked();
    let (first, rest) = asked.split_first().unwrap();
    assert_eq!(first.method, "GET");
    assert!(!rest.is_empty() && first.path == "/stac/NSIDC_CPRD/search", "{asked:?}");
    assert_eq!(first.value("collections").unwrap(), "ATL06_007");
    let datetime = first.value("datetime").unwrap();
    assert!(datetime.starts_with("2024-01-01T00:00:00"), "{datetime}");
    assert!(datetime.contains("/2024-01-31T23:59:59"), "{datetime}");
    // The shards hang over the area, and the question goes around them.
    let bbox = first.value("bbox").unwrap();
    let edges: Vec<f64> = bbox.split(',').map(|edge| edge.parse().unwrap()).collect();
    assert!(edges[0] < 58.0 && edges[1] < -86.5 && edges[2] > 68.0 && edges[3] > -85.0, "{bbox}");
    // Nobody is logged in.
    assert!(asked.iter().all(|one| one.header("authorization").is_none()), "{asked:?}");
}

#[test]
fn same_questions_give_the_same_bytes_by_either_route() {
    let bench = Bench::empty();
    let (two, all) = (Server::of_granules(granules(), 2), Server::of_granules(granules(), 2000));
    for (server, source, output) in [
        (&two, "cmr-stac", "a.json"),
        (&all, "cmr-stac", "b.json"),
        (&two, "cmr", "c.json"),
        (&all, "cmr", "d.json"),
    ] {
        search(&bench, server, &[&DAYS[..], &["--source", source, "--output", output]].concat()).exits(0);
    }
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(bytes("a.json"), bytes("b.json"));
    assert_eq!(bytes("c.json"), bytes("d.json"));
    let (stac, cmr) = (bench.json("a.json"), bench.json("c.json"));
    assert_eq!(stac["shard_keys"], cmr["shard_keys"]);
    let ids = |map: &Value| -> Vec<Vec<String>> {
        let shards = map["granules"].as_array().unwrap().iter();
        let id = |granule: &Value| granule["id"].as_str().unwrap().to_string();
        shards.map(|shard| shard.as_array().unwrap().iter().map(id).collect()).collect()
    };
    assert_eq!(ids(&stac), ids(&cmr));
    assert!(two.asked().iter().any(|asked| asked.path.ends_with("granules.umm_json")));
    // What is asked is the same as well, up to the order of two servers.
    assert_eq!(two.asked()[0].query, all.asked()[0].query);
}

#[test]
fn the_summary_is_a_table_for_people() {
    let bench = Bench::empty();
    let server = Server::of_granules(granules(), 2);
    let said = search(&bench, &server, &DAYS).exits(0);
    let row = |name: &str| {
        let line = said.out.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("no {name}:\n{}", said.out)).to_string()
    };
    assert!(row("granules found").ends_with(" 4"), "{}", said.out);
    assert!(row("left out").ends_with(" 1, in no shard of the map"), "{}", said.out);
    assert!(row("shard map").ends_with("shardmap_ATL06_2024-01-01_2024-01-31.json"));
    assert!(row("granules per shard").contains(", median "));
}

#[test]
fn a_cycle_is_what_names_say() {
    let bench = Bench::empty();
    let mut all = granules();
    let of = |id: &str, day: &str| {
        let (start, end) = (format!("{day}T04:00:00.000Z"), format!("{day}T04:07:00.000Z"));
        granule(id, &start, &end, &[ring(60.0, -86.2, 61.0, -85.2)])
    };
    // Of cycle 22, ten days before its dates; of cycle 23, within them; of cycle 22 within them.
    all.push(of("ATL06_20231227014839_01262202_007_01.h5", "2023-12-27"));
    all.push(of("ATL06_20240326212751_01262302_007_01.h5", "2024-03-26"));
    all.push(of("ATL06_20240123124020_05452206_007_01.h5", "2024-01-23"));
    let server = Server::of_granules(all, 100);
    let said = search(&bench, &server, &["--cycle", "22", "--format", "json"]).exits(0).json();
    let name = "shardmap_ATL06_2024-01-06_2024-04-06.json";
    assert_eq!(bench.names(), [name]);
    let text = bench.json(name).to_string();
    assert!(text.contains("ATL06_20231227014839_01262202") && text.contains("ATL06_20240123124020_05452206"));
    assert!(!text.contains("01262302"));
    assert_eq!(said["metadata"]["cycle"], 22);
    assert_eq!(said["metadata"]["start_date"], "2024-01-06");
    assert_eq!(said["metadata"]["end_date"], "2024-04-06");
    // The catalog may leave others out by itself, so that they are not among those found.
    let others = said["granules_of_other_cycles"].as_u64().unwrap();
    assert!(others == 0 || others == 1, "{said}");
    let datetime = server.asked()[0].value("datetime").unwrap();
    assert!(datetime.starts_with("2023-11-27T00:00:00"), "{datetime}");
    assert!(datetime.contains("/2024-04-05T23:59:59"), "{datetime}");
}

#[test]
fn a_buffer_widens_the_question_and_not_the_map() {
    let bench = Bench::empty();
    let server = Server::of_granules(granules(), 100);
    let edges = |at: usize| -> Vec<f64> {
        server.asked()[at].value("bbox").unwrap().split(',').map(|edge| edge.parse().unwrap()).collect()
    };
    search(&bench, &server, &[&DAYS[..], &["--output", "plain.json"]].concat()).exits(0);
    let asked = server.asked().len();
    search(&bench, &server, &[&DAYS[..], &["--output", "wide.json", "--buffer", "50"]].concat()).exits(0);
    let (plain, wide) = (edges(0), edges(asked));
    assert!(wide[0] < plain[0] && wide[1] < plain[1] && wide[2] > plain[2] && wide[3] > plain[3]);
    let keys = |name: &str| bench.json(name)["shard_keys"].clone();
    assert_eq!(keys("plain.json"), keys("wide.json"));
    // Wider footprints touch more shards, and those of other granules.
    let more = [&DAYS[..], &["--output", "big.json", "--footprint-buffer", "60"]].concat();
    let big = search(&bench, &server, &[&more[..], &["--format", "json"]].concat()).exits(0).json();
    let pairs = bench.json("plain.json")["metadata"]["total_pairs"].as_u64().unwrap();
    assert!(big["pairs"].as_u64().unwrap() > pairs, "{big}");
}

#[test]
fn a_polygon_is_asked_for_and_cut_out() {
    let bench = Bench::empty();
    let server = Server::of_granules(granules(), 100);
    bench.write(
        "area.geojson",
        r#"{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {},
            "geometry": {"type": "Polygon", "coordinates": [[[59, -86], [59.2, -86], [59.2, -85.9], [59, -85.9], [59, -86]]]}}]}"#,
    );
    let start = ["catalog", "--plugin", "atl06", "--endpoint", &server.address, "--polygon", "area.geojson"];
    let said = bench.zagg(&[&start[..], &DAYS, &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(said["metadata"]["bbox"], serde_json::json!([59.0, -86.0, 59.2, -85.9]));
    let all = search(&bench, &server, &[&DAYS[..], &["--output", "all.json", "--format", "json"]].concat());
    let all = all.exits(0).json();
    assert!(said["shards"].as_u64() < all["shards"].as_u64(), "{said} {all}");
}

#[test]
fn nothing_found_is_said_and_nothing_written() {
    let bench = Bench::empty();
    let none = Server::of_granules(Vec::new(), 100);
    let said = search(&bench, &none, &DAYS).exits(1);
    assert!(
        said.err.starts_with("zagg: error: ") && said.err.contains("no granules of ATL06_007"),
        "{said:?}"
    );
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    let far = Server::of_granules(granules().split_off(3), 100);
    search(&bench, &far, &DAYS)
        .fails_with(1, "none of the 1 granule found touches a shard of the area; nothing is written");
    assert_eq!(bench.names(), [""; 0]);
}

/// A server whose pages after the first fail in a way.
fn faulty(fault: impl Fn(Answer) -> Answer + Send + Sync + 'static) -> Server {
    let inner = Server::of_granules(granules(), 2);
    Server::new(move |asked| {
        let is_later = asked.value("cursor").is_some() || asked.header("cmr-search-after").is_some();
        let answer = inner.answer(asked);
        if is_later { fault(answer) } else { answer }
    })
}

#[test]
fn an_answer_that_stops_early_is_no_smaller_map() {
    for (what, server) in [
        ("refused", faulty(|_| Answer::status(403))),
        (
            "cut",
            faulty(|mut answer| {
                answer.body.truncate(answer.body.len() / 2);
                answer
            }),
        ),
        (
            "empty",
            faulty(|mut answer| {
                let mut page: Value = serde_json::from_slice(&answer.body).unwrap();
                for key in ["features", "items", "links"] {
                    if let Some(list) = page.get_mut(key) {
                        *list = Value::Array(Vec::new());
                    }
                }
                answer.headers.retain(|(name, _)| name != "CMR-Search-After");
                answer.body = page.to_string().into_bytes();
                answer
            }),
        ),
    ] {
        let bench = Bench::empty();
        let said = search(&bench, &server, &[&DAYS[..], &["--output", "map.json"]].concat());
        assert_ne!(said.code, Some(0), "{what}: {said:?}");
        assert!([1, 3, 75].contains(&said.code.unwrap()), "{what}: {said:?}");
        let last = said.err.lines().last().unwrap();
        assert!(last.starts_with("zagg: error: "), "{what}: {said:?}");
        assert_eq!((said.out.as_str(), bench.names().len()), ("", 0), "{what}: {said:?}");
    }
}
