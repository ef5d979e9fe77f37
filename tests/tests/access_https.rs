//! Objects over HTTP from a real server that misbehaves.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zagg_access::{Access, Earthdata, Environment, Hosts, Https, Retries};
use zagg_core::range_reader::{FIRST_READ, RangeReader};
use zagg_core::source::{ObjectIdentity, OpenObject};
use zagg_core::{ErrorKind, Result};
use zagg_tests::http_server::{End, Fault, ObjectServer, Rule};

/// Bytes that tell where they are from.
fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

const SIZE: usize = 6 << 20;

fn quick() -> Retries {
    let (first_pause, longest_pause) = (Duration::from_millis(10), Duration::from_millis(1500));
    Retries { attempts: 5, first_pause, longest_pause, total: Duration::from_secs(20) }
}

fn https() -> Https {
    let environment = Environment::from_variables(|_| None);
    Https::new(Earthdata::with_retries(environment, Hosts::nasa(), quick()).unwrap())
}

/// A server with one large object, and an open reader of it.
fn opened() -> (ObjectServer, Vec<u8>, Arc<dyn RangeReader>) {
    let bytes = content(SIZE);
    let (server, url) = ObjectServer::with("/a.h5", bytes.clone());
    let https = https();
    let reader = https.open(&format!("{url}?token=hush")).unwrap();
    assert!(!format!("{https:?} {reader:?}").contains("hush"));
    (server, bytes, reader)
}

fn read(reader: &dyn RangeReader, range: Range<u64>) -> Result<Bytes> {
    reader.read_ranges(&[range]).map(|mut answers| answers.remove(0))
}

/// A range beyond what opening fetched.
const FAR: Range<u64> = 2_000_000..2_100_000;

#[test]
fn opening_is_one_request_whose_bytes_serve_the_first_reads() {
    let (server, bytes, reader) = opened();
    assert_eq!(reader.size(), SIZE as u64);
    assert_eq!(reader.location(), format!("{}/a.h5", server.server.url()));
    assert_eq!(read(&*reader, 5..1000).unwrap(), &bytes[5..1000]);
    let [only] = &server.server.take_log()[..] else { panic!("one request") };
    assert_eq!(only.request.header("range"), Some(format!("bytes=0-{}", FIRST_READ - 1).as_str()));
    assert_eq!((only.status, only.bytes), (206, FIRST_READ));
    assert_eq!(only.request.header("authorization"), None);
    assert_eq!(read(&*reader, FAR).unwrap(), &bytes[2_000_000..2_100_000]);
    let [only] = &server.server.take_log()[..] else { panic!("one request") };
    assert_eq!(only.request.header("range"), Some("bytes=2000000-2099999"));
    assert_eq!(only.request.header("if-match"), reader.etag());
    assert_eq!(only.request.query, "token=hush", "the user's own query goes along");
}

