//! Files of another writer (pyarrow, see make_reference.py) are read value by value.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{column, memory, open, read, reference, rows, source};
use serde_json::{Value, json};
use zagg_core::conformance;
use zagg_core::granule::Granule;
use zagg_core::source::{LATITUDE, LONGITUDE, PartState, Positions};
use zagg_core::{Column, DType, ErrorKind, Rows, Values};

const ROWS: u64 = 80;

fn section() -> Value {
    json!({
        "coordinates": {"latitude": "lat", "longitude": "lon"},
        "variables": {
            "height": "height", "id": "id", "time": "time", "flag": "flag", "small": "small", "wide": "wide",
            "never": "never",
        },
        "quality_filter": {"dataset": "quality", "value": 0},
    })
}

/// What make_reference.py writes.
fn expected(name: &str, rows: u64) -> Column {
    let rows = 0..rows as i64;
    let flags = |missing: fn(i64) -> bool| Some(rows.clone().map(missing).collect::<Vec<bool>>());
    let complete = Column::complete;
    match name {
        LATITUDE => complete(Values::Float64(rows.map(|i| -70.0 - i as f64 / 64.0).collect())),
        LONGITUDE => complete(Values::Float64(rows.map(|i| -180.0 + i as f64 * 0.75).collect())),
        "height" => Column {
            missing: flags(|i| i % 7 == 3),
            values: Values::Float32(rows.map(|i| i as f32 * 0.25 - 20.0).collect()),
        },
        "quality" => Column {
            missing: flags(|i| i % 11 == 0),
            values: Values::UInt8(rows.map(|i| (i % 5) as u8).collect()),
        },
        "id" => complete(Values::Int64(rows.map(|i| i * i * 1_000_003 - 5).collect())),
        "time" => complete(Values::Int64(rows.map(|i| 1_600_000_000_000_000 + i * 250).collect())),
        "flag" => complete(Values::Bool(rows.map(|i| i % 3 == 0).collect())),
        "small" => complete(Values::Int16(rows.map(|i| i as i16 - 200).collect())),
        "wide" => complete(Values::UInt32(rows.map(|i| 4_000_000_000 + i as u32).collect())),
        "never" => {
            Column { missing: flags(|_| true), values: Values::Float64(rows.map(|_| f64::NAN).collect()) }
        }
        other => panic!("{other}"),
    }
}

/// Equal but for what stands in the place of missing values.
fn assert_same(got: &Column, want: &Column, what: &str) {
    let values = |column: &Column| {
        let there = |at: usize| column.missing.as_ref().is_none_or(|flags| !flags[at]);
        let text = |at: usize| {
            if there(at) { format!("{:?}", column.values.gather(&[at as u32])) } else { "missing".into() }
        };
        (0..column.len()).map(text).collect::<Vec<_>>()
    };
    assert_eq!(got.values.dtype(), want.values.dtype(), "{what}");
    assert_eq!(values(got), values(want), "{what}");
}

#[test]
fn every_column_of_every_form_is_read() {
    let source = source(&section());
    for (name, columns) in [
        ("zstd.parquet", &["height", "quality", "id", "time", "flag", "small", "wide", "never"][..]),
        ("first_form.parquet", &["height", "quality", "id"]),
        ("second_form.parquet", &["height", "quality", "id", "flag", "small"]),
        ("gzip.parquet", &["height"]),
        ("lz4.parquet", &["height"]),
    ] {
        let granule = open(&source, &reference(name)).unwrap();
        assert_eq!(rows(&*granule), ROWS, "{name}");
        for column_name in [LATITUDE, LONGITUDE].iter().chain(columns) {
            let got = column(&*granule, column_name).unwrap();
            assert_same(&got, &expected(column_name, ROWS), &format!("{name} {column_name}"));
        }
        // Across row groups of 40 rows.
        let some = Rows::from_ranges([3..4, 38..42, 79..80]);
        let places: Vec<u32> = some.iter().map(|row| row as u32).collect();
        for (name, got) in columns.iter().zip(read(&*granule, some, columns).unwrap()) {
            assert_same(&got, &expected(name, ROWS).gather(&places), name);
        }
    }
}

#[test]
fn statistics_are_positions_where_there_are_any() {
    let source = source(&section());
    let positions = |name: &str| open(&source, &reference(name)).unwrap().positions(&[0]).remove(0).unwrap();
    match positions("zstd.parquet") {
        Positions::Boxes { boxes, rows } => {
            assert_eq!(rows, [0..40, 40..80]);
            let second = boxes[1].unwrap();
            assert_eq!((second.west, second.east), (-180.0 + 40.0 * 0.75, -180.0 + 79.0 * 0.75));
            assert_eq!((second.south, second.north), (-70.0 - 79.0 / 64.0, -70.0 - 40.0 / 64.0));
        }
        other => panic!("{other:?}"),
    }
    let Positions::Exact { lon, lat } = positions("gzip.parquet") else { panic!("without statistics") };
    assert_eq!(Values::Float64(lon), expected(LONGITUDE, ROWS).values);
    assert_eq!(Values::Float64(lat), expected(LATITUDE, ROWS).values);
    let mut doubted = section();
    doubted["options"] = json!({"statistics": false});
    let granule = open(&common::source(&doubted), &reference("zstd.parquet")).unwrap();
    assert!(matches!(granule.positions(&[0]).remove(0), Ok(Positions::Exact { .. })));
}

