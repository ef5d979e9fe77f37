//! Files made here by an independent writer: groups, storage layouts, chunk edges, limits, the shared cache.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::sync::Arc;

use hdf5_pure::{AttrValue, FileBuilder};
use proptest::prelude::*;
use zagg_core::range_reader::{MemoryReader, RangeReader};
use zagg_core::{ErrorKind, Rows, Values};
use zagg_hdf5::{AttributeValue, ChunkCache, EntryKind, Hdf5File, ReadOptions, RowRequest};

const ROWS: u64 = 2500;

fn heights() -> Vec<f32> {
    (0..ROWS).map(|i| i as f32 * 0.25 - 7.0).collect()
}

/// Two groups with chunked, contiguous, two-dimensional and string datasets.
fn granule() -> Vec<u8> {
    let mut builder = FileBuilder::new();
    builder.set_attr("title", AttrValue::String("made for a test".into()));
    let table: Vec<i32> = (0..ROWS as i32 * 3).collect();
    for beam in ["gt1l", "gt1r"] {
        let mut group = builder.create_group(beam);
        group
            .create_dataset("h")
            .with_f32_data(&heights())
            .with_shape(&[ROWS])
            .with_chunks(&[1000])
            .with_shuffle()
            .with_deflate(6)
            .with_fletcher32()
            .set_attr("units", AttrValue::String("m".into()))
            .set_attr("_FillValue", AttrValue::F64(-1.0));
        group
            .create_dataset("table")
            .with_i32_data(&table)
            .with_shape(&[ROWS, 3])
            .with_chunks(&[700, 2])
            .with_deflate(1);
        group.create_dataset("plain").with_u16_data(&[3, 1, 4, 1, 5]).with_shape(&[5]);
        group.create_dataset("names").with_ascii_strings(&["alpha", "be"]).unwrap();
        builder.add_group(group.finish());
    }
    builder.finish().unwrap()
}

fn open(bytes: Vec<u8>, options: &ReadOptions) -> Hdf5File {
    Hdf5File::open(Arc::new(MemoryReader::new("made.h5", bytes)), options).unwrap()
}

fn one(file: &Hdf5File, request: RowRequest<'_>) -> zagg_core::Result<Values> {
    file.read_rows(&[request]).pop().unwrap()
}

#[test]
fn rows_across_chunks_come_in_order() {
    let file = open(granule(), &ReadOptions::default());
    let dataset = file.dataset("/gt1l/h").unwrap();
    assert_eq!((dataset.shape(), dataset.rows(), dataset.row_len()), (&[ROWS][..], ROWS, 1));
    let labels: Vec<_> = dataset.filters().iter().map(|f| f.label().into_owned()).collect();
    assert_eq!(labels, ["shuffle", "deflate", "fletcher32"]);
    let rows = Rows::from_ranges([0..2, 998..1003, 2499..2500]);
    let expected: Vec<f32> = rows.iter().map(|row| heights()[row as usize]).collect();
    assert_eq!(one(&file, RowRequest::new(&dataset, &rows)).unwrap(), Values::Float32(expected));
    let none = Rows::all(0);
    assert_eq!(one(&file, RowRequest::new(&dataset, &none)).unwrap(), Values::Float32(vec![]));
}

#[test]
fn two_dimensions_are_flattened_or_cut_to_a_column() {
    let file = open(granule(), &ReadOptions::default());
    let dataset = file.dataset("gt1r/table").unwrap();
    let rows = Rows::from_ranges([699..701, 2499..2500]);
    let flat = rows.iter().flat_map(|row| (0..3).map(move |c| row as i32 * 3 + c)).collect();
    assert_eq!(one(&file, RowRequest::new(&dataset, &rows)).unwrap(), Values::Int32(flat));
    let column = rows.iter().map(|row| row as i32 * 3 + 2).collect();
    assert_eq!(one(&file, RowRequest::column(&dataset, &rows, 2)).unwrap(), Values::Int32(column));
    let error = one(&file, RowRequest::column(&dataset, &rows, 3)).unwrap_err();
    assert_eq!(error.to_string(), "made.h5: gt1r/table: column 3 is asked for, the shape is [2500, 3]");
}

