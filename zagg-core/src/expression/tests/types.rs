//! What is known of types before there are values.

use crate::column::DType;
use crate::expression::Expression;

fn unknown(_: &str) -> Option<DType> {
    None
}

#[test]
fn types_of_results_follow_from_those_of_columns() {
    let known = |name: &str| match name {
        "f" => Some(DType::Float32),
        "d" => Some(DType::Float64),
        "i" => Some(DType::Int16),
        "u" => Some(DType::UInt64),
        _ => None,
    };
    for (text, dtype) in [
        ("f * 2", Some(DType::Float32)),
        ("f + d", Some(DType::Float64)),
        ("f + i", Some(DType::Float32)),
        ("i + u", Some(DType::Float64)),
        ("i / 2", Some(DType::Float64)),
        ("x / f", None),
        ("x / d", Some(DType::Float64)),
        ("x > f", Some(DType::Bool)),
        ("sqrt(2.0) * f", Some(DType::Float64)),
        ("sum(i)", Some(DType::Int64)),
        ("sum(x)", None),
        ("mean(x)", Some(DType::Float64)),
        ("min(f) - 1", Some(DType::Float32)),
        ("2", Some(DType::Int64)),
    ] {
        assert_eq!(Expression::parse(text).unwrap().check_types(&known).unwrap(), dtype, "{text}");
    }
}

#[test]
fn what_no_type_can_do_is_refused_without_values() {
    let fault = |text: &str| {
        let expression = Expression::parse(text).unwrap();
        expression.check_types(&unknown).unwrap_err().report()
    };
    assert!(fault("x + ~(y * 1.5)").ends_with("not float32 at column 5\n  x + ~(y * 1.5)\n      ^"));
    assert!(fault("-(x > 0)").contains("a condition has no sign"));
    assert!(fault("(x > 0) - (y > 0)").contains("compare them with !="));
    // Of a column of unknown type nothing is certain: these may be conditions.
    for text in ["~x", "x & y", "(-x > 0) & y", "x - y"] {
        assert!(Expression::parse(text).unwrap().check_types(&unknown).is_ok(), "{text}");
    }
}

#[test]
fn a_filter_must_be_a_condition() {
    let check = |text: &str| Expression::parse(text).unwrap().check_condition(&unknown);
    for text in
        ["x > 0", "(x > 0) & (y < 1)", "~(x == y)", "isnan(x) | flag", "flag", "True", "(-x > 0) & flag"]
    {
        assert!(check(text).is_ok(), "{text}");
    }
    assert_eq!(
        check("x / y").unwrap_err().report(),
        "expression \"x / y\": gives a number, but a condition is needed, such as a > 0 at column 3\n  x / y\n    ^"
    );
    assert!(check("sqrt(x)").unwrap_err().to_string().contains("gives a number"));
    assert!(check("1").unwrap_err().to_string().contains("gives a int64"));
    let float = |_: &str| Some(DType::Float32);
    assert!(
        Expression::parse("flag")
            .unwrap()
            .check_condition(&float)
            .unwrap_err()
            .to_string()
            .contains("a float32")
    );
}