#[test]
fn a_known_object_is_opened_without_a_request_and_checked_with_the_first() {
    let (server, bytes, reader) = opened();
    let identity = ObjectIdentity::of(&*reader);
    server.server.take_log();
    let url = format!("{}/a.h5", server.server.url());
    let access = Access::default();
    let known = access.open_known(&url, &identity).unwrap();
    assert!(server.server.log().is_empty());
    assert_eq!(read(&*known, 0..10).unwrap(), &bytes[..10]);
    server.objects.put("/a.h5", content(SIZE - 1));
    let error = read(&*access.open_known(&url, &identity).unwrap(), 0..10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert_eq!(server.server.log().last().unwrap().status, 412);
    let error = read(&*reader, FAR).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
}

#[test]
fn an_object_that_changes_behind_a_server_without_conditions_is_noticed() {
    for fault in [
        Fault::ETag("\"another\"".into()),
        Fault::ETag(String::new()),
        Fault::ContentRange("bytes 2000000-2099999/6291457".into()),
    ] {
        let (server, _, reader) = opened();
        server.objects.rule(Rule::new(fault.clone()));
        let error = read(&*reader, FAR).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{fault:?}: {error}");
    }
}

#[test]
fn failures_that_pass_are_not_noticed() {
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Torn,
        Fault::Cut(0, End::Close),
        Fault::Cut(40_000, End::Close),
        Fault::Cut(40_000, End::Reset),
    ] {
        let (server, bytes, reader) = opened();
        server.objects.rule(Rule::new(fault.clone()).times(2));
        assert_eq!(read(&*reader, FAR).unwrap(), &bytes[2_000_000..2_100_000], "{fault:?}");
        assert_eq!(server.server.log().len(), 4, "{fault:?}");
    }
    // An answer that breaks off is continued where it broke, also that to the first request of all.
    let (server, bytes, reader) = opened();
    server.objects.rule(Rule::new(Fault::Cut(30_000, End::Close)).times(3));
    assert_eq!(read(&*reader, FAR).unwrap(), &bytes[2_000_000..2_100_000]);
    let log = server.server.take_log();
    let starts: Vec<_> = log[1..].iter().map(|logged| logged.request.header("range").unwrap()).collect();
    assert_eq!(
        starts,
        ["2000000", "2030000", "2060000", "2090000"].map(|start| format!("bytes={start}-2099999"))
    );
    server.objects.rule(Rule::new(Fault::Cut(30_000, End::Close)).times(1));
    server.objects.rule(Rule::new(Fault::ETag("\"another\"".into())).after(1));
    assert_eq!(read(&*reader, FAR).unwrap_err().kind(), ErrorKind::Changed);
    let (server, url) = ObjectServer::with("/a.h5", content(1000));
    server.objects.rule(Rule::new(Fault::Cut(500, End::Close)).times(1));
    server.objects.rule(Rule::new(Fault::Torn).after(1).times(1));
    let reader = https().open(&url).unwrap();
    assert_eq!((reader.size(), read(&*reader, 0..1000).unwrap()), (1000, content(1000).into()));
    let log = server.server.log();
    assert_eq!(log.len(), 3);
    assert!(log[1].request.header("range").unwrap().starts_with("bytes=500-"));
    assert_eq!(log[1].request.header("if-match"), reader.etag());
}

