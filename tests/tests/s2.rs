//! A grid of which neither the core nor the store knows anything, from granules to a store.

use std::collections::BTreeMap;

use s2::cellid::CellID;
use s2::latlng::LatLng;
use serde_json::{Value, json};
use zagg_atl06::synthetic::{GranuleSpec, beam_rows};
use zagg_core::footprint::Footprint;
use zagg_core::store::StoreState;
use zagg_local::LocalExecutor;
use zagg_s2 as _;

use crate::support::{Job, LAYOUTS, close, crossing, grid_of, layout, pipeline, preset, table};
use crate::synthetic::{Row, statistics};

const LEVEL: u64 = 13;

/// Laid over the preset, whose grid is another.
const GRID: &str = "output: {grid: {type: s2, parent_level: 7, child_level: 13, chunk_inner: 10}}";

/// The rows of every cell that pass the filter, as the library alone has the cells, and all their positions.
fn truth(specs: &[GranuleSpec]) -> (BTreeMap<u64, Vec<Row>>, Vec<[f64; 2]>) {
    let (mut cells, mut places) = (BTreeMap::<u64, Vec<Row>>::new(), Vec::new());
    for spec in specs {
        for beam in &spec.beams {
            let rows = beam_rows(spec, beam).unwrap();
            for row in 0..rows.len() {
                let (lon, lat) = (rows.longitude[row], rows.latitude[row]);
                if !lon.is_finite() || lat.is_nan() || lat > 90.0 {
                    continue;
                }
                places.push([lon, lat]);
                if rows.atl06_quality_summary[row] == 0 {
                    let cell = CellID::from(LatLng::from_degrees(lat, lon)).parent(LEVEL).0;
                    cells.entry(cell).or_default().push((rows.h_li[row], rows.h_li_sigma[row], 0));
                }
            }
        }
    }
    (cells, places)
}

#[test]
fn the_store_of_another_grid_holds_the_statistics_of_what_was_written() {
    let mut specs = crossing(6000);
    specs[0].bad_positions = 20;
    let (cells, places) = truth(&specs);
    for chosen in LAYOUTS {
        let pipeline = pipeline(&[preset(), GRID, &layout(chosen)]);
        let grid = grid_of(&pipeline);
        let job = Job::atl06(pipeline, &specs);
        let shards: Vec<u64> = job.map.shards.iter().map(|shard| shard.key).collect();
        assert_eq!(grid.cover(&Footprint::Points(places.clone())).unwrap(), shards);

        let (summary, store) = job.run_in_memory();
        assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0));
        assert_eq!(summary.rows_read, places.len() as u64);
        assert_eq!(summary.rows_kept, cells.values().map(|rows| rows.len() as u64).sum::<u64>());
        assert_eq!(summary.cells, cells.len() as u64);
        assert!(summary.shards > 1 && cells.len() > 100, "{} shards", summary.shards);

        let mut got = table(&store);
        if chosen == "full_sphere" {
            // The place of a cell in the arrays is its number in the order of the ids.
            let id = |place: u64| ((place << 1) | 1) << (60 - 2 * LEVEL);
            got.cells = got.cells.into_iter().map(|(place, values)| (id(place), values)).collect();
        }
        assert_eq!(got.cells.keys().collect::<Vec<_>>(), cells.keys().collect::<Vec<_>>());
        let count = got.column("count");
        for (id, rows) in &cells {
            assert_eq!(got.cells[id][count], rows.len() as f64, "cell {id}");
            for (name, want) in statistics(rows) {
                let got = got.cells[id][got.column(name)];
                assert!(close(got, want, 1e-6, 1e-6), "{chosen}: cell {id}: {name} is {got}, not {want}");
            }
        }
    }
}

#[test]
fn the_store_declares_the_grid() {
    let job = Job::atl06(pipeline(&[preset(), GRID]), &crossing(600)[..1]);
    let (_, tree) = job.run_on_disk(&LocalExecutor::default());
    let attributes = |path: &str| -> Value {
        let metadata: Value = serde_json::from_slice(&tree[std::path::Path::new(path)]).unwrap();
        metadata["attributes"].clone()
    };
    let dggs = &attributes("13/zarr.json")["dggs"];
    assert_eq!((&dggs["name"], &dggs["coordinate"]), (&json!("s2"), &json!("cell_ids")));
    assert_eq!(attributes("13/cell_ids/zarr.json"), json!({"grid_name": "s2", "level": 13}));
    assert_eq!(attributes("13/h_mean/zarr.json")["coordinates"], "cell_ids");
}
