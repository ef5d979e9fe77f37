//! Every statistic against numpy, against the conformance rules, and against requests that make no sense.

#![allow(clippy::unwrap_used, clippy::panic)] // A failed unwrap is a failed test.

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::expression::Expression;
use zagg_core::registry::{Kind, Registry};
use zagg_core::statistic::{Groups, OutputShape, Statistic, StatisticRequest};
use zagg_core::{DType, Result, Values, conformance};
use zagg_statistics as _;

const ALL: [&str; 22] = [
    "average",
    "count",
    "first",
    "last",
    "len",
    "max",
    "mean",
    "median",
    "min",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "quantile",
    "range",
    "std",
    "sum",
    "var",
];

fn make(function: &str, source: &str, params: Value) -> Result<Box<dyn Statistic>> {
    let Value::Object(params) = params else { panic!("params is a mapping") };
    Registry::linked().unwrap().statistic(&StatisticRequest {
        variable: "h".into(),
        function: function.into(),
        source: (!source.is_empty()).then(|| source.into()),
        params,
        ..StatisticRequest::default()
    })
}

fn needed(function: &str) -> Value {
    match function {
        "average" => json!({"weights": "w"}),
        "quantile" | "nanquantile" => json!({"q": [0.9, 0.1, 0.5]}),
        _ => json!({}),
    }
}

fn reduce(statistic: &dyn Statistic, columns: &[&Values], offsets: &[u32]) -> Vec<f64> {
    statistic.reduce(&Groups { offsets, columns }).unwrap().values.to_f64()
}

#[test]
fn all_statistics_are_registered() {
    let registry = Registry::linked().unwrap();
    let names: Vec<&str> =
        registry.entries().filter(|r| r.entry.make.kind() == Kind::Statistic).map(|r| r.entry.name).collect();
    assert_eq!(names, ALL);
    assert!(make("ptp", "x", json!({})).is_ok());
}

#[test]
fn every_statistic_conforms_over_every_type() {
    for function in ALL {
        for dtype in DType::ALL {
            // Truth values have no difference.
            if function == "range" && dtype == DType::Bool {
                continue;
            }
            let statistic = make(function, "x", needed(function)).unwrap();
            assert_eq!(conformance::statistic(statistic.as_ref(), dtype), Ok(()), "{function}");
        }
    }
}

fn column(spec: &Value) -> Values {
    let values = floats(&spec["values"]);
    Values::Float64(values).cast(DType::parse(spec["dtype"].as_str().unwrap()).unwrap()).unwrap()
}

fn floats(texts: &Value) -> Vec<f64> {
    texts.as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect()
}

/// Where zagg departs from numpy on purpose: numpy has NaN for quantiles beside an infinity.
fn departs(function: &str, group: &[f64], numpy: f64) -> bool {
    function.contains("quantile") && numpy.is_nan() && group.iter().any(|x| x.is_infinite())
}

