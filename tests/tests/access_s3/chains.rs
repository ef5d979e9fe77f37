//! Two chains of credentials that never meet: whose keys arrive at which bucket, with `AWS_*` set in the environment.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zagg_access::{Access, Archive, Earthdata, Environment, Hosts, StoreChain};
use zagg_core::ErrorKind;
use zagg_core::config::{SourceAccess, SourceCredentials, StoreAccess};
use zagg_core::source::OpenObject;
use zagg_tests::earthdata_server::{EarthdataServer, SECRET_START};
use zagg_tests::http_server::{Request, Response, Server};
use zagg_tests::s3_server::{Account, Bucket, S3Server};

use super::{HASTY, content, options};

const NASA_BUCKET: &str = "nsidc-cumulus-prod-protected";
const RUN_BY: &str = "run by another test, in a process of its own";

/// Runs an ignored test in a process with exactly these AWS variables.
fn run_inside(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") || name.to_string_lossy().starts_with("EARTHDATA_") {
            command.env_remove(name);
        }
    }
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("ZAGG_TEST_INSIDE", "yes");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    for secret in ["secret of user", SECRET_START] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// The user's account, as the environment has it.
fn user() -> Account {
    Account::new("user").session("token-of-user")
}

const USER: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAUSER"),
    ("AWS_SECRET_ACCESS_KEY", "secret of user"),
    ("AWS_SESSION_TOKEN", "token-of-user"),
];

/// An archive with its login, and a server of its bucket and of one of the user's.
struct World {
    earthdata: EarthdataServer,
    s3: S3Server,
}

impl World {
    fn start() -> Self {
        let (earthdata, s3) = (EarthdataServer::start(), S3Server::start());
        // The keys that the archive will give.
        let sessions: Vec<Account> = (0..20)
            .map(|number| Account {
                key_id: format!("ASIA{number}"),
                secret: format!("{SECRET_START}-key/{number}"),
                token: Some(format!("{SECRET_START}-session/{number}==")),
            })
            .collect();
        let bucket = Bucket { region: "us-west-2".into(), ..Bucket::default() };
        s3.bucket_in(NASA_BUCKET, bucket, &sessions.iter().collect::<Vec<_>>());
        s3.bucket("own-bucket", &[&user()]);
        for bucket in [NASA_BUCKET, "own-bucket"] {
            s3.objects.put(&format!("/{bucket}/k"), content(1 << 20));
        }
        Self { earthdata, s3 }
    }

    fn access(&self, credentials: SourceCredentials) -> Access {
        let archive = Archive::new("nsidc", "NSIDC", &self.earthdata.s3_credentials(), &["nsidc-cumulus-*"]);
        let hosts = Hosts::stand_in(&self.earthdata.login.url(), vec![archive]).unwrap();
        let token = self.earthdata.token();
        let variable = |name: &str| (name == "EARTHDATA_TOKEN").then(|| token.clone().into());
        let earthdata = Earthdata::with_retries(Environment::from_variables(variable), hosts, HASTY).unwrap();
        Access::new(&options(&self.s3, credentials)).unwrap().with_retries(HASTY).with_earthdata(earthdata)
    }

    fn store(&self) -> StoreChain {
        let access = StoreAccess { region: None, endpoint_url: Some(self.s3.server.url()) };
        StoreChain::new(&access, None).unwrap().with_retries(HASTY)
    }
}

fn nsidc() -> SourceCredentials {
    SourceCredentials::Archive("NSIDC".into())
}

fn read(access: &Access, href: &str) -> zagg_core::Result<()> {
    let reader = access.open(href)?;
    assert_eq!(reader.read_ranges(&[900_000..900_010])?[0], &content(900_010)[900_000..]);
    Ok(())
}

