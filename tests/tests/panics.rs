//! Plugins that panic or break their contract end in a report or an error, never in a crash.

use std::sync::Arc;

use zagg_core::ErrorKind;
use zagg_core::store::StoreState;
use zagg_zarr::ZarrStore;

use crate::support::faulty::{GRID_METHODS, STATISTIC_FAULTS, quiet_panics};
use crate::support::points::{Data, Fault, Part};
use crate::support::table;

/// Two granules of two parts on tracks through several shards.
fn data() -> Data {
    let part = |start: f64| Part {
        lon: (0..200).map(|at| start + f64::from(at) / 4.0).collect(),
        lat: (0..200).map(|at| 10.0 + f64::from(at) / 5.0).collect(),
        h: (0..200).map(f64::from).collect(),
        q: vec![0; 200],
        parents: None,
    };
    Data::new(vec![vec![part(0.0), part(1.0)], vec![part(2.0), part(3.0)]])
}

#[test]
fn a_source_at_fault_is_a_hole_that_names_the_granule_and_the_rest_is_written() {
    use Fault::*;
    quiet_panics();
    let (sound, _) = data().job("").run_in_memory();
    assert_eq!((sound.rows_kept, sound.state), (800, StoreState::Complete));
    let whole = [
        (PanicInOpen, "injected in open"),
        (PanicInParts, "injected in parts"),
        (PanicInPositions, "injected in positions"),
        (PanicInRead, "injected in read"),
        (ErrorInOpen, "injected in open"),
        (NoPositions, "positions of 0 parts instead of 1"),
        (NoBatches, "parts instead of"),
    ];
    let parts = [
        (ErrorInPositions, "injected in positions"),
        (ErrorInRead, "injected in read"),
        (ShortPositions, "199 longitudes and 200 latitudes for 200 rows"),
        (FewColumns, "the source gave 1 columns instead of 2"),
        (ShortColumns, "values of h for"),
        (ShortFlags, "flags of h for"),
        (EndlessPart, "200 longitudes and 200 latitudes for 18446744073709551615 rows"),
        (ParentsOutside, "the parents have 18446744073709551615 rows where the part has 200"),
        (ParentsBackwards, "a parent has the rows 1..200 where rows from 0 on must follow"),
    ];
    for (fault, reason, part) in
        whole.map(|(f, r)| (f, r, None)).into_iter().chain(parts.map(|(f, r)| (f, r, Some("p0"))))
    {
        // Either granule may be the first that is opened.
        for id in ["g0", "g1"] {
            let faulty = Data { fault: Some((id.into(), fault)), ..data() };
            let (summary, store) = faulty.job("").run_in_memory();
            assert_eq!(summary.state, StoreState::Incomplete, "{fault:?}");
            assert_eq!((summary.exit_code(), summary.shards_failed), (3, 0), "{fault:?}: {summary:?}");
            assert!(summary.holes.iter().all(|(hole, _)| hole.granule == id), "{fault:?}");
            let (hole, _) = &summary.holes[0];
            assert!(hole.reason.contains(reason), "{fault:?}: {}", hole.reason);
            assert_eq!(hole.part.as_deref(), part, "{fault:?}");
            assert_eq!(summary.rows_kept, 400, "{fault:?}");
            assert_eq!(table(&store).total("count"), 400.0);
        }
    }
}

#[test]
fn a_part_of_another_type_is_a_hole() {
    let faulty = Data { fault: Some(("g1".into(), Fault::OtherType)), ..data() };
    let (summary, store) = faulty.job("").run_in_memory();
    assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 3));
    let [(hole, _)] = &summary.holes[..] else { panic!("{:?}", summary.holes) };
    assert_eq!((hole.granule.as_str(), hole.part.as_deref()), ("g1", Some("p1")));
    assert!(hole.reason.contains("h is float32 here but float64"), "{}", hole.reason);
    // In a shard where it stands alone, its type is as good as any.
    assert!((600..800).contains(&summary.rows_kept), "{}", summary.rows_kept);
    assert_eq!(table(&store).total("count"), summary.rows_kept as f64);
}

