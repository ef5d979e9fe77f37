//! How many dependent reads and bytes a cold read of real granules takes.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::single_range_in_vec_init)] // The whole file is tests.

mod common;

use std::path::Path;
use std::sync::Arc;

use zagg_core::Rows;
use zagg_core::range_reader::{Recorded, Recording};
use zagg_hdf5::{Dataset, Hdf5File, ReadOptions, RowRequest};

const BEAMS: [&str; 6] = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"];
const COLUMNS: [&str; 5] = ["latitude", "longitude", "h_li", "h_li_sigma", "atl06_quality_summary"];

/// What a cold read of six beams by five columns cost, and the stored bytes of the chunks.
fn cold_read(folder: &Path, name: &str) -> (Recorded, Recorded) {
    let bytes = std::fs::read(folder.join("atl06").join(name)).unwrap();
    let reader: Arc<Recording> = common::recording(name, bytes);
    let file = Hdf5File::open(reader.clone(), &ReadOptions::default()).unwrap();
    let paths: Vec<String> = BEAMS
        .iter()
        .flat_map(|b| COLUMNS.iter().map(move |c| format!("{b}/land_ice_segments/{c}")))
        .collect();
    let datasets: Vec<Dataset> = file.datasets(&paths).into_iter().filter_map(Result::unwrap).collect();
    let metadata = reader.recorded();
    let rows: Vec<Rows> = datasets.iter().map(|d| Rows::all(d.rows())).collect();
    let requests: Vec<RowRequest<'_>> =
        datasets.iter().zip(&rows).map(|(dataset, rows)| RowRequest::new(dataset, rows)).collect();
    for (values, request) in file.read_rows(&requests).into_iter().zip(&requests) {
        assert_eq!(values.unwrap().len() as u64, request.rows.len());
    }
    (metadata, reader.recorded())
}

#[test]
fn a_cold_read_of_a_native_granule_takes_six_round_trips_and_little_more_than_its_payload() {
    let Some(folder) = common::data_folder() else { return };
    // With the stored bytes of the 30 chunks, by h5py.
    let files = [
        ("ATL06_20230816161508_08782002_006_02.h5", 122_215),
        ("ATL06_20181014001049_02350102_001_01.h5", 83_942),
        ("ATL06_20181111224708_06770102_001_01.h5", 65_123),
    ];
    for (name, payload) in files {
        let (metadata, all) = cold_read(&folder, name);
        println!("{name}: {} round trips, {} bytes, payload {payload}", all.round_trips(), all.bytes());
        assert!(metadata.round_trips() <= 4, "{name}: {} round trips for metadata", metadata.round_trips());
        assert!(all.round_trips() <= 6, "{name}: {} round trips", all.round_trips());
        assert!(all.bytes() <= payload + (1 << 20), "{name}: {} bytes", all.bytes());
    }
}

#[test]
fn cold_reads_of_rewritten_granules_stay_within_bounds() {
    let Some(folder) = common::data_folder() else { return };
    // Subsetters keep the attributes of most datasets in heaps of their own.
    let files = [
        ("ATL06_20220731220955_06111603_006_02_subset_by_shapefile_reference.h5", 10, 107_841),
        ("processed_ATL06_20181031013919_04950110_001_01.h5", 9, 1_268_229),
        ("processed_ATL06_20190222031203_08500210_001_01.h5", 8, 671_520),
        // Small enough to come whole.
        ("processed_ATL06_20181023015554_03730110_001_01.h5", 1, 17_587),
    ];
    for (name, round_trips, payload) in files {
        let (_, all) = cold_read(&folder, name);
        println!("{name}: {} round trips, {} bytes, payload {payload}", all.round_trips(), all.bytes());
        assert!(all.round_trips() <= round_trips, "{name}: {} round trips", all.round_trips());
        assert!(all.bytes() <= payload + 1_300_000, "{name}: {} bytes", all.bytes());
    }
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
    let before = reader.recorded();
    file.read_rows(&[RowRequest::new(&dataset, &second)]).pop().unwrap().unwrap();
    let after = reader.recorded();
    // The index is known: one read of at most one chunk.
    assert!(after.round_trips() - before.round_trips() <= 1);
    assert!(after.requests() - before.requests() <= 1);
}
