use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use zagg_core::ErrorKind;

use super::*;
use crate::objects::failing::FailingObjects;
use crate::testing;

fn snapshot(store: &ZarrStore) -> BTreeMap<String, Vec<u8>> {
    let names = store.store.list("").unwrap();
    names.into_iter().map(|name| (name.clone(), store.store.get(&name, u64::MAX).unwrap().unwrap())).collect()
}

fn counts(block: u32) -> Values {
    Values::UInt32((0..8).map(|i| block * 8 + i + 1).collect())
}

fn heights(block: u32) -> Values {
    Values::Float32((0..8).map(|i| if i < 4 { f32::NAN } else { (block * 8 + i) as f32 }).collect())
}

fn write_all(store: &ZarrStore, blocks: &[u32]) {
    for block in blocks {
        store.write_block("12", "h_mean", &[u64::from(*block)], &heights(*block)).unwrap();
        store.write_block("12", "count", &[u64::from(*block)], &counts(*block)).unwrap();
    }
}

#[test]
fn what_is_written_is_read_and_described() {
    let store = ZarrStore::memory();
    assert_eq!(store.inspect().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.create(&testing::template("h"), false).unwrap(), Created::New);
    write_all(&store, &[2, 0]);
    store.finalize(StoreState::Incomplete).unwrap();
    let read = store.reopen();
    let summary = read.inspect().unwrap();
    assert_eq!(
        (summary.state, summary.template.as_str(), summary.consolidated),
        (StoreState::Incomplete, "h", true)
    );
    assert_eq!(summary.attributes["title"], "test");
    let group = &summary.groups[0];
    assert_eq!((group.name.as_str(), &group.attributes["level"]), ("12", &json!(12)));
    let names: Vec<_> = group.arrays.iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names, ["cell_ids", "count", "h_mean"]);
    assert_eq!(group.arrays[2].chunk_shape, [4]);
    assert_eq!(group.arrays[2].dimensions, ["d0"]);
    assert_eq!(read.read_array("12", "cell_ids").unwrap(), Values::UInt64((100..132).collect()));
    assert_eq!(read.read_block("12", "count", &[2]).unwrap(), counts(2));
    assert_eq!(read.stored_blocks("12", "count").unwrap(), [[0], [2]]);
    let Values::UInt32(all) = read.read_array("12", "count").unwrap() else { panic!() };
    assert_eq!((all.len(), all[8], all[16]), (32, 0, 17));
    assert!(read.read_block("12", "count", &[4]).is_err());
    assert_eq!(read.read_block("12", "nothing", &[0]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn bytes_do_not_depend_on_order_or_repetition() {
    let run = |orders: &[&[u32]]| {
        let store = ZarrStore::memory();
        for order in orders {
            store.create(&testing::template("h"), false).unwrap();
            write_all(&store, order);
            store.finalize(StoreState::Complete).unwrap();
        }
        snapshot(&store)
    };
    let straight = run(&[&[0, 1, 2, 3]]);
    assert_eq!(straight, run(&[&[3, 1, 0, 2]]));
    assert_eq!(straight, run(&[&[1], &[2, 3, 0], &[2]]));
    // The inner chunk that is fill throughout, and only it, takes no place in a shard.
    assert!(straight["12/h_mean/c/0"].len() < 4 * 4 + 2 * 16 + 4 + 32);
    assert_eq!(straight.keys().filter(|name| name.contains("/c/")).count(), 2 + 4 + 4);
}

#[test]
fn a_block_that_became_fill_leaves_no_object() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    let before = snapshot(&store);
    write_all(&store, &[1]);
    assert_eq!(snapshot(&store).len(), before.len() + 2);
    let written = store.write_block("12", "count", &[1], &Values::UInt32(vec![0; 8])).unwrap();
    assert_eq!(written, Written::default());
    store.write_block("12", "h_mean", &[1], &Values::Float32(vec![f32::NAN; 8])).unwrap();
    assert_eq!(snapshot(&store), before);
}

#[test]
fn a_finished_store_is_opened_again_before_blocks_change() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    let open = snapshot(&store);
    store.finalize(StoreState::Complete).unwrap();
    assert_ne!(snapshot(&store), open);
    assert_eq!(store.reopen().create(&testing::template("h"), false).unwrap(), Created::Existing);
    assert_eq!(snapshot(&store), open);
}

#[test]
fn consolidated_metadata_hold_every_node_as_it_is() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    store.finalize(StoreState::Complete).unwrap();
    let bytes = store.store.get(NODE, MAX_METADATA).unwrap().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.ends_with("}\n") && text.starts_with("{\n  \"attributes\": {\n"), "{text}");
    let root: Value = serde_json::from_slice(&bytes).unwrap();
    let consolidated = &root["consolidated_metadata"];
    assert_eq!((&consolidated["kind"], &consolidated["must_understand"]), (&json!("inline"), &json!(false)));
    let nodes = consolidated["metadata"].as_object().unwrap();
    assert_eq!(nodes.keys().collect::<Vec<_>>(), ["12", "12/cell_ids", "12/count", "12/h_mean"]);
    for (path, node) in nodes {
        let own = store.store.get(&format!("{path}/{NODE}"), MAX_METADATA).unwrap().unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&own).unwrap(), node);
    }
}

