//! The default pipeline is one that zagg takes, and its source makes of it what it needs.

use gedi_l2a as _;
use zagg_core::config::parse_text;
use zagg_core::registry::Registry;

#[test]
fn the_pipeline_is_sound() {
    let registry = Registry::linked().unwrap();
    let pipeline = parse_text("pipeline.yaml", registry.preset("gedi-l2a").unwrap()).unwrap();
    let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options).unwrap();
    let names: Vec<&str> = source.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["rh50", "rh98", "rh100", "elevation", "quality", "degrade", "time"]);
}
