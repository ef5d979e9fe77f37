//! `zagg catalog`: what is asked for in a way that makes no sense. Nothing is asked of anybody then, and nothing written.

use crate::bench::Bench;
use crate::server::{Answer, Server};

const BBOX: [&str; 2] = ["--bbox", "58,-86.5,68,-85"];
const DAYS: [&str; 4] = ["--start-date", "2024-01-06", "--end-date", "2024-04-07"];

/// Runs `zagg catalog --plugin atl06` and checks that it ends with this one line.
#[track_caller]
fn refused(more: &[&str], code: i32, message: &str) {
    let bench = Bench::empty();
    bench.zagg(&[&["catalog", "--plugin", "atl06"], more].concat()).fails_with(code, message);
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn an_area_and_a_time_must_be_given() {
    refused(
        &DAYS,
        2,
        "no area; give --polygon FILE or --bbox W,S,E,N, for the whole Earth --bbox -180,-90,180,90",
    );
    for time in [&[][..], &DAYS[..2], &DAYS[2..]] {
        let more = [&BBOX[..], time].concat();
        refused(&more, 2, "no time; give --cycle N, or --start-date and --end-date");
    }
    refused(&["--source", "local-files"], 2, "no files to catalogue; give --from-files 'FOLDER/*.h5'");
}

#[test]
fn boxes_must_make_sense() {
    for (bbox, why) in [
        ("1,2,3", "write four numbers in degrees, west,south,east,north"),
        ("-10,x,10,20", "write four numbers in degrees, west,south,east,north"),
        ("0,20,10,10", "the southern edge, 20, is not south of the northern one, 10"),
        ("0,-100,10,10", "latitudes go from -90 to 90"),
        ("5,0,5,1", "the western and the eastern edge are the same; for a whole turn write -180 and 180"),
    ] {
        refused(&[&["--bbox", bbox], &DAYS[..]].concat(), 2, &format!("--bbox {bbox}: {why}"));
    }
}

#[test]
fn times_must_make_sense() {
    let cycles = "the cycles of ICESat-2 count from 1 to 99";
    for (time, message) in [
        (&["--cycle", "0"][..], format!("--cycle 0: there is no cycle 0; {cycles}")),
        (&["--cycle", "100"], format!("--cycle 100: there is no cycle 100; {cycles}")),
        (&["--cycle", "-3"], "--cycle -3: not the number of a cycle, such as 22".into()),
        (
            &["--start-date", "2024-04-07", "--end-date", "2024-01-06"],
            "the dates are reversed: 2024-04-07 to 2024-01-06; the first day comes first".into(),
        ),
        (
            &["--start-date", "2024-1-6", "--end-date", "2024-01-06"],
            "--start-date 2024-1-6: not a day; write it as 2024-01-06".into(),
        ),
    ] {
        refused(&[time, &BBOX].concat(), 2, &message);
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let both = "a cycle has its own dates; give --cycle, or --start-date and --end-date";
    refused(&[&BBOX[..], &DAYS, &["--cycle", "22"]].concat(), 2, both);
    let area = "there is one area: give --polygon or --bbox";
    refused(&[&BBOX[..], &DAYS, &["--polygon", "a.geojson"]].concat(), 2, area);
    refused(
        &["--from-files", "a", "--from-catalog", "b"],
        2,
        "granules come from one place: give --from-files or --from-catalog",
    );
    refused(
        &["--from-files", "a", "--source", "cmr"],
        2,
        "--from-files is for --source local-files, not cmr",
    );
    refused(
        &[&BBOX[..], &["--from-catalog", "a", "--source", "cmr"]].concat(),
        2,
        "--from-catalog asks nobody; leave out --source",
    );
    for (flag, value) in [
        ("--buffer", "1"),
        ("--endpoint", "http://x"),
        ("--short-name", "x"),
        ("--version", "1"),
        ("--provider", "x"),
    ] {
        refused(
            &["--from-catalog", "a", flag, value],
            2,
            &format!("{flag} belongs to a search; leave it out, or leave out --from-catalog"),
        );
        refused(
            &["--from-files", "a", flag, value],
            2,
            &format!("{flag} belongs to a search; leave it out, or leave out the files"),
        );
    }
    refused(
        &[&BBOX[..], &DAYS, &["--output", "same.parquet", "--catalog-out", "same.parquet"]].concat(),
        2,
        "the map and the granules are two files; give --output another name",
    );
}

#[test]
fn endings_that_nothing_is_written_as_are_refused_beforehand() {
    refused(
        &[&BBOX[..], &DAYS, &["--catalog-out", "found.json"]].concat(),
        2,
        "--catalog-out found.json: granules are written as stac-geoparquet; name it .parquet",
    );
    refused(
        &[&BBOX[..], &DAYS, &["--output", "map.json.gz"]].concat(),
        1,
        "map.json.gz: .gz cannot be written; use .json, .json.zst or .parquet",
    );
}

#[test]
fn numbers_and_addresses_must_make_sense() {
    for (flag, value, shown) in
        [("--buffer", "-1", "-1"), ("--buffer", "NaN", "NaN"), ("--footprint-buffer", "1e9", "1000000000")]
    {
        refused(
            &[&BBOX[..], &DAYS, &[flag, value]].concat(),
            2,
            &format!("{flag} {shown}: kilometres from 0 to 20000 are meant"),
        );
    }
    refused(
        &[&BBOX[..], &DAYS, &["--endpoint", "cmr.example.gov"]].concat(),
        2,
        "--endpoint cmr.example.gov: an address begins with https:// or http://",
    );
}

#[test]
fn what_cannot_be_found_is_named() {
    let folder = [&BBOX[..], &DAYS, &["--output", "no/map.json"]].concat();
    refused(&folder, 1, "no/map.json: there is no folder no; make it first");
    let folder = [&BBOX[..], &DAYS, &["--catalog-out", "no/found.parquet"]].concat();
    refused(&folder, 1, "no/found.parquet: there is no folder no; make it first");

    let bench = Bench::empty();
    bench.write("bad.geojson", "{\"type\": \"Polygon\"");
    for (more, pieces) in [
        (&["--polygon", "none.geojson"][..], &["none.geojson: ", "o such file"][..]),
        (&["--polygon", "bad.geojson"], &["bad.geojson"]),
        (&["--bbox", "0,0,1,1", "--source", "cmr-stack"], &["cmr-stack", "did you mean \"cmr-stac\"?"]),
    ] {
        let said = bench.zagg(&[&["catalog", "--plugin", "atl06"], &DAYS[..], more].concat()).exits(1);
        assert_eq!((said.out.as_str(), said.err.lines().count()), ("", 1), "{said:?}");
        assert!(pieces.iter().all(|piece| said.err.contains(piece)), "{said:?}");
    }
    assert_eq!(bench.names(), ["bad.geojson"]);
}

#[test]
fn the_pipeline_says_what_is_asked_and_the_command_line_overrides_it() {
    let server = Server::new(|_| Answer::status(400));
    let bench = Bench::empty();
    // A pipeline of one's own: the preset without what it asks for.
    let preset = bench.zagg(&["config", "show", "atl06"]).exits(0).out;
    let own = preset.split("\ncatalog:").next().unwrap();
    bench.write("own.yaml", own);
    let ask = |more: &[&str]| {
        let start = ["catalog", "--config", "own.yaml", "--bbox", "0,0,1,1"];
        bench.zagg(&[&start[..], &DAYS, more].concat())
    };
    ask(&[]).fails_with(
        2,
        "no product; give --short-name, such as ATL06, or short_name in the catalog section of the pipeline",
    );
    // Products of ICESat-2 have the original's defaults, others none.
    ask(&["--short-name", "GEDI02_A"]).fails_with(
        2,
        "no release; give --version, such as 007, or version in the catalog section of the pipeline",
    );
    ask(&["--short-name", "GEDI02_A", "--version", "002"]).fails_with(
        2,
        "no archive; give --provider, such as NSIDC_CPRD, or provider in the catalog section of the pipeline",
    );
    assert_eq!(server.asked().len(), 0);
    let gedi = ["catalog", "--plugin", "gedi_l2a", "--bbox", "0,0,1,1", "--cycle", "22"];
    bench.zagg(&gedi).fails_with(
        2,
        "--cycle is for ICESat-2, and GEDI02_A is none of its products; give --start-date and --end-date",
    );

    let collections = |more: &[&str]| {
        let before = server.asked().len();
        ask(&[&["--endpoint", &server.address], more].concat());
        let asked = server.asked().into_iter().nth(before).unwrap();
        (asked.path.clone(), asked.value("collections").unwrap_or_default())
    };
    assert_eq!(
        collections(&["--short-name", "ATL08"]),
        ("/stac/NSIDC_CPRD/search".to_string(), "ATL08_007".to_string())
    );
    bench.write(
        "own.yaml",
        format!(
            "{own}\ncatalog:\n  short_name: GEDI02_A\n  version: \"002\"\n  provider: LPCLOUD\n  endpoint: {}\n",
            server.address
        ),
    );
    let before = server.asked().len();
    ask(&[]);
    let asked = &server.asked()[before];
    assert_eq!(asked.path, "/stac/LPCLOUD/search");
    assert_eq!(asked.value("collections").unwrap(), "GEDI02_A_002");
    // The release of another product is not that of the pipeline.
    ask(&["--short-name", "GEDI02_B"]).fails_with(
        2,
        "no release; give --version, such as 007, or version in the catalog section of the pipeline",
    );
    bench.write("own.yaml", format!("{own}\ncatalog:\n  short_name: X\n  endpoint: example.gov\n"));
    let said = ask(&[]).exits(1);
    assert!(said.err.contains("own.yaml:") && said.err.contains("catalog.endpoint: example.gov"), "{said:?}");
}
