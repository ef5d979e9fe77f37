use serde_json::json;

use super::*;
use crate::column::DType;

fn section(filters: Value) -> Map<String, Value> {
    Map::from_iter([("filters".to_string(), filters)])
}

fn refused(filter: &Value) -> String {
    column_filters(&section(json!([filter]))).unwrap_err()
}

/// Which values of a column pass a filter.
fn kept(filter: &Value, column: &Column) -> Vec<bool> {
    let filters = column_filters(&section(json!([filter]))).unwrap();
    let mut keep = vec![true; column.len()];
    filters[0].apply(column, &mut keep);
    keep
}

#[test]
fn every_operator_keeps_what_it_says_and_drops_the_rest_when_asked() {
    let values = [1.0, 2.0, 3.0, f64::NAN];
    for (filter, expected) in [
        (json!({"op": "eq", "value": 2}), [false, true, false, false]),
        (json!({"op": "ne", "value": 2}), [true, false, true, true]),
        (json!({"op": "ge", "value": 2}), [false, true, true, false]),
        (json!({"op": "le", "value": 2}), [true, true, false, false]),
        (json!({"op": "lt", "value": 2}), [true, false, false, false]),
        (json!({"op": "gt", "value": 2}), [false, false, true, false]),
        (json!({"op": "in", "values": [1, 3.0]}), [true, false, true, false]),
        (json!({"op": "not_in", "values": [1, 3]}), [false, true, false, true]),
    ] {
        for (keep, expected) in [(true, expected), (false, expected.map(|passes| !passes))] {
            let mut filter = filter.clone();
            filter["dataset"] = "q".into();
            filter["keep"] = keep.into();
            for dtype in [DType::Float64, DType::Float32] {
                let column = Values::Float64(values.to_vec()).cast(dtype).unwrap();
                assert_eq!(kept(&filter, &Column::complete(column)), expected, "{filter} {dtype}");
            }
            for dtype in DType::ALL.into_iter().filter(|t| !t.is_float() && *t != DType::Bool) {
                let column = Values::Float64(values[..3].to_vec()).cast(dtype).unwrap();
                assert_eq!(kept(&filter, &Column::complete(column)), expected[..3], "{filter} {dtype}");
            }
        }
    }
}

#[test]
fn a_missing_value_is_dropped_whatever_the_test() {
    for keep in [true, false] {
        let column =
            Column { values: Values::Int8(vec![1, 1, 2, 2]), missing: Some(vec![true, false, true, false]) };
        let filter = json!({"dataset": "q", "op": "eq", "value": 1, "keep": keep});
        assert_eq!(kept(&filter, &column), [false, keep, false, !keep]);
    }
}

#[test]
fn constants_take_the_type_of_the_column() {
    let filter = |value: Value| json!({"dataset": "q", "op": "eq", "value": value});
    // A shot number of GEDI has 60 bits; the float next to it is that of 30 others.
    let shots = vec![191_340_500_100_122_881u64, 191_340_500_100_122_880];
    assert_eq!(kept(&filter(shots[0].into()), &Column::complete(Values::UInt64(shots))), [true, false]);
    let big = vec![u64::MAX, u64::MAX - 1];
    assert_eq!(kept(&filter(u64::MAX.into()), &Column::complete(Values::UInt64(big))), [true, false]);
    let signed = Values::Int64(vec![-1, i64::MAX]);
    assert_eq!(kept(&filter(u64::MAX.into()), &Column::complete(signed)), [false, false]);
    assert_eq!(kept(&filter(json!(0.1)), &Column::complete(Values::Float32(vec![0.1, 0.2]))), [true, false]);
    assert_eq!(kept(&filter(json!(300)), &Column::complete(Values::UInt8(vec![44]))), [false]);
    let half = json!({"dataset": "q", "op": "gt", "value": 0.5});
    assert_eq!(kept(&half, &Column::complete(Values::Int64(vec![0, 1]))), [false, true]);
    assert_eq!(kept(&filter(json!(1)), &Column::complete(Values::Bool(vec![true, false]))), [true, false]);
}

