//! Values of numpy and scipy, from `expected.json`.

use serde_json::Value;
use zagg_core::expression::Expression;
use zagg_core::{DType, Values};

use super::{Numbers, make, reduce};

fn column(spec: &Value) -> Values {
    let values = floats(&spec["values"]);
    Values::Float64(values).cast(DType::parse(spec["dtype"].as_str().unwrap()).unwrap()).unwrap()
}

fn floats(texts: &Value) -> Vec<f64> {
    texts.as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect()
}

/// Where zagg departs from numpy and scipy on purpose or through the limits of f64.
fn departs(function: &str, group: &[f64], found: f64, numpy: f64) -> bool {
    let far = group.iter().any(|x| x.abs() > 1e100);
    match function.trim_start_matches("nan") {
        // Numpy has NaN for quantiles beside an infinity.
        "quantile" => numpy.is_nan() && group.iter().any(|x| x.is_infinite()),
        // Third and fourth powers beyond the range of f64.
        "skew" | "kurtosis" => far && !found.is_finite() && !numpy.is_finite(),
        _ => false,
    }
}

/// How far a value may lie from numpy's beside its relative error: rounding of the values themselves, which shows where
/// sums cancel and where all values are the same.
fn floor(function: &str, scale: f64) -> f64 {
    match function.trim_start_matches("nan") {
        "std" => 4e-16 * scale,
        "var" => (4e-16 * scale).powi(2),
        "skew" | "kurtosis" => 1e-11,
        _ => 1e-13 * scale,
    }
}

fn compare(case: &Value, found: &[f64], groups: &[&[f64]], relative: f64, wrong: &mut Vec<String>) {
    let function = case["function"].as_str().unwrap();
    let expected = floats(&case["values"]);
    assert_eq!(found.len(), expected.len(), "{function} {}", case["params"]);
    let each = found.len() / groups.len();
    for (at, (found, numpy)) in found.iter().zip(&expected).enumerate() {
        let group = groups[at / each];
        let scale = group.iter().filter(|x| x.is_finite()).fold(0.0f64, |m, x| m.max(x.abs()));
        let close = found == numpy
            || (found.is_nan() && numpy.is_nan())
            || (found - numpy).abs() <= (relative * numpy.abs()).max(floor(function, scale));
        if !close && !departs(function, group, *found, *numpy) {
            let rows = &group[..group.len().min(9)];
            let (source, params) = (&case["source"], &case["params"]);
            wrong.push(format!("{function} {params} of {source} {rows:?}: {found}, numpy {numpy}"));
        }
    }
}

fn expected() -> Value {
    serde_json::from_str(include_str!("../expected.json")).unwrap()
}

#[test]
fn values_are_numpys_and_scipys() {
    let expected = expected();
    let offsets: Vec<u32> =
        expected["offsets"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let cases = expected["cases"].as_array().unwrap();
    assert!(cases.len() > 300);
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
        let groups: Vec<&[f64]> = offsets.windows(2).map(|w| &x[w[0] as usize..w[1] as usize]).collect();
        compare(case, &found, &groups, 1e-13, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_million_rows_are_right_too() {
    let mut numbers = Numbers(1);
    let x: Vec<f64> = (0..1_000_000).map(|_| 1500.0 + (numbers.next() % 100_000) as f64 / 1000.0).collect();
    let ramp = Values::Float64((0..x.len()).map(|i| (i % 1000) as f64 + 1.0).collect());
    let column = Values::Float64(x.clone());
    let mut wrong = Vec::new();
    let expected = expected();
    let cases = expected["million"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let statistic = make(case["function"].as_str().unwrap(), "x", case["params"].clone()).unwrap();
        let columns = [&column, &ramp];
        let found = reduce(statistic.as_ref(), &columns[..statistic.inputs().len()], &[0, x.len() as u32]);
        compare(case, &found, &[&x], 1e-12, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
