//! States of any split merge to the whole, within the bounds that the statistics state.

use proptest::prelude::*;
use serde_json::{Value, json};
use zagg_core::Values;
use zagg_core::statistic::{Groups, Statistic};

use super::{make, reduce};

/// The value by way of states: folded in two runs, then in one.
fn merged(statistic: &dyn Statistic, columns: &[&Values], pieces: &[u32]) -> Vec<f64> {
    let mergeable = statistic.mergeable().unwrap();
    let n = pieces.len() as u32 - 1;
    let states = mergeable.partial(&Groups { offsets: pieces, columns }).unwrap();
    assert_eq!(states.len(), n as usize);
    let halves: Vec<u32> = if n > 1 { vec![0, n / 2, n] } else { vec![0, n] };
    let states = mergeable.merge(&states, &halves).unwrap();
    let states = mergeable.merge(&states, &[0, halves.len() as u32 - 1]).unwrap();
    mergeable.finish(&states).unwrap().values.to_f64()
}

fn params(function: &str) -> Value {
    match function.trim_start_matches("nan") {
        "average" => json!({"weights": "w"}),
        "argmin" | "argmax" => json!({"by": "w"}),
        "histogram" => json!({"bins": 20, "range": [-1e5, 1e5]}),
        _ => json!({}),
    }
}

const MERGEABLE: [&str; 30] = [
    "len",
    "count",
    "nancount",
    "sum",
    "nansum",
    "min",
    "nanmin",
    "max",
    "nanmax",
    "range",
    "nanrange",
    "mean",
    "nanmean",
    "average",
    "nanaverage",
    "var",
    "nanvar",
    "std",
    "nanstd",
    "skew",
    "nanskew",
    "kurtosis",
    "nankurtosis",
    "circular_mean",
    "nancircular_mean",
    "histogram",
    "argmin",
    "argmax",
    "nanargmin",
    "nanargmax",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn states_of_any_split_merge_to_the_whole(
        centre in -1e5f64..1e5,
        rows in proptest::collection::vec((-100.0f64..100.0, 0.01f64..10.0), 1..80),
        nan_every in 2usize..200,
        cuts in proptest::collection::vec(any::<bool>(), 80),
    ) {
        let n = rows.len() as u32;
        let plain: Vec<f64> = rows.iter().map(|r| centre + r.0).collect();
        let holes: Vec<f64> =
            plain.iter().enumerate().map(|(i, x)| if i % nan_every == 1 { f64::NAN } else { *x }).collect();
        let w = Values::Float64(rows.iter().map(|r| r.1).collect());
        let pieces: Vec<u32> =
            std::iter::once(0).chain((1..n).filter(|i| cuts[*i as usize])).chain([n]).collect();
        for function in MERGEABLE {
            let x = Values::Float64(if function.starts_with("nan") { holes.clone() } else { plain.clone() });
            let statistic = make(function, "x", params(function)).unwrap();
            let columns = [&x, &w];
            let columns = &columns[..statistic.inputs().len()];
            let whole = reduce(statistic.as_ref(), columns, &[0, n]);
            let merged = merged(statistic.as_ref(), columns, &pieces);
            prop_assert_eq!(whole.len(), merged.len());
            let unit = f64::from(n) * f64::EPSILON;
            let total: f64 = plain.iter().map(|x| x.abs()).sum();
            let spread = rows.iter().fold(0.0f64, |m, r| m.max(r.0.abs()));
            for (whole, merged) in whole.iter().zip(&merged) {
                let bound = match function.trim_start_matches("nan") {
                    "len" | "count" | "min" | "max" | "range" | "histogram" | "argmin" | "argmax" => 0.0,
                    "sum" => unit * total,
                    "mean" => unit * total / f64::from(n),
                    "average" => 4.0 * unit * (centre.abs() + 100.0),
                    // The angle of a sum of directions is known to its error over its length; the values to rounding.
                    "circular_mean" => 1e-7,
                    // Rows are known to the rounding of the centre, relative to their spread.
                    "skew" | "kurtosis" => 1e-9 + 1e-12 * (centre.abs() / spread.max(1e-3)).powi(2),
                    // The squares of numbers of this size are known to their rounding.
                    _ => 1e-9 * whole.abs().max(1e-6),
                };
                let same = (whole.is_nan() && merged.is_nan()) || (merged - whole).abs() <= bound;
                prop_assert!(same, "{function} of {plain:?} in {pieces:?}: {merged} is not {whole}");
            }
        }
    }

    /// Integers of any size: the sum is the exact one, however they are split.
    #[test]
    fn integer_sums_and_extremes_merge_exactly(
        x in proptest::collection::vec(any::<i64>().prop_map(|x| x / 128), 1..100),
        cuts in proptest::collection::vec(any::<bool>(), 100),
    ) {
        let n = x.len() as u32;
        let pieces: Vec<u32> =
            std::iter::once(0).chain((1..n).filter(|i| cuts[*i as usize])).chain([n]).collect();
        let column = Values::Int64(x.clone());
        for (function, expected) in [
            ("sum", x.iter().sum::<i64>()),
            ("min", *x.iter().min().unwrap()),
            ("max", *x.iter().max().unwrap()),
            ("range", x.iter().max().unwrap() - x.iter().min().unwrap()),
        ] {
            let mut request = super::request(function, "x", json!({}));
            request.source_dtype = Some(zagg_core::DType::Int64);
            let statistic = zagg_core::registry::Registry::linked().unwrap().statistic(&request).unwrap();
            let mergeable = statistic.mergeable().unwrap();
            let states = mergeable.partial(&Groups { offsets: &pieces, columns: &[&column] }).unwrap();
            let states = mergeable.merge(&states, &[0, pieces.len() as u32 - 1]).unwrap();
            prop_assert_eq!(mergeable.finish(&states).unwrap().values, Values::Int64(vec![expected]));
        }
    }
}
