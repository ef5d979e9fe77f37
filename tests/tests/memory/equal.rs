//! Whatever a task may hold in memory, it writes the same bytes.

use std::sync::Arc;

use proptest::prelude::*;
use zagg_core::footprint::{Footprint, Polygon};
use zagg_core::memory::RowLimits;
use zagg_core::report::RunSummary;
use zagg_core::run::Run;
use zagg_core::store::StoreState;
use zagg_local::LocalExecutor;
use zagg_zarr::ZarrStore;

use crate::support::faulty::quiet_panics;
use crate::support::formula::{Fault, Formula};
use crate::support::{Job, Silent, Tree, assert_same_tree, grid_of, registry, tree};

/// Every statistic, expressions with and without a state, derived columns and filters.
const VARIABLES: &str = "
data_source:
  derived: {size: 'abs(h) + w'}
  filters: [{expression: '(h > -290) | isnan(h)'}]
  quality_filter: {dataset: q, value: 0}
aggregation:
  variables:
    rows: {function: len, dtype: int32, fill_value: 0}
    counted: {function: count, source: w, dtype: int32, fill_value: 0}
    finite: {function: nancount, source: h, dtype: int32, fill_value: 0}
    total: {function: sum, source: n, dtype: int64, fill_value: 0}
    heights: {function: nansum, source: h, dtype: float64}
    mean: {function: mean, source: size, dtype: float64}
    weighed: {function: nanaverage, source: h, params: {weights: 1.0 / w**2}, dtype: float64}
    spread: {function: nanstd, source: h, params: {ddof: 1}, dtype: float64}
    skewed: {function: nanskew, source: h, dtype: float64}
    pointed: {function: kurtosis, source: w, dtype: float64}
    least: {function: min, source: n, dtype: int64, fill_value: 0}
    most: {function: nanmax, source: h, dtype: float32}
    wide: {function: nanrange, source: h, dtype: float32}
    middle: {function: nanmedian, source: h, dtype: float64}
    shares: {function: quantile, source: w, params: {q: [0.1, 0.5, 0.9]}, kind: vector, trailing_shape: 3}
    heavy: {function: nanweighted_quantile, source: h, params: {q: 0.3, weights: w}, dtype: float64}
    apart: {function: nanmad, source: h, dtype: float64}
    common: {function: mode, source: n, dtype: int64, fill_value: 0}
    first: {function: first, source: n, dtype: int64, fill_value: 0}
    last: {function: nanlast, source: h, dtype: float32}
    where: {function: argmax, source: n, params: {by: n % 7}, dtype: int64, fill_value: 0}
    other: {function: nanargmin, source: n, params: {by: h}, dtype: int64, fill_value: 0}
    turned: {function: circular_mean, source: n, dtype: float64}
    bins: {function: histogram, source: h, params: {bins: 5, range: [-300, 600]}, kind: vector, trailing_shape: 5}
    spectrum: {function: tdigest, source: h, params: {delta: 8}, kind: ragged, inner_shape: 2}
    merges: {expression: 'nanmax(h) - mean(w) * len(n)', dtype: float64}
    stays: {expression: 'median(w) + std(n)', dtype: float64}
";

fn layers(grid: &str) -> String {
    format!("{VARIABLES}\n{grid}")
}

const GRIDS: [&str; 5] = [
    "output: {grid: {type: healpix, parent_order: 2, child_order: 8}}",
    "output: {layout: full_sphere, grid: {type: healpix, parent_order: 2, child_order: 9}}",
    "output: {grid: {type: healpix, parent_order: 3, child_order: 9, levels: [9, 8, 6, 5, 4, 3]}}",
    "output: {grid: {type: healpix, parent_order: 3, child_order: 9, levels: [9, 5, 2, 0]}}",
    "output: {aoi_mask: true, clip: true, grid: {type: healpix, parent_order: 2, child_order: 8}}",
];

fn polygon() -> Footprint {
    let exterior = vec![[10.2, 19.1], [11.9, 19.4], [11.3, 20.9], [10.4, 20.2]];
    Footprint::Polygons(vec![Polygon { exterior, holes: Vec::new() }])
}

fn job(formula: &Formula, grid: &str) -> Job {
    let mut job = formula.job(&layers(grid));
    if grid.contains("aoi_mask") {
        job.map.set_area(&*grid_of(&job.pipeline), &polygon(), true).unwrap();
    }
    job
}

