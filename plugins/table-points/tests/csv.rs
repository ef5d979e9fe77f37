//! CSV files: separators, quotes, missing values, and errors that name the line.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

mod common;

use std::sync::Arc;

use common::{column, memory, open, rows, source};
use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::range_reader::{Failing, RangeReader, Recording};
use zagg_core::source::{PartState, Positions};
use zagg_core::{Column, Error, ErrorKind, Values};

fn section(options: Value) -> Value {
    json!({
        "coordinates": {"latitude": "lat", "longitude": "lon"},
        "variables": {"h": "height, above"},
        "options": options,
    })
}

fn heights(section: &Value, name: &str, text: &str) -> Result<Column, Error> {
    let granule = open(&source(section), &memory(name, text.as_bytes().to_vec()))?;
    match &granule.parts()[0].state {
        PartState::Broken(error) => Err(error.clone()),
        _ => column(&*granule, "h"),
    }
}

#[test]
fn quotes_delimiters_comments_and_line_ends_are_taken() {
    let want = Column {
        values: Values::Float64(vec![1.5, f64::NAN, -2.0]),
        missing: Some(vec![false, true, false]),
    };
    for (name, options, text) in [
        ("a.csv", json!({}), "lat,lon,\"height, above\"\n1,2,1.5\n1,2,\n1,2,-2"),
        (
            "a.csv",
            json!({"delimiter": ";"}),
            "\u{feff}lat;lon;\"height, above\"\r\n1;2;1.5\r\n1;2;\r\n1;2; -2 \r\n",
        ),
        (
            "a.tsv",
            json!({"null_values": ["NA"]}),
            "lon\tlat\theight, above\n1\t2\t1.5\n1\t2\tNA\n1\t2\t-2e0\n",
        ),
        (
            "a.csv",
            json!({"comment": "#", "quote": "'"}),
            "#x\nlat,lon,'height, above'\n1,2,'1.5'\n#,\n1,2,''\n1,2,-2\n",
        ),
    ] {
        let got = heights(&section(options), name, text).unwrap();
        assert_eq!(got.missing, want.missing, "{text}");
        assert_eq!(format!("{:?}", got.values), format!("{:?}", want.values), "{text}");
    }
}

#[test]
fn columns_have_numbers_where_there_is_no_header() {
    let section = json!({
        "coordinates": {"latitude": 1, "longitude": 0}, "variables": {"h": {"column": 2, "dtype": "int32"}},
        "options": {"header": false, "format": "csv"},
    });
    let granule = open(&source(&section), &memory("points.dat", &b"10,20,3\n11,21,-4\n"[..])).unwrap();
    assert_eq!(column(&*granule, "h").unwrap(), Column::complete(Values::Int32(vec![3, -4])));
    let exact = Positions::Exact { lon: vec![10.0, 11.0], lat: vec![20.0, 21.0] };
    assert_eq!(granule.positions(&[0]), [Ok(exact)]);
}

#[test]
fn faults_name_line_and_column() {
    let header = "lat,lon,\"height, above\"\n";
    for (text, message) in [
        (format!("{header}1,2,3\n1,2,four\n"), "line 3: column height, above: \"four\" is not a number"),
        (format!("{header}1,2,3\n1,2\n"), "a.csv: line 3 has 2 fields where 3 belong"),
        (format!("{header}x,2,3\n"), "line 2: column lat: \"x\" is not a number"),
        ("lat,lon,height\n1,2,3\n".into(), "there is no column height, above"),
        ("lat,lat,lon,height\n".into(), "two columns are named lat"),
        (String::new(), "a.csv: has no header"),
    ] {
        let error = heights(&section(json!({})), "a.csv", &text).unwrap_err();
        assert!(error.message().starts_with(message), "{error}");
    }
    // A bad number in a column that nothing uses is nobody's affair.
    let text = "lat,lon,\"height, above\",note\n1,2,3,four\n";
    assert_eq!(heights(&section(json!({})), "a.csv", text), Ok(Column::complete(Values::Float64(vec![3.0]))));
}

#[test]
fn quotes_that_are_not_closed_lose_no_rows() {
    let header = "lat,lon,\"height, above\",note\n";
    for rows in ["1,2,3,a\n1,2,4,\"b\n1,2,5,c\n", "1,2,3,a\n1,2,4,\"b\n1,2,5,\"c\n1,2,6,d\n"] {
        let error = heights(&section(json!({})), "a.csv", &format!("{header}{rows}")).unwrap_err();
        assert!(error.message().starts_with("a.csv: the quote that begins a field in line 3"), "{error}");
    }
    let lines = format!("{header}1,2,3,\"a\nb\"\n1,2,4,5\" tube\n1,2,5,\"x\" y\n");
    assert_eq!(heights(&section(json!({})), "a.csv", &lines).unwrap().len(), 3);
}

#[test]
fn a_quote_that_is_never_closed_takes_no_endless_memory() {
    let mut text = b"lat,lon,\"height, above\"\n1,2,\"".to_vec();
    text.resize(24 << 20, b'x');
    let error = open(&source(&section(json!({}))), &memory("a.csv", text)).unwrap_err();
    assert!(error.message().contains("a quote may not be closed"), "{error}");
}

#[test]
fn files_beyond_the_memory_are_refused_and_others_read_again() {
    let text = format!("lat,lon,\"height, above\"\n{}", "1.25,2.5,3.75\n".repeat(1000));
    let with_memory = |bytes: u64| {
        let mut section = section(json!({}));
        section["memory"] = bytes.into();
        source(&section)
    };
    let error = open(&with_memory(20_000), &memory("a.csv", text.clone())).unwrap_err();
    assert!(error.message().contains("data_source.memory"), "{error}");
    // Room for the columns of one file: the second one is not kept.
    let source = with_memory(30_000);
    let readers = [0, 1].map(|_| Arc::new(Recording::new(memory("a.csv", text.clone()))));
    let opened = readers.clone().map(|reader| open(&source, &(reader as Arc<dyn RangeReader>)).unwrap());
    for granule in &opened {
        assert_eq!(rows(&**granule), 1000);
        assert_eq!(column(&**granule, "h"), Ok(Column::complete(Values::Float64(vec![3.75; 1000]))));
    }
    assert_eq!(readers.map(|reader| reader.recorded().calls.len()), [1, 2]);
}

#[test]
fn a_read_that_fails_stays_what_it_is() {
    let sound = memory("a.csv", &b"lat,lon\n1,2\n"[..]);
    let failing: Arc<dyn RangeReader> = Arc::new(Failing::from_call(sound, 0, Error::temporary("slow down")));
    let error = open(&source(&section(json!({}))), &failing).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Temporary, "slow down"));
}

proptest! {
    #[test]
    fn any_text_ends_in_an_answer(text in "(lat,lon,h\n)?[0-9,.;\"'#\r\n\u{feff}a-c-]{0,200}", header in any::<bool>()) {
        let columns = if header { json!(["lat", "lon", "h"]) } else { json!([0, 1, 2]) };
        let section = json!({
            "coordinates": {"latitude": columns[0], "longitude": columns[1]},
            "variables": {"h": {"column": columns[2], "dtype": "int16"}},
            "options": {"header": header, "comment": "#"},
        });
        if let Ok(granule) = open(&source(&section), &memory("a.csv", text))
            && matches!(granule.parts()[0].state, PartState::Present { .. })
            && let Ok(column) = column(&*granule, "h")
        {
            prop_assert_eq!(column.len() as u64, rows(&*granule));
        }
    }
}
