//! Several levels in one pass: each is what a run at that level gives, and levels coarser than the shards are what their
//! rows give, as far as partial states say.

use std::sync::Arc;

use zagg_core::Values;
use zagg_core::finalize::finalize;
use zagg_core::product::{PLAN, Product};
use zagg_core::store::{Store, StoreState};
use zagg_local::LocalExecutor;
use zagg_s2 as _;
use zagg_zarr::ZarrStore;

use crate::support::{Job, LAYOUTS, assert_same_tree, crossing, pipeline, preset, registry, tree};

/// The grid with some levels.
fn healpix(parent: u32, child: u32, levels: &str) -> String {
    format!(
        "output: {{grid: {{type: healpix, parent_order: {parent}, child_order: {child}, levels: {levels}}}}}"
    )
}

fn job(grid: &str) -> Job {
    Job::atl06(pipeline(&[preset(), grid]), &crossing(3000))
}

/// Bits, so that NaN equals NaN and -0 does not equal 0.
fn bits(values: &Values) -> Vec<u8> {
    values.to_le_bytes()
}

/// Every array of a group.
fn arrays(store: &ZarrStore, group: &str) -> Vec<(String, Values)> {
    let summary = store.inspect().unwrap();
    let group = summary.groups.iter().find(|g| g.name == group).unwrap();
    group.arrays.iter().map(|a| (a.name.clone(), store.read_array(&group.name, &a.name).unwrap())).collect()
}

#[test]
fn every_level_is_bit_equal_to_a_run_at_that_order() {
    let (summary, store) = job(&healpix(6, 12, "[12, 11, 10, 9, 8, 7, 6]")).run_in_memory();
    assert_eq!(summary.state, StoreState::Complete);
    assert!(summary.shards >= 2, "{} shards", summary.shards);
    for order in 6..=12 {
        let (_, direct) = job(&healpix(6, order, "null")).run_in_memory();
        let (got, want) = (arrays(&store, &order.to_string()), arrays(&direct, &order.to_string()));
        assert!(got.len() >= 9);
        assert_eq!(
            got.iter().map(|a| &a.0).collect::<Vec<_>>(),
            want.iter().map(|a| &a.0).collect::<Vec<_>>()
        );
        for ((name, got), (_, want)) in got.iter().zip(&want) {
            assert!(bits(got) == bits(want), "{order}/{name}");
        }
    }
}

#[test]
fn levels_of_a_full_sphere_are_those_of_a_compact_store_and_grow_with_further_maps() {
    let layer = |layout: &str| {
        format!(
            "output: {{layout: {layout}, grid: {{type: healpix, parent_order: 4, child_order: 7, morton: true, \
             levels: [7, 6, 5, 4, 2]}}}}"
        )
    };
    let (_, compact) = job(&layer("compact")).run_in_memory();
    let whole = job(&layer("full_sphere"));
    // The first run knows the first granule only; the second adds the shards of all.
    let store = ZarrStore::memory();
    let specs = crossing(3000);
    let first = Job::atl06(pipeline(&[preset(), &layer("full_sphere")]), &specs[..1]);
    assert_eq!(first.run(Arc::new(store.reopen())).unwrap().state, StoreState::Complete);
    let summary = whole.run(Arc::new(store.reopen())).unwrap();
    assert_eq!(summary.state, StoreState::Complete);
    for group in ["7", "6", "5", "4", "2"] {
        let Values::UInt64(cells) = compact.read_array(group, "cell_ids").unwrap() else { panic!() };
        let places: Vec<u32> = cells.iter().map(|&cell| cell as u32).collect();
        let names = arrays(&compact, group);
        assert!(names.len() > 4);
        for (name, want) in names.iter().filter(|(name, _)| name != "cell_ids") {
            let all = store.read_array(group, name).unwrap();
            assert!(bits(&all.gather(&places)) == bits(want), "{group}/{name}");
            if name != "count" {
                continue;
            }
            assert_eq!(all.to_f64().iter().sum::<f64>(), want.to_f64().iter().sum::<f64>(), "{group}/{name}");
        }
    }
}