/// Runs with these limits and gives the summary without what depends on the clock, and the files.
fn run(job: &Job, limits: RowLimits) -> (RunSummary, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zarr");
    let store = Arc::new(ZarrStore::open_path(&path).unwrap());
    let opener = Arc::clone(&job.opener);
    let mut run = Run::new(job.pipeline.clone(), &job.map, &registry(), opener, store, &job.options).unwrap();
    run.memory = run.memory.clone().with_limits(limits);
    let run = Arc::new(run);
    run.prepare(false).unwrap();
    let summary = run.execute(&LocalExecutor::default(), &Silent).unwrap();
    (RunSummary { seconds: 0.0, profile: None, ..summary }, tree(&path))
}

/// Everything at once, with cells of more rows than this in blocks.
fn at_once(block: usize) -> RowLimits {
    RowLimits { held: 1 << 30, together: 1 << 30, block, read: 1 << 30, one_cell: 1 << 40, values: 1 << 40 }
}

fn assert_equal(formula: &Formula, grid: &str, limits: RowLimits) -> RunSummary {
    let job = job(formula, grid);
    let (summary, want) = run(&job, at_once(limits.block));
    let (again, got) = run(&job, limits);
    assert_same_tree(&got, &want, &format!("{formula:?} {grid} {limits:?}"));
    assert_eq!(
        (again.rows_read, again.rows_kept, again.cells, again.rows_outside_area, &again.holes, again.state),
        (
            summary.rows_read,
            summary.rows_kept,
            summary.cells,
            summary.rows_outside_area,
            &summary.holes,
            summary.state
        )
    );
    summary
}

