//! Files that the test writes with the `parquet` crate: every encoding, compression and form of pages; what is fetched; and
//! damaged bytes.

// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{column, memory, open, read, rows, source};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::range_reader::{RangeReader, Recording};
use zagg_core::source::{LATITUDE, LONGITUDE};
use zagg_core::{Column, Rows, Values};

/// Rows of a table with one column of every type.
#[derive(Debug, Clone, Default)]
struct Table {
    lat: Vec<f64>,
    lon: Vec<f64>,
    height: Vec<Option<f32>>,
    id: Vec<i64>,
    count: Vec<Option<i32>>,
}

const SCHEMA: &str = "message points {
    required double lat;
    required double lon;
    optional float height;
    required int64 id;
    optional int32 count;
}";

impl Table {
    /// Rows along a track, with values without a pattern.
    fn along(rows: usize) -> Self {
        let noise = |at: usize| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        Self {
            lat: (0..rows).map(|at| -80.0 + 0.001 * at as f64).collect(),
            lon: (0..rows).map(|at| 10.0 + 0.0001 * at as f64).collect(),
            height: (0..rows).map(|at| (noise(at) % 5 != 0).then_some(noise(at) as f32 * 0.5)).collect(),
            id: (0..rows).map(|at| (noise(at) as i64 - (1 << 23)).wrapping_mul(i64::MAX / 7)).collect(),
            count: (0..rows).map(|at| (noise(at) % 3 != 0).then_some(noise(at) as i32 % 100)).collect(),
        }
    }

    fn write(&self, group: usize, properties: WriterPropertiesBuilder) -> Bytes {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
        for start in (0..self.lat.len()).step_by(group) {
            let rows = start..self.lat.len().min(start + group);
            let mut group = writer.next_row_group().unwrap();
            macro_rules! column {
                ($type:ty, $values:expr, $levels:expr) => {{
                    let mut column = group.next_column().unwrap().unwrap();
                    column.typed::<$type>().write_batch($values, $levels, None).unwrap();
                    column.close().unwrap();
                }};
            }
            fn split<T: Copy>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
                (
                    values.iter().flatten().copied().collect(),
                    values.iter().map(|x| i16::from(x.is_some())).collect(),
                )
            }
            column!(DoubleType, &self.lat[rows.clone()], None);
            column!(DoubleType, &self.lon[rows.clone()], None);
            let (values, levels) = split(&self.height[rows.clone()]);
            column!(FloatType, &values, Some(&levels));
            column!(Int64Type, &self.id[rows.clone()], None);
            let (values, levels) = split(&self.count[rows]);
            column!(Int32Type, &values, Some(&levels));
            group.close().unwrap();
        }
        writer.into_inner().unwrap().into()
    }

    fn columns(&self) -> [(&'static str, Column); 5] {
        fn of<T: Copy + Default>(values: &[Option<T>], make: fn(Vec<T>) -> Values) -> Column {
            let missing: Vec<bool> = values.iter().map(Option::is_none).collect();
            Column {
                values: make(values.iter().map(|x| x.unwrap_or_default()).collect()),
                missing: missing.contains(&true).then_some(missing),
            }
        }
        [
            (LATITUDE, Column::complete(Values::Float64(self.lat.clone()))),
            (LONGITUDE, Column::complete(Values::Float64(self.lon.clone()))),
            ("height", of(&self.height, Values::Float32)),
            ("id", Column::complete(Values::Int64(self.id.clone()))),
            ("count", of(&self.count, Values::Int32)),
        ]
    }
}

fn section() -> Value {
    json!({
        "coordinates": {"latitude": "lat", "longitude": "lon"},
        "variables": {"height": "height", "id": "id", "count": "count"},
    })
}

/// Missing flags that are all false are as good as none.
fn tidy(column: Column) -> Column {
    Column { missing: column.missing.filter(|flags| flags.contains(&true)), ..column }
}

#[test]
fn every_encoding_and_compression_is_read() {
    let table = Table::along(1000);
    let source = source(&section());
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
        ] {
            for encoding in [
                None,
                Some(Encoding::PLAIN),
                Some(Encoding::DELTA_BINARY_PACKED),
                Some(Encoding::BYTE_STREAM_SPLIT),
            ] {
                let mut properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(compression)
                    .set_data_page_row_count_limit(150)
                    .set_write_batch_size(50)
                    .set_dictionary_enabled(encoding.is_none());
                for column in ["lat", "lon", "height", "id", "count"] {
                    let is_integer = ["id", "count"].contains(&column);
                    if let Some(encoding) =
                        encoding.filter(|e| *e != Encoding::DELTA_BINARY_PACKED || is_integer)
                    {
                        properties = properties.set_column_encoding(ColumnPath::from(column), encoding);
                    }
                }
                let what = format!("{version:?} {compression:?} {encoding:?}");
                let granule = open(&source, &memory("a.parquet", table.write(700, properties))).unwrap();
                assert_eq!(rows(&*granule), 1000, "{what}");
                for (name, want) in table.columns() {
                    assert_eq!(tidy(column(&*granule, name).unwrap()), want, "{what} {name}");
                }
                // Some pages, a part of each, over the end of the row group.
                let some = Rows::from_ranges([7..9, 149..151, 690..710, 999..1000]);
                let places: Vec<u32> = some.iter().map(|row| row as u32).collect();
                let names = table.columns().map(|(name, _)| name);
                for (got, (name, want)) in
                    read(&*granule, some, &names).unwrap().into_iter().zip(table.columns())
                {
                    assert_eq!(tidy(got), tidy(want.gather(&places)), "{what} {name}");
                }
            }
        }
    }
}