#[test]
fn nothing_of_the_environment_reaches_an_archive_and_nothing_of_an_archive_the_output() {
    // Whoever took the endpoint from the environment would come here.
    let trap = Server::start(|_: &Request| Response::new(500));
    let url = trap.url();
    let mut variables = USER.to_vec();
    variables.extend([
        ("AWS_REGION", "ap-south-1"),
        ("AWS_DEFAULT_REGION", "ap-south-1"),
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_ENDPOINT_URL_S3", &url),
        ("AWS_ENDPOINT", &url),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"),
    ]);
    run_inside("access_s3::chains::inside_both_chains", &variables);
    assert_eq!(trap.connections(), 0);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn inside_both_chains() {
    assert!(std::env::var_os("ZAGG_TEST_INSIDE").is_some(), "{RUN_BY}");
    let world = World::start();
    let (archived, own) = (format!("s3://{NASA_BUCKET}/k"), "s3://own-bucket/k");
    read(&world.access(SourceCredentials::ByBucket), own).unwrap();
    read(&world.access(nsidc()), &archived).unwrap();
    read(&world.access(SourceCredentials::Ambient), own).unwrap();
    let store = world.store().index_store("s3://own-bucket/idx").unwrap();
    store.put("x", Bytes::from_static(b"1")).unwrap();
    assert_eq!(store.get("x").unwrap().unwrap(), "1");

    assert!(world.s3.keys_seen(NASA_BUCKET).iter().all(|key| key.starts_with("ASIA")), "NASA's bucket");
    assert_eq!(world.s3.keys_seen("own-bucket"), ["AKIAUSER"]);
    let tokens = |start: &str| {
        let log = world.s3.server.log();
        let of_bucket = log.iter().filter(|l| l.request.path.starts_with(start));
        of_bucket.map(|l| l.request.header("x-amz-security-token").unwrap().to_string()).collect::<Vec<_>>()
    };
    assert!(tokens(&format!("/{NASA_BUCKET}/")).iter().all(|token| token.starts_with(SECRET_START)));
    assert!(tokens("/own-bucket/").iter().all(|token| token == "token-of-user"));
    for server in [&world.earthdata.login, &world.earthdata.data] {
        assert!(
            !format!("{:?}", server.log()).contains("AKIAUSER"),
            "the login or the archive saw a key of AWS"
        );
    }

    // At Amazon's, the user's keys are refused for an archive before anything is sent, however its bucket is written.
    for endpoint_url in [None, Some("https://s3.us-west-2.amazonaws.com".to_string())] {
        for (credentials, want) in [
            (SourceCredentials::Ambient, "leave out data_source.access.credentials: ambient"),
            (SourceCredentials::ByBucket, "small letters"),
        ] {
            let path_style = endpoint_url.is_some();
            let endpoint_url = endpoint_url.clone();
            let options = SourceAccess { endpoint_url, path_style, region: None, credentials };
            let access = Access::new(&options).unwrap();
            let upper = format!("s3://{}/k", NASA_BUCKET.to_uppercase());
            let href = if want == "small letters" { &upper } else { &archived };
            for error in [access.check(href).unwrap_err(), access.open(href).unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Input);
                assert!(error.message().contains(want), "{error}");
            }
        }
    }
    // Nor do an archive's keys go to whoever calls a bucket by its name, or over a line that is not private.
    world.s3.server.take_log();
    let asked = world.earthdata.asked();
    let error = read(&world.access(SourceCredentials::ByBucket), &archived).unwrap_err();
    assert!(error.message().contains("access denied with the AWS credentials of the environment"), "{error}");
    assert_eq!((world.s3.keys_seen(NASA_BUCKET), world.earthdata.asked()), (vec!["AKIAUSER".into()], asked));
    let options =
        SourceAccess { endpoint_url: Some("http://minio:9000".into()), ..options(&world.s3, nsidc()) };
    let error = Access::new(&options).unwrap().check(&archived).unwrap_err();
    assert!(error.message().contains("keys of an archive go over https:// only"), "{error}");
}

