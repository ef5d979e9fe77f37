use proptest::prelude::*;
use zagg_core::store::{RaggedSpec, Store};
use zagg_core::{DType, ErrorKind, Values};

use super::*;
use crate::testing;

fn how(text: &str) -> Rechunk {
    text.parse().unwrap()
}

/// A finished store: ids, counts, sharded heights, vectors, lists, and a plane with its coordinates.
fn source() -> ZarrStore {
    let store = ZarrStore::memory();
    let mut template = testing::template("source");
    let arrays = &mut template.groups[0].arrays;
    arrays.push(testing::array("vectors", DType::Int16, &[32, 3], &[8, 3], &[8, 3]));
    let mut lists = testing::array("lists", DType::Float64, &[32], &[8], &[4]);
    lists.ragged = Some(RaggedSpec { inner_shape: vec![2] });
    arrays.push(lists);
    let mut scalar = testing::array("crs", DType::Int32, &[], &[], &[]);
    scalar.content = Some(Values::Int32(vec![7]));
    let mut y = testing::array("y", DType::Float64, &[10], &[10], &[10]);
    y.content = Some(Values::Float64((0..10).map(f64::from).collect()));
    let plane = testing::array("plane", DType::Float32, &[10, 14], &[4, 6], &[4, 3]);
    template.groups.push(GroupSpec {
        name: "flat".to_owned(),
        attributes: Map::new(),
        arrays: vec![scalar, y, plane],
    });
    store.create(&template, false).unwrap();
    for block in [0u64, 1, 3] {
        let base = block * 8;
        let counts = Values::UInt32((0..8).map(|i| (base + i) as u32).collect());
        store.write_block("12", "count", &[block], &counts).unwrap();
        let heights =
            Values::Float32((0..8).map(|i| if i % 3 == 0 { f32::NAN } else { (base + i) as f32 }).collect());
        store.write_block("12", "h_mean", &[block], &heights).unwrap();
        let vectors = Values::Int16((0..24).map(|i| (base * 3 + i) as i16).collect());
        store.write_block("12", "vectors", &[block, 0], &vectors).unwrap();
        let offsets = [0, block, block, block + 1, block + 1, block + 1, block + 1, block + 1, block + 2];
        let items = Values::Float64((0..2 * (block + 2)).map(|i| (base * 10 + i) as f64).collect());
        store.write_ragged_block("12", "lists", &[block], &offsets, &items).unwrap();
    }
    for (y, x) in [(0, 0), (0, 1), (1, 2), (2, 0), (2, 2)] {
        let count = [[24, 24, 8], [24, 24, 8], [12, 12, 4]][y as usize][x as usize];
        let values = Values::Float32((0..count).map(|i| (y * 1000 + x * 100 + i) as f32).collect());
        store.write_block("flat", "plane", &[y, x], &values).unwrap();
    }
    store.finalize(StoreState::Complete).unwrap();
    store
}

/// Every value of every array.
fn content(store: &ZarrStore) -> Vec<(String, Vec<u64>, Vec<u8>)> {
    let mut content = Vec::new();
    for group in &store.inspect().unwrap().groups {
        for array in &group.arrays {
            let path = format!("{}/{}", group.name, array.name);
            if array.ragged.is_none() {
                let values = store.read_array(&group.name, &array.name).unwrap();
                content.push((path, Vec::new(), values.to_le_bytes()));
                continue;
            }
            let (mut lengths, mut bytes) = (Vec::new(), Vec::new());
            for block in 0..array.shape[0].div_ceil(array.block_shape[0]) {
                let (offsets, values) = store.read_ragged_block(&group.name, &array.name, &[block]).unwrap();
                lengths.extend(offsets.windows(2).map(|pair| pair[1] - pair[0]));
                bytes.extend(values.to_le_bytes());
            }
            content.push((path, lengths, bytes));
        }
    }
    content
}

#[test]
fn a_copy_has_the_values_of_the_store_in_other_chunks() {
    let source = source();
    let want = content(&source);
    for (text, count, plane) in [
        ("16", (vec![16], vec![16]), (vec![10, 14], vec![10, 14])),
        ("32", (vec![32], vec![32]), (vec![10, 14], vec![10, 14])),
        ("1000", (vec![32], vec![32]), (vec![10, 14], vec![10, 14])),
        ("12", (vec![12], vec![12]), (vec![10, 12], vec![10, 12])),
        ("16/4", (vec![16], vec![4]), (vec![12, 16], vec![4, 4])),
        ("3", (vec![3], vec![3]), (vec![3, 3], vec![3, 3])),
        ("8x6", (vec![8], vec![8]), (vec![8, 6], vec![8, 6])),
        ("8x12/4x6", (vec![8], vec![8]), (vec![8, 12], vec![4, 6])),
    ] {
        let to = ZarrStore::new_elsewhere("copy");
        let rechunked = source.rechunk(&to, &how(text), false).unwrap();
        assert_eq!((rechunked.arrays, rechunked.state), (8, Some(StoreState::Complete)), "{text}");
        assert_eq!(content(&to), want, "{text}");
        let summary = to.inspect().unwrap();
        assert!(summary.consolidated && summary.state == StoreState::Complete);
        let shapes = |group: usize, name: &str| {
            let array = summary.groups[group].arrays.iter().find(|array| array.name == name).unwrap();
            (array.block_shape.clone(), array.chunk_shape.clone())
        };
        assert_eq!(shapes(0, "count"), count, "{text}");
        assert_eq!(shapes(1, "plane"), plane, "{text}");
        assert_eq!(shapes(1, "y"), (vec![10], vec![10]), "{text}");
        assert_eq!(summary.attributes["title"], "test");
    }
}

