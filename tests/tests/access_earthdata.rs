//! Earthdata from a stand-in of its login server, an archive and the host of its signed URLs.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use zagg_access::{Access, Archive, Earthdata, Environment, Hosts, Https, Retries};
use zagg_core::config::{SourceAccess, SourceCredentials};
use zagg_core::range_reader::RangeReader;
use zagg_core::source::{ObjectIdentity, OpenObject};
use zagg_core::{Error, ErrorKind};
use zagg_tests::earthdata_server::{EarthdataServer, PASSWORD, SECRET_START, TOKEN_START, USERNAME};
use zagg_tests::http_server::{Fault, Logged, ObjectServer, Response, Rule};

const BUCKET: &str = "nsidc-cumulus-prod-protected";
const PATH: &str = "/nsidc-cumulus-prod-protected/ATLAS/a.h5";
const SIZE: usize = 2 << 20;
const FAR: [Range<u64>; 2] = [1_000_000..1_000_100, 2_000_000..2_000_050];

fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn server() -> EarthdataServer {
    let server = EarthdataServer::start();
    server.objects.put(PATH, content());
    server
}

fn hosts(server: &EarthdataServer) -> Hosts {
    let archive = Archive::new("nsidc", "NSIDC", &server.s3_credentials(), &["nsidc-cumulus-*"]);
    Hosts::stand_in(&server.login.url(), vec![archive]).unwrap()
}

fn earthdata(server: &EarthdataServer, variables: &[(&str, &str)]) -> Earthdata {
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| (name.to_string(), OsString::from(value))).collect();
    let environment = Environment::from_variables(|name| variables.get(name).cloned());
    let (first_pause, longest_pause) = (Duration::from_millis(5), Duration::from_millis(100));
    let retries = Retries { attempts: 4, first_pause, longest_pause, total: Duration::from_secs(10) };
    Earthdata::with_retries(environment, hosts(server), retries).unwrap()
}

const BY_PASSWORD: [(&str, &str); 2] = [("EARTHDATA_USERNAME", USERNAME), ("EARTHDATA_PASSWORD", PASSWORD)];

/// Everything that an error could show.
fn shown(error: &Error) -> String {
    format!("{error} {error:?} {error:#?}")
}

fn assert_no_secret(text: &str) {
    for secret in [PASSWORD, "p4ss", TOKEN_START, SECRET_START] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn header<'a>(logged: &'a Logged, name: &str) -> Option<&'a str> {
    logged.request.header(name)
}

fn assert_right(reader: &dyn RangeReader) {
    let all = content();
    for (range, bytes) in FAR.iter().zip(reader.read_ranges(&FAR).unwrap()) {
        assert_eq!(bytes, &all[range.start as usize..range.end as usize]);
    }
}

#[test]
fn sixteen_threads_take_one_token_and_one_redirect_per_granule() {
    let server = server();
    let https = Https::new(earthdata(&server, &BY_PASSWORD));
    let first = https.open(&server.href(PATH)).unwrap();
    let identity = ObjectIdentity::of(&*first);
    let redirected = || server.data.log().len();
    assert_eq!((server.asked().0, redirected()), (1, 1));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                assert_right(&*https.open(&server.href(PATH)).unwrap());
                assert_right(&*https.open_known(&server.href(PATH), &identity).unwrap());
            });
        }
    });
    assert_eq!((server.asked().0, redirected()), (1, 1));
    assert!(server.signed.log().len() >= 16 * 3, "{} requests", server.signed.log().len());

    // From nothing, all at once: one token, and the signed URL is found by one of them.
    let server = self::server();
    let https = Https::new(earthdata(&server, &BY_PASSWORD));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_right(&*https.open_known(&server.href(PATH), &identity).unwrap()));
        }
    });
    assert_eq!((server.asked().0, server.data.log().len()), (1, 1));
    assert!(server.data.log()[0].request.header("range").is_some());
}

