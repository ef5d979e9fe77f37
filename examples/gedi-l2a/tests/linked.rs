//! Several plugins in one program: each brings its entries, and one stands on another.

use gedi_l2a as _;
use serde_json::json;
use zagg_atl06 as _;
use zagg_core::registry::{Kind, Origin, Registry};
use zagg_hdf5_points as _;

#[test]
fn plugins_that_are_linked_together_do_not_clash() {
    let registry = Registry::linked().unwrap();
    let mut names: Vec<(Kind, &str, &str)> = registry
        .entries()
        .inspect(|r| assert_eq!(r.origin, Origin::Linked, "{}", r.entry.name))
        .map(|r| (r.entry.make.kind(), r.entry.name, r.plugin))
        .collect();
    names.sort_by_key(|&(_, name, plugin)| (name, plugin));
    for expected in [
        (Kind::Source, "atl06", "zagg-atl06"),
        (Kind::Source, "gedi-l2a", "gedi-l2a"),
        (Kind::Preset, "gedi-l2a", "gedi-l2a"),
        (Kind::Source, "hdf5-points", "zagg-hdf5-points"),
    ] {
        assert_eq!(names.iter().filter(|have| **have == expected).count(), 1, "{expected:?}: {names:?}");
    }
    let made = |name: &str, section: serde_json::Value| {
        registry.source(name, section.as_object().unwrap()).map(|source| source.columns().len()).unwrap()
    };
    assert_eq!(made("gedi-l2a", json!({"variables": {"ground": "elevation"}})), 1);
    assert_eq!(made("atl06", json!({"variables": {"h_li": "/{group}/land_ice_segments/h_li"}})), 1);
    let coordinates = json!({"latitude": "/lat", "longitude": "/lon"});
    assert_eq!(made("hdf5-points", json!({"coordinates": coordinates, "variables": {"h": "/h"}})), 1);
}