#[test]
fn another_template_is_refused_in_words_and_overwritten_on_demand() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    write_all(&store, &[0, 1]);
    store.write_record("shards/1.json", vec![1]).unwrap();
    store.finalize(StoreState::Complete).unwrap();
    let mut other = testing::template("other");
    other.groups[0].name = "11".to_owned();
    let before = snapshot(&store);
    let error = store.create(&other, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(
        error.to_string(),
        "store memory was made by another pipeline, grid or shard map; use --overwrite or another --store"
    );
    assert_eq!(snapshot(&store), before);
    store.store.put("12/notes.txt", b"mine").unwrap();
    store.store.put("12/count/c/notes.txt", b"mine").unwrap();
    store.store.put("user/zarr.json", b"{}").unwrap();
    assert_eq!(store.create(&other, true).unwrap(), Created::New);
    let fresh = ZarrStore::memory();
    fresh.create(&other, false).unwrap();
    let mut expected = snapshot(&fresh);
    for (name, bytes) in
        [("12/notes.txt", "mine"), ("12/count/c/notes.txt", "mine"), ("user/zarr.json", "{}")]
    {
        expected.insert(name.to_owned(), bytes.as_bytes().to_vec());
    }
    assert_eq!(snapshot(&store), expected);
    assert_eq!(store.list_records("").unwrap(), [""; 0]);
    assert_eq!(store.beside.get(CLAIM, 9999).unwrap(), fresh.beside.get(CLAIM, 9999).unwrap());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    for (name, bytes) in [
        ("notes.txt", &b"mine"[..]),
        ("zarr.json", br#"{"zarr_format":3,"node_type":"group","attributes":{}}"#),
        ("zarr.json", br#"{"zarr_format":3,"node_type":"group","attributes":{"zagg":7}}"#),
        ("zarr.json", br#"{"attributes":{"zagg":{"state":"open","template":"h","groups":{"..":["x"]}}}}"#),
        ("zarr.json", b"{"),
        (".zgroup", b"{}"),
    ] {
        for overwrite in [false, true] {
            let store = ZarrStore::memory();
            store.store.put(name, bytes).unwrap();
            let before = snapshot(&store);
            let error = store.create(&testing::template("h"), overwrite).unwrap_err();
            assert!(error.to_string().contains("memory"), "{error}");
            assert_eq!(snapshot(&store), before);
            assert!(store.inspect().is_err());
        }
    }
}

#[test]
fn records_of_a_store_that_was_removed_do_not_survive_it() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    store.write_record("shards/1.json", b"done".to_vec()).unwrap();
    for name in store.store.list("").unwrap() {
        store.store.delete(&name).unwrap();
    }
    assert_eq!(store.create(&testing::template("h"), false).unwrap(), Created::New);
    assert_eq!(store.list_records("").unwrap(), [""; 0]);
}

/// A store whose writes stop after `writes`, and what is stored of it.
fn cut_off(whole: &ZarrStore, writes: i64) -> (ZarrStore, Arc<AtomicI64>) {
    let left = Arc::new(AtomicI64::new(writes));
    let wrap = |inner: &Arc<dyn Objects>| {
        Arc::new(FailingObjects { inner: inner.clone(), left: left.clone() }) as Arc<dyn Objects>
    };
    (ZarrStore::new("memory".to_owned(), wrap(&whole.store), wrap(&whole.beside)), left)
}

#[test]
fn a_creation_cut_off_anywhere_is_done_over() {
    let fresh = ZarrStore::memory();
    fresh.create(&testing::template("h"), false).unwrap();
    let expected = snapshot(&fresh);
    for writes in 0.. {
        let whole = ZarrStore::memory();
        let (store, left) = cut_off(&whole, writes);
        let outcome = store.create(&testing::template("h"), false);
        if left.load(Ordering::SeqCst) >= 0 {
            outcome.unwrap();
            assert!(writes > 8);
            break;
        }
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Io);
        assert!(whole.inspect().is_err(), "an unfinished creation does not look like a store");
        let other = whole.reopen().create(&testing::template("other"), false);
        assert!(other.is_ok() || other.unwrap_err().kind() == ErrorKind::Input);
        let whole = ZarrStore::memory();
        let (store, _) = cut_off(&whole, writes);
        store.create(&testing::template("h"), false).unwrap_err();
        whole.create(&testing::template("h"), false).unwrap();
        assert_eq!(snapshot(&whole), expected, "cut off after {writes} writes");
    }
}

#[test]
fn an_overwriting_cut_off_anywhere_is_done_over() {
    let mut new = testing::template("new");
    new.groups[0].name = "11".to_owned();
    let fresh = ZarrStore::memory();
    fresh.create(&new, false).unwrap();
    let expected = snapshot(&fresh);
    for writes in 0.. {
        let whole = ZarrStore::memory();
        whole.create(&testing::template("old"), false).unwrap();
        write_all(&whole, &[0, 1, 2, 3]);
        whole.write_record("shards/1.json", vec![1]).unwrap();
        whole.finalize(StoreState::Complete).unwrap();
        let (store, left) = cut_off(&whole, writes);
        let outcome = store.create(&new, true);
        if left.load(Ordering::SeqCst) >= 0 {
            outcome.unwrap();
            assert!(writes > 15);
            break;
        }
        outcome.unwrap_err();
        // Half of an old store never passes for a whole one.
        if let Ok(summary) = whole.inspect() {
            assert_eq!(summary.template, "old");
            assert_eq!(whole.stored_blocks("12", "count").unwrap().len(), 4);
        }
        whole.create(&new, true).unwrap();
        assert_eq!(snapshot(&whole), expected, "cut off after {writes} writes");
        assert_eq!(whole.list_records("").unwrap(), [""; 0]);
    }
}

#[test]
fn failed_writes_name_the_object() {
    let whole = ZarrStore::memory();
    whole.create(&testing::template("h"), false).unwrap();
    let before = snapshot(&whole);
    let (store, _) = cut_off(&whole, 0);
    let error = store.write_block("12", "count", &[1], &counts(1)).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Io, "cannot write memory/12/count/c/1: injected failure")
    );
    assert!(
        store.write_record("plan.json", vec![]).unwrap_err().to_string().contains("memory.zagg/plan.json")
    );
    assert!(store.finalize(StoreState::Complete).is_err());
    assert_eq!(snapshot(&whole), before);
}