#[test]
fn the_token_goes_to_the_data_host_and_nowhere_else() {
    let server = server();
    let https = Https::new(earthdata(&server, &BY_PASSWORD));
    server.objects.put("/nsidc-cumulus-prod-protected/b.h5", content());
    for path in [PATH, "/nsidc-cumulus-prod-protected/b.h5"] {
        let reader = https.open(&server.href(path)).unwrap();
        assert_eq!(reader.location(), server.href(path));
        assert_right(&*reader);
        assert_no_secret(&format!("{reader:?} {https:?}"));
    }
    let data = server.data.log();
    assert_eq!(data.len(), 2);
    for logged in &data {
        assert!(header(logged, "authorization").unwrap().starts_with("Bearer eyToken"));
    }
    assert_eq!(header(&data[0], "cookie"), None);
    assert_eq!(
        header(&data[1], "cookie"),
        Some("asf-urs=hush-hush-session-0"),
        "the host's cookie goes back to it"
    );
    let signed = server.signed.log();
    assert!(signed.len() >= 4);
    for logged in &signed {
        for name in ["authorization", "cookie", "referer"] {
            assert_eq!(header(logged, name), None, "{name}");
        }
        assert!(logged.status < 300);
    }
    // The login server saw the password once and never a token.
    let login = server.login.log();
    assert_eq!(login.len(), 1);
    assert_eq!(login[0].request.method, "POST");
    assert!(header(&login[0], "authorization").unwrap().starts_with("Basic "));
    assert!(login[0].request.query.is_empty() && login[0].request.body.is_empty());
}

#[test]
fn a_token_of_the_environment_and_a_netrc_file_serve_too() {
    let server = server();
    let token = server.token();
    let https =
        Https::new(earthdata(&server, &[&[("EARTHDATA_TOKEN", token.as_str())], &BY_PASSWORD[..]].concat()));
    assert_right(&*https.open(&server.href(PATH)).unwrap());
    assert_eq!(server.asked().0, 0, "the token is used as it is");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netrc");
    let quoted = PASSWORD.replace('"', "\\\"");
    std::fs::write(&file, format!("machine 127.0.0.1\n login {USERNAME}\n password \"{quoted}\"\n")).unwrap();
    let https = Https::new(earthdata(&server, &[("NETRC", file.to_str().unwrap())]));
    assert_right(&*https.open(&server.href(PATH)).unwrap());
    assert_eq!(server.asked().0, 1);
}

