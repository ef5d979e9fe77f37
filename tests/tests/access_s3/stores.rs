//! The user's own buckets: whose keys arrive, what is written, and how regions are found.

use bytes::Bytes;
use zagg_access::StoreChain;
use zagg_core::ErrorKind;
use zagg_core::config::StoreAccess;
use zagg_tests::http_server::{End, Fault, Request, Response, Rule, Server};
use zagg_tests::s3_server::{Account, Bucket, S3Server};

use super::HASTY;

/// A file of keys.
fn key_file(account: &Account) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    write_keys(file.path(), account);
    file
}

fn write_keys(path: &std::path::Path, account: &Account) {
    let json = serde_json::json!({
        "accessKeyId": account.key_id, "secretAccessKey": account.secret, "sessionToken": account.token,
    });
    std::fs::write(path, json.to_string()).unwrap();
}

fn chain(server: &S3Server, file: &tempfile::NamedTempFile) -> StoreChain {
    let access = StoreAccess { region: None, endpoint_url: Some(server.server.url()) };
    StoreChain::new(&access, Some(file.path())).unwrap().with_retries(HASTY)
}

#[test]
fn indexes_are_written_and_read_with_the_keys_of_the_file() {
    let owner = Account::new("owner").session("tok/en+==");
    let server = S3Server::start();
    server.bucket("own-bucket", &[&owner]);
    let file = key_file(&owner);
    for (url, folder) in [("s3://own-bucket/idx/", "/idx"), ("s3://own-bucket", "")] {
        let store = chain(&server, &file).index_store(url).unwrap();
        assert_eq!(store.location(), url.trim_end_matches('/'));
        assert_eq!(store.get("a/b c.json").unwrap(), None);
        store.put("a/b c.json", Bytes::from_static(b"one")).unwrap();
        store.put("a/b c.json", Bytes::from_static(b"two")).unwrap();
        assert_eq!(store.get("a/b c.json").unwrap().unwrap(), "two");
        store.put("empty", Bytes::new()).unwrap();
        assert_eq!(store.get("empty").unwrap().unwrap(), "");
        let paths: Vec<String> = server.server.take_log().into_iter().map(|l| l.request.path).collect();
        assert_eq!(paths[0], format!("/own-bucket{folder}/a/b%20c.json"));
        assert_eq!(paths.len(), 6);
        let error = store.put("../x", Bytes::new()).unwrap_err();
        assert!(error.message().contains("cannot be the name"), "{error}");
    }
    assert!(server.server.log().is_empty());
}

#[test]
fn a_bucket_that_does_not_exist_is_an_error_and_no_absent_index() {
    let owner = Account::new("owner");
    let server = S3Server::start();
    let store = chain(&server, &key_file(&owner)).index_store("s3://mistyped/idx").unwrap();
    for error in [store.get("a.json").unwrap_err(), store.put("a.json", Bytes::new()).unwrap_err()] {
        assert!(error.message().contains("there is no such bucket; check its name"), "{error}");
    }
}

#[test]
fn keys_that_are_wrong_are_refused_and_never_shown() {
    let owner = Account::new("owner");
    let server = S3Server::start();
    server.bucket("own-bucket", &[&owner]);
    server.bucket("other-bucket", &[&Account::new("other")]);
    let wrong_secret = Account { secret: "WRONG-SECRET".into(), ..owner.clone() };
    let unknown = Account { key_id: "AKIAUNKNOWN".into(), ..owner.clone() };
    for (account, bucket, want) in [
        (&wrong_secret, "own-bucket", "(SignatureDoesNotMatch)"),
        (&unknown, "own-bucket", "(InvalidAccessKeyId)"),
        (&owner, "other-bucket", "(AccessDenied)"),
    ] {
        let file = key_file(account);
        let chain = chain(&server, &file);
        let store = chain.index_store(&format!("s3://{bucket}/idx")).unwrap();
        for error in [store.get("x").unwrap_err(), store.put("x", Bytes::new()).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Input);
            let path = file.path().display();
            let start =
                format!("s3://{bucket}/idx/x: access denied with the keys of {path} {want}; check the file");
            assert!(error.message().starts_with(&start), "{error}");
            let shown = format!("{error} {error:?} {chain:?} {store:?}");
            assert!(!shown.contains("SECRET") && !shown.contains("secret of"), "{shown}");
        }
    }
}

