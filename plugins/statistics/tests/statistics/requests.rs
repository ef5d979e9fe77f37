//! Requests that make no sense are refused, with what to write instead.

use serde_json::json;
use zagg_core::registry::Registry;
use zagg_core::statistic::VariableKind;

use super::{ALL, make, needed, request};

#[test]
fn parameters_that_make_no_sense_are_refused() {
    const Q: &str = "a number from 0 to 1, or a list of such numbers";
    const WHOLE: &str = "a whole number, 0 or greater";
    for (function, source, params, message) in [
        ("mean", "", json!({}), "mean needs a source; name the column it is applied to".to_string()),
        ("count", " ", json!({}), "count needs a source; name the column it is applied to".into()),
        ("mean", "x", json!({"q": 1}), "mean has no parameter params.q; it takes none".into()),
        (
            "var",
            "x",
            json!({"dof": 1}),
            "var has no parameter params.dof; did you mean \"ddof\"?; it takes ddof".into(),
        ),
        ("var", "x", json!({"ddof": -1}), format!("params.ddof of var must be {WHOLE}, not -1")),
        ("std", "x", json!({"ddof": 0.5}), format!("params.ddof of std must be {WHOLE}, not 0.5")),
        (
            "var",
            "x",
            json!({"ddof": "1"}),
            format!("params.ddof of var must be {WHOLE}, not \"1\"; write the number without quotes"),
        ),
        ("quantile", "x", json!({}), "quantile needs params.q, a number from 0 to 1".into()),
        (
            "quantile",
            "x",
            json!({"q": "0.5"}),
            format!("params.q of quantile must be {Q}, not \"0.5\"; write the number without quotes"),
        ),
        (
            "nanquantile",
            "x",
            json!({"q": [0.5, 1.5]}),
            format!("params.q of nanquantile must be {Q}, not 1.5"),
        ),
        ("quantile", "x", json!({"q": []}), format!("params.q of quantile must be {Q}, not []")),
        (
            "average",
            "x",
            json!({"weights": 2}),
            "params.weights of average must be a column or an expression, not 2".into(),
        ),
        (
            "average",
            "x",
            json!({"weights": "sum(w)"}),
            "params.weights must give one value per row, \"sum(w)\" does not".into(),
        ),
        (
            "average",
            "x",
            json!({"weights": "2"}),
            "params.weights must give one value per row, \"2\" does not".into(),
        ),
        (
            "weighted_quantile",
            "x",
            json!({"q": 0.5}),
            "weighted_quantile needs params.weights, a column or an expression".into(),
        ),
        ("argmax", "x", json!({}), "argmax needs params.by, a column or an expression".into()),
        ("argmax", "x", json!({"of": "y"}), "argmax has no parameter params.of; it takes by".into()),
        (
            "circular_mean",
            "x",
            json!({"unit": "degree"}),
            "params.unit of circular_mean must be degrees or radians, not \"degree\"".into(),
        ),
        (
            "circular_mean",
            "x",
            json!({"unit": "degrees", "period": 24}),
            "give params.unit or params.period of circular_mean, not both".into(),
        ),
        (
            "circular_mean",
            "x",
            json!({"period": 0}),
            "params.period of circular_mean must be a number above 0, not 0".into(),
        ),
        (
            "histogram",
            "x",
            json!({}),
            "histogram needs params.bins: a list of edges, or a number of bins with params.range".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": [1, 1]}),
            "params.bins must be 2 to 65537 edges, each greater than the one before; 2 are given".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": 4}),
            "a number of bins needs params.range, the two outer edges".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": 4, "range": [3, 1]}),
            "params.range of histogram must be two numbers, the lesser one first, not [3,1]".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": 100_000, "range": [0, 1]}),
            "params.bins of histogram must be a whole number from 1 to 65536, not 100000".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": [0, 1], "range": [0, 1]}),
            "params.range belongs to a number of bins; params.bins lists the edges already".into(),
        ),
        (
            "histogram",
            "x",
            json!({"bins": 9, "range": [1, 1.000_000_000_000_000_2]}),
            "9 bins from 1 to 1.0000000000000002 are narrower than float64 can tell apart".into(),
        ),
        (
            "tdigest",
            "x",
            json!({"delta": 0}),
            "params.delta of tdigest must be a whole number from 1 to 32768, not 0".into(),
        ),
    ] {
        let error = make(function, source, params).unwrap_err().to_string();
        assert_eq!(error, format!("variable \"h\": {message}"));
    }
    let error = make("average", "x", json!({"weights": "1.0 /"})).unwrap_err().to_string();
    assert!(error.starts_with("variable \"h\": params.weights: expression \"1.0 /\""), "{error}");
    let error = make("kurtois", "x", json!({})).unwrap_err().to_string();
    assert!(error.contains("did you mean \"kurtosis\"?"), "{error}");
}

