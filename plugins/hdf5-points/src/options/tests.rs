use super::*;
use serde_json::json;
use zagg_core::time::Scale;

fn section() -> Value {
    json!({
        "groups": ["gt1l", "gt1r"],
        "coordinates": {"latitude": "/{group}/lat", "longitude": "/{group}/lon"},
        "variables": {"h": "/{group}/h"},
        "quality_filter": {"dataset": "/{group}/q", "value": 0},
    })
}

/// Photons under segments, as the original's atl03.yaml has them.
fn photons() -> Value {
    json!({
        "groups": ["gt1l"],
        "coordinates": {"latitude": "/{group}/heights/lat_ph", "longitude": "/{group}/heights/lon_ph"},
        "variables": {"h_ph": "/{group}/heights/h_ph"},
        "filters": [
            {"dataset": "/{group}/heights/signal_conf_ph", "column": 0, "op": "ne", "value": -2},
            {"dataset": "/{group}/geolocation/podppd_flag", "level": "segments", "op": "eq", "value": 0},
        ],
        "base_level": "photons",
        "levels": {
            "photons": {
                "path": "/{group}/heights",
                "coordinates": {"latitude": "lat_ph", "longitude": "lon_ph"},
                "link": null,
            },
            "segments": {
                "path": "/{group}/geolocation",
                "coordinates": {"latitude": "reference_photon_lat", "longitude": "reference_photon_lon"},
                "variables": {"dem_h": "/{group}/geophys_corr/dem_h", "sigma_h": "sigma_h"},
                "link": {
                    "to": "photons",
                    "index_beg": "/{group}/geolocation/ph_index_beg",
                    "count": "/{group}/geolocation/segment_ph_cnt",
                    "index_base": 1,
                },
            },
        },
        "read_plan": {"spatial_index": "segments", "pad": 1},
        "time": {"dataset": "/{group}/heights/delta_time", "epoch": {"dataset": "/ancillary_data/atlas_sdp_gps_epoch"}},
    })
}

fn read(section: &Value) -> Result<Options> {
    Options::read(section.as_object().unwrap())
}

fn error(section: &Value) -> String {
    read(section).unwrap_err().to_string()
}

#[test]
fn columns_are_variables_then_filters() {
    let options = read(&section()).unwrap();
    let names: Vec<&str> = options.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["h", "/{group}/q"]);
    assert_eq!(Options::path(&options.columns[0].dataset.template, "gt1r"), "/gt1r/h");
}

#[test]
fn faults_name_the_key() {
    let mut no_latitude = section();
    no_latitude["coordinates"].as_object_mut().unwrap().remove("latitude");
    assert_eq!(error(&no_latitude), "coordinates.latitude is missing");
    let mut same_path = section();
    same_path["variables"]["h"] = "/gt1l/h".into();
    assert!(error(&same_path).contains("does not say {group}"));
    let mut twice = section();
    twice["groups"] = json!(["gt1l", "gt1l"]);
    assert_eq!(error(&twice), "groups: gt1l stands twice");
    for (value, part) in [
        (
            json!({"path": "/{group}/x", "column": -1}),
            "variables.h.column: must be a whole number from 0, not -1",
        ),
        (json!({"column": 3}), "variables.h.path: must be the path of a dataset"),
        (
            json!({"path": "/{group}/x", "colum": 3}),
            "variables.h.colum: unknown key; did you mean \"column\"?",
        ),
        (json!({"synthesize": "linspace"}), "synthesize is not supported"),
        (json!(3), "variables.h: must be the path of a dataset"),
        (json!("/"), "variables.h: must be the path of a dataset"),
    ] {
        let mut wrong = section();
        wrong["variables"]["h"] = value;
        assert!(error(&wrong).contains(part), "{}", error(&wrong));
    }
    let mut half = section();
    half["groups"] = json!("gt*");
    half["coordinates"]["latitude"] = "/x_{group}/lat".into();
    assert!(error(&half).contains("as the whole name of a group"), "{}", error(&half));
}