#[test]
fn a_source_whose_attributes_panic_stops_before_the_store_is_taken() {
    quiet_panics();
    let faulty = Data { fault: Some(("g0".into(), Fault::PanicInAttributes)), ..data() };
    let job = faulty.job("");
    let store = ZarrStore::memory();
    let error = job.run(Arc::new(store.reopen())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin);
    assert!(error.to_string().contains("injected in attributes"), "{error}");
    data().mend(&job);
    assert_eq!(job.run(Arc::new(store)).unwrap().state, StoreState::Complete);
}

#[test]
fn a_grid_that_panics_is_an_error_or_a_report() {
    quiet_panics();
    for layout in ["compact", "full_sphere"] {
        for method in GRID_METHODS {
            let layer = |panics: &str| {
                format!(
                    "output: {{layout: {layout}, grid: {{type: test-grid, parent_order: 2, child_order: 5, panics: {panics}}}}}"
                )
            };
            let mut job = data().job(&layer("none"));
            let grid = job.pipeline.output.grid.clone();
            assert_eq!(grid["type"], "test-grid");
            job.pipeline.output.grid.insert("panics".into(), method.into());
            if method == "shard_from_label" {
                job.options.shards = vec!["1".into()];
            }
            let store = ZarrStore::memory();
            let text = match job.run(Arc::new(store.reopen())) {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Plugin, "{method}: {error}");
                    error.to_string()
                }
                Ok(summary) if summary.state == StoreState::Complete => {
                    // Nothing that this layout needs.
                    let unused =
                        ["cells_of_shard", "shard_index", "cell_coordinate", "cell_coordinate_error"];
                    assert!(unused.contains(&method), "{layout}: {method}");
                    continue;
                }
                Ok(summary) => {
                    assert_eq!(summary.exit_code(), 3, "{method}");
                    format!("{:?} {:?}", summary.failures, summary.holes)
                }
            };
            let told = match method {
                "offsets_outside" => "the grid put a row at place 4294967295 of a shard with 64 cells",
                "cell_coordinate_error" => "no per-cell coordinate",
                _ => &format!("injected in {method}"),
            };
            assert!(text.contains(told) || (method == "cell_coordinate_error"), "{layout}: {method}: {text}");
            // The store is free for the next attempt, which another handle makes.
            job.pipeline.output.grid = grid.clone();
            job.options.shards.clear();
            let again = job.run(Arc::new(store.reopen()));
            assert!(!matches!(&again, Err(error) if error.to_string().contains("lock")), "{again:?}");
        }
    }
}

#[test]
fn a_statistic_at_fault_fails_its_shards_and_names_the_variable() {
    quiet_panics();
    for fault in STATISTIC_FAULTS {
        let layer = format!(
            "aggregation: {{variables: {{broken: {{function: test-statistic, params: {{panics: {fault}}}, \
             source: h, dtype: int32, fill_value: 0}}}}}}"
        );
        let job = data().job(&layer);
        match job.run(Arc::new(ZarrStore::memory())) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Plugin, "{fault}");
                assert!(error.to_string().contains(&format!("injected in {fault}")), "{fault}: {error}");
                assert!(
                    ["make", "output", "inputs", "skips_missing", "unit_power"].contains(&fault),
                    "{fault}"
                );
            }
            Ok(summary) => {
                assert_eq!((summary.state, summary.exit_code()), (StoreState::Incomplete, 3), "{fault}");
                assert_eq!(summary.shards_failed, summary.shards);
                for (_, reason) in &summary.failures {
                    assert!(reason.starts_with("variable broken: "), "{fault}: {reason}");
                    let told = match fault {
                        "few" | "many" => "values came back for",
                        "type" => "the value 0.5 does not fit the type int32",
                        _ => "injected in reduce",
                    };
                    assert!(reason.contains(told), "{fault}: {reason}");
                }
            }
        }
    }
}