#[test]
fn templates_that_contradict_themselves_are_refused_before_anything_is_written() {
    type Change = fn(&mut StoreTemplate);
    let changes: [Change; 6] = [
        |t| t.groups.push(t.groups[0].clone()),
        |t| t.groups[0].arrays[1].name = "cell_ids".into(),
        |t| t.groups[0].name = "../x".into(),
        |t| t.groups[0].arrays[1].name = "a/b".into(),
        |t| t.groups[0].arrays[0].content = Some(Values::UInt64(vec![1])),
        |t| {
            t.attributes.insert("zagg".into(), json!(1));
        },
    ];
    for change in changes {
        let store = ZarrStore::memory();
        let mut template = testing::template("h");
        change(&mut template);
        assert_eq!(store.create(&template, false).unwrap_err().kind(), ErrorKind::Input);
        assert!(snapshot(&store).is_empty() && store.beside.is_empty().unwrap());
    }
}

#[test]
fn damaged_nodes_are_noticed_and_missing_ones_restored() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    let whole = snapshot(&store);
    store.store.delete("12/cell_ids/zarr.json").unwrap();
    store.store.delete("12/cell_ids/c/1").unwrap();
    assert!(store.finalize(StoreState::Complete).unwrap_err().to_string().contains("cell_ids"));
    store.create(&testing::template("h"), false).unwrap();
    assert_eq!(snapshot(&store), whole);
    store.store.put("12/count/zarr.json", b"{}").unwrap();
    let error = store.create(&testing::template("h"), false).unwrap_err();
    assert!(error.to_string().contains("12/count/zarr.json"), "{error}");
}

#[test]
fn a_store_that_is_refused_stays_as_it_is() {
    let store = ZarrStore::memory();
    store.create(&testing::template("h"), false).unwrap();
    store.finalize(StoreState::Complete).unwrap();
    store.store.put("12/h_mean/zarr.json", b"{}").unwrap();
    let before = snapshot(&store);
    store.create(&testing::template("h"), false).unwrap_err();
    assert_eq!(snapshot(&store), before);
    assert_eq!(store.root().unwrap().unwrap().state, StoreState::Complete);
}

#[test]
fn what_others_put_beside_a_place_is_left_alone() {
    for overwrite in [false, true] {
        let store = ZarrStore::memory();
        store.beside.put("12/count/c/0", b"mine").unwrap();
        store.acquire().unwrap();
        let error = store.create(&testing::template("h"), overwrite).unwrap_err().to_string();
        assert!(error.contains("memory.zagg/12/count/c/0 is in the way"), "{error}");
        assert_eq!(store.beside.get("12/count/c/0", 99).unwrap().unwrap(), b"mine");
        assert!(store.store.is_empty().unwrap());
        store.beside.delete("12/count/c/0").unwrap();
        assert_eq!(store.create(&testing::template("h"), overwrite).unwrap(), Created::New);
    }
}

#[test]
fn one_handle_holds_the_store_and_dropping_it_frees_it() {
    let store = ZarrStore::memory();
    let other = store.reopen();
    store.acquire().unwrap();
    store.acquire().unwrap();
    assert_eq!(other.acquire().unwrap_err().kind(), ErrorKind::Input);
    drop(store);
    other.acquire().unwrap();
    other.release().unwrap();
    other.release().unwrap();
}