#[test]
fn keys_that_expire_are_read_anew_once() {
    let (first, second) = (Account::new("first").session("one"), Account::new("second").session("two"));
    let server = S3Server::start();
    server.bucket("own-bucket", &[&first, &second]);
    let file = key_file(&first);
    let store = chain(&server, &file).index_store("s3://own-bucket/idx").unwrap();
    store.put("x", Bytes::from_static(b"1")).unwrap();
    server.expire(&first.key_id);
    // Nobody has renewed the file yet.
    let error = store.get("x").unwrap_err();
    assert!(error.message().contains("(ExpiredToken)"), "{error}");
    server.server.take_log();
    write_keys(file.path(), &second);
    assert_eq!(store.get("x").unwrap().unwrap(), "1");
    assert_eq!(store.get("x").unwrap().unwrap(), "1");
    let statuses: Vec<u16> = server.server.take_log().iter().map(|l| l.status).collect();
    assert_eq!(statuses, [400, 200, 200]);
    // Both expired, and no others.
    server.expire(&second.key_id);
    assert!(store.get("x").unwrap_err().message().contains("(ExpiredToken)"));
    assert_eq!(server.server.log().len(), 1);
}

#[test]
fn the_region_of_a_bucket_is_found_out_and_kept() {
    let owner = Account::new("owner");
    let server = S3Server::start();
    for (name, silent, want) in [
        // The refusal names the region; a silent one is followed by a question to the bucket itself.
        ("talking", false, vec![(400, "PUT"), (200, "PUT"), (200, "GET")]),
        ("silent", true, vec![(301, "PUT"), (403, "HEAD"), (200, "PUT"), (200, "GET")]),
    ] {
        let bucket = Bucket { region: "eu-north-1".into(), silent, ..Bucket::default() };
        server.bucket_in(name, bucket, &[&owner]);
        let store = chain(&server, &key_file(&owner)).index_store(&format!("s3://{name}/idx")).unwrap();
        store.put("x", Bytes::from_static(b"1")).unwrap();
        assert_eq!(store.get("x").unwrap().unwrap(), "1");
        let log = server.server.take_log();
        let seen: Vec<(u16, &str)> = log.iter().map(|l| (l.status, l.request.method.as_str())).collect();
        assert_eq!(seen, want);
    }
    // A region that is given is taken, and right at once.
    let access = StoreAccess { region: Some("eu-north-1".into()), endpoint_url: Some(server.server.url()) };
    let file = key_file(&owner);
    let store = StoreChain::new(&access, Some(file.path())).unwrap().index_store("s3://talking/idx").unwrap();
    store.put("x", Bytes::new()).unwrap();
    assert_eq!(server.server.take_log().len(), 1);
    let access = StoreAccess { region: Some("evil.com/".into()), ..access };
    let error =
        StoreChain::new(&access, Some(file.path())).unwrap().index_store("s3://talking/idx").unwrap_err();
    assert!(error.message().contains("is not the name of a region"), "{error}");
}

#[test]
fn writes_and_reads_are_repeated_until_they_succeed() {
    let owner = Account::new("owner");
    let server = S3Server::start();
    server.bucket("own-bucket", &[&owner]);
    let store = chain(&server, &key_file(&owner)).index_store("s3://own-bucket/idx").unwrap();
    server.objects.rule(Rule::new(Fault::Status(503)).times(2));
    store.put("x", Bytes::from_static(b"1")).unwrap();
    server.objects.rule(Rule::new(Fault::Status(500)).times(2));
    assert_eq!(store.get("x").unwrap().unwrap(), "1");
    let statuses: Vec<u16> = server.server.log().iter().map(|l| l.status).collect();
    assert_eq!(statuses, [503, 503, 200, 500, 500, 200]);
    server.objects.rule(Rule::new(Fault::Status(503)));
    for error in [store.put("x", Bytes::new()).unwrap_err(), store.get("x").unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Temporary, "{error}");
    }
}

#[test]
fn a_server_without_etags_keeps_indexes_and_one_that_breaks_off_is_said_to() {
    // Like many a small server: no ETag for what was written, no ranges.
    let server = Server::start(|request: &Request| {
        let get = request.method == "GET";
        let response = Response::new(200).with_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT");
        if !get {
            return response;
        }
        let response = response.with_header("ETag", "\"a\"").with_body("text/plain", vec![b'x'; 1000]);
        response.cut_after(3, End::Close)
    });
    let file = key_file(&Account::new("owner"));
    let access = StoreAccess { region: None, endpoint_url: Some(server.url()) };
    let chain = StoreChain::new(&access, Some(file.path())).unwrap().with_retries(HASTY);
    let store = chain.index_store("s3://own-bucket/idx").unwrap();
    store.put("x", Bytes::from_static(b"1")).unwrap();
    assert_eq!(server.take_log().len(), 1);
    let error = store.get("x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary, "{error}");
    assert!(error.message().contains("the connection was lost within an answer"), "{error}");
}