#[test]
fn levels_above_the_shards_are_merged_from_their_states() {
    let (summary, store) = job(&healpix(6, 8, "[8, 6, 5, 3, 0]")).run_in_memory();
    assert!(
        summary.warnings.iter().any(|w| w.contains("level 3") && w.contains("h_q50")),
        "{:?}",
        summary.warnings
    );
    for order in [5, 3, 0] {
        let (_, direct) = job(&healpix(order, order, "null")).run_in_memory();
        let (group, want) = (order.to_string(), arrays(&direct, &order.to_string()));
        let got = arrays(&store, &group);
        let names: Vec<&str> = got.iter().map(|a| a.0.as_str()).collect();
        assert!(
            ["count", "h_min", "h_max", "h_mean", "h_sigma", "h_variance"].iter().all(|n| names.contains(n))
        );
        assert!(!names.contains(&"h_q50"), "a quantile does not merge");
        for (name, got) in &got {
            let want = &want.iter().find(|a| a.0 == *name).unwrap().1;
            assert_eq!(got.len(), want.len(), "{group}/{name}");
            if ["cell_ids", "count", "h_min", "h_max"].contains(&name.as_str()) {
                assert!(bits(got) == bits(want), "{group}/{name}");
                continue;
            }
            for (got, want) in got.to_f64().iter().zip(want.to_f64()) {
                let close = (got - want).abs() <= 1e-6 * want.abs() || (got.is_nan() && want.is_nan());
                assert!(close, "{group}/{name}: {got} is not {want}");
            }
        }
    }
}

#[test]
fn finalize_gives_the_same_bytes_again_and_from_the_plan_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zarr");
    let job = job(&healpix(6, 10, "[10, 8, 6, 4]"));
    let store = || ZarrStore::open_path(&path).unwrap();
    job.run_with(Arc::new(store()), &LocalExecutor::default()).unwrap();
    let want = tree(&path);
    let plan = store().read_record(PLAN).unwrap().unwrap();
    let product = Product::from_plan(&plan, &registry()).unwrap();
    for _ in 0..2 {
        let summary = finalize(&product, &store()).unwrap();
        assert_eq!((summary.state, summary.shards_done), (StoreState::Complete, summary.shards));
        assert!(summary.written.objects > 0);
        assert_same_tree(&tree(&path), &want, "finalize again");
    }
    assert_eq!(product.identity(), job.assemble(Arc::new(ZarrStore::memory())).unwrap().product.identity());
}

#[test]
fn a_shard_that_is_not_done_leaves_its_cells_empty_until_it_is() {
    let mut job = job(&healpix(6, 10, "[10, 8, 6, 4]"));
    let (_, whole) = job.run_in_memory();
    let store = ZarrStore::memory();
    job.options.max_cells = Some(1);
    let summary = job.run(Arc::new(store.reopen())).unwrap();
    assert_eq!(summary.state, StoreState::Incomplete);
    let count = |store: &ZarrStore, group: &str| {
        store.read_array(group, "count").unwrap().to_f64().iter().sum::<f64>()
    };
    let (first, all) = (count(&store, "10"), count(&whole, "10"));
    assert!(0.0 < first && first < all);
    for group in ["8", "6", "4"] {
        assert_eq!((count(&store, group), count(&whole, group)), (first, all), "{group}");
    }
    job.options.max_cells = None;
    assert_eq!(job.run(Arc::new(store.reopen())).unwrap().state, StoreState::Complete);
    for group in ["10", "8", "6", "4"] {
        for ((name, got), (_, want)) in arrays(&store, group).iter().zip(&arrays(&whole, group)) {
            assert!(bits(got) == bits(want), "{group}/{name}");
        }
    }
}

#[test]
fn a_damaged_level_record_is_named_and_never_believed() {
    let job = job(&healpix(6, 10, "[10, 8, 6]"));
    let (_, store) = job.run_in_memory();
    let product = Product::from_plan(&store.read_record(PLAN).unwrap().unwrap(), &registry()).unwrap();
    let name = store.list_records("levels/").unwrap().remove(0);
    let mut bytes = store.read_record(&name).unwrap().unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    store.write_record(&name, bytes).unwrap();
    let error = finalize(&product, &store).unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("run its shard again"), "{error}");
}

