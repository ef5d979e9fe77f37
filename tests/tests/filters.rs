//! Filters of rows: every kind against the same choice made naively, and what is refused before anything runs.

use std::collections::BTreeMap;

use zagg_atl06::synthetic::{BeamRows, FILL, GranuleSpec, beam_rows};
use zagg_core::Error;
use zagg_core::config::{Layer, Layers, Pipeline};
use zagg_core::grid::Grid;
use zagg_core::program::Program;
use zagg_core::store::StoreState;

use crate::support::{Job, Table, crossing, grid_of, pipeline, preset, registry, table};

/// The rows that a choice keeps, by cell: their heights in arrival order.
pub(crate) fn chosen(
    specs: &[GranuleSpec],
    grid: &dyn Grid,
    choose: impl Fn(&BeamRows, usize) -> bool,
) -> BTreeMap<u64, Vec<f32>> {
    let mut cells: BTreeMap<u64, Vec<f32>> = BTreeMap::new();
    for spec in specs {
        for beam in &spec.beams {
            let rows = beam_rows(spec, beam).unwrap();
            let mut ids = vec![0; rows.len()];
            grid.locate(&rows.longitude, &rows.latitude, &mut ids);
            for (row, id) in ids.into_iter().enumerate() {
                if choose(&rows, row) {
                    cells.entry(id).or_default().push(rows.h_li[row]);
                }
            }
        }
    }
    cells
}

/// Counts and heights of a run against those of the rows chosen.
fn check(got: &Table, cells: &BTreeMap<u64, Vec<f32>>, what: &str) {
    assert_eq!(got.cells.keys().collect::<Vec<_>>(), cells.keys().collect::<Vec<_>>(), "{what}");
    assert!(cells.len() > 50, "{what}: {} cells", cells.len());
    for (id, heights) in cells {
        let value = |name: &str| got.cells[id][got.column(name)];
        assert_eq!(value("count"), heights.len() as f64, "{what}: cell {id}");
        let greatest = heights.iter().copied().filter(|h| *h != FILL).reduce(f32::max);
        let greatest = greatest.map_or(f64::NAN, f64::from);
        let found = value("h_max");
        assert!(found == greatest || found.is_nan() && greatest.is_nan(), "{what}: cell {id}: {found}");
    }
}

const VARIABLES: &str = "
data_source:
  quality_filter: null
  variables:
    q: \"/{group}/land_ice_segments/atl06_quality_summary\"
    id: \"/{group}/land_ice_segments/segment_id\"
  derived:
    odd: id % 2
    better: \"where(odd == 1, s_li / 2, s_li)\"
    unused: \"log(h_li)\"
";

#[test]
fn every_kind_of_filter_keeps_what_it_says() {
    const Q: &str = "\"/{group}/land_ice_segments/atl06_quality_summary\"";
    const ID: &str = "\"/{group}/land_ice_segments/segment_id\"";
    type Choice = fn(&BeamRows, usize) -> bool;
    let kinds: [(String, Choice); 12] = [
        (format!("[{{dataset: {Q}, op: eq, value: 1}}]"), |r, i| r.atl06_quality_summary[i] == 1),
        (format!("[{{dataset: {Q}, op: ne, value: 1}}]"), |r, i| r.atl06_quality_summary[i] != 1),
        (format!("[{{dataset: {Q}, op: eq, value: 1, keep: false}}]"), |r, i| {
            r.atl06_quality_summary[i] != 1
        }),
        (format!("[{{dataset: {Q}, op: in, values: [1, 7]}}]"), |r, i| r.atl06_quality_summary[i] == 1),
        (format!("[{{dataset: {Q}, op: not_in, values: [1, 7]}}]"), |r, i| r.atl06_quality_summary[i] != 1),
        (
            format!("[{{dataset: {Q}, op: lt, value: 0.5}}, {{dataset: {ID}, op: ge, value: 334000}}]"),
            |r, i| r.atl06_quality_summary[i] == 0 && r.segment_id[i] >= 334_000,
        ),
        ("[{expression: \"q == 1\"}]".into(), |r, i| r.atl06_quality_summary[i] == 1),
        ("[{expression: \"(h_li > -500) & (s_li < 0.03)\"}]".into(), |r, i| {
            r.h_li[i] != FILL && r.h_li_sigma[i] != FILL && r.h_li[i] > -500.0 && r.h_li_sigma[i] < 0.03
        }),
        // A row with a missing height is dropped even where the rest of the condition holds.
        ("[{expression: \"(q == 0) | (h_li > 0)\"}]".into(), |r, i| {
            r.h_li[i] != FILL && (r.atl06_quality_summary[i] == 0 || r.h_li[i] > 0.0)
        }),
        ("[{expression: \"odd == 0\"}]".into(), |r, i| r.segment_id[i] % 2 == 0),
        ("[{expression: \"(better < 0.012) & ~(odd == 0)\"}, {expression: \"q == 0\"}]".into(), |r, i| {
            r.h_li_sigma[i] != FILL
                && r.h_li_sigma[i] / 2.0 < 0.012
                && r.segment_id[i] % 2 == 1
                && r.atl06_quality_summary[i] == 0
        }),
        ("[]".into(), |_, _| true),
    ];
    let specs = crossing(4000);
    let mut sizes = Vec::new();
    for (filters, choose) in kinds {
        let pipeline = pipeline(&[preset(), VARIABLES, &format!("data_source: {{filters: {filters}}}")]);
        let cells = chosen(&specs, &*grid_of(&pipeline), choose);
        let kept: usize = cells.values().map(Vec::len).sum();
        let (summary, store) = Job::atl06(pipeline, &specs).run_in_memory();
        assert_eq!((summary.state, summary.holes.len()), (StoreState::Complete, 0), "{filters}");
        assert_eq!(summary.rows_kept, kept as u64, "{filters}");
        check(&table(&store), &cells, &filters);
        sizes.push(kept);
    }
    // No two choices beside those that mean the same keep the same rows by chance.
    sizes.sort_unstable();
    sizes.dedup();
    assert!(sizes.len() >= 7, "{sizes:?}");
}

