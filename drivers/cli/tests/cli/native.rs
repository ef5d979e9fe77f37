//! The reader of the C library, beside our own.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bench::Bench;

type Tree = BTreeMap<String, Vec<u8>>;

fn data_source(reader: &str) -> String {
    format!(
        "data_source:\n  reader: {reader}\n  groups: [gt1l, gt1r, gt2l, gt2r, gt3l, gt3r]\n  coordinates:\n    \
         latitude: '/{{group}}/land_ice_segments/latitude'\n    longitude: '/{{group}}/land_ice_segments/longitude'\n"
    )
}

#[test]
fn both_readers_give_the_same_store() {
    let bench = Bench::with_map();
    let with = |reader: &str| {
        let config = format!("{reader}.yaml");
        bench.write(&config, data_source(reader));
        let store = format!("{reader}.zarr");
        bench.run_into(&store, &["--config", &config]).exits(0);
        bench.tree(&store)
    };
    let (ours, native) = (with("hdf5-points"), with("hdf5-native"));
    assert!(ours.keys().any(|name| name.starts_with("12/h_q50/c/")), "{:?}", ours.keys());
    let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&native));
    for (name, bytes) in &ours {
        assert!(name == "zarr.json" || *bytes == native[name], "{name} differs");
    }
    // The store says by which pipeline it was made, and so by which reader.
    let root = |tree: &Tree| {
        let mut root: Value = serde_json::from_slice(&tree["zarr.json"]).unwrap();
        let zagg = root["attributes"]["zagg"].as_object_mut().unwrap();
        for hash in ["pipeline_hash", "template"] {
            assert!(zagg.remove(hash).is_some());
        }
        root
    };
    assert!(root(&ours) == root(&native), "zarr.json differs");
}
