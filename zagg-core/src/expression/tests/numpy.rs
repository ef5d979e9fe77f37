//! Expressions against numpy: expected.json, which make_expected.py wrote.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::column::{DType, Values};
use crate::expression::Expression;

fn values(dtype: &str, items: &Value) -> Values {
    // Floats stand there as text: JSON has no infinities and its readers may round the last digit.
    let float = |v: &Value| v.as_str().unwrap().parse::<f64>().unwrap();
    let items = items.as_array().unwrap();
    match DType::parse(dtype).unwrap() {
        DType::Bool => Values::Bool(items.iter().map(|v| v.as_bool().unwrap()).collect()),
        DType::UInt64 => Values::UInt64(items.iter().map(|v| v.as_u64().unwrap()).collect()),
        dtype if dtype.is_float() => Values::Float64(items.iter().map(float).collect()).cast(dtype).unwrap(),
        dtype => Values::Int64(items.iter().map(|v| v.as_i64().unwrap()).collect()).cast(dtype).unwrap(),
    }
}

/// Whether type and values are the same; floats within a few units in the last place unless the case is exact.
fn same(found: &Values, expected: &Values, exact: bool) -> bool {
    if found.dtype() != expected.dtype() || found.len() != expected.len() {
        return false;
    }
    if !found.dtype().is_float() {
        return found == expected;
    }
    let bound = match found.dtype() {
        _ if exact => 0.0,
        DType::Float32 => 8.0 * f64::from(f32::EPSILON),
        _ => 16.0 * f64::EPSILON,
    };
    found.to_f64().into_iter().zip(expected.to_f64()).all(|(a, b)| {
        let signs = a != 0.0 || !exact || a.is_sign_negative() == b.is_sign_negative();
        signs && (a == b || (a - b).abs() <= bound * b.abs().max(1e-3) || (a.is_nan() && b.is_nan()))
    })
}

#[test]
fn expressions_give_what_numpy_gives() {
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let columns: BTreeMap<String, Values> = expected["columns"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, c)| (name.clone(), values(c["dtype"].as_str().unwrap(), &c["values"])))
        .collect();
    let offsets: Vec<u32> =
        expected["offsets"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let rows = offsets[offsets.len() - 1] as usize;
    let column = |name: &str| columns.get(name);
    let mut wrong = Vec::new();
    for (level, at_least) in [("rows", 130), ("groups", 50)] {
        let cases = expected[level].as_array().unwrap();
        assert!(cases.len() >= at_least);
        for case in cases {
            let text = case["expression"].as_str().unwrap();
            let expression = Expression::parse(text).unwrap();
            assert_eq!(expression.is_rowwise(), level == "rows", "{text}");
            let found = if level == "rows" {
                expression.evaluate_rows(rows, &column)
            } else {
                expression.evaluate_groups(&offsets, &column)
            };
            let reference = values(case["dtype"].as_str().unwrap(), &case["values"]);
            let found = found.unwrap();
            if !same(&found, &reference, case["exact"].as_bool().unwrap()) {
                wrong.push(format!("{text}\n  numpy: {reference:?}\n  zagg:  {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A result of numpy: type and values, or the word "error".
fn compared(text: &str, found: crate::Result<Values>, reference: &Value, exact: bool) -> Option<String> {
    match (found, reference) {
        (Err(_), Value::String(_)) => None,
        (Ok(found), Value::Array(reference)) => {
            let reference = values(reference[0].as_str().unwrap(), &reference[1]);
            let fits = same(&found, &reference, exact);
            (!fits).then(|| format!("{text}\n  numpy: {reference:?}\n  zagg:  {found:?}"))
        }
        (found, reference) => Some(format!("{text}\n  numpy: {reference}\n  zagg:  {found:?}")),
    }
}

#[test]
fn every_operator_between_every_two_types_is_numpys_with_its_promotion_and_its_wrapping() {
    let expected: Value = serde_json::from_str(include_str!("expected.json")).unwrap();
    let edges: BTreeMap<&str, Values> = expected["edges"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(dtype, items)| (dtype.as_str(), values(dtype, items)))
        .collect();
    assert_eq!(edges.len(), DType::ALL.len());
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (key, reference) in expected["pairs"].as_object().unwrap() {
        let [shift, b, a, text] = key.rsplitn(4, '|').collect::<Vec<_>>()[..] else { panic!("{key}") };
        let shift: u32 = shift.parse().unwrap();
        let rolled: Vec<u32> = (0..5).map(|i| (i + 5 - shift) % 5).collect();
        let (a, b) = (&edges[a], edges[b].gather(&rolled));
        let column = |name: &str| Some(if name == "a" { a } else { &b });
        let found = Expression::parse(text).unwrap().evaluate_rows(5, &column);
        wrong.extend(compared(key, found, reference, !text.contains("**")));
        seen += 1;
    }
    for (key, reference) in expected["singles"].as_object().unwrap() {
        let (text, a) = key.rsplit_once('|').unwrap();
        let found = Expression::parse(text).unwrap().evaluate_rows(5, &|_| Some(&edges[a]));
        wrong.extend(compared(key, found, reference, !text.contains("sqrt")));
        seen += 1;
    }
    assert!(seen > 1700, "{seen}");
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
}