#[test]
fn hosts_that_do_not_ask_get_no_token() {
    let server = server();
    server.objects.put("/public/a.h5", content());
    let (elsewhere, url) = ObjectServer::with("/a.h5", content());
    // Without any login: what is public is read, and what is not names the ways to log in.
    let https = Https::new(earthdata(&server, &[]));
    assert_right(&*https.open(&url).unwrap());
    assert_right(&*https.open(&server.href("/public/a.h5")).unwrap());
    for logged in elsewhere.server.log().iter().chain(&server.data.log()) {
        assert_eq!(header(logged, "authorization"), None);
    }
    let error = https.open(&server.href(PATH)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    for part in ["EARTHDATA_TOKEN", "EARTHDATA_PASSWORD", "machine 127.0.0.1 login NAME", "/users/new"] {
        assert!(error.message().contains(part), "{part}: {error}");
    }
    // A stranger who redirects to the login server or to the archive gets nothing out of it.
    let https = Https::new(earthdata(&server, &BY_PASSWORD));
    let redirect = |target: String| move |_: &_| Response::redirect(302, &target);
    for target in [server.login.url() + "/oauth/authorize", server.href(PATH)] {
        let stranger = zagg_tests::http_server::Server::start(redirect(target));
        let error = https.open(&format!("{}/a.h5", stranger.url())).unwrap_err();
        assert!(error.message().contains("leads to the Earthdata login"), "{error}");
        assert_no_secret(&shown(&error));
    }
    assert_eq!(server.asked().0, 0);
    for logged in server.data.log() {
        assert_eq!(header(&logged, "authorization"), None);
    }
}

#[test]
fn a_host_of_no_known_archive_gets_the_token_once_it_asked() {
    let server = server();
    let hosts =
        Hosts::stand_in(&server.login.url(), vec![]).unwrap().with_data_host(&server.data.url()).unwrap();
    let token = server.token();
    let environment =
        Environment::from_variables(|name| (name == "EARTHDATA_TOKEN").then(|| token.clone().into()));
    let https = Https::new(Earthdata::new(environment, hosts).unwrap());
    server.objects.put("/nsidc-cumulus-prod-protected/b.h5", content());
    for path in [PATH, "/nsidc-cumulus-prod-protected/b.h5"] {
        assert_right(&*https.open(&server.href(path)).unwrap());
    }
    let with_token = |logged: &Logged| header(logged, "authorization").is_some();
    assert_eq!(server.data.log().iter().map(with_token).collect::<Vec<_>>(), [false, true, true]);
    assert!(server.login.log().is_empty(), "its page is not even looked at");
}

#[test]
fn a_signature_that_expired_is_had_again_once() {
    let server = server();
    let https = Https::new(earthdata(&server, &BY_PASSWORD));
    let reader = https.open(&server.href(PATH)).unwrap();
    server.expire_signatures();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_right(&*reader));
        }
    });
    assert_eq!(server.data.log().len(), 2, "one more redirect for all");
    assert_eq!(server.asked().0, 1);
    // However an address says that it is over: nothing there, away to elsewhere, or broken for long.
    let found = |rule: Rule| {
        server.objects.rule(rule.path(PATH));
        let before = server.data.log().len();
        assert_right(&*reader);
        server.objects.clear_rules();
        server.data.log().len() - before
    };
    for status in [400, 401, 404, 410, 302] {
        let most = found(Rule::new(Fault::Status(status)).times(1));
        assert_eq!(most, 1, "{status}");
    }
    assert!(found(Rule::new(Fault::Torn).times(3)) >= 1, "a second failure");
    // A signed host that refuses for good is told as such, without the signature.
    server.objects.rule(Rule::new(Fault::Status(403)));
    let error = reader.read_ranges(&FAR).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.message().contains("access denied at http://127.0.0.1:"), "{error}");
    assert!(!error.message().contains('?'), "{error}");
    assert_no_secret(&shown(&error));
}

#[test]
fn a_refused_password_is_tried_once_however_many_ask() {
    let server = server();
    let https = Https::new(earthdata(
        &server,
        &[("EARTHDATA_USERNAME", USERNAME), ("EARTHDATA_PASSWORD", "p4ss wrong")],
    ));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let error = https.open(&server.href(PATH)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Input);
                assert!(
                    error.message().contains(
                        "refused the user name or password of EARTHDATA_USERNAME and EARTHDATA_PASSWORD (it says: Invalid"
                    ),
                    "{error}"
                );
                assert_no_secret(&shown(&error));
            });
        }
    });
    assert_eq!(server.asked().0, 1);
}

