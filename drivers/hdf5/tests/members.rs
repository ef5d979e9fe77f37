//! Fields of records, arrays within elements, columns of many dimensions, padded strings, forms of numbers.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::sync::Arc;

use zagg_core::range_reader::MemoryReader;
use zagg_core::{DType, ErrorKind, Rows, Values};
use zagg_hdf5::{Dataset, Hdf5File, ReadOptions, RowRequest};

/// What `make_fixtures.py` writes.
fn file() -> Hdf5File {
    let bytes = include_bytes!("fixtures/types.h5").to_vec();
    Hdf5File::open(Arc::new(MemoryReader::new("types.h5", bytes)), &ReadOptions::default()).unwrap()
}

fn read(file: &Hdf5File, request: RowRequest<'_>) -> Values {
    file.read_rows(&[request]).pop().unwrap().unwrap()
}

#[test]
fn a_path_names_a_field_and_fields_of_fields() {
    let file = file();
    let rows = Rows::from_ranges([6..8, 29..30]);
    let places: Vec<u64> = rows.iter().flat_map(|row| [row * 2, row * 2 + 1]).collect();
    let id = file.dataset("records#id").unwrap();
    assert_eq!((id.shape(), id.dtype(), id.row_len()), (&[30, 2][..], Some(DType::Int32), 2));
    assert_eq!(id.stored_datatype().size, 80);
    let expected = places.iter().map(|&at| at as i32).collect();
    assert_eq!(read(&file, RowRequest::new(&id, &rows)), Values::Int32(expected));
    let half = file.dataset("/records#inner#y").unwrap();
    let expected = places.iter().map(|&at| at as f32 / 16.0).collect();
    assert_eq!(read(&file, RowRequest::new(&half, &rows)), Values::Float32(expected));
    let flag = file.dataset("records#flag").unwrap();
    let expected = rows.iter().map(|_| 0).collect();
    assert_eq!(read(&file, RowRequest::column(&flag, &rows, 1)), Values::Int8(expected));
    let label = file.dataset("records#label").unwrap();
    assert_eq!(file.read_strings(&label, &Rows::from_ranges([9..10])).unwrap(), ["r90", "r91"]);
}

#[test]
fn arrays_within_elements_are_further_dimensions() {
    let file = file();
    let place = file.dataset("records#where").unwrap();
    assert_eq!((place.shape(), place.row_len()), (&[30, 2, 2, 3][..], 12));
    let rows = Rows::from_ranges([3..4, 13..15]);
    let all: Vec<f64> =
        rows.iter().flat_map(|row| (0..12).map(move |at| (row * 12 + at) as f64 / 4.0)).collect();
    assert_eq!(read(&file, RowRequest::new(&place, &rows)), Values::Float64(all.clone()));
    for index in [[0, 0, 0], [1, 0, 2], [1, 1, 2]] {
        let column = place.column_at(&index).unwrap();
        assert_eq!(column, index[0] * 6 + index[1] * 3 + index[2]);
        let expected = all.chunks(12).map(|row| row[column as usize]).collect();
        assert_eq!(read(&file, RowRequest::column(&place, &rows, column)), Values::Float64(expected));
    }
    assert_eq!(place.column_at(&[0, 2, 0]), None);
    assert_eq!(place.column_at(&[0, 0]), None);
}

#[test]
fn any_value_of_a_row_can_be_picked_in_many_dimensions() {
    let file = file();
    let rows = Rows::from_ranges([0..1, 5..13, 19..20]);
    let check = |dataset: &Dataset| {
        for index in [[0, 0, 0], [1, 2, 3], [2, 3, 4], [0, 3, 1]] {
            let column = dataset.column_at(&index).unwrap();
            let found = read(&file, RowRequest::column(dataset, &rows, column)).to_f64();
            let expected: Vec<f64> = rows.iter().map(|row| (row * 60 + column) as f64).collect();
            assert_eq!(found, expected, "{} {index:?}", dataset.path());
        }
        let request = RowRequest::column(dataset, &rows, 60);
        let error = file.read_rows(&[request]).pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    };
    check(&file.dataset("cube").unwrap());
    check(&file.dataset("cube_contiguous").unwrap());
}

