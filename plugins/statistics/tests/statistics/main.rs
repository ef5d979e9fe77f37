//! Every statistic against numpy, scipy and the Python zagg, against the conformance rules, and against requests that
//! make no sense.

#![allow(clippy::unwrap_used, clippy::panic)] // A failed unwrap is a failed test.

mod conforming;
mod digests;
mod expected;
mod merging;
mod requests;

use serde_json::{Value, json};
use zagg_core::registry::Registry;
use zagg_core::statistic::{Groups, Statistic, StatisticRequest, VariableKind};
use zagg_core::{DType, Result, Values};
use zagg_statistics as _;

const ALL: [&str; 45] = [
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

/// A request for a statistic, of the kind that its parameters ask for.
fn request(function: &str, source: &str, params: Value) -> StatisticRequest {
    let Value::Object(params) = params else { panic!("params is a mapping") };
    let kind = match function {
        "tdigest" => VariableKind::Ragged,
        "histogram" => VariableKind::Vector,
        _ if params.get("q").is_some_and(Value::is_array) => VariableKind::Vector,
        _ => VariableKind::Scalar,
    };
    StatisticRequest {
        variable: "h".into(),
        function: function.into(),
        source: (!source.is_empty()).then(|| source.into()),
        params,
        kind,
        ..StatisticRequest::default()
    }
}

fn make(function: &str, source: &str, params: Value) -> Result<Box<dyn Statistic>> {
    Registry::linked().unwrap().statistic(&request(function, source, params))
}

/// Parameters with which a statistic can be made.
fn needed(function: &str) -> Value {
    match function.trim_start_matches("nan") {
        "average" => json!({"weights": "w"}),
        "quantile" => json!({"q": [0.9, 0.1, 0.5]}),
        "weighted_quantile" => json!({"q": [0.9, 0.1, 0.5], "weights": "w"}),
        "argmin" | "argmax" => json!({"by": "w"}),
        "histogram" => json!({"bins": [1, 2, 3, 50, 100]}),
        "tdigest" => json!({"delta": 16}),
        "circular_mean" => json!({"period": 1000}),
        _ => json!({}),
    }
}

fn reduce(statistic: &dyn Statistic, columns: &[&Values], offsets: &[u32]) -> Vec<f64> {
    statistic.reduce(&Groups { offsets, columns }).unwrap().values.to_f64()
}

/// Numbers without pattern, as the scripts beside this folder make them.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 40
    }
}

#[test]
fn all_statistics_are_registered() {
    let registry = Registry::linked().unwrap();
    let names: Vec<&str> = registry
        .entries()
        .filter(|r| r.entry.make.kind() == zagg_core::registry::Kind::Statistic)
        .map(|r| r.entry.name)
        .collect();
    assert_eq!(names, ALL);
    assert!(make("ptp", "x", json!({})).is_ok());
    let mut original = request("tdigest", "h_ph", json!({"delta": 8192}));
    original.function = "zagg.stats.tdigest.build_tdigest".into();
    assert!(registry.statistic(&original).is_ok(), "pipelines of the original name the digest so");
}

#[test]
fn the_original_programs_answers_for_nan_and_for_zero_uncertainty() {
    use zagg_core::expression::Expression;
    let h = Values::Float32(vec![1.0, f32::NAN, 3.0]);
    for function in ["min", "max", "mean", "var", "quantile", "median"] {
        let params = if function == "quantile" { json!({"q": 0.25}) } else { json!({}) };
        let found = reduce(make(function, "h_li", params).unwrap().as_ref(), &[&h], &[0, 3]);
        assert!(found[0].is_nan(), "{function}");
    }
    assert_eq!(reduce(make("count", "h_li", json!({})).unwrap().as_ref(), &[&h], &[0, 3]), [3.0]);
    assert_eq!(reduce(make("len", "", json!({})).unwrap().as_ref(), &[], &[0, 3]), [3.0]);
    let (h, s) = (Values::Float32(vec![1.0, 2.0]), Values::Float32(vec![0.0, 0.1]));
    let weights = Expression::parse("1.0 / s_li**2").unwrap().evaluate_rows(2, &|_| Some(&s)).unwrap();
    let average = make("average", "h_li", json!({"weights": "1.0 / s_li**2"})).unwrap();
    assert!(reduce(average.as_ref(), &[&h, &weights], &[0, 2])[0].is_nan());
    let zero = Values::Float32(vec![0.0, 0.0]);
    assert!(reduce(average.as_ref(), &[&h, &zero], &[0, 2])[0].is_nan());
}

