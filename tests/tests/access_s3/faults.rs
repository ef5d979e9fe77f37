//! Reading when servers fail, contradict themselves or hold another object.

use std::time::{Duration, Instant};

use zagg_core::ErrorKind;
use zagg_core::range_reader::FIRST_READ;
use zagg_core::source::OpenObject;
use zagg_tests::http_server::{End, Fault, Rule};

use super::{content, public, ranges};

const AT: std::ops::Range<u64> = 900_000..1_000_000;

#[test]
fn failures_that_pass_are_waited_out() {
    let bytes = content(1 << 20);
    for (fault, status) in [
        (Fault::Status(503), 503),
        (Fault::Status(500), 500),
        (Fault::Status(429), 429),
        (Fault::RetryAfter(503, "0".into()), 503),
        (Fault::Torn, 0),
    ] {
        let (server, access, href) = public("k", &bytes);
        server.objects.rule(Rule::new(fault.clone()).times(2));
        let reader = access.open(&href).unwrap();
        let statuses: Vec<u16> = server.server.take_log().iter().map(|l| l.status).collect();
        assert_eq!(statuses, [status, status, 206], "{fault:?}");
        server.objects.rule(Rule::new(fault).times(2));
        assert_eq!(reader.read_ranges(&[AT]).unwrap()[0], &bytes[AT.start as usize..AT.end as usize]);
    }
}

#[test]
fn a_body_that_breaks_off_is_continued_where_it_broke() {
    let bytes = content(1 << 20);
    for end in [End::Close, End::Reset] {
        let (server, access, href) = public("k", &bytes);
        let reader = access.open(&href).unwrap();
        server.server.take_log();
        server.objects.rule(Rule::new(Fault::Cut(60_000, end)).times(1));
        assert_eq!(reader.read_ranges(&[AT]).unwrap()[0], &bytes[AT.start as usize..AT.end as usize]);
        let log = ranges(&server.server.take_log());
        assert_eq!(log[0], (206, "900000-999999".into()));
        // A reset may discard what was on its way.
        let (_, again) = log.last().unwrap();
        let start: u64 = again.split('-').next().unwrap().parse().unwrap();
        assert!((900_000..=960_000).contains(&start) && again.ends_with("-999999"), "{end:?}: {log:?}");
    }
}

#[test]
fn what_does_not_pass_is_temporary_in_the_end() {
    for fault in [Fault::Status(503), Fault::Torn, Fault::Cut(1_000, End::Close)] {
        let (server, access, href) = public("k", &content(10_000));
        server.objects.rule(Rule::new(fault.clone()));
        let error = access.open(&href).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Temporary, "{fault:?}: {error}");
        assert!(
            error.message().starts_with("s3://bucket/k: ") && error.message().contains("again later"),
            "{error}"
        );
        assert!(
            (4..=20).contains(&server.server.log().len()),
            "{fault:?}: {} requests",
            server.server.log().len()
        );
    }
    // Nobody listens at this port, which is not one that others are given.
    let (server, _, href) = public("k", b"x");
    let mut options = super::options(&server, zagg_core::config::SourceCredentials::Anonymous);
    options.endpoint_url = Some("http://127.0.0.1:1".into());
    let access = zagg_access::Access::new(&options).unwrap().with_retries(super::HASTY);
    let error = access.open(&href).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
    assert!(error.message().starts_with("s3://bucket/k: no connection: "), "{error}");
}

#[test]
fn a_server_that_contradicts_itself_is_found_out() {
    let bytes = content(1 << 20);
    for (fault, kind, want) in [
        (Fault::Whole, ErrorKind::Unsupported, "whole objects only"),
        (Fault::ContentRange("bytes 0-9/1048576".into()), ErrorKind::Corrupt, "contradicts itself"),
        (Fault::ContentRange("bytes 900000-999998/1048576".into()), ErrorKind::Corrupt, "contradicts itself"),
        (Fault::ContentRange("bytes x".into()), ErrorKind::Corrupt, "contradicts itself"),
        (Fault::ContentRange("bytes 900000-999999/999999999".into()), ErrorKind::Changed, "another object"),
        (Fault::ETag("\"other\"".into()), ErrorKind::Changed, "another object"),
        (Fault::ETag(String::new()), ErrorKind::Changed, "another object"),
        (Fault::Html("<p>please log in".into()), ErrorKind::Unsupported, "whole objects only"),
        (Fault::Status(418), ErrorKind::Io, "refused with status 418"),
        (Fault::Status(302), ErrorKind::Io, "refused with status 302"),
        // The bucket says to be where it was looked for.
        (Fault::Status(301), ErrorKind::Input, "another region"),
    ] {
        let (server, access, href) = public("k", &bytes);
        let reader = access.open(&href).unwrap();
        server.objects.rule(Rule::new(fault.clone()));
        let error = reader.read_ranges(&[AT]).unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert!(
            error.message().starts_with("s3://bucket/k: ") && error.message().contains(want),
            "{fault:?}: {error}"
        );
    }
    // A first answer that claims more than it brings.
    let (server, access, href) = public("k", &bytes[..100]);
    server.objects.rule(Rule::new(Fault::ContentRange(format!("bytes 0-{}/1048576", FIRST_READ - 1))));
    let error = access.open(&href).unwrap_err();
    assert!(error.message().contains(&format!("100 bytes came of the first {FIRST_READ}")), "{error}");
}

