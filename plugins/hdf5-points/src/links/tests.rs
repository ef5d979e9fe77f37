use super::*;
use proptest::prelude::*;

fn links(first: &[i64], count: &[i32], base: u64, rows: u64) -> Result<Links> {
    Links::new("segments", &Values::Int64(first.to_vec()), &Values::Int32(count.to_vec()), base, rows)
}

#[test]
fn parents_without_rows_are_passed_over() {
    let links = links(&[1, 0, 4, 0, 6], &[3, 0, 2, 0, 5], 1, 10).unwrap();
    assert!(links.are_complete());
    assert_eq!(links.parents(), [0, 2, 4]);
    assert_eq!(links.ranges(), [(Some(0), 0..3), (Some(2), 3..5), (Some(4), 5..10)]);
}

#[test]
fn a_row_belongs_to_the_later_of_two_parents_and_some_to_none() {
    // As a clip of ATL03 has them: the second parent begins a row early, and the last row is left over.
    let links = links(&[1, 228], &[228, 10], 1, 238).unwrap();
    assert_eq!(links.ranges(), [(Some(0), 0..227), (Some(1), 227..237), (None, 237..238)]);
    assert!(!links.are_complete());
}

#[test]
fn links_that_lead_astray_are_refused() {
    for (first, count, part) in [
        (vec![0], vec![4], "rows have numbers from 1 on; check index_base"),
        (vec![1], vec![11], "the part has 10 rows"),
        (vec![i64::MAX], vec![i32::MAX], "the part has 10 rows"),
        (vec![-5], vec![1], "rows have numbers from 1 on"),
        (vec![1], vec![-1], "there are no such rows"),
        (vec![5, 1], vec![2, 2], "in the order of their rows"),
        (vec![5, 5], vec![2, 2], "in the order of their rows"),
        (vec![1, 2], vec![1], "2 values of index_beg and 1 of count"),
    ] {
        let error = links(&first, &count, 1, 10).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let floats = Values::Float64(vec![1.0]);
    let error = Links::new("segments", &floats, &floats, 0, 10).unwrap_err().to_string();
    assert_eq!(error, "index_beg of level segments holds float64, no row numbers");
}

#[test]
fn values_are_spread_and_missing_where_there_is_no_parent() {
    let links = links(&[2, 0, 4], &[2, 0, 1], 0, 6).unwrap();
    let spread = links.spread(&Rows::all(6)).unwrap();
    assert_eq!(spread.parents.ranges(), [0..1, 2..3]);
    let column = Column { values: Values::Int16(vec![7, 9]), missing: Some(vec![true, false]) };
    let got = spread.apply(&column).unwrap();
    assert_eq!(got.missing, Some(vec![true, true, true, true, false, true]));
    assert_eq!(got.values.to_f64()[2..5], [7.0, 7.0, 9.0]);
    let orphans = links.spread(&Rows::from_ranges([0..2, 5..6])).unwrap();
    assert!(orphans.parents.is_empty());
    let got = orphans.apply(&Column::complete(Values::Int16(Vec::new()))).unwrap();
    assert_eq!((got.len(), got.missing), (3, Some(vec![true; 3])));
}

proptest! {
    #[test]
    fn every_row_finds_its_parent(
        lens in prop::collection::vec((0u64..3, 0i32..5), 0..30),
        wanted in prop::collection::vec((0u64..150, 0u64..20), 0..8),
    ) {
        let (mut first, mut count, mut truth) = (Vec::new(), Vec::new(), Vec::new());
        for (parent, (gap, len)) in lens.iter().enumerate() {
            truth.extend((0..*gap).map(|_| None));
            first.push(if *len == 0 { 0 } else { truth.len() as i64 + 7 });
            count.push(*len);
            truth.extend((0..*len).map(|_| Some(parent as i32)));
        }
        let rows = truth.len() as u64;
        let links = links(&first, &count, 7, rows).unwrap();
        prop_assert_eq!(links.are_complete(), !truth.contains(&None));
        let mut ranged = Vec::new();
        for (parent, range) in links.ranges() {
            prop_assert_eq!(range.start, ranged.len() as u64);
            ranged.extend(range.map(|_| parent.map(|parent| parent as i32)));
        }
        prop_assert_eq!(&ranged, &truth);
        let wanted = Rows::from_ranges(wanted.iter().map(|(start, len)| *start..(start + len).min(rows)));
        let spread = links.spread(&wanted).unwrap();
        let values = Values::Int32(spread.parents.iter().map(|parent| parent as i32).collect());
        let got = spread.apply(&Column::complete(values)).unwrap();
        let missing = got.missing.clone().unwrap_or_else(|| vec![false; got.len()]);
        let got: Vec<Option<i32>> = got.values.to_f64().iter().zip(missing)
            .map(|(value, missing)| (!missing).then_some(*value as i32)).collect();
        let want: Vec<Option<i32>> = wanted.iter().map(|row| truth[row as usize]).collect();
        prop_assert_eq!(got, want);
    }

    #[test]
    fn any_numbers_are_links_or_refused(
        numbers in prop::collection::vec((any::<i64>(), any::<i32>()), 0..6),
        small in prop::collection::vec((0i64..20, 0i32..9), 0..6),
        base in 0u64..3,
    ) {
        for numbers in [numbers, small] {
            let (first, count): (Vec<i64>, Vec<i32>) = numbers.into_iter().unzip();
            if let Ok(links) = links(&first, &count, base, 20) {
                let mut next = 0;
                for (_, range) in links.ranges() {
                    prop_assert!(range.start == next && range.end > next);
                    next = range.end;
                }
                prop_assert_eq!(next, 20);
            }
        }
    }
}
