//! What can be found without a plan. The rest needs grids and statistics, and is tested with the whole program.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use zagg_core::store::{Created, Store, StoreState};
use zagg_core::{DType, ErrorKind, Values};

use super::*;
use crate::testing;

fn registry() -> Registry {
    Registry::default()
}

/// A finished store as somebody got it: without anything beside it.
fn given() -> ZarrStore {
    let store = ZarrStore::memory();
    let mut template = testing::template(&"0".repeat(64));
    template.groups[0].arrays.push(testing::array("raw", DType::Int16, &[32], &[16], &[16]));
    template.groups[0].arrays[3].compression = zagg_core::store::Compression::None;
    assert_eq!(store.create(&template, false).unwrap(), Created::New);
    for block in [0u64, 2] {
        let heights = Values::Float32((0..8).map(|i| (block * 8 + i) as f32 / 7.0).collect());
        store.write_block("12", "h_mean", &[block], &heights).unwrap();
        store.write_block("12", "count", &[block], &Values::UInt32(vec![3; 8])).unwrap();
    }
    store.write_block("12", "raw", &[1], &Values::Int16((0..16).collect())).unwrap();
    store.finalize(StoreState::Complete).unwrap();
    store.beside.delete(CLAIM).unwrap();
    store
}

/// What is found, as text.
fn found(store: &ZarrStore) -> Vec<String> {
    let validation = store.validate(&registry()).unwrap();
    assert_eq!(validation.total as usize, validation.findings.len());
    assert_eq!(validation.is_sound(), validation.findings.is_empty());
    validation.findings.iter().map(ToString::to_string).collect()
}

/// The same objects in another store.
fn copy(store: &ZarrStore) -> ZarrStore {
    let copy = ZarrStore::new_elsewhere("copy");
    for name in store.store.list("").unwrap() {
        copy.store.put(&name, &store.store.get(&name, u64::MAX).unwrap().unwrap()).unwrap();
    }
    copy
}

fn change(store: &ZarrStore, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = store.store.get(name, u64::MAX).unwrap().unwrap();
    change(&mut bytes);
    store.store.put(name, &bytes).unwrap();
}

/// Changes the document of a node, and its copy in the root; both are spelled as they should be.
fn edit(store: &ZarrStore, path: &str, pointer: &str, value: &Value) {
    let (node, inner) = match path {
        "" => (NODE.to_owned(), pointer.to_owned()),
        path => (format!("{path}/{NODE}"), pointer.to_owned()),
    };
    let one = |name: &str, pointer: &str| {
        change(store, name, |bytes| {
            let mut document: Value = serde_json::from_slice(bytes).unwrap();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let (parent, key) = (document.pointer_mut(parent).unwrap(), &key.replace("~1", "/"));
            match parent {
                Value::Object(object) if value.is_null() => drop(object.shift_remove(key)),
                Value::Object(object) => drop(object.insert(key.clone(), value.clone())),
                Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
                _ => panic!("{pointer}"),
            }
            *bytes = json::to_bytes(&document).unwrap();
        });
    };
    one(&node, &inner);
    if !path.is_empty() {
        let path = path.replace('/', "~1");
        one(NODE, &format!("/consolidated_metadata/metadata/{path}{pointer}"));
    }
}

#[test]
fn a_sound_store_has_no_findings_and_says_what_was_not_checked() {
    let validation = given().validate(&registry()).unwrap();
    assert!(validation.is_sound(), "{:?}", validation.findings);
    assert_eq!(validation.state, Some(StoreState::Complete));
    let counts =
        [validation.groups, validation.arrays, validation.objects, validation.blocks, validation.shards];
    assert_eq!(counts, [1, 4, 13, 7, 0]);
    assert_eq!(
        validation.unchecked,
        ["there are no plan and no records beside the store: cells and levels are not checked"]
    );
}

#[test]
fn what_is_no_store_is_an_error_and_a_store_that_lost_its_root_a_finding() {
    let error = ZarrStore::memory().validate(&registry()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "there is no zagg store at memory"));
    for (root, kind) in [
        ("not json", ErrorKind::Corrupt),
        ("[]", ErrorKind::Corrupt),
        (r#"{"zarr_format": 3, "node_type": "group", "attributes": {}}"#, ErrorKind::Input),
    ] {
        let store = ZarrStore::memory();
        store.store.put(NODE, root.as_bytes()).unwrap();
        assert_eq!(store.validate(&registry()).unwrap_err().kind(), kind, "{root}");
        // The claim tells that there was one.
        store.beside.put(CLAIM, b"{}").unwrap();
        assert_eq!(found(&store).len(), 1, "{root}");
    }
    let store = given();
    store.beside.put(CLAIM, b"{}").unwrap();
    store.store.delete(NODE).unwrap();
    assert_eq!(found(&store), ["zarr.json: there is no zagg store at memory"]);
}