#[test]
fn what_the_login_server_says_is_told_without_secrets() {
    for (status, body, kind, says) in [
        (403, r#"{"error_description":"account ann p4ss: \"wörd\" locked"}"#, ErrorKind::Input, "locked"),
        (400, "<html>", ErrorKind::Io, "status 400"),
        (200, r#"{"access_token":""}"#, ErrorKind::Corrupt, "holds no access_token"),
        (200, "eyToken7", ErrorKind::Corrupt, "holds no access_token"),
        (302, "", ErrorKind::Io, "status 302"),
    ] {
        let server = server();
        server.set(|behaviour| behaviour.login_refusal = Some((status, body.to_string())));
        let https = Https::new(earthdata(&server, &BY_PASSWORD));
        let error = https.open(&server.href(PATH)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(says), "{error}");
        assert_no_secret(&shown(&error));
    }
    let server = server();
    server.set(|behaviour| behaviour.busy = 2);
    assert_right(&*Https::new(earthdata(&server, &BY_PASSWORD)).open(&server.href(PATH)).unwrap());
    server.set(|behaviour| behaviour.busy = 99);
    let error = Https::new(earthdata(&server, &BY_PASSWORD)).open(&server.href(PATH)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary, "{error}");
}

#[test]
fn refused_tokens_and_terms_say_where_to_go() {
    let server = server();
    let https = |variables: &[(&str, &str)]| Https::new(earthdata(&server, variables));
    let fails = |https: &Https| {
        let error = https.open(&server.href(PATH)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert_no_secret(&shown(&error));
        error.to_string()
    };
    let text = fails(&https(&[("EARTHDATA_TOKEN", "eyToken-of-last-year")]));
    assert!(text.contains("NSIDC refused the token in EARTHDATA_TOKEN"), "{text}");
    assert!(text.contains("/profile under \"Generate Token\""), "{text}");
    let text = fails(&https(&[("EARTHDATA_TOKEN", "eyToken with spaces")]));
    assert!(text.contains("characters that no token has"), "{text}");

    // A token that was revoked meanwhile is had again; one that is refused all the same is not asked for forever.
    let user = https(&BY_PASSWORD);
    assert_right(&*user.open(&server.href(PATH)).unwrap());
    server.revoke_tokens();
    server.expire_signatures();
    assert_right(&*user.open(&server.href(PATH)).unwrap());
    assert_eq!(server.asked().0, 2);
    server.set(|behaviour| behaviour.takes_tokens = false);
    let text = fails(&https(&BY_PASSWORD));
    assert!(text.contains("NSIDC refused the Earthdata token of this login"), "{text}");
    assert_eq!(server.asked().0, 4);
    // Nor for every granule.
    let user = https(&BY_PASSWORD);
    for _ in 0..30 {
        fails(&user);
    }
    assert_eq!(server.asked().0, 6);

    server.set(|behaviour| {
        behaviour.takes_tokens = true;
        behaviour.terms_accepted = false;
    });
    let text = fails(&https(&BY_PASSWORD));
    let page = format!("accept them at {}/approve_app?client_id=Lq", server.login.url());
    assert!(text.contains("NSIDC wants its terms (EULA) accepted") && text.contains(&page), "{text}");
}

/// The archive's bucket on a server of plain HTTP, which answers a GET as S3 does.
fn bucket(server: &EarthdataServer, variables: &[(&str, &str)]) -> (ObjectServer, Access, String) {
    let (bucket, _) = ObjectServer::with(PATH, content());
    let options = SourceAccess {
        endpoint_url: Some(bucket.server.url()),
        path_style: true,
        region: None,
        // At an endpoint of one's own the name of a bucket says nothing.
        credentials: SourceCredentials::Archive("nsidc".into()),
    };
    let access = Access::new(&options).unwrap().with_earthdata(earthdata(server, variables));
    (bucket, access, format!("s3://{}", PATH.trim_start_matches('/')))
}

#[test]
fn sixteen_threads_take_one_set_of_s3_credentials() {
    let server = server();
    let (bucket, access, href) = bucket(&server, &BY_PASSWORD);
    assert!(href.starts_with(&format!("s3://{BUCKET}/")));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_right(&*access.open(&href).unwrap()));
        }
    });
    assert_eq!(server.asked(), (1, 1));
    let requests = bucket.server.log();
    assert!(requests.len() >= 32);
    for logged in &requests {
        assert!(header(logged, "authorization").unwrap().contains("Credential=ASIA"));
        assert!(header(logged, "x-amz-security-token").unwrap().starts_with(SECRET_START));
        assert_eq!(header(logged, "cookie"), None);
    }
    assert_no_secret(&format!("{access:?}"));
}

#[test]
fn what_is_lent_again_before_its_end_is_not_the_same() {
    let server = server();
    let (_bucket, access, href) = bucket(&server, &BY_PASSWORD);
    let lend = || access.lend([href.as_str()]).unwrap().unwrap();
    let first = lend();
    assert_eq!(first.document, lend().document, "good for an hour");
    assert_eq!(server.asked().1, 1);
    // Keys that end within twenty minutes are good for reading, and others are asked for before they are lent.
    server.set(|behaviour| behaviour.s3_life = Duration::from_secs(1_100));
    let access = access.with_earthdata(earthdata(&server, &BY_PASSWORD));
    let lend = || access.lend([href.as_str()]).unwrap().unwrap();
    let short = lend();
    access.open(&href).unwrap();
    assert_eq!(server.asked().1, 2);
    let next = lend();
    assert_eq!(server.asked().1, 3);
    assert!(short.document != next.document && next.document != first.document);
    assert_no_secret(&format!("{first:?} {next:?}"));
}