#[test]
fn levels_of_the_original_are_understood() {
    let options = read(&photons()).unwrap();
    let columns: Vec<(&str, &str, Option<usize>)> =
        options.columns.iter().map(|c| (c.name.as_str(), c.dataset.template.as_str(), c.level)).collect();
    assert_eq!(
        columns,
        [
            ("h_ph", "/{group}/heights/h_ph", None),
            ("dem_h", "/{group}/geophys_corr/dem_h", Some(0)),
            ("sigma_h", "/{group}/geolocation/sigma_h", Some(0)),
            ("time", "/{group}/heights/delta_time", None),
            ("/{group}/heights/signal_conf_ph[0]", "/{group}/heights/signal_conf_ph", None),
            ("/{group}/geolocation/podppd_flag@segments", "/{group}/geolocation/podppd_flag", Some(0)),
        ]
    );
    assert_eq!(options.columns[4].dataset.column, Some(0));
    let plan = options.plan.as_ref().unwrap();
    assert_eq!(plan.longitude.template, "/{group}/geolocation/reference_photon_lon");
    assert_eq!((plan.pad, plan.reach, options.levels[0].index_base), (1, 200.0, 1));
    let time = options.time.as_ref().unwrap();
    assert_eq!((time.scale, time.unit), (Scale::Gps, 1.0));
    assert_eq!(options.templates().len(), 2 + 6 + 2 + 2 + 1);
    // Without coordinates of its own the section takes those of the base level.
    let mut base = photons();
    base.as_object_mut().unwrap().remove("coordinates");
    assert_eq!(read(&base).unwrap(), options);
}

#[test]
fn faults_of_levels_and_time_name_the_key() {
    let cases: [(&str, Value, &str); 25] = [
        ("/base_level", json!("x"), "base_level: there is no level \"x\""),
        ("/base_level", json!(null), "base_level: must be the name"),
        ("/levels", json!(null), "base_level needs data_source.levels"),
        (
            "/levels/segments/link",
            json!(null),
            "levels.segments.link is missing: it tells which rows of photons",
        ),
        ("/levels/photons/link", json!({"to": "segments"}), "levels.photons.link: the base level has none"),
        ("/levels/segments/link/to", json!("segments"), "levels.segments.link.to: must be photons"),
        ("/levels/segments/link/to", json!("x"), "levels.segments.link.to: must be photons"),
        ("/levels/segments/link/index_base", json!(-1), "index_base: must be a whole number"),
        ("/levels/segments/link/reference_index", json!("x"), "reference_index: must be null"),
        ("/levels/segments/link/index_beg", json!(null), "levels.segments.link.index_beg is missing"),
        ("/levels/segments/link/begin", json!("x"), "levels.segments.link.begin: unknown key"),
        ("/levels/segments/variables/h_ph", json!("h"), "there is a column h_ph already"),
        ("/levels/segments/variables/latitude", json!("h"), "taken by the coordinates"),
        ("/levels/segments/coordinates", json!(null), "levels.segments.coordinates is missing"),
        ("/read_plan/spatial_index", json!("x"), "read_plan.spatial_index: there is no level"),
        ("/read_plan/pad", json!(-1), "read_plan.pad: must be a whole number from 0 to 1000, not -1"),
        ("/read_plan/reach", json!("far"), "read_plan.reach: must be metres"),
        ("/read_plan/full_read_threshold", json!(2), "full_read_threshold: must be from 0 to 1"),
        (
            "/filters/1/level",
            json!("x"),
            "the filter of /{group}/geolocation/podppd_flag: there is no level \"x\"",
        ),
        ("/coordinates/level", json!("x"), "coordinates.level: there is no level \"x\""),
        ("/time/epoch", json!("yesterday"), "time.epoch: \"yesterday\" is no date"),
        ("/time/epoch", json!(null), "time.epoch is missing"),
        ("/time/scale", json!("ut1"), "time.scale: must be utc, gps or tai"),
        ("/time/units", json!("weeks"), "time.units: must be nanoseconds"),
        ("/time/level", json!("x"), "time.level: there is no level"),
    ];
    for (at, value, part) in cases {
        let mut wrong = photons();
        let (parent, key) = at.rsplit_once('/').unwrap();
        let parent = if parent.is_empty() { &mut wrong } else { wrong.pointer_mut(parent).unwrap() };
        match parent {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
        assert!(error(&wrong).contains(part), "{at}: {}", error(&wrong));
    }
    let mut range = section();
    range["time_range"] = json!(["2018-01-01", null]);
    assert!(error(&range).contains("time_range needs data_source.time"), "{}", error(&range));
}