#[test]
fn every_changed_byte_of_metadata_is_found() {
    let sound = given();
    for name in sound.store.list("").unwrap().iter().filter(|name| name.ends_with(NODE)) {
        let bytes = sound.store.get(name, u64::MAX).unwrap().unwrap();
        for (start, flip) in [(0, 0x01), (2, 0x20), (5, 0x80)] {
            for at in (start..bytes.len()).step_by(7) {
                let store = copy(&sound);
                change(&store, name, |bytes| bytes[at] ^= flip);
                let text = store.validate(&registry()).map(|found| found.total);
                // The template's hash and attributes of others have nothing to be held against here.
                if name == NODE && matches!(text, Ok(0)) {
                    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                    let line =
                        String::from_utf8_lossy(&bytes[start..]).lines().next().unwrap().trim().to_owned();
                    let free = ["\"template\": ", "\"title\": "];
                    assert!(free.iter().any(|key| line.starts_with(key)), "{name} {at}: {line}");
                    continue;
                }
                assert_ne!(text, Ok(0), "{name} byte {at}");
            }
        }
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let store = copy(&sound);
            change(&store, name, |bytes| bytes.truncate(length));
            assert_ne!(
                store.validate(&registry()).map(|found| found.total),
                Ok(0),
                "{name} of {length} bytes"
            );
        }
    }
}

#[test]
fn objects_that_are_gone_or_do_not_belong_are_named() {
    for (path, message) in [
        ("12/zarr.json", "12/zarr.json: is missing"),
        ("12/count/zarr.json", "12/count/zarr.json: is missing"),
    ] {
        let store = given();
        store.store.delete(path).unwrap();
        assert!(found(&store).contains(&message.to_owned()), "{:?}", found(&store));
    }
    for (name, message) in [
        ("thesis.txt", "is no part of the store"),
        ("12/notes", "is no part of the store"),
        ("12/count/c.txt", "is no part of the store"),
        ("12/count/c/01", "is no part of the store"),
        ("12/count/c/0/0", "lies outside its array, which has [4] blocks"),
        ("12/count/c/4", "lies outside its array, which has [4] blocks"),
        ("12/count/c/18446744073709551615", "lies outside its array, which has [4] blocks"),
        ("13/zarr.json", "is no part of the store"),
        ("12/other/zarr.json", "is no part of the store"),
    ] {
        let store = given();
        store.store.put(name, b"x").unwrap();
        assert_eq!(found(&store), [format!("{name}: {message}")]);
    }
}

#[test]
fn blocks_that_do_not_decode_are_named() {
    let sound = given();
    for name in ["12/count/c/0", "12/h_mean/c/2", "12/cell_ids/c/0", "12/raw/c/1"] {
        let bytes = sound.store.get(name, u64::MAX).unwrap().unwrap();
        for length in 0..bytes.len() {
            let store = copy(&sound);
            change(&store, name, |bytes| bytes.truncate(length));
            let found = found(&store);
            assert_eq!(found.len(), 1, "{name} of {length} bytes: {found:?}");
            assert!(found[0].starts_with(&format!("{name}: ")), "{found:?}");
        }
        for long in [1, 10_000] {
            let store = copy(&sound);
            change(&store, name, |bytes| bytes.extend(vec![7; long]));
            // Bytes behind a frame are no harm to any reader where codecs allow them; a value more is.
            if name == "12/raw/c/1" || long == 10_000 {
                assert_eq!(found(&store).len(), 1, "{name} with {long} bytes more");
            }
        }
    }
}

/// A store with a HEALPix grid and some ids, without a plan.
fn with_ids(ids: Vec<u64>, state: StoreState) -> ZarrStore {
    let store = ZarrStore::memory();
    let mut template = testing::template(&"0".repeat(64));
    let group = &mut template.groups[0];
    group.attributes = testing::map(&json!({
        "zarr_conventions": [{
            "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
            "schema_url": "https://raw.githubusercontent.com/zarr-conventions/dggs/refs/tags/v1/schema.json",
            "spec_url": "https://github.com/zarr-conventions/dggs/blob/v1/README.md",
            "name": "dggs", "description": "Discrete Global Grid Systems convention for zarr",
        }],
        "dggs": {
            "name": "healpix", "refinement_level": 12, "indexing_scheme": "nested",
            "ellipsoid": {"name": "sphere", "radius": 6_371_229.0},
            "spatial_dimension": "d0", "coordinate": "cell_ids", "compression": "none",
        },
    }));
    group.arrays[0].content = Some(Values::UInt64(ids));
    assert_eq!(store.create(&template, false).unwrap(), Created::New);
    store.finalize(state).unwrap();
    store.beside.delete(CLAIM).unwrap();
    store
}

