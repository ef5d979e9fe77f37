//! How many dependent reads, requests and bytes a cold read of granules takes, by writer.
//!
//! Everything is counted from the opening on: six beams by five variables with their attributes, once with all rows in one
//! read, once as a task does it, coordinates before the rest.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::sync::Arc;

use bytes::Bytes;
use zagg_core::Rows;
use zagg_core::range_reader::{FIRST_READ, MemoryReader, Recorded, Recording};
use zagg_hdf5::{Dataset, Hdf5File, ReadOptions, RowRequest};
use zagg_hdf5_write::{Chunking, Group, Scalar, Values, write_file};

const BEAMS: [&str; 6] = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"];
const COLUMNS: [&str; 5] = ["latitude", "longitude", "h_li", "h_li_sigma", "atl06_quality_summary"];
const SLACK: u64 = 1 << 20;

fn column_paths() -> Vec<String> {
    let beams = BEAMS.iter();
    beams.flat_map(|b| COLUMNS.iter().map(move |c| format!("{b}/land_ice_segments/{c}"))).collect()
}

/// Reads the datasets at some paths with all rows and attributes: those whose path ends as `first` says, then the others.
fn cold_read(name: &str, bytes: &Bytes, paths: &[String], first: &str) -> Recorded {
    let reader = Arc::new(Recording::new(Arc::new(MemoryReader::new(name, bytes.clone()))));
    let file = Hdf5File::open(reader.clone(), &ReadOptions::default()).unwrap();
    let found = file.datasets(paths).into_iter().filter_map(Result::unwrap);
    let (first, others): (Vec<Dataset>, Vec<Dataset>) = found.partition(|d| d.path().ends_with(first));
    assert!(!first.is_empty(), "{name}: there is nothing to read");
    for datasets in [first, others] {
        let rows: Vec<Rows> = datasets.iter().map(|d| Rows::all(d.rows())).collect();
        let requests: Vec<RowRequest<'_>> =
            datasets.iter().zip(&rows).map(|(dataset, rows)| RowRequest::new(dataset, rows)).collect();
        for (values, request) in file.read_rows(&requests).into_iter().zip(&requests) {
            assert_eq!(values.unwrap().len() as u64, request.rows.len() * request.dataset.row_len());
        }
        for dataset in &datasets {
            dataset.attributes().unwrap();
        }
    }
    reader.recorded()
}

/// What may be spent on a file: round trips with all rows at once, round trips with coordinates first, and requests beyond
/// one for each chunk.
#[derive(Debug, Clone, Copy)]
struct Limits {
    at_once: u64,
    coordinates_first: u64,
    requests: u64,
}

/// Asserts the limits for six beams by five columns, `payload` being the stored bytes of their `chunks` chunks.
fn assert_limits(name: &str, bytes: &Bytes, payload: u64, chunks: u64, limits: Limits) {
    let at_once = cold_read(name, bytes, &column_paths(), "");
    let coordinates_first = cold_read(name, bytes, &column_paths(), "tude");
    println!(
        "{name}: {} round trips ({} with coordinates first), {} requests for {chunks} chunks, {} bytes for {payload}",
        at_once.round_trips(),
        coordinates_first.round_trips(),
        at_once.requests(),
        at_once.bytes()
    );
    assert!(at_once.round_trips() <= limits.at_once, "{name}: {} round trips", at_once.round_trips());
    let trips = coordinates_first.round_trips();
    assert!(trips <= limits.coordinates_first, "{name}: {trips} round trips with coordinates first");
    for recorded in [at_once, coordinates_first] {
        assert!(recorded.bytes() <= payload + SLACK, "{name}: {} bytes", recorded.bytes());
        assert!(recorded.requests() <= chunks + limits.requests, "{name}: {} requests", recorded.requests());
    }
}

#[test]
fn real_granules_take_six_round_trips_and_a_mebibyte_beyond_their_payload() {
    let Some(folder) = common::data_folder() else { return };
    let native = Limits { at_once: 6, coordinates_first: 7, requests: 30 };
    let subset = Limits { at_once: 6, coordinates_first: 7, requests: 35 };
    let small = Limits { at_once: 2, coordinates_first: 2, requests: 2 };
    // With the stored bytes and the number of chunks, by h5py.
    let files = [
        ("ATL06_20230816161508_08782002_006_02.h5", 122_215, 30, native),
        ("ATL06_20181014001049_02350102_001_01.h5", 83_942, 30, native),
        ("ATL06_20181111224708_06770102_001_01.h5", 65_123, 30, native),
        // Subsetters keep the attributes of most datasets in heaps of their own.
        ("ATL06_20220731220955_06111603_006_02_subset_by_shapefile_reference.h5", 107_841, 30, subset),
        ("processed_ATL06_20181031013919_04950110_001_01.h5", 1_268_229, 60, subset),
        ("processed_ATL06_20190222031203_08500210_001_01.h5", 671_520, 30, subset),
        ("processed_ATL06_20190416093911_02770303_002_01.h5", 156_049, 30, subset),
        ("processed_ATL06_20190424092231_03990303_002_01.h5", 18_340, 30, subset),
        ("processed_ATL06_20190424220725_04070305_002_01.h5", 54_685, 30, subset),
        ("processed_ATL06_20190613193602_11690305_002_01.h5", 67_520, 30, subset),
        ("processed_ATL06_20181014001049_02350102_001_01.h5", 5_709, 0, small),
        ("processed_ATL06_20181019020413_03120110_001_01.h5", 5_164, 0, small),
        ("processed_ATL06_20181023015554_03730110_001_01.h5", 17_587, 0, small),
        ("processed_ATL06_20181115223845_07380102_001_01.h5", 2_997, 0, small),
    ];
    for (name, payload, chunks, limits) in files {
        let bytes = std::fs::read(folder.join("atl06").join(name)).unwrap().into();
        assert_limits(name, &bytes, payload, chunks, limits);
    }
}

