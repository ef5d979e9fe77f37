//! Expressions in whole runs: derived columns wherever a column may stand, values at the edges of types, and faults.

use zagg_atl06::synthetic::FILL;
use zagg_core::store::StoreState;

use crate::filters::{chosen, refused};
use crate::support::{Job, crossing, grid_of, pipeline, preset, table};

#[test]
fn a_derived_column_stands_wherever_a_column_may() {
    let plain = "
aggregation:
  variables:
    w_mean: {function: average, source: h_li, params: {weights: \"1.0 / s_li**2\"}}
    low: {expression: \"min(h_li - 3 * s_li)\"}
    spread: {expression: \"max(h_li - (h_li - 3 * s_li))\"}
";
    let derived = "
data_source:
  derived:
    margin: 3 * s_li
    bottom: h_li - margin
    weight: \"1.0 / s_li**2\"
aggregation:
  variables:
    h_mean: {function: average, source: h_li, params: {weights: weight}}
    h_sigma: {expression: \"1.0 / sqrt(sum(weight))\"}
    w_mean: {function: average, source: h_li, params: {weights: \"weight * 1\"}}
    low: {function: min, source: bottom}
    spread: {expression: \"max(h_li - bottom)\"}
";
    let specs = crossing(5000);
    let (_, expected) = Job::atl06(pipeline(&[preset(), plain]), &specs).run_in_memory();
    let (summary, found) = Job::atl06(pipeline(&[preset(), derived]), &specs).run_in_memory();
    assert_eq!(summary.state, StoreState::Complete);
    let (expected, found) = (table(&expected), table(&found));
    assert!(expected.cells.len() > 100);
    for (id, values) in &expected.cells {
        for (name, want) in expected.names.iter().zip(values) {
            let got = found.cells[id][found.column(name)];
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "cell {id}: {name} {got} {want}"
            );
        }
    }
}

#[test]
fn a_derived_column_misses_a_value_where_an_input_does() {
    let layer = "
data_source:
  quality_filter: null
  derived:
    twice: 2 * h_li
    constant: 0 * twice + 1
aggregation:
  variables:
    whole: {function: count, source: constant, dtype: int32, fill_value: -1}
    ones: {expression: sum(constant), dtype: int32, fill_value: -1}
";
    let specs = crossing(3000);
    let pipeline = pipeline(&[preset(), layer]);
    let cells = chosen(&specs, &*grid_of(&pipeline), |_, _| true);
    let (_, store) = Job::atl06(pipeline, &specs).run_in_memory();
    let got = table(&store);
    let mut missing = 0;
    for (id, heights) in &cells {
        let whole = heights.iter().filter(|h| **h != FILL).count();
        missing += heights.len() - whole;
        let expected = if whole == 0 { -1.0 } else { whole as f64 };
        for name in ["whole", "ones"] {
            assert_eq!(got.cells[id][got.column(name)], expected, "cell {id}: {name}");
        }
        assert_eq!(got.cells[id][got.column("count")], heights.len() as f64);
    }
    assert!(missing > 100, "{missing}");
}

#[test]
fn faults_of_derived_columns_are_found_before_anything_runs() {
    let derived = |text: &str| refused(&format!("data_source:\n  derived:\n    {text}\n")).report();
    for (text, report) in [
        (
            "slope: h_lj * 2",
            "p.yaml:3: data_source.derived.slope: expression \"h_lj * 2\": there is no column \"h_lj\"; did you mean \
             \"h_li\"?; there are: h_li, s_li\n  h_lj * 2\n  ^",
        ),
        (
            "slope: h_li * slope",
            "p.yaml:3: data_source.derived.slope: refers to itself, slope; a derived column takes variables and derived \
             columns before it",
        ),
        (
            "{a: h_li + b, b: s_li}",
            "p.yaml:2: data_source.derived.a: refers to a column that is derived after it, b; a derived column takes \
             variables and derived columns before it",
        ),
        (
            "h_li: s_li + 1",
            "p.yaml:3: data_source.derived.h_li: there is a column h_li already; choose another name",
        ),
        (
            "latitude: s_li + 1",
            "p.yaml:3: data_source.derived.latitude: there is a column latitude already; choose another name",
        ),
        (
            "h-m: s_li + 1",
            "p.yaml:3: data_source.derived.h-m: a column's name is letters, digits and _, and does not begin with a digit",
        ),
        ("a: 3", "p.yaml:3: data_source.derived.a: must be an expression, not 3"),
        (
            "a: h_li - mean(h_li)",
            "p.yaml:3: data_source.derived.a: expression \"h_li - mean(h_li)\" holds a reduction, but one value per row \
             is needed\n  h_li - mean(h_li)\n         ^",
        ),
        (
            "a: \"~(h_li * 1.5)\"",
            "p.yaml:3: data_source.derived.a: expression \"~(h_li * 1.5)\": ~ needs a condition or integers, not float32 \
             at column 1\n  ~(h_li * 1.5)\n  ^",
        ),
    ] {
        assert_eq!(derived(text), report);
    }
    assert_eq!(
        refused("data_source:\n  derived: [a]\n").to_string(),
        "p.yaml:2: data_source.derived: must be a mapping of names to expressions"
    );
    let other = "data_source: {derived: {slope: h_li}}\naggregation:\n  variables:\n    v: {function: mean, source: slop}\n";
    assert!(refused(other).to_string().contains("did you mean \"slope\"?"), "{}", refused(other));
}

#[test]
fn derived_columns_are_part_of_what_identifies_a_pipeline() {
    let hash = |derived: &str| pipeline(&[preset(), &format!("data_source: {{derived: {derived}}}")]).hash();
    assert_ne!(hash("{a: h_li}"), hash("{}"));
    assert_ne!(hash("{a: h_li}"), hash("{a: h_li + 0}"));
    assert_eq!(hash("{a: h_li, b: s_li}"), hash("{b: s_li, a: h_li}"));
}

#[test]
fn variables_are_checked_before_anything_runs() {
    let variable = |text: &str| {
        refused(&format!("aggregation:\n  variables:\n    v: {{expression: \"{text}\"}}\n")).report()
    };
    assert_eq!(
        variable("mean(h_li) & 1"),
        "p.yaml:3: aggregation.variables.v: expression \"mean(h_li) & 1\": & and | need conditions or integers, not \
         float64; put comparisons in parentheses at column 12\n  mean(h_li) & 1\n             ^"
    );
    assert_eq!(
        variable("h_li + 1"),
        "p.yaml:3: aggregation.variables.v: expression \"h_li + 1\" gives one value per row; use a reduction such as \
         mean(...)\n  h_li + 1\n       ^"
    );
    assert_eq!(
        variable("histogram(h_li)[0]"),
        "p.yaml:3: aggregation.variables.v: expression \"histogram(h_li)[0]\": indexing is not supported at column \
         16\n  histogram(h_li)[0]\n                 ^"
    );
    let fill =
        refused("aggregation:\n  variables:\n    v: {expression: sum(h_li), dtype: uint8, fill_value: -1}\n");
    assert_eq!(
        fill.to_string(),
        "p.yaml:3: aggregation.variables.v.fill_value: the value -1 does not fit the type uint8"
    );
    let none = refused("aggregation:\n  variables:\n    v: {expression: sum(h_li), dtype: uint8}\n");
    assert_eq!(
        none.to_string(),
        "p.yaml:3: aggregation.variables.v.fill_value: is needed: uint8 has no NaN to mark empty cells with"
    );
    let bomb = format!("mean(h_li + (1{}))", "+1".repeat(600));
    assert!(variable(&bomb).contains("the expression has more than 1024 operations"));
    assert!(
        variable(&format!("{}h_li{}", "(".repeat(80), ")".repeat(80)))
            .contains("nested deeper than 64 levels")
    );
    assert!(variable(&"1".repeat(5000)).contains("the text is longer than 4096 bytes"));
}

/// The values of variables at the edges, and the reasons for which shards fail.
#[test]
fn edges_of_types_are_values_or_clear_errors() {
    let run = |variable: &str| {
        let layer = format!(
            "data_source:\n  variables:\n    id: \"/{{group}}/land_ice_segments/segment_id\"\n    \
             q: \"/{{group}}/land_ice_segments/atl06_quality_summary\"\naggregation:\n  variables:\n    v: {variable}\n"
        );
        let (summary, store) = Job::atl06(pipeline(&[preset(), &layer]), &crossing(600)).run_in_memory();
        let got = (summary.shards_failed == 0).then(|| table(&store));
        let values =
            got.map(|got| got.cells.values().map(|cell| cell[got.column("v")]).collect::<Vec<f64>>());
        (values.unwrap_or_default(), summary.failures.first().map(|failure| failure.1.clone()))
    };
    // q is int8 and 0 in every row that the preset's filter keeps.
    let all = |(values, failure): (Vec<f64>, Option<String>), expected: f64| {
        assert_eq!(failure, None);
        assert!(!values.is_empty());
        for value in values {
            assert!(value == expected || value.is_nan() && expected.is_nan(), "{value} {expected}");
        }
    };
    // Division by zero: floats follow IEEE 754, // and % of integers give 0.
    all(run("{expression: max(1 / q)}"), f64::INFINITY);
    all(run("{expression: max(q / q)}"), f64::NAN);
    all(run("{expression: max(1 // q), dtype: int8, fill_value: 9}"), 0.0);
    all(run("{expression: max(7 % q), dtype: int8, fill_value: 9}"), 0.0);
    // Integers wrap in their own type, as in numpy.
    all(run("{expression: max((q + 100) * 2), dtype: int16, fill_value: 0}"), -56.0);
    all(run("{expression: max((int16(q) + 100) * 2), dtype: int16, fill_value: 0}"), 200.0);
    let fails = |variable: &str, reason: &str| {
        let (_, failure) = run(variable);
        let failure = failure.unwrap_or_else(|| panic!("{variable} does not fail"));
        assert!(failure.contains(reason), "{failure}");
        assert!(!failure.contains('\n'), "{failure}");
    };
    // Nothing is cut off on the way into an integer array.
    let hint = "; give the variable a float dtype or a wider integer";
    fails(
        "{expression: max(1 / q), dtype: int32, fill_value: 0}",
        &format!("the value inf does not fit the type int32{hint}"),
    );
    fails(
        "{expression: max(q / q), dtype: int32, fill_value: 0}",
        &format!("the value NaN does not fit the type int32{hint}"),
    );
    fails("{expression: max(id), dtype: int8, fill_value: 0}", "does not fit the type int8");
    fails("{expression: mean(id) / 7 + 0.123, dtype: int32, fill_value: 0}", "does not fit the type int32");
    fails(
        "{expression: sum(id + 9223372036854000000), dtype: int64, fill_value: 0}",
        "does not fit the type int32",
    );
    fails(
        "{expression: sum(int64(id) + 9223372036854000000) + sum(int64(id) + 9223372036854000000), dtype: int64, fill_value: 0}",
        "a sum of int64 values exceeds 64 bits; sum float64(...) instead",
    );
    fails("{expression: max(2 ** (q - 1)), dtype: int64, fill_value: 0}", "integers have no negative powers");
}