#[test]
fn groups_attributes_and_strings() {
    let file = open(granule(), &ReadOptions::default());
    let lists = file.list(&["", "gt1l", "nowhere", "gt1l/h"]);
    let names = |i: usize| {
        let list = lists[i].as_ref().unwrap().as_ref().unwrap();
        list.iter().map(|e| (e.name.as_str(), e.kind)).collect::<Vec<_>>()
    };
    assert_eq!(names(0), [("gt1l", EntryKind::Group), ("gt1r", EntryKind::Group)]);
    assert_eq!(names(1).iter().map(|e| e.0).collect::<Vec<_>>(), ["h", "names", "plain", "table"]);
    assert_eq!(lists[2], Ok(None));
    assert_eq!(lists[3].as_ref().unwrap_err().kind(), ErrorKind::Input);
    let kinds: Vec<_> = file.kinds(&["gt1l", "gt1l/h", "gt3l/h"]).into_iter().map(Result::unwrap).collect();
    assert_eq!(kinds, [Some(EntryKind::Group), Some(EntryKind::Dataset), None]);
    let root = file.attributes(&["/"]).pop().unwrap().unwrap().unwrap();
    assert_eq!(root[0].value.as_str(), Some("made for a test"));
    let dataset = file.dataset("gt1l/h").unwrap();
    assert_eq!(dataset.attribute("units").unwrap().and_then(AttributeValue::as_str), Some("m"));
    let fill = dataset.attribute("_FillValue").unwrap().and_then(AttributeValue::as_numbers);
    assert_eq!(fill, Some(&Values::Float64(vec![-1.0])));
    assert_eq!(dataset.attribute("absent").unwrap(), None);
    let names = file.dataset("gt1r/names").unwrap();
    assert_eq!(file.read_strings(&names, &Rows::all(2)).unwrap(), ["alpha", "be"]);
    assert_eq!(
        one(&file, RowRequest::new(&names, &Rows::all(2))).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(file.dataset("gt1l").unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(file.dataset("gt1l/none").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_broken_request_leaves_the_others_alone() {
    let file = open(granule(), &ReadOptions::default());
    let found: Vec<_> =
        file.datasets(&["gt1l/h", "gt1l/plain"]).into_iter().map(|d| d.unwrap().unwrap()).collect();
    let (inside, outside) = (Rows::from_ranges([1..3]), Rows::from_ranges([4..6]));
    let answers = file.read_rows(&[
        RowRequest::new(&found[1], &outside),
        RowRequest::new(&found[1], &inside),
        RowRequest::new(&found[0], &inside),
    ]);
    let message = answers[0].as_ref().unwrap_err().to_string();
    assert_eq!(message, "made.h5: gt1l/plain: row 5 is asked for, there are 5");
    assert_eq!(answers[1], Ok(Values::UInt16(vec![1, 4])));
    assert_eq!(answers[2], Ok(Values::Float32(heights()[1..3].to_vec())));
}

#[test]
fn a_damaged_chunk_is_named_with_its_place() {
    let bytes = granule();
    let whole = open(bytes.clone(), &ReadOptions::default());
    let dataset = whole.dataset("gt1l/h").unwrap();
    let all = Rows::all(ROWS);
    // Damage byte after byte until one lies in a chunk of this dataset.
    let mut seen = 0;
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let Ok(file) =
            Hdf5File::open(Arc::new(MemoryReader::new("made.h5", damaged)), &ReadOptions::default())
        else {
            continue;
        };
        let Ok(dataset) = file.dataset("gt1l/h") else { continue };
        if let Err(error) = one(&file, RowRequest::new(&dataset, &all)) {
            let message = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{message}");
            assert!(message.starts_with("made.h5: gt1l/h: ") && message.contains("at offset"), "{message}");
            seen += usize::from(message.contains("checksum") && message.contains("chunk ["));
        } else {
            assert_eq!(
                one(&file, RowRequest::new(&dataset, &all)),
                one(&whole, RowRequest::new(&dataset, &all))
            );
        }
    }
    assert!(seen > 10, "{seen} damaged chunks found");
    assert_eq!(one(&whole, RowRequest::new(&dataset, &all)).unwrap(), Values::Float32(heights()));
}

#[test]
fn limits_are_kept() {
    let options = ReadOptions { max_chunk_bytes: 3999, ..ReadOptions::default() };
    let file = open(granule(), &options);
    let dataset = file.dataset("gt1l/h").unwrap();
    let error = one(&file, RowRequest::new(&dataset, &Rows::all(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("over the limit of 3999 bytes (max_chunk_bytes)"), "{error}");
    let cut = granule()[..5000].to_vec();
    let error = Hdf5File::open(Arc::new(MemoryReader::new("cut.h5", cut)), &options).unwrap_err();
    assert!(error.to_string().starts_with("cut.h5: the file is truncated: it has 5000 bytes"), "{error}");
    let error = Hdf5File::open(Arc::new(MemoryReader::new("text", "no HDF5 here")), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
}

#[test]
fn the_shared_cache_saves_reads_between_files_and_threads() {
    let options = ReadOptions {
        first_read: 4096,
        window: 4096,
        chunk_cache: Some(Arc::new(ChunkCache::new(1 << 20))),
        ..ReadOptions::default()
    };
    let bytes = granule();
    let rows = Rows::all(ROWS);
    let read = |reader: Arc<dyn RangeReader>| {
        let file = Hdf5File::open(reader, &options).unwrap();
        let dataset = file.dataset("gt1r/h").unwrap();
        one(&file, RowRequest::new(&dataset, &rows)).unwrap()
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(read(common::recording("made.h5", bytes.clone())), Values::Float32(heights()));
            });
        }
    });
    let cache = options.chunk_cache.as_ref().unwrap();
    // Three chunks of 1000 rows, each kept once.
    assert_eq!(cache.bytes(), 3 * 4000);
    let reader = common::recording("made.h5", bytes);
    let file = Hdf5File::open(reader.clone(), &options).unwrap();
    let dataset = file.dataset("gt1r/h").unwrap();
    // The first row brings the chunk index, and nothing else.
    one(&file, RowRequest::new(&dataset, &Rows::all(1))).unwrap();
    let metadata = reader.recorded().bytes();
    assert_eq!(one(&file, RowRequest::new(&dataset, &rows)).unwrap(), Values::Float32(heights()));
    assert_eq!(reader.recorded().bytes(), metadata, "chunks were fetched again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_of_any_shape_in_any_chunks(
        dims in prop::collection::vec((1u64..9, 1u64..7), 1..5),
        starts in prop::collection::vec((0u64..9, 0u64..5), 0..4),
        column in 0u64..9,
        shuffle: bool,
    ) {
        let shape: Vec<u64> = dims.iter().map(|d| d.0).collect();
        let chunks: Vec<u64> = dims.iter().map(|d| d.1.min(d.0)).collect();
        let count: u64 = shape.iter().product();
        let values: Vec<i16> = (0..count as i16).map(|i| i * 7 - 300).collect();
        let mut builder = FileBuilder::new();
        let dataset = builder.create_dataset("d").with_i16_data(&values).with_shape(&shape).with_chunks(&chunks);
        if shuffle {
            dataset.with_shuffle().with_deflate(1);
        }
        let file = open(builder.finish().unwrap(), &ReadOptions::default());
        let dataset = file.dataset("d").unwrap();
        let ranges = starts.iter().map(|(start, len)| (*start).min(shape[0])..(start + len).min(shape[0]));
        let rows = Rows::from_ranges(ranges);
        let row_len = count / shape[0];
        let expected: Vec<i16> =
            rows.iter().flat_map(|row| &values[(row * row_len) as usize..][..row_len as usize]).copied().collect();
        prop_assert_eq!(one(&file, RowRequest::new(&dataset, &rows)).unwrap(), Values::Int16(expected));
        let picked = one(&file, RowRequest::column(&dataset, &rows, column));
        if column < row_len {
            let expected = rows.iter().map(|row| values[(row * row_len + column) as usize]).collect();
            prop_assert_eq!(picked.unwrap(), Values::Int16(expected));
        } else {
            prop_assert_eq!(picked.unwrap_err().kind(), ErrorKind::Input);
        }
    }
}