/// A file of the size of a polar granule: 60 columns in six beams, of which 30 are read.
fn large_file(rows: usize) -> Vec<u8> {
    let chunking = Chunking { rows: 10_000, deflate: None, shuffle: false };
    let f64s = |start: f64| Values::F64((0..rows).map(|i| start + i as f64 * 1e-4).collect());
    let mut root = Group::new().text("title", "made up");
    for beam in BEAMS {
        let mut segments = Group::new();
        for name in COLUMNS.into_iter().chain(["delta_time", "h_mean", "segment_id", "x_atc", "y_atc"]) {
            let column = zagg_hdf5_write::Dataset::new(f64s(name.len() as f64))
                .chunked(chunking)
                .fill(Scalar::F64(f64::MAX))
                .text("units", "meters")
                .text("long_name", "a name of the usual length for a column");
            segments = segments.dataset(name, column);
        }
        root = root.group(beam, Group::new().group("land_ice_segments", segments));
    }
    write_file(&root).unwrap()
}

#[test]
fn large_files_take_no_more() {
    let rows = 200_000;
    let bytes = Bytes::from(large_file(rows));
    assert!(bytes.len() > 90 << 20, "{} bytes", bytes.len());
    // 20 chunks a column, of 80,000 bytes each.
    let limits = Limits { at_once: 6, coordinates_first: 7, requests: 80 };
    assert_limits("large.h5", &bytes, 30 * 20 * 80_000, 30 * 20, limits);
}

/// Look-alikes of whole granules by another writer, made by `make_large_granule.py`; `cargo xtask long` does that.
#[test]
fn look_alikes_of_whole_granules_take_no_more() {
    let Some(folder) = std::env::var_os("ZAGG_LARGE_GRANULES").map(std::path::PathBuf::from) else { return };
    let limits = Limits { at_once: 6, coordinates_first: 7, requests: 80 };
    for (name, limits) in [
        ("classic.h5", limits),
        ("paged.h5", limits),
        // Indexes of chunks are a step deeper in newer files.
        ("latest.h5", Limits { at_once: 7, coordinates_first: 8, ..limits }),
    ] {
        let bytes = Bytes::from(std::fs::read(folder.join(name)).unwrap());
        let payload = std::fs::read_to_string(folder.join(format!("{name}.payload"))).unwrap();
        let (payload, chunks) = payload.trim().split_once(' ').unwrap();
        assert_limits(name, &bytes, payload.parse().unwrap(), chunks.parse().unwrap(), limits);
    }
}

#[test]
fn photon_files_take_little_beyond_their_payload() {
    let Some(folder) = common::data_folder() else { return };
    let name = "atl03_clip_v006.h5";
    let bytes = Bytes::from(std::fs::read(folder.join("atl03").join(name)).unwrap());
    let columns = ["lat_ph", "lon_ph", "h_ph", "signal_conf_ph"];
    let paths: Vec<String> = BEAMS.iter().flat_map(|b| columns.map(|c| format!("{b}/heights/{c}"))).collect();
    let all = cold_read(name, &bytes, &paths, "");
    println!("{name}: {} round trips, {} requests, {} bytes", all.round_trips(), all.requests(), all.bytes());
    assert!(all.round_trips() <= 6, "{} round trips", all.round_trips());
}

#[test]
fn the_opening_costs_one_request_of_the_first_bytes() {
    let bytes = large_file(10_000);
    let reader = common::recording("large.h5", bytes);
    Hdf5File::open(reader.clone(), &ReadOptions::default()).unwrap();
    let recorded = reader.recorded();
    assert_eq!(recorded.calls.len(), 1);
    assert_eq!(recorded.calls[0].ranges, [0..FIRST_READ]);
}

#[test]
fn a_second_read_fetches_only_what_is_new() {
    let Some(folder) = common::data_folder() else { return };
    let name = "processed_ATL06_20181031013919_04950110_001_01.h5";
    let reader = common::recording(name, std::fs::read(folder.join("atl06").join(name)).unwrap());
    let file = Hdf5File::open(reader.clone(), &ReadOptions::default()).unwrap();
    let dataset = file.dataset("gt1l/land_ice_segments/h_li").unwrap();
    assert_eq!(dataset.chunk_shape(), Some(&[10_000][..]));
    let (first, second) = (Rows::from_ranges([5..6]), Rows::from_ranges([10_000..10_002]));
    file.read_rows(&[RowRequest::new(&dataset, &first)]).pop().unwrap().unwrap();
    dataset.attributes().unwrap();
    let before = reader.recorded();
    file.read_rows(&[RowRequest::new(&dataset, &second)]).pop().unwrap().unwrap();
    dataset.attributes().unwrap();
    let after = reader.recorded();
    // The index is known: one read of at most one chunk.
    assert!(after.round_trips() - before.round_trips() <= 1);
    assert!(after.requests() - before.requests() <= 1);
}
