//! States of groups against the expression over all their rows.

use proptest::prelude::*;

use crate::column::{DType, Values};
use crate::error::ErrorKind;
use crate::expression::{Expression, MergeableExpression};
use crate::statistic::States;

fn mergeable(text: &str) -> Option<MergeableExpression> {
    Expression::parse(text).unwrap().mergeable()
}

#[test]
fn what_merges_and_what_does_not() {
    for text in [
        "1.0 / np.sqrt(np.sum(1.0 / s_li**2))",
        "average(h, weights=w) - mean(h)",
        "nanmax(h) - nanmin(h) + ptp(h) * len(h)",
        "std(h, ddof=1) / nanvar(h + 1)",
        "where(any(h > 3), nansum(h), 0)",
        "all(h) & (count_nonzero(h) > 2)",
    ] {
        assert!(mergeable(text).is_some(), "{text}");
    }
    for text in [
        "median(h)",
        "mean(h) + quantile(h, 0.5)",
        "nanmedian(h)",
        "sum((h - mean(h))**2)",
        "h",
        "2",
        "1 < 2",
    ] {
        assert!(mergeable(text).is_none(), "{text}");
    }
}

#[test]
fn the_form_names_the_text_and_the_version() {
    let form = mergeable("sum(a)").unwrap().form().to_string();
    assert_eq!(form, mergeable("sum(a)").unwrap().form());
    assert!(form.starts_with("expression-") && form.ends_with("/1"), "{form}");
    assert_ne!(form, mergeable("sum(b)").unwrap().form());
}

/// The value over all rows from states of each of the groups.
fn by_states(
    merging: &MergeableExpression,
    offsets: &[u32],
    column: &dyn Fn(&str) -> Option<&'static Values>,
) -> Values {
    let states = merging.partial(offsets, column).unwrap();
    // Once in two steps: the first half, then what is left.
    let n = offsets.len() as u32 - 1;
    let halves = if n > 1 { vec![0, n / 2, n] } else { vec![0, n] };
    let merged = merging.merge(&states, &halves).unwrap();
    let merged = merging.merge(&merged, &[0, merged.len() as u32]).unwrap();
    let values = merging.finish(&merged).unwrap();
    assert_eq!(values.len(), 1);
    // Each state alone is the group's value.
    let expression = &Expression::parse(merging.text()).unwrap();
    let direct = expression.evaluate_groups(offsets, column).unwrap();
    let alone = merging.finish(&states).unwrap();
    assert_eq!(alone.dtype(), direct.dtype());
    assert_eq!(alone.to_le_bytes(), direct.to_le_bytes(), "{}", merging.text());
    values
}

