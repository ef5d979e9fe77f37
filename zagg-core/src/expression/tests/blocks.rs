//! Many rows: what is reckoned in blocks equals what is reckoned group by group.

use proptest::prelude::*;

use crate::column::{DType, Values};
use crate::expression::Expression;

/// Columns of `rows` values without a pattern that blocks could hide.
fn columns(rows: usize) -> [Values; 3] {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    [
        Values::Float32((0..rows).map(|_| next() as f32 / 1e4).collect()),
        Values::Int16((0..rows).map(|_| next() as i16).collect()),
        Values::Float64((0..rows).map(|_| next() as f64 * 1e-3 - 1e4).collect()),
    ]
}

fn check(texts: &[&str], offsets: &[u32]) {
    let rows = offsets.last().map_or(0, |&end| end as usize);
    let all = columns(rows);
    let column = |name: &str| ["h", "i", "x"].iter().position(|n| *n == name).map(|at| &all[at]);
    for text in texts {
        let expression = Expression::parse(text).unwrap();
        let whole = expression.evaluate_groups(offsets, &column).unwrap();
        let mut parts = Values::empty(whole.dtype());
        for range in offsets.windows(2) {
            let rows: Vec<u32> = (range[0]..range[1]).collect();
            let own: Vec<Values> = all.iter().map(|column| column.gather(&rows)).collect();
            let column = |name: &str| ["h", "i", "x"].iter().position(|n| *n == name).map(|at| &own[at]);
            let value = expression.evaluate_groups(&[0, rows.len() as u32], &column).unwrap();
            parts.append(&value).unwrap();
        }
        assert_eq!(whole.to_le_bytes(), parts.to_le_bytes(), "{text}");
    }
}

const TEXTS: [&str; 7] = [
    "sum((h - mean(h))**2) / len(h)",
    "max(i) * 2 - min(i + 1)",
    "average(x, weights=abs(h - (min(h) + max(h)) / 2) + 1)",
    "sum(where(x > median(x) * 2 - mean(x), i, len(x)))",
    "any(i > mean(i)) & (sum(i) > 0)",
    "float32(2.5) + 0 * sum(i)",
    "std(x) + quantile(h, 0.3)",
];

#[test]
fn a_group_larger_than_every_block() {
    check(&TEXTS, &[0, 50_001]);
    check(&TEXTS, &[0, 1, 40_000, 40_001, 40_003, 60_000]);
}

#[test]
fn very_many_small_groups() {
    check(&TEXTS, &(0..=20_000).collect::<Vec<u32>>());
}

#[test]
fn rows_in_blocks_are_all_rows() {
    let rows = 10_007;
    let [h, i, _] = columns(rows);
    let column = |name: &str| Some(if name == "h" { &h } else { &i });
    let found = Expression::parse("where(h > 800, i * 2, -h)").unwrap().evaluate_rows(rows, &column).unwrap();
    let (Values::Float32(found), Values::Float32(h), Values::Int16(i)) = (found, &h, &i) else { panic!() };
    let expected: Vec<f32> =
        h.iter().zip(i).map(|(&h, &i)| if h > 800.0 { f32::from(i.wrapping_mul(2)) } else { -h }).collect();
    assert_eq!(found, expected);
}

#[test]
fn no_groups_give_no_values_of_the_right_type() {
    let x = Values::Int16(Vec::new());
    for (text, dtype) in [("sum(x)", DType::Int64), ("mean(x)", DType::Float64), ("max(x) > 1", DType::Bool)]
    {
        for offsets in [&[][..], &[0]] {
            let found = Expression::parse(text).unwrap().evaluate_groups(offsets, &|_| Some(&x)).unwrap();
            assert_eq!(found, Values::empty(dtype));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_partition(lengths in proptest::collection::vec(prop_oneof![1..4u32, 1..600u32, 1..20_000u32], 1..60)) {
        let mut offsets = vec![0];
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        check(&TEXTS[..4], &offsets);
    }
}