#[test]
fn an_object_replaced_after_opening_is_changed() {
    let (server, access, href) = public("k", &content(1 << 20));
    let reader = access.open(&href).unwrap();
    server.server.take_log();
    server.objects.put("/bucket/k", vec![7; 1 << 20]);
    let error = reader.read_ranges(&[AT]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert_eq!(
        error.message(),
        "s3://bucket/k: was replaced since it was opened; run again to read the new one"
    );
    assert_eq!(ranges(&server.server.take_log()), [(412, "900000-999999".into())]);
    // What was fetched when it was opened is of the old one, all of it.
    assert_eq!(reader.read_ranges(&[0..3]).unwrap(), [&content(3)]);
}

#[test]
fn slow_answers_overlap() {
    let (server, access, href) = public("k", &content(40 << 20));
    let reader = access.open(&href).unwrap();
    server.objects.rule(Rule::new(Fault::Latency(Duration::from_millis(100))));
    let wanted: Vec<_> = (0..30u64).map(|at| (1 + at) << 20..((1 + at) << 20) + 1_000).collect();
    let start = Instant::now();
    reader.read_ranges(&wanted).unwrap();
    assert_eq!(server.server.log().len(), 31);
    // One after the other would take three seconds.
    assert!(start.elapsed() < Duration::from_millis(2_800), "{:?}", start.elapsed());
}

#[test]
fn a_slow_link_that_breaks_after_the_time_for_failures_gets_to_the_end() {
    let bytes = content(1 << 20);
    let (server, _, href) = public("k", &bytes);
    let options = super::options(&server, zagg_core::config::SourceCredentials::Anonymous);
    let impatient = zagg_access::Retries { total: Duration::from_millis(50), ..super::HASTY };
    let access = zagg_access::Access::new(&options).unwrap().with_retries(impatient);
    let reader = access.open(&href).unwrap();
    server.server.take_log();
    // Each answer takes longer than failures may, and breaks off.
    server.objects.rule(Rule::new(Fault::Pace(200_000)));
    server.objects.rule(Rule::new(Fault::Cut(40_000, End::Close)).times(2));
    assert_eq!(reader.read_ranges(&[AT]).unwrap()[0], &bytes[AT.start as usize..AT.end as usize]);
    let log = server.server.take_log();
    let starts: Vec<String> = ranges(&log).into_iter().map(|(_, range)| range).collect();
    assert_eq!(starts, ["900000-999999", "940000-999999", "980000-999999"]);
    assert!(log.iter().all(|logged| logged.request.header("if-match") == reader.etag()));
    // Of a server that does not look at conditions the rest may be of another object.
    server.objects.clear_rules();
    server.objects.rule(Rule::new(Fault::Pace(200_000)));
    server.objects.rule(Rule::new(Fault::Cut(40_000, End::Close)).times(1));
    server.objects.rule(Rule::new(Fault::ETag("\"other\"".into())).after(1));
    assert_eq!(reader.read_ranges(&[AT]).unwrap_err().kind(), ErrorKind::Changed);
}

#[test]
fn an_error_of_endless_length_does_not_fill_the_memory() {
    let (server, access, href) = public("k", b"x");
    let page = "x".repeat(8 << 20);
    let endless = zagg_tests::http_server::Server::start(move |_: &zagg_tests::http_server::Request| {
        zagg_tests::http_server::Response::new(400).with_body("application/xml", page.clone())
    });
    let mut options = super::options(&server, zagg_core::config::SourceCredentials::Anonymous);
    options.endpoint_url = Some(endless.url());
    let error =
        zagg_access::Access::new(&options).unwrap().with_retries(super::HASTY).open(&href).unwrap_err();
    assert!(error.message().len() < 200, "{error}");
    drop(access);
}