#[test]
fn columns_are_named_by_dataset_column_and_level() {
    let filters = json!([
        {"dataset": "/{group}/a", "op": "eq", "value": 0},
        {"dataset": "/{group}/a", "op": "eq", "value": 0, "column": 3},
        {"dataset": "/{group}/a", "op": "eq", "value": 0, "level": "shots"},
        {"expression": "x > 0"},
        {"dataset": "/{group}/a", "op": "eq", "value": 0, "level": "shots", "column": 0},
    ]);
    let names: Vec<String> =
        column_filters(&section(filters)).unwrap().iter().map(ColumnFilter::column_name).collect();
    assert_eq!(names, ["/{group}/a", "/{group}/a[3]", "/{group}/a@shots", "/{group}/a[0]@shots"]);
}

#[test]
fn a_list_stands_instead_of_the_single_filter() {
    let mut both = section(json!([{"dataset": "b", "op": "lt", "value": 3}]));
    both.insert("quality_filter".into(), json!({"dataset": "a", "value": 0}));
    let names = |section: &Map<String, Value>| -> Vec<String> {
        column_filters(section).unwrap().into_iter().map(|filter| filter.dataset).collect()
    };
    assert_eq!(names(&both), ["b"]);
    both.insert("filters".into(), Value::Null);
    assert_eq!(names(&both), ["a"]);
    both.shift_remove("quality_filter");
    assert_eq!(names(&both), Vec::<String>::new());
}

#[test]
fn faults_say_which_filter_and_why() {
    for (filter, message) in [
        (json!("q == 0"), "must be a mapping with dataset, op and value, or with expression"),
        (json!({"op": "eq", "value": 0}), "needs dataset, the path of a dataset"),
        (json!({"dataset": "q", "value": 0}), "needs op, one of eq, ne, ge, le, lt, gt, in, not_in"),
        (
            json!({"dataset": "q", "op": "==", "value": 0}),
            "needs op, one of eq, ne, ge, le, lt, gt, in, not_in",
        ),
        (json!({"dataset": "q", "op": "eq"}), "needs value, a number"),
        (json!({"dataset": "q", "op": "eq", "value": true}), "must compare with numbers, not true"),
        (json!({"dataset": "q", "op": "eq", "value": "0"}), "must compare with numbers, not \"0\""),
        (json!({"dataset": "q", "op": "eq", "value": 0, "values": [1]}), "values does not go with eq"),
        (json!({"dataset": "q", "op": "in", "value": 0}), "needs values, a list of numbers"),
        (json!({"dataset": "q", "op": "in", "values": []}), "needs values, a list of numbers"),
        (json!({"dataset": "q", "op": "in", "values": [1], "value": 0}), "value does not go with in"),
        (json!({"dataset": "q", "op": "in", "values": ["a"]}), "must compare with numbers, not \"a\""),
        (
            json!({"dataset": "q", "op": "eq", "value": 0, "column": -1}),
            "column must be a whole number from 0, not -1",
        ),
        (
            json!({"dataset": "q", "op": "eq", "value": 0, "level": 3}),
            "level must be the name of a level, not 3",
        ),
        (json!({"dataset": "q", "op": "eq", "value": 0, "keep": 1}), "keep must be true or false, not 1"),
        (
            json!({"dataset": "q", "op": "eq", "value": 0, "levl": "a"}),
            "unknown key \"levl\"; did you mean \"level\"?; known here: dataset, op, value, values, column, level, keep",
        ),
        (json!({"expression": 3}), "expression must be text, not 3"),
        (
            json!({"expression": "x > 0", "keep": false}),
            "keep does not go with expression; negate the condition with ~(…)",
        ),
        (
            json!({"expression": "x > 0", "level": "shots"}),
            "expression stands alone; it concerns rows, of variables and derived columns",
        ),
    ] {
        assert_eq!(refused(&filter), format!("filters: filter 1: {message}"));
    }
    let single =
        |value: Value| column_filters(&Map::from_iter([("quality_filter".to_string(), value)])).unwrap_err();
    assert_eq!(single(json!([])), "quality_filter: must be a mapping with dataset and value");
    assert!(single(json!({"dataset": "q", "value": 0, "op": "eq"})).contains("unknown key \"op\""));
    assert_eq!(single(json!({"dataset": "q"})), "quality_filter: needs value, the value to keep");
    assert_eq!(column_filters(&section(json!(3))).unwrap_err(), "filters: must be a list");
}
