//! What one shard fetches, counted.

use std::sync::Arc;

use bytes::Bytes;
use zagg_access::Access;
use zagg_atl06::synthetic::{BEAMS, GranuleSpec, beam_rows, write_granule};
use zagg_core::Rows;
use zagg_core::range_reader::{MemoryReader, Recording};
use zagg_core::report::{TaskReport, TaskStatus, Traffic};
use zagg_core::task::run_task;
use zagg_hdf5::{Hdf5File, ReadOptions, RowRequest};
use zagg_zarr::ZarrStore;

use crate::support::{Job, crossing, grid_of, pipeline, preset, test_data};

/// Rows of one chunk of the product.
const CHUNK: u64 = 10_000;

/// Stored bytes of the chunks of a dataset that hold any of some rows, each fetched alone.
fn chunk_bytes(file: &Hdf5File, recording: &Recording, path: &str, rows: &[u64]) -> u64 {
    let dataset = file.dataset(path).unwrap();
    assert_eq!(dataset.chunk_shape(), Some(&[CHUNK][..]));
    let whole = Rows::all(dataset.rows());
    // The table of chunks is known after this.
    for values in file.read_rows(&[RowRequest::new(&dataset, &whole)]) {
        values.unwrap();
    }
    let mut chunks: Vec<u64> = rows.iter().map(|row| row / CHUNK).collect();
    chunks.dedup();
    let before = recording.recorded().bytes();
    for chunk in chunks {
        let first = Rows::from_ranges([chunk * CHUNK..chunk * CHUNK + 1]);
        for values in file.read_rows(&[RowRequest::new(&dataset, &first)]) {
            values.unwrap();
        }
    }
    recording.recorded().bytes() - before
}

/// Reports of the tasks of a job run one after the other, on a run that has read nothing before.
fn reports(job: &Job) -> Vec<TaskReport> {
    let store = ZarrStore::memory();
    // Making the template reads attributes, so another run does it.
    job.assemble(Arc::new(store.reopen())).unwrap().prepare(false).unwrap();
    let run = job.assemble(Arc::new(store)).unwrap();
    run.tasks.iter().map(|task| run_task(&run, task)).collect()
}

#[test]
fn one_cold_shard_takes_few_round_trips_and_little_more_than_its_chunks() {
    let spec = GranuleSpec { segments_per_beam: 40_000, ..crossing(1)[0].clone() };
    let bytes = Bytes::from(write_granule(&spec).unwrap());
    let job = Job::atl06(pipeline(&[preset()]), std::slice::from_ref(&spec)).far_away();
    let grid = grid_of(&job.pipeline);
    assert!(job.map.shards.len() > 5, "{} shards", job.map.shards.len());
    for entry in &job.map.shards {
        let shard = grid.shard_from_key(entry.key).unwrap();
        let recording = Arc::new(Recording::new(Arc::new(MemoryReader::new("granule", bytes.clone()))));
        let file = Hdf5File::open(Arc::clone(&recording) as Arc<_>, &ReadOptions::default()).unwrap();
        let mut payload = 0;
        for beam in BEAMS {
            let rows = beam_rows(&spec, beam).unwrap();
            let mut cells = vec![0; rows.len()];
            let mut shards = vec![0; rows.len()];
            grid.locate(&rows.longitude, &rows.latitude, &mut cells);
            grid.shards_of(&cells, &mut shards);
            let all: Vec<u64> = (0..rows.len() as u64).collect();
            let inside: Vec<u64> = all.iter().copied().filter(|&row| shards[row as usize] == shard).collect();
            for name in ["latitude", "longitude"] {
                payload += chunk_bytes(&file, &recording, &format!("/{beam}/land_ice_segments/{name}"), &all);
            }
            for name in ["h_li", "h_li_sigma", "atl06_quality_summary"] {
                let path = format!("/{beam}/land_ice_segments/{name}");
                payload += chunk_bytes(&file, &recording, &path, &inside);
            }
        }
        assert!(payload > 1 << 20 && payload < bytes.len() as u64, "{payload} of {}", bytes.len());
        let mut one = job.clone();
        one.options.shards = vec![grid.shard_label(shard)];
        let [report] = &reports(&one)[..] else { panic!("one task") };
        let Traffic { bytes: read, round_trips, requests } = report.traffic;
        say!(
            "shard {}: {round_trips} round trips, {requests} requests, {read} bytes for {payload} of chunks",
            report.shard
        );
        assert_eq!(report.status, TaskStatus::Done);
        assert!(report.rows_kept > 0);
        // Five for metadata and chunk tables, one for coordinates, one for the rows of the shard.
        assert!(round_trips <= 7 && requests <= 140, "{round_trips} round trips, {requests} requests");
        assert!(read >= payload && read <= payload + (1 << 20), "{read} bytes for {payload} of chunks");
    }
}

#[test]
fn one_cold_shard_of_a_real_granule_takes_seven_round_trips() {
    let Some(data) = test_data() else { return };
    // With the stored bytes of the 30 chunks that the preset reads, by h5py.
    for (name, payload) in [
        ("ATL06_20230816161508_08782002_006_02.h5", 122_215),
        ("ATL06_20181014001049_02350102_001_01.h5", 83_942),
        ("ATL06_20181111224708_06770102_001_01.h5", 65_123),
    ] {
        let path = data.join("atl06").join(name).to_str().unwrap().to_string();
        let mut job = Job::new(pipeline(&[preset()]), &[path], Arc::new(Access::default())).far_away();
        let grid = grid_of(&job.pipeline);
        let shard = grid.shard_from_key(job.map.shards[0].key).unwrap();
        job.options.shards = vec![grid.shard_label(shard)];
        let [report] = &reports(&job)[..] else { panic!("one task") };
        let Traffic { bytes, round_trips, requests } = report.traffic;
        say!("{name}: {round_trips} round trips, {requests} requests, {bytes} bytes for {payload} of chunks");
        assert_eq!(report.status, TaskStatus::Done);
        // Five for metadata and chunk tables, one for coordinates, one for the rows of the shard.
        assert!(round_trips <= 7 && requests <= 60, "{name}: {:?}", report.traffic);
        assert!(bytes <= payload + (1 << 20), "{name}: {:?}", report.traffic);
    }
}

#[test]
fn a_granule_that_is_open_costs_one_round_trip_per_shard_at_most() {
    let spec = GranuleSpec { segments_per_beam: 40_000, ..crossing(1)[0].clone() };
    let job = Job::atl06(pipeline(&[preset()]), &[spec]);
    let reports = reports(&job);
    for report in &reports[1..] {
        assert!(report.traffic.round_trips <= 1, "{}: {:?}", report.shard, report.traffic);
    }
}
