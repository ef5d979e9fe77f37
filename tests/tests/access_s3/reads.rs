//! Reading when all goes well: how many requests, and exactly the bytes.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;
use zagg_core::ErrorKind;
use zagg_core::range_reader::FIRST_READ;
use zagg_core::source::{ObjectIdentity, OpenObject};

use zagg_tests::http_server::{Fault, Rule};
use zagg_tests::s3_server::Account;

use super::{content, public, ranges};

#[test]
fn opening_takes_one_request_and_the_first_bytes_none() {
    let bytes = content(3 << 20);
    let (server, access, href) = public("a/b.h5", &bytes);
    let reader = access.open(&href).unwrap();
    assert_eq!((reader.size(), reader.location()), (3 << 20, "s3://bucket/a/b.h5"));
    assert!(reader.etag().unwrap().starts_with('"'));
    assert_eq!(ranges(&server.server.take_log()), [(206, format!("0-{}", FIRST_READ - 1))]);

    let first = reader.read_ranges(&[0..10, 50_000..FIRST_READ, 7..7]).unwrap();
    assert_eq!(
        (&first[0][..], first[1].len() as u64, first[2].len()),
        (&bytes[..10], FIRST_READ - 50_000, 0)
    );
    assert!(server.server.take_log().is_empty());

    // Near ranges in one request, a far one beside it, and of the first bytes nothing again.
    let wanted: [Range<u64>; 5] =
        [1_000_000..1_000_100, 2_900_000..2_900_001, 1_050_000..1_050_500, 3..9, 1_000_050..1_000_060];
    let got = reader.read_ranges(&wanted).unwrap();
    for (range, got) in wanted.iter().zip(&got) {
        assert_eq!(&got[..], &bytes[range.start as usize..range.end as usize]);
    }
    let log = server.server.take_log();
    let mut asked = ranges(&log);
    asked.sort();
    assert_eq!(asked, [(206, "1000000-1050499".into()), (206, "2900000-2900000".into())]);
    assert!(log.iter().all(|l| l.request.header("if-match") == reader.etag()));

    // Whoever took the first bytes whole keeps them; the reader does not.
    reader.read_ranges(&[0..FIRST_READ]).unwrap();
    assert!(server.server.take_log().is_empty());
    assert_eq!(reader.read_ranges(&[0..4]).unwrap()[0], &bytes[..4]);
    assert_eq!(ranges(&server.server.take_log()), [(206, "0-3".into())]);
}

#[test]
fn small_and_empty_objects_are_whole_after_opening() {
    for length in [0, 1, 5_000, FIRST_READ as usize - 1, FIRST_READ as usize] {
        let bytes = content(length);
        let (server, access, href) = public("k", &bytes);
        let reader = access.open(&href).unwrap();
        assert_eq!(reader.size(), length as u64);
        let all = 0..length as u64;
        assert_eq!(reader.read_ranges(&[all, 0..0]).unwrap(), [bytes, vec![]]);
        assert_eq!(server.server.log().len(), 1, "{length} bytes");
        let error = reader.read_ranges(&[0..length as u64 + 1]).unwrap_err();
        assert!(error.message().contains("lie outside the object"), "{error}");
    }
}

#[test]
fn keys_reach_the_server_as_they_stand() {
    for key in ["a b.h5", "a%20b.h5", "naïve/é+~=&{}.h5", "ATL06/007/2024.01.03/x.h5"] {
        let (_server, access, href) = public(key, key.as_bytes());
        assert_eq!(
            access.open(&href).unwrap().read_ranges(&[0..key.len() as u64]).unwrap(),
            [key.as_bytes()]
        );
    }
}

