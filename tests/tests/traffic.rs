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

use crate::support::{Job, Memory, crossing, grid_of, pipeline, preset, test_data};

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

#[test]
fn a_few_shards_of_a_local_granule_leave_most_longitudes_unread() {
    let spec = GranuleSpec { segments_per_beam: 60_000, ..crossing(1)[0].clone() };
    let job = Job::atl06(pipeline(&[preset()]), std::slice::from_ref(&spec));
    let grid = grid_of(&job.pipeline);
    let whole = reports(&job);
    let far = job.clone().far_away();
    let mut saved = 0;
    for (entry, among_all) in job.map.shards.iter().zip(&whole) {
        let label = grid.shard_label(grid.shard_from_key(entry.key).unwrap());
        assert_eq!(label, among_all.shard);
        let alone = |job: &Job| {
            let mut one = job.clone();
            one.options.shards = vec![label.clone()];
            reports(&one).pop().unwrap()
        };
        let (near, far) = (alone(&job), alone(&far));
        for other in [&near, &far] {
            assert_eq!((other.status, other.rows_read), (TaskStatus::Done, among_all.rows_read), "{label}");
            assert_eq!((other.rows_kept, other.cells), (among_all.rows_kept, among_all.cells), "{label}");
        }
        let (read, all) = (near.traffic.bytes, far.traffic.bytes);
        assert!(read <= all, "{label}: {read} bytes instead of {all}");
        saved += u64::from(read * 4 < all * 3);
    }
    // Those around the turning point of the track have the latitudes of most rows.
    assert!(saved * 2 > whole.len() as u64, "{saved} of {}", whole.len());
}

/// Shard, status, rows kept, cells, and the part and reason of every hole.
type Told = (String, TaskStatus, u64, u64, Vec<(Option<String>, String)>);

/// A granule in which one chunk of the longitudes of a beam is damaged.
fn with_damaged_longitudes(bytes: &Bytes, beam: &str, chunk: u64) -> Bytes {
    let recording = Arc::new(Recording::new(Arc::new(MemoryReader::new("granule", bytes.clone()))));
    let file = Hdf5File::open(Arc::clone(&recording) as Arc<_>, &ReadOptions::default()).unwrap();
    let dataset = file.dataset(&format!("/{beam}/land_ice_segments/longitude")).unwrap();
    let rows = Rows::from_ranges([chunk * CHUNK..chunk * CHUNK + 1]);
    file.read_rows(&[RowRequest::new(&dataset, &rows)]).pop().unwrap().unwrap();
    let calls = recording.recorded().calls;
    let place = calls.last().unwrap().ranges.last().unwrap().clone();
    let mut damaged = bytes.to_vec();
    let middle = (place.start + place.end) as usize / 2;
    damaged[middle..middle + 64].fill(0xff);
    damaged.into()
}

#[test]
fn longitudes_that_cannot_be_read_are_a_hole_where_their_rows_may_lie_however_the_run_is_divided() {
    let spec = GranuleSpec { segments_per_beam: 60_000, ..crossing(1)[0].clone() };
    let bytes = Bytes::from(write_granule(&spec).unwrap());
    let mut job = Job::atl06(pipeline(&[preset()]), std::slice::from_ref(&spec));
    let damaged = with_damaged_longitudes(&bytes, "gt2l", 1);
    job.opener = Arc::new(Memory([(spec.name, damaged)].into()));
    let told = |report: &TaskReport| -> Told {
        let holes: Vec<_> =
            report.holes.iter().map(|hole| (hole.part.clone(), hole.reason.clone())).collect();
        (report.shard.clone(), report.status, report.rows_kept, report.cells, holes)
    };
    let whole: Vec<Told> = reports(&job).iter().map(told).collect();
    let far: Vec<Told> = reports(&job.clone().far_away()).iter().map(told).collect();
    let apart: Vec<Told> = whole
        .iter()
        .map(|(shard, ..)| {
            let mut one = job.clone();
            one.options.shards = vec![shard.clone()];
            told(&reports(&one)[0])
        })
        .collect();
    let lacking = whole.iter().filter(|(_, status, ..)| *status == TaskStatus::Incomplete).count();
    assert!((1..whole.len()).contains(&lacking), "{lacking} of {}", whole.len());
    for (_, status, _, _, holes) in &whole {
        assert_eq!(*status == TaskStatus::Incomplete, !holes.is_empty());
        for (part, reason) in holes {
            assert_eq!(part.as_deref(), Some("gt2l"));
            assert!(reason.contains("/gt2l/land_ice_segments/longitude"), "{reason}");
        }
    }
    assert_eq!(apart, whole);
    let places = |reports: &[Told]| -> Vec<(String, TaskStatus, u64, u64)> {
        reports
            .iter()
            .map(|(shard, status, kept, cells, _)| (shard.clone(), *status, *kept, *cells))
            .collect()
    };
    assert_eq!(places(&far), places(&whole));
}