#[test]
fn values_are_numpys() {
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let offsets: Vec<u32> =
        expected["offsets"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let cases = expected["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    let mut wrong = Vec::new();
    for case in cases {
        let (function, source) = (case["function"].as_str().unwrap(), case["source"].as_str().unwrap());
        let statistic = make(function, source, case["params"].clone()).unwrap();
        let columns: Vec<Values> = statistic
            .inputs()
            .iter()
            .map(|input| {
                let expression = Expression::parse(&input.expression).unwrap();
                let used = column(&expected["columns"][&expression.columns()[0]]);
                expression.evaluate_rows(used.len(), &|_| Some(&used)).unwrap()
            })
            .collect();
        let found = reduce(statistic.as_ref(), &columns.iter().collect::<Vec<_>>(), &offsets);
        let x = column(&expected["columns"][source]).to_f64();
        for (group, (found, numpy)) in offsets.windows(2).zip(found.iter().zip(floats(&case["values"]))) {
            let rows = &x[group[0] as usize..group[1] as usize];
            let scale = rows.iter().filter(|x| x.is_finite()).fold(0.0f64, |m, x| m.max(x.abs()));
            // Rounding of the values themselves: it shows where sums cancel and where all values are the same.
            let floor = match function {
                "std" | "nanstd" => 4e-16 * scale,
                "var" | "nanvar" => (4e-16 * scale).powi(2),
                _ => 1e-13 * scale,
            };
            let close = *found == numpy
                || (found.is_nan() && numpy.is_nan())
                || (found - numpy).abs() <= (1e-13 * numpy.abs()).max(floor);
            if !close && !departs(function, rows, numpy) {
                wrong.push(format!("{function} {} of {rows:?}: {found}, numpy {numpy}", case["params"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn infinities_have_quantiles_where_these_are_known() {
    let x = Values::Float64(vec![
        1.0,
        f64::INFINITY,
        f64::INFINITY,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::INFINITY,
    ]);
    let quantile = make("quantile", "x", json!({"q": [0, 0.5, 1]})).unwrap();
    let found = reduce(quantile.as_ref(), &[&x], &[0, 2, 4, 6]);
    let inf = f64::INFINITY;
    assert_eq!(found[..6], [1.0, inf, inf, inf, inf, inf]);
    assert!(found[6] == -inf && found[7].is_nan() && found[8] == inf);
}

#[test]
fn the_original_programs_answers_for_nan_and_for_zero_uncertainty() {
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
fn outputs_are_announced() {
    let of = |function: &str, source_dtype| {
        Registry::linked()
            .unwrap()
            .statistic(&StatisticRequest {
                function: function.into(),
                source: Some("x".into()),
                source_dtype,
                params: needed(function).as_object().unwrap().clone(),
                ..StatisticRequest::default()
            })
            .unwrap()
    };
    for function in ["min", "nanmax", "range", "first", "last"] {
        assert_eq!(of(function, Some(DType::UInt8)).output().dtype, DType::UInt8);
        assert_eq!(of(function, None).output().dtype, DType::Float64);
    }
    assert_eq!(of("count", Some(DType::Float32)).output().dtype, DType::Int64);
    assert_eq!(of("mean", Some(DType::Float32)).output().dtype, DType::Float64);
    assert_eq!(of("quantile", None).output().shape, OutputShape::Fixed(vec![3]));
    assert!(of("min", Some(DType::UInt64)).mergeable().is_none(), "f64 states would round 64-bit integers");
    let min = of("min", Some(DType::Int8));
    assert_eq!(min.mergeable().unwrap().finish(&[vec![-3.0]]).unwrap(), Values::Int8(vec![-3]));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    for (function, source, params, message) in [
        ("mean", "", json!({}), "mean needs a source; name the column it is applied to"),
        ("count", " ", json!({}), "count needs a source; name the column it is applied to"),
        ("mean", "x", json!({"q": 1}), "mean has no parameter params.q; it takes none"),
        (
            "var",
            "x",
            json!({"dof": 1}),
            "var has no parameter params.dof; did you mean \"ddof\"?; it takes ddof",
        ),
        ("var", "x", json!({"ddof": -1}), "params.ddof of var must be a whole number, 0 or greater, not -1"),
        (
            "std",
            "x",
            json!({"ddof": 0.5}),
            "params.ddof of std must be a whole number, 0 or greater, not 0.5",
        ),
        (
            "var",
            "x",
            json!({"ddof": "1"}),
            "params.ddof of var must be a whole number, 0 or greater, not \"1\"; write the number without quotes",
        ),
        ("quantile", "x", json!({}), "quantile needs params.q, a number from 0 to 1"),
        (
            "quantile",
            "x",
            json!({"q": "0.5"}),
            "params.q of quantile must be a number from 0 to 1, or a list of such numbers, not \"0.5\"; write the number without quotes",
        ),
        (
            "nanquantile",
            "x",
            json!({"q": [0.5, 1.5]}),
            "params.q of nanquantile must be a number from 0 to 1, or a list of such numbers, not 1.5",
        ),
        (
            "quantile",
            "x",
            json!({"q": []}),
            "params.q of quantile must be a number from 0 to 1, or a list of such numbers, not []",
        ),
        (
            "average",
            "x",
            json!({"weights": 2}),
            "params.weights of average must be a column or an expression, not 2",
        ),
        (
            "average",
            "x",
            json!({"weights": "1.0 /"}),
            "params.weights: expression \"1.0 /\": expected a value, found the end at column 6",
        ),
        (
            "average",
            "x",
            json!({"weights": "sum(w)"}),
            "params.weights must give one value per row, \"sum(w)\" does not",
        ),
        (
            "average",
            "x",
            json!({"weights": "2"}),
            "params.weights must give one value per row, \"2\" does not",
        ),
    ] {
        let error = make(function, source, params).unwrap_err().to_string();
        assert_eq!(error, format!("variable \"h\": {message}"));
    }
    let mut request = StatisticRequest {
        variable: "v".into(),
        function: "mean".into(),
        source: Some("x".into()),
        shape: Some(vec![3]),
        ..StatisticRequest::default()
    };
    let registry = Registry::linked().unwrap();
    let error = registry.statistic(&request).unwrap_err().to_string();
    assert_eq!(error, "variable \"v\": mean gives one number for a cell, not an array of shape [3]");
    request.function = "quantile".into();
    request.params.insert("q".into(), json!([0.1, 0.2]));
    let error = registry.statistic(&request).unwrap_err().to_string();
    assert_eq!(error, "variable \"v\": params.q gives arrays of shape [2], but [3] is asked for");
}

#[test]
fn columns_that_are_not_there_are_errors() {
    for function in ALL.into_iter().filter(|f| !matches!(*f, "len" | "count")) {
        let statistic = make(function, "x", needed(function)).unwrap();
        assert!(statistic.reduce(&Groups { offsets: &[0, 1], columns: &[] }).is_err(), "{function}");
        if let Some(mergeable) = statistic.mergeable() {
            assert!(mergeable.merge(&[], &[0, 1]).is_err());
            assert!(mergeable.finish(&[vec![1.0], vec![], vec![], vec![]]).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The bound is that of the module's documentation: rounding of the sums, and a few units for the variance.
    #[test]
    fn states_of_any_split_merge_to_the_whole(
        centre in -1e5f64..1e5,
        rows in proptest::collection::vec((-100.0f64..100.0, 0.01f64..10.0), 1..80),
        cuts in proptest::collection::vec(any::<bool>(), 80),
    ) {
        let n = rows.len() as u32;
        let x = Values::Float64(rows.iter().map(|r| centre + r.0).collect());
        let w = Values::Float64(rows.iter().map(|r| r.1).collect());
        let pieces: Vec<u32> =
            std::iter::once(0).chain((1..n).filter(|i| cuts[*i as usize])).chain([n]).collect();
        for function in ["len", "count", "sum", "min", "max", "mean", "average", "var", "std", "nansum", "nanmean", "nanvar"] {
            let statistic = make(function, "x", needed(function)).unwrap();
            let columns = [&x, &w];
            let columns = &columns[..statistic.inputs().len()];
            let whole = reduce(statistic.as_ref(), columns, &[0, n])[0];
            let mergeable = statistic.mergeable().unwrap();
            let states = mergeable.partial(&Groups { offsets: &pieces, columns }).unwrap();
            prop_assert_eq!(states.len(), mergeable.state().len());
            let merged = mergeable.merge(&states, &[0, pieces.len() as u32 - 1]).unwrap();
            let merged = mergeable.finish(&merged).unwrap().to_f64()[0];
            let unit = f64::from(n) * f64::EPSILON;
            let total: f64 = x.to_f64().iter().map(|x| x.abs()).sum();
            let bound = match function {
                "len" | "count" | "min" | "max" => 0.0,
                "sum" | "nansum" => unit * total,
                "mean" | "nanmean" => unit * total / f64::from(n),
                "average" => 4.0 * unit * (centre.abs() + 100.0),
                // The squares of numbers of this size are known to their rounding.
                _ => 1e-9 * whole.abs().max(1e-6),
            };
            prop_assert!((merged - whole).abs() <= bound, "{function}: {merged} is not {whole}");
        }
    }
}