#[test]
fn only_the_chunks_of_the_column_are_fetched() {
    let bytes = include_bytes!("fixtures/types.h5").to_vec();
    let reader = common::recording("types.h5", bytes);
    let options = ReadOptions { first_read: 2048, ..ReadOptions::default() };
    let file = Hdf5File::open(Arc::clone(&reader) as _, &options).unwrap();
    let cube = file.dataset("cube").unwrap();
    let whole = file.read_rows(&[RowRequest::new(&cube, &Rows::all(20))]).pop().unwrap().unwrap();
    assert_eq!(whole.len(), 20 * 60);
    let before = reader.recorded().requests();
    let column = cube.column_at(&[1, 1, 1]).unwrap();
    let rows = Rows::from_ranges([0..6]);
    assert_eq!(read(&file, RowRequest::column(&cube, &rows, column)).len(), 6);
    assert!(reader.recorded().requests() - before <= 1);
}

#[test]
fn what_is_no_field_is_told() {
    let file = file();
    let error = |path: &str| file.dataset(path).unwrap_err();
    assert_eq!(
        error("records#nothing").to_string(),
        "types.h5: records#nothing: there is no field nothing; its fields: id, where, inner, label, flag"
    );
    assert_eq!(error("records#id#x").kind(), ErrorKind::NotFound);
    assert_eq!(error("cube#x").kind(), ErrorKind::NotFound);
    // A dataset whose own name has the sign is found first.
    assert_eq!(file.dataset("a#b").unwrap().dtype(), Some(DType::UInt16));
    assert_eq!(error("a#c").kind(), ErrorKind::NotFound);
    let records = file.dataset("records").unwrap();
    let refused = file.read_rows(&[RowRequest::new(&records, &Rows::all(1))]).pop().unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(
        refused.to_string().ends_with("its elements (compound of 5 fields, 80 bytes) are no plain numbers")
    );
}

#[test]
fn types_that_are_not_read_are_named() {
    let file = file();
    for (name, part) in [
        ("long_double", "floating point of 16 bytes"),
        ("opaque", "opaque, 4 bytes"),
        ("words", "string of variable length"),
        ("ragged", "variable-length sequence of int32"),
        ("reference", "reference"),
    ] {
        let dataset = file.dataset(name).unwrap();
        let error = file.read_rows(&[RowRequest::new(&dataset, &Rows::all(1))]).pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn every_padding_is_taken_off() {
    let file = file();
    let strings = |name: &str| file.read_strings(&file.dataset(name).unwrap(), &Rows::all(3)).unwrap();
    assert_eq!(strings("nul_terminated"), ["one", "", "sevens7"]);
    assert_eq!(strings("nul_padded"), ["one", "a\0b", "eight888"]);
    assert_eq!(strings("space_padded"), ["one", "", " two"]);
}

/// However many rows a file claims: without columns there is nothing to fetch and nothing to list.
#[test]
fn rows_without_values_are_none() {
    let shape = |dims: [u64; 4]| dims.map(u64::to_le_bytes).concat();
    let mut bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/types.h5")).unwrap();
    let (before, after) = (shape([20, 3, 4, 5]), shape([1 << 45, 0, 4, 5]));
    while let Some(at) = bytes.windows(32).position(|window| window == before) {
        bytes[at..at + 32].copy_from_slice(&after);
    }
    let file = Hdf5File::open(Arc::new(MemoryReader::new("m", bytes)), &ReadOptions::default()).unwrap();
    for name in ["cube_contiguous", "cube"] {
        let dataset = file.dataset(name).unwrap();
        assert_eq!(dataset.shape(), [1 << 45, 0, 4, 5]);
        assert!(read(&file, RowRequest::new(&dataset, &Rows::all(1 << 45))).is_empty(), "{name}");
    }
}