#[test]
fn points_of_geoparquet_are_positions() {
    let source = source(&json!({"coordinates": {"geometry": "geometry"}, "variables": {"x": "bbox.xmin"}}));
    let granule = open(&source, &reference("geo.parquet")).unwrap();
    let (lon, lat) = (column(&*granule, LONGITUDE).unwrap(), column(&*granule, LATITUDE).unwrap());
    for (got, name) in [(lon, LONGITUDE), (lat, LATITUDE)] {
        let want = Column { missing: Some((0..ROWS).map(|i| i == 5).collect()), ..expected(name, ROWS) };
        assert_same(&got, &want, name);
    }
    let positions = granule.positions(&[0]).remove(0).unwrap();
    let Positions::Boxes { boxes, .. } = positions else { panic!("{positions:?}") };
    let first = boxes[0].unwrap();
    assert!(first.holds(-180.0, -70.0) && first.holds(-180.0 + 39.0 * 0.75, -70.0 - 39.0 / 64.0));
    assert!(!first.holds(-180.0 + 40.0 * 0.75, -70.0) && (first.west + 180.0).abs() < 1e-4);
}

#[test]
fn members_of_structures_are_columns_and_lists_are_not() {
    let mut section = section();
    section["variables"] =
        json!({"x": "inside.x", "list": "list", "text": "text", "price": "price", "gone": "hight"});
    section.as_object_mut().unwrap().remove("quality_filter");
    let granule = open(&source(&section), &reference("nested.parquet")).unwrap();
    let want = Column {
        values: Values::Float64((0..10).map(|i| f64::from(i) / 2.0).collect()),
        missing: Some((0..10).map(|i| i == 2 || i == 4).collect()),
    };
    assert_same(&column(&*granule, "x").unwrap(), &want, "x");
    for (name, what) in [
        ("list", "the column list holds lists or other columns"),
        ("text", "the column text holds text or bytes"),
        ("price", "the column price holds decimal numbers"),
        ("gone", "there is no column hight"),
    ] {
        let error = column(&*granule, name).unwrap_err();
        assert!(error.message().starts_with(what), "{error}");
    }
    section["coordinates"]["latitude"] = "list".into();
    let granule = open(&source(&section), &reference("nested.parquet")).unwrap();
    assert!(matches!(&granule.parts()[0].state, PartState::Broken(e) if e.kind() == ErrorKind::Unsupported));
}

#[test]
fn types_and_units_of_the_pipeline_are_taken() {
    let mut section = section();
    section["variables"] = json!({"id": {"column": "id", "dtype": "float64", "units": "1"}, "b": {"column": "id", "dtype": "int8"}});
    let granule = open(&source(&section), &reference("zstd.parquet")).unwrap();
    let want = Column::complete(expected("id", ROWS).values.cast(DType::Float64).unwrap());
    assert_eq!(column(&*granule, "id").unwrap(), want);
    assert_eq!(granule.column_attributes("id")["units"], "1");
    let error = column(&*granule, "b").unwrap_err();
    assert!(error.message().starts_with("column id: the value"), "{error}");
}

#[test]
fn other_compressions_and_other_files_are_refused_by_name() {
    let source = source(&section());
    let granule = open(&source, &reference("brotli.parquet")).unwrap();
    let error = column(&*granule, LATITUDE).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.message().contains("Brotli"), "{error}");
    for bytes in [&b""[..], b"PAR1", b"PAR1\0\0\0\0PAR1", b"a text that is no Parquet file"] {
        let error = open(&source, &memory("a.parquet", bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let error = open(&source, &memory("a.parquet", &b"PAR1\x15\0\x01\0\0\0PARE"[..])).unwrap_err();
    assert!(error.message().contains("encrypted"), "{error}");
}

#[test]
fn text_gives_the_same_rows() {
    let mut section = section();
    section["variables"] = json!({
        "height": {"column": "height", "dtype": "float32"}, "id": {"column": "id", "dtype": "int64"},
        "flag": {"column": "flag", "dtype": "bool"}, "quality": {"column": "quality", "dtype": "uint8"},
    });
    let granule = open(&source(&section), &reference("points.csv")).unwrap();
    assert_eq!(rows(&*granule), 20);
    for name in [LATITUDE, LONGITUDE, "height", "quality", "id", "flag"] {
        assert_same(&column(&*granule, name).unwrap(), &expected(name, 20), name);
    }
}

#[test]
fn files_pass_the_conformance_suite() {
    let geometry = json!({"coordinates": {"geometry": "geometry"}, "variables": {"x": "bbox.xmin"}});
    for (name, section) in [
        ("zstd.parquet", section()),
        ("second_form.parquet", section()),
        ("gzip.parquet", section()),
        ("geo.parquet", geometry),
        ("points.csv", section()),
    ] {
        let found = conformance::source(&source(&section), &Granule::default(), &reference(name));
        assert_eq!(found, Ok(()), "{name}");
    }
}