#[test]
fn rectilinear_levels_are_bit_equal_to_runs_at_their_resolution() {
    let grid = |resolution: u32, chunk: u32, levels: &str| {
        format!(
            "output: {{grid: {{type: rectilinear, crs: EPSG:3031, resolution: {resolution}, \
             bounds: [-4000000, -4000000, 4000000, 4000000], chunk_shape: [{chunk}, {chunk}], levels: {levels}}}}}"
        )
    };
    let job = |text: &str| Job::atl06(pipeline(&[preset(), text]), &crossing(3000));
    let (summary, store) = job(&grid(5000, 128, "[1, 2, 4, 8]")).run_in_memory();
    assert_eq!(summary.state, StoreState::Complete);
    assert!(summary.cells > 0);
    for factor in [2, 4, 8] {
        let (_, direct) = job(&grid(5000 * factor, 128 / factor, "null")).run_in_memory();
        let group = format!("rectilinear_{factor}");
        for (name, want) in arrays(&direct, "rectilinear") {
            let got = store.read_array(&group, &name).unwrap();
            assert!(bits(&got) == bits(&want), "{group}/{name}");
        }
    }
}

#[test]
fn levels_that_cannot_be_are_refused_by_name() {
    for (levels, said) in [
        ("[11, 10]", "12, the level of the cells themselves, is missing"),
        ("[12, 30]", "no order 30"),
        ("[12, 12]", "stands twice"),
        ("[12, -1]", "-1 is not the number of a level"),
        ("12", "must be a list"),
    ] {
        let text = healpix(6, 12, levels);
        let mut layers = zagg_core::config::Layers::default();
        for text in [preset(), &text] {
            layers.push(zagg_core::config::Layer::parse("text", text).unwrap());
        }
        let error = match zagg_core::config::Pipeline::parse(&layers) {
            Err(error) => error,
            Ok(pipeline) => Job::atl06(pipeline, &crossing(200))
                .assemble(Arc::new(ZarrStore::memory()))
                .map(|_| ())
                .unwrap_err(),
        };
        assert!(error.to_string().contains(said), "{levels}: {error}");
    }
}