#[test]
fn infinities_have_quantiles_where_these_are_known() {
    let inf = f64::INFINITY;
    let x = Values::Float64(vec![1.0, inf, inf, inf, -inf, inf]);
    let quantile = make("quantile", "x", json!({"q": [0, 0.5, 1]})).unwrap();
    let found = reduce(quantile.as_ref(), &[&x], &[0, 2, 4, 6]);
    assert_eq!(found[..6], [1.0, inf, inf, inf, inf, inf]);
    assert!(found[6] == -inf && found[7].is_nan() && found[8] == inf);
}

#[test]
fn values_of_64_bit_integers_stay_exact() {
    let base = (1i64 << 60) + 1;
    let ids = Values::Int64(vec![base + 2, base, base + 2, base + 1]);
    let by = Values::UInt64(vec![u64::MAX - 1, u64::MAX, 0, 1]);
    for (function, expected) in [
        ("min", base),
        ("max", base + 2),
        ("mode", base + 2),
        ("first", base + 2),
        ("nanlast", base + 1),
        ("argmax", base),
        ("argmin", base + 2),
    ] {
        let statistic = make(function, "x", needed(function)).unwrap();
        let columns = [&ids, &by];
        let columns = &columns[..statistic.inputs().len()];
        let found = statistic.reduce(&Groups { offsets: &[0, 4], columns }).unwrap();
        assert_eq!(found.values, Values::Int64(vec![expected]), "{function}");
        if let Some(mergeable) = statistic.mergeable() {
            let states = mergeable.partial(&Groups { offsets: &[0, 1, 2, 4], columns }).unwrap();
            let merged = mergeable.finish(&mergeable.merge(&states, &[0, 3]).unwrap()).unwrap();
            assert_eq!(merged.values, Values::Int64(vec![expected]), "{function}");
        }
    }
    let sum = make("sum", "x", json!({})).unwrap();
    let found = sum.reduce(&Groups { offsets: &[0, 4], columns: &[&ids] }).unwrap();
    assert_eq!(found.values, Values::Int64(vec![4 * base + 5]));
}

#[test]
fn a_value_where_nothing_is_least_is_nan() {
    let (x, by) = (Values::Int32(vec![1, 2, 3]), Values::Float32(vec![f32::NAN, f32::NAN, 1.0]));
    let statistic = make("nanargmin", "x", json!({"by": "w"})).unwrap();
    let found = reduce(statistic.as_ref(), &[&x, &by], &[0, 2, 3]);
    assert!(found[0].is_nan() && found[1] == 3.0);
    let mergeable = statistic.mergeable().unwrap();
    let states = mergeable.partial(&Groups { offsets: &[0, 2, 3], columns: &[&x, &by] }).unwrap();
    let alone = mergeable.finish(&states).unwrap().values.to_f64();
    assert!(alone[0].is_nan() && alone[1] == 3.0);
    let merged = mergeable.finish(&mergeable.merge(&states, &[0, 2]).unwrap()).unwrap().values;
    assert_eq!(merged.to_f64(), [3.0]);
}

#[test]
fn outputs_are_announced() {
    let of = |function: &str, source_dtype| {
        let request = StatisticRequest { source_dtype, ..request(function, "x", needed(function)) };
        Registry::linked().unwrap().statistic(&request).unwrap()
    };
    use zagg_core::statistic::OutputShape::{Fixed, Ragged};
    for function in ["min", "nanmax", "range", "first", "last", "mode", "argmax"] {
        assert_eq!(of(function, Some(DType::UInt8)).output().dtype, DType::UInt8);
        assert_eq!(of(function, None).output().dtype, DType::Float64);
    }
    assert_eq!(of("count", Some(DType::Float32)).output().dtype, DType::Int64);
    assert_eq!(of("mean", Some(DType::Float32)).output().dtype, DType::Float64);
    assert_eq!(of("sum", Some(DType::UInt8)).output().dtype, DType::UInt64);
    assert_eq!(of("sum", Some(DType::Bool)).output().dtype, DType::Int64);
    assert_eq!(of("quantile", None).output().shape, Fixed(vec![3]));
    assert_eq!(of("histogram", None).output().shape, Fixed(vec![4]));
    assert_eq!(of("tdigest", None).output().shape, Ragged(vec![2]));
    let min = of("min", Some(DType::Int8));
    let states = zagg_core::statistic::States::fixed(2, vec![-3.0, 0.0]);
    assert_eq!(min.mergeable().unwrap().finish(&states).unwrap().values, Values::Int8(vec![-3]));
}