/// Bytes that were fetched of an object.
fn fetched(reader: &Recording) -> Vec<std::ops::Range<u64>> {
    reader.recorded().calls.into_iter().flat_map(|call| call.ranges).collect()
}

#[test]
fn only_wanted_row_groups_columns_and_pages_are_fetched() {
    let rows = 200_000;
    let table = Table::along(rows);
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(5000)
        .set_write_batch_size(1000);
    let bytes = table.write(50_000, properties);
    let size = bytes.len() as u64;
    let recording = Arc::new(Recording::new(memory("a.parquet", bytes)));
    let granule = open(&source(&section()), &(Arc::clone(&recording) as Arc<dyn RangeReader>)).unwrap();
    granule.positions(&[0]).remove(0).unwrap();
    let opening = fetched(&recording).len();
    assert_eq!(opening, 1, "the footer is one request, and positions come from it");
    // 3,000 rows of the third row group, of one column of eight bytes: two pages of 5,000 rows at most.
    let got = read(&*granule, Rows::from_ranges([103_000..106_000]), &["id"]).unwrap();
    assert_eq!(got[0].values, Values::Int64(table.id[103_000..106_000].to_vec()));
    let ranges = fetched(&recording);
    let bytes: u64 = ranges[opening..].iter().map(|range| range.end - range.start).sum();
    assert!((3000 * 8..2 * 5000 * 8 + 4000).contains(&bytes), "{bytes} of {size}");
    // Page locations, then the pages; the locations are known the next time.
    assert_eq!(ranges.len() - opening, 2, "{ranges:?}");
    read(&*granule, Rows::from_ranges([120_000..120_001]), &["id"]).unwrap();
    assert_eq!(fetched(&recording).len(), ranges.len() + 1);
    // The whole of a row group needs no page locations.
    let before = recording.recorded().calls.len();
    read(&*granule, Rows::from_ranges([0..50_000]), &["id", "height"]).unwrap();
    assert_eq!(recording.recorded().calls.len(), before + 1);
}

#[test]
fn rows_beyond_the_memory_are_refused() {
    let bytes = Table::along(2000).write(2000, WriterProperties::builder());
    let mut section = section();
    section["memory"] = 10_000.into();
    let granule = open(&source(&section), &memory("a.parquet", bytes)).unwrap();
    let error = column(&*granule, "id").unwrap_err();
    assert!(error.message().contains("data_source.memory"), "{error}");
}

/// Reads all there is; every answer must have the length that was asked for.
fn read_all(bytes: Vec<u8>) -> usize {
    let mut section = section();
    section["memory"] = (16_u64 << 20).into();
    let Ok(granule) = open(&source(&section), &memory("a.parquet", bytes)) else { return 0 };
    let rows = match &granule.parts()[0].state {
        zagg_core::source::PartState::Present { rows } => *rows,
        _ => return 0,
    };
    let _ = granule.positions(&[0]);
    let mut answers = 0;
    for name in [LATITUDE, LONGITUDE, "height", "id", "count"] {
        for wanted in [Rows::all(rows), Rows::from_ranges([rows / 2..rows / 2 + rows.min(1)])] {
            if let Ok(columns) = read(&*granule, wanted.clone(), &[name]) {
                assert_eq!(columns[0].len() as u64, wanted.len());
                answers += 1;
            }
        }
    }
    answers
}

#[test]
fn changed_bytes_end_in_errors_or_rows_and_never_in_a_panic() {
    let table = Table::along(300);
    let files = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0].map(|version| {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_data_page_row_count_limit(100);
        table.write(150, properties).to_vec()
    });
    assert!(files.iter().all(|file| read_all(file.clone()) == 10));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6);
    let refused = std::cell::Cell::new(0);
    runner
        .run(&(0..2_usize, changes, any::<Option<prop::sample::Index>>()), |(file, changes, cut)| {
            let mut bytes = files[file].clone();
            for (at, byte, in_footer) in changes {
                let length = bytes.len();
                let footer = length - length.min(2500);
                let at = if in_footer { footer + at.index(length - footer) } else { at.index(length) };
                bytes[at] = byte;
            }
            if let Some(cut) = cut.filter(|cut| cut.index(4) == 0) {
                bytes.truncate(cut.index(bytes.len()));
            }
            refused.set(refused.get() + usize::from(read_all(bytes) < 10));
            Ok(())
        })
        .unwrap();
    // The changes do break something.
    assert!(refused.get() > 200, "{}", refused.get());
}