fn limits() -> impl Strategy<Value = RowLimits> {
    (1..5_usize, 1..4_usize, prop_oneof![Just(16_usize), Just(64)], 5..400_u64).prop_map(
        |(held, together, block, read)| RowLimits {
            held: held * block,
            together: together * block,
            block,
            read,
            one_cell: 1 << 40,
            values: 1 << 40,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tiny_limits_write_the_same_bytes(
        (granules, parts, rows) in (1..5_u64, 1..4_u64, 1..250_u64),
        dense in prop_oneof![Just(0_u64), 2..9_u64],
        boxes in any::<bool>(),
        grid in 0..GRIDS.len(),
        limits in limits(),
    ) {
        let formula = Formula { granules, parts, rows, dense, boxes, ..Formula::default() };
        let summary = assert_equal(&formula, GRIDS[grid], limits);
        prop_assert_eq!(summary.state, StoreState::Complete);
    }

    #[test]
    fn what_cannot_be_read_after_some_of_it_was_is_taken_back(
        (granules, parts, rows) in (2..4_u64, 2..4_u64, 100..250_u64),
        (granule, part, row) in (0..2_u64, 0..2_u64, 0..100_u64),
        fault in prop_oneof![Just(Fault::Part), Just(Fault::Granule), Just(Fault::Type)],
        grid in 0..GRIDS.len(),
        limits in limits(),
    ) {
        let formula =
            Formula { granules, parts, rows, fault: Some((granule, part, row, fault)), ..Formula::default() };
        quiet_panics();
        // The very first part has no other to differ from, if it is read at once.
        prop_assume!(fault != Fault::Type || (granule, part) != (0, 0));
        assert_equal(&formula, GRIDS[grid], limits);
    }
}

#[test]
fn every_grid_puts_rows_aside_and_writes_the_same_bytes() {
    let limits =
        RowLimits { held: 64, together: 32, block: 32, read: 50, one_cell: 1 << 40, values: 1 << 40 };
    for grid in GRIDS {
        let formula = Formula { granules: 3, parts: 2, rows: 400, dense: 4, ..Formula::default() };
        let summary = assert_equal(&formula, grid, limits);
        assert!(summary.rows_kept > 900, "{grid}: {} rows", summary.rows_kept);
    }
}

#[test]
fn blocks_of_dense_cells_differ_from_the_whole_by_rounding_alone() {
    let formula = Formula { granules: 2, rows: 600, dense: 2, ..Formula::default() };
    let layer = "
aggregation:
  variables:
    rows: {function: len, dtype: int32, fill_value: 0}
    total: {function: sum, source: n, dtype: int64, fill_value: 0}
    mean: {function: mean, source: w, dtype: float64}
    spread: {function: std, source: w, dtype: float64}
    least: {function: min, source: w, dtype: float64}
    middle: {function: median, source: w, dtype: float64}
";
    let job = formula.job(layer);
    let whole = table_of(&job, at_once(1 << 20));
    let blocks = table_of(&job, RowLimits { held: 64, together: 32, ..at_once(32) });
    assert_eq!(whole.cells.len(), blocks.cells.len());
    let most = whole.values("rows").values().copied().fold(0.0, f64::max);
    assert!(most > 500.0, "{most}");
    for (cell, values) in &whole.cells {
        for ((name, want), got) in whole.names.iter().zip(values).zip(&blocks.cells[cell]) {
            let bound = if ["mean", "spread"].contains(&name.as_str()) { 1e-12 } else { 0.0 };
            assert!(crate::support::close(*got, *want, bound, 0.0), "{name}: {got} {want}");
        }
    }
}

fn table_of(job: &Job, limits: RowLimits) -> crate::support::Table {
    let store = ZarrStore::memory();
    let opener = Arc::clone(&job.opener);
    let target = Arc::new(store.reopen());
    let mut run =
        Run::new(job.pipeline.clone(), &job.map, &registry(), opener, target, &job.options).unwrap();
    run.memory = run.memory.clone().with_limits(limits);
    let run = Arc::new(run);
    run.prepare(false).unwrap();
    assert_eq!(run.execute(&LocalExecutor::default(), &Silent).unwrap().state, StoreState::Complete);
    crate::support::table(&store)
}

#[test]
fn a_cell_that_has_to_be_in_memory_whole_and_cannot_is_refused() {
    let formula = Formula { granules: 2, rows: 600, dense: 2, ..Formula::default() };
    let layer = "aggregation: {variables: {middle: {function: median, source: w, dtype: float64}}}";
    let job = formula.job(layer);
    let limits =
        RowLimits { held: 64, together: 32, block: 32, read: 50, one_cell: 33 * 100, values: 1 << 40 };
    let (summary, _) = run(&job, limits);
    let [(_, reason)] = &summary.failures[..] else { panic!("{summary:?}") };
    assert!(reason.starts_with("variable middle: a cell has 6"), "{reason}");
    assert!(reason.contains("memory suffices for 100; give more --memory"), "{reason}");
    assert_eq!((summary.exit_code(), summary.temporary), (3, false));
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    let formula = Formula { granules: 2, rows: 600, ..Formula::default() };
    let layer =
        "aggregation: {variables: {spectrum: {function: tdigest, source: w, kind: ragged, inner_shape: 2}}}";
    for held in [64, 1 << 20] {
        let (summary, _) = run(&formula.job(layer), RowLimits { held, values: 8000, ..at_once(32) });
        let [(_, reason)] = &summary.failures[..] else { panic!("{summary:?}") };
        assert!(reason.contains("the values of the shard take more than 0 MiB"), "{reason}");
    }
}

#[test]
fn a_scratch_folder_that_is_not_there_is_named() {
    let formula = Formula { rows: 600, ..Formula::default() };
    let mut job =
        formula.job("aggregation: {variables: {rows: {function: len, dtype: int32, fill_value: 0}}}");
    job.options.scratch = Some("/nowhere/at/all".into());
    let (summary, _) = run(&job, RowLimits { held: 64, ..at_once(32) });
    let [(_, reason)] = &summary.failures[..] else { panic!("{summary:?}") };
    assert!(
        reason.contains("putting rows aside in /nowhere/at/all (--scratch chooses another folder)"),
        "{reason}"
    );
}

#[test]
fn nothing_is_left_in_the_scratch_folder() {
    let folder = tempfile::tempdir().unwrap();
    let formula = Formula { rows: 600, ..Formula::default() };
    let mut job =
        formula.job("aggregation: {variables: {rows: {function: len, dtype: int32, fill_value: 0}}}");
    job.options.scratch = Some(folder.path().into());
    let (summary, _) = run(&job, RowLimits { held: 64, ..at_once(32) });
    assert_eq!((summary.rows_kept, summary.state), (600, StoreState::Complete));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn memory_that_does_not_suffice_is_refused_with_what_would() {
    let formula = Formula::default();
    let layer = "aggregation: {variables: {rows: {function: len, dtype: int32, fill_value: 0}}}";
    let refused = |memory, layer: &str| {
        let mut job = formula.job(layer);
        job.options.memory = Some(memory);
        job.assemble(Arc::new(ZarrStore::memory())).unwrap_err().to_string()
    };
    let error = refused(64 << 20, layer);
    assert_eq!(
        error,
        "--memory: 64 MiB are too few; a run takes 128 MiB at least, for the program, one granule and one shard"
    );
    let many: String =
        (0..20).map(|n| format!("    v{n}: {{function: mean, source: w, dtype: float64}}\n")).collect();
    let dense = format!(
        "aggregation:\n  variables:\n{many}output: {{grid: {{type: healpix, parent_order: 1, child_order: 11}}}}"
    );
    let error = refused(128 << 20, &dense);
    assert!(error.contains("128 MiB of memory do not suffice: the values of one shard take"), "{error}");
    assert!(error.contains("give --memory "), "{error}");
}
