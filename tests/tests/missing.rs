//! Missing values: left out of statistics, counted as rows; and what stands in cells without a value.

use std::collections::BTreeMap;

use zagg_atl06::synthetic::{FILL, beam_rows};
use zagg_core::store::StoreState;

use crate::support::{Job, LAYOUTS, close, crossing, grid_of, layout, pipeline, preset, table};
use crate::synthetic::{rows_by_cell, statistics};

/// No filter, and variables whose empty cells are integers.
const UNFILTERED: &str = "
data_source:
  quality_filter: null
  variables:
    q: \"/{group}/land_ice_segments/atl06_quality_summary\"
    id: \"/{group}/land_ice_segments/segment_id\"
    time: \"/{group}/land_ice_segments/delta_time\"
aggregation:
  variables:
    heights: {function: count, source: h_li, dtype: uint16, fill_value: 65535}
    q_min: {function: min, source: q, dtype: int8, fill_value: -9}
    q_count: {function: count, source: q, dtype: int64, fill_value: -1}
    id_max: {function: max, source: id, dtype: int32, fill_value: -9999}
    h_int: {expression: \"sum(h_li * 0)\", dtype: int16, fill_value: -9999}
    t_count: {function: count, source: time, dtype: int32, fill_value: 0}
";

#[test]
fn filled_heights_are_no_heights_but_rows() {
    let specs = crossing(5000);
    for chosen in LAYOUTS {
        let pipeline = pipeline(&[preset(), UNFILTERED, &layout(chosen)]);
        let grid = grid_of(&pipeline);
        let (cells, _) = rows_by_cell(&specs, &*grid);
        let mut last_ids: BTreeMap<u64, i32> = BTreeMap::new();
        for spec in &specs {
            for beam in &spec.beams {
                let rows = beam_rows(spec, beam).unwrap();
                let mut ids = vec![0; rows.len()];
                grid.locate(&rows.longitude, &rows.latitude, &mut ids);
                for (cell, segment) in ids.into_iter().zip(rows.segment_id) {
                    let last = last_ids.entry(cell).or_insert(segment);
                    *last = segment.max(*last);
                }
            }
        }
        let (summary, store) = Job::atl06(pipeline, &specs).run_in_memory();
        assert_eq!(summary.state, StoreState::Complete);
        let got = table(&store);
        let fills: BTreeMap<&str, f64> =
            got.names.iter().map(String::as_str).zip(got.fills.iter().copied()).collect();
        assert_eq!((fills["h_int"], fills["id_max"], fills["heights"]), (-9999.0, -9999.0, 65535.0));
        assert_eq!(got.cells.keys().collect::<Vec<_>>(), cells.keys().collect::<Vec<_>>());
        let (mut filled, mut empty) = (0, 0);
        for (id, rows) in &cells {
            let value = |name: &str| got.cells[id][got.column(name)];
            let n = rows.len() as f64;
            assert_eq!((value("count"), value("t_count")), (n, n));
            // The flag's fill is HDF5's default, 0, which is the commonest flag of all.
            assert_eq!(value("q_count"), n);
            assert_eq!(value("q_min"), f64::from(rows.iter().map(|row| row.2).min().unwrap()));
            assert_eq!(value("id_max"), f64::from(last_ids[id]));
            let whole = rows.iter().filter(|row| row.0 != FILL).count();
            filled += rows.len() - whole;
            empty += usize::from(whole == 0);
            let or_fill = |name: &str, want: f64| if whole == 0 { fills[name] } else { want };
            assert_eq!(value("heights"), or_fill("heights", whole as f64), "cell {id}");
            assert_eq!(value("h_int"), or_fill("h_int", 0.0), "cell {id}");
            for (name, want) in statistics(rows) {
                // Heights 40 m off the surface make variances large, and their f32 no finer.
                assert!(
                    close(value(name), want, 2e-6, 1e-6),
                    "cell {id}: {name} is {}, not {want}",
                    value(name)
                );
            }
        }
        assert!(filled > 100, "{filled} filled rows in {} cells, {empty} without a height", cells.len());
    }
}

#[test]
fn a_cell_whose_heights_are_all_missing_holds_fill_values_and_its_count() {
    // Flagged rows only: short runs of them, a sixth filled; some cells have nothing else.
    let flagged = "
data_source:
  quality_filter: {dataset: \"/{group}/land_ice_segments/atl06_quality_summary\", value: 1}
aggregation:
  variables:
    top: {expression: \"max(h_li) * 0 + 7\", dtype: int32, fill_value: -9999}
    heights: {function: count, source: h_li, dtype: int32, fill_value: -1}
";
    let mut specs = crossing(5000);
    for spec in &mut specs {
        spec.segment_spacing = 400.0;
    }
    let layer = pipeline(&[preset(), flagged]);
    let grid = grid_of(&layer);
    let (mut cells, _) = rows_by_cell(&specs, &*grid);
    for rows in cells.values_mut() {
        rows.retain(|row| row.2 == 1);
    }
    cells.retain(|_, rows| !rows.is_empty());
    let (_, store) = Job::atl06(layer, &specs).run_in_memory();
    let got = table(&store);
    assert_eq!(got.cells.keys().collect::<Vec<_>>(), cells.keys().collect::<Vec<_>>());
    let mut hollow = 0;
    for (id, rows) in &cells {
        let value = |name: &str| got.cells[id][got.column(name)];
        let whole = rows.iter().filter(|row| row.0 != FILL).count();
        assert_eq!(value("count"), rows.len() as f64);
        if whole == 0 {
            hollow += 1;
            assert_eq!((value("heights"), value("top")), (-1.0, -9999.0));
            assert!(value("h_mean").is_nan() && value("h_min").is_nan() && value("h_sigma").is_nan());
        } else {
            assert_eq!((value("heights"), value("top")), (whole as f64, 7.0));
            assert!(value("h_mean").is_finite());
        }
    }
    assert!(hollow > 10, "{hollow} cells of {}", cells.len());
}
