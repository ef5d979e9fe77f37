//! What is wrong with a granule or with the paths of a pipeline is told in one line that names the dataset.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole file is tests.

mod common;

use std::sync::Arc;

use common::{beam, f64s, fault, file, i32s, open, read, section};
use serde_json::{Value, json};
use zagg_core::granule::Granule;
use zagg_core::range_reader::MemoryReader;
use zagg_core::source::{PartState, PointSource, Positions};
use zagg_core::{Rows, Values};
use zagg_hdf5_points::Hdf5Points;
use zagg_hdf5_write::{Attribute, Dataset, Group, Node, Scalar};

fn with(at: &str, value: Value) -> Value {
    let mut section = section();
    let (parent, key) = at.rsplit_once('/').unwrap();
    section.pointer_mut(parent).unwrap()[key] = value;
    section
}

/// The beam with another dataset in one of its groups.
fn beam_with(group: &str, name: &str, dataset: Dataset) -> Group {
    let mut beam = beam();
    let Some(Node::Group(members)) = beam.members.get_mut(group) else { panic!("{group}") };
    *members = members.clone().dataset(name, dataset);
    beam
}

#[test]
fn paths_that_lead_nowhere_or_to_something_else() {
    let bytes = file(&[("gt1", beam())]);
    for (at, value, column, expected) in [
        ("/variables/h", json!("/{group}/heights/none"), "h", "there is no dataset /gt1/heights/none"),
        ("/variables/h", json!("/{group}/nowhere/h"), "h", "there is no dataset /gt1/nowhere/h"),
        ("/variables/h", json!("/{group}/heights"), "h", "is a group where a dataset is expected"),
        (
            "/variables/h",
            json!("/{group}/heights/name"),
            "h",
            "dataset /gt1/heights/name does not hold numbers but string of 4 bytes",
        ),
        (
            "/variables/h",
            json!("/{group}/heights/short"),
            "h",
            "dataset /gt1/heights/short has 11 rows where the coordinates have 12; a dataset of another rate belongs to \
             one of data_source.levels",
        ),
        (
            "/variables/h",
            json!({"path": "/{group}/heights/h_ph", "column": 3}),
            "h",
            "dataset /gt1/heights/h_ph has shape [12]: no column 3",
        ),
        (
            "/coordinates/latitude",
            json!("/{group}/heights/none"),
            "h",
            "there is no dataset /gt1/heights/none",
        ),
        ("/coordinates/latitude", json!("/{group}/nowhere/lat"), "h", "absent"),
        ("/coordinates/latitude", json!("/{group}/heights/name"), "h", "does not hold numbers"),
        (
            "/coordinates/longitude",
            json!("/{group}/heights/short"),
            "h",
            "has 11 rows where the coordinates have 12",
        ),
        ("/levels/segments/link/count", json!("none"), "h", "there is no dataset /gt1/geolocation/none"),
        ("/levels/segments/link/count", json!("longer"), "h", "has 6 rows where level segments has 5"),
        (
            "/levels/segments/link/index_beg",
            json!("lat"),
            "h",
            "index_beg of level segments holds float64, no row numbers",
        ),
        (
            "/levels/segments/link/index_base",
            json!(2),
            "h",
            "row 0 of level segments stands for 3 rows from number 1 on",
        ),
        ("/levels/segments/link/index_base", json!(0), "h", "the part has 12 rows; check index_base"),
        ("/levels/segments/variables/dem", json!("longer"), "dem", "has 6 rows where level segments has 5"),
        (
            "/levels/segments/coordinates/latitude",
            json!("none"),
            "h",
            "there is no dataset /gt1/geolocation/none",
        ),
        (
            "/time/epoch/dataset",
            json!("/ancillary/none"),
            "time",
            "time.epoch (a date may stand there instead): there is no dataset /ancillary/none",
        ),
        ("/time/epoch/dataset", json!("/ancillary/two"), "time", "has 2 rows where an epoch has 1"),
    ] {
        let found = fault(&with(at, value.clone()), &bytes, column);
        assert!(found.contains(expected), "{at} {value}: {found}");
        assert!(!found.contains('\n'));
    }
    assert_eq!(fault(&section(), &bytes, "h"), "sound");
}