#[test]
fn s3_credentials_are_had_again_after_they_were_refused() {
    let server = server();
    server.set(|behaviour| behaviour.s3_life = Duration::from_secs(60));
    let (bucket, access, href) = bucket(&server, &BY_PASSWORD);
    let reader = access.open(&href).unwrap();
    assert_right(&*reader);
    assert_eq!(server.asked(), (1, 1));

    // How they are had again before they end, on a clock of its own, is tested beside `Refreshed`; here that a server which
    // has had enough of them before their time gets others.
    let key = |bucket: &ObjectServer| {
        let log = bucket.server.log();
        let signed = header(log.last().unwrap(), "authorization").unwrap();
        signed.split(['=', '/']).nth(1).unwrap().to_string()
    };
    let first = key(&bucket);
    assert!(first.starts_with("ASIA"));
    let expired = "<Error><Code>ExpiredToken</Code><Message>hush-hush</Message></Error>";
    let expired = Fault::Answer(400, "application/xml".into(), expired.into());
    bucket.objects.rule(Rule::new(expired.clone()).times(1));
    assert_right(&*reader);
    assert_eq!(server.asked().1, 2);
    assert_ne!(key(&bucket), first);

    // A bucket that takes none of them does not have the archive asked again and again.
    bucket.objects.rule(Rule::new(expired));
    for _ in 0..30 {
        let error = reader.read_ranges(&FAR).unwrap_err();
        assert!(error.message().contains("(ExpiredToken)"), "{error}");
        assert_no_secret(&shown(&error));
    }
    assert_eq!(server.asked(), (1, 2));
}

#[test]
fn an_archive_that_gives_no_credentials_is_told_as_what_it_is() {
    let html = Response::new(200).with_body("text/html", "<!DOCTYPE html><title>hush-hush</title>");
    let json = |body: &str| Response::new(200).with_body("application/json", body);
    for (answer, kind, says) in [
        (html, ErrorKind::Input, "accept its terms (EULA)"),
        (
            json(r#"{"accessKeyId":"","secretAccessKey":"","sessionToken":""}"#),
            ErrorKind::Input,
            "accept its terms",
        ),
        (json("{}"), ErrorKind::Input, "accept its terms"),
        (json("[1]"), ErrorKind::Corrupt, "no JSON object of credentials"),
        (Response::new(404), ErrorKind::Io, "status 404"),
        (Response::new(403), ErrorKind::Input, "NSIDC refuses this Earthdata account with status 403"),
    ] {
        let server = server();
        server.set(|behaviour| behaviour.s3_answer = Some(answer));
        let (_bucket, access, href) = bucket(&server, &BY_PASSWORD);
        let error = access.open(&href).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.message().contains("S3 credentials of NSIDC") && error.message().contains(says),
            "{error}"
        );
        assert_no_secret(&shown(&error));
    }
    let server = server();
    server.set(|behaviour| behaviour.terms_accepted = false);
    let (_bucket, access, href) = bucket(&server, &BY_PASSWORD);
    let error = access.open(&href).unwrap_err();
    assert!(error.message().contains("/approve_app?client_id=Lq"), "{error}");
    assert_no_secret(&shown(&error));
}

#[test]
fn access_denied_outside_the_region_advises_https() {
    let server = server();
    let (bucket, access, href) = bucket(&server, &BY_PASSWORD);
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    bucket.objects.rule(Rule::new(Fault::Answer(403, "application/xml".into(), denied.into())));
    let error = access.open(&href).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.message().contains("us-west-2") && error.message().contains("--driver https"), "{error}");
    assert_no_secret(&shown(&error));
    for logged in bucket.server.log() {
        assert!(header(&logged, "authorization").unwrap().contains("Credential=ASIA"));
    }
    let _: Arc<dyn OpenObject> = Arc::new(access);
}
