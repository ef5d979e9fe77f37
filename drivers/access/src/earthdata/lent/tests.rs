use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::super::refreshed::Now;
use super::*;
use crate::earthdata::{Archive, Earthdata, Environment, Hosts};
use crate::https::Retries;
use crate::s3::archive::Archives;

const KEYS: &str = r#"{"archive":"nsidc","accessKeyId":"ASIA1","secretAccessKey":"TOP-SECRET","sessionToken":"TOP-TOKEN","expiration":"2026-01-27T00:50:09Z"}"#;

fn written(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, text).unwrap();
    path
}

/// A clock that is set by hand, in seconds since 1970.
fn clock(seconds: u64) -> (Arc<AtomicU64>, Clock) {
    let shared = Arc::new(AtomicU64::new(seconds));
    let (start, clock) = (Instant::now(), Arc::clone(&shared));
    let now = move || {
        let passed = Duration::from_secs(clock.load(Ordering::SeqCst));
        Now { date: SystemTime::UNIX_EPOCH + passed, steady: start + passed }
    };
    (shared, Arc::new(now))
}

/// 2026-01-27T00:50:09Z.
const END: u64 = 1_769_475_009;

#[test]
fn keys_are_read_again_before_their_end_and_when_they_were_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, KEYS);
    let (seconds, clock) = clock(END - 3600);
    let object = CredentialsObject::at("here".into(), Place::File(path.clone()), clock);
    let id = || block_on(object.get()).map(|lent| lent.keys.as_ref().unwrap().key_id.clone());
    assert_eq!(id().unwrap(), "ASIA1");
    // The next keys are there already; the first ones are good still.
    std::fs::write(&path, KEYS.replace("ASIA1", "ASIA2").replace("2026-01-27T00", "2026-01-27T01")).unwrap();
    assert_eq!(id().unwrap(), "ASIA1");
    seconds.store(END - 300, Ordering::SeqCst);
    assert_eq!(id().unwrap(), "ASIA2");
    std::fs::write(&path, KEYS.replace("ASIA1", "ASIA3").replace("2026-01-27T00", "2026-01-27T02")).unwrap();
    assert!(object.refused(|lent| lent.keys.as_ref().unwrap().key_id == "ASIA2"));
    assert_eq!(id().unwrap(), "ASIA3");
    // New keys that are refused at once are no reason to read again and again.
    assert!(!object.refused(|lent| lent.keys.as_ref().unwrap().key_id == "ASIA3"));
    assert!(object.ends().unwrap().is_some());
}

#[test]
fn keys_that_end_too_soon_for_somebody_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, KEYS);
    let (seconds, clock) = clock(END - 3600);
    let object = CredentialsObject::at("here".into(), Place::File(path.clone()), clock);
    let moment = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(object.ends().unwrap(), Some(moment(END)));
    // Renewed meanwhile: who needs less does not ask again.
    std::fs::write(&path, KEYS.replace("2026-01-27T00", "2026-01-27T01")).unwrap();
    assert_eq!(object.ends_reading_again_before(moment(END)).unwrap(), Some(moment(END)));
    assert_eq!(object.ends_reading_again_before(moment(END + 1)).unwrap(), Some(moment(END + 3600)));
    // Once in two seconds, whatever is asked for.
    std::fs::write(&path, KEYS.replace("2026-01-27T00", "2026-01-27T02")).unwrap();
    assert_eq!(object.ends_reading_again_before(moment(END + 3601)).unwrap(), Some(moment(END + 3600)));
    seconds.fetch_add(2, Ordering::SeqCst);
    assert_eq!(object.ends_reading_again_before(moment(END + 3601)).unwrap(), Some(moment(END + 7200)));
    std::fs::remove_file(&path).unwrap();
    seconds.fetch_add(2, Ordering::SeqCst);
    let error = object.ends_reading_again_before(moment(END + 9000)).unwrap_err();
    assert!(error.to_string().contains("has been taken away"), "{error}");
}

