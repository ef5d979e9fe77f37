//! The rules of the conformance suite, and columns that do not fit.

use zagg_core::statistic::{Groups, States};
use zagg_core::{DType, Values, conformance};

use super::{ALL, make, needed};

/// What merged digests keep of the whole: number of values, extremes within the first and last centroid, mean.
fn digests_agree(merged: &[f64], whole: &[f64]) -> bool {
    let total = |digest: &[f64]| digest.chunks(2).map(|c| c[1]).sum::<f64>();
    let mean = |digest: &[f64]| digest.chunks(2).map(|c| c[0] * c[1]).sum::<f64>() / total(digest);
    total(merged) == total(whole) && (mean(merged) - mean(whole)).abs() < 1e-9
}

#[test]
fn every_statistic_conforms_over_every_type() {
    for function in ALL {
        for dtype in DType::ALL {
            // Truth values have no difference.
            if function.ends_with("range") && dtype == DType::Bool {
                continue;
            }
            let statistic = make(function, "x", needed(function)).unwrap();
            let conforms = match function {
                "tdigest" => conformance::sketch(statistic.as_ref(), dtype, &digests_agree),
                _ => conformance::statistic(statistic.as_ref(), dtype),
            };
            assert_eq!(conforms, Ok(()), "{function}");
        }
    }
}

#[test]
fn columns_that_are_not_there_or_do_not_fit_are_errors() {
    let short = Values::Float32(vec![1.0]);
    for function in ALL.into_iter().filter(|f| !matches!(*f, "len" | "count")) {
        let statistic = make(function, "x", needed(function)).unwrap();
        assert!(statistic.reduce(&Groups { offsets: &[0, 1], columns: &[] }).is_err(), "{function}");
        let columns = vec![&short; statistic.inputs().len()];
        assert!(statistic.reduce(&Groups { offsets: &[0, 2], columns: &columns }).is_err(), "{function}");
        if let Some(mergeable) = statistic.mergeable() {
            assert!(mergeable.merge(&States::default(), &[0, 1]).is_err());
            assert!(mergeable.finish(&States::fixed(7, vec![1.0; 7])).is_err(), "{function}");
        }
    }
}

#[test]
fn no_groups_give_no_values() {
    let none = Values::Float64(Vec::new());
    for function in ALL {
        let statistic = make(function, "x", needed(function)).unwrap();
        let columns = vec![&none; statistic.inputs().len()];
        for offsets in [&[][..], &[0]] {
            let output = statistic.reduce(&Groups { offsets, columns: &columns }).unwrap();
            assert!(output.values.is_empty(), "{function}");
        }
    }
}