const EXACT: [&str; 9] = [
    "max(i8) - min(i8)",
    "max(u8)",
    "sum(u8 // 4) + len(u8)",
    "sum(i8 // 4)",
    "ptp(f)",
    "nanmin(f) + nanmax(f)",
    "min(f)",
    "any(f > 3) & all(i8 > 0)",
    "where(len(f) > 2, max(b), min(b))",
];
const CLOSE: [&str; 7] = [
    "mean(f) + nanmean(d)",
    "sum(d)",
    "nansum(f)",
    "average(d, weights=abs(f) + 1)",
    "var(d)",
    "std(d, ddof=1)",
    "1.0 / sqrt(sum(1.0 / (abs(d) + 0.1)**2))",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn states_of_parts_give_the_value_of_the_whole(
        rows in proptest::collection::vec(
            (any::<i64>(), any::<u64>(), -1e3f32..1e3, -1e6f64..1e6, any::<bool>(), proptest::bool::weighted(0.02)),
            1..200,
        ),
        cuts in proptest::collection::btree_set(1..200u32, 0..8),
    ) {
        let leak = |values: Values| -> &'static Values { Box::leak(Box::new(values)) };
        let f = |r: &(i64, u64, f32, f64, bool, bool)| if r.5 { f32::NAN } else { r.2 };
        let all = [
            ("i8", leak(Values::Int64(rows.iter().map(|r| r.0 / 100).collect()))),
            ("u8", leak(Values::UInt64(rows.iter().map(|r| r.1 / 100).collect()))),
            ("f", leak(Values::Float32(rows.iter().map(f).collect()))),
            ("d", leak(Values::Float64(rows.iter().map(|r| r.3).collect()))),
            ("b", leak(Values::Bool(rows.iter().map(|r| r.4).collect()))),
        ];
        let column = |name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, values)| *values);
        let n = rows.len() as u32;
        let mut offsets = vec![0];
        offsets.extend(cuts.into_iter().filter(|cut| *cut < n));
        offsets.push(n);
        for (texts, bound) in [(&EXACT[..], 0.0), (&CLOSE[..], f64::EPSILON)] {
            for text in texts {
                let merging = mergeable(text).unwrap();
                let merged = by_states(&merging, &offsets, &column);
                let whole = Expression::parse(text).unwrap().evaluate_groups(&[0, n], &column).unwrap();
                prop_assert_eq!(merged.dtype(), whole.dtype());
                let (a, b) = (merged.to_f64()[0], whole.to_f64()[0]);
                if bound == 0.0 {
                    prop_assert!(merged.to_le_bytes() == whole.to_le_bytes() || (a.is_nan() && b.is_nan()), "{text}: {a} {b}");
                } else {
                    // n·2^-52 of the sum of the absolute values; a variance squares it.
                    let scale = if text.contains("var") || text.contains("std") { 1e12 } else { 1e6 * f64::from(n) };
                    let allowed = f64::from(n) * bound * scale;
                    prop_assert!((a - b).abs() <= allowed || (a.is_nan() && b.is_nan()), "{text}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn no_states_make_it_panic(
        values in proptest::collection::vec(
            prop_oneof![
                any::<f64>(),
                proptest::sample::select(vec![0.0, 1.0, 4.0, 8.0, 9.0, 10.0, 11.0, -1.0, 2f64.powi(60), f64::NAN, f64::INFINITY]),
            ],
            0..40,
        ),
        width in 0..9u32,
        text in proptest::sample::select([&EXACT[..], &CLOSE[..]].concat()),
        ends in proptest::collection::vec(0..9u32, 0..5),
    ) {
        let n = (values.len() as u32).checked_div(width).unwrap_or(0);
        let states = States { values, offsets: (0..=n).map(|i| i * width).collect() };
        let merging = mergeable(text).unwrap();
        let _ = merging.finish(&states);
        if let Ok(merged) = merging.merge(&states, &ends) {
            prop_assert_eq!(merged.len(), ends.len().saturating_sub(1));
            let _ = merging.finish(&merged);
        }
    }
}

#[test]
fn sums_of_integers_may_exceed_64_bits_on_the_way() {
    let x = Values::Int64(vec![i64::MAX, i64::MAX, i64::MIN, i64::MIN, 5]);
    let merging = mergeable("sum(x)").unwrap();
    let states = merging.partial(&[0, 2, 5], &|_| Some(&x)).unwrap();
    let merged = merging.merge(&states, &[0, 2]).unwrap();
    assert_eq!(merging.finish(&merged).unwrap(), Values::Int64(vec![3]));
    let error = merging.finish(&states).unwrap_err();
    assert_eq!(error.to_string(), "a sum of integers exceeds 64 bits; sum float64(...) instead");
    let error = Expression::parse("sum(x)").unwrap().evaluate_groups(&[0, 2, 5], &|_| Some(&x)).unwrap_err();
    assert!(error.to_string().contains("exceeds 64 bits"), "{error}");
}

#[test]
fn states_of_several_types_are_promoted() {
    let merging = mergeable("max(x)").unwrap();
    let (ints, floats) = (Values::UInt8(vec![7, 200]), Values::Float32(vec![0.5, 7.5]));
    let mut states = merging.partial(&[0, 1, 2], &|_| Some(&ints)).unwrap();
    let other = merging.partial(&[0, 1, 2], &|_| Some(&floats)).unwrap();
    for i in 0..2 {
        states.push(other.state(i));
    }
    assert_eq!(merging.finish(&states).unwrap(), Values::Float32(vec![7.0, 200.0, 0.5, 7.5]));
    let merged = merging.merge(&states, &[0, 1, 4]).unwrap();
    assert_eq!(merging.finish(&merged).unwrap(), Values::Float32(vec![7.0, 200.0]));
}

#[test]
fn damaged_states_are_corrupt() {
    let merging = mergeable("sum(x) + len(x)").unwrap();
    for values in [
        vec![1.5, 0.0, 1.0, 2.0],
        vec![11.0, 0.0, 1.0, 2.0],
        vec![-1.0, 0.0, 1.0, 2.0],
        vec![f64::NAN, 0.0, 1.0, 2.0],
        vec![4.0, 0.5, 1.0, 2.0],
        vec![4.0, 0.0, f64::NAN, 2.0],
        vec![4.0, 0.0, 1.0, 2.5],
        vec![4.0, 0.0, 1.0, f64::INFINITY],
    ] {
        let error = merging.finish(&States::fixed(4, values.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{values:?}: {error}");
    }
    assert_eq!(
        merging.finish(&States::fixed(3, vec![4.0, 0.0, 1.0])).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let fine = States::fixed(4, vec![4.0, 0.0, 1.0, 2.0]);
    assert_eq!(DType::ALL[4], DType::Int64);
    assert_eq!(merging.finish(&fine).unwrap(), Values::Int64(vec![3]));
    for offsets in [&[0, 2][..], &[1, 0], &[0, 0]] {
        assert!(merging.merge(&fine, offsets).is_err());
    }
}
