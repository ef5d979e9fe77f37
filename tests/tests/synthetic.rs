//! Made-up granules against the nine statistics computed naively from what was written.

use std::collections::BTreeMap;

use zagg_atl06::synthetic::{FILL, GranuleSpec, beam_rows};
use zagg_core::grid::{Grid, NO_CELL};
use zagg_core::store::StoreState;

use crate::support::{Job, LAYOUTS, close, crossing, grid_of, layout, pipeline, preset, table};

/// One row as it was written: height, error, quality flag.
pub(crate) type Row = (f32, f32, i8);

/// The rows of every cell in arrival order, and the number of rows without a position.
pub(crate) fn rows_by_cell(specs: &[GranuleSpec], grid: &dyn Grid) -> (BTreeMap<u64, Vec<Row>>, u64) {
    let (mut cells, mut bad) = (BTreeMap::<u64, Vec<Row>>::new(), 0);
    for spec in specs {
        for beam in &spec.beams {
            let rows = beam_rows(spec, beam).unwrap();
            let mut ids = vec![0; rows.len()];
            grid.locate(&rows.longitude, &rows.latitude, &mut ids);
            for (row, id) in ids.into_iter().enumerate() {
                if id == NO_CELL {
                    bad += 1;
                    continue;
                }
                let values = (rows.h_li[row], rows.h_li_sigma[row], rows.atl06_quality_summary[row]);
                cells.entry(id).or_default().push(values);
            }
        }
    }
    (cells, bad)
}

/// Linear interpolation between sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

/// The statistics of the preset over heights that are not missing; NaN where there is none.
pub(crate) fn statistics(rows: &[Row]) -> Vec<(&'static str, f64)> {
    let whole: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.0 != FILL && row.1 != FILL)
        .map(|row| (f64::from(row.0), 1.0 / f64::from(row.1).powi(2)))
        .collect();
    let mut sorted: Vec<f64> = whole.iter().map(|row| row.0).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    if sorted.is_empty() {
        let names = ["h_min", "h_max", "h_mean", "h_sigma", "h_variance", "h_q25", "h_q50", "h_q75"];
        return names.map(|name| (name, f64::NAN)).to_vec();
    }
    let mean = sorted.iter().sum::<f64>() / n;
    let weights: f64 = whole.iter().map(|row| row.1).sum();
    vec![
        ("h_min", sorted[0]),
        ("h_max", sorted[sorted.len() - 1]),
        ("h_mean", whole.iter().map(|row| row.0 * row.1).sum::<f64>() / weights),
        ("h_sigma", 1.0 / weights.sqrt()),
        ("h_variance", sorted.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / n),
        ("h_q25", quantile(&sorted, 0.25)),
        ("h_q50", quantile(&sorted, 0.5)),
        ("h_q75", quantile(&sorted, 0.75)),
    ]
}

#[test]
fn the_store_holds_the_statistics_of_what_was_written() {
    let mut specs = crossing(6000);
    specs[0].bad_positions = 20;
    specs[1].beams.retain(|beam| beam != "gt2l");
    for chosen in LAYOUTS {
        let pipeline = pipeline(&[preset(), &layout(chosen)]);
        let grid = grid_of(&pipeline);
        let (mut cells, bad) = rows_by_cell(&specs, &*grid);
        assert!(bad >= 6 * 15, "{bad} rows without a position");
        let all: usize = cells.values().map(Vec::len).sum();
        for rows in cells.values_mut() {
            rows.retain(|row| row.2 == 0);
        }
        cells.retain(|_, rows| !rows.is_empty());
        let kept: usize = cells.values().map(Vec::len).sum();

        let (summary, store) = Job::atl06(pipeline, &specs).run_in_memory();
        assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0));
        assert_eq!((summary.rows_read, summary.rows_kept), (all as u64, kept as u64));
        assert_eq!(summary.strays.rows_bad_position, bad);
        assert_eq!(summary.cells, cells.len() as u64);
        assert!(summary.shards > 1 && cells.len() > 100, "{} shards", summary.shards);
        let got = table(&store);
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
