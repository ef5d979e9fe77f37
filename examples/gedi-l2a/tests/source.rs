//! The source keeps its contract, knows beams and names, and gives the rows of the sample.

mod sample;

use std::sync::Arc;

use gedi_l2a as _;
use serde_json::{Value, json};
use zagg_core::granule::Granule;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::registry::Registry;
use zagg_core::source::{PartState, PointSource, ReadRequest};
use zagg_core::{Result, Rows, conformance};

fn source(section: Value) -> Result<Box<dyn PointSource>> {
    Registry::linked()?.source("gedi-l2a", section.as_object().unwrap())
}

fn ground() -> Value {
    json!({"variables": {"ground": "elevation", "quality": "quality"}})
}

fn reader() -> Arc<dyn RangeReader> {
    Arc::new(MemoryReader::new("sample.h5", sample::granule()))
}

#[test]
fn it_conforms() {
    let source = source(ground()).unwrap();
    assert_eq!(conformance::source(&*source, &Granule::default(), &reader()), Ok(()));
}

#[test]
fn rows_are_those_of_the_file_and_flags_that_are_absent_pass() {
    let granule = source(ground()).unwrap().open(&Granule::default(), reader()).unwrap();
    let present: Vec<usize> =
        (0..8).filter(|&at| granule.parts()[at].state == PartState::Present { rows: 1000 }).collect();
    let names: Vec<&str> = present.iter().map(|&at| granule.parts()[at].name.as_str()).collect();
    assert_eq!(names, ["BEAM0001", "BEAM0101"]);
    let request = ReadRequest {
        part: present[1],
        rows: Rows::from_ranges(std::iter::once(7..9)),
        columns: vec!["ground".into(), "quality".into()],
    };
    let batch = granule.read(&[request]).remove(0).unwrap();
    let want = [7, 8].map(|row| f64::from(sample::row(1, row).2));
    assert_eq!(batch.columns[0].values.to_f64(), want);
    assert_eq!(batch.columns[1].values.to_f64(), [1.0, 1.0]);
}

#[test]
fn beams_are_chosen_by_power() {
    for (beams, count) in [("all", 8), ("full", 4), ("coverage", 4)] {
        let mut section = ground();
        section["beams"] = beams.into();
        let granule = source(section).unwrap().open(&Granule::default(), reader()).unwrap();
        assert_eq!(granule.parts().len(), count, "{beams}");
    }
}

#[test]
fn names_that_the_product_does_not_have_are_refused() {
    for (key, value, said) in [
        ("beams", json!("strong"), "beams must be all, full or coverage"),
        ("variables", json!({"h": "rh101"}), "variables.h: \"rh101\" is no name of this product"),
        ("variables", json!({"h": "rh098"}), "rh098"),
    ] {
        let mut section = ground();
        section[key] = value;
        let error = source(section).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
