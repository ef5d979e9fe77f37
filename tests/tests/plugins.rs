//! Every plugin that is linked in: its name, and the contract of its trait.

use serde_json::{Map, json};
use zagg_core::registry::{Entry, Kind, Make, Plugin, Registry};
use zagg_core::statistic::{StatisticRequest, VariableKind};
use zagg_core::{DType, conformance};
use zagg_zarr::ZarrStore;

use crate::support::registry;

fn names(kind: Kind) -> Vec<&'static str> {
    let entries = registry();
    let of_kind = entries.entries().filter(|r| r.entry.make.kind() == kind).map(|r| r.entry.name);
    of_kind.filter(|name| !name.starts_with("test-")).collect()
}

#[test]
fn the_plugins_are_those_expected() {
    assert_eq!(names(Kind::Source), ["atl06", "hdf5-points", "table-points"]);
    assert_eq!(names(Kind::Catalog), ["local-files"]);
    assert_eq!(names(Kind::Grid), ["healpix", "rectilinear", "s2"]);
    let presets = ["atl03", "atl06", "atl06_polar", "atl08", "cryosat2", "gedi_l2a", "gedi_l4a"];
    assert_eq!(names(Kind::Preset), presets);
    let statistics = [
        "argmax",
        "argmin",
        "average",
        "circular_mean",
        "count",
        "first",
        "histogram",
        "kurtosis",
        "last",
        "len",
        "mad",
        "max",
        "mean",
        "median",
        "min",
        "mode",
        "nanargmax",
        "nanargmin",
        "nanaverage",
        "nancircular_mean",
        "nancount",
        "nanfirst",
        "nankurtosis",
        "nanlast",
        "nanmad",
        "nanmax",
        "nanmean",
        "nanmedian",
        "nanmin",
        "nanmode",
        "nanquantile",
        "nanrange",
        "nanskew",
        "nanstd",
        "nansum",
        "nanvar",
        "nanweighted_quantile",
        "quantile",
        "range",
        "skew",
        "std",
        "sum",
        "tdigest",
        "var",
        "weighted_quantile",
    ];
    assert_eq!(names(Kind::Statistic), statistics);
    assert_eq!(registry().source_name("h5coro").unwrap(), "hdf5-points");
}

#[test]
fn a_name_that_two_plugins_offer_is_refused_with_both_origins() {
    const ENTRIES: &[Entry] =
        &[Entry { name: "h5coro", aliases: &[], description: "", make: Make::Source(|_| unreachable!()) }];
    let linked = zagg_core::registry::inventory::iter::<Plugin>.into_iter().copied();
    let rival = Plugin { name: "rival", version: "9.9.9", entries: ENTRIES };
    let error = Registry::of(linked.chain([rival])).unwrap_err().to_string();
    for told in ["source h5coro is offered twice", "zagg-hdf5-points 0.", "rival 9.9.9"] {
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn every_grid_conforms() {
    for name in names(Kind::Grid) {
        let options = match name {
            "healpix" => json!({"type": "healpix", "parent_order": 3, "child_order": 7}),
            "rectilinear" => {
                json!({"crs": "EPSG:3031", "resolution": 25_000, "bounds": [-3e6, -3e6, 3e6, 3e6]})
            }
            "s2" => json!({"type": "s2", "parent_level": 3, "child_level": 7}),
            other => panic!("the grid {other} needs options here"),
        };
        let grid = registry().grid(name, options.as_object().unwrap()).unwrap();
        assert_eq!(conformance::grid(&*grid), Ok(()), "{name}");
    }
}

#[test]
fn every_statistic_conforms() {
    for name in names(Kind::Statistic) {
        let (params, kind) = match name.trim_start_matches("nan") {
            "quantile" => (json!({"q": 0.3}), VariableKind::Scalar),
            "weighted_quantile" => (json!({"q": 0.3, "weights": "w"}), VariableKind::Scalar),
            "argmin" | "argmax" => (json!({"by": "w"}), VariableKind::Scalar),
            "histogram" => (json!({"bins": [0, 50, 100]}), VariableKind::Vector),
            "tdigest" => (json!({"delta": 16}), VariableKind::Ragged),
            _ => (json!({}), VariableKind::Scalar),
        };
        for dtype in [DType::Int16, DType::Float32] {
            let request = StatisticRequest {
                variable: "v".into(),
                function: name.into(),
                source: Some("x".into()),
                source_dtype: Some(dtype),
                params: params.as_object().cloned().unwrap_or_else(Map::new),
                kind,
                shape: None,
            };
            let statistic = registry().statistic(&request).unwrap();
            assert_eq!(VariableKind::of(&statistic.output().shape), kind, "{name}");
            // Merged digests are not those of the whole, but of as many rows.
            let rows = |digest: &[f64]| digest.chunks(2).map(|centroid| centroid[1]).sum::<f64>();
            let conforms = match kind {
                VariableKind::Ragged => {
                    conformance::sketch(&*statistic, dtype, &|merged, whole| rows(merged) == rows(whole))
                }
                _ => conformance::statistic(&*statistic, dtype),
            };
            assert_eq!(conforms, Ok(()), "{name}");
        }
    }
}

#[test]
fn the_store_conforms() {
    let store = ZarrStore::memory();
    let other = store.reopen();
    let read = conformance::ReadBack {
        block: &|group, array, block| store.reopen().read_block(group, array, block),
        ragged_block: &|group, array, block| store.reopen().read_ragged_block(group, array, block),
    };
    assert_eq!(conformance::store(&store, &other, read), [""; 0]);
}
