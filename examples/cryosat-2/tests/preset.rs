//! The default pipeline is one that zagg takes.

use zagg_core::config::parse_text;
use zagg_core::registry::Registry;
use cryosat_2 as _;

#[test]
fn the_pipeline_is_sound() {
    let registry = Registry::linked().unwrap();
    let text = registry.preset("cryosat-2").unwrap();
    let pipeline = parse_text("pipeline.yaml", text).unwrap();
    assert_eq!(pipeline.data_source.reader, "hdf5-points");
}