#[test]
fn sessions_of_an_archive_are_renewed_once_for_all() {
    let world = World::start();
    let access = world.access(nsidc());
    let href = format!("s3://{NASA_BUCKET}/k");
    let reader = access.open(&href).unwrap();
    assert_eq!(world.earthdata.asked().1, 1);
    for key in world.s3.keys_seen(NASA_BUCKET) {
        world.s3.expire(&key);
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| reader.read_ranges(&[900_000..900_010]).unwrap());
        }
    });
    assert_eq!(world.earthdata.asked().1, 2, "one more set of keys serves all");

    // A session that ends soon is renewed before it does: the server never has to say so.
    // The archive tells whole seconds, so that they may end up to one earlier than this.
    const LIFE: Duration = Duration::from_secs(6);
    let world = World::start();
    world.earthdata.set(|behaviour| behaviour.s3_life = LIFE);
    let access = world.access(nsidc());
    let start = Instant::now();
    let mut first_seen: BTreeMap<String, Instant> = BTreeMap::new();
    while start.elapsed() < Duration::from_secs(8) {
        read(&access, &href).unwrap();
        for key in world.s3.keys_seen(NASA_BUCKET) {
            if first_seen.entry(key.clone()).or_insert_with(Instant::now).elapsed() >= LIFE {
                world.s3.expire(&key);
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(first_seen.len() >= 2, "{first_seen:?}");
    assert!(world.s3.server.log().iter().all(|l| l.status == 206));
}

#[test]
fn direct_access_that_an_archive_denies_points_to_https() {
    let world = World::start();
    // Outside us-west-2 the archive's policy denies what the keys would allow.
    let bucket = Bucket { region: "us-west-2".into(), ..Bucket::default() };
    world.s3.bucket_in(NASA_BUCKET, bucket, &[&Account::new("nobody")]);
    let error = read(&world.access(nsidc()), &format!("s3://{NASA_BUCKET}/k")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    for part in ["s3://nsidc-cumulus-prod-protected/k: access denied", "NSIDC", "us-west-2", "--driver https"]
    {
        assert!(error.message().contains(part), "{error}");
    }
    let unknown =
        world.access(SourceCredentials::Archive("nowhere".into())).check("s3://any-bucket/k").unwrap_err();
    assert!(unknown.message().contains("nsidc"), "{unknown}");
}

#[test]
fn an_endpoint_of_the_environment_serves_the_user_s_own_buckets() {
    let s3 = S3Server::start();
    s3.bucket("own-bucket", &[&user()]);
    s3.objects.put("/own-bucket/k", content(1 << 20));
    let url = s3.server.url();
    let mut variables = USER.to_vec();
    variables.push(("AWS_ENDPOINT_URL_S3", &url));
    run_inside("access_s3::chains::inside_own_endpoint", &variables);
    assert_eq!(s3.keys_seen("own-bucket"), ["AKIAUSER"]);
    assert_eq!(s3.server.log().iter().filter(|l| l.request.method == "PUT").count(), 1);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn inside_own_endpoint() {
    assert!(std::env::var_os("ZAGG_TEST_INSIDE").is_some(), "{RUN_BY}");
    read(&Access::new(&SourceAccess::default()).unwrap(), "s3://own-bucket/k").unwrap();
    let store =
        StoreChain::new(&StoreAccess::default(), None).unwrap().index_store("s3://own-bucket/idx").unwrap();
    store.put("x", Bytes::from_static(b"1")).unwrap();
}

#[test]
fn without_keys_the_ways_to_give_them_are_named() {
    run_inside("access_s3::chains::inside_without_keys", &[("AWS_EC2_METADATA_DISABLED", "true")]);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn inside_without_keys() {
    assert!(std::env::var_os("ZAGG_TEST_INSIDE").is_some(), "{RUN_BY}");
    let world = World::start();
    let error = read(&world.access(SourceCredentials::ByBucket), "s3://own-bucket/k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(
        error.message().starts_with("s3://own-bucket/k: no AWS credentials: set AWS_ACCESS_KEY_ID"),
        "{error}"
    );
    assert!(error.message().ends_with("credentials: anonymous"), "{error}");
    assert!(world.s3.server.log().is_empty());
}
