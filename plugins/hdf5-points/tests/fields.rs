//! Columns that are fields of records, flags and half-precision numbers, also through an index.
#![allow(clippy::unwrap_used)] // The whole file is tests.

use std::sync::Arc;

use serde_json::json;
use zagg_core::granule::Granule;
use zagg_core::range_reader::MemoryReader;
use zagg_core::source::{OpenGranule, PartState, PointSource, Positions, ReadRequest};
use zagg_core::{Rows, Values};
use zagg_hdf5_points::Hdf5Points;

fn source() -> Hdf5Points {
    let section = json!({
        "coordinates": {"latitude": "/complex#i", "longitude": "/complex#r"},
        "variables": {"half": "/half_big", "flag": "/flag", "none": "/complex#nothing"},
    });
    Hdf5Points::new(section.as_object().unwrap()).unwrap()
}

fn reader() -> Arc<MemoryReader> {
    let bytes = include_bytes!("../../../drivers/hdf5/tests/fixtures/types.h5");
    Arc::new(MemoryReader::new("types.h5", bytes.to_vec()))
}

fn check(granule: &dyn OpenGranule) {
    assert_eq!(granule.parts()[0].state, PartState::Present { rows: 40 });
    let positions = granule.positions(&[0]).pop().unwrap().unwrap();
    let expected = Positions::Exact { lon: (0..40).map(f64::from).collect(), lat: vec![1.0; 40] };
    assert_eq!(positions, expected);
    let read = |name: &str| {
        let rows = Rows::from_ranges([0..2, 21..22]);
        let columns = vec![name.to_owned()];
        let batch = granule.read(&[ReadRequest { part: 0, rows, columns }]).pop().unwrap();
        batch.map(|batch| batch.columns[0].values.clone())
    };
    assert_eq!(read("half").unwrap(), Values::Float32(vec![-3.0, -2.857_421_9, 0.0]));
    assert_eq!(read("flag").unwrap(), Values::Int8(vec![1, 0, 1]));
    let error = read("none").unwrap_err();
    assert!(error.to_string().contains("there is no field nothing; its fields: r, i"), "{error}");
}

#[test]
fn fields_are_columns_with_and_without_an_index() {
    let granule = source().open(&Granule::default(), reader()).unwrap();
    check(&*granule);
    let index = granule.index().unwrap().unwrap();
    check(&*source().open_indexed(&Granule::default(), reader(), &index).unwrap());
}