#[test]
fn no_statistic_takes_a_parameter_that_it_does_not_know() {
    for function in ALL {
        let mut params = needed(function);
        params["nonsense"] = json!(1);
        let error = make(function, "x", params).unwrap_err().to_string();
        assert!(error.contains(&format!("{function} has no parameter params.nonsense")), "{error}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_the_right_one() {
    use VariableKind::{Ragged, Scalar, Vector};
    const DIGEST: &str = "tdigest gives lists of [mean, weight]; write kind: ragged and inner_shape: [2], or, for cells of \
                          one size, kind: vector and trailing_shape:";
    let registry = Registry::linked().unwrap();
    let scalar = "mean gives one number for a cell; leave kind, trailing_shape and inner_shape out";
    let vector =
        "quantile gives an array of shape [2] for a cell here; write kind: vector and trailing_shape: [2]";
    let bins =
        "histogram gives an array of shape [3] for a cell here; write kind: vector and trailing_shape: [3]";
    let digest = format!("{DIGEST} [1023, 2]");
    let small = "a digest with delta 16 has up to 31 centroids; write trailing_shape: [31, 2], or params.delta: 15 or less";
    let q = json!({"q": [0.1, 0.2]});
    let edges = json!({"bins": [0, 1, 2, 3]});
    for (function, params, kind, shape, message) in [
        ("mean", json!({}), Vector, Some(vec![3]), scalar),
        ("mean", json!({}), Vector, None, scalar),
        ("mean", json!({}), Ragged, None, scalar),
        ("quantile", q.clone(), Scalar, None, vector),
        ("quantile", q.clone(), Vector, Some(vec![3]), vector),
        ("quantile", q.clone(), Ragged, Some(vec![2]), vector),
        ("histogram", edges.clone(), Scalar, None, bins),
        ("histogram", edges.clone(), Vector, Some(vec![4]), bins),
        ("tdigest", json!({}), Scalar, None, &digest),
        ("tdigest", json!({}), Ragged, Some(vec![3]), &digest),
        ("tdigest", json!({}), Vector, Some(vec![3]), &digest),
        ("tdigest", json!({"delta": 16}), Vector, Some(vec![30, 2]), small),
    ] {
        let mut request = request(function, "x", params);
        (request.kind, request.shape) = (kind, shape);
        let error = registry.statistic(&request).unwrap_err().to_string();
        assert_eq!(error, format!("variable \"h\": {message}"));
    }
    for (function, params, kind, shape) in [
        ("quantile", q, Vector, Some(vec![2])),
        ("histogram", edges, Vector, None),
        ("tdigest", json!({"delta": 16}), Ragged, Some(vec![2])),
        ("tdigest", json!({"delta": 16}), Vector, Some(vec![31, 2])),
        ("tdigest", json!({}), Vector, Some(vec![1, 2])),
    ] {
        let mut request = request(function, "x", params);
        (request.kind, request.shape) = (kind, shape.clone());
        let output = registry.statistic(&request).unwrap().output();
        assert_eq!(VariableKind::of(&output.shape), kind, "{function} {shape:?}");
    }
}
