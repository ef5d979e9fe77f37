//! A made-up granule of photons under segments, and reading it.
#![allow(dead_code)] // Each test uses some of it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use zagg_core::granule::Granule;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::source::{OpenGranule, PartState, PointSource, ReadRequest};
use zagg_core::{Column, Result, Rows};
use zagg_hdf5_points::Hdf5Points;
use zagg_hdf5_write::{Attribute, Dataset, Group, Scalar, Values, write_file};

pub(crate) fn f64s(values: impl IntoIterator<Item = f64>) -> Dataset {
    Dataset::new(Values::F64(values.into_iter().collect()))
}

pub(crate) fn i32s(values: impl IntoIterator<Item = i32>) -> Dataset {
    Dataset::new(Values::I32(values.into_iter().collect()))
}

/// Twelve photons under five segments, of which the second has none.
pub(crate) fn beam() -> Group {
    let rows = || (0..12).map(f64::from);
    let heights = Group::new()
        .dataset("lat_ph", f64s(rows().map(|row| row / 1000.0)))
        .dataset("lon_ph", f64s(rows().map(|_| 7.0)))
        .dataset("h_ph", Dataset::new(Values::F32((0..12).map(|row| row as f32).collect())))
        .dataset("delta_time", f64s(rows().map(|row| 100.0 + row)))
        .dataset(
            "packed",
            Dataset::new(Values::I16((0..12).collect()))
                .attribute("scale_factor", Attribute::Scalar(Scalar::F32(0.5)))
                .attribute("add_offset", Attribute::Scalar(Scalar::F32(10.0)))
                .attribute("_FillValue", Attribute::Scalar(Scalar::I16(3)))
                .text("units", "m"),
        )
        .dataset("name", Dataset::new(Values::Text { values: vec!["x".into(); 12], width: 4 }))
        .dataset("short", f64s(rows().skip(1)));
    let geolocation = Group::new()
        .dataset("lat", f64s([0.001, 0.0, 0.0045, 0.007, 0.01]))
        .dataset("lon", f64s([7.0; 5]))
        .dataset("first", i32s([1, 0, 4, 7, 10]))
        .dataset("count", i32s([3, 0, 3, 3, 3]))
        .dataset("quality", i32s([0, 1, 2, 3, 4]))
        .dataset(
            "dem",
            Dataset::new(Values::F32(vec![1.0, 2.0, -999.0, 4.0, 5.0]))
                .attribute("_FillValue", Attribute::Scalar(Scalar::F32(-999.0))),
        )
        .dataset("longer", i32s([1; 6]));
    Group::new().group("heights", heights).group("geolocation", geolocation)
}

pub(crate) fn file(beams: &[(&str, Group)]) -> Bytes {
    let epoch = Group::new().dataset("gps_epoch", f64s([1_198_800_018.0])).dataset("two", f64s([1.0, 2.0]));
    let root = Group::new().group("ancillary", epoch);
    let root = beams.iter().fold(root, |root, (name, beam)| root.group(*name, beam.clone()));
    write_file(&root).unwrap().into()
}

pub(crate) fn section() -> Value {
    json!({
        "groups": "gt*",
        "coordinates": {"latitude": "/{group}/heights/lat_ph", "longitude": "/{group}/heights/lon_ph"},
        "variables": {"h": "/{group}/heights/h_ph", "p": "/{group}/heights/packed"},
        "filters": [{"dataset": "/{group}/geolocation/quality", "level": "segments", "op": "le", "value": 3}],
        "base_level": "photons",
        "levels": {
            "photons": {"path": "/{group}/heights"},
            "segments": {
                "path": "/{group}/geolocation",
                "coordinates": {"latitude": "lat", "longitude": "lon"},
                "variables": {"dem": "dem"},
                "link": {"to": "photons", "index_beg": "first", "count": "count", "index_base": 1},
            },
        },
        "read_plan": {"spatial_index": "segments"},
        "time": {"dataset": "/{group}/heights/delta_time", "epoch": {"dataset": "/ancillary/gps_epoch"}},
    })
}

pub(crate) fn source(section: &Value) -> Hdf5Points {
    Hdf5Points::new(section.as_object().unwrap()).unwrap()
}

pub(crate) fn reader(bytes: &Bytes) -> Arc<dyn RangeReader> {
    Arc::new(MemoryReader::new("granule.h5", bytes.clone()))
}

pub(crate) fn open(section: &Value, bytes: &Bytes) -> Result<Box<dyn OpenGranule>> {
    source(section).open(&Granule::default(), reader(bytes))
}

/// One column of some rows of the first part.
pub(crate) fn read(granule: &dyn OpenGranule, name: &str, rows: std::ops::Range<u64>) -> Result<Column> {
    let request = ReadRequest { part: 0, rows: Rows::from_ranges([rows]), columns: vec![name.into()] };
    Ok(granule.read(&[request]).pop().unwrap()?.columns.remove(0))
}

/// What is wrong with the first part, where its positions or a column tell.
pub(crate) fn fault(section: &Value, bytes: &Bytes, column: &str) -> String {
    let granule = match open(section, bytes) {
        Ok(granule) => granule,
        Err(error) => return error.to_string(),
    };
    match &granule.parts()[0].state {
        PartState::Broken(error) => return error.to_string(),
        PartState::Absent => return "absent".into(),
        PartState::Present { .. } => {}
    }
    match granule.positions(&[0]).pop().unwrap() {
        Ok(_) => match read(&*granule, column, 0..4) {
            Ok(_) => "sound".into(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}
