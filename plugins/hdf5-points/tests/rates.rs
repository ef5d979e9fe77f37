//! Products with several rates: positions of a coarser level, its values spread to rows, time; also through an index.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole file is tests.

mod common;

use common::{beam, f64s, file, i32s, open, read, reader, section, source};
use serde_json::{Value, json};
use zagg_core::granule::Granule;
use zagg_core::source::{LATITUDE, OpenGranule, PartState, PointSource, Positions, TIME};
use zagg_core::{Column, Values};
use zagg_hdf5_write::{Group, Node};

fn check(granule: &dyn OpenGranule) {
    let names: Vec<&str> = granule.parts().iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["gt1", "gt2"]);
    assert_eq!(granule.parts()[0].state, PartState::Present { rows: 12 });
    // The rows of a level for rows 2 to 8, of which the segments 0, 2 and 3 are the parents.
    let quality = read(granule, "/{group}/geolocation/quality@segments", 2..8).unwrap();
    assert_eq!(quality, Column::complete(Values::Int32(vec![0, 2, 2, 2, 3, 3])));
    let dem = read(granule, "dem", 2..8).unwrap();
    assert_eq!(dem.values, Values::Float32(vec![1.0, -999.0, -999.0, -999.0, 4.0, 4.0]));
    assert_eq!(dem.missing, Some(vec![false, true, true, true, false, false]));
    let packed = read(granule, "p", 2..5).unwrap();
    assert_eq!(packed.values, Values::Float32(vec![11.0, 11.5, 12.0]));
    assert_eq!(packed.missing, Some(vec![false, true, false]));
    let time = read(granule, TIME, 0..2).unwrap();
    assert_eq!(time, Column::complete(Values::Float64(vec![1_514_764_900.0, 1_514_764_901.0])));
    assert_eq!(read(granule, LATITUDE, 11..12).unwrap().values, Values::Float64(vec![0.011]));
    assert_eq!(granule.column_attributes(TIME)["units"], "seconds since 1970-01-01T00:00:00Z");
    assert_eq!(granule.column_attributes("p")["units"], "m");
}

#[test]
fn rows_and_their_parents_with_and_without_an_index() {
    let bytes = file(&[("gt2", beam()), ("gt1", beam()), ("other", Group::new())]);
    let granule = open(&section(), &bytes).unwrap();
    check(&*granule);
    let expected = Positions::Coarse {
        lon: vec![7.0; 4],
        lat: vec![0.001, 0.0045, 0.007, 0.01],
        rows: vec![0..3, 3..6, 6..9, 9..12],
        reach: 200.0,
        pad: 1,
    };
    for positions in granule.positions(&[1, 0]) {
        assert_eq!(positions.unwrap(), expected);
    }
    check(&*granule);
    let index = granule.index().unwrap().unwrap();
    let known = source(&section()).open_indexed(&Granule::default(), reader(&bytes), &index).unwrap();
    check(&*known);
    assert_eq!(known.positions(&[0]).pop().unwrap().unwrap(), expected);
    assert_eq!(known.index().unwrap().unwrap(), index);
}

#[test]
fn links_that_leave_rows_out_are_no_positions() {
    let changed = |name: &str, values: [i32; 5]| {
        let mut beam = beam();
        let Some(Node::Group(geolocation)) = beam.members.get_mut("geolocation") else { panic!() };
        *geolocation = geolocation.clone().dataset(name, i32s(values));
        beam
    };
    let mut lost = beam();
    let Some(Node::Group(geolocation)) = lost.members.get_mut("geolocation") else { panic!() };
    *geolocation = geolocation.clone().dataset("lat", f64s([0.001, 0.0, f64::NAN, 0.007, 0.01]));
    for beam in [changed("count", [3, 0, 2, 3, 3]), changed("count", [3, 0, 3, 3, 2]), lost] {
        let bytes = file(&[("gt1", beam)]);
        let granule = open(&section(), &bytes).unwrap();
        let positions = granule.positions(&[0]).pop().unwrap().unwrap();
        let lat = (0..12).map(|row| f64::from(row) / 1000.0).collect();
        assert_eq!(positions, Positions::Exact { lon: vec![7.0; 12], lat });
    }
    let bytes = file(&[("gt1", changed("count", [3, 0, 2, 3, 3]))]);
    let quality =
        read(&*open(&section(), &bytes).unwrap(), "/{group}/geolocation/quality@segments", 4..7).unwrap();
    assert_eq!(quality.missing, Some(vec![false, true, false]));
}

#[test]
fn rows_may_lie_where_their_parents_are() {
    let mut section = section();
    section["coordinates"] = json!({"latitude": "/{group}/geolocation/lat", "longitude": "/{group}/geolocation/lon", "level": "segments"});
    section["read_plan"] = json!(null);
    let bytes = file(&[("gt1", beam())]);
    let granule = open(&section, &bytes).unwrap();
    assert_eq!(granule.parts()[0].state, PartState::Present { rows: 12 });
    let positions = granule.positions(&[0]).pop().unwrap().unwrap();
    let Positions::Coarse { lat, rows, reach, pad, .. } = positions else { panic!("{positions:?}") };
    assert_eq!((lat, reach, pad), (vec![0.001, 0.0045, 0.007, 0.01], 0.0, 0));
    assert_eq!(rows, [0..3, 3..6, 6..9, 9..12]);
    let latitudes = read(&*granule, LATITUDE, 2..4).unwrap().values;
    assert_eq!(latitudes, Values::Float64(vec![0.001, 0.0045]));
}

#[test]
fn keys_tell_sources_apart_that_look_for_rows_otherwise() {
    let key = |section: &Value| source(section).index_key().unwrap();
    let plain = key(&section());
    assert_eq!(key(&section()), plain);
    for (at, value) in [
        ("/groups", json!(["gt1"])),
        ("/read_plan/reach", json!(100)),
        ("/read_plan/pad", json!(2)),
        ("/read_plan", json!(null)),
        ("/levels/segments/link/index_base", json!(0)),
        ("/levels/segments/coordinates/latitude", json!("other")),
        ("/coordinates/latitude", json!({"path": "/{group}/heights/lat_ph", "column": 0})),
        ("/variables/h", json!("/{group}/heights/other")),
    ] {
        let mut other = section();
        let (parent, name) = at.rsplit_once('/').unwrap();
        other.pointer_mut(parent).unwrap()[name] = value;
        assert_ne!(key(&other), plain, "{at}");
    }
    // What is done with the values is no affair of an index.
    let mut same = section();
    same["time"]["units"] = json!("days");
    assert_eq!(key(&same), plain);
}
