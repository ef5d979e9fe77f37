use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::runtime::block_on;

fn content(range: Range<u64>) -> Bytes {
    range.map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn requests(ranges: &[Range<u64>], limits: &Limits) -> Vec<Range<u64>> {
    plan(ranges, limits).iter().flat_map(|span| split(span, limits.longest)).collect()
}

/// Ranges in any order: scattered, overlapping, repeated, empty, touching.
fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
    let range = (0u64..20_000, prop_oneof![Just(0u64), 1u64..40, 1u64..6_000]);
    prop::collection::vec((range, any::<bool>(), any::<bool>()), 0..40).prop_map(|drawn| {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for ((start, length), touches, again) in drawn {
            let start = ranges.last().filter(|_| touches).map_or(start, |last| last.end);
            ranges.push(start..start + length);
            if again {
                ranges.insert(ranges.len() / 2, start..start + length);
            }
        }
        ranges
    })
}

proptest! {
    #[test]
    fn answers_are_exactly_the_ranges_and_no_byte_is_asked_for_twice(
        ranges in ranges(), gap in 0u64..3_000, longest in 1u64..9_000, concurrency in 1usize..9,
    ) {
        let limits = Limits { gap, longest, concurrency };
        let asked = Mutex::new(Vec::new());
        let got = block_on(fetch(&ranges, &limits, |range| {
            asked.lock().unwrap().push(range.clone());
            async move { Ok(content(range)) }
        })).unwrap();
        prop_assert_eq!(got.len(), ranges.len());
        for (range, bytes) in ranges.iter().zip(got) {
            prop_assert_eq!(bytes, content(range.clone()));
        }
        let mut asked = asked.into_inner().unwrap();
        asked.sort_by_key(|range| range.start);
        prop_assert_eq!(&asked, &requests(&ranges, &limits));
        for pair in asked.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start, "{:?}", asked);
        }
        for request in &asked {
            prop_assert!(!request.is_empty() && request.end - request.start <= longest, "{:?}", asked);
        }
    }

    #[test]
    fn only_gaps_within_the_limit_are_fetched_and_neighbours_only_apart_for_a_reason(
        ranges in ranges(), gap in 0u64..3_000, longest in 1u64..9_000,
    ) {
        let limits = Limits { gap, longest, concurrency: 1 };
        let mut wanted = vec![false; 40_000 * 6];
        for range in &ranges {
            wanted[range.start as usize..range.end as usize].fill(true);
        }
        let requests = requests(&ranges, &limits);
        for request in &requests {
            let mut run = 0;
            for at in request.clone() {
                run = if wanted[at as usize] { 0 } else { run + 1 };
                prop_assert!(run <= gap, "{run} bytes that nobody wants in {request:?}");
            }
            prop_assert!(wanted[request.start as usize] && wanted[request.end as usize - 1]);
        }
        // Two neighbours that would fit into one request are one.
        for pair in plan(&ranges, &limits).windows(2) {
            let (gap_between, both) = (pair[1].start - pair[0].end, pair[1].end - pair[0].start);
            prop_assert!(gap_between > gap || both > longest, "{pair:?}");
        }
    }
}

#[test]
fn a_beam_in_one_run_is_one_request_and_a_long_range_is_cut_evenly() {
    let limits = Limits::NETWORK;
    let beam: Vec<Range<u64>> = (0..48).map(|chunk| chunk * 47_000..(chunk + 1) * 47_000 - 200).collect();
    assert_eq!(requests(&beam, &limits), [0..48 * 47_000 - 200]);
    let long = requests(&[5..5 + (20 << 20)], &limits);
    assert_eq!(long.len(), 3);
    assert!(long.iter().all(|piece| (6 << 20..=7 << 20).contains(&(piece.end - piece.start))), "{long:?}");
    // Ranges at the end of all numbers, and a range that no memory holds, are planned without harm.
    let hostile = [u64::MAX - 1..u64::MAX, 0..u64::MAX / 2, 7..7];
    assert_eq!(plan(&hostile, &limits), [0..u64::MAX / 2, u64::MAX - 1..u64::MAX]);
    assert_eq!(split(&(0..u64::MAX / 2), 8 << 20).take(2).last().unwrap().start, 8 << 20);
}

#[test]
fn a_short_or_a_long_answer_is_an_error_with_its_range() {
    for length in [9, 11] {
        let error = block_on(fetch(&[100..110], &Limits::NETWORK, |_| async move { Ok(content(0..length)) }));
        assert_eq!(
            error.unwrap_err().message(),
            format!("bytes 100..110: {length} bytes came instead of 10")
        );
    }
}

#[test]
fn requests_run_side_by_side_up_to_the_limit_and_the_first_error_ends_them() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let limits = Limits { gap: 0, longest: 100, concurrency: 7 };
    let ranges: Vec<Range<u64>> = (0..60u64).map(|at| at * 1_000..at * 1_000 + 10).collect();
    block_on(fetch(&ranges, &limits, |range| {
        let (now, most) = (&now, &most);
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(content(range))
        }
    }))
    .unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 7);

    let asked = AtomicUsize::new(0);
    let error = block_on(fetch(&ranges, &limits, |range| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        async move { if number == 3 { Err(Error::temporary("no")) } else { Ok(content(range)) } }
    }))
    .unwrap_err();
    assert_eq!(error, Error::temporary("no"));
    assert!(asked.load(Ordering::SeqCst) < 20);
}

#[test]
fn small_slices_let_go_of_the_buffer_they_came_in() {
    let buffer = Bytes::from(vec![7u8; 1 << 20]);
    let points_into = |slice: &Bytes| buffer.as_ptr_range().contains(&slice.as_ptr());
    assert!(!points_into(&slice_of(&buffer, 10..20)));
    assert!(points_into(&slice_of(&buffer, 0..1 << 19)));
    assert!(points_into(&slice_of(&buffer, 0..1 << 20)));
}