#[test]
fn ids_of_cells_ascend_whatever_is_known_of_them() {
    let ids: Vec<u64> = (100..132).collect();
    assert_eq!(found(&with_ids(ids.clone(), StoreState::Complete)), [""; 0]);
    // Within a block, and between blocks of sixteen.
    for (one, other, message) in [
        (3, 4, "1 ids are not greater than the one before; the first at place 4: 103 after 104"),
        (15, 16, "1 ids are not greater than the one before; the first at place 16: 115 after 116"),
        (2, 20, "2 ids are not greater than the one before; the first at place 3: 103 after 120"),
    ] {
        let mut ids = ids.clone();
        ids.swap(one, other);
        let store = with_ids(ids, StoreState::Incomplete);
        assert_eq!(found(&store), [format!("12/cell_ids: {message}")]);
    }
    let mut twice = ids.clone();
    twice[31] = twice[30];
    assert_eq!(found(&with_ids(twice, StoreState::Complete)).len(), 1);
    // What failed shards leave out is no id, unless the store is complete.
    let mut gap = ids;
    gap[8..20].fill(0);
    assert_eq!(found(&with_ids(gap.clone(), StoreState::Incomplete)), [""; 0]);
    assert_eq!(found(&with_ids(gap, StoreState::Complete)).len(), 1);
}

#[test]
fn metadata_that_are_spelled_well_but_say_something_wrong_are_found() {
    let dggs = json!({"name": "healpix", "refinement_level": 12, "spatial_dimension": "d0"});
    for (path, pointer, value, message) in [
        ("", "/attributes/zagg/state", json!("open"), "though the store is open"),
        ("", "/attributes/zagg/state", json!("perfect"), "none of"),
        ("", "/attributes/zagg/groups/12", json!(["../x"]), "cannot be any"),
        ("", "/attributes/zagg/groups/13", json!([]), "13/zarr.json: is missing"),
        ("", "/consolidated_metadata", json!(null), "has no consolidated metadata"),
        ("", "/consolidated_metadata/kind", json!("other"), "consolidated_metadata/kind is \"other\""),
        ("", "/consolidated_metadata/metadata/12~1count", json!(null), "lack 12/count"),
        ("", "/attributes/multiscales", json!({}), "does not declare the convention 'multiscales'"),
        ("12", "/node_type", json!("array"), "node_type is \"array\""),
        ("12", "/attributes/dggs", dggs, "does not declare the convention 'dggs'"),
        ("12/count", "/shape", json!([-1]), "shape/0 is -1"),
        ("12/count", "/shape", json!([16]), "lies outside its array"),
        ("12/count", "/shape", json!([1u64 << 62]), "too large"),
        ("12/count", "/data_type", json!("float64"), "cannot be decoded"),
        ("12/count", "/codecs", json!([]), "too few"),
        ("12/count", "/chunk_grid/configuration/chunk_shape", json!([0]), "too small"),
        ("12/count", "/dimension_names", json!([1]), "dimension_names/0 is 1"),
        ("12/count", "/something", json!({"must_understand": true}), "something/must_understand is true"),
        ("12/count", "/fill_value", json!("x"), "fill_value"),
        ("12/count", "/attributes/zarr_conventions", json!([{"name": "x"}]), "none of the forms"),
    ] {
        let store = given();
        edit(&store, path, pointer, &value);
        let found = found(&store);
        assert!(found.iter().any(|line| line.contains(message)), "{path} {pointer}: {found:?}");
    }
    // The copy of the metadata alone.
    let store = given();
    edit(&store, "", "/consolidated_metadata/metadata/12~1count/attributes/units", &json!("m"));
    assert_eq!(
        found(&store),
        ["zarr.json: the consolidated metadata of 12/count are not those of its own zarr.json"]
    );
}

#[test]
fn stores_that_claim_too_much_end_soon() {
    // A block may claim a gibibyte; nothing is allocated for what is not there.
    let store = given();
    edit(&store, "12/raw", "/shape", &json!([1u64 << 50]));
    edit(&store, "12/raw", "/chunk_grid/configuration/chunk_shape", &json!([1u64 << 29]));
    let lines = found(&store);
    assert_eq!(lines.len(), 1, "{lines:?}");
    // So many groups that asking for each would take for ever.
    let store = given();
    let groups: serde_json::Map<String, Value> = (0..200_000).map(|i| (format!("g{i}"), json!([]))).collect();
    edit(&store, "", "/attributes/zagg/groups", &Value::Object(groups));
    assert_eq!(found(&store).len(), 1);
    // Documents that are nothing but depth.
    let store = given();
    store.store.put("12/zarr.json", "[".repeat(1_000_000).as_bytes()).unwrap();
    assert!(!found(&store).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_damage_makes_it_fail(changes in proptest::collection::vec((any::<usize>(), any::<usize>(), any::<u8>()), 1..4)) {
        let store = given();
        let names = store.store.list("").unwrap();
        let mut touched = BTreeSet::new();
        for (which, at, byte) in changes {
            let name = &names[which % names.len()];
            touched.insert(name.clone());
            change(&store, name, |bytes| {
                let at = at % bytes.len();
                bytes[at] = byte;
            });
        }
        match store.validate(&registry()) {
            Ok(found) => prop_assert!(found.findings.iter().all(|f| !f.message.contains("panic")), "{:?}", found.findings),
            // Only a root that is no zagg store any more is an error.
            Err(error) => prop_assert!(touched.contains(NODE), "{error}"),
        }
    }
}
