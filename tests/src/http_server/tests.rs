//! The server against plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use super::*;

/// Sends requests on one connection and reads until the server ends it or the pause is long.
fn exchange(server: &Server, text: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// One request and its answer: head and body.
fn get(server: &Server, path: &str, headers: &str) -> (String, Vec<u8>) {
    let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    let answer = exchange(server, &text).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

fn ten() -> (ObjectServer, String) {
    ObjectServer::with("/a", b"0123456789".to_vec())
}

#[test]
fn ranges_are_answered_as_the_standard_says() {
    let (ten, _) = ten();
    for (range, status, body) in [
        ("", 200, "0123456789"),
        ("bytes=2-4", 206, "234"),
        ("bytes=7-", 206, "789"),
        ("bytes=-3", 206, "789"),
        ("bytes=-30", 206, "0123456789"),
        ("bytes=8-99", 206, "89"),
        ("bytes=10-12", 416, ""),
        ("bytes=-0", 416, ""),
        ("bytes=5-2", 200, "0123456789"),
        ("lines=1-2", 200, "0123456789"),
        ("bytes=0-1,4-5", 200, "0123456789"),
    ] {
        let header = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
        let (head, got) = get(&ten.server, "/a", &header);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{range}: {head}");
        assert_eq!(String::from_utf8(got).unwrap(), body, "{range}");
    }
    let (head, _) = get(&ten.server, "/a", "Range: bytes=2-4\r\n");
    assert!(head.contains("Content-Range: bytes 2-4/10\r\n"), "{head}");
    assert!(head.contains("Content-Length: 3"), "{head}");
    let (head, _) = get(&ten.server, "/a", "Range: bytes=10-\r\n");
    assert!(head.contains("Content-Range: bytes */10\r\n"), "{head}");
    assert!(get(&ten.server, "/b", "").0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn conditions_follow_the_etag() {
    let (ten, _) = ten();
    let (head, _) = get(&ten.server, "/a", "");
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap().to_string();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    let status = |header: &str| get(&ten.server, "/a", header).0[9..12].to_string();
    assert_eq!(status(&format!("If-Match: {etag}\r\n")), "200");
    assert_eq!(status("If-Match: \"other\"\r\n"), "412");
    assert_eq!(status(&format!("If-None-Match: {etag}\r\n")), "304");
    ten.objects.put("/a", b"something else".to_vec());
    assert_eq!(status(&format!("If-Match: {etag}\r\n")), "412");
}

#[test]
fn a_connection_serves_many_requests_and_the_log_has_them() {
    let (ten, _) = ten();
    let answer = exchange(
        &ten.server,
        "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /a?q=1&r=2 HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2\r\n\r\n\
         POST /a HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    )
    .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 3);
    assert_eq!(answer.matches("0123").count(), 0, "HEAD has no body");
    assert!(answer.contains("Content-Length: 10"));
    let log = ten.server.take_log();
    let seen: Vec<_> = log.iter().map(|l| (l.request.method.as_str(), l.status, l.bytes)).collect();
    assert_eq!(seen, [("HEAD", 200, 0), ("GET", 206, 2), ("POST", 405, 0)]);
    assert_eq!(log[1].request.parameter("r"), Some("2"));
    assert_eq!(log[1].request.target(), "/a?q=1&r=2");
    assert_eq!(log[1].request.header("range"), Some("bytes=1-2"));
    assert_eq!(log[2].request.body, b"abc");
    assert_eq!(ten.server.connections(), 1);
    assert!(ten.server.log().is_empty());
}

#[test]
fn faults_strike_when_their_rule_says() {
    let (ten, _) = ten();
    let objects = &ten.objects;
    objects.put("/b", b"b".to_vec());
    objects.rule(Rule::new(Fault::RetryAfter(503, "2".into())).path("/a").after(1).times(2));
    let status = |path: &str| get(&ten.server, path, "").0[9..12].to_string();
    assert_eq!(["/a", "/b", "/a", "/a", "/a"].map(status), ["200", "200", "503", "503", "200"]);
    objects.clear_rules();
    objects.rule(Rule::new(Fault::Whole));
    assert_eq!(get(&ten.server, "/a", "Range: bytes=0-1\r\n").1, b"0123456789");
    objects.clear_rules();
    objects.rule(Rule::new(Fault::ContentRange("bytes 0-1/11".into())));
    objects.rule(Rule::new(Fault::ETag("\"new\"".into())));
    let (head, _) = get(&ten.server, "/a", "Range: bytes=0-1\r\n");
    assert!(
        head.contains("bytes 0-1/11") && head.contains("ETag: \"new\"") && !head.contains("/10"),
        "{head}"
    );
}

#[test]
fn short_bodies_end_in_order_and_torn_ones_with_a_reset() {
    let (ten, _) = ten();
    ten.objects.rule(Rule::new(Fault::Cut(4, End::Close)).times(1));
    ten.objects.rule(Rule::new(Fault::Torn).after(1));
    let (head, body) = get(&ten.server, "/a", "");
    assert!(head.contains("Content-Length: 10"));
    assert_eq!(body, b"0123");
    let error = exchange(&ten.server, "GET /a HTTP/1.1\r\n\r\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(ten.server.log().last().unwrap().status, 0);
}

#[test]
fn answers_can_be_late_and_slow() {
    let (server, _) = ObjectServer::with("/a", vec![7; 20_000]);
    server.objects.rule(Rule::new(Fault::Latency(Duration::from_millis(80))));
    let start = Instant::now();
    assert_eq!(get(&server.server, "/a", "").1.len(), 20_000);
    assert!(start.elapsed() >= Duration::from_millis(80));
    server.objects.rule(Rule::new(Fault::Pace(100_000)));
    let start = Instant::now();
    assert_eq!(get(&server.server, "/a", "").1.len(), 20_000);
    assert!(start.elapsed() >= Duration::from_millis(270), "{:?}", start.elapsed());
}

#[test]
fn files_of_a_folder_are_served_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/x.bin"), b"abcdef").unwrap();
    std::fs::write(folder.path().join("secret"), b"no").unwrap();
    let server = ObjectServer::start();
    server.objects.folder(folder.path().join("in"));
    assert_eq!(get(&server.server, "/x.bin", "Range: bytes=1-2\r\n").1, b"bc");
    for path in ["/../secret", "/", "//x.bin", "/./x.bin", "/no"] {
        assert!(get(&server.server, path, "").0.starts_with("HTTP/1.1 404 "), "{path}");
    }
}

#[test]
fn broken_requests_are_refused_and_the_server_ends_with_its_handle() {
    let (ten, _) = ten();
    for (text, status) in [
        ("GET /a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\n\r\n", 400),
        ("GET /a HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
    ] {
        let answer = String::from_utf8(exchange(&ten.server, text).unwrap()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text:?}: {answer}");
    }
    let address = ten.server.address();
    let mut idle = TcpStream::connect(address).unwrap();
    drop(ten);
    assert!(TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err());
    idle.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(!matches!(idle.read(&mut [0]), Ok(1)));
}
