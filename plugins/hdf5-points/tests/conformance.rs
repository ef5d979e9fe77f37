//! The source does what every source must, with rows of one rate and of several.
#![allow(clippy::unwrap_used, clippy::panic)] // The whole file is tests.

mod common;

use common::{beam, file, reader, section, source};
use serde_json::{Value, json};
use zagg_core::conformance;
use zagg_core::granule::Granule;

#[test]
fn the_source_keeps_its_contract() {
    let bytes = file(&[("gt1", beam()), ("gt2", beam())]);
    let with = |changes: &[(&str, Value)]| {
        let mut section = section();
        for (key, value) in changes {
            section[key] = value.clone();
        }
        section
    };
    let of_parents = json!({"latitude": "/{group}/geolocation/lat", "longitude": "/{group}/geolocation/lon", "level": "segments"});
    for section in [
        with(&[]),
        with(&[("read_plan", json!(null)), ("groups", json!(["gt1", "gt2", "gt3"]))]),
        with(&[("coordinates", of_parents), ("read_plan", json!(null))]),
    ] {
        if let Err(findings) = conformance::source(&source(&section), &Granule::default(), &reader(&bytes)) {
            panic!("{section}:\n{}", findings.join("\n"));
        }
    }
}
