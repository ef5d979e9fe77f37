//! What one shard fetches when its granule is indexed.

use std::io::Read;
use std::sync::Arc;

use serde_json::Value;
use zagg_access::Access;
use zagg_atl06::synthetic::{BEAMS, GranuleSpec, beam_rows};
use zagg_core::report::{TaskReport, TaskStatus};
use zagg_core::task::run_task;
use zagg_zarr::ZarrStore;

use super::{Shelf, filled, indexed, remote};
use crate::support::{Job, crossing, grid_of, pipeline, preset, test_data};

const COLUMNS: [&str; 5] = ["h_li", "h_li_sigma", "atl06_quality_summary", "latitude", "longitude"];

/// The second line of an index.
fn body(shelf: &Shelf) -> Value {
    let bytes = shelf.objects().into_values().next().unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(text.lines().nth(1).unwrap()).unwrap()
}

/// Stored sizes of the chunks of a column, and rows in each.
fn chunks(body: &Value, beam: &str, column: &str) -> Option<(u64, Vec<u64>)> {
    let dataset = &body["source"]["datasets"][format!("/{beam}/land_ice_segments/{column}")]["here"];
    let chunked = dataset.pointer("/storage/chunked")?;
    let sizes = chunked.pointer("/index/table/sizes")?.as_array()?;
    Some((chunked["shape"][0].as_u64()?, sizes.iter().map(|size| size.as_u64().unwrap()).collect()))
}

/// Stored bytes of the chunks that hold these rows of a beam, ascending, over all columns.
fn payload(body: &Value, beam: &str, rows: &[u64]) -> u64 {
    let mut bytes = 0;
    for column in COLUMNS {
        let Some((height, sizes)) = chunks(body, beam, column) else { continue };
        let mut wanted: Vec<u64> = rows.iter().map(|row| row / height).collect();
        wanted.dedup();
        bytes += wanted.iter().map(|&chunk| sizes[chunk as usize]).sum::<u64>();
    }
    bytes
}

/// The report of one shard, on a run that has read nothing before.
fn report(job: &Job, shard: u64) -> TaskReport {
    let mut job = job.clone();
    job.options.shards = vec![grid_of(&job.pipeline).shard_label(shard)];
    let store = ZarrStore::memory();
    // Making the template reads attributes, so another run does it.
    job.assemble(Arc::new(store.reopen())).unwrap().prepare(false).unwrap();
    let run = job.assemble(Arc::new(store)).unwrap();
    run_task(&run, &run.tasks[0])
}

#[test]
fn an_indexed_granule_takes_two_round_trips_and_the_bytes_of_its_chunks() {
    // As long as a granule of the product: twelve chunks in each of thirty datasets.
    let spec = GranuleSpec { segments_per_beam: 120_000, ..crossing(1)[0].clone() };
    let (job, archive) = remote(std::slice::from_ref(&spec));
    let shelf = filled(&job);
    let body = body(&shelf);
    let index = shelf.objects().into_values().next().unwrap().len() as u64;
    assert!(index < 8000, "{index} bytes");
    let grid = grid_of(&job.pipeline);
    let beams: Vec<(&str, Vec<u64>)> = BEAMS
        .iter()
        .map(|beam| {
            let rows = beam_rows(&spec, beam).unwrap();
            let mut cells = vec![0; rows.len()];
            let mut shards = vec![0; rows.len()];
            grid.locate(&rows.longitude, &rows.latitude, &mut cells);
            grid.shards_of(&cells, &mut shards);
            (*beam, shards)
        })
        .collect();
    assert!(job.map.shards.len() > 15, "{} shards", job.map.shards.len());
    let (mut most, mut least) = (0.0f64, f64::MAX);
    for entry in &job.map.shards {
        let shard = grid.shard_from_key(entry.key).unwrap();
        let mut wanted = 0;
        for (beam, shards) in &beams {
            let rows: Vec<u64> =
                (0..).zip(shards).filter(|(_, s)| **s == shard).map(|(row, _)| row).collect();
            wanted += payload(&body, beam, &rows);
        }
        let cold = report(&job, shard);
        archive.calls();
        let warm = report(&indexed(&job, &shelf, "error"), shard);
        let calls = archive.calls();
        assert_eq!(
            (warm.status, warm.rows_read, warm.rows_kept, warm.cells),
            (TaskStatus::Done, cold.rows_read, cold.rows_kept, cold.cells)
        );
        assert!(warm.traffic.round_trips <= 2, "{:?}", warm.traffic);
        // The template took none, the task one.
        let [(_, rows)] = &calls[..] else { panic!("{calls:?}") };
        let read: u64 = rows.iter().map(|r| r.end - r.start).sum();
        assert_eq!((read, warm.traffic.bytes), (wanted, wanted + index), "shard {}", warm.shard);
        let share = (read + index) as f64 / wanted as f64;
        // A shard that only a corner of a track crosses has next to nothing to fetch.
        if wanted > 200_000 {
            (most, least) = (most.max(share), least.min(share));
            assert!(share <= 1.05, "shard {}: {share}", warm.shard);
        }
    }
    say!("index of {index} bytes; {least:.4} to {most:.4} of the payload in 2 round trips");
    assert!(most > 0.0);
}

#[test]
fn a_real_granule_takes_two_round_trips_and_the_bytes_of_its_chunks() {
    let Some(data) = test_data() else { return };
    // With the stored bytes of the 30 chunks that the preset reads, by h5py.
    for (name, all) in [
        ("ATL06_20230816161508_08782002_006_02.h5", 122_215),
        ("ATL06_20181014001049_02350102_001_01.h5", 83_942),
        ("ATL06_20181111224708_06770102_001_01.h5", 65_123),
    ] {
        let path = data.join("atl06").join(name).to_str().unwrap().to_string();
        let job = Job::new(pipeline(&[preset()]), &[path], Arc::new(Access::default()));
        let grid = grid_of(&job.pipeline);
        let shelf = filled(&job);
        let body = body(&shelf);
        let index = shelf.objects().into_values().next().unwrap().len() as u64;
        let every: u64 = BEAMS
            .iter()
            .flat_map(|beam| COLUMNS.map(|column| chunks(&body, beam, column).unwrap().1))
            .flatten()
            .sum();
        assert_eq!(every, all, "{name}");
        for entry in &job.map.shards {
            let shard = grid.shard_from_key(entry.key).unwrap();
            let label = grid.shard_label(shard);
            // Every dataset has one chunk: a beam with rows in the shard needs it.
            let parts = body["parts"].as_array().unwrap();
            let inside = parts.iter().filter(|part| part["state"]["located"]["shards"].get(&label).is_some());
            let wanted: u64 = inside.map(|part| payload(&body, part["name"].as_str().unwrap(), &[0])).sum();
            let cold = report(&job, shard);
            let warm = report(&indexed(&job, &shelf, "error"), shard);
            say!("{name} shard {label}: {:?} for {wanted} of chunks, index {index}", warm.traffic);
            assert_eq!((warm.rows_read, warm.rows_kept), (cold.rows_read, cold.rows_kept));
            assert_eq!(warm.traffic.bytes, wanted + index);
            assert!(warm.traffic.round_trips <= 2);
            if wanted == all {
                assert!((wanted + index) as f64 <= 1.05 * wanted as f64, "{index} bytes for {wanted}");
            }
        }
    }
}