#[test]
fn what_is_not_there_and_what_is_not_public_is_said() {
    let (server, access, _) = public("k", b"x");
    server.bucket("private", &[&Account::new("owner")]);
    for (href, kind, want) in [
        ("s3://bucket/other", ErrorKind::NotFound, "s3://bucket/other: no such object"),
        ("s3://nowhere/k", ErrorKind::Input, "s3://nowhere/k: there is no such bucket; check its name"),
        (
            "s3://private/k",
            ErrorKind::Input,
            "s3://private/k: access denied without credentials (AccessDenied)",
        ),
    ] {
        let error = access.open(href).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.message().starts_with(want), "{error}");
    }
    assert_eq!(server.server.log().len(), 3);
}

#[test]
fn an_object_seen_before_is_opened_without_a_request() {
    let bytes = content(1 << 20);
    let (server, access, href) = public("k", &bytes);
    let identity = ObjectIdentity::of(&*access.open(&href).unwrap());
    server.server.take_log();
    let reader = access.open_known(&href, &identity).unwrap();
    assert!(server.server.log().is_empty());
    assert_eq!(reader.read_ranges(&[10..20]).unwrap(), [&bytes[10..20]]);
    assert_eq!(ranges(&server.server.take_log()), [(206, "10-19".into())]);

    for wrong in [
        ObjectIdentity { size: identity.size - 1, ..identity.clone() },
        ObjectIdentity { etag: Some("\"other\"".into()), ..identity.clone() },
        ObjectIdentity { etag: Some("a\nb".into()), ..identity.clone() },
        ObjectIdentity { etag: None, ..identity },
    ] {
        let error =
            access.open_known(&href, &wrong).and_then(|reader| reader.read_ranges(&[10..20])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{wrong:?}: {error}");
        assert!(error.message().starts_with("s3://bucket/k: "), "{error}");
    }
}

#[test]
fn many_threads_share_few_connections() {
    const THREADS: usize = 16;
    let bytes = content(8 << 20);
    let (server, access, href) = public("k", &bytes);
    let reader = access.open(&href).unwrap();
    server.objects.rule(Rule::new(Fault::Latency(Duration::from_millis(5))));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (reader, bytes) = (&reader, &bytes);
            scope.spawn(move || {
                for round in 0..20 {
                    let start = (thread * 480_000 + round * 7_919) as u64;
                    let wanted: Vec<Range<u64>> =
                        (0..4).map(|at| start + at * 100_000..start + at * 100_000 + 50).collect();
                    for (range, got) in wanted.iter().zip(reader.read_ranges(&wanted).unwrap()) {
                        assert_eq!(&got[..], &bytes[range.start as usize..range.end as usize]);
                    }
                }
            });
        }
    });
    let (requests, connections) = (server.server.log().len(), server.server.connections());
    assert!(requests > THREADS * 20, "{requests} requests");
    // An answer may be here a moment before its connection is free again: then another one is made.
    assert!(connections <= 192, "{connections} connections for {requests} requests");
    assert!(server.server.most_under_way() >= THREADS / 2, "{} at once", server.server.most_under_way());
}

#[test]
fn one_thread_keeps_to_its_connections() {
    let (server, access, href) = public("k", &content(2 << 20));
    for _ in 0..20 {
        let reader = access.open(&href).unwrap();
        reader.read_ranges(&[1 << 20..(1 << 20) + 10]).unwrap();
    }
    // An answer may be here a moment before its connection is free again: then a second one is made.
    let (requests, connections) = (server.server.log().len(), server.server.connections());
    assert!(requests == 40 && connections <= 15, "{connections} connections for {requests} requests");
}

#[test]
fn any_ranges_come_back_exactly() {
    let bytes = content(4 << 20);
    let (_server, access, href) = public("k", &bytes);
    let reader = access.open(&href).unwrap();
    let range =
        (0u64..4 << 20, 0u64..200_000).prop_map(|(start, length)| start..(start + length).min(4 << 20));
    proptest!(ProptestConfig::with_cases(40), |(wanted in prop::collection::vec(range, 0..12))| {
        for (range, got) in wanted.iter().zip(reader.read_ranges(&wanted).unwrap()) {
            prop_assert_eq!(&got[..], &bytes[range.start as usize..range.end as usize]);
        }
    });
}
