//! What is written is read back with hdf5-reader, which shares no code with this crate.

use hdf5_reader::Hdf5File;
use proptest::prelude::*;
use zagg_core::error::ErrorKind;

use super::*;
use crate::model::{Attribute, Scalar, Values};

fn open(root: &Group) -> Hdf5File {
    Hdf5File::from_vec(write_file(root).unwrap()).unwrap()
}

fn chunking(rows: u32, deflate: Option<u8>, shuffle: bool) -> Chunking {
    Chunking { rows, deflate, shuffle }
}

#[test]
fn every_type_and_layout_comes_back() {
    let root = Group::new()
        .text("short_name", "ATL06")
        .group(
            "numbers",
            Group::new()
                .dataset("i8", Dataset::new(Values::I8(vec![-128, 0, 127])).compact())
                .dataset("i16", Dataset::new(Values::I16(vec![-32768, 32767])))
                .dataset(
                    "i32",
                    Dataset::new(Values::I32((-7..18).collect())).chunked(chunking(10, Some(6), true)),
                )
                .dataset(
                    "f32",
                    Dataset::new(Values::F32(vec![1.5, f32::MAX])).chunked(chunking(4, None, false)),
                )
                .dataset(
                    "f64",
                    Dataset::new(Values::F64(vec![-0.1, 1e300])).chunked(chunking(1, Some(1), false)),
                ),
        )
        .dataset("text", Dataset::new(Values::Text { values: vec!["006".into(), "é".into()], width: 4 }));
    let file = open(&root);
    assert_eq!(file.root_group().unwrap().attribute("short_name").unwrap().read_string().unwrap(), "ATL06");
    let dataset = |name: &str| file.dataset(name).unwrap();
    assert_eq!(dataset("numbers/i8").read_array::<i8>().unwrap().into_raw_vec_and_offset().0, [-128, 0, 127]);
    assert_eq!(
        dataset("numbers/i16").read_array::<i16>().unwrap().into_raw_vec_and_offset().0,
        [-32768, 32767]
    );
    let expected: Vec<i32> = (-7..18).collect();
    assert_eq!(dataset("numbers/i32").read_array::<i32>().unwrap().into_raw_vec_and_offset().0, expected);
    assert_eq!(dataset("numbers/i32").chunks(), Some(vec![10]));
    assert_eq!(dataset("numbers/i32").max_dims(), Some(&[u64::MAX][..]));
    assert_eq!(
        dataset("numbers/f32").read_array::<f32>().unwrap().into_raw_vec_and_offset().0,
        [1.5, f32::MAX]
    );
    assert_eq!(
        dataset("numbers/f64").read_array::<f64>().unwrap().into_raw_vec_and_offset().0,
        [-0.1, 1e300]
    );
    assert_eq!(dataset("text").read_strings().unwrap(), ["006", "é"]);
}

#[test]
fn attributes_and_fill_values_come_back() {
    let dataset = Dataset::new(Values::F32(vec![1.0]))
        .chunked(chunking(10, Some(6), false))
        .fill(Scalar::F32(f32::MAX))
        .attribute("_FillValue", Attribute::Scalar(Scalar::F32(f32::MAX)))
        .attribute("flag_values", Attribute::Array(Values::I8(vec![0, 1])))
        .text("units", "meters")
        .text("empty", "");
    let file = open(&Group::new().dataset("h_li", dataset));
    let dataset = file.dataset("h_li").unwrap();
    let fill = dataset.fill_value().unwrap();
    assert_eq!(fill.value.as_deref(), Some(&f32::MAX.to_le_bytes()[..]));
    assert_eq!(dataset.attribute("_FillValue").unwrap().read_scalar::<f32>().unwrap(), f32::MAX);
    assert_eq!(dataset.attribute("flag_values").unwrap().read_1d::<i8>().unwrap(), [0, 1]);
    assert_eq!(dataset.attribute("units").unwrap().read_string().unwrap(), "meters");
    assert_eq!(dataset.attribute("empty").unwrap().read_string().unwrap(), "");
}

