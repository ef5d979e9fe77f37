//! The t-digest against the Python zagg, from `digests.json`, and its error bounds.

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::Values;
use zagg_core::registry::Registry;
use zagg_core::statistic::{Groups, States, VariableKind};

use super::{Numbers, make, request};

fn centroids(digest: &Value) -> Vec<f64> {
    digest
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|c| c.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()))
        .collect()
}

/// The original keeps means in float32.
fn assert_same(found: &[f64], original: &[f64], what: &str) {
    assert_eq!(found.len(), original.len(), "{what}");
    for (found, original) in found.chunks(2).zip(original.chunks(2)) {
        assert_eq!(found[1], original[1], "{what}");
        assert!(
            (found[0] - original[0]).abs() <= 1e-7 * original[0].abs(),
            "{what}: {found:?}, {original:?}"
        );
    }
}

#[test]
fn digests_are_those_of_the_original() {
    let cases: Value = serde_json::from_str(include_str!("../digests.json")).unwrap();
    for case in cases["builds"].as_array().unwrap() {
        let (n, delta) = (case["n"].as_u64().unwrap(), &case["delta"]);
        let mut numbers = Numbers(case["seed"].as_u64().unwrap());
        let x = Values::Float64((0..n).map(|_| (numbers.next() % 100_000) as f64 / 8.0).collect());
        let statistic = make("tdigest", "x", json!({"delta": delta})).unwrap();
        let found = statistic.reduce(&Groups { offsets: &[0, n as u32], columns: &[&x] }).unwrap();
        let original = centroids(&case["digest"]);
        assert_same(&found.values.to_f64(), &original, &format!("{n} values, delta {delta}"));
        assert_eq!(found.offsets, Some(vec![0, original.len() as u64 / 2]));
    }
    for case in cases["merges"].as_array().unwrap() {
        let mut states = States::default();
        states.push(&centroids(&case["first"]));
        states.push(&centroids(&case["second"]));
        let statistic = make("tdigest", "x", json!({"delta": case["delta"]})).unwrap();
        let merged = statistic.mergeable().unwrap().merge(&states, &[0, 2]).unwrap();
        assert_same(merged.state(0), &centroids(&case["digest"]), "a merge");
    }
}

#[test]
fn values_that_are_no_numbers_are_left_out() {
    let x = Values::Float32(vec![f32::NAN, 2.0, f32::INFINITY, 1.0, f32::NEG_INFINITY, f32::NAN, f32::NAN]);
    let ragged = make("tdigest", "x", json!({})).unwrap();
    let groups = Groups { offsets: &[0, 5, 7], columns: &[&x] };
    let found = ragged.reduce(&groups).unwrap();
    assert_eq!(found.values, Values::Float64(vec![1.0, 1.0, 2.0, 1.0]));
    assert_eq!(found.offsets, Some(vec![0, 2, 2]));
    let mut fixed = request("tdigest", "x", json!({}));
    (fixed.kind, fixed.shape) = (VariableKind::Vector, Some(vec![3, 2]));
    let fixed = Registry::linked().unwrap().statistic(&fixed).unwrap();
    let found = fixed.reduce(&groups).unwrap();
    let values = found.values.to_f64();
    assert_eq!(values[..4], [1.0, 1.0, 2.0, 1.0]);
    assert!(values[4].is_nan() && values[6].is_nan() && found.offsets.is_none());
    assert_eq!((values[5], values[7], values.len()), (0.0, 0.0, 12));
}

/// The share of the values below `x` according to a digest: half of a centroid lies below its mean.
fn rank(digest: &[f64], x: f64) -> f64 {
    let total: f64 = digest.chunks(2).map(|c| c[1]).sum();
    let below: f64 = digest
        .chunks(2)
        .map(|c| {
            if c[0] < x {
                c[1]
            } else if c[0] == x {
                c[1] / 2.0
            } else {
                0.0
            }
        })
        .sum();
    below / total
}

/// The greatest error of a rank, over places between the values.
fn error(digest: &[f64], sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    let places = (1..sorted.len()).filter(|i| sorted[i - 1] < sorted[*i]);
    places.fold(0.0, |worst: f64, i| {
        let between = sorted[i - 1] / 2.0 + sorted[i] / 2.0;
        worst.max((rank(digest, between) - i as f64 / n).abs())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn ranks_are_within_the_stated_error(
        delta in 5u32..200,
        mut x in prop_oneof![
            proptest::collection::vec(-1e3f64..1e3, 1..2000),
            proptest::collection::vec((0u8..20).prop_map(f64::from), 1..500),
            proptest::collection::vec((-30f64..30.0).prop_map(f64::exp), 1..2000),
        ],
        cuts in proptest::collection::vec(0usize..2000, 0..12),
    ) {
        let n = x.len();
        let mut pieces: Vec<u32> = cuts.iter().map(|cut| (cut % n) as u32).chain([0, n as u32]).collect();
        pieces.sort_unstable();
        pieces.dedup();
        let column = Values::Float64(x.clone());
        let statistic = make("tdigest", "x", json!({"delta": delta})).unwrap();
        let mergeable = statistic.mergeable().unwrap();
        let whole = statistic.reduce(&Groups { offsets: &[0, n as u32], columns: &[&column] }).unwrap().values.to_f64();
        let states = mergeable.partial(&Groups { offsets: &pieces, columns: &[&column] }).unwrap();
        let runs = pieces.len() as u32 - 1;
        let merged = mergeable.merge(&states, &[0, runs]).unwrap();
        let merged = merged.state(0);
        x.sort_unstable_by(f64::total_cmp);
        // The share of the values that one centroid may hold; one value alone always may.
        let span = (std::f64::consts::PI / (2.0 * f64::from(delta))).sin().max(1.0 / n as f64);
        for (digest, times) in [(&whole[..], 1.0), (merged, 2.0)] {
            prop_assert!(digest.len() / 2 < 2 * delta as usize);
            prop_assert_eq!(digest.chunks(2).map(|c| c[1]).sum::<f64>(), n as f64);
            prop_assert!(digest.chunks(2).is_sorted_by(|a, b| a[0] <= b[0]));
            prop_assert!(digest[0] >= x[0] && digest[digest.len() - 2] <= x[n - 1]);
            let error = error(digest, &x);
            prop_assert!(error <= times * span + 1e-9, "{error} with delta {delta}, {n} values, {runs} states");
        }
    }
}