#[test]
fn attributes_that_do_not_unpack() {
    let scaled = |value| beam_with("heights", "h_ph", i32s(0..12).attribute("scale_factor", value));
    for (value, expected) in [
        (
            Attribute::Text("0.1".into()),
            "the attribute scale_factor of dataset /gt1/heights/h_ph is no number",
        ),
        (Attribute::Scalar(Scalar::F64(0.0)), "is 0"),
        (Attribute::Scalar(Scalar::F64(f64::NAN)), "is NaN"),
        (Attribute::Array(zagg_hdf5_write::Values::F64(vec![1.0, 2.0])), "is not one number"),
    ] {
        let found = fault(&section(), &file(&[("gt1", scaled(value))]), "h");
        assert!(found.contains(expected), "{found}");
    }
    // A wide type becomes float64 also beside a float32 attribute.
    let bytes = file(&[("gt1", scaled(Attribute::Scalar(Scalar::F32(0.5))))]);
    let column = read(&*open(&section(), &bytes).unwrap(), "h", 0..2).unwrap();
    assert_eq!(column.values, Values::Float64(vec![0.0, 0.5]));
}

#[test]
fn coordinates_that_are_no_positions_are_given_as_they_are() {
    let odd = [f64::NAN, f64::INFINITY, 91.0, -1e300];
    let mut latitudes: Vec<f64> = (0..12).map(f64::from).collect();
    latitudes[..4].copy_from_slice(&odd);
    let bytes = file(&[("gt1", beam_with("heights", "lat_ph", f64s(latitudes)))]);
    let section = with("/read_plan", json!(null));
    let granule = open(&section, &bytes).unwrap();
    let Positions::Exact { lat, .. } = granule.positions(&[0]).pop().unwrap().unwrap() else { panic!() };
    assert!(lat[0].is_nan());
    assert_eq!(lat[1..4], odd[1..]);
}

#[test]
fn granules_without_what_a_pattern_looks_for_have_no_parts() {
    let bytes = file(&[("x", beam())]);
    assert!(open(&section(), &bytes).unwrap().parts().is_empty());
    // Datasets and groups of other names are not meant; nor is a folder that is not there a fault.
    let elsewhere = with("/groups", json!("nowhere/gt*"));
    assert!(open(&elsewhere, &bytes).unwrap().parts().is_empty());
    let mixed = with("/groups", json!(["gt9", "x*"]));
    let granule = open(&mixed, &bytes).unwrap();
    let states: Vec<_> = granule.parts().iter().map(|part| (part.name.as_str(), &part.state)).collect();
    assert_eq!(states, [("gt9", &PartState::Absent), ("x", &PartState::Present { rows: 12 })]);
}

#[test]
fn a_dataset_of_several_dimensions_needs_a_column() {
    let bytes = include_bytes!("../../../drivers/hdf5/tests/fixtures/types.h5").to_vec();
    let open = |cube: Value| {
        let section = json!({
            "coordinates": {"latitude": {"path": "cube", "column": 0}, "longitude": {"path": "cube", "column": 1}},
            "variables": {"cube": cube},
        });
        let source = Hdf5Points::new(section.as_object().unwrap()).unwrap();
        source.open(&Granule::default(), Arc::new(MemoryReader::new("types.h5", bytes.clone()))).unwrap()
    };
    let granule = open(json!({"path": "cube", "column": 59}));
    assert_eq!(read(&*granule, "cube", 2..4).unwrap().values.to_f64(), [179.0, 239.0]);
    let positions = granule.positions(&[0]).pop().unwrap().unwrap();
    let values = |column: u64| Rows::all(20).iter().map(|row| (row * 60 + column) as f64).collect();
    assert_eq!(positions, Positions::Exact { lat: values(0), lon: values(1) });
    let granule = open(json!("cube"));
    assert_eq!(
        read(&*granule, "cube", 0..1).unwrap_err().to_string(),
        "dataset cube has shape [20, 3, 4, 5]; say which value of each row is meant: {path: \"cube\", column: 0}, \
         or in a filter column: 0"
    );
    let granule = open(json!({"path": "cube", "column": 60}));
    let error = read(&*granule, "cube", 0..1).unwrap_err().to_string();
    assert_eq!(error, "dataset cube has shape [20, 3, 4, 5]: no column 60");
}