#[test]
fn the_tail_of_the_last_chunk_is_the_fill_value() {
    let dataset =
        Dataset::new(Values::F32(vec![1.0])).chunked(chunking(3, None, false)).fill(Scalar::F32(-1.0));
    let stored = chunks::encode(&dataset, &chunking(3, None, false));
    let expected: Vec<u8> = [1.0_f32, -1.0, -1.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(stored, [expected]);
}

#[test]
fn datasets_without_rows_come_back_empty() {
    let root = Group::new()
        .dataset("chunked", Dataset::new(Values::F64(vec![])).chunked(chunking(10, Some(6), false)))
        .dataset("contiguous", Dataset::new(Values::F64(vec![])));
    let file = open(&root);
    for name in ["chunked", "contiguous"] {
        let dataset = file.dataset(name).unwrap();
        assert_eq!(dataset.shape(), [0]);
        assert_eq!(dataset.read_array::<f64>().unwrap().len(), 0);
    }
}

#[test]
fn members_can_be_taken_out() {
    let leaf = Dataset::new(Values::I8(vec![1]));
    let mut root = Group::new().group("a", Group::new().group("b", Group::new().dataset("c", leaf)));
    assert!(root.remove("a/b/d").is_none());
    assert!(root.remove("a/b/c/d").is_none());
    assert!(root.remove("a/b/c").is_some());
    assert!(root.remove("a/b/c").is_none());
    assert!(root.remove("a").is_some());
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let values = || Dataset::new(Values::F32(vec![1.0]));
    let mut deep = Group::new();
    for _ in 0..MAX_DEPTH + 1 {
        deep = Group::new().group("g", deep);
    }
    let cases = [
        (Group::new().dataset("a/b", values()), "cannot name an hdf5 object"),
        (Group::new().dataset("", values()), "cannot name an hdf5 object"),
        (Group::new().text("", "x"), "cannot name an hdf5 attribute"),
        (Group::new().text("long", "x".repeat(70_000)), "over the limit of 64 KiB"),
        (Group::new().text("nul", "a\0b"), "contains NUL"),
        (Group::new().dataset("d", Dataset::new(Values::F64(vec![0.0; 9000])).compact()), "over the limit"),
        (Group::new().dataset("d", values().fill(Scalar::I8(1))), "not of the type"),
        (Group::new().dataset("d", values().chunked(chunking(0, None, false))), "chunks of 0 rows"),
        (Group::new().dataset("d", values().chunked(chunking(u32::MAX, None, false))), "more than 1 GiB"),
        (Group::new().dataset("d", values().chunked(chunking(1, Some(10), false))), "deflate level 10"),
        (
            Group::new().dataset("d", Dataset::new(Values::Text { values: vec!["abc".into()], width: 2 })),
            "longer than its width",
        ),
        (deep, "nested more than"),
    ];
    for (root, part) in cases {
        let error = write_file(&root).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.message().contains(part), "{error} should say {part:?}");
    }
}

#[test]
fn a_tree_of_three_levels_is_found_again() {
    let rows = 64 * 64 + 1;
    let dataset = Dataset::new(Values::I32((0..rows).collect())).chunked(chunking(1, None, false));
    let file = open(&Group::new().dataset("d", dataset));
    let expected: Vec<i32> = (0..rows).collect();
    assert_eq!(file.dataset("d").unwrap().read_array::<i32>().unwrap().into_raw_vec_and_offset().0, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_column_comes_back(
        values in proptest::collection::vec(any::<i32>(), 0..400),
        rows in 1_u32..50,
        deflate in proptest::option::of(1_u8..=9),
        shuffle in any::<bool>(),
    ) {
        let dataset = Dataset::new(Values::I32(values.clone())).chunked(chunking(rows, deflate, shuffle));
        let root = Group::new().dataset("d", dataset);
        let file = open(&root);
        let read = file.dataset("d").unwrap().read_array::<i32>().unwrap().into_raw_vec_and_offset().0;
        prop_assert_eq!(read, values);
        prop_assert_eq!(write_file(&root).unwrap(), write_file(&root).unwrap());
    }
}