#[test]
fn copies_are_equal_and_a_second_call_changes_nothing() {
    let source = source();
    let objects = |store: &ZarrStore| -> Vec<(String, Vec<u8>)> {
        let names = store.store.list("").unwrap();
        names
            .into_iter()
            .map(|name| (name.clone(), store.store.get(&name, u64::MAX).unwrap().unwrap()))
            .collect()
    };
    let (one, two) = (ZarrStore::new_elsewhere("one"), ZarrStore::new_elsewhere("two"));
    source.rechunk(&one, &how("16"), false).unwrap();
    source.rechunk(&two, &how("16"), false).unwrap();
    assert_eq!(objects(&one), objects(&two));
    // What a call that was cut off has left.
    two.write_block("12", "count", &[1], &Values::UInt32(vec![9; 16])).unwrap();
    two.finalize(StoreState::Open).unwrap();
    source.rechunk(&two, &how("16"), false).unwrap();
    assert_eq!(objects(&one), objects(&two));
}

#[test]
fn what_cannot_be_copied_is_refused() {
    let source = source();
    let to = ZarrStore::new_elsewhere("copy");
    source.rechunk(&to, &how("16"), false).unwrap();
    // A run does not write into a copy, nor does a copy in other chunks.
    let error = to.create(&testing::template("source"), false).unwrap_err();
    assert!(error.to_string().contains("is a rechunked copy of another store"), "{error}");
    assert!(source.rechunk(&to, &how("8"), false).is_err());
    source.rechunk(&to, &how("8"), true).unwrap();
    let error = source.rechunk(&source.reopen(), &how("8"), true).unwrap_err();
    assert!(error.to_string().contains("needs another place"), "{error}");
    // Another run has the one or the other.
    let free = ZarrStore::new_elsewhere("free");
    for held in [&source, &free] {
        let other = held.reopen();
        other.acquire().unwrap();
        let error = source.rechunk(&free, &how("8"), false).unwrap_err();
        assert!(error.to_string().contains("is writing to it"), "{error}");
        other.release().unwrap();
        // Nothing is held afterwards.
        source.acquire().unwrap();
        source.release().unwrap();
    }
    assert_eq!(free.inspect().unwrap_err().kind(), ErrorKind::NotFound);
    source.finalize(StoreState::Open).unwrap();
    let error = source.rechunk(&free, &how("8"), false).unwrap_err();
    assert!(error.to_string().contains("it is open"), "{error}");
    let empty = ZarrStore::new_elsewhere("empty");
    assert_eq!(empty.rechunk(&free, &how("8"), false).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_copy_cannot_lie_inside_the_store_or_around_it() {
    let source = source();
    for place in [
        "memory/copy",
        "./memory/a/b",
        "memory.zagg/copy",
        ".",
        "src/../memory/copy",
        "absent/../memory/copy",
    ] {
        // Places in memory have names like those of folders.
        let error = source.rechunk(&ZarrStore::new_elsewhere(place), &how("16"), true).unwrap_err();
        assert!(error.to_string().contains("inside it or around it"), "{place}: {error}");
    }
    for place in ["memory2", "memory.zarr"] {
        source.rechunk(&ZarrStore::new_elsewhere(place), &how("16"), false).unwrap();
    }
}

#[test]
fn chunks_are_given_as_text() {
    assert_eq!(how("512x256"), Rechunk { object: vec![512, 256], inner: None });
    assert_eq!(how("64/8"), Rechunk { object: vec![64], inner: Some(vec![8]) });
    for text in [
        "",
        "0",
        "x",
        "5x",
        "-1",
        "64/0",
        "64/7",
        "64/",
        "/8",
        "8x8/4",
        "1x1x1x1x1",
        "1e6",
        "99999999999999999999",
    ] {
        let error = text.parse::<Rechunk>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{text}");
        assert!(error.to_string().contains("such as 1048576"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_chunks_keep_the_values(y in 1u64..20, x in 1u64..20, cells in 1u64..50) {
        let source = source();
        let want = content(&source);
        let to = ZarrStore::new_elsewhere("copy");
        source.rechunk(&to, &how(&format!("{y}x{x}")), false).unwrap();
        prop_assert_eq!(&content(&to), &want);
        let to = ZarrStore::new_elsewhere("copy");
        source.rechunk(&to, &how(&cells.to_string()), false).unwrap();
        prop_assert_eq!(&content(&to), &want);
    }
}