#[test]
fn failures_that_stay_end_after_a_bounded_number_of_requests() {
    for fault in [Fault::Status(503), Fault::Torn, Fault::Cut(10, End::Close)] {
        let (server, _, reader) = opened();
        server.objects.rule(Rule::new(fault.clone()));
        let error = read(&*reader, FAR).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Temporary, "{fault:?}: {error}");
        assert!(error.message().starts_with(reader.location()), "{error}");
        assert!(error.message().ends_with("tried 5 times, try later"), "{error}");
        assert!(!error.message().contains("hush"), "{error}");
        assert_eq!(server.server.log().len(), 6, "{fault:?}");
    }
    // Nobody listens at this port, which is not one that others are given.
    let error = https().open("http://127.0.0.1:1/a?hush").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
    assert!(error.message().contains("cannot connect") && !error.message().contains("hush"), "{error}");
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks() {
    let (server, _, reader) = opened();
    server.objects.rule(Rule::new(Fault::RetryAfter(429, "1".into())).times(1));
    let start = Instant::now();
    read(&*reader, FAR).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    // But not for a day.
    server.objects.rule(Rule::new(Fault::RetryAfter(503, "86400".into())).times(1));
    let start = Instant::now();
    read(&*reader, FAR).unwrap();
    assert!((1..5).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[test]
fn answers_that_contradict_the_request_are_refused() {
    for (fault, kind, says) in [
        (
            Fault::ContentRange("bytes 0-99999/6291456".into()),
            ErrorKind::Corrupt,
            "sends bytes 0..100000 of 6291456",
        ),
        (Fault::ContentRange("rubbish".into()), ErrorKind::Corrupt, "without saying which"),
        (
            Fault::ContentRange("bytes 2000000-2099999/*".into()),
            ErrorKind::Unsupported,
            "how long the object is",
        ),
        (Fault::Whole, ErrorKind::Unsupported, "does not serve byte ranges"),
        (Fault::Status(404), ErrorKind::NotFound, "no such object"),
        (Fault::Status(403), ErrorKind::Input, "access denied with status 403"),
        (Fault::Status(418), ErrorKind::Io, "status 418"),
        (Fault::Status(302), ErrorKind::Io, "redirects to nowhere"),
        (Fault::Html("<!DOCTYPE html>".into()), ErrorKind::Input, "a web page came instead of data"),
    ] {
        let (server, _, reader) = opened();
        server.objects.rule(Rule::new(fault.clone()));
        let error = read(&*reader, FAR).unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert!(error.message().contains(says) && !error.message().contains("hush"), "{fault:?}: {error}");
        assert_eq!(server.server.log().len(), 2, "not repeated: {fault:?}");
    }
}

#[test]
fn small_objects_need_no_ranges_and_empty_ones_have_none() {
    let (server, url) = ObjectServer::with("/a", content(1000));
    server.objects.put("/empty", Vec::new());
    for fault in [None, Some(Fault::Whole)] {
        if let Some(fault) = fault {
            server.objects.rule(Rule::new(fault));
        }
        let reader = https().open(&url).unwrap();
        assert_eq!(reader.size(), 1000);
        assert_eq!(read(&*reader, 0..1000).unwrap(), content(1000));
        // The first bytes are let go once all of them were read, and asked for again.
        assert_eq!(read(&*reader, 990..1000).unwrap(), &content(1000)[990..]);
        let empty = https().open(&url.replace("/a", "/empty")).unwrap();
        assert_eq!((empty.size(), read(&*empty, 0..0).unwrap().len()), (0, 0));
        assert!(read(&*empty, 0..1).is_err());
    }
    let error = https().open(&url.replace("/a", "/b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn many_ranges_come_side_by_side_over_few_connections_and_are_right() {
    let (server, bytes, reader) = opened();
    server.objects.rule(Rule::new(Fault::Latency(Duration::from_millis(30))));
    server.server.take_log();
    // Too far apart to be merged.
    let ranges: Vec<Range<u64>> =
        (0..40).map(|i| 800_000 + i * 130_000..800_000 + i * 130_000 + 777).collect();
    let start = Instant::now();
    for _ in 0..3 {
        for (range, got) in ranges.iter().zip(reader.read_ranges(&ranges).unwrap()) {
            assert_eq!(got, &bytes[range.start as usize..range.end as usize]);
        }
    }
    let elapsed = start.elapsed();
    assert_eq!(server.server.log().len(), 120);
    assert!(elapsed < Duration::from_millis(120 * 30), "side by side: {elapsed:?}");
    let most = server.server.most_under_way();
    assert!((2..=64).contains(&most), "{most} at once");
    // Three times forty ranges over far fewer connections; an answer may be here before its connection is free again.
    assert!(server.server.connections() <= 80, "{} connections", server.server.connections());
}

#[test]
fn slow_answers_are_waited_for() {
    let (server, bytes, reader) = opened();
    server.objects.rule(Rule::new(Fault::Pace(400_000)));
    let start = Instant::now();
    assert_eq!(read(&*reader, FAR).unwrap(), &bytes[2_000_000..2_100_000]);
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(server.server.log().len(), 2);
}

#[test]
fn a_slow_link_that_breaks_after_the_time_for_failures_gets_to_the_end() {
    let (server, bytes, _) = opened();
    let environment = Environment::from_variables(|_| None);
    let impatient = Retries { total: Duration::from_millis(50), ..quick() };
    let https = Https::new(Earthdata::with_retries(environment, Hosts::nasa(), impatient).unwrap());
    let reader = https.open(&format!("{}/a.h5", server.server.url())).unwrap();
    server.server.take_log();
    server.objects.rule(Rule::new(Fault::Pace(300_000)));
    server.objects.rule(Rule::new(Fault::Cut(30_000, End::Close)).times(3));
    assert_eq!(read(&*reader, FAR).unwrap(), &bytes[2_000_000..2_100_000]);
    assert_eq!(server.server.log().len(), 4);
}

#[test]
fn hrefs_that_hold_a_login_or_are_none_are_refused_before_anything_is_asked() {
    for (href, says) in [
        ("https://ann:hush@example.com/a?hush", "\"https://example.com/a\" holds a user name or password"),
        ("https://ann@example.com/a", "holds a user name"),
        ("https:///", "is no URL"),
        ("http://[::1", "is no URL"),
    ] {
        for error in [https().open(href).unwrap_err(), Access::default().check(href).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.message().contains(says) && !error.message().contains("hush"), "{error}");
        }
    }
}