#[test]
fn the_single_filter_is_an_equality() {
    let specs = crossing(3000);
    let (_, one) = Job::atl06(pipeline(&[preset()]), &specs).run_in_memory();
    let list = "data_source: {filters: [{dataset: \"/{group}/land_ice_segments/atl06_quality_summary\", op: eq, value: 0}]}";
    let (_, other) = Job::atl06(pipeline(&[preset(), list]), &specs).run_in_memory();
    assert_eq!(table(&one).cells, table(&other).cells);
}

#[test]
fn columns_that_only_filters_and_unused_derivations_need_are_not_kept() {
    let filters = "data_source: {filters: [{expression: \"better < 1\"}]}";
    let pipeline = pipeline(&[preset(), VARIABLES, filters]);
    let registry = registry();
    let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options).unwrap();
    let program =
        Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, &registry).unwrap();
    let mut read = program.columns().to_vec();
    read.sort();
    assert_eq!(read, ["h_li", "id", "s_li"]);
    let mut kept = program.rows().kept().to_vec();
    kept.sort();
    assert_eq!(kept, ["h_li", "s_li"]);
}

/// What a pipeline with this layer above the preset is refused with.
pub(crate) fn refused(layer: &str) -> Error {
    let mut layers = Layers::default();
    layers.push(Layer::parse("preset atl06", preset()).unwrap());
    layers.push(Layer::parse("p.yaml", layer).unwrap());
    let registry = registry();
    let compiled = Pipeline::parse(&layers).and_then(|pipeline| {
        let source = registry.source(&pipeline.data_source.reader, &pipeline.data_source.options)?;
        Program::compile(&pipeline.data_source, &pipeline.aggregation, &*source, &registry)
            .map_err(|error| pipeline.locate(error))
    });
    compiled.unwrap_err()
}

#[test]
fn faults_are_found_before_anything_runs_and_shown_with_a_caret() {
    let filter =
        |text: &str| refused(&format!("data_source:\n  filters:\n    - expression: {text}\n")).report();
    assert_eq!(
        filter("h_li - 5"),
        "p.yaml:2: data_source.filters: expression \"h_li - 5\": gives a number, but a condition is needed, such as a > 0 \
         at column 6\n  h_li - 5\n       ^"
    );
    assert_eq!(
        filter("h_lj > 5"),
        "p.yaml:2: data_source.filters: expression \"h_lj > 5\": there is no column \"h_lj\"; did you mean \"h_li\"?; \
         there are: h_li, s_li\n  h_lj > 5\n  ^"
    );
    assert_eq!(
        filter("h_li > mean(h_li)"),
        "p.yaml:2: data_source.filters: expression \"h_li > mean(h_li)\" holds a reduction, but one value per row is \
         needed\n  h_li > mean(h_li)\n         ^"
    );
    assert_eq!(
        filter("0 < h_li < 5"),
        "p.yaml:2: data_source.filters: expression \"0 < h_li < 5\": comparisons do not chain; put each in parentheses: \
         (a > 0) & (a < 1) at column 10\n  0 < h_li < 5\n           ^"
    );
    let two = "data_source:\n  filters:\n    - {dataset: q, op: eq, value: 0}\n    - {dataset: q, op: is, value: 0}\n";
    assert_eq!(
        refused(two).to_string(),
        "p.yaml:2: data_source.filters: filter 2: needs op, one of eq, ne, ge, le, lt, gt, in, not_in"
    );
}