/// Variables of every kind, one of them of an expression that takes nothing but integers.
const KINDS: &str = "
aggregation:
  variables:
    rows: {function: len, dtype: int32}
    h_three: {function: quantile, source: h_li, params: {q: [0.1, 0.5, 0.9]}, kind: vector, trailing_shape: 3}
    h_bins: {function: histogram, source: h_li, params: {bins: [-100, 0, 100]}, kind: vector, trailing_shape: 2, dtype: int32}
    h_dist: {function: tdigest, source: h_li, params: {delta: 16}, kind: ragged, inner_shape: 2}
    odd: {expression: \"~len(h_li)\", dtype: int64, fill_value: 7}
";

#[test]
fn rows_that_filters_drop_to_the_last_leave_every_level_empty() {
    for layout in LAYOUTS {
        let text = format!(
            "data_source: {{filters: [{{expression: \"h_li > 1e9\"}}]}}\n\
             output: {{layout: {layout}, grid: {{type: healpix, parent_order: 6, child_order: 12, \
             levels: [12, 11, 8, 6, 4, 0]}}}}"
        );
        let (summary, store) =
            Job::atl06(pipeline(&[preset(), KINDS, &text]), &crossing(600)).run_in_memory();
        assert_eq!((summary.state, summary.rows_kept), (StoreState::Complete, 0));
        for group in store.inspect().unwrap().groups {
            for array in group.arrays.iter().filter(|array| array.name != "cell_ids") {
                let blocks = store.stored_blocks(&group.name, &array.name).unwrap();
                assert!(blocks.is_empty(), "{layout}: {}/{} has {blocks:?}", group.name, array.name);
            }
        }
    }
}

#[test]
fn vectors_at_every_level_are_bit_equal_to_a_run_at_that_order() {
    let job = |grid: &str| Job::atl06(pipeline(&[preset(), KINDS, grid]), &crossing(600));
    let (_, store) = job(&healpix(6, 12, "[12, 10, 8, 6]")).run_in_memory();
    for order in [12, 10, 8, 6] {
        let (_, direct) = job(&healpix(6, order, "null")).run_in_memory();
        for name in ["rows", "h_three", "h_bins", "odd"] {
            let read = |store: &ZarrStore| bits(&store.read_array(&order.to_string(), name).unwrap());
            assert!(read(&store) == read(&direct), "{order}/{name}");
        }
    }
}

#[test]
fn derived_columns_come_back_from_the_plan_in_the_order_that_they_build_on() {
    let text = "
data_source: {derived: {zeta: 2 * h_li, alpha: zeta + 1}}
aggregation: {variables: {a: {function: mean, source: alpha}}}
output: {grid: {type: healpix, parent_order: 6, child_order: 8, levels: [8, 6, 4]}}
";
    let (_, store) = Job::atl06(pipeline(&[preset(), text]), &crossing(600)).run_in_memory();
    let product = Product::from_plan(&store.read_record(PLAN).unwrap().unwrap(), &registry()).unwrap();
    assert_eq!(finalize(&product, &store).unwrap().state, StoreState::Complete);
}

#[test]
fn a_shard_record_that_cannot_be_read_is_no_reason_to_empty_its_cells() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.zarr");
    let store = || ZarrStore::open_path(&path).unwrap();
    job(&healpix(6, 10, "[10, 8, 6, 4]")).run(Arc::new(store())).unwrap();
    let want = tree(&path);
    let product = Product::from_plan(&store().read_record(PLAN).unwrap().unwrap(), &registry()).unwrap();
    let name = store().list_records("shards/").unwrap().remove(0);
    let record = folder.path().join("out.zarr.zagg").join(name);
    let bytes = std::fs::read(&record).unwrap();
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    let error = finalize(&product, &store()).unwrap_err().to_string();
    assert!(error.contains("is not a file"), "{error}");
    assert_same_tree(&tree(&path), &want, "after a finalize that could not read");
    std::fs::remove_dir(&record).unwrap();
    std::fs::write(&record, bytes).unwrap();
    assert_eq!(finalize(&product, &store()).unwrap().state, StoreState::Complete);
}

#[test]
fn what_tasks_did_is_reported_though_the_levels_cannot_be_made() {
    let text = "aggregation: {variables: {rows: {function: len, dtype: int16}}}";
    let job = Job::atl06(pipeline(&[preset(), text, &healpix(6, 12, "[12, 0]")]), &crossing(8000));
    let store = ZarrStore::memory();
    let error = job.run(Arc::new(store.reopen())).unwrap_err().to_string();
    assert!(error.contains("0/rows") && error.contains("does not fit the type int16"), "{error}");
    assert_eq!(store.inspect().unwrap().state, StoreState::Open);
    let report: serde_json::Value =
        serde_json::from_slice(&store.read_record("report.json").unwrap().unwrap()).unwrap();
    assert_eq!(report["summary"]["state"], "open");
    assert_eq!(report["tasks"].as_array().unwrap().len(), job.map.shards.len());
}

#[test]
fn a_file_among_the_records_under_another_spelling_is_nobodys_shard() {
    let text = "output: {layout: full_sphere, grid: {type: s2, parent_level: 6, child_level: 9, levels: [9, 7, 6, 4]}}";
    let (summary, store) = job(text).run_in_memory();
    let product = Product::from_plan(&store.read_record(PLAN).unwrap().unwrap(), &registry()).unwrap();
    let (mut cell, mut shard) = ([0], [0]);
    product.grid.locate(&[10.0], &[50.0], &mut cell);
    product.grid.shards_of(&cell, &mut shard);
    let other = format!("{}0", product.grid.shard_label(shard[0]));
    assert_eq!(product.grid.shard_from_label(&other).unwrap(), shard[0]);
    for name in [other.as_str(), "no label", "0"] {
        store.write_record(&format!("shards/{name}.json"), b"{}".to_vec()).unwrap();
    }
    let again = finalize(&product, &store).unwrap();
    assert_eq!((again.state, again.shards), (StoreState::Complete, summary.shards));
}