#[test]
fn keys_that_nobody_renewed_are_a_temporary_fault_and_a_removed_object_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, KEYS);
    let (seconds, clock) = clock(END + 60);
    let object = CredentialsObject::at("here".into(), Place::File(path.clone()), clock);
    let error = block_on(object.get()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
    assert_eq!(
        error.to_string(),
        "credentials object here: what it holds ended 60 s ago and was not renewed; the program that started this run renews it"
    );
    std::fs::write(&path, KEYS.replace("T00", "T03")).unwrap();
    seconds.fetch_add(10, Ordering::SeqCst);
    assert!(block_on(object.get()).is_ok());
    let gone = CredentialsObject::of_file(folder.path().join("gone.json"));
    let error = gone.ends().unwrap_err();
    assert!(error.to_string().contains("has been taken away"), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn faults_and_debugging_show_no_secret() {
    for (text, want) in [
        ("TOP-SECRET", "not JSON (line 1, column 1)"),
        ("[\"TOP-SECRET\"]", "not a JSON object"),
        ("{}", "neither accessKeyId nor token is in it"),
        (r#"{"accessKeyId":"TOP-SECRET"}"#, "secretAccessKey is missing"),
        (r#"{"secretAccessKey":"TOP-SECRET"}"#, "accessKeyId is missing"),
        (r#"{"token":"TOP-SECRET\r\nx: y"}"#, "token holds a space"),
        (r#"{"token":["TOP-SECRET"]}"#, "token is not text"),
        (r#"{"token":"TOP-SECRET","expiration":"soon"}"#, "expiration is no date"),
    ] {
        let error = Lent::parse(text.as_bytes()).unwrap_err();
        assert!(error.starts_with(want) && !error.contains("TOP-SECRET"), "{error}");
    }
    let lent = Lent::parse(KEYS.as_bytes()).unwrap();
    let object = CredentialsObject::of_file("x");
    let shown = format!("{lent:?} {object:?} {:?}", Loan::of_token(&Secret::new("TOP-SECRET")));
    assert!(!shown.contains("TOP-"), "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let long = CredentialsObject::of_file(written(&folder, &" ".repeat(LONGEST as usize + 1)));
    assert!(long.ends().unwrap_err().to_string().ends_with("is not a file of at most 65536 bytes"));
}

#[test]
fn what_is_lent_is_what_was_had() {
    let keys = object_store::aws::AwsCredential {
        key_id: "ASIA1".into(),
        secret_key: "TOP-SECRET".into(),
        token: Some("TOP-TOKEN".into()),
    };
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(END);
    let loan = Loan::of_keys("nsidc", &keys, ends);
    assert_eq!(loan.document.expose(), KEYS);
    let lent = Lent::parse(loan.document.expose().as_bytes()).unwrap();
    assert_eq!((lent.ends, lent.archive.as_deref()), (Some(ends), Some("nsidc")));
    let loan = Loan::of_token(&Secret::new("TOP-SECRET"));
    let lent = Lent::parse(loan.document.expose().as_bytes()).unwrap();
    assert_eq!((lent.token.unwrap().expose(), lent.keys.is_some()), ("TOP-SECRET", false));
}

#[test]
fn keys_of_one_archive_never_go_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let object = CredentialsObject::of_file(written(&folder, &KEYS.replace("2026", "2126")));
    let earthdata = Earthdata::lent(object, Hosts::nasa(), Retries::default()).unwrap();
    let key = |bucket: &str| {
        let archive = earthdata.of_bucket(bucket).unwrap();
        block_on(async {
            archive.keys.get_credential().await.map_err(|error| Error::input(error.to_string()))
        })
    };
    assert_eq!(key("nsidc-cumulus-prod-protected").unwrap().key_id, "ASIA1");
    let error = key("lp-prod-protected").unwrap_err().to_string();
    assert!(error.contains("is for the archive nsidc, but a granule is of lpdaac"), "{error}");
}

#[test]
fn a_token_in_the_object_is_the_login() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, r#"{"token":"t0ken"}"#);
    let object = CredentialsObject::of_file(&path);
    assert_eq!(block_on(object.token()).unwrap().expose(), "t0ken");
    let earthdata = Earthdata::lent(object, Hosts::nasa(), Retries::default()).unwrap();
    assert_eq!(block_on(earthdata.loan(None)).unwrap().document.expose(), r#"{"token":"t0ken"}"#);
    std::fs::write(&path, KEYS.replace("2026", "2126")).unwrap();
    let error = block_on(CredentialsObject::of_file(&path).token()).unwrap_err().to_string();
    assert!(error.contains("holds no token, which these granules need; run with --driver s3"), "{error}");
}

#[test]
fn what_granules_need_is_told_by_where_they_are() {
    use crate::Access;
    let environment = Environment::from_variables(|name| (name == "EARTHDATA_TOKEN").then(|| "t0ken".into()));
    let hosts = Hosts::stand_in(
        "http://127.0.0.1:1",
        vec![
            Archive::new("a", "A", "http://127.0.0.1:2/s3credentials", &["a-*"]),
            Archive::new("b", "B", "http://127.0.0.1:3/s3credentials", &["b-*"]),
        ],
    )
    .unwrap();
    let access = Access::default().with_earthdata(Earthdata::new(environment, hosts).unwrap());
    let lend = |hrefs: &[&str]| access.lend(hrefs.iter().copied());
    assert!(lend(&[]).unwrap().is_none());
    assert!(lend(&["/data/a.h5", "s3://own/a.h5", "https://example.org/a.h5"]).unwrap().is_none());
    let loan = lend(&["http://127.0.0.1:2/x.h5"]).unwrap().unwrap();
    assert_eq!(loan.document.expose(), r#"{"token":"t0ken"}"#);
    let error = lend(&["s3://a-1/x", "s3://b-1/x"]).unwrap_err().to_string();
    assert!(error.starts_with("the granules need S3 keys of a and S3 keys of b, and workers"), "{error}");
}
